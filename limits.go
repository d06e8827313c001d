package sallyport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Limits are how often something may happen. All instances on one database share them.
type Limits struct {
	// Account: failed passwords for one account from one address that it has signed in from before. All
	// other addresses share one such counter, so that a stranger's guesses do not keep the owner out.
	// Default: 10 in 10 minutes.
	Account Limit
	// Address: failed passwords and forged identity tokens from one address, for all accounts. An IPv6
	// address counts by its /64. Default: 100 in 10 minutes.
	Address Limit
	// Session: new refresh tokens of one session; repetitions of a request are not counted. Default: 120 a
	// minute.
	Session Limit
}

// Limit is Count times in a Period, which begins with the first time. Zero is a default.
type Limit struct {
	Count  int
	Period time.Duration
}

// maxLimitPeriod bounds how long somebody may be kept out, and how long a counter is kept.
const maxLimitPeriod = 24 * time.Hour

var (
	// consecutive is for guesses from addresses that the account never signed in from: NIST SP 800-63B-4
	// wants no more than 100 in a row. trickle is what is let through beyond.
	consecutive = Limit{100, 30 * 24 * time.Hour}
	trickle     = Limit{1, time.Minute}
)

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		limit    *Limit
		standard Limit
	}{
		{&l.Account, Limit{10, 10 * time.Minute}}, {&l.Address, Limit{100, 10 * time.Minute}}, {&l.Session, Limit{120, time.Minute}},
	} {
		if *d.limit == (Limit{}) {
			*d.limit = d.standard
		}
	}
	return l
}

// faults names every limit that is none.
func (l Limits) faults(fault func(field, format string, args ...any)) {
	for _, d := range []struct {
		field string
		Limit
	}{{"Account", l.Account}, {"Address", l.Address}, {"Session", l.Session}} {
		if d.Count < 1 || d.Period < time.Second || d.Period > maxLimitPeriod {
			fault("Limits."+d.field, "it is %d in %v, want at least 1 in a period between 1s and %v", d.Count, d.Period, maxLimitPeriod)
		}
	}
}

// RateLimitError is an ErrRateLimited that says which limit was reached and for how long.
type RateLimitError struct {
	Rule       string        // "account", "address", "session"
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
	return netip.PrefixFrom(addr, 64).Masked().String()
}

// checkAddress refuses an address that has reached its limit, without counting.
func (s *Service) checkAddress(ctx context.Context, c Client) error {
	outcome, err := s.store.Counted(ctx, s.now(), s.addressCounter(c))
	if err == nil && outcome.Refused >= 0 {
		return s.limitedUntil(ruleAddress, outcome.Until)
	}
	return err
}

// countAddress counts a failure that is known already, such as that of a forged token. Its own failure changes
// nothing in the answer.
func (s *Service) countAddress(ctx context.Context, c Client) {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	if _, err := s.store.Count(ctx, s.now(), s.addressCounter(c)); err != nil {
		s.logUncounted(ctx, err)
	}
}

// passwordTry is one look at a password. It is counted as a failure before any work is done, so that no number of tries at
// once gets more than the limit through; what was no failure after all is taken back.
type passwordTry struct {
	*Service
	client  Client
	known   bool
	account string
	raised  [][]byte // counters that this try has raised
	leave   func()   // the gate
}

// beginTry counts a try for the account: the user's id, or the folded name that nobody has. It returns a
// RateLimitError, or ErrOverloaded when too many tries for this account wait already. End a try with end.
func (s *Service) beginTry(ctx context.Context, account string, known bool, c Client) (*passwordTry, error) {
	if err := s.checkAddress(ctx, c); err != nil {
		return nil, err
	}
	t := &passwordTry{Service: s, client: c, known: known, account: account}
	counters := t.accountCounters()
	// Tries of one account that are under way at once are few, so that many right passwords at once, which all
	// are failures until they are looked at, do not reach the limit.
	var err error
	if t.leave, err = s.gate.enter(ctx, string(counters[0].Key), max(1, min(4, counters[0].Limit/2))); err != nil {
		return nil, err
	}
	if err := t.count(ctx, ruleAccount, counters); err != nil {
		t.leave()
		return nil, err
	}
	return t, nil
}

func (t *passwordTry) accountCounters() []Counter {
	if t.known {
		return []Counter{t.counter(t.cfg.Limits.Account, "account", t.account, addressGroup(t.client.IP))}
	}
	return []Counter{t.counter(t.cfg.Limits.Account, "elsewhere", t.account), t.streak()}
}

func (t *passwordTry) streak() Counter { return t.counter(consecutive, "streak", t.account) }

func (t *passwordTry) count(ctx context.Context, rule string, counters []Counter) error {
	outcome, err := t.store.Count(ctx, t.now(), counters...)
	if err == nil && rule == ruleAccount && outcome.Refused == 1 {
		counters = []Counter{counters[0], t.counter(trickle, "trickle", t.account)}
		outcome, err = t.store.Count(ctx, t.now(), counters...)
	}
	switch {
	case err != nil:
		return err
	case outcome.Refused >= 0:
		return t.limitedUntil(rule, outcome.Until)
	}
	for _, c := range counters {
		t.raised = append(t.raised, c.Key)
	}
	return nil
}

// admit counts the try for the address. It is called with a hashing slot in hand: those who wait for one have
// not failed.
func (t *passwordTry) admit(ctx context.Context) func() error {
	return func() error { return t.count(ctx, ruleAddress, []Counter{t.addressCounter(t.client)}) }
}

// settlement takes the try back: the password was right, or was never looked at. After a success the account
// has no failures any more where it is known, and is as it was before elsewhere: others may be guessing there.
func (t *passwordTry) settlement(success bool) Settlement {
	c := Settlement{Undo: t.raised}
	if !success {
		return c
	}
	reset := t.streak().Key
	if t.known {
		reset = t.accountCounters()[0].Key
	}
	c.Undo = slices.DeleteFunc(slices.Clone(c.Undo), func(key []byte) bool { return string(key) == string(reset) })
	c.Reset = [][]byte{reset}
	return c
}

// end lets the next try for the account begin. err is how this one ended; what was no wrong password is taken
// back, unless the store did that already, as it does where err is nil.
func (t *passwordTry) end(ctx context.Context, err error) {
	defer t.leave()
	if err == nil || errors.Is(err, ErrInvalidCredentials) {
		return
	}
	t.settle(ctx, t.settlement(false))
}

func (t *passwordTry) settle(ctx context.Context, c Settlement) {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	if err := t.store.Settle(ctx, c); err != nil {
		t.logUncounted(ctx, err)
	}
}

// settleTime bounds what is still to be written when the client has left.
const settleTime = 2 * time.Second

func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTime)
}

func (s *Service) logUncounted(ctx context.Context, err error) {
	s.log.LogAttrs(ctx, slog.LevelWarn, "a counter of failures was not written", slog.String("reason", err.Error()))
}

// firsts remembers what happened in the present minute, so that a flood is told once a minute and not once a
// request.
type firsts struct {
	mu     sync.Mutex
	minute time.Time
	seen   map[string]bool
}

// maxFirsts bounds what is remembered. Beyond it nothing is a first any more until the minute is over.
const maxFirsts = 1000

// first reports whether it is the first time for key in this minute.
func (f *firsts) first(key string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if minute := now.Truncate(time.Minute); f.seen == nil || !minute.Equal(f.minute) {
		f.minute, f.seen = minute, map[string]bool{}
	}
	if f.seen[key] || len(f.seen) >= maxFirsts {
		return false
	}
	f.seen[key] = true
	return true
}
