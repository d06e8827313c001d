package authhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/internal/storehook"
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

// lacking is a setting: the first call of this name does not reach the database.
func lacking(op string) func(*config, *idp.OIDC) {
	return func(c *config, _ *idp.OIDC) {
		inner, failed := c.Store, atomic.Bool{}
		c.Store = &storehook.Store{
			Around: func(ctx context.Context, called string, call storehook.Call) error {
				if called == op && !failed.Swap(true) {
					return fmt.Errorf("no answer in time: %w", sallyport.ErrStoreUnavailable)
				}
				return call(ctx, inner)
			},
			Closing: func() error { return nil },
		}
	}
}

// beginLink asks for a link, as a page does.
func (l loginApp) beginLink(s *session, provider, returnTo string) *flight {
	l.t.Helper()
	x := l.do("identities/"+provider+"/", request{body: map[string]any{"return_to": returnTo}, headers: map[string]string{"Authorization": "Bearer " + s.access}})
	return l.flightOf(x, x.text("location"))
}

// What goes wrong once the state has matched is told where the browser wanted to be, and there alone.
func TestFaultsAreToldAtReturnTo(t *testing.T) {
	const returnTo = "/x?page=2"
	begin := func(l loginApp) *flight { return l.begin("plain", returnTo, "") }
	// anew is another instance, which has to ask the provider for everything, and cannot.
	anew := func(l loginApp, f *flight) {
		l.plain.Fault(idptest.UntilCleared, idptest.Discovery, idptest.Status(500))
		f.app = l.another()
	}
	var anna *session
	for name, c := range map[string]struct {
		change    func(*config, *idp.OIDC)
		begin     func(loginApp) *flight
		meanwhile func(l loginApp, f *flight, query url.Values) // while the person is at the provider
		code      string
	}{
		"no iss, and nobody to ask whether there should be one": {nil, begin, func(l loginApp, f *flight, query url.Values) {
			anew(l, f)
			query.Del("iss")
		}, "idp_unavailable"},
		"nobody to ask for the token endpoint": {nil, begin, func(l loginApp, f *flight, _ url.Values) { anew(l, f) }, "idp_unavailable"},
		"no keys": {nil, begin, func(l loginApp, _ *flight, _ url.Values) {
			l.plain.Fault(idptest.UntilCleared, idptest.JWKS, idptest.Status(500))
		}, "idp_unavailable"},
		"no new users": {func(_ *config, p *idp.OIDC) { p.CreateUsers = new(false) }, begin, nil, "forbidden"},
		"claims that fail": {func(c *config, _ *idp.OIDC) {
			c.Claims = []sallyport.ClaimFunc{func(context.Context, sallyport.ClaimRequest) (map[string]any, error) {
				return nil, errors.New("directory is down")
			}}
		}, begin, nil, "claims_failed"},
		"no database for the state":    {lacking("consume"), begin, nil, "store_unavailable"},
		"no database for the identity": {lacking("user_by_identity"), begin, nil, "store_unavailable"},
		"no database for the session":  {lacking("start_session"), begin, nil, "store_unavailable"},
		"a link to an identity of somebody else": {nil, func(l loginApp) *flight {
			alices := l.begin("plain", "/", "")
			alices.land("plain", alices.signIn(l.plain, idptest.Alice())).wantReturn(t, "https://app.example.com/")
			_, pw := l.user("anna")
			return l.beginLink(l.signIn("anna", pw), "plain", returnTo)
		}, nil, "identity_conflict"},
		"a link of a session that has ended": {nil, func(l loginApp) *flight {
			_, pw := l.user("anna")
			anna = l.signIn("anna", pw)
			return l.beginLink(anna, "plain", returnTo)
		}, func(loginApp, *flight, url.Values) { anna.post("logoff/").want(t, 200, "") }, "session_revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoginApp(t, c.change)
			f := c.begin(l)
			query := f.signIn(l.plain, idptest.Alice())
			if c.meanwhile != nil {
				c.meanwhile(l, f, query)
			}
			before := l.rows()
			x := f.land("plain", query)
			x.wantReturn(t, "https://app.example.com/x?page=2&sallyport_error="+c.code)
			if l.rows() != before || len(x.cookies) != 1 || x.cookies[f.cookie.Name] == nil { // the login's own, which is deleted
				t.Errorf("a failed login left something: %v", x.header.Values("Set-Cookie"))
			}
		})
	}
}

// A fault of the database before the login has been used leaves it as it was.
func TestLoginThatCannotBeUsedUpYet(t *testing.T) {
	l := newLoginApp(t, lacking("consume"))
	f := l.begin("plain", "/x", "")
	query := f.signIn(l.plain, idptest.Alice())
	asked := l.plain.Count(idptest.Token)
	f.land("plain", query).wantReturn(t, "https://app.example.com/x?sallyport_error=store_unavailable")
	if n := l.plain.Count(idptest.Token) - asked; n != 0 {
		t.Errorf("the code was redeemed %d times", n)
	}
	f.land("plain", query).wantReturn(t, "https://app.example.com/x")
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
