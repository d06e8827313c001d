package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode"
)

// measureRow measures an operation and its floor in turn, so that what else happens on the machine meets
// both.
func (s *site) measureRow(ctx context.Context, o operation) (row, []slice, error) {
	s.say("%s, %s", o.title, s.database.kind)
	path := o.on[s.database.kind].floor
	floor := s.fixed(get(s.floors.address, path))[:o.clientsOf(s.plan)]
	warm, err := s.slice(ctx, o, s.plan.warmUp, guessedRate, s.plan.slices+1)
	if err != nil {
		return row{}, nil, err
	}
	if _, err := drive(ctx, s.floors.address, floor, s.plan.warmUp); err != nil {
		return row{}, nil, err
	}
	s.resetPeak()
	var measured, floors []slice
	rate := warm.rate()
	for left := s.plan.slices; left > 0; left-- {
		one, err := s.slice(ctx, o, s.plan.duration, rate, left)
		if err != nil {
			return row{}, nil, err
		}
		f, err := s.floorSlice(ctx, path, floor)
		if err != nil {
			return row{}, nil, err
		}
		measured, floors = append(measured, one), append(floors, f)
	}
	r := newRow(o, s.database.kind, measured, floors, s.memory("VmHWM"))
	return r, floors, s.profileRow(ctx, o, rate)
}

// guessedRate is for the first slice of a row, in requests a second.
const guessedRate = 4000

// slice measures an operation once. rate is what is expected.
func (s *site) slice(ctx context.Context, o operation, d time.Duration, rate float64, left int) (slice, error) {
	clients, err := s.traffic(ctx, o, d, rate, left)
	if err != nil {
		return slice{}, err
	}
	return s.send(ctx, o, d, clients)
}

func (s *site) traffic(ctx context.Context, o operation, d time.Duration, rate float64, left int) ([]traffic, error) {
	const margin = 1.3
	return o.traffic(ctx, s, int(margin*rate*d.Seconds()), left)
}

func (s *site) send(ctx context.Context, o operation, d time.Duration, clients []traffic) (slice, error) {
	sent, err := s.driveMeasured(ctx, s.process, s.database.kind == onPostgres, s.address, clients, d)
	if err == nil && len(sent.latencies) == 0 {
		err = errors.New("nothing was asked")
	}
	if o.after != nil {
		o.after(s, clients)
	}
	return sent, errors.Join(err, s.forgetLog())
}

// driveMeasured is drive with what happened on the core of the servers meanwhile. What PostgreSQL does there is the
// work of others unless it is what is measured: it may still be tidying up.
func (b *bench) driveMeasured(ctx context.Context, p *process, withPostgres bool, address string, clients []traffic, d time.Duration) (slice, error) {
	runtime.GC() // ours, now and not meanwhile
	postgres := func() time.Duration {
		if !withPostgres {
			return 0
		}
		return b.cluster.cpuWithChildren()
	}
	own, other, all := p.cpu(), postgres(), coreBusy(b.split.server)
	s, err := drive(ctx, address, clients, d)
	s.cpu, s.postgres = p.cpu()-own, postgres()-other
	s.others = max(0, coreBusy(b.split.server)-all-s.cpu-s.postgres)
	return s, err
}

// floorSlice is half as long as a slice of the operation: a floor does always the same.
func (b *bench) floorSlice(ctx context.Context, path string, clients []traffic) (slice, error) {
	withPostgres := strings.Contains(path, "/"+postgresWorks)
	s, err := b.driveMeasured(ctx, b.floors.process, withPostgres, b.floors.address, clients, b.plan.duration/2)
	if err == nil && s.failed > 0 {
		err = fmt.Errorf("the floor failed: %s", s.failure)
	}
	return s, err
}

// profileRow runs one more slice under the profiler, which is not counted.
func (s *site) profileRow(ctx context.Context, o operation, rate float64) error {
	if s.profiles == "" {
		return nil
	}
	d := max(s.plan.duration, time.Second)
	clients, err := s.traffic(ctx, o, d, rate, 1)
	if err != nil {
		return err
	}
	result := make(chan error, 1)
	go func() {
		result <- s.profile(ctx, d, filepath.Join(s.profiles, fileName(o.title+" "+string(s.database.kind))))
	}()
	_, err = s.send(ctx, o, d, clients)
	return errors.Join(err, <-result)
}

// alone are the floors that are no row's: a signature, and an update that waits for the disk, with which the row
// of the refresh would have to be compared if it did.
var alone = map[kind]string{onSQLite: "/" + workSign, onPostgres: "/" + workPGUpdateDurable + "/" + workSign}

// floorRows are the floors that were measured, and those that stand alone.
func (b *bench) floorRows(ctx context.Context, measured map[string][]slice) ([]row, error) {
	for _, on := range kinds {
		if path := alone[on]; b.uses(on) && len(b.only) == 0 {
			b.say("%s", floorTitle(path))
			clients := b.fixed(get(b.floors.address, path))
			for range b.plan.slices {
				s, err := b.floorSlice(ctx, path, clients)
				if err != nil {
					return nil, err
				}
				measured[path] = append(measured[path], s)
			}
		}
	}
	var rows []row
	for _, path := range []string{
		"/", "/sign", "/update", "/update/sign", "/read", "/check-es256/read", "/check-rs256/read/insert/sign",
		"/pg-update-durable", "/pg-update/sign", "/pg-update-durable/sign", "/pg-read", "/check-es256/pg-read", "/check-rs256/pg-read/pg-insert/sign",
		"/hash",
	} {
		if s := measured[path]; s != nil {
			rows = append(rows, newFloorRow(path, s))
		}
	}
	return rows, nil
}

// fileName is for the profile of a row: its title, with a "-" for what is no letter.
func fileName(title string) string {
	words := strings.FieldsFunc(title, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.Join(words, "-") + ".pprof"
}
