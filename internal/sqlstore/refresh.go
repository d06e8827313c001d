package sqlstore

import (
	"context"

	"github.com/sallyport-auth/sallyport"
)

// The parameters of refreshSession: $1 the session, $2 the generation n, $3 the instant, $4 the
// retry window, $5 the idle lifetime, $6 RefreshReach, $7 the reason of rule 5.
const (
	// ruleThatFires reads the row as it was before the step, as every expression of an update does.
	ruleThatFires = `case
		when $2 > gen then 1
		when $2 >= low and $2 >= gen - $6 and $3 - gen_at <= $4 then 2
		when $2 >= low and $2 >= gen - $6 and not recovered then 3
		when recovered and $2 = low then 4
		else 5 end`

	// refreshSession is the refresh machine of sallyport.RefreshStep. It is one statement, so that
	// no two presentations ever decide on the same row. Its where clause is rule 0.
	refreshSession = `update sessions set
			outcome = ` + ruleThatFires + `,
			gen = case ` + ruleThatFires + ` when 1 then $2 when 3 then gen + 1 else gen end,
			low = case ` + ruleThatFires + `
				when 1 then case when $3 - gen_at > $4 then $2 else low end
				when 3 then $2 else low end,
			recovered = case ` + ruleThatFires + ` when 1 then false when 3 then true else recovered end,
			advances = case ` + ruleThatFires + ` when 1 then advances + 1 else advances end,
			gen_at = case ` + ruleThatFires + ` when 5 then gen_at else $3 end,
			last_used_at = case ` + ruleThatFires + ` when 5 then last_used_at else $3 end,
			idle_end = case ` + ruleThatFires + ` when 5 then idle_end
				else case when $3 + $5 < absolute_end then $3 + $5 else absolute_end end end,
			ended_at = case ` + ruleThatFires + ` when 5 then $3 else ended_at end,
			ended_reason = case ` + ruleThatFires + ` when 5 then $7 else ended_reason end
		where id = $1 and ended_at is null and $3 < idle_end and $3 < absolute_end
			and exists (select 1 from users where users.id = sessions.user_id and users.is_active)
		returning outcome, gen, ` + sessionColumns + `, ` + userColumnsOfSession
)

// Refresh implements sallyport.Store. The answer waits until the step is durable. That is needed
// for rule 5 alone, since rule 1 catches up with an advance that a crash forgot; but in a group
// with others an advance shares the cost of the disk, and needs no second kind of write.
func (s *Store) Refresh(ctx context.Context, step sallyport.RefreshStep) (sallyport.RefreshOutcome, error) {
	return write(ctx, s.db, "refresh", func(ctx context.Context, q Queries) (sallyport.RefreshOutcome, error) {
		var rule, generation int64
		var h holding
		found, err := one(ctx, q, append([]any{&rule, &generation}, h.scan()...), refreshSession,
			step.SessionID[:], step.Generation, step.At.UnixMicro(), step.RetryWindow.Microseconds(), step.IdleTTL.Microseconds(),
			int64(sallyport.RefreshReach), string(sallyport.EndedByReuse))
		if err == nil && !found {
			// Rule 0. Why is read in the same step, so that nothing can change in between.
			_, err = one(ctx, q, h.scan(), sessionByID, step.SessionID[:])
		}
		return sallyport.RefreshOutcome{
			Rule: sallyport.RefreshRule(rule), Generation: generation, Session: h.session, User: h.user,
		}, err
	})
}
