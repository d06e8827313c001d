package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
)

// feedPlan is how many services follow how many logoffs.
type feedPlan struct {
	verifiers, logoffs int
}

// feedRow is how long after a logoff was answered a service refuses the session's token.
type feedRow struct {
	Database  string  `json:"database"`
	Instances int     `json:"instances"` // of which one is told of the logoff, and the other is followed
	Verifiers int     `json:"verifiers"`
	Logoffs   int     `json:"logoffs"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Most      float64 `json:"most_ms"`
	Unheard   int     `json:"unheard"` // in unheardAfter
	Met       *bool   `json:"met"`
}

const (
	feedP50, feedP99 = time.Second, 2 * time.Second
	unheardAfter     = 20 * time.Second
)

// feed measures how fast endings reach services: on SQLite from the one server, on PostgreSQL from another instance than the
// one that was asked to end the session.
func (b *bench) feed(ctx context.Context, on kind) (_ *feedRow, err error) {
	b.say("revocation feed, %s", on)
	s, err := b.newSite(ctx, on, "feed", anyCore)
	if err != nil {
		return nil, err
	}
	if _, err := s.open(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	issuer, followed := "http://"+s.address+strings.TrimSuffix(mount, "/"), s.product
	r := &feedRow{Database: string(on), Instances: 1, Verifiers: s.plan.feed.verifiers, Logoffs: s.plan.feed.logoffs}
	if on == onPostgres {
		second := *s.product
		second.logFile += ".second"
		second.settings = append(slices.Clone(second.settings), "SALLYPORT_ISSUER="+issuer)
		if _, err := second.start(ctx); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, second.stop()) }()
		followed, r.Instances = &second, 2
	}
	ended, err := s.exchange(ctx, s.plan.feed.logoffs)
	if err != nil {
		return nil, err
	}
	verifiers, closeAll, err := followers(ctx, issuer, s.address, followed.address, s.plan.feed.verifiers)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	var delays []time.Duration
	for _, e := range ended {
		of, err := s.logOffAndListen(ctx, e, verifiers)
		if err != nil {
			return nil, err
		}
		delays = append(delays, of...)
	}
	r.judge(delays)
	return r, nil
}

func (r *feedRow) judge(delays []time.Duration) {
	slices.Sort(delays)
	for _, d := range delays {
		if d >= unheardAfter {
			r.Unheard++
		}
	}
	p50, p99 := percentile(delays, 50), percentile(delays, 99)
	r.P50, r.P99, r.Most = milliseconds(p50), milliseconds(p99), milliseconds(delays[len(delays)-1])
	r.Met = new(p50 <= feedP50 && p99 <= feedP99 && r.Unheard == 0)
}

// followers are services that follow the feed of the instance at an address, whatever the issuer says.
func followers(ctx context.Context, issuer, from, to string, n int) (all []*verify.Verifier, closeAll func(), err error) {
	closeAll = func() {
		for _, v := range all {
			v.Close()
		}
	}
	for range n {
		client := verify.HTTPClient("127.0.0.1")
		if from != to {
			client.Transport = divert{client.Transport, to}
		}
		v, err := verify.New(verify.Config{Issuer: issuer, Audience: issuer, Revocation: verify.Feed, Client: client, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		all = append(all, v)
	}
	for _, v := range all {
		if err := v.Ready(ctx); err != nil {
			closeAll()
			return nil, nil, err
		}
	}
	return all, closeAll, nil
}

// logOffAndListen ends a session at some moment, and returns how much later each service refuses its token.
func (s *site) logOffAndListen(ctx context.Context, e *session, services []*verify.Verifier) ([]time.Duration, error) {
	c, err := dial(ctx, s.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	for _, v := range services {
		if _, err := v.Verify(ctx, e.accessToken); err != nil {
			return nil, fmt.Errorf("before the logoff: %w", err)
		}
	}
	time.Sleep(rand.N(250 * time.Millisecond)) // anywhere between two readings of the server
	body := []byte(`{"CSRF_token":"` + e.csrf + `"}`)
	a, err := c.do(s.headers.post(nil, "logoff/", e.cookies, body), time.Now().Add(unheardAfter))
	if err == nil && !a.ok() {
		err = fmt.Errorf("logoff/ is answered with %d %.200q; %s", a.status, a.body, s.complaints())
	}
	if err != nil {
		return nil, err
	}
	began := time.Now()
	delays := make([]time.Duration, len(services))
	var group sync.WaitGroup
	for i, v := range services {
		group.Go(func() {
			for ; delays[i] < unheardAfter; time.Sleep(time.Millisecond) {
				delays[i] = time.Since(began)
				if _, err := v.Verify(ctx, e.accessToken); errors.Is(err, verify.ErrTokenRevoked) || ctx.Err() != nil {
					return
				}
			}
		})
	}
	group.Wait()
	return delays, ctx.Err()
}
