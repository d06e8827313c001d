package proof

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/testpg"
	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/postgres"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// site is a database and the settings of the servers on it.
type site struct {
	t       *testing.T
	dir     string
	url     string // of the database, as in the settings
	secret  string
	environ []string // more settings
	issuer  string   // one for all servers, or "" for each its own address
	cluster *testpg.Cluster
	db      *sql.DB
}

// emptySite makes an empty database.
func emptySite(t *testing.T, database string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), secret: rand.Text() + rand.Text()}
	if database == "sqlite" {
		s.url = "sqlite:" + filepath.Join(s.dir, "app.db")
	} else {
		s.url = testpg.Database(t)
	}
	return s
}

// newSite is emptySite whose tables are made.
func newSite(t *testing.T, database string) *site {
	t.Helper()
	s := emptySite(t, database)
	s.migrate()
	return s
}

// durable is newSite on a PostgreSQL server of its own that waits for its disk, except where settings say otherwise.
func durable(t *testing.T, settings map[string]string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), secret: rand.Text() + rand.Text()}
	s.cluster = testpg.Start(t, testpg.Options{Durable: true, Settings: settings})
	s.url = s.cluster.DSN("postgres")
	s.migrate()
	return s
}

func (s *site) migrate() {
	s.t.Helper()
	if strings.HasPrefix(s.url, "sqlite:") {
		return
	}
	if _, err := postgres.Migrate(s.t.Context(), s.url); err != nil {
		s.t.Fatal(err)
	}
}

// store opens the database beside the servers.
func (s *site) store() sallyport.Store {
	s.t.Helper()
	var store sallyport.Store
	var err error
	if file, isSQLite := strings.CutPrefix(s.url, "sqlite:"); isSQLite {
		store, err = sqlite.Open(file)
	} else {
		store, err = postgres.Open(s.t.Context(), s.url)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { store.Close() })
	return store
}

// cheap is a cost that no server would have: proofs are about what is stored, not about hashes.
var cheap = password.Config{Memory: 64, Passes: 1}

// users makes so many users, whose passwords are all the same, and returns their names.
func (s *site) users(n int, text string, cost password.Config) []string {
	s.t.Helper()
	hasher, err := password.New(cost)
	if err != nil {
		s.t.Fatal(err)
	}
	hash, err := hasher.Hash(s.t.Context(), text)
	if err != nil {
		s.t.Fatal(err)
	}
	store := s.store()
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("user%d-%s", i, strings.ToLower(rand.Text()[:6]))
		now := time.Now()
		u := sallyport.User{ID: sallyport.NewID(now), Username: names[i], IsActive: true, CreatedAt: now, UpdatedAt: now}
		if err := store.CreateUser(s.t.Context(), u, hash, sallyport.Event{}); err != nil {
			s.t.Fatal(err)
		}
	}
	return names
}

// server is a running sallyport serve.
type server struct {
	cmd        *exec.Cmd
	url, admin string // without a slash at the end
	ended      chan struct{}
	mu         sync.Mutex
	lines      []string // the last ones of its log
}

// keptLines is how much of a log is kept: a server writes a line for every request.
const keptLines = 200

// command is sallyport with the settings of the site.
func (s *site) command(args ...string) *exec.Cmd {
	s.t.Helper()
	watchSources(s.t)
	c := exec.Command(program, args...)
	c.Dir = s.dir
	c.Env = append([]string{
		"SALLYPORT_LISTEN=127.0.0.1:0", "SALLYPORT_ADMIN_LISTEN=127.0.0.1:0", "SALLYPORT_DATABASE=" + s.url, "SALLYPORT_SECRET=" + s.secret,
		"SALLYPORT_LOG_FORMAT=json", "SALLYPORT_PASSWORD_HASH=argon2id,m=7168,t=1,p=1",
	}, s.environ...)
	if s.issuer != "" {
		c.Env = append(c.Env, "SALLYPORT_ISSUER="+s.issuer)
	}
	return c
}

// watchSources looks at every folder that the binary is built from. `go test` keeps a result for as long as the packages
// that a test imports and the files that it has looked at stay as they are, and the binary is neither.
var watchSources = func() func(t *testing.T) {
	var once sync.Once
	return func(t *testing.T) {
		t.Helper()
		once.Do(func() {
			err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
				if entry != nil && entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
					return fs.SkipDir
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}()

// start starts a server and waits until it listens. The test's cleanup kills it.
func (s *site) start(flags ...string) *server {
	s.t.Helper()
	p, err := s.tryStart(flags...)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *site) tryStart(flags ...string) (*server, error) {
	p := &server{cmd: s.command(append([]string{"serve"}, flags...)...), ended: make(chan struct{})}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	s.t.Cleanup(p.kill)
	started := make(chan struct{})
	go p.read(stderr, started)
	select {
	case <-started:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("sallyport serve ended: %s", p.log())
	case <-time.After(30 * time.Second): // a bound for a test that would hang
		return nil, fmt.Errorf("sallyport serve does not start: %s", p.log())
	}
}

func (p *server) read(from io.Reader, started chan<- struct{}) {
	defer close(p.ended)
	for scanner := bufio.NewScanner(from); scanner.Scan(); {
		p.mu.Lock()
		p.lines = append(p.lines[max(0, len(p.lines)-keptLines):], scanner.Text())
		p.mu.Unlock()
		var line struct {
			Msg, Listen string
			AdminListen string `json:"admin_listen"`
		}
		if json.Unmarshal(scanner.Bytes(), &line) == nil && line.Msg == "started" {
			p.url, p.admin = "http://"+line.Listen, "http://"+line.AdminListen
			close(started)
		}
	}
}

// log is the end of what the server has logged.
func (p *server) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// signal sends a signal, and wait gives the exit status.
func (p *server) signal(s syscall.Signal) { p.cmd.Process.Signal(s) }

func (p *server) wait() int {
	<-p.ended
	p.cmd.Wait() // its error is the exit status
	return p.cmd.ProcessState.ExitCode()
}

func (p *server) kill() {
	p.signal(syscall.SIGKILL)
	p.wait()
}

// memory is what the process has in RAM, in MiB: now, and at its most.
func (p *server) memory() (now, peak float64) {
	status, err := exec.Command("cat", "/proc/"+strconv.Itoa(p.cmd.Process.Pid)+"/status").Output()
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "VmRSS:":
			now = kib / 1024
		case "VmHWM:":
			peak = kib / 1024
		}
	}
	return now, peak
}

// browser is one signed-in browser: it keeps what answers set, and nothing of an answer that it did not get.
type browser struct {
	mu            sync.Mutex
	client        *http.Client
	refresh, csrf string
	access        string
}

func newBrowser() *browser { return &browser{client: newClient()} }

// newClient keeps its own connections, and gives up in the end.
func newClient() *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		MaxIdleConnsPerHost: 64, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
	}}
}

// answer is what came back.
type answer struct {
	status  int
	code    string
	header  http.Header
	took    time.Duration
	deletes bool   // a cookie
	sent    string // the refresh token that was presented, where it came from a browser
	refresh string
	csrf    string
	access  string
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.code) }

// post sends JSON with the cookies that are given.
func post(client *http.Client, url, cookies string, body any) (answer, error) {
	return postWith(client, url, cookies, nil, body)
}

// postWith is post with further headers.
func postWith(client *http.Client, url, cookies string, headers map[string]string, body any) (answer, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	r, err := http.NewRequest("POST", url, bytes.NewReader(encoded))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	if cookies != "" {
		r.Header.Set("Cookie", cookies)
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	return send(client, r)
}

func send(client *http.Client, r *http.Request) (answer, error) {
	start := time.Now()
	res, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: res.StatusCode, header: res.Header, took: time.Since(start)}
	var said struct {
		Code        string
		AccessToken string `json:"access_token"`
	}
	json.Unmarshal(content, &said) // an answer without a body says nothing
	a.code, a.access = said.Code, said.AccessToken
	for _, c := range res.Cookies() {
		switch {
		case c.MaxAge < 0:
			a.deletes = true
		case c.Name == "refresh_cookie":
			a.refresh = c.Value
		case c.Name == "CSRF_token":
			a.csrf = c.Value
		}
	}
	return a, nil
}

func (b *browser) cookies() string {
	return "CSRF_token=" + b.csrf + "; refresh_cookie=" + b.refresh
}

func (b *browser) keep(a answer) {
	if a.refresh != "" {
		b.refresh = a.refresh
	}
	if a.csrf != "" {
		b.csrf = a.csrf
	}
	if a.access != "" {
		b.access = a.access
	}
}

func (b *browser) signIn(base, username, pw string) (answer, error) {
	a, err := post(b.client, base+"/auth/sign-in/", "", map[string]string{"username": username, "password": pw})
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.keep(a)
	}
	return a, err
}

// refreshAt presents the token that the browser holds, and keeps what comes. Tabs that call it at once present what they
// find, and the last answer wins.
func (b *browser) refreshAt(base string) (answer, error) {
	b.mu.Lock()
	cookies, csrf, sent := b.cookies(), b.csrf, b.refresh
	b.mu.Unlock()
	a, err := post(b.client, base+"/auth/refresh/", cookies, map[string]string{"CSRF_token": csrf})
	a.sent = sent
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.keep(a)
	}
	return a, err
}

// place is the session and the generation that a refresh token names, which stand in it for everybody to read.
type place struct {
	session    [16]byte
	generation uint64
}

// placeOf reads version ‖ key ID ‖ session ‖ generation ‖ MAC, of 1, 4, 16, 8 and 32 bytes.
func placeOf(t *testing.T, token string) place {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != 61 {
		t.Errorf("%q is no refresh token", token)
		return place{}
	}
	return place{[16]byte(b[5:21]), binary.BigEndian.Uint64(b[21:29])}
}

func (b *browser) logoff(base, scope string) (answer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return post(b.client, base+"/auth/logoff/", b.cookies(), map[string]string{"CSRF_token": b.csrf, "scope": scope})
}

// signedIn is so many browsers of users of their own.
func signedIn(t *testing.T, s *site, p *server, n int) []*browser {
	t.Helper()
	const pw = "correct horse battery staple"
	browsers := make([]*browser, n)
	for i, name := range s.users(n, pw, cheap) {
		browsers[i] = newBrowser()
		if a, err := browsers[i].signIn(p.url, name, pw); err != nil || a.status != 200 {
			t.Fatalf("sign-in = %v, %v", a, err)
		}
	}
	return browsers
}

// get is the status of a GET, and how long it took; 0 for no answer.
func get(client *http.Client, url string) (int, time.Duration) {
	start := time.Now()
	res, err := client.Get(url)
	if err != nil {
		return 0, time.Since(start)
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	return res.StatusCode, time.Since(start)
}

// metric is a number of /metrics that has no labels.
func metric(t *testing.T, p *server, name string) float64 {
	t.Helper()
	res, err := http.Get(p.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if text, found := strings.CutPrefix(line, name+" "); found {
			value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	t.Fatalf("no %s in /metrics", name)
	return 0
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, within time.Duration, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come to pass within %v", what, within)
		}
	}
}
