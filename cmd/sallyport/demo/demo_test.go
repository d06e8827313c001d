package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// running is a demo that runs for a test.
type running struct {
	Addresses
	t      *testing.T
	out    *bytes.Buffer
	cancel context.CancelFunc
	ended  chan error
}

// run starts a demo on free ports, and sees at the end of the test that it leaves nothing behind.
func run(t *testing.T) *running { return runOn(t, Ports{}) }

func runOn(t *testing.T, ports Ports) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, out: &bytes.Buffer{}, cancel: cancel, ended: make(chan error, 1)}
	ready := make(chan Addresses, 1)
	go func() {
		r.ended <- Run(ctx, Options{Out: r.out, Ports: &ports, Ready: func(at Addresses) { ready <- at }})
	}()
	select {
	case r.Addresses = <-ready:
	case err := <-r.ended:
		cancel()
		t.Fatalf("Run = %v, want it to serve", err)
	}
	t.Cleanup(r.stop)
	return r
}

// stop ends the demo as Ctrl-C does.
func (r *running) stop() {
	r.t.Helper()
	if r.cancel == nil {
		return
	}
	r.cancel()
	r.cancel = nil
	if err := <-r.ended; err != nil {
		r.t.Errorf("Run = %v, want nil", err)
	}
	if _, err := os.Stat(r.Folder); !errors.Is(err, fs.ErrNotExist) {
		r.t.Errorf("the folder %s is there at the end: %v", r.Folder, err)
	}
	for _, address := range []string{r.App, r.Orders, r.Provider} {
		host := strings.Split(address, "/")[2]
		if conn, err := net.Dial("tcp", host); err == nil {
			conn.Close()
			r.t.Errorf("%s still listens", host)
		}
	}
	goleak.VerifyNone(r.t)
}

// browser keeps cookies, follows nothing and says of itself what a browser says for the app's page.
type browser struct {
	t      *testing.T
	client *http.Client
	origin string
}

func (r *running) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	transport := &http.Transport{}
	r.t.Cleanup(transport.CloseIdleConnections) // before the demo stops: cleanups run from the last to the first
	return &browser{r.t, &http.Client{
		Jar: secureOnLoopback{jar}, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, strings.TrimSuffix(r.App, "/")}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any // empty when the body is no JSON object
}

func (a answer) text(name string) string { s, _ := a.json[name].(string); return s }

func (b *browser) do(method, address, contentType, body string, header map[string]string) answer {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	if strings.HasPrefix(address, b.origin+"/") {
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if method != http.MethodGet || !strings.HasPrefix(address, b.origin+"/") {
		request.Header.Set("Origin", b.origin)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := b.client.Do(request)
	if err != nil {
		b.t.Fatalf("%s %s = %v", method, address, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatalf("%s %s = %v", method, address, err)
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(text)}
	if json.Unmarshal(text, &a.json) != nil {
		a.json = nil
	}
	return a
}

func (b *browser) get(address string, header map[string]string) answer {
	b.t.Helper()
	return b.do(http.MethodGet, address, "", "", header)
}

func (b *browser) post(address string, body map[string]any) answer {
	b.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(http.MethodPost, address, "application/json", string(text), nil)
}

func bearer(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}

func (a answer) want(t *testing.T, what string, status int, code string) {
	t.Helper()
	if a.status != status || a.text("code") != code {
		t.Errorf("%s = %d %s, want %d %q", what, a.status, a.body, status, code)
	}
}

func TestPasswordDoor(t *testing.T) {
	r := run(t)
	b := r.browser()
	b.post(r.Issuer+"/refresh/", map[string]any{}).want(t, "refresh before", 401, "no_refresh_token")
	b.post(r.Issuer+"/sign-in/", map[string]any{"username": "demo", "password": "wrong"}).want(t, "sign-in", 401, "invalid_credentials")
	in := b.post(r.Issuer+"/sign-in/", map[string]any{"username": "demo", "password": "demo"})
	in.want(t, "sign-in", 200, "")
	for _, cookie := range in.header.Values("Set-Cookie") {
		for _, attribute := range []string{"; HttpOnly", "; Secure", "; SameSite=Strict", "; Path=/auth"} {
			if !strings.Contains(cookie, attribute) {
				t.Errorf("the cookie %q lacks %q", cookie, attribute)
			}
		}
	}
	user, _ := in.json["user"].(map[string]any)
	if user["username"] != "demo" || user["email_verified"] != true {
		t.Errorf("user = %v, want demo with a verified address", user)
	}
	b.get(r.Issuer+"/user/", bearer(in.text("access_token"))).want(t, "user", 200, "")

	again := b.post(r.Issuer+"/refresh/", map[string]any{}) // a page that was reloaded
	again.want(t, "refresh without CSRF_token", 200, "")
	if again.text("access_token") == in.text("access_token") {
		t.Error("a refresh gave the same access token")
	}
	token := map[string]any{"CSRF_token": again.text("CSRF_token")}
	b.post(r.Issuer+"/refresh/", token).want(t, "refresh", 200, "")
	b.post(r.Issuer+"/logoff/", token).want(t, "logoff", 200, "")
	b.post(r.Issuer+"/refresh/", map[string]any{}).want(t, "refresh after", 401, "no_refresh_token")
}

func TestOrders(t *testing.T) {
	r := run(t)
	b := r.browser()
	token := b.post(r.Issuer+"/sign-in/", map[string]any{"username": "demo", "password": "demo"}).text("access_token")
	b.get(r.Orders, nil).want(t, "orders without a token", 401, "missing_token")
	b.get(r.Orders, bearer(token[:len(token)-4]+"AAAA")).want(t, "orders with a forged token", 401, "token_not_valid")
	got := b.get(r.Orders, bearer(token))
	got.want(t, "orders", 200, "")
	if list, _ := got.json["orders"].([]any); len(list) == 0 {
		t.Errorf("orders = %s, want some", got.body)
	}
	if allowed := got.header.Get("Access-Control-Allow-Origin"); allowed != b.origin {
		t.Errorf("Access-Control-Allow-Origin = %q, want %q", allowed, b.origin)
	}
}

func TestPageIsAtOneAddress(t *testing.T) {
	r := run(t)
	b := r.browser()
	page := b.get(r.App, nil)
	page.want(t, "page", 200, "")
	for _, want := range []string{r.Orders, strings.TrimSuffix(r.Provider, "/") + "/oauth2/token"} {
		if !strings.Contains(page.header.Get("Content-Security-Policy"), " "+want+"; ") && !strings.Contains(page.header.Get("Content-Security-Policy"), " "+want+" ") {
			t.Errorf("Content-Security-Policy = %q, want it to allow %s", page.header.Get("Content-Security-Policy"), want)
		}
	}
	other := b.get(strings.Replace(r.App, "127.0.0.1", "localhost", 1), nil)
	if other.status != 303 || other.header.Get("Location") != r.App {
		t.Errorf("the page at localhost = %d to %q, want 303 to %s", other.status, other.header.Get("Location"), r.App)
	}
	b.get(b.origin+"/.well-known/oauth-authorization-server/auth", nil).want(t, "metadata", 200, "")
	b.get(r.Issuer+"/.well-known/jwks.json", nil).want(t, "keys", 200, "")
}

func TestTakenPorts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, text, _ := net.SplitHostPort(taken.Addr().String())
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	r := runOn(t, Ports{App: port, Orders: port, Provider: port})
	for address, want := range map[string]int{r.App: 200, r.Orders: 401, r.Provider: 200} {
		if strings.Contains(address, ":"+text) {
			t.Errorf("%s is on a port that is taken", address)
		}
		if got := r.browser().get(address, nil).status; got != want {
			t.Errorf("%s answers %d, want %d", address, got, want)
		}
	}
	if want := "Another program has port " + text + ", " + text + ", " + text + ":"; !strings.Contains(r.out.String(), want) {
		t.Errorf("the demo told\n%s\nwant %s", r.out.String(), want)
	}
}

func TestStopsWithOpenConnections(t *testing.T) {
	r := run(t)
	conn, err := net.Dial("tcp", strings.Split(r.App, "/")[2]) // as browsers open them, ahead of a request
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b := r.browser()
	b.get(r.App, nil).want(t, "page", 200, "")
	r.stop()
	b.client.CloseIdleConnections()
}

func TestEndsBeforeItHasBegun(t *testing.T) {
	folders := emptyTemp(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, Options{Ports: &Ports{}}); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	wantEmpty(t, folders)
}

func TestFaultsLeaveNothingBehind(t *testing.T) {
	folders := emptyTemp(t)
	if err := Run(t.Context(), Options{Out: brokenPipe{}, Ports: &Ports{}}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Run = %v, want %v", err, io.ErrClosedPipe)
	}
	wantEmpty(t, folders)
	if err := os.Remove(folders); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), Options{Ports: &Ports{}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Run without a folder for temporary files = %v, want %v", err, fs.ErrNotExist)
	}
	goleak.VerifyNone(t)
}

func TestServerThatStopsByItselfIsTold(t *testing.T) {
	d := demo{logger: slog.New(slog.DiscardHandler), failed: make(chan error, 1)}
	listener, err := d.listen(0)
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	d.serve(listener, http.NotFoundHandler())
	if err := <-d.failed; !errors.Is(err, net.ErrClosed) {
		t.Errorf("failed with %v, want %v", err, net.ErrClosed)
	}
	if err := d.stop(); err != nil {
		t.Errorf("stop = %v, want nil", err)
	}
	goleak.VerifyNone(t)
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// emptyTemp makes the folder in which temporary ones are made during a test.
func emptyTemp(t *testing.T) string {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	return folder
}

func wantEmpty(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
	goleak.VerifyNone(t)
}

func BenchmarkFirstAnswer(b *testing.B) {
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		err := Run(ctx, Options{Ports: &Ports{}, Ready: func(at Addresses) {
			response, err := http.Get(at.App)
			if err != nil {
				b.Error(err)
			} else {
				response.Body.Close()
			}
			b.StopTimer()
			http.DefaultClient.CloseIdleConnections()
			cancel()
		}})
		b.StartTimer()
		if err != nil {
			b.Fatal(err)
		}
	}
}
