package sqlstore

import (
	"context"
	"fmt"

	"github.com/sallyport-auth/sallyport"
)

// The parameters of both statements: $1 the session, $2 the generation n, $3 the instant, $4 the retry window,
// $5 the idle lifetime, $6 RefreshReach, $7 the most advances in the period $8, $9 the address; and of refreshSession $10,
// the reason of rule 5.
const (
	// ruleThatFires reads the row as it was before the step, as every expression of an update does.
	ruleThatFires = `case
		when $2 > gen then case when ` + limited + ` then 6 else 1 end
		when $2 >= low and $2 >= gen - $6 and $3 - gen_at <= $4 then 2
		when $2 >= low and $2 >= gen - $6 and not recovered then case when ` + limited + ` then 6 else 3 end
		when recovered and $2 = low then 4
		else 5 end`

	// counting reports whether the instant is in the period that advances counts.
	counting = `$3 - advances_from < $8 and advances_from - $3 < $8`
	limited  = `advances >= $7 and ` + counting

	// machine is the part of the refresh machine that tells the rules apart.
	machine = `outcome = ` + ruleThatFires + `,
			gen = case ` + ruleThatFires + ` when 1 then $2 when 3 then gen + 1 else gen end,
			low = case ` + ruleThatFires + `
				when 1 then case when $3 - gen_at > $4 then $2 else low end
				when 3 then $2 else low end,
			recovered = case ` + ruleThatFires + ` when 1 then false when 3 then true else recovered end,
			advances = case when ` + ruleThatFires + ` in (1, 3) then case when ` + counting + ` then advances + 1 else 1 end else advances end,
			advances_from = case when ` + ruleThatFires + ` in (1, 3) and not (` + counting + `) then $3 else advances_from end`

	// address and idleEnd are those after a presentation that is accepted.
	address = `case when $9 <> '' then $9 else ip end`
	idleEnd = `case when $3 + $5 < absolute_end then $3 + $5 else absolute_end end`

	// accepts is rule 0.
	accepts = ` where id = $1 and ended_at is null and $3 < idle_end and $3 < absolute_end
			and exists (select 1 from users where users.id = sessions.user_id and users.is_active)`

	afterRule = ` returning outcome, gen, advances_from, ` + sessionColumns + `, ` + userColumnsOfSession

	// advanceSession takes a presentation that one of rules 1 to 4 accepts, and no other.
	advanceSession = `update sessions set ` + machine + `,
			gen_at = $3, last_used_at = $3, ip = ` + address + `, idle_end = ` + idleEnd +
		accepts + ` and ` + ruleThatFires + ` < 5` + afterRule

	// refreshSession is the whole refresh machine of sallyport.RefreshStep.
	refreshSession = `update sessions set ` + machine + `,
			gen_at = case when ` + ruleThatFires + ` < 5 then $3 else gen_at end,
			last_used_at = case when ` + ruleThatFires + ` < 5 then $3 else last_used_at end,
			ip = case when ` + ruleThatFires + ` < 5 then ` + address + ` else ip end,
			idle_end = case when ` + ruleThatFires + ` < 5 then ` + idleEnd + ` else idle_end end,
			ended_at = case when ` + ruleThatFires + ` = 5 then $3 else ended_at end,
			ended_reason = case when ` + ruleThatFires + ` = 5 then $10 else ended_reason end` +
		accepts + afterRule
)

// Refresh implements sallyport.Store. The refresh machine is one statement, so that no two presentations ever
// decide on the same row. It runs by itself, as Single, as long as nothing is to be ended: an advance that
// a crash forgets harms nobody, since rule 1 catches up with it, and PostgreSQL makes a third more of them when none
// waits for the disk (docs/benchmark.md). A presentation that it does not take is looked at once more
// in a step that is durable, in which rule 5 fires and is noted.
func (s *Store) Refresh(ctx context.Context, step sallyport.RefreshStep) (sallyport.RefreshOutcome, error) {
	outcome, found, err := s.advance(ctx, step)
	if found || err != nil {
		return outcome, err
	}
	return write(ctx, s.db, "refuse refresh", func(ctx context.Context, q Queries) (sallyport.RefreshOutcome, error) {
		var r refreshed
		found, err := r.run(ctx, q, refreshSession, step, string(sallyport.EndedByReuse))
		switch {
		case err != nil:
		case !found: // rule 0
			err = r.whyRefused(ctx, q, step)
		case r.rule == int64(sallyport.RuleReuse):
			err = noteReuse(ctx, q, step.Reused, &r.session)
		}
		return r.outcome(step), err
	})
}

func (s *Store) advance(ctx context.Context, step sallyport.RefreshStep) (_ sallyport.RefreshOutcome, found bool, err error) {
	type advance struct {
		outcome sallyport.RefreshOutcome
		found   bool
	}
	a, err := result(ctx, "refresh", s.db.Single, func(ctx context.Context, q Queries) (a advance, err error) {
		var r refreshed
		a.found, err = r.run(ctx, q, advanceSession, step)
		a.outcome = r.outcome(step)
		return a, err
	})
	return a.outcome, a.found, err
}

// refreshed is what a statement of the refresh machine returns.
type refreshed struct {
	rule, generation int64
	countedFrom      int64
	holding
}

func (r *refreshed) run(ctx context.Context, q Queries, statement string, step sallyport.RefreshStep, more ...any) (found bool, err error) {
	args := append([]any{
		step.SessionID[:], step.Generation, step.At.UnixMicro(), step.RetryWindow.Microseconds(), step.IdleTTL.Microseconds(),
		int64(sallyport.RefreshReach), int64(step.MaxAdvances), step.AdvancePeriod.Microseconds(), step.IP,
	}, more...)
	return one(ctx, q, append([]any{&r.rule, &r.generation, &r.countedFrom}, r.scan()...), statement, args...)
}

// whyRefused reads the session that was refused. Where the step is not alone in the world another instance may
// have changed it in between, so that nothing speaks against it any more; then the client tries again.
func (r *refreshed) whyRefused(ctx context.Context, q Queries, step sallyport.RefreshStep) error {
	found, err := one(ctx, q, r.scan(), sessionByID, step.SessionID[:])
	if live := r.session.EndedAt.IsZero() && step.At.Before(r.session.IdleEnd) && step.At.Before(r.session.AbsoluteEnd); found && live && r.user.IsActive {
		return fmt.Errorf("%w: the session changed while it was read", sallyport.ErrStoreUnavailable)
	}
	return err
}

func (r *refreshed) outcome(step sallyport.RefreshStep) sallyport.RefreshOutcome {
	o := sallyport.RefreshOutcome{Rule: sallyport.RefreshRule(r.rule), Generation: r.generation, Session: r.session, User: r.user}
	if o.Rule == sallyport.RuleLimited {
		o.RetryAt = instant(r.countedFrom).Add(step.AdvancePeriod)
	}
	return o
}
