package authhttp

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// CookieConfig names and scopes the two cookies. Both are HttpOnly and Secure, with the mount as Path.
type CookieConfig struct {
	Name     string        // of the refresh token; default "refresh_cookie"
	CSRFName string        // of the CSRF token; default "CSRF_token"
	Domain   string        // default: the issuer's host alone; every subdomain of Domain holds the token
	SameSite http.SameSite // default: http.SameSiteStrictMode
	// HostPrefix names the cookies __Host-…, those of logins under way as well, the only defence against a sibling
	// subdomain that plants one. It needs an issuer without a path, and no Domain.
	HostPrefix bool
	// Insecure omits Secure. It is for http issuers, which are loopback issuers.
	Insecure bool
}

const (
	defaultCookie     = "refresh_cookie"
	defaultCSRFCookie = "CSRF_token"
)

// cookies writes and finds the two cookies.
type cookies struct {
	refresh, csrf string // names
	hostPrefix    string // of every name; "" without HostPrefix
	path, domain  string
	sameSite      http.SameSite
	secure        bool
}

func newCookies(issuer *url.URL, cfg CookieConfig) (cookies, error) {
	c := cookies{
		refresh:  cmp.Or(cfg.Name, defaultCookie),
		csrf:     cmp.Or(cfg.CSRFName, defaultCSRFCookie),
		path:     cmp.Or(issuer.Path, "/"),
		domain:   cfg.Domain,
		sameSite: cfg.SameSite,
		secure:   !cfg.Insecure,
	}
	if c.sameSite == 0 || c.sameSite == http.SameSiteDefaultMode {
		c.sameSite = http.SameSiteStrictMode
	}
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, configError("Cookie."+field, format, args...))
	}
	for _, name := range []struct{ setting, value string }{{"Name", c.refresh}, {"CSRFName", c.csrf}} {
		if (&http.Cookie{Name: name.value, Value: "x"}).Valid() != nil {
			fault(name.setting, "%q is no cookie name", name.value)
		}
		if strings.HasPrefix(name.value, "__") { // browsers give such names a meaning of their own (RFC 6265bis)
			fault(name.setting, "%q begins with __; set HostPrefix instead", name.value)
		}
	}
	if c.refresh == c.csrf {
		fault("CSRFName", "both cookies are called %q", c.csrf)
	}
	if cfg.Insecure && issuer.Scheme == "https" {
		fault("Insecure", "it is for http issuers on loopback; the issuer is %s", issuer)
	}
	if cfg.Insecure && c.sameSite == http.SameSiteNoneMode {
		fault("SameSite", "none needs Secure cookies; browsers drop them otherwise")
	}
	if cfg.HostPrefix {
		if c.path != "/" || c.domain != "" || cfg.Insecure {
			fault("HostPrefix", "it needs an issuer without a path, no Domain and Secure cookies")
		}
		c.hostPrefix = "__Host-"
		c.refresh, c.csrf = c.hostPrefix+c.refresh, c.hostPrefix+c.csrf
	}
	if err := CheckCookieDomain(c.domain, issuer.Hostname()); err != nil {
		fault("Domain", "%v", err)
	}
	return c, errors.Join(faults...)
}

// CheckCookieDomain says what keeps domain, "" for none, from being the Domain of cookies that host sets
// (RFC 6265 §5.1.3, §5.3).
func CheckCookieDomain(domain, host string) error {
	_, notAddress := netip.ParseAddr(host)
	switch {
	case domain == "" || domain == host:
		return nil
	case notAddress == nil:
		return errors.New("the host of the issuer is an address, which lies in no domain; remove it")
	case !strings.HasSuffix(host, "."+domain):
		return fmt.Errorf("%q is neither the host of the issuer, %q, nor a parent of it; write it without a dot in front", domain, host)
	case !strings.Contains(domain, "."): // a top-level domain, which belongs to everybody
		return fmt.Errorf("%q is a single label, and browsers drop cookies for all of it; name a domain of your own", domain)
	}
	return nil
}

// set hands out both cookies until the session's absolute end: the CSRF token first, as clients of
// django-rest-microservice expect.
func (c cookies) set(w http.ResponseWriter, t *sallyport.Tokens, now time.Time) {
	c.write(w, c.csrf, t.CSRFToken, t.SessionEnd, now)
	c.write(w, c.refresh, t.RefreshToken, t.SessionEnd, now)
}

func (c cookies) write(w http.ResponseWriter, name, value string, end, now time.Time) {
	setUntil(w, c.bare(name), value, end, now)
}

func setUntil(w http.ResponseWriter, cookie *http.Cookie, value string, end, now time.Time) {
	cookie.Value, cookie.Expires, cookie.MaxAge = value, end.UTC(), max(1, int(end.Sub(now)/time.Second))
	http.SetCookie(w, cookie)
}

// delete repeats the attributes with which the cookies were set: a browser keeps a cookie whose
// deletion names another path or domain (RFC 6265 §5.3).
func (c cookies) delete(w http.ResponseWriter) {
	for _, name := range []string{c.csrf, c.refresh} {
		expire(w, c.bare(name))
	}
}

func expire(w http.ResponseWriter, cookie *http.Cookie) {
	cookie.Expires, cookie.MaxAge = time.Unix(0, 0).UTC(), -1
	http.SetCookie(w, cookie)
}

func (c cookies) bare(name string) *http.Cookie {
	return &http.Cookie{Name: name, Path: c.path, Domain: c.domain, Secure: c.secure, HttpOnly: true, SameSite: c.sameSite}
}

// maxCookieBytes and maxCookies are more than a browser sends. Beyond 3,000 cookies net/http finds
// none at all, silently, which would look like being signed out.
const (
	maxCookieBytes = 16 << 10
	maxCookies     = 500
)

// cookieValues finds every cookie of one name in the raw header (RFC 6265 §4.2.1), for Request.Cookie hides
// that there are two.
func cookieValues(header http.Header, name string) ([]string, error) {
	var values []string
	size, count := 0, 0
	for _, line := range header.Values("Cookie") {
		size += len(line)
		for pair := range strings.SplitSeq(line, ";") {
			count++
			if key, value, ok := strings.Cut(pair, "="); ok && strings.Trim(key, " \t") == name {
				values = append(values, strings.Trim(value, " \t"))
			}
		}
	}
	if size > maxCookieBytes || count > maxCookies {
		return nil, invalid("There are too many cookies.")
	}
	return values, nil
}

// presented finds the one refresh token that the browser sent, unverified. It returns
// errNoRefreshToken and errDuplicateCookie.
func (c cookies) presented(header http.Header) (string, error) {
	values, err := cookieValues(header, c.refresh)
	switch {
	case err != nil:
		return "", err
	case len(values) == 0:
		return "", errNoRefreshToken
	case len(values) > 1:
		return "", errDuplicateCookie
	}
	return values[0], nil
}
