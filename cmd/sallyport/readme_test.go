package main

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/testpg"
)

// TestREADMEShowsWhatConfigCheckSays makes the mistake that the README shows.
func TestREADMEShowsWhatConfigCheckSays(t *testing.T) {
	dir := t.TempDir()
	broken := "secret: a-secret-that-nobody-shall-see-in-a-log\ntokens:\n  access_ttll: 5m\n"
	if err := os.WriteFile(filepath.Join(dir, "sallyport.yaml"), []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("sallyport", "config", "check")
	command.Dir = dir
	said, err := command.CombinedOutput()
	if shown := block(t, "text", "is not valid"); err == nil || string(said) != shown {
		t.Errorf("sallyport config check says (%v)\n%s\nand the README\n%s", err, said, shown)
	}
}

// TestREADMEHook: the settings of the claims hook that the README shows are valid.
func TestREADMEHook(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sallyport.yaml"), []byte(block(t, "yaml", "hook:")), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("sallyport", "config", "check")
	command.Dir = dir
	command.Env = append(os.Environ(), quickExit, "SALLYPORT_CLAIMS_HOOK_SECRET="+rand.Text())
	if said, err := command.CombinedOutput(); err != nil || string(said) != "sallyport.yaml is valid\n" {
		t.Errorf("sallyport config check says (%v)\n%s", err, said)
	}
}

// block finds the one fenced block of the README that holds a text.
func block(t *testing.T, language, holds string) string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllSubmatch(readme, -1) {
		if strings.Contains(string(match[1]), holds) {
			found = append(found, string(match[1]))
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d blocks of %s with %q in the README, want 1", len(found), language, holds)
	}
	return found[0]
}

// TestREADMESettingsAndCommands runs what the README says of the binary, with the settings that it shows.
func TestREADMESettingsAndCommands(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"sallyport.yaml": block(t, "yaml", "idps:"),
		"password.txt":   "correct horse battery staple\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(line string, environ ...string) {
		t.Helper()
		command := exec.Command("sh", "-c", line)
		command.Dir, command.Env = dir, append(append(os.Environ(), quickExit), environ...)
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	var exported []string
	for line := range strings.Lines(block(t, "sh", "go install")) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "export "):
			exported = append(exported, strings.TrimPrefix(line, "export "))
		case strings.HasPrefix(line, "go install "), strings.HasSuffix(line, "sallyport serve"): // this binary; and below
		case strings.HasPrefix(line, "sallyport users create "):
			run(line + " --password-stdin < password.txt") // there is no terminal to ask on
		default:
			t.Errorf("the README has a line that this test does not run: %s", line)
		}
	}
	serve := func(environ ...string) {
		t.Helper()
		server, err := startServer(dir, append([]string{"PATH=" + os.Getenv("PATH")}, environ...)) // on a free port instead of 8000
		if err != nil {
			t.Fatal(err)
		}
		if status := server.stop(syscall.SIGTERM); status != 0 {
			t.Errorf("sallyport serve ended with status %d\n%s", status, server.log())
		}
	}
	serve(exported...)
	for line := range strings.Lines(block(t, "sh", "sallyport backup")) {
		run(line)
	}

	// The move to PostgreSQL, with the address of a database that there is.
	environ := exported
	for line := range strings.Lines(block(t, "sh", "sallyport migrate")) {
		if settings, found := strings.CutPrefix(line, "export "); found {
			for setting := range strings.FieldsSeq(settings) {
				if name, _, _ := strings.Cut(setting, "="); name == "SALLYPORT_DATABASE" {
					setting = name + "=" + testpg.Database(t)
				}
				environ = append(environ, setting)
			}
			continue
		}
		if strings.HasPrefix(line, "sallyport serve") {
			serve(environ...)
			continue
		}
		run(line, environ...)
	}
}
