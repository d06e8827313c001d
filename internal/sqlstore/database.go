package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Database runs the steps of a store. An error of fn comes back wrapped with op; one that means
// that the database cannot answer also wraps sallyport.ErrStoreUnavailable. When ctx ends first
// the answer is its error.
//
// A caller may get its answer while fn still runs: fn must not write to what its caller reads.
type Database interface {
	// Read runs fn, which runs one statement and so sees one snapshot.
	Read(ctx context.Context, op string, fn Step) error
	// Write runs fn as one atomic step, perhaps more than once: what the last run did stays, durably, if Write
	// returns nil; nothing stays of a run that returned an error, or that was run again. fn starts from nothing
	// each time.
	Write(ctx context.Context, op string, fn Step) error
	// Single is Write for a step that runs one statement, which is atomic by itself. A crash may
	// forget what it did: it is for the advance of a refresh token and for nothing else.
	Single(ctx context.Context, op string, fn Step) error
	// Close waits for the steps under way and releases the database.
	Close() error
}

// Step is the work of one step. It passes ctx on to every statement.
type Step func(ctx context.Context, q Queries) error

// Queries runs prepared statements inside one step. A statement is named by its text; one that is
// in none of Reads, Singles and Writes is an error.
type Queries interface {
	// Exec returns how many rows the statement changed.
	Exec(ctx context.Context, statement string, args ...any) (int64, error)
	// Query returns the rows that the statement yields; the caller closes them.
	Query(ctx context.Context, statement string, args ...any) (*sql.Rows, error)
}

// Prepared is Queries over statements that were prepared beforehand, by their text.
type Prepared map[string]*sql.Stmt

// Preparer prepares a statement: a *sql.DB or a *sql.Conn.
type Preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// Prepare prepares the statements, so that one with a mistake fails when the database is opened.
// After an error the statements that it has prepared are released already.
func Prepare(ctx context.Context, p Preparer, statements []string) (Prepared, error) {
	prepared := make(Prepared, len(statements))
	for _, text := range statements {
		stmt, err := p.PrepareContext(ctx, text)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("prepare %q: %w", text, err), prepared.Close())
		}
		prepared[text] = stmt
	}
	return prepared, nil
}

// Close releases the statements. A connection whose statements are open does not really close.
func (p Prepared) Close() error {
	var faults []error
	for _, stmt := range p {
		faults = append(faults, stmt.Close())
	}
	return errors.Join(faults...)
}

// Exec implements Queries.
func (p Prepared) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	stmt, err := p.statement(statement)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Query implements Queries.
func (p Prepared) Query(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	stmt, err := p.statement(statement)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (p Prepared) statement(text string) (*sql.Stmt, error) {
	if stmt := p[text]; stmt != nil {
		return stmt, nil
	}
	return nil, fmt.Errorf("statement was not prepared: %q", text)
}

// one runs a statement that yields at most one row and scans it into dest. It reports whether
// there was a row. It reads to the end, since an update that returns rows is done only then.
func one(ctx context.Context, q Queries, dest []any, statement string, args ...any) (bool, error) {
	rows, err := q.Query(ctx, statement, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return false, rows.Err()
	}
	if err := rows.Scan(dest...); err != nil {
		return false, err
	}
	if rows.Next() {
		return false, errors.New("more than one row")
	}
	return true, rows.Err()
}
