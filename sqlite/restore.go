package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Prepare makes a copy of the backup from, beside the database file path, that [Replace] can put into its place, and
// returns its name. It refuses a file that is damaged or no database of Sallyport, and one that a newer release has
// written. What root prepares belongs to the owner of the database, or of its folder when there is none.
func Prepare(ctx context.Context, from, path string) (prepared string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("sqlite: restore %q: %w", from, err)
		}
	}()
	if err := check(ctx, from); err != nil {
		return "", err
	}
	if path, err = Resolve(path); err != nil { // a link stays one, and leads to what is restored
		return "", err
	}
	prepared = path + ".restoring"
	for _, old := range []string{prepared, prepared + "-wal", prepared + "-shm"} { // of an attempt that was cut off
		if err := remove(old); err != nil {
			return "", err
		}
	}
	return prepared, copyDatabase(ctx, from, prepared, path)
}

// remove is os.Remove of a file that need not exist.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
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
// either. What was there is kept in the file [Kept].
// Whenever it is cut off, path is either the old database or the new one, whole.
func Replace(prepared, path string) error {
	if err := replace(prepared, path, os.Link); err != nil {
		return fmt.Errorf("sqlite: restore into %q: %w", path, permission(err, path))
	}
	return nil
}

// Kept names the file in which [Replace] will keep the database file path: one that is not there yet, because a second
// restore often means that the first one took the wrong backup.
func Kept(path string) string {
	if resolved, err := Resolve(path); err == nil {
		path = resolved
	}
	kept := path + ".before-restore"
	for n := 2; ; n++ {
		if _, err := os.Lstat(kept); err != nil {
			return kept
		}
		kept = fmt.Sprintf("%s.before-restore-%d", path, n)
	}
}

// replace gets the way to make a hard link, because a file system may have none.
func replace(prepared, path string, link func(from, to string) error) error {
	path, err := Resolve(path)
	if err != nil {
		return err
	}
	// What is in the write-ahead log belongs to the old file. It must be in there before that is replaced, or the
	// log would be applied to the new one.
	if err := settle(path); err != nil {
		return err
	}
	if err := settle(prepared); err != nil {
		return err
	}
	if err := keep(path, Kept(path), link); err != nil {
		return err
	}
	if err := os.Rename(prepared, path); err != nil {
		return err
	}
	return syncFile(path)
}

// keep gives the database, which is settled and nobody has open, a second name or else a copy. The file path itself is
// not touched, so there is no moment without it. The copy gets its name when it is on the disk.
func keep(path, kept string, link func(from, to string) error) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	notLinked := link(path, kept)
	if notLinked == nil {
		return nil
	}
	// EPERM, ENOTSUP, EXDEV and others: no file system has the same reason.
	draft := kept + ".part"
	err := remove(draft) // of an attempt that was cut off
	if err == nil {
		err = copyFile(path, draft)
	}
	if err == nil {
		err = os.Rename(draft, kept)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep a copy of the database: %w", err), notLinked, remove(draft))
	}
	return syncFile(kept)
}

// copyFile copies the database path, which nobody has open, to a new file of the same owner.
func copyFile(path, to string) (err error) {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close() // it was only read
	file, err := newFile(to, path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return syncFile(to)
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
