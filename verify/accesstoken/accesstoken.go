package accesstoken

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

const (
	// Type is the header "typ" of an access token (RFC 9068 §2.1).
	Type = "at+jwt"
	// MaxBytes is the longest token that is read, in bytes.
	MaxBytes = 8 << 10
	// DefaultLeeway is the tolerance for clocks that differ.
	DefaultLeeway = 60 * time.Second
	// DefaultCacheSize is how many tokens are remembered where nothing else is said: 16 MiB at most.
	DefaultCacheSize = 8192
)

var (
	// ErrInvalid: not an access token for these rules. The wrapping error says why, for a log; of the claims it
	// quotes iss and aud alone. The presenter gets one answer for every cause.
	ErrInvalid = errors.New("accesstoken: not valid")
	// ErrExpired is an ErrInvalid: the token has ended, and nothing else is wrong with it.
	ErrExpired = fmt.Errorf("%w: expired", ErrInvalid)
)

// Rules says which tokens are accepted.
type Rules struct {
	Issuer   string           // compared as an exact string; required
	Audience []string         // the token must name one of these, exactly; required
	Leeway   time.Duration    // applied to exp, nbf and iat; below 0 counts as 0
	Now      func() time.Time // nil is time.Now
	Cache    *Cache           // remembers signatures that were verified; nil is none
}

// Verify checks a token completely and returns its claims, or nothing and an error. The function key finds the key for
// a header that nobody has vouched for yet. It is asked for every token, also for one that Cache has seen: a key that it
// no longer returns verifies nothing.
//
// The error wraps [ErrInvalid], or [ErrExpired], when the token is at fault; that includes an error of key that wraps
// [jws.ErrUnknownKey], [jws.ErrKey] or ErrInvalid. Every other error of key comes back wrapped and is no statement about
// the token. Rules without issuer or audience refuse every token with an error that is not ErrInvalid.
func (r Rules) Verify(token string, key func(h jws.Header) (*jws.Key, error)) (*Claims, error) {
	if r.Issuer == "" || !slices.ContainsFunc(r.Audience, func(a string) bool { return a != "" }) {
		return nil, errors.New("accesstoken: rules without an issuer or an audience")
	}
	id, known, err := r.Cache.find(token, key)
	if err != nil {
		return nil, err
	}
	seen := known != nil
	if !seen {
		if known, err = verifySignature(token, key); err != nil {
			return nil, err
		}
	}
	if err := r.check(known.claims); err != nil {
		return nil, err
	}
	if !seen {
		r.Cache.add(id, known)
	}
	return known.claims.clone(), nil
}

// signed is a token whose signature was verified. That it is right depends on the text and the key alone, and what was
// read from the text on nothing else, so this stays true for as long as the key is believed. It is never changed.
type signed struct {
	header jws.Header
	key    *jws.Key
	claims *Claims
}

// verifySignature is everything that can be said without the rules.
func verifySignature(token string, key func(h jws.Header) (*jws.Key, error)) (*signed, error) {
	u, err := jws.Parse(token, MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if !isType(u.Header.Type) {
		return nil, invalid("typ is not %s", Type)
	}
	k, err := findKey(u.Header, key)
	if err != nil {
		return nil, err
	}
	if err := u.Verify(k); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	all, err := strictjson.ParseObject(u.Payload())
	if err != nil {
		return nil, fmt.Errorf("%w: claims: %w", ErrInvalid, err)
	}
	claims, err := readClaims(all)
	if err != nil {
		return nil, err
	}
	return &signed{u.Header, k, claims}, nil
}

// findKey sorts the errors of key into those about the token and all others.
func findKey(h jws.Header, key func(h jws.Header) (*jws.Key, error)) (*jws.Key, error) {
	k, err := key(h)
	switch {
	case err == nil:
		return k, nil
	case errors.Is(err, jws.ErrUnknownKey), errors.Is(err, jws.ErrKey):
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil, fmt.Errorf("accesstoken: finding the key: %w", err)
}

// isType accepts the short and the full media type in any case (RFC 9068 §4, RFC 7515 §4.1.9). Any other type, an
// absent one too, is another kind of token (RFC 8725 §3.11).
func isType(typ string) bool {
	return strings.EqualFold(typ, Type) || strings.EqualFold(typ, "application/"+Type)
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// readClaims takes the claims that every token has (RFC 9068 §2.2 and our own) and refuses it when one is missing or of
// another type.
func readClaims(all map[string]any) (*Claims, error) {
	c := &Claims{all: all}
	for _, s := range []struct {
		name string
		into *string
	}{
		{"iss", &c.Issuer}, {"sub", &c.Subject}, {"jti", &c.ID}, {"sid", &c.SessionID},
		{"client_id", &c.ClientID}, {"user_id", &c.UserID},
	} {
		if *s.into, _ = all[s.name].(string); *s.into == "" {
			return nil, invalid("%s is not a string with content", s.name)
		}
	}
	var ok bool
	if c.ExpiresAt, ok = strictjson.Date(all["exp"]); !ok {
		return nil, invalid("exp is not a date")
	}
	if c.IssuedAt, ok = strictjson.Date(all["iat"]); !ok {
		return nil, invalid("iat is not a date")
	}
	if c.Audience, ok = strictjson.Strings(all["aud"]); !ok {
		return nil, invalid("aud is not a string or a list of strings")
	}
	c.session, c.subject = NameInFeed(c.SessionID), NameInFeed(c.Subject)
	return c, nil
}

// shown quotes what a signed token names, for a log: it is what differs between two configurations.
func shown(names ...string) string {
	text := fmt.Sprintf("%q", names)
	if len(text) > maxShown {
		text = text[:maxShown] + "…"
	}
	return text
}

// maxShown is how many bytes of a claim enter an error.
const maxShown = 200

// check leaves the end for last, so that ErrExpired is only said of a token that was good.
func (r Rules) check(c *Claims) error {
	if c.Issuer != r.Issuer {
		return invalid("another issuer: %s, want %q", shown(c.Issuer), r.Issuer)
	}
	if !slices.ContainsFunc(c.Audience, func(a string) bool { return a != "" && slices.Contains(r.Audience, a) }) {
		return invalid("another audience: %s, want one of %q", shown(c.Audience...), r.Audience)
	}
	if c.all["token_type"] != "access" {
		return invalid("token_type is not access")
	}
	// RFC 9449 §7.1: a token that is bound to a key is never a plain bearer, and no proof is checked here.
	if _, bound := c.all["cnf"]; bound {
		return invalid("bound to a key")
	}
	return r.checkTimes(c)
}

func (r Rules) checkTimes(c *Claims) error {
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	at, leeway := now(), max(r.Leeway, 0)
	latest := at.Add(leeway)
	if v, present := c.all["nbf"]; present {
		notBefore, ok := strictjson.Date(v)
		if !ok {
			return invalid("nbf is not a date")
		}
		if notBefore.After(latest) {
			return invalid("not yet valid")
		}
	}
	if c.IssuedAt.After(latest) {
		return invalid("issued in the future")
	}
	// RFC 7519 §4.1.4: not accepted on or after exp.
	if !at.Before(c.ExpiresAt.Add(leeway)) {
		return ErrExpired
	}
	return nil
}
