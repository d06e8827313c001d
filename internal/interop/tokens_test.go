package interop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/sqlite"
	"github.com/sallyport-auth/sallyport/verify/accesstoken"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

const issuer = "https://app.example.com/auth"

// issued is an access token of a real service, and the key set that the service publishes.
func issued(t *testing.T) (token string, keySet []byte) {
	t.Helper()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	svc, err := sallyport.New(sallyport.Config{Issuer: issuer, Store: store, Secret: []byte(rand.Text() + rand.Text()), Audience: []string{"orders"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { svc.Close() })
	if _, err := svc.CreateUser(t.Context(), sallyport.NewUser{Username: "ada", Password: "correct horse"}); err != nil {
		t.Fatal(err)
	}
	tokens, err := svc.SignIn(t.Context(), sallyport.SignInRequest{Username: "ada", Password: "correct horse"})
	if err != nil {
		t.Fatal(err)
	}
	return tokens.AccessToken, svc.KeySet()
}

func TestGoJoseAcceptsOurAccessTokens(t *testing.T) {
	token, keySet := issued(t)
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(keySet, &set); err != nil {
		t.Fatal(err)
	}
	parsed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	kid := parsed.Signatures[0].Header.KeyID
	keys := set.Key(kid)
	if len(keys) != 1 || !keys[0].Valid() || !keys[0].IsPublic() {
		t.Fatalf("keys of %q = %v, want one valid public key", kid, keys)
	}
	thumbprint, err := keys[0].Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if own, err := jws.Thumbprint(keys[0].Key); err != nil || own != kid || own != base64.RawURLEncoding.EncodeToString(thumbprint) {
		t.Errorf("thumbprint = %q (%v), want the kid %q and go-jose's %x", own, err, kid, thumbprint)
	}
	if _, err := parsed.Verify(keys[0]); err != nil {
		t.Errorf("go-jose: %v", err)
	}
}

func TestGolangJWTAcceptsOurAccessTokens(t *testing.T) {
	token, keySet := issued(t)
	keys, err := jws.ParseKeySet(keySet)
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	_, err = jwt.Parse(token, func(*jwt.Token) (any, error) { return keys[0].Public(), nil },
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(issuer), jwt.WithAudience("orders"), jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	if err != nil {
		t.Errorf("golang-jwt: %v", err)
	}
}

// What go-jose signs correctly under our algorithms, we accept.
func TestWeAcceptWhatGoJoseSigns(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for alg, key := range map[jose.SignatureAlgorithm]crypto.Signer{jose.RS256: rsaKey, jose.ES256: ecKey, jose.EdDSA: edKey} {
		t.Run(string(alg), func(t *testing.T) {
			private := jose.JSONWebKey{Key: key, KeyID: "k", Algorithm: string(alg), Use: "sig"}
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: private}, (&jose.SignerOptions{}).WithType("at+jwt"))
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			payload, err := json.Marshal(map[string]any{
				"iss": issuer, "aud": "orders", "sub": "u", "user_id": "u", "client_id": "c", "sid": "s", "jti": "j", "token_type": "access",
				"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
			})
			if err != nil {
				t.Fatal(err)
			}
			signed, err := signer.Sign(payload)
			if err != nil {
				t.Fatal(err)
			}
			token, err := signed.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			public, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{private.Public()}})
			if err != nil {
				t.Fatal(err)
			}
			keys, err := jws.ParseKeySet(public)
			if err != nil {
				t.Fatal(err)
			}
			rules := accesstoken.Rules{Issuer: issuer, Audience: []string{"orders"}, Now: time.Now}
			claims, err := rules.Verify(token, func(h jws.Header) (*jws.Key, error) { return keys[0], nil })
			if err != nil || claims.Subject != "u" {
				t.Errorf("Verify = %v, %v", claims, err)
			}
		})
	}
}
