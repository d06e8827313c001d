package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// report is everything that was measured.
type report struct {
	Machine      machine        `json:"machine"`
	Rows         []row          `json:"rows,omitempty"`
	Starts       []start        `json:"starts,omitempty"`
	BinaryMiB    float64        `json:"binary_mib,omitempty"`
	Floors       []row          `json:"floors,omitempty"`
	Growth       []growthRow    `json:"growth,omitempty"`
	Floods       []floodRow     `json:"login_flood,omitempty"`
	Feeds        []feedRow      `json:"feed,omitempty"`
	Verification []verification `json:"verification,omitempty"`
}

// start is about the server before the first sign-in.
type start struct {
	Database     string  `json:"database"`
	Milliseconds float64 `json:"first_answer_ms"` // from the fork to the first 200
	IdleMiB      float64 `json:"idle_mib"`
}

// row is an operation, or a floor. Times are medians of the slices.
type row struct {
	Operation string  `json:"operation"`
	Database  string  `json:"database,omitempty"`
	Rate      float64 `json:"requests_per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	CPU       float64 `json:"cpu_us_per_request"` // of the server and of PostgreSQL
	Postgres  float64 `json:"postgres_cpu_us_per_request,omitempty"`
	Busy      float64 `json:"server_busy"` // share of the time in which the server and PostgreSQL had their core
	Others    float64 `json:"others_busy"` // and in which something else had it
	Requests  int     `json:"requests"`
	Failures  int     `json:"failures"`
	Failure   string  `json:"first_failure,omitempty"`

	Floor          string  `json:"floor,omitempty"`
	FloorRate      float64 `json:"floor_requests_per_second,omitempty"`
	FloorCPU       float64 `json:"floor_cpu_us_per_request,omitempty"`
	Ratio          float64 `json:"ratio_to_floor,omitempty"` // the median of those of the pairs
	TimesReference float64 `json:"times_reference,omitempty"`
	PeakMiB        float64 `json:"peak_mib,omitempty"`
	Target         string  `json:"target,omitempty"`
	Met            *bool   `json:"met,omitempty"`
}

// newRow makes a row of the slices of an operation and, pair by pair, of its floor.
func newRow(o operation, on kind, measured, floors []slice, peak float64) row {
	r := measuredRow(o.title, measured)
	c := o.on[on]
	r.Database = string(on)
	r.PeakMiB = peak
	r.Floor = floorTitle(c.floor)
	r.FloorRate = medianOf(floors, slice.rate)
	r.FloorCPU = medianOf(floors, slice.cpuPerRequest)
	var ratios []float64
	for i, s := range measured {
		ratios = append(ratios, ratio(s.rate(), floors[i].rate()))
	}
	r.Ratio = median(ratios)
	r.TimesReference = ratio(r.Rate, c.reference)
	c.target.judge(&r)
	return r
}

func newFloorRow(path string, measured []slice) row { return measuredRow(floorTitle(path), measured) }

// measuredRow holds what the slices say by themselves.
func measuredRow(title string, measured []slice) row {
	r := row{
		Operation: title,
		Rate:      medianOf(measured, slice.rate),
		P50:       medianOf(measured, func(s slice) float64 { return milliseconds(percentile(s.latencies, 50)) }),
		P99:       medianOf(measured, func(s slice) float64 { return milliseconds(percentile(s.latencies, 99)) }),
		CPU:       medianOf(measured, slice.cpuPerRequest),
		Postgres:  medianOf(measured, slice.postgresPerRequest),
		Busy:      medianOf(measured, func(s slice) float64 { return ratio((s.cpu + s.postgres).Seconds(), s.elapsed.Seconds()) }),
		Others:    medianOf(measured, func(s slice) float64 { return ratio(s.others.Seconds(), s.elapsed.Seconds()) }),
	}
	for _, s := range measured {
		r.Requests += len(s.latencies)
		r.Failures += s.failed
		if r.Failure == "" {
			r.Failure = s.failure
		}
	}
	return r
}

// sortRows puts the databases of an operation beside each other.
func (r *report) sortRows() {
	rank := map[string]int{}
	for i, o := range operations() {
		rank[o.title] = i
	}
	slices.SortStableFunc(r.Rows, func(a, b row) int { return rank[a.Operation] - rank[b.Operation] })
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// failed are the rows that did not work.
func (r *report) failed() (titles []string) {
	for _, row := range r.Rows {
		if row.Failures > 0 {
			titles = append(titles, row.Operation+" on "+row.Database)
		}
	}
	for _, g := range r.Growth {
		if g.Failures > 0 {
			titles = append(titles, "growth on "+g.Database)
		}
	}
	for _, f := range r.Feeds {
		if f.Unheard > 0 {
			titles = append(titles, "revocation feed on "+f.Database)
		}
	}
	for _, f := range r.Floods {
		if !f.AnswersMet {
			titles = append(titles, "login flood on "+f.Database)
		}
	}
	return titles
}

func (r *report) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// writeMarkdown writes the tables as they stand in the README.
func (r *report) writeMarkdown(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n", r.Machine)
	if len(r.Rows) > 0 {
		text.WriteByte('\n')
		writeTable(&text, []string{"operation", "database", ">req/s", ">p50 ms", ">p99 ms", ">floor", ">ratio", ">× reference",
			">CPU µs", ">of it PostgreSQL", ">floor CPU µs", ">failures", ">peak MiB", "target", "met"}, r.rowTable())
	}
	if len(r.Starts) > 0 {
		text.WriteByte('\n')
		writeTable(&text, []string{"server", "database", ">", "target", "met"}, r.startTable())
	}
	if len(r.Floors) > 0 {
		text.WriteByte('\n')
		writeTable(&text, []string{"floor", ">req/s", ">p50 ms", ">p99 ms", ">CPU µs", ">of it PostgreSQL"}, r.floorTable())
	}
	if len(r.Growth) > 0 {
		text.WriteByte('\n')
		writeTable(&text, []string{"refresh", "database", ">sessions", "cache", ">size MiB", ">req/s", ">p50 ms", ">p99 ms", ">× p99 of the few", "target", "met"},
			r.growthTable())
	}
	if len(r.Floods) > 0 {
		text.WriteByte('\n')
		writeTable(&text, r.floodTitles(), r.floodTable())
	}
	if len(r.Feeds) > 0 {
		text.WriteByte('\n')
		writeTable(&text, []string{"from a logoff to the services", "database", ">instances", ">services", ">logoffs", ">p50 ms", ">p99 ms", ">most ms", "target", "met"}, r.feedTable())
	}
	if len(r.Verification) > 0 {
		text.WriteByte('\n')
		writeTable(&text, []string{"verification", "algorithm", ">ns", ">ratio to raw", ">allocations", "target", "met"}, r.verificationTable())
	}
	for _, note := range r.notes() {
		fmt.Fprintf(&text, "\n%s\n", note)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// writeTable writes a Markdown table. A column whose title begins with ">" is aligned right.
func writeTable(w io.Writer, titles []string, rows [][]string) {
	line := func(cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }
	names, rules := make([]string, len(titles)), make([]string, len(titles))
	for i, title := range titles {
		name, right := strings.CutPrefix(title, ">")
		names[i], rules[i] = name, "---"
		if right {
			rules[i] = "---:"
		}
	}
	line(names)
	line(rules)
	for _, cells := range rows {
		line(cells)
	}
}

func (r *report) rowTable() (table [][]string) {
	for _, row := range r.Rows {
		table = append(table, []string{
			row.Operation, row.Database, number(row.Rate), number(row.P50), number(row.P99), number(row.FloorRate), factor(row.Ratio),
			factor(row.TimesReference), number(row.CPU), number(row.Postgres), number(row.FloorCPU), fmt.Sprint(row.Failures), number(row.PeakMiB), orDash(row.Target), yesNo(row.Met),
		})
	}
	return table
}

func (r *report) startTable() (table [][]string) {
	line := func(title, database string, value, target float64, unit string) {
		met := value <= target
		table = append(table, []string{title, database, number(value) + " " + unit, fmt.Sprintf("≤ %.0f %s", target, unit), yesNo(&met)})
	}
	for _, s := range r.Starts {
		line("start, to the first answer", s.Database, s.Milliseconds, maxStart, "ms")
	}
	for _, s := range r.Starts {
		line("memory when idle", s.Database, s.IdleMiB, maxIdle, "MiB")
	}
	line("binary", "-", r.BinaryMiB, maxBinary, "MiB")
	return table
}

const (
	maxStart  = 100 // ms
	maxIdle   = 40  // MiB
	maxBinary = 25  // MiB
)

func (r *report) floorTable() (table [][]string) {
	for _, row := range r.Floors {
		table = append(table, []string{row.Operation, number(row.Rate), number(row.P50), number(row.P99), number(row.CPU), number(row.Postgres)})
	}
	return table
}

func (r *report) growthTable() (table [][]string) {
	for _, g := range r.Growth {
		goal := "-"
		if g.Met != nil {
			goal = fmt.Sprintf("p99 ≤ %.1f × that of the few", maxGrowth)
		}
		table = append(table, []string{
			"refresh", g.Database, thousands(fmt.Sprint(g.Sessions)), g.Cache, number(g.SizeMiB), number(g.Rate), number(g.P50), number(g.P99), factor(g.Ratio),
			goal, yesNo(g.Met),
		})
	}
	return table
}

func (r *report) feedTable() [][]string {
	var table [][]string
	for _, f := range r.Feeds {
		table = append(table, []string{
			"known by the feed", f.Database, fmt.Sprint(f.Instances), fmt.Sprint(f.Verifiers), fmt.Sprint(f.Logoffs), number(f.P50), number(f.P99), number(f.Most),
			fmt.Sprintf("p50 ≤ %v, p99 ≤ %v", feedP50, feedP99), yesNo(f.Met),
		})
	}
	return table
}

func (r *report) floodTitles() []string {
	titles := []string{"login flood"}
	for _, f := range r.Floods {
		titles = append(titles, fmt.Sprintf(">%s, hashing slots: %d", f.Database, f.Slots))
	}
	return titles
}

func (r *report) floodTable() [][]string {
	lines := []struct {
		title string
		of    func(floodRow) string
	}{
		{"refresh without it, p50 / p99 ms", func(f floodRow) string { return number(f.CalmP50) + " / " + number(f.CalmP99) }},
		{"refresh beside as many requests for the key set, p50 / p99 ms", func(f floodRow) string { return number(f.BesideP50) + " / " + number(f.BesideP99) }},
		{"refresh beside the sign-ins, p50 / p99 ms", func(f floodRow) string { return number(f.StormP50) + " / " + number(f.StormP99) }},
		{fmt.Sprintf("p99 ≤ %.1f × that without", maxStorm), func(f floodRow) string { return yesNo(&f.LatencyMet) }},
		{"refreshes beside the sign-ins, answered / failed", func(f floodRow) string { return fmt.Sprintf("%d / %d", f.Refreshes, f.Failures) }},
		{"sign-ins, 200 / 503 / 429 / other", func(f floodRow) string {
			return fmt.Sprintf("%d / %d / %d / %d", f.SignedIn, f.Overloaded, f.Limited, f.Other)
		}},
		{"no refresh failed, no sign-in was answered but by 200 and 503", func(f floodRow) string { return yesNo(&f.AnswersMet) }},
		{"p99 of those with 200, ms", func(f floodRow) string { return number(f.SignInP99) }},
		{"peak without it / in it / allowed, MiB", func(f floodRow) string {
			return number(f.CalmMiB) + " / " + number(f.PeakMiB) + " / " + number(f.AllowedMiB)
		}},
		{fmt.Sprintf("peak ≤ that without + 2 × slots × %d MiB", hashMiB), func(f floodRow) string { return yesNo(&f.MemoryMet) }},
	}
	var table [][]string
	for _, line := range lines {
		cells := []string{line.title}
		for _, f := range r.Floods {
			cells = append(cells, line.of(f))
		}
		table = append(table, cells)
	}
	return table
}

func (r *report) verificationTable() (table [][]string) {
	for _, v := range r.Verification {
		table = append(table, []string{
			v.Verifier, v.Algorithm, fmt.Sprintf("%.0f", v.Nanoseconds), factor(v.Ratio), fmt.Sprintf("%.0f", v.Allocations), orDash(v.Target), yesNo(v.Met),
		})
	}
	return table
}

// enoughBusy is the share of its core below which a server was not what limited a row.
const enoughBusy = 0.9

// notes are what a reader should know about single rows.
func (r *report) notes() (notes []string) {
	for _, row := range r.Rows {
		title := row.Operation + ", " + row.Database
		if row.Failures > 0 {
			notes = append(notes, fmt.Sprintf("%s: **%d of %d failed**, the first with %s.", title, row.Failures, row.Requests, row.Failure))
		}
		if row.Busy > 0 && row.Busy < enoughBusy {
			notes = append(notes, fmt.Sprintf("%s: the servers used %.0f %% of their core, other programs and interrupts %.0f %%; the rest they waited, for the disk or for the load.",
				title, row.Busy*100, row.Others*100))
		}
	}
	return notes
}

// number has three digits, or all of those before the point.
func number(v float64) string {
	switch {
	case v == 0:
		return "-"
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return thousands(fmt.Sprintf("%.0f", v))
}

// thousands puts a comma before every third digit from the end.
func thousands(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func factor(v float64) string {
	switch {
	case v == 0:
		return "-"
	case v < 0.1:
		return fmt.Sprintf("%.3f", v)
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func yesNo(met *bool) string {
	switch {
	case met == nil:
		return "-"
	case *met:
		return "yes"
	}
	return "**no**"
}
