package main

import (
	"bufio"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestDemo starts the demo as a person does, and ends it with Ctrl-C.
func TestDemo(t *testing.T) {
	command := exec.Command("sallyport", "demo")
	command.Env = []string{quickExit, "TMPDIR=" + t.TempDir()}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		printed.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "Ctrl-C") { // it is the last line
			command.Process.Signal(syscall.SIGINT)
		}
	}
	if err := command.Wait(); err != nil {
		t.Errorf("sallyport demo ended with %v, want status 0", err)
	}
	if !strings.Contains(printed.String(), "http://127.0.0.1:") {
		t.Errorf("sallyport demo printed %q, want its addresses", printed.String())
	}
}
