package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"strings"
	"testing"
)

// TestMain lets the floors be started from the test binary, as they are from the benchmark.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == floorCommand {
		main()
	}
	os.Exit(m.Run())
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		name, args string
		slices     int
		only       string
		fault      string // part of the error; "" for none
	}{
		{"none", "", fullPlan.slices, "", ""},
		{"quick", "--quick", quickPlan.slices, "", ""},
		{"two rows", "--only refresh,verify", fullPlan.slices, "refresh,verify", ""},
		{"verification alone", "--only verifier", fullPlan.slices, "verifier", ""},
		{"no such row", "--only refresh,refrehs", 0, "", "refrehs"},
		{"on one database", "--database PostgreSQL", fullPlan.slices, "", ""},
		{"no such database", "--database Oracle", 0, "", "Oracle"},
		{"a setting without a value", "--set GOGC", 0, "", "NAME=VALUE"},
		{"an argument", "quick", 0, "", "quick"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, _, err := parseFlags(strings.Fields(c.args), io.Discard)
			if c.fault != "" {
				if err == nil || !strings.Contains(err.Error(), c.fault) {
					t.Errorf("parseFlags(%q) = %v, want an error about %q", c.args, err, c.fault)
				}
				return
			}
			if err != nil || o.plan.slices != c.slices || strings.Join(o.only, ",") != c.only {
				t.Errorf("parseFlags(%q) = %d slices of %v, %v, want %d of %q", c.args, o.plan.slices, o.only, err, c.slices, c.only)
			}
		})
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	var stderr bytes.Buffer
	if status := command([]string{"--help"}, io.Discard, &stderr); status != 0 || !strings.Contains(stderr.String(), "--quick") && !strings.Contains(stderr.String(), "-quick") {
		t.Errorf("command(--help) = %d, printing %q", status, stderr.String())
	}
	if _, _, err := parseFlags([]string{"--help"}, io.Discard); err != flag.ErrHelp {
		t.Errorf("parseFlags(--help) = %v, want %v", err, flag.ErrHelp)
	}
}

func TestAFailureKeepsWhatWasMeasured(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop() // describeMachine does not look at it, what follows does
	r, err := measure(ctx, options{plan: quickPlan, only: []string{startName}, folder: t.TempDir(), progress: io.Discard})
	if err == nil {
		t.Fatal("measure succeeded in a context that had ended")
	}
	var text bytes.Buffer
	if err := r.writeMarkdown(&text); err != nil || !strings.Contains(text.String(), "cores") {
		t.Errorf("after a failure the report is %q (%v), want the machine in it", text.String(), err)
	}
}
