package postgres

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/sqlstore"
	"github.com/sallyport-auth/sallyport/internal/testpg"
)

const (
	benchmarkClients  = 64
	benchmarkSessions = 1000
)

// BenchmarkRefresh has 64 clients advance 1,000 sessions of a server that syncs: without waiting for the disk, as the
// store does, and on connections that wait for it.
func BenchmarkRefresh(b *testing.B) {
	for _, c := range []struct{ name, synchronousCommit string }{{"fast", commitFast}, {"durable", commitDurable}} {
		b.Run(c.name, func(b *testing.B) {
			store, sessions := benchmarkStore(b, c.synchronousCommit)
			var calls atomic.Int64
			inParallel(b, func() error {
				call := calls.Add(1) - 1
				_, err := store.Refresh(b.Context(), crashStep(sessions[call%benchmarkSessions].ID, call/benchmarkSessions+1, crashNoon))
				return err
			})
		})
	}
}

// BenchmarkSession is the check of a session behind an access token.
func BenchmarkSession(b *testing.B) {
	store, sessions := benchmarkStore(b, commitFast)
	var calls atomic.Int64
	inParallel(b, func() error {
		_, _, err := store.Session(b.Context(), sessions[calls.Add(1)%benchmarkSessions].ID)
		return err
	})
}

// BenchmarkStartSession is what a sign-in writes.
func BenchmarkStartSession(b *testing.B) {
	store, sessions := benchmarkStore(b, commitFast)
	var calls atomic.Int64
	inParallel(b, func() error {
		s := sessions[calls.Add(1)%benchmarkSessions]
		s.ID = sallyport.NewID(crashNoon)
		return store.StartSession(b.Context(), sallyport.SessionStart{Session: s, CredentialVersion: 1})
	})
}

// benchmarkStore opens a store on a server that syncs, with a thousand users who have a session each. Its fast pool
// has that synchronous_commit.
func benchmarkStore(b *testing.B, synchronousCommit string) (*sqlstore.Store, []sallyport.Session) {
	dsn := testpg.Start(b, testpg.Options{Durable: true}).DSN("postgres")
	if _, err := Migrate(b.Context(), dsn); err != nil {
		b.Fatal(err)
	}
	s := mustParse(b, dsn)
	db := newDatabase(s)
	if err := db.fast.db.Close(); err != nil {
		b.Fatal(err)
	}
	db.fast = newPool(s.withSetup(sessionSettings(s.config.RuntimeParams, synchronousCommit)), cap(db.fast.slots), append(sqlstore.Reads(), sqlstore.Singles()...))
	store := sqlstore.New(db)
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Errorf("Close() = %v", err)
		}
	})
	sessions := make([]sallyport.Session, benchmarkSessions)
	for i := range sessions {
		u := sallyport.User{
			ID: sallyport.NewID(crashNoon), Username: fmt.Sprintf("user%d", i), Email: fmt.Sprintf("user%d@example.org", i),
			IsActive: true, Groups: []string{"staff"}, CreatedAt: crashNoon, UpdatedAt: crashNoon,
		}
		sessions[i] = sallyport.Session{
			ID: sallyport.NewID(crashNoon), UserID: u.ID, CreatedAt: crashNoon, LastUsedAt: crashNoon,
			IdleEnd: crashNoon.Add(time.Hour), AbsoluteEnd: crashNoon.Add(2 * time.Hour),
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
