package proxytest_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// patience is longer than anything takes that works.
const patience = 20 * time.Second

// world is a Sallyport, a service that knows nothing of tokens, and a proxy in front of both.
type world struct {
	*testing.T
	svc     *sallyport.Service
	auth    *httptest.Server
	site    string // what the browser sees: the proxy
	issuer  string
	user    sallyport.User
	pw      string
	mu      sync.Mutex
	reached []arrival // what has reached the service
}

// arrival is a request at the service, with every header as it came.
type arrival struct {
	method, uri string
	header      http.Header
	body        int
}

// proxies starts each, with the file of deploy/forward that is for it.
var proxies = map[string]func(w *world, config string, folder string){
	"nginx": startNginx,
	"caddy": startCaddy,
}

// onEachProxy runs a test behind each proxy.
func onEachProxy(t *testing.T, test func(w *world)) {
	for name, start := range proxies {
		t.Run(name, func(t *testing.T) { test(newWorld(t, name, start)) })
	}
}

func newWorld(t *testing.T, name string, start func(w *world, config, folder string)) *world {
	t.Helper()
	folder := t.TempDir()
	store, err := sqlite.Open(filepath.Join(folder, "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	address := freeAddress(t)
	w := &world{T: t, site: "http://" + address, issuer: "http://" + address + "/auth", pw: rand.Text()}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	// Claims of nearly the 4 KiB that they may have, so that the token is as long as one can be.
	w.svc, err = sallyport.New(sallyport.Config{
		Issuer: w.issuer, Store: store, Secret: []byte(rand.Text() + rand.Text()), Logger: quiet, Password: password.Config{Memory: 64, Passes: 1},
		ClaimTemplate: map[string]any{"long": strings.Repeat("x", 3900)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.svc.Close() })
	handler, err := authhttp.New(w.svc, authhttp.Config{
		Logger: quiet, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Cookie: authhttp.CookieConfig{Insecure: true}, Forward: authhttp.ForwardConfig{Enabled: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.auth = httptest.NewServer(handler)
	t.Cleanup(w.auth.Close)
	service := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(service.Close)
	if w.user, err = w.svc.CreateUser(t.Context(), sallyport.NewUser{
		Username: "ada", Password: w.pw, Email: "ada@example.com", EmailVerified: true, FirstName: "Ada", LastName: "Ž.", Groups: []string{"ops", "dev"},
	}); err != nil {
		t.Fatal(err)
	}
	file := map[string]string{"nginx": "nginx.conf", "caddy": "Caddyfile"}[name]
	config, err := os.ReadFile(filepath.Join("..", "..", "deploy", "forward", file))
	if err != nil {
		t.Fatal(err)
	}
	text := string(config)
	site := map[string]map[string]string{
		"nginx": {
			"listen 443 ssl;": "listen " + address + ";",
			"ssl_certificate": "# ssl_certificate", // and ssl_certificate_key
		},
		"caddy": {"app.example.com {": w.site + " {"},
	}[name]
	site["127.0.0.1:8000"], site["127.0.0.1:3000"] = w.auth.Listener.Addr().String(), service.Listener.Addr().String()
	for old, here := range site {
		if !strings.Contains(text, old) {
			t.Fatalf("%s lacks %q", file, old)
		}
		text = strings.ReplaceAll(text, old, here)
	}
	start(w, text, folder)
	return w
}

// freeAddress is one on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reached = append(w.reached, arrival{r.Method, r.RequestURI, r.Header.Clone(), len(body)})
	fmt.Fprint(rw, "the service")
}

// arrivals are the requests that have reached the service since it was last asked.
func (w *world) arrivals() []arrival {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.reached
	w.reached = nil
	return all
}

func startNginx(w *world, config, folder string) {
	w.Helper()
	site := filepath.Join(folder, "site.conf")
	main := filepath.Join(folder, "nginx.conf")
	// All that nginx writes is in the folder. One process, so that it ends as a whole.
	text := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr info;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	client_max_body_size 10m;
	include %[2]s;
}
`, folder, site)
	for file, content := range map[string]string{site: config, main: text} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			w.Fatal(err)
		}
	}
	w.run(folder, "nginx", "-e", "stderr", "-p", folder, "-c", main)
}

func startCaddy(w *world, config, folder string) {
	w.Helper()
	file := filepath.Join(folder, "Caddyfile")
	if err := os.WriteFile(file, []byte("{\n\tadmin off\n}\n"+config), 0o600); err != nil {
		w.Fatal(err)
	}
	w.run(folder, "caddy", "run", "--config", file, "--adapter", "caddyfile")
}

// run starts a proxy and waits until it takes connections. It ends with the test.
func (w *world) run(folder, program string, args ...string) {
	w.Helper()
	if found, err := exec.LookPath(program); err == nil {
		program = found
	} else if _, err := os.Stat("/usr/sbin/" + program); err == nil { // which is not in everybody's path
		program = "/usr/sbin/" + program
	}
	command := exec.Command(program, args...)
	command.Env = append(os.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder)
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		w.Fatalf("%v; install what ./test.sh installs", err)
	}
	ended := make(chan struct{})
	go func() { command.Wait(); close(ended) }()
	w.Cleanup(func() {
		command.Process.Kill()
		<-ended
		if before, _, _ := strings.Cut(said.String(), "epoll"); program != "caddy" && strings.Contains(before, "[warn]") {
			w.Errorf("%s is not content with its configuration: %s", program, said.String())
		}
		if w.Failed() {
			w.Logf("%s said:\n%s", program, said.String())
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		connection, err := net.Dial("tcp", strings.TrimPrefix(w.site, "http://"))
		if err == nil {
			connection.Close()
			return
		}
		select {
		case <-ended:
			w.Fatalf("%s ended: %s", program, said.String())
		default:
		}
		if time.Now().After(end) {
			w.Fatalf("%s takes no connections", program)
		}
	}
}

// answer is what the browser gets.
type answer struct {
	*http.Response
	body string
}

// raw sends lines as they are, which no HTTP library would, and reads the answer.
func (w *world) raw(body string, lines ...string) answer {
	w.Helper()
	host := "Host: " + strings.TrimPrefix(w.site, "http://")
	return w.send(strings.Join(append([]string{lines[0] + " HTTP/1.1", host, fmt.Sprintf("Content-Length: %d", len(body))}, lines[1:]...), "\r\n") + "\r\n\r\n" + body)
}

// early sends a line before the Host.
func (w *world) early(line, request, cookies string) answer {
	w.Helper()
	return w.send(strings.Join([]string{request, line, "Host: " + strings.TrimPrefix(w.site, "http://"), cookies, "Connection: close"}, "\r\n") + "\r\n\r\n")
}

func (w *world) send(request string) answer {
	w.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(w.site, "http://"))
	if err != nil {
		w.Fatal(err)
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(connection, request); err != nil {
		w.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		w.Fatalf("%.300q: %v", request, err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer{res, string(got)}
}

// signIn signs ada in through the proxy and returns the header with all cookies.
func (w *world) signIn() string {
	w.Helper()
	body, err := json.Marshal(map[string]string{"username": "ada", "password": w.pw})
	if err != nil {
		w.Fatal(err)
	}
	x := w.raw(string(body), "POST /auth/sign-in/", "Content-Type: application/json")
	var pairs []string
	site := false
	for _, c := range x.Cookies() {
		pairs = append(pairs, c.Name+"="+c.Value)
		site = site || c.Name == "sallyport_site"
	}
	if x.StatusCode != 200 || !site {
		w.Fatalf("sign-in = %d %s, cookies %v", x.StatusCode, x.body, pairs)
	}
	return "Cookie: " + strings.Join(pairs, "; ")
}
