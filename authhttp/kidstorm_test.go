package authhttp_test

import (
	"testing"

	"github.com/sallyport-auth/sallyport/idptest"
)

// TestSX_06_KeyIDsThatNobodyHas: whoever makes up key IDs costs one fetch of the provider's keys, and delays nobody.
func TestSX_06_KeyIDsThatNobodyHas(t *testing.T) {
	a := newAppWithProviders(t, nil)
	a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken).want(t, 200, "")
	before, asked := a.rows(), a.oidc.Count(idptest.JWKS)
	for round := range 10 {
		var tokens []string
		for range 50 {
			tokens = append(tokens, a.oidc.Tokens(idptest.Alice(), idptest.KeyID(randomText())).IDToken)
		}
		answers := parallel(len(tokens), func() string {
			x, err := a.try("social-exchange/", request{body: map[string]any{"id_token": tokens[0]}})
			if err != nil {
				return err.Error()
			}
			return x.code()
		})
		if answers["idp_token_invalid"] != len(tokens) {
			t.Fatalf("round %d: answers %v, want idp_token_invalid alone", round, answers)
		}
		for _, token := range tokens[1:] {
			a.exchange(token).want(t, 401, "idp_token_invalid")
		}
	}
	if n := a.oidc.Count(idptest.JWKS) - asked; n > 1 {
		t.Errorf("%d fetches of the key set, want at most 1", n)
	}
	if a.rows() != before {
		t.Error("a refused token has changed something")
	}
	a.exchange(a.oidc.Tokens(idptest.Bob(), idptest.Claim("email_verified", true)).IDToken).want(t, 200, "") // a key that is known
}
