package verify

import (
	"context"
	"errors"
	"time"
)

// Observer is told of every token that is verified, for metrics. It must be safe for concurrent use, and quick.
type Observer interface {
	// Verified gets "ok", "expired", "invalid", "revoked", "stale", "keys_unavailable", "feed_unavailable",
	// "issuer_unavailable" or "internal".
	Verified(ctx context.Context, result string)
}

// Status is how fresh what a verifier knows is. An age is -1 s before the first time.
type Status struct {
	KeysAge     time.Duration // since the keys were fetched
	FeedAge     time.Duration // since the revocation feed was complete
	FeedEntries int           // sessions and users that the feed has named
}

// Status is for gauges and for a look from outside.
func (v *Verifier) Status() Status {
	return Status{KeysAge: v.keys.age(), FeedAge: v.feed.age(), FeedEntries: int(v.feed.known.count.Load())}
}

// resultOf is the word for an error of Verify.
func resultOf(err error) string {
	for _, r := range []struct {
		err    error
		result string
	}{
		{ErrTokenExpired, "expired"}, {ErrTokenRevoked, "revoked"}, {ErrTokenStale, "stale"}, {ErrKeysUnavailable, "keys_unavailable"},
		{ErrFeedUnavailable, "feed_unavailable"}, {ErrIssuerUnavailable, "issuer_unavailable"}, {ErrTokenInvalid, "invalid"},
	} {
		if errors.Is(err, r.err) {
			return r.result
		}
	}
	return "internal"
}
