package browser

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
)

// TestBrowser has a test for each rule of the client, by the number that it has in clients/ts/README.md; that of
// rule 21 is TestImportableOnAServer of clientts.
func TestBrowser(t *testing.T) { testRules(t, map[string]any{"lockTimeout": 5_000}) }

// TestBrowserWithoutALock is the same without what saves requests: nothing that is right may rest on it.
func TestBrowserWithoutALock(t *testing.T) { testRules(t, map[string]any{"lockTimeout": 0}) }

func testRules(t *testing.T, options map[string]any) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel() // they wait more than they work
			r.check(t, options)
		})
	}
}

func lockTimeout(o map[string]any) int { return o["lockTimeout"].(int) }

// timers makes "waits" the timers of the page that have not fired, with their ms.
const timers = `globalThis.waits = new Map(); const set = setTimeout, clear = clearTimeout;
	globalThis.setTimeout = (f, ms) => { const id = set(() => { waits.delete(id); f(); }, ms); waits.set(id, ms); return id; };
	globalThis.clearTimeout = (id) => { waits.delete(id); clear(id); };`

// rules are run with the options that every visit has.
var rules = []struct {
	name  string
	check func(t *testing.T, o map[string]any)
}{
	{"01_SecretsInMemoryOnly", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		s.want(`auth.refresh().then((x) => x.status)`, `"signed-in"`)
		s.want(`(async () => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, await indexedDB.databases()]))()`, `"[{},{},\"\",[]]"`)
	}},
	{"02_03_OneRefreshForAllTabs", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		s.visit("frames/", nil, "")
		s.waitFor("all tabs", framesAre("signed-in"))
		most := 3 // a tab that takes longer than 50 ms to answer is not waited for
		if lockTimeout(o) == 0 {
			most = 7 // one each
		}
		if n := s.count("refresh/") - 1; n > most { // one of the first visit, of nobody
			t.Errorf("seven cold tabs made %d refreshes, want %d at most", n, most)
		}
		s.run(`Promise.all(Array.from(frames).map((f) => f.auth.refresh()))`) // what was still on its way is over
		before := s.count("refresh/")
		s.run(`Promise.all(Array.from(frames).flatMap((f) => Array.from({length: 20}, () => f.auth.getAccessToken({minTTL: 0}))))`)
		if n := s.count("refresh/"); n != before {
			t.Errorf("140 demands for a token that is good made %d refreshes", n-before)
		}
		s.run(`Promise.all(Array.from({length: 20}, () => frames[0].auth.refresh()))`)
		if n := s.count("refresh/"); n != before+1 {
			t.Errorf("20 refreshes at once made %d", n-before)
		}
	}},
	{"04_WithoutLocksOrChannels", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		s.visit("frames/", nil, `Object.defineProperty(navigator, "locks", {value: undefined}); globalThis.BroadcastChannel = undefined;`)
		s.waitFor("all tabs", framesAre("signed-in"))
		s.want(`Promise.all(Array.from(frames).map((f) => f.auth.refresh())).then((all) => all.every((x) => x.status === "signed-in"))`, "true")
	}},
	{"04_StorageSwitchedOff", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, `for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(globalThis, name, {get() { throw new DOMException("off", "SecurityError"); }});`)
		s.enter()
		s.want(`auth.signOut().then(() => `+status+`)`, `"signed-out"`)
	}},
	{"05_ALockThatIsNeverGivenBack", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		s.run(`new Promise((held) => void navigator.locks.request("sallyport:" + location.origin + "/auth/", () => { held(); return new Promise(() => {}); }))`)
		s.freeze("frozen")
		other := s.another()
		s.visitIn(other, "", map[string]any{"lockTimeout": min(300, lockTimeout(o))}, "")
		other.want(`auth.refresh().then((x) => x.status)`, `"signed-in"`)
		other.want(`navigator.locks.query().then((all) => all.held.length)`, "1") // the test shows something
	}},
	{"06_AWrongClock", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
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
	}},
	{"08_ShortLives", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, func(cfg *sallyport.Config) { cfg.AccessTTL = 3 * time.Second })
		s.visit("", nil, "")
		s.enter()
		before := s.count("refresh/")
		s.run(`new Promise((done) => { let n = 0; const off = auth.on((e) => { if (e === "refreshed" && ++n === 2) { off(); done(); } }); })`)
		if n := s.count("refresh/") - before; n != 2 {
			t.Errorf("two new tokens took %d refreshes", n)
		}
	}},
	{"09_WhatEndsTheSession", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
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
			s.set(nil)
			if s.run(status) == `"signed-out"` {
				s.enter()
			}
			s.want(`auth.refresh().then((x) => x.status + x.stale)`, `"signed-infalse"`)
			s.set(refuseWith("refresh/", c.code, nil, c.body))
			s.run(`auth.refresh().catch(() => {})`)
			want := `"signed-in"`
			if c.ended {
				want = `"signed-out"`
			}
			if got := s.run(status); got != want {
				t.Errorf("%d %s: %s, want %s", c.code, c.body, got, want)
			}
		}
	}},
	{"10_AnOutage", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		s.set(refuseWith("refresh/", 503, nil, `{"code":"store_unavailable","detail":"x"}`))
		s.want(`auth.refresh().catch((e) => e.code + " " + e.transient)`, `"store_unavailable true"`)
		s.want(`auth.getSnapshot()`+`.stale && auth.getSnapshot().status`, `"signed-in"`)
		s.want(`auth.getAccessToken().then(Boolean)`, "true") // it is good for a while
		s.set(nil)
		s.waitFor("it recovers by itself", `auth.getSnapshot().stale === false && events.includes("offline") && events.includes("online")`)
		s.want(status, `"signed-in"`)
	}},
	{"12_SignOutReachesEveryTab", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		s.visit("frames/", nil, "")
		s.waitFor("all tabs", framesAre("signed-in"))
		s.run(`frames[3].auth.signOut()`)
		s.waitFor("all tabs", framesAre("signed-out"))
		if n := s.live(); n != 0 {
			t.Errorf("%d sessions live", n)
		}
	}},
	{"13_ASignOutThatDidNotReachTheServer", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
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
	}},
	{"15_TheTokenGoesNowhereElse", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		s.want(`auth.fetch("/auth/user/").then((r) => r.status)`, "200")
		s.want(`(async () => { const sent = []; const { createAuth } = await import("/spa/dist/index.js"); const a = createAuth({apiOrigins: ["https://api.example"], fetch: (r, i) => { const q = new Request(r, i); sent.push(q.headers.has("Authorization")); return q.url.startsWith(location.origin) ? fetch(q) : Promise.resolve(new Response("")); }}); await a.ready(); sent.length = 0; await a.fetch("https://elsewhere.example/"); await a.fetch("https://api.example/"); await a.fetch("/spa/"); a.dispose(); return sent; })()`, "[false,true,true]")
	}},
	{"16_OneReplay", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
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
	}},
	{"18_AListenerThatThrows", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, `globalThis.reportError = () => {};`)
		s.run(`(auth.on(() => { throw new Error("mine"); }), globalThis.heard = 0, auth.on((e) => { if (e === "signed-in") { heard++; auth.signOut(); } }), null)`)
		s.want(fmt.Sprintf(`auth.signIn({username: "ada", password: %q}).then(() => "in")`, s.pw), `"in"`)
		s.waitFor("the other listener signs out", `heard === 1 && `+status+` === "signed-out"`)
	}},
	{"19_CSRFOverAReload", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		s.visit("", nil, "")
		s.want(`auth.ready().then((x) => x.user.username)`, `"ada"`)
		s.want(`auth.signOut({scope: "others"}).then(() => `+status+`)`, `"signed-in"`)
	}},
	{"13_EverywhereIsNotForgotten", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		s.elsewhere("a thief's")
		s.set(refuseWith("logoff/", 503, nil, `{"code":"store_unavailable","detail":"x"}`))
		s.want(`auth.signOut({scope: "all"}).then(() => `+status+`)`, `"signed-out"`)
		s.set(nil)
		s.enter()
		if n := s.live(); n != 1 {
			t.Errorf("%d sessions live, want the new one", n)
		}
		s.want(`auth.refresh().then((x) => x.status)`, `"signed-in"`)
	}},
	{"13_OneInstanceWithAWrongSecret", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		refuse, asked := refuseWith("logoff/", 401, nil, `{"code":"invalid_refresh_token","detail":"x"}`), 0
		s.set(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			if r.URL.Path != "/auth/logoff/" {
				return false
			}
			asked++
			return asked == 1 && refuse(w, r, next)
		})
		s.want(`auth.signOut().then(() => `+status+`)`, `"signed-out"`)
		if n := s.live(); n != 0 {
			t.Errorf("%d sessions live", n)
		}
	}},
	{"13_StorageThatIsFull", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, `Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };`)
		s.enter()
		s.set(refuseWith("logoff/", 503, nil, `{"code":"store_unavailable","detail":"x"}`))
		s.want(`auth.signOut().then(() => `+status+`)`, `"signed-out"`)
		s.set(nil)
		for end := time.Now().Add(limit); s.live() != 0; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the sign-out is forgotten")
			}
		}
		s.want(status, `"signed-out"`)
	}},
	{"07_AHiddenTab", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, func(cfg *sallyport.Config) { cfg.AccessTTL = 3 * time.Second })
		s.visit("", nil, "")
		s.enter()
		other := s.another() // in front of it
		other.goTo("about:blank")
		s.waitFor("it is hidden", `document.hidden`)
		before := s.count("refresh/")
		s.run(`new Promise((done) => { const began = performance.now(), look = () => performance.now() - began > 3500 ? done() : setTimeout(look, 100); look(); })`)
		if n := s.count("refresh/") - before; n != 0 {
			t.Errorf("a hidden tab made %d refreshes", n)
		}
		s.toFront()
		s.waitFor("it renews", `!document.hidden && events.at(-1) === "refreshed"`)
		if n := s.count("refresh/") - before; n != 1 {
			t.Errorf("when it was seen again it made %d refreshes, want 1", n)
		}
	}},
	{"07_BackFromTheCache", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		before := s.count("refresh/")
		s.run(`new Promise((done) => { const off = auth.on(() => (off(), done())); dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true})); })`)
		if n := s.count("refresh/") - before; n != 1 {
			t.Errorf("a page that has heard nothing meanwhile made %d refreshes, want 1", n)
		}
	}},
	{"10_TheNetworkIsGone", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		s.set(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			panic(http.ErrAbortHandler) // the connection is cut
		})
		s.want(`auth.refresh().catch((e) => [e.code, e.status, e.transient, auth.getSnapshot().status, auth.getSnapshot().stale].join())`, `"network,0,true,signed-in,true"`)
		s.set(nil)
		s.run(`new Promise((done) => { auth.on((e) => e === "online" && done()); dispatchEvent(new Event("online")); })`)
		s.want(status, `"signed-in"`)
	}},
	{"10_RetryAfter", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, timers)
		s.enter()
		s.set(refuseWith("refresh/", 503, map[string]string{"Retry-After": "7"}, `{"code":"store_unavailable","detail":"x"}`))
		s.want(`auth.refresh().catch((e) => e.retryAfter)`, "7")
		s.want(`[...waits.values()].map((ms) => Math.ceil(ms / 1000))`, "[7]")
		s.set(refuseWith("refresh/", 503, nil, `{"code":"store_unavailable","detail":"x"}`))
		for range 3 {
			s.run(`auth.refresh().catch(() => {})`)
		}
		s.want(`(([ms]) => ms > 1990 && ms <= 4000)([...waits.values()])`, "true") // 0.5 s doubled three times, at least half of it
	}},
	{"11_OtherRefusals", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, timers)
		s.enter()
		for _, code := range []int{400, 403, 404, 415, 422} {
			s.set(nil)
			s.want(`auth.refresh().then((x) => x.stale)`, "false")
			s.set(refuseWith("refresh/", code, nil, `{"code":"a_code","detail":"x"}`))
			before := s.count("refresh/")
			s.want(`auth.refresh().catch((e) => e.code + e.status + e.transient + auth.getSnapshot().status + auth.getSnapshot().stale)`, fmt.Sprintf(`"a_code%dfalsesigned-infalse"`, code))
			s.want(`[...waits.values()]`, "[]")
			s.want(`auth.getAccessToken().then(Boolean)`, "true")
			if n := s.count("refresh/") - before; n != 1 {
				t.Errorf("after %d: %d requests, want 1", code, n)
			}
		}
	}},
	{"12_ALateAnswer", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		gate := s.holdAnswer("refresh/")
		s.run(`void (globalThis.late = auth.refresh())`)
		<-gate.reached
		s.want(`Promise.race([auth.signOut(), null]).then(() => `+status+`)`, `"signed-out"`)
		close(gate.open)
		s.want(`late.then((x) => x.status)`, `"signed-out"`)
		s.want(`auth.getAccessToken()`, "null")
		s.want(`events`, `["signed-out","signed-in","signed-out"]`)
	}},
	{"12_ASignInOnTheWay", func(t *testing.T, o map[string]any) { // nothing's cookies come after those of the sign-in
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		gate := s.hold("sign-in/")
		s.run(fmt.Sprintf(`void (globalThis.entering = auth.signIn({username: "ada", password: %q}))`, s.pw))
		<-gate.reached
		before := s.count("refresh/")
		s.run(`void (globalThis.waiting = auth.refresh())`)
		if n := s.count("refresh/") - before; n != 0 {
			t.Errorf("%d refreshes during a sign-in", n)
		}
		close(gate.open)
		s.want(`entering.then((u) => u.username)`, `"ada"`)
		s.want(`waiting.then((x) => x.status)`, `"signed-in"`)
		before = s.count("refresh/")
		s.want(`auth.refresh().then((x) => x.status)`, `"signed-in"`)
		if n := s.count("refresh/") - before; n != 1 {
			t.Errorf("a refresh after the sign-in made %d requests, want 1", n)
		}
	}},
	{"12_AFrozenTabHearsOfItLater", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, `const now = Date.now; globalThis.off = 0; Date.now = () => now() + globalThis.off;`)
		s.enter()
		s.freeze("frozen")
		other := s.another()
		s.visitIn(other, "", nil, "")
		other.want(status, `"signed-in"`)
		other.want(`auth.signOut().then(() => `+status+`)`, `"signed-out"`)
		s.freeze("active")
		s.waitFor("the sign-out", status+` === "signed-out"`)
		s.enterIn(other)
		s.waitFor("the sign-in", status+` === "signed-in"`)
		s.freeze("frozen")
		s.freeze("active")
		before := s.count("refresh/")
		s.want(`(off += 3600e3, auth.getAccessToken().then(Boolean))`, "true") // an hour later
		if n := s.count("refresh/") - before; n != 1 {
			t.Errorf("after an hour: %d refreshes, want 1", n)
		}
	}},
	{"14_SomebodyElse", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		bob := rand.Text()
		if _, err := s.svc.CreateUser(t.Context(), sallyport.NewUser{Username: "bob", Password: bob}); err != nil {
			t.Fatal(err)
		}
		s.visit("", nil, "")
		s.enter()
		other := s.another()
		s.visitIn(other, "", nil, "")
		gate := s.hold("user/")
		s.run(`void (globalThis.begun = auth.fetch("/auth/user/").then((r) => r.status))`)
		<-gate.reached
		other.want(fmt.Sprintf(`auth.signIn({username: "bob", password: %q}).then((u) => u.username)`, bob), `"bob"`)
		s.waitFor("the other tab's user", `auth.getSnapshot().user.username === "bob"`)
		s.want(`events.slice(1)`, `["signed-in","signed-in"]`)
		before := s.count("user/")
		close(gate.open) // the session of ada has ended: 401
		s.want(`begun`, "401")
		if n := s.count("user/") - before; n != 0 {
			t.Errorf("what ada began was repeated %d times as bob", n)
		}
		s.want(`auth.fetch("/auth/user/").then((r) => r.json()).then((u) => u.username)`, `"bob"`)
	}},
	{"15_NotOverARedirect", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		foreign := make(chan http.Header, 1)
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.Header().Set("Access-Control-Allow-Headers", "Authorization")
			if r.Method != http.MethodOptions {
				foreign <- r.Header
			}
		}))
		defer other.Close()
		s.visit("", nil, "")
		s.enter()
		s.set(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.URL.Path != "/auth/user/" {
				return false
			}
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
			return true
		})
		s.want(`auth.fetch("/auth/user/").then((r) => r.status)`, "200")
		if got := (<-foreign).Values("Authorization"); len(got) > 0 {
			t.Errorf("Authorization at another origin: %d values", len(got))
		}
	}},
	{"16_NoReplayOfAStream", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		asked := 0
		s.set(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.URL.Path != "/auth/echo/" {
				return false
			}
			body, _ := io.ReadAll(r.Body)
			if asked++; asked == 1 {
				w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
				w.WriteHeader(http.StatusUnauthorized)
			}
			w.Write(body)
			return true
		})
		s.want(`auth.fetch("/auth/echo/", {method: "POST", body: "once more"}).then((r) => r.text())`, `"once more"`)
		if asked != 2 {
			t.Errorf("a text was sent %d times, want 2", asked)
		}
		// Chromium sends streams over HTTP/2 alone, so the page's own fetch stands in for the network.
		s.want(`(async () => { const { createAuth } = await import("/spa/dist/index.js"); let sent = 0;
			const a = createAuth({apiOrigins: ["https://api.example"], fetch: (r, i) => (i?.method ?? r.method) === "PUT" ? (sent++, Promise.resolve(new Response("", {status: 401}))) : fetch(r, i)});
			await a.ready(); const body = new ReadableStream({start(c) { c.enqueue(new TextEncoder().encode("x")); c.close(); }});
			const r = await a.fetch("/auth/echo/", {method: "PUT", body, duplex: "half"}); a.dispose(); return [r.status, sent]; })()`, "[401,1]")
	}},
	{"17_WhoGivesUpDisturbsNobody", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, `const now = Date.now; globalThis.off = 0; Date.now = () => now() + globalThis.off;`)
		s.enter()
		gate := s.hold("refresh/")
		s.run(`void (off += 600e3, globalThis.stop = new AbortController(), globalThis.one = auth.fetch("/auth/user/", {signal: stop.signal}).catch((e) => e.name), globalThis.two = auth.fetch("/auth/user/").then((r) => r.status))`)
		<-gate.reached
		s.want(`(stop.abort(), one)`, `"AbortError"`)
		close(gate.open)
		s.want(`two`, "200")
		if n := s.count("user/"); n != 1 {
			t.Errorf("%d requests, want 1: the other one was given up", n)
		}
	}},
	{"17_AServerThatHangs", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, `globalThis.limits = []; const timeout = AbortSignal.timeout; AbortSignal.timeout = (ms) => (limits.push(ms), timeout.call(AbortSignal, ms / 50));`)
		s.enter()
		gate := s.hold("refresh/")
		s.want(`auth.refresh().catch((e) => e.code + e.status + e.transient + auth.getSnapshot().status)`, `"timeout0truesigned-in"`)
		s.want(`limits.includes(15000)`, "true")
		close(gate.open)
		s.set(nil)
		s.waitFor("it recovers", `auth.getSnapshot().stale === false`)
	}},
	{"19_AnotherOrigin", func(t *testing.T, o map[string]any) { // the browser's word does not count there, so the CSRF token is asked for
		sibling := httptest.NewServer(http.HandlerFunc(serveSPA))
		defer sibling.Close()
		page := strings.Replace(sibling.URL, "127.0.0.1", "page.app.localhost", 1)
		s := newSPAFor(t, o, nil, authhttp.Config{TrustedOrigins: []string{page}})
		mount := strings.Replace(s.issuer, "127.0.0.1", "auth.app.localhost", 1)
		s.goTo(page + "/spa/?" + url.Values{"o": {fmt.Sprintf(`{"baseURL": %q, "lockTimeout": %d}`, mount, lockTimeout(o))}}.Encode())
		s.waitFor("the client", `globalThis.auth !== undefined && `+status+` !== "unknown"`)
		s.enter()
		s.want(`auth.refresh().then((x) => x.status)`, `"signed-in"`)
		s.reload()
		s.waitFor("the client", `globalThis.auth !== undefined && `+status+` !== "unknown"`)
		s.want(`auth.ready().then((x) => x.user.username)`, `"ada"`)
		if n := s.count("csrf/"); n == 0 {
			t.Error("the CSRF token was not asked for: the test shows nothing")
		}
		s.want(`auth.signOut().then(() => `+status+`)`, `"signed-out"`)
		if n := s.live(); n != 0 {
			t.Errorf("%d sessions live", n)
		}
	}},
	{"20_NothingIsLeft", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, timers+`
			globalThis.channels = 0; const C = BroadcastChannel;
			globalThis.BroadcastChannel = class extends C { constructor(n) { super(n); channels++; } close() { super.close(); channels--; } };
			globalThis.heard = 0; const listen = addEventListener;
			globalThis.addEventListener = (type, listener, o) => { if (o?.signal) { heard++; o.signal.addEventListener("abort", () => heard--); } listen(type, listener, o); };`)
		s.enter()
		s.want(`[channels, heard, waits.size]`, "[1,3,1]")
		s.want(`(async () => { const { createAuth } = await import("/spa/dist/index.js"); for (let i = 0; i < 100; i++) { const a = createAuth(); await a.ready(); a.dispose(); } return [channels, heard]; })()`, "[1,3]")
		s.waitFor("one timer is left", `waits.size === 1`) // those of questions to other tabs end after 50 ms
	}},
	{"AppsOnOneOrigin", func(t *testing.T, o map[string]any) {
		s := newSPA(t, o, nil)
		s.visit("", nil, "")
		s.enter()
		second, auth := newSallyport(t, s.origin+"/other", authhttp.Config{}, func(*sallyport.Config) {})
		eve := rand.Text()
		if _, err := second.CreateUser(t.Context(), sallyport.NewUser{Username: "eve", Password: eve}); err != nil {
			t.Fatal(err)
		}
		s.mux.Handle("/other/", auth)
		s.run(fmt.Sprintf(`(async () => { const { createAuth } = await import("/spa/dist/index.js"); globalThis.other = createAuth({baseURL: "/other", lockTimeout: %d}); await other.ready(); })()`, lockTimeout(o)))
		s.want(`other.getSnapshot().status + auth.getSnapshot().status`, `"signed-outsigned-in"`)
		s.want(fmt.Sprintf(`other.signIn({username: "eve", password: %q}).then((u) => u.username)`, eve), `"eve"`)
		s.want(`auth.refresh().then((x) => x.user.username)`, `"ada"`)
		s.want(`other.refresh().then((x) => x.user.username)`, `"eve"`)
		s.want(`other.signOut().then(() => other.getSnapshot().status + auth.getSnapshot().status)`, `"signed-outsigned-in"`)
		s.want(`auth.refresh().then((x) => x.user.username)`, `"ada"`)
	}},
}
