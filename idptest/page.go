package idptest

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// pages are the pages for people.
type pages struct {
	templates *template.Template
	policy    string
}

func parsePages() (pages, error) {
	templates, err := template.New("pages").Parse(pageHTML)
	sum := sha256.Sum256([]byte(pageCSS))
	return pages{
		templates: templates,
		// No form-action: browsers hold it against the redirect to the client that answers the form as well, and against
		// those that follow.
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; base-uri 'none'; frame-ancestors 'none'",
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
func (page) Endpoints() []Endpoint { return []Endpoint{Discovery, JWKS, Authorize, Token, Userinfo} }

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
	h.Set("Content-Security-Policy", p.pages.policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the address of the login page holds the request
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(text.Bytes()) // an error means that the client has gone
}

func (p *Provider) writeLogin(w http.ResponseWriter, status int, a authorization, username string, failed bool) {
	p.writePage(w, status, "login", map[string]any{
		"Username": username, "Failed": failed, "RedirectURI": a.redirectURI, "Scope": a.scope,
	})
}
