//go:build !no_web

package authhttp

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/web"
)

// hasPages: see noui.go for the build without them.
const hasPages = true

type pages = web.UI

// pageRoutes are those of the pages. claims is what the claims of the service may take beyond the usual.
func (h *Handler) pageRoutes(claims time.Duration) map[string]route {
	return map[string]route{
		"ui/sign-in":       {deadline: requestDeadline + claims, anyOrigin: true, navigated: true, methods: map[string]handlerFunc{http.MethodGet: h.signInPage, http.MethodHead: h.signInPage, http.MethodPost: h.signInForm}},
		"ui/account":       {deadline: requestDeadline, anyOrigin: true, navigated: true, methods: map[string]handlerFunc{http.MethodGet: h.accountPage, http.MethodHead: h.accountPage}},
		"ui/assets/{file}": public(h.asset),
	}
}

// newUI makes the pages, with a link to every provider at which one can sign in.
func newUI(svc *sallyport.Service, issuer *url.URL) (*pages, error) {
	var providers []string
	for _, p := range svc.Providers() {
		if p.LoginError == nil {
			providers = append(providers, p.Name)
		}
	}
	return web.NewUI(issuer, providers)
}

// signInPage shows the page where people sign in, whose script asks sign-in/.
func (h *Handler) signInPage(w http.ResponseWriter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(query["return_to"]) > 1 {
		return invalid("The query is malformed, or return_to is given twice.")
	}
	returnTo, err := h.svc.ReturnTo(query.Get("return_to"))
	if err != nil {
		return err
	}
	if query.Has(signedInParameter) {
		return h.ui.SignedIn(w, returnTo)
	}
	code := query.Get("sallyport_error")
	return h.showSignIn(w, r, web.SignIn{ReturnTo: returnTo, Status: http.StatusOK, Code: code})
}

// signedInParameter asks the sign-in page to lead on. It says nothing about a session.
const signedInParameter = "signed_in"

// signInForm is the same page without its script: the form comes as a browser posts it, and is answered by a page.
func (h *Handler) signInForm(w http.ResponseWriter, r *http.Request) error {
	if err := h.origins.check(r.Header); err != nil {
		return err
	}
	text, err := readForm(w, r)
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(text)
	if err != nil {
		return invalid("The form is malformed.")
	}
	returnTo, err := h.svc.ReturnTo(form.Get("return_to"))
	if err != nil {
		return err
	}
	page := web.SignIn{ReturnTo: returnTo, Username: form.Get("username")}
	caller := caller{client: h.clientOf(r)}
	switch held, err := h.cookies.presented(r.Header); {
	case err == nil:
		caller.held, _ = h.svc.ParseRefreshToken(held)
	case !errors.Is(err, errNoRefreshToken):
		return err
	}
	tokens, err := h.signInBy(r, form, caller)
	if err != nil {
		p := problemOf(err)
		h.logFault(r, p, err)
		if p.retryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(p.retryAfter))
		}
		page.Status, page.Code = p.status, p.code
		return h.showSignIn(w, r, page)
	}
	h.setCookies(w, tokens)
	if strings.HasPrefix(returnTo, h.origins.own+"/") {
		seeOther(w, returnTo)
		return nil
	}
	seeOther(w, h.mount+"/ui/sign-in/?"+signedInParameter+"&return_to="+url.QueryEscape(returnTo))
	return nil
}

func (h *Handler) signInBy(r *http.Request, form url.Values, c caller) (*sallyport.Tokens, error) {
	nonce, err := cookieValues(r.Header, formCookie)
	if err != nil {
		return nil, err
	}
	if len(nonce) != 1 || h.svc.CheckFormToken(nonce[0], form.Get("form_token")) != nil {
		return nil, sallyport.ErrCSRF
	}
	username, pw := form.Get("username"), form.Get("password")
	if username == "" || pw == "" || len(pw) > password.MaxBytes {
		return nil, invalid("A field is missing, or too long.")
	}
	return h.svc.SignIn(r.Context(), sallyport.SignInRequest{Username: username, Password: pw, Client: c.client, Replaces: c.held})
}

// formCookie holds what the form's token is made for. It is the browser's, and good for any number of forms.
const formCookie = "sallyport_form"

func (h *Handler) showSignIn(w http.ResponseWriter, r *http.Request, page web.SignIn) error {
	nonce, err := cookieValues(r.Header, formCookie)
	if err != nil {
		return err
	}
	if len(nonce) != 1 || len(nonce[0]) != len(rand.Text()) {
		nonce = []string{rand.Text()}
		http.SetCookie(w, &http.Cookie{
			Name: formCookie, Value: nonce[0], Path: h.mount + "/ui/", Secure: h.cookies.secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		})
	}
	page.FormToken = h.svc.FormToken(nonce[0])
	return h.ui.SignIn(w, page)
}

// accountPage is a shell: it is the same for everybody, and its script asks for what is in it.
func (h *Handler) accountPage(w http.ResponseWriter, _ *http.Request) error { return h.ui.Account(w) }

// asset serves a file of the pages, whose address has its contents in its name.
func (h *Handler) asset(w http.ResponseWriter, r *http.Request) error {
	if !h.ui.Asset(w, r, r.PathValue("file")) {
		return errNotFound
	}
	return nil
}
