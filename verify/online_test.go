package verify_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

// onlineAnswers are what may come from the address of a server that is asked about a token, the server itself or
// something in front of it.
var onlineAnswers = []struct {
	name   string
	answer http.HandlerFunc
	want   error  // nil: the token is good
	retry  string // of a 503
}{
	{"200 {}", typed("application/json", "{}"), nil, ""},
	{"200 {} and a charset", typed("application/json; charset=utf-8", " {} \n"), nil, ""},
	{"200 with members that nobody knows", typed("application/json", `{"later":1}`), nil, ""},
	{"401", status(http.StatusUnauthorized), verify.ErrTokenRevoked, ""},

	{"200 and the page of an app", typed("text/html; charset=utf-8", "<!doctype html><title>Shop</title>"), verify.ErrIssuerUnavailable, "5"},
	{"200 and JSON that is said to be a page", typed("text/html", "{}"), verify.ErrIssuerUnavailable, "5"},
	{"200 and a page that is said to be JSON", typed("application/json", "<!doctype html>"), verify.ErrIssuerUnavailable, "5"},
	{"200 and nothing", typed("application/json", ""), verify.ErrIssuerUnavailable, "5"},
	{"200 cut", typed("application/json", "{"), verify.ErrIssuerUnavailable, "5"},
	{"200 null", typed("application/json", "null"), verify.ErrIssuerUnavailable, "5"},
	{"200 true", typed("application/json", "true"), verify.ErrIssuerUnavailable, "5"},
	{"200 and more behind it", typed("application/json", "{}{}"), verify.ErrIssuerUnavailable, "5"},
	{"200 of 10 MiB", typed("application/json", "{"+strings.Repeat(" ", 10<<20)+"}"), verify.ErrIssuerUnavailable, "5"},
	{"200 and a byte too much", typed("application/json", "{}"+strings.Repeat(" ", 4<<10-1)), verify.ErrIssuerUnavailable, "5"},
	{"200 as long as it may be", typed("application/json", "{}"+strings.Repeat(" ", 4<<10-2)), nil, ""},
	{"204", status(http.StatusNoContent), verify.ErrIssuerUnavailable, "5"},
	{"301 to a page", redirectTo(http.StatusMovedPermanently), verify.ErrIssuerUnavailable, "5"},
	{"302 to a page", redirectTo(http.StatusFound), verify.ErrIssuerUnavailable, "5"},
	{"303 to a page", redirectTo(http.StatusSeeOther), verify.ErrIssuerUnavailable, "5"},
	{"307 to a page", redirectTo(http.StatusTemporaryRedirect), verify.ErrIssuerUnavailable, "5"},
	{"400", status(http.StatusBadRequest), verify.ErrIssuerUnavailable, "5"},
	{"403", status(http.StatusForbidden), verify.ErrIssuerUnavailable, "5"},
	{"404", status(http.StatusNotFound), verify.ErrIssuerUnavailable, "5"},
	{"429", retryAfter(http.StatusTooManyRequests, "7"), verify.ErrIssuerUnavailable, "7"},
	{"500", status(http.StatusInternalServerError), verify.ErrIssuerUnavailable, "5"},
	{"503", retryAfter(http.StatusServiceUnavailable, "12"), verify.ErrIssuerUnavailable, "12"},
	{"503 for an hour", retryAfter(http.StatusServiceUnavailable, "3600"), verify.ErrIssuerUnavailable, "30"},
	{"503 for nonsense", retryAfter(http.StatusServiceUnavailable, "-1"), verify.ErrIssuerUnavailable, "5"},
	{"connection closed", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, verify.ErrIssuerUnavailable, "5"},
}

func typed(mediaType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		io.WriteString(w, text)
	}
}

// redirectTo leads to a place of the same origin that answers everything with 200 {}.
func redirectTo(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/sign-in")
		w.WriteHeader(code)
	}
}

func retryAfter(code int, seconds string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", seconds)
		w.WriteHeader(code)
	}
}

// TestOnlineFailsClosed: a token is good when the server says so, and in no other case.
func TestOnlineFailsClosed(t *testing.T) {
	for _, tt := range onlineAnswers {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			keys := *w.server.handler.Load()
			var token, log bytes.Buffer
			w.server.serve(func(rw http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/verify/":
					if asked, err := io.ReadAll(r.Body); err != nil || string(asked) != `{"token":"`+token.String()+`"}` || r.URL.RawQuery != "" {
						t.Errorf("asked with %q, query %q, %v, want the token in the body alone", asked, r.URL.RawQuery, err)
					}
					tt.answer(rw, r)
				case "/sign-in":
					typed("application/json", "{}")(rw, r)
				default:
					keys(rw, r)
				}
			})
			w.verifier = w.newVerifier(t, verify.Config{
				Revocation: verify.Online, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			token.WriteString(w.token(t, w.signer, nil))
			_, err := w.verifier.Verify(t.Context(), token.String())
			if !errors.Is(err, tt.want) || errors.Is(err, verify.ErrTokenInvalid) != (tt.want == verify.ErrTokenRevoked) {
				t.Fatalf("Verify = %v, want %v", err, tt.want)
			}
			response, body, called := call(t, w.require(), "Bearer "+token.String())
			switch tt.want {
			case nil:
				if response.StatusCode != http.StatusOK || !called {
					t.Errorf("answer = %d %s, want 200", response.StatusCode, body)
				}
			case verify.ErrTokenRevoked:
				wantRefusal(t, response, body, called, bad)
			default:
				wantRefusal(t, response, body, called, refusal{503, "issuer_unavailable", ""})
			}
			if got := response.Header.Get("Retry-After"); got != tt.retry {
				t.Errorf("Retry-After = %q, want %q", got, tt.retry)
			}
			for _, part := range strings.Split(token.String(), ".") {
				if err != nil && strings.Contains(err.Error(), part) || strings.Contains(log.String(), part) {
					t.Errorf("the token is quoted: error %v, log %s", err, log.String())
				}
			}
		})
	}
}

// TestOnlineIsWarnedOfOnce: an issuer that is away is no flood of warnings.
func TestOnlineIsWarnedOfOnce(t *testing.T) {
	w := newWorld(t)
	keys := *w.server.handler.Load()
	w.server.serve(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/verify/" {
			status(http.StatusBadGateway)(rw, r)
			return
		}
		keys(rw, r)
	})
	var log bytes.Buffer
	w.verifier = w.newVerifier(t, verify.Config{Revocation: verify.Online, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	token := "Bearer " + w.token(t, w.signer, nil)
	for range 5 {
		if response, body, _ := call(t, w.require(), token); response.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("%d %s", response.StatusCode, body)
		}
	}
	if warned, said := strings.Count(log.String(), "level=WARN"), strings.Count(log.String(), "not checked"); warned != 1 || said != 5 {
		t.Errorf("%d warnings in %d lines, want 1 in 5:\n%s", warned, said, log.String())
	}
}

// TestOnlineWithAnyClient: the client of a user, which follows redirects and unpacks, does not open a way past the
// answer.
func TestOnlineWithAnyClient(t *testing.T) {
	w := newWorld(t)
	keys := *w.server.handler.Load()
	w.server.serve(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/verify/":
			redirectTo(http.StatusFound)(rw, r)
		case "/sign-in":
			typed("application/json", "{}")(rw, r)
		default:
			keys(rw, r)
		}
	})
	w.verifier = w.newVerifier(t, verify.Config{Revocation: verify.Online, Client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return nil },
	}})
	w.wantVerify(t, "good token, redirect", w.token(t, w.signer, nil), verify.ErrIssuerUnavailable)
}

func TestOnlineAsksOnlyAboutGoodTokens(t *testing.T) {
	f := newFollower(t, func(c *verify.Config) { c.Revocation = verify.Online })
	token := f.issuer.Token()
	for range 3 {
		if !f.is(token, nil)() {
			t.Fatal("a good token is refused")
		}
	}
	if n := f.issuer.Count(verifytest.Online); n != 3 {
		t.Errorf("the server was asked %d times about three uses of one token, want 3: an answer is not remembered", n)
	}
	for _, bad := range []string{
		"", "x", f.issuer.Token(verifytest.Expired()), f.issuer.Token(verifytest.Foreign()), f.issuer.Token(verifytest.Claim("aud", "another")),
	} {
		if !f.is(bad, verify.ErrTokenInvalid)() {
			t.Errorf("Verify(%q) takes a bad token", bad)
		}
	}
	if n := f.issuer.Count(verifytest.Online); n != 3 {
		t.Errorf("the server was asked %d times about tokens that are bad in themselves", n-3)
	}
	f.issuer.EndSession("session-1")
	if !f.is(token, verify.ErrTokenRevoked)() {
		t.Error("a token of an ended session is taken")
	}
	if n := f.issuer.Count(verifytest.Revocations); n != 0 {
		t.Errorf("the feed was read %d times by who does not follow it", n)
	}
}

// TestOnlineAndFaults: whatever is wrong with the server, a route that asks it is shut, and one that does not is open.
func TestOnlineAndFaults(t *testing.T) {
	f := newFollower(t, func(c *verify.Config) { c.Revocation = verify.Online })
	token := f.issuer.Token()
	if !f.is(token, nil)() {
		t.Fatal("a good token is refused")
	}
	for name, fault := range map[string]verifytest.Fault{
		"down": verifytest.Down, "hanging": verifytest.Hanging, "500": verifytest.Broken, "HTML": verifytest.HTML, "10 MiB": verifytest.Oversized,
		"a bomb": verifytest.Compressed, "cut": verifytest.Cut,
	} {
		f.issuer.Fail(fault)
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		called := false
		f.Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true })).ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			t.Fatalf("%s: a token is taken", name)
		}
		wantRefusal(t, w.Result(), w.Body.String(), called, refusal{503, "issuer_unavailable", ""})
		if got := w.Header().Get("Retry-After"); got != "5" {
			t.Errorf("%s: Retry-After = %q, want 5", name, got)
		}
		if !f.With(verify.Stateless).IsGood(token) {
			t.Errorf("%s: a stateless route is shut", name)
		}
	}
	f.issuer.Fail(verifytest.None)
	if !f.is(token, nil)() {
		t.Error("it does not heal")
	}
}
