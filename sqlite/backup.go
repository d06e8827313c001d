package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Backup writes a consistent copy of the database file path, as of one instant, to the file to, which must not exist.
// A server may go on meanwhile. The copy is readable by its owner alone, who is the one that runs this process: it holds
// password hashes and sealed keys.
func Backup(ctx context.Context, path, to string) (err error) {
	if _, err := os.Stat(path); err != nil { // SQLite would make the file
		return fmt.Errorf("sqlite: back up: %w", err)
	}
	if err := copyDatabase(ctx, path, to, ""); err != nil {
		return fmt.Errorf("sqlite: back up %q: %w", path, permission(err, path))
	}
	return nil
}

// copyDatabase makes the file to, which belongs to the database like or to nobody else, and fills it. After an error
// there is no such file.
func copyDatabase(ctx context.Context, path, to, like string) (err error) {
	file, err := newFile(to, like)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(to))
		}
	}()
	if err := file.Close(); err != nil {
		return err
	}
	db, err := openBeside(path)
	if err != nil {
		return err
	}
	// Into a file that is there and empty, VACUUM writes without changing its mode.
	_, err = db.ExecContext(ctx, "vacuum into $1", to)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return syncFile(to)
}

// openBeside opens a database as it is, beside whoever else has it open.
func openBeside(path string, pragmas ...string) (*sql.DB, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return sql.Open("sqlite", dataSource(absolute, pragmas...))
}

// openReadOnly is openBeside for who only reads. VACUUM, also into another file, counts as writing.
func openReadOnly(path string) (*sql.DB, error) { return openBeside(path, "query_only(on)") }

// syncFile waits until a file, and its name in the folder, are on the disk.
func syncFile(path string) error {
	for _, name := range []string{path, filepath.Dir(path)} {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		err = file.Sync()
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrInvalid) { // a folder, on some systems
			err = nil
		}
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	return nil
}
