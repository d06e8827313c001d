package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/sallyport-auth/sallyport"
)

// serveSPA is a single-page app that is nothing but the client, as "auth" of its window. The query "o" has its options, and
// "before" is run before it is imported. Below "frames/" there are several of them.
func serveSPA(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/spa/client.js":
		code, err := os.ReadFile(filepath.Join("..", "..", "..", "clients", "ts", "dist", "index.js"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/javascript")
		w.Write(code)
	case "/spa/app.js":
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, `const query = new URLSearchParams(location.search);
			new Function(query.get("before") ?? "")();
			const { createAuth } = await import("/spa/client.js");
			globalThis.events = [];
			globalThis.auth = createAuth(JSON.parse(query.get("o")) ?? {});
			auth.on((event) => events.push(event));
			auth.subscribe(() => {});`)
	case "/spa/frames/":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		for range 7 {
			fmt.Fprintf(w, `<iframe src="/spa/?%s"></iframe>`, r.URL.RawQuery)
		}
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>App</title><script type="module" src="/spa/app.js"></script></html>`)
	}
}

// spa is an app behind a front that can do wrong.
type spa struct {
	*pages
	*tab
	mu     sync.Mutex
	asked  map[string]int                                              // requests below the mount, by their path
	tamper func(http.ResponseWriter, *http.Request, http.Handler) bool // true: it has answered
}

func newSPA(t *testing.T, change func(*sallyport.Config)) *spa {
	t.Helper()
	s := &spa{asked: map[string]int{}}
	s.pages = newPagesBehind(t, change, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			s.asked[r.URL.Path]++
			tamper := s.tamper
			s.mu.Unlock()
			if tamper == nil || !tamper(w, r, next) {
				next.ServeHTTP(w, r)
			}
		})
	})
	s.tab = watched(t)
	return s
}

func (s *spa) set(tamper func(http.ResponseWriter, *http.Request, http.Handler) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tamper = tamper
}

func (s *spa) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked["/auth/"+path]
}

// visit opens the app. options are those of createAuth, before is run first.
func (s *spa) visit(where string, options map[string]any, before string) {
	s.pages.Helper()
	encoded, err := json.Marshal(options)
	if err != nil {
		s.pages.Fatal(err)
	}
	s.goTo(s.origin + "/spa/" + where + "?" + url.Values{"o": {string(encoded)}, "before": {before}}.Encode())
	if where == "" {
		s.waitFor("the client to know who is signed in", `globalThis.auth !== undefined && `+status+` !== "unknown"`)
	}
}

// run awaits an expression in the page, and gives its result as JSON.
func (s *spa) run(expression string) string {
	s.pages.Helper()
	wait := func(p *runtime.EvaluateParams) { p.AwaitPromise = new(true) }
	got, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](`(async () => JSON.stringify((await (`+expression+`)) ?? null))().catch((e) => "refused: " + (e.code ?? e))`, wait))
	if err != nil {
		s.pages.Fatalf("%s: %v", expression, err)
	}
	return got
}

func (s *spa) want(expression, want string) {
	s.pages.Helper()
	if got := s.run(expression); got != want {
		s.pages.Errorf("%s = %s, want %s", expression, got, want)
	}
}

// enter signs ada in.
func (s *spa) enter() {
	s.pages.Helper()
	s.want(fmt.Sprintf(`auth.signIn({username: "ada", password: %q}).then((u) => u.username)`, s.pw), `"ada"`)
}

const status = `auth.getSnapshot().status`

// refuseWith answers every request below a path.
func refuseWith(path string, code int, header map[string]string, body string) func(http.ResponseWriter, *http.Request, http.Handler) bool {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path != "/auth/"+path {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(code)
		fmt.Fprint(w, body)
		return true
	}
}

// TestBrowser has a test for each rule of the client, by the number that it has in clients/ts/README.md.
func TestBrowser(t *testing.T) {
	t.Run("01_SecretsInMemoryOnly", func(t *testing.T) {
		s := newSPA(t, nil)
		s.visit("", nil, "")
		s.enter()
		s.want(`auth.refresh().then((x) => x.status)`, `"signed-in"`)
		s.want(`(async () => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, await indexedDB.databases()]))()`, `"[{},{},\"\",[]]"`)
	})
	t.Run("02_03_OneRefreshForAllTabs", func(t *testing.T) {
		s := newSPA(t, nil)
		s.visit("", nil, "")
		s.enter()
		s.visit("frames/", nil, "")
		s.waitFor("all tabs", framesAre("signed-in"))
		if n := s.count("refresh/"); n > 4 { // one of the first visit, of nobody
			t.Errorf("seven cold tabs made %d refreshes", n-1)
		}
		before := s.count("refresh/")
		s.run(`Promise.all(Array.from(frames).flatMap((f) => Array.from({length: 20}, () => f.auth.getAccessToken({minTTL: 0}))))`)
		if n := s.count("refresh/"); n != before {
			t.Errorf("140 demands for a token that is good made %d refreshes", n-before)
		}
		s.run(`Promise.all(Array.from({length: 20}, () => frames[0].auth.refresh()))`)
		if n := s.count("refresh/"); n != before+1 {
			t.Errorf("20 refreshes at once made %d", n-before)
		}
	})
	t.Run("04_WithoutLocksOrChannels", func(t *testing.T) {
		s := newSPA(t, nil)
		s.visit("", nil, "")
		s.enter()
		s.visit("frames/", nil, `Object.defineProperty(navigator, "locks", {value: undefined}); globalThis.BroadcastChannel = undefined;`)
		s.waitFor("all tabs", framesAre("signed-in"))
		s.want(`Promise.all(Array.from(frames).map((f) => f.auth.refresh())).then((all) => all.every((x) => x.status === "signed-in"))`, "true")
	})
	t.Run("04_StorageSwitchedOff", func(t *testing.T) {
		s := newSPA(t, nil)
		s.visit("", nil, `for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(globalThis, name, {get() { throw new DOMException("off", "SecurityError"); }});`)
		s.enter()
		s.want(`auth.signOut().then(() => `+status+`)`, `"signed-out"`)
	})
	t.Run("05_ALockThatIsNeverGivenBack", func(t *testing.T) {
		s := newSPA(t, nil)
		s.visit("", map[string]any{"lockTimeout": 300}, "")
		s.enter()
		s.run(`new Promise((held) => { const all = navigator.locks.query().then(() => navigator.locks.request("sallyport:" + location.origin + "/auth/", () => { held(); return new Promise(() => {}); })); })`)
		s.want(`auth.refresh().then((x) => x.status)`, `"signed-in"`)
	})
	t.Run("06_AWrongClock", func(t *testing.T) {
		s := newSPA(t, nil)
		s.visit("", nil, `const now = Date.now; globalThis.off = 3 * 3600e3; Date.now = () => now() + globalThis.off;`)
		s.enter()
		before := s.count("refresh/")
		s.want(`auth.getAccessToken().then(Boolean)`, "true")
		if n := s.count("refresh/"); n != before {
			t.Error("a clock that is three hours off makes tokens old")
		}
		s.want(`(off += 600e3, auth.getAccessToken().then(Boolean))`, "true") // as after a sleep of ten minutes
		if n := s.count("refresh/"); n != before+1 {
			t.Errorf("after ten minutes a use made %d refreshes, want 1", n-before)
		}
	})
	t.Run("08_ShortLives", func(t *testing.T) {
		s := newSPA(t, func(cfg *sallyport.Config) { cfg.AccessTTL = 3 * time.Second })
		s.visit("", nil, "")
		s.enter()
		before := s.count("refresh/")
		s.run(`new Promise((done) => { let n = 0; const off = auth.on((e) => { if (e === "refreshed" && ++n === 2) { off(); done(); } }); })`)
		if n := s.count("refresh/") - before; n != 2 {
			t.Errorf("two new tokens took %d refreshes", n)
		}
	})
	t.Run("09_WhatEndsTheSession", func(t *testing.T) {
		for _, c := range []struct {
			code  int
			body  string
			ended bool
		}{
			{401, `{"code":"no_refresh_token","detail":"x"}`, true}, {401, `{"code":"refresh_token_expired","detail":"x"}`, true},
			{401, `{"code":"refresh_token_reused","detail":"x"}`, true}, {401, `{"code":"session_revoked","detail":"x"}`, true},
			{401, `{"code":"invalid_refresh_token","detail":"x"}`, true},
			{401, `{"code":"something_else","detail":"x"}`, false}, {401, `<html>a proxy's own</html>`, false}, {403, `{"code":"cross_origin","detail":"x"}`, false},
			{400, `{"code":"duplicate_cookie","detail":"x"}`, false}, {429, `{"code":"rate_limited","detail":"x"}`, false}, {500, `{"code":"internal","detail":"x"}`, false},
			{503, `{"code":"store_unavailable","detail":"x"}`, false}, {200, `<html>a portal</html>`, false}, {200, `{}`, false},
		} {
			t.Run(fmt.Sprint(c.code, c.body), func(t *testing.T) {
				s := newSPA(t, nil)
				s.visit("", nil, "")
				s.enter()
				s.set(refuseWith("refresh/", c.code, nil, c.body))
				s.run(`auth.refresh().catch(() => {})`)
				want := `"signed-in"`
				if c.ended {
					want = `"signed-out"`
				}
				if got := s.run(status); got != want {
					t.Errorf("%d %s: %s, want %s", c.code, c.body, got, want)
				}
			})
		}
	})
	t.Run("10_AnOutage", func(t *testing.T) {
		s := newSPA(t, nil)
		s.visit("", nil, "")
		s.enter()
		s.set(refuseWith("refresh/", 503, nil, `{"code":"store_unavailable","detail":"x"}`))
		s.want(`auth.refresh().catch((e) => e.code + " " + e.transient)`, `"store_unavailable true"`)
		s.want(`auth.getSnapshot()`+`.stale && auth.getSnapshot().status`, `"signed-in"`)
		s.want(`auth.getAccessToken().then(Boolean)`, "true") // it is good for a while
		s.set(nil)
		s.waitFor("it recovers by itself", `auth.getSnapshot().stale === false && events.includes("offline") && events.includes("online")`)
		s.want(status, `"signed-in"`)
	})
	t.Run("12_SignOutReachesEveryTab", func(t *testing.T) {
		s := newSPA(t, nil)
		s.visit("", nil, "")
		s.enter()
		s.visit("frames/", nil, "")
		s.waitFor("all tabs", framesAre("signed-in"))
		s.run(`frames[3].auth.signOut()`)
		s.waitFor("all tabs", framesAre("signed-out"))
		if n := s.live(); n != 0 {
			t.Errorf("%d sessions live", n)
		}
	})
	t.Run("13_ASignOutThatDidNotReachTheServer", func(t *testing.T) {
		s := newSPA(t, nil)
		s.visit("", nil, "")
		s.enter()
		s.set(refuseWith("logoff/", 503, nil, `{"code":"store_unavailable","detail":"x"}`))
		s.want(`auth.signOut().then(() => `+status+`)`, `"signed-out"`)
		if n := s.live(); n != 1 {
			t.Fatalf("%d sessions live: the test shows nothing", n)
		}
		s.set(nil)
		s.visit("", nil, "")
		s.want(`auth.ready().then((x) => x.status)`, `"signed-out"`)
		for end := time.Now().Add(limit); s.live() != 0; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the session lives on, and would sign the next person in")
			}
		}
	})
	t.Run("15_TheTokenGoesNowhereElse", func(t *testing.T) {
		s := newSPA(t, nil)
		other := newPages(t, nil) // another origin, which would tell
		s.visit("", nil, "")
		s.enter()
		s.want(`auth.fetch("/auth/user/").then((r) => r.status)`, "200")
		s.want(`(async () => { const sent = []; const { createAuth } = await import("/spa/client.js"); const a = createAuth({fetch: (r, i) => { const q = new Request(r, i); sent.push(q.headers.has("Authorization")); return q.url.startsWith(location.origin) ? fetch(q) : Promise.resolve(new Response("")); }}); await a.ready(); sent.length = 0; await a.fetch("`+other.origin+`/"); await a.fetch("/spa/"); return sent; })()`, "[false,true]")
	})
	t.Run("16_OneReplay", func(t *testing.T) {
		s := newSPA(t, nil)
		s.visit("", nil, "")
		s.enter()
		refused := 0
		s.set(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.URL.Path != "/auth/user/" || refused > 0 {
				return false
			}
			refused++
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		})
		s.want(`auth.fetch("/auth/user/").then((r) => r.status)`, "200")
		before := s.count("user/")
		s.set(refuseWith("user/", 401, map[string]string{"WWW-Authenticate": `Bearer error="invalid_token"`}, `{}`))
		s.want(`auth.fetch("/auth/user/").then((r) => r.status)`, "401")
		if n := s.count("user/") - before; n != 2 {
			t.Errorf("a service that refuses always was asked %d times", n)
		}
		s.want(status, `"signed-in"`)
	})
	t.Run("18_AListenerThatThrows", func(t *testing.T) {
		s := newSPA(t, nil)
		s.visit("", nil, `globalThis.reportError = () => {};`)
		s.run(`(auth.on(() => { throw new Error("mine"); }), globalThis.heard = 0, auth.on((e) => { if (e === "signed-in") { heard++; auth.signOut(); } }), null)`)
		s.want(fmt.Sprintf(`auth.signIn({username: "ada", password: %q}).then(() => "in")`, s.pw), `"in"`)
		s.waitFor("the other listener signs out", `heard === 1 && `+status+` === "signed-out"`)
	})
	t.Run("19_CSRFOverAReload", func(t *testing.T) {
		s := newSPA(t, nil)
		s.visit("", nil, "")
		s.enter()
		s.visit("", nil, "")
		s.want(`auth.ready().then((x) => x.user.username)`, `"ada"`)
		s.want(`auth.signOut({scope: "others"}).then(() => `+status+`)`, `"signed-in"`)
	})
	t.Run("20_Dispose", func(t *testing.T) {
		s := newSPA(t, nil)
		s.visit("", nil, "")
		s.enter()
		before := s.count("refresh/")
		s.want(`(async () => { const { createAuth } = await import("/spa/client.js"); for (let i = 0; i < 100; i++) createAuth().dispose(); return auth.getAccessToken().then(Boolean); })()`, "true")
		if n := s.count("refresh/"); n != before {
			t.Errorf("a hundred that are disposed of made %d refreshes", n-before)
		}
	})
}

// framesAre is whether all seven have a status.
func framesAre(status string) string {
	return fmt.Sprintf(`frames.length === 7 && Array.from(frames).every((f) => f.auth?.getSnapshot().status === %q)`, status)
}
