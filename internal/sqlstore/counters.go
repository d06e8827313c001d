package sqlstore

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport"
)

const (
	// raiseCounter begins a new period when the instant $2 is outside the old one, and else adds one unless the limit
	// $4 is reached; then it does nothing. $3 is the period, $5 when one that begins now is over. A clock that is a
	// little behind is inside.
	raiseCounter = `insert into counters (key, count, since, over_at) values ($1, 1, $2, $5)
		on conflict (key) do update set
			count = case when ` + inPeriod + ` then counters.count + 1 else 1 end,
			since = case when ` + inPeriod + ` then counters.since else $2 end,
			over_at = case when ` + inPeriod + ` then counters.over_at else $5 end
		where counters.count < $4 or not (` + inPeriod + `)`

	inPeriod = `$2 - counters.since < $3 and counters.since - $2 < $3`

	counterState = `select count, since from counters where key = $1`

	// A counter at nought is none: a row is kept for what happened alone. lowerCounter is for one that lastOfCounter left.
	lastOfCounter = `delete from counters where key = $1 and count <= 1`
	lowerCounter  = `update counters set count = count - 1 where key = $1`
	resetCounter  = `delete from counters where key = $1`

	deleteCounters = `delete from counters where key in
		(select key from counters where over_at < $1 order by over_at limit $2)`
)

// errRefused undoes a step in which a counter could not be raised.
var errRefused = errors.New("a counter has reached its limit")

// Count implements sallyport.Store. Every step takes its counters in the order of their keys, so that no two wait for
// each other.
func (s *Store) Count(ctx context.Context, at time.Time, counters ...sallyport.Counter) (sallyport.CountOutcome, error) {
	copies := make([]sallyport.Counter, len(counters))
	for i, c := range counters {
		copies[i] = sallyport.Counter{Key: bytes.Clone(c.Key), Limit: c.Limit, Period: c.Period}
	}
	slices.SortFunc(copies, func(a, b sallyport.Counter) int { return bytes.Compare(a.Key, b.Key) })
	err := s.db.Write(ctx, "count", func(ctx context.Context, q Queries) error {
		for _, c := range copies {
			raised, err := q.Exec(ctx, raiseCounter, c.Key, at.UnixMicro(), c.Period.Microseconds(), int64(c.Limit), at.Add(c.Period).UnixMicro())
			if err == nil && raised == 0 {
				err = errRefused
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if !errors.Is(err, errRefused) {
		return sallyport.CountOutcome{Refused: -1}, err
	}
	// Until is read apart from the step: it is what to tell the client, and decides nothing.
	outcome, err := s.Counted(ctx, at, counters...)
	if err == nil && outcome.Refused < 0 { // its period has just ended, or somebody was let through after all
		outcome = sallyport.CountOutcome{Refused: 0, Until: at}
	}
	return outcome, err
}

// Counted implements sallyport.Store.
func (s *Store) Counted(ctx context.Context, at time.Time, counters ...sallyport.Counter) (sallyport.CountOutcome, error) {
	for i, c := range counters {
		type state struct {
			count int64
			since time.Time
		}
		of, err := read(ctx, s.db, "counted", func(ctx context.Context, q Queries) (of state, err error) {
			_, err = one(ctx, q, []any{&of.count, timeColumn{&of.since}}, counterState, bytes.Clone(c.Key))
			return of, err
		})
		if err != nil {
			return sallyport.CountOutcome{Refused: -1}, err
		}
		if of.count >= int64(c.Limit) && at.Sub(of.since).Abs() < c.Period {
			return sallyport.CountOutcome{Refused: i, Until: of.since.Add(c.Period)}, nil
		}
	}
	return sallyport.CountOutcome{Refused: -1}, nil
}

// Settle implements sallyport.Store.
func (s *Store) Settle(ctx context.Context, c sallyport.Settlement) error {
	c = cloned(c)
	return s.db.Write(ctx, "settle", func(ctx context.Context, q Queries) error { return settle(ctx, q, c) })
}

// settle takes the counters in the order of their keys, as Count does.
func settle(ctx context.Context, q Queries, c sallyport.Settlement) error {
	type change struct {
		key   []byte
		apply func(ctx context.Context, q Queries, key []byte) error
	}
	var changes []change
	for _, key := range c.Undo {
		changes = append(changes, change{key, lower})
	}
	for _, key := range c.Reset {
		changes = append(changes, change{key, reset})
	}
	slices.SortFunc(changes, func(a, b change) int { return bytes.Compare(a.key, b.key) })
	for _, one := range changes {
		if err := one.apply(ctx, q, one.key); err != nil {
			return err
		}
	}
	return nil
}

func lower(ctx context.Context, q Queries, key []byte) error {
	deleted, err := q.Exec(ctx, lastOfCounter, key)
	if err == nil && deleted == 0 {
		_, err = q.Exec(ctx, lowerCounter, key)
	}
	return err
}

func reset(ctx context.Context, q Queries, key []byte) error {
	_, err := q.Exec(ctx, resetCounter, key)
	return err
}

// cloned shares no memory with c.
func cloned(c sallyport.Settlement) sallyport.Settlement {
	keys := func(of [][]byte) (copies [][]byte) {
		for _, key := range of {
			copies = append(copies, bytes.Clone(key))
		}
		return copies
	}
	return sallyport.Settlement{Undo: keys(c.Undo), Reset: keys(c.Reset)}
}
