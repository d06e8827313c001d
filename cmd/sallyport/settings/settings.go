package settings

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Settings is everything that can be set, with the defaults filled in and checked.
type Settings struct {
	// Issuer is the public URL of the mount. It is "" only when Listen has port 0 and nothing else
	// says what it is: see IssuerAt.
	Issuer      string
	Listen      string // host:port
	AdminListen string // host:port
	Database    string // sqlite:FILE, or postgres://…
	Secret      Secret // the newest first; empty: the file beside the database
	Path        string // of the mount: "/" or "/auth"

	Cookie         Cookie
	Forward        Forward
	CSRF           string // auto, token
	TrustedOrigins []string
	ReturnTo       []string
	TrustedProxies []string // addresses and prefixes
	Tokens         Tokens
	IDPs           []IDP

	UserAttributes    []string       // claims.user_attributes
	ClaimTemplate     map[string]any // claims.template, as encoding/json has it; nil for none
	UserFields        []string
	UserUUIDAttribute string

	Hook     Hook
	Password Password
	Limits   Limits
	// EventRetention is how long the audit trail is kept.
	EventRetention time.Duration
	Log            Log

	File string // of settings that was read; "" when there was none
	// Warnings are about what may stay as it is but should not, one sentence each.
	Warnings []string

	places   map[string]Place  // where each setting that is not the default was given
	excerpts map[string]string // of the file, masked, for those that were given there
}

// Secret is root secrets, the newest first. It prints as [redacted].
type Secret [][]byte

// String hides the secrets from a format that prints them by accident.
func (Secret) String() string { return "[redacted]" }

// GoString is String, for the verb %#v.
func (s Secret) GoString() string { return s.String() }

// Cookie is the settings of the two cookies.
type Cookie struct {
	Name       string
	CSRFName   string
	Salt       string
	Domain     string
	SameSite   string // strict, lax, none
	HostPrefix bool
	Insecure   bool
}

// Forward is the settings of forward auth.
type Forward struct {
	Enabled      bool
	CookieName   string
	CookieDomain string
	SignIn       string // "": ui/sign-in/ below the mount
}

// Tokens is the settings of access tokens and sessions.
type Tokens struct {
	AccessTTL   time.Duration
	SessionTTL  time.Duration
	IdleTTL     time.Duration
	RetryWindow time.Duration
	Alg         string // ES256, EdDSA, RS256
	Audience    []string
	AudienceAlg map[string]string // ES256, EdDSA, RS256, by one of Audience; nil for none
	ClientID    string
	KeyRotation time.Duration
}

// Hook is the settings of the claims hook. URL is "" when there is none, and Secret is empty then.
type Hook struct {
	URL     string // https, or http on a loopback host
	Secret  HookSecret
	Timeout time.Duration
}

// HookSecret is the key that signs requests to the claims hook, as it was written: after "whsec_"
// stands the key in base64 (Standard Webhooks), any other text is the key itself. It prints as
// [redacted].
type HookSecret []byte

// String hides the secret from a format that prints it by accident.
func (HookSecret) String() string { return "[redacted]" }

// GoString is String, for the verb %#v.
func (s HookSecret) GoString() string { return s.String() }

// Password is the settings of password hashing and of the policy for new passwords.
type Password struct {
	Hash      Hash
	Slots     int // hashes at a time; 0: one for each core
	MinLength int // characters
}

// Log is the settings of the log.
type Log struct {
	Level  string // debug, info, warn, error
	Format string // text, json; "": text on a terminal, else json
}

// IsPostgres reports whether Database is PostgreSQL; if not, it is SQLite.
func (s *Settings) IsPostgres() bool { return isPostgres(s.Database) }

// DatabaseShown is Database without a password, and whatever else stands in its URL.
func (s *Settings) DatabaseShown() string { return rule{private: true}.public(s.Database) }

// DatabaseFile is the path of the SQLite file.
func (s *Settings) DatabaseFile() string { return strings.TrimPrefix(s.Database, sqlitePrefix) }

// Given reports whether the setting key was given in any source.
func (s *Settings) Given(key string) bool {
	_, given := s.places[key]
	return given
}

// Fault says what is wrong with the setting key in the words of problem, and where it was given.
// It is for faults that are found only when a setting is used.
func (s *Settings) Fault(key, problem string) *Fault {
	given := s.given(key)
	return &Fault{Place: s.places[given], Key: key, Problem: problem, excerpt: s.excerpts[given]}
}

// given is key if it was given; what holds key, when it is a missing member of that; else "".
func (s *Settings) given(key string) string {
	for key != "" && !s.Given(key) {
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
	return key
}

// IssuerAt is the issuer of a server that listens on the given TCP port. The port matters only
// when the settings leave both the issuer and the port open.
func (s *Settings) IssuerAt(port int) string {
	if s.Issuer != "" {
		return s.Issuer
	}
	host, _, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return ""
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(strings.ToLower(host), strconv.Itoa(port)), Path: s.mount()}
	if port == 80 { // issuers are compared as strings, and browsers leave the default port away
		u.Host = strings.TrimSuffix(u.Host, ":80")
	}
	return u.String()
}

// mount is Path as it stands in an issuer, which never ends with a slash.
func (s *Settings) mount() string { return strings.TrimSuffix(s.Path, "/") }
