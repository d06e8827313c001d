package authhttp

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/sallyport-auth/sallyport"
)

// siteCookie is the cookie that a browser sends to every path of the sites behind a proxy that asks us. It is Lax: after a
// sign-in at a provider, or by a link in a mail, a Strict one would be missing.
type siteCookie struct {
	name, domain string // name is "" when forward auth is off
	secure       bool
}

func newSiteCookie(issuer *url.URL, cookie CookieConfig, cfg ForwardConfig) (siteCookie, error) {
	s := siteCookie{name: cmp.Or(cfg.CookieName, "sallyport_site"), domain: cfg.CookieDomain, secure: !cookie.Insecure}
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, configError("Forward."+field, format, args...))
	}
	switch {
	case (&http.Cookie{Name: s.name, Value: "x"}).Valid() != nil:
		fault("CookieName", "%q is no cookie name", s.name)
	case strings.HasPrefix(s.name, "__"):
		fault("CookieName", "%q begins with __; __Host- is put in front where it can be", s.name)
	case s.name == cmp.Or(cookie.Name, defaultCookie) || s.name == cmp.Or(cookie.CSRFName, defaultCSRFCookie):
		fault("CookieName", "another cookie is called %q", s.name)
	}
	if err := CheckCookieDomain(s.domain, issuer.Hostname()); err != nil {
		fault("CookieDomain", "%v", err)
	}
	if s.domain == "" && issuer.Scheme == "https" {
		s.name = "__Host-" + s.name // no sibling host can plant one (RFC 6265bis §4.1.3.2)
	}
	return s, errors.Join(faults...)
}

func (s siteCookie) bare() *http.Cookie {
	return &http.Cookie{Name: s.name, Path: "/", Domain: s.domain, Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// setCookies gives a browser the cookies of its session, until its absolute end.
func (h *Handler) setCookies(w http.ResponseWriter, t *sallyport.Tokens) {
	now := h.svc.Now()
	h.cookies.set(w, t, now)
	if h.forward.cookie.name != "" {
		setUntil(w, h.forward.cookie.bare(), h.svc.SiteTokenOf(t.SessionID), t.SessionEnd, now)
	}
}

// deleteCookies takes them away.
func (h *Handler) deleteCookies(w http.ResponseWriter) {
	h.cookies.delete(w)
	if h.forward.cookie.name != "" {
		expire(w, h.forward.cookie.bare())
	}
}

// siteToken finds the one site token of a request. What is no token of ours is passed over, because anybody can plant
// that; tokens of two sessions are refused, because one of them could have been planted.
func (h *Handler) siteToken(header http.Header) (sallyport.SiteToken, error) {
	values, err := cookieValues(header, h.forward.cookie.name)
	if err != nil {
		return sallyport.SiteToken{}, err
	}
	var found sallyport.SiteToken
	for _, value := range values {
		token, err := h.svc.ParseSiteToken(value)
		switch {
		case err != nil:
		case found == sallyport.SiteToken{}:
			found = token
		case found != token:
			return sallyport.SiteToken{}, errTwoSiteCookies
		}
	}
	if (found == sallyport.SiteToken{}) {
		return found, errNotSignedIn
	}
	return found, nil
}
