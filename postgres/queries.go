package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/sallyport-auth/sallyport/internal/sqlstore"
)

type step = sqlstore.Step

// statements are the texts that may be run. The driver prepares each one when a connection first runs it, and
// keeps it prepared.
type statements map[string]bool

// queries is sqlstore.Queries inside a transaction, or on any connection of a pool.
type queries struct {
	on interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	}
	known statements
}

var _ sqlstore.Queries = queries{}

// Exec implements sqlstore.Queries.
func (q queries) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	if err := q.known.check(statement); err != nil {
		return 0, err
	}
	result, err := q.on.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Query implements sqlstore.Queries.
func (q queries) Query(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	if err := q.known.check(statement); err != nil {
		return nil, err
	}
	return q.on.QueryContext(ctx, statement, args...)
}

func (s statements) check(text string) error {
	if s[text] {
		return nil
	}
	return fmt.Errorf("statement is not one of the store's: %q", text)
}
