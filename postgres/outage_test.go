package postgres_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/testpg"
)

// step presents generation n at noon, within every window.
func step(id sallyport.ID, n int64) sallyport.RefreshStep {
	return sallyport.RefreshStep{SessionID: id, Generation: n, At: noon, RetryWindow: 10 * time.Second, IdleTTL: time.Hour,
		MaxAdvances: 1_000_000, AdvancePeriod: time.Minute}
}

func logoff(id sallyport.ID) sallyport.SessionEnd {
	return sallyport.SessionEnd{Session: id, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: noon}
}

// everyWay calls a store in the three ways that a step is run in.
func everyWay(t *testing.T, store sallyport.Store, s sallyport.Session) map[string]error {
	t.Helper()
	errs := map[string]error{}
	for name, call := range map[string]func() error{
		"Session": func() error { _, _, err := store.Session(t.Context(), s.ID); return err },
		"Refresh": func() error { _, err := store.Refresh(t.Context(), step(s.ID, 1)); return err },
		"sign-in": func() error {
			_, err := signIn(t.Context(), store, "user "+sallyport.NewID(noon).String())
			return err
		},
	} {
		start := time.Now()
		errs[name] = call()
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s took %v, want at most 2 s", name, took)
		}
	}
	return errs
}

func wantUnavailable(t *testing.T, store sallyport.Store, s sallyport.Session) {
	t.Helper()
	for name, err := range everyWay(t, store, s) {
		if !errors.Is(err, sallyport.ErrStoreUnavailable) {
			t.Errorf("%s = %v, want %v", name, err, sallyport.ErrStoreUnavailable)
		}
	}
}

func wantWorks(t *testing.T, store sallyport.Store, s sallyport.Session) {
	t.Helper()
	for name, err := range everyWay(t, store, s) {
		if err != nil {
			t.Errorf("%s = %v, want it to work", name, err)
		}
	}
}

// ownStore starts a server for the test alone, with a store and a session on it.
func ownStore(t *testing.T, o testpg.Options, dsn func(*testpg.Cluster) string) (*testpg.Cluster, sallyport.Store, sallyport.Session) {
	t.Helper()
	c := testpg.Start(t, o)
	migrate(t, dsn(c))
	store := opened(t, dsn(c))
	s, err := signIn(t.Context(), store, "alice")
	if err != nil {
		t.Fatal(err)
	}
	wantWorks(t, store, s)
	return c, store, s
}

// P5: without the server everything is unavailable, in time; with it everything works, in the same store.
func TestServerStops(t *testing.T) {
	for _, c := range []struct {
		name string
		o    testpg.Options
		dsn  func(*testpg.Cluster) string
	}{
		{"socket", testpg.Options{}, func(c *testpg.Cluster) string { return c.DSN("postgres") }},
		{"TCP", testpg.Options{TCP: true}, func(c *testpg.Cluster) string { return c.URL("postgres") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cluster, store, s := ownStore(t, c.o, c.dsn)
			for _, end := range []func(testing.TB){cluster.Stop, cluster.Kill} {
				end(t)
				wantUnavailable(t, store, s)
				cluster.Start(t)
				wantWorks(t, store, s)
			}
		})
	}
}

// A restart that nobody has noticed costs one call at most: with its connection all the others go that have
// been left behind.
func TestServerRestartsUnnoticed(t *testing.T) {
	t.Parallel()
	cluster, store, s := ownStore(t, testpg.Options{TCP: true}, func(c *testpg.Cluster) string { return c.URL("postgres") })
	errs := make(chan error)
	for range 20 { // every connection there may be
		go func() {
			_, _, err := store.Session(t.Context(), s.ID)
			_, ended := store.EndSessions(t.Context(), logoff(sallyport.NewID(noon)))
			errs <- errors.Join(err, ended)
		}()
	}
	for range 20 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	cluster.Kill(t)
	cluster.Start(t)
	if _, _, err := store.Session(t.Context(), s.ID); err != nil && !errors.Is(err, sallyport.ErrStoreUnavailable) {
		t.Errorf("Session() = %v, want at most %v", err, sallyport.ErrStoreUnavailable)
	}
	wantWorks(t, store, s)
}

// P7: a server that has become read-only is left. What was a fault of the node is none of ours, and the store
// returns to it when it can be written to again.
func TestFailover(t *testing.T) {
	t.Parallel()
	cluster, store, s := ownStore(t, testpg.Options{}, func(c *testpg.Cluster) string { return c.DSN("postgres") })
	reader := opened(t, cluster.DSN("postgres")+"&target_session_attrs=any")
	setReadOnly(t, cluster, "on")
	var err error
	for deadline := time.Now().Add(10 * time.Second); err == nil && time.Now().Before(deadline); {
		_, err = store.EndSessions(t.Context(), logoff(s.ID)) // until its connection has heard of it too
	}
	if !errors.Is(err, sallyport.ErrStoreUnavailable) {
		t.Errorf("EndSessions() on a read-only node = %v, want %v", err, sallyport.ErrStoreUnavailable)
	}
	wantUnavailable(t, store, s) // reads too: what this node knows may be old
	if _, _, err := reader.Session(t.Context(), s.ID); err != nil {
		t.Errorf("Session() from any node = %v", err)
	}
	setReadOnly(t, cluster, "off")
	wantWorks(t, store, s)
}

// setReadOnly has every connection of the cluster refuse to write, or accept it again.
func setReadOnly(t *testing.T, c *testpg.Cluster, value string) {
	t.Helper()
	dsn := c.DSN("postgres")
	testpg.Exec(t, dsn, "set default_transaction_read_only = off") // fails unless it can be connected to
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, statement := range []string{"alter system set default_transaction_read_only = " + value, "select pg_reload_conf()"} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for shown := ""; shown != value; { // the server's processes take it up one after the other
		if err := conn.QueryRow(t.Context(), "show default_transaction_read_only").Scan(&shown); err != nil {
			t.Fatal(err)
		}
	}
}

// P8: when nothing more can be written, what is there can be read and is whole; when there is room again,
// writing goes on, in the same store. The room is bounded by the size that a file may have (setrlimit(2)), for
// which nobody needs to be root; the server says "disk full" when it can write a part of a page only.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	const limit = 12288 + 8 // of 512 bytes: six million bytes and half a page
	cluster, store, s := ownStore(t, testpg.Options{Through: []string{"sh", "-c", fmt.Sprintf(`ulimit -S -f %d; exec "$@"`, limit), "sh"}},
		func(c *testpg.Cluster) string { return c.DSN("postgres") })
	user := s.UserID
	var refused error
	text := ""
	for n := 0; refused == nil && n < 20; n++ {
		b := make([]byte, 600_000)
		if _, err := rand.Read(b); err != nil {
			t.Fatal(err)
		}
		name := base64.StdEncoding.EncodeToString(b) // cannot be compressed much
		_, refused = store.UpdateUser(t.Context(), user, sallyport.UserChange{FirstName: &name}, noon, sallyport.Event{})
		if refused == nil {
			text = name
		}
	}
	var fault *pgconn.PgError
	if !errors.As(refused, &fault) {
		t.Fatalf("UpdateUser() on a full disk = %v, want an error of the server", refused)
	}
	if fault.Code == "53100" != errors.Is(refused, sallyport.ErrStoreUnavailable) {
		t.Errorf("UpdateUser() on a full disk = %v, want %v", refused, sallyport.ErrStoreUnavailable)
	}
	t.Logf("refused with %v", fault)
	if u, err := store.User(t.Context(), user); err != nil || u.FirstName != text {
		t.Errorf("User() on a full disk = %d bytes, %v, want it unchanged, %d bytes", len(u.FirstName), err, len(text))
	}
	testpg.Exec(t, cluster.DSN("postgres"), "vacuum users") // what the updates have replaced makes room
	name := strings.Repeat("x", 100)
	if _, err := store.UpdateUser(t.Context(), user, sallyport.UserChange{FirstName: &name}, noon, sallyport.Event{}); err != nil {
		t.Errorf("UpdateUser() afterwards = %v", err)
	}
	wantWorks(t, store, s)
	testpg.Exec(t, cluster.DSN("postgres"), "reindex database postgres") // reads every row
}
