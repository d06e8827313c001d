package claimhook

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify"
)

// Config is the settings of a hook. URL and Secret are required.
type Config struct {
	// URL is asked by POST: https, or http on loopback; without user and fragment. No error shows it,
	// because its query may hold a token.
	URL string
	// Secret signs the requests, at least 24 bytes. A text that begins with "whsec_" holds the key in
	// base64 after it, as Standard Webhooks write it; any other is the key itself.
	Secret []byte
	// Timeout bounds a request in all: connecting, waiting and reading. Default: 2 seconds; at most 10.
	Timeout time.Duration
	// Client sends the requests; what it says about redirects does not count. Default:
	// verify.HTTPClient, to which the host of URL may be private: it uses no proxy.
	Client *http.Client
	// Now gives the time that is signed. Default: time.Now.
	Now func() time.Time
}

const (
	standardTimeout = 2 * time.Second
	leastTimeout    = time.Millisecond
	// mostTimeout is as long as a person may wait to be signed in.
	mostTimeout = 10 * time.Second

	// encodedKey begins a key in base64 and minKey is the least in bytes, as Standard Webhooks have it.
	encodedKey = "whsec_"
	minKey     = 24
)

// New checks the settings and reports all their faults at once, each a [sallyport.ConfigError]. It asks
// the service nothing. Close the hook after use.
func New(c Config) (*Hook, error) {
	c.Timeout = cmp.Or(c.Timeout, standardTimeout)
	host, urlFault := checkURL(c.URL)
	key, secretFault := readSecret(c.Secret)
	if err := errors.Join(urlFault, secretFault, checkTimeout(c.Timeout)); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	h := &Hook{url: c.URL, key: key, timeout: c.Timeout, now: c.Now}
	if c.Client == nil {
		c.Client = verify.HTTPClient(host)
		h.idle = c.Client.CloseIdleConnections
	}
	client := *c.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	h.client = &client
	return h, nil
}

func fault(field, format string, args ...any) error {
	return &sallyport.ConfigError{Package: "claimhook", Field: field, Problem: fmt.Sprintf(format, args...)}
}

// checkURL returns the host that the default client may find at a private address.
func checkURL(text string) (host string, err error) {
	if text == "" {
		return "", fault("URL", "it is missing")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return "", fault("URL", "it is no absolute URL; want one such as https://hooks.example.com/claims")
	case u.User != nil:
		return "", fault("URL", "it must have no user")
	case strings.Contains(text, "#"):
		return "", fault("URL", "it must have no fragment")
	case u.Scheme == "http" && !sallyport.IsLoopback(u.Hostname()):
		return "", fault("URL", "http is for loopback hosts only; want https")
	case u.Scheme != "https" && u.Scheme != "http":
		return "", fault("URL", "want https")
	}
	return u.Hostname(), nil
}

func readSecret(secret []byte) (key []byte, err error) {
	if len(secret) == 0 {
		return nil, fault("Secret", "it is missing")
	}
	key = slices.Clone(secret)
	if encoded, isEncoded := bytes.CutPrefix(secret, []byte(encodedKey)); isEncoded {
		if key, err = base64.StdEncoding.DecodeString(string(encoded)); err != nil {
			return nil, fault("Secret", "want base64 after %s", encodedKey)
		}
	}
	if len(key) < minKey {
		return nil, fault("Secret", "the key has %d bytes, want at least %d from a secure source", len(key), minKey)
	}
	return key, nil
}

func checkTimeout(d time.Duration) error {
	if d < leastTimeout || d > mostTimeout {
		return fault("Timeout", "it is %v, want between %v and %v", d, leastTimeout, mostTimeout)
	}
	return nil
}
