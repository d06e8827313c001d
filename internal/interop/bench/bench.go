package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
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
	growth   growthPlan
	flood    floodPlan
	feed     feedPlan
}

// The refresh limit is 120 advances of a session in a minute. In a minute there are four slices of 10 s at
// most, for each is followed by one of its floor, so 4,000 sessions allow 12,000 refreshes a second.
var (
	fullPlan = plan{
		clients: 64, slices: 3, duration: 10 * time.Second, warmUp: 2 * time.Second, sessions: 4000, users: 1000, tokens: 60000,
		spare: 30000, starts: 5, settle: time.Second, rounds: 40, ops: 150,
		growth: growthPlan{few: 5_000, many: 5_000_000, users: 500_000},
		flood:  floodPlan{calm: 10 * time.Second, storm: 30 * time.Second, refreshRate: 500, signInRate: 200, signInClients: 600, slots: 2},
		feed:   feedPlan{verifiers: 100, logoffs: 100},
	}
	quickPlan = plan{
		clients: 64, slices: 1, duration: time.Second, warmUp: 200 * time.Millisecond, sessions: 1000, users: 1000, tokens: 16000,
		spare: 4000, starts: 2, settle: 300 * time.Millisecond, rounds: 8, ops: 100,
		growth: growthPlan{few: 5_000, many: 100_000, users: 10_000},
		flood:  floodPlan{calm: 3 * time.Second, storm: 5 * time.Second, refreshRate: 500, signInRate: 200, signInClients: 600, slots: 2},
		feed:   feedPlan{verifiers: 100, logoffs: 10},
	}
)

// options is what the command line says.
type options struct {
	plan      plan
	only      []string // names of operations; empty for all
	databases []kind   // empty for all
	settings  []string // NAME=VALUE: what the environment of the product holds besides
	profiles  string   // folder for CPU profiles; "" for none
	folder    string   // where temporary files go; "" for the system's place
	progress  io.Writer
}

func (o options) wants(name string) bool { return len(o.only) == 0 || slices.Contains(o.only, name) }

func (o options) wantsAny(names []string) bool { return slices.ContainsFunc(names, o.wants) }

func (o options) uses(on kind) bool { return len(o.databases) == 0 || slices.Contains(o.databases, on) }

// bench is one run.
type bench struct {
	options
	runFolder string // removed at the end
	logs      string // the same, for the log
	split     split
	binary    string
	pool      *pool
	cluster   *cluster // nil without PostgreSQL
	floors    *floorProcess
	password  string
	undo      undo
}

// undo ends what has been started, the last first.
type undo []func() error

func (u *undo) add(end func() error) { *u = append(*u, end) }

func (u *undo) all() error {
	var faults []error
	for _, end := range slices.Backward(*u) {
		faults = append(faults, end())
	}
	*u = nil
	return errors.Join(faults...)
}

// memoryFolder holds the log of the product, as a pipe to a collector would: every request writes a line, and
// on a disk those would wait behind the database's.
const memoryFolder = "/dev/shm"

// measure does everything and leaves nothing behind but the profiles. With an error comes what was
// measured until then.
func measure(ctx context.Context, o options) (r *report, err error) {
	r = &report{}
	b := &bench{options: o, split: coreSplit(allowedCores()), password: rand.Text()}
	defer func() { err = errors.Join(err, b.undo.all()) }()
	if err := b.makeFolders(); err != nil {
		return r, err
	}
	if r.Machine, err = describeMachine(ctx, b); err != nil {
		return r, err
	}
	if o.wantsAny(serverRows()) {
		if err := b.measureServer(ctx, r); err != nil {
			return r, err
		}
	}
	if o.wants(verifierName) {
		b.say("verification in process")
		r.Verification, err = b.verification(ctx)
	}
	return r, err
}

func (b *bench) makeFolders() (err error) {
	if b.runFolder, err = os.MkdirTemp(b.folder, "sallyport-bench-"); err != nil {
		return err
	}
	b.undo.add(func() error { return os.RemoveAll(b.runFolder) })
	if b.logs, err = os.MkdirTemp(memoryFolder, "sallyport-bench-"); err != nil {
		b.logs = b.runFolder // there is no such place here
	}
	b.undo.add(func() error { return os.RemoveAll(b.logs) })
	return nil
}

// measureServer is the part of the run that needs the binary.
func (b *bench) measureServer(ctx context.Context, r *report) error {
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if err := b.measureRows(ctx, r); err != nil {
		return err
	}
	for _, on := range kinds {
		if b.uses(on) && b.wants(growthName) {
			rows, err := b.growth(ctx, on)
			if err != nil {
				return fmt.Errorf("growth, %s: %w", on, err)
			}
			r.Growth = append(r.Growth, rows...)
		}
	}
	for _, on := range kinds {
		if b.uses(on) && b.wants(floodName) {
			f, err := b.flood(ctx, on)
			if err != nil {
				return fmt.Errorf("login flood, %s: %w", on, err)
			}
			r.Floods = append(r.Floods, *f)
		}
	}
	for _, on := range kinds {
		if b.uses(on) && b.wants(feedRowName) {
			f, err := b.feed(ctx, on)
			if err != nil {
				return fmt.Errorf("revocation feed, %s: %w", on, err)
			}
			r.Feeds = append(r.Feeds, *f)
		}
	}
	return nil
}

// prepare builds and starts what all rows need.
func (b *bench) prepare(ctx context.Context) error {
	source, err := repository(ctx)
	if err != nil {
		return err
	}
	b.say("building")
	if b.binary, err = build(ctx, source, b.runFolder, b.profiles != ""); err != nil {
		return err
	}
	if b.pool, err = startPool(); err != nil {
		return err
	}
	b.undo.add(func() error { b.pool.close(); return nil })
	b.say("starting")
	var floorTables string
	if b.uses(onPostgres) {
		if b.cluster, err = startCluster(ctx, b.folder, b.split.server); err != nil {
			return err
		}
		b.undo.add(b.cluster.remove)
		if err := b.cluster.execute(ctx, "create database floor"); err != nil {
			return err
		}
		floorTables = b.cluster.url("floor")
	}
	b.floors, err = startFloor(ctx, b.split.server, b.runFolder, b.plan.sessions, floorTables)
	if err == nil {
		b.undo.add(b.floors.stop)
	}
	return err
}

// measureRows measures the start and all operations on each database.
func (b *bench) measureRows(ctx context.Context, r *report) error {
	floors := map[string][]slice{}
	for _, on := range kinds {
		if b.uses(on) && b.wantsAny(rowNames()) {
			if err := b.measureRowsOn(ctx, on, r, floors); err != nil {
				return err
			}
		}
	}
	r.sortRows()
	return b.onLoadCore(func() (err error) {
		r.Floors, err = b.floorRows(ctx, floors)
		return err
	})
}

func (b *bench) measureRowsOn(ctx context.Context, on kind, r *report, floors map[string][]slice) (err error) {
	s, err := b.newSite(ctx, on, "rows", b.split.server)
	if err != nil {
		return err
	}
	if err := s.addPasswordUsers(ctx); err != nil {
		return err
	}
	b.say("starting with %s", on)
	started, err := s.openMeasured(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if b.profiles == "" { // else this is not the binary that is released
		r.Starts = append(r.Starts, *started)
		if r.BinaryMiB, err = sizeMiB(b.binary); err != nil {
			return err
		}
	}
	if err := s.addUsers(ctx); err != nil {
		return err
	}
	return b.onLoadCore(func() error {
		for _, o := range operations() {
			c, has := o.on[on]
			if !has || !b.wants(o.name) {
				continue
			}
			row, slices, err := s.measureRow(ctx, o)
			if err != nil {
				return fmt.Errorf("%s, %s: %w\n%s", o.title, on, err, s.complaints())
			}
			floors[c.floor] = append(floors[c.floor], slices...)
			r.Rows = append(r.Rows, row)
		}
		return nil
	})
}

// onLoadCore runs do with this process on the core of the load.
func (b *bench) onLoadCore(do func() error) error {
	leave, err := enter(b.split.load)
	if err != nil {
		return errors.Join(err, leave())
	}
	return errors.Join(do(), leave())
}

// sizeMiB is the size of a file, or of all the files in a folder.
func sizeMiB(path string) (float64, error) {
	var bytes int64
	err := filepath.WalkDir(path, func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	return float64(bytes) / (1 << 20), err
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, "bench: "+format+"\n", args...)
}
