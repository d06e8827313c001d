package verify_test

import (
	"fmt"
	"testing"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

// BenchmarkFollowSeen is a token that was seen before, by what the feed holds.
func BenchmarkFollowSeen(b *testing.B) {
	for _, entries := range []int{-1, 10, 1_000, 100_000} {
		name, mode := "stateless", verify.Stateless
		if entries >= 0 {
			name, mode = fmt.Sprint("feed of ", entries), verify.Feed
		}
		b.Run(name, func(b *testing.B) {
			f := newFollower(b, func(c *verify.Config) { c.Revocation = mode })
			for n := range max(entries, 0) {
				f.issuer.EndSession(fmt.Sprint("ended-", n))
			}
			f.ready(b)
			eventually(b, "the feed is known", func() bool { return f.Status().FeedEntries == max(entries, 0) })
			token := f.issuer.Token()
			if !f.IsGood(token) {
				b.Fatal("a good token is refused")
			}
			b.ReportAllocs()
			for b.Loop() {
				f.Verify(b.Context(), token)
			}
		})
	}
}

// BenchmarkFeedPage is what a page of a hundred entries costs its reader, signature included.
func BenchmarkFeedPage(b *testing.B) {
	clock := newClock()
	issuer := verifytest.New(b, verifytest.Config{Now: clock.Now})
	for n := range 100 {
		issuer.EndSession(fmt.Sprint("ended-", n))
	}
	v, err := verify.New(verify.Config{Issuer: issuer.URL(), Audience: issuer.Audience(), Now: clock.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	reader, page := verify.NewFeedReader(issuer.URL(), clock.Now, v.Keys().Key), issuer.Page(0)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := reader.Take(b.Context(), page, 0); err != nil {
			b.Fatal(err)
		}
	}
}
