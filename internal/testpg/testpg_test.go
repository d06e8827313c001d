package testpg_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/internal/testpg"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testpg.Main(m)) }

func TestDatabaseIsEmptyAndOfItsOwn(t *testing.T) {
	first, second := testpg.Database(t), testpg.Database(t)
	testpg.Exec(t, first, "create table notes (text text)")
	for dsn, want := range map[string]string{first: "1", second: "0"} {
		if got := value(t, dsn, "select count(*)::text from pg_class where relname = 'notes'"); got != want {
			t.Errorf("%s has %s tables, want %s", dsn, got, want)
		}
	}
}

func TestDatabaseIsDropped(t *testing.T) {
	var dsn string
	t.Run("use", func(t *testing.T) { dsn = testpg.Database(t) })
	conn, err := pgx.Connect(t.Context(), dsn)
	if err == nil {
		_ = conn.Close(t.Context())
		t.Errorf("%s is still there", dsn)
	}
}

// What was committed is there after an orderly stop and after a kill.
func TestClusterStopsKillsAndStarts(t *testing.T) {
	c := testpg.Start(t, testpg.Options{Durable: true, TCP: true})
	testpg.Exec(t, c.DSN("postgres"), "create table notes (text text)")
	for _, end := range []func(testing.TB){c.Stop, c.Kill} {
		testpg.Exec(t, c.URL("postgres"), "insert into notes values ('kept')")
		end(t)
		if conn, err := pgx.Connect(t.Context(), c.DSN("postgres")); err == nil {
			_ = conn.Close(t.Context())
			t.Error("the server still answers")
		}
		c.Start(t)
	}
	if got := value(t, c.DSN("postgres"), "select count(*)::text from notes"); got != "2" {
		t.Errorf("%s rows were kept, want 2", got)
	}
}

func TestClusterSettings(t *testing.T) {
	c := testpg.Start(t, testpg.Options{
		Durable:  true,
		Settings: map[string]string{"synchronous_commit": "off"},
		Through:  []string{"sh", "-c", `exec "$@" -c cluster_name=through`, "sh"},
	})
	for name, want := range map[string]string{"fsync": "on", "full_page_writes": "on", "synchronous_commit": "off", "listen_addresses": "", "cluster_name": "through"} {
		if got := value(t, c.DSN("postgres"), "show "+name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestClusterIsRemoved(t *testing.T) {
	var dir string
	t.Run("use", func(t *testing.T) {
		config, err := pgx.ParseConfig(testpg.Start(t, testpg.Options{}).DSN("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		dir = config.Host
	})
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat(%q) = %v, want it gone", dir, err)
	}
}

// value reads one text.
func value(t *testing.T, dsn, statement string) (text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), statement).Scan(&text); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return text
}
