package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
	"github.com/sallyport-auth/sallyport/internal/openapi"
)

const testPassword = "correct horse battery staple"

// serveAlice starts a server that knows the user alice.
func serveAlice(t *testing.T, environ ...string) *process {
	t.Helper()
	dir := t.TempDir()
	environ = append([]string{quickExit, "HOME=" + dir}, environ...)
	create := exec.Command("sallyport", "users", "create", "--username", "alice", "--password-stdin")
	create.Dir, create.Env, create.Stdin = dir, environ, strings.NewReader(testPassword+"\n")
	if output, err := create.CombinedOutput(); err != nil {
		t.Fatalf("users create = %v\n%s", err, output)
	}
	p, err := startServer(dir, environ)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if code := p.stop(syscall.SIGTERM); code != 0 {
			t.Errorf("sallyport serve ended with status %d:\n%s", code, p.log())
		}
	})
	return p
}

// described is openapi.yaml, against which every answer to post is held.
var described = sync.OnceValues(openapi.Load)

// post sends a body of JSON and returns the answer with its decoded body.
func post(t *testing.T, url, body string, header http.Header) (*http.Response, map[string]any) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	document, err := described()
	if err == nil {
		err = document.Check(request, []byte(body), response, content, "/auth")
	}
	if err != nil {
		t.Errorf("POST %s is not as openapi.yaml describes it: %v", url, err)
	}
	decoded := map[string]any{}
	if err := json.Unmarshal(content, &decoded); len(content) > 0 && err != nil {
		t.Fatalf("POST %s = %s with %q, which is no JSON object", url, response.Status, content)
	}
	return response, decoded
}

// cookies gives back the cookies of an answer, as a browser on loopback does.
func cookies(response *http.Response) http.Header {
	var pairs []string
	for _, c := range response.Cookies() {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return http.Header{"Cookie": {strings.Join(pairs, "; ")}}
}

func credentials(password string) string {
	return fmt.Sprintf(`{"username": "alice", "password": %q}`, password)
}

// TestSignInOverHTTP walks once through what a session is: sign-in, refresh, logoff.
func TestSignInOverHTTP(t *testing.T) {
	p := serveAlice(t)
	signedIn, tokens := post(t, p.url+"/auth/sign-in/", credentials(testPassword), nil)
	if token, _ := tokens["access_token"].(string); signedIn.StatusCode != 200 || token == "" {
		t.Fatalf("sign-in = %s %v, want 200 and tokens", signedIn.Status, tokens)
	}
	csrf := fmt.Sprintf(`{"CSRF_token": %q}`, tokens["CSRF_token"])
	refreshed, fresh := post(t, p.url+"/auth/refresh/", csrf, cookies(signedIn))
	if refreshed.StatusCode != 200 || fresh["access_token"] == tokens["access_token"] {
		t.Fatalf("refresh = %s %v, want 200 and another access token", refreshed.Status, fresh)
	}
	if got, body := post(t, p.url+"/auth/verify/", fmt.Sprintf(`{"token": %q}`, fresh["access_token"]), nil); got.StatusCode != 200 {
		t.Errorf("verify = %s %v, want 200", got.Status, body)
	}
	if got, body := post(t, p.url+"/auth/logoff/", csrf, cookies(refreshed)); got.StatusCode != 200 {
		t.Errorf("logoff = %s %v, want 200", got.Status, body)
	}
	if got, body := post(t, p.url+"/auth/refresh/", csrf, cookies(refreshed)); got.StatusCode != 401 || body["code"] != "session_revoked" {
		t.Errorf("refresh after logoff = %s %v, want 401 session_revoked", got.Status, body)
	}
}

// TestHT02 is the attack case of that name: headers and bodies beyond the limits.
func TestHT02(t *testing.T) {
	p := serveAlice(t)
	for _, tc := range []struct {
		name, path, body string
		header           int // bytes of a further header
		status           int
		code             any
	}{
		{"header of 30 KiB", "/auth/sign-in/", credentials(testPassword), 30 << 10, 431, nil},
		{"header of 14 KiB", "/auth/sign-in/", credentials(testPassword), 14 << 10, 200, nil},
		{"sign-in with 9 KiB", "/auth/sign-in/", credentials(strings.Repeat("x", 9<<10)), 0, 413, "body_too_large"},
		{"exchange with 65 KiB", "/auth/social-exchange/", fmt.Sprintf(`{"id_token": %q}`, strings.Repeat("x", 65<<10)), 0, 413, "body_too_large"},
		{"verify with 1 MiB", "/auth/verify/", fmt.Sprintf(`{"token": %q}`, strings.Repeat("x", 1<<20)), 0, 413, "body_too_large"},
		{"sign-in afterwards", "/auth/sign-in/", credentials(testPassword), 0, 200, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			header := http.Header{}
			if tc.header > 0 {
				header.Set("X-Filler", strings.Repeat("x", tc.header))
			}
			status, code := postRaw(t, p, tc.path, tc.body, header)
			if status != tc.status || code != tc.code {
				t.Errorf("POST %s = %d %v, want %d %v", tc.path, status, code, tc.status, tc.code)
			}
		})
	}
}

// postRaw reads the answer while it still writes the request: a server that refuses a large request
// closes the connection, and a client that only writes would see no more than that.
func postRaw(t *testing.T, p *process, path, body string, header http.Header) (status int, code any) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	written := make(chan struct{})
	go func() {
		defer close(written)
		var head bytes.Buffer
		fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n", path, conn.RemoteAddr(), len(body))
		header.Write(&head)
		head.WriteString("\r\n")
		conn.Write(append(head.Bytes(), body...)) // fails when the server has answered already
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	var problem struct{ Code any }
	json.NewDecoder(response.Body).Decode(&problem) // 431 comes from net/http, without JSON
	conn.Close()
	<-written
	return response.StatusCode, problem.Code
}

// slowRequest has sent all of a sign-in but the last byte.
func slowRequest(t *testing.T, p *process) (conn net.Conn, rest string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	body := credentials(testPassword)
	_, err = fmt.Fprintf(conn, "POST /auth/sign-in/ HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", conn.RemoteAddr(), len(body))
	if err != nil {
		t.Fatal(err)
	}
	// The server says "continue" when the handler reads the body, so the request is under way.
	line, err := bufio.NewReader(io.LimitReader(conn, int64(len("HTTP/1.1 100 Continue\r\n\r\n")))).ReadString('\n')
	if err != nil || !strings.Contains(line, "100") {
		t.Fatalf("the server answers %q, %v, want 100 Continue", line, err)
	}
	if _, err := io.WriteString(conn, body[:len(body)-1]); err != nil {
		t.Fatal(err)
	}
	return conn, body[len(body)-1:]
}

// waitClosed waits until nobody listens any more.
func waitClosed(p *process) {
	for {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			return
		}
		conn.Close()
	}
}

func TestDrain(t *testing.T) {
	p := serveAlice(t)
	conn, rest := slowRequest(t, p)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitClosed(p)
	if _, err := io.WriteString(conn, rest); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != 200 {
		t.Errorf("the request under way = %v, %v, want 200", response, err)
	}
	<-p.ended // and the cleanup checks the status
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	dir := t.TempDir()
	p, err := startServer(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	slowRequest(t, p) // keeps the server draining for ten seconds
	p.cmd.Process.Signal(syscall.SIGTERM)
	if !p.waitLog(`"msg":"stopping"`) {
		t.Fatalf("sallyport serve did not wait for the request under way:\n%s", p.log())
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.ended
	p.cmd.Wait()
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
		t.Errorf("sallyport serve ended with %v, want by the signal:\n%s", p.cmd.ProcessState, p.log())
	}
}

// TestServeLeavesNothingBehind serves inside this process and looks for what still runs afterwards.
func TestServeLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Chdir(t.TempDir())
	s, err := settings.Load(settings.Sources{Environ: []string{
		"SALLYPORT_LISTEN=127.0.0.1:0", "SALLYPORT_ADMIN_LISTEN=127.0.0.1:0",
		`SALLYPORT_IDPS=[{"name": "idp", "provider": "oidc", "issuer": "https://idp.example", "client_id": "x"}]`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	log := cancelOnStart{slog.DiscardHandler, cancel}
	if err := serve(ctx, func() {}, s, slog.New(log)); err != nil {
		t.Errorf("serve() = %v, want nil", err)
	}
	if _, err := os.Stat("sallyport.db"); err != nil {
		t.Error(err)
	}
}

// cancelOnStart is a log that ends the server once it has started.
type cancelOnStart struct {
	slog.Handler
	cancel context.CancelFunc
}

func (h cancelOnStart) Enabled(context.Context, slog.Level) bool { return true }

func (h cancelOnStart) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "started" {
		h.cancel()
	}
	return nil
}

// TestAdminListenerIsOptional takes its port away when nobody asked for it.
func TestAdminListenerIsOptional(t *testing.T) {
	s, err := settings.Load(settings.Sources{})
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s.AdminListen = taken.Addr().String() // as if the default port were taken
	var log strings.Builder
	admin, err := listenAdmin(s, slog.New(slog.NewTextHandler(&log, nil)))
	if admin != nil || err != nil || !strings.Contains(log.String(), "there is no admin listener") {
		t.Errorf("listenAdmin() = %v, %v with log %q, want none, no error and a warning", admin, err, log.String())
	}
}
