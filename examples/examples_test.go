// Package examples_test builds the two example programs and runs them as a user would.
package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// start builds and runs one of the programs, and returns the address that its first line names.
func start(t *testing.T, env []string, program string, args ...string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), filepath.Base(program))
	if out, err := exec.Command("go", "build", "-o", binary, "./"+program).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", program, err, out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, binary, append([]string{"-listen", "127.0.0.1:0"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("%s ended with %v\n%s", program, err, stderr.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	_, address, found := strings.Cut(strings.TrimSpace(line), " on ")
	if err != nil || !found {
		t.Fatalf("%s printed %q (%v)\n%s", program, line, err, stderr.String())
	}
	return strings.TrimSuffix(address, "/")
}

// browser is a client with a cookie jar.
type browser struct {
	t      *testing.T
	client http.Client
	csrf   string
	access string
}

func (b *browser) do(method, url string, body any) (int, string) {
	b.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, url, bytes.NewReader(encoded))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if b.access != "" {
		req.Header.Set("Authorization", "Bearer "+b.access)
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	var tokens struct {
		AccessToken string `json:"access_token"`
		CSRFToken   string `json:"CSRF_token"`
	}
	if json.Unmarshal(data, &tokens) == nil && tokens.AccessToken != "" {
		b.access, b.csrf = tokens.AccessToken, tokens.CSRFToken
	}
	return res.StatusCode, string(data)
}

// loopbackJar gives Secure cookies back over http, as browsers do on loopback; net/http/cookiejar does not.
type loopbackJar struct {
	mu      sync.Mutex
	cookies map[string]*http.Cookie
}

func (j *loopbackJar) SetCookies(_ *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range cookies {
		j.cookies[c.Name] = c
	}
}

func (j *loopbackJar) Cookies(u *url.URL) []*http.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	var sent []*http.Cookie
	for _, c := range j.cookies {
		if c.MaxAge > 0 && strings.HasPrefix(u.Path, c.Path+"/") {
			sent = append(sent, &http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
	return sent
}

func TestAppAndMicroservice(t *testing.T) {
	secret, database := rand.Text()+rand.Text(), filepath.Join(t.TempDir(), "app.db")
	app := strings.TrimSuffix(start(t, []string{"APP_SECRET=" + secret}, "app", "-database", database), "/api/me")
	service := start(t, nil, "microservice", "-issuer", app+"/auth")
	password := createUser(t, database, app+"/auth", secret)

	jar := &loopbackJar{cookies: map[string]*http.Cookie{}}
	b := &browser{t: t, client: http.Client{Jar: jar, Timeout: 20 * time.Second}}
	for _, url := range []string{app + "/api/me", service} {
		if status, body := b.do("GET", url, nil); status != 401 || !strings.Contains(body, "missing_token") {
			t.Errorf("%s without a token = %d %s, want 401 missing_token", url, status, body)
		}
	}
	if status, body := b.do("POST", app+"/auth/sign-in/", map[string]string{"username": "ada", "password": password}); status != 200 {
		t.Fatalf("sign-in = %d %s", status, body)
	}
	if status, body := b.do("GET", app+"/api/me", nil); status != 200 || !strings.Contains(body, "plan free") {
		t.Errorf("/api/me = %d %s, want the claim of the app's own", status, body)
	}
	if status, body := b.do("GET", service, nil); status != 200 || !strings.Contains(body, "lantern") {
		t.Errorf("the service = %d %s, want orders", status, body)
	}
	if status, body := b.do("POST", app+"/auth/refresh/", map[string]string{"CSRF_token": b.csrf}); status != 200 {
		t.Errorf("refresh = %d %s", status, body)
	}
	if status, body := b.do("POST", app+"/auth/logoff/", map[string]string{"CSRF_token": b.csrf}); status != 200 {
		t.Errorf("logoff = %d %s", status, body)
	}
	if status, body := b.do("GET", app+"/api/me", nil); status != 401 {
		t.Errorf("/api/me after the logoff = %d %s, want 401", status, body)
	}
}

// createUser adds a user to the running app's database, as an operator's program would.
func createUser(t *testing.T, database, issuer, secret string) (password string) {
	t.Helper()
	store, err := sqlite.Open(database)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	svc, err := sallyport.New(sallyport.Config{Issuer: issuer, Store: store, Secret: []byte(secret)})
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Close()
	password = rand.Text()
	if _, err := svc.CreateUser(t.Context(), sallyport.NewUser{Username: "ada", Password: password}); err != nil {
		t.Fatal(err)
	}
	return password
}
