package interop

import (
	"crypto/rand"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/sqlite"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

const issuer = "https://app.example.com/auth"

// issued is an access token of a real service, and the key set that the service publishes.
func issued(t *testing.T, alg jws.Algorithm) (token string, keySet []byte) {
	t.Helper()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	svc, err := sallyport.New(sallyport.Config{
		Issuer: issuer, Store: store, Secret: []byte(rand.Text() + rand.Text()), Audience: []string{audience}, Algorithm: alg,
		Now: func() time.Time { return today }, Password: password.Config{Memory: 64, Passes: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { svc.Close() })
	secret := rand.Text()
	if _, err := svc.CreateUser(t.Context(), sallyport.NewUser{Username: "ada", Password: secret}); err != nil {
		t.Fatal(err)
	}
	tokens, err := svc.SignIn(t.Context(), sallyport.SignInRequest{Username: "ada", Password: secret})
	if err != nil {
		t.Fatal(err)
	}
	return tokens.AccessToken, svc.KeySet()
}

// TestTheyAcceptOurAccessTokens: under every algorithm that an operator can choose.
func TestTheyAcceptOurAccessTokens(t *testing.T) {
	for _, alg := range []jws.Algorithm{jws.ES256, jws.EdDSA, jws.RS256} {
		t.Run(string(alg), func(t *testing.T) {
			token, keySet := issued(t, alg)
			signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
			if err != nil {
				t.Fatal(err)
			}
			if header := signed.Signatures[0].Header; header.KeyID == "" || header.ExtraHeaders[jose.HeaderType] != "at+jwt" {
				t.Errorf("header = %+v, want a kid and the type at+jwt", header)
			}
			p := newParties(t, keySet)
			oursSigned, othersSigned := p.signatureJudges()
			oursClaims, othersClaims := p.claimsJudges()
			for _, j := range append(append(othersSigned, oursSigned), append(othersClaims, oursClaims)...) {
				if v := j.ask(token); v.err != nil {
					t.Errorf("%s of %q: %v", j.name, token, v.err)
				}
			}
		})
	}
}

// TestTheyReadOurKeySets: every key that is published is a valid public key under its ID.
func TestTheyReadOurKeySets(t *testing.T) {
	_, keySet := issued(t, jws.EdDSA)
	own, err := jws.ParseKeySet(keySet)
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(keySet, &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != len(own) {
		t.Errorf("go-jose reads %d keys of %s, we %d", len(set.Keys), keySet, len(own))
	}
	for _, k := range own {
		found := set.Key(k.ID())
		if len(found) != 1 || !found[0].Valid() || !found[0].IsPublic() || !sameKey(k.Public(), found[0].Key) {
			t.Errorf("go-jose finds %v under %q, want the one public key", found, k.ID())
		}
	}
}
