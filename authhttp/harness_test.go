package authhttp_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/internal/testpg"
	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/postgres"
	"github.com/sallyport-auth/sallyport/sqlite"
)

const issuer = "https://app.example.com/auth"

// app is a whole Sallyport, on a real SQLite file behind a real listener, on a clock that stands still.
// Its issuer is an https URL; requests reach it over the test server's own address.
type app struct {
	t     testing.TB
	path  string // of the database
	store sallyport.Store
	svc   *sallyport.Service
	auth  *authhttp.Handler
	clock *clock
	log   *logBuffer
	base  string // of the mount at the test server
	mount string // the path of the issuer
	db    *sql.DB

	secret []byte
	config config
	known  *canaries
}

type config struct {
	sallyport.Config
	HTTP authhttp.Config
}

// newApp starts an app on SQLite; change, if not nil, alters the settings first.
func newApp(t testing.TB, change func(*config)) *app {
	t.Helper()
	return newAppOn(t, "sqlite", change)
}

// onEachDatabase runs a test on SQLite and on PostgreSQL.
func onEachDatabase(t *testing.T, test func(t *testing.T, database string)) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) { test(t, database) })
	}
}

// newAppOn is newApp on a database of that kind.
func newAppOn(t testing.TB, database string, change func(*config)) *app {
	t.Helper()
	a := &app{t: t, clock: newClock(), log: &logBuffer{}, known: &canaries{}}
	t.Cleanup(func() { a.known.lookFor(t, a.log.String()) })
	a.openDatabase(database)
	t.Cleanup(func() { a.store.Close() })
	t.Cleanup(func() { a.db.Close() })
	cfg := config{Config: sallyport.Config{
		Issuer: issuer, Store: a.store, Secret: randomBytes(32), Now: a.clock.now, Logger: a.logger(),
		// The cheapest hash that is still argon2id: the tests ask what is answered, not what it costs.
		Password: password.Config{Memory: 64, Passes: 1},
		// Most tests send more that is wrong than anybody may; those about limits set the defaults.
		Limits: sallyport.Limits{Address: sallyport.Limit{Count: 1_000_000, Period: time.Hour}},
	}}
	if change != nil {
		change(&cfg)
	}
	a.secret, a.config = cfg.Secret, cfg
	return a.another()
}

// openDatabase makes a database and opens it twice: as the store, and to look behind it.
func (a *app) openDatabase(database string) {
	a.t.Helper()
	var err error
	switch database {
	case "sqlite":
		a.path = filepath.Join(a.t.TempDir(), "app.db")
		if a.store, err = sqlite.Open(a.path); err == nil {
			a.db, err = sql.Open("sqlite", "file:"+a.path)
		}
	case "postgres":
		dsn := testpg.Schema(a.t)
		if _, err = postgres.Migrate(a.t.Context(), dsn); err == nil {
			a.store, err = postgres.Open(a.t.Context(), dsn)
		}
		if err == nil {
			a.db, err = sql.Open("pgx", dsn)
		}
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

// another is one more instance, with the same settings, before the same database.
func (a *app) another() *app {
	a.t.Helper()
	svc, err := sallyport.New(a.config.Config)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { svc.Close() })
	return a.serve(a.t, svc, a.config.HTTP)
}

// serve is a with another service before the same database.
func (a *app) serve(t testing.TB, svc *sallyport.Service, cfg authhttp.Config) *app {
	t.Helper()
	cfg.Logger = a.logger()
	auth, err := authhttp.New(svc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(auth)
	t.Cleanup(server.Close)
	mount, err := url.Parse(svc.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	b := *a
	b.svc, b.auth, b.base, b.mount = svc, auth, server.URL+mount.Path+"/", mount.Path
	return &b
}

func (a *app) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func randomText() string { return base64.RawURLEncoding.EncodeToString(randomBytes(12)) }

// user makes an active user with a random password, and returns both.
func (a *app) user(username string) (sallyport.User, string) {
	a.t.Helper()
	pw := randomText()
	u, err := a.svc.CreateUser(a.t.Context(), sallyport.NewUser{Username: username, Password: pw, Email: username + "@example.com", EmailVerified: true})
	if err != nil {
		a.t.Fatal(err)
	}
	a.known.add(pw, u.Email)
	return u, pw
}

// rows is the whole content of the tables that a refused request must not touch.
func (a *app) rows() string {
	a.t.Helper()
	var out strings.Builder
	for _, table := range []string{"users", "login_names", "identities", "sessions"} {
		fmt.Fprintf(&out, "%s\n", table)
		rows, err := a.db.Query("select * from " + table + " order by 1")
		if err != nil {
			a.t.Fatal(err)
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			values, targets := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				targets[i] = &values[i]
			}
			if err := rows.Scan(targets...); err != nil {
				a.t.Fatal(err)
			}
			fmt.Fprintf(&out, "%x\n", values)
		}
		rows.Close()
	}
	return out.String()
}

func (a *app) count(query string, args ...any) int {
	a.t.Helper()
	var n int
	if err := a.db.QueryRow(query, args...).Scan(&n); err != nil {
		a.t.Fatal(err)
	}
	return n
}

// request is one HTTP request; the zero value of each field leaves that part away.
type request struct {
	method  string // default POST
	body    any    // a string is sent as it is, anything else as JSON
	headers map[string]string
	cookies string // the whole Cookie header
	query   string
}

type answer struct {
	status  int
	header  http.Header
	body    string
	json    map[string]any
	cookies map[string]*http.Cookie
}

func (x answer) code() string { s, _ := x.json["code"].(string); return s }
func (x answer) text(name string) string {
	s, _ := x.json[name].(string)
	return s
}

// do sends a request to a path below the mount.
func (a *app) do(path string, r request) answer {
	a.t.Helper()
	x, err := a.try(path, r)
	if err != nil {
		a.t.Fatal(err)
	}
	return x
}

// try is do for goroutines. An answer that openapi.yaml does not describe is an error.
func (a *app) try(path string, r request) (answer, error) {
	if r.method == "" {
		r.method = http.MethodPost
	}
	var sent []byte
	switch b := r.body.(type) {
	case nil:
	case string:
		sent = []byte(b)
	default:
		var err error
		if sent, err = json.Marshal(b); err != nil {
			return answer{}, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, a.base+path+r.query, bytes.NewReader(sent))
	if err != nil {
		return answer{}, err
	}
	if b, ok := r.body.(map[string]any); ok {
		for _, name := range []string{"id_token", "password", "token"} {
			secret, _ := b[name].(string)
			a.known.add(secret)
		}
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.cookies != "" {
		req.Header.Set("Cookie", r.cookies)
	}
	for name, value := range r.headers {
		req.Header.Del(name)
		if name == "Host" {
			req.Host = value
		} else if value != "-" {
			req.Header.Set(name, value)
		}
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	if err := document.Check(req, sent, res, data, a.mount); err != nil {
		return answer{}, err
	}
	x := answer{status: res.StatusCode, header: res.Header, body: string(data), cookies: map[string]*http.Cookie{}}
	json.Unmarshal(data, &x.json) // an answer that is no JSON object has no members
	for _, c := range res.Cookies() {
		x.cookies[c.Name] = c
		a.known.add(c.Value)
	}
	a.known.add(x.text("access_token"), x.text("refresh_token"))
	return x, nil
}

// session is a signed-in browser: its cookies and what the last token response said.
type session struct {
	app     *app
	refresh string
	csrf    string
	access  string
}

func (a *app) signIn(username, pw string) *session {
	a.t.Helper()
	x := a.do("sign-in/", request{body: map[string]string{"username": username, "password": pw}})
	if x.status != 200 {
		a.t.Fatalf("sign-in = %d %s, want 200", x.status, x.body)
	}
	return a.sessionOf(x)
}

func (a *app) sessionOf(x answer) *session {
	a.t.Helper()
	s := &session{app: a}
	s.take(x)
	if s.refresh == "" || s.csrf == "" || s.access == "" {
		a.t.Fatalf("token response lacks a cookie or a token: %v %s", x.header, x.body)
	}
	return s
}

// take keeps what an answer hands out, as a browser would.
func (s *session) take(x answer) {
	if c := x.cookies["refresh_cookie"]; c != nil {
		s.refresh = c.Value
	}
	if c := x.cookies["CSRF_token"]; c != nil {
		s.csrf = c.Value
	}
	if access := x.text("access_token"); access != "" {
		s.access = access
	}
}

func (s *session) cookieHeader() string {
	return "CSRF_token=" + s.csrf + "; refresh_cookie=" + s.refresh
}

// post sends the cookies and, in the body, the CSRF_token and what else is given.
func (s *session) post(path string, members ...map[string]any) answer {
	s.app.t.Helper()
	body := map[string]any{"CSRF_token": s.csrf}
	for _, m := range members {
		maps.Copy(body, m)
	}
	return s.app.do(path, request{body: body, cookies: s.cookieHeader()})
}

// mustRefresh refreshes and keeps the successor.
func (s *session) mustRefresh() answer {
	s.app.t.Helper()
	x := s.post("refresh/")
	if x.status != 200 {
		s.app.t.Fatalf("refresh = %d %s, want 200", x.status, x.body)
	}
	s.take(x)
	return x
}

// want checks status and code.
func (x answer) want(t *testing.T, status int, code string) {
	t.Helper()
	if x.status != status || x.code() != code {
		t.Errorf("answer = %d %q (%.200s), want %d %q", x.status, x.code(), x.body, status, code)
	}
}

// wantNothingIssued checks the answer and that it issued and changed nothing.
func (a *app) wantNothingIssued(x answer, rowsBefore string) {
	a.t.Helper()
	if len(x.header.Values("Set-Cookie")) > 0 || strings.Contains(x.body, "access_token") {
		a.t.Errorf("a refused request was given something: %v %s", x.header.Values("Set-Cookie"), x.body)
	}
	if after := a.rows(); after != rowsBefore {
		a.t.Errorf("a refused request changed the database:\nbefore\n%s\nafter\n%s", rowsBefore, after)
	}
}

// canaries are secrets that went through a test. None of them may be in the log.
type canaries struct {
	mu      sync.Mutex
	secrets map[string]bool
}

func (c *canaries) add(secrets ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.secrets == nil {
		c.secrets = map[string]bool{}
	}
	for _, s := range secrets {
		if len(s) >= 8 {
			c.secrets[s] = true
		}
	}
}

func (c *canaries) lookFor(t testing.TB, log string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range c.secrets {
		if strings.Contains(log, s) {
			t.Errorf("the log holds the secret %q", s)
		}
	}
}

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// logBuffer collects the log.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
