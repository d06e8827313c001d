package verify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// clock is a time that only the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_700_000_000, 0).UTC()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// signer is a key of the issuer. It signs with the standard library alone.
type signer struct {
	private *ecdsa.PrivateKey
	id      string
}

func newSigner(t testing.TB, id string) signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{private, id}
}

func (s signer) jwk(t testing.TB) map[string]any {
	t.Helper()
	k, err := jws.NewKey(s.id, s.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return k.JWK()
}

// mint signs any header and claims.
func (s signer) mint(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(marshal(t, header)) + "." + encode(marshal(t, claims))
	digest := sha256.Sum256([]byte(input))
	r, sPart, err := ecdsa.Sign(rand.Reader, s.private, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	sPart.FillBytes(signature[32:])
	return input + "." + encode(signature)
}

func (s signer) header() map[string]any {
	return map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": s.id}
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// keyServer publishes a key set and counts how often it is asked.
type keyServer struct {
	*httptest.Server
	fetches atomic.Int64
	handler atomic.Pointer[http.HandlerFunc]
}

// newKeyServer listens on loopback until the test ends.
func newKeyServer(t testing.TB, keys ...signer) *keyServer {
	t.Helper()
	s := &keyServer{}
	s.publish(t, keys...)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fetches.Add(1)
		(*s.handler.Load())(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *keyServer) serve(h http.HandlerFunc) { s.handler.Store(&h) }

func (s *keyServer) publish(t testing.TB, keys ...signer) {
	t.Helper()
	list := []any{}
	for _, k := range keys {
		list = append(list, k.jwk(t))
	}
	s.answer(http.StatusOK, string(marshal(t, map[string]any{"keys": list})))
}

func (s *keyServer) answer(status int, body string) {
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

func (s *keyServer) wantFetches(t testing.TB, want int64) {
	t.Helper()
	if got := s.fetches.Load(); got != want {
		t.Errorf("the key server was asked %d times, want %d", got, want)
	}
}

// gate holds every answer back until it is opened, and tells when the first request has arrived.
type gate struct {
	arrived chan struct{}
	open    chan struct{}
}

// hold puts a shut gate before the answers of s.
func (s *keyServer) hold() gate {
	g := gate{make(chan struct{}, 100), make(chan struct{})}
	next := *s.handler.Load()
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		g.arrived <- struct{}{}
		select {
		case <-g.open:
			next(w, r)
		case <-r.Context().Done():
		}
	})
	return g
}

const audience = "orders"

// world is an issuer with one key, its key server, and a verifier of its tokens.
type world struct {
	clock    *clock
	signer   signer
	server   *keyServer
	verifier *verify.Verifier
}

func newWorld(t testing.TB) world {
	t.Helper()
	w := world{clock: newClock(), signer: newSigner(t, "key-1")}
	w.server = newKeyServer(t, w.signer)
	w.verifier = w.newVerifier(t, verify.Config{})
	return w
}

// newVerifier fills in what c leaves open and closes the verifier when the test ends.
func (w world) newVerifier(t testing.TB, c verify.Config) *verify.Verifier {
	t.Helper()
	c.Issuer, c.Audience, c.Now = w.server.URL, audience, w.clock.Now
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	v, err := verify.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func (w world) claims() map[string]any {
	now := w.clock.Now().Unix()
	return map[string]any{
		"iss": w.server.URL, "sub": "alice", "aud": audience, "exp": now + 300, "iat": now, "jti": "token-1",
		"sid": "session-1", "client_id": "sallyport", "token_type": "access", "user_id": "alice",
	}
}

// token is a good token of s, with claims on top.
func (w world) token(t testing.TB, s signer, extra map[string]any) string {
	t.Helper()
	claims := w.claims()
	maps.Copy(claims, extra)
	return s.mint(t, s.header(), claims)
}

// unknown is a token with a key ID that was never published.
func (w world) unknown(t testing.TB, n int) string {
	t.Helper()
	return w.token(t, signer{w.signer.private, fmt.Sprintf("unknown-%d", n)}, nil)
}
