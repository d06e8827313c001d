package sallyport

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// Config is everything that the use cases can be told. Issuer, Store and Secret are required; the
// zero value of every other field is the default that its comment names.
type Config struct {
	// Issuer is the public URL under which authhttp is mounted: "https://app.example.com/auth".
	// It must be https, or http on a loopback host, with no query, fragment or trailing slash.
	Issuer string
	// Audience is the "aud" of access tokens: the names of the services that accept them. Default:
	// the issuer.
	Audience []string
	// ClientID is the "client_id" of access tokens. Default: "sallyport".
	ClientID string

	Store Store
	// Secret is the root secret, at least 32 bytes from a secure source. Whoever has it can forge
	// refresh tokens; it is never written anywhere. OldSecrets are still accepted while the
	// secret is being rotated, but sign nothing.
	Secret     []byte
	OldSecrets [][]byte
	// CookieSalt enters the key of refresh tokens, so that two deployments with one secret do not
	// accept each other's.
	CookieSalt string

	// Providers are the identity providers whose tokens may be exchanged, and at which users may sign in.
	Providers []Provider
	// ReturnTo are addresses, besides paths of the issuer's own origin, to which a login at a provider may lead back:
	// "https://spa.example.com/app" allows itself and everything below its path. Default: none.
	ReturnTo []string

	// UserAttributes become claims of the same name: a user field, else a key of User.Attributes,
	// else null.
	UserAttributes []string
	// ClaimTemplate makes claims out of values of the user, for a service that wants them under a name or in a form of
	// its own. Its values are JSON of up to 16 levels (string, bool, numbers, nil, []any, map[string]any), in whose
	// strings "${name}" is a user field, else an attribute, as in UserAttributes. A string that is "${name}" alone
	// becomes the value with its type, null when the user has none; in a longer string it is written out, a list or an
	// object as JSON, and null as nothing. "$${" is the text "${". What a user's values hold is not expanded again, but it
	// is not escaped for any other language either. Default: none.
	ClaimTemplate map[string]any
	// Claims are called in order, after UserAttributes and ClaimTemplate; a later claim wins over an earlier one.
	Claims []ClaimFunc
	// ClaimsTimeout bounds all Claims of one token together, by their context. Default: 2 seconds; at
	// most 10.
	ClaimsTimeout time.Duration
	// UserFields or UserView (which wins) is what the token response shows as "user". Default: no
	// "user" in the token response.
	UserFields []string
	UserView   func(context.Context, *User) (any, error)
	// UserUUIDAttribute is the attribute that receives the provider's subject when an exchange
	// makes a user. Default: none.
	UserUUIDAttribute string

	// Algorithm signs access tokens: "ES256", which is the default, "EdDSA" or "RS256". A change makes a key, which is
	// published at once and signs a day later, unless a key of that algorithm is published already. The keys of an
	// algorithm that is no longer configured stay published for as long as they would have signed, and then until the
	// last token that they could have signed has ended.
	Algorithm jws.Algorithm
	// AudienceAlgorithm signs in place of Algorithm the access tokens that are asked for one audience alone, by that
	// audience, which is one of Audience: for services that take no other algorithm. A change applies as one of Algorithm
	// does; until then Algorithm signs. Default: none.
	AudienceAlgorithm map[string]jws.Algorithm
	// LeaveKeys leaves signing keys and root secret as they are: no key is made, published, removed or
	// resealed, and the database stays marked with the secret that it knows, until RotateSigningKey or
	// ReplaceSigningKeys is called. It is for a command beside a server, which may have other settings.
	// Without a key nothing is signed.
	LeaveKeys bool
	// KeyRotation is how long a signing key signs; default 30 days, at least 48 hours, at most 400 days.
	KeyRotation time.Duration

	AccessTTL   time.Duration // life of an access token; default 5 minutes, at most 24 hours
	SessionTTL  time.Duration // absolute life of a session; default 24 hours, at most 400 days
	IdleTTL     time.Duration // a session unused for so long ends; default 24 hours, at most SessionTTL
	RetryWindow time.Duration // of the refresh machine; default 10 seconds, at most 60 seconds

	// Limits are what one account, address and session may do.
	Limits Limits
	// EventRetention is how long the audit trail is kept; default 90 days, at least a day.
	EventRetention time.Duration

	// PasswordMinLength is what ChangePassword demands, in characters; default 8.
	PasswordMinLength int
	// Password is the cost of argon2id and how many hashes run at a time. After a change of the cost a hash
	// is renewed when its user next signs in; until then the time that a refusal takes tells that user
	// from a stranger.
	Password password.Config

	// Observe is told how each sign-in, exchange, refresh and change of a password ended. It is called by many
	// goroutines at once and must not block. Default: nobody is told.
	Observe func(Observation)
	Logger  *slog.Logger     // default: slog.Default()
	Now     func() time.Time // default: time.Now
}

// ConfigError is one thing that is wrong with a configuration. The constructors of this module report all
// of them at once, joined; ConfigErrors takes them apart.
type ConfigError struct {
	Package string // whose configuration it is: "sallyport", "authhttp", "claimhook" or "idp"
	Field   string // of the Go configuration: "Cookie.Name", "Providers[0].ClientID"
	Problem string // what is wrong with its value and what to do; never the value of a secret
}

// Error is "PACKAGE: FIELD: PROBLEM".
func (e *ConfigError) Error() string { return e.Package + ": " + e.Field + ": " + e.Problem }

// ConfigErrors lists every ConfigError that err wraps, in order.
func ConfigErrors(err error) []*ConfigError {
	switch err := err.(type) {
	case *ConfigError:
		return []*ConfigError{err}
	case interface{ Unwrap() error }:
		return ConfigErrors(err.Unwrap())
	case interface{ Unwrap() []error }:
		var all []*ConfigError
		for _, one := range err.Unwrap() {
			all = append(all, ConfigErrors(one)...)
		}
		return all
	}
	return nil
}

// signingAlgorithms are those that Config takes.
var signingAlgorithms = []jws.Algorithm{jws.ES256, jws.EdDSA, jws.RS256}

// algorithmOf signs tokens for one audience; for all of them when it is "".
func (cfg Config) algorithmOf(audience string) jws.Algorithm {
	return cmp.Or(cfg.AudienceAlgorithm[audience], cfg.Algorithm)
}

func (cfg Config) withDefaults() Config {
	if len(cfg.Audience) == 0 {
		cfg.Audience = []string{cfg.Issuer}
	}
	cfg.ClientID = cmp.Or(cfg.ClientID, "sallyport")
	cfg.Algorithm = cmp.Or(cfg.Algorithm, jws.ES256)
	cfg.KeyRotation = cmp.Or(cfg.KeyRotation, 30*24*time.Hour)
	cfg.AccessTTL = cmp.Or(cfg.AccessTTL, 5*time.Minute)
	cfg.SessionTTL = cmp.Or(cfg.SessionTTL, 24*time.Hour)
	cfg.IdleTTL = cmp.Or(cfg.IdleTTL, min(24*time.Hour, cfg.SessionTTL))
	cfg.RetryWindow = cmp.Or(cfg.RetryWindow, 10*time.Second)
	cfg.EventRetention = cmp.Or(cfg.EventRetention, 90*24*time.Hour)
	cfg.Limits = cfg.Limits.withDefaults()
	cfg.PasswordMinLength = cmp.Or(cfg.PasswordMinLength, 8)
	cfg.ClaimsTimeout = cmp.Or(cfg.ClaimsTimeout, 2*time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg
}

// faults checks every setting, so that an operator mends all of them at once.
func (cfg Config) faults() []error {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, &ConfigError{"sallyport", field, fmt.Sprintf(format, args...)})
	}
	if err := CheckIssuer(cfg.Issuer); err != nil {
		fault("Issuer", "%v", err)
	}
	if cfg.Store == nil {
		fault("Store", "it is missing; open one with sqlite.Open or postgres.Open")
	}
	for i, secret := range append([][]byte{cfg.Secret}, cfg.OldSecrets...) {
		if len(secret) < MinSecretBytes {
			field := "Secret"
			if i > 0 {
				field = fmt.Sprintf("OldSecrets[%d]", i-1)
			}
			fault(field, "it has %d bytes, want at least %d from a secure source", len(secret), MinSecretBytes)
		}
	}
	if slices.Contains(cfg.Audience, "") {
		fault("Audience", "it holds an empty name")
	}
	if name, found := firstReserved(cfg.UserAttributes); found {
		fault("UserAttributes", "%q is a claim of every access token already", name)
	}
	if _, err := parseClaimTemplate(cfg.ClaimTemplate); err != nil {
		fault("ClaimTemplate", "%v", err)
	}
	if !slices.Contains(signingAlgorithms, cfg.Algorithm) {
		fault("Algorithm", "it is %q, want one of %q", cfg.Algorithm, signingAlgorithms)
	}
	for _, audience := range slices.Sorted(maps.Keys(cfg.AudienceAlgorithm)) {
		if !slices.Contains(cfg.Audience, audience) {
			fault("AudienceAlgorithm", "%q is not one of Audience", audience)
		}
		if alg := cfg.AudienceAlgorithm[audience]; !slices.Contains(signingAlgorithms, alg) {
			fault("AudienceAlgorithm", "it has %q for %q, want one of %q", alg, audience, signingAlgorithms)
		}
	}
	for i, text := range cfg.ReturnTo {
		if err := CheckReturnTo(text); err != nil {
			fault(fmt.Sprintf("ReturnTo[%d]", i), "%v", err)
		}
	}
	cfg.Limits.faults(fault)
	if cfg.PasswordMinLength < 1 || cfg.PasswordMinLength > password.MaxBytes {
		fault("PasswordMinLength", "it is %d, want between 1 and %d", cfg.PasswordMinLength, password.MaxBytes)
	}
	for _, d := range []struct {
		field           string
		is, least, most time.Duration
	}{
		{"KeyRotation", cfg.KeyRotation, minKeyRotation, maxKeyRotation},
		{"AccessTTL", cfg.AccessTTL, time.Second, maxAccessTTL},
		{"SessionTTL", cfg.SessionTTL, time.Second, maxSessionTTL},
		{"IdleTTL", cfg.IdleTTL, time.Second, cfg.SessionTTL},
		{"RetryWindow", cfg.RetryWindow, time.Second, time.Minute},
		{"EventRetention", cfg.EventRetention, 24 * time.Hour, maxEventRetention},
		{"ClaimsTimeout", cfg.ClaimsTimeout, time.Millisecond, maxClaimsTimeout},
	} {
		if d.is < d.least || d.is > d.most {
			fault(d.field, "it is %v, want between %v and %v", d.is, d.least, d.most)
		}
	}
	return faults
}

const (
	// maxAccessTTL also enters keyRetention.
	maxAccessTTL = 24 * time.Hour
	// maxSessionTTL is a bound against slips of the pen: cookies live 400 days at most (RFC 6265bis).
	maxSessionTTL = 400 * 24 * time.Hour
	// maxEventRetention is a bound of the same kind.
	maxEventRetention = 100 * 366 * 24 * time.Hour
	maxKeyRotation    = 400 * 24 * time.Hour
	// maxClaimsTimeout is as long as a person may wait to be signed in.
	maxClaimsTimeout = 10 * time.Second
)

// CheckIssuer says what keeps text from being an issuer: it must be an https URL, or http on a
// loopback host, with no user, query, fragment or trailing slash, in its canonical spelling
// (RFC 8414 §2), because issuers are compared as strings.
func CheckIssuer(text string) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("it is missing; give the public URL of the mount, such as https://app.example.com/auth")
	case err != nil || u.Host == "" || u.Opaque != "":
		return errors.New("it is not an absolute URL") // which is not shown: it may hold a password
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return errors.New("it must have no user, query or fragment")
	case strings.HasSuffix(u.Path, "/"):
		return errors.New("it must not end with a slash")
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("scheme %q: want https", u.Scheme)
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		return fmt.Errorf("http is for loopback hosts only; want https://%s%s", u.Host, u.Path)
	}
	if !cookiePath.MatchString(u.EscapedPath()) {
		return errors.New("its path must be one that a cookie can carry as it is: letters, digits and . _ ~ - between slashes")
	}
	canonical := *u
	canonical.Host = strings.ToLower(u.Host)
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		canonical.Host = strings.TrimSuffix(canonical.Host, ":"+port)
	}
	if u.Path != "" {
		canonical.Path = "/" + strings.Join(strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' }), "/")
	}
	if canonical.String() != text || strings.Contains("/"+u.Path+"/", "/../") || strings.Contains("/"+u.Path+"/", "/./") {
		return fmt.Errorf("write it in its canonical form: %s", canonical.String())
	}
	return nil
}

// cookiePath is a path that means the same in a URL, in a cookie and to every proxy on the way.
var cookiePath = regexp.MustCompile(`^(/+[A-Za-z0-9._~-]+)*$`)

// IsLoopback reports whether host, a name or an address without port, can only be this machine.
func IsLoopback(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761 §6.3
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
