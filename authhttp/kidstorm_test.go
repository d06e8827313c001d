package authhttp_test

import (
	"context"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/idptest"
)

// TestSX_06_KeyIDsThatNobodyHas: whoever makes up key IDs costs one fetch of the provider's keys, and delays nobody.
func TestSX_06_KeyIDsThatNobodyHas(t *testing.T) {
	a := newAppWithProviders(t, nil)
	a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken).want(t, 200, "")
	a.clock.advance(time.Minute) // since the last fetch, so that the storm may cause another
	tokens := make([]string, 500)
	for i := range tokens {
		tokens[i] = a.oidc.Tokens(idptest.Alice(), idptest.KeyID(randomText())).IDToken
	}
	asked := a.oidc.Count(idptest.JWKS)
	a.oidc.Fault(idptest.UntilCleared, idptest.JWKS, idptest.Hang())
	storm := make(chan map[string]int, 1)
	go func() {
		storm <- parallelIndexed(len(tokens), func(i int) string {
			x, err := a.try("social-exchange/", request{body: map[string]any{"id_token": tokens[i]}})
			if err != nil {
				return err.Error()
			}
			return x.code()
		})
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := a.oidc.Await(ctx, idptest.JWKS, asked+1); err != nil {
		t.Fatal(err)
	}
	for range 3 { // tokens of the key that is held, while the fetch hangs
		a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken).want(t, 200, "")
	}
	before := a.rows()
	a.oidc.Clear(idptest.JWKS)
	// A fetch that had ended by itself, at its limit, would have left those who waited for it without a verdict.
	if answers := <-storm; answers["idp_token_invalid"] != len(tokens) {
		t.Errorf("answers %v, want idp_token_invalid alone", answers)
	}
	for _, token := range tokens[:50] { // and one after the other, in the same second
		a.exchange(token).want(t, 401, "idp_token_invalid")
	}
	if n := a.oidc.Count(idptest.JWKS) - asked; n != 1 {
		t.Errorf("%d fetches of the key set, want 1", n)
	}
	if a.rows() != before {
		t.Error("a refused token has changed something")
	}
	a.exchange(a.oidc.Tokens(idptest.Bob(), idptest.Claim("email_verified", true)).IDToken).want(t, 200, "") // a key that is known
}
