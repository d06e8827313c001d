package realidp_test

import (
	"bytes"
	"crypto/rand"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/internal/realidp"
)

// What a single-page app of its own client obtained is exchanged for a session, and nothing of it is kept.
func TestExchange(t *testing.T) {
	op := realidp.StartOpenID(t)
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			spa := realidp.Client{ID: "spa", Algorithm: algorithm, RedirectURIs: []string{"http://127.0.0.1:9/callback"}}
			stranger := realidp.Client{ID: "stranger", Algorithm: algorithm, RedirectURIs: spa.RedirectURIs}
			a := newOpenIDApp(t, op, func(_ *realidp.Client, o *idp.OIDC) { o.Audiences = []string{spa.ID} }, spa, stranger)
			nonce := rand.Text()
			tokens := signInAsSPA(t, op, spa, nonce)
			whole := func(more map[string]any) map[string]any { // as libraries post it
				body := map[string]any{"id_token": tokens.IDToken, "access_token": tokens.AccessToken, "refresh_token": tokens.RefreshToken, "token_type": tokens.TokenType, "expires_in": tokens.ExpiresIn}
				maps.Copy(body, more)
				return body
			}
			v := a.visitor()
			v.post("social-exchange/", whole(map[string]any{"nonce": rand.Text()})).want(t, "with another nonce", http.StatusUnauthorized, "idp_token_invalid")
			v.post("social-exchange/", map[string]any{"id_token": tokens.AccessToken}).want(t, "the access token as ID token", http.StatusUnauthorized, "idp_token_invalid")
			v.post("social-exchange/", map[string]any{"id_token": signInAsSPA(t, op, stranger, "").IDToken}).want(t, "another client's token", http.StatusUnauthorized, "idp_token_invalid")
			v.wantNoSession()
			v.post("social-exchange/", whole(map[string]any{"nonce": nonce})).want(t, "social-exchange/", http.StatusOK, "")
			first := v.mustRefresh(op.Alice)
			a.visitor().post("social-exchange/", whole(map[string]any{"nonce": nonce})).want(t, "a second time", http.StatusUnauthorized, "idp_token_replayed")

			other := a.visitor() // both doors lead to the same user
			other.login("op", op.Alice)
			if got, want := other.mustRefresh(op.Alice).json["user"].(map[string]any)["id"], first.json["user"].(map[string]any)["id"]; got != want {
				t.Errorf("the backend's own flow leads to user %v, want %v", got, want)
			}
			v.post("logoff/", nil).want(t, "logoff/", http.StatusOK, "")
			v.wantNoSession()
			for name, token := range map[string]string{"ID token": tokens.IDToken, "access token": tokens.AccessToken, "refresh token": tokens.RefreshToken} {
				if token == "" || bytes.Contains(a.stored(), []byte(token)) {
					t.Errorf("the provider's %s is missing or in the database", name)
				}
			}
			for _, s := range a.wire.at("/token") {
				if !strings.Contains(s.request, "grant_type=authorization_code") {
					t.Errorf("a token request of ours is no code grant: %s", s.request)
				}
			}
		})
	}
}

// A code that is used twice revokes what came of it (RFC 6749 §4.1.2). That reaches no ID token, which is why its age
// is limited, and no session that was made of it.
func TestCodeReplayAtTheProvider(t *testing.T) {
	op := realidp.StartOpenID(t)
	spa := realidp.Client{ID: "spa", RedirectURIs: []string{"http://127.0.0.1:9/callback"}}
	a := newOpenIDApp(t, op, func(_ *realidp.Client, o *idp.OIDC) { o.Audiences = []string{spa.ID} }, spa)
	g, err := op.Grant(t.Context(), realidp.NewBrowser(), spa, op.Alice, "")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := op.Redeem(t.Context(), spa, g)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := op.UserInfo(t.Context(), tokens.AccessToken); err != nil {
		t.Errorf("UserInfo before the replay = %v", err)
	}
	v := a.visitor()
	v.post("social-exchange/", map[string]any{"id_token": tokens.IDToken, "access_token": tokens.AccessToken}).want(t, "social-exchange/", http.StatusOK, "")
	if again, err := op.Redeem(t.Context(), spa, g); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("redeem again = %+v, %v, want invalid_grant", again, err)
	}
	if _, err := op.UserInfo(t.Context(), tokens.AccessToken); err == nil || !strings.Contains(err.Error(), "status 401") {
		t.Errorf("UserInfo after the replay = %v, want status 401", err)
	}
	v.mustRefresh(op.Alice)
}

// The provider's refresh tokens rotate for the app that has them, and an old one ends them all; our session does not
// hang on them.
func TestRefreshTokensOfTheProvider(t *testing.T) {
	op := realidp.StartOpenID(t)
	spa := realidp.Client{ID: "spa", RedirectURIs: []string{"http://127.0.0.1:9/callback"}}
	a := newOpenIDApp(t, op, func(_ *realidp.Client, o *idp.OIDC) { o.Audiences = []string{spa.ID} }, spa)
	first := signInAsSPA(t, op, spa, "")
	second, err := op.Refresh(t.Context(), spa, first.RefreshToken)
	if err != nil || second.RefreshToken == first.RefreshToken {
		t.Fatalf("refresh at the provider = %+v, %v, want another refresh token", second, err)
	}
	v := a.visitor()
	v.post("social-exchange/", map[string]any{"id_token": second.IDToken, "access_token": second.AccessToken}).want(t, "an ID token that came of a refresh", http.StatusOK, "")
	for name, token := range map[string]string{"old": first.RefreshToken, "new": second.RefreshToken} {
		v.post("social-exchange/", map[string]any{"id_token": token}).want(t, "the "+name+" refresh token as ID token", http.StatusUnauthorized, "idp_token_invalid")
	}
	for _, token := range []string{first.RefreshToken, second.RefreshToken} { // in this order: the old one ends the new one
		if got, err := op.Refresh(t.Context(), spa, token); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
			t.Errorf("refresh at the provider with a token of an ended family = %+v, %v, want invalid_grant", got, err)
		}
	}
	v.mustRefresh(op.Alice)
}
