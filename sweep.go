package sallyport

import (
	"context"
	"log/slog"
	"time"
)

const (
	// sweepPart is how many sessions one step looks at, and how many other rows it removes at most. A step of
	// this size takes a few milliseconds, for which others wait.
	sweepPart = 500
	// sweepSoon comes after a part in which there was something to remove, sweepPause after one in which there
	// was nothing, sweepRest after the last part of all.
	sweepSoon  = 50 * time.Millisecond
	sweepPause = time.Second
	sweepRest  = 10 * time.Minute
	// sweepTime bounds one step.
	sweepTime = 5 * time.Second

	// sessionGrace is how long a session that is over stays: its client still learns whether it ended or
	// expired, and a clock that jumped ahead has time to be put right before anything is lost.
	sessionGrace = 24 * time.Hour
	// addressMemory is how long an address stays known to an account that does not use it.
	addressMemory = 400 * 24 * time.Hour
)

// keepClean removes what nobody needs any more, a little at a time, until ctx ends.
func (s *Service) keepClean(ctx context.Context) {
	var after ID
	failing := false
	timer := time.NewTimer(sweepPause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		outcome, err := s.sweep(ctx, after)
		switch {
		case err != nil && !failing && ctx.Err() == nil:
			s.log.LogAttrs(ctx, slog.LevelWarn, "the tables cannot be cleaned", slog.String("reason", err.Error()))
		case err == nil && failing:
			s.log.LogAttrs(ctx, slog.LevelInfo, "the tables are cleaned again")
		}
		failing = err != nil
		pause := sweepPause
		if err == nil {
			after = outcome.Last
			switch {
			case outcome.Removed > 0:
				pause = sweepSoon
			case after.IsZero():
				pause = sweepRest
			}
		}
		timer.Reset(pause)
	}
}

// sweep does one part, which begins after the session of that id.
func (s *Service) sweep(ctx context.Context, after ID) (SweepOutcome, error) {
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	now := s.now()
	return s.store.Sweep(ctx, Sweep{
		After: after, Limit: sweepPart, Now: now,
		SessionsBefore: now.Add(-sessionGrace), EventsBefore: now.Add(-s.cfg.EventRetention), AddressesBefore: now.Add(-addressMemory),
		RevocationsBefore: now.Add(-s.revocationLife()),
	})
}
