package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Prepare makes a copy of the backup from, beside the database file path, that [Replace] can put into its place, and
// returns its name. It refuses a file that is damaged or no database of Sallyport, and one that a newer release has
// written.
func Prepare(ctx context.Context, from, path string) (prepared string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("sqlite: restore %q: %w", from, err)
		}
	}()
	if err := check(ctx, from); err != nil {
		return "", err
	}
	prepared = path + ".restoring"
	for _, old := range []string{prepared, prepared + "-wal", prepared + "-shm"} { // of an attempt that was cut off
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return prepared, copyDatabase(ctx, from, prepared)
}

// check reads the whole file.
func check(ctx context.Context, path string) (err error) {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	db, err := openReadOnly(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var verdict string
	if err := db.QueryRowContext(ctx, "pragma quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("it is damaged: %s", verdict)
	}
	all, err := migrations()
	if err != nil {
		return err
	}
	var version int
	if err := db.QueryRowContext(ctx, "select max(version) from schema_version").Scan(&version); err != nil {
		return errors.New("it is no database of Sallyport")
	}
	if version > len(all) {
		return fmt.Errorf("its schema has version %d, this release knows %d: use the newer release", version, len(all))
	}
	return nil
}

// Replace puts a prepared file, which nobody has open, into the place of the database file path, which nobody has open
// either. What was there is kept in the file that is named after it with ".before-restore", in place of an older one.
// Whenever it is cut off, path is either the old database or the new one, whole.
func Replace(prepared, path string) error {
	if err := replace(prepared, path); err != nil {
		return fmt.Errorf("sqlite: restore into %q: %w", path, err)
	}
	return nil
}

func replace(prepared, path string) error {
	// What is in the write-ahead log belongs to the old file. It must be in there before that is replaced, or the
	// log would be applied to the new one.
	if err := settle(path); err != nil {
		return err
	}
	if err := settle(prepared); err != nil {
		return err
	}
	kept := path + ".before-restore"
	if err := os.Remove(kept); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Link(path, kept); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(prepared, path); err != nil {
		return err
	}
	return syncFile(path)
}

// settle moves all of the write-ahead log into its file, and removes the log.
func settle(path string) (err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	db, err := openBeside(path)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	var mode string
	err = db.QueryRow("pragma journal_mode = delete").Scan(&mode)
	if err == nil && mode != "delete" {
		err = errors.New("another program has it open")
	}
	return errors.Join(err, db.Close())
}
