//go:build !no_web

package web

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

//go:embed ui
var uiFiles embed.FS

// uiPolicy allows our own files, and requests to our own origin.
const uiPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// UI is the pages of the product: to sign in, and for one's account. Make it with NewUI.
type UI struct {
	mount     string
	site      string
	providers []string
	assets    assets
	pages     *template.Template
}

// NewUI makes the pages for the issuer, below whose path they are. The providers are the names of those at which one can sign in.
func NewUI(issuer *url.URL, providers []string) (*UI, error) {
	files, err := fs.Sub(uiFiles, "ui")
	if err != nil {
		return nil, fmt.Errorf("web: ui: %w", err)
	}
	u := &UI{mount: issuer.Path, site: issuer.Host, providers: providers}
	if u.assets, err = loadAssets(files); err != nil {
		return nil, fmt.Errorf("web: ui: %w", err)
	}
	u.assets.folder = u.mount + "/ui" + u.assets.folder
	u.pages, err = template.New("ui").Funcs(template.FuncMap{
		"t": func(name string) string { return texts[name] },
		"provider": func(name string) string {
			return strings.ReplaceAll(texts["continue"], "{provider}", providerTitle(name))
		},
	}).ParseFS(files, "*.html")
	if err != nil {
		return nil, fmt.Errorf("web: ui: %w", err)
	}
	return u, nil
}

// providerTitle is what people call an identity provider.
func providerTitle(name string) string {
	return cmp.Or(texts["provider:"+strings.ToLower(name)], strings.ToUpper(name[:1])+name[1:])
}

// Asset serves a file of the pages by its path below "ui/assets/", or nothing and false when there is none.
func (u *UI) Asset(w http.ResponseWriter, r *http.Request, path string) bool {
	name, ok := strings.CutPrefix(u.mount+"/ui/assets/"+path, u.assets.folder)
	if _, there := u.assets.files[name]; !ok || !there {
		return false
	}
	r.SetPathValue("name", name)
	u.assets.serve(w, r)
	return true
}

// SignIn is the page where people sign in.
type SignIn struct {
	ReturnTo  string // where to go then: an absolute URL
	FormToken string // comes back with the form
	Username  string // of the try before
	Status    int    // of the answer
	Code      string // stable code of the refusal; "" for none
}

// SignIn answers with that page. Headers that are set already stay, except those that every page sets.
func (u *UI) SignIn(w http.ResponseWriter, p SignIn) error {
	message := ""
	if p.Code != "" {
		message = cmp.Or(texts["code:"+p.Code], texts["code:"])
	}
	return u.write(w, "sign-in.html", p.Status, struct {
		SignIn
		base
		Message   string
		Providers []string
	}{p, u.base("show", "hide", "wait", "sign-in", "code:"), message, u.providers})
}

// SignedIn answers with a page that goes on to an absolute URL: the policy lets no form lead to another origin.
func (u *UI) SignedIn(w http.ResponseWriter, returnTo string) error {
	return u.write(w, "signed-in.html", http.StatusOK, struct {
		base
		ReturnTo string
	}{u.base(), returnTo})
}

// Account answers with the page of one's account. It holds nothing of anybody: its script asks for that.
func (u *UI) Account(w http.ResponseWriter) error {
	titles := map[string]string{}
	for _, name := range u.providers {
		titles[name] = providerTitle(name)
	}
	encoded, err := json.Marshal(titles)
	if err != nil {
		return err
	}
	return u.write(w, "account.html", http.StatusOK, struct {
		base
		ProvidersJSON string
	}{u.base(""), string(encoded)})
}

// base is what every page needs.
type base struct {
	Mount, Site, Assets string
	Texts               string // for the script, as JSON
}

// base takes the beginnings of the names of the texts that the script of the page needs.
func (u *UI) base(prefixes ...string) base {
	chosen := map[string]string{}
	for name, text := range texts {
		for _, prefix := range prefixes {
			if strings.HasPrefix(name, prefix) {
				chosen[name] = text
			}
		}
	}
	encoded, _ := json.Marshal(chosen) // of strings alone
	return base{u.mount, u.site, u.assets.folder, string(encoded)}
}

func (u *UI) write(w http.ResponseWriter, name string, status int, data any) error {
	var page bytes.Buffer
	if err := u.pages.ExecuteTemplate(&page, name, data); err != nil {
		return fmt.Errorf("web: %s: %w", name, err)
	}
	pageHeaders(w.Header(), uiPolicy)
	// With no-referrer a browser says "Origin: null" of a form that it posts, even to the page's own origin (Fetch §3.1).
	w.Header().Set("Referrer-Policy", "same-origin")
	w.Header().Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(status)
	_, err := w.Write(page.Bytes())
	return err
}
