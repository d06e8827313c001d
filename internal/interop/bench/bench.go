package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode"
)

// plan is how much is measured.
type plan struct {
	clients  int           // keep-alive connections at a time
	slices   int           // that are measured of each row; the median counts
	duration time.Duration // of each
	warmUp   time.Duration
	sessions int // that are refreshed and checked
	users    int // of the identity provider
	tokens   int // access tokens for the checks of tokens not seen before: more than the 8,192 that a cache holds by default
	spare    int // sessions to log off when no exchanges were measured
	starts   int
	settle   time.Duration // before the idle memory is read
	rounds   int           // of the verification table
	ops      int           // of each library in a round
}

// The refresh limit is 120 advances of a session in a minute. In a minute there are three slices of 10 s at
// most, for the floors take as long, so 4,000 sessions allow 16,000 refreshes a second.
var (
	fullPlan = plan{
		clients: 64, slices: 3, duration: 10 * time.Second, warmUp: 2 * time.Second, sessions: 4000, users: 1000, tokens: 60000,
		spare: 30000, starts: 5, settle: time.Second, rounds: 40, ops: 150,
	}
	quickPlan = plan{
		clients: 64, slices: 1, duration: 2 * time.Second, warmUp: 300 * time.Millisecond, sessions: 1000, users: 1000, tokens: 16000,
		spare: 4000, starts: 3, settle: 300 * time.Millisecond, rounds: 8, ops: 100,
	}
)

// options is what the command line says.
type options struct {
	plan     plan
	only     []string // names of operations; empty for all
	profiles string   // folder for CPU profiles; "" for none
	folder   string   // where temporary files go; "" for the system's place
	progress io.Writer
}

func (o options) wants(name string) bool { return len(o.only) == 0 || slices.Contains(o.only, name) }

// bench is one run.
type bench struct {
	options
	folder   string // of this run, removed at the end
	logs     string // the same, for the log
	split    split
	pool     *pool
	product  *product
	floors   *floorProcess
	headers  headers
	password string

	sessions []*session // to be refreshed and checked
	tokens   []string   // access tokens that were not presented yet
	unseen   []traffic  // that present them
	spare    []*session // to be logged off
}

// memoryFolder holds the log of the product, as a pipe to a collector would: every request writes a line, and
// on a disk those would wait behind the database's.
const memoryFolder = "/dev/shm"

// measure does everything and leaves nothing behind but the profiles.
func measure(ctx context.Context, o options) (_ *report, err error) {
	folder, err := os.MkdirTemp(o.folder, "sallyport-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	logs, err := os.MkdirTemp(memoryFolder, "sallyport-bench-")
	if err != nil {
		logs = folder // there is no such place here
	}
	defer func() { err = errors.Join(err, os.RemoveAll(logs)) }()
	b := &bench{options: o, folder: folder, logs: logs, split: coreSplit(allowedCores()), password: rand.Text()}
	r := &report{}
	if r.Machine, err = describeMachine(ctx, b); err != nil {
		return nil, err
	}
	if o.wantsAny(serverRows()) {
		if err := b.measureServer(ctx, r); err != nil {
			return nil, err
		}
	}
	if o.wants(verifierName) {
		b.say("verification in process")
		r.Verification, err = b.verification(ctx)
	}
	return r, err
}

func (o options) wantsAny(names []string) bool { return slices.ContainsFunc(names, o.wants) }

// measureServer is the part of the run that needs the binary.
func (b *bench) measureServer(ctx context.Context, r *report) (err error) {
	stop, err := b.prepare(ctx, r)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return err
	}
	floors := map[string][]slice{}
	for _, o := range operations() {
		if !b.wants(o.name) {
			continue
		}
		row, slices, err := b.measureRow(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", o.title, err, b.product.complaints())
		}
		floors[o.floor] = append(floors[o.floor], slices...)
		r.Rows = append(r.Rows, row)
	}
	r.Floors, err = b.floorRows(ctx, floors)
	return err
}

// prepare builds and starts everything. stop ends what has been started, also after an error.
func (b *bench) prepare(ctx context.Context, r *report) (stop func() error, err error) {
	var stops []func() error
	stop = func() error {
		var faults []error
		for _, s := range slices.Backward(stops) {
			faults = append(faults, s())
		}
		return errors.Join(faults...)
	}
	source, err := repository(ctx)
	if err != nil {
		return stop, err
	}
	b.say("building")
	binary, err := build(ctx, source, b.folder, b.profiles != "")
	if err != nil {
		return stop, err
	}
	if b.pool, err = startPool(); err != nil {
		return stop, err
	}
	stops = append(stops, func() error { b.pool.close(); return nil })
	if b.floors, err = startFloor(ctx, b.split.server, b.folder, b.plan.sessions); err != nil {
		return stop, err
	}
	stops = append(stops, b.floors.stop)

	b.product = &product{
		binary: binary, folder: filepath.Join(b.folder, "product"), logFile: filepath.Join(b.logs, "server.log"), core: b.split.server,
		issuer: b.pool.provider.Issuer(), client: b.pool.provider.ClientID(),
	}
	if err := os.Mkdir(b.product.folder, 0o700); err != nil {
		return stop, err
	}
	for i := range signInClients {
		if err := b.product.addUser(ctx, passwordUser(i), b.password); err != nil {
			return stop, err
		}
	}
	b.say("starting")
	if err := b.measureStart(ctx, r); err != nil {
		return stop, err
	}
	stops = append(stops, b.product.stop)
	b.headers = headersFor(b.product.address)
	if err := b.addUsers(ctx); err != nil {
		return stop, err
	}
	leave, err := enter(b.split.load)
	stops = append(stops, leave)
	return stop, err
}

// measureStart starts the product several times; the last one stays.
func (b *bench) measureStart(ctx context.Context, r *report) error {
	var took, idle []float64
	for i := range b.plan.starts {
		d, err := b.product.start(ctx)
		if err != nil {
			return err
		}
		select {
		case <-time.After(b.plan.settle):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), b.product.stop())
		}
		took, idle = append(took, d.Seconds()*1e3), append(idle, b.product.memory("VmRSS"))
		if i < b.plan.starts-1 {
			if err := b.product.stop(); err != nil {
				return err
			}
		}
	}
	if b.profiles != "" {
		return nil // this is not the binary that is released
	}
	r.Start = &start{Milliseconds: median(took), IdleMiB: median(idle)}
	info, err := os.Stat(b.product.binary)
	if err != nil {
		return errors.Join(err, b.product.stop())
	}
	r.Start.BinaryMiB = float64(info.Size()) / (1 << 20)
	return nil
}

// addUsers has every user of the provider come for the first time.
func (b *bench) addUsers(ctx context.Context) error {
	b.say("preparing %d users", b.plan.users)
	_, err := b.exchange(ctx, b.plan.users)
	return err
}

// exchange makes n sessions.
func (b *bench) exchange(ctx context.Context, n int) ([]*session, error) {
	clients, err := exchanges(ctx, b, n, 1)
	if err != nil {
		return nil, err
	}
	if err := b.untilDone(ctx, "social-exchange/", clients); err != nil {
		return nil, err
	}
	var sessions []*session
	for _, t := range clients {
		sessions = append(sessions, t.(*exchanging).sessions...)
	}
	return sessions, nil
}

// untilDone is for preparations, in which nothing may fail.
func (b *bench) untilDone(ctx context.Context, what string, clients []traffic) error {
	s, err := drive(ctx, b.product.address, clients, 0)
	if err == nil && s.failed > 0 {
		err = fmt.Errorf("%d of %d were refused: %s", s.failed, s.failed+s.succeeded, s.failure)
	}
	if err != nil {
		return fmt.Errorf("preparing: %s: %w", what, err)
	}
	return nil
}

func (b *bench) needSessions(ctx context.Context) (err error) {
	if len(b.sessions) == 0 {
		b.say("preparing %d sessions", b.plan.sessions)
		b.sessions, err = b.exchange(ctx, b.plan.sessions)
	}
	return err
}

func (b *bench) needSpare(ctx context.Context) (err error) {
	if b.spare == nil {
		b.say("preparing %d sessions to log off", b.plan.spare)
		b.spare, err = b.exchange(ctx, b.plan.spare)
	}
	return err
}

// needTokens refreshes until there are as many access tokens as planned.
func (b *bench) needTokens(ctx context.Context) error {
	if err := b.needSessions(ctx); err != nil {
		return err
	}
	if missing := b.plan.tokens - len(b.tokens); missing > 0 {
		b.say("preparing %d access tokens", missing)
		clients := b.refreshing((missing + len(b.sessions) - 1) / len(b.sessions))
		if err := b.untilDone(ctx, "refresh/", clients); err != nil {
			return err
		}
		keepTokens(b, clients)
	}
	return nil
}

// refreshing deals the sessions to the clients. rounds is how often each is refreshed; below 0 for ever.
func (b *bench) refreshing(rounds int) []traffic {
	clients := make([]traffic, b.plan.clients)
	missing := max(0, b.plan.tokens-len(b.tokens))
	for i, hand := range deal(b.sessions, len(clients)) {
		clients[i] = &refreshing{headers: b.headers, sessions: hand, rounds: rounds, most: missing/len(clients) + 1}
	}
	return clients
}

// measureRow measures an operation and its floor in turn, so that what else happens on the machine meets
// both.
func (b *bench) measureRow(ctx context.Context, o operation) (row, []slice, error) {
	b.say("%s", o.title)
	floor := b.fixed(get(b.floors.address, o.floor))[:o.clientsOf(b.plan)]
	warm, err := b.slice(ctx, o, b.plan.warmUp, guessedRate, b.plan.slices+1)
	if err != nil {
		return row{}, nil, err
	}
	if _, err := drive(ctx, b.floors.address, floor, b.plan.warmUp); err != nil {
		return row{}, nil, err
	}
	b.product.resetPeak()
	var measured, floors []slice
	rate := warm.rate()
	for left := b.plan.slices; left > 0; left-- {
		s, err := b.slice(ctx, o, b.plan.duration, rate, left)
		if err != nil {
			return row{}, nil, err
		}
		f, err := b.floorSlice(ctx, floor)
		if err != nil {
			return row{}, nil, err
		}
		measured, floors = append(measured, s), append(floors, f)
	}
	r := newRow(o, measured, floors, b.product.memory("VmHWM"))
	return r, floors, b.profileRow(ctx, o, rate)
}

// guessedRate is for the first slice of a row, in requests a second.
const guessedRate = 4000

// slice measures an operation once. rate is what is expected.
func (b *bench) slice(ctx context.Context, o operation, d time.Duration, rate float64, left int) (slice, error) {
	clients, err := b.traffic(ctx, o, d, rate, left)
	if err != nil {
		return slice{}, err
	}
	return b.send(ctx, o, d, clients)
}

func (b *bench) traffic(ctx context.Context, o operation, d time.Duration, rate float64, left int) ([]traffic, error) {
	const margin = 1.3
	return o.traffic(ctx, b, int(margin*rate*d.Seconds()), left)
}

func (b *bench) send(ctx context.Context, o operation, d time.Duration, clients []traffic) (slice, error) {
	runtime.GC() // ours, now and not meanwhile
	s, err := b.driveMeasured(ctx, b.product.process, b.product.address, clients, d)
	if err == nil && len(s.latencies) == 0 {
		err = errors.New("nothing was asked")
	}
	if o.after != nil {
		o.after(b, clients)
	}
	return s, errors.Join(err, b.product.forgetLog())
}

// driveMeasured is drive with what happened on the core of the server meanwhile.
func (b *bench) driveMeasured(ctx context.Context, p *process, address string, clients []traffic, d time.Duration) (slice, error) {
	own, all := p.cpu(), coreBusy(b.split.server)
	s, err := drive(ctx, address, clients, d)
	s.cpu = p.cpu() - own
	s.others = max(0, coreBusy(b.split.server)-all-s.cpu)
	return s, err
}

func (b *bench) floorSlice(ctx context.Context, clients []traffic) (slice, error) {
	runtime.GC()
	s, err := b.driveMeasured(ctx, b.floors.process, b.floors.address, clients, b.plan.duration)
	if err == nil && s.failed > 0 {
		err = fmt.Errorf("the floor failed: %s", s.failure)
	}
	return s, err
}

// profileRow runs one more slice under the profiler, which is not counted.
func (b *bench) profileRow(ctx context.Context, o operation, rate float64) error {
	if b.profiles == "" {
		return nil
	}
	d := max(b.plan.duration, time.Second)
	clients, err := b.traffic(ctx, o, d, rate, 1)
	if err != nil {
		return err
	}
	result := make(chan error, 1)
	go func() { result <- b.product.profile(ctx, d, filepath.Join(b.profiles, fileName(o.title))) }()
	_, err = b.send(ctx, o, d, clients)
	return errors.Join(err, <-result)
}

// floorRows are the floors that were measured, and that of a signature alone.
func (b *bench) floorRows(ctx context.Context, measured map[string][]slice) ([]row, error) {
	const signature = "/" + workSign
	if measured[signature] == nil && len(b.only) == 0 {
		b.say("floors")
		clients := b.fixed(get(b.floors.address, signature))
		for range b.plan.slices {
			s, err := b.floorSlice(ctx, clients)
			if err != nil {
				return nil, err
			}
			measured[signature] = append(measured[signature], s)
		}
	}
	var rows []row
	for _, path := range []string{"/", "/sign", "/update", "/update/sign", "/read", "/check-es256/read", "/check-rs256/read/insert/sign", "/hash"} {
		if s := measured[path]; s != nil {
			rows = append(rows, newRow(operation{title: floorTitle(path)}, s, nil, 0))
		}
	}
	return rows, nil
}

// fileName is for the profile of a row: its title, with a "-" for what is no letter.
func fileName(title string) string {
	words := strings.FieldsFunc(title, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.Join(words, "-") + ".pprof"
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, "bench: "+format+"\n", args...)
}
