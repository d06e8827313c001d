package testpg

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// endEnvironment tells this test program, started anew, how to end with a server running.
const endEnvironment = "TESTPG_END"

// TestProgram is that program.
func TestProgram(t *testing.T) {
	how := os.Getenv(endEnvironment)
	if how == "" {
		return
	}
	dsn, err := url.Parse(Server(t))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("folder " + dsn.Query().Get("host"))
	switch how {
	case "panic":
		panic("as a test may")
	case "fail":
		t.FailNow()
	}
	select {}
}

// However a test program ends, its server does too.
func TestNoServerOutlivesItsProgram(t *testing.T) {
	for _, c := range []struct {
		how     string
		signal  os.Signal // nil: it ends by itself
		removed bool      // there is a chance to remove the data
	}{
		{"fail", nil, true},
		{"panic", nil, false},
		{"interrupted", os.Interrupt, true},
		{"terminated", syscall.SIGTERM, true},
		{"killed", os.Kill, false},
	} {
		t.Run(c.how, func(t *testing.T) {
			t.Parallel()
			program := exec.Command(os.Args[0], "-test.run=^TestProgram$", "-test.v")
			program.Env = append(os.Environ(), endEnvironment+"="+c.how, Environment+"=")
			output, err := program.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := program.Start(); err != nil {
				t.Fatal(err)
			}
			dir, pid := serverOf(t, bufio.NewScanner(output), c.how != "fail")
			if c.signal != nil {
				if err := program.Process.Signal(c.signal); err != nil {
					t.Fatal(err)
				}
			}
			_, _ = io.Copy(io.Discard, output) // ends with the program
			if err := program.Wait(); err == nil {
				t.Error("the program succeeded, want it to fail")
			}
			for deadline := time.Now().Add(stopTimeout); pid != 0 && runs(pid); time.Sleep(pollInterval) {
				if time.Now().After(deadline) {
					t.Fatalf("the server, process %d, still runs", pid)
				}
			}
			if _, err := os.Stat(dir); os.IsNotExist(err) != c.removed {
				t.Errorf("Stat(%q) = %v, want it removed: %v", dir, err, c.removed)
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		})
	}
}

// serverOf reads the folder of the server that the program has started, and the server's process. A program that ends in
// order at once may have stopped it before its process could be read.
func serverOf(t *testing.T, lines *bufio.Scanner, runs bool) (dir string, pid int) {
	t.Helper()
	for lines.Scan() {
		var ok bool
		if dir, ok = strings.CutPrefix(lines.Text(), "folder "); !ok {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
		if err != nil && runs {
			t.Fatal(err)
		}
		line, _, _ := bytes.Cut(b, []byte("\n"))
		if pid, err = strconv.Atoi(string(line)); err != nil && runs {
			t.Fatal(err)
		}
		return dir, pid
	}
	t.Fatalf("the program has not said where its server is: %v", lines.Err())
	return "", 0
}

func runs(pid int) bool {
	state, _ := status(pid)
	return state != "" && state != "Z"
}
