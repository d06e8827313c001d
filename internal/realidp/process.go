package realidp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// process is a provider that runs: a child in a process group of its own.
type process struct {
	group  int
	output *output
	ended  chan struct{} // closed when the child has been waited for
}

// start runs the script with node in dir and returns once the child has printed ready. A child that
// ends before, or that is not ready when ctx is done, is an error with what it printed.
func start(ctx context.Context, node, script, dir, ready string) (*process, error) {
	p := &process{output: newOutput(ready), ended: make(chan struct{})}
	command := exec.Command(node, script)
	command.Dir = dir
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "NODE_ENV=production"}
	command.Stdout, command.Stderr = p.output, p.output
	command.SysProcAttr = ownGroup()

	started := make(chan error, 1)
	go func() { // ends with the child; stop waits for it
		// Linux signals the child when the thread that started it ends, not the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.ended)
		err := command.Start()
		if err == nil {
			p.group = command.Process.Pid
		}
		started <- err
		if err == nil {
			_ = command.Wait() // that it ended is what counts: it never ends by itself
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	select {
	case <-p.output.found:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("ended at once:\n%s", p.output)
	case <-ctx.Done():
		p.stop()
		return nil, fmt.Errorf("not ready: %w\n%s", ctx.Err(), p.output)
	}
}

// stop kills the child and all that it started, and waits until it is gone.
func (p *process) stop() {
	_ = syscall.Kill(-p.group, syscall.SIGKILL) // fails only if the group is gone already
	<-p.ended
}

// output keeps what a child prints and closes found when the text that is waited for has come.
type output struct {
	mu     sync.Mutex
	text   bytes.Buffer
	want   []byte
	found  chan struct{}
	closed bool
}

func newOutput(want string) *output {
	return &output{want: []byte(want), found: make(chan struct{})}
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
	if !o.closed && bytes.Contains(o.text.Bytes(), o.want) {
		o.closed = true
		close(o.found)
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// freePort gives a loopback port that nobody listens on now. Somebody else may take it before the
// provider does, so a caller must be ready to ask again.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// modules is where npm puts the providers, from the root of the work tree.
const modules = "internal/realidp/node/node_modules"

// find gives the absolute paths of node and of a script below node_modules of the work tree that
// dir lies in. The error is the line to run.
func find(dir, script string) (node, path string, err error) {
	node, err = exec.LookPath("node")
	if err != nil {
		return "", "", errors.New("node is not installed: run ./test.sh, which says how to get it")
	}
	for at := dir; ; at = filepath.Dir(at) {
		path = filepath.Join(at, modules, script)
		if _, err := os.Stat(path); err == nil {
			return node, path, nil
		}
		if at == filepath.Dir(at) {
			return "", "", fmt.Errorf("%s is missing: run ./test.sh, or npm ci in %s", filepath.Join(modules, script), filepath.Dir(modules))
		}
	}
}

// Module gives the path of a file of an installed npm package, for instance a client library that a page of a test loads.
func Module(t testing.TB, file string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal("realidp: ", err)
	}
	_, path, err := find(dir, file)
	if err != nil {
		t.Fatal("realidp: ", err)
	}
	return path
}
