package sallyport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/verify/accesstoken"
)

// Service carries out the use cases. It is safe for concurrent use. Make it with New. Every method that
// takes a context may also return ErrStoreUnavailable or the context's error.
type Service struct {
	cfg         Config
	log         *slog.Logger
	now         func() time.Time
	store       Store
	secrets     keyring
	keys        atomic.Pointer[signingKeys]
	upkeep      upkeep
	hasher      *password.Hasher
	gate        gate
	limitLog    firsts
	feed        *feed
	visits      *visits
	providers   []IdentityProvider
	byIssuer    map[string]IdentityProvider
	byName      map[string]IdentityProvider
	returnTo    returnTargets
	accessRules accesstoken.Rules
	template    claimTemplate
	prefixes    map[string][]byte // of the claims of a token, by its audience; "" for all audiences

	background sync.WaitGroup
	stop       context.CancelFunc // ends what is in background
}

// startTimeout bounds what New asks of the store.
const startTimeout = 10 * time.Second

// New checks the settings, all faults of which come joined (see ConfigErrors), and makes the service: it
// recognises the root secret (ErrUnknownSecret), asks the store (ErrStoreUnavailable) and opens the signing
// keys, or makes the first one. The caller closes the service, and then Store, which stays the caller's.
func New(cfg Config) (*Service, error) {
	cfg = cfg.withDefaults()
	s := &Service{cfg: cfg, feed: newFeed(), visits: newVisits(), log: cfg.Logger, now: cfg.Now, byIssuer: map[string]IdentityProvider{}, byName: map[string]IdentityProvider{}}
	faults := append(cfg.faults(), s.openProviders()...)
	s.store = forgetful{cfg.Store, s.visits}
	var err error
	if s.hasher, err = password.New(cfg.Password); err != nil {
		faults = append(faults, &ConfigError{"sallyport", "Password", err.Error()})
	}
	if err := errors.Join(faults...); err != nil {
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
	s.returnTo = newReturnTargets(s.cfg.Issuer, s.cfg.ReturnTo)
	s.secrets = newKeyring(append([][]byte{s.cfg.Secret}, s.cfg.OldSecrets...), s.cfg.CookieSalt)
	if err := s.secrets.recognise(ctx, s.store, s.cfg.LeaveKeys); err != nil {
		return err
	}
	var err error
	s.accessRules = accesstoken.Rules{Issuer: s.cfg.Issuer, Audience: s.cfg.Audience, Leeway: clockLeeway, Now: s.now, Cache: accesstoken.NewCache(accesstoken.DefaultCacheSize)}
	if s.template, err = parseClaimTemplate(s.cfg.ClaimTemplate); err != nil {
		return err
	}
	if s.prefixes, err = claimsPrefixes(s.cfg); err != nil {
		return err
	}
	if err := s.startKeys(ctx); err != nil {
		return err
	}
	ctx, s.stop = context.WithCancel(context.Background())
	s.background.Go(func() { s.watchKeys(ctx) })
	s.background.Go(func() { s.tellUntold(ctx) })
	s.background.Go(func() { s.followRevocations(ctx) })
	if !s.cfg.LeaveKeys {
		s.background.Go(func() { s.keepClean(ctx) })
	}
	return nil
}

// clockLeeway is how far clocks may differ, both ways, for every JWT.
const clockLeeway = accesstoken.DefaultLeeway

// Close stops background work and waits for it. It does not close the store.
func (s *Service) Close() error {
	s.Drain()
	s.stop()
	s.background.Wait()
	return s.closeProviders()
}

// Issuer is the public URL of the mount.
func (s *Service) Issuer() string { return s.cfg.Issuer }

// ClaimsTimeout is how long the claims of one token may take.
func (s *Service) ClaimsTimeout() time.Duration { return s.cfg.ClaimsTimeout }

// Hashing is how many passwords are looked at at the moment, and how many requests wait for that.
func (s *Service) Hashing() (running, waiting int) { return s.hasher.Load() }

// Now is the instant by the configured clock.
func (s *Service) Now() time.Time { return s.now() }

// Ready reports whether the store answers and still knows the root secret (ErrUnknownSecret), and whether
// there is a key to sign with (ErrNoSigningKey).
func (s *Service) Ready(ctx context.Context) error {
	if err := s.secrets.check(ctx, s.store); err != nil {
		return err
	}
	if len(s.keys.Load().active(s.now())) == 0 {
		return ErrNoSigningKey
	}
	return nil
}

func (s *Service) openProviders() []error {
	var faults []error
	fault := func(i int, field, format string, args ...any) {
		faults = append(faults, &ConfigError{"sallyport", fmt.Sprintf("Providers[%d]%s", i, field), fmt.Sprintf(format, args...)})
	}
	for i, p := range s.cfg.Providers {
		opened, err := p.Open(ProviderOptions{Now: s.now, Leeway: clockLeeway, Logger: s.log})
		if err != nil {
			own := ConfigErrors(err)
			for _, e := range own {
				fault(i, "."+e.Field, "%s", e.Problem)
			}
			if len(own) == 0 {
				fault(i, "", "%v", err)
			}
			continue
		}
		s.providers = append(s.providers, opened)
		switch name := opened.Name(); {
		case !providerName.MatchString(name):
			fault(i, ".Name", "%q: want letters, digits, - and _, at most 64, because it is a part of addresses", name)
		case s.byName[name] != nil:
			fault(i, ".Name", "there are two providers with the name %q", name)
		default:
			s.byName[name] = opened
		}
		for _, issuer := range opened.Issuers() {
			if issuer == s.cfg.Issuer {
				fault(i, ".Issuer", "%q is our own issuer", issuer)
			}
			if s.byIssuer[issuer] != nil {
				fault(i, ".Issuer", "%q belongs to another provider already; use its Audiences for a second client", issuer)
			}
			s.byIssuer[issuer] = opened
		}
	}
	return faults
}

// providerName is a part of a path that needs no escape.
var providerName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// ProviderInfo is a configured identity provider as somebody who registers us there wants to know it.
type ProviderInfo struct {
	Name        string
	RedirectURI string // of the callback (RFC 6749 §3.1.2)
	// BackchannelLogoutURI takes its logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.2).
	BackchannelLogoutURI string
	LoginError           error // of CheckLogin: why no login can begin, so that only tokens are exchanged; nil when one can
}

// Providers lists the configured identity providers, in the order of the configuration.
func (s *Service) Providers() []ProviderInfo {
	list := make([]ProviderInfo, len(s.providers))
	for i, p := range s.providers {
		name := p.Name()
		list[i] = ProviderInfo{name, s.redirectURI(name), s.cfg.Issuer + "/backchannel-logout/" + name + "/", p.CheckLogin()}
	}
	return list
}

// provider finds a configured provider by its name.
func (s *Service) provider(name string) (IdentityProvider, error) {
	if p := s.byName[name]; p != nil {
		return p, nil
	}
	return nil, ErrProviderNotConfigured
}

func (s *Service) closeProviders() error {
	var errs []error
	for _, p := range s.providers {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}
