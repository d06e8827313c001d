package browser

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
)

// serveSPA is a single-page app that is nothing but the client, as "auth" of its window. The query "o" has its options, and
// "before" is run before it is imported. Below "frames/" there are several of them.
func serveSPA(w http.ResponseWriter, r *http.Request) {
	if name, ok := strings.CutPrefix(r.URL.Path, "/spa/dist/"); ok {
		http.ServeFile(w, r, filepath.Join("..", "..", "..", "clients", "ts", "dist", filepath.Base(name)))
		return
	}
	switch r.URL.Path {
	case "/spa/app.js":
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, `const query = new URLSearchParams(location.search);
			new Function(query.get("before") ?? "")();
			const { createAuth } = await import("/spa/dist/index.js");
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
	asked  map[string]int // requests below the mount, by their path
	tamper tamper
	always map[string]any // options of every visit
}

// tamper answers in place of the server, and says whether it has.
type tamper func(http.ResponseWriter, *http.Request, http.Handler) bool

// newSPA has an app whose visits all have some options of createAuth.
func newSPA(t *testing.T, always map[string]any, change func(*sallyport.Config)) *spa {
	t.Helper()
	return newSPAFor(t, always, change, authhttp.Config{})
}

func newSPAFor(t *testing.T, always map[string]any, change func(*sallyport.Config), cfg authhttp.Config) *spa {
	t.Helper()
	s := &spa{asked: map[string]int{}, always: always}
	s.pages = newPagesBehind(t, change, cfg, func(next http.Handler) http.Handler {
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

func (s *spa) set(tamper tamper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tamper = tamper
}

// gate holds requests up.
type gate struct {
	reached chan struct{} // closed by the first that is there
	open    chan struct{} // to be closed
}

// hold has requests below a path wait on their way to the server.
func (s *spa) hold(path string) gate {
	g := gate{make(chan struct{}), make(chan struct{})}
	first := sync.OnceFunc(func() { close(g.reached) })
	s.set(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path == "/auth/"+path {
			first()
			select {
			case <-g.open:
			case <-r.Context().Done():
			}
		}
		return false
	})
	return g
}

// holdAnswer has what the server has answered wait on its way back.
func (s *spa) holdAnswer(path string) gate {
	g := gate{make(chan struct{}), make(chan struct{})}
	first := sync.OnceFunc(func() { close(g.reached) })
	s.set(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.URL.Path != "/auth/"+path {
			return false
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		first()
		select {
		case <-g.open:
		case <-r.Context().Done():
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
		return true
	})
	return g
}

// freeze stops the page as a browser stops one that is not looked at, or has it go on ("active").
func (b *tab) freeze(state page.SetWebLifecycleStateState) {
	b.Helper()
	if _, err := chromedp.Call(b.ctx, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: state}); err != nil {
		b.Fatalf("%s: %v", state, err)
	}
}

// toFront shows a page that another one hides.
func (b *tab) toFront() {
	b.Helper()
	if _, err := chromedp.Call(b.ctx, page.BringToFront, cdp.Empty{}); err != nil {
		b.Fatalf("show the page: %v", err)
	}
}

func (s *spa) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked["/auth/"+path]
}

// visit opens the app. options are those of createAuth, before is run first.
func (s *spa) visit(where string, options map[string]any, before string) {
	s.pages.Helper()
	s.visitIn(s.tab, where, options, before)
}

// visitIn opens the app in another tab.
func (s *spa) visitIn(b *tab, where string, options map[string]any, before string) {
	s.pages.Helper()
	all := maps.Clone(s.always)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, options)
	encoded, err := json.Marshal(all)
	if err != nil {
		s.pages.Fatal(err)
	}
	b.goTo(s.origin + "/spa/" + where + "?" + url.Values{"o": {string(encoded)}, "before": {before}}.Encode())
	if where == "" {
		b.waitFor("the client to know who is signed in", `globalThis.auth !== undefined && `+status+` !== "unknown"`)
	}
}

// run awaits an expression in the page, and gives its result as JSON, or the code of the refusal.
func (b *tab) run(expression string) string {
	b.Helper()
	wait := func(p *runtime.EvaluateParams) { p.AwaitPromise = new(true) }
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`(async () => JSON.stringify((await (`+expression+`)) ?? null))().catch((e) => "refused: " + (e.code ?? e))`, wait))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return got
}

func (b *tab) want(expression, want string) {
	b.Helper()
	if got := b.run(expression); got != want {
		b.Errorf("%s = %s, want %s", expression, got, want)
	}
}

// enter signs ada in.
func (s *spa) enter() {
	s.pages.Helper()
	s.enterIn(s.tab)
}

func (s *spa) enterIn(b *tab) {
	s.pages.Helper()
	b.want(fmt.Sprintf(`auth.signIn({username: "ada", password: %q}).then((u) => u.username)`, s.pw), `"ada"`)
}

const status = `auth.getSnapshot().status`

// refuseWith answers every request below a path.
func refuseWith(path string, code int, header map[string]string, body string) tamper {
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

// framesAre is whether all seven have a status.
func framesAre(status string) string {
	return fmt.Sprintf(`frames.length === 7 && Array.from(frames).every((f) => f.auth?.getSnapshot().status === %q)`, status)
}
