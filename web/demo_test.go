package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func testConfig() DemoConfig {
	return DemoConfig{
		AuthPath:       "/auth",
		ProviderName:   "cognito",
		OrdersURL:      "http://127.0.0.1:8002/orders",
		ProviderURL:    "http://localhost:8003/",
		ProviderIssuer: "http://localhost:8003/pool",
		AuthorizeURL:   "http://localhost:8003/oauth2/authorize",
		TokenURL:       "http://localhost:8003/oauth2/token",
		ClientID:       "demo-page",
		RedirectURI:    "http://127.0.0.1:8000/",
	}
}

func newDemo(t *testing.T) http.Handler {
	t.Helper()
	handler, err := Demo(testConfig())
	if err != nil {
		t.Fatalf("Demo = %v", err)
	}
	return handler
}

func request(handler http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestDemoPageHeaders(t *testing.T) {
	w := request(newDemo(t), "GET", "/")
	if w.Code != 200 {
		t.Fatalf("GET / = %d, want 200", w.Code)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8",
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
			"connect-src 'self' http://127.0.0.1:8002/orders http://localhost:8003/oauth2/token; " +
			"form-action 'self'; base-uri 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'",
		"Cache-Control":              "no-store",
		"X-Content-Type-Options":     "nosniff",
		"Referrer-Policy":            "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

// The policy forbids what is inline, so a page that has any would be broken rather than unsafe.
func TestDemoPageHasNothingInline(t *testing.T) {
	page := request(newDemo(t), "GET", "/").Body.String()
	for name, inline := range map[string]*regexp.Regexp{
		"a script":                  regexp.MustCompile(`(?s)<script[^>]*>[^<]+</script>`),
		"a style element":           regexp.MustCompile(`<style`),
		"a style attribute":         regexp.MustCompile(`\sstyle=`),
		"an event handler":          regexp.MustCompile(`\son[a-z]+=`),
		"something of another site": regexp.MustCompile(`(?:src|rel="stylesheet" href)="(?:https?:)?//`),
	} {
		if found := inline.FindString(page); found != "" {
			t.Errorf("the page has %s: %q", name, found)
		}
	}
	for _, want := range []string{`<html lang="en">`, `data-token="http://localhost:8003/oauth2/token"`, `data-redirect="http://127.0.0.1:8000/"`, `data-client="demo-page"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if n := strings.Count(page, "<h1"); n != 1 {
		t.Errorf("the page has %d h1, want 1", n)
	}
	if got, want := labels(page), fields(page); !slices.Equal(got, want) {
		t.Errorf("there are labels for %q, and fields %q", got, want)
	}
}

func labels(page string) []string { return submatches(`<label for="([^"]+)"`, page) }
func fields(page string) []string { return submatches(`<input id="([^"]+)"`, page) }

func submatches(pattern, text string) []string {
	var found []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

// Starting from the page, everything that is named is there: assets of the page, and modules that import
// each other.
func TestDemoAssets(t *testing.T) {
	handler := newDemo(t)
	page := request(handler, "GET", "/").Body.String()
	queue := submatches(`(?:src|href)="(/assets/[^"]+)"`, page)
	seen := map[string]bool{}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		w := request(handler, "GET", path)
		if w.Code != 200 {
			t.Errorf("GET %s = %d, want 200", path, w.Code)
			continue
		}
		for name, want := range map[string]string{
			"Content-Type":           contentTypes[path[strings.LastIndex(path, "."):]],
			"Cache-Control":          "public, max-age=31536000, immutable",
			"X-Content-Type-Options": "nosniff",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("GET %s: %s = %q, want %q", path, name, got, want)
			}
		}
		folder := path[:strings.LastIndex(path, "/")+1]
		for _, module := range submatches(`from "\./([^"]+)"`, w.Body.String()) {
			queue = append(queue, folder+module)
		}
	}
	entries, err := demoFiles.ReadDir("demo")
	if err != nil {
		t.Fatal(err)
	}
	if want := len(entries) - 1; len(seen) != want { // all but the page itself
		t.Errorf("%d assets are in use, %d are embedded: %v", len(seen), want, seen)
	}
}

func TestDemoScriptsMakeNoMarkupOfText(t *testing.T) {
	entries, err := demoFiles.ReadDir("demo")
	if err != nil {
		t.Fatal(err)
	}
	unsafe := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|localStorage`)
	for _, entry := range entries {
		content, err := demoFiles.ReadFile("demo/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if found := unsafe.Find(content); found != nil {
			t.Errorf("%s uses %s", entry.Name(), found)
		}
	}
}

func TestDemoRefuses(t *testing.T) {
	handler := newDemo(t)
	folder := submatches(`href="(/assets/[0-9a-f]+/)`, request(handler, "GET", "/").Body.String())[0]
	tests := []struct {
		name, method, path string
		want               int
	}{
		{"another path", "GET", "/other", 404},
		{"a form without the script", "POST", "/", 405},
		{"the template", "GET", folder + "page.html", 404},
		{"an unknown asset", "GET", folder + "none.js", 404},
		{"another version", "GET", "/assets/0000000000000000/main.js", 404},
		{"the folder", "GET", folder, 404},
		{"the way up", "GET", folder + "..%2fdemo.go", 404},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := request(handler, test.method, test.path).Code; got != test.want {
				t.Errorf("%s %s = %d, want %d", test.method, test.path, got, test.want)
			}
		})
	}
}

func TestDemoConfigFaults(t *testing.T) {
	tests := []struct {
		name   string
		change func(*DemoConfig)
		want   string
	}{
		{"no mount", func(c *DemoConfig) { c.AuthPath = "" }, "AuthPath"},
		{"a mount with a slash at the end", func(c *DemoConfig) { c.AuthPath = "/auth/" }, "AuthPath"},
		{"no client", func(c *DemoConfig) { c.ClientID = "" }, "ClientID"},
		{"no orders", func(c *DemoConfig) { c.OrdersURL = "" }, "OrdersURL"},
		{"a relative address", func(c *DemoConfig) { c.ProviderURL = "/provider" }, "ProviderURL"},
		{"a query", func(c *DemoConfig) { c.AuthorizeURL += "?x=y" }, "AuthorizeURL"},
		{"another directive in the policy", func(c *DemoConfig) { c.TokenURL += ";script-src" }, "TokenURL"},
		{"another source in the policy", func(c *DemoConfig) { c.OrdersURL += " *" }, "OrdersURL"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := testConfig()
			test.change(&c)
			if _, err := Demo(c); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Demo = %v, want a fault of %s", err, test.want)
			}
		})
	}
	if _, err := Demo(DemoConfig{}); err == nil || strings.Count(err.Error(), "\n") != 8 {
		t.Errorf("Demo(DemoConfig{}) = %v, want all nine faults", err)
	}
}
