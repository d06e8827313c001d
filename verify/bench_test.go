package verify_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

// BenchmarkFollowSeen is a token that was seen before, by what the feed holds.
func BenchmarkFollowSeen(b *testing.B) {
	benchmarkSeen(b, func(b *testing.B, f *follower, token string) {
		for b.Loop() {
			f.Verify(b.Context(), token)
		}
	})
}

// BenchmarkRequireSeen is the same with the middleware around it, whose context and request are two allocations more.
func BenchmarkRequireSeen(b *testing.B) {
	benchmarkSeen(b, func(b *testing.B, f *follower, token string) {
		handler := f.Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Header.Set("Authorization", "Bearer "+token)
		answer := httptest.NewRecorder()
		for b.Loop() {
			handler.ServeHTTP(answer, request)
		}
		if answer.Code != http.StatusOK {
			b.Fatal(answer.Body)
		}
	})
}

func benchmarkSeen(b *testing.B, run func(b *testing.B, f *follower, token string)) {
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
			if mode == verify.Feed {
				f.ready(b)
				eventually(b, "the feed is known", func() bool { return f.Status().FeedEntries == entries })
			}
			token := f.issuer.Token()
			if !f.IsGood(token) {
				b.Fatal("a good token is refused")
			}
			b.ReportAllocs()
			run(b, f, token)
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
