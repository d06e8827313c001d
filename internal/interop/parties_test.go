package interop

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwxjws "github.com/lestrrat-go/jwx/v3/jws"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/accesstoken"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// What the four are told to expect of an access token.
const (
	audience = "orders"
	leeway   = time.Minute
)

// today is when the clock of all four stands still.
var today = time.Unix(1_700_000_000, 0).UTC()

// maxBytes is roomier than any limit of ours, so that length refuses nothing by accident.
const maxBytes = 64 << 10

// verdict is what somebody makes of a token or a key; err is nil when it is accepted.
type verdict struct {
	payload []byte           // of a token
	key     crypto.PublicKey // that verified it, or that was read; nil when the library does not say
	err     error
}

func refused(err error) verdict { return verdict{err: err} }

// judge is one of the four with one question.
type judge struct {
	name string
	ask  func(input string) verdict
}

// The other three, by the names that the lists use.
const (
	goJose    = "go-jose"
	golangJWT = "golang-jwt"
	jwx       = "jwx"
)

// parties hold the same key set and are asked about tokens.
type parties struct {
	ours *verify.KeySet
	jose jose.JSONWebKeySet
	jwx  jwk.Set
	raw  map[string]crypto.PublicKey // by key ID, for golang-jwt, which reads no JWK
}

// newParties publishes a key set over HTTP to our own, and hands it to the others.
func newParties(t testing.TB, keySet []byte) *parties {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(keySet)
	}))
	t.Cleanup(server.Close)
	p := &parties{raw: map[string]crypto.PublicKey{}}
	p.ours = verify.NewKeySet(verify.KeySetConfig{
		Locate: func(context.Context) (string, error) { return server.URL, nil },
		Client: server.Client(),
		Now:    func() time.Time { return today }, // the one fetch that an unknown key ID may cause stays the only one
		Logger: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(func() { p.ours.Close() })
	if err := p.ours.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(keySet, &p.jose); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.jwx, err = jwk.Parse(keySet); err != nil {
		t.Fatal(err)
	}
	for _, k := range p.jose.Keys {
		p.raw[k.KeyID] = k.Key
	}
	return p
}

// signatureJudges ask whether a token is signed by a key of the set, and leave its claims alone. Each
// library is used as its documentation shows: with the three algorithms, and the key by its ID where
// the token names one.
func (p *parties) signatureJudges() (ours judge, others []judge) {
	return judge{"ours", p.oursSignature}, []judge{
		{goJose, p.goJoseSignature}, {golangJWT, p.golangJWTSignature}, {jwx, p.jwxSignature},
	}
}

func (p *parties) oursSignature(token string) verdict {
	u, err := jws.Parse(token, maxBytes)
	if err != nil {
		return refused(err)
	}
	k, err := p.ours.Key(context.Background(), u.Header)
	if err != nil {
		return refused(err)
	}
	if err := u.Verify(k); err != nil {
		return refused(err)
	}
	return verdict{payload: u.Payload(), key: k.Public()}
}

var joseAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.RS256}

func (p *parties) goJoseSignature(token string) verdict {
	signed, err := jose.ParseSignedCompact(token, joseAlgorithms)
	if err != nil {
		return refused(err)
	}
	return firstThat(p.joseKeys(signed.Signatures[0].Header.KeyID), func(k jose.JSONWebKey) verdict {
		payload, err := signed.Verify(k)
		return verdict{payload, k.Key, err}
	})
}

// joseKeys are those that the token may be signed with; without a key ID go-jose leaves that to the caller.
func (p *parties) joseKeys(kid string) []jose.JSONWebKey {
	if kid == "" {
		return p.jose.Keys
	}
	return p.jose.Key(kid)
}

// firstThat asks with one key after the other.
func firstThat[K any](keys []K, ask func(K) verdict) verdict {
	v := refused(errNoKey)
	for _, k := range keys {
		if v = ask(k); v.err == nil {
			return v
		}
	}
	return v
}

var jwtMethods = []string{"ES256", "EdDSA", "RS256"}

func (p *parties) golangJWTSignature(token string) verdict {
	return p.golangJWTWith(token, jwt.NewParser(jwt.WithValidMethods(jwtMethods), jwt.WithoutClaimsValidation()))
}

func (p *parties) golangJWTWith(token string, parser *jwt.Parser) verdict {
	v := refused(errors.New("never asked for a key"))
	for _, public := range p.golangJWTKeys(token) {
		_, err := parser.ParseWithClaims(token, jwt.MapClaims{}, func(*jwt.Token) (any, error) { return public, nil })
		if v = (verdict{key: public, err: err}); err == nil {
			v.payload, _ = base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
			return v
		}
	}
	return v
}

// golangJWTKeys does what a key function usually does.
func (p *parties) golangJWTKeys(token string) (keys []crypto.PublicKey) {
	unverified, _, _ := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	if unverified == nil {
		return nil
	}
	kid, _ := unverified.Header["kid"].(string)
	for id, k := range p.raw {
		if kid == "" || kid == id {
			keys = append(keys, k)
		}
	}
	return keys
}

func (p *parties) jwxSignature(token string) verdict {
	var used any
	payload, err := jwxjws.Verify([]byte(token), p.jwxKeys(token), jwxjws.WithCompact(), jwxjws.WithCritValidation(true), jwxjws.WithKeyUsed(&used))
	if err != nil {
		return refused(err)
	}
	v := verdict{payload: payload}
	if k, ok := used.(jwk.Key); ok {
		v.key, v.err = jwk.PublicRawKeyOf(k)
	}
	return v
}

// jwxKeys lets the key ID be absent only where it is: jwx would else try every key under any ID.
func (p *parties) jwxKeys(token string) jwxjws.VerifyOption {
	return jwxjws.WithKeySet(p.jwx, jwxjws.WithRequireKid(jwxKeyID(token) != ""))
}

func jwxKeyID(token string) string {
	message, err := jwxjws.Parse([]byte(token))
	if err != nil || len(message.Signatures()) == 0 {
		return ""
	}
	kid, _ := message.Signatures()[0].ProtectedHeaders().KeyID()
	return kid
}

// claimsJudges ask whether a token is an access token for us. The others get every option that they
// have for our rules: the three algorithms, issuer, audience, an end that must be there, a date of
// issue that is checked, the leeway and the clock, and strict decoding where it is an option.
func (p *parties) claimsJudges() (ours judge, others []judge) {
	return judge{"ours", p.oursClaims}, []judge{
		{goJose, p.goJoseClaims}, {golangJWT, p.golangJWTClaims}, {jwx, p.jwxClaims},
	}
}

func (p *parties) oursClaims(token string) verdict {
	rules := accesstoken.Rules{Issuer: issuer, Audience: []string{audience}, Leeway: leeway, Now: func() time.Time { return today }}
	_, err := rules.Verify(token, func(h jws.Header) (*jws.Key, error) { return p.ours.Key(context.Background(), h) })
	return verdict{err: err}
}

func (p *parties) goJoseClaims(token string) verdict {
	signed, err := josejwt.ParseSigned(token, joseAlgorithms)
	if err != nil {
		return refused(err)
	}
	return firstThat(p.joseKeys(signed.Headers[0].KeyID), func(k jose.JSONWebKey) verdict {
		var claims josejwt.Claims
		if err := signed.Claims(k, &claims); err != nil {
			return refused(err)
		}
		return verdict{err: claims.ValidateWithLeeway(josejwt.Expected{Issuer: issuer, AnyAudience: josejwt.Audience{audience}, Time: today}, leeway)}
	})
}

func (p *parties) golangJWTClaims(token string) verdict {
	v := p.golangJWTWith(token, jwt.NewParser(jwt.WithValidMethods(jwtMethods), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(func() time.Time { return today })))
	return verdict{err: v.err}
}

func (p *parties) jwxClaims(token string) verdict {
	_, err := jwxjwt.Parse([]byte(token), jwxjwt.WithKeySet(p.jwx, jwxjws.WithRequireKid(jwxKeyID(token) != "")), jwxjwt.WithIssuer(issuer), jwxjwt.WithAudience(audience),
		jwxjwt.WithRequiredClaim("exp"), jwxjwt.WithRequiredClaim("iat"), jwxjwt.WithAcceptableSkew(leeway), jwxjwt.WithStrictStringClaims(true),
		jwxjwt.WithPedantic(true), jwxjwt.WithClock(jwxjwt.ClockFunc(func() time.Time { return today })))
	return verdict{err: err}
}

// keyJudges ask whether a JSON Web Key is one to verify with. golang-jwt reads none.
func keyJudges() (ours judge, others []judge) {
	return judge{"ours", oursKey}, []judge{{goJose, goJoseKey}, {jwx, jwxKey}}
}

func oursKey(text string) verdict {
	keys, err := jws.ParseKeySet([]byte(`{"keys":[` + text + `]}`))
	if err != nil {
		return refused(err)
	}
	return verdict{key: keys[0].Public()}
}

func goJoseKey(text string) verdict {
	var k jose.JSONWebKey
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		return refused(err)
	}
	if !k.Valid() {
		return refused(errors.New("not valid"))
	}
	public := k.Public()
	if !public.Valid() {
		return refused(errors.New("no public key"))
	}
	return verdict{key: public.Key}
}

func jwxKey(text string) verdict {
	k, err := jwk.ParseKey([]byte(text))
	if err != nil {
		return refused(err)
	}
	if err := k.Validate(); err != nil {
		return refused(err)
	}
	if k.KeyType().String() == "oct" {
		return refused(errors.New("no public key"))
	}
	public, err := jwk.PublicRawKeyOf(k)
	return verdict{key: public, err: err}
}

// keySetJudges ask for the ES256 key of the given ID in a key set.
func keySetJudges(kid string) (ours judge, others []judge) {
	return judge{"ours", func(text string) verdict { return oursKeySet(text, kid) }}, []judge{
		{goJose, func(text string) verdict { return goJoseKeySet(text, kid) }},
		{jwx, func(text string) verdict { return jwxKeySet(text, kid) }},
	}
}

var errNoKey = errors.New("no such key")

func oursKeySet(text, kid string) verdict {
	keys, err := jws.ParseKeySet([]byte(text))
	if err != nil {
		return refused(err)
	}
	for _, k := range keys {
		if k.ID() == kid && k.Algorithm() == jws.ES256 {
			return verdict{key: k.Public()}
		}
	}
	return refused(errNoKey)
}

// goJoseKeySet takes the first key of the ID, as go-jose does when it is given a set to verify with.
func goJoseKeySet(text, kid string) verdict {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		return refused(err)
	}
	keys := set.Key(kid)
	if len(keys) == 0 {
		return refused(errNoKey)
	}
	if _, isEC := keys[0].Key.(*ecdsa.PublicKey); !isEC {
		return refused(errNoKey)
	}
	return verdict{key: keys[0].Key}
}

func jwxKeySet(text, kid string) verdict {
	set, err := jwk.Parse([]byte(text))
	if err != nil {
		return refused(err)
	}
	k, ok := set.LookupKeyID(kid)
	if !ok {
		return refused(errNoKey)
	}
	public, err := jwk.PublicRawKeyOf(k)
	if _, isEC := public.(*ecdsa.PublicKey); err == nil && !isEC {
		err = errNoKey
	}
	return verdict{key: public, err: err}
}
