package interop

import (
	"crypto"
	"encoding/base64"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwxjws "github.com/lestrrat-go/jwx/v3/jws"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// TestThumbprintsAgree: RFC 7638 leaves no choice, so every library must get the same.
func TestThumbprintsAgree(t *testing.T) {
	for _, s := range newSigners(t) {
		t.Run(string(s.alg), func(t *testing.T) {
			own, err := jws.Thumbprint(s.private.Public())
			if err != nil {
				t.Fatal(err)
			}
			k := jose.JSONWebKey{Key: s.private.Public()}
			joses, err := k.Thumbprint(crypto.SHA256)
			if err != nil || base64.RawURLEncoding.EncodeToString(joses) != own {
				t.Errorf("go-jose: %x, %v, want %s", joses, err, own)
			}
			imported, err := jwk.Import(s.private.Public())
			if err != nil {
				t.Fatal(err)
			}
			jwxs, err := imported.Thumbprint(crypto.SHA256)
			if err != nil || base64.RawURLEncoding.EncodeToString(jwxs) != own {
				t.Errorf("jwx: %x, %v, want %s", jwxs, err, own)
			}
		})
	}
}

// TestTheyAcceptWhatWeSign: jws.Sign is what the issuer uses.
func TestTheyAcceptWhatWeSign(t *testing.T) {
	signers := newSigners(t)
	p := newParties(t, keySetOf(t, signers))
	const payload = `{"sub":"alice"}`
	for _, s := range signers {
		token, err := jws.Sign(s.private, jws.SignHeader{KeyID: s.kid, Type: "at+jwt"}, []byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		ours, others := p.signatureJudges()
		for _, j := range append(others, ours) {
			if v := j.ask(token); v.err != nil || string(v.payload) != payload || !sameKey(s.private.Public(), v.key) {
				t.Errorf("%s of our %s token: %q, %v, want %q", j.name, s.alg, v.payload, v.err, payload)
			}
		}
	}
}

// TestWeAcceptWhatTheySign: each library makes a token in its own way, with its own order of members.
func TestWeAcceptWhatTheySign(t *testing.T) {
	signers := newSigners(t)
	p := newParties(t, keySetOf(t, signers))
	makers := []struct {
		name string
		sign func(t *testing.T, s signer) string
	}{{goJose, signGoJose}, {golangJWT, signGolangJWT}, {jwx, signJWX}}
	for _, s := range signers {
		for _, m := range makers {
			t.Run(string(s.alg)+" "+m.name, func(t *testing.T) {
				token := m.sign(t, s)
				if v := p.oursClaims(token); v.err != nil {
					t.Errorf("Verify(%q) = %v", token, v.err)
				}
			})
		}
	}
}

func signGoJose(t *testing.T, s signer) string {
	t.Helper()
	key := jose.JSONWebKey{Key: s.private, KeyID: s.kid}
	made, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(s.alg), Key: key}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := made.Sign(marshal(t, goodClaims()))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func signGolangJWT(t *testing.T, s signer) string {
	t.Helper()
	made := jwt.NewWithClaims(jwt.GetSigningMethod(string(s.alg)), jwt.MapClaims(goodClaims()))
	made.Header["kid"], made.Header["typ"] = s.kid, "at+jwt"
	token, err := made.SignedString(s.private)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func signJWX(t *testing.T, s signer) string {
	t.Helper()
	headers := jwxjws.NewHeaders()
	for name, value := range map[string]string{"kid": s.kid, "typ": "at+jwt"} {
		if err := headers.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	alg, ok := jwa.LookupSignatureAlgorithm(string(s.alg))
	if !ok {
		t.Fatalf("jwx knows no %s", s.alg)
	}
	token, err := jwxjws.Sign(marshal(t, goodClaims()), jwxjws.WithKey(alg, s.private, jwxjws.WithProtectedHeaders(headers)))
	if err != nil {
		t.Fatal(err)
	}
	return string(token)
}
