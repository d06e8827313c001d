package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"
)

// floorPostgres is the table of the floors on PostgreSQL, through database/sql and the product's driver, which
// prepares each statement once on a connection.
type floorPostgres struct{ quick, durable *sql.DB }

// floorPostgresConnections are those of each of the two pools: as many as in the product.
const floorPostgresConnections = 5

const (
	floorTable = `create table sessions (id bytea primary key, user_id bytea not null, gen bigint not null,
		gen_at bigint not null, agent text not null) with (fillfactor = 70)`
	floorRead   = "select user_id, gen, gen_at, agent from sessions where id = $1"
	floorUpdate = "update sessions set gen = gen + 1, gen_at = $2 where id = $1 returning gen"
	floorInsert = "insert into sessions (id, user_id, gen, gen_at, agent) values ($1, $1, 0, $2, 'Mozilla/5.0 (X11; Linux x86_64)') returning gen"
)

// openFloorPostgres makes the table and its rows.
func openFloorPostgres(ctx context.Context, url string, rows int) (f *floorPostgres, err error) {
	f = &floorPostgres{}
	if f.durable, err = sql.Open("pgx", url); err != nil {
		return nil, err
	}
	if f.quick, err = sql.Open("pgx", url+"&synchronous_commit=off"); err != nil {
		return nil, errors.Join(err, f.durable.Close())
	}
	for _, db := range []*sql.DB{f.quick, f.durable} {
		db.SetMaxOpenConns(floorPostgresConnections)
		db.SetMaxIdleConns(floorPostgresConnections)
	}
	_, err = f.quick.ExecContext(ctx, floorTable)
	for n := 0; n < rows && err == nil; n++ {
		err = write(ctx, f.quick, floorInsert, rowID(n))
	}
	if err == nil {
		_, err = f.durable.ExecContext(ctx, "vacuum analyze sessions")
	}
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// write runs a statement that is a transaction by itself.
func write(ctx context.Context, db *sql.DB, statement string, id []byte) error {
	var gen int64
	return db.QueryRowContext(ctx, statement, id, time.Now().UnixMicro()).Scan(&gen)
}

// works are what a path can name. row picks the row.
func (f *floorPostgres) works(row func() []byte) map[string]work {
	return map[string]work{
		workPGRead: func(ctx context.Context) error {
			var user []byte
			var gen, at int64
			var agent string
			return f.quick.QueryRowContext(ctx, floorRead, row()).Scan(&user, &gen, &at, &agent)
		},
		workPGUpdate:        func(ctx context.Context) error { return write(ctx, f.quick, floorUpdate, row()) },
		workPGUpdateDurable: func(ctx context.Context) error { return write(ctx, f.durable, floorUpdate, row()) },
		workPGInsert: func(ctx context.Context) error {
			id := make([]byte, 16)
			rand.Read(id)
			return write(ctx, f.durable, floorInsert, id)
		},
	}
}

func (f *floorPostgres) close() error { return errors.Join(f.quick.Close(), f.durable.Close()) }
