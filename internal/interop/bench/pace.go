package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// paced is what a load at a fixed rate has met.
type paced struct {
	statuses  map[int]int     // how many answers had which status
	failure   string          // the first answer that was not 2xx
	latencies []time.Duration // of the 2xx answers, ascending
}

// pace has each traffic sent over a connection of its own at fixed instants, rate a second together. One whose answer
// is late delays its next request, whose latency counts from when it was due; so a server that stands still does
// not look faster by being asked less.
func pace(ctx context.Context, address string, clients []traffic, rate float64, d time.Duration) (paced, error) {
	all := paced{statuses: map[int]int{}}
	runs := make([]pacedRun, len(clients))
	step := time.Duration(float64(time.Second) / rate)
	begin := time.Now().Add(connectTime)
	var running sync.WaitGroup
	for i := range clients {
		r := &runs[i]
		r.statuses, r.due, r.every, r.until = map[int]int{}, begin.Add(time.Duration(i)*step), time.Duration(len(clients))*step, begin.Add(d)
		running.Go(func() { r.err = r.drive(ctx, address, clients[i]) })
	}
	running.Wait()
	for i := range runs {
		r := &runs[i]
		if r.err != nil {
			return all, fmt.Errorf("a connection broke: %w", r.err)
		}
		for status, n := range r.statuses {
			all.statuses[status] += n
		}
		all.latencies = append(all.latencies, r.latencies...)
		if all.failure == "" {
			all.failure = r.failure
		}
	}
	slices.Sort(all.latencies)
	return all, ctx.Err()
}

// connectTime is how long the clients have to connect before the first request is due.
const connectTime = 200 * time.Millisecond

// pacedRun is what one client sees.
type pacedRun struct {
	paced
	due, until time.Time
	every      time.Duration
	err        error
}

func (r *pacedRun) drive(ctx context.Context, address string, t traffic) (err error) {
	c, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer c.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var buffer []byte
	for ; r.due.Before(r.until); r.due = r.due.Add(r.every) {
		started := r.due
		if wait := time.Until(r.due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return nil
			}
			started = time.Now() // the timer may be late, which is no fault of the server
		}
		if buffer = t.next(buffer[:0]); buffer == nil {
			return errors.New("there is nothing left to ask")
		}
		a, err := c.do(buffer, r.until.Add(patience))
		if err != nil {
			return err
		}
		r.statuses[a.status]++
		switch {
		case a.ok():
			r.latencies = append(r.latencies, time.Since(started))
			t.answered(a)
		case r.failure == "":
			r.failure = fmt.Sprintf("%d %.200q", a.status, a.body)
		}
	}
	return nil
}
