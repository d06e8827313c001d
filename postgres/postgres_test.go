package postgres_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/storehook"
	"github.com/sallyport-auth/sallyport/internal/testpg"
	"github.com/sallyport-auth/sallyport/postgres"
	"github.com/sallyport-auth/sallyport/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testpg.Main(m)) }

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) sallyport.Store { return open(t, migrated(t)) })
}

// Two handles are to each other as two servers are.
func TestStoreOfTwoHandles(t *testing.T) {
	storetest.Run(t, func(t *testing.T) sallyport.Store {
		dsn := migrated(t)
		stores := [2]sallyport.Store{open(t, dsn), open(t, dsn)}
		var calls atomic.Uint64
		return &storehook.Store{
			Around: func(ctx context.Context, _ string, call storehook.Call) error {
				return call(ctx, stores[calls.Add(1)%2])
			},
			Closing: func() error { return errors.Join(stores[0].Close(), stores[1].Close()) },
		}
	})
}

// migrated makes a schema that has the tables.
func migrated(t testing.TB) string {
	t.Helper()
	dsn := testpg.Schema(t)
	migrate(t, dsn)
	return dsn
}

func migrate(t testing.TB, dsn string) {
	t.Helper()
	if _, err := postgres.Migrate(t.Context(), dsn); err != nil {
		t.Fatalf("Migrate() = %v", err)
	}
}

// open opens a store that the caller closes.
func open(t testing.TB, dsn string) sallyport.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), dsn)
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	return store
}

// opened opens a store that the test closes at its end.
func opened(t testing.TB, dsn string) sallyport.Store {
	t.Helper()
	store := open(t, dsn)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return store
}

// noon is the clock of these tests.
var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// signIn adds a user with one session.
func signIn(ctx context.Context, store sallyport.Store, username string) (sallyport.Session, error) {
	u := sallyport.User{ID: sallyport.NewID(noon), Username: username, Email: username + "@example.org", IsActive: true,
		Groups: []string{"staff"}, CreatedAt: noon, UpdatedAt: noon}
	s := sallyport.Session{
		ID: sallyport.NewID(noon), UserID: u.ID, CreatedAt: noon, LastUsedAt: noon,
		IdleEnd: noon.Add(time.Hour), AbsoluteEnd: noon.Add(2 * time.Hour),
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", IP: "192.0.2.1",
	}
	return s, store.StartSession(ctx, sallyport.SessionStart{Session: s, NewUser: &u})
}
