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
	// verify.HTTPClient, which uses no proxy and reaches private addresses for the host of URL alone.
	Client *http.Client
	// Now gives the time that is signed. Default: time.Now.
	Now func() time.Time
}

const (
	standardTimeout = 2 * time.Second
	leastTimeout    = time.Millisecond
	// mostTimeout is as long as a person may wait to be signed in.
	mostTimeout = 10 * time.Second

	// encodedKey begins a key in base64, as Standard Webhooks have it.
	encodedKey = "whsec_"
)

// MinSecretBytes is the least length of the key of a hook, in bytes: what Standard Webhooks ask for.
const MinSecretBytes = 24

// New checks the settings and reports all their faults at once, each a [sallyport.ConfigError]. It asks
// the service nothing. Close the hook after use.
func New(c Config) (*Hook, error) {
	c.Timeout = cmp.Or(c.Timeout, standardTimeout)
	key, secretFault := keyOf(c.Secret)
	if err := errors.Join(fault("URL", CheckURL(c.URL)), fault("Secret", secretFault), fault("Timeout", checkTimeout(c.Timeout))); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	h := &Hook{url: c.URL, key: key, timeout: c.Timeout, now: c.Now}
	if c.Client == nil {
		c.Client = verify.HTTPClient(hostOf(c.URL))
		h.idle = c.Client.CloseIdleConnections
	}
	client := *c.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	h.client = &client
	return h, nil
}

// fault is what is wrong with a field, nil when err is.
func fault(field string, err error) error {
	if err == nil {
		return nil
	}
	return &sallyport.ConfigError{Package: "claimhook", Field: field, Problem: err.Error()}
}

// CheckURL says what keeps text from being the URL of a hook. It does not quote it.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("it is missing")
	case err != nil || u.Hostname() == "":
		return errors.New("it is not an absolute URL; want one such as https://hooks.example.com/claims")
	case u.User != nil:
		return errors.New("it must have no user")
	case strings.Contains(text, "#"):
		return errors.New("it must have no fragment")
	case u.Scheme == "http" && !sallyport.IsLoopback(u.Hostname()):
		return errors.New("http is for loopback hosts only; want https")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("want https")
	}
	return nil
}

// CheckSecret says what keeps secret from being the secret of a hook. It does not quote it.
func CheckSecret(secret []byte) error {
	_, err := keyOf(secret)
	return err
}

// keyOf is the key that signs.
func keyOf(secret []byte) (key []byte, err error) {
	if len(secret) == 0 {
		return nil, errors.New("it is missing")
	}
	key = slices.Clone(secret)
	if encoded, isEncoded := bytes.CutPrefix(secret, []byte(encodedKey)); isEncoded {
		if key, err = base64.StdEncoding.DecodeString(string(encoded)); err != nil {
			return nil, errors.New("want base64 after " + encodedKey)
		}
	}
	if len(key) < MinSecretBytes {
		return nil, fmt.Errorf("the key has %d bytes, want at least %d from a secure source", len(key), MinSecretBytes)
	}
	return key, nil
}

func checkTimeout(d time.Duration) error {
	if d < leastTimeout || d > mostTimeout {
		return fmt.Errorf("it is %v, want between %v and %v", d, leastTimeout, mostTimeout)
	}
	return nil
}

// hostOf is the host of a URL that CheckURL accepts.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
