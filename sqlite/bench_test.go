package sqlite

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/sqlstore"
)

const (
	benchmarkClients  = 64
	benchmarkSessions = 1000
)

// BenchmarkRefresh has 64 clients advance 1,000 sessions: in groups, as the store does, and with a
// transaction for each step, as it would without a group.
func BenchmarkRefresh(b *testing.B) {
	for _, c := range []struct {
		name  string
		limit int
	}{{"grouped", maxGroup}, {"single", 1}} {
		b.Run(c.name, func(b *testing.B) {
			store, sessions := benchmarkStore(b, c.limit)
			var calls atomic.Int64
			inParallel(b, func() error {
				call := calls.Add(1) - 1
				_, err := store.Refresh(b.Context(), sallyport.RefreshStep{
					SessionID: sessions[call%benchmarkSessions].ID, Generation: call/benchmarkSessions + 1,
					At: benchmarkNow, RetryWindow: 10 * time.Second, IdleTTL: time.Hour,
				})
				return err
			})
		})
	}
}

// BenchmarkSession is the check of a session behind an access token.
func BenchmarkSession(b *testing.B) {
	store, sessions := benchmarkStore(b, maxGroup)
	var calls atomic.Int64
	inParallel(b, func() error {
		_, _, err := store.Session(b.Context(), sessions[calls.Add(1)%benchmarkSessions].ID)
		return err
	})
}

// BenchmarkStartSession is what a sign-in writes.
func BenchmarkStartSession(b *testing.B) {
	store, sessions := benchmarkStore(b, maxGroup)
	var calls atomic.Int64
	inParallel(b, func() error {
		s := sessions[calls.Add(1)%benchmarkSessions]
		s.ID = sallyport.NewID(benchmarkNow)
		return store.StartSession(b.Context(), sallyport.SessionStart{Session: s, CredentialVersion: 1})
	})
}

var benchmarkNow = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// benchmarkStore opens a store whose writer takes at most limit steps at once, with a thousand
// users who have a session each.
func benchmarkStore(b *testing.B, limit int) (*sqlstore.Store, []sallyport.Session) {
	db := connected(b)
	db.writer.limit = limit
	db.writer.start()
	store := sqlstore.New(db)
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Errorf("Close() = %v", err)
		}
	})
	sessions := make([]sallyport.Session, benchmarkSessions)
	for i := range sessions {
		u := sallyport.User{
			ID: sallyport.NewID(benchmarkNow), Username: fmt.Sprintf("user%d", i), Email: fmt.Sprintf("user%d@example.org", i),
			IsActive: true, Groups: []string{"staff"}, CreatedAt: benchmarkNow, UpdatedAt: benchmarkNow,
		}
		sessions[i] = sallyport.Session{
			ID: sallyport.NewID(benchmarkNow), UserID: u.ID, CreatedAt: benchmarkNow, LastUsedAt: benchmarkNow,
			IdleEnd: benchmarkNow.Add(time.Hour), AbsoluteEnd: benchmarkNow.Add(2 * time.Hour),
			UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", IP: "192.0.2.1",
		}
		if err := store.StartSession(b.Context(), sallyport.SessionStart{Session: sessions[i], NewUser: &u}); err != nil {
			b.Fatal(err)
		}
	}
	return store, sessions
}

// inParallel has 64 clients make the call and reports how many a second there are.
func inParallel(b *testing.B, call func() error) {
	b.SetParallelism(max(1, benchmarkClients/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := call(); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
