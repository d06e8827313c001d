package verify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

// follower is a verifier that follows the feed of a test's issuer. The clock stands still until the test moves it; the pauses
// of the reader end at once, and are counted.
type follower struct {
	*verify.Verifier
	issuer *verifytest.Issuer
	clock  *clock
	pauses *pauses
}

type pauses struct {
	mu  sync.Mutex
	all []time.Duration
}

func (p *pauses) pass(d time.Duration) <-chan time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, d)
	over := make(chan time.Time, 1)
	over <- time.Time{}
	return over
}

func (p *pauses) seen() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]time.Duration(nil), p.all...)
}

func newFollower(t testing.TB, change func(*verify.Config)) *follower {
	t.Helper()
	clock := newClock()
	return newFollowerBy(t, clock, verifytest.New(t, verifytest.Config{Now: clock.Now}), change)
}

func newFollowerBy(t testing.TB, clock *clock, issuer *verifytest.Issuer, change func(*verify.Config)) *follower {
	t.Helper()
	f := &follower{issuer: issuer, clock: clock, pauses: &pauses{}}
	c := verify.Config{
		Issuer: f.issuer.URL(), Audience: f.issuer.Audience(), Revocation: verify.Feed, Now: f.clock.Now, Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&c)
	}
	var err error
	if f.Verifier, err = verify.NewPaused(c, f.pauses.pass); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// ready waits until the first page was read.
func (f *follower) ready(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := f.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for what the reader is about to learn, and is patient: the first answer that is larger than it looks
// takes its maker ten seconds with the race detector, and more on a busy machine.
func eventually(t testing.TB, what string, isSo func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !isSo(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("it never is: %s", what)
		}
	}
}

func (f *follower) is(token string, want error) func() bool {
	return func() bool {
		_, err := f.Verify(context.Background(), token)
		return errors.Is(err, want) && (want != nil || err == nil)
	}
}

func TestFeedTellsWhatHasEnded(t *testing.T) {
	f := newFollower(t, nil)
	f.ready(t)
	token, other := f.issuer.Token(), f.issuer.Token(verifytest.Session("another"))
	if !f.is(token, nil)() || !f.is(other, nil)() {
		t.Fatal("a good token is refused")
	}
	f.issuer.EndSession("session-1")
	eventually(t, "the ended session is refused", f.is(token, verify.ErrTokenRevoked))
	if !f.is(f.issuer.Token(), verify.ErrTokenRevoked)() {
		t.Error("another token of the ended session is taken")
	}
	if !f.is(other, nil)() {
		t.Error("a token of another session is refused")
	}
	if _, err := f.Verify(t.Context(), token); !errors.Is(err, verify.ErrTokenInvalid) {
		t.Errorf("Verify() = %v, want an ErrTokenInvalid", err)
	}
	if !f.With(verify.Stateless).IsGood(token) {
		t.Error("a stateless verifier asks the feed")
	}
}

func TestFeedTellsWhoHasChanged(t *testing.T) {
	f := newFollower(t, nil)
	f.ready(t)
	token, other := f.issuer.Token(), f.issuer.Token(verifytest.Subject("somebody else"))
	f.issuer.MakeStale("user-1")
	eventually(t, "the token is stale", f.is(token, verify.ErrTokenStale))
	if !f.is(other, nil)() {
		t.Error("a token of another user is refused")
	}
	fresh := f.issuer.Token(verifytest.Issued(-time.Second)) // the server does not sign one of the second of the change
	if !f.is(fresh, nil)() {
		t.Error("a token that was issued after the change is refused")
	}
}

func TestFeedOfManyPages(t *testing.T) {
	f := newFollower(t, nil)
	const sessions = 1234
	for n := range sessions {
		f.issuer.EndSession(fmt.Sprint("session-", n))
	}
	f.ready(t)
	eventually(t, "all entries are known", func() bool { return f.Status().FeedEntries == sessions })
	for _, n := range []int{0, 99, 100, 101, sessions - 1} {
		if !f.is(f.issuer.Token(verifytest.Session(fmt.Sprint("session-", n))), verify.ErrTokenRevoked)() {
			t.Errorf("session %d is not refused", n)
		}
	}
	f.issuer.EndSession("session-0") // once more is no more
	f.issuer.EndSession("the last")
	eventually(t, "one more entry is known", func() bool { return f.Status().FeedEntries == sessions+1 })
	f.clock.Advance(9 * time.Minute) // every token of before has ended
	f.issuer.EndSession("new")
	eventually(t, "the old entries are forgotten", func() bool { return f.Status().FeedEntries == 1 })
}

func TestVM_20_FeedThatIsGone(t *testing.T) {
	for name, fault := range map[string]verifytest.Fault{
		"down": verifytest.Down, "500": verifytest.Broken, "HTML": verifytest.HTML, "10 MiB": verifytest.Oversized, "a bomb": verifytest.Compressed, "cut": verifytest.Cut,
	} {
		for policy, c := range map[verify.OldFeed]struct {
			name string
			err  error
		}{verify.RefuseTokens: {"closed", verify.ErrFeedUnavailable}, verify.AcceptTokens: {"open", nil}} {
			t.Run(name+" "+c.name, func(t *testing.T) {
				f := newFollower(t, func(c *verify.Config) { c.OldFeed = policy })
				f.ready(t)
				ended, good := f.issuer.Token(verifytest.Session("ended")), f.issuer.Token()
				f.issuer.EndSession("ended")
				eventually(t, "the end is known", f.is(ended, verify.ErrTokenRevoked))
				f.is(good, nil)()
				f.issuer.Fail(fault)
				asked := f.issuer.Count(verifytest.Revocations)
				eventually(t, "the reader has failed", func() bool { return f.issuer.Count(verifytest.Revocations) > asked+2 })

				f.clock.Advance(verify.DefaultMaxFeedAge)
				if !f.is(good, nil)() {
					t.Error("a good token is refused before the limit")
				}
				f.clock.Advance(time.Second)
				good, ended = f.issuer.Token(), f.issuer.Token(verifytest.Session("ended"))
				if !f.is(good, c.err)() {
					_, err := f.Verify(t.Context(), good)
					t.Errorf("beyond the limit a good token = %v, want %v", err, c.err)
				}
				if !f.is(ended, verify.ErrTokenRevoked)() {
					t.Error("what has ended is taken again")
				}
				if age := f.Status().FeedAge; age != verify.DefaultMaxFeedAge+time.Second {
					t.Errorf("FeedAge = %v", age)
				}
				f.issuer.Fail(verifytest.None)
				eventually(t, "it heals", func() bool { return f.is(good, nil)() && f.Status().FeedAge == 0 })
			})
		}
	}
}

func TestVM_20_PagesThatSayNothing(t *testing.T) {
	issuer := verifytest.New(t, verifytest.Config{Now: newClock().Now})
	now := newClock().Now()
	issuer.EndSession("ended")
	ended := issuer.Token(verifytest.Session("ended"))
	for name, page := range map[string]string{
		"a key that is not the issuer's": issuer.Page(0, verifytest.Foreign()),
		"no signature":                   issuer.Page(0, verifytest.Unsigned("none")),
		"HMAC of the public key":         issuer.Page(0, verifytest.HMAC("HS256")),
		"another issuer":                 issuer.Page(0, verifytest.Claim("iss", "https://app.example.com/auth")),
		"typ of an access token":         issuer.Page(0, verifytest.Header("typ", "at+jwt")),
		"no typ":                         issuer.Page(0, verifytest.WithoutHeader("typ")),
		"crit":                           issuer.Page(0, verifytest.Header("crit", []string{"b64"}), verifytest.Header("b64", false)),
		"of tomorrow":                    issuer.Page(0, verifytest.Claim("iat", now.Add(24*time.Hour).Unix())),
		"of yesterday":                   issuer.Page(0, verifytest.Claim("exp", now.Add(-24*time.Hour).Unix())),
		"no exp":                         issuer.Page(0, verifytest.Without("exp")),
		"no iat":                         issuer.Page(0, verifytest.Without("iat")),
		"for another cursor":             issuer.Page(0, verifytest.Claim("after", 7), verifytest.Claim("cursor", 9)),
		"no after":                       issuer.Page(0, verifytest.Without("after")),
		"a cursor as text":               issuer.Page(0, verifytest.Claim("cursor", "1")),
		"a negative cursor":              issuer.Page(0, verifytest.Claim("cursor", -1)),
		"a fraction of a cursor":         issuer.Page(0, verifytest.Claim("cursor", 1.5)),
		"no more":                        issuer.Page(0, verifytest.Without("more")),
		"no list":                        issuer.Page(0, verifytest.Without("stale")),
		"a list that is an object":       issuer.Page(0, verifytest.Claim("stale", map[string]any{})),
		"one entry that is none":         issuer.Page(0, verifytest.Claim("stale", []any{map[string]any{"sub": "x", "before": 1, "exp": 2}})),
		"a name of 15 bytes":             issuer.Page(0, verifytest.Claim("stale", []any{map[string]any{"sub": "AAAAAAAAAAAAAAAAAAAA", "before": 1, "exp": 2}})),
		"a name with a line end":         issuer.Page(0, verifytest.Claim("ended", []any{map[string]any{"sid": "AAAAAAAAAAA\nAAAAAAAAAAA", "exp": now.Unix() + 60}})),
		"an entry without an end":        issuer.Page(0, verifytest.Claim("ended", []any{map[string]any{"sid": "AAAAAAAAAAAAAAAAAAAAAA"}})),
		"an access token":                ended,
		"nothing":                        "",
		"a cut page":                     issuer.Page(0)[:200],
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan struct{}, 100)
			f := newFollowerOf(t, issuer, func(w http.ResponseWriter, r *http.Request) {
				w.Write([]byte(page))
				select {
				case asked <- struct{}{}:
				default:
				}
			})
			for range 3 {
				<-asked
			}
			if _, err := f.With(verify.Feed).Verify(t.Context(), issuer.Token()); !errors.Is(err, verify.ErrFeedUnavailable) {
				t.Errorf("a good token after such a page = %v, want ErrFeedUnavailable: nothing is known", err)
			}
			if s := f.Status(); s.FeedEntries != 0 || s.FeedAge >= 0 {
				t.Errorf("Status() = %+v, want nothing known", s)
			}
		})
	}
}

// newFollowerOf follows a feed that a handler serves, with the keys of an issuer.
func newFollowerOf(t *testing.T, issuer *verifytest.Issuer, serve http.HandlerFunc, change ...func(*http.Client)) *follower {
	t.Helper()
	f := &follower{issuer: issuer, clock: newClock(), pauses: &pauses{}}
	client := &http.Client{Transport: routed{serve}}
	for _, c := range change {
		c(client)
	}
	var err error
	f.Verifier, err = verify.NewPaused(verify.Config{
		Issuer: issuer.URL(), Audience: issuer.Audience(), Revocation: verify.Feed, Now: f.clock.Now, Client: client, Logger: slog.New(slog.DiscardHandler),
	}, f.pauses.pass)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// routed answers for the feed, and asks the network for all else.
type routed struct{ feed http.HandlerFunc }

func (r routed) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Path != "/auth"+verifytest.Revocations {
		return http.DefaultTransport.RoundTrip(request)
	}
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	r.feed(recorder, request)
	return recorder.Result(), nil
}

// A cursor goes back only with a page that begins at the beginning: the server's database was restored.
func TestVM_20_CursorThatGoesBack(t *testing.T) {
	issuer := verifytest.New(t, verifytest.Config{Now: newClock().Now})
	issuer.EndSession("ended")
	ended := issuer.Token(verifytest.Session("ended"))
	var mu sync.Mutex
	var cursors []string
	pages := map[string]string{"0": issuer.Page(0, verifytest.Claim("cursor", 500))}
	f := newFollowerOf(t, issuer, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		after := r.URL.Query().Get("after")
		cursors = append(cursors, after)
		if page, ok := pages[after]; ok {
			w.Write([]byte(page))
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	f.ready(t)
	last := func(want int) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return cursors[len(cursors)-1] == strconv.Itoa(want)
		}
	}
	set := func(after int, opts ...verifytest.Option) {
		mu.Lock()
		defer mu.Unlock()
		pages[strconv.Itoa(after)] = issuer.Page(0, opts...)
	}
	eventually(t, "the reader goes on with 500", last(500))
	none := verifytest.Claim("ended", []any{})
	set(500, verifytest.Claim("after", 500), verifytest.Claim("cursor", 499), none) // back
	eventually(t, "it was asked again", func() bool { mu.Lock(); defer mu.Unlock(); return len(cursors) > 8 })
	if !last(500)() {
		t.Error("a page whose cursor goes back is taken")
	}
	set(500, verifytest.Claim("after", 0), verifytest.Claim("cursor", 3), none) // from the beginning
	eventually(t, "the reader goes on with 3", last(3))
	if !f.is(ended, verify.ErrTokenRevoked)() {
		t.Error("what has ended is taken again")
	}
}

func TestFeedBacksOff(t *testing.T) {
	f := newFollower(t, nil)
	f.issuer.Fail(verifytest.Down)
	eventually(t, "it has failed twelve times", func() bool { return len(f.pauses.seen()) >= 12 })
	seen := f.pauses.seen()
	for n, pause := range seen {
		most := min(250*time.Millisecond<<min(n, 10), 5*time.Second)
		if pause > most || pause < most/2 {
			t.Errorf("pause %d = %v, want between %v and %v", n, pause, most/2, most)
		}
	}
	f.issuer.Fail(verifytest.None)
	f.ready(t)
}

func TestFeedObeysRetryAfter(t *testing.T) {
	issuer := verifytest.New(t, verifytest.Config{Now: newClock().Now})
	for header, want := range map[string]time.Duration{"7": 7 * time.Second, "3600": 30 * time.Second} {
		f := newFollowerOf(t, issuer, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		eventually(t, "it pauses", func() bool { return len(f.pauses.seen()) > 0 })
		if got := f.pauses.seen()[0]; got != want {
			t.Errorf("Retry-After %s: pause = %v, want %v", header, got, want)
		}
	}
}

// A page that is signed with a new key makes the reader fetch the keys, so a service that follows the feed learns of a
// key that leaked about as soon as of a session that ended.
func TestJW_04_FeedBringsTheNewKeys(t *testing.T) {
	f := newFollower(t, nil)
	f.ready(t)
	leaked := f.issuer.Token()
	if !f.is(leaked, nil)() {
		t.Fatal("a good token is refused")
	}
	if err := f.issuer.Withdraw(); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(30 * time.Second) // the least time between two fetches for unknown keys
	f.issuer.EndSession("another")
	eventually(t, "the next page is taken", func() bool { return f.Status().FeedEntries == 1 })
	if !f.is(leaked, verify.ErrTokenInvalid)() {
		t.Error("a token of the key that was withdrawn is taken")
	}
	asked := f.issuer.Count(verifytest.KeySet)
	if token := f.issuer.Token(); !f.is(token, nil)() || f.issuer.Count(verifytest.KeySet) != asked {
		t.Error("the first token of the new key is refused, or costs a fetch")
	}
}

func TestVM_13_FeedBeforeTheServerIsUp(t *testing.T) {
	clock := newClock()
	issuer := verifytest.New(t, verifytest.Config{Now: clock.Now})
	issuer.Fail(verifytest.Down)
	f := newFollowerBy(t, clock, issuer, nil)
	token := f.issuer.Token()
	handler := f.Require(http.NotFoundHandler())
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	handler.ServeHTTP(w, r.WithContext(ctx))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("answer = %d %v, want 503 with Retry-After", w.Code, w.Header())
	}
	f.issuer.Fail(verifytest.None)
	f.clock.Advance(time.Minute)
	f.ready(t)
	if token := f.issuer.Token(); !f.is(token, nil)() {
		t.Error("it does not heal")
	}
}

func TestConfigOfRevocation(t *testing.T) {
	for name, change := range map[string]func(*verify.Config){
		"an unknown Revocation": func(c *verify.Config) { c.Revocation = 3 },
		"a negative one":        func(c *verify.Config) { c.Revocation = -1 },
		"an unknown OldFeed":    func(c *verify.Config) { c.OldFeed = 2 },
		"a short MaxFeedAge":    func(c *verify.Config) { c.MaxFeedAge = 29 * time.Second },
		"a negative MaxFeedAge": func(c *verify.Config) { c.MaxFeedAge = -1 },
	} {
		c := verify.Config{Issuer: "https://app.example.com/auth", Audience: "orders"}
		change(&c)
		if v, err := verify.New(c); err == nil {
			v.Close()
			t.Errorf("%s: New() = nil, want an error", name)
		}
	}
	v, err := verify.New(verify.Config{Issuer: "https://app.example.com/auth", Audience: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	defer func() {
		if recover() == nil {
			t.Error("With(7) does not panic")
		}
	}()
	v.With(7)
}
