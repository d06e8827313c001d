package proof

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// keyIDs are the kids of the published keys.
func keyIDs(t *testing.T, p *server) (ids []string) {
	t.Helper()
	res, err := newClient().Get(p.url + "/auth/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var set struct{ Keys []struct{ Kid string } }
	if err := json.NewDecoder(res.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}
	for _, k := range set.Keys {
		ids = append(ids, k.Kid)
	}
	return ids
}

// TestManyStartAtOnce: of several servers that start together on an empty database one makes the signing key; then one
// rotates it, and all agree.
func TestManyStartAtOnce(t *testing.T) {
	for range often(2, 20) {
		s := newSite(t, "postgres")
		s.issuer = "http://127.0.0.1:8000/auth"
		servers := make([]*server, 4)
		var starting sync.WaitGroup
		for i := range servers {
			starting.Go(func() {
				p, err := s.tryStart()
				if err != nil {
					t.Error(err)
				}
				servers[i] = p
			})
		}
		starting.Wait()
		if t.Failed() {
			return
		}
		first := keyIDs(t, servers[0])
		for _, p := range servers {
			if ids := keyIDs(t, p); len(ids) != 1 || ids[0] != first[0] {
				t.Fatalf("keys = %v, another server has %v", ids, first)
			}
		}
		events, err := s.store().Events(t.Context(), sallyport.EventQuery{Limit: 100})
		if err != nil || len(events) != 1 || events[0].Name != "key_published" {
			t.Errorf("events = %v, %v, want one key_published", events, err)
		}
		for _, p := range servers {
			p.signal(syscall.SIGTERM)
		}
		for _, p := range servers {
			if code := p.wait(); code != 0 {
				t.Errorf("exit status %d", code)
			}
		}
	}
}

// TestTabsOnTwoServers: 50 tabs refresh with one cookie, over one server and over two: one successor a round.
func TestTabsOnTwoServers(t *testing.T) {
	for database, count := range map[string]int{"sqlite": 1, "postgres": 2} {
		t.Run(database, func(t *testing.T) {
			s := newSite(t, database)
			s.issuer = "http://127.0.0.1:8000/auth"
			var servers []*server
			for range count {
				servers = append(servers, s.start())
			}
			b := signedIn(t, s, servers[0], 1)[0]
			rounds := often(10, 50)
			for round := range rounds {
				var successors sync.Map
				var all sync.WaitGroup
				for i := range 50 {
					all.Go(func() {
						a, err := post(b.client, servers[i%count].url+"/auth/refresh/", b.cookies(), map[string]string{"CSRF_token": b.csrf})
						if err != nil || a.status != 200 {
							t.Errorf("round %d: %v, %v", round, a, err)
							return
						}
						successors.Store(a.refresh, true)
					})
				}
				all.Wait()
				n := 0
				successors.Range(func(token, _ any) bool {
					n++
					b.refresh = token.(string)
					return true
				})
				if n != 1 || t.Failed() {
					t.Fatalf("round %d: %d successors", round, n)
				}
			}
			t.Logf("%d rounds of 50 tabs on %d servers", rounds, count)
		})
	}
}

// TestSI_17_GuessesOverTwoServers: 200 wrong passwords at once, over two processes: the limit is one limit.
func TestSI_17_GuessesOverTwoServers(t *testing.T) {
	s := newSite(t, "postgres")
	servers := []*server{s.start(), s.start()}
	name := s.users(1, "correct horse battery staple", cheap)[0]
	var answers sync.Map
	var all sync.WaitGroup
	client := newClient()
	for i := range 200 {
		all.Go(func() {
			a, err := post(client, servers[i%2].url+"/auth/sign-in/", "", map[string]string{"username": name, "password": "wrong"})
			key := fmt.Sprint(a, err)
			n, _ := answers.LoadOrStore(key, new(atomic.Int64))
			n.(*atomic.Int64).Add(1)
		})
	}
	all.Wait()
	got := map[string]int64{}
	answers.Range(func(key, n any) bool {
		got[key.(string)] = n.(*atomic.Int64).Load()
		return true
	})
	if got["401 invalid_credentials <nil>"] != 10 || got["429 rate_limited <nil>"] != 190 {
		t.Errorf("answers = %v, want ten 401 and 190 429", got)
	}
}

// balancer sends requests to the servers that say that they are ready, as one in front of them would.
type balancer struct {
	mu      sync.Mutex
	servers []*server
	up      map[*server]bool
	next    int
}

func (b *balancer) watch(stop chan struct{}) {
	client := newClient()
	for {
		select {
		case <-stop:
			return
		case <-time.After(100 * time.Millisecond):
		}
		b.mu.Lock()
		servers := append([]*server{}, b.servers...)
		b.mu.Unlock()
		for _, p := range servers {
			status, _ := get(client, p.admin+"/readyz")
			b.mu.Lock()
			b.up[p] = status == 200
			b.mu.Unlock()
		}
	}
}

func (b *balancer) pick() *server {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.servers {
		b.next++
		if p := b.servers[b.next%len(b.servers)]; b.up[p] {
			return p
		}
	}
	return b.servers[0]
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	to, err := url.Parse(b.pick().url)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}}
	proxy.ServeHTTP(w, r)
}

// TestRollingRestart: two servers behind a balancer are restarted in turn while people refresh. No request fails, and
// nobody is signed out.
func TestRollingRestart(t *testing.T) {
	s := newSite(t, "postgres")
	s.issuer = "http://127.0.0.1:8000/auth"
	s.environ = []string{"SALLYPORT_LIMITS_SESSION=1000000/1m"} // twenty browsers are as busy as a thousand
	b := &balancer{up: map[*server]bool{}}
	for range 2 {
		p := s.start()
		b.servers, b.up[p] = append(b.servers, p), true
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front := &http.Server{Handler: b}
	go front.Serve(listener) // its error is that it was closed
	defer front.Close()
	base := "http://" + listener.Addr().String()

	browsers := signedIn(t, s, b.servers[0], 20)
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { b.watch(stop) })
	var requests atomic.Int64
	for _, browser := range browsers {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(150 * time.Millisecond):
				}
				requests.Add(1)
				if a, err := browser.refreshAt(base); err != nil || a.status != 200 {
					t.Errorf("refresh during the restart = %v, %v", a, err)
					return
				}
			}
		})
	}
	time.Sleep(1500 * time.Millisecond) // the servers see that they are polled
	for round := range often(2, 6) {
		b.mu.Lock()
		old := b.servers[round%2]
		b.mu.Unlock()
		old.signal(syscall.SIGTERM)
		if code := old.wait(); code != 0 {
			t.Errorf("exit status %d: %s", code, old.log())
		}
		fresh := s.start()
		b.mu.Lock()
		b.servers[round%2] = fresh
		b.mu.Unlock()
		eventually(t, "the new server to be seen", 5*time.Second, func() bool {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.up[fresh]
		})
	}
	time.Sleep(300 * time.Millisecond)
	close(stop)
	all.Wait()
	t.Logf("%d requests", requests.Load())
}

// TestSlowAndHugeRequests: connections that say nothing, little, or too much cost nothing in the end (P17).
func TestSlowAndHugeRequests(t *testing.T) {
	s := newSite(t, "sqlite")
	p := s.start()
	before := goroutines(t, p)
	connections := often(100, 2000)
	address := strings.TrimPrefix(p.url, "http://")
	var all sync.WaitGroup
	for i := range connections {
		all.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				return // the machine has no more, which is as good
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(30 * time.Second))
			switch i % 4 {
			case 0: // nothing
			case 1:
				io.WriteString(conn, "POST /auth/sign-in/ HTTP/1.1\r\nHost: x\r\nX-Slow: ")
			case 2:
				io.WriteString(conn, "POST /auth/sign-in/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 8000\r\n\r\n{\"username\": \"")
			case 3:
				io.WriteString(conn, "POST /auth/sign-in/ HTTP/1.1\r\nHost: x\r\nX-Huge: "+strings.Repeat("x", 100<<10)+"\r\n\r\n")
			}
			io.Copy(io.Discard, conn) // until the server closes it
		})
	}
	start := time.Now()
	all.Wait()
	t.Logf("%d connections were closed within %v", connections, time.Since(start).Round(time.Second))
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("the last connection was open for %v", took)
	}
	eventually(t, "the goroutines to go", 10*time.Second, func() bool { return goroutines(t, p) <= before+10 })
}

func goroutines(t *testing.T, p *server) int {
	t.Helper()
	return int(metric(t, p, "go_goroutines"))
}
