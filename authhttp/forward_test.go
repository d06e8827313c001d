package authhttp_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
)

// forwarding turns forward auth on, for proxies on this machine.
func forwarding(cfg *config) {
	cfg.HTTP.Forward.Enabled = true
	cfg.HTTP.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	cfg.ReturnTo = []string{"https://wiki.example.com/", "https://files.example.com/public/"}
}

const siteCookie = "__Host-sallyport_site"

// forwardForms are the three ways to ask, of a browser that was at https://HOST/PATH with a method.
var forwardForms = map[string]func(method, host, path string) (string, request){
	"forward": func(method, host, path string) (string, request) {
		return "forward/", request{method: "GET", headers: map[string]string{"X-Forwarded-Method": method, "X-Forwarded-Proto": "https", "X-Forwarded-Host": host, "X-Forwarded-Uri": path}}
	},
	"nginx": func(method, host, path string) (string, request) {
		return "forward/nginx/", request{method: "GET", headers: map[string]string{"X-Original-Method": method, "X-Original-URL": "https://" + host + path}}
	},
	"envoy": func(method, host, path string) (string, request) {
		return "forward/envoy" + path, request{method: method, headers: map[string]string{"X-Forwarded-Proto": "https", "Host": host}}
	},
}

// onEachForm runs a test for each kind of proxy. ask sends what that proxy asks of a browser with these cookies that was
// at https://app.example.com/orders?a=b; more headers are the browser's.
func onEachForm(t *testing.T, a *app, test func(t *testing.T, form string, ask func(cookies string, headers ...string) answer)) {
	t.Helper()
	for form, say := range forwardForms {
		t.Run(form, func(t *testing.T) {
			test(t, form, func(cookies string, headers ...string) answer {
				t.Helper()
				path, r := say("GET", "app.example.com", "/orders?a=b")
				return a.askForward(path, r, cookies, headers...)
			})
		})
	}
}

func (a *app) askForward(path string, r request, cookies string, headers ...string) answer {
	a.t.Helper()
	r.cookies, r.headers = cookies, maps.Clone(r.headers)
	for i := 0; i < len(headers); i += 2 {
		r.headers[headers[i]] = headers[i+1]
	}
	return a.do(path, r)
}

// navigation are the headers of a browser that goes somewhere.
var navigation = []string{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "document"}

// signInSite signs in and returns the session and the site cookie.
func (a *app) signInSite(username, pw string) (*session, string) {
	a.t.Helper()
	x := a.do("sign-in/", request{body: map[string]string{"username": username, "password": pw}})
	c := x.cookies[siteCookie]
	if x.status != 200 || c == nil {
		a.t.Fatalf("sign-in = %d %s, cookies %v", x.status, x.body, x.cookies)
	}
	return a.sessionOf(x), siteCookie + "=" + c.Value
}

var identityHeaders = []string{"Remote-User", "Remote-Email", "Remote-Groups", "Remote-Name", "X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups"}

// identity is what an answer says of the user.
func identity(x answer) map[string]string {
	said := map[string]string{}
	for _, name := range identityHeaders {
		said[name] = strings.Join(x.header.Values(name), "|")
	}
	return said
}

func TestForwardSaysWhoItIs(t *testing.T) {
	a := newApp(t, forwarding)
	u, pw := a.user("ada")
	first, last, groups := "Ada", "Lovelace", []string{"ops", "dev, all"}
	if _, err := a.svc.UpdateUser(t.Context(), u.ID, sallyport.UserChange{FirstName: &first, LastName: &last, Groups: &groups}); err != nil {
		t.Fatal(err)
	}
	_, cookie := a.signInSite("ada", pw)
	onEachForm(t, a, func(t *testing.T, _ string, ask func(string, ...string) answer) {
		x := ask(cookie, navigation...)
		want := map[string]string{
			"Remote-User": "ada", "Remote-Email": "ada@example.com", "Remote-Groups": "ops,dev%2C all", "Remote-Name": "Ada Lovelace",
			"X-Auth-Request-User": "ada", "X-Auth-Request-Email": "ada@example.com", "X-Auth-Request-Groups": "ops,dev%2C all",
		}
		if diff := cmp.Diff(want, identity(x)); x.status != 200 || diff != "" {
			t.Errorf("%d %s\n%s", x.status, x.body, diff)
		}
		token, _ := strings.CutPrefix(x.header.Get("Authorization"), "Bearer ")
		a.known.add(token)
		if _, who, err := a.svc.CheckAccessToken(t.Context(), token); err != nil || who.ID != u.ID {
			t.Errorf("the token is %v of %v", err, who.ID)
		}
	})
}

func TestForwardWithoutASession(t *testing.T) {
	a := newApp(t, forwarding)
	_, pw := a.user("ada")
	s, cookie := a.signInSite("ada", pw)
	s.post("logoff/").want(t, 200, "")
	onEachForm(t, a, func(t *testing.T, form string, ask func(string, ...string) answer) {
		ask("").want(t, 401, "missing_token")
		ask("", "Accept", "text/html", "Sec-Fetch-Mode", "cors").want(t, 401, "missing_token")
		ask("refresh_cookie="+s.refresh+"; "+siteCookie+"="+s.refresh).want(t, 401, "missing_token")
		ask(cookie).want(t, 401, "session_revoked")
		for _, cookies := range []string{"", cookie} {
			x := ask(cookies, navigation...)
			status := 303
			if form == "nginx" {
				status = 401
			}
			want := issuer + "/ui/sign-in/?return_to=" + url.QueryEscape("https://app.example.com/orders?a=b")
			if got := x.header.Get("Location"); x.status != status || got != want || len(x.cookies) > 0 {
				t.Errorf("%d to %q with %v, want %d to %q", x.status, got, x.cookies, status, want)
			}
		}
	})
	// A form that was posted is not repeated by a redirect.
	for form, say := range forwardForms {
		path, r := say("POST", "app.example.com", "/orders")
		if x := a.askForward(path, r, "", navigation...); x.status != 401 || x.header.Get("Location") != "" {
			t.Errorf("%s: POST = %d %v", form, x.status, x.header)
		}
	}
}

func TestForwardOfTwoSessionsAndOfNoneOfOurs(t *testing.T) {
	a := newApp(t, forwarding)
	_, pw := a.user("ada")
	_, one := a.signInSite("ada", pw)
	_, two := a.signInSite("ada", pw)
	onEachForm(t, a, func(t *testing.T, form string, ask func(string, ...string) answer) {
		if two, many := ask(one+"; "+two), ask(strings.Repeat("a=b; ", 600)+one); form == "nginx" {
			two.want(t, 403, "forbidden")
			many.want(t, 403, "forbidden")
		} else {
			two.want(t, 400, "duplicate_cookie")
			many.want(t, 400, "invalid_request")
		}
		for _, cookies := range []string{one + "; " + one, siteCookie + "=planted; " + one, one + "; " + siteCookie + "=" + one[len(siteCookie)+1:] + "="} {
			ask(cookies).want(t, 200, "")
		}
	})
}

// A browser that asks itself would get the token of its session, and say where it is.
func TestForwardIsForTrustedProxies(t *testing.T) {
	for name, change := range map[string]func(*config){
		"none": func(cfg *config) { forwarding(cfg); cfg.HTTP.TrustedProxies = nil },
		"others": func(cfg *config) {
			forwarding(cfg)
			cfg.HTTP.TrustedProxies = cfg.HTTP.TrustedProxies[:0:0]
			cfg.HTTP.TrustedProxies = append(cfg.HTTP.TrustedProxies, netip.MustParsePrefix("10.0.0.0/8"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, change)
			_, pw := a.user("ada")
			_, cookie := a.signInSite("ada", pw)
			onEachForm(t, a, func(t *testing.T, _ string, ask func(string, ...string) answer) {
				ask(cookie).want(t, 403, "forbidden")
				ask("", navigation...).want(t, 403, "forbidden")
			})
			if n := strings.Count(a.log.String(), "trusted_proxies"); n != 1 {
				t.Errorf("the log names the setting %d times, want once:\n%s", n, a.log)
			}
		})
	}
}

func TestForwardThatIsOff(t *testing.T) {
	a := newApp(t, func(cfg *config) { forwarding(cfg); cfg.HTTP.Forward.Enabled = false })
	_, pw := a.user("ada")
	x := a.do("sign-in/", request{body: map[string]string{"username": "ada", "password": pw}})
	if x.cookies[siteCookie] != nil || x.cookies["sallyport_site"] != nil {
		t.Errorf("there is a site cookie: %v", x.cookies)
	}
	onEachForm(t, a, func(t *testing.T, _ string, ask func(string, ...string) answer) {
		ask("", navigation...).want(t, 404, "not_found")
	})
}

// What lets a request pass is an answer of 2xx, so no method may get one by another way.
func TestForwardToOtherMethods(t *testing.T) {
	a := newApp(t, forwarding)
	_, pw := a.user("ada")
	_, cookie := a.signInSite("ada", pw)
	for _, method := range []string{"OPTIONS", "HEAD", "POST", "PUT", "DELETE", "PATCH", "PURGE"} {
		for _, path := range []string{"forward/", "forward/nginx/"} {
			x := a.do(path, request{method: method, cookies: cookie})
			if x.status != 405 || x.header.Get("Allow") != "GET" {
				t.Errorf("%s %s = %d, Allow %q", method, path, x.status, x.header.Get("Allow"))
			}
		}
		if x := a.do("forward/envoy/orders", request{method: method, cookies: cookie}); x.status != 200 {
			t.Errorf("%s by Envoy = %d %s", method, x.status, x.body)
		}
		if x := a.do("forward/envoy/orders", request{method: method, headers: map[string]string{"Origin": "https://wiki.example.com", "Access-Control-Request-Method": "PUT"}}); x.status != 401 {
			t.Errorf("%s by Envoy without a cookie = %d %s", method, x.status, x.body)
		}
	}
}

func TestForwardEndsWithTheSession(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		endings := map[string]func(a *app, s *session, u sallyport.User){
			"logoff": func(_ *app, s *session, _ sallyport.User) { s.post("logoff/").want(t, 200, "") },
			"everywhere": func(a *app, s *session, u sallyport.User) {
				s.post("logoff/", map[string]any{"scope": "all"}).want(t, 200, "")
			},
			"revoked": func(a *app, s *session, _ sallyport.User) {
				id, err := sallyport.ParseID(sid(t, s))
				if err == nil {
					_, err = a.svc.RevokeSession(t.Context(), id)
				}
				if err != nil {
					t.Fatal(err)
				}
			},
			"disabled": func(a *app, _ *session, u sallyport.User) {
				off := false
				if _, err := a.svc.UpdateUser(t.Context(), u.ID, sallyport.UserChange{IsActive: &off}); err != nil {
					t.Fatal(err)
				}
			},
			"deleted": func(a *app, _ *session, u sallyport.User) {
				if err := a.svc.DeleteUser(t.Context(), u.ID); err != nil {
					t.Fatal(err)
				}
			},
			"all": func(a *app, _ *session, _ sallyport.User) {
				if _, err := a.svc.RevokeAllSessions(t.Context()); err != nil {
					t.Fatal(err)
				}
			},
			"reuse": func(a *app, s *session, _ sallyport.User) {
				stolen := s.cookieHeader()
				for range 3 {
					s.mustRefresh()
					a.clock.advance(time.Minute)
				}
				s.app.do("refresh/", request{body: map[string]any{"CSRF_token": s.csrf}, cookies: stolen}).want(t, 401, "refresh_token_reused")
			},
			"idle": func(a *app, _ *session, _ sallyport.User) { a.clock.advance(24 * time.Hour) },
		}
		for name, end := range endings {
			t.Run(name, func(t *testing.T) {
				a := newAppOn(t, database, forwarding)
				u, pw := a.user("ada")
				s, cookie := a.signInSite("ada", pw)
				path, r := forwardForms["forward"]("GET", "app.example.com", "/")
				a.askForward(path, r, cookie).want(t, 200, "")
				end(a, s, u)
				a.askForward(path, r, cookie).want(t, 401, "session_revoked")
			})
		}
	})
}

// Another instance hears of it by the feed, within the time of two readings, though the clock of the sessions stands
// still; whoever has changed is seen as who they are now.
func TestForwardHearsOfOtherInstances(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, forwarding)
		u, pw := a.user("ada")
		s, cookie := a.signInSite("ada", pw)
		other := a.another()
		path, r := forwardForms["forward"]("GET", "app.example.com", "/")
		first := other.askForward(path, r, cookie)
		first.want(t, 200, "")
		groups := []string{"admins"}
		a.clock.advance(time.Millisecond)
		if _, err := a.svc.UpdateUser(t.Context(), u.ID, sallyport.UserChange{Groups: &groups}); err != nil {
			t.Fatal(err)
		}
		x := other.eventually(path, r, cookie, func(x answer) bool { return x.header.Get("Remote-Groups") == "admins" })
		if x.header.Get("Authorization") == first.header.Get("Authorization") {
			t.Error("the token is that of before the change")
		}
		s.post("logoff/").want(t, 200, "")
		other.eventually(path, r, cookie, func(x answer) bool { return x.status == 401 })
	})
}

// eventually asks until the answer is the one that is waited for.
func (a *app) eventually(path string, r request, cookie string, is func(answer) bool) answer {
	a.t.Helper()
	for end := time.Now().Add(patience); ; {
		x := a.askForward(path, r, cookie)
		if is(x) {
			return x
		}
		if time.Now().After(end) {
			a.t.Fatalf("still %d %s %v", x.status, x.body, x.header)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// The database is asked at most every 5 s, and a token is replaced when half its life is over, or its key is withdrawn.
func TestForwardAnswersFromMemory(t *testing.T) {
	a := newApp(t, forwarding)
	_, pw := a.user("ada")
	_, cookie := a.signInSite("ada", pw)
	path, r := forwardForms["forward"]("GET", "app.example.com", "/")
	token := func() string {
		t.Helper()
		x := a.askForward(path, r, cookie)
		x.want(t, 200, "")
		return x.header.Get("Authorization")
	}
	first := token()
	before := a.count("select count(*) from sessions")
	a.clock.advance(4999 * time.Millisecond)
	if _, err := a.db.Exec("alter table sessions rename to hidden"); err != nil {
		t.Fatal(err)
	}
	if token() != first {
		t.Error("another token within five seconds")
	}
	a.clock.advance(time.Millisecond)
	a.askForward(path, r, cookie).want(t, 500, "internal")
	if _, err := a.db.Exec("alter table hidden rename to sessions"); err != nil || before != 1 {
		t.Fatal(err, before)
	}
	if token() == first {
		t.Error("the token was remembered by nobody, but did not change")
	}
	second := token()
	a.clock.advance(149 * time.Second)
	if token() != second {
		t.Error("another token before half its life")
	}
	a.clock.advance(time.Second)
	third := token()
	if third == second {
		t.Error("the same token after half its life")
	}
	if _, err := a.svc.ReplaceSigningKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if token() == third {
		t.Error("the same token, though its key is withdrawn")
	}
}

func TestForwardWithoutClaimsATableOrItsDatabase(t *testing.T) {
	var broken atomic.Bool
	a := newApp(t, func(cfg *config) {
		forwarding(cfg)
		cfg.Claims = []sallyport.ClaimFunc{func(context.Context, sallyport.ClaimRequest) (map[string]any, error) {
			if broken.Load() {
				return nil, errors.New("the roles cannot be had")
			}
			return map[string]any{"role": "a"}, nil
		}}
	})
	_, pw := a.user("ada")
	_, cookie := a.signInSite("ada", pw)
	broken.Store(true)
	onEachForm(t, a, func(t *testing.T, _ string, ask func(string, ...string) answer) {
		ask(cookie, navigation...).want(t, 500, "claims_failed")
	})
	broken.Store(false)
	if _, err := a.db.Exec("alter table sessions rename to hidden"); err != nil {
		t.Fatal(err)
	}
	onEachForm(t, a, func(t *testing.T, _ string, ask func(string, ...string) answer) {
		ask(cookie, navigation...).want(t, 500, "internal")
	})
	a.store.Close()
	onEachForm(t, a, func(t *testing.T, _ string, ask func(string, ...string) answer) {
		ask(cookie, navigation...).want(t, 503, "store_unavailable")
	})
}

func TestSiteCookie(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*config)
		want   http.Cookie
	}{
		"one host": {func(*config) {}, http.Cookie{Name: siteCookie, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}},
		"domain": {func(cfg *config) { cfg.HTTP.Forward.CookieDomain, cfg.HTTP.Forward.CookieName = "example.com", "site" },
			http.Cookie{Name: "site", Domain: "example.com", Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}},
		"loopback": {func(cfg *config) { cfg.Issuer, cfg.HTTP.Cookie.Insecure = "http://127.0.0.1:8000/auth", true },
			http.Cookie{Name: "sallyport_site", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, func(cfg *config) { forwarding(cfg); c.change(cfg) })
			_, pw := a.user("ada")
			x := a.do("sign-in/", request{body: map[string]string{"username": "ada", "password": pw}})
			s := a.sessionOf(x)
			value := ""
			for step, x := range map[string]answer{"sign-in": x, "refresh": s.mustRefresh()} {
				got := x.cookies[c.want.Name]
				if got == nil {
					t.Fatalf("%s sets %v", step, x.cookies)
				}
				if value == "" {
					value = got.Value
				}
				if age := got.MaxAge; age < 86399 || got.Value != value {
					t.Errorf("%s: Max-Age %d, value changed: %v", step, age, got.Value != value)
				}
				attributes := http.Cookie{Name: got.Name, Domain: got.Domain, Path: got.Path, Secure: got.Secure, HttpOnly: got.HttpOnly, SameSite: got.SameSite}
				if diff := cmp.Diff(c.want, attributes); diff != "" {
					t.Errorf("%s: %s", step, diff)
				}
			}
			off := s.post("logoff/").cookies[c.want.Name]
			if off == nil || off.MaxAge >= 0 || off.Path != "/" || off.Domain != c.want.Domain {
				t.Errorf("logoff leaves %v", off)
			}
			native := a.do("sign-in/", request{body: map[string]string{"username": "ada", "password": pw}, headers: map[string]string{"X-Sallyport-Client": "native"}})
			if len(native.cookies) > 0 {
				t.Errorf("a native client is given %v", native.cookies)
			}
		})
	}
}

// VM-17: nothing that a request says of itself lets it pass or names somebody, and nobody is led astray.
func FuzzForwardHeaders(f *testing.F) {
	a := &fuzzedApp{app: newApp(f, forwarding)}
	a.db.SetMaxOpenConns(1)
	_, a.password = a.user("ada")
	a.session = a.signIn("ada", a.password)
	for _, uri := range []string{"/", "//evil.example", "/./", "/%2e%2e/", "/a;b", "/#x", "/health", "/\\evil.example", "/a?b=c&sallyport_error=x", "/auth/../", "/@evil.example", strings.Repeat("/a", 2000)} {
		f.Add(uri, "app.example.com", "https", "GET", "kube-probe/1.30", "Remote-User: admin")
		f.Add(uri, "evil.example", "https", "HEAD", "ELB-HealthChecker/2.0", "X-Original-URL: https://app.example.com/")
	}
	f.Add("/", "app.example.com@evil.example", "https", "OPTIONS", "", "X_Auth_Request_Email: admin@example.com")
	f.Add("/", "app.example.com, evil.example", "javascript", "CONNECT", "", "Cookie: __Host-sallyport_site=AA")
	f.Fuzz(func(t *testing.T, uri, host, proto, method, agent, extra string) {
		name, value, _ := strings.Cut(extra, ":")
		for _, form := range []string{"/auth/forward/", "/auth/forward/nginx/", "/auth/forward/envoy" + uri} {
			target, err := url.Parse("http://127.0.0.1" + strings.ReplaceAll(form, "#", "%23"))
			if err != nil {
				continue
			}
			r := httptest.NewRequest("GET", "/", nil)
			r.URL, r.Host, r.RemoteAddr = target, host, "127.0.0.1:4000"
			if strings.Contains(form, "envoy") && method != "" {
				r.Method = method
			}
			r.Header = http.Header{
				"X-Forwarded-Uri": {uri}, "X-Forwarded-Host": {host}, "X-Forwarded-Proto": {proto}, "X-Forwarded-Method": {method},
				"X-Original-Url": {proto + "://" + host + uri}, "X-Original-Method": {method}, "User-Agent": {agent}, "Accept": {"text/html"},
			}
			if name != "" && http.CanonicalHeaderKey(name) != "Cookie" {
				r.Header.Add(name, strings.TrimSpace(value))
			}
			w := a.serve(t, r)
			switch w.Code {
			case 303, 401, 403, 404, 405: // 404 and 405 pass nobody either
			default:
				t.Fatalf("%s: %d %s", form, w.Code, w.Body)
			}
			for _, header := range append(identityHeaders, "Authorization") {
				if got := w.Header().Values(header); len(got) > 0 {
					t.Errorf("%s: %s: %q for nobody", form, header, got)
				}
			}
			location := w.Header().Get("Location")
			if location == "" {
				continue
			}
			u, err := url.Parse(location)
			if err != nil || u.Scheme+"://"+u.Host+u.Path != issuer+"/ui/sign-in/" {
				t.Fatalf("%s: to %q, %v", form, location, err)
			}
			if to := u.Query().Get("return_to"); to != "" {
				back, err := url.Parse(to)
				if err != nil || back.Scheme != "https" || back.User != nil || !strings.Contains(" app.example.com wiki.example.com files.example.com ", " "+back.Host+" ") || strings.HasPrefix(back.Path, "//") {
					t.Fatalf("%s: and back to %q, %v", form, to, err)
				}
			}
		}
	})
}

// Which site a browser is led back to.
func TestVM17_ForwardLeadsBack(t *testing.T) {
	a := newApp(t, forwarding)
	for at, want := range map[string]string{ // the answer, or where the sign-in leads back to
		"app.example.com/orders?a=%20b":                "https://app.example.com/orders?a=%20b",
		"app.example.com//evil.example/":               "https://app.example.com/",
		"app.example.com/a/../b":                       "https://app.example.com/",
		"app.example.com/%2e%2e/":                      "https://app.example.com/",
		"app.example.com/" + strings.Repeat("a", 1100): "https://app.example.com/",
		"wiki.example.com/page":                        "https://wiki.example.com/page",
		"files.example.com/public/x":                   "https://files.example.com/public/x",
		"files.example.com/secret/x":                   "403",
		"evil.example/":                                "403",
		"app.example.com.evil.example/":                "403",
		"app.example.com:444/":                         "403",
	} {
		host, path, _ := strings.Cut(at, "/")
		for form, say := range forwardForms {
			route, r := say("GET", host, "/"+path)
			x := a.askForward(route, r, "", navigation...)
			if want == "403" {
				x.want(t, 403, "forbidden")
				continue
			}
			if got, exp := x.header.Get("Location"), issuer+"/ui/sign-in/?return_to="+url.QueryEscape(want); got != exp {
				t.Errorf("%s: %s leads to %d %q, want %q", form, at, x.status, got, exp)
			}
		}
	}
	foreign := func() int { return strings.Count(a.log.String(), "no sign-in leads back") }
	if n := foreign(); n != 1 {
		t.Errorf("within a minute the log says %d times which site is missing in return_to, want once", n)
	}
	a.clock.advance(time.Minute)
	path, r := forwardForms["forward"]("GET", "evil.example", "/")
	a.askForward(path, r, "", navigation...)
	if n := foreign(); n != 2 || !strings.Contains(a.log.String(), `"origin":"https://evil.example"`) {
		t.Errorf("a minute later the log has said so %d times, want twice, with the site", n)
	}
	// A proxy that does not say, or says it twice, leads nobody back, and the log says so.
	x := a.do("forward/", request{method: "GET", headers: map[string]string{"X-Forwarded-Method": "GET", "Accept": "text/html"}})
	if x.header.Get("Location") != issuer+"/ui/sign-in/" || !strings.Contains(a.log.String(), "does not say which address") {
		t.Errorf("%d to %q", x.status, x.header.Get("Location"))
	}
}

// Whatever a user is called, one line of ASCII comes out, or nothing.
func TestVM16_ForwardOfStrangeNames(t *testing.T) {
	a := newApp(t, forwarding)
	path, r := forwardForms["forward"]("GET", "app.example.com", "/")
	for i, c := range []struct {
		username, first string
		groups          []string
		want            [3]string // Remote-User, Remote-Name, Remote-Groups
	}{
		{"Žofie", "100 %", nil, [3]string{"%C5%BDofie", "100 %25", ""}},
		{"名前", " ", []string{"a,b", " lead", "x%2Cy"}, [3]string{"%E5%90%8D%E5%89%8D", "", "a%2Cb,%20lead,x%252Cy"}},
		{strings.Repeat("名", 150), strings.Repeat("n", 100), []string{strings.Repeat("g", 5000)}, [3]string{strings.Repeat("%E5%90%8D", 150), strings.Repeat("n", 100), ""}},
	} {
		u, pw := a.user(fmt.Sprint("user", i))
		if _, err := a.svc.UpdateUser(t.Context(), u.ID, sallyport.UserChange{Username: &c.username, FirstName: &c.first, Groups: &c.groups}); err != nil {
			t.Fatal(err)
		}
		_, cookie := a.signInSite(c.username, pw)
		x := a.askForward(path, r, cookie)
		if got := [3]string{x.header.Get("Remote-User"), x.header.Get("Remote-Name"), x.header.Get("Remote-Groups")}; x.status != 200 || got != c.want {
			t.Errorf("%d %.300q, want %.300q", x.status, got, c.want)
		}
	}
	// What came into the database by another way than ours.
	_, pw := a.user("long")
	_, long := a.signInSite("long", pw)
	if _, err := a.db.Exec("update users set first_name = ?, last_name = ? where username = 'long'", strings.Repeat("n", 4096), ""); err != nil {
		t.Fatal(err)
	}
	if got := a.askForward(path, r, long).header.Get("Remote-Name"); got != strings.Repeat("n", 4096) {
		t.Errorf("a name of 4 KiB has become %d bytes", len(got))
	}
	if _, err := a.db.Exec("update users set last_name = 'x', updated_at = updated_at + 1 where username = 'long'"); err != nil {
		t.Fatal(err)
	}
	a.clock.advance(5 * time.Second)
	if got := a.askForward(path, r, long); got.status != 200 || got.header.Get("Remote-Name") != "" || len(got.header.Values("Remote-Name")) != 1 {
		t.Errorf("%d, and a name of more than 4 KiB has become %d bytes", got.status, len(got.header.Get("Remote-Name")))
	}
	u, pw := a.user("crlf")
	_, cookie := a.signInSite("crlf", pw)
	if _, err := a.db.Exec("update users set first_name = ?, email_verified = 0 where username = 'crlf'", "x\r\nRemote-User: admin\x00"); err != nil {
		t.Fatal(err)
	}
	x := a.askForward(path, r, cookie)
	if diff := cmp.Diff(map[string]string{
		"Remote-User": "crlf", "Remote-Email": "", "Remote-Groups": "", "Remote-Name": "x%0D%0ARemote-User: admin%00",
		"X-Auth-Request-User": "crlf", "X-Auth-Request-Email": "", "X-Auth-Request-Groups": "",
	}, identity(x)); x.status != 200 || diff != "" {
		t.Errorf("%d of %v: %s", x.status, u.ID, diff)
	}
}

// BenchmarkForward is an answer from memory, with the look at the database that comes every five seconds.
func BenchmarkForward(b *testing.B) {
	a := newApp(b, forwarding)
	_, pw := a.user("ada")
	_, cookie := a.signInSite("ada", pw)
	r := httptest.NewRequest("GET", "/auth/forward/", nil)
	r.RemoteAddr = "127.0.0.1:4000"
	r.Header.Set("Cookie", cookie)
	b.ReportAllocs()
	var took []time.Duration
	for b.Loop() {
		w, began := httptest.NewRecorder(), time.Now()
		a.auth.ServeHTTP(w, r)
		took = append(took, time.Since(began))
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
		if len(took)%1000 == 0 {
			a.clock.advance(5 * time.Second)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}
