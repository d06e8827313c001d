package authhttp

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/sallyport-auth/sallyport"
)

// origins knows who may call from a browser. The comparison is with the configured issuer, never with
// the request's Host, which an attacker or a proxy may have written.
type origins struct {
	own     string
	trusted map[string]bool
}

func newOrigins(issuer *url.URL, trusted []string) (origins, error) {
	o := origins{own: issuer.Scheme + "://" + issuer.Host, trusted: map[string]bool{}}
	var faults []error
	for i, origin := range trusted {
		if err := CheckOrigin(origin); err != nil {
			faults = append(faults, configError(fmt.Sprintf("TrustedOrigins[%d]", i), "%v", err))
		}
		o.trusted[origin] = true
	}
	return o, errors.Join(faults...)
}

// CheckOrigin says what keeps text from being an origin as a browser writes it (RFC 6454 §6.2):
// scheme, host, and a port if it is not the scheme's own.
func CheckOrigin(text string) error {
	u, err := url.Parse(text)
	switch {
	case strings.Contains(text, "*"):
		return errors.New("wildcards are not supported; name each origin")
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return errors.New("it is no origin; write https://host or https://host:port")
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.User != nil || strings.Contains(text, "#"):
		return fmt.Errorf("an origin has no path, query or user; write %s://%s", u.Scheme, u.Host)
	case u.Scheme == "http" && !sallyport.IsLoopback(u.Hostname()):
		return errors.New("http is for loopback hosts only")
	case u.Host != strings.ToLower(u.Host),
		u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80", strings.HasSuffix(u.Host, ":"):
		return errors.New("write it as browsers do: lower case, without the default port")
	}
	return nil
}

// check is rule 1 against cross-site requests: what the browser says of the caller must be our own
// origin or a trusted one. Requests that say nothing come from no browser, or from an old one, and
// then the CSRF_token decides.
func (o origins) check(header http.Header) error {
	site, origin := header.Values("Sec-Fetch-Site"), header.Values("Origin")
	switch {
	case len(site) > 1 || len(origin) > 1:
		return errCrossOrigin
	case len(origin) == 1 && o.trusted[origin[0]]:
		return nil
	case len(site) == 1 && site[0] != "same-origin": // same-site, cross-site, none, or a word of the future
		return errCrossOrigin
	case len(origin) == 1 && origin[0] != o.own:
		return errCrossOrigin
	}
	return nil
}

// sameOrigin reports whether the browser itself says that the page is of our own origin.
func sameOrigin(header http.Header) bool {
	site := header.Values("Sec-Fetch-Site")
	return len(site) == 1 && site[0] == "same-origin"
}

// allowCORS lets a trusted origin read the answer. Nothing is ever reflected: the value comes from
// the list.
func (o origins) allowCORS(answer, request http.Header) {
	origin := request.Values("Origin")
	if len(origin) != 1 || !o.trusted[origin[0]] {
		return
	}
	answer.Set("Access-Control-Allow-Origin", origin[0])
	answer.Set("Access-Control-Allow-Credentials", "true")
	answer.Set("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After")
}
