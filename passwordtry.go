package sallyport

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
)

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

// accountCounters are one for limits.account and one for the day. An address that the account has signed in from has
// its own.
func (t *passwordTry) accountCounters() []Counter {
	if t.known {
		at := addressGroup(t.client.IP)
		return []Counter{t.counter(t.cfg.Limits.Account, "account", t.account, at), t.counter(consecutive, "streak at", t.account, at)}
	}
	return []Counter{t.counter(t.cfg.Limits.Account, "elsewhere", t.account), t.streak()}
}

// trickle is for what goes beyond the day's.
func (t *passwordTry) trickle() Counter {
	if t.known {
		return t.counter(trickle, "trickle at", t.account, addressGroup(t.client.IP))
	}
	return t.counter(trickle, "trickle", t.account)
}

// streak counts for a day. Names that nobody has share so many of these counters, which bounds the table in a flood of
// them; a name that shares its with one that was tried too often is refused a while, and is nobody's.
func (t *passwordTry) streak() Counter {
	if isUnknown(t.account) {
		bucket := binary.BigEndian.Uint32(mac(t.secrets[0].limits, []byte(t.account))) % unknownStreaks
		return t.counter(consecutive, "streak of unknown", strconv.FormatUint(uint64(bucket), 10))
	}
	return t.counter(consecutive, "streak", t.account)
}

const unknownStreaks = 1 << 20

func (t *passwordTry) count(ctx context.Context, rule string, counters []Counter) error {
	outcome, err := t.store.Count(ctx, t.now(), counters...)
	if err == nil && rule == ruleAccount && outcome.Refused == 1 {
		counters = []Counter{counters[0], t.trickle()}
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
	return func() error {
		if t.client.IP == "" {
			return nil
		}
		return t.count(ctx, ruleAddress, []Counter{t.addressCounter(t.client)})
	}
}

// settlement takes the try back: the password was right, or was never looked at. After a success the account
// has no failures any more where it is known, and is as it was before elsewhere: others may be guessing there.
func (t *passwordTry) settlement(success bool) Settlement {
	c := Settlement{Undo: t.raised}
	if !success {
		return c
	}
	over := []Counter{t.streak()}
	if t.known {
		over = t.accountCounters()
	}
	for _, counter := range over {
		c.Reset = append(c.Reset, counter.Key)
		c.Undo = slices.DeleteFunc(slices.Clone(c.Undo), func(key []byte) bool { return string(key) == string(counter.Key) })
	}
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

// userAccount names an account in counters, unknownAccount a name that nobody has.
func userAccount(id ID) string { return "u" + string(id[:]) }

func unknownAccount(name string) string { return unknownPrefix + FoldName(name) }

const unknownPrefix = "n"

func isUnknown(account string) bool { return strings.HasPrefix(account, unknownPrefix) }
