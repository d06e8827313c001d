package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/sallyport-auth/sallyport/internal/sqlstore"
)

// Export reads everything in the database file path as of one instant and hands row after row to each, table
// after table, for postgres.Import. It changes nothing, so it fails for a database that an older release has
// written: [Open] it once. The row is each's to keep. An error of each ends it and is returned.
func Export(ctx context.Context, path string, each func(table string, columns []string, row []any) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("sqlite: export %q: %w", path, permission(err, path))
		}
	}()
	if _, err := os.Stat(path); err != nil { // SQLite would make the file
		return err
	}
	db, err := openReadOnly(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil) // one snapshot for all tables
	if err != nil {
		return err
	}
	defer tx.Rollback() // there is nothing to undo
	if err := checkCurrent(ctx, tx); err != nil {
		return err
	}
	for _, table := range sqlstore.Tables() {
		if err := exportTable(ctx, tx, table, each); err != nil {
			return err
		}
	}
	return nil
}

// checkCurrent refuses a database with another schema than this release makes.
func checkCurrent(ctx context.Context, tx *sql.Tx) error {
	all, err := migrations()
	if err != nil {
		return err
	}
	var version int
	if err := tx.QueryRowContext(ctx, "select max(version) from schema_version").Scan(&version); err != nil {
		return fmt.Errorf("it is no database of Sallyport: %w", err)
	}
	if version != len(all) {
		return fmt.Errorf("its schema has version %d, this release needs %d", version, len(all))
	}
	return nil
}

func exportTable(ctx context.Context, tx *sql.Tx, table string, each func(string, []string, []any) error) error {
	rows, err := tx.QueryContext(ctx, "select * from "+table)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		row, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			places[i] = &row[i]
		}
		if err := rows.Scan(places...); err != nil {
			return err
		}
		if err := each(table, columns, row); err != nil {
			return err
		}
	}
	return rows.Err()
}
