package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one step forward of the schema.
type migration struct {
	version int
	name    string
	text    string
}

// migrations lists the embedded migrations; their file names begin with 0001, 0002 and so on.
func migrations() ([]migration, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	all := make([]migration, 0, len(names))
	for i, name := range names {
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		name = strings.TrimPrefix(name, "migrations/")
		number, _, _ := strings.Cut(name, "_")
		if version, err := strconv.Atoi(number); err != nil || version != i+1 {
			return nil, fmt.Errorf("migration %s: want the number %04d", name, i+1)
		}
		all = append(all, migration{version: i + 1, name: name, text: string(text)})
	}
	return all, nil
}

// migrate brings the schema up to date in one transaction. It begins by taking the write lock, so
// of two processes that start together one migrates and the other finds the work done.
//
// A database that is not new is copied first, beside itself.
func migrate(ctx context.Context, conn *sql.Conn, path string) (err error) {
	all, err := migrations()
	if err != nil {
		return err
	}
	if err := keepCopy(ctx, path, all); err != nil {
		return fmt.Errorf("copy before the migration: %w", err)
	}
	if _, err := conn.ExecContext(ctx, "begin immediate"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, rollback := conn.ExecContext(ctx, "rollback")
			err = errors.Join(err, rollback)
		}
	}()
	version, err := schemaVersion(ctx, conn)
	if err != nil {
		return err
	}
	if version > len(all) {
		return fmt.Errorf("its schema has version %d, this release knows %d: run the newer release", version, len(all))
	}
	for _, m := range all[version:] {
		if _, err := conn.ExecContext(ctx, m.text); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
		if _, err := conn.ExecContext(ctx, "insert into schema_version (version, name) values ($1, $2)", m.version, m.name); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	_, err = conn.ExecContext(ctx, "commit")
	return err
}

// keepCopy copies a database whose schema is older to a file that names the version that it is about to have. One that
// is there already stays: it is of an attempt that failed, or of another process that migrates at this moment.
func keepCopy(ctx context.Context, path string, all []migration) error {
	version, err := appliedVersion(ctx, path)
	if err != nil || version == 0 || version >= len(all) {
		return err
	}
	err = copyDatabase(ctx, path, fmt.Sprintf("%s.before-%04d", path, version+1), path)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

var errOtherProgram = errors.New("it holds the tables of another program")

// schemaVersion is the number of the last migration that was run; 0 for a new database.
func schemaVersion(ctx context.Context, conn *sql.Conn) (version int, err error) {
	var tables, versioned int
	if err := conn.QueryRowContext(ctx, "select count(*), count(*) filter (where name = 'schema_version') from sqlite_schema").
		Scan(&tables, &versioned); err != nil {
		return 0, err
	}
	if tables != 0 && versioned == 0 {
		return 0, errOtherProgram
	}
	if _, err := conn.ExecContext(ctx, `create table if not exists schema_version (
			version integer not null primary key, name text not null) strict`); err != nil {
		return 0, err
	}
	err = conn.QueryRowContext(ctx, "select coalesce(max(version), 0) from schema_version").Scan(&version)
	return version, err
}
