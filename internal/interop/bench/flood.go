package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// floodPlan is a load of refreshes at a moderate rate, without and with more sign-ins than can be served.
type floodPlan struct {
	calm, storm   time.Duration
	refreshRate   float64 // a second
	signInRate    float64 // a second
	signInClients int     // each with a user of its own; so many that one is free whenever a request is due
	slots         int     // for hashes
}

// floodRow is what a flood of sign-ins does to those who are signed in.
type floodRow struct {
	Database   string  `json:"database"`
	Slots      int     `json:"slots"`
	CalmP50    float64 `json:"calm_refresh_p50_ms"`
	CalmP99    float64 `json:"calm_refresh_p99_ms"`
	BesideP50  float64 `json:"key_set_refresh_p50_ms"`
	BesideP99  float64 `json:"key_set_refresh_p99_ms"`
	StormP50   float64 `json:"flood_refresh_p50_ms"`
	StormP99   float64 `json:"flood_refresh_p99_ms"`
	Refreshes  int     `json:"flood_refreshes"`
	Failures   int     `json:"refresh_failures"`
	SignedIn   int     `json:"signed_in"`
	SignInP99  float64 `json:"sign_in_p99_ms"`
	Overloaded int     `json:"overloaded"` // 503
	Limited    int     `json:"limited"`    // 429
	Other      int     `json:"other_answers"`
	FirstOther string  `json:"first_failure,omitempty"`
	CalmMiB    float64 `json:"calm_peak_mib"`
	PeakMiB    float64 `json:"flood_peak_mib"`
	AllowedMiB float64 `json:"allowed_mib"`
	MemoryMet  bool    `json:"memory_met"`
	LatencyMet bool    `json:"latency_met"`
	AnswersMet bool    `json:"answers_met"`
}

const (
	hashMiB = 19 // of memory for a hash
	// maxStorm is how much a flood may add to the p99 of refresh for it to count as unaffected.
	maxStorm = 1.5
)

// flood measures on all cores: on a single one there is nothing but the hashes that a refresh could wait for. The load
// is small, and shares them.
//
// It is judged against the refreshes alone. The same connections with as many requests for the key set, which need no
// hash, are measured besides: they say how much of the difference is that of more requests.
func (b *bench) flood(ctx context.Context, on kind) (_ *floodRow, err error) {
	b.say("login flood, %s", on)
	if on == onPostgres {
		if err := errors.Join(b.cluster.stop(), b.cluster.start(ctx, anyCore)); err != nil {
			return nil, err
		}
	}
	s, err := b.newSite(ctx, on, "flood", anyCore)
	if err != nil {
		return nil, err
	}
	s.product.settings = append(s.product.settings, fmt.Sprintf("SALLYPORT_PASSWORD_SLOTS=%d", b.plan.flood.slots))
	if err := s.addUser(ctx, passwordUser(0), s.password); err != nil {
		return nil, err
	}
	if err := s.copyPasswordUser(ctx, b.plan.flood.signInClients); err != nil {
		return nil, fmt.Errorf("copying a user: %w", err)
	}
	if _, err := s.open(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.addUsers(ctx); err != nil {
		return nil, err
	}
	if err := s.needSessions(ctx); err != nil {
		return nil, err
	}
	return s.measureFlood(ctx)
}

// anyCore is no core in particular.
const anyCore = -1

func (s *site) measureFlood(ctx context.Context) (*floodRow, error) {
	p := s.plan.flood
	keySets, signIns := make([]traffic, p.signInClients), make([]traffic, p.signInClients)
	for i := range signIns {
		keySets[i] = fixed{get(s.address, keySetPath)}
		signIns[i] = signingIn{s.headers, passwordUser(i), s.password}
	}
	refreshes := s.refreshing(-1)
	if _, err := pace(ctx, s.address, refreshes, p.refreshRate, s.plan.warmUp); err != nil {
		return nil, err
	}
	s.resetPeak()
	calm, err := pace(ctx, s.address, refreshes, p.refreshRate, p.calm)
	if err != nil {
		return nil, err
	}
	calmMiB := s.memory("VmHWM")
	beside, _, _, err := s.besideEachOther(ctx, refreshes, keySets, p.calm)
	if err != nil {
		return nil, err
	}
	storm, sent, peakMiB, err := s.besideEachOther(ctx, refreshes, signIns, p.storm)
	if err != nil {
		return nil, err
	}
	r := &floodRow{
		Database: string(s.database.kind), Slots: p.slots, CalmMiB: calmMiB, PeakMiB: peakMiB,
		BesideP50: milliseconds(percentile(beside.latencies, 50)), BesideP99: milliseconds(percentile(beside.latencies, 99)),
	}
	r.judge(calm, storm, sent)
	return r, nil
}

// besideEachOther refreshes, and has others ask at the rate of the flood. It also returns the peak memory.
func (s *site) besideEachOther(ctx context.Context, refreshes, others []traffic, d time.Duration) (refreshed, asked paced, peakMiB float64, err error) {
	s.resetPeak()
	var ofOthers error
	done := make(chan struct{})
	go func() {
		defer close(done)
		asked, ofOthers = pace(ctx, s.address, others, s.plan.flood.signInRate, d)
	}()
	refreshed, err = pace(ctx, s.address, refreshes, s.plan.flood.refreshRate, d)
	<-done
	return refreshed, asked, s.memory("VmHWM"), errors.Join(err, ofOthers, s.forgetLog())
}

func (r *floodRow) judge(calm, storm, signIns paced) {
	r.CalmP50, r.CalmP99 = milliseconds(percentile(calm.latencies, 50)), milliseconds(percentile(calm.latencies, 99))
	r.StormP50, r.StormP99 = milliseconds(percentile(storm.latencies, 50)), milliseconds(percentile(storm.latencies, 99))
	r.Refreshes = len(storm.latencies)
	for _, p := range []paced{calm, storm} {
		for status, n := range p.statuses {
			if status != http.StatusOK {
				r.Failures += n
			}
		}
		if r.FirstOther == "" {
			r.FirstOther = p.failure
		}
	}
	r.SignInP99 = milliseconds(percentile(signIns.latencies, 99))
	for status, n := range signIns.statuses {
		switch status {
		case http.StatusOK:
			r.SignedIn += n
		case http.StatusServiceUnavailable:
			r.Overloaded += n
		case http.StatusTooManyRequests:
			r.Limited += n
		default:
			r.Other += n
		}
	}
	r.AllowedMiB = r.CalmMiB + float64(2*r.Slots*hashMiB)
	r.MemoryMet = r.PeakMiB <= r.AllowedMiB
	r.LatencyMet = r.StormP99 <= maxStorm*r.CalmP99
	r.AnswersMet = r.Failures == 0 && r.Limited == 0 && r.Other == 0 && r.SignedIn > 0
}

// copyPasswordUser makes n-1 users with the password of the first, who are known at the address of the load.
func (s *site) copyPasswordUser(ctx context.Context, n int) (err error) {
	db, err := s.database.openQuick()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	f := &filler{db: db, on: s.database.kind}
	now := time.Now().UnixMicro()
	name := "'" + passwordUserPrefix + "' || i"
	for _, statement := range []string{
		`insert into users (id, username, email, email_verified, first_name, last_name, is_active, groups, attributes,
				created_at, updated_at, password_hash, credential_version)
			select ` + f.userID("i") + `, ` + name + `, '', email_verified, first_name, last_name, is_active, groups, attributes,
				created_at, updated_at, password_hash, credential_version
			from numbers cross join users where username = '` + passwordUser(0) + `'`,
		`insert into login_names (name, user_id) select ` + name + `, ` + f.userID("i") + ` from numbers`,
		`insert into known_addresses (user_id, address, last_at) select ` + f.userID("i") + `, '127.0.0.1', ` + fmt.Sprint(now) + ` from numbers`,
	} {
		if _, err := db.ExecContext(ctx, f.numbers()+statement, 1, n-1); err != nil {
			return err
		}
	}
	return nil
}
