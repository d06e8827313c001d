package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
)

// call sends one request with these Authorization headers over HTTP and says whether the handler was called.
func call(t testing.TB, protect func(http.Handler) http.Handler, authorization ...string) (response *http.Response, body string, called bool) {
	t.Helper()
	server := httptest.NewServer(protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called = true
		claims, ok := verify.FromContext(r.Context())
		fmt.Fprintf(w, "%v %s", ok, claims.Subject)
	})))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header["Authorization"] = authorization
	response, err = server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return response, b.String(), called
}

func (w world) require(guards ...verify.Guard) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return w.verifier.Require(next, guards...) }
}

// refusal is what a client sees of an answer.
type refusal struct {
	status    int
	code      string
	challenge string
}

func wantRefusal(t testing.TB, response *http.Response, body string, called bool, want refusal) {
	t.Helper()
	var decoded map[string]string
	if err := json.Unmarshal([]byte(body), &decoded); err != nil {
		t.Fatalf("body %q: %v", body, err)
	}
	got := refusal{response.StatusCode, decoded["code"], response.Header.Get("WWW-Authenticate")}
	if got != want {
		t.Errorf("answer = %+v, want %+v", got, want)
	}
	if called {
		t.Error("the handler was called")
	}
	if len(decoded) != 2 || decoded["detail"] == "" {
		t.Errorf("body = %s, want detail and code", body)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got := response.Header.Get(name); got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
}

var (
	missing = refusal{401, "missing_token", "Bearer"}
	bad     = refusal{401, "token_not_valid", `Bearer error="invalid_token"`}
)

func TestVM_01_RequireAccepts(t *testing.T) { // VM-01 (b)
	w := newWorld(t)
	token := w.token(t, w.signer, nil)
	for _, scheme := range []string{"Bearer", "bearer", "BEARER", "bEARER"} {
		response, body, called := call(t, w.require(), scheme+" "+token)
		if response.StatusCode != http.StatusOK || body != "true alice" || !called {
			t.Errorf("%s: %d %q, want 200 %q", scheme, response.StatusCode, body, "true alice")
		}
	}
}

func TestVM_01_02_04_05_07_10_RequireRefuses(t *testing.T) {
	w := newWorld(t)
	good := w.token(t, w.signer, nil)
	headerWith := func(name string, value any) string {
		h := w.signer.header()
		if h[name] = value; value == nil {
			delete(h, name)
		}
		return w.signer.mint(t, h, w.claims())
	}
	claimsWith := func(name string, value any) string {
		c := w.claims()
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return w.signer.mint(t, w.signer.header(), c)
	}
	tests := []struct {
		name          string
		authorization []string
		want          refusal
	}{
		{"VM-01 no Authorization", nil, missing},
		{"VM-01 empty", []string{""}, missing},
		{"VM-01 Basic", []string{"Basic YWxpY2U6c2VjcmV0"}, missing},
		{"VM-01 Bearer alone", []string{"Bearer"}, missing},
		{"VM-01 Bearer and a space", []string{"Bearer "}, missing},
		{"VM-01 a token without a scheme", []string{good}, missing},
		{"VM-01 a longer scheme", []string{"Bearers " + good}, missing},
		{"VM-01 DPoP", []string{"DPoP " + good}, missing},
		{"VM-01 two headers", []string{"Bearer " + good, "Bearer " + good}, refusal{400, "invalid_request", `Bearer error="invalid_request"`}},
		{"VM-01 two headers, one empty", []string{"Bearer " + good, ""}, refusal{400, "invalid_request", `Bearer error="invalid_request"`}},
		{"VM-01 two tokens and a comma", []string{"Bearer " + good + ", Bearer " + good}, bad},
		{"VM-01 two tokens and a space", []string{"Bearer " + good + " " + good}, bad},
		{"VM-10 white space in front", []string{"Bearer  " + good}, bad},
		{"VM-10 fourth part", []string{"Bearer " + good + ".e30"}, bad},
		{"VM-10 padding", []string{"Bearer " + good + "=="}, bad},
		{"VM-10 tab inside", []string{"Bearer " + strings.Replace(good, ".", "\t.", 1)}, bad},
		{"garbage", []string{"Bearer x"}, bad},
		{"VM-02 none", []string{"Bearer " + headerWith("alg", "none")}, bad},
		{"VM-02 HS256", []string{"Bearer " + headerWith("alg", "HS256")}, bad},
		{"VM-02 lower case", []string{"Bearer " + headerWith("alg", "es256")}, bad},
		{"VM-02 absent", []string{"Bearer " + headerWith("alg", nil)}, bad},
		{"VM-02 another family", []string{"Bearer " + headerWith("alg", "RS256")}, bad},
		{"VM-04 unknown crit", []string{"Bearer " + headerWith("crit", []string{"x"})}, bad},
		{"VM-04 empty crit", []string{"Bearer " + headerWith("crit", []string{})}, bad},
		{"VM-04 b64", []string{"Bearer " + headerWith("b64", false)}, bad},
		{"VM-05 JWT", []string{"Bearer " + headerWith("typ", "JWT")}, bad},
		{"VM-05 absent", []string{"Bearer " + headerWith("typ", nil)}, bad},
		{"VM-05 logout token", []string{"Bearer " + headerWith("typ", "logout+jwt")}, bad},
		{"VM-07 another issuer", []string{"Bearer " + claimsWith("iss", "https://other.example.com")}, bad},
		{"VM-07 a slash more", []string{"Bearer " + claimsWith("iss", w.server.URL+"/")}, bad},
		{"foreign audience", []string{"Bearer " + claimsWith("aud", "payroll")}, bad},
		{"expired", []string{"Bearer " + claimsWith("exp", w.clock.Now().Unix()-61)}, bad},
		{"no exp", []string{"Bearer " + claimsWith("exp", nil)}, bad},
		{"refresh token", []string{"Bearer " + claimsWith("token_type", "refresh")}, bad},
		{"bound to a key", []string{"Bearer " + claimsWith("cnf", map[string]any{"jkt": "x"})}, bad},
		{"unknown key", []string{"Bearer " + w.unknown(t, 1)}, bad},
		{"wrong signature", []string{"Bearer " + w.token(t, newSigner(t, w.signer.id), nil)}, bad},
		{"beyond 8 KiB", []string{"Bearer " + claimsWith("x", strings.Repeat("x", 8<<10))}, bad},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			response, body, called := call(t, w.require(), tt.authorization...)
			wantRefusal(t, response, body, called, tt.want)
			// VF-04: one body for every cause.
			if want := `{"detail":"Token is invalid or expired","code":"token_not_valid"}`; tt.want == bad && body != want {
				t.Errorf("body = %s, want %s", body, want)
			}
			for _, a := range tt.authorization {
				if len(a) > 20 && strings.Contains(body, a[10:20]) {
					t.Errorf("body = %s quotes the token", body)
				}
			}
		})
	}
}

func TestTokensElsewhereAreNotLookedAt(t *testing.T) { // RFC 6750 §2.3
	w := newWorld(t)
	token := w.token(t, w.signer, nil)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?access_token="+token, strings.NewReader("access_token="+token))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.AddCookie(&http.Cookie{Name: "access_token", Value: token})
	request.Header.Set("X-Forwarded-User", "mallory")
	answer := httptest.NewRecorder()
	w.verifier.Require(http.NotFoundHandler()).ServeHTTP(answer, request)
	wantRefusal(t, answer.Result(), answer.Body.String(), false, missing)
}

func TestVM_13_RequireWithoutKeys(t *testing.T) { // VM-13 (a)
	w := newWorld(t)
	w.server.serve(status(http.StatusInternalServerError))
	response, body, called := call(t, w.require(), "Bearer "+w.token(t, w.signer, nil))
	wantRefusal(t, response, body, called, refusal{503, "keys_unavailable", ""})
	if got := response.Header.Get("Retry-After"); got != "5" {
		t.Errorf("Retry-After = %q, want %q", got, "5")
	}
	// What can be said without keys is said.
	response, body, called = call(t, w.require(), "Bearer x")
	wantRefusal(t, response, body, called, bad)
	response, body, called = call(t, w.require())
	wantRefusal(t, response, body, called, missing)
}

func TestGuards(t *testing.T) {
	w := newWorld(t)
	denied := func(scope string) refusal {
		challenge := `Bearer error="insufficient_scope"`
		if scope != "" {
			challenge += `, scope="` + scope + `"`
		}
		return refusal{403, "insufficient_scope", challenge}
	}
	gold := verify.Allow(func(c *verify.Claims) bool { return c.Claim("plan") == "gold" })
	tests := []struct {
		name   string
		claims map[string]any
		guards []verify.Guard
		want   refusal // zero: let through
	}{
		{"none", nil, nil, refusal{}},
		{"scope held", map[string]any{"scope": "x orders:read"}, []verify.Guard{verify.Scope("orders:read")}, refusal{}},
		{"scope not held", map[string]any{"scope": "orders:write"}, []verify.Guard{verify.Scope("orders:read")}, denied("orders:read")},
		{"scope is a prefix", map[string]any{"scope": "orders:readonly"}, []verify.Guard{verify.Scope("orders:read")}, denied("orders:read")},
		{"scope in other case", map[string]any{"scope": "Orders:Read"}, []verify.Guard{verify.Scope("orders:read")}, denied("orders:read")},
		{"scope absent", nil, []verify.Guard{verify.Scope("orders:read")}, denied("orders:read")},
		{"scope a list", map[string]any{"scope": []string{"orders:read"}}, []verify.Guard{verify.Scope("orders:read")}, denied("orders:read")},
		{"two scopes held", map[string]any{"scope": "a b"}, []verify.Guard{verify.Scope("b a")}, refusal{}},
		{"one of two scopes held", map[string]any{"scope": "a"}, []verify.Guard{verify.Scope("a  b")}, denied("a b")},
		{"empty scope lets nobody through", map[string]any{"scope": "a"}, []verify.Guard{verify.Scope("")}, denied("")},
		{"scope that could break the header", map[string]any{"scope": "a"}, []verify.Guard{verify.Scope("a\"\r\nX: y")}, denied("")},
		{"group held", map[string]any{"groups": []string{"staff", "admins"}}, []verify.Guard{verify.Group("admins")}, refusal{}},
		{"group not held", map[string]any{"groups": []string{"staff"}}, []verify.Guard{verify.Group("admins")}, denied("")},
		{"group a string", map[string]any{"groups": "admins"}, []verify.Guard{verify.Group("admins")}, denied("")},
		{"group absent", nil, []verify.Guard{verify.Group("admins")}, denied("")},
		{"empty group", map[string]any{"groups": []string{""}}, []verify.Guard{verify.Group("")}, denied("")},
		{"condition met", map[string]any{"plan": "gold"}, []verify.Guard{gold}, refusal{}},
		{"condition not met", map[string]any{"plan": "tin"}, []verify.Guard{gold}, denied("")},
		{"zero guard", nil, []verify.Guard{{}}, denied("")},
		{"no condition", nil, []verify.Guard{verify.Allow(nil)}, denied("")},
		{"second of two not met", map[string]any{"scope": "a"}, []verify.Guard{verify.Scope("a"), verify.Group("admins")}, denied("")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			response, body, called := call(t, w.require(tt.guards...), "Bearer "+w.token(t, w.signer, tt.claims))
			if tt.want == (refusal{}) {
				if response.StatusCode != http.StatusOK || !called {
					t.Errorf("answer = %d %s, want 200", response.StatusCode, body)
				}
				return
			}
			wantRefusal(t, response, body, called, tt.want)
		})
	}
}

// hint is an error of a check that knows its answer.
type hint struct {
	status int
	code   string
}

func (hint) Error() string               { return "secret detail" }
func (h hint) HTTPStatus() (int, string) { return h.status, h.code }

// retryHint knows also when trying again makes sense.
type retryHint struct {
	hint
	wait time.Duration
}

func (h retryHint) RetryAfter() time.Duration { return h.wait }

func TestMiddlewareAnswers(t *testing.T) { // P21
	internal := refusal{500, "internal", ""}
	tests := []struct {
		name  string
		err   error
		want  refusal
		retry string
	}{
		{"invalid", verify.ErrTokenInvalid, bad, ""},
		{"expired", fmt.Errorf("check: %w", verify.ErrTokenExpired), bad, ""},
		{"any other error", errors.New("secret detail"), internal, ""},
		{"no claims and no error", nil, internal, ""},
		{"keys unavailable, bare", fmt.Errorf("check: %w", verify.ErrKeysUnavailable), refusal{503, "keys_unavailable", ""}, "5"},
		{"store unavailable", hint{503, "store_unavailable"}, refusal{503, "store_unavailable", ""}, "5"},
		{"store unavailable, wrapped", fmt.Errorf("check: %w", hint{503, "store_unavailable"}), refusal{503, "store_unavailable", ""}, "5"},
		{"overloaded with a time", retryHint{hint{503, "overloaded"}, 1500 * time.Millisecond}, refusal{503, "overloaded", ""}, "2"},
		{"rate limited", retryHint{hint{429, "rate_limited"}, time.Minute}, refusal{429, "rate_limited", ""}, "60"},
		{"forbidden", hint{403, "forbidden"}, refusal{403, "forbidden", ""}, ""},
		{"session ended", hint{401, "token_not_valid"}, bad, ""},
		{"a fault that is also about the token", errors.Join(verify.ErrTokenInvalid, hint{503, "store_unavailable"}), refusal{503, "store_unavailable", ""}, "5"},
		{"status 200", hint{200, "fine"}, internal, ""},
		{"status 302", hint{302, "found"}, internal, ""},
		{"status 700", hint{700, "odd"}, internal, ""},
		{"no code", hint{503, ""}, internal, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check := func(context.Context, string) (*verify.Claims, error) { return nil, tt.err }
			response, body, called := call(t, func(next http.Handler) http.Handler { return verify.Middleware(check, next) }, "Bearer x")
			wantRefusal(t, response, body, called, tt.want)
			if got := response.Header.Get("Retry-After"); got != tt.retry {
				t.Errorf("Retry-After = %q, want %q", got, tt.retry)
			}
			if strings.Contains(body, "secret") {
				t.Errorf("body = %s quotes the error", body)
			}
		})
	}
}

func TestVM_21_ClaimsBesideAnErrorAreNotUsed(t *testing.T) { // VM-21
	check := func(context.Context, string) (*verify.Claims, error) {
		return &verify.Claims{Subject: "mallory"}, verify.ErrTokenInvalid
	}
	response, body, called := call(t, func(next http.Handler) http.Handler { return verify.Middleware(check, next) }, "Bearer x")
	wantRefusal(t, response, body, called, bad)
}

func TestCheckSeesTheTokenAndTheContext(t *testing.T) {
	type key struct{}
	var token string
	check := func(ctx context.Context, got string) (*verify.Claims, error) {
		token = got
		if ctx.Value(key{}) != "value" {
			t.Error("check was not called with the context of the request")
		}
		return &verify.Claims{Subject: "alice"}, nil
	}
	handler := verify.Middleware(check, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	request := httptest.NewRequestWithContext(context.WithValue(t.Context(), key{}, "value"), http.MethodGet, "/", nil)
	request.Header.Set("Authorization", "Bearer abc")
	handler.ServeHTTP(httptest.NewRecorder(), request)
	if token != "abc" {
		t.Errorf("check was called with %q, want %q", token, "abc")
	}
}

func TestVM_21_FromContext(t *testing.T) { // VM-21
	if claims, ok := verify.FromContext(t.Context()); claims != nil || ok {
		t.Errorf("FromContext of an empty context = %v, %v, want nil, false", claims, ok)
	}
	if claims, ok := verify.FromContext(verify.NewContext(t.Context(), nil)); claims != nil || ok {
		t.Errorf("FromContext of nil claims = %v, %v, want nil, false", claims, ok)
	}
	want := &verify.Claims{Subject: "alice"}
	if claims, ok := verify.FromContext(verify.NewContext(t.Context(), want)); claims != want || !ok {
		t.Errorf("FromContext = %v, %v, want %v, true", claims, ok, want)
	}
}

func TestVF_04_LogTellsTheCauseAndNotTheToken(t *testing.T) { // VF-04
	w := newWorld(t)
	var log bytes.Buffer
	w.verifier = w.newVerifier(t, verify.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	foreign, expired := w.claims(), w.claims()
	maps.Copy(foreign, map[string]any{"aud": "billing", "email": "hunter2"})
	maps.Copy(expired, map[string]any{"exp": w.clock.Now().Unix() - 100})
	tests := []struct{ name, token, want string }{
		{"audience", w.signer.mint(t, w.signer.header(), foreign), `another audience: [\"billing\"], want one of [\"orders\"]`},
		{"expired", w.signer.mint(t, w.signer.header(), expired), "expired"},
		{"unknown key", w.unknown(t, 1), "unknown key"},
		{"malformed", "hunter2", "malformed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log.Reset()
			call(t, w.require(), "Bearer "+tt.token)
			if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), tt.want) {
				t.Errorf("log = %q, want one line with %q", log.String(), tt.want)
			}
			if strings.Contains(log.String(), "hunter2") || strings.Contains(log.String(), tt.token) {
				t.Errorf("log = %q quotes the token", log.String())
			}
		})
	}
}

// FuzzAuthorization: only the one good header reaches the handler.
func FuzzAuthorization(f *testing.F) {
	w := newWorld(f)
	good := w.token(f, w.signer, nil)
	if err := w.verifier.Ready(f.Context()); err != nil {
		f.Fatal(err)
	}
	for _, value := range []string{"", "Bearer", "Bearer ", "Bearer " + good, "bearer " + good, "Basic x", "Bearer  " + good, "Bearer " + good + ","} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		called := false
		handler := w.verifier.Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		request.Header["Authorization"] = []string{value}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		isGood := len(value) > 7 && strings.EqualFold(value[:7], "Bearer ") && value[7:] == good
		if called != isGood || !called && answer.Code != http.StatusUnauthorized {
			t.Errorf("Authorization %q: called = %v, status %d", value, called, answer.Code)
		}
	})
}
