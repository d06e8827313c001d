package idptest_test

// What the tests hold the provider against: a verifier and a browser of a few lines, written for these tests alone.

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/idptest"
)

// noon is the time of every test clock.
var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func atNoon() time.Time { return noon }

func decodePart(s string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(s) }

type jwk struct {
	Kid, Kty, Alg, Use, Crv, N, E, X, Y, D string
}

func (k jwk) public() (crypto.PublicKey, error) {
	part := func(s string) []byte { b, _ := decodePart(s); return b }
	switch k.Kty {
	case "RSA":
		return &rsa.PublicKey{N: new(big.Int).SetBytes(part(k.N)), E: int(new(big.Int).SetBytes(part(k.E)).Int64())}, nil
	case "EC":
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, append(part(k.X), part(k.Y)...)...))
	case "OKP":
		return ed25519.PublicKey(part(k.X)), nil
	}
	return nil, fmt.Errorf("kty %q", k.Kty)
}

// fetchKeys reads the published set by kid.
func fetchKeys(t *testing.T, p *idptest.Provider) map[string]jwk {
	t.Helper()
	var set struct{ Keys []jwk }
	decodeBody(t, p.URL(idptest.JWKS), &set)
	keys := map[string]jwk{}
	for _, k := range set.Keys {
		keys[k.Kid] = k
	}
	return keys
}

func decodeBody(t *testing.T, address string, into any) {
	t.Helper()
	status, _, body := get(t, address, nil)
	if status != http.StatusOK {
		t.Fatalf("GET %s = %d, want 200", address, status)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		t.Fatalf("GET %s: %v", address, err)
	}
}

// verify checks a signature by the key of the set that the token names, and nothing else.
func verify(keys map[string]jwk, token string) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return fmt.Errorf("%d parts", len(parts))
	}
	var header struct{ Alg, Kid string }
	text, err := decodePart(parts[0])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &header); err != nil {
		return err
	}
	key, ok := keys[header.Kid]
	if !ok {
		return fmt.Errorf("kid %q is not in the set", header.Kid)
	}
	public, err := key.public()
	if err != nil {
		return err
	}
	signature, err := decodePart(parts[2])
	if err != nil {
		return err
	}
	return verifySignature(header.Alg, public, parts[0]+"."+parts[1], signature)
}

func verifySignature(alg string, public crypto.PublicKey, input string, signature []byte) error {
	bad := errors.New("bad signature")
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[max(0, len(alg)-3):]]
	var digest []byte
	if hash != 0 {
		h := hash.New()
		h.Write([]byte(input))
		digest = h.Sum(nil)
	}
	switch key := public.(type) {
	case *rsa.PublicKey:
		switch alg[:2] {
		case "RS":
			return rsa.VerifyPKCS1v15(key, hash, digest, signature)
		case "PS":
			return rsa.VerifyPSS(key, hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
	case *ecdsa.PublicKey:
		if alg != "ES256" || len(signature) != 64 ||
			!ecdsa.Verify(key, digest, new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
			return bad
		}
		return nil
	case ed25519.PublicKey:
		if alg != "EdDSA" || !ed25519.Verify(key, []byte(input), signature) {
			return bad
		}
		return nil
	}
	return fmt.Errorf("alg %q with %T", alg, public)
}

// client follows no redirect and gives up after 10 s.
func client(t *testing.T) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{
		Jar: jar, Timeout: 10 * time.Second, Transport: &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func do(t *testing.T, method, address string, form url.Values, header http.Header) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if form != nil && header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := client(t).Do(r)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, string(body), err
}

func get(t *testing.T, address string, header http.Header) (int, http.Header, string) {
	t.Helper()
	answer, body, err := do(t, http.MethodGet, address, nil, header)
	if err != nil {
		t.Fatalf("GET %s: %v", address, err)
	}
	return answer.StatusCode, answer.Header, body
}

func post(t *testing.T, address string, form url.Values) (int, http.Header, map[string]any) {
	t.Helper()
	answer, body, err := do(t, http.MethodPost, address, form, nil)
	if err != nil {
		t.Fatalf("POST %s: %v", address, err)
	}
	doc := map[string]any{}
	json.Unmarshal([]byte(body), &doc) // a page leaves it empty
	return answer.StatusCode, answer.Header, doc
}

// flow is an authorization request with everything that it needs.
type flow struct {
	provider *idptest.Provider
	verifier string
	query    url.Values
}

func newFlow(p *idptest.Provider) flow {
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	return flow{p, verifier, url.Values{
		"response_type": {"code"}, "client_id": {p.ClientID()}, "redirect_uri": {"http://127.0.0.1/callback"},
		"scope": {"openid email profile"}, "state": {"state-1"}, "nonce": {"nonce-1"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}}
}

// with returns the same request with one parameter replaced, or left out when there is no value.
func (f flow) with(name string, values ...string) flow {
	query := url.Values{}
	for k, v := range f.query {
		query[k] = v
	}
	query[name] = values
	if len(values) == 0 {
		delete(query, name)
	}
	f.query = query
	return f
}

func (f flow) url() string { return f.provider.URL(idptest.Authorize) + "?" + f.query.Encode() }

// code logs u in and returns the parameters of the authorization response.
func (f flow) login(t *testing.T, u idptest.User) url.Values {
	t.Helper()
	callback, err := f.provider.Login(t.Context(), f.url(), u)
	if err != nil {
		t.Fatalf("Login(%s): %v", u.Username, err)
	}
	at, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	return at.Query()
}

// form is the token request for a code.
func (f flow) form(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": f.query["client_id"], "redirect_uri": f.query["redirect_uri"],
		"code": {code}, "code_verifier": {f.verifier},
	}
}

func signIn(t *testing.T, p *idptest.Provider, u idptest.User) idptest.Tokens {
	t.Helper()
	tokens, err := p.SignIn(t.Context(), u)
	if err != nil {
		t.Fatalf("SignIn(%s): %v", u.Username, err)
	}
	return tokens
}

func decode(t *testing.T, token string) (header, payload map[string]any) {
	t.Helper()
	header, payload, err := idptest.Decode(token)
	if err != nil {
		t.Fatalf("Decode(%q): %v", token, err)
	}
	return header, payload
}

// soon is a limit for what should happen at once.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}
