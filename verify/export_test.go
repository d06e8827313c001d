package verify

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// What tests in verify_test need to see of the inside.
var (
	CheckTarget   = checkTarget
	CheckLoopback = checkLoopback
	WaitFor       = waitFor
)

// SetFetchLimit replaces the 5 seconds of a fetch. Call it before the first use.
func (s *KeySet) SetFetchLimit(d time.Duration) { s.limit = d }

// WaitFetches returns when no fetch is under way.
func (s *KeySet) WaitFetches() { s.fetches.Wait() }

// Keys is the key set of a verifier.
func (v *Verifier) Keys() *KeySet { return v.keys }

// NewPaused is New with another way for the reader of the feed to pass the time.
var NewPaused = newVerifier

// FeedReader is what takes the pages of the feed, without HTTP.
type FeedReader struct{ f feed }

// NewFeedReader makes one that knows nothing.
func NewFeedReader(issuer string, now func() time.Time, key func(context.Context, jws.Header) (*jws.Key, error)) *FeedReader {
	return &FeedReader{feed{
		rules: pageRules{issuer: issuer, leeway: time.Minute, now: now, key: key}, maxAge: DefaultMaxFeedAge, first: make(chan struct{}), settled: make(chan struct{}),
	}}
}

// Take takes a page that was asked for with a cursor, and returns the next one.
func (r *FeedReader) Take(ctx context.Context, text string, cursor int64) (next int64, more bool, err error) {
	p, err := r.f.rules.read(ctx, text, cursor)
	if err != nil {
		return cursor, false, err
	}
	if err := r.f.take(p); err != nil {
		return cursor, false, err
	}
	return p.cursor, p.more, nil
}

// Came is when the last page came that says something about the feed's age.
func (r *FeedReader) Came() time.Time { return *r.f.came.Load() }

// Check is what the feed says about a token.
func (r *FeedReader) Check(c *Claims) error { return r.f.check(c, RefuseTokens) }

// Known is what the feed says, however old it is.
func (r *FeedReader) Known(c *Claims) error { return r.f.known.check(c) }

// Forget drops what may be forgotten at a time.
func (r *FeedReader) Forget(now time.Time) { r.f.known.forget(now) }

// Prune drops what the reader forgets by itself, now.
func (r *FeedReader) Prune() { r.f.prune() }

// Fill adds n sessions that nobody has.
func (r *FeedReader) Fill(n int, until time.Time) {
	p := &page{ended: make([]endedEntry, n)}
	for i := range p.ended {
		binary.BigEndian.PutUint32(p.ended[i].name[:], uint32(i))
		p.ended[i].until = until.Unix()
	}
	r.f.known.add(p)
}

// Entries is how many are known.
func (r *FeedReader) Entries() int64 { return r.f.known.count.Load() }

// IsGood reports whether a token is taken.
func (v *Verifier) IsGood(token string) bool {
	_, err := v.Verify(context.Background(), token)
	return err == nil
}
