package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"testrun": main})
}

// The scripts run the program over small trees of their own; they are its specification.
func TestScripts(t *testing.T) {
	home := t.TempDir() // outside of the trees: the go command and npm write there
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			cache, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
			if err != nil {
				return err
			}
			env.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
			env.Setenv("GOPROXY", "off")
			env.Setenv("GOTOOLCHAIN", "local")
			env.Setenv("HOME", home)
			return nil
		},
	})
}

func TestSteps(t *testing.T) {
	tests := []struct {
		name string
		o    options
		race bool
		want []string
	}{
		{"whole", options{}, true, []string{
			"gofmt", "go vet ./... in .", "go vet ./... in internal/interop", "go mod tidy -diff in .", "go mod tidy -diff in internal/interop",
			"go test -race -gcflags=modernc.org/...=-race=false -gcflags=golang.org/x/crypto/...=-race=false -gcflags=crypto/internal/...=-race=false ./... in .", "go test ./... in internal/interop",
		}},
		{"without a compiler", options{}, false, []string{
			"gofmt", "go vet ./... in .", "go vet ./... in internal/interop", "go mod tidy -diff in .", "go mod tidy -diff in internal/interop",
			"go test ./... in .", "go test ./... in internal/interop",
		}},
		{"short", options{short: true}, true, []string{
			"gofmt", "go vet ./... in .", "go vet ./... in internal/interop",
			"go test -short ./... in .", "go test -short ./... in internal/interop",
		}},
		{"long", options{long: true}, true, []string{
			"gofmt", "go vet ./... in .", "go vet ./... in internal/interop", "go mod tidy -diff in .", "go mod tidy -diff in internal/interop",
			"go test -race -gcflags=modernc.org/...=-race=false -gcflags=golang.org/x/crypto/...=-race=false -gcflags=crypto/internal/...=-race=false -timeout=60m ./... in .", "go test -timeout=60m ./... in internal/interop",
		}},
	}
	here := t.TempDir()
	t.Chdir(here)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, s := range steps(test.o, []string{here, filepath.Join(here, "internal", "interop")}, test.race) {
				got = append(got, s.name)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("steps(%+v, race %v) (-want +got):\n%s", test.o, test.race, diff)
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	tests := []struct {
		name   string
		failed []string
		raced  bool
		want   string
	}{
		{"all passed", nil, true, "PASS: 9 steps in 62 s"},
		{"no race detector", nil, false, "PASS: 9 steps in 62 s, WITHOUT THE RACE DETECTOR: there is no C compiler"},
		{"two failed", []string{"gofmt", "go vet"}, true, "FAIL: gofmt, go vet (2 of 9 steps) in 62 s"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := verdict(9, test.failed, 61_700*time.Millisecond, test.raced); got != test.want {
				t.Errorf("verdict = %q, want %q", got, test.want)
			}
		})
	}
}

func TestSplitter(t *testing.T) {
	var out bytes.Buffer
	s := &splitter{out: &out}
	for _, part := range []string{"--- FAIL: Test", "One\n  why\nFAIL\nFA", "IL\texample.org/a\t0.1s\nok  \texample.org/b\t(cached)\n?   \texample.org/c\t[no test files]\n", "ok  \tunfinished"} {
		fmt.Fprint(s, part)
	}
	s.flush()
	if got, want := out.String(), "FAIL\texample.org/a\t0.1s\nok  \texample.org/b\t(cached)\nok  \tunfinished"; got != want {
		t.Errorf("passed on: %q, want %q", got, want)
	}
	if got, want := s.rest.String(), "--- FAIL: TestOne\n  why\nFAIL\n"; got != want {
		t.Errorf("kept: %q, want %q", got, want)
	}
}

func TestFuzzTargets(t *testing.T) {
	const list = "FuzzA\nFuzzB\nok  \texample.org/one\t0.01s\nok  \texample.org/none\t0.01s\n?   \texample.org/no\t[no test files]\nFuzzA\nok  \texample.org/two\t0.01s\n"
	want := []fuzzTarget{{"example.org/one", "FuzzA"}, {"example.org/one", "FuzzB"}, {"example.org/two", "FuzzA"}}
	if diff := cmp.Diff(want, fuzzTargets(list), cmp.AllowUnexported(fuzzTarget{})); diff != "" {
		t.Errorf("fuzzTargets (-want +got):\n%s", diff)
	}
}

func TestOnlyDeadline(t *testing.T) {
	tests := []struct {
		name   string
		output string
		want   bool
	}{
		{"nothing but the deadline", "fuzz: elapsed: 3s\n--- FAIL: FuzzA (3.00s)\n    context deadline exceeded\nFAIL\n", true},
		{"a failing input", "--- FAIL: FuzzA (3.00s)\n    a_test.go:3: context deadline exceeded\n    Failing input written to testdata/fuzz/FuzzA/1\n", false},
		{"a failure that says the same", "--- FAIL: FuzzA (3.00s)\n    a_test.go:3: it said\n    context deadline exceeded\n", false},
		{"another failure", "# example.org/a\na.go:1: syntax error\n", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := onlyDeadline(test.output); got != test.want {
				t.Errorf("onlyDeadline(%q) = %v, want %v", test.output, got, test.want)
			}
		})
	}
}

func TestInstallLine(t *testing.T) {
	apt := t.TempDir()
	if err := os.WriteFile(filepath.Join(apt, "apt-get"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	const line = "sudo apt-get update && sudo apt-get install -y --no-install-recommends nodejs npm"
	tests := []struct {
		name string
		path string
		root bool
		line string
		can  bool
	}{
		{"root", apt, true, line, true},
		{"somebody", apt, false, line, false},
		{"no apt-get", t.TempDir(), true, "install with this system's own means what Debian calls nodejs npm", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("PATH", test.path)
			if line, can := installLine([]string{"nodejs", "npm"}, test.root); line != test.line || can != test.can {
				t.Errorf("installLine = %q, %v, want %q, %v", line, can, test.line, test.can)
			}
		})
	}
}

func TestWhatIsMissing(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(goTool, filepath.Join(bin, "go")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	t.Setenv("CC", "gcc")
	found := func(context.Context) (string, error) { return "/usr/lib/postgresql/15/bin", nil }
	none := func(context.Context) (string, error) { return "", errors.New("none") }
	libraries, noLibraries := func(context.Context) error { return nil }, func(context.Context) error { return errors.New("none") }
	never, always := func(string) bool { return false }, func(string) bool { return true }
	bare := []string{"gcc", "libc6-dev", "nodejs", "npm", "chromium", "postgresql", "python3-jwt", "python3-cryptography", "python3-djangorestframework-simplejwt", "nginx", "caddy"}
	if diff := cmp.Diff(bare, missingPackages(t.Context(), none, noLibraries, never)); diff != "" {
		t.Errorf("missingPackages on a bare machine (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"gcc", "libc6-dev", "nodejs", "npm", "chromium"}, missingPackages(t.Context(), found, libraries, always)); diff != "" {
		t.Errorf("missingPackages on a machine with PostgreSQL, the libraries and the proxies (-want +got):\n%s", diff)
	}
}

func TestNoServerOfItsOwn(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "postgresql-common", "createcluster.conf")
	if err := noServerOfItsOwn(conf); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(conf); err != nil || !strings.Contains(string(text), "\ncreate_main_cluster = false\n") {
		t.Errorf("noServerOfItsOwn wrote %q, %v", text, err)
	}
	const decided = "create_main_cluster = true\n"
	if err := os.WriteFile(conf, []byte(decided), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := noServerOfItsOwn(conf); err != nil {
		t.Errorf("noServerOfItsOwn beside a file that exists = %v", err)
	}
	if text, err := os.ReadFile(conf); err != nil || string(text) != decided {
		t.Errorf("noServerOfItsOwn changed a file that exists to %q, %v", text, err)
	}
}

func TestLockDigestFollowsTheLock(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if digest, err := lockDigest(dir); err == nil {
		t.Errorf("lockDigest without a lock = %q, want an error", digest)
	}
	seen := map[string]bool{}
	for _, texts := range [][2]string{{"a", "b"}, {"a", "c"}, {"d", "b"}, {"ab", ""}} {
		write("package.json", texts[0])
		write("package-lock.json", texts[1])
		digest, err := lockDigest(dir)
		if err != nil || seen[digest] {
			t.Errorf("lockDigest(%q) = %q, %v, want another one for every state", texts, digest, err)
		}
		seen[digest] = true
	}
}
