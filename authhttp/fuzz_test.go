package authhttp_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// fuzzedRoutes are those that read a body.
var fuzzedRoutes = []string{"sign-in/", "social-exchange/", "refresh/", "logoff/", "verify/"}

// patience is what no request takes that is not stuck: a parser that is quadratic takes longer than this on 64 KiB.
const patience = 10 * time.Second

// fuzzedApp is an app with one signed-in user, and what a body may name of it: $password, $csrf, $refresh, $access.
type fuzzedApp struct {
	*app
	password string
	session  *session
	version  int    // of the database, by SQLite's count of the changes of others
	rows     string // the tables, at that version
}

func newFuzzedApp(f *testing.F) *fuzzedApp {
	f.Helper()
	a := &fuzzedApp{app: newApp(f, nil)}
	a.db.SetMaxOpenConns(1) // pragma data_version is about one connection
	_, a.password = a.user("ada")
	a.session = a.signIn("ada", a.password)
	a.changed()
	return a
}

// changed reports whether the tables have another content than when it was last asked.
func (a *fuzzedApp) changed() bool {
	version := a.count("pragma data_version")
	if version == a.version {
		return false
	}
	rows := a.app.rows()
	before := a.rows
	a.version, a.rows = version, rows
	return rows != before
}

func (a *fuzzedApp) fill(body string) string {
	return strings.NewReplacer("$password", a.password, "$csrf", a.session.csrf, "$refresh", a.session.refresh, "$access", a.session.access).Replace(body)
}

// serve answers a request in this goroutine and reads what it left in the log.
func (a *fuzzedApp) serve(t *testing.T, r *http.Request) *httptest.ResponseRecorder {
	a.t = t // whose helpers may be used while this input is tried
	w := httptest.NewRecorder()
	began := time.Now()
	a.auth.ServeHTTP(w, r)
	if took := time.Since(began); took > patience {
		t.Errorf("%s %s took %s", r.Method, r.URL.Path, took)
	}
	a.readLog(t)
	return w
}

// readLog looks for secrets in the log and empties it: a fuzzer would fill the memory with it.
func (a *fuzzedApp) readLog(t *testing.T) {
	a.log.mu.Lock()
	defer a.log.mu.Unlock()
	log := a.log.buf.String()
	a.log.buf.Reset()
	for _, secret := range []string{a.password, a.session.refresh, a.session.csrf, a.session.access} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds the secret %q: %s", secret, log)
		}
	}
}

// FuzzJSONBody holds the law of bodies, on each route, with and without the cookies of a session: the answer is 2xx or
// 4xx, it comes, and a 4xx has written nothing and handed out nothing.
func FuzzJSONBody(f *testing.F) {
	a := newFuzzedApp(f)
	for route := range fuzzedRoutes {
		for _, body := range []string{
			`{"username":"ada","password":"$password"}`, `{"username":"ada","password":"x"}`, `{"username":"ADA@example.com","password":"$password"}`,
			`{"username":"ada","username":"b","password":"$password"}`, `{"uſername":"ada","password":"$password"}`, `{"username":"ada","password":"$password","PASSWORD":"x"}`,
			`{"username":"ada\u0000","password":"$password"}`, `{"username":["ada"],"password":null}`,
			`{"CSRF_token":"$csrf"}`, `{"CSRF_token":"$csrf","scope":"all"}`, `{"CSRF_token":"$csrf","scope":"others"}`, `{"CSRF_token":"$csrf","scope":"x"}`,
			`{"CSRF_token":"$csrf","csrf_token":"x"}`, `{"refresh_token":"$refresh"}`, `{"token":"$access"}`, `{"token":"$refresh"}`, `{"token":"$access."}`, `{"token":""}`,
			`{"id_token":"a.b.c"}`, `{"id_token":"$access","access_token":"$access","nonce":"x"}`,
			"", "null", "[]", `"x"`, "{", "{}{}", `{"x":1e400}`, "\xff", "\xef\xbb\xbf{}", strings.Repeat("[", 100), `{"x":` + strings.Repeat("1,", 100) + `}`,
			`{"password":"` + strings.Repeat("x", 1025) + `","username":"ada"}`, strings.Repeat(" ", 9<<10), `{"x":"` + strings.Repeat("x", 65<<10) + `"}`,
		} {
			f.Add(uint8(route), true, body)
			f.Add(uint8(route), false, body)
		}
	}
	f.Fuzz(func(t *testing.T, route uint8, signedIn bool, body string) {
		path := fuzzedRoutes[int(route)%len(fuzzedRoutes)]
		r := httptest.NewRequest(http.MethodPost, "/auth/"+path, strings.NewReader(a.fill(body)))
		r.Header.Set("Content-Type", "application/json")
		if signedIn {
			r.Header.Set("Cookie", a.session.cookieHeader())
		}
		w := a.serve(t, r)
		switch {
		case w.Code >= 200 && w.Code < 300:
			a.follow(t, w)
		case w.Code >= 400 && w.Code < 500:
			if a.changed() {
				t.Errorf("POST %s %q = %d and changed the database", path, body, w.Code)
			}
			if issued := handedOut(w); issued != "" {
				t.Errorf("POST %s %q = %d and handed out %s", path, body, w.Code, issued)
			}
		default:
			t.Errorf("POST %s %q = %d %s", path, body, w.Code, w.Body)
		}
	})
}

// follow keeps the cookies and tokens of a success, and signs in again after a logoff.
func (a *fuzzedApp) follow(t *testing.T, w *httptest.ResponseRecorder) {
	x := answer{status: w.Code, header: w.Header(), body: w.Body.String(), cookies: map[string]*http.Cookie{}}
	ended := false
	for _, c := range w.Result().Cookies() {
		if ended = ended || c.MaxAge < 0; c.MaxAge >= 0 {
			x.cookies[c.Name] = c
		}
	}
	a.session.take(x)
	if ended {
		a.session = a.signIn("ada", a.password)
	}
	a.changed()
}

// handedOut names a token or a cookie in an answer; deleting a cookie hands out nothing.
func handedOut(w *httptest.ResponseRecorder) string {
	for _, c := range w.Result().Cookies() {
		if c.MaxAge >= 0 {
			return "the cookie " + c.Name
		}
	}
	for _, name := range []string{`"access_token":"`, `"refresh_token":"`, `"CSRF_token":"`} {
		if strings.Contains(w.Body.String(), name) {
			return name
		}
	}
	return ""
}

// FuzzPath: whatever the path is, the answer is 2xx or 4xx.
func FuzzPath(f *testing.F) {
	a := newApp(f, nil)
	for _, path := range append([]string{"", "user", "csrf/", ".well-known/jwks.json", "..", "//", "sign-in//", "SIGN-IN", "sign-in/x", "%2e"}, fuzzedRoutes...) {
		f.Add("POST", path)
		f.Add("GET", path)
		f.Add("OPTIONS", path)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		if strings.ContainsAny(path, "?#%") || !isPrintable(path) || !isPrintable(method) {
			return // nothing that a request line can carry
		}
		r := httptest.NewRequest(http.MethodPost, "/auth/"+path, strings.NewReader("{}"))
		r.Method = method
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		a.auth.ServeHTTP(w, r)
		if w.Code < 200 || w.Code >= 300 && w.Code < 400 || w.Code >= 500 {
			t.Errorf("%s %q = %d %s", method, path, w.Code, w.Body)
		}
	})
}

// FuzzCookieHeader holds the law of cookies: the refresh cookie of a session is found among any others, wherever it
// stands; two are refused; thousands are refused and never silently none. The noise is repeated, in front of the
// genuine cookies and, without a repetition, behind them.
func FuzzCookieHeader(f *testing.F) {
	a := newFuzzedApp(f)
	for _, noise := range []string{"", "a=b", "a", "=", ";", "refresh_cookie", "refresh_cookie=x", "refresh_cookie =x;;=;", "REFRESH_COOKIE=x", "xrefresh_cookie=x", "a=\"x", "a=b;refresh_cookie", "\t", "é=\xff", "a=b, c=d", "$Version=1"} {
		for _, times := range []uint16{0, 1, 2, 499, 500, 5000} {
			for genuine := range uint8(3) {
				f.Add(noise, times, genuine, false)
				f.Add(noise, times, genuine, true)
			}
		}
	}
	f.Fuzz(func(t *testing.T, noise string, times uint16, genuine uint8, split bool) {
		if len(noise) > 1000 {
			return // so that a repetition stays small
		}
		var cookies []string
		for range times % 8192 {
			cookies = append(cookies, noise)
		}
		for range genuine % 4 {
			cookies = append(cookies, "refresh_cookie="+a.session.refresh)
		}
		cookies = append(cookies, noise)
		r := httptest.NewRequest(http.MethodGet, "/auth/csrf/", nil)
		r.Header["Cookie"] = []string{strings.Join(cookies, "; ")}
		if split { // RFC 9113 §8.2.3: HTTP/2 may bring one field for each
			r.Header["Cookie"] = cookies
		}
		w := a.serve(t, r)
		quiet := !strings.Contains(noise, "refresh_cookie")
		got := fmt.Sprintf("%d × %q and %d × the refresh cookie = %d %s", times%8192+1, noise, genuine%4, w.Code, w.Body)
		switch {
		case w.Code != 200 && w.Code != 400 && w.Code != 401:
			t.Error(got)
		case genuine%4 == 0 && w.Code == 200:
			t.Errorf("%s without a session", got)
		case genuine%4 > 0 && strings.Contains(w.Body.String(), "no_refresh_token"):
			t.Errorf("%s although there is one", got)
		case genuine%4 > 1 && w.Code != 400:
			t.Errorf("%s, want 400 for two", got)
		case genuine%4 == 1 && quiet && len(cookies)*(1+strings.Count(noise, ";")) < 400 && len(strings.Join(cookies, "; ")) < 15<<10 && w.Code != 200:
			t.Errorf("%s, want the one found", got)
		case times%8192 > 500 && w.Code != 400:
			t.Errorf("%s, want 400 for so many", got)
		}
	})
}

func isPrintable(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return true
}
