package realidp

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// OpenID is oidc-provider, which is certified for what it does: authorization code with PKCE, iss in the callback,
// refresh tokens that rotate, a code used twice revoking what came of it, RP-initiated and back-channel logout. Its ID
// tokens have no at_hash, and a sid only for a client with SessionRequired. It has one key for each of RS256, ES256 and
// EdDSA.
type OpenID struct {
	Issuer string

	Alice User // e-mail address verified
	Bob   User // e-mail address not verified
}

// Client is a registration at the provider. It may refresh, and whatever it asks for is consented to.
type Client struct {
	ID             string
	Secret         string   // "" for a public client; else it authenticates by client_secret_basic
	Algorithm      string   // of its ID tokens and logout tokens: "RS256", which is the default, "ES256" or "EdDSA"
	RedirectURIs   []string // compared as a whole
	LogoutReturnTo []string // where a logout at the provider may lead
	// BackChannelLogout is the address that gets logout tokens; "" for none. They have a sid if SessionRequired
	// (OpenID Connect Back-Channel Logout 1.0 §2.2), and so have the ID tokens.
	BackChannelLogout string
	SessionRequired   bool
}

// StartOpenID starts oidc-provider without a client, and ends it when the test is over; what it printed goes into the
// log of a test that fails. Starting takes 0.6 s on an idle machine.
func StartOpenID(t testing.TB) *OpenID {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal("realidp: ", err)
	}
	node, library, err := find(dir, "oidc-provider")
	if err != nil {
		t.Fatal("realidp: ", err)
	}
	script := filepath.Join(library, "../../openid.mjs")
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	var p *process
	var o *OpenID
	for range 3 { // somebody else may take the port first
		if p, o, err = startOpenID(ctx, node, script, t.TempDir()); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal("realidp: oidc-provider: ", err)
	}
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("oidc-provider at %s:\n%s", o.Issuer, p.output)
		}
	})
	return o
}

func startOpenID(ctx context.Context, node, script, dir string) (*process, *OpenID, error) {
	port, err := freePort()
	if err != nil {
		return nil, nil, err
	}
	// Its name is localhost while an app's is 127.0.0.1: to a browser these are two sites, and no cookie of one goes to
	// the other.
	o := &OpenID{Issuer: fmt.Sprintf("http://localhost:%d", port)}
	accounts := object{}
	add := func(name string, verified bool) User {
		user := User{Email: name + "@example.com", Password: rand.Text()}
		accounts[user.Email] = object{"password": user.Password, "claims": object{
			"sub": rand.Text(), "email": user.Email, "email_verified": verified, "given_name": name, "preferred_username": name,
		}}
		return user
	}
	o.Alice, o.Bob = add("alice", true), add("bob", false)
	settings, err := json.Marshal(object{"port": port, "accounts": accounts})
	if err != nil {
		return nil, nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "settings.json"), settings, 0o600); err != nil {
		return nil, nil, err
	}
	p, err := start(ctx, node, script, dir, "listening as "+o.Issuer)
	return p, o, err
}

// Register replaces all clients.
func (o *OpenID) Register(ctx context.Context, clients ...Client) error {
	registered := []object{}
	for _, c := range clients {
		registered = append(registered, c.metadata())
	}
	return o.tell(ctx, "settings", object{"clients": registered}, nil)
}

// Thin moves the claims about a user from the ID token to UserInfo, or back; at first they are in the ID token.
func (o *OpenID) Thin(ctx context.Context, thin bool) error {
	return o.tell(ctx, "settings", object{"thin": thin}, nil)
}

// RotateKeys makes new keys sign at once. keep leaves the earlier ones published.
func (o *OpenID) RotateKeys(ctx context.Context, keep bool) error {
	return o.tell(ctx, "keys", object{"keep": keep}, nil)
}

// State is what the provider did by itself.
type State struct {
	Notices []string // the ids of the clients to which a logout token was delivered, in order
	Faults  []string // requests that it refused, and logout tokens that it could not deliver
}

// State tells what has happened so far.
func (o *OpenID) State(ctx context.Context) (State, error) {
	var s State
	err := o.tell(ctx, "state", object{}, &s)
	return s, err
}

// metadata is c in the words of OpenID Connect Dynamic Client Registration 1.0 §2.
func (c Client) metadata() object {
	m := object{
		"client_id": c.ID, "token_endpoint_auth_method": "none", "redirect_uris": c.RedirectURIs,
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"},
	}
	if c.Secret != "" {
		m["client_secret"], m["token_endpoint_auth_method"] = c.Secret, "client_secret_basic"
	}
	if c.Algorithm != "" {
		m["id_token_signed_response_alg"] = c.Algorithm
	}
	if len(c.LogoutReturnTo) > 0 {
		m["post_logout_redirect_uris"] = c.LogoutReturnTo
	}
	if c.BackChannelLogout != "" {
		m["backchannel_logout_uri"], m["backchannel_logout_session_required"] = c.BackChannelLogout, c.SessionRequired
	}
	return m
}

// tell uses what only a test has: the control of the program in node/openid.mjs.
func (o *OpenID) tell(ctx context.Context, what string, in object, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.Issuer+"/test/"+what, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := exchange(newClient(), req, out); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Grant has user sign in for a client, in a browser, and leaves the code to be redeemed. nonce is "" for none.
func (o *OpenID) Grant(ctx context.Context, b *Browser, c Client, user User, nonce string) (Grant, error) {
	extra := url.Values{}
	if nonce != "" {
		extra.Set("nonce", nonce)
	}
	return authorize(ctx, b, o.Issuer+"/auth", c.ID, c.RedirectURIs[0], user, extra)
}

// Redeem exchanges the code of a grant for tokens.
func (o *OpenID) Redeem(ctx context.Context, c Client, g Grant) (Tokens, error) {
	return redeem(ctx, o.Issuer+"/token", c.ID, c.Secret, g)
}

// Refresh exchanges a refresh token for new tokens (RFC 6749 §6). The old one, shown again, ends all that came of the
// sign-in.
func (o *OpenID) Refresh(ctx context.Context, c Client, refreshToken string) (Tokens, error) {
	return requestTokens(ctx, o.Issuer+"/token", c.ID, c.Secret, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}})
}

// UserInfo asks with an access token (OpenID Connect Core 1.0 §5.3).
func (o *OpenID) UserInfo(ctx context.Context, accessToken string) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.Issuer+"/me", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+accessToken)
	var claims map[string]any
	err = exchange(newClient(), req, &claims)
	return claims, err
}
