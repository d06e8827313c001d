package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sallyport-auth/sallyport"
)

// Run holds the stores that open makes against the contract. Each call of open makes a new, empty
// store; Run closes it.
func Run(t *testing.T, open func(t *testing.T) sallyport.Store) {
	for _, group := range [][]testCase{
		storeCases(), userCases(), updateCases(), startCases(), linkCases(), syncCases(), identityCases(), providerLogoutCases(), markCases(), sessionCases(), refreshCases(), limitCases(), eventCases(), sweepCases(), revocationCases(), keyCases(), raceCases(), linkRaceCases(), revocationRaceCases(),
	} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) { c.run(newBench(t, open(t))) })
		}
	}
	t.Run("Refresh equals its table on random histories", func(t *testing.T) { checkHistories(newBench(t, open(t))) })
	for name, wrong := range map[string]fault{
		"rule 2 leaves gen_at alone": retryStands, "rule 2 holds for ever": retryAlways, "rule 3 fires again and again": endlessRecall,
	} {
		t.Run("a table is noticed in which "+name, func(t *testing.T) { checkControl(newBench(t, open(t)), wrong) })
	}
}

// testCase is one sentence.
type testCase struct {
	name string
	run  func(b *bench)
}

// bench is a store under test, with a clock that stands still until a case moves it.
type bench struct {
	*testing.T
	store sallyport.Store
	now   time.Time
	users atomic.Int64 // how many users the histories have
}

// The lifetimes of the cases. They are no one's defaults, so that a store with defaults is found out.
const (
	window   = 10 * time.Second
	idle     = 30 * time.Minute
	lifetime = 3 * time.Hour
)

func newBench(t *testing.T, store sallyport.Store) *bench {
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return &bench{T: t, store: store, now: time.Date(2026, 3, 29, 0, 59, 58, 123456000, time.UTC)}
}

func (b *bench) ctx() context.Context { return b.Context() }

// newUser makes an active user who is not stored yet.
func (b *bench) newUser(username, email string) sallyport.User {
	return sallyport.User{
		ID: sallyport.NewID(b.now), Username: username, Email: email, IsActive: true,
		CreatedAt: b.now, UpdatedAt: b.now,
	}
}

// addUser stores a new user who has a password and no address.
func (b *bench) addUser(username string) sallyport.User {
	b.Helper()
	return b.add(b.newUser(username, ""))
}

func (b *bench) add(u sallyport.User) sallyport.User {
	b.Helper()
	if err := b.store.CreateUser(b.ctx(), u, "hash of "+u.Username, sallyport.Event{}); err != nil {
		b.Fatalf("CreateUser(%q) = %v", u.Username, err)
	}
	return u
}

// newSession makes a session that is not stored yet.
func (b *bench) newSession(userID sallyport.ID) sallyport.Session {
	return sallyport.Session{
		ID: sallyport.NewID(b.now), UserID: userID, CreatedAt: b.now, LastUsedAt: b.now,
		IdleEnd: b.now.Add(idle), AbsoluteEnd: b.now.Add(lifetime),
	}
}

// start stores a new session of the user.
func (b *bench) start(u sallyport.User) sallyport.Session {
	b.Helper()
	return b.startStep(sallyport.SessionStart{Session: b.newSession(u.ID), CredentialVersion: b.version(u)})
}

func (b *bench) startStep(step sallyport.SessionStart) sallyport.Session {
	b.Helper()
	if err := b.store.StartSession(b.ctx(), step); err != nil {
		b.Fatalf("StartSession() = %v", err)
	}
	return step.Session
}

// version is the version of the user's credential.
func (b *bench) version(u sallyport.User) int64 {
	b.Helper()
	_, credential, err := b.store.UserByName(b.ctx(), u.Username, "")
	if err != nil {
		b.Fatalf("UserByName(%q) = %v", u.Username, err)
	}
	return credential.Version
}

// stored reads a session that must be there.
func (b *bench) stored(id sallyport.ID) sallyport.Session {
	b.Helper()
	s, _, err := b.store.Session(b.ctx(), id)
	if err != nil {
		b.Fatalf("Session() = %v", err)
	}
	return s
}

// refresh presents generation n now.
func (b *bench) refresh(s sallyport.Session, n int64) sallyport.RefreshOutcome {
	b.Helper()
	outcome, err := b.store.Refresh(b.ctx(), b.step(s, n))
	if err != nil {
		b.Fatalf("Refresh(%d) = %v", n, err)
	}
	return outcome
}

func (b *bench) step(s sallyport.Session, n int64) sallyport.RefreshStep {
	return sallyport.RefreshStep{
		SessionID: s.ID, Generation: n, At: b.now, RetryWindow: window, IdleTTL: idle, MaxAdvances: 1000, AdvancePeriod: time.Minute,
	}
}

// wantRule presents generation n now and checks which rule fires.
func (b *bench) wantRule(s sallyport.Session, n int64, want sallyport.RefreshRule) sallyport.RefreshOutcome {
	b.Helper()
	outcome := b.refresh(s, n)
	if outcome.Rule != want {
		b.Errorf("Refresh(%d).Rule = %d, want %d", n, outcome.Rule, want)
	}
	return outcome
}

// wantEnded checks that the session has ended, now and for that reason.
func (b *bench) wantEnded(s sallyport.Session, reason sallyport.EndReason) {
	b.Helper()
	if got := b.stored(s.ID); got.EndReason != reason || !got.EndedAt.Equal(b.now) {
		b.Errorf("session ended with %q at %v, want %q at %v", got.EndReason, got.EndedAt, reason, b.now)
	}
}

func (b *bench) wantLive(s sallyport.Session) {
	b.Helper()
	if got := b.stored(s.ID); got.EndReason != "" || !got.EndedAt.IsZero() {
		b.Errorf("session ended with %q at %v, want it live", got.EndReason, got.EndedAt)
	}
}

func (b *bench) wantError(what string, got, want error) {
	b.Helper()
	if !errors.Is(got, want) {
		b.Errorf("%s = %v, want %v", what, got, want)
	}
}

func (b *bench) wantEqual(what string, got, want any) {
	b.Helper()
	if d := diff(got, want); d != "" {
		b.Errorf("%s differs (-got +want):\n%s", what, d)
	}
}

// diff compares what was read with what was written. A list or an object that is empty may come
// back as nil, and attributes are compared as the JSON that they are.
func diff(got, want any) string {
	return cmp.Diff(got, want, cmpopts.EquateEmpty(), cmp.FilterValues(bothAttributes, cmp.Comparer(sameJSON)))
}

func bothAttributes(a, b map[string]any) bool { return len(a) > 0 && len(b) > 0 }

func sameJSON(a, b map[string]any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

func ptr[T any](v T) *T { return &v }
