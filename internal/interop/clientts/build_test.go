package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const again = "run `go generate ./clientts` in internal/interop"

func TestBundlesAreThoseOfTheSources(t *testing.T) {
	built, err := bundles()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range built {
		if got, err := os.ReadFile(filepath.Join(clientDir, "dist", name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("dist/%s is stale (%v): %s", name, err, again)
		}
	}
	want, err := minified(pagesCode)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(pagesFile); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is stale (%v): %s", pagesFile, err, again)
	}
}

func TestDeclarationsAreThoseOfTheSources(t *testing.T) {
	sum, err := sourceSum()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(clientDir, "dist", sumName)); err != nil || strings.TrimSpace(string(got)) != sum {
		t.Errorf("the declarations are of other sources (%v): %s", err, again)
	}
	declared, err := declarations() // which is the strict check as well
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Collect(maps.Keys(declared))
	files, err := filepath.Glob(filepath.Join(clientDir, "dist", "*.d.ts"))
	if err != nil {
		t.Fatal(err)
	}
	there := []string{sumName}
	for _, file := range files {
		there = append(there, filepath.Base(file))
	}
	slices.Sort(names)
	slices.Sort(there)
	if diff := cmp.Diff(names, there); diff != "" {
		t.Errorf("declarations (-made +there):\n%s", diff)
	}
	for name, want := range declared {
		if got, err := os.ReadFile(filepath.Join(clientDir, "dist", name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("dist/%s is stale (%v): %s", name, err, again)
		}
	}
}

func TestBudgets(t *testing.T) {
	for _, b := range budgets {
		size, err := weigh(b.code)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d of %d bytes", b.name, size, b.bytes)
		if size > b.bytes {
			t.Errorf("%s has %d bytes after gzip -9, and %d are what an app may be made to load", b.name, size, b.bytes)
		}
	}
}

// Rule 21: what a server imports starts nothing there.
func TestImportableOnAServer(t *testing.T) {
	const code = `import { createAuth, AuthError } from "./index.js";
		const auth = createAuth();
		if (auth.getSnapshot().status !== "unknown" || !(new AuthError("a", 1) instanceof Error)) process.exit(1);`
	command := exec.Command("node", "--input-type=module", "-e", code)
	command.Dir = filepath.Join(clientDir, "dist")
	if said, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}
