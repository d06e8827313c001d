package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/sqlite"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	if err := open(t, newer).Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, newer, "insert into schema_version (version, name) values (9999, '9999_future.sql')")
	foreign := filepath.Join(dir, "foreign.db")
	execute(t, foreign, "create table users (name text)")

	for _, c := range []struct{ name, path, want string }{
		{"no path", "", "the path is empty"},
		{"memory", ":memory:", "name a file"},
		{"folder", dir, "not a regular file"},
		{"missing folder", filepath.Join(dir, "missing", "test.db"), "no such file or directory"},
		{"not a database", text, "not a database"},
		{"newer schema", newer, "run the newer release"},
		{"another program's", foreign, "another program"},
	} {
		t.Run(c.name, func(t *testing.T) {
			store, err := sqlite.Open(c.path)
			if err == nil {
				store.Close()
				t.Fatalf("Open(%q) = nil, want an error", c.path)
			}
			if message := err.Error(); !strings.Contains(message, c.want) || !strings.Contains(message, c.path) {
				t.Errorf("Open(%q) = %q, want the path and %q", c.path, message, c.want)
			}
		})
	}
	if left, err := os.ReadFile(text); err != nil || !strings.HasPrefix(string(left), "this is no database\n") {
		t.Errorf("the file that is no database was changed: %v", err)
	}
}

// execute runs a statement on a database beside the store.
func execute(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// The database holds password hashes and sealed keys: nobody else may read any of its files.
func TestFilesArePrivate(t *testing.T) {
	path := databasePath(t)
	mustSignIn(t, opened(t, path), "alice")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("mode of test.db%s = %v, want 0600", suffix, mode)
		}
	}
}

// A path is a path: no character of it is read as part of a URI.
func TestOpenTakesThePathAsItIs(t *testing.T) {
	for _, name := range []string{"a b.db", "what?mode=memory", "50%20.db", "ü#1.db", "file:x.db", "a&b;c.db"} {
		path := filepath.Join(t.TempDir(), name)
		store := opened(t, path)
		s := mustSignIn(t, store, "alice")
		wantRule(t, opened(t, path), s.ID, 1, sallyport.RuleAdvance)
		if _, err := os.Stat(path); err != nil {
			t.Errorf("Open(%q): %v", name, err)
		}
	}
	t.Chdir(t.TempDir())
	mustSignIn(t, opened(t, "relative.db"), "alice")
	if _, err := os.Stat("relative.db"); err != nil {
		t.Error(err)
	}
}
