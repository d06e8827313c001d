package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Migration is one step of the schema.
type Migration struct {
	Name    string // "0001_start.sql"
	Applied bool
}

// Status lists the migrations that this release knows and whether they have been applied to the database file path.
// It changes nothing; a file that does not exist has none. Open applies those that are pending.
func Status(ctx context.Context, path string) ([]Migration, error) {
	all, err := migrations()
	if err != nil {
		return nil, err
	}
	version := 0
	if _, err := os.Stat(path); err == nil {
		if version, err = appliedVersion(ctx, path); err != nil {
			return nil, fmt.Errorf("sqlite: status of %q: %w", path, permission(err, path))
		}
	}
	status := make([]Migration, len(all))
	for i, m := range all {
		status[i] = Migration{m.name, m.version <= version}
	}
	return status, nil
}

func appliedVersion(ctx context.Context, path string) (version int, err error) {
	db, err := openReadOnly(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var tables, versioned int
	if err := db.QueryRowContext(ctx, "select count(*), count(*) filter (where name = 'schema_version') from sqlite_schema").
		Scan(&tables, &versioned); err != nil {
		return 0, err
	}
	switch {
	case tables == 0:
		return 0, nil
	case versioned == 0:
		return 0, errOtherProgram
	}
	err = db.QueryRowContext(ctx, "select coalesce(max(version), 0) from schema_version").Scan(&version)
	return version, err
}
