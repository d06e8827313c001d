// Command testrun is what ./test.sh starts: the one way in which Sallyport is tested, on a
// developer's machine and in CI. It installs what the tests need, runs every step over every module
// of go.work, and then looks whether the tests left a file or a process behind.
//
// Nothing is skipped silently: what cannot run is said in the last line, or fails the run. Read run
// and steps first.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	short bool          // formatting, vet and tests without the race detector: for the moment before a commit
	long  bool          // the long forms of tests that have one
	fuzz  time.Duration // for each fuzz target; 0 runs the seeds only, as tests
}

func main() {
	var o options
	flag.BoolVar(&o.short, "short", false, "gofmt, vet and go test -short, without the race detector")
	flag.BoolVar(&o.long, "long", false, "also the long forms of tests: 20,000 histories of the refresh machine in place of 400")
	flag.DurationVar(&o.fuzz, "fuzz", 0, "then run every fuzz target for this long, for instance 30s")
	flag.Parse()
	if flag.NArg() > 0 || o.fuzz < 0 || o.short && o.long {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ok := run(ctx, o, os.Stdout)
	stop()
	if !ok {
		os.Exit(1)
	}
}

// run does everything and prints it to out. The last line says PASS or FAIL.
func run(ctx context.Context, o options, out io.Writer) bool {
	began := time.Now()
	adopted := adoptOrphans()
	race, err := setUp(ctx, out, o)
	if err != nil {
		fmt.Fprintf(out, "FAIL: set-up: %v\n", err)
		return false
	}
	dirs, err := modules(ctx)
	if err != nil {
		fmt.Fprintf(out, "FAIL: go.work: %v\n", err)
		return false
	}
	before, beforeErr := treeFiles(".")

	all := steps(o, dirs, race)
	if o.fuzz > 0 {
		targets, err := fuzzSteps(ctx, dirs, o.fuzz)
		if err != nil {
			all = append(all, step{name: "list the fuzz targets", check: func(context.Context, io.Writer) error { return err }})
		}
		all = append(all, targets...)
	}
	all = append(all,
		step{name: "no file left behind", check: func(context.Context, io.Writer) error {
			after, err := treeFiles(".")
			if err := errors.Join(beforeErr, err); err != nil {
				return err
			}
			return newFiles(before, after)
		}},
		step{name: "no process left behind", check: func(context.Context, io.Writer) error {
			if !adopted {
				_, err := fmt.Fprintln(out, "    only Linux can tell: not looked")
				return err
			}
			return endSurvivors(graceForOrphans)
		}},
	)

	var failed []string
	for _, s := range all {
		if ctx.Err() != nil {
			failed = append(failed, "interrupted before "+s.name)
			break
		}
		if !s.do(ctx, out) {
			failed = append(failed, s.name)
		}
	}
	if ctx.Err() != nil && adopted {
		_ = endSurvivors(0) // an interrupted run leaves nothing behind either
	}
	fmt.Fprintln(out, verdict(len(all), failed, time.Since(began), race || o.short))
	return len(failed) == 0
}

// verdict is the closing line.
func verdict(steps int, failed []string, took time.Duration, raced bool) string {
	seconds := took.Round(time.Second) / time.Second
	if len(failed) > 0 {
		return fmt.Sprintf("FAIL: %s (%d of %d steps) in %d s", strings.Join(failed, ", "), len(failed), steps, seconds)
	}
	line := fmt.Sprintf("PASS: %d steps in %d s", steps, seconds)
	if !raced {
		line += ", WITHOUT THE RACE DETECTOR: there is no C compiler"
	}
	return line
}
