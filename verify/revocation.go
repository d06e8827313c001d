package verify

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
)

// Revocation says how a verifier learns that a session has ended before its tokens do.
type Revocation int

const (
	// Stateless: not at all. A token is good until it expires, five minutes by default.
	Stateless Revocation = iota
	// Feed: from the server's revocation feed, which is read in the background and held in memory. A token is refused
	// about a second after its session has ended, or its user has changed, and nothing is asked for it. Before the first
	// page a token waits for it, for the first two seconds of the reader at most. Until it is there every token is refused
	// ([ErrFeedUnavailable], 503 feed_unavailable; see [OldFeed]): let a readiness probe ask [Verifier.Ready].
	Feed
	// Online: the server is asked about every token. It is known at once, and costs a request; without an answer no
	// token is accepted.
	Online
)

func (r Revocation) isOne() bool { return r == Stateless || r == Feed || r == Online }

// OldFeed says what happens to tokens when the feed is older than Config.MaxFeedAge, or was not read yet.
type OldFeed int

const (
	// RefuseTokens answers 503 feed_unavailable: a session that has ended is not let in because the server is away.
	RefuseTokens OldFeed = iota
	// AcceptTokens goes on with what is known. Whoever can keep the feed from a service gets the rest of a token's life.
	AcceptTokens
)

// DefaultMaxFeedAge is how old the feed may be where nothing else is said.
const DefaultMaxFeedAge = 2 * time.Minute

// leastMaxFeedAge is what a long poll takes, and a little.
const leastMaxFeedAge = 30 * time.Second

var (
	// ErrTokenRevoked is an ErrTokenInvalid: the session of the token has ended.
	ErrTokenRevoked = fmt.Errorf("%w: revoked", ErrTokenInvalid)
	// ErrTokenStale is an ErrTokenInvalid: the user has changed since the token was issued. A refresh gives a good one.
	ErrTokenStale = fmt.Errorf("%w: stale", ErrTokenInvalid)
	// ErrFeedUnavailable: the revocation feed is too old (see [OldFeed]), which says nothing about the token.
	ErrFeedUnavailable = errors.New("verify: revocation feed unavailable")
	// ErrIssuerUnavailable: the server that was asked about a token gave no answer, which says nothing about the token.
	ErrIssuerUnavailable = errors.New("verify: issuer unavailable")
)

// notNowError is a fault that is not the token's: 503, and the token may be presented again.
type notNowError struct {
	kind  error // ErrFeedUnavailable or ErrIssuerUnavailable
	code  string
	wait  time.Duration
	cause error
}

func (e *notNowError) Error() string   { return fmt.Sprintf("%v: %v", e.kind, e.cause) }
func (e *notNowError) Unwrap() []error { return []error{e.kind, e.cause} }

// RetryAfter is the value of the header Retry-After.
func (e *notNowError) RetryAfter() time.Duration { return e.wait }

// HTTPStatus is what [Middleware] answers.
func (e *notNowError) HTTPStatus() (status int, code string) {
	return http.StatusServiceUnavailable, e.code
}

const (
	// maxKnown is how many entries are held: some 50 MiB. More are not taken, and the feed grows old.
	maxKnown = 1_000_000
	// knownShards keeps a page that comes in from holding up every request.
	knownShards = 16
)

// known is what the feed has told. Its zero value knows nothing.
type known struct {
	shards [knownShards]knownShard
	count  atomic.Int64
}

type knownShard struct {
	mu    sync.RWMutex
	ended map[accesstoken.FeedName]int64 // until when, in seconds since 1970
	stale map[accesstoken.FeedName]staleUser
}

// staleUser: tokens issued before an instant are stale; both in seconds since 1970.
type staleUser struct{ before, until int64 }

func (k *known) shard(name accesstoken.FeedName) *knownShard { return &k.shards[name[0]%knownShards] }

// check returns ErrTokenRevoked or ErrTokenStale, if the feed has told so.
func (k *known) check(c *Claims) error {
	session, subject := c.FeedNames()
	if k.shard(session).hasEnded(session) {
		return ErrTokenRevoked
	}
	if c.IssuedAt.Unix() < k.shard(subject).staleBefore(subject) {
		return ErrTokenStale
	}
	return nil
}

func (s *knownShard) hasEnded(name accesstoken.FeedName) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ended := s.ended[name]
	return ended
}

func (s *knownShard) staleBefore(name accesstoken.FeedName) int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.stale[name].before
}

// add takes the entries of a page. Nothing that is known becomes less.
func (k *known) add(p *page) {
	for _, e := range p.ended {
		s := k.shard(e.name)
		s.mu.Lock()
		if s.ended == nil {
			s.ended = map[accesstoken.FeedName]int64{}
		}
		before := len(s.ended)
		s.ended[e.name] = max(s.ended[e.name], e.until)
		k.count.Add(int64(len(s.ended) - before))
		s.mu.Unlock()
	}
	for _, e := range p.stale {
		s := k.shard(e.name)
		s.mu.Lock()
		if s.stale == nil {
			s.stale = map[accesstoken.FeedName]staleUser{}
		}
		before, had := len(s.stale), s.stale[e.name]
		s.stale[e.name] = staleUser{max(had.before, e.before), max(had.until, e.until)}
		k.count.Add(int64(len(s.stale) - before))
		s.mu.Unlock()
	}
}

// forget drops what concerns no token any more, a shard at a time.
func (k *known) forget(now time.Time) {
	at := now.Unix()
	for i := range k.shards {
		s := &k.shards[i]
		s.mu.Lock()
		before := len(s.ended) + len(s.stale)
		for name, until := range s.ended {
			if until < at {
				delete(s.ended, name)
			}
		}
		for name, e := range s.stale {
			if e.until < at {
				delete(s.stale, name)
			}
		}
		k.count.Add(int64(len(s.ended) + len(s.stale) - before))
		s.mu.Unlock()
	}
}
