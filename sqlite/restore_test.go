package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// addUser writes to the database of a file.
func addUser(t *testing.T, path, name string) {
	t.Helper()
	store := open(t, path)
	defer store.Close()
	if err := store.CreateUser(t.Context(), sallyport.User{ID: sallyport.NewID(noon), Username: name, CreatedAt: noon}, "", sallyport.Event{}); err != nil {
		t.Fatal(err)
	}
}

// wantUser asks the database of a file for a user.
func wantUser(t *testing.T, path, name string, want bool) {
	t.Helper()
	store := open(t, path)
	defer store.Close()
	if _, _, err := store.UserByName(t.Context(), name, ""); (err == nil) != want {
		t.Errorf("%s: UserByName(%q) = %v, want it there: %v", filepath.Base(path), name, err, want)
	}
}

// twoStates makes a database with two users, and a backup with the first of them.
func twoStates(t *testing.T, path string) (backup string) {
	t.Helper()
	addUser(t, path, "before")
	backup = filepath.Join(t.TempDir(), "backup.db")
	if err := sqlite.Backup(t.Context(), path, backup); err != nil {
		t.Fatal(err)
	}
	addUser(t, path, "after")
	return backup
}

// noLinks makes hard links as a file system does that has none.
func noLinks(from, to string) error {
	return &os.LinkError{Op: "link", Old: from, New: to, Err: syscall.EPERM}
}

// A file system without hard links gets a copy of what was there, and at no moment there is no database.
func TestRestoreWithoutHardLinks(t *testing.T) {
	for _, reason := range []error{syscall.EPERM, syscall.ENOTSUP, syscall.EXDEV} {
		t.Run(reason.Error(), func(t *testing.T) {
			path := databasePath(t)
			backup := twoStates(t, path)
			kept := sqlite.Kept(path)
			if err := os.WriteFile(kept+".part", []byte("half"), 0o600); err != nil { // of a restore that was cut off
				t.Fatal(err)
			}
			prepared, err := sqlite.Prepare(t.Context(), backup, path)
			if err != nil {
				t.Fatal(err)
			}
			missing := watch(path)
			asked := false
			err = sqlite.ReplaceWith(prepared, path, func(from, to string) error {
				asked = from == path && to == kept
				return &os.LinkError{Op: "link", Old: from, New: to, Err: reason}
			})
			if times := missing(); times > 0 {
				t.Errorf("there was no database at %d moments", times)
			}
			if err != nil || !asked {
				t.Fatalf("Replace() = %v, a link was asked for: %v", err, asked)
			}
			wantUser(t, path, "before", true)
			wantUser(t, path, "after", false)
			wantUser(t, kept, "after", true)
			wantMode(t, path)
			wantMode(t, kept)
			if _, err := os.Lstat(kept + ".part"); err == nil {
				t.Error("the copy has two names")
			}
		})
	}
}

// watch looks for a file until the function that it returns is called, which says how often there was none.
func watch(path string) (missing func() int) {
	stop, found := make(chan struct{}), make(chan int)
	go func() {
		times := 0
		for {
			if info, err := os.Stat(path); err != nil || info.Size() == 0 {
				times++
			}
			select {
			case <-stop:
				found <- times
				return
			default:
			}
		}
	}()
	return func() int { close(stop); return <-found }
}

// What cannot be kept is not replaced.
func TestRestoreKeepsOrDoesNothing(t *testing.T) {
	path := databasePath(t)
	backup := twoStates(t, path)
	prepared, err := sqlite.Prepare(t.Context(), backup, path)
	if err != nil {
		t.Fatal(err)
	}
	inTheWay := filepath.Join(sqlite.Kept(path)+".part", "file")
	if err := os.MkdirAll(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.ReplaceWith(prepared, path, noLinks); !errors.Is(err, syscall.EPERM) {
		t.Errorf("Replace() = %v, want an error that says why there is no link", err)
	}
	wantUser(t, path, "after", true)
}

// links are ways to name the file test.db of a folder.
var links = []struct {
	name string
	make func(t *testing.T, folder string) (path string)
}{
	{"absolute", func(t *testing.T, folder string) string {
		return symlink(t, filepath.Join(folder, "test.db"), filepath.Join(t.TempDir(), "link.db"))
	}},
	{"relative", func(t *testing.T, folder string) string {
		return symlink(t, "test.db", filepath.Join(folder, "link.db"))
	}},
	{"of a folder", func(t *testing.T, folder string) string {
		return filepath.Join(symlink(t, folder, filepath.Join(t.TempDir(), "link")), "test.db")
	}},
	{"to a link", func(t *testing.T, folder string) string {
		symlink(t, "test.db", filepath.Join(folder, "link.db"))
		return symlink(t, filepath.Join(folder, "link.db"), filepath.Join(t.TempDir(), "again.db"))
	}},
}

func symlink(t *testing.T, to, name string) string {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
	return name
}

// A file and a link to it are one database: one lock, one log, one place to restore into.
func TestLinks(t *testing.T) {
	for _, tc := range links {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel() // a lock that is held is waited for
			path := databasePath(t)
			backup := twoStates(t, path)
			link := tc.make(t, filepath.Dir(path))
			lock, err := sqlite.Lock(path)
			if err != nil {
				t.Fatal(err)
			}
			if other, err := sqlite.Lock(link); !errors.Is(err, sqlite.ErrLocked) {
				t.Errorf("Lock(%q) while %q is locked = %v, want %v", link, path, err, sqlite.ErrLocked)
				if err == nil {
					other.Close()
				}
			}
			if err := lock.Close(); err != nil {
				t.Error(err)
			}
			wantUser(t, link, "after", true)

			before, err := os.Lstat(link)
			if err != nil {
				t.Fatal(err)
			}
			prepared, err := sqlite.Prepare(t.Context(), backup, link)
			if err != nil {
				t.Fatal(err)
			}
			if err := sqlite.Replace(prepared, link); err != nil {
				t.Fatal(err)
			}
			if after, err := os.Lstat(link); err != nil || after.Mode().Type() != before.Mode().Type() {
				t.Errorf("the link is %v, %v after the restore, want it as it was: %v", after.Mode(), err, before.Mode())
			}
			wantUser(t, path, "after", false)
			wantUser(t, link, "before", true)
			wantUser(t, path+".before-restore", "after", true)
		})
	}
}

// A link may be there before its file.
func TestLinkToNothingYet(t *testing.T) {
	for _, tc := range links {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := databasePath(t)
			link := tc.make(t, filepath.Dir(path))
			lock, err := sqlite.Lock(link)
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Close()
			if _, err := sqlite.Lock(path); !errors.Is(err, sqlite.ErrLocked) {
				t.Errorf("Lock(%q) = %v, want %v", path, err, sqlite.ErrLocked)
			}
			addUser(t, link, "ada")
			wantMode(t, path)
			wantUser(t, path, "ada", true)
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	folder := t.TempDir()
	for _, tc := range []struct{ name, path string }{
		{"link to itself", symlink(t, filepath.Join(folder, "loop"), filepath.Join(folder, "loop"))},
		{"link into a folder that is missing", symlink(t, filepath.Join(folder, "none", "test.db"), filepath.Join(folder, "lost"))},
		{"folder that is missing", filepath.Join(folder, "none", "test.db")},
		{"nothing", ""},
	} {
		if got, err := sqlite.Resolve(tc.path); err == nil {
			t.Errorf("%s: Resolve(%q) = %q, want an error", tc.name, tc.path, got)
		}
	}
}
