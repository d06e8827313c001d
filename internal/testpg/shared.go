package testpg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Environment is the variable that names, by a URL, a server to use in place of the shared one. Its role must be
// allowed to create databases. Tests that stop or kill a server start their own nevertheless.
const Environment = "SALLYPORT_TEST_POSTGRES"

// clusters are the servers of this program. They are the program's and no test's, so that they can be
// stopped when it is interrupted.
var clusters registry

type registry struct {
	mu      sync.Mutex
	managed bool // Main runs the tests
	running map[*Cluster]bool

	once   sync.Once
	shared string // DSN of the database postgres on the shared server
	err    error
}

func (r *registry) add(c *Cluster) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == nil {
		r.running = map[*Cluster]bool{}
	}
	r.running[c] = true
}

func (r *registry) drop(c *Cluster) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, c)
}

// removeAll stops what still runs.
func (r *registry) removeAll() error {
	r.mu.Lock()
	left := make([]*Cluster, 0, len(r.running))
	for c := range r.running {
		left = append(left, c)
	}
	r.mu.Unlock()
	var faults []error
	for _, c := range left {
		faults = append(faults, c.remove())
	}
	return errors.Join(faults...)
}

// Runner is what *testing.M is.
type Runner interface{ Run() int }

// Main gives a Runner that runs the tests of m and then stops the servers they have used; so it does when the
// program is interrupted. TestMain hands it to whoever would get m:
//
//	goleak.VerifyTestMain(testpg.Main(m))
func Main(m Runner) Runner { return runner{m} }

type runner struct{ tests Runner }

// Run implements Runner.
func (r runner) Run() (code int) {
	clusters.mu.Lock()
	clusters.managed = true
	clusters.mu.Unlock()
	interrupted, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-interrupted:
			removeClusters()
			os.Exit(1)
		case <-done:
		}
	})
	code = r.tests.Run()
	signal.Stop(interrupted)
	close(done)
	watching.Wait()
	if !removeClusters() && code == 0 {
		code = 1
	}
	return code
}

func removeClusters() bool {
	err := clusters.removeAll()
	if err != nil {
		fmt.Fprintf(os.Stderr, "PostgreSQL for tests: %v\n", err)
	}
	return err == nil
}

// mustBeRun fails a test in a program that would leave its servers behind.
func mustBeRun(t testing.TB) {
	t.Helper()
	clusters.mu.Lock()
	defer clusters.mu.Unlock()
	if !clusters.managed {
		t.Fatal("TestMain must have testpg.Main run the tests")
	}
}

// Database makes an empty database on the shared server and gives its DSN. The test's cleanup drops it with
// whatever is still connected.
func Database(t testing.TB) string {
	t.Helper()
	admin := Server(t)
	name := "test_" + strings.ToLower(rand.Text())
	Exec(t, admin, "create database "+name)
	t.Cleanup(func() {
		if err := execute(context.Background(), admin, "drop database "+name+" with (force)"); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	dsn, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	dsn.Path = "/" + name
	return dsn.String()
}

// Schema makes an empty schema on the shared server and gives a DSN in whose connections it is the only one. It costs a
// tenth of a database and will do for whatever does not look beyond its tables. The test's cleanup drops it.
func Schema(t testing.TB) string {
	t.Helper()
	admin := Server(t)
	name := "test_" + strings.ToLower(rand.Text())
	Exec(t, admin, "create schema "+name)
	t.Cleanup(func() {
		if err := execute(context.Background(), admin, "drop schema "+name+" cascade"); err != nil {
			t.Errorf("drop schema: %v", err)
		}
	})
	dsn, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	query := dsn.Query()
	query.Set("search_path", name)
	dsn.RawQuery = query.Encode()
	return dsn.String()
}

// Server gives the DSN of the shared server's own database, as a role that may create databases. The first
// call starts the server, unless Environment names one.
func Server(t testing.TB) string {
	t.Helper()
	if given := os.Getenv(Environment); given != "" {
		return given
	}
	mustBeRun(t)
	clusters.once.Do(func() {
		// It outlives the test that happens to be the first to ask.
		c, err := newCluster(context.Background(), Options{})
		if err != nil {
			clusters.err = err
			return
		}
		clusters.shared = c.DSN("postgres")
	})
	if clusters.err != nil {
		t.Fatalf("PostgreSQL: %v\nor set %s to the URL of a server whose role may create databases", clusters.err, Environment)
	}
	return clusters.shared
}

// Exec runs SQL, which may be several statements, on a connection of its own.
func Exec(t testing.TB, dsn, statements string) {
	t.Helper()
	if err := execute(t.Context(), dsn, statements); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}

func execute(ctx context.Context, dsn, statements string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statements)
	return errors.Join(err, conn.Close(ctx))
}
