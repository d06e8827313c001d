package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/sqlstore"
)

var (
	errClosed  = errors.New("the database is closed")
	errTooLate = fmt.Errorf("no answer within %v", callTimeout)
	// errReplaced: what would be written now would be gone with the next start.
	errReplaced = errors.New("the database file was replaced or removed while it was open; start the server again, and use restore for a backup")
)

// database is a sqlstore.Database in one file.
type database struct {
	path    string
	file    os.FileInfo // of path, as it was opened
	writers *sql.DB     // one connection, which the writer holds
	writer  *writer
	readers *sql.DB
	reads   sqlstore.Prepared

	reading sync.RWMutex // held for reading by every Read, so that Close waits for them
	closing sync.Once
	closed  chan struct{}
}

func (db *database) isClosed() bool {
	select {
	case <-db.closed:
		return true
	default:
		return false
	}
}

// inPlace returns errReplaced when path names another file than the one that is open, or none.
func (db *database) inPlace() error {
	now, err := os.Stat(db.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, db.file) {
		return errReplaced
	}
	return nil // what else may be wrong with the path does no harm to an open file
}

// Read implements sqlstore.Database. Outside of a transaction every statement sees a snapshot of
// its own.
func (db *database) Read(ctx context.Context, op string, fn sqlstore.Step) error {
	return db.bounded(ctx, op, func(ctx context.Context) error {
		db.reading.RLock()
		defer db.reading.RUnlock()
		if db.isClosed() {
			return errClosed
		}
		if err := db.inPlace(); err != nil {
			return err
		}
		err := fn(ctx, db.reads)
		if err != nil && ctx.Err() != nil {
			return errTooLate
		}
		return err
	})
}

// Write implements sqlstore.Database.
func (db *database) Write(ctx context.Context, op string, fn sqlstore.Step) error {
	return db.bounded(ctx, op, func(ctx context.Context) error {
		return db.writer.do(ctx, fn)
	})
}

// Single implements sqlstore.Database. In a group with others a step shares the cost of the disk, so there is
// nothing to be gained by forgetting.
func (db *database) Single(ctx context.Context, op string, fn sqlstore.Step) error {
	return db.Write(ctx, op, fn)
}

// bounded gives run the time of one call. Out of time is the caller's affair when the caller's
// context has ended, and else the database's.
func (db *database) bounded(ctx context.Context, op string, run func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := run(bounded)
	if errors.Is(err, errTooLate) && ctx.Err() != nil {
		err = ctx.Err()
	}
	return db.explain(op, err)
}

// explain wraps err with op, and with sallyport.ErrStoreUnavailable when the database could not
// answer.
func (db *database) explain(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case db.cannotAnswer(err):
		return fmt.Errorf("sqlite: %s: %w: %w", op, sallyport.ErrStoreUnavailable, err)
	}
	return fmt.Errorf("sqlite: %s: %w", op, err)
}

func (db *database) cannotAnswer(err error) bool {
	if errors.Is(err, errClosed) || errors.Is(err, errTooLate) || errors.Is(err, errGroupLost) || errors.Is(err, errReplaced) {
		return true
	}
	switch resultCode(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return true
	}
	return false
}

// resultCode is SQLite's primary result code, 0 for an error that is not SQLite's.
func resultCode(err error) int {
	var fault *sqlite.Error
	if errors.As(err, &fault) {
		return fault.Code() & 0xff // the rest is the extended code
	}
	return 0
}

func isBusy(err error) bool { return resultCode(err) == sqlite3.SQLITE_BUSY }

// Close implements sqlstore.Database. A second call does nothing.
func (db *database) Close() (err error) {
	db.closing.Do(func() {
		close(db.closed)
		db.writer.stop()
		db.reading.Lock()
		defer db.reading.Unlock()
		err = db.release()
	})
	return err
}

// release closes what connect has opened. The last connection to a file moves the write-ahead log
// into it.
func (db *database) release() error {
	var faults []error
	if db.readers != nil {
		faults = append(faults, db.reads.Close(), db.readers.Close())
	}
	if db.writer != nil {
		faults = append(faults, db.writer.close())
	}
	if db.writers != nil {
		faults = append(faults, db.writers.Close())
	}
	return errors.Join(faults...)
}
