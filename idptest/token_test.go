package idptest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/idptest"
)

// part is the decoded text of the header (0) or the payload (1).
func part(t *testing.T, token string, i int) string {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token %q has %d parts, want 3", token, len(parts))
	}
	text, err := decodePart(parts[i])
	if err != nil {
		t.Fatalf("part %d of %q: %v", i, token, err)
	}
	return string(text)
}

// TestBends asserts two things of every bend: that it does what it says, and that the signature still fits.
func TestBends(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256", Now: atNoon})
	keys := fetchKeys(t, p)
	for _, test := range []struct {
		name       string
		opts       []idptest.Option
		part       int // 0 header, 1 payload
		has, lacks string
	}{
		{"claim", []idptest.Option{idptest.Claim("sub", 7)}, 1, `"sub":7`, `"sub":"`},
		{"claim null", []idptest.Option{idptest.Claim("sub", nil)}, 1, `"sub":null`, ""},
		{"claim raw", []idptest.Option{idptest.Claim("exp", json.RawMessage("1e300"))}, 1, `"exp":1e300`, ""},
		{"claim without escapes", []idptest.Option{idptest.Claim("name", "<b>&")}, 1, `"name":"<b>&"`, ""},
		{"claim that is not JSON", []idptest.Option{idptest.Claim("x", make(chan int))}, 1, `"x":"%!json(`, ""},
		{"another case", []idptest.Option{idptest.Claim("SUB", "b")}, 1, `"SUB":"b"`, ""},
		{"last wins", []idptest.Option{idptest.Claim("a", 1), idptest.Claim("a", 2)}, 1, `"a":2`, `"a":1`},
		{"without", []idptest.Option{idptest.Without("exp")}, 1, `"iat"`, `"exp"`},
		{"without what is not there", []idptest.Option{idptest.Without("nothing")}, 1, `"exp"`, ""},
		{"for another client", []idptest.Option{idptest.For("other")}, 1, `"aud":"other"`, `"spa"`},
		{"for several", []idptest.Option{idptest.For([]string{"spa", "other"})}, 1, `"aud":["spa","other"]`, ""},
		{"issued at", []idptest.Option{idptest.IssuedAt(time.Unix(1000, 0))}, 1, `"exp":4600,"iat":1000,"auth_time":1000`, ""},
		{"expires at", []idptest.Option{idptest.ExpiresAt(noon.Add(-time.Second))}, 1, fmt.Sprintf(`"exp":%d`, noon.Unix()-1), ""},
		{"nonce", []idptest.Option{idptest.Nonce("mine")}, 1, `"nonce":"mine"`, ""},
		{"no nonce", []idptest.Option{idptest.Nonce("")}, 1, `"sub"`, `"nonce"`},
		{"scope", []idptest.Option{idptest.Scope("openid")}, 1, `"sub"`, `"email"`},
		{"raw payload", []idptest.Option{idptest.RawPayload("null")}, 1, "null", "{"},
		{"empty payload", []idptest.Option{idptest.RawPayload("")}, 1, "", "{"},
		{"header", []idptest.Option{idptest.Header("crit", []string{"b64"}), idptest.Header("b64", false)}, 0, `"crit":["b64"],"b64":false`, ""},
		{"raw header", []idptest.Option{idptest.RawHeader(`{"kid":"` + p.PublicKeys()[0].ID + `", "alg" : "ES256"}`)}, 0, `"alg" : "ES256"`, "typ"},
		{"header of a lie", []idptest.Option{idptest.Header("typ", "at+jwt")}, 0, `"typ":"at+jwt"`, `"JWT"`},
		{"without header", []idptest.Option{idptest.WithoutHeader("typ")}, 0, `"kid"`, `"typ"`},
		{"for the access token alone", []idptest.Option{idptest.InAccessToken(idptest.Claim("sub", "other"))}, 1, `"sub"`, `"other"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			tokens := p.Tokens(idptest.Alice(), test.opts...)
			if text := part(t, tokens.IDToken, test.part); !strings.Contains(text, test.has) || test.lacks != "" && strings.Contains(text, test.lacks) {
				t.Errorf("part %d = %s, want %s and not %s", test.part, text, test.has, test.lacks)
			}
			for i := range 2 {
				if name := repeated(part(t, tokens.IDToken, i)); name != "" {
					t.Errorf("part %d = %s: %s is there twice, want no duplicate", i, part(t, tokens.IDToken, i), name)
				}
			}
			for kind, token := range map[string]string{"ID token": tokens.IDToken, "access token": tokens.AccessToken} {
				if err := verify(keys, token); err != nil {
					t.Errorf("verify(%s) = %v, want nil: only one thing may be wrong", kind, err)
				}
			}
			if text := part(t, tokens.IDToken, 1); strings.Contains(text, "at_hash") && !strings.Contains(text, halfHash("ES256", tokens.AccessToken)) {
				t.Errorf("payload = %s, want the at_hash of the access token", text)
			}
		})
	}
}

// repeated returns the first member of a JSON object that is there twice, or "".
func repeated(text string) string {
	d := json.NewDecoder(strings.NewReader(text))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return ""
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err.Error()
		}
		if seen[name.(string)] {
			return name.(string)
		}
		seen[name.(string)] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err.Error()
		}
	}
	return ""
}

func TestDuplicates(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	token := p.Tokens(idptest.Alice(), idptest.DuplicateClaim("sub", "other"), idptest.DuplicateHeader("alg", "none")).IDToken
	if header := part(t, token, 0); repeated(header) != "alg" || !strings.HasPrefix(header, `{"alg":"ES256"`) || !strings.HasSuffix(header, `"alg":"none"}`) {
		t.Errorf("header = %s, want the right alg first and none last", header)
	}
	if payload := part(t, token, 1); repeated(payload) != "sub" || !strings.HasSuffix(payload, `"sub":"other"}`) {
		t.Errorf("payload = %s, want the other sub last", payload)
	}
	input, signature := split(t, token)
	public, err := fetchKeys(t, p)[p.PublicKeys()[0].ID].public()
	if err != nil {
		t.Fatal(err)
	}
	if err := verifySignature("ES256", public, input, signature); err != nil {
		t.Errorf("signature: %v, want one that fits", err)
	}
}

func TestScopeWithoutOpenID(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	if tokens := p.Tokens(idptest.Alice(), idptest.Scope("email")); tokens.IDToken != "" || tokens.AccessToken == "" || tokens.Scope != "email" {
		t.Errorf("Tokens = %+v, want an access token alone", tokens)
	}
}

func TestAccessTokenBends(t *testing.T) {
	p := idptest.New(t, idptest.Config{Personality: idptest.Cognito})
	tokens := p.Tokens(idptest.Alice(), idptest.InAccessToken(idptest.For("other"), idptest.Claim("token_use", "id"), idptest.Without("username")))
	_, access := decode(t, tokens.AccessToken)
	if access["client_id"] != "other" || access["aud"] != nil || access["token_use"] != "id" || access["username"] != nil {
		t.Errorf("access token = %v, want client_id other, token_use id, no aud, no username", access)
	}
	if _, id := decode(t, tokens.IDToken); id["aud"] != p.ClientID() || id["token_use"] != "id" || id["at_hash"] != halfHash("RS256", tokens.AccessToken) {
		t.Errorf("ID token = %v, want it untouched", id)
	}
}

func TestAlgorithms(t *testing.T) {
	p := idptest.New(t, idptest.Config{})
	key := p.PublicKeys()[0]
	published := fetchKeys(t, p)[key.ID]
	public, err := published.public()
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		token := p.Tokens(idptest.Alice(), idptest.Algorithm(alg)).IDToken
		input, signature := split(t, token)
		if err := verifySignature(alg, public, input, signature); err != nil {
			t.Errorf("Algorithm(%q): %v, want a signature that fits the published key", alg, err)
		}
		if header, _ := decode(t, token); header["alg"] != alg || header["kid"] != key.ID {
			t.Errorf("Algorithm(%q): header = %v, want alg and the published kid", alg, header)
		}
	}
	for _, test := range []struct {
		name   string
		secret []byte
		opts   []idptest.Option
	}{
		{"PEM by default", key.PEM(), nil},
		{"PEM", key.PEM(), []idptest.Option{idptest.HMACKey(key.PEM())}},
		{"DER", key.DER(), []idptest.Option{idptest.HMACKey(key.DER())}},
		{"JWK", key.JWK(), []idptest.Option{idptest.HMACKey(key.JWK())}},
		{"empty", []byte{}, []idptest.Option{idptest.HMACKey([]byte{})}},
	} {
		token := p.Tokens(idptest.Alice(), append(test.opts, idptest.Algorithm("HS256"))...).IDToken
		input, signature := split(t, token)
		mac := hmac.New(sha256.New, test.secret)
		mac.Write([]byte(input))
		if !hmac.Equal(signature, mac.Sum(nil)) {
			t.Errorf("HS256 with %s: the signature is not that of the secret", test.name)
		}
	}
	for _, alg := range []string{"none", "None", "NONE", "nOnE"} {
		token := p.Tokens(idptest.Alice(), idptest.Algorithm(alg)).IDToken
		header, _ := decode(t, token)
		if !strings.HasSuffix(token, ".") || header["alg"] != alg {
			t.Errorf("Algorithm(%q) = %q, want no signature and alg as spelt", alg, token)
		}
	}
	for _, test := range []struct {
		alg, signed string
		size        int
	}{
		{"rs256", "RS256", 256}, {"foo", "RS256", 256}, {"ES256", "", 64}, {"ES384", "", 96}, {"ES512", "", 132}, {"EdDSA", "", 64}, {"HS512", "", 64},
	} {
		token := p.Tokens(idptest.Alice(), idptest.Algorithm(test.alg)).IDToken
		input, signature := split(t, token)
		if len(signature) != test.size {
			t.Errorf("Algorithm(%q): %d bytes of signature, want %d", test.alg, len(signature), test.size)
		}
		if test.signed != "" {
			if err := verifySignature(test.signed, public, input, signature); err != nil {
				t.Errorf("Algorithm(%q): %v, want a signature of %s", test.alg, err, test.signed)
			}
		}
	}
	// at_hash follows the algorithm, so that nothing else is wrong.
	tokens := p.Tokens(idptest.Alice(), idptest.Algorithm("RS512"))
	sum := sha512.Sum512([]byte(tokens.AccessToken))
	if _, claims := decode(t, tokens.IDToken); fmt.Sprint(claims["at_hash"]) != base64URL(sum[:32]) {
		t.Errorf("at_hash = %v, want half of SHA-512", claims["at_hash"])
	}
	if err := verify(fetchKeys(t, p), p.Tokens(idptest.Alice(), idptest.Header("alg", "none")).IDToken); err == nil {
		t.Error("verify(alg none by Header) = nil, want an error")
	}
}

func split(t *testing.T, token string) (input string, signature []byte) {
	t.Helper()
	dot := strings.LastIndexByte(token, '.')
	signature, err := decodePart(token[dot+1:])
	if err != nil {
		t.Fatalf("signature of %q: %v", token, err)
	}
	return token[:dot], signature
}

func TestSignedBy(t *testing.T) {
	a := idptest.New(t, idptest.Config{})
	b := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	token := a.Tokens(idptest.Alice(), idptest.SignedBy(b.Signer())).IDToken
	header, claims := decode(t, token)
	if header["kid"] != a.PublicKeys()[0].ID || header["alg"] != "ES256" || claims["iss"] != a.Issuer() {
		t.Errorf("header %v, iss %v, want A's kid and issuer with B's algorithm", header, claims["iss"])
	}
	if err := verify(fetchKeys(t, a), token); err == nil {
		t.Error("verify by A's keys = nil, want an error")
	}
	renamed := map[string]jwk{a.PublicKeys()[0].ID: fetchKeys(t, b)[b.PublicKeys()[0].ID]}
	if err := verify(renamed, token); err != nil {
		t.Errorf("verify by B's key = %v, want nil", err)
	}
	own := a.Tokens(idptest.Alice(), idptest.SignedBy(b.Signer()), idptest.KeyID(b.PublicKeys()[0].ID)).IDToken
	if err := verify(fetchKeys(t, b), own); err != nil {
		t.Errorf("verify by B's keys with B's kid = %v, want nil", err)
	}
	for _, test := range []struct {
		name string
		key  crypto.Signer
		bits int
	}{
		{"weak RSA", idptest.WeakRSA(), 1024}, {"exponent 1", idptest.ExponentOne(), 2048},
	} {
		a.Fault(1, idptest.JWKS, idptest.Publish(test.key))
		published := fetchKeys(t, a)[a.PublicKeys()[0].ID]
		n, err := decodePart(published.N)
		if err != nil || new(big.Int).SetBytes(n).BitLen() != test.bits {
			t.Fatalf("%s: published %+v, want %d bits", test.name, published, test.bits)
		}
		input, signature := split(t, a.Tokens(idptest.Alice(), idptest.SignedBy(test.key)).IDToken)
		if err := rawRSA(published, input, signature); err != nil {
			t.Errorf("%s: %v, want a signature that fits", test.name, err)
		}
	}
	if header, _ := decode(t, a.Tokens(idptest.Alice(), idptest.KeyID(17)).IDToken); fmt.Sprint(header["kid"]) != "17" {
		t.Errorf("KeyID(17): kid = %v, want the number", header["kid"])
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if header, _ := decode(t, a.Tokens(idptest.Alice(), idptest.SignedBy(p384)).IDToken); header["alg"] != "ES384" {
		t.Errorf("SignedBy(P-384): alg = %v, want ES384", header["alg"])
	}
}

// rawRSA checks RS256 with arithmetic alone, for keys that crypto/rsa does not touch (RFC 8017 §8.2.2).
func rawRSA(key jwk, input string, signature []byte) error {
	n, _ := decodePart(key.N)
	e, _ := decodePart(key.E)
	modulus := new(big.Int).SetBytes(n)
	message := new(big.Int).Exp(new(big.Int).SetBytes(signature), new(big.Int).SetBytes(e), modulus)
	sum := sha256.Sum256([]byte(input))
	got := message.FillBytes(make([]byte, len(n)))
	want := "\x00\x01" + strings.Repeat("\xff", len(n)-54) + "\x00" +
		"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20" + string(sum[:])
	if string(got) != want {
		return fmt.Errorf("signature to the power of e = %x, want %x", got, want)
	}
	return nil
}

func TestBendAtTheEndpoint(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	issuer := func() string {
		_, claims := decode(t, signIn(t, p, idptest.Alice()).IDToken)
		return fmt.Sprint(claims["iss"])
	}
	p.Bend(2, idptest.Claim("iss", "https://evil.test"))
	post(t, p.URL(idptest.Token), url.Values{"grant_type": {"authorization_code"}, "client_id": {"spa"}, "code": {"x"}}) // no tokens: does not count
	for i, want := range []string{"https://evil.test", "https://evil.test", p.Issuer()} {
		if got := issuer(); got != want {
			t.Errorf("answer %d: iss = %s, want %s", i+1, got, want)
		}
	}
	p.Bend(idptest.UntilCleared, idptest.Claim("iss", "a"))
	p.Bend(idptest.UntilCleared, idptest.Claim("iss", "b"))
	for range 2 {
		if got := issuer(); got != "b" {
			t.Errorf("iss = %s, want b: a later Bend replaces an earlier one", got)
		}
	}
	if _, claims := decode(t, p.Tokens(idptest.Alice()).IDToken); claims["iss"] != p.Issuer() {
		t.Errorf("Tokens beside a Bend: iss = %v, want it untouched", claims["iss"])
	}
	p.Clear()
	if got := issuer(); got != p.Issuer() {
		t.Errorf("after Clear: iss = %s, want %s", got, p.Issuer())
	}
}

func TestBendCallback(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	f := newFlow(p)
	for _, test := range []struct {
		name, want string
		change     func(url.Values)
	}{
		{"no iss", "state=[state-1]", func(q url.Values) { q.Del("iss"); q.Del("code") }},
		{"iss twice", "iss=[a b]", func(q url.Values) { q["iss"] = []string{"a", "b"}; q.Del("code"); q.Del("state") }},
		{"error", "error=[<b>]", func(q url.Values) { clear(q); q.Set("error", "<b>") }},
	} {
		p.BendCallback(1, test.change)
		var got []string
		for name, values := range f.login(t, idptest.Alice()) {
			got = append(got, fmt.Sprint(name, "=", values))
		}
		if fmt.Sprint(got) != "["+test.want+"]" {
			t.Errorf("%s: callback = %v, want %s", test.name, got, test.want)
		}
		if answer := f.login(t, idptest.Alice()); answer.Get("iss") != p.Issuer() {
			t.Errorf("%s: the callback after it = %v, want it right", test.name, answer)
		}
	}
}

func TestMintedTokensWorkAtTheEndpoints(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	stranger := idptest.User{Username: "stranger", Email: "s@example.com", EmailVerified: "true"}
	tokens := p.Tokens(stranger)
	status, _, body := get(t, p.URL(idptest.Userinfo), http.Header{"Authorization": {"Bearer " + tokens.AccessToken}})
	if status != http.StatusOK || !strings.Contains(body, `"email_verified":"true"`) {
		t.Errorf("UserInfo = %d %s, want 200 and the user's own email_verified", status, body)
	}
	status, _, doc := post(t, p.URL(idptest.Token), url.Values{
		"grant_type": {"refresh_token"}, "client_id": {p.ClientID()}, "refresh_token": {tokens.RefreshToken}})
	if status != http.StatusOK || doc["id_token"] == nil {
		t.Errorf("refresh = %d %v, want 200 and an ID token", status, doc)
	}
}

func TestDecode(t *testing.T) {
	for _, test := range []struct{ name, token string }{
		{"empty", ""}, {"two parts", "e30.e30"}, {"five parts", "e30.e30.e30.e30.e30"},
		{"not base64url", "e30=.e30."}, {"not JSON", "eA.e30."}, {"not an object", "e30.W10."},
	} {
		if _, _, err := idptest.Decode(test.token); err == nil {
			t.Errorf("%s: Decode(%q) = nil, want an error", test.name, test.token)
		}
	}
}
