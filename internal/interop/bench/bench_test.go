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
	growth: growthPlan{few: 50, many: 300, users: 20},
	flood:  floodPlan{calm: 100 * time.Millisecond, storm: 300 * time.Millisecond, refreshRate: 100, signInRate: 40, signInClients: 12, slots: 1},
	feed:   feedPlan{verifiers: 3, logoffs: 3},
}

// openFolder is a folder like t.TempDir's that PostgreSQL can enter, which root has run by another user.
func openFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "bench-test-")
	if err == nil {
		err = os.Chmod(folder, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	return folder
}

func TestEverythingOnce(t *testing.T) {
	folder := openFolder(t)
	r, err := measure(t.Context(), options{plan: tinyPlan, folder: folder, progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	checkRows(t, r)
	for _, s := range r.Starts {
		if s.Milliseconds <= 0 || s.IdleMiB <= 1 {
			t.Errorf("start: %+v", s)
		}
	}
	if len(r.Starts) != len(kinds) || r.BinaryMiB <= 1 {
		t.Errorf("%d starts of a binary of %v MiB, want %d of more than 1", len(r.Starts), r.BinaryMiB, len(kinds))
	}
	if len(r.Floors) != 14 {
		t.Errorf("%d floors, want 14: %+v", len(r.Floors), r.Floors)
	}
	if len(r.Verification) != 3*8 {
		t.Errorf("%d rows of verification, want 8 for each of 3 algorithms", len(r.Verification))
	}
	for _, v := range r.Verification {
		if v.Nanoseconds <= 0 || v.Ratio <= 0 {
			t.Errorf("%s, %s: %+v", v.Verifier, v.Algorithm, v)
		}
	}
	checkGrowth(t, r.Growth)
	checkFloods(t, r.Floods)
	checkFeeds(t, r.Feeds)
	checkOutput(t, r)
	checkEmpty(t, folder)
}

// checkRows: every operation has a row on each of its databases, beside each other.
func checkRows(t *testing.T, r *report) {
	t.Helper()
	rows := r.Rows
	for _, o := range operations() {
		for _, on := range kinds {
			c, has := o.on[on]
			if !has {
				continue
			}
			if len(rows) == 0 || rows[0].Operation != o.title || rows[0].Database != string(on) {
				t.Fatalf("the next row is not %q on %s: %+v", o.title, on, rows)
			}
			row := rows[0]
			rows = rows[1:]
			if row.Failures > 0 || row.Rate <= 0 || row.P99 < row.P50 || row.P50 <= 0 || row.FloorRate <= 0 || row.Ratio <= 0 {
				t.Errorf("%s, %s: %+v", o.title, on, row)
			}
			if (c.reference > 0) != (row.TimesReference > 0) || (row.Met != nil) != (row.Target != "") {
				t.Errorf("%s, %s: × reference %v, target %q met: %v", o.title, on, row.TimesReference, row.Target, row.Met)
			}
		}
	}
	if len(rows) > 0 {
		t.Errorf("rows of no operation: %+v", rows)
	}
}

func checkGrowth(t *testing.T, rows []growthRow) {
	t.Helper()
	judged := map[string]int{}
	for _, g := range rows {
		if g.Failures > 0 || g.Rate <= 0 || g.P99 < g.P50 || g.SizeMiB <= 0 {
			t.Errorf("growth: %+v", g)
		}
		if g.Met != nil {
			judged[g.Database] = g.Sessions
		}
	}
	for _, on := range kinds {
		if judged[string(on)] != tinyPlan.growth.many {
			t.Errorf("growth on %s is judged with %d sessions, want %d", on, judged[string(on)], tinyPlan.growth.many)
		}
	}
}

func checkFloods(t *testing.T, rows []floodRow) {
	t.Helper()
	if len(rows) != len(kinds) {
		t.Errorf("%d floods, want %d", len(rows), len(kinds))
	}
	for _, f := range rows {
		if !f.AnswersMet || f.Refreshes == 0 || f.SignedIn == 0 || f.PeakMiB <= 0 || f.StormP99 < f.StormP50 {
			t.Errorf("login flood: %+v", f)
		}
	}
}

func checkFeeds(t *testing.T, rows []feedRow) {
	t.Helper()
	if len(rows) != len(kinds) {
		t.Errorf("%d rows of the feed, want %d", len(rows), len(kinds))
	}
	for _, f := range rows {
		if f.Unheard > 0 || f.P50 <= 0 || f.P99 < f.P50 || f.Met == nil {
			t.Errorf("revocation feed: %+v", f)
		}
	}
}

// checkOutput: a table has a line for every row, and JSON brings every row back.
func checkOutput(t *testing.T, r *report) {
	t.Helper()
	var text, document bytes.Buffer
	if err := errors.Join(r.writeMarkdown(&text), r.writeJSON(&document)); err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		if !strings.Contains(text.String(), "\n| "+row.Operation+" | "+row.Database+" | ") {
			t.Errorf("the table has no row %q on %s:\n%s", row.Operation, row.Database, text.String())
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
	for _, step := range []string{"building", "starting", "logoff, SQLite", "logoff, PostgreSQL"} {
		t.Run(step, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			folder := openFolder(t)
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
	r, err := measure(t.Context(), options{plan: tinyPlan, only: []string{"jwks"}, databases: []kind{onSQLite}, profiles: profiles, folder: t.TempDir(), progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if r.Starts != nil {
		t.Error("the start of a binary with a profiler is reported, want none")
	}
	profile, err := os.ReadFile(filepath.Join(profiles, "JWKS-SQLite.pprof"))
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
