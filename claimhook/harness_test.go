package claimhook_test

import (
	"crypto/rand"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/claimhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Unix(1_700_000_000, 0)

func newKey() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
}

// received is one request as the service got it.
type received struct {
	method, path string
	header       http.Header
	body         []byte
	connection   string
}

// service answers as the test wants, on loopback, and keeps what it was asked.
type service struct {
	*httptest.Server
	mu    sync.Mutex
	asked []received
}

// newService hands each request on to answer after reading it.
func newService(t testing.TB, answer http.HandlerFunc) *service {
	t.Helper()
	s := unstarted(t, answer)
	s.Start()
	return s
}

func unstarted(t testing.TB, answer http.HandlerFunc) *service {
	s := &service{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading a request: %v", err)
		}
		s.mu.Lock()
		s.asked = append(s.asked, received{r.Method, r.RequestURI, r.Header.Clone(), body, r.RemoteAddr})
		s.mu.Unlock()
		answer(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	return s
}

func (s *service) requests() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *service) wantAsked(t testing.TB, want int) {
	t.Helper()
	if got := len(s.requests()); got != want {
		t.Errorf("the service was asked %d times, want %d", got, want)
	}
}

// says answers 200 with a JSON body.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
	}
}

// newHook fills in what c leaves open and closes the hook when the test ends.
func newHook(t testing.TB, c claimhook.Config) *claimhook.Hook {
	t.Helper()
	if c.Secret == nil {
		c.Secret = newKey()
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second // a busy machine is no slow service
	}
	if c.Now == nil {
		c.Now = func() time.Time { return now }
	}
	h, err := claimhook.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// Marks of what no error may hold.
const (
	userMark  = "Lovelace-mark"
	queryMark = "query-mark"
	bodyMark  = "body-mark"
)

// request is about a user whose every text holds the mark.
func request() sallyport.ClaimRequest {
	return sallyport.ClaimRequest{
		Reason: sallyport.ReasonRefresh, SessionID: sallyport.NewID(now), ClientID: "sallyport",
		User: &sallyport.User{
			ID: sallyport.NewID(now), Username: "ada" + userMark, Email: userMark + "@example.com", EmailVerified: true,
			FirstName: "Ada" + userMark, LastName: userMark, IsActive: true, Groups: []string{"staff" + userMark},
			Attributes: map[string]any{"plan": "gold" + userMark, "seats": 5}, CreatedAt: now, UpdatedAt: now,
		},
	}
}

// wantFailure checks an error: one line, with what it must say and without what it must not.
func wantFailure(t testing.TB, claims map[string]any, err error, want string, secrets ...string) {
	t.Helper()
	if claims != nil || err == nil {
		t.Fatalf("Claims = %v, %v, want an error alone", slices.Sorted(maps.Keys(claims)), err)
	}
	if !strings.HasPrefix(err.Error(), "claimhook: ") || !strings.Contains(err.Error(), want) {
		t.Errorf("Claims = %q, want claimhook: … %s", err, want)
	}
	for _, secret := range append(secrets, userMark, queryMark, bodyMark, "\n") {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("Claims = %q, which holds %q", err, secret)
		}
	}
}
