package realidp_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/internal/realidp"
	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// app is a whole Sallyport: a database, the service, and its routes on a real listener.
type app struct {
	*testing.T
	listener net.Listener
	origin   string // its own, without a slash
	issuer   string
	folder   string // of the database
	ahead    atomic.Int64
	wire     wire
	log      logBuffer
}

// newApp binds the port, which the registration at a provider has to name; serve does the rest.
func newApp(t *testing.T) *app {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &app{T: t, listener: listener, origin: "http://" + listener.Addr().String(), folder: t.TempDir()}
	a.issuer = a.origin + "/auth"
	return a
}

// redirectURI is that of a provider of this name.
func (a *app) redirectURI(name string) string { return a.issuer + "/callback/" + name + "/" }

// serve starts the app with its providers.
func (a *app) serve(providers ...sallyport.Provider) {
	a.Helper()
	store, err := sqlite.Open(filepath.Join(a.folder, "app.db"))
	if err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() {
		if err := store.Close(); err != nil {
			a.Error(err)
		}
	})
	secret := make([]byte, sallyport.MinSecretBytes)
	rand.Read(secret)
	log := slog.New(slog.NewTextHandler(io.MultiWriter(a.Output(), &a.log), nil))
	svc, err := sallyport.New(sallyport.Config{
		Issuer: a.issuer, Store: store, Secret: secret, Providers: providers, Logger: log,
		UserFields: []string{"id", "username", "email", "email_verified"},
		Password:   password.Config{Memory: 64, Passes: 1}, // nobody signs in by password
		Now:        a.now,
	})
	if err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() { svc.Close() })
	handler, err := authhttp.New(svc, authhttp.Config{Cookie: authhttp.CookieConfig{Insecure: true}, Logger: log})
	if err != nil {
		a.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: limit}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(a.listener) }) // returns when the server is closed
	a.Cleanup(func() {
		server.Close()
		serving.Wait()
	})
}

// limit bounds each request of a test.
const limit = 20 * time.Second

// now is the real time, which is the provider's, and what a test has added.
func (a *app) now() time.Time { return time.Now().Add(time.Duration(a.ahead.Load())) }

// wait moves the app's clock: the key set of a provider is fetched again for an unknown key after 30 seconds at the soonest.
func (a *app) wait(d time.Duration) { a.ahead.Add(int64(d)) }

// stored is every byte that the database has on disk.
func (a *app) stored() []byte {
	a.Helper()
	files, err := filepath.Glob(filepath.Join(a.folder, "app.db*"))
	if err != nil {
		a.Fatal(err)
	}
	var all []byte
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			a.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// logBuffer keeps what the app logs.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// wire is an http.RoundTripper that keeps what the app says to a provider and gets back.
type wire struct {
	mu   sync.Mutex
	said []said
}

type said struct {
	path, header, request string
	status                int
	answer                []byte
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	s := said{path: req.URL.Path, header: req.Header.Get("Authorization")}
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		s.request, req.Body = string(b), io.NopCloser(bytes.NewReader(b))
	}
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	s.status = res.StatusCode
	s.answer, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(s.answer))
	w.mu.Lock()
	w.said = append(w.said, s)
	w.mu.Unlock()
	return res, err
}

func (w *wire) client() *http.Client { return &http.Client{Transport: w, Timeout: limit} }

// at lists what was said at the endpoints whose path ends so.
func (w *wire) at(suffix string) []said {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []said
	for _, s := range w.said {
		if strings.HasSuffix(s.path, suffix) {
			found = append(found, s)
		}
	}
	return found
}

// visitor is a person with a browser: what it keeps of the app, and what it keeps of the provider.
type visitor struct {
	*app
	client *http.Client
	idp    *realidp.Browser
	seen   *bytes.Buffer // every header and body that the app has sent
	csrf   string
}

func (a *app) visitor() *visitor {
	a.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		a.Fatal(err)
	}
	return &visitor{app: a, idp: realidp.NewBrowser(), seen: &bytes.Buffer{}, client: &http.Client{
		Jar: jar, Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is one of the app.
type answer struct {
	status   int
	location string
	body     string
	json     map[string]any
}

func (x answer) text(name string) string {
	s, _ := x.json[name].(string)
	return s
}

func (v *visitor) do(req *http.Request) answer {
	v.Helper()
	res, err := v.client.Do(req)
	if err != nil {
		v.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.Fatal(err)
	}
	_ = res.Header.Write(v.seen) // a bytes.Buffer takes everything
	v.seen.Write(b)
	x := answer{status: res.StatusCode, location: res.Header.Get("Location"), body: string(b)}
	_ = json.Unmarshal(b, &x.json) // what is no JSON shows in what the test looks for
	return x
}

// open is a navigation: the page that comes knows nothing of the one before.
func (v *visitor) open(address string) answer {
	v.Helper()
	v.csrf = ""
	req, err := http.NewRequestWithContext(v.Context(), http.MethodGet, address, nil)
	if err != nil {
		v.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	return v.do(req)
}

// post is a fetch of the app's own page, with the CSRF token of the latest answer.
func (v *visitor) post(route string, body map[string]any) answer {
	v.Helper()
	if body == nil {
		body = map[string]any{}
	}
	if v.csrf != "" {
		body["CSRF_token"] = v.csrf
	}
	b, err := json.Marshal(body)
	if err != nil {
		v.Fatal(err)
	}
	req, err := http.NewRequestWithContext(v.Context(), http.MethodPost, v.issuer+"/"+route, bytes.NewReader(b))
	if err != nil {
		v.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", v.origin)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	x := v.do(req)
	if token := x.text("CSRF_token"); token != "" {
		v.csrf = token
	}
	return x
}

// cookiesOf are those that this browser would send to an address.
func (v *visitor) cookiesOf(address string) []*http.Cookie {
	v.Helper()
	u, err := url.Parse(address)
	if err != nil {
		v.Fatal(err)
	}
	return v.client.Jar.Cookies(u)
}

// keep plants cookies for an address.
func (v *visitor) keep(address string, cookies []*http.Cookie) {
	v.Helper()
	u, err := url.Parse(address)
	if err != nil {
		v.Fatal(err)
	}
	v.client.Jar.SetCookies(u, cookies)
}

// begin follows the link to login/ and returns where at the provider it leads.
func (v *visitor) begin(provider, returnTo string) string {
	v.Helper()
	x := v.open(v.issuer + "/login/" + provider + "/?return_to=" + url.QueryEscape(returnTo))
	if x.status != http.StatusSeeOther {
		v.Fatalf("login/ = %d %s, want 303", x.status, x.body)
	}
	return x.location
}

// signIn is the person at the provider; it returns the callback.
func (v *visitor) signIn(address string, user realidp.User) *url.URL {
	v.Helper()
	callback, err := v.idp.Authorize(v.Context(), address, user)
	if err != nil {
		v.Fatal(err)
	}
	return callback
}

// login is the backend's own flow from the link to the page that it leads back to.
func (v *visitor) login(provider string, user realidp.User) {
	v.Helper()
	v.open(v.signIn(v.begin(provider, "/page"), user).String()).wantReturn(v.T, "/page", "")
}

// wantReturn checks that the callback sends the browser back, with a code of ours or "" for none.
func (x answer) wantReturn(t *testing.T, path, code string) {
	t.Helper()
	to, err := url.Parse(x.location)
	if err != nil || x.status != http.StatusSeeOther || to.Path != path || to.Query().Get("sallyport_error") != code {
		t.Fatalf("callback = %d to %q (%s), want 303 to %s with sallyport_error %q", x.status, x.location, x.body, path, code)
	}
}

// want checks status and stable code.
func (x answer) want(t *testing.T, what string, status int, code string) {
	t.Helper()
	if x.status != status || x.text("code") != code {
		t.Errorf("%s = %d %s, want %d %q", what, x.status, x.body, status, code)
	}
}

// mustRefresh expects the session to be live, and user to be its user.
func (v *visitor) mustRefresh(user realidp.User) answer {
	v.Helper()
	x := v.post("refresh/", nil)
	x.want(v.T, "refresh/", http.StatusOK, "")
	if got, _ := x.json["user"].(map[string]any); got["email"] != user.Email {
		v.Errorf("refresh/: user %v, want %s", got, user.Email)
	}
	return x
}

// wantNoSession expects this browser to have got none.
func (v *visitor) wantNoSession() {
	v.Helper()
	v.post("refresh/", nil).want(v.T, "refresh/ after a refusal", http.StatusUnauthorized, "no_refresh_token")
}
