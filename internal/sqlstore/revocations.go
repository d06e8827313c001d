package sqlstore

import (
	"context"

	"github.com/sallyport-auth/sallyport"
)

// The triggers of the schema write the table, so that no statement that ends a session can forget it.
const (
	revocationsAfter = `select seq, session_id, user_id, at, used_at from revocations where seq > $1 order by seq limit $2`

	// deleteRevocations keeps the newest, after which the next one counts.
	deleteRevocations = `delete from revocations where seq in (select old.seq from revocations old
		where old.seq < $1 and exists (select 1 from revocations newer where newer.seq > old.seq) order by old.seq limit $2)`
)

// Revocations implements sallyport.Store.
func (s *Store) Revocations(ctx context.Context, after int64, limit int) ([]sallyport.Revocation, error) {
	return list(ctx, s.db, "revocations", revocationsAfter, []any{after, max(limit, 0)}, func(r *sallyport.Revocation) []any {
		return []any{&r.Cursor, idColumn{&r.SessionID}, idColumn{&r.UserID}, timeColumn{&r.At}, timeColumn{&r.UsedAt}}
	})
}
