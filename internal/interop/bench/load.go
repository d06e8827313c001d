package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// traffic is what one client sends, one request after the other.
type traffic interface {
	// next appends the next request to the empty buffer, or returns nil when there is nothing left to ask.
	next(buffer []byte) []byte
	// answered takes over what later requests need. It is called for every 2xx answer.
	answered(a *answer)
}

// slice is one stretch of load.
type slice struct {
	succeeded int
	failed    int
	failure   string // the first that failed: status and body
	elapsed   time.Duration
	latencies []time.Duration // of all answers, ascending
	cpu       time.Duration   // that the server spent
	postgres  time.Duration   // that PostgreSQL spent
	others    time.Duration   // that the server's core spent on anything else
}

func (s slice) rate() float64 { return float64(s.succeeded) / s.elapsed.Seconds() }

// cpuPerRequest is in microseconds, of the server and of PostgreSQL.
func (s slice) cpuPerRequest() float64 { return s.perRequest(s.cpu + s.postgres) }

// postgresPerRequest is the part of it that is PostgreSQL's.
func (s slice) postgresPerRequest() float64 { return s.perRequest(s.postgres) }

func (s slice) perRequest(d time.Duration) float64 {
	return ratio(float64(d.Nanoseconds())/1e3, float64(len(s.latencies)))
}

// patience is how long an answer may take beyond the end of a slice.
const patience = 10 * time.Second

// drive has each traffic sent over a connection of its own, for the given time or, when that is 0, until
// nothing is left. A request that is under way at the end is finished and counted. An answer other than
// 2xx is a failure; the error is for what makes measuring pointless.
func drive(ctx context.Context, address string, clients []traffic, d time.Duration) (slice, error) {
	connections := make([]*client, 0, len(clients))
	defer func() {
		for _, c := range connections {
			c.close()
		}
	}()
	for range clients {
		c, err := dial(ctx, address)
		if err != nil {
			return slice{}, fmt.Errorf("connecting to the server: %w", err)
		}
		connections = append(connections, c)
	}
	runs := make([]run, len(clients))
	var running sync.WaitGroup
	begin := time.Now()
	for i := range clients {
		r := &runs[i]
		r.until = begin.Add(d)
		r.endless = d == 0
		running.Go(func() { r.drive(ctx, connections[i], clients[i]) })
	}
	running.Wait()
	if err := ctx.Err(); err != nil {
		return slice{}, err
	}
	return merge(runs, begin)
}

// run is what one client sees of a slice.
type run struct {
	slice
	until   time.Time
	endless bool
	ended   time.Time
	err     error
}

func (r *run) drive(ctx context.Context, c *client, t traffic) {
	var buffer []byte
	started := time.Now()
	for r.ended = started; ctx.Err() == nil && (r.endless || started.Before(r.until)); started = r.ended {
		buffer = t.next(buffer[:0])
		if buffer == nil {
			return
		}
		deadline := r.until.Add(patience)
		if r.endless {
			deadline = started.Add(patience)
		}
		a, err := c.do(buffer, deadline)
		if err != nil {
			r.err = err
			return
		}
		r.ended = time.Now()
		r.latencies = append(r.latencies, r.ended.Sub(started))
		if !a.ok() {
			r.fail(a)
			continue
		}
		r.succeeded++
		t.answered(a)
	}
}

func (r *run) fail(a *answer) {
	if r.failed++; r.failure == "" {
		r.failure = fmt.Sprintf("%d %.200q", a.status, a.body)
	}
}

func merge(runs []run, begin time.Time) (slice, error) {
	var all slice
	for _, r := range runs {
		if r.err != nil {
			return slice{}, fmt.Errorf("a connection broke: %w", r.err)
		}
		all.succeeded += r.succeeded
		all.failed += r.failed
		all.elapsed = max(all.elapsed, r.ended.Sub(begin))
		all.latencies = append(all.latencies, r.latencies...)
		if all.failure == "" {
			all.failure = r.failure
		}
	}
	slices.Sort(all.latencies)
	return all, nil
}
