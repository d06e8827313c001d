package sallyport_test

import (
	"crypto/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var fence = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// TestREADMEProgramsBuildOutsideTheTree builds the README's programs as a reader would: in a module of
// its own, with the two replace lines that the README names.
func TestREADMEProgramsBuildOutsideTheTree(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	programs := fence.FindAllSubmatch(readme, -1)
	if len(programs) != 2 {
		t.Fatalf("%d Go programs in the README, want 2", len(programs))
	}
	tree, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	dir, here := t.TempDir(), strings.NewReplacer("127.0.0.1:8000", freeAddress(t), "127.0.0.1:8002", freeAddress(t))
	for i, program := range programs {
		source := here.Replace(string(program[1]))
		write(t, filepath.Join(dir, []string{"app", "orders"}[i], "main.go"), source)
	}
	write(t, filepath.Join(dir, "go.mod"), outsideModule(t, string(readme), tree))
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.sum"), string(sums))
	// -mod=mod completes the requirements; what is needed is in the module cache, since the tree is built.
	cmd := exec.Command("go", "vet", "-mod=mod", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the README's programs: %v\n%s", err, out)
	}
	list := exec.Command("go", "list", "-mod=mod", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./orders")
	list.Dir, list.Env = dir, cmd.Env
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for module := range strings.FieldsSeq(string(out)) {
		if module != "outside" && module != "github.com/sallyport-auth/sallyport/verify" {
			t.Errorf("a service that only verifies depends on %s", module)
		}
	}
	askREADMEPrograms(t, cmd.Env, dir, here.Replace(string(readme)))
}

// askREADMEPrograms runs both programs and the README's curl lines against them.
func askREADMEPrograms(t *testing.T, env []string, dir, readme string) {
	t.Helper()
	for _, name := range []string{"app", "orders"} {
		build := exec.Command("go", "build", "-mod=mod", "-o", "program-"+name, "./"+name)
		build.Dir, build.Env = dir, env
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		program := exec.Command(filepath.Join(dir, "program-"+name))
		program.Dir, program.Env = dir, append(env, "APP_SECRET="+rand.Text()+rand.Text())
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		defer program.Wait() // it is killed: its error is that
		defer program.Process.Kill()
	}
	lines := regexp.MustCompile("(?m)^curl .*$").FindAllString(readme, -1)
	wants := []string{`"access_token":"`, `"access_token":"`, "hello 01", "orders of 01"}
	if len(lines) != len(wants) {
		t.Fatalf("%d curl lines in the README, want %d", len(lines), len(wants))
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Logf("the README's curl lines are not run: %v", err)
		return
	}
	for i, line := range lines {
		// The programs say nothing when they listen, so curl knocks until they do.
		curl := exec.Command("sh", "-c", strings.Replace(line, "curl ", "curl -s --retry 50 --retry-connrefused --retry-delay 0 --retry-max-time 20 ", 1))
		curl.Dir = dir
		out, err := curl.Output()
		if err != nil || !strings.Contains(string(out), wants[i]) {
			t.Errorf("%s\n= %s (%v), want %s", line, out, err, wants[i])
		}
	}
}

// freeAddress is where nobody listens right now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// outsideModule is a go.mod with the README's replace lines, which name a folder beside the reader's.
func outsideModule(t *testing.T, readme, tree string) string {
	t.Helper()
	module := "module outside\n\ngo 1.26.0\n\nrequire (\n\tgithub.com/sallyport-auth/sallyport v0.0.0\n\tgithub.com/sallyport-auth/sallyport/verify v0.0.0\n)\n\n"
	found := 0
	for line := range strings.Lines(readme) {
		if strings.HasPrefix(line, "replace ") {
			module += strings.Replace(line, "../sallyport", tree, 1)
			found++
		}
	}
	if found != 2 {
		t.Fatalf("%d replace lines in the README, want 2", found)
	}
	return module
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
