package demo

import (
	"net/http"
	"net/url"
)

// secureOnLoopback is a cookie jar that takes loopback for a secure place, as browsers and curl do;
// net/http/cookiejar sends Secure cookies to https alone.
type secureOnLoopback struct{ jar http.CookieJar }

func (s secureOnLoopback) SetCookies(u *url.URL, cookies []*http.Cookie) {
	s.jar.SetCookies(secure(u), cookies)
}
func (s secureOnLoopback) Cookies(u *url.URL) []*http.Cookie { return s.jar.Cookies(secure(u)) }

func secure(u *url.URL) *url.URL {
	as := *u
	as.Scheme = "https"
	return &as
}
