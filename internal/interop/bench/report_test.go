package main

import (
	"strings"
	"testing"
	"time"
)

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "-", 0.123: "0.12", 9.994: "9.99", 12.34: "12.3", 123.4: "123", 1234: "1,234", 1234567: "1,234,567"} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestWriteTable(t *testing.T) {
	var text strings.Builder
	writeTable(&text, []string{"a", ">b"}, [][]string{{"x", "1"}, {"y", "2"}})
	const want = "| a | b |\n| --- | ---: |\n| x | 1 |\n| y | 2 |\n"
	if text.String() != want {
		t.Errorf("writeTable = %q, want %q", text.String(), want)
	}
}

// second is a slice of a second with n answers of a millisecond.
func second(n, failed int, cpu time.Duration) slice {
	latencies := make([]time.Duration, n+failed)
	for i := range latencies {
		latencies[i] = time.Millisecond
	}
	s := slice{succeeded: n, failed: failed, elapsed: time.Second, latencies: latencies, cpu: cpu}
	if failed > 0 {
		s.failure = `500 "{}"`
	}
	return s
}

func TestNewRow(t *testing.T) {
	o := operation{title: "refresh", on: map[kind]comparison{onSQLite: {"/update/sign", 10, all(ofFloor(0.5), timesReference(15))}}}
	floors := []slice{second(200, 0, 100*time.Millisecond), second(400, 0, 200*time.Millisecond), second(1000, 0, 500*time.Millisecond)}
	measured := []slice{second(100, 0, 500*time.Millisecond), second(300, 0, 900*time.Millisecond), second(400, 0, 800*time.Millisecond)}
	r := newRow(o, onSQLite, measured, floors, 30)
	// The pairs have the ratios 0.5, 0.75 and 0.4; the medians of the rates would give 0.75.
	if r.Rate != 300 || r.FloorRate != 400 || r.Ratio != 0.5 || r.TimesReference != 30 || r.CPU != 3000 || r.FloorCPU != 500 || r.P50 != 1 || r.Busy != 0.8 {
		t.Errorf("newRow = %+v", r)
	}
	if r.Met == nil || !*r.Met || r.Target != "≥ 50 % of the floor, ≥ 15 × reference" || r.Floor != "handler + grouped update + ES256 signature" {
		t.Errorf("newRow: target %q of %q met: %v, want yes", r.Target, r.Floor, r.Met)
	}
}

func TestAFailureMeetsNoTarget(t *testing.T) {
	o := operation{title: "refresh", on: map[kind]comparison{onPostgres: {floor: "/", target: ofFloor(0.5)}}}
	r := newRow(o, onPostgres, []slice{second(100, 1, 0)}, []slice{second(100, 0, 0)}, 0)
	if r.Met == nil || *r.Met || r.Failures != 1 {
		t.Errorf("newRow: %d failures, met: %v, want one and no", r.Failures, r.Met)
	}
	report := &report{Rows: []row{r}}
	var text strings.Builder
	if err := report.writeMarkdown(&text); err != nil || !strings.Contains(text.String(), "**no**") || !strings.Contains(text.String(), `refresh, PostgreSQL: **1 of 101 failed**, the first with 500 "{}".`) {
		t.Errorf("writeMarkdown = %q, %v", text.String(), err)
	}
	if got := report.failed(); len(got) != 1 || got[0] != "refresh on PostgreSQL" {
		t.Errorf("failed() = %q, want refresh on PostgreSQL", got)
	}
}

func TestTargets(t *testing.T) {
	for _, c := range []struct {
		name   string
		target target
		row    row
		want   bool
	}{
		{"share of the floor", ofFloor(0.8), row{Ratio: 0.8}, true},
		{"too little of the floor", ofFloor(0.8), row{Ratio: 0.79}, false},
		{"times the reference", timesReference(15), row{TimesReference: 15}, true},
		{"one of two", all(ofFloor(0.8), timesReference(15)), row{Ratio: 0.9, TimesReference: 14.9}, false},
		{"times a peer", timesPeer(8, "a peer", 190), row{Rate: 1520}, true},
		{"less than that", timesPeer(8, "a peer", 190), row{Rate: 1519}, false},
		{"CPU", cpuAtMost(1.05), row{CPU: 104, FloorCPU: 100}, true},
		{"too much CPU", cpuAtMost(1.05), row{CPU: 106, FloorCPU: 100}, false},
		{"CPU that was not measured", cpuAtMost(1.05), row{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.row
			if c.target.judge(&r); r.Met == nil || *r.Met != c.want {
				t.Errorf("judge(%q) = %v, want %v", c.target.text, r.Met, c.want)
			}
		})
	}
}

func TestJudgeVerification(t *testing.T) {
	rows := func(alg string, unseenRatio, unseenAllocations, seenNS, seenAllocations float64) []verification {
		return []verification{
			{Verifier: rawName, Algorithm: alg},
			{Verifier: unseenName, Algorithm: alg, Ratio: unseenRatio, Allocations: unseenAllocations},
			{Verifier: seenName, Algorithm: alg, Nanoseconds: seenNS, Allocations: seenAllocations},
			{Verifier: "another", Algorithm: alg, Allocations: 100},
		}
	}
	for _, c := range []struct {
		name         string
		rows         []verification
		unseen, seen bool
	}{
		{"both", rows("ES256", 1.15, 99, 2000, 2), true, true},
		{"too slow", rows("EdDSA", 1.16, 99, 2001, 2), false, false},
		{"too many allocations", rows("ES256", 1.1, 100, 1000, 3), false, false},
		{"RS256 has no ratio to reach", rows("RS256", 1.3, 99, 2000, 2), true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			judgeVerification(c.rows)
			if c.rows[0].Met != nil || c.rows[3].Met != nil {
				t.Error("the raw check and other libraries have targets, want none")
			}
			if *c.rows[1].Met != c.unseen || *c.rows[2].Met != c.seen {
				t.Errorf("met: unseen %v, seen %v, want %v, %v", *c.rows[1].Met, *c.rows[2].Met, c.unseen, c.seen)
			}
		})
	}
}

func TestThePartOfPostgreSQL(t *testing.T) {
	s := second(100, 0, 100*time.Millisecond)
	s.postgres = 50 * time.Millisecond
	if r := measuredRow("", []slice{s}); r.CPU != 1500 || r.Postgres != 500 || r.Busy != 0.15 {
		t.Errorf("measuredRow = %v µs, of which PostgreSQL %v, busy %v, want 1500, 500, 0.15", r.CPU, r.Postgres, r.Busy)
	}
}

func TestSortRows(t *testing.T) {
	r := report{Rows: []row{{Operation: "refresh", Database: "SQLite"}, {Operation: "logoff", Database: "SQLite"}, {Operation: "refresh", Database: "PostgreSQL"}}}
	r.sortRows()
	if got := []string{r.Rows[0].Database, r.Rows[1].Database, r.Rows[2].Operation}; got[0] != "SQLite" || got[1] != "PostgreSQL" || got[2] != "logoff" {
		t.Errorf("sortRows gives %+v", r.Rows)
	}
}

func TestCompareGrowth(t *testing.T) {
	of := func(p99 ...time.Duration) (slices []slice) {
		for _, d := range p99 {
			slices = append(slices, slice{latencies: []time.Duration{d}})
		}
		return slices
	}
	for _, c := range []struct {
		name     string
		many     []slice
		failures int
		ratio    float64
		met      bool
	}{
		{"as fast", of(10, 10, 10), 0, 1, true},
		{"one slow moment", of(100, 10, 15), 0, 1.5, true},
		{"slower", of(20, 20, 20), 0, 2, false},
		{"with a failure", of(10, 10, 10), 1, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := growthRow{Failures: c.failures}
			if g.compare(c.many, of(10, 10, 10)); g.Ratio != c.ratio || *g.Met != c.met {
				t.Errorf("compare gives %v, met: %v, want %v, %v", g.Ratio, *g.Met, c.ratio, c.met)
			}
		})
	}
}

func TestJudgeFlood(t *testing.T) {
	answers := func(p99 time.Duration, ok, overloaded, limited, other int) paced {
		return paced{statuses: map[int]int{200: ok, 503: overloaded, 429: limited, 500: other}, latencies: []time.Duration{p99 * time.Millisecond}}
	}
	for _, c := range []struct {
		name                       string
		row                        floodRow
		storm, signIns             paced
		memory, latency, asAllowed bool
	}{
		{"as it should be", floodRow{Slots: 2, CalmMiB: 30, PeakMiB: 106}, answers(15, 9, 0, 0, 0), answers(5, 5, 90, 0, 0), true, true, true},
		{"too much memory", floodRow{Slots: 2, CalmMiB: 30, PeakMiB: 107}, answers(15, 9, 0, 0, 0), answers(5, 5, 90, 0, 0), false, true, true},
		{"too much for one slot", floodRow{Slots: 1, CalmMiB: 30, PeakMiB: 106}, answers(15, 9, 0, 0, 0), answers(5, 5, 90, 0, 0), false, true, true},
		{"slow", floodRow{}, answers(16, 9, 0, 0, 0), answers(5, 5, 90, 0, 0), true, false, true},
		{"a refresh is refused", floodRow{}, answers(15, 9, 1, 0, 0), answers(5, 5, 90, 0, 0), true, true, false},
		{"a sign-in is limited", floodRow{}, answers(15, 9, 0, 0, 0), answers(5, 5, 90, 1, 0), true, true, false},
		{"another answer", floodRow{}, answers(15, 9, 0, 0, 0), answers(5, 5, 90, 0, 1), true, true, false},
		{"nobody gets in", floodRow{}, answers(15, 9, 0, 0, 0), answers(5, 0, 90, 0, 0), true, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.row
			r.judge(answers(10, 9, 0, 0, 0), c.storm, c.signIns)
			if r.MemoryMet != c.memory || r.LatencyMet != c.latency || r.AnswersMet != c.asAllowed {
				t.Errorf("judge gives memory %v, latency %v, answers %v, want %v, %v, %v", r.MemoryMet, r.LatencyMet, r.AnswersMet, c.memory, c.latency, c.asAllowed)
			}
		})
	}
}
