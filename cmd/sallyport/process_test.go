package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a running sallyport serve.
type process struct {
	cmd        *exec.Cmd
	url, admin string        // of its listeners, without a slash at the end
	ended      chan struct{} // closed when its log has ended

	mu      sync.Mutex
	lines   strings.Builder // of its log
	changed *sync.Cond      // of lines and ended
}

// quickExit is for every process that a test starts: under the race detector it would wait a second before it ends.
const quickExit = "GORACE=atexit_sleep_ms=0"

// startServer starts sallyport serve in a folder and waits until it listens: on free ports, if the
// environment and the arguments say nothing else.
func startServer(dir string, environ []string, args ...string) (*process, error) {
	return startCommand(exec.Command("sallyport", append([]string{"serve"}, args...)...), dir, environ)
}

// startCommand is startServer for a command that is made already.
func startCommand(cmd *exec.Cmd, dir string, environ []string) (*process, error) {
	p := &process{cmd: cmd, ended: make(chan struct{})}
	p.changed = sync.NewCond(&p.mu)
	p.cmd.Dir = dir
	p.cmd.Env = append([]string{quickExit, "SALLYPORT_LISTEN=127.0.0.1:0", "SALLYPORT_ADMIN_LISTEN=127.0.0.1:0"}, environ...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	started := make(chan startLine, 1)
	go p.readLog(stderr, started)
	select {
	case line := <-started:
		p.url, p.admin = "http://"+line.Listen, "http://"+line.AdminListen
		return p, nil
	case <-p.ended:
		err = fmt.Errorf("sallyport serve ended: %s", p.log())
	case <-time.After(20 * time.Second): // a bound for a test that would hang
		err = fmt.Errorf("sallyport serve does not start: %s", p.log())
	}
	p.kill()
	return nil, err
}

// startLine is what the log says of a start.
type startLine struct {
	Msg         string `json:"msg"`
	Listen      string `json:"listen"`
	AdminListen string `json:"admin_listen"`
	Issuer      string `json:"issuer"`
	Database    string `json:"database"`
}

func (p *process) readLog(from io.Reader, started chan<- startLine) {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		close(p.ended)
		p.changed.Broadcast()
	}()
	for scanner := bufio.NewScanner(from); scanner.Scan(); {
		p.mu.Lock()
		p.lines.WriteString(scanner.Text() + "\n")
		p.changed.Broadcast()
		p.mu.Unlock()
		var line startLine
		if json.Unmarshal(scanner.Bytes(), &line) == nil && line.Msg == "started" {
			started <- line
		}
	}
}

// log is what the process has logged so far.
func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines.String()
}

// waitLog waits until the log holds text, and reports false when the process has ended without it.
func (p *process) waitLog(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !strings.Contains(p.lines.String(), text) {
		select {
		case <-p.ended:
			return false
		default:
			p.changed.Wait()
		}
	}
	return true
}

// stop sends a signal, waits for the end and returns the exit status.
func (p *process) stop(signal syscall.Signal) int {
	p.cmd.Process.Signal(signal)
	<-p.ended
	p.cmd.Wait() // its error is the exit status
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) kill() {
	p.stop(syscall.SIGKILL)
}

// command runs a command beside the server, with its settings.
func (p *process) command(t *testing.T, args ...string) {
	t.Helper()
	c := exec.Command("sallyport", args...)
	c.Dir, c.Env = p.cmd.Dir, p.cmd.Env
	if output, err := c.CombinedOutput(); err != nil {
		t.Fatalf("sallyport %v = %v\n%s", args, err, output)
	}
}
