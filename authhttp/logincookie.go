package authhttp

import (
	"net/http"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// loginCookieName is that of the cookie of a login under way. Each login has its own, so that several tabs do not
// disturb each other.
func (h *Handler) loginCookieName(id string) string {
	return h.cookies.hostPrefix + "sallyport_login_" + id
}

// setLoginCookie gives the browser what it must bring back to the callback.
func (h *Handler) setLoginCookie(w http.ResponseWriter, login *sallyport.Login, provider string) {
	cookie := h.loginCookie(h.loginCookieName(login.ID), provider)
	if login.FormPost {
		// The provider's page posts across sites. Without Secure a browser would drop the cookie; loopback counts as secure.
		cookie.SameSite, cookie.Secure = http.SameSiteNoneMode, true
	}
	cookie.Value, cookie.Expires, cookie.MaxAge = login.Sealed, h.svc.Now().Add(sallyport.LoginLife).UTC(), int(sallyport.LoginLife/time.Second)
	http.SetCookie(w, cookie)
}

func (h *Handler) deleteLoginCookie(w http.ResponseWriter, name, provider string) {
	expire(w, h.loginCookie(name, provider))
}

// loginCookie is for the callback alone, unless its name asks for Path=/ (RFC 6265bis §4.1.3.2), and Lax: the way back
// from a provider is a navigation from another site.
func (h *Handler) loginCookie(name, provider string) *http.Cookie {
	path := h.mount + "/callback/" + provider + "/"
	if h.cookies.hostPrefix != "" {
		path = "/"
	}
	return &http.Cookie{Name: name, Path: path, Secure: h.cookies.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// rawCookies finds every cookie of one name, however many there are of others.
func rawCookies(header http.Header, name string) (values []string) {
	for _, line := range header.Values("Cookie") {
		for pair := range strings.SplitSeq(line, ";") {
			if key, value, ok := strings.Cut(pair, "="); ok && strings.Trim(key, " \t") == name {
				values = append(values, strings.Trim(value, " \t"))
			}
		}
	}
	return values
}
