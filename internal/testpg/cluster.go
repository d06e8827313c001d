package testpg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sallyport-auth/sallyport/internal/testpg/pgbin"
)

const (
	// startTimeout bounds a start, with the recovery from a crash on a busy machine.
	startTimeout = 60 * time.Second
	// stopTimeout is how long a server may take to stop before it is killed.
	stopTimeout = 20 * time.Second
	// pollInterval is how often a server that starts is asked whether it is ready.
	pollInterval = 10 * time.Millisecond
	// nobody runs the server when the tests run as root, whom PostgreSQL refuses.
	nobody = 65534
	// maxSocketDir keeps the path of the socket below the 108 bytes of sockaddr_un, unix(7).
	maxSocketDir = 80
)

// Options are what Start is asked for. The zero value is a fast server with a socket.
type Options struct {
	// Durable has every commit reach the disk. Without it nothing waits for the disk, and a crash of
	// the machine, not of the server, would lose what was committed.
	Durable bool
	// TCP has the server listen on a free port of 127.0.0.1 besides its socket.
	TCP bool
	// Settings are further settings of the server, by name; they win over those that Durable decides.
	Settings map[string]string
	// Through is a command that runs the server, whose own command line follows it.
	Through []string
}

// Cluster is a server with its data. Its methods are for one goroutine.
type Cluster struct {
	bin     string
	dir     string // holds the socket, the log and the data
	port    int    // on 127.0.0.1; 0 for none
	options Options

	mu     sync.Mutex // an interrupt stops the server from another goroutine
	server *server    // nil while none runs
}

// server is the process of a cluster.
type server struct {
	process *os.Process
	ended   chan struct{} // closed when it has ended
}

// Start makes a cluster for one test and starts its server. The test's cleanup stops it and removes the data.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	mustBeRun(t)
	c, err := newCluster(t.Context(), o)
	if err != nil {
		t.Fatalf("PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of PostgreSQL ends with:\n%s", c.logTail())
		}
		if err := c.remove(); err != nil {
			t.Errorf("stop PostgreSQL: %v", err)
		}
	})
	return c
}

// newCluster makes a cluster, registers it and starts its server.
func newCluster(ctx context.Context, o Options) (*Cluster, error) {
	bin, err := pgbin.Find(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := tempDir()
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin, dir: dir, options: o}
	clusters.add(c)
	if err := c.create(ctx); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

// tempDir makes a folder whose path leaves room for the name of a socket. It is not t.TempDir, which lies
// in a folder that another user cannot enter.
func tempDir() (string, error) {
	parent := os.TempDir()
	if len(parent) > maxSocketDir {
		parent = "/tmp"
	}
	return os.MkdirTemp(parent, "sallyport-pg-")
}

func (c *Cluster) create(ctx context.Context) error {
	if os.Geteuid() == 0 {
		if err := os.Chown(c.dir, nobody, nobody); err != nil {
			return err
		}
	}
	command := exec.CommandContext(ctx, filepath.Join(c.bin, "initdb"), "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C",
		"-U", "postgres", "--wal-segsize=1", "-D", c.data())
	command.Dir, command.SysProcAttr = c.dir, attributes()
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if c.options.TCP {
		port, err := freePort()
		if err != nil {
			return err
		}
		c.port = port
	}
	return c.start(ctx)
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// freePort finds a port of 127.0.0.1 that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// Start starts the server again after Stop or Kill, on the same data, the same socket and the same port.
func (c *Cluster) Start(t testing.TB) {
	t.Helper()
	if err := c.start(t.Context()); err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
}

// start starts the server and waits until it answers.
func (c *Cluster) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the server has its own descriptor
	line := append(append([]string{}, c.options.Through...), c.commandLine()...)
	command := exec.Command(line[0], line[1:]...)
	command.Dir, command.SysProcAttr = c.dir, attributes()
	command.Stdout, command.Stderr = log, log
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		// The server is told to end when the thread that started it does (Pdeathsig, prctl(2)): this one stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			_ = command.Wait() // how it ended is in its log
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		return err
	}
	running := &server{command.Process, ended}
	c.mu.Lock()
	c.server = running
	c.mu.Unlock()
	return c.waitUntilReady(ctx, running)
}

// take gives the server that runs, to whoever ends it; nil when there is none.
func (c *Cluster) take() *server {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.server
	c.server = nil
	return taken
}

func (c *Cluster) commandLine() []string {
	line := []string{filepath.Join(c.bin, "postgres"), "-D", c.data(), "-k", c.dir}
	settings := map[string]string{"listen_addresses": "", "max_connections": "200"}
	if c.port != 0 {
		settings["listen_addresses"], settings["port"] = "127.0.0.1", strconv.Itoa(c.port)
	}
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		settings[name] = "off"
		if c.options.Durable {
			settings[name] = "on"
		}
	}
	maps.Copy(settings, c.options.Settings)
	for name, value := range settings {
		line = append(line, "-c", name+"="+value)
	}
	return line
}

func (c *Cluster) waitUntilReady(ctx context.Context, s *server) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		conn, err := pgx.Connect(ctx, c.DSN("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-poll.C:
		case <-s.ended:
			return fmt.Errorf("it ended:\n%s", c.logTail())
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w: its log ends with:\n%s", err, c.logTail())
		}
	}
}

// DSN names a database of the cluster, by its socket.
func (c *Cluster) DSN(database string) string {
	query := url.Values{"host": {c.dir}}
	if c.port != 0 {
		query.Set("port", strconv.Itoa(c.port))
	}
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database, RawQuery: query.Encode()}).String()
}

// URL names a database of a cluster with Options.TCP, by host and port.
func (c *Cluster) URL(database string) string {
	host := net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port))
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Host: host, Path: "/" + database, RawQuery: "sslmode=disable"}).String()
}

// Stop ends every connection and then the server, in order.
func (c *Cluster) Stop(t testing.TB) {
	t.Helper()
	if err := c.stop(); err != nil {
		t.Fatalf("stop PostgreSQL: %v", err)
	}
}

// stop is a fast shutdown. It does nothing when no server runs.
func (c *Cluster) stop() error {
	s := c.take()
	if s == nil {
		return nil
	}
	// A process that has ended cannot be signalled, and need not be.
	_ = s.process.Signal(syscall.SIGINT)
	select {
	case <-s.ended:
		return nil
	case <-time.After(stopTimeout):
		s.kill()
		return fmt.Errorf("it did not stop within %v; its log ends with:\n%s", stopTimeout, c.logTail())
	}
}

// Kill kills every process of the server at once, as a crash of the machine would; but what they have handed
// to the operating system stays.
func (c *Cluster) Kill(t testing.TB) {
	t.Helper()
	s := c.take()
	if s == nil {
		t.Fatal("PostgreSQL does not run")
	}
	s.kill()
}

func (s *server) kill() {
	killTree(s.process)
	<-s.ended
}

// remove stops the server and removes the cluster.
func (c *Cluster) remove() error {
	defer clusters.drop(c)
	return errors.Join(c.stop(), os.RemoveAll(c.dir))
}

// logTail is the end of the server's log.
func (c *Cluster) logTail() []byte {
	const enough = 4096
	b, err := os.ReadFile(filepath.Join(c.dir, "log"))
	if err != nil {
		return []byte(err.Error())
	}
	if len(b) > enough {
		b = b[len(b)-enough:]
	}
	return bytes.TrimSpace(b)
}
