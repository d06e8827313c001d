package authhttp_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
)

// weakAndWork are a provider whose word proves nothing, for it links nothing, and one that is trusted with addresses.
func weakAndWork(t *testing.T) (a *app, weak, work *idptest.Provider) {
	a = newApp(t, nil)
	weak = idptest.New(t, idptest.Config{Now: a.clock.now, ClientID: "weak", RedirectURIs: []string{issuer + "/callback/weak/"}})
	work = idptest.New(t, idptest.Config{Now: a.clock.now, ClientID: "work"})
	a.config.Providers = []sallyport.Provider{
		idp.OIDC{Name: "weak", Issuer: weak.Issuer(), ClientID: "weak"},
		idp.OIDC{Name: "work", Issuer: work.Issuer(), ClientID: "work", Linking: sallyport.LinkVerifiedEmail},
	}
	return a.another(), weak, work
}

// Somebody takes an account with the victim's address at a provider that does not check it, before the victim comes.
func TestSX_18_AccountThatWaitsForItsVictim(t *testing.T) {
	for name, first := range map[string]string{"made with the address": "victim@corp.example", "given the address later": "mallory@evil.example"} {
		t.Run(name, func(t *testing.T) {
			a, weak, work := weakAndWork(t)
			a.exchange(weak.Tokens(person("mallory", first, true)).IDToken).want(t, 200, "")
			a.clock.advance(time.Minute)
			a.exchange(weak.Tokens(person("mallory", "victim@corp.example", true)).IDToken).want(t, 200, "")
			x := a.exchange(work.Tokens(person("victim", "victim@corp.example", true)).IDToken)
			x.want(t, 409, "account_link_required")
			if n := a.count("select count(*) from identities"); n != 1 {
				t.Errorf("%d identities, want mallory's alone", n)
			}
		})
	}
}

// GitHub gives away the names of accounts, and those who leave a company keep its verified address.
func TestSX_18_AddressOfWhoHasLeft(t *testing.T) {
	a := newApp(t, nil)
	github := idptest.New(t, idptest.Config{
		Now: a.clock.now, Personality: "github", ClientID: "gh", ClientSecret: randomText(), RedirectURIs: []string{issuer + "/callback/github/"},
	})
	work := idptest.New(t, idptest.Config{Now: a.clock.now, ClientID: "work"})
	a.config.Providers = []sallyport.Provider{
		idp.GitHub{Issuer: github.Issuer(), ClientID: "gh", ClientSecret: github.ClientSecret()},
		idp.OIDC{Name: "work", Issuer: work.Issuer(), ClientID: "work", Linking: sallyport.LinkVerifiedEmail},
	}
	l := loginApp{app: a.another(), plain: github}
	leaver := person("leaver", "desk@example.com", true)
	leaver.Subject = "4711"
	l.signInAt("github", github, leaver, "")
	l.exchange(work.Tokens(person("successor", "desk@example.com", true)).IDToken).want(t, 409, "account_link_required")
}

// A weak provider's word neither takes an address from an account that has proved it, nor frees it for somebody else.
func TestProvedAddressStaysThroughHearsay(t *testing.T) {
	a, weak, work := weakAndWork(t)
	anna := person("anna", "anna@example.com", true)
	s := a.sessionOf(a.exchange(work.Tokens(anna).IDToken))
	l := loginApp{app: a, plain: weak}
	second := person("anna at weak", "private@hobby.example", true)
	l.add(s, "weak", weak, second)
	a.clock.advance(time.Minute)

	in := a.exchange(weak.Tokens(second).IDToken)
	in.want(t, 200, "")
	if got := a.bearer(a.sessionOf(in), "user/", "GET").text("email"); got != "anna@example.com" {
		t.Errorf("email = %q after a sign-in at the weak provider, want the one that was proved", got)
	}
	mallory := a.exchange(weak.Tokens(person("mallory", "anna@example.com", true)).IDToken)
	mallory.want(t, 409, "account_link_required")
}

// removeIdentities takes those of one provider from the session's user.
func (a *app) removeIdentities(s *session, provider string, status int, code string) {
	a.t.Helper()
	removed := 0
	for _, each := range a.bearer(s, "identities/", "GET").json["identities"].([]any) {
		if i := each.(map[string]any); i["provider"] == provider {
			a.bearer(s, "identities/"+i["id"].(string)+"/", "DELETE").want(a.t.(*testing.T), status, code)
			removed++
		}
	}
	if removed == 0 {
		a.t.Errorf("there is no identity of %s", provider)
	}
}

// add gives the session's user another identity, by the backend's own flow.
func (l loginApp) add(s *session, name string, p *idptest.Provider, u idptest.User) {
	l.t.Helper()
	x := l.bearer(s, "identities/"+name+"/", "POST")
	f := l.flightOf(x, x.text("location"))
	p.SetUser(u)
	f.land(name, f.signIn(p, u))
}

func TestRemovedIdentityStaysRemoved(t *testing.T) {
	bothDoors(t, verifiedEmail, func(t *testing.T, l loginApp, enter func(idptest.User) (string, *session)) {
		l.user("anna")
		u := person("anna at plain", "anna@example.com", true)
		code, byProvider := enter(u)
		if code != "" {
			t.Fatal(code)
		}
		_, pw := l.user("bert")
		bert := l.signIn("bert", pw)
		// The link ended everything that was there before, and removed the password. Another provider is the way back.
		l.add(byProvider, "other", l.other, person("anna at other", "", nil))
		another := l.signInAt("other", l.other, person("anna at other", "", nil), "")
		_, second := enter(u)
		l.removeIdentities(second, "plain", 204, "")
		byProvider.wantLive(t, "a session that the identity had signed in", false)
		second.wantLive(t, "the session that asked", true)
		another.wantLive(t, "a session of another identity", true)
		bert.wantLive(t, "somebody else's session", true)

		l.clock.advance(time.Minute)
		if code, _ := enter(u); code != "account_link_required" {
			t.Errorf("the removed identity is answered %q, want account_link_required", code)
		}
		l.add(another, "plain", l.plain, u) // by the user's own hand it comes back
		if code, _ := enter(u); code != "" {
			t.Errorf("the identity that was added again is answered %q", code)
		}
	})
}

func TestLogoutAtTheProviderAfterRemoval(t *testing.T) {
	l := newLoginApp(t, nil)
	alice := idptest.Alice()
	first := l.signInAt("plain", l.plain, alice, "")
	l.add(first, "other", l.other, alice)
	l.removeIdentities(first, "plain", 204, "")
	first.wantLive(t, "the session that asked", true)
	l.notify("plain", l.plain.LogoutToken(alice)).want(t, 200, "")
	first.wantLive(t, "after the provider's logout", false)
}

// An identity of a provider that is not configured any more is no way in.
func TestLastWayInOfConfiguredProviders(t *testing.T) {
	l := newLoginApp(t, nil)
	s := l.signInAt("plain", l.plain, idptest.Alice(), "")
	l.add(s, "other", l.other, idptest.Alice())
	l.config.Providers = l.config.Providers[:1]
	l = loginApp{app: l.another(), plain: l.plain}
	l.removeIdentities(s, "plain", 409, "identity_conflict")
	l.removeIdentities(s, "other", 204, "")
}

// What has ended at the provider does not come in by a token that was made before.
func TestTokenOfAProviderSessionThatHasEnded(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		l := newLoginAppOn(t, database, nil)
		alice := idptest.Alice()
		late := l.plain.Tokens(alice, idptest.Claim("sid", "s1")).IDToken
		l.plain.Bend(1, idptest.Claim("sid", "s2"))
		f := l.begin("plain", "/", "")
		query := f.signIn(l.plain, alice)
		for _, sid := range []string{"s1", "s2"} {
			l.notify("plain", l.plain.LogoutToken(alice, idptest.Claim("sid", sid))).want(t, 200, "")
		}
		f.land("plain", query).wantReturn(t, "https://app.example.com/?sallyport_error=idp_denied")
		l.clock.advance(time.Minute)
		l.exchange(late).want(t, 401, "idp_token_invalid")
		l.signInAt("plain", l.plain, alice, "s3")

		// By subject: what was issued before the logout is over, what is issued after it is not.
		before := l.plain.Tokens(alice).IDToken
		l.clock.advance(time.Second)
		l.notify("plain", l.plain.LogoutToken(alice)).want(t, 200, "")
		l.exchange(before).want(t, 401, "idp_token_invalid")
		l.clock.advance(time.Second)
		l.exchange(l.plain.Tokens(alice).IDToken).want(t, 200, "")
	})
}

// A logout at the provider that names a session which has ended here already is not about the user's other devices.
func TestLogoutOfASessionThatHasEnded(t *testing.T) {
	l := newLoginApp(t, nil)
	alice := idptest.Alice()
	laptop, phone := l.signInAt("plain", l.plain, alice, "s1"), l.signInAt("plain", l.plain, alice, "")
	laptop.post("logoff/").want(t, 200, "")
	for range 2 {
		l.notify("plain", l.plain.LogoutToken(alice, idptest.Claim("sid", "s1"))).want(t, 200, "")
	}
	phone.wantLive(t, "the phone", true)
}

func TestForgedLogoutTokensAreCounted(t *testing.T) {
	l := newLoginApp(t, func(c *config, _ *idp.OIDC) {
		c.Limits.Address = sallyport.Limit{Count: 3, Period: 10 * time.Minute}
	})
	alice := idptest.Alice()
	s := l.signInAt("plain", l.plain, alice, "s1")
	good := l.plain.LogoutToken(alice, idptest.Claim("sid", "never seen"))
	l.notify("plain", good).want(t, 200, "")
	for range 5 { // a provider that heard no answer asks again
		l.notify("plain", good).want(t, 400, "invalid_logout_token")
	}
	for range 3 {
		l.notify("plain", idptest.FlipBit(2, 5)(good)).want(t, 400, "invalid_logout_token")
	}
	x := l.notify("plain", l.plain.LogoutToken(alice, idptest.Claim("sid", "s1")))
	x.want(t, 429, "rate_limited")
	if x.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.wantLive(t, "a session", true)
}

// A foreign page leads nobody to a provider by an image, a frame or a fetch, and uses up no limit of whoever sees it.
func TestLoginIsNavigatedTo(t *testing.T) {
	l := newLoginApp(t, nil)
	get := func(mode, dest string) answer {
		return l.do("login/plain/", request{method: "GET", headers: map[string]string{
			"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest, "Accept": "*/*",
		}})
	}
	before := l.rows()
	for range 30 {
		for _, how := range [][2]string{{"no-cors", "image"}, {"cors", "empty"}, {"navigate", "iframe"}, {"same-origin", "empty"}, {"navigate", "object"}, {"websocket", "websocket"}} {
			x := get(how[0], how[1])
			x.want(t, 400, "invalid_request")
			if len(x.cookies) != 0 {
				t.Fatalf("%v: cookies %v", how, x.cookies)
			}
		}
	}
	if after := l.rows(); after != before {
		t.Errorf("rows were %s and are %s", before, after)
	}
	get("navigate", "document").want(t, 303, "")
}

// With HostPrefix no sibling can plant the cookie of a login either.
func TestHostPrefixOfTheLoginCookie(t *testing.T) {
	const root = "https://app.example.com"
	a := newApp(t, func(c *config) { c.Issuer, c.HTTP.Cookie.HostPrefix = root, true })
	p := idptest.New(t, idptest.Config{Now: a.clock.now, ClientID: "c", RedirectURIs: []string{root + "/callback/plain/"}})
	a.config.Providers = []sallyport.Provider{idp.OIDC{Name: "plain", Issuer: p.Issuer(), ClientID: "c"}}
	l := loginApp{app: a.another(), plain: p}
	land := func(f *flight, name string) answer {
		to, err := p.Login(t.Context(), f.location.String(), idptest.Alice())
		if err != nil {
			t.Fatal(err)
		}
		query, _ := strings.CutPrefix(to, root+"/callback/plain/")
		return l.do("callback/plain/", request{method: "GET", query: query, cookies: name + "=" + f.cookie.Value})
	}
	f := l.begin("plain", "/", "")
	c := f.cookie
	if !strings.HasPrefix(c.Name, "__Host-sallyport_login_") || c.Path != "/" || !c.Secure || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie of the login: %+v", c)
	}
	land(f, strings.TrimPrefix(c.Name, "__Host-")).want(t, 400, "state_mismatch")
	f = l.begin("plain", "/", "")
	x := land(f, f.cookie.Name)
	x.wantReturn(t, root+"/")
	if gone := x.cookies[f.cookie.Name]; gone == nil || gone.MaxAge >= 0 || gone.Path != "/" || x.cookies["__Host-refresh_cookie"] == nil {
		t.Errorf("cookies %v", x.header.Values("Set-Cookie"))
	}
}
