package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/sqlstore"
)

// Open opens the database that dsn names: a URL such as postgres://user:password@host/name, or the keywords
// and values of libpq, whose environment variables and password file count too. It changes nothing: it returns an
// error that wraps [ErrSchema] when the tables have to be made or brought up to date first, which is
// what [Migrate] does. An error that wraps sallyport.ErrStoreUnavailable means that the server cannot answer now.
//
// Of several hosts, and after a failover, it takes the one that can be written to, unless target_session_attrs says
// otherwise. pool_max_conns is the number of connections, 10 by default and 2 at least. No error shows dsn.
func Open(ctx context.Context, dsn string) (sallyport.Store, error) {
	db, err := open(ctx, dsn)
	if err != nil {
		return nil, explain("open", err)
	}
	return sqlstore.New(db), nil
}

func open(ctx context.Context, dsn string) (*database, error) {
	s, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	db := newDatabase(s)
	if err := db.check(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// check connects once, so that what cannot work fails when the database is opened.
func (db *database) check(ctx context.Context) error {
	conn, err := db.durable.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	all, err := migrations()
	if err != nil {
		return err
	}
	return raw(conn, func(conn *pgx.Conn) error {
		if err := checkServer(conn.PgConn()); err != nil {
			return err
		}
		s, err := readSchema(ctx, conn, all)
		if err != nil {
			return err
		}
		if err := s.check(len(all)); err != nil {
			return err
		}
		return prepareOnce(ctx, conn.PgConn(), slices.Concat(sqlstore.Reads(), sqlstore.Singles(), sqlstore.Writes()))
	})
}

// raw runs fn on the driver's own connection.
func raw(conn *sql.Conn, fn func(*pgx.Conn) error) error {
	return conn.Raw(func(c any) error { return fn(c.(*stdlib.Conn).Conn()) })
}

// prepareOnce has the server read every statement. Each takes the place of the one before, the server's unnamed
// statement, so nothing stays.
func prepareOnce(ctx context.Context, conn *pgconn.PgConn, statements []string) error {
	for _, text := range statements {
		if _, err := conn.Prepare(ctx, "", text, nil); err != nil {
			return fmt.Errorf("prepare %q: %w", text, err)
		}
	}
	return nil
}
