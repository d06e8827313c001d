package verify_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

// TestNothingIsForgottenThatATokenOutlives: a token is taken for the leeway after its end, so what the feed says about
// it is kept as long.
func TestNothingIsForgottenThatATokenOutlives(t *testing.T) {
	const leeway = time.Minute
	f := newFollower(t, func(c *verify.Config) { c.Leeway = leeway })
	f.ready(t)
	ended, stale, good := f.issuer.Token(), f.issuer.Token(verifytest.Session("another")), f.issuer.Token(
		verifytest.Session("third"), verifytest.Subject("user-3"),
	)
	f.issuer.EndSession("session-1")
	f.issuer.MakeStale("user-1")
	eventually(t, "both are known", func() bool { return f.Status().FeedEntries == 2 })
	f.clock.Advance(5*time.Minute + leeway - time.Second) // the last moment of the tokens
	f.page(t, "a")
	f.page(t, "b") // when it is known, what there was to forget after the page before is forgotten
	if !f.is(good, nil)() {
		t.Fatal("the tokens have ended: the test shows nothing")
	}
	if !f.is(ended, verify.ErrTokenRevoked)() || !f.is(stale, verify.ErrTokenStale)() {
		t.Error("a token is taken again because the feed's entry ended before it")
	}
	f.clock.Advance(3 * time.Minute) // seven minutes and the leeway after the entries were made
	f.page(t, "c")
	f.page(t, "d")
	eventually(t, "the old entries are forgotten", func() bool { return f.Status().FeedEntries == 4 })
}

// page has the reader take one more page, which names a session.
func (f *follower) page(t *testing.T, session string) {
	t.Helper()
	f.issuer.EndSession(session)
	token := f.issuer.Token(verifytest.Session(session), verifytest.Subject(session))
	eventually(t, "the page is taken", f.is(token, verify.ErrTokenRevoked))
}

// TestWrongClockRevivesNothing: a clock that was ahead for a while is no reason to forget; when it is put right, the
// tokens are good again, and the feed will not say twice what has ended.
func TestWrongClockRevivesNothing(t *testing.T) { // P15
	for _, ahead := range []time.Duration{time.Hour, 24 * time.Hour, 365 * 24 * time.Hour} {
		clock := newClock()
		issuer := verifytest.New(t, verifytest.Config{Now: newClock().Now}) // its clock is right
		v := claimsReader(t, issuer)
		issuer.EndSession("session-1")
		issuer.MakeStale("user-2")
		ended, stale := v.claims(issuer.Token()), v.claims(issuer.Token(verifytest.Session("s"), verifytest.Subject("user-2")))
		reader := verify.NewFeedReader(issuer.URL(), clock.Now, v.Keys().Key)
		if _, _, err := reader.Take(t.Context(), issuer.Page(0), 0); err != nil {
			t.Fatal(err)
		}
		clock.Advance(ahead)
		reader.Prune()
		clock.Advance(-ahead)
		if err := reader.Check(ended); !errors.Is(err, verify.ErrTokenRevoked) {
			t.Errorf("after a clock that was %v ahead: %v, want %v", ahead, err, verify.ErrTokenRevoked)
		}
		if err := reader.Check(stale); !errors.Is(err, verify.ErrTokenStale) {
			t.Errorf("after a clock that was %v ahead: %v, want %v", ahead, err, verify.ErrTokenStale)
		}
	}
}

// claimed verifies tokens for a test of what the feed says about them.
type claimed struct {
	*verify.Verifier
	t testing.TB
}

func claimsReader(t testing.TB, issuer *verifytest.Issuer) claimed {
	t.Helper()
	v, err := verify.New(verify.Config{Issuer: issuer.URL(), Audience: issuer.Audience(), Now: newClock().Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return claimed{v, t}
}

func (c claimed) claims(token string) *verify.Claims {
	c.t.Helper()
	claims, err := c.Verify(c.t.Context(), token)
	if err != nil {
		c.t.Fatal(err)
	}
	return claims
}

// TestVM_20_FeedIsBounded: what does not fit is not taken, what is known stays, and the feed grows old until there is
// room.
func TestVM_20_FeedIsBounded(t *testing.T) {
	clock := newClock()
	issuer := verifytest.New(t, verifytest.Config{Now: clock.Now})
	v := claimsReader(t, issuer)
	issuer.EndSession("session-1")
	ended, good := v.claims(issuer.Token()), v.claims(issuer.Token(verifytest.Session("s"), verifytest.Subject("user-2")))
	reader := verify.NewFeedReader(issuer.URL(), clock.Now, v.Keys().Key)
	if _, _, err := reader.Take(t.Context(), issuer.Page(0), 0); err != nil {
		t.Fatal(err)
	}
	const most = 1_000_000
	reader.Fill(most-1, clock.Now().Add(10*time.Minute))
	if n := reader.Entries(); n != most {
		t.Fatalf("%d entries are known, want %d", n, most)
	}
	clock.Advance(2 * time.Minute)
	for n := range 3 {
		issuer.EndSession(fmt.Sprint("more-", n))
		if next, _, err := reader.Take(t.Context(), issuer.Page(1), 1); err == nil || next != 1 {
			t.Fatalf("page %d beyond the bound: next = %d, %v, want it refused", n, next, err)
		}
	}
	if err := reader.Check(good); err != nil {
		t.Errorf("a good token at %v = %v, want nil: the last page that was taken is not too old", verify.DefaultMaxFeedAge, err)
	}
	clock.Advance(time.Second)
	if err := reader.Check(good); !errors.Is(err, verify.ErrFeedUnavailable) {
		t.Errorf("a good token = %v, want %v", err, verify.ErrFeedUnavailable)
	}
	if err := reader.Check(ended); !errors.Is(err, verify.ErrTokenRevoked) || reader.Entries() != most {
		t.Errorf("an ended token = %v, %d entries, want %v, %d", err, reader.Entries(), verify.ErrTokenRevoked, most)
	}
	clock.Advance(15 * time.Minute)
	if next, _, err := reader.Take(t.Context(), issuer.Page(1), 1); err != nil || next != 4 {
		t.Errorf("when the old entries have ended: next = %d, %v, want 4: there is room", next, err)
	}
	if err := reader.Check(good); err != nil || reader.Entries() != 3 {
		t.Errorf("when the old entries have ended: %v, %d entries, want nil, 3", err, reader.Entries())
	}
}

// A clock that is set back while the server is away does not make the feed young.
func TestFeedAgesThoughTheClockIsSetBack(t *testing.T) {
	f := newFollower(t, nil)
	f.ready(t)
	f.issuer.Fail(verifytest.Down)
	f.clock.Advance(-time.Hour)
	eventually(t, "the feed has an age of its own", func() bool { return f.Status().FeedAge >= time.Second })
}

// Of two instances whose clocks differ, the pages of the one behind keep the feed young as well; a page of long before
// does not.
func TestFeedOfInstancesWhoseClocksDiffer(t *testing.T) {
	own := newClock()
	ahead, behind := newClock(), newClock()
	ahead.Advance(50 * time.Second)
	instance := ahead
	key := verifytest.New(t, verifytest.Config{Now: func() time.Time { return instance.Now() }})
	v := claimsReader(t, key)
	reader := verify.NewFeedReader(key.URL(), own.Now, v.Keys().Key)
	take := func(on *clock) time.Time {
		t.Helper()
		instance = on
		if _, _, err := reader.Take(t.Context(), key.Page(0), 0); err != nil {
			t.Fatal(err)
		}
		return reader.Came()
	}
	first := take(ahead)
	second := take(behind)
	if !second.After(first) {
		t.Error("a page of the instance behind does not keep the feed young")
	}
	behind.Advance(-time.Minute)
	if third := take(behind); third.After(second) {
		t.Error("a page that is older than clocks may differ makes the feed young")
	}
}
