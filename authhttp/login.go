package authhttp

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/sallyport-auth/sallyport"
)

// login sends a browser to an identity provider. It comes as a navigation, from wherever the link stands.
func (h *Handler) login(w http.ResponseWriter, r *http.Request) error {
	if !isNavigation(r.Header) {
		return errNoNavigation
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(query["return_to"]) > 1 {
		return invalid("The query is malformed, or return_to is given twice.")
	}
	request := sallyport.LoginRequest{Provider: r.PathValue("provider"), ReturnTo: query.Get("return_to"), Client: h.clientOf(r)}
	if token, err := h.fromCookie(r); err == nil { // it cannot be seen at the callback, which a foreign site leads to
		request.Replaces = token
	}
	login, err := h.svc.StartLogin(r.Context(), request)
	if err != nil {
		return err
	}
	h.setLoginCookie(w, login, request.Provider)
	seeOther(w, login.Location)
	return nil
}

// isNavigation tells a navigation of a whole page, or a program, from an image, a frame or a fetch (Fetch Metadata Request
// Headers). Those lead nobody to a provider, but on a foreign page they would use up limits.login of whoever sees it.
func isNavigation(header http.Header) bool {
	mode, dest := header.Get("Sec-Fetch-Mode"), header.Get("Sec-Fetch-Dest")
	return (mode == "" || mode == "navigate") && (dest == "" || dest == "document")
}

var errNoNavigation = invalid("This is an address to navigate to, by a link or location.assign, and not one to fetch.")

// callback takes the authorization response (RFC 6749 §4.1.2). Whatever becomes of a login of this browser, the browser
// goes back to where it wanted to be, with a code of ours if it failed; nothing of the provider's text goes along.
func (h *Handler) callback(w http.ResponseWriter, r *http.Request) error {
	response, err := responseParameters(w, r)
	if err != nil {
		return err
	}
	request := sallyport.CallbackRequest{
		Provider: r.PathValue("provider"), State: response.one("state"), Code: response.one("code"), Error: response.one("error"),
		Issuer: response.issuer(), User: response.one("user"), Client: h.clientOf(r),
	}
	name := h.loginCookieName(sallyport.LoginID(request.State))
	if sealed := rawCookies(r.Header, name); len(sealed) == 1 { // two are nobody's: one could have been planted
		request.Sealed = sealed[0]
	}
	landing, err := h.svc.FinishLogin(r.Context(), request)
	if err != nil && !errors.Is(err, sallyport.ErrLoginExpired) {
		return err
	}
	h.deleteLoginCookie(w, name, request.Provider)
	switch {
	case err != nil:
		return err
	case landing.Err != nil:
		p := problemOf(landing.Err)
		h.logFault(r, p, landing.Err)
		seeOther(w, landing.ReturnToWith(p.code))
		return nil
	case landing.Tokens != nil:
		h.setCookies(w, landing.Tokens)
	}
	seeOther(w, landing.ReturnTo)
	return nil
}

// seeOther is 303, so that a POST is not repeated at the target (RFC 9700 §4.12). It has no body, in which an address
// would have to be escaped.
func seeOther(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusSeeOther)
}

// authorizationResponse is what a provider sends, by a browser.
type authorizationResponse url.Values

// responseParameters reads it from the query, or from the form that a browser posts (OAuth 2.0 Form Post Response Mode).
func responseParameters(w http.ResponseWriter, r *http.Request) (authorizationResponse, error) {
	text := r.URL.RawQuery
	if r.Method == http.MethodPost {
		var err error
		if text, err = readForm(w, r); err != nil {
			return nil, err
		}
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, invalid("The parameters are malformed.")
	}
	return authorizationResponse(values), nil
}

// one is the value of a parameter, "" when there is none, or when there are several, which RFC 6749 §3.1 forbids.
func (a authorizationResponse) one(name string) string {
	if len(a[name]) != 1 {
		return ""
	}
	return a[name][0]
}

// issuer is nil when there is none; several are no issuer.
func (a authorizationResponse) issuer() *string {
	if len(a["iss"]) == 0 {
		return nil
	}
	return new(strings.Join(a["iss"], " "))
}
