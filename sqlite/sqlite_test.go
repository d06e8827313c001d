package sqlite_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/sqlite"
	"github.com/sallyport-auth/sallyport/storetest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnvironment); path != "" {
		workUntilKilled(path)
	}
	goleak.VerifyTestMain(m)
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) sallyport.Store { return open(t, databasePath(t)) })
}

// Two handles are to each other as two processes are: each has a writer of its own.
func TestStoreOfTwoHandles(t *testing.T) {
	storetest.Run(t, func(t *testing.T) sallyport.Store {
		path := databasePath(t)
		return alternating([2]sallyport.Store{open(t, path), open(t, path)})
	})
}

func databasePath(t testing.TB) string { return filepath.Join(t.TempDir(), "test.db") }

// open opens a store that the caller closes.
func open(t testing.TB, path string) sallyport.Store {
	t.Helper()
	store, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// opened opens a store that the test closes at its end.
func opened(t testing.TB, path string) sallyport.Store {
	t.Helper()
	store := open(t, path)
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

func mustSignIn(t testing.TB, store sallyport.Store, username string) sallyport.Session {
	t.Helper()
	s, err := signIn(t.Context(), store, username)
	if err != nil {
		t.Fatalf("StartSession(%q) = %v", username, err)
	}
	return s
}

// step presents generation n at noon, within every window.
func step(id sallyport.ID, n int64) sallyport.RefreshStep {
	return sallyport.RefreshStep{SessionID: id, Generation: n, At: noon, RetryWindow: 10 * time.Second, IdleTTL: time.Hour}
}

func wantRule(t testing.TB, store sallyport.Store, id sallyport.ID, n int64, want sallyport.RefreshRule) {
	t.Helper()
	outcome, err := store.Refresh(t.Context(), step(id, n))
	if err != nil || outcome.Rule != want {
		t.Errorf("Refresh(%d) = rule %d, %v, want rule %d", n, outcome.Rule, err, want)
	}
}

func logoff(id sallyport.ID) sallyport.SessionEnd {
	return sallyport.SessionEnd{Session: id, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: noon}
}

// What was answered is in the files before the store is closed: a copy of them has it.
func TestAnswersAreInTheFiles(t *testing.T) {
	path := databasePath(t)
	store := opened(t, path)
	live, ended := mustSignIn(t, store, "alice"), mustSignIn(t, store, "bob")
	wantRule(t, store, live.ID, 1, sallyport.RuleAdvance)
	if _, err := store.EndSessions(t.Context(), logoff(ended.ID)); err != nil {
		t.Fatal(err)
	}

	moved := filepath.Join(t.TempDir(), "moved.db")
	for _, suffix := range []string{"", "-wal"} {
		copyFile(t, path+suffix, moved+suffix)
	}
	again := opened(t, moved)
	wantRule(t, again, live.ID, 2, sallyport.RuleAdvance)
	wantRule(t, again, ended.ID, 1, sallyport.RuleRefused)
	if s, _, err := again.Session(t.Context(), ended.ID); err != nil || s.EndReason != sallyport.EndedByLogoff {
		t.Errorf("Session() = ended by %q, %v, want %q", s.EndReason, err, sallyport.EndedByLogoff)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// After Close the whole database is in one file.
func TestCloseLeavesOneFile(t *testing.T) {
	path := databasePath(t)
	store := open(t, path)
	s := mustSignIn(t, store, "alice")
	if err := store.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	if err := store.Close(); err != nil {
		t.Errorf("Close() again = %v", err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != 1 {
		t.Errorf("files after Close = %q, %v, want one", files, err)
	}
	wantRule(t, opened(t, path), s.ID, 1, sallyport.RuleAdvance)
}

// Many stores open one new file at once: one migrates.
func TestOpenAtOnce(t *testing.T) {
	for round := range 5 {
		path := databasePath(t)
		errs := make(chan error)
		for i := range 8 {
			go func() {
				errs <- func() error {
					store, err := sqlite.Open(path)
					if err != nil {
						return err
					}
					_, err = signIn(context.Background(), store, fmt.Sprintf("user %d", i))
					if closed := store.Close(); err == nil {
						err = closed
					}
					return err
				}()
			}()
		}
		for range 8 {
			if err := <-errs; err != nil {
				t.Errorf("round %d: %v", round, err)
			}
		}
		users, err := opened(t, path).Users(t.Context(), sallyport.ID{}, 10)
		if err != nil || len(users) != 8 {
			t.Errorf("Users() = %d users, %v, want 8", len(users), err)
		}
	}
}
