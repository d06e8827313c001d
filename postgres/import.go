package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/sallyport-auth/sallyport/internal/sqlstore"
)

// ErrNotEmpty means that the database, into which something was to be imported, holds something already.
var ErrNotEmpty = errors.New("the database is not empty")

// Imported is how many rows of a table were imported.
type Imported struct {
	Table string
	Rows  int64
}

// Import fills the empty tables that [Migrate] has made with what export hands to each, such as sqlite.Export does: all
// of it or, after an error, nothing. It returns [ErrNotEmpty] for a database that holds users, sessions or keys.
// Numbers that stand for truth become booleans; every other value is taken as it is.
func Import(ctx context.Context, dsn string, export func(each func(table string, columns []string, row []any) error) error) ([]Imported, error) {
	imported, err := importAll(ctx, dsn, export)
	return imported, explain("import", err)
}

func importAll(ctx context.Context, dsn string, export func(each func(string, []string, []any) error) error) (_ []Imported, err error) {
	s, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	all, err := migrations()
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) // undoes what was not committed
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
		return nil, err
	}
	applied, err := readSchema(ctx, tx, all)
	if err == nil {
		err = applied.check(len(all))
	}
	if err == nil {
		err = checkEmpty(ctx, tx)
	}
	if err != nil {
		return nil, err
	}
	i := importer{tx: tx}
	add := func(table string, columns []string, row []any) error { return i.add(ctx, table, columns, row) }
	if err := export(add); err != nil {
		return nil, err
	}
	if err := i.flush(ctx); err != nil {
		return nil, err
	}
	if err := tx.Commit(ctx); err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, "analyze") // or the first statements would be planned for empty tables
	return i.done, err
}

func checkEmpty(ctx context.Context, tx pgx.Tx) error {
	for _, table := range sqlstore.Tables() {
		var filled bool
		if err := tx.QueryRow(ctx, "select exists (select 1 from "+table+")").Scan(&filled); err != nil {
			return err
		}
		if filled {
			return fmt.Errorf("%w: there are rows in %s", ErrNotEmpty, table)
		}
	}
	return nil
}

// importPart is how many rows are sent at a time.
const importPart = 1000

// importer collects rows and sends them by the COPY protocol.
type importer struct {
	tx       pgx.Tx
	done     []Imported
	columns  []string
	booleans []int // which of the columns
	rows     [][]any
}

// add takes a row of the table whose rows come at the moment, or of the next one.
func (i *importer) add(ctx context.Context, table string, columns []string, row []any) error {
	if len(i.done) == 0 || i.done[len(i.done)-1].Table != table {
		if err := i.begin(ctx, table, columns); err != nil {
			return err
		}
	}
	if len(row) != len(i.columns) {
		return fmt.Errorf("a row of %s has %d values for %d columns", table, len(row), len(i.columns))
	}
	for _, column := range i.booleans {
		if number, ok := row[column].(int64); ok {
			row[column] = number != 0
		}
	}
	if i.rows = append(i.rows, row); len(i.rows) < importPart {
		return nil
	}
	return i.flush(ctx)
}

func (i *importer) begin(ctx context.Context, table string, columns []string) error {
	if err := i.flush(ctx); err != nil {
		return err
	}
	i.columns, i.booleans = columns, nil
	selected := ""
	for n, column := range columns {
		if n > 0 {
			selected += ", "
		}
		selected += pgx.Identifier{column}.Sanitize()
	}
	description, err := i.tx.Prepare(ctx, "", "select "+selected+" from "+pgx.Identifier{table}.Sanitize())
	if err != nil {
		return err
	}
	for n, field := range description.Fields {
		if field.DataTypeOID == pgtype.BoolOID {
			i.booleans = append(i.booleans, n)
		}
	}
	i.done = append(i.done, Imported{Table: table})
	return nil
}

func (i *importer) flush(ctx context.Context) error {
	if len(i.rows) == 0 {
		return nil
	}
	current := &i.done[len(i.done)-1]
	n, err := i.tx.CopyFrom(ctx, pgx.Identifier{current.Table}, i.columns, pgx.CopyFromRows(i.rows))
	if err != nil {
		return fmt.Errorf("table %s: %w", current.Table, err)
	}
	current.Rows += n
	i.rows = i.rows[:0]
	return nil
}
