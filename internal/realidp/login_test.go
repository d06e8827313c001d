package realidp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/internal/realidp"
)

// clientOf is the registration of an app whose provider is called op, and of nothing else.
func clientOf(a *app) realidp.Client {
	return realidp.Client{ID: "the app", Secret: "with: % & +", RedirectURIs: []string{a.redirectURI("op")}, LogoutReturnTo: []string{a.origin + "/bye"}}
}

// newOpenIDApp is an app at a provider that knows the client of it, as change leaves it, and more clients.
func newOpenIDApp(t *testing.T, op *realidp.OpenID, change func(*realidp.Client, *idp.OIDC), more ...realidp.Client) *app {
	t.Helper()
	a := newApp(t)
	client := clientOf(a)
	settings := idp.OIDC{Name: "op", Issuer: op.Issuer, LogoutReturnTo: a.origin + "/bye", Client: a.wire.client()}
	if change != nil {
		change(&client, &settings)
	}
	settings.ClientID, settings.ClientSecret = client.ID, client.Secret
	if err := op.Register(t.Context(), append(more, client)...); err != nil {
		t.Fatal(err)
	}
	a.serve(settings)
	return a
}

// The backend's own flow, with every kind of key and client: no token of the provider reaches the browser or the database.
func TestLogin(t *testing.T) {
	op := realidp.StartOpenID(t)
	tests := []struct {
		name, algorithm string
		public, thin    bool
	}{
		{"RS256 with a secret", "RS256", false, false},
		{"ES256 of a public client", "ES256", true, false},
		{"EdDSA with a secret", "EdDSA", false, false},
		{"claims at UserInfo only", "ES256", false, true},
		{"claims at UserInfo only, of a public client", "RS256", true, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := newOpenIDApp(t, op, func(c *realidp.Client, _ *idp.OIDC) {
				c.Algorithm = test.algorithm
				if test.public {
					c.Secret = ""
				}
			})
			if err := op.Thin(t.Context(), test.thin); err != nil {
				t.Fatal(err)
			}
			alice := a.visitor()
			callback := alice.signIn(alice.begin("op", "/page?n=1"), op.Alice)
			if got := callback.Query()["iss"]; !slices.Equal(got, []string{op.Issuer}) {
				t.Errorf("the callback has iss %q, want the issuer once (RFC 9207)", got)
			}
			landed := alice.open(callback.String())
			landed.wantReturn(t, "/page", "")
			if !strings.HasSuffix(landed.location, "/page?n=1") {
				t.Errorf("the callback leads to %q, want the query kept", landed.location)
			}
			first, second := alice.mustRefresh(op.Alice), alice.mustRefresh(op.Alice)
			if first.text("access_token") == second.text("access_token") {
				t.Error("two refreshes gave one access token")
			}
			a.wantOneRedemption(t, alice, test.algorithm, test.public)
			alice.post("logoff/", nil).want(t, "logoff/", http.StatusOK, "")
			alice.wantNoSession()

			again := a.visitor() // the same person elsewhere is the same user
			again.login("op", op.Alice)
			if got, want := again.mustRefresh(op.Alice).json["user"].(map[string]any)["id"], first.json["user"].(map[string]any)["id"]; got != want {
				t.Errorf("a second login is user %v, want %v", got, want)
			}
			bob := a.visitor() // who has no verified address, and becomes no user
			bob.open(bob.signIn(bob.begin("op", "/page"), op.Bob).String()).wantReturn(t, "/page", "email_not_verified")
			bob.wantNoSession()
		})
	}
}

// wantOneRedemption looks at the wire: how the client authenticated, what the provider gave, and that none of that is
// anywhere else.
func (a *app) wantOneRedemption(t *testing.T, v *visitor, algorithm string, public bool) {
	t.Helper()
	redeemed := a.wire.at("/token")
	if len(redeemed) != 1 {
		t.Fatalf("%d token requests, want one", len(redeemed))
	}
	form, err := url.ParseQuery(redeemed[0].request)
	if err != nil || form.Get("grant_type") != "authorization_code" || form.Get("code_verifier") == "" {
		t.Errorf("token request %q, %v", redeemed[0].request, err)
	}
	if basic := strings.HasPrefix(redeemed[0].header, "Basic "); basic == public || form.Has("client_secret") {
		t.Errorf("client_secret_basic is %v and the form has client_secret %v for a public client %v", basic, form.Has("client_secret"), public)
	}
	var given realidp.Tokens
	if err := json.Unmarshal(redeemed[0].answer, &given); err != nil {
		t.Fatal(err)
	}
	if got := algorithmOf(t, given.IDToken); got != algorithm {
		t.Errorf("the ID token is signed with %s, want %s", got, algorithm)
	}
	stored, seen := a.stored(), v.seen.Bytes()
	if !bytes.Contains(stored, []byte("alice@example.com")) { // else the search below would find nothing whatever was stored
		t.Error("the database does not hold the user's address")
	}
	for name, token := range map[string]string{"ID token": given.IDToken, "access token": given.AccessToken, "refresh token": given.RefreshToken} {
		switch {
		case token == "":
			t.Errorf("the provider gave no %s", name)
		case bytes.Contains(stored, []byte(token)):
			t.Errorf("the provider's %s is in the database", name)
		case bytes.Contains(seen, []byte(token)):
			t.Errorf("the provider's %s went to the browser", name)
		}
	}
}

func algorithmOf(t *testing.T, token string) string {
	t.Helper()
	var header struct{ Alg string }
	first, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Fatal(err)
	}
	return header.Alg
}

// signInAsSPA obtains the tokens of a single-page app for alice.
func signInAsSPA(t *testing.T, op *realidp.OpenID, spa realidp.Client, nonce string) realidp.Tokens {
	t.Helper()
	g, err := op.Grant(t.Context(), realidp.NewBrowser(), spa, op.Alice, nonce)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := op.Redeem(t.Context(), spa, g)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// What is wrong with a callback is refused, and gives no session.
func TestCallbackRefused(t *testing.T) {
	op := realidp.StartOpenID(t)
	other := realidp.Client{ID: "another app", Secret: "another secret", RedirectURIs: []string{"http://127.0.0.1:9/callback"}}
	a := newOpenIDApp(t, op, nil, other)
	change := func(u *url.URL, name, value string) string {
		changed, query := *u, u.Query()
		query.Set(name, value)
		if value == "" {
			query.Del(name)
		}
		changed.RawQuery = query.Encode()
		return changed.String()
	}
	t.Run("another state", func(t *testing.T) {
		v := a.visitor()
		callback := v.signIn(v.begin("op", "/page"), op.Alice)
		v.open(change(callback, "state", "made up")).want(t, "callback", http.StatusBadRequest, "state_mismatch")
		v.wantNoSession()
		v.open(callback.String()).wantReturn(t, "/page", "") // a forged callback does not spoil the real one
	})
	t.Run("another browser", func(t *testing.T) {
		v, mallory := a.visitor(), a.visitor()
		callback := mallory.signIn(mallory.begin("op", "/page"), op.Alice)
		v.open(callback.String()).want(t, "callback", http.StatusBadRequest, "state_mismatch")
		v.wantNoSession()
	})
	t.Run("replayed", func(t *testing.T) {
		v := a.visitor()
		begun := v.begin("op", "/page")
		kept := v.cookiesOf(a.redirectURI("op"))
		callback := v.signIn(begun, op.Alice)
		v.open(callback.String()).wantReturn(t, "/page", "")
		redeemed := len(a.wire.at("/token"))
		v.open(callback.String()).want(t, "callback without its cookie", http.StatusBadRequest, "state_mismatch")
		thief := a.visitor()
		thief.keep(a.redirectURI("op"), kept)
		thief.open(callback.String()).want(t, "callback with its cookie", http.StatusBadRequest, "login_expired")
		thief.wantNoSession()
		if now := len(a.wire.at("/token")); now != redeemed {
			t.Errorf("a replayed callback made %d token requests, want none", now-redeemed)
		}
		v.mustRefresh(op.Alice)
	})
	t.Run("without iss", func(t *testing.T) {
		v := a.visitor()
		callback := v.signIn(v.begin("op", "/page"), op.Alice)
		v.open(change(callback, "iss", "")).want(t, "callback", http.StatusBadRequest, "issuer_mismatch")
		v.open(change(callback, "iss", op.Issuer+"/")).want(t, "callback", http.StatusBadRequest, "issuer_mismatch")
		v.wantNoSession()
	})
	t.Run("code of another login", func(t *testing.T) { // PKCE and nonce bind a code to its login
		v, mallory := a.visitor(), a.visitor()
		stolen := mallory.signIn(mallory.begin("op", "/page"), op.Alice)
		callback := v.signIn(v.begin("op", "/page"), op.Alice)
		v.open(change(callback, "code", stolen.Query().Get("code"))).wantReturn(t, "/page", "idp_error")
		v.wantNoSession()
	})
	t.Run("code of another client", func(t *testing.T) {
		v := a.visitor()
		foreign, err := op.Grant(t.Context(), v.idp, other, op.Alice, "")
		if err != nil {
			t.Fatal(err)
		}
		callback := v.signIn(v.begin("op", "/page"), op.Alice)
		v.open(change(callback, "code", foreign.Code)).wantReturn(t, "/page", "idp_error")
		v.wantNoSession()
	})
	t.Run("code that was redeemed before", func(t *testing.T) {
		v := a.visitor()
		used, err := op.Grant(t.Context(), v.idp, clientOf(a), op.Alice, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := op.Redeem(t.Context(), clientOf(a), used); err != nil {
			t.Fatal(err)
		}
		callback := v.signIn(v.begin("op", "/page"), op.Alice)
		v.open(change(callback, "code", used.Code)).wantReturn(t, "/page", "idp_error")
		v.wantNoSession()
	})
	t.Run("denied", func(t *testing.T) {
		v := a.visitor()
		address, err := url.Parse(v.begin("op", "/page"))
		if err != nil {
			t.Fatal(err)
		}
		callback := v.signIn(change(address, "prompt", "none"), op.Alice) // nobody is signed in there
		if callback.Query().Get("error") != "login_required" {
			t.Errorf("the provider leads to %s, want error=login_required", callback)
		}
		v.open(callback.String()).wantReturn(t, "/page", "idp_denied")
		v.wantNoSession()
	})
}

// The keys of the provider change while logins are under way.
func TestKeyRotation(t *testing.T) {
	op := realidp.StartOpenID(t)
	spa := realidp.Client{ID: "spa", RedirectURIs: []string{"http://127.0.0.1:9/callback"}}
	a := newOpenIDApp(t, op, func(_ *realidp.Client, o *idp.OIDC) { o.Audiences = []string{spa.ID} }, spa)
	rotate := func(keep bool) {
		t.Helper()
		if err := op.RotateKeys(t.Context(), keep); err != nil {
			t.Fatal(err)
		}
	}
	a.visitor().login("op", op.Alice)

	a.wait(31 * time.Second)
	v := a.visitor()
	under := v.signIn(v.begin("op", "/page"), op.Alice)
	earlier, withdrawn := signInAsSPA(t, op, spa, ""), signInAsSPA(t, op, spa, "")
	rotate(true)
	v.open(under.String()).wantReturn(t, "/page", "") // the ID token is signed with a key that nobody has seen
	v.mustRefresh(op.Alice)
	v.post("social-exchange/", map[string]any{"id_token": earlier.IDToken}).want(t, "a token of the earlier key, which is published", http.StatusOK, "")

	a.wait(31 * time.Second)
	rotate(false)
	a.visitor().login("op", op.Alice)
	a.visitor().post("social-exchange/", map[string]any{"id_token": withdrawn.IDToken}).want(t, "a token of a key that was withdrawn", http.StatusUnauthorized, "idp_token_invalid")
	if fetched := len(a.wire.at("/jwks")); fetched > 4 {
		t.Errorf("the keys were fetched %d times for three sets of them", fetched)
	}
}

// cognito-local, whose discovery document names no endpoints. It puts no nonce into a token, which Amazon does:
// everything goes well until there, and there a login must fail.
func TestCognitoLogin(t *testing.T) {
	pool := realidp.Cognito(t)
	a := newApp(t)
	client, err := pool.AddClient(t.Context(), a.redirectURI("cognito"))
	if err != nil {
		t.Fatal(err)
	}
	a.serve(idp.Cognito{
		Issuer: pool.Issuer, ClientID: client, Client: a.wire.client(),
		AuthorizationEndpoint: pool.AuthorizationEndpoint(), TokenEndpoint: pool.TokenEndpoint(),
	})
	v := a.visitor()
	address := v.begin("cognito", "/page")
	if query, err := url.Parse(address); err != nil || query.Query().Get("code_challenge_method") != "S256" || query.Query().Get("nonce") == "" {
		t.Errorf("login/ leads to %q, want PKCE with S256 and a nonce", address)
	}
	callback := v.signIn(address, pool.Alice)
	v.open(callback.String()).wantReturn(t, "/page", "idp_error")
	v.wantNoSession()
	if redeemed := a.wire.at("/oauth2/token"); len(redeemed) != 1 || redeemed[0].status != http.StatusOK {
		t.Errorf("token requests %+v, want one that is answered with tokens", redeemed)
	}
	if fetched := a.wire.at("/.well-known/jwks.json"); len(fetched) != 1 {
		t.Errorf("%d fetches of the keys, want one", len(fetched))
	}
	if logged := a.log.String(); !strings.Contains(logged, "nonce is not the one that was sent") {
		t.Errorf("the log does not say that the nonce was missing:\n%s", logged)
	}
}
