package claimhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/claimhook"
	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// wantSigned checks a signature by the text of Standard Webhooks: msg_id.timestamp.payload.
func wantSigned(t testing.TB, r received, key []byte) {
	t.Helper()
	signed := strings.Join([]string{r.header.Get("webhook-id"), r.header.Get("webhook-timestamp"), string(r.body)}, ".")
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, signed)
	version, signature, _ := strings.Cut(r.header.Get("webhook-signature"), ",")
	got, err := base64.StdEncoding.DecodeString(signature)
	if version != "v1" || err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		t.Errorf("webhook-signature = %q, which is not of this key", r.header.Get("webhook-signature"))
	}
}

func TestRequest(t *testing.T) {
	key := newKey()
	s := newService(t, says(`{"claims":{"plan":"gold"}}`))
	h := newHook(t, claimhook.Config{URL: s.URL + "/claims?tenant=7", Secret: key})
	asked := request()
	claims, err := h.Claims(t.Context(), asked)
	if err != nil || !reflect.DeepEqual(claims, map[string]any{"plan": "gold"}) {
		t.Fatalf("Claims = %v, %v", claims, err)
	}
	got := s.requests()[0]
	if got.method != "POST" || got.path != "/claims?tenant=7" {
		t.Errorf("request = %s %s, want POST /claims?tenant=7", got.method, got.path)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "sallyport",
		"Webhook-Timestamp": "1700000000", "Authorization": "", "Cookie": "",
	} {
		if got.header.Get(name) != want {
			t.Errorf("header %s = %q, want %q", name, got.header.Get(name), want)
		}
	}
	wantSigned(t, got, key)
	var body any
	if err := json.Unmarshal(got.body, &body); err != nil {
		t.Fatal(err)
	}
	want := any(map[string]any{
		"reason": "refresh", "session_id": asked.SessionID.String(), "client_id": "sallyport",
		"user": map[string]any{
			"id": asked.User.ID.String(), "username": asked.User.Username, "email": asked.User.Email, "email_verified": true,
			"first_name": asked.User.FirstName, "last_name": asked.User.LastName, "is_active": true,
			"groups": []any{"staff" + userMark}, "attributes": map[string]any{"plan": "gold" + userMark, "seats": 5.0},
		},
	})
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("body, want -, got +:\n%s", diff)
	}
}

func TestListsAreNeverNull(t *testing.T) {
	s := newService(t, says(`{"claims":{}}`))
	h := newHook(t, claimhook.Config{URL: s.URL})
	claims, err := h.Claims(t.Context(), sallyport.ClaimRequest{User: &sallyport.User{}})
	if err != nil || claims == nil || len(claims) != 0 {
		t.Errorf("Claims = %v, %v, want none and no error", claims, err)
	}
	if body := string(s.requests()[0].body); !strings.Contains(body, `"groups":[],"attributes":{}`) || strings.Contains(body, "null") {
		t.Errorf("body = %s, want no null", body)
	}
}

func TestKeyAfterThePrefix(t *testing.T) {
	key := newKey()
	s := newService(t, says(`{"claims":{}}`))
	h := newHook(t, claimhook.Config{URL: s.URL, Secret: []byte("whsec_" + base64.StdEncoding.EncodeToString(key))})
	if _, err := h.Claims(t.Context(), request()); err != nil {
		t.Fatal(err)
	}
	wantSigned(t, s.requests()[0], key)
}

func TestEveryRequestHasItsOwnID(t *testing.T) {
	s := newService(t, says(`{"claims":{}}`))
	h := newHook(t, claimhook.Config{URL: s.URL})
	for range 10 {
		if _, err := h.Claims(t.Context(), request()); err != nil {
			t.Fatal(err)
		}
	}
	seen, connections := map[string]bool{}, map[string]bool{}
	for _, r := range s.requests() {
		id := r.header.Get("webhook-id")
		if !strings.HasPrefix(id, "msg_") || len(id) < 26 || seen[id] {
			t.Errorf("webhook-id = %q, want a new one with at least 128 random bits", id)
		}
		seen[id], connections[r.connection] = true, true
	}
	if len(seen) != 10 || len(connections) != 1 {
		t.Errorf("%d requests over %d connections, want 10 over 1", len(seen), len(connections))
	}
}

func TestNumbersKeepTheirText(t *testing.T) {
	s := newService(t, says(`{"claims":{"big":12345678901234567890,"price":0.10,"nested":{"n":[1e2]}}}`))
	h := newHook(t, claimhook.Config{URL: s.URL})
	claims, err := h.Claims(t.Context(), request())
	want := map[string]any{
		"big": json.Number("12345678901234567890"), "price": json.Number("0.10"),
		"nested": map[string]any{"n": []any{json.Number("1e2")}},
	}
	if err != nil || !reflect.DeepEqual(claims, want) {
		t.Errorf("Claims = %#v, %v, want %#v", claims, err, want)
	}
}

// TestAccessTokenCarriesTheClaims signs in with a hook behind the service: what it said is in the token,
// digit by digit, and its failure issues nothing.
func TestAccessTokenCarriesTheClaims(t *testing.T) {
	var s *service
	s = newService(t, func(w http.ResponseWriter, r *http.Request) {
		if len(s.requests()) > 1 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		says(`{"claims":{"account":12345678901234567890,"scope":"orders:read"}}`)(w, r)
	})
	h := newHook(t, claimhook.Config{URL: s.URL})
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	svc, err := sallyport.New(sallyport.Config{
		Issuer: "https://app.example.com/auth", Store: store, Secret: newKey(), Claims: []sallyport.ClaimFunc{h.Claims},
		Password: password.Config{Memory: 64, Passes: 1}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Close()
	const secret = "correct horse battery"
	user, err := svc.CreateUser(t.Context(), sallyport.NewUser{Username: "ada", Password: secret})
	if err != nil {
		t.Fatal(err)
	}
	signIn := sallyport.SignInRequest{Username: "ada", Password: secret}
	tokens, err := svc.SignIn(t.Context(), signIn)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(tokens.AccessToken, ".")[1])
	if err != nil || !strings.Contains(string(payload), `"account":12345678901234567890,"scope":"orders:read"`) {
		t.Errorf("claims = %s, %v, want what the hook said", payload, err)
	}
	var question struct {
		Reason string
		User   struct{ ID string }
	}
	if err := json.Unmarshal(s.requests()[0].body, &question); err != nil || question.Reason != "sign_in" || question.User.ID != user.ID.String() {
		t.Errorf("question = %+v, %v", question, err)
	}

	if _, err := svc.SignIn(t.Context(), signIn); !errors.Is(err, sallyport.ErrClaimsFailed) {
		t.Errorf("SignIn = %v, want %v", err, sallyport.ErrClaimsFailed)
	}
}

func TestQuestionThatCannotBeAsked(t *testing.T) {
	s := newService(t, says(`{"claims":{}}`))
	h := newHook(t, claimhook.Config{URL: s.URL})
	claims, err := h.Claims(t.Context(), sallyport.ClaimRequest{})
	wantFailure(t, claims, err, "no user")
	r := request()
	r.User.Attributes["x"] = json.Number(userMark)
	claims, err = h.Claims(t.Context(), r)
	wantFailure(t, claims, err, "an attribute of the user is not JSON")
	s.wantAsked(t, 0)
}

// hang keeps the connection until the client leaves it.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func hangMidBody(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"claims":{"plan":"`+bodyMark)
	http.NewResponseController(w).Flush()
	hang(w, r)
}

// raw answers with bytes that need not be HTTP and closes the connection.
func raw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(connection, answer)
		connection.Close()
	}
}

func as(contentType string, status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{contentType}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestBadAnswers(t *testing.T) {
	const good = `{"claims":{"plan":"` + bodyMark + `"}}`
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"closes at once", raw(""), "the connection ended"},
		{"closes in the headers", raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-" + bodyMark), "the connection ended"},
		{"closes in the body", raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n" + good), "the connection ended"},
		{"no HTTP", raw(good + "\r\n\r\n"), "the connection ended"},
		{"a header line that is none", raw("HTTP/1.1 200 OK\r\n" + good + "\r\n\r\n"), "the connection ended"},
		{"headers of 1 MB", raw("HTTP/1.1 200 OK\r\nX-" + bodyMark + ": " + strings.Repeat("x", 1<<20) + "\r\n\r\n" + good), "the connection ended"},
		{"204", as("application/json", 204, ""), "answered status 204"},
		{"201", as("application/json", 201, good), "answered status 201"},
		{"401", as("application/json", 401, good), "answered status 401"},
		{"500", as("application/json", 500, good), "answered status 500"},
		{"304", as("application/json", 304, ""), "answered status 304"},
		{"HTML", as("text/html; charset=utf-8", 200, "<p>"+bodyMark), "Content-Type"},
		{"JSON as text", as("text/plain", 200, good), "Content-Type"},
		{"JSON of a kind of its own", as("application/problem+json", 200, good), "Content-Type"},
		{"Content-Type empty", as("", 200, good), "Content-Type"},
		{"Content-Type malformed", as("application/json; =", 200, good), "Content-Type"},
		{"10 MB", says(`{"claims":{"plan":"` + strings.Repeat(bodyMark, 10<<20/len(bodyMark)) + `"}}`), "more than 65536 bytes"},
		{"a byte too many", says(good + strings.Repeat(" ", 64<<10+1-len(good))), "more than 65536 bytes"},
		{"empty", says(""), "strictjson: unexpected end at byte 0"},
		{"no JSON", says(bodyMark), "strictjson"},
		{"cut", says(good[:len(good)-1]), "strictjson"},
		{"two values", says(good + good), "strictjson"},
		{"claims twice", says(`{"claims":{},"claims":{"plan":"` + bodyMark + `"}}`), "given twice"},
		{"one claim twice", says(`{"claims":{"` + bodyMark + `":1,"` + bodyMark + `":2}}`), "given twice"},
		{"invalid UTF-8", says("{\"claims\":{\"plan\":\"\xff" + bodyMark + "\"}}"), "invalid UTF-8"},
		{"compressed", as("application/json", 200, "\x1f\x8b\x08\x00"), "invalid UTF-8"},
		{"number beyond float64", says(`{"claims":{"x":1e999}}`), "out of range"},
		{"a list", says(`[` + good + `]`), "not an object"},
		{"no claims", says(`{"plan":"` + bodyMark + `"}`), `"claims" is missing`},
		{"claims in upper case", says(`{"CLAIMS":{}}`), `"claims" is missing`},
		{"claims null", says(`{"claims":null}`), `"claims" is missing`},
		{"claims a list", says(`{"claims":["` + bodyMark + `"]}`), `"claims" is missing or not an object`},
		{"claims a text", says(`{"claims":"` + bodyMark + `"}`), `"claims" is missing or not an object`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key := base64.StdEncoding.EncodeToString(newKey())
			s := newService(t, tt.answer)
			h := newHook(t, claimhook.Config{URL: s.URL + "/?" + queryMark, Secret: []byte("whsec_" + key)})
			claims, err := h.Claims(t.Context(), request())
			wantFailure(t, claims, err, tt.want, key)
			s.wantAsked(t, 1)
		})
	}
}

func TestSlowAnswers(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{"no answer": hang, "half a body": hangMidBody} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, answer)
			h := newHook(t, claimhook.Config{URL: s.URL + "/?" + queryMark, Timeout: 100 * time.Millisecond})
			claims, err := h.Claims(t.Context(), request())
			wantFailure(t, claims, err, "no whole answer in time")
			if !errors.Is(err, context.DeadlineExceeded) || len(s.requests()) > 1 {
				t.Errorf("Claims = %v after %d requests, want %v after one", err, len(s.requests()), context.DeadlineExceeded)
			}
		})
	}
}

func TestGoodAnswers(t *testing.T) {
	const good = `{"claims":{"plan":"gold"}}`
	tests := []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"with a charset", as("application/json; charset=utf-8", 200, good)},
		{"in upper case", as("Application/JSON", 200, good)},
		{"with other members", says(`{"version":2,"claims":{"plan":"gold"},"CLAIMS":null}`)},
		{"64 KiB", says(good + strings.Repeat(" ", 64<<10-len(good)))},
		{"in pieces", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for _, b := range []byte(good) {
				w.Write([]byte{b})
				http.NewResponseController(w).Flush()
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHook(t, claimhook.Config{URL: newService(t, tt.answer).URL})
			claims, err := h.Claims(t.Context(), request())
			if err != nil || !reflect.DeepEqual(claims, map[string]any{"plan": "gold"}) {
				t.Errorf("Claims = %v, %v, want plan gold", claims, err)
			}
		})
	}
}

// TestLongAnswerIsLeftUnread: the service cannot get rid of 10 MB.
func TestLongAnswerIsLeftUnread(t *testing.T) {
	written := make(chan error, 1)
	s := newService(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(w, strings.Repeat(" ", 10<<20))
		written <- err
	})
	h := newHook(t, claimhook.Config{URL: s.URL})
	claims, err := h.Claims(t.Context(), request())
	wantFailure(t, claims, err, "more than 65536 bytes")
	if err := <-written; err == nil {
		t.Error("the service could write 10 MB")
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	canary := newService(t, says(`{"claims":{}}`))
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, target := range []string{"", canary.URL, "/elsewhere?" + queryMark} {
			t.Run(fmt.Sprint(status, target), func(t *testing.T) {
				s := newService(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, status) })
				for _, client := range []*http.Client{nil, {
					Transport:     &http.Transport{DisableKeepAlives: true},
					CheckRedirect: func(*http.Request, []*http.Request) error { return nil },
				}} {
					h := newHook(t, claimhook.Config{URL: s.URL, Client: client})
					claims, err := h.Claims(t.Context(), request())
					wantFailure(t, claims, err, fmt.Sprintf("answered status %d; redirects are not followed", status))
				}
				s.wantAsked(t, 2)
			})
		}
	}
	canary.wantAsked(t, 0)
}

func TestContext(t *testing.T) {
	t.Run("ended before", func(t *testing.T) {
		s := newService(t, says(`{"claims":{}}`))
		h := newHook(t, claimhook.Config{URL: s.URL})
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New(bodyMark))
		claims, err := h.Claims(ctx, request())
		wantFailure(t, claims, err, "given up")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Claims = %v, want %v", err, context.Canceled)
		}
		s.wantAsked(t, 0)
	})
	t.Run("ends meanwhile", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newService(t, func(w http.ResponseWriter, r *http.Request) {
			cancel()
			hang(w, r)
		})
		claims, err := newHook(t, claimhook.Config{URL: s.URL}).Claims(ctx, request())
		wantFailure(t, claims, err, "given up")
	})
	t.Run("its deadline is earlier than the timeout", func(t *testing.T) {
		s := newService(t, hang)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		claims, err := newHook(t, claimhook.Config{URL: s.URL}).Claims(ctx, request())
		wantFailure(t, claims, err, "no whole answer in time")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Claims = %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

func TestTLS(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		s := unstarted(t, says(`{"claims":{"plan":"gold"}}`))
		s.EnableHTTP2 = http2
		s.StartTLS()
		untrusting := newHook(t, claimhook.Config{URL: s.URL + "/?" + queryMark})
		claims, err := untrusting.Claims(t.Context(), request())
		wantFailure(t, claims, err, "connecting: tls: failed to verify certificate")
		s.wantAsked(t, 0)

		claims, err = newHook(t, claimhook.Config{URL: s.URL, Client: s.Client()}).Claims(t.Context(), request())
		if err != nil || claims["plan"] != "gold" {
			t.Errorf("Claims over HTTP/2 %v = %v, %v, want plan gold", http2, claims, err)
		}
	}
}

// TestTLSRefusedByTheService: the service wants a client certificate.
func TestTLSRefusedByTheService(t *testing.T) {
	s := unstarted(t, says(`{"claims":{}}`))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}
	s.StartTLS()
	claims, err := newHook(t, claimhook.Config{URL: s.URL, Client: s.Client()}).Claims(t.Context(), request())
	wantFailure(t, claims, err, "connecting: remote error: tls")
}

func TestConnecting(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	plain := newService(t, says(`{"claims":{}}`))
	tests := []struct{ name, url, want string }{
		{"nobody listens", "http://" + address, "connecting: dial tcp " + address},
		{"link-local address, where clouds answer with credentials", "https://169.254.169.254/", "address is not public"},
		{"plain HTTP behind https", strings.Replace(plain.URL, "http", "https", 1), "does not speak TLS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHook(t, claimhook.Config{URL: tt.url + "?" + queryMark})
			claims, err := h.Claims(t.Context(), request())
			wantFailure(t, claims, err, tt.want)
		})
	}
}

// TestNothingThatArrivedIsSentAgain: the second request meets a connection that the service closes after reading it.
func TestNothingThatArrivedIsSentAgain(t *testing.T) {
	var s *service
	s = newService(t, func(w http.ResponseWriter, r *http.Request) {
		if len(s.requests()) == 2 {
			raw("")(w, r)
			return
		}
		says(`{"claims":{}}`)(w, r)
	})
	h := newHook(t, claimhook.Config{URL: s.URL})
	if _, err := h.Claims(t.Context(), request()); err != nil {
		t.Fatal(err)
	}
	claims, err := h.Claims(t.Context(), request())
	wantFailure(t, claims, err, "the connection ended")
	s.wantAsked(t, 2)
	if _, err := h.Claims(t.Context(), request()); err != nil {
		t.Errorf("Claims after a lost connection = %v", err)
	}
}

func TestCloseLeavesTheClientOfSomebodyElse(t *testing.T) {
	s := newService(t, says(`{"claims":{}}`))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for range 2 {
		h := newHook(t, claimhook.Config{URL: s.URL, Client: &http.Client{Transport: transport}})
		if _, err := h.Claims(t.Context(), request()); err != nil {
			t.Fatal(err)
		}
		if err := h.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	if asked := s.requests(); asked[0].connection != asked[1].connection {
		t.Error("Close closed the connection of a client that is not its own")
	}
}
