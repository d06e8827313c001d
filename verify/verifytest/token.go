package verifytest

import (
	"crypto/rand"
	"crypto/x509"
	"maps"
	"strings"
	"time"
)

// draft is a token that is being made.
type draft struct {
	issuer *Issuer
	header map[string]any
	claims map[string]any
	key    *signingKey
	sign   func(input string) []byte // nil: the key's own signature
	rewrap func(token string) string // nil: as it is
}

// Option changes a token.
type Option func(*draft)

// Token mints an access token, which is good for five minutes but for what the options do.
func (i *Issuer) Token(opts ...Option) string {
	now, key := i.now(), i.key()
	d := &draft{
		issuer: i, key: key,
		header: map[string]any{"alg": key.algorithm, "typ": "at+jwt", "kid": key.id},
		claims: map[string]any{
			"iss": i.URL(), "aud": i.audience, "sub": "user-1", "user_id": "user-1", "sid": "session-1", "client_id": "sallyport",
			"token_type": "access", "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		},
	}
	for _, o := range opts {
		o(d)
	}
	return d.token()
}

func (d *draft) token() string {
	input := text(encode(d.header)) + "." + text(encode(d.claims))
	sign := d.sign
	if sign == nil {
		sign = d.key.sign
	}
	token := input + "." + text(sign(input))
	if d.rewrap != nil {
		token = d.rewrap(token)
	}
	return token
}

// Subject sets the user: "sub" and "user_id".
func Subject(id string) Option {
	return func(d *draft) { d.claims["sub"], d.claims["user_id"] = id, id }
}

// Session sets "sid".
func Session(id string) Option { return Claim("sid", id) }

// Scope sets "scope": several are separated by spaces.
func Scope(scope string) Option { return Claim("scope", scope) }

// Groups sets "groups".
func Groups(names ...string) Option { return Claim("groups", names) }

// Claim sets any claim.
func Claim(name string, value any) Option { return func(d *draft) { d.claims[name] = value } }

// Change replaces a claim by what the function makes of it.
func Change(name string, change func(value any) any) Option {
	return func(d *draft) { d.claims[name] = change(d.claims[name]) }
}

// Without removes a claim.
func Without(name string) Option { return func(d *draft) { delete(d.claims, name) } }

// Header sets a member of the header.
func Header(name string, value any) Option { return func(d *draft) { d.header[name] = value } }

// WithoutHeader removes a member of the header.
func WithoutHeader(name string) Option { return func(d *draft) { delete(d.header, name) } }

// Expired makes a token that ended an hour ago.
func Expired() Option {
	return func(d *draft) {
		end := d.issuer.now().Add(-time.Hour)
		d.claims["iat"], d.claims["exp"] = end.Add(-5*time.Minute).Unix(), end.Unix()
	}
}

// Issued sets when a token was issued, by the issuer's clock: this long ago.
func Issued(ago time.Duration) Option {
	return func(d *draft) { d.claims["iat"] = d.issuer.now().Add(-ago).Unix() }
}

// Foreign signs with a key that is published nowhere, under the name of the one that is.
func Foreign() Option { return func(d *draft) { d.key = d.issuer.foreign } }

// Unsigned is alg none (RFC 7518 §3.6), spelled as given.
func Unsigned(spelled string) Option {
	return func(d *draft) {
		d.header["alg"] = spelled
		d.sign = func(string) []byte { return nil }
	}
}

// HMAC signs with the public key as the secret, in HS256, HS384 or HS512: what a verifier accepts that lets the token
// choose the algorithm (RFC 8725 §2.1).
func HMAC(algorithm string) Option {
	return func(d *draft) {
		d.header["alg"] = algorithm
		public, err := x509.MarshalPKIXPublicKey(d.key.private.Public())
		if err != nil {
			panic("verifytest: " + err.Error()) // of a key that was just made
		}
		d.sign = func(input string) []byte { return mac(algorithm, public, input) }
	}
}

// Respelled changes the text of the finished token.
func Respelled(change func(token string) string) Option {
	return func(d *draft) { d.rewrap = change }
}

// flipBit changes one bit of the bytes behind a part: 0 header, 1 claims, 2 signature.
func flipBit(part int) Option {
	return Respelled(func(token string) string {
		parts := strings.Split(token, ".")
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		at := len(parts[part]) / 2
		flipped := alphabet[strings.IndexByte(alphabet, parts[part][at])^1]
		parts[part] = parts[part][:at] + string(flipped) + parts[part][at+1:]
		return strings.Join(parts, ".")
	})
}

// twice writes a claim a second time, with another value.
func twice(name string, value any) Option {
	return func(d *draft) {
		claims := maps.Clone(d.claims)
		d.rewrap = func(string) string {
			body := string(encode(claims))
			body = body[:len(body)-1] + `,"` + name + `":` + string(encode(value)) + "}"
			input := text(encode(d.header)) + "." + text([]byte(body))
			return input + "." + text(d.key.sign(input))
		}
	}
}
