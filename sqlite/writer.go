package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/sallyport-auth/sallyport/internal/sqlstore"
)

// maxGroup is how many steps share one transaction at most.
const maxGroup = 64

const (
	begin       = "begin immediate" // takes the write lock now; a read that becomes a write later fails at once
	commit      = "commit"
	rollback    = "rollback"
	savepoint   = "savepoint step"
	undoStep    = "rollback to step"
	releaseStep = "release step"
	checkpoint  = "pragma wal_checkpoint(passive)"
)

// errGroupLost is the answer to every step of a group whose transaction was not committed.
var errGroupLost = errors.New("the transaction was not committed")

// writer owns the only connection that writes, and the goroutine that uses it.
type writer struct {
	conn    *sql.Conn
	inPlace func() error // asked before every transaction
	queries sqlstore.Prepared
	limit   int        // of steps in a group
	steps   chan *step // unbuffered: a step that was not taken is never run
	quit    chan struct{}
	done    chan struct{}
}

// step is a step that waits for its answer.
type step struct {
	ctx    context.Context // of the caller; asked only whether it has ended
	fn     sqlstore.Step
	answer chan error // holds one, so that the writer never waits for a caller who has left
}

func newWriter(conn *sql.Conn, inPlace func() error) *writer {
	return &writer{conn: conn, inPlace: inPlace, limit: maxGroup, steps: make(chan *step), quit: make(chan struct{}), done: make(chan struct{})}
}

func (w *writer) prepare(ctx context.Context) (err error) {
	own := []string{begin, commit, rollback, savepoint, undoStep, releaseStep}
	w.queries, err = sqlstore.Prepare(ctx, w.conn, slices.Concat(own, sqlstore.Writes(), sqlstore.Singles()))
	return err
}

func (w *writer) start() { go w.run() }

// stop ends the goroutine after the group that it is writing.
func (w *writer) stop() {
	close(w.quit)
	<-w.done
}

// close releases the connection, after moving what it can of the log into the file.
func (w *writer) close() error {
	// Where other processes have the file open this may do nothing, and nothing is lost.
	_, _ = w.conn.ExecContext(context.Background(), checkpoint)
	return errors.Join(w.queries.Close(), w.conn.Close())
}

// do has fn run by the writer and waits for its answer. When ctx ends first the answer is
// errTooLate: a step that has not begun never will, and one that has may still be committed.
func (w *writer) do(ctx context.Context, fn sqlstore.Step) error {
	s := &step{ctx: ctx, fn: fn, answer: make(chan error, 1)}
	select {
	case w.steps <- s:
	case <-w.quit:
		return errClosed
	case <-ctx.Done():
		return errTooLate
	}
	select {
	case err := <-s.answer:
		return err
	case <-ctx.Done():
		return errTooLate
	}
}

func (w *writer) run() {
	defer close(w.done)
	for {
		select {
		case first := <-w.steps:
			w.write(w.collect(first))
		case <-w.quit:
			return
		}
	}
}

// collect takes the steps that wait already. It waits for none: while one group is written the
// next one gathers.
func (w *writer) collect(first *step) []*step {
	// The scheduler runs a receiver right after its sender. Those who could send by now go first, or on one
	// core every group would be of one step: 8,000 refreshes a second became 2,000.
	runtime.Gosched()
	group := []*step{first}
	for len(group) < w.limit {
		select {
		case s := <-w.steps:
			group = append(group, s)
		default:
			return group
		}
	}
	return group
}

// write commits a group and then answers its steps.
func (w *writer) write(group []*step) {
	answers := make([]error, len(group))
	if err := w.transact(group, answers); err != nil {
		// No answer of a step holds any more: it may have been refused for what a neighbour did.
		for i := range answers {
			answers[i] = fmt.Errorf("%w: %w", errGroupLost, err)
		}
	}
	for i, s := range group {
		s.answer <- answers[i]
	}
}

// transact runs the group in one transaction and notes each step's own answer. An error means that
// nothing was committed.
func (w *writer) transact(group []*step, answers []error) (err error) {
	if err := w.inPlace(); err != nil {
		return err
	}
	if err := w.exec(begin); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// After some errors SQLite has rolled back by itself, and then this one fails.
			_ = w.exec(rollback)
		}
	}()
	for i, s := range group {
		if answers[i], err = w.runStep(s); err != nil {
			return err
		}
	}
	return w.exec(commit)
}

// runStep runs one step so that its failure undoes it alone. The second error means that the
// transaction is lost.
func (w *writer) runStep(s *step) (answer, lost error) {
	if s.ctx.Err() != nil {
		return errTooLate, nil
	}
	if err := w.exec(savepoint); err != nil {
		return nil, err
	}
	answer = w.call(s.fn)
	if answer != nil {
		// When SQLite gave up the whole transaction (disk full, I/O error) there is no savepoint.
		if err := w.exec(undoStep); err != nil {
			return nil, fmt.Errorf("%w after %v", err, answer)
		}
	}
	return answer, w.exec(releaseStep)
}

// call runs fn. The context of the caller does not reach the statements: to interrupt one could
// roll back the whole group.
func (w *writer) call(fn sqlstore.Step) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn(context.Background(), w.queries)
}

func (w *writer) exec(statement string) error {
	_, err := w.queries.Exec(context.Background(), statement)
	return err
}
