package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// pool is some connections to one server, with the right to use them.
type pool struct {
	db    *sql.DB
	slots chan struct{} // holds one for each step that runs
	known statements
	drops atomic.Int64 // how often dropIdle was called
}

// newPool makes a pool that connects when it is used.
func newPool(config *pgx.ConnConfig, conns int, known []string) *pool {
	p := &pool{slots: make(chan struct{}, conns), known: make(statements, len(known))}
	p.db = stdlib.OpenDB(*config, stdlib.OptionAfterConnect(p.mark), stdlib.OptionResetSession(p.refuseDropped))
	for _, text := range known {
		p.known[text] = true
	}
	p.db.SetMaxOpenConns(conns)
	p.db.SetMaxIdleConns(conns)
	// A connection is renewed now and then, to follow a change of addresses and to give back the server's
	// memory; not in all instances at one time.
	p.db.SetConnMaxLifetime(time.Hour + rand.N(10*time.Minute))
	return p
}

// enter takes a slot. Waiting for it here, not for a connection in database/sql, a caller may leave without
// breaking a connection that is about to be made.
func (p *pool) enter(caller, limited context.Context, closed <-chan struct{}) error {
	select {
	case p.slots <- struct{}{}:
	case <-closed:
		return errClosed
	case <-caller.Done():
		return caller.Err()
	case <-limited.Done():
		return errTooLate
	}
	select {
	case <-closed:
		p.leave()
		return errClosed
	default:
		return nil
	}
}

func (p *pool) leave() { <-p.slots }

// drain takes every slot, for good: it waits for the steps that run.
func (p *pool) drain() {
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
}

// dropIdle has every connection that is there closed in place of being used again. (Lowering SetMaxIdleConns for a
// moment would close them at once, and is a data race inside database/sql.)
func (p *pool) dropIdle() { p.drops.Add(1) }

const dropsSeen = "drops"

// mark notes on a connection how often connections had been dropped when it was made.
func (p *pool) mark(_ context.Context, c *pgx.Conn) error {
	c.PgConn().CustomData()[dropsSeen] = p.drops.Load()
	return nil
}

// refuseDropped is asked before a connection is used again: with driver.ErrBadConn it is closed, and another one is taken.
func (p *pool) refuseDropped(_ context.Context, c *pgx.Conn) error {
	if c.PgConn().CustomData()[dropsSeen] != p.drops.Load() {
		return driver.ErrBadConn
	}
	return nil
}

// transact runs fn in a transaction.
func (p *pool) transact(ctx context.Context, fn step) error {
	tx, err := p.begin(ctx)
	if err != nil {
		return err
	}
	// After a commit this does nothing; if it fails, the connection is closed, which undoes as much.
	defer tx.Rollback()
	if err := fn(ctx, queries{on: tx, known: p.known}); err != nil {
		return err
	}
	return tx.Commit()
}

// begin begins a transaction. Where that finds a connection that broke while nobody used it, nothing has been done
// yet, and another one is taken.
func (p *pool) begin(ctx context.Context) (*sql.Tx, error) {
	tx, err := p.db.BeginTx(ctx, nil)
	if movedAway(err) && !isRefused(err) {
		p.dropIdle()
		return p.db.BeginTx(ctx, nil)
	}
	return tx, err
}

// autocommit runs fn, whose statement is a transaction by itself.
func (p *pool) autocommit(ctx context.Context, fn step) error {
	return fn(ctx, queries{on: p.db, known: p.known})
}
