package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/sqlite"
)

func TestLock(t *testing.T) {
	path := databasePath(t)
	lock, err := sqlite.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Lock(path); !errors.Is(err, sqlite.ErrLocked) {
		t.Errorf("Lock() while it is held = %v, want %v", err, sqlite.ErrLocked)
	}
	other, err := sqlite.Lock(path + ".other")
	if err != nil {
		t.Errorf("Lock() of another file = %v", err)
	} else {
		other.Close()
	}
	opened(t, path) // a command
	if err := lock.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	again, err := sqlite.Lock(path)
	if err != nil {
		t.Fatalf("Lock() afterwards = %v", err)
	}
	again.Close()
	wantMode(t, path+".lock")
}

func wantMode(t *testing.T, path string) {
	t.Helper()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v, want mode 0600", filepath.Base(path), info.Mode(), err)
	}
}

// A backup that is made while eight write holds, of each of them, all up to some step and nothing after it.
func TestBackupWhileWriting(t *testing.T) {
	path := databasePath(t)
	store := opened(t, path)
	ctx := t.Context()
	const writers = 8
	var users [writers]sallyport.User
	for i := range users {
		users[i] = sallyport.User{ID: sallyport.NewID(noon), Username: fmt.Sprint("user", i), IsActive: true, CreatedAt: noon}
		if err := store.CreateUser(ctx, users[i], "", sallyport.Event{}); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	var writing sync.WaitGroup
	for i := range users {
		writing.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				at := noon.Add(time.Duration(n) * time.Second)
				name := fmt.Sprint(n)
				e := sallyport.Event{ID: sallyport.NewID(at), At: at, Name: "step", UserID: users[i].ID, Detail: name}
				if _, err := store.UpdateUser(ctx, users[i].ID, sallyport.UserChange{FirstName: &name}, at, e); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for n := range 5 {
		to := fmt.Sprintf("%s.backup%d", path, n)
		if err := sqlite.Backup(ctx, path, to); err != nil {
			t.Fatal(err)
		}
		wantMode(t, to)
		copied := open(t, to)
		for _, u := range users {
			got, err := copied.User(ctx, u.ID)
			if err != nil {
				t.Fatal(err)
			}
			events, err := copied.Events(ctx, sallyport.EventQuery{User: u.ID, Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			if got.FirstName != "" && (len(events) == 0 || events[0].Detail != got.FirstName) {
				t.Errorf("the copy has %q in the user and %v in the trail: half of a step", got.FirstName, events)
			}
		}
		copied.Close()
	}
	close(stop)
	writing.Wait()
}

func TestBackupRefuses(t *testing.T) {
	path := databasePath(t)
	if err := sqlite.Backup(t.Context(), path, path+".backup"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Backup() of nothing = %v", err)
	}
	opened(t, path)
	if err := os.WriteFile(path+".there", []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Backup(t.Context(), path, path+".there"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Backup() over a file = %v", err)
	}
	if content, _ := os.ReadFile(path + ".there"); string(content) != "precious" {
		t.Error("Backup() has touched the file that was there")
	}
	if err := sqlite.Backup(t.Context(), path, filepath.Join(path+".folder", "x")); err == nil {
		t.Error("Backup() into a folder that does not exist succeeded")
	}
}

func TestRestore(t *testing.T) {
	ctx, path := t.Context(), databasePath(t)
	backup := path + ".backup"
	store := open(t, path)
	add := func(name string) {
		t.Helper()
		if err := store.CreateUser(ctx, sallyport.User{ID: sallyport.NewID(noon), Username: name, CreatedAt: noon}, "", sallyport.Event{}); err != nil {
			t.Fatal(err)
		}
	}
	add("before")
	if err := sqlite.Backup(ctx, path, backup); err != nil {
		t.Fatal(err)
	}
	add("after")
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	has := func(file, name string, want bool) {
		t.Helper()
		s := open(t, file)
		defer s.Close()
		if _, _, err := s.UserByName(ctx, name, ""); (err == nil) != want {
			t.Errorf("%s: UserByName(%s) = %v, want it there: %v", filepath.Base(file), name, err, want)
		}
	}
	for range 2 { // over what an attempt has left that was cut off, too
		if err := os.WriteFile(path+".restoring", []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		prepared, err := sqlite.Prepare(ctx, backup, path)
		if err != nil {
			t.Fatal(err)
		}
		has(prepared, "before", true)
		if err := sqlite.Replace(prepared, path); err != nil {
			t.Fatal(err)
		}
		has(path, "before", true)
		has(path, "after", false)
		wantMode(t, path)
	}
	has(path+".before-restore", "after", true) // the database of before the first restore, whatever comes after
	has(path+".before-restore-2", "after", false)

	// Another program has the old one open: nothing happens.
	prepared, err := sqlite.Prepare(ctx, backup, path)
	if err != nil {
		t.Fatal(err)
	}
	store = open(t, path)
	add("meanwhile")
	if err := sqlite.Replace(prepared, path); err == nil {
		t.Error("Replace() of an open database succeeded")
	}
	store.Close()
	has(path, "meanwhile", true)
}

func TestRestoreRefuses(t *testing.T) {
	ctx, path := t.Context(), databasePath(t)
	opened(t, path)
	good := path + ".good"
	if err := sqlite.Backup(ctx, path, good); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(content)
	for i := 4096; i < 3*4096; i++ {
		damaged[i] = 0xff
	}
	other, newer := path+".other", path+".newer"
	execute(t, other, "create table users (id integer)")
	if err := os.WriteFile(newer, content, 0o600); err != nil {
		t.Fatal(err)
	}
	execute(t, newer, "insert into schema_version (version, name) values (99, '0099_x.sql')")
	for name, c := range map[string]struct {
		content []byte
		file    string
		want    string
	}{
		"no database":     {content: []byte("a text"), want: "not a database"},
		"damaged":         {content: damaged, want: "damaged"},
		"cut off":         {content: content[:len(content)/2], want: "damaged"},
		"another program": {file: other, want: "no database of sallyport"},
		"newer":           {file: newer, want: "version 99"},
		"missing":         {file: path + ".none", want: "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			file := c.file
			if c.content != nil {
				file = filepath.Join(t.TempDir(), "x.db")
				if err := os.WriteFile(file, c.content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := sqlite.Prepare(ctx, file, path); err == nil || !strings.Contains(strings.ToLower(err.Error()), c.want) && !strings.Contains(err.Error(), "malformed") {
				t.Errorf("Prepare() = %v, want %q in it", err, c.want)
			}
			if _, err := os.Stat(path + ".restoring"); err == nil {
				t.Error("Prepare() has left a file")
			}
		})
	}
}

// oldDatabase makes a database as an older release has left it.
func oldDatabase(t *testing.T, path string) {
	t.Helper()
	for n, name := range []string{"0001_start.sql", "0002_signing_key_states.sql"} {
		text, err := os.ReadFile(filepath.Join("migrations", name))
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			execute(t, path, "create table schema_version (version integer not null primary key, name text not null) strict")
		}
		execute(t, path, string(text))
		execute(t, path, fmt.Sprintf("insert into schema_version values (%d, '%s')", n+1, name))
	}
}

// A database of an older release is copied before it is changed, once; a new one is not.
func TestCopyBeforeAMigration(t *testing.T) {
	ctx, path := t.Context(), databasePath(t)
	oldDatabase(t, path)
	id := sallyport.NewID(noon)
	execute(t, path, fmt.Sprintf(`insert into users values (x'%x', 'old', '', 0, '', '', 1, '[]', '{}', 0, 0, '', 1)`, id[:]))
	execute(t, path, fmt.Sprintf(`insert into sessions values (x'%x', x'%x', 7, 0, 7, 0, 1, 7, 0, 0, 9000000000000000, 9000000000000000, null, '', '', '', '', '')`, id[:], id[:]))
	status := func() (text string) {
		all, err := sqlite.Status(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			text += fmt.Sprintln(m.Name, m.Applied)
		}
		return text
	}
	if got, want := status(), "0001_start.sql true\n0002_signing_key_states.sql true\n0003_limits_events.sql false\n0004_identities.sql false\n0005_revocations.sql false\n"; got != want {
		t.Errorf("Status() = %s, want %s", got, want)
	}
	kept := path + ".before-0003"
	if _, err := os.Stat(kept); err == nil {
		t.Fatal("Status() has copied")
	}
	store := open(t, path)
	outcome, err := store.Refresh(ctx, step(id, 8))
	if err != nil || outcome.Rule != sallyport.RuleAdvance {
		t.Errorf("Refresh() of an old session = %v, %v, want an advance", outcome.Rule, err)
	}
	store.Close()
	wantMode(t, kept)
	old, err := sqlite.Status(ctx, kept)
	if err != nil || old[2].Applied || !old[1].Applied {
		t.Errorf("Status() of the copy = %v, %v, want it as it was", old, err)
	}
	if got := status(); strings.Contains(got, "false") {
		t.Errorf("Status() afterwards = %s", got)
	}
	opened(t, path)
	fresh := databasePath(t)
	opened(t, fresh)
	if found, _ := filepath.Glob(filepath.Join(filepath.Dir(fresh), "*.before-*")); len(found) > 0 {
		t.Errorf("a new database was copied to %v", found)
	}
}
