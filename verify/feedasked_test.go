package verify_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

// requests remembers how the feed was asked for.
type requests struct {
	mu  sync.Mutex
	all []*http.Request
}

// before remembers each request, and serves it.
func (a *requests) before(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.all = append(a.all, r)
		a.mu.Unlock()
		next(w, r)
	}
}

// count is how often it was asked for.
func (a *requests) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.all)
}

func (a *requests) nth(n int) *http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all[n]
}

// TestFeedIsAskedAsItsPageSays: the first page at once, the next one by a long poll that a client's own limits let end.
func TestFeedIsAskedAsItsPageSays(t *testing.T) {
	for _, tt := range []struct {
		name   string
		client func(*http.Client)
		wait   string
	}{
		{"no limit", func(*http.Client) {}, "25"},
		{"a minute", func(c *http.Client) { c.Timeout = time.Minute }, "25"},
		{"20 s", func(c *http.Client) { c.Timeout = 20 * time.Second }, "10"},
		{"less than any wait", func(c *http.Client) { c.Timeout = 1500 * time.Millisecond }, "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			issuer := verifytest.New(t, verifytest.Config{Now: newClock().Now})
			asked := &requests{}
			newFollowerOf(t, issuer, asked.before(func(w http.ResponseWriter, _ *http.Request) {
				w.Write([]byte(issuer.Page(0, verifytest.Claim("cursor", 7))))
			}), tt.client)
			eventually(t, "it was asked twice", func() bool { return asked.count() >= 2 })
			for n, want := range []string{"after=0&wait=0", "after=7&wait=" + tt.wait} {
				r := asked.nth(n)
				if r.Method != http.MethodGet || r.URL.RawQuery != want {
					t.Errorf("request %d = %s ?%s, want GET ?%s", n, r.Method, r.URL.RawQuery, want)
				}
				if e, a := r.Header.Get("Accept-Encoding"), r.Header.Get("Authorization"); e != "identity" || a != "" {
					t.Errorf("request %d: Accept-Encoding = %q, Authorization = %q, want identity and none", n, e, a)
				}
			}
		})
	}
}

// TestWaitForAClientsTransport: so does the limit of a transport for the head of an answer.
func TestWaitForAClientsTransport(t *testing.T) {
	for limit, want := range map[time.Duration]time.Duration{
		0: 25 * time.Second, time.Second: 0, 9 * time.Second: 4 * time.Second, time.Hour: 25 * time.Second,
	} {
		client := &http.Client{Timeout: 40 * time.Second, Transport: &http.Transport{ResponseHeaderTimeout: limit}}
		if got := verify.WaitFor(client); got != min(want, 20*time.Second) {
			t.Errorf("WaitFor(a head within %v) = %v, want %v", limit, got, min(want, 20*time.Second))
		}
	}
}

// TestFeedIsNotAskedInHaste: pages that tell nothing, and came at once, are followed by a pause, whatever the reason: a
// server that is about to stop, one that is broken, or a client whose limits leave no time to wait.
func TestFeedIsNotAskedInHaste(t *testing.T) {
	none := func(*http.Client) {}
	for _, tt := range []struct {
		name   string
		client func(*http.Client)
		page   []verifytest.Option
	}{
		{"a server that does not wait", none, nil},
		{"a server that always has more, and never goes on", none, []verifytest.Option{verifytest.Claim("more", true)}},
		{"a client without time to wait", func(c *http.Client) { c.Timeout = 1500 * time.Millisecond }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			issuer := verifytest.New(t, verifytest.Config{Now: newClock().Now})
			asked := &requests{}
			f := newFollowerOf(t, issuer, asked.before(func(w http.ResponseWriter, _ *http.Request) {
				w.Write([]byte(issuer.Page(0, tt.page...)))
			}), tt.client)
			eventually(t, "it was asked twenty times", func() bool { return asked.count() >= 20 })
			f.Close()
			pauses := f.pauses.seen()
			if len(pauses) < 15 { // the first page comes without one, and on a busy machine some take a second
				t.Errorf("%d pauses between 20 requests", len(pauses))
			}
			for _, pause := range pauses {
				if pause != time.Second {
					t.Errorf("pause = %v, want 1s", pause)
				}
			}
		})
	}
}

// TestCloseEndsTheLongPoll: Close on any verifier ends the one reader that all of them have, and its connection.
func TestCloseEndsTheLongPoll(t *testing.T) {
	f := newFollower(t, nil)
	f.ready(t)
	token := f.issuer.Token()
	if !f.is(token, nil)() {
		t.Fatal("a good token is refused")
	}
	asked := func() int { return f.issuer.Count(verifytest.Revocations) }
	eventually(t, "the long poll is under way", func() bool { return asked() >= 2 })
	online := f.With(verify.Online)
	if !online.IsGood(token) {
		t.Fatal("a good token is refused by the server")
	}
	for range 10 {
		f.With(verify.Feed)
	}
	if n := asked(); n != 2 {
		t.Errorf("the feed was asked for %d times by ten verifiers more, want 2: it is read once for all", n)
	}
	if err := online.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	wantNoGoroutines(t, "verify.(*feed)", "verify.(*KeySet)", "net/http.(*persistConn)")
	if !f.IsGood(token) || !f.With(verify.Stateless).IsGood(token) {
		t.Error("what is held does not go on verifying")
	}
	f.clock.Advance(verify.DefaultMaxFeedAge + time.Second)
	if !f.is(token, verify.ErrFeedUnavailable)() {
		t.Error("a feed that nobody reads any more does not grow old")
	}
	f.With(verify.Feed)
	if n := asked(); n != 2 {
		t.Errorf("the feed was asked for %d times, want 2: nothing starts after Close", n)
	}
	if err := f.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
}

// TestReadyAfterClose: nobody waits for a page that will never come.
func TestReadyAfterClose(t *testing.T) {
	issuer := verifytest.New(t, verifytest.Config{Now: newClock().Now})
	f := newFollowerOf(t, issuer, status(http.StatusServiceUnavailable))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	waiting := make(chan error, 1)
	if err := f.With(verify.Stateless).Ready(ctx); err != nil { // the keys are there
		t.Fatal(err)
	}
	go func() { waiting <- f.Ready(ctx) }() // ends when Ready returns, which the receive below waits for
	f.Close()
	for what, err := range map[string]error{"before Close": <-waiting, "after Close": f.Ready(ctx)} {
		if !errors.Is(err, verify.ErrFeedUnavailable) || ctx.Err() != nil {
			t.Errorf("Ready, called %s = %v, want %v at once", what, err, verify.ErrFeedUnavailable)
		}
	}
}
