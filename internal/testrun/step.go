package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// step is one line of the run: a name, its seconds, and what it printed if it failed.
type step struct {
	name  string
	check func(ctx context.Context, out io.Writer) error // out is shown at once, the error at the end
}

// do runs the step and reports whether it passed.
func (s step) do(ctx context.Context, out io.Writer) bool {
	began := time.Now()
	err := s.check(ctx, out)
	mark := "ok  "
	if err != nil {
		mark = "FAIL"
	}
	fmt.Fprintf(out, "== %s  %-40s %6.1f s\n", mark, s.name, time.Since(began).Seconds())
	if err != nil {
		fmt.Fprintln(out, strings.TrimRight(err.Error(), "\n"))
	}
	return err == nil
}

// notRaced is the module that compares and measures: nothing in it runs side by side, and under the
// race detector its figures mean nothing.
const notRaced = "interop"

// foreignUnraced builds SQLite without the race detector's instruments in a test that has them. It
// is C in Go's clothes, and its memory is not ours to check: the tests of the store take 47 s with
// these instruments in it, 22 s without (2 cores). hashUnraced and cipherUnraced do so with the password hash and what
// crypto is made of, which only compute.
const (
	foreignUnraced = "-gcflags=modernc.org/...=-race=false"
	hashUnraced    = "-gcflags=golang.org/x/crypto/...=-race=false"
	cipherUnraced  = "-gcflags=crypto/internal/...=-race=false"
)

// packagesAtOnce are tested at the same time, at least: they wait for disks, clocks and processes half of the time.
const packagesAtOnce = 3

// proofDir holds the tests that have a long form of their own.
const proofDir = "internal/proof"

// steps is the plan of a run, over the modules in dirs. The tests run once, with the race detector
// if there is one, and the seeds of the fuzz targets with them.
func steps(o options, dirs []string, race bool) []step {
	all := []step{{name: "gofmt", check: gofmt}}
	for _, dir := range dirs {
		all = append(all, goStep(dir, nil, "vet", "./..."))
	}
	if !o.short {
		for _, dir := range dirs {
			all = append(all, goStep(dir, nil, "mod", "tidy", "-diff"))
		}
	}
	env := []string{fmt.Sprintf("GOFLAGS=%s -p=%d", os.Getenv("GOFLAGS"), max(packagesAtOnce, runtime.NumCPU()))}
	if o.long {
		env = append(env, "STORETEST_HISTORIES=20000")
	}
	for _, dir := range dirs {
		args := []string{"test"}
		if o.short {
			args = append(args, "-short")
		} else if race && filepath.Base(dir) != notRaced {
			args = append(args, "-race", foreignUnraced, hashUnraced, cipherUnraced)
		}
		if o.long {
			args = append(args, "-timeout=60m")
		}
		all = append(all, goStep(dir, env, append(args, "./...")...))
		if _, err := os.Stat(filepath.Join(dir, proofDir)); o.long && err == nil {
			all = append(all, goStep(dir, nil, "test", "-count=1", "-timeout=120m", "./"+proofDir, "-args", "-long"))
		}
	}
	return all
}

// goStep runs the go command in the folder of a module.
func goStep(dir string, env []string, args ...string) step {
	return step{
		name: "go " + strings.Join(args, " ") + " in " + relative(dir),
		check: func(ctx context.Context, out io.Writer) error {
			command := exec.CommandContext(ctx, "go", args...)
			command.Dir = dir
			command.Env = append(os.Environ(), env...)
			return capture(command, out)
		},
	}
}

// relative shortens the folder of a module for the reader.
func relative(dir string) string {
	if here, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(here, dir); err == nil {
			return short
		}
	}
	return dir
}

// capture runs command. The lines by which `go test` closes a package go to out as they come; all
// that it printed besides is in the error if it fails. It ends the command with SIGINT when the
// run is interrupted, so that the go command ends its own children.
func capture(command *exec.Cmd, out io.Writer) error {
	all := &splitter{out: out}
	command.Stdout, command.Stderr = all, all
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	err := command.Run()
	all.flush()
	if err != nil {
		return fmt.Errorf("%s%w", all.rest.String(), err)
	}
	return nil
}

// splitter passes the closing lines of packages on and keeps the others.
type splitter struct {
	out  io.Writer
	rest bytes.Buffer
	line []byte
}

func (s *splitter) Write(b []byte) (int, error) {
	for part := range bytes.Lines(b) {
		s.line = append(s.line, part...)
		if bytes.HasSuffix(part, []byte("\n")) {
			s.flush()
		}
	}
	return len(b), nil
}

func (s *splitter) flush() {
	switch line := string(s.line); {
	case closesPackage(line):
		s.out.Write(s.line) // what becomes of the output is the shell's affair
	case strings.HasSuffix(line, "[no test files]\n"): // says nothing about a failure
	default:
		s.rest.Write(s.line)
	}
	s.line = s.line[:0]
}

// closesPackage recognises "ok  <tab>package…" and "FAIL<tab>package…".
func closesPackage(line string) bool {
	return strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "FAIL\t")
}

// modules lists the folders of the modules of go.work.
func modules(ctx context.Context) ([]string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m: %w", withStderr(err))
	}
	return strings.Fields(string(out)), nil
}

// gofmt fails with the names of the files that gofmt would change.
func gofmt(ctx context.Context, _ io.Writer) error {
	files, err := treeFiles(".")
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(name string) bool { return !strings.HasSuffix(name, ".go") })
	out, err := exec.CommandContext(ctx, "gofmt", append([]string{"-l"}, files...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s%w", out, err)
	}
	if len(out) > 0 {
		return fmt.Errorf("%srun gofmt -w on these files", out)
	}
	return nil
}
