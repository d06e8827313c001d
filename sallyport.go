package sallyport

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/verify/accesstoken"
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

	// Providers are the identity providers whose tokens may be exchanged.
	Providers []Provider

	// UserAttributes become claims of the same name: a user field, else a key of User.Attributes,
	// else null.
	UserAttributes []string
	// Claims are called in order, after UserAttributes; a later claim wins over an earlier one.
	Claims []ClaimFunc
	// UserFields or UserView (which wins) is what the token response shows as "user". Default: no
	// "user" in the token response.
	UserFields []string
	UserView   func(context.Context, *User) (any, error)
	// UserUUIDAttribute is the attribute that receives the provider's subject when an exchange
	// makes a user. Default: none.
	UserUUIDAttribute string

	AccessTTL   time.Duration // life of an access token; default 5 minutes, at most 24 hours
	SessionTTL  time.Duration // absolute life of a session; default 24 hours, at most 400 days
	IdleTTL     time.Duration // a session unused for so long ends; default 24 hours, at most SessionTTL
	RetryWindow time.Duration // of the refresh machine; default 10 seconds, at most 60 seconds

	// Password is the cost of argon2id and how many hashes run at a time. Decide the cost before the
	// first user: hashes are not renewed yet, and users with hashes of different costs can be told
	// from strangers by the time that a refusal takes.
	Password password.Config

	Logger *slog.Logger     // default: slog.Default()
	Now    func() time.Time // default: time.Now
}

// Service carries out the use cases. It is safe for concurrent use. Make it with New. Every method that
// takes a context may also return ErrStoreUnavailable or the context's error.
type Service struct {
	cfg          Config
	log          *slog.Logger
	now          func() time.Time
	store        Store
	secrets      keyring
	keys         *signingKeys
	hasher       *password.Hasher
	providers    []IdentityProvider
	byIssuer     map[string]IdentityProvider
	accessRules  accesstoken.Rules
	claimsPrefix []byte
}

// startTimeout bounds what New asks of the store.
const startTimeout = 10 * time.Second

// New checks the settings, all faults of which come joined, and makes the service: it recognises
// the root secret (ErrUnknownSecret), asks the store (ErrStoreUnavailable) and opens the signing key, or makes the first one. The caller
// keeps Store and closes it after Close.
func New(cfg Config) (*Service, error) {
	cfg = cfg.withDefaults()
	s := &Service{cfg: cfg, log: cfg.Logger, now: cfg.Now, store: cfg.Store, byIssuer: map[string]IdentityProvider{}}
	if err := errors.Join(append(cfg.faults(), s.openProviders()...)...); err != nil {
		s.closeProviders()
		return nil, err
	}
	if err := s.start(); err != nil {
		s.closeProviders()
		return nil, err
	}
	return s, nil
}

func (s *Service) start() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	s.secrets = newKeyring(append([][]byte{s.cfg.Secret}, s.cfg.OldSecrets...), s.cfg.CookieSalt)
	if err := s.secrets.recognise(ctx, s.store); err != nil {
		return err
	}
	var err error
	if s.keys, err = loadSigningKeys(ctx, s.store, s.secrets, s.now()); err != nil {
		return err
	}
	if s.hasher, err = password.New(s.cfg.Password); err != nil {
		return err
	}
	s.accessRules = accesstoken.Rules{Issuer: s.cfg.Issuer, Audience: s.cfg.Audience, Leeway: clockLeeway, Now: s.now}
	s.claimsPrefix, err = claimsPrefix(s.cfg.Issuer, s.cfg.Audience, s.cfg.ClientID)
	return err
}

// clockLeeway is how far clocks may differ, both ways, for every JWT.
const clockLeeway = accesstoken.DefaultLeeway

// Close stops background work and waits for it. It does not close the store.
func (s *Service) Close() error { return s.closeProviders() }

// Issuer is the public URL of the mount.
func (s *Service) Issuer() string { return s.cfg.Issuer }

// Now is the instant by the configured clock.
func (s *Service) Now() time.Time { return s.now() }

// Ready reports whether the store answers.
func (s *Service) Ready(ctx context.Context) error { return s.store.Ping(ctx) }

func (cfg Config) withDefaults() Config {
	if len(cfg.Audience) == 0 {
		cfg.Audience = []string{cfg.Issuer}
	}
	cfg.ClientID = cmp.Or(cfg.ClientID, "sallyport")
	cfg.AccessTTL = cmp.Or(cfg.AccessTTL, 5*time.Minute)
	cfg.SessionTTL = cmp.Or(cfg.SessionTTL, 24*time.Hour)
	cfg.IdleTTL = cmp.Or(cfg.IdleTTL, min(24*time.Hour, cfg.SessionTTL))
	cfg.RetryWindow = cmp.Or(cfg.RetryWindow, 10*time.Second)
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
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("sallyport: "+format, args...)) }
	if err := CheckIssuer(cfg.Issuer); err != nil {
		fault("Issuer: %w", err)
	}
	if cfg.Store == nil {
		fault("Store is missing: open one with sqlite.Open")
	}
	for i, secret := range append([][]byte{cfg.Secret}, cfg.OldSecrets...) {
		if len(secret) < MinSecretBytes {
			name := "Secret"
			if i > 0 {
				name = fmt.Sprintf("OldSecrets[%d]", i-1)
			}
			fault("%s has %d bytes, want at least %d from a secure source", name, len(secret), MinSecretBytes)
		}
	}
	if slices.Contains(cfg.Audience, "") {
		fault("Audience holds an empty name")
	}
	if name, found := firstReserved(cfg.UserAttributes); found {
		fault("UserAttributes: %q is a claim of every access token already", name)
	}
	for _, d := range []struct {
		name     string
		is, most time.Duration
	}{
		{"AccessTTL", cfg.AccessTTL, 24 * time.Hour}, {"SessionTTL", cfg.SessionTTL, maxSessionTTL},
		{"IdleTTL", cfg.IdleTTL, cfg.SessionTTL}, {"RetryWindow", cfg.RetryWindow, time.Minute},
	} {
		if d.is < time.Second || d.is > d.most {
			fault("%s is %v, want between 1s and %v", d.name, d.is, d.most)
		}
	}
	return faults
}

// maxSessionTTL is a bound against slips of the pen: cookies live 400 days at most (RFC 6265bis).
const maxSessionTTL = 400 * 24 * time.Hour

func (s *Service) openProviders() []error {
	var faults []error
	names := map[string]bool{}
	for i, p := range s.cfg.Providers {
		opened, err := p.Open(ProviderOptions{Now: s.now, Leeway: clockLeeway, Logger: s.log})
		if err != nil {
			faults = append(faults, fmt.Errorf("sallyport: Providers[%d]: %w", i, err))
			continue
		}
		s.providers = append(s.providers, opened)
		if names[opened.Name()] {
			faults = append(faults, fmt.Errorf("sallyport: Providers[%d]: there are two providers with the name %q", i, opened.Name()))
		}
		names[opened.Name()] = true
		for _, issuer := range opened.Issuers() {
			if issuer == s.cfg.Issuer {
				faults = append(faults, fmt.Errorf("sallyport: Providers[%d]: %q is our own issuer", i, issuer))
			}
			if s.byIssuer[issuer] != nil {
				faults = append(faults, fmt.Errorf("sallyport: Providers[%d]: issuer %q belongs to another provider already; use its Audiences for a second client", i, issuer))
			}
			s.byIssuer[issuer] = opened
		}
	}
	return faults
}

func (s *Service) closeProviders() error {
	var errs []error
	for _, p := range s.providers {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// CheckIssuer says what keeps text from being an issuer: it must be an https URL, or http on a
// loopback host, with no user, query, fragment or trailing slash, in its canonical spelling
// (RFC 8414 §2), because issuers are compared as strings.
func CheckIssuer(text string) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("it is missing; give the public URL of the mount, such as https://app.example.com/auth")
	case err != nil || u.Host == "" || u.Opaque != "":
		return fmt.Errorf("%q is no absolute URL", text)
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
