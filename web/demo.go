//go:build !no_web

package web

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

//go:embed demo
var demoFiles embed.FS

// DemoConfig tells the page of the demo where everything is. All fields are required.
type DemoConfig struct {
	AuthPath       string // the mount of the authentication routes on the page's own origin: "/auth"
	ProviderName   string // of the provider in the routes of the mount: "cognito"
	OrdersURL      string // the resource of the second service
	ProviderURL    string // the provider's page for people
	ProviderIssuer string // "iss" of its answers (RFC 9207)
	AuthorizeURL   string // the provider's authorization endpoint (RFC 6749 §3.1)
	TokenURL       string // the provider's token endpoint (RFC 6749 §3.2)
	ClientID       string // of the page at the provider
	RedirectURI    string // of the page, as registered at the provider
}

// Demo serves the page of the demo at "/" and its assets below "/assets/". The page is a single-page
// app in plain JavaScript with the client of clients/ts: password sign-in, an identity provider by both doors, refresh, logoff,
// a call of another service, and buttons for what goes wrong in the world, with every request and every claim in sight. At
// "/tabs/" there are five of it. All faults of the config come joined.
func Demo(c DemoConfig) (http.Handler, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	files, err := fs.Sub(demoFiles, "demo")
	if err != nil {
		return nil, fmt.Errorf("web: demo: %w", err)
	}
	assets, err := loadAssets(files, "client.js")
	if err != nil {
		return nil, fmt.Errorf("web: demo: %w", err)
	}
	page, err := c.render(files, "page.html", assets.folder)
	if err != nil {
		return nil, fmt.Errorf("web: demo: %w", err)
	}
	tabs, err := c.render(files, "tabs.html", assets.folder)
	if err != nil {
		return nil, fmt.Errorf("web: demo: %w", err)
	}
	policy := c.policy()
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+assets.folder+"{name}", assets.serve)
	serve := func(w http.ResponseWriter, page []byte, policy string) {
		pageHeaders(w.Header(), policy)
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		w.Write(page) // an error means that the client has gone
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { serve(w, page, policy) })
	mux.HandleFunc("GET /tabs/{$}", func(w http.ResponseWriter, _ *http.Request) { serve(w, tabs, tabsPolicy) })
	return mux, nil
}

func (c DemoConfig) check() error {
	var faults []error
	for _, field := range []struct{ name, value string }{
		{"OrdersURL", c.OrdersURL}, {"ProviderURL", c.ProviderURL}, {"AuthorizeURL", c.AuthorizeURL},
		{"TokenURL", c.TokenURL}, {"RedirectURI", c.RedirectURI},
	} {
		u, err := url.Parse(field.value)
		// A space, a comma or a semicolon would end a source in the policy, and begin another.
		if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(field.value, " ,;'") {
			faults = append(faults, fmt.Errorf("web: DemoConfig.%s: %q is no absolute URL without query", field.name, field.value))
		}
	}
	if !strings.HasPrefix(c.AuthPath, "/") || strings.HasSuffix(c.AuthPath, "/") {
		faults = append(faults, fmt.Errorf("web: DemoConfig.AuthPath: %q: want a path such as /auth", c.AuthPath))
	}
	if c.ClientID == "" {
		faults = append(faults, errors.New("web: DemoConfig.ClientID is missing"))
	}
	if c.ProviderName == "" {
		faults = append(faults, errors.New("web: DemoConfig.ProviderName is missing"))
	}
	if c.ProviderIssuer == "" {
		faults = append(faults, errors.New("web: DemoConfig.ProviderIssuer is missing"))
	}
	return errors.Join(faults...)
}

// render fills the page in once: it is the same for everybody. Data for the scripts travels in data-
// attributes, because the policy allows no inline script.
func (c DemoConfig) render(files fs.FS, name, assets string) ([]byte, error) {
	page, err := template.ParseFS(files, name)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = page.Execute(&text, struct {
		DemoConfig
		Assets string
	}{c, assets})
	return text.Bytes(), err
}

// policy is the Content-Security-Policy (CSP level 3): our own files, and of other origins the two
// addresses that the page calls.
func (c DemoConfig) policy() string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
		"connect-src 'self' " + c.OrdersURL + " " + c.TokenURL + "; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'" // the tabs are frames
}

// tabsPolicy is that of the one page that has frames: several of the first beside each other.
const tabsPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
