package authhttp_test

import (
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/internal/realidp"
)

// Tokens of cognito-local, obtained as a single-page app does: authorization code with PKCE.
func TestExchangeOfARealPoolsTokens(t *testing.T) {
	pool := realidp.Cognito(t)
	a := newApp(t, func(c *config) {
		c.Now = time.Now // the emulator has no other clock
		c.Providers = []sallyport.Provider{idp.Cognito{Issuer: pool.Issuer, ClientID: pool.ClientID}}
		c.UserUUIDAttribute = "cognito_sub"
		c.UserAttributes = []string{"cognito_sub"}
		c.UserFields = []string{"id", "username", "email"}
	})
	tokens, err := pool.SignIn(t.Context(), pool.Alice)
	if err != nil {
		t.Fatal(err)
	}
	whole := map[string]any{"access_token": tokens.AccessToken, "refresh_token": tokens.RefreshToken, "expires_in": tokens.ExpiresIn, "token_type": tokens.TokenType}
	x := a.exchange(tokens.IDToken, whole)
	x.want(t, 200, "")
	s := a.sessionOf(x)
	user := x.json["user"].(map[string]any)
	if username, _ := user["username"].(string); user["email"] != pool.Alice.Email || username == "" {
		t.Errorf("user = %v, want the address %s and a username", user, pool.Alice.Email)
	}
	if got, want := claims(t, s.access)["cognito_sub"], claims(t, tokens.IDToken)["sub"]; got != want {
		t.Errorf("cognito_sub = %v, want the pool's sub %v", got, want)
	}
	s.mustRefresh()
	a.do("verify/", request{body: map[string]string{"token": s.access}}).want(t, 200, "")
	s.post("logoff/").want(t, 200, "")

	before := a.rows()
	a.exchange(tokens.IDToken, whole).want(t, 401, "idp_token_replayed")
	a.exchange(tokens.AccessToken).want(t, 401, "idp_token_invalid")
	a.exchange(tokens.RefreshToken).want(t, 401, "idp_token_invalid")
	if a.rows() != before {
		t.Error("a refused token changed the database")
	}

	again, err := pool.InitiateAuth(t.Context(), pool.Alice) // as Amplify does, without a page
	if err != nil {
		t.Fatal(err)
	}
	x = a.exchange(again.IDToken, map[string]any{"access_token": again.AccessToken})
	x.want(t, 200, "")
	if got := x.json["user"].(map[string]any)["id"]; got != user["id"] {
		t.Errorf("the second sign-in made user %v, want %v", got, user["id"])
	}
	bob, err := pool.SignIn(t.Context(), pool.Bob)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := pool.SignIn(t.Context(), pool.Alice)
	if err != nil {
		t.Fatal(err)
	}
	a.exchange(fresh.IDToken, map[string]any{"access_token": bob.AccessToken}).want(t, 401, "idp_token_invalid")

	t.Run("another client's token", func(t *testing.T) {
		client, err := pool.AddClient(t.Context(), pool.RedirectURI)
		if err != nil {
			t.Fatal(err)
		}
		other := newApp(t, func(c *config) {
			c.Now = time.Now
			c.Providers = []sallyport.Provider{idp.Cognito{Issuer: pool.Issuer, ClientID: client}}
		})
		other.exchange(fresh.IDToken).want(t, 401, "idp_token_invalid")
	})
}
