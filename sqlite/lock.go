package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// ErrLocked means that another process serves the database.
var ErrLocked = errors.New("sqlite: another server holds the database")

// lockSuffix names the file beside the database that a server locks.
const lockSuffix = ".lock"

// Lock makes this process the only server of the database file path, until the lock is closed or the process is gone,
// however it ends. It returns ErrLocked while another one is, also one that names the file by a symbolic link. It is for
// servers alone: a command, which [Open] lets work beside a server, takes no lock. The error wraps fs.ErrPermission as
// that of Open does.
//
// The lock is one of SQLite's own, on a file beside the database, so that it means the same on every system.
func Lock(path string) (io.Closer, error) {
	lock, err := lockFile(path)
	switch {
	case isBusy(err):
		return nil, ErrLocked
	case err != nil:
		return nil, fmt.Errorf("sqlite: lock %q: %w", path, permission(err, path))
	}
	return lock, nil
}

// fileLock is an exclusive transaction that is never ended.
type fileLock struct {
	db   *sql.DB
	conn *sql.Conn
}

func lockFile(path string) (_ *fileLock, err error) {
	path, err = Resolve(path)
	if err != nil {
		return nil, err
	}
	if err := createFile(path+lockSuffix, path); err != nil {
		return nil, err
	}
	absolute, err := filepath.Abs(path + lockSuffix)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	l := &fileLock{}
	if l.db, err = sql.Open("sqlite", dataSource(absolute)); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	if l.conn, err = l.db.Conn(ctx); err != nil {
		return nil, err
	}
	// A server that is being replaced may still be closing: the busy timeout waits for it.
	_, err = l.conn.ExecContext(ctx, "begin exclusive")
	return l, err
}

// Close lets another server begin. The file stays: to remove it could take it from under that one.
func (l *fileLock) Close() error {
	var faults []error
	if l.conn != nil {
		faults = append(faults, l.conn.Close())
	}
	return errors.Join(append(faults, l.db.Close())...)
}
