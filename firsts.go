package sallyport

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// firsts remembers what happened in the present minute, so that a flood is told once a minute and not once a
// request, and how often something was not told.
type firsts struct {
	mu     sync.Mutex
	minute time.Time
	seen   map[string]bool
	untold int // in this minute
}

// maxFirsts bounds what is remembered. Beyond it nothing is a first any more until the minute is over.
const maxFirsts = 1000

// first reports whether it is the first time for key in this minute. untold is how often the answer was no in a
// minute that has ended since the last call of a method.
func (f *firsts) first(key string, now time.Time) (first bool, untold int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	untold = f.turn(now)
	if f.seen[key] || len(f.seen) >= maxFirsts {
		f.untold++
		return false, untold
	}
	f.seen[key] = true
	return true, untold
}

// over is the untold of first, without anything that happened.
func (f *firsts) over(now time.Time) (untold int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.turn(now)
}

// rest is how often the answer was no and nobody was told, also in this minute.
func (f *firsts) rest() (untold int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	untold, f.untold = f.untold, 0
	return untold
}

// turn begins the minute of now, if it is another one.
func (f *firsts) turn(now time.Time) (untold int) {
	minute := now.Truncate(time.Minute)
	if f.seen != nil && minute.Equal(f.minute) {
		return 0
	}
	untold = f.untold
	f.minute, f.seen, f.untold = minute, map[string]bool{}, 0
	return untold
}

// tellUntold says how many refusals were left out of the log, also when no request comes any more that would, until
// ctx ends.
func (s *Service) tellUntold(ctx context.Context) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			s.logUntold(ctx, s.limitLog.rest())
			return
		case <-ticker.C:
			s.logUntold(ctx, s.limitLog.over(s.now()))
		}
	}
}

func (s *Service) logUntold(ctx context.Context, count int) {
	if count == 0 {
		return
	}
	s.log.LogAttrs(ctx, slog.LevelWarn, "refusals by a limit were left out of the log: of each address the first of a minute is told",
		slog.Bool("audit", true), slog.Int("count", count))
}
