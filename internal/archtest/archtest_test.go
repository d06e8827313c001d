package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pkg is what the tests read of `go list -json`.
type pkg struct {
	ImportPath   string
	Standard     bool
	DepOnly      bool // not of the module that was asked, but needed by it
	Module       *struct{ Path string }
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// run gives what `go args…` prints in dir.
func run(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = dir
	out, err := command.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		t.Fatalf("go %s in %s: %v", strings.Join(args, " "), dir, err)
	}
	return out
}

// house lists the packages of the three modules and everything that they need, by import path.
func house(t *testing.T) map[string]pkg {
	t.Helper()
	all := map[string]pkg{}
	for dir := range strings.Lines(string(run(t, ".", "list", "-m", "-f", "{{.Dir}}"))) {
		dir = strings.TrimSpace(dir)
		watch(t, dir)
		list := json.NewDecoder(bytes.NewReader(run(t, dir, "list", "-deps",
			"-json=ImportPath,Standard,DepOnly,Module,Imports,TestImports,XTestImports", "./...")))
		for {
			var p pkg
			if err := list.Decode(&p); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("go list in %s: %v", dir, err)
			}
			if known, ok := all[p.ImportPath]; !ok || known.DepOnly {
				all[p.ImportPath] = p
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("go list found no package")
	}
	return all
}

// watch looks at every folder below dir. `go test` keeps a result for as long as the files that the
// test itself has looked at stay as they are, and what `go list` reads does not count.
func watch(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// name gives the name in the plan of a package of ours, and whether path is one.
func name(path string) (string, bool) {
	if path == ours {
		return ".", true
	}
	return strings.CutPrefix(path, ours+"/")
}

// path is the inverse of name.
func path(name string) string {
	if name == "." {
		return ours
	}
	return ours + "/" + name
}

func TestEveryPackageHasItsLine(t *testing.T) {
	built := map[string]bool{}
	for _, p := range house(t) {
		who, isOurs := name(p.ImportPath)
		if !isOurs {
			continue
		}
		built[who] = true
		if _, ok := floors[who]; !ok {
			t.Errorf("package %s is not in the plan: give it a floor and the packages it may import, in floors of plan_test.go", who)
		}
	}
	for _, who := range slices.Sorted(maps.Keys(floors)) {
		switch waits := slices.Contains(notYet, who); {
		case !built[who] && !waits:
			t.Errorf("the plan has a line for %s, but there is no such package: take the line away, or list it in notYet until it is written", who)
		case built[who] && waits:
			t.Errorf("package %s is written: take it off notYet in plan_test.go", who)
		}
	}
}

func TestImportsPointDown(t *testing.T) {
	all := house(t)
	for _, at := range slices.Sorted(maps.Keys(all)) {
		who, isOurs := name(at)
		here, planned := floors[who]
		if !isOurs || !planned {
			continue
		}
		for _, imported := range all[at].Imports {
			if fault := judge(who, here, imported, all[imported]); fault != "" {
				t.Error(fault)
			}
		}
	}
}

// judge says what is wrong with who's importing p, or "".
func judge(who string, here room, imported string, p pkg) string {
	if target, isOurs := name(imported); isOurs {
		there, planned := floors[target]
		switch {
		case !planned:
			return fmt.Sprintf("%s imports %s, which is not in the plan", who, target)
		case there.floor > here.floor:
			return fmt.Sprintf("%s (floor %d) imports %s (floor %d): imports point down. Declare what you need as an interface in %s, or move the code up", who, here.floor, target, there.floor, who)
		case here.all && there.floor < here.floor, slices.Contains(here.imports, target):
			return ""
		case there.floor == here.floor:
			return fmt.Sprintf("%s imports its neighbour %s (both on floor %d): let the floor above join them, or name the import in floors of plan_test.go and say why", who, target, here.floor)
		}
		return fmt.Sprintf("%s (floor %d) imports %s (floor %d), which its line does not name: use what the line allows (%s), or add it in floors of plan_test.go and say why", who, here.floor, target, there.floor, strings.Join(here.imports, ", "))
	}
	if p.Standard || imported == "C" || imported == "unsafe" || here.all {
		return ""
	}
	if p.Module == nil {
		return fmt.Sprintf("%s imports %s, which belongs to no module", who, imported)
	}
	if !slices.Contains(here.modules, p.Module.Path) {
		return fmt.Sprintf("%s (floor %d) imports %s of the module %s, which its line does not name: a dependency is decided for one package at a time, in floors of plan_test.go", who, here.floor, imported, p.Module.Path)
	}
	return ""
}

func TestForbiddenEvenIndirectly(t *testing.T) {
	all := house(t)
	for who, forbidden := range noImport {
		if _, ok := all[path(who)]; !ok {
			t.Errorf("package %s does not exist", who)
		}
		for _, target := range forbidden {
			if chain := way(all, path(who), target); chain != nil {
				t.Errorf("%s reaches %s: %s. Cut the first of these imports that the package can do without", who, target, strings.Join(chain, " → "))
			}
		}
	}
}

// way gives the shortest chain of imports from one package to another, both included, or nil.
func way(all map[string]pkg, from, to string) []string {
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == to {
			var chain []string
			for at := to; at != ""; at = before[at] {
				chain = append([]string{at}, chain...)
			}
			return chain
		}
		for _, next := range all[queue[0]].Imports {
			if _, seen := before[next]; !seen {
				before[next] = queue[0]
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// Whoever verifies our tokens takes on no module but verify itself, its tests included.
func TestVerifyNeedsTheStandardLibraryOnly(t *testing.T) {
	all := house(t)
	found := false
	for _, at := range slices.Sorted(maps.Keys(all)) {
		who, isOurs := name(at)
		if !isOurs || who != "verify" && !strings.HasPrefix(who, "verify/") {
			continue
		}
		found = true
		p := all[at]
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			target, isOurs := name(imported)
			inModule := isOurs && (target == "verify" || strings.HasPrefix(target, "verify/"))
			if first, _, _ := strings.Cut(imported, "/"); !inModule && strings.Contains(first, ".") {
				t.Errorf("%s imports %s: the module verify has the standard library alone, in its tests too. A comparison with another library belongs in internal/interop", who, imported)
			}
		}
	}
	if !found {
		t.Error("no package of the module verify was found")
	}
	dir := strings.TrimSpace(string(run(t, ".", "list", "-m", "-f", "{{.Dir}}", ours+"/verify")))
	var mod struct{ Require []struct{ Path string } }
	if err := json.Unmarshal(run(t, dir, "mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		t.Errorf("verify/go.mod requires %s; it requires nothing", r.Path)
	}
}

// TestJudge holds the judge itself to what it must find.
func TestJudge(t *testing.T) {
	module := func(path string) pkg { return pkg{Module: &struct{ Path string }{path}} }
	tests := []struct {
		name     string
		who      string
		imported string
		found    pkg
		want     string // part of the fault; "" for none
	}{
		{"down and named", "authhttp", ours, pkg{}, ""},
		{"a neighbour that is named", "sqlite", ours + "/internal/sqlstore", pkg{}, ""},
		{"standard library", ".", "crypto/hmac", pkg{Standard: true}, ""},
		{"module that is named", "password", "golang.org/x/crypto/argon2", module("golang.org/x/crypto"), ""},
		{"everything, one floor down", "cmd/sallyport", ours + "/cmd/sallyport/demo", pkg{}, ""},
		{"everything, a module", "cmd/sallyport", "example.org/flags", module("example.org/flags"), ""},
		{"up", ".", ours + "/authhttp", pkg{}, "imports point down"},
		{"up from the ground", "password", ours, pkg{}, "imports point down"},
		{"a neighbour", "sqlite", ours + "/authhttp", pkg{}, "neighbour"},
		{"everything, but not a neighbour", "examples/app", ours + "/cmd/sallyport/demo", pkg{}, "neighbour"},
		{"down but not named", "idp", ours + "/password", pkg{}, "does not name"},
		{"unknown package of ours", "authhttp", ours + "/util", pkg{}, "not in the plan"},
		{"module that is not named", "authhttp", "modernc.org/sqlite/lib", module("modernc.org/sqlite"), "does not name"},
		{"sister module that only looks alike", "password", "golang.org/x/cryptox", module("golang.org/x/cryptox"), "does not name"},
		{"import that was not found", "web", "example.org/x", pkg{}, "no module"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := judge(test.who, floors[test.who], test.imported, test.found)
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("judge(%q, %q) = %q, want %q", test.who, test.imported, got, test.want)
			}
		})
	}
}

func TestWayFindsIndirectImports(t *testing.T) {
	all := map[string]pkg{
		"a": {Imports: []string{"b", "c"}},
		"b": {Imports: []string{"d"}},
		"c": {Imports: []string{"b"}},
		"d": {Imports: []string{"e"}},
	}
	if got, want := strings.Join(way(all, "a", "e"), " "), "a b d e"; got != want {
		t.Errorf("way(a, e) = %q, want %q", got, want)
	}
	if got := way(all, "b", "c"); got != nil {
		t.Errorf("way(b, c) = %q, want none", got)
	}
}
