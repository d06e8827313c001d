package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// growthPlan is how many rows the tables have before the sessions are refreshed.
type growthPlan struct {
	few, many int // sessions
	users     int // beside those of the identity provider; with few sessions as many fewer
}

// growthRow is refresh on a table of so many sessions.
type growthRow struct {
	Database string  `json:"database"`
	Sessions int     `json:"sessions"`
	Cache    string  `json:"cache"`
	SizeMiB  float64 `json:"size_mib,omitempty"` // of the database's files
	Rate     float64 `json:"requests_per_second"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Failures int     `json:"failures"`
	Ratio    float64 `json:"p99_ratio,omitempty"` // to that with few; the median of those of the pairs
	Met      *bool   `json:"met,omitempty"`
}

const maxGrowth = 1.5

// The states of the memory that holds a part of the files. A cold row is the first slice after a start of all servers,
// with no page of the database in the kernel's memory; the others come after that, and a warm-up.
const (
	warm = "warm"
	cold = "cold"
)

// growth measures refresh on two tables in turn, of few and of many sessions, the same number of which are refreshed.
// They stand in the table as evenly as they would among those of others, and not at its end.
func (b *bench) growth(ctx context.Context, on kind) (rows []growthRow, err error) {
	few, err := b.filledSite(ctx, on, "few", b.plan.growth.few)
	if err != nil {
		return nil, err
	}
	many, err := b.filledSite(ctx, on, "many", b.plan.growth.many)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, few.discard(ctx), many.discard(ctx)) }()
	isCold, err := b.forgetPages(ctx, many)
	if err != nil {
		return nil, err
	}
	var stops undo
	defer func() { err = errors.Join(err, stops.all()) }()
	for _, s := range []*site{few, many} {
		if _, err := s.open(ctx); err != nil {
			return nil, err
		}
		stops.add(s.stop)
	}
	return rows, b.onLoadCore(func() error {
		rows, err = b.growthRows(ctx, few, many, isCold)
		return err
	})
}

func (b *bench) growthRows(ctx context.Context, few, many *site, isCold bool) (rows []growthRow, err error) {
	refresh := operation{traffic: refreshes}
	first, err := many.slice(ctx, refresh, b.plan.duration, 0, 0)
	if err != nil {
		return nil, err
	}
	if _, err := few.slice(ctx, refresh, b.plan.warmUp, 0, 0); err != nil {
		return nil, err
	}
	var ofFew, ofMany []slice
	for range b.plan.slices {
		b.say("refresh, %s, %d and %d sessions", many.database.kind, b.plan.growth.few, b.plan.growth.many)
		f, err := few.slice(ctx, refresh, b.plan.duration, 0, 0)
		if err != nil {
			return nil, err
		}
		m, err := many.slice(ctx, refresh, b.plan.duration, 0, 0)
		if err != nil {
			return nil, err
		}
		ofFew, ofMany = append(ofFew, f), append(ofMany, m)
	}
	rows = []growthRow{newGrowthRow(few, b.plan.growth.few, warm, ofFew), newGrowthRow(many, b.plan.growth.many, warm, ofMany)}
	rows[1].compare(ofMany, ofFew)
	if isCold {
		rows = append(rows, newGrowthRow(many, b.plan.growth.many, cold, []slice{first}))
	}
	return rows, nil
}

func newGrowthRow(s *site, sessions int, cache string, measured []slice) growthRow {
	r := measuredRow("", measured)
	return growthRow{
		Database: string(s.database.kind), Sessions: sessions, Cache: cache, SizeMiB: s.sizeMiB,
		Rate: r.Rate, P50: r.P50, P99: r.P99, Failures: r.Failures,
	}
}

func (g *growthRow) compare(many, few []slice) {
	var ratios []float64
	for i := range many {
		ratios = append(ratios, ratio(milliseconds(percentile(many[i].latencies, 99)), milliseconds(percentile(few[i].latencies, 99))))
	}
	g.Ratio = median(ratios)
	met := g.Failures == 0 && g.Ratio <= maxGrowth
	g.Met = &met
}

// filledSite makes a product whose table has that many sessions, the plan's of which its clients hold. It is stopped
// again, so that nothing of the filling is left in its memory.
func (b *bench) filledSite(ctx context.Context, on kind, name string, sessions int) (s *site, err error) {
	begin := time.Now()
	if s, err = b.newSite(ctx, on, name, b.split.server); err != nil {
		return nil, err
	}
	if _, err := s.open(ctx); err != nil {
		return nil, err
	}
	err = s.fill(ctx, sessions)
	if err := errors.Join(err, s.stop()); err != nil {
		return nil, err
	}
	s.sizeMiB, err = s.database.sizeMiB(ctx)
	b.say("%d sessions on %s in %v, %.0f MiB", sessions, on, time.Since(begin).Round(time.Second), s.sizeMiB)
	return s, err
}

// perPart is how many of the sessions that are refreshed stand beside each other.
const perPart = 4

func (s *site) fill(ctx context.Context, sessions int) (err error) {
	users := min(s.plan.growth.users, sessions)
	s.say("preparing %d sessions of %d users on %s", sessions, users, s.database.kind)
	if err := s.addUsers(ctx); err != nil {
		return err
	}
	db, err := s.database.openQuick()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	f := &filler{db: db, on: s.database.kind, users: users}
	if err := f.addUsers(ctx); err != nil {
		return fmt.Errorf("filling users: %w", err)
	}
	parts, err := s.startSessions(ctx)
	if err != nil {
		return err
	}
	// The product needs the index, and has stopped writing.
	err = f.without(ctx, "sessions_user", func() error { return f.addAround(ctx, parts, sessions-len(parts)*perPart) })
	if err != nil {
		return fmt.Errorf("filling sessions: %w", err)
	}
	return f.settle(ctx)
}

// startSessions has the product start the sessions that are refreshed, and says when each part of them began.
func (s *site) startSessions(ctx context.Context) (parts []time.Time, err error) {
	n := max(1, s.plan.sessions/perPart)
	tokens, err := s.pool.idTokens(n*perPart, s.plan.users)
	if err != nil {
		return nil, err
	}
	for part := range n {
		parts = append(parts, time.Now())
		exchange := &exchanging{headers: s.headers, idTokens: tokens[part*perPart:][:perPart]}
		if err := s.untilDone(ctx, "social-exchange/", []traffic{exchange}); err != nil {
			return nil, err
		}
		s.sessions = append(s.sessions, exchange.sessions...)
	}
	return parts, nil
}

// addAround writes so many sessions in all, evenly among those that were started at the instants.
func (f *filler) addAround(ctx context.Context, parts []time.Time, sessions int) error {
	for i, at := range parts {
		if n := sessions*(i+1)/len(parts) - f.next; n > 0 {
			if err := f.addSessions(ctx, n, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetPages restarts the database, with nothing of it in memory. It reports whether that could be done.
func (b *bench) forgetPages(ctx context.Context, s *site) (bool, error) {
	folder := s.product.folder
	if s.database.cluster != nil {
		if err := b.cluster.stop(); err != nil {
			return false, err
		}
		folder = filepath.Join(b.cluster.data(), "base")
	}
	fault := filepath.WalkDir(folder, func(name string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		return evict(name)
	})
	if s.database.cluster != nil {
		if err := b.cluster.start(ctx, b.split.server); err != nil {
			return false, err
		}
	}
	if fault != nil && !errors.Is(fault, errors.ErrUnsupported) {
		return false, fault
	}
	return fault == nil, nil
}

// discard removes the database, which may be large.
func (s *site) discard(ctx context.Context) error {
	return errors.Join(s.database.drop(ctx), os.RemoveAll(s.product.folder))
}
