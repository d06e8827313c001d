package verify_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

// TestFirstTokenWaitsForTheFirstPage: a service that has just started turns nobody away, and takes nobody who has left.
func TestFirstTokenWaitsForTheFirstPage(t *testing.T) {
	for policy, name := range map[verify.OldFeed]string{verify.RefuseTokens: "closed", verify.AcceptTokens: "open"} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				issuer := verifytest.New(t, verifytest.Config{})
				issuer.EndSession("ended")
				good, ended := issuer.Token(), issuer.Token(verifytest.Session("ended"))
				f, err := verify.New(verify.Config{
					Issuer: issuer.URL(), Audience: issuer.Audience(), Revocation: verify.Feed, OldFeed: policy, Logger: slog.New(slog.DiscardHandler),
				})
				if err != nil {
					t.Fatal(err)
				}
				var asked sync.WaitGroup
				asked.Go(func() {
					if _, err := f.Verify(t.Context(), good); err != nil {
						t.Errorf("the first good token = %v", err)
					}
				})
				asked.Go(func() {
					if _, err := f.Verify(t.Context(), ended); !errors.Is(err, verify.ErrTokenRevoked) {
						t.Errorf("the first token of an ended session = %v, want %v", err, verify.ErrTokenRevoked)
					}
				})
				asked.Wait()
				f.Close()
			}
		})
	}
}

// TestNoTokenWaitsForAPageThatDoesNotCome: not after a failure, nor longer than its own request, nor than firstWait, nor
// after Close.
func TestNoTokenWaitsForAPageThatDoesNotCome(t *testing.T) {
	start := func(t *testing.T, revocations http.HandlerFunc) (f *follower, token string) {
		issuer := verifytest.New(t, verifytest.Config{Now: newClock().Now})
		f = newFollowerOf(t, issuer, revocations)
		if err := f.With(verify.Stateless).Ready(t.Context()); err != nil { // the keys are there
			t.Fatal(err)
		}
		return f, issuer.Token()
	}
	hangs := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	took := func(t *testing.T, f *follower, token string) time.Duration {
		began := time.Now()
		if _, err := f.Verify(t.Context(), token); !errors.Is(err, verify.ErrFeedUnavailable) {
			t.Errorf("Verify = %v, want %v", err, verify.ErrFeedUnavailable)
		}
		return time.Since(began)
	}
	t.Run("after a failure", func(t *testing.T) {
		f, token := start(t, status(http.StatusServiceUnavailable))
		eventually(t, "it has failed", func() bool { return len(f.pauses.seen()) > 0 })
		if d := took(t, f, token); d > time.Second {
			t.Errorf("it took %v", d)
		}
	})
	t.Run("its own request is over", func(t *testing.T) {
		f, token := start(t, hangs)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.Verify(ctx, token); !errors.Is(err, verify.ErrFeedUnavailable) {
			t.Errorf("Verify = %v, want %v", err, verify.ErrFeedUnavailable)
		}
	})
	t.Run("a server that hangs", func(t *testing.T) {
		f, token := start(t, hangs)
		if d := took(t, f, token); d > 20*time.Second {
			t.Errorf("the first token took %v, want 2s", d)
		}
		if d := took(t, f, token); d > time.Second {
			t.Errorf("the second token took %v, want nothing: the first seconds are over", d)
		}
	})
	t.Run("closed", func(t *testing.T) {
		f, token := start(t, hangs)
		waiting := make(chan time.Duration)
		go func() { waiting <- took(t, f, token) }()
		f.Close()
		<-waiting
	})
}
