package idptest

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"slices"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// postScript sends the form of the page that posts itself. Without scripts there is its button.
const postScript = "document.getElementById('answer').submit()"

// pages are the pages for people.
type pages struct {
	templates *template.Template
	policy    string
	script    string // what the page that posts itself may run besides
}

func parsePages() (pages, error) {
	templates, err := template.New("pages").Parse(pageHTML)
	source := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return pages{
		templates: templates,
		// No form-action: browsers hold it against the redirect to the client that answers the form as well, and against
		// those that follow.
		policy: "default-src 'none'; style-src " + source(pageCSS) + "; base-uri 'none'; frame-ancestors 'none'",
		script: "; script-src " + source(postScript),
	}, err
}

// page is what every template may use.
type page struct {
	Provider *Provider
	Style    template.CSS
	Users    []User // nil unless they may be shown
	Own      map[string]any
}

// Endpoints are listed on the first page.
func (d page) Endpoints() []Endpoint {
	all := []Endpoint{Discovery, JWKS, Authorize, Token, Userinfo, Emails, EndSession}
	return slices.DeleteFunc(all, func(e Endpoint) bool { return d.Provider.Path(e) == "" })
}

// Script is that of the page that posts itself.
func (page) Script() template.JS { return postScript }

// FaultPage is the path of the page of faults; "" when there is none.
func (d page) FaultPage() string {
	if d.Provider.cfg.FaultPage {
		return faultPath
	}
	return ""
}

func (p *Provider) writePage(w http.ResponseWriter, status int, name string, own map[string]any) {
	data := page{Provider: p, Style: template.CSS(pageCSS), Own: own}
	if p.cfg.ShowUsers {
		data.Users = p.knownUsers()
	}
	var text bytes.Buffer
	if err := p.pages.templates.ExecuteTemplate(&text, name, data); err != nil {
		http.Error(w, "idptest: the page "+name+" cannot be shown: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	policy, referrer := p.pages.policy, "no-referrer" // the address of the login page holds the request
	switch name {
	case "post": // a form posted under no-referrer has the Origin null, and clients look at it
		policy, referrer = policy+p.pages.script, "strict-origin"
	case "faults": // likewise, and it is this provider that looks
		referrer = "same-origin"
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", referrer)
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(text.Bytes()) // an error means that the client has gone
}

func (p *Provider) writeLogin(w http.ResponseWriter, status int, a authorization, username string, failed bool) {
	p.writePage(w, status, "login", map[string]any{
		"Username": username, "Failed": failed, "RedirectURI": a.redirectURI, "Scope": a.scope,
	})
}
