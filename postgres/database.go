package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/internal/sqlstore"
)

const (
	// callTimeout bounds one call of the store with its waiting.
	callTimeout = 1500 * time.Millisecond
	// answerTimeout is when a call is answered even if its step does not end in time.
	answerTimeout = callTimeout + 300*time.Millisecond
	// maxRestarts is how often a transaction that lost to another one is run again.
	maxRestarts = 2
)

var (
	errClosed  = errors.New("the database is closed")
	errTooLate = fmt.Errorf("no answer within %v", callTimeout)
)

// database is a sqlstore.Database on a server.
type database struct {
	durable, fast *pool

	closing sync.Once
	closed  chan struct{}
}

// newDatabase makes both pools, of one half of the connections each. A step of the durable pool holds its
// connection for some ten round trips and the disk, one of the fast pool for one round trip, but of these there
// are many more. With 2 cores beside the server's five connections make 6,000 sign-ins a second, which no password
// hash keeps up with, and five make 11,000 refreshes or 35,000 session checks: more would not help either.
func newDatabase(s settings) *database {
	fast := s.conns / 2
	given := s.config.RuntimeParams
	return &database{
		durable: newPool(s.withSetup(sessionSettings(given, commitDurable)), s.conns-fast, sqlstore.Writes()),
		fast:    newPool(s.withSetup(sessionSettings(given, commitFast)), fast, append(sqlstore.Reads(), sqlstore.Singles()...)),
		closed:  make(chan struct{}),
	}
}

// Read implements sqlstore.Database. Outside of a transaction every statement sees a snapshot of its own.
func (db *database) Read(ctx context.Context, op string, fn sqlstore.Step) error {
	return db.run(ctx, op, db.fast, func(ctx context.Context) error { return db.fast.autocommit(ctx, fn) })
}

// Single implements sqlstore.Database, in one round trip, without waiting for the disk.
func (db *database) Single(ctx context.Context, op string, fn sqlstore.Step) error {
	return db.run(ctx, op, db.fast, func(ctx context.Context) error { return db.fast.autocommit(ctx, fn) })
}

// Write implements sqlstore.Database. PostgreSQL undoes one of several transactions that wait for each other; that
// one is run again, and with it fn. Of all that it did, only the last run stays.
func (db *database) Write(ctx context.Context, op string, fn sqlstore.Step) error {
	return db.run(ctx, op, db.durable, func(ctx context.Context) error {
		err := db.durable.transact(ctx, fn)
		for n := 0; n < maxRestarts && lostToAnother(err); n++ {
			giveWay(ctx)
			err = db.durable.transact(ctx, fn)
		}
		return err
	})
}

// giveWay lets a transaction go first that waits for what the one that lost to it has just let go. Without that the
// latter, run again at once, may take it away from it, and both wait for each other as before.
func giveWay(ctx context.Context) {
	pause := time.NewTimer(5*time.Millisecond + rand.N(20*time.Millisecond))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
}

// run has a pool run work, which may go on after the answer: no caller who leaves breaks the connection that is
// used for it.
func (db *database) run(ctx context.Context, op string, p *pool, work func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return about(op, err)
	}
	late := time.NewTimer(answerTimeout)
	defer late.Stop()
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	if err := p.enter(ctx, limited, db.closed); err != nil {
		cancel()
		if left := ctx.Err(); left != nil {
			return about(op, left)
		}
		return explain(op, err)
	}
	answer := make(chan error, 1) // holds one, so that the step never waits for a caller who has left
	go func() {
		defer p.leave()
		defer cancel()
		answer <- db.attempt(limited, work)
	}()
	select {
	case err := <-answer:
		return explain(op, err)
	case <-ctx.Done():
		return about(op, ctx.Err())
	case <-late.C:
		return explain(op, errTooLate)
	}
}

// attempt runs work and sees to what its failure means for the connections.
func (db *database) attempt(limited context.Context, work func(context.Context) error) error {
	err := protect(limited, work)
	switch {
	case err == nil:
		return nil
	case limited.Err() != nil:
		// What it failed with is not wrapped: that a context has ended which is not the caller's would mislead.
		return fmt.Errorf("%w: %v", errTooLate, err)
	case movedAway(err):
		db.durable.dropIdle()
		db.fast.dropIdle()
	}
	return err
}

// protect turns a panic of work into an error.
func protect(ctx context.Context, work func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return work(ctx)
}

// Close implements sqlstore.Database. A second call does nothing.
func (db *database) Close() (err error) {
	db.closing.Do(func() {
		close(db.closed)
		db.durable.drain()
		db.fast.drain()
		err = errors.Join(db.durable.db.Close(), db.fast.db.Close())
	})
	return err
}
