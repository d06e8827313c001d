package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/sqlstore"
)

const (
	// busyTimeout is how long a statement waits for another process that writes.
	busyTimeout = 1200 * time.Millisecond
	// callTimeout bounds one call of the store with its waiting.
	callTimeout = 1500 * time.Millisecond
	// maxLog is the size in bytes to which the write-ahead log is cut after a long reader made it grow.
	maxLog = 64 << 20
	// minReaders is how many readers there are on a small machine.
	minReaders = 4
)

// Open opens the database in the file path and brings its schema up to date. A file that does not
// exist is made, readable by its owner alone; its folder must exist. A database that an older release
// has written is copied to a file beside it first; one that was written by a newer release is refused and left as it
// is. A symbolic link is the file that it leads to ([Resolve]).
//
// What root makes belongs to the owner of the database, or of its folder when the database is new. The error wraps
// fs.ErrPermission when the user who runs this process may not use the files: [DeniedFiles] lists them.
func Open(path string) (sallyport.Store, error) {
	db, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %q: %w", path, permission(err, path))
	}
	return sqlstore.New(db), nil
}

func open(path string) (*database, error) {
	path, err := Resolve(path)
	if err != nil {
		return nil, err
	}
	if err := createFile(path, path); err != nil {
		return nil, err
	}
	if _, denied := deniedFile(path); denied { // of which SQLite would make a database that is for reading only
		return nil, fs.ErrPermission
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	db := &database{closed: make(chan struct{})}
	if err := db.connect(context.Background(), absolute); err != nil {
		return nil, errors.Join(err, db.release())
	}
	db.writer.start()
	return db, nil
}

// createFile makes the file, if there is none, before SQLite would make it readable by others; like is the database that
// it belongs to. A file that exists is not touched: closing any descriptor of it would drop the POSIX locks that
// another store of this process may hold.
func createFile(path, like string) error {
	if info, err := os.Stat(path); err == nil {
		if !info.Mode().IsRegular() {
			return errors.New("not a regular file")
		}
		return nil
	}
	file, err := newFile(path, like)
	if errors.Is(err, fs.ErrExist) {
		return nil // somebody else has just made it
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// connect fills db: first the writer, which brings the schema up to date, then the readers.
func (db *database) connect(ctx context.Context, path string) (err error) {
	db.writers, err = sql.Open("sqlite", dataSource(path))
	if err != nil {
		return err
	}
	db.writers.SetMaxOpenConns(1)
	conn, err := db.writers.Conn(ctx)
	if err != nil {
		return err
	}
	db.writer = newWriter(conn, db.inPlace)
	if err := useWAL(ctx, conn); err != nil {
		return err
	}
	db.path = path
	if db.file, err = os.Stat(path); err != nil {
		return err
	}
	if err := migrate(ctx, conn, path); err != nil {
		return err
	}
	if err := db.writer.prepare(ctx); err != nil {
		return err
	}

	db.readers, err = sql.Open("sqlite", dataSource(path, "query_only(on)"))
	if err != nil {
		return err
	}
	readers := max(minReaders, runtime.GOMAXPROCS(0)+2)
	db.readers.SetMaxOpenConns(readers)
	db.readers.SetMaxIdleConns(readers)
	db.reads, err = sqlstore.Prepare(ctx, db.readers, sqlstore.Reads())
	return err
}

// dataSource names the file and what every connection to it is set to. Every commit is synced
// (FULL): an ending or a sign-in that was acknowledged survives a loss of power.
func dataSource(path string, pragmas ...string) string {
	query := url.Values{"_pragma": append([]string{
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
		"synchronous(full)",
		"foreign_keys(on)",
		fmt.Sprintf("journal_size_limit(%d)", maxLog),
	}, pragmas...)}
	file := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	return file.String()
}

// useWAL turns on the write-ahead log, in which readers and the writer do not block each other.
// The mode stays in the file. While several connections turn it on at once SQLite answers "busy"
// without waiting, so the wait is ours.
func useWAL(ctx context.Context, conn *sql.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, busyTimeout)
	defer cancel()
	for {
		var mode string
		err := conn.QueryRowContext(context.WithoutCancel(ctx), "pragma journal_mode = wal").Scan(&mode)
		if err == nil && mode != "wal" {
			return fmt.Errorf("the write-ahead log is not available here (journal mode %s)", mode)
		}
		if !isBusy(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}
