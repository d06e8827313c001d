//go:build unix

package sqlite_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sallyport-auth/sallyport/sqlite"
)

// Two users who are not root.
const (
	nobody   = 65534
	somebody = 65533
)

// needRoot skips a test that gives files to other users.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED HERE: only root can give files away, and this test does not run as root")
	}
}

func ownerOf(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Error(err)
		return -1
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

// wantOwner checks every file of a folder, so that none is forgotten.
func wantOwner(t *testing.T, folder string, uid int, want ...string) {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found[entry.Name()] = true
			if got := ownerOf(t, path); got != uid {
				t.Errorf("owner of %s = %d, want %d", entry.Name(), got, uid)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for _, name := range want {
		if !found[name] {
			t.Errorf("there is no %s among %v", name, found)
		}
	}
}

// What root makes beside a new database belongs to the owner of its folder.
func TestRootMakesFilesForTheOwnerOfTheFolder(t *testing.T) {
	needRoot(t)
	path := databasePath(t)
	folder := filepath.Dir(path)
	if err := os.Chown(folder, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	lock, err := sqlite.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	store := open(t, path)
	mustSignIn(t, store, "ada")
	wantOwner(t, folder, nobody, "test.db", "test.db-wal", "test.db-shm", "test.db.lock")
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
	wantOwner(t, folder, nobody, "test.db", "test.db.lock")
}

// What root makes beside a database belongs to the owner of that, whoever owns the folder.
func TestRootMakesFilesForTheOwnerOfTheDatabase(t *testing.T) {
	needRoot(t)
	ctx := t.Context()
	for _, tc := range []struct {
		name string
		link func(from, to string) error
	}{
		{"hard links", os.Link},
		{"no hard links", noLinks},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := databasePath(t)
			folder := filepath.Dir(path)
			oldDatabase(t, path)
			for name, uid := range map[string]int{folder: nobody, path: somebody} {
				if err := os.Chown(name, uid, uid); err != nil {
					t.Fatal(err)
				}
			}
			store := open(t, path)
			wantOwner(t, folder, somebody, "test.db", "test.db-wal", "test.db-shm", "test.db.before-0003")
			backup := filepath.Join(t.TempDir(), "backup.db")
			if err := sqlite.Backup(ctx, path, backup); err != nil {
				t.Fatal(err)
			}
			if got := ownerOf(t, backup); got != 0 {
				t.Errorf("owner of a backup = %d, want root, who made it", got)
			}
			if err := store.Close(); err != nil {
				t.Error(err)
			}
			lock, err := sqlite.Lock(path)
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Close()
			prepared, err := sqlite.Prepare(ctx, backup, path)
			if err != nil {
				t.Fatal(err)
			}
			wantOwner(t, folder, somebody, "test.db", "test.db.lock", "test.db.restoring")
			if err := sqlite.ReplaceWith(prepared, path, tc.link); err != nil {
				t.Fatal(err)
			}
			wantOwner(t, folder, somebody, "test.db", "test.db.before-restore")
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if prepared, err = sqlite.Prepare(ctx, backup, path); err != nil {
				t.Fatal(err)
			}
			if got := ownerOf(t, prepared); got != nobody {
				t.Errorf("owner of what is restored where there was nothing = %d, want that of the folder", got)
			}
		})
	}
}

// A link that somebody has planted is not what root gives away.
func TestRootGivesAwayNothingThatWasThere(t *testing.T) {
	needRoot(t)
	path := databasePath(t)
	precious := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Dir(path), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path + ".lock", path} {
		if err := os.Symlink(precious, name); err != nil {
			t.Fatal(err)
		}
		if lock, err := sqlite.Lock(path); err == nil {
			lock.Close()
		}
		open(t, path).Close()
		if got := ownerOf(t, precious); got != 0 {
			t.Fatalf("the owner of the file that %s leads to = %d, want root, whose it was", filepath.Base(name), got)
		}
		os.Remove(path)
	}
}
