package verifytest

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Config is what a test says about its issuer. The zero value is a good one.
type Config struct {
	Audience  string           // of the tokens; default "orders"
	Algorithm string           // "ES256", the default, "EdDSA" or "RS256"
	Now       func() time.Time // nil is time.Now
}

// Issuer is a Sallyport server as a service sees it, on a free port of loopback. It is safe for concurrent use.
type Issuer struct {
	audience  string
	algorithm string
	now       func() time.Time
	url       string
	server    *httptest.Server
	closing   chan struct{}

	mu      sync.Mutex
	keys    []*signingKey // those that are published; the last one signs
	foreign *signingKey   // published nowhere
	fault   Fault
	counts  map[string]int
	feed    feed
	made    int // keys
}

// The paths of an issuer, as Count names them.
const (
	KeySet      = "/.well-known/jwks.json"
	Revocations = "/revocations/"
	Online      = "/verify/"
)

const mount = "/auth"

// New starts an issuer that ends with the test.
func New(t testing.TB, c Config) *Issuer {
	t.Helper()
	i := &Issuer{
		audience: cmp.Or(c.Audience, "orders"), algorithm: cmp.Or(c.Algorithm, "ES256"), now: c.Now,
		closing: make(chan struct{}), counts: map[string]int{},
	}
	if i.now == nil {
		i.now = time.Now
	}
	i.feed.changed = make(chan struct{})
	var err error
	if i.foreign, err = newKey(i.algorithm, "foreign"); err == nil {
		err = i.addKey()
	}
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+mount+KeySet, i.serveKeys)
	mux.HandleFunc("GET "+mount+Revocations, i.serveFeed)
	mux.HandleFunc("POST "+mount+Online, i.serveOnline)
	i.server = httptest.NewServer(i.faulty(mux))
	i.url = i.server.URL + mount
	t.Cleanup(i.close)
	return i
}

func (i *Issuer) close() {
	close(i.closing) // long polls end
	i.server.CloseClientConnections()
	i.server.Close()
}

// URL is the issuer, which a service under test is configured with.
func (i *Issuer) URL() string { return i.url }

// Audience is that of the tokens.
func (i *Issuer) Audience() string { return i.audience }

// Count is how often a path was asked for.
func (i *Issuer) Count(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.counts[path]
}

// Rotate makes a new key, which signs from now on. The old ones stay published.
func (i *Issuer) Rotate() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.addKey()
}

// Withdraw rotates and takes the old keys out of the set: an emergency.
func (i *Issuer) Withdraw() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.addKey(); err != nil {
		return err
	}
	i.keys = i.keys[len(i.keys)-1:]
	return nil
}

// addKey wants the lock, but in New.
func (i *Issuer) addKey() error {
	i.made++
	k, err := newKey(i.algorithm, fmt.Sprint("key-", i.made))
	if err == nil {
		i.keys = append(i.keys, k)
	}
	return err
}

// key is the one that signs.
func (i *Issuer) key() *signingKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[len(i.keys)-1]
}

// PublicKeys is the key set that is published (RFC 7517 §5).
func (i *Issuer) PublicKeys() map[string]any {
	i.mu.Lock()
	defer i.mu.Unlock()
	keys := []any{}
	for _, k := range i.keys {
		keys = append(keys, k.jwk())
	}
	return map[string]any{"keys": keys}
}

func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Write(encode(i.PublicKeys()))
}

// Fault is how an issuer fails until another is set.
type Fault int

// The faults. A key set, a page of the feed and an answer about a token are all affected.
const (
	None       Fault = iota
	Down             // connections are cut
	Hanging          // no answer, until the fault changes or the client goes
	Broken           // 500
	HTML             // 200 and a page
	EmptyKeys        // a key set without keys; the rest works
	Oversized        // 10 MiB
	Compressed       // an answer that is larger than it looks
	Cut              // half of the answer
)

// Fail makes the issuer fail; None ends that.
func (i *Issuer) Fail(f Fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fault = f
	i.feed.tell()
}

// faulty counts and fails before it serves.
func (i *Issuer) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.counts[r.URL.Path[min(len(mount), len(r.URL.Path)):]]++
		fault, changed := i.fault, i.feed.changed
		i.mu.Unlock()
		switch fault {
		case Down:
			cut(w)
		case Hanging:
			select {
			case <-changed:
			case <-r.Context().Done():
			case <-i.closing:
			}
			cut(w)
		case Broken:
			http.Error(w, "verifytest: broken on purpose", http.StatusInternalServerError)
		case HTML:
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte("<!doctype html><title>Maintenance</title><p>Back soon."))
		case EmptyKeys:
			if r.URL.Path == mount+KeySet {
				w.Write([]byte(`{"keys":[]}`))
				return
			}
			next.ServeHTTP(w, r)
		case Oversized:
			w.Write(make([]byte, 10<<20))
		case Compressed:
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb())
		case Cut:
			recorded := httptest.NewRecorder()
			next.ServeHTTP(recorded, r)
			body := recorded.Body.Bytes()
			w.Header().Set("Content-Type", recorded.Header().Get("Content-Type"))
			w.Write(body[:len(body)/2])
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// cut closes the connection without an answer.
func cut(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if connection, _, err := h.Hijack(); err == nil {
			if tcp, ok := connection.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			connection.Close()
		}
	}
}
