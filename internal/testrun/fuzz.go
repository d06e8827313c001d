package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// fuzzSteps makes a step of every fuzz target of the modules in dirs.
func fuzzSteps(ctx context.Context, dirs []string, each time.Duration) ([]step, error) {
	var all []step
	for _, dir := range dirs {
		command := exec.CommandContext(ctx, "go", "test", "-list", "^Fuzz", "./...")
		command.Dir = dir
		out, err := command.Output()
		if err != nil {
			return all, fmt.Errorf("go test -list in %s: %s%w", relative(dir), out, withStderr(err))
		}
		for _, t := range fuzzTargets(string(out)) {
			s := goStep(dir, nil, "test", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+each.String(), "-fuzzminimizetime=10x", t.pkg)
			fuzz := s.check
			s.name = "fuzz " + t.name
			s.check = func(ctx context.Context, out io.Writer) error {
				if err := fuzz(ctx, out); err != nil && !onlyDeadline(err.Error()) {
					return err
				}
				return nil
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// fuzzTarget is a fuzz target and the package that it is in.
type fuzzTarget struct{ pkg, name string }

// fuzzTargets reads what `go test -list` prints: the names of a package, then its closing line.
func fuzzTargets(list string) []fuzzTarget {
	var found []fuzzTarget
	var names []string
	for line := range strings.Lines(list) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "Fuzz") {
			names = append(names, line)
		} else if closesPackage(line) {
			pkg := strings.Split(line, "\t")[1]
			for _, name := range names {
				found = append(found, fuzzTarget{pkg, name})
			}
			names = nil
		}
	}
	return found
}

// onlyDeadline recognises a target that failed of nothing but the end of its time: now and then the
// go command takes the deadline that it set itself for a failure of the target.
func onlyDeadline(output string) bool {
	return strings.Contains(output, "    context deadline exceeded\n") &&
		!strings.Contains(output, "Failing input written") && !strings.Contains(output, "_test.go:")
}

// withStderr adds what a command said to the error of its Output.
func withStderr(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%w\n%s", err, exit.Stderr)
	}
	return err
}
