package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	sqlite3 "modernc.org/sqlite/lib"
)

// Denied is a file that this process may not read and write, or a folder in which it may not make a file.
type Denied struct {
	Path  string
	Owner string // the name of its user, or the number of one that has no name
	Own   bool   // it belongs to who runs this process, so that its mode is what forbids it
}

// DeniedFiles lists what of the database file path is denied to this process, and which of the other files that belong
// to it. A file that does not exist is none. It is for saying what to do about an error that wraps fs.ErrPermission; on
// systems whose files have no POSIX owner there is nothing in it.
func DeniedFiles(path string, others ...string) []Denied {
	if resolved, err := Resolve(path); err == nil {
		path = resolved
	}
	folder := filepath.Dir(path)
	if absolute, err := filepath.Abs(folder); err == nil {
		folder = absolute // "." tells nobody which one is meant
	}
	names := []string{folder, path}
	for _, suffix := range []string{"-wal", "-shm", "-journal", lockSuffix, lockSuffix + "-journal"} {
		names = append(names, path+suffix)
	}
	var all []Denied
	for _, name := range append(names, others...) {
		if d, denied := deniedFile(name); denied {
			all = append(all, d)
		}
	}
	return all
}

// permission adds fs.ErrPermission to an error of SQLite, which has no word of its own for it, when a file of the
// database path is denied to this process.
func permission(err error, path string) error {
	switch resultCode(err) {
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		if len(DeniedFiles(path)) > 0 {
			return fmt.Errorf("%w: %w", fs.ErrPermission, err)
		}
	}
	return err
}

// newFile makes an empty file that its owner alone can read, or returns fs.ErrExist. It belongs to the owner of the
// database file like, or of its folder while there is no such file, if root runs this process: the server, which
// another user runs, could not open what root has made. For "" it belongs to who runs this process.
func newFile(name, like string) (*os.File, error) {
	heir, known := owner{}, false
	if like != "" {
		heir, known = heirOf(like)
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil && known {
		heir.take(file)
	}
	return file, err
}

// HandOver gives a file that this process has just made beside the database file path to the owner of that, if root
// runs this process. SQLite does the same for the files that it makes itself.
//
// Where even root may not, in a container without CAP_CHOWN for example, the file stays root's, as if there was
// nothing to give.
func HandOver(file *os.File, path string) {
	if heir, known := heirOf(path); known {
		heir.take(file)
	}
}

// heirOf is who gets new files of the database path; known is false when this process gives none away.
func heirOf(path string) (heir owner, known bool) {
	if os.Geteuid() != 0 {
		return owner{}, false
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		info, err = os.Stat(filepath.Dir(path))
	}
	if err != nil {
		return owner{}, false
	}
	return ownerOf(info)
}
