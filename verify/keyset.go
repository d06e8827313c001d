package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

const (
	keysTTL     = 10 * time.Minute // from this age on a set is renewed, in the background
	keysMaxAge  = 24 * time.Hour   // from this age on a set that could not be renewed is not used
	unknownGap  = 30 * time.Second // between fetches for keys that the set does not have
	renewalGap  = 30 * time.Second // between attempts to renew
	neglected   = 15 * time.Minute // from this age on a set that nobody tried to renew is renewed before it is used
	firstGap    = 5 * time.Second  // between attempts while there is no set: nothing works until one succeeds
	fetchLimit  = 5 * time.Second  // for one fetch in all, finding the address included
	minimumWait = time.Second      // the least that a caller is told to wait
)

// KeySetConfig is what a key set needs.
type KeySetConfig struct {
	// Locate returns the address of the set ("jwks_uri"): https, or http on loopback. It is called for each fetch, by
	// one goroutine at a time, and must heed its context. Required.
	Locate func(context.Context) (string, error)

	Client *http.Client     // nil is HTTPClient()
	Now    func() time.Time // nil is time.Now
	Logger *slog.Logger     // failed fetches; nil is slog.Default()
}

// KeySet holds the keys of one issuer and keeps them fresh.
//
// Finding a key that is held takes no lock and waits for nothing. A set of 10 minutes is renewed in the background when
// it is used, or first when nobody has used it for a quarter of an hour; when that fails it serves up to 24 hours. A
// key ID that is not in the set costs one fetch, shared by all who wait, at most every 30 seconds whatever arrives;
// while there is no set at all, every 5 seconds. An answer that is not 200, not a key set, or has no usable key never
// replaces a set. A key that is no longer published is refused from the next fetch on.
type KeySet struct {
	locate func(context.Context) (string, error)
	client *http.Client
	now    func() time.Time
	logger *slog.Logger
	limit  time.Duration // fetchLimit

	current atomic.Pointer[keySnapshot]
	renewed atomic.Pointer[time.Time] // when the last renewal was attempted
	tried   atomic.Pointer[time.Time] // when the last fetch ended

	mu       sync.Mutex // held for a few instructions, never during a fetch
	fetching *fetch     // under way, else nil
	asked    time.Time  // when the last fetch began that somebody waited for; background renewals do not count
	failed   error      // how the last fetch ended
	closed   bool
	fetches  sync.WaitGroup
}

// keySnapshot is immutable.
type keySnapshot struct {
	keys    []*jws.Key
	fetched time.Time // when its fetch began
}

// fetch is one attempt; err may be read when done is closed.
type fetch struct {
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// NewKeySet makes an empty set; it fetches nothing yet. Close it after use.
func NewKeySet(c KeySetConfig) *KeySet {
	if c.Client == nil {
		c.Client = HTTPClient()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &KeySet{locate: c.Locate, client: Confine(c.Client), now: c.Now, logger: c.Logger, limit: fetchLimit}
}

// Key returns the key for a header: the one with its exact key ID and algorithm or, without a key ID, the only one of
// the set that has the algorithm.
//
// It returns [ErrUnknownKey] when the set, as fresh as the limits allow, has no such key, and an [UnavailableError] when
// that cannot be said: there is no set, the last fetch failed, or ctx ended while waiting.
func (s *KeySet) Key(ctx context.Context, h jws.Header) (*jws.Key, error) {
	if h.HasKeyID && h.KeyID == "" {
		return nil, ErrUnknownKey // no key has this ID, so there is nothing to fetch
	}
	now := s.now()
	tried := s.tried.Load() // before the set, which finish stores first
	held := s.current.Load()
	if held.usable(now) {
		if isNeglected(held, tried, now) {
			// Nobody has asked for long, and a key may have been withdrawn meanwhile. If the fetch fails, the set
			// that is held serves, as it does for those who ask while the issuer is away. A caller who leaves gets
			// nothing: whoever holds a withdrawn key could choose to.
			err := s.await(ctx, held, now)
			switch {
			case ctx.Err() != nil:
				return nil, &UnavailableError{wait: minimumWait, cause: ctx.Err()}
			case err == nil:
				held = s.current.Load()
			}
		} else {
			s.renew(held, now)
		}
		if k, final := held.find(h); final {
			return orUnknown(k)
		}
	}
	if err := s.await(ctx, held, now); err != nil {
		return nil, err
	}
	k, _ := s.current.Load().find(h)
	return orUnknown(k)
}

// Load returns nil when a set is held, and else fetches one, within the same limits. The error is an [UnavailableError].
func (s *KeySet) Load(ctx context.Context) error {
	now := s.now()
	held := s.current.Load()
	if held.usable(now) {
		return nil
	}
	return s.await(ctx, held, now)
}

// age is how old the set is that is held; -1 s when there is none.
func (s *KeySet) age() time.Duration {
	held := s.current.Load()
	if held == nil {
		return -time.Second // which a gauge in seconds shows, as -1
	}
	return max(0, s.now().Sub(held.fetched))
}

// Close ends a fetch that is under way and waits for it. Keys that are held can still be found; the error is always nil.
func (s *KeySet) Close() error {
	s.mu.Lock()
	s.closed = true
	if s.fetching != nil {
		s.fetching.cancel()
	}
	s.mu.Unlock()
	s.fetches.Wait()
	return nil
}

func orUnknown(k *jws.Key) (*jws.Key, error) {
	if k == nil {
		return nil, ErrUnknownKey
	}
	return k, nil
}

func (set *keySnapshot) usable(now time.Time) bool {
	return set != nil && now.Sub(set.fetched) < keysMaxAge
}

// find returns the key for h, or nil. The answer is final unless the set lacks the key ID: a wrong algorithm under a
// known ID, and a missing ID that fits no key or several, are no reason for a fetch.
func (set *keySnapshot) find(h jws.Header) (key *jws.Key, final bool) {
	if set == nil {
		return nil, false
	}
	var fits int
	for _, k := range set.keys {
		if h.HasKeyID && k.ID() != h.KeyID {
			continue
		}
		final = true
		if k.Algorithm() == h.Algorithm {
			if fits++; key == nil {
				key = k
			}
		}
	}
	if !h.HasKeyID && fits != 1 {
		key = nil
	}
	return key, final
}

// elapsed counts a clock that was set back as elapsed: a fetch too many is better than none until the clock catches up.
func elapsed(since, now time.Time, d time.Duration) bool {
	e := now.Sub(since)
	return e < 0 || e >= d
}

// isNeglected reports whether a set is so old that it says little about today, and nobody is about to renew it: the
// last fetch ended at tried, and another would have followed if somebody had asked.
func isNeglected(held *keySnapshot, tried *time.Time, now time.Time) bool {
	return elapsed(held.fetched, now, neglected) && (tried == nil || elapsed(*tried, now, 2*renewalGap))
}

// renew starts a background fetch for a set that is due, unless one was tried lately. It takes the lock only then.
func (s *KeySet) renew(held *keySnapshot, now time.Time) {
	if !elapsed(held.fetched, now, keysTTL) {
		return
	}
	last := s.renewed.Load()
	attempt := now // a copy, so that only an attempt allocates and not every look-up of a key
	if last != nil && !elapsed(*last, now, renewalGap) || !s.renewed.CompareAndSwap(last, &attempt) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fetching == nil && !s.closed && s.current.Load() == held {
		s.start(now)
	}
}

// await waits for a fetch, its own or one that is under way, and returns nil when the set is then worth another look.
func (s *KeySet) await(ctx context.Context, held *keySnapshot, now time.Time) error {
	f, err := s.join(held, now)
	if f == nil {
		return err
	}
	select {
	case <-f.done:
		if f.err != nil {
			return s.unavailable(f.err, held, now)
		}
		return nil
	case <-ctx.Done():
		return &UnavailableError{wait: minimumWait, cause: ctx.Err()}
	}
}

// join returns the fetch to wait for. With none, a nil error says that the set has changed since held was read.
func (s *KeySet) join(held *keySnapshot, now time.Time) (*fetch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.current.Load() != held:
		return nil, nil
	case s.fetching != nil:
		return s.fetching, nil
	case s.closed:
		return nil, &UnavailableError{wait: minimumWait, cause: errClosed}
	case s.asked.IsZero() || elapsed(s.asked, now, gap(held, now)):
		s.asked = now
		return s.start(now), nil
	case s.failed != nil:
		return nil, s.unavailableLocked(s.failed, held, now)
	}
	return nil, ErrUnknownKey
}

var errClosed = errors.New("key set closed")

func gap(held *keySnapshot, now time.Time) time.Duration {
	if held.usable(now) {
		return unknownGap
	}
	return firstGap
}

func (s *KeySet) unavailable(cause error, held *keySnapshot, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unavailableLocked(cause, held, now)
}

// unavailableLocked names the time until the next fetch is allowed.
func (s *KeySet) unavailableLocked(cause error, held *keySnapshot, now time.Time) error {
	wait := gap(held, now) - now.Sub(s.asked)
	return &UnavailableError{wait: max(wait, minimumWait), cause: cause}
}

// start runs a fetch in a goroutine that Close waits for. Its context is its own: whoever caused it may go away while
// others wait. The lock is held.
func (s *KeySet) start(now time.Time) *fetch {
	ctx, cancel := context.WithTimeout(context.Background(), s.limit)
	f := &fetch{began: now, cancel: cancel, done: make(chan struct{})}
	s.fetching = f
	s.fetches.Go(func() {
		defer cancel()
		keys, err := s.fetch(ctx)
		s.finish(f, keys, err)
	})
	return f
}

func (s *KeySet) finish(f *fetch, keys []*jws.Key, err error) {
	if err != nil {
		s.logger.Warn("key set fetch failed", slog.String("reason", err.Error()))
	}
	ended := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.current.Store(&keySnapshot{keys: keys, fetched: f.began})
	}
	s.tried.Store(&ended)
	f.err, s.failed = err, err
	s.fetching = nil
	close(f.done)
}

// UnavailableError is an [ErrKeysUnavailable] that knows when trying again makes sense.
type UnavailableError struct {
	wait  time.Duration
	cause error
}

// Error implements error.
func (e *UnavailableError) Error() string { return fmt.Sprintf("%v: %v", ErrKeysUnavailable, e.cause) }

// Unwrap gives ErrKeysUnavailable and the cause.
func (e *UnavailableError) Unwrap() []error { return []error{ErrKeysUnavailable, e.cause} }

// RetryAfter is the time until the next attempt, at least a second: the value of the header Retry-After.
func (e *UnavailableError) RetryAfter() time.Duration { return e.wait }

// HTTPStatus is what [Middleware] answers.
func (e *UnavailableError) HTTPStatus() (status int, code string) {
	return http.StatusServiceUnavailable, "keys_unavailable"
}
