package sqlstore

import (
	"context"

	"github.com/sallyport-auth/sallyport"
)

// deleteSessions needs no index on the ends, which would have to be written at every refresh: it goes along the
// ids, which were made in the order of time.
const deleteSessions = `delete from sessions where id > $1 and id <= $2
	and (absolute_end < $3 or idle_end < $3 or ended_at < $3)`

// Sweep implements sallyport.Store.
func (s *Store) Sweep(ctx context.Context, w sallyport.Sweep) (sallyport.SweepOutcome, error) {
	return write(ctx, s.db, "sweep", func(ctx context.Context, q Queries) (o sallyport.SweepOutcome, err error) {
		if o.Last, err = endOfPart(ctx, q, w.After, w.Limit); err != nil {
			return o, err
		}
		now, limit := w.Now.UnixMicro(), max(w.Limit, 0)
		oldest := sallyport.FirstID(w.EventsBefore)
		for _, part := range []struct {
			statement string
			args      []any
		}{
			{deleteSessions, []any{w.After[:], upTo(o.Last), w.SessionsBefore.UnixMicro()}},
			{deleteReplayedTokens, []any{now, limit}},
			{deleteCounters, []any{now, limit}},
			{deleteAddresses, []any{w.AddressesBefore.UnixMicro(), limit}},
			{deleteEvents, []any{oldest[:], limit}},
			{deleteRevocations, []any{w.RevocationsBefore.UnixMicro(), limit}},
		} {
			removed, err := q.Exec(ctx, part.statement, part.args...)
			if err != nil {
				return o, err
			}
			o.Removed += int(removed)
		}
		return o, nil
	})
}
