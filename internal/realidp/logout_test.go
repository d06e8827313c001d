package realidp_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/internal/realidp"
)

// wantLive checks whether the session of this browser goes on.
func (v *visitor) wantLive(what string, live bool) {
	v.Helper()
	x := v.post("refresh/", nil)
	if live && x.status != http.StatusOK || !live && x.text("code") != "session_revoked" {
		v.Errorf("%s: refresh/ = %d %s, want live = %v", what, x.status, x.body, live)
	}
}

// endAtProvider has the person behind v sign out at the provider, in the same browser, and expects one logout token to
// be delivered.
func (v *visitor) endAtProvider(op *realidp.OpenID, clientID string) {
	v.Helper()
	before, err := op.State(v.Context())
	if err != nil {
		v.Fatal(err)
	}
	address := op.Issuer + "/session/end?" + url.Values{"client_id": {clientID}, "post_logout_redirect_uri": {v.origin + "/bye"}}.Encode()
	if to, err := v.idp.EndSession(v.Context(), address); err != nil || to.String() != v.origin+"/bye" {
		v.Fatalf("the provider's logout leads to %v, %v", to, err)
	}
	after, err := op.State(v.Context())
	if err != nil {
		v.Fatal(err)
	}
	if got := after.Notices[len(before.Notices):]; !slices.Equal(got, []string{clientID}) {
		v.Errorf("logout tokens were delivered to %q, want one to %q; faults: %q", got, clientID, after.Faults)
	}
}

// The provider posts logout tokens by itself (OpenID Connect Back-Channel Logout 1.0), signed with each kind of key.
// One with a sid ends the sessions that came of that session there; one without ends all of the subject.
func TestBackChannelLogout(t *testing.T) {
	op := realidp.StartOpenID(t)
	tests := []struct {
		name, algorithm string
		sid             bool
	}{
		{"with sid, RS256", "RS256", true},
		{"with sid, ES256", "ES256", true},
		{"with sid, EdDSA", "EdDSA", true},
		{"without sid", "ES256", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := newOpenIDApp(t, op, func(c *realidp.Client, _ *idp.OIDC) {
				c.Algorithm, c.SessionRequired = test.algorithm, test.sid
				issuer, _, _ := strings.Cut(c.RedirectURIs[0], "/callback/")
				c.BackChannelLogout = issuer + "/backchannel-logout/op/"
			})
			ends, stays := a.visitor(), a.visitor()
			ends.login("op", op.Alice)
			stays.login("op", op.Alice)
			ends.wantLive("before", true)

			ends.endAtProvider(op, "the app")
			ends.wantLive("the session that was ended at the provider", false)
			stays.wantLive("the same user in another browser", test.sid)
			ends.login("op", op.Alice)
			ends.wantLive("a login afterwards", true)
		})
	}
}

// A logoff that asks for it leads the browser to where the provider ends its own session, and back to the app.
func TestLogoffAtTheProvider(t *testing.T) {
	op := realidp.StartOpenID(t)
	a := newOpenIDApp(t, op, nil)
	v := a.visitor()
	v.login("op", op.Alice)
	if callback := v.signIn(silently(t, v.begin("op", "/page")), realidp.User{}); callback.Query().Get("code") == "" {
		t.Errorf("with a session at the provider it leads to %s, want a code without a form", callback)
	}
	x := v.post("logoff/", map[string]any{"end_provider_session": true})
	x.want(t, "logoff/", http.StatusOK, "")
	v.wantNoSession()
	if to, err := v.idp.EndSession(t.Context(), x.text("location")); err != nil || to.String() != a.origin+"/bye" {
		t.Errorf("the location %q leads to %v, %v, want %s/bye", x.text("location"), to, err, a.origin)
	}
	callback := v.signIn(silently(t, v.begin("op", "/page")), realidp.User{})
	if callback.Query().Get("error") != "login_required" {
		t.Errorf("after its logout the provider leads to %s, want login_required", callback)
	}
	v.open(callback.String()).wantReturn(t, "/page", "idp_denied")
	v.wantNoSession()

	v.login("op", op.Alice) // a person again, at the form
	v.post("logoff/", nil).want(t, "logoff/", http.StatusOK, "")
	if callback := v.signIn(silently(t, v.begin("op", "/page")), realidp.User{}); callback.Query().Get("code") == "" {
		t.Errorf("a logoff of ours alone ended the provider's session too: it leads to %s", callback)
	}
}

// silently is an authorization request that must be answered without a page (OpenID Connect Core 1.0 §3.1.2.1).
func silently(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("prompt", "none")
	u.RawQuery = query.Encode()
	return u.String()
}
