package sallyport

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// Limits are how often something may happen. All instances on one database share them. Nothing says that a name is
// unknown, but spellings that are limited together belong to one account: the username and the address of a user.
type Limits struct {
	// Account: failed passwords for one account from one address that it has signed in from before. All
	// other addresses share one such counter, so that a stranger's guesses do not keep the owner out of the addresses
	// that are known. Beyond 100 in a row in a day, whatever the limit, one in 15 minutes is let through.
	// Default: 10 in 10 minutes.
	Account Limit
	// Address: failed passwords and forged identity tokens from one address, for all accounts. An IPv6
	// address counts by its /64. Default: 100 in 10 minutes.
	Address Limit
	// Session: new refresh tokens of one session; repetitions of a request are not counted. Default: 120 a
	// minute.
	Session Limit
	// Login: sign-ins at an identity provider that are started from one address. Default: 60 a minute.
	Login Limit
	// Sessions: live sessions of one user, at most 10,000. A sign-in beyond ends those used least recently. Default: 500.
	Sessions int
	// Listeners: requests that wait for the next page of the revocation feed, at one instance. Default: 10,000.
	Listeners int
}

// Limit is Count times in a Period, which begins with the first time. Zero is a default.
type Limit struct {
	Count  int
	Period time.Duration
}

// maxSessions is as many sessions as can be ended in one step while others wait.
const maxSessions = 10_000

// maxLimitPeriod bounds how long somebody may be kept out, and how long a counter is kept.
const maxLimitPeriod = 24 * time.Hour

var (
	// consecutive is for guesses from one address that the account has signed in from, and from all others together:
	// NIST SP 800-63B-4 (§3.2.2) wants no more than 100 in a row, of which those of a day are counted here. trickle is
	// what is let through beyond, so that an owner is kept out for a while and not for the day.
	consecutive = Limit{100, 24 * time.Hour}
	trickle     = Limit{1, 15 * time.Minute}
)

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		limit    *Limit
		standard Limit
	}{
		{&l.Account, Limit{10, 10 * time.Minute}}, {&l.Address, Limit{100, 10 * time.Minute}}, {&l.Session, Limit{120, time.Minute}},
		{&l.Login, Limit{60, time.Minute}},
	} {
		if *d.limit == (Limit{}) {
			*d.limit = d.standard
		}
	}
	l.Sessions = cmp.Or(l.Sessions, 500)
	l.Listeners = cmp.Or(l.Listeners, 10_000)
	return l
}

// faults names every limit that is none.
func (l Limits) faults(fault func(field, format string, args ...any)) {
	for _, d := range []struct {
		field string
		Limit
	}{{"Account", l.Account}, {"Address", l.Address}, {"Session", l.Session}, {"Login", l.Login}} {
		if d.Count < 1 || d.Period < time.Second || d.Period > maxLimitPeriod {
			fault("Limits."+d.field, "it is %d in %v, want at least 1 in a period between 1s and %v", d.Count, d.Period, maxLimitPeriod)
		}
	}
	if l.Sessions < 1 || l.Sessions > maxSessions {
		fault("Limits.Sessions", "it is %d, want between 1 and %d", l.Sessions, maxSessions)
	}
	if l.Listeners < 1 {
		fault("Limits.Listeners", "it is %d, want at least 1", l.Listeners)
	}
}

// RateLimitError is an ErrRateLimited that says which limit was reached and for how long.
type RateLimitError struct {
	Rule       string        // "account", "address", "session", "login"
	RetryAfter time.Duration // then the next try is let through
}

// Error names the rule.
func (e *RateLimitError) Error() string { return fmt.Sprintf("%v: %s", ErrRateLimited, e.Rule) }

// Unwrap is ErrRateLimited.
func (e *RateLimitError) Unwrap() error { return ErrRateLimited }

// The rules of RateLimitError.
const (
	ruleAccount = "account"
	ruleAddress = "address"
	ruleSession = "session"
	ruleLogin   = "login"
)

func (s *Service) limitedUntil(rule string, until time.Time) error {
	return &RateLimitError{rule, max(until.Sub(s.now()), time.Second)}
}

// counter makes the counter of limit for what parts name. Its key is a keyed hash, so that the table of counters
// names nobody.
func (s *Service) counter(limit Limit, parts ...string) Counter {
	var message []byte
	for _, part := range parts {
		message = append(append(message, byte(len(part)>>8), byte(len(part))), part...)
	}
	return Counter{Key: mac(s.secrets[0].limits, message)[:16], Limit: limit.Count, Period: limit.Period}
}

func (s *Service) addressCounter(c Client) Counter {
	return s.counter(s.cfg.Limits.Address, "address", addressGroup(c.IP))
}

// addressGroup is what one household or one machine can choose its addresses from: of IPv6 the /64 (RFC 6177
// §2), of IPv4 the address.
func addressGroup(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	if addr = addr.Unmap().WithZone(""); addr.Is4() {
		return addr.String()
	}
	if nat64.Contains(addr) { // an IPv4 client behind a translator (RFC 6052 §2.1): all of them share one /64
		whole := addr.As16()
		return netip.AddrFrom4([4]byte(whole[12:])).String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// checkAddress refuses an address that has reached its limit, without counting. A client whose address is not known
// has none that could: it would share it with all others.
func (s *Service) checkAddress(ctx context.Context, c Client) error {
	if c.IP == "" {
		return nil
	}
	outcome, err := s.store.Counted(ctx, s.now(), s.addressCounter(c))
	if err == nil && outcome.Refused >= 0 {
		return s.limitedUntil(ruleAddress, outcome.Until)
	}
	return err
}

// countAddress counts a failure that is known already, such as that of a forged token. Its own failure changes
// nothing in the answer. Of several at once a few more than the limit get through; they cost no hash.
func (s *Service) countAddress(ctx context.Context, c Client) {
	if c.IP == "" {
		return
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	if _, err := s.store.Count(ctx, s.now(), s.addressCounter(c)); err != nil {
		s.logUncounted(ctx, err)
	}
}

// countLogin counts a login that is about to start, or refuses it.
func (s *Service) countLogin(ctx context.Context, c Client) error {
	if c.IP == "" {
		return nil
	}
	outcome, err := s.store.Count(ctx, s.now(), s.counter(s.cfg.Limits.Login, "login", addressGroup(c.IP)))
	if err == nil && outcome.Refused >= 0 {
		return s.limitedUntil(ruleLogin, outcome.Until)
	}
	return err
}

// settleTime bounds what is still to be written when the client has left.
const settleTime = 2 * time.Second

func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTime)
}

func (s *Service) logUncounted(ctx context.Context, err error) {
	s.log.LogAttrs(ctx, slog.LevelWarn, "a counter of failures was not written", slog.String("reason", err.Error()))
}
