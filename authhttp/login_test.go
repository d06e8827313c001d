package authhttp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
)

// loginApp is an app with two providers, at which users sign in by the backend's own flow.
type loginApp struct {
	*app
	plain, other *idptest.Provider
}

func newLoginApp(t testing.TB, change func(*config, *idp.OIDC)) loginApp {
	t.Helper()
	return newLoginAppOn(t, "sqlite", change)
}

func newLoginAppOn(t testing.TB, database string, change func(*config, *idp.OIDC)) loginApp {
	t.Helper()
	var l loginApp
	l.app = newAppOn(t, database, func(c *config) {
		provider := func(name string) (*idptest.Provider, idp.OIDC) {
			secret := randomText()
			p := idptest.New(t, idptest.Config{Now: c.Now, ClientID: name + "-client", ClientSecret: secret, RedirectURIs: []string{issuer + "/callback/" + name + "/"}})
			return p, idp.OIDC{Name: name, Issuer: p.Issuer(), ClientID: p.ClientID(), ClientSecret: secret}
		}
		var plain, other idp.OIDC
		l.plain, plain = provider("plain")
		l.other, other = provider("other")
		c.ReturnTo = []string{"https://spa.example.com/app"}
		if change != nil {
			change(c, &plain)
		}
		c.Providers = []sallyport.Provider{plain, other}
	})
	return l
}

// flight is a login under way in one browser.
type flight struct {
	app      *app
	cookie   *http.Cookie
	location *url.URL // at the provider
	held     string   // the Cookie header besides
}

// begin opens login/ as a browser does that follows a link.
func (l loginApp) begin(provider, returnTo, cookies string) *flight {
	l.t.Helper()
	x := l.do("login/"+provider+"/", request{method: "GET", query: "?return_to=" + url.QueryEscape(returnTo), cookies: cookies,
		headers: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}})
	if x.status != http.StatusSeeOther {
		l.t.Fatalf("login/ = %d %s, want 303", x.status, x.body)
	}
	return l.flightOf(x, x.header.Get("Location"))
}

func (l loginApp) flightOf(x answer, location string) *flight {
	l.t.Helper()
	f := &flight{app: l.app}
	for name, c := range x.cookies {
		if strings.Contains(name, "sallyport_login_") {
			f.cookie = c
		}
	}
	var err error
	if f.location, err = url.Parse(location); err != nil || f.cookie == nil {
		l.t.Fatalf("a login without a cookie or with the address %q: %v", location, err)
	}
	return f
}

// signIn plays a person at the provider and returns the query of the callback.
func (f *flight) signIn(p *idptest.Provider, u idptest.User) url.Values {
	f.app.t.Helper()
	to, err := p.Login(f.app.t.Context(), f.location.String(), u)
	if err != nil {
		f.app.t.Fatal(err)
	}
	back, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, issuer+"/callback/") {
		f.app.t.Fatalf("the provider leads to %q, %v", to, err)
	}
	f.app.known.add(back.Query().Get("code"))
	return back.Query()
}

// land opens the callback with the cookie of the login.
func (f *flight) land(provider string, query url.Values) answer {
	f.app.t.Helper()
	return f.app.do("callback/"+provider+"/", request{method: "GET", query: "?" + query.Encode(), cookies: f.cookie.Name + "=" + f.cookie.Value,
		headers: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}})
}

// wantReturn checks that the browser is sent to an address.
func (x answer) wantReturn(t *testing.T, to string) {
	t.Helper()
	if x.status != http.StatusSeeOther || x.header.Get("Location") != to {
		t.Errorf("callback = %d to %q (%s), want 303 to %q", x.status, x.header.Get("Location"), x.body, to)
	}
}

func TestLogin(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		l := newLoginAppOn(t, database, nil)
		f := l.begin("plain", "/orders?page=2", "")
		query := f.location.Query()
		if query.Get("code_challenge_method") != "S256" || query.Get("redirect_uri") != issuer+"/callback/plain/" || query.Get("response_type") != "code" || query.Get("scope") != "openid profile email" {
			t.Errorf("authorization request %v", query)
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if len(query.Get(name)) != 43 {
				t.Errorf("%s = %q, want 256 bits", name, query.Get(name))
			}
		}
		if c := f.cookie; !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/auth/callback/plain/" || c.MaxAge != 600 || c.Domain != "" {
			t.Errorf("cookie of the login: %+v", c)
		}
		x := f.land("plain", f.signIn(l.plain, idptest.Alice()))
		x.wantReturn(t, "https://app.example.com/orders?page=2")
		if c := x.cookies[f.cookie.Name]; c == nil || c.MaxAge >= 0 || c.Path != f.cookie.Path {
			t.Errorf("the cookie of the login stays: %v", x.header.Values("Set-Cookie"))
		}
		s := &session{app: l.app}
		s.take(x)
		s.mustRefresh()
		user := l.bearer(s, "user/", "GET").text("id")
		if claims := claims(t, s.access); user == "" || claims["sub"] != user {
			t.Errorf("claims = %v, want the subject %q", claims, user)
		}
		sessions := l.do("sessions/", request{method: "GET", headers: map[string]string{"Authorization": "Bearer " + s.access}})
		if !strings.Contains(sessions.body, `"provider":"plain"`) {
			t.Errorf("sessions/ = %s, want the provider", sessions.body)
		}
		again := l.begin("plain", "", "")
		again.land("plain", again.signIn(l.plain, idptest.Alice())).wantReturn(t, "https://app.example.com/")
		if n := l.count("select count(*) from users"); n != 1 {
			t.Errorf("%d users after two logins of one person", n)
		}
	})
}

// Tabs do not disturb each other: each login has its own cookie, and all of them travel to the callback.
func TestSeveralLoginsAtOnce(t *testing.T) {
	l := newLoginApp(t, nil)
	first, second := l.begin("plain", "/first", ""), l.begin("plain", "/second", "")
	if first.cookie.Name == second.cookie.Name {
		t.Fatalf("two logins share the cookie %q", first.cookie.Name)
	}
	both := first.cookie.Name + "=" + first.cookie.Value + "; " + second.cookie.Name + "=" + second.cookie.Value
	for _, one := range []struct {
		*flight
		to string
	}{{second, "/second"}, {first, "/first"}} {
		query := one.signIn(l.plain, idptest.Alice())
		l.do("callback/plain/", request{method: "GET", query: "?" + query.Encode(), cookies: both}).wantReturn(t, "https://app.example.com"+one.to)
	}
}

func TestLoginReplacesTheSessionOfTheBrowser(t *testing.T) {
	l := newLoginApp(t, nil)
	_, pw := l.user("bert")
	old := l.signIn("bert", pw)
	f := l.begin("plain", "", old.cookieHeader())
	f.land("plain", f.signIn(l.plain, idptest.Alice())).wantReturn(t, "https://app.example.com/")
	old.post("refresh/").want(t, 401, "session_revoked")
}

func TestBL_01_Login(t *testing.T) {
	l := newLoginApp(t, nil)
	before := l.rows()
	for _, to := range []string{"//evil.example", "/\\evil.example", "/%5cevil.example", "https:evil.example", "https://app.example.com@evil.example", "https://evil.example#@app.example.com",
		"https://app.example.com.evil.example", "https://spa.example.com/application", "javascript:alert(1)", "data:text/html,x", "/x\r\ny", "/x\ty", "/\u2028", "/" + strings.Repeat("x", 8<<10)} {
		x := l.do("login/plain/", request{method: "GET", query: "?return_to=" + url.QueryEscape(to)})
		x.want(t, 400, "invalid_return_to")
		if x.header.Get("Location") != "" {
			t.Errorf("%q: Location %q", to, x.header.Get("Location"))
		}
		l.wantNothingIssued(x, before)
	}
	l.do("login/plain/", request{method: "GET", query: "?return_to=/a&return_to=/b"}).want(t, 400, "invalid_request")
	l.begin("plain", "https://spa.example.com/app/x", "")
}

// return_to was allowed when the login began, and is not any more when it lands.
func TestBL_01_AgainAtTheCallback(t *testing.T) {
	l := newLoginApp(t, nil)
	f := l.begin("plain", "https://spa.example.com/app/x", "")
	query := f.signIn(l.plain, idptest.Alice())
	before, asked := l.rows(), l.plain.Count(idptest.Token)
	l.config.ReturnTo = []string{"https://spa.example.com/other"}
	later := *f
	later.app = l.another()
	x := later.land("plain", query)
	x.want(t, 400, "invalid_return_to")
	if to := x.header.Get("Location"); to != "" {
		t.Errorf("Location %q", to)
	}
	l.wantNothingIssued(x, before)
	if n := l.plain.Count(idptest.Token) - asked; n != 0 {
		t.Errorf("the code was redeemed %d times", n)
	}
	f.land("plain", query).wantReturn(t, "https://spa.example.com/app/x") // an instance with the old setting: none of that has used the login up
}

// bent is text with another first character.
func bent(text string) string {
	if text[0] == 'A' {
		return "B" + text[1:]
	}
	return "A" + text[1:]
}

func TestBL_02_State(t *testing.T) {
	l := newLoginApp(t, nil)
	f, others := l.begin("plain", "", ""), l.begin("plain", "", "")
	good := f.signIn(l.plain, idptest.Alice())
	before, asked := l.rows(), l.plain.Count(idptest.Token)
	with := func(change func(url.Values)) url.Values {
		q := url.Values{}
		for name, values := range good {
			q[name] = append([]string{}, values...)
		}
		change(q)
		return q
	}
	cookie := f.cookie.Name + "=" + f.cookie.Value
	for name, c := range map[string]struct {
		query   url.Values
		cookies string
	}{
		"no state":               {with(func(q url.Values) { q.Del("state") }), cookie},
		"empty state":            {with(func(q url.Values) { q.Set("state", "") }), cookie},
		"wrong state":            {with(func(q url.Values) { q.Set("state", strings.Repeat("A", 43)) }), cookie},
		"state twice":            {with(func(q url.Values) { q.Add("state", q.Get("state")) }), cookie},
		"state of another login": {with(func(q url.Values) { q.Set("state", others.location.Query().Get("state")) }), cookie},
		"no cookie":              {good, ""},
		"cookie of another":      {good, others.cookie.Name + "=" + others.cookie.Value},
		"another's under ours":   {good, f.cookie.Name + "=" + others.cookie.Value},
		"cookie twice":           {good, cookie + "; " + cookie},
		"bent cookie":            {good, f.cookie.Name + "=" + bent(f.cookie.Value)},
		"empty cookie":           {good, f.cookie.Name + "="},
		"huge state":             {with(func(q url.Values) { q.Set("state", strings.Repeat("x", 4000)) }), cookie},
		"nothing":                {url.Values{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			x := l.do("callback/plain/", request{method: "GET", query: "?" + c.query.Encode(), cookies: c.cookies})
			x.want(t, 400, "state_mismatch")
			l.wantNothingIssued(x, before)
		})
	}
	if n := l.plain.Count(idptest.Token) - asked; n != 0 {
		t.Errorf("the code went to the provider %d times", n)
	}
	f.land("plain", good).wantReturn(t, "https://app.example.com/") // none of that has used the login up
}

func TestBL_04_LoginOfTheAttacker(t *testing.T) {
	l := newLoginApp(t, nil)
	attackers, victims := l.begin("plain", "", ""), l.begin("plain", "", "")
	before := l.rows()
	x := victims.land("plain", attackers.signIn(l.plain, idptest.Bob())) // a link in the victim's browser
	x.want(t, 400, "state_mismatch")
	l.wantNothingIssued(x, before)
}

func TestBL_05_IssuerOfTheResponse(t *testing.T) {
	l := newLoginApp(t, nil)
	f := l.begin("plain", "", "")
	good := f.signIn(l.plain, idptest.Alice())
	before, asked := l.rows(), l.plain.Count(idptest.Token)
	for name, issuers := range map[string][]string{"of another provider": {l.other.Issuer()}, "missing": nil, "twice": {l.plain.Issuer(), l.plain.Issuer()}, "with a slash": {l.plain.Issuer() + "/"}, "empty": {""}} {
		good["iss"] = issuers
		x := f.land("plain", good)
		x.want(t, 400, "issuer_mismatch")
		if x.header.Get("Location") != "" {
			t.Errorf("%s: Location %q", name, x.header.Get("Location"))
		}
		l.wantNothingIssued(x, before)
	}
	if n := l.plain.Count(idptest.Token) - asked; n != 0 {
		t.Errorf("the code was redeemed %d times", n)
	}
	good["iss"] = []string{l.plain.Issuer()}
	f.land("plain", good).wantReturn(t, "https://app.example.com/")
}

func TestBL_06_CallbackOfAnotherProvider(t *testing.T) {
	l := newLoginApp(t, nil)
	f := l.begin("plain", "", "")
	before := l.rows()
	x := f.land("other", f.signIn(l.plain, idptest.Alice()))
	x.want(t, 400, "state_mismatch")
	l.wantNothingIssued(x, before)
	l.do("callback/nobody/", request{method: "GET"}).want(t, 404, "idp_not_configured")
	l.do("login/nobody/", request{method: "GET"}).want(t, 404, "idp_not_configured")
}

func TestBL_08_PKCEWhateverIsAnnounced(t *testing.T) {
	for name, methods := range map[string]any{"nothing": nil, "plain alone": []string{"plain"}} {
		t.Run(name, func(t *testing.T) {
			l := newLoginApp(t, nil)
			l.plain.Fault(idptest.UntilCleared, idptest.Discovery, idptest.Edit(func(doc map[string]any) {
				delete(doc, "code_challenge_methods_supported")
				if methods != nil {
					doc["code_challenge_methods_supported"] = methods
				}
			}))
			f := l.begin("plain", "", "")
			if q := f.location.Query(); q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 {
				t.Errorf("authorization request %v", q)
			}
			f.land("plain", f.signIn(l.plain, idptest.Alice())).wantReturn(t, "https://app.example.com/")
		})
	}
}

func TestBL_10_FaultsOfTheProvider(t *testing.T) {
	for name, fault := range map[string]idptest.Fault{
		"500":               idptest.Status(500),
		"not JSON":          idptest.NotJSON(),
		"a page":            idptest.HTML(),
		"200 with an error": idptest.Answer(200, "application/json", `{"error":"invalid_grant","access_token":"x","id_token":"y"}`),
		"no id_token":       idptest.Edit(func(doc map[string]any) { delete(doc, "id_token") }),
		"id_token a number": idptest.Edit(func(doc map[string]any) { doc["id_token"] = 7 }),
		"no access_token":   idptest.Edit(func(doc map[string]any) { delete(doc, "access_token") }),
		"no JWT":            idptest.Edit(func(doc map[string]any) { doc["id_token"] = "a.b.c" }),
		"a redirect":        idptest.Redirect(307, "https://evil.example/token"),
		"broken off":        idptest.Drop(),
		"10 MiB":            idptest.Oversized(10),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoginApp(t, nil)
			f := l.begin("plain", "/x", "")
			query := f.signIn(l.plain, idptest.Alice())
			before := l.rows()
			l.plain.Fault(idptest.UntilCleared, idptest.Token, fault)
			x := f.land("plain", query)
			x.wantReturn(t, "https://app.example.com/x?sallyport_error=idp_error")
			if after := l.rows(); after != before || x.cookies["refresh_cookie"] != nil {
				t.Errorf("a failed login left something: %v", x.header.Values("Set-Cookie"))
			}
			l.plain.Clear()
			f.land("plain", query).want(t, 400, "login_expired") // it is used up
		})
	}
	for name, bend := range map[string]idptest.Option{
		"wrong nonce": idptest.Claim("nonce", "another"), "no nonce": idptest.Without("nonce"), "another audience": idptest.Claim("aud", "another"),
		"another issuer": idptest.Claim("iss", "https://evil.example"), "no algorithm": idptest.Algorithm("none"), "empty subject": idptest.Claim("sub", ""),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoginApp(t, nil)
			f := l.begin("plain", "/x", "")
			l.plain.Bend(1, bend)
			before := l.rows()
			f.land("plain", f.signIn(l.plain, idptest.Alice())).wantReturn(t, "https://app.example.com/x?sallyport_error=idp_error")
			if l.rows() != before {
				t.Error("a failed login left something")
			}
		})
	}
}

func TestDeniedByTheProvider(t *testing.T) {
	l := newLoginApp(t, nil)
	f := l.begin("plain", "/x", "")
	query := url.Values{"state": {f.location.Query().Get("state")}, "iss": {l.plain.Issuer()}, "error": {"access_denied\r\n<script>"}, "error_description": {"<script>alert(1)</script>"}}
	x := f.land("plain", query)
	x.wantReturn(t, "https://app.example.com/x?sallyport_error=idp_denied")
	if strings.Contains(x.body+l.log.String(), "<script>") {
		t.Error("the provider's text was passed on")
	}
	f = l.begin("plain", "/x", "")
	f.land("plain", url.Values{"state": {f.location.Query().Get("state")}, "iss": {l.plain.Issuer()}}).wantReturn(t, "https://app.example.com/x?sallyport_error=idp_error")
}

func TestBL_12_TooLate(t *testing.T) {
	l := newLoginApp(t, nil)
	f := l.begin("plain", "", "")
	query := f.signIn(l.plain, idptest.Alice())
	before := l.rows()
	l.clock.advance(sallyport.LoginLife)
	x := f.land("plain", query)
	x.want(t, 400, "login_expired")
	if l.rows() != before || x.cookies[f.cookie.Name] == nil || x.cookies["refresh_cookie"] != nil {
		t.Errorf("after 10 minutes: %v", x.header.Values("Set-Cookie"))
	}
}

func TestBL_13_LoginsThatNobodyFinishes(t *testing.T) {
	l := newLoginApp(t, nil)
	before := l.rows()
	limited := 0
	for range 80 {
		x := l.do("login/plain/", request{method: "GET"})
		switch {
		case x.status == http.StatusSeeOther:
		case x.status == http.StatusTooManyRequests && x.code() == "rate_limited" && x.header.Get("Retry-After") != "":
			limited++
		default:
			t.Fatalf("login/ = %d %s", x.status, x.body)
		}
	}
	if limited != 20 {
		t.Errorf("%d of 80 logins in a minute were refused, want 20", limited)
	}
	if l.rows() != before || l.count("select count(*) from replayed_tokens") != 0 || l.count("select count(*) from counters") != 1 {
		t.Error("logins that nobody finishes leave rows")
	}
}

func TestBL_15_NothingInAddresses(t *testing.T) {
	l := newLoginApp(t, nil)
	start := l.do("login/plain/", request{method: "GET"})
	f := l.flightOf(start, start.header.Get("Location"))
	query := f.signIn(l.plain, idptest.Alice())
	end := f.land("plain", query)
	for _, x := range []answer{start, end} {
		if x.status != http.StatusSeeOther || x.header.Get("Cache-Control") != "no-store" || x.header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%d %v", x.status, x.header)
		}
		if x.header.Get("Access-Control-Allow-Origin") != "" {
			t.Error("a page may read the answer")
		}
	}
	if location := end.header.Get("Location"); strings.ContainsAny(location, "?#") {
		t.Errorf("Location %q, want nothing in it", location)
	}
}

func TestBL_16_IdentityOfAnotherUser(t *testing.T) {
	l := newLoginApp(t, nil)
	carols := l.begin("plain", "", "")
	carols.land("plain", carols.signIn(l.plain, idptest.Carol())).wantReturn(t, "https://app.example.com/")
	_, pw := l.user("anna")
	anna := l.signIn("anna", pw)
	f := l.begin("plain", "", anna.cookieHeader())
	x := f.land("plain", f.signIn(l.plain, idptest.Carol()))
	x.wantReturn(t, "https://app.example.com/")
	s := &session{app: l.app}
	s.take(x)
	s.mustRefresh()
	view := l.do("user/", request{method: "GET", headers: map[string]string{"Authorization": "Bearer " + s.access}})
	if view.text("username") != "carol" {
		t.Errorf("the session is %q's, want carol's", view.text("username"))
	}
	if n := l.count("select count(*) from identities"); n != 1 {
		t.Errorf("%d identities, want 1", n)
	}
	anna = l.signIn("anna", pw)
	location := l.do("identities/plain/", request{headers: map[string]string{"Authorization": "Bearer " + anna.access}})
	location.want(t, 200, "")
	link := l.flightOf(location, location.text("location"))
	rows := l.rows()
	link.land("plain", link.signIn(l.plain, idptest.Carol())).wantReturn(t, "https://app.example.com/?sallyport_error=identity_conflict")
	if l.rows() != rows {
		t.Error("an identity moved, or something else changed")
	}
}

func TestLoginWhileTheProviderIsDown(t *testing.T) {
	l := newLoginApp(t, nil)
	l.plain.Fault(idptest.UntilCleared, idptest.Discovery, idptest.Status(500))
	l.do("login/plain/", request{method: "GET"}).want(t, 503, "idp_unavailable")
	f := l.begin("other", "", "")
	f.land("other", f.signIn(l.other, idptest.Alice())).wantReturn(t, "https://app.example.com/")
}

// A person who cannot be led back sees a page, and a program JSON.
func TestProblemPage(t *testing.T) {
	l := newLoginApp(t, nil)
	for _, c := range []struct {
		path, query string
		status      int
		code        string
	}{
		{"callback/plain/", "", 400, "state_mismatch"},
		{"callback/nobody/", "", 404, "idp_not_configured"},
		{"login/plain/", "?return_to=//evil.example", 400, "invalid_return_to"},
		{"login/nobody/", "", 404, "idp_not_configured"},
	} {
		x := l.do(c.path, request{method: "GET", query: c.query, headers: map[string]string{"Accept": "text/html,application/xhtml+xml"}})
		if x.status != c.status || !strings.HasPrefix(x.header.Get("Content-Type"), "text/html") || !strings.Contains(x.body, c.code) || !strings.Contains(x.body, `href="https://app.example.com/"`) {
			t.Errorf("%s%s = %d %s %s, want a page that says %d %s", c.path, c.query, x.status, x.header, x.body, c.status, c.code)
		}
		if policy := x.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", c.path, policy)
		}
		l.do(c.path, request{method: "GET", query: c.query, headers: map[string]string{"Accept": "application/json"}}).want(t, c.status, c.code)
	}
}

// A provider that does not answer costs its own login ten seconds, and nobody else anything.
func TestBL_10_TokenEndpointThatHangs(t *testing.T) {
	t.Parallel()
	l := newLoginApp(t, nil)
	f := l.begin("plain", "/x", "")
	query := f.signIn(l.plain, idptest.Alice())
	l.plain.Fault(idptest.UntilCleared, idptest.Token, idptest.Hang())
	began, landed := time.Now(), make(chan answer)
	go func() {
		x, err := l.try("callback/plain/", request{method: "GET", query: "?" + query.Encode(), cookies: f.cookie.Name + "=" + f.cookie.Value})
		if err != nil {
			t.Error(err)
		}
		landed <- x
	}()
	if err := l.plain.Await(t.Context(), idptest.Token, 1); err != nil {
		t.Error(err)
	}
	other := l.begin("other", "/", "")
	other.land("other", other.signIn(l.other, idptest.Carol())).wantReturn(t, "https://app.example.com/")
	x := <-landed
	x.wantReturn(t, "https://app.example.com/x?sallyport_error=idp_error")
	if took := time.Since(began); took > 12*time.Second {
		t.Errorf("answered after %v, want 12 s at most", took)
	}
}
