package browser

import (
	"crypto/rand"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// pictures is where the pages are kept as they look, for people.
var pictures = flag.String("pictures", "", "a folder to keep screenshots of the pages in")

// pages is a whole Sallyport with its own pages, and an app of one line behind them.
type pages struct {
	*app
	svc  *sallyport.Service
	user sallyport.User
	pw   string
	mux  *http.ServeMux
}

// newSallyport is a service and its routes, on a database of its own.
func newSallyport(t *testing.T, issuer string, ours authhttp.Config, change func(*sallyport.Config)) (*sallyport.Service, *authhttp.Handler) {
	t.Helper()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	secret := make([]byte, sallyport.MinSecretBytes)
	rand.Read(secret)
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg := sallyport.Config{
		Issuer: issuer, Store: store, Secret: secret, Logger: log, Password: password.Config{Memory: 64, Passes: 1}, UserFields: []string{"id", "username"},
	}
	change(&cfg)
	svc, err := sallyport.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { svc.Close() })
	ours.Logger = log
	auth, err := authhttp.New(svc, ours)
	if err != nil {
		t.Fatal(err)
	}
	return svc, auth
}

func newPages(t *testing.T, change func(*sallyport.Config)) *pages {
	t.Helper()
	return newPagesBehind(t, change, authhttp.Config{}, func(h http.Handler) http.Handler { return h })
}

// newPagesBehind has front in front of the routes.
func newPagesBehind(t *testing.T, change func(*sallyport.Config), ours authhttp.Config, front func(http.Handler) http.Handler) *pages {
	t.Helper()
	p := &pages{app: newApp(t), pw: rand.Text(), mux: http.NewServeMux()}
	provider := idptest.New(t, idptest.Config{ClientID: "pages", ShowUsers: true, RedirectURIs: []string{p.issuer + "/callback/google/"}})
	svc, auth := newSallyport(t, p.issuer, ours, func(cfg *sallyport.Config) {
		cfg.Providers = []sallyport.Provider{idp.OIDC{Name: "google", Issuer: provider.Issuer(), ClientID: "pages"}}
		if change != nil {
			change(cfg)
		}
	})
	p.svc = svc
	var err error
	if p.user, err = p.svc.CreateUser(t.Context(), sallyport.NewUser{
		Username: "ada", Password: p.pw, Email: "ada@example.com", EmailVerified: true, FirstName: "Ada", LastName: "Lovelace", Groups: []string{"staff", "ops"},
	}); err != nil {
		t.Fatal(err)
	}
	p.mux.Handle("/auth/", front(auth))
	p.mux.HandleFunc("/spa/", serveSPA)
	p.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>App</title><h1 id="app">The app</h1></html>`)
	})
	server := &http.Server{Handler: p.mux, ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() { server.Serve(p.listener); close(served) }()
	t.Cleanup(func() { server.Close(); <-served })
	return p
}

// elsewhere is a sign-in from another device.
func (p *pages) elsewhere(agent string) *sallyport.Tokens {
	p.Helper()
	tokens, err := p.svc.SignIn(p.Context(), sallyport.SignInRequest{Username: "ada", Password: p.pw, Client: sallyport.Client{IP: "203.0.113.9", UserAgent: agent}})
	if err != nil {
		p.Fatal(err)
	}
	return tokens
}

// live is how many sessions ada has.
func (p *pages) live() int {
	p.Helper()
	all, err := p.svc.Sessions(p.Context(), p.user.ID, sallyport.ID{}, 100)
	if err != nil {
		p.Fatal(err)
	}
	return len(all)
}

// watched is a tab in which whatever goes wrong in a page is written down.
func watched(t *testing.T) *tab {
	t.Helper()
	b := open(t)
	const watch = `const storage = sessionStorage, faults = JSON.parse(storage.faults ?? "[]");
		const fault = (text) => { faults.push(text); storage.faults = JSON.stringify(faults); };
		addEventListener("securitypolicyviolation", (e) => fault("policy: " + e.violatedDirective + " " + e.blockedURI));
		addEventListener("error", (e) => fault("error: " + (e.message ?? e.target.src ?? e.target.href)), true);
		addEventListener("unhandledrejection", (e) => fault("rejection: " + e.reason));`
	if _, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch}); err != nil {
		t.Fatal(err)
	}
	return b
}

// wantNoFaults is for the end of a visit.
func (b *tab) wantNoFaults() {
	b.Helper()
	if faults := b.script(`sessionStorage.faults ?? ""`); faults != "" {
		b.Errorf("in the page: %s", faults)
	}
}

// keys presses them one after the other, wherever the focus is.
func (b *tab) keys(keys string) {
	b.Helper()
	b.do("press keys", chromedp.KeyEvent(keys))
}

// waitFor waits until an expression is true in the page, whatever it is by then.
func (b *tab) waitFor(what, expression string) {
	b.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		is, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression))
		if err == nil && is {
			return
		}
		if time.Now().After(end) {
			b.Fatalf("%s: %s is still not true (%v)", what, expression, err)
		}
	}
}

func (b *tab) focusIs(id string) {
	b.Helper()
	b.waitFor("the focus", fmt.Sprintf(`document.activeElement?.id === %q`, id))
}

// A person without a mouse asks for the account, is sent to sign in, gets it wrong, and comes back to where it was.
func TestPagesByKeyboard(t *testing.T) {
	p := newPages(t, nil)
	b := watched(t)
	b.goTo(p.issuer + "/ui/account/")
	b.waitFor("the sign-in page", `location.pathname === "/auth/ui/sign-in/"`)
	b.focusIs("username")
	b.keys("ada" + kb.Tab)
	b.focusIs("password")
	b.keys("wrong" + kb.Enter)
	b.shows("notice", "Username and password do not go together.")
	b.focusIs("password")
	if invalid := b.script(`document.getElementById("password").getAttribute("aria-invalid")`); invalid != "true" {
		t.Errorf("aria-invalid is %q", invalid)
	}
	b.keys(kb.Tab)
	b.focusIs("reveal")
	b.keys(" ")
	if kind := b.script(`document.getElementById("password").type + " " + document.getElementById("reveal").getAttribute("aria-pressed")`); kind != "text true" {
		t.Errorf("after Show the password is %q", kind)
	}
	b.keys(" ")
	b.do("back to the password", chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift))) // which selects it
	b.focusIs("password")
	b.keys(p.pw + kb.Enter)
	b.waitFor("the account", `location.pathname === "/auth/ui/account/"`)
	b.shows("who-title", "Who you are")
	b.sees("#devices li")
	b.wantNoFaults()
	b.wantSession()
}

// What a script could read is nowhere.
func TestPagesKeepNoSecret(t *testing.T) {
	p := newPages(t, nil)
	b := watched(t)
	p.signIn(b)
	if kept := b.script(`JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])`); kept != `[{},{},""]` {
		t.Errorf("the browser keeps %s", kept)
	}
}

// fill fills in the form of the sign-in page, and sends it by its button: form.submit() would pass the script by.
func (b *tab) fill(username, password string) {
	b.Helper()
	b.do("fill in", chromedp.WaitVisible(chromedp.CSS("#reveal")), chromedp.SetValue(chromedp.CSS("#username"), username),
		chromedp.SetValue(chromedp.CSS("#password"), password), chromedp.Click(chromedp.CSS("#submit"), chromedp.NodeVisible))
}

// signIn ends on the account page.
func (p *pages) signIn(b *tab) {
	p.Helper()
	b.goTo(p.issuer + "/ui/sign-in/?return_to=/auth/ui/account/")
	b.fill("ada", p.pw)
	b.sees("#devices li")
}

func TestPagesEndSessions(t *testing.T) {
	p := newPages(t, nil)
	p.elsewhere("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1")
	p.elsewhere("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0")
	p.elsewhere("curl/8.10")
	b := watched(t)
	p.signIn(b)
	names := b.script(`[...document.querySelectorAll("#devices strong")].map((e) => e.textContent).join("|")`)
	for _, name := range []string{"Safari, iPhone", "Firefox, Windows", "curl", "Chrome, Linux"} {
		if !strings.Contains(names, name) {
			t.Errorf("the devices are %q, without %q", names, name)
		}
	}
	if mine := b.script(`[...document.querySelectorAll("#devices li:has(mark)")].map((e) => e.querySelector("strong").textContent + e.querySelectorAll("button").length).join()`); mine != "Chrome, Linux0" {
		t.Errorf("this device is %q", mine)
	}
	b.do("end one", chromedp.Click(chromedp.CSS(`#devices button[aria-label="End: Firefox, Windows"]`), chromedp.NodeVisible))
	b.shows("done", "That session has ended.")
	b.focusIs("devices-title")
	if n := p.live(); n != 3 {
		t.Errorf("%d sessions live after one was ended, want 3", n)
	}
	b.click("end-others")
	b.shows("done", "All other sessions have ended.")
	b.waitFor("one device", `document.querySelectorAll("#devices li").length === 1 && document.getElementById("end-others").disabled`)
	if n := p.live(); n != 1 {
		t.Errorf("%d sessions live after all others were ended", n)
	}
	p.elsewhere("curl/8.10")
	b.click("end-all")
	b.waitFor("the sign-in page", `location.pathname === "/auth/ui/sign-in/"`)
	b.sees("#sign-in")
	if n := p.live(); n != 0 {
		t.Errorf("%d sessions live after signing out everywhere", n)
	}
	b.wantNoSession()
	b.wantNoFaults()
}

func TestPagesChangeThePassword(t *testing.T) {
	p := newPages(t, nil)
	p.elsewhere("curl/8.10")
	b := watched(t)
	p.signIn(b)
	change := func(current, next string) {
		t.Helper()
		b.do("fill in", chromedp.SetValue(chromedp.CSS("#current"), current), chromedp.SetValue(chromedp.CSS("#new"), next), chromedp.Click(chromedp.CSS("#password button"), chromedp.NodeVisible))
	}
	change("wrong", rand.Text())
	b.shows("current-fault", "This is not your password.")
	b.focusIs("current")
	change(p.pw, "password")
	b.waitFor("the reason", `document.getElementById("new-fault").textContent !== "" && document.getElementById("current-fault").textContent === ""`)
	b.focusIs("new")
	next := rand.Text()
	change(p.pw, next)
	b.shows("done", "The password is changed. Every other session has ended.")
	p.pw = next
	if n := p.live(); n != 1 {
		t.Errorf("%d sessions live, want this one", n)
	}
	p.elsewhere("curl/8.10")
	b.wantNoFaults()
}

// Another way in is added at the provider, and taken away again.
func TestPagesLinkAnIdentity(t *testing.T) {
	p := newPages(t, nil)
	b := watched(t)
	p.signIn(b)
	b.do("link", chromedp.Click(`//*[@id="link"]/button[.="Add Google"]`, chromedp.NodeVisible))
	b.enter("alice", "alice")
	b.waitFor("the identity", `location.pathname === "/auth/ui/account/" && document.querySelector("#identities strong")?.textContent === "Google"`)
	b.do("remove it", chromedp.Click(chromedp.CSS(`#identities button[aria-label="Remove: Google"]`), chromedp.NodeVisible))
	b.shows("done", "It is removed. What it had signed in has ended.")
	b.waitFor("no identity", `!document.getElementById("no-identities").hidden`)
	b.wantNoFaults()
}

// TestPagesSayWhyALinkFailed: the reason stays when the rest of the page has come.
func TestPagesSayWhyALinkFailed(t *testing.T) {
	p := newPages(t, nil)
	b := watched(t)
	p.signIn(b)
	b.goTo(p.issuer + "/ui/account/?sallyport_error=identity_conflict")
	b.sees("#devices li")
	b.waitFor("the way in that can be added, which comes last", `document.querySelector("#link button") !== null`)
	b.shows("notice", "That is not possible: it belongs to another account, or is the last way in to this one.")
	if at := b.script(`location.search`); at != "" {
		t.Errorf("the address still has %s", at)
	}
	b.wantNoFaults()
}

// TestPagesSignOutIsHeard: the page goes when the server has answered, and not before.
func TestPagesSignOutIsHeard(t *testing.T) {
	s := newSPA(t, nil, nil)
	s.visit("", nil, "")
	s.enter()
	s.elsewhere("curl/8.10")
	s.goTo(s.issuer + "/ui/account/")
	s.sees("#devices li")
	gate := s.hold("logoff/")
	s.click("end-all")
	<-gate.reached
	s.want(`new Promise((done) => setTimeout(() => done(location.pathname), 300))`, `"/auth/ui/account/"`)
	close(gate.open)
	s.waitFor("the sign-in page", `location.pathname === "/auth/ui/sign-in/"`)
	if n := s.live(); n != 0 {
		t.Errorf("%d sessions live", n)
	}
}

// TestPagesFinishASignOut: one that the server has not heard of is told before somebody leaves for a provider, and ends
// nobody else's session.
func TestPagesFinishASignOut(t *testing.T) {
	s := newSPA(t, nil, nil)
	s.visit("", nil, "")
	s.enter()
	s.set(refuseWith("logoff/", 503, nil, `{"code":"store_unavailable","detail":"x"}`))
	s.want(`auth.signOut().then(() => `+status+`)`, `"signed-out"`)
	s.goTo(s.issuer + "/ui/sign-in/")
	s.set(nil)
	s.do("go to the provider", chromedp.Click(chromedp.CSS(".providers a"), chromedp.NodeVisible))
	s.tab.enter("alice", "alice")
	s.waitFor("the way back", `location.origin === "`+s.origin+`" && document.getElementById("app") !== null`)
	if n := s.live(); n != 0 {
		t.Errorf("%d sessions of ada live", n)
	}
	s.visit("", nil, "")
	s.want(`auth.ready().then((x) => x.user.username)`, `"alice"`)
}

// TestPagesFollowAnotherTab: who signs in there is shown here, and who cannot be shown now is shown when it is possible.
func TestPagesFollowAnotherTab(t *testing.T) {
	s := newSPA(t, nil, func(cfg *sallyport.Config) { cfg.UserFields = []string{"username"} })
	pw := rand.Text()
	if _, err := s.svc.CreateUser(t.Context(), sallyport.NewUser{Username: "bob", Password: pw}); err != nil {
		t.Fatal(err)
	}
	s.visit("", nil, "")
	s.enter()
	b := s.another()
	s.set(refuseWith("identities/", 503, nil, `{"code":"store_unavailable","detail":"x"}`))
	b.goTo(s.issuer + "/ui/account/")
	b.waitFor("what went wrong", `document.getElementById("notice").textContent !== ""`)
	s.set(nil)
	s.want(`auth.refresh().then((x) => x.status)`, `"signed-in"`)
	b.waitFor("ada", `document.querySelector("#who dd")?.textContent === "ada"`)
	s.want(fmt.Sprintf(`auth.signIn({username: "bob", password: %q}).then((u) => u.username)`, pw), `"bob"`)
	b.waitFor("bob", `document.querySelector("#who dd")?.textContent === "bob"`)
}

func TestPagesCountDown(t *testing.T) {
	p := newPages(t, func(cfg *sallyport.Config) {
		cfg.Limits = sallyport.Limits{Account: sallyport.Limit{Count: 1, Period: 3 * time.Second}}
	})
	b := watched(t)
	b.goTo(p.issuer + "/ui/sign-in/")
	b.fill("ada", "wrong")
	b.shows("notice", "Username and password do not go together.")
	b.fill("ada", p.pw)
	b.shows("notice", "There were too many attempts. Wait a little.")
	b.waitFor("the time to wait", `/^Wait 0:0[1-9]$/.test(document.getElementById("submit").textContent) && document.getElementById("submit").disabled`)
	b.waitFor("the end of it", `document.getElementById("submit").textContent === "Sign in" && !document.getElementById("submit").disabled`)
	b.fill("ada", p.pw)
	b.waitFor("the app", `document.getElementById("app") !== null`)
	b.wantNoFaults()
}

func TestPagesWithoutScript(t *testing.T) {
	p := newPages(t, nil)
	b := open(t)
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	b.goTo(p.issuer + "/ui/sign-in/?return_to=/orders")
	b.do("fill in", chromedp.SendKeys(chromedp.CSS("#username"), "ada"), chromedp.SendKeys(chromedp.CSS("#password"), "wrong"+kb.Enter))
	b.shows("notice", "Username and password do not go together.")
	b.do("fill in", chromedp.SendKeys(chromedp.CSS("#password"), p.pw+kb.Enter))
	b.sees("#app")
	b.goTo(p.issuer + "/ui/account/")
	b.sees("noscript p")
}

// wantAccessible has axe-core look at the page as it is (WCAG 2.2 AA, and its own best practices).
func (b *tab) wantAccessible(what string) {
	b.Helper()
	library, err := os.ReadFile(filepath.Join("..", "..", "realidp", "node", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		b.Fatalf("%v: run ./test.sh, which installs it", err)
	}
	const judge = `;axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.map((v) => v.impact + " " + v.id + ": " + v.nodes.map((n) => n.target + " " + n.failureSummary).join(" / ")).join("\n"))`
	wait := func(p *runtime.EvaluateParams) { p.AwaitPromise = new(true) }
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](string(library)+judge, wait))
	if err != nil {
		b.Fatalf("%s: %v", what, err)
	}
	if found != "" {
		b.Errorf("%s: %s", what, found)
	}
}

// look is a page at both widths and in both schemes: nothing overflows at 320 px, and axe-core finds nothing. With -pictures
// it is kept.
func (b *tab) look(name string) {
	b.Helper()
	for _, scheme := range []string{"light", "dark"} {
		for width, device := range map[int64]string{1280: "desktop", 320: "phone"} {
			b.do("set the width", chromedp.EmulateViewport(width, 800))
			features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}} // no colour halfway between
			if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
				b.Fatal(err)
			}
			if wide := b.script(`String(document.documentElement.scrollWidth)`); wide != fmt.Sprint(width) {
				b.Errorf("%s is %s px wide on a %s of %d", name, wide, device, width)
			}
			b.wantAccessible(strings.Join([]string{name, device, scheme}, " "))
			if *pictures != "" {
				picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
				if err == nil {
					err = os.WriteFile(filepath.Join(*pictures, strings.Join([]string{name, device, scheme}, "-")+".png"), picture, 0o644)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}

func TestPagesLook(t *testing.T) {
	p := newPages(t, nil)
	p.elsewhere("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1")
	p.elsewhere(strings.Repeat("AVeryLongWordThatNoLineHasRoomFor", 6))
	b := watched(t)
	b.goTo(p.issuer + "/ui/sign-in/")
	b.sees("#reveal")
	b.look("sign-in")
	b.fill("ada", "wrong")
	b.shows("notice", "Username and password do not go together.")
	b.look("sign-in-refused")
	p.signIn(b)
	b.look("account")
	b.do("fill in", chromedp.SetValue(chromedp.CSS("#current"), "x"), chromedp.SetValue(chromedp.CSS("#new"), rand.Text()), chromedp.Click(chromedp.CSS("#password button"), chromedp.NodeVisible))
	b.shows("current-fault", "This is not your password.")
	b.look("account-refused")
	b.wantNoFaults()
}
