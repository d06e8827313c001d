package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tinyPlan is everything once, and no figure worth reading.
var tinyPlan = plan{
	clients: 8, slices: 1, duration: 40 * time.Millisecond, warmUp: 10 * time.Millisecond, sessions: 32, users: 16, tokens: 64,
	spare: 64, starts: 2, rounds: 2, ops: 10,
}

func TestEverythingOnce(t *testing.T) {
	folder := t.TempDir()
	r, err := measure(t.Context(), options{plan: tinyPlan, folder: folder, progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range operations() {
		if i >= len(r.Rows) || r.Rows[i].Operation != o.title {
			t.Fatalf("row %d is not %q", i, o.title)
		}
		row := r.Rows[i]
		if row.Failures > 0 || row.Rate <= 0 || row.P99 < row.P50 || row.P50 <= 0 || row.FloorRate <= 0 || row.Ratio <= 0 {
			t.Errorf("%s: %+v", o.title, row)
		}
		if (o.reference > 0) != (row.TimesReference > 0) || (row.Met != nil) != (row.Target != "") {
			t.Errorf("%s: × reference %v, target %q met: %v", o.title, row.TimesReference, row.Target, row.Met)
		}
	}
	if r.Start == nil || r.Start.Milliseconds <= 0 || r.Start.BinaryMiB <= 1 {
		t.Errorf("start: %+v", r.Start)
	}
	if len(r.Floors) != 8 {
		t.Errorf("%d floors, want 8: %+v", len(r.Floors), r.Floors)
	}
	if len(r.Verification) != 3*7 {
		t.Errorf("%d rows of verification, want 7 for each of 3 algorithms", len(r.Verification))
	}
	for _, v := range r.Verification {
		if v.Nanoseconds <= 0 || v.Ratio <= 0 {
			t.Errorf("%s, %s: %+v", v.Verifier, v.Algorithm, v)
		}
	}
	checkOutput(t, r)
	checkEmpty(t, folder)
}

// checkOutput: a table has a line for every row, and JSON brings every row back.
func checkOutput(t *testing.T, r *report) {
	t.Helper()
	var text, document bytes.Buffer
	if err := errors.Join(r.writeMarkdown(&text), r.writeJSON(&document)); err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		if !strings.Contains(text.String(), "\n| "+row.Operation+" | SQLite | ") {
			t.Errorf("the table has no row %q:\n%s", row.Operation, text.String())
		}
	}
	var read report
	if err := json.Unmarshal(document.Bytes(), &read); err != nil || len(read.Rows) != len(r.Rows) || len(read.Verification) != len(r.Verification) {
		t.Errorf("the JSON has %d rows and %d of verification, %v", len(read.Rows), len(read.Verification), err)
	}
}

func checkEmpty(t *testing.T, folder string) {
	t.Helper()
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// cancelAt ends a run when it comes to a step.
type cancelAt struct {
	io.Writer
	step   string
	cancel context.CancelFunc
}

func (c cancelAt) Write(text []byte) (int, error) {
	if strings.Contains(string(text), c.step) {
		c.cancel()
	}
	return c.Writer.Write(text)
}

func TestAnInterruptedRunLeavesNothing(t *testing.T) {
	for _, step := range []string{"building", "starting", "logoff"} {
		t.Run(step, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			folder := t.TempDir()
			_, err := measure(ctx, options{plan: tinyPlan, only: []string{"logoff"}, folder: folder, progress: cancelAt{t.Output(), step, cancel}})
			if !errors.Is(err, context.Canceled) && !strings.Contains(err.Error(), "killed") { // the go command is killed
				t.Errorf("measure = %v, want %v", err, context.Canceled)
			}
			checkEmpty(t, folder)
		})
	}
}

func TestProfiles(t *testing.T) {
	profiles := t.TempDir()
	r, err := measure(t.Context(), options{plan: tinyPlan, only: []string{"jwks"}, profiles: profiles, folder: t.TempDir(), progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if r.Start != nil {
		t.Error("the start of a binary with a profiler is reported, want none")
	}
	profile, err := os.ReadFile(filepath.Join(profiles, "JWKS.pprof"))
	if err != nil || !bytes.HasPrefix(profile, []byte{0x1f, 0x8b}) { // gzip
		t.Errorf("the profile has %d bytes, %v, want a gzip file", len(profile), err)
	}
}

func TestARunElsewhereSaysWhereToRun(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("GOWORK", "off")
	_, err := measure(t.Context(), options{plan: tinyPlan, folder: t.TempDir(), progress: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "go run ./internal/interop/bench") {
		t.Errorf("measure = %v, want the command that works", err)
	}
}
