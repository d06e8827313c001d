package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

const (
	limit     = 30 * time.Second // of one thing that is waited for, on a machine that is busy
	testLimit = 3 * time.Minute  // of all that one test does in the browser, its start included
)

// tab is a page of a person of their own: no cookie, no history, no storage is another test's.
type tab struct {
	*testing.T
	ctx context.Context
	mu  sync.Mutex
	log []string // the console
}

// chromium is the one browser of this package: started by the first test that wants it, ended by TestMain.
var chromium = sync.OnceValues(startChromium)

// endChromium does nothing before chromium is started.
var endChromium = func() error { return nil }

func TestMain(m *testing.M) {
	code := m.Run()
	if err := endChromium(); err != nil {
		fmt.Fprintln(os.Stderr, "end Chromium:", err)
		code = 1
	}
	os.Exit(code)
}

// startChromium starts it without a window.
func startChromium() (context.Context, error) {
	program, err := exec.LookPath("chromium")
	if err != nil {
		return nil, errors.New("chromium is not installed: run ./test.sh, which says how to get it")
	}
	folder, err := os.MkdirTemp("", "chromium-")
	if err != nil {
		return nil, err
	}
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(program), chromedp.UserDataDir(folder), chromedp.Headless, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.NoSandbox, // CI is root, for whom Chromium has none
		chromedp.Flag("disable-dev-shm-usage", true),
		// Nothing leaves this machine, and nothing but the page is at work.
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
	)
	root, cancelRoot := chromedp.NewContext(allocator)
	endChromium = func() error {
		err := chromedp.Cancel(root)
		cancelRoot()
		cancelAllocator()
		return errors.Join(err, os.RemoveAll(folder))
	}
	return root, chromedp.Do(root)
}

// open gives a test a page, which goes when the test is over.
func open(t *testing.T) *tab {
	t.Helper()
	root, err := chromium()
	if err != nil {
		t.Fatal("start Chromium: ", err)
	}
	return openIn(t, root, chromedp.WithNewBrowserContext())
}

// another is one more page of the same person. It is in front, and the first one hidden behind it.
func (b *tab) another() *tab {
	b.Helper()
	return openIn(b.T, b.ctx, chromedp.WithNewWindow(false))
}

func openIn(t *testing.T, parent context.Context, o chromedp.ContextOption) *tab {
	t.Helper()
	page, cancelPage := chromedp.NewContext(parent, o)
	ctx, cancel := context.WithTimeout(page, testLimit)
	b := &tab{T: t, ctx: ctx}
	var listening sync.WaitGroup
	t.Cleanup(func() {
		if t.Failed() {
			b.tell()
		}
		cancel()
		if err := chromedp.Cancel(page); err != nil {
			t.Errorf("close the page: %v", err)
		}
		cancelPage()
		listening.Wait()
	})
	console := chromedp.Console(page)
	listening.Go(func() { // ends with the page
		for message, err := range console {
			if err != nil {
				return
			}
			b.note("console: %s", message.Text)
		}
	})
	if err := chromedp.Do(page); err != nil { // without the limit of do, which would end the page
		t.Fatal("open a page: ", err)
	}
	return b
}

func (b *tab) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, fmt.Sprintf(format, args...))
}

// tell says where a test that failed was.
func (b *tab) tell() {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	seen, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body?.innerText"))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Logf("the page (%v): %s\n%s", err, seen, strings.Join(b.log, "\n"))
}

// do runs actions, and ends the test when one of them fails.
func (b *tab) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.Fatalf("%s: %v", what, err)
	}
}

// goTo opens an address.
func (b *tab) goTo(address string) {
	b.Helper()
	b.do("open "+address, chromedp.Navigate(address))
}

func (b *tab) reload() {
	b.Helper()
	b.do("reload", chromedp.Reload())
}

// click waits for an element that can be seen, and clicks it.
func (b *tab) click(id string) {
	b.Helper()
	b.do("click "+id, chromedp.Click(chromedp.CSS("#"+id), chromedp.NodeVisible))
}

// shows waits until the element has exactly that text. It asks anew after a navigation.
func (b *tab) shows(id, text string) {
	b.Helper()
	b.do(fmt.Sprintf("wait until %s shows %q", id, text), chromedp.WaitVisible(fmt.Sprintf(`//*[@id="%s"][normalize-space()="%s"]`, id, text)))
}

// sees waits until an element can be seen.
func (b *tab) sees(selector chromedp.CSS) {
	b.Helper()
	b.do(fmt.Sprintf("wait for %s", selector), chromedp.WaitVisible(selector))
}

// enter fills in a login form and sends it.
func (b *tab) enter(username, password string) {
	b.Helper()
	const name, secret = chromedp.CSS("input[name=username]:not([type=hidden])"), chromedp.CSS("input[name=password]:not([type=hidden])")
	b.do("fill in the login form", chromedp.WaitVisible(secret),
		chromedp.SetValue(name, username), chromedp.SetValue(secret, password), chromedp.Submit(secret))
}

// script gives the text that an expression in the page is.
func (b *tab) script(expression string) string {
	b.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return text
}

// cookies are all that this person's browser has, of every site.
func (b *tab) cookies() []*network.Cookie {
	b.Helper()
	of := chromedp.FromContext(b.ctx)
	found, err := cdp.Call(b.ctx, of.Browser, storage.GetCookies, storage.GetCookiesParams{BrowserContextID: of.BrowserContextID})
	if err != nil {
		b.Fatalf("list the cookies: %v", err)
	}
	return found.Cookies
}

// formCookie is that of the sign-in page. It names nobody.
const formCookie = "sallyport_form"

// wantSession checks what is kept of a session: two cookies that no script sees and no other site's page sends, and
// nothing else.
func (b *tab) wantSession() {
	b.Helper()
	var names []string
	for _, c := range b.cookies() {
		if c.Domain != "127.0.0.1" || c.Name == formCookie {
			continue // the provider's, whose name is localhost
		}
		names = append(names, c.Name)
		if !c.HTTPOnly || !c.Secure || c.SameSite != network.CookieSameSiteStrict || c.Path != "/auth" {
			b.Errorf("cookie %s: HttpOnly %v, Secure %v, SameSite %s, Path %s", c.Name, c.HTTPOnly, c.Secure, c.SameSite, c.Path)
		}
	}
	slices.Sort(names)
	if want := []string{"CSRF_token", "refresh_cookie"}; !slices.Equal(names, want) {
		b.Errorf("cookies %q, want %q", names, want)
	}
	if seen := b.script(`document.cookie`); seen != "" {
		b.Errorf("document.cookie = %q, want nothing", seen)
	}
}

// wantNoSession waits until no cookie of the app is left: a page shows the sign-out before the server has answered.
func (b *tab) wantNoSession() {
	b.Helper()
	isOurs := func(c *network.Cookie) bool { return c.Domain == "127.0.0.1" && c.Name != formCookie }
	for end := time.Now().Add(limit); slices.ContainsFunc(b.cookies(), isOurs); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatal("cookies of the session are still there")
		}
	}
}
