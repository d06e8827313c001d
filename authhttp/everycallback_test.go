package authhttp_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
)

var form = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}

// What callback/ refuses it refuses by both methods, before anything is changed.
func TestCallbackByBothMethods(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		t.Run(method, func(t *testing.T) {
			l := newLoginApp(t, nil)
			come := func(provider, parameters, cookies string) answer {
				r := request{method: method, cookies: cookies}
				if method == "GET" {
					r.query = "?" + parameters
				} else {
					r.body, r.headers = parameters, form
				}
				return l.do("callback/"+provider+"/", r)
			}
			before := l.rows()
			come("plain", "state=%zz", "").want(t, 400, "invalid_request")
			come("plain", "code=x", "").want(t, 400, "state_mismatch")
			come("nobody", "code=x", "").want(t, 404, "idp_not_configured")
			f := l.begin("plain", "/", "")
			cookie, state := f.cookie.Name+"="+f.cookie.Value, f.location.Query().Get("state")
			come("plain", url.Values{"state": {state}, "code": {"x"}, "iss": {"https://evil.example"}}.Encode(), cookie).want(t, 400, "issuer_mismatch")
			l.clock.advance(sallyport.LoginLife)
			come("plain", url.Values{"state": {state}, "code": {"x"}, "iss": {l.plain.Issuer()}}.Encode(), cookie).want(t, 400, "login_expired")
			if l.rows() != before {
				t.Error("a refused callback has changed something")
			}
			// The setting has changed while a login was under way.
			f = l.begin("plain", "https://spa.example.com/app", "")
			l.config.ReturnTo = nil
			later := loginApp{l.another(), l.plain, l.other}
			l = later
			come("plain", url.Values{"state": {f.location.Query().Get("state")}, "code": {"x"}, "iss": {l.plain.Issuer()}}.Encode(), f.cookie.Name+"="+f.cookie.Value).want(t, 400, "invalid_return_to")
		})
	}
	l := newLoginApp(t, nil)
	l.do("callback/plain/", request{body: map[string]any{"state": "x"}}).want(t, 415, "unsupported_media_type")
	l.do("callback/plain/", request{body: "state=" + strings.Repeat("x", 65<<10), headers: form}).want(t, 413, "body_too_large")
}

// A fault of ours leaves the login as it was where it has not begun to be used, and is told at return_to once it has.
func TestLoginWithoutADatabase(t *testing.T) {
	l := newLoginApp(t, nil)
	_, pw := l.user("anna")
	anna := l.signIn("anna", pw)
	f := l.begin("plain", "/x", "")
	query, notice := f.signIn(l.plain, idptest.Alice()), l.plain.LogoutToken(idptest.Alice())
	l.exchange(l.plain.Tokens(idptest.Carol()).IDToken).want(t, 200, "") // the keys are there
	l.store.Close()
	l.do("login/plain/", request{method: "GET"}).want(t, 503, "store_unavailable")
	x := f.land("plain", query)
	x.wantReturn(t, "https://app.example.com/x?sallyport_error=store_unavailable")
	if x.cookies["refresh_cookie"] != nil {
		t.Errorf("cookies %v", x.header.Values("Set-Cookie"))
	}
	l.notify("plain", notice).want(t, 503, "store_unavailable")
	l.bearer(anna, "identities/", "GET").want(t, 503, "store_unavailable")
}

func TestLoginOnADatabaseThatLacksATable(t *testing.T) {
	l := newLoginApp(t, nil)
	notice := l.plain.LogoutToken(idptest.Alice())
	l.exchange(l.plain.Tokens(idptest.Carol()).IDToken).want(t, 200, "")
	for _, table := range []string{"counters", "replayed_tokens"} {
		if _, err := l.db.Exec("drop table " + table); err != nil {
			t.Fatal(err)
		}
	}
	l.do("login/plain/", request{method: "GET"}).want(t, 500, "internal")
	l.notify("plain", notice).want(t, 500, "internal")
}

func TestBackChannelLogoutWithoutKeys(t *testing.T) {
	l := newLoginApp(t, nil)
	l.plain.Fault(idptest.UntilCleared, idptest.JWKS, idptest.Status(500))
	l.notify("plain", l.plain.LogoutToken(idptest.Alice())).want(t, 503, "idp_unavailable")
}

func TestLinkRefusals(t *testing.T) {
	l := newLoginApp(t, func(c *config, _ *idp.OIDC) { c.Limits.Login = sallyport.Limit{Count: 2, Period: 60_000_000_000} })
	_, pw := l.user("anna")
	bearer := map[string]string{"Authorization": "Bearer " + l.signIn("anna", pw).access}
	ask := func(provider string, body any) answer {
		return l.do("identities/"+provider+"/", request{body: body, headers: bearer})
	}
	ask("plain", map[string]any{"return_to": "//evil.example"}).want(t, 400, "invalid_return_to")
	ask("plain", map[string]any{"return_to": 7}).want(t, 400, "invalid_request")
	ask("plain", map[string]any{"return_to": strings.Repeat("x", 65<<10)}).want(t, 413, "body_too_large")
	l.plain.Fault(idptest.UntilCleared, idptest.Discovery, idptest.Status(500))
	ask("plain", nil).want(t, 503, "idp_unavailable")
	ask("other", nil).want(t, 200, "")
	x := ask("other", nil)
	x.want(t, 429, "rate_limited")
	if x.header.Get("Retry-After") == "" {
		t.Errorf("headers %v", x.header)
	}
}
