package idptest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Tokens is what one answer of the token endpoint holds.
type Tokens struct {
	IDToken      string // "" when the scope lacks openid, and always at GitHub
	AccessToken  string // a JWT; opaque at Google, Apple and GitHub
	RefreshToken string // opaque
	// ExpiresIn is the life of the access token in seconds.
	ExpiresIn int
	// Scope is what was granted, space-separated. Cognito does not tell it at the endpoint.
	Scope string
	// Nonce is what the client sent to the authorization endpoint: what the nonce claim should be.
	Nonce string
}

// occasion is one issue of tokens: what the personalities make claims from.
type occasion struct {
	issuer, clientID             string
	grant                        *grant
	user                         User // as it is now, where grant.user is as it was at sign-in
	now                          time.Time
	scope, nonce                 string
	idTokenLife, accessTokenLife time.Duration
}

// draft is a token before it is put together: where options leave their marks.
type draft struct {
	typ           string // of the header; "" for none
	audienceClaim string // the claim that names the client
	life          time.Duration
	header        object
	payload       object
	rawHeader     []byte // replaces header unless nil
	rawPayload    []byte // replaces payload unless nil
	algorithm     string
	key           signingKey
	secret        []byte // for HS*; nil means the PEM of the public key
	accessToken   string // that at_hash belongs to
	opaque        string // in place of the whole JWT, unless ""
	afterwards    []func(compact string) string
}

// start gives a draft its key and the header that goes with it.
func (d *draft) start(key signingKey, life time.Duration) {
	d.key, d.algorithm, d.life = key, key.Algorithm, life
	d.header.set("alg", d.algorithm)
	d.header.setText("typ", d.typ)
	d.header.set("kid", key.ID)
}

// sign chooses the algorithm and lets the header and at_hash follow, so that a token whose algorithm is bent is right
// in every other respect.
func (d *draft) sign(algorithm string) {
	d.algorithm = algorithm
	d.header.set("alg", algorithm)
	if d.payload.has("at_hash") {
		d.payload.set("at_hash", atHash(algorithm, d.accessToken))
	}
}

// compact is the token (RFC 7515 §7.1).
func (d *draft) compact() string {
	header, payload := d.rawHeader, d.rawPayload
	if header == nil {
		header = d.header.text()
	}
	if payload == nil {
		payload = d.payload.text()
	}
	secret := d.secret
	if secret == nil {
		secret = d.key.PEM()
	}
	token := d.opaque
	if token == "" {
		token = compactJWS(d.algorithm, d.key.signer, secret, header, payload)
	}
	for _, change := range d.afterwards {
		token = change(token)
	}
	return token
}

func compactJWS(algorithm string, key crypto.Signer, secret, header, payload []byte) string {
	input := base64url(header) + "." + base64url(payload)
	return input + "." + base64url(signatureBits(algorithm, key, secret, []byte(input)))
}

// atHash is the left half of the hash that belongs to the algorithm (Core §3.1.3.6). For EdDSA, whose name has none,
// it is SHA-512 by convention, the hash inside Ed25519.
func atHash(algorithm, accessToken string) string {
	hash := hashOf(strings.ToUpper(algorithm))
	switch {
	case strings.EqualFold(algorithm, "EdDSA"):
		hash = crypto.SHA512
	case hash == 0:
		hash = crypto.SHA256
	}
	h := hash.New()
	h.Write([]byte(accessToken))
	return base64url(h.Sum(nil)[:hash.Size()/2])
}

// Tokens mints what u would get by signing in, without the network. u need not be a user of the provider. The refresh
// token and the access token work at the endpoints. A nonce is made up and told in the result.
//
// Options bend the ID token, unless they say otherwise; see [InAccessToken].
func (p *Provider) Tokens(u User, opts ...Option) Tokens {
	return p.issue(p.newGrant(u.complete(), p.persona.usualScope()), randomText(), opts)
}

// issue mints tokens for a grant and remembers those that the endpoints will see again.
func (p *Provider) issue(g *grant, nonce string, opts []Option) Tokens {
	p.mu.Lock()
	keys, user := p.keys, p.currentUser(g)
	p.mu.Unlock()
	o := occasion{
		issuer: p.persona.issuerOf(p, user), clientID: p.cfg.ClientID, grant: g, user: user, now: p.now(), scope: g.scope, nonce: nonce,
		idTokenLife: p.cfg.IDTokenLife, accessTokenLife: p.cfg.AccessTokenLife,
	}
	for _, opt := range opts {
		if opt.occasion != nil {
			opt.occasion(&o)
		}
	}
	t := Tokens{RefreshToken: randomText(), ExpiresIn: int(o.accessTokenLife / time.Second), Scope: o.scope, Nonce: o.nonce}
	access := p.persona.accessToken(o)
	access.start(keys.forAccessTokens(), o.accessTokenLife)
	for _, opt := range opts {
		if opt.access != nil {
			opt.access(&access)
		}
	}
	t.AccessToken = access.compact()
	if !p.persona.oauthOnly() && (hasScope(o.scope, "openid") || p.persona.alwaysIDToken()) {
		t.IDToken = p.idToken(o, keys.forIDTokens(), t.AccessToken, opts)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.IDToken != "" {
		p.idTokens[t.IDToken] = true
	}
	p.access[t.AccessToken] = &accessGrant{grant: g, scope: o.scope, expires: o.now.Add(o.accessTokenLife)}
	p.refresh[t.RefreshToken] = &refreshGrant{grant: g, expires: o.now.Add(p.cfg.RefreshTokenLife)}
	return t
}

func (p *Provider) idToken(o occasion, key signingKey, accessToken string, opts []Option) string {
	id := p.persona.idToken(o)
	id.start(key, o.idTokenLife)
	id.accessToken = accessToken
	if p.persona.sendsAtHash() {
		id.payload.set("at_hash", atHash(id.algorithm, accessToken))
	}
	if p.cfg.BackChannelLogout != "" {
		id.payload.set("sid", o.grant.sid)
	}
	for _, opt := range opts {
		if opt.id != nil {
			opt.id(&id)
		}
	}
	return id.compact()
}

// Decode reads the header and the payload of a compact JWS. It checks nothing: it is for looking at tokens in a test.
// Numbers are json.Number.
func Decode(token string) (header, payload map[string]any, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, nil, fmt.Errorf("idptest: decode: %w", errors.New("a compact JWS has three parts"))
	}
	for i, into := range []*map[string]any{&header, &payload} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return nil, nil, fmt.Errorf("idptest: decode: %w", err)
		}
		if err := decodeJSON(text, into); err != nil {
			return nil, nil, fmt.Errorf("idptest: decode: %w", err)
		}
	}
	return header, payload, nil
}

// decodeJSON keeps every digit of a number.
func decodeJSON(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}

func hasScope(scope, want string) bool { return slices.Contains(strings.Fields(scope), want) }

// randomText has 130 bits of randomness: codes, refresh tokens, nonces.
func randomText() string { return rand.Text() }

func randomUUID() string {
	var b [16]byte
	rand.Read(b[:])
	return uuid(b, 4)
}
