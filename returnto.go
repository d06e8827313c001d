package sallyport

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxReturnTo is the longest address to which a login leads back, in bytes, as it is sent. It travels in a cookie, and a
// browser that has begun several logins sends the cookies of all of them.
const maxReturnTo = 1 << 10

// errorParameter tells the page at return_to why a login failed; its value is a stable code.
const errorParameter = "sallyport_error"

// returnTargets are the addresses to which a login may lead back: an open redirector is what makes a phishing page look
// like ours (RFC 9700 §4.11).
type returnTargets struct {
	origin  url.URL // scheme and host of the issuer
	allowed []*url.URL
}

// newReturnTargets takes addresses that CheckReturnTo has passed.
func newReturnTargets(issuer string, allowed []string) returnTargets {
	u, _ := url.Parse(issuer) // CheckIssuer has passed it
	t := returnTargets{origin: url.URL{Scheme: u.Scheme, Host: u.Host}}
	t.allowed = append(t.allowed, &t.origin)
	for _, text := range allowed {
		u, _ := url.Parse(text)
		t.allowed = append(t.allowed, u)
	}
	return t
}

// CheckReturnTo says what keeps text from being an entry of Config.ReturnTo: it must be an https URL, or http on a
// loopback host, with no user, query or fragment, written as a browser writes it.
func CheckReturnTo(text string) error {
	u, err := parseReturnTo(text)
	switch {
	case err != nil:
		return err
	case strings.Contains(text, "*"):
		return errors.New("wildcards are not supported; name each address")
	case u.Host == "":
		return errors.New("it is not an absolute URL; paths of the issuer's own origin are allowed already")
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("scheme %q: want https", u.Scheme)
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		return errors.New("http is for loopback hosts only")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return errors.New("it must have no query or fragment; any are allowed behind it")
	case u.Host != strings.ToLower(u.Host), strings.HasSuffix(u.Host, ":"),
		u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
		return errors.New("write the host as browsers do: lower case, without the default port")
	}
	return nil
}

// ReturnTo gives an address to which a login may lead back as the browser gets it: absolute, and serialised anew. It
// returns ErrInvalidReturnTo for any other.
func (s *Service) ReturnTo(text string) (string, error) { return s.returnTo.parse(text) }

// parse gives the address for text as it is sent: absolute, and serialised anew. "" is the root of the issuer's origin.
func (t returnTargets) parse(text string) (string, error) {
	if text == "" {
		text = "/"
	}
	u, err := parseReturnTo(text)
	switch {
	case err != nil:
		return "", because(ErrInvalidReturnTo, err.Error())
	case u.Scheme == "" && u.Host == "" && text[0] == '/' && strings.HasPrefix(u.Path, "/"):
		u.Scheme, u.Host = t.origin.Scheme, t.origin.Host
	case !slices.ContainsFunc(t.allowed, func(a *url.URL) bool { return covers(a, u) }):
		return "", because(ErrInvalidReturnTo, "it is neither a path of the issuer's origin nor allowed by the setting return_to")
	}
	u.RawQuery = strings.Join(slices.DeleteFunc(strings.Split(u.RawQuery, "&"), isErrorParameter), "&") // of an earlier login
	sent := u.String()
	if len(sent) > maxReturnTo {
		return "", because(ErrInvalidReturnTo, fmt.Sprintf("it is longer than %d bytes", maxReturnTo))
	}
	return sent, nil
}

// covers reports whether u is the allowed address, or lies below its path.
func covers(allowed, u *url.URL) bool {
	path, base := u.EscapedPath(), strings.TrimSuffix(allowed.EscapedPath(), "/")
	return u.Scheme == allowed.Scheme && u.Host == allowed.Host && (path == base || strings.HasPrefix(path, base+"/"))
}

func isErrorParameter(pair string) bool {
	name, _, _ := strings.Cut(pair, "=")
	plain, err := url.QueryUnescape(name)
	return err == nil && plain == errorParameter
}

// parseReturnTo refuses whatever a browser might read in another way than package url does: the URL standard takes a
// backslash for a slash, drops tabs and line ends, and resolves dot segments.
func parseReturnTo(text string) (*url.URL, error) {
	switch {
	case !utf8.ValidString(text):
		return nil, errors.New("it is not UTF-8")
	case strings.ContainsFunc(text, isMisplaced):
		return nil, errors.New("it holds white space, a backslash or a character that cannot be seen")
	}
	u, err := url.Parse(escapeNonASCII(text))
	switch {
	case err != nil:
		return nil, errors.New("it is not a URL") // which is not shown: it may hold a password
	case u.User != nil:
		return nil, errors.New("it holds a user")
	case u.Opaque != "", u.Scheme != "" && u.Host == "", u.Scheme == "" && u.Host != "":
		return nil, errors.New("it is neither a path nor an absolute URL with scheme and host")
	case strings.HasPrefix(u.Path, "//"), strings.Contains(u.Path, `\`), strings.ContainsFunc(u.Path, isControl):
		return nil, errors.New("its path holds an escaped backslash or control character, or begins with two slashes")
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return nil, errors.New("its path holds a dot segment")
		}
	}
	return u, nil
}

// isMisplaced reports characters that no address has, or that are read in several ways.
func isMisplaced(r rune) bool {
	return r == '\\' || unicode.IsSpace(r) || isControl(r) || isMisread(r)
}

// escapeNonASCII writes what a browser would send.
func escapeNonASCII(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < utf8.RuneSelf {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// withError adds the code of a failed login to an address that parse has given.
func withError(returnTo, code string) string {
	u, err := url.Parse(returnTo)
	if err != nil {
		return returnTo // it has been parsed before
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += errorParameter + "=" + url.QueryEscape(code)
	return u.String()
}
