package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// Claims is what a verified access token says.
type Claims = accesstoken.Claims

var (
	// ErrTokenInvalid: the token is at fault. The wrapping error says why, for a log; the caller gets one answer.
	ErrTokenInvalid = accesstoken.ErrInvalid
	// ErrTokenExpired is an ErrTokenInvalid: the token has ended, and nothing else is wrong with it.
	ErrTokenExpired = accesstoken.ErrExpired
	// ErrUnknownKey: no key of the set fits the header of the token.
	ErrUnknownKey = jws.ErrUnknownKey
	// ErrKeysUnavailable: the keys cannot be had now, which says nothing about the token. See [UnavailableError].
	ErrKeysUnavailable = errors.New("verify: keys unavailable")
)

// Config is what a service says about the tokens that it accepts.
type Config struct {
	Issuer   string        // the server's issuer, exactly as in "iss"; https, or http on loopback; required
	Audience string        // this service's name, one of the server's tokens.audience; required
	Leeway   time.Duration // for clocks that differ; 0 is 60 s, which is also the most, below 0 none

	// CacheSize is how many verified tokens are remembered, so that a signature is not verified again with every request;
	// 0 is 8192, below 0 none. At most 2 KiB of memory for each are used, 16 MiB by default. Key, issuer, audience and
	// times are checked at every use.
	CacheSize int

	Revocation Revocation    // how the end of a session is known before its tokens end; the default is Stateless
	MaxFeedAge time.Duration // with Feed: how old it may be, 30 s at least; 0 is 2 min
	OldFeed    OldFeed       // with Feed: what happens beyond MaxFeedAge; the default is RefuseTokens

	// Client asks the issuer; nil is one that refuses link-local addresses. With Feed a Timeout below 50 s, or such a
	// ResponseHeaderTimeout of its Transport, makes the reader wait half of that for news and not 25 s.
	Client *http.Client

	Now      func() time.Time // nil is time.Now
	Logger   *slog.Logger     // refused tokens and failed fetches, without the token; nil is slog.Default()
	Observer Observer         // is told of every token; nil is nobody
}

// Verifier checks access tokens of one issuer for one audience. It is safe for concurrent use.
type Verifier struct {
	*core
	revocation Revocation
}

// core is what the verifiers that [Verifier.With] makes have in common.
type core struct {
	rules    accesstoken.Rules
	keys     *KeySet
	feed     *feed
	online   *online
	own      *http.Client // nil when the client is the user's
	old      OldFeed
	logger   *slog.Logger
	observer Observer
	warned   atomic.Int64 // when the issuer was last said not to answer, in unix nanoseconds; 0 for never
}

// New checks the configuration and reports all its faults at once. It does not wait for the issuer: the keys, at
// ISSUER/.well-known/jwks.json, come with the first token or with [Verifier.Ready], and the feed in the background. Close
// the verifier after use.
func New(c Config) (*Verifier, error) { return newVerifier(c, time.After) }

func newVerifier(c Config, pause func(time.Duration) <-chan time.Time) (*Verifier, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Leeway == 0 {
		c.Leeway = accesstoken.DefaultLeeway
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	var own *http.Client
	if c.Client == nil {
		own = HTTPClient(hostOf(c.Issuer))
		c.Client = own
	}
	address := c.Issuer + "/.well-known/jwks.json"
	keys := NewKeySet(KeySetConfig{
		Locate: func(context.Context) (string, error) { return address, nil },
		Client: c.Client, Now: c.Now, Logger: c.Logger,
	})
	client := Confine(c.Client)
	shared := &core{
		rules: accesstoken.Rules{
			Issuer: c.Issuer, Audience: []string{c.Audience}, Leeway: c.Leeway, Now: c.Now,
			Cache: accesstoken.NewCache(cmp.Or(c.CacheSize, accesstoken.DefaultCacheSize)),
		},
		keys: keys,
		feed: &feed{
			address: c.Issuer + "/revocations/", client: client, wait: waitFor(c.Client), maxAge: cmp.Or(c.MaxFeedAge, DefaultMaxFeedAge),
			rules:  pageRules{issuer: c.Issuer, leeway: max(c.Leeway, 0), now: c.Now, key: keys.Key},
			logger: c.Logger, pause: pause, first: make(chan struct{}), settled: make(chan struct{}), ended: make(chan struct{}),
		},
		online: newOnline(c.Issuer+"/verify/", client),
		own:    own, old: c.OldFeed, logger: c.Logger, observer: c.Observer,
	}
	return (&Verifier{core: shared}).With(c.Revocation), nil
}

// check names every fault. A verifier that would accept more than was meant does not start.
func (c *Config) check() error {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, fmt.Errorf("verify: Config.%s: "+format, append([]any{field}, args...)...))
	}
	if err := checkIssuer(c.Issuer); err != nil {
		fault("Issuer", "%w", err)
	}
	if c.Audience == "" {
		fault("Audience", "is required")
	}
	if !c.Revocation.isOne() {
		fault("Revocation", "is %d, want Stateless, Feed or Online", c.Revocation)
	}
	if c.OldFeed != RefuseTokens && c.OldFeed != AcceptTokens {
		fault("OldFeed", "is %d, want RefuseTokens or AcceptTokens", c.OldFeed)
	}
	if c.Leeway > accesstoken.DefaultLeeway {
		// The server tells a new reader of what has ended for two minutes beyond the last token, of which clocks may take one.
		fault("Leeway", "is %v, want at most %v: what has ended is not told of for longer", c.Leeway, accesstoken.DefaultLeeway)
	}
	if c.MaxFeedAge != 0 && c.MaxFeedAge < leastMaxFeedAge {
		fault("MaxFeedAge", "is %v, want at least %v, which a long poll takes", c.MaxFeedAge, leastMaxFeedAge)
	}
	return errors.Join(faults...)
}

// With is a verifier that learns of ended sessions in another way, for the routes that need it: the keys, the cache and the
// feed are the same, and closing one closes all. The feed is read from the first With(Feed) on. It panics on a value that
// is none of the three.
func (v *Verifier) With(r Revocation) *Verifier {
	if !r.isOne() {
		panic(fmt.Sprintf("verify: With(%d), want Stateless, Feed or Online", r))
	}
	if r == Feed {
		v.feed.begin()
	}
	return &Verifier{core: v.core, revocation: r}
}

// hostOf is the host of an address that checkAddress accepts.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func checkIssuer(issuer string) error {
	if issuer == "" {
		return errors.New("is required")
	}
	u, err := checkAddress(issuer)
	if err != nil {
		return err
	}
	if strings.HasSuffix(issuer, "/") {
		return errors.New("must not end with a slash")
	}
	if u.RawQuery != "" || u.ForceQuery || strings.Contains(issuer, "#") { // RFC 8414 §2
		return errors.New("has a query or a fragment")
	}
	return nil
}

// checkAddress accepts an absolute https address, or an http one on loopback. Its errors do not quote the address: it may
// hold a password.
func checkAddress(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "":
		return nil, errors.New("is not an absolute address")
	case u.User != nil:
		return nil, errors.New("holds a user name")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return u, nil
	}
	return nil, errors.New("is not https, and http is for loopback only")
}

func isLoopback(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761 §6.3
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// Verify returns the claims of an access token, or nothing and an error that wraps [ErrTokenInvalid] ([ErrTokenExpired],
// [ErrTokenRevoked], [ErrTokenStale]), [ErrKeysUnavailable], [ErrFeedUnavailable] or [ErrIssuerUnavailable]. It waits only
// for keys that it does not have, with Feed for the first page, and Online for the server's answer, and no longer than ctx lives.
//
// The signature of a token that was good before is not verified again (see [Config]) as long as the issuer publishes the
// key that it was verified with; everything else is. The claims are the caller's own, every time.
func (v *Verifier) Verify(ctx context.Context, token string) (*Claims, error) {
	claims, err := v.rules.Verify(token, func(h jws.Header) (*jws.Key, error) { return v.keys.Key(ctx, h) })
	if err == nil {
		err = v.stillGood(ctx, token, claims)
	}
	if v.observer != nil {
		v.observe(ctx, err)
	}
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return claims, nil
}

// stillGood asks about the session behind a token that is good in itself.
func (v *Verifier) stillGood(ctx context.Context, token string, c *Claims) error {
	switch v.revocation {
	case Feed:
		v.feed.awaitFirst(ctx)
		return v.feed.check(c, v.old)
	case Online:
		return v.online.check(ctx, token)
	}
	return nil
}

func (v *Verifier) observe(ctx context.Context, err error) {
	result := "ok"
	if err != nil {
		result = resultOf(err)
	}
	v.observer.Verified(ctx, result)
}

// Ready returns nil when keys are held and, with Feed, a complete page was read, and else tries to get them: a readiness
// probe. The error wraps [ErrKeysUnavailable] or [ErrFeedUnavailable].
func (v *Verifier) Ready(ctx context.Context) error {
	if err := v.keys.Load(ctx); err != nil || v.revocation != Feed {
		return err
	}
	return v.feed.ready(ctx)
}

// Close ends what is under way in the background, of this verifier and of all that share its keys (see
// [Verifier.With]), and waits for it. Keys that are held go on verifying, and what has ended stays so, while the feed
// grows old; the error is always nil.
func (v *Verifier) Close() error {
	v.feed.end()
	err := v.keys.Close()
	if v.own != nil { // the user's may have other uses
		v.own.CloseIdleConnections()
	}
	return err
}

// Require lets a request through to next when it bears a good access token and passes every guard. See [Middleware] for
// the answers to all others. The cause of a refusal is logged.
func (v *Verifier) Require(next http.Handler, guards ...Guard) http.Handler {
	return Middleware(v.checkLogged, next, guards...)
}

// levelOfAway is a warning once a minute: while the issuer is away every request meets that.
func (v *Verifier) levelOfAway(now time.Time) slog.Level {
	last := v.warned.Load()
	if age := now.UnixNano() - last; last != 0 && age >= 0 && age < int64(time.Minute) || !v.warned.CompareAndSwap(last, now.UnixNano()) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// checkLogged leaves missing keys to the key set and an old feed to its reader, which log the first of several failures.
// Expiry is routine, and below the usual level.
func (v *Verifier) checkLogged(ctx context.Context, token string) (*Claims, error) {
	claims, err := v.Verify(ctx, token)
	switch {
	case errors.Is(err, ErrTokenExpired):
		v.logger.LogAttrs(ctx, slog.LevelDebug, "access token expired")
	case errors.Is(err, ErrIssuerUnavailable):
		v.logger.LogAttrs(ctx, v.levelOfAway(time.Now()), "access token not checked", slog.String("reason", err.Error()))
	case errors.Is(err, ErrTokenInvalid):
		v.logger.LogAttrs(ctx, slog.LevelInfo, "access token refused", slog.String("reason", err.Error()))
	}
	return claims, err
}
