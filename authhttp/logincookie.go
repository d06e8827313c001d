package authhttp

import (
	"net/http"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// loginCookiePrefix begins the name of the cookie of a login under way. Each login has its own, so that several tabs do
// not disturb each other.
const loginCookiePrefix = "sallyport_login_"

// setLoginCookie gives the browser what it must bring back to the callback.
func (h *Handler) setLoginCookie(w http.ResponseWriter, login *sallyport.Login, provider string) {
	cookie := h.loginCookie(loginCookiePrefix+login.ID, provider)
	if login.FormPost {
		// The provider's page posts across sites. Without Secure a browser would drop the cookie; loopback counts as secure.
		cookie.SameSite, cookie.Secure = http.SameSiteNoneMode, true
	}
	cookie.Value, cookie.Expires, cookie.MaxAge = login.Sealed, h.svc.Now().Add(sallyport.LoginLife).UTC(), int(sallyport.LoginLife/time.Second)
	http.SetCookie(w, cookie)
}

func (h *Handler) deleteLoginCookie(w http.ResponseWriter, name, provider string) {
	cookie := h.loginCookie(name, provider)
	cookie.Expires, cookie.MaxAge = time.Unix(0, 0).UTC(), -1
	http.SetCookie(w, cookie)
}

// loginCookie is for the callback alone, and Lax: the way back from a provider is a navigation from another site.
func (h *Handler) loginCookie(name, provider string) *http.Cookie {
	return &http.Cookie{Name: name, Path: h.mount + "/callback/" + provider + "/", Secure: h.cookies.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
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
