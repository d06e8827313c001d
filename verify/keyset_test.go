package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// wantVerify checks that a token is answered with want, nil for accepted.
// wantVerify verifies a token twice, because one that was seen takes another path.
func (w world) wantVerify(t testing.TB, what, token string, want error) {
	t.Helper()
	w.wantVerifyOnce(t, what, token, want)
	w.wantVerifyOnce(t, what+", again", token, want)
}

func (w world) wantVerifyOnce(t testing.TB, what, token string, want error) {
	t.Helper()
	claims, err := w.verifier.Verify(context.Background(), token)
	if !errors.Is(err, want) || (claims != nil) != (want == nil) {
		t.Errorf("Verify(%s) = %v, %v, want %v", what, claims, err, want)
	}
}

func (w world) wantGood(t testing.TB) {
	t.Helper()
	w.wantVerify(t, "good token", w.token(t, w.signer, nil), nil)
}

func TestVM_14_StormOfUnknownKeysIsOneFetch(t *testing.T) { // VM-14, SX-06
	w := newWorld(t)
	w.wantGood(t)
	storm := func(from int) {
		var callers sync.WaitGroup
		for i := range 50 {
			tokens := make([]string, 10)
			for j := range tokens {
				tokens[j] = w.unknown(t, from+10*i+j)
			}
			callers.Go(func() {
				for _, token := range tokens {
					w.wantVerify(t, "unknown key", token, verify.ErrTokenInvalid)
				}
				w.wantGood(t)
			})
		}
		callers.Wait()
	}
	storm(0)
	w.server.wantFetches(t, 1)
	w.clock.Advance(29 * time.Second)
	storm(500)
	w.server.wantFetches(t, 1)
	w.clock.Advance(time.Second)
	storm(1000)
	w.server.wantFetches(t, 2)
}

func TestFirstUseIsOneFetchForAll(t *testing.T) {
	w := newWorld(t)
	gate := w.server.hold()
	token := w.token(t, w.signer, nil)
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() { w.wantVerify(t, "good token", token, nil) })
	}
	<-gate.arrived
	close(gate.open)
	callers.Wait()
	w.server.wantFetches(t, 1)
}

func TestKnownKeyAndWrongSignatureIsNoFetch(t *testing.T) {
	w := newWorld(t)
	w.wantGood(t)
	w.clock.Advance(5 * time.Minute)
	impostor := newSigner(t, w.signer.id)
	for range 100 {
		w.wantVerify(t, "wrong signature", w.token(t, impostor, nil), verify.ErrTokenInvalid)
	}
	wrongAlgorithm := w.signer.header()
	wrongAlgorithm["alg"] = "RS256"
	w.wantVerify(t, "VM-02 known kid, another algorithm", w.signer.mint(t, wrongAlgorithm, w.claims()), verify.ErrTokenInvalid)
	emptyID := w.signer.header()
	emptyID["kid"] = ""
	w.wantVerify(t, "SX-05 empty kid", w.signer.mint(t, emptyID, w.claims()), verify.ErrTokenInvalid)
	w.server.wantFetches(t, 1)
}

func TestRotation(t *testing.T) {
	w := newWorld(t)
	w.wantGood(t)
	next := newSigner(t, "key-2")
	w.server.publish(t, w.signer, next)
	w.wantVerify(t, "new key inside the gap", w.token(t, next, nil), verify.ErrTokenInvalid)
	w.server.wantFetches(t, 1)

	w.clock.Advance(30 * time.Second)
	w.wantVerify(t, "new key after the gap", w.token(t, next, nil), nil)
	w.wantGood(t)
	w.server.wantFetches(t, 2)
}

func TestJW_04_WithdrawnKeyIsRefusedFromTheNextFetchOn(t *testing.T) {
	w := newWorld(t)
	w.wantGood(t)
	next := newSigner(t, "key-2")
	w.server.publish(t, next)
	w.wantGood(t) // not known yet
	w.clock.Advance(30 * time.Second)
	w.wantVerify(t, "new key", w.token(t, next, nil), nil)
	w.wantVerify(t, "withdrawn key", w.token(t, w.signer, nil), verify.ErrTokenInvalid)
	w.server.wantFetches(t, 2)
}

func TestReusedKeyIDWaitsForTheRenewal(t *testing.T) {
	w := newWorld(t)
	w.wantGood(t)
	other := newSigner(t, w.signer.id)
	w.server.publish(t, other)
	w.clock.Advance(time.Minute)
	w.wantVerify(t, "other key under a known ID", w.token(t, other, nil), verify.ErrTokenInvalid)
	w.server.wantFetches(t, 1)
	w.clock.Advance(9 * time.Minute)
	w.verifier.Verify(t.Context(), w.token(t, other, nil)) // starts the renewal
	w.verifier.Keys().WaitFetches()
	w.wantVerify(t, "other key after the renewal", w.token(t, other, nil), nil)
}

func TestRenewalIsInTheBackgroundAndOneAtATime(t *testing.T) {
	w := newWorld(t)
	w.wantGood(t)
	w.clock.Advance(10*time.Minute - 1)
	w.wantGood(t)
	w.verifier.Keys().WaitFetches()
	w.server.wantFetches(t, 1)

	gate := w.server.hold()
	w.clock.Advance(1)
	for range 100 {
		w.wantGood(t) // answered although the key server holds its answer back
	}
	<-gate.arrived
	w.clock.Advance(time.Minute)
	w.wantGood(t) // no second fetch beside the first
	close(gate.open)
	w.verifier.Keys().WaitFetches()
	w.server.wantFetches(t, 2)
}

func TestRenewalDoesNotSpendTheAllowanceForUnknownKeys(t *testing.T) {
	w := newWorld(t)
	w.wantGood(t)
	w.clock.Advance(10 * time.Minute)
	w.wantGood(t)
	w.verifier.Keys().WaitFetches()
	w.server.wantFetches(t, 2)
	next := newSigner(t, "key-2")
	w.server.publish(t, w.signer, next)
	w.wantVerify(t, "new key right after a renewal", w.token(t, next, nil), nil)
	w.server.wantFetches(t, 3)
}

func TestUnknownKeyJoinsARenewal(t *testing.T) {
	w := newWorld(t)
	w.wantGood(t)
	next := newSigner(t, "key-2")
	w.server.publish(t, w.signer, next)
	gate := w.server.hold()
	w.clock.Advance(10 * time.Minute)
	w.wantGood(t)
	<-gate.arrived
	close(gate.open)
	w.wantVerify(t, "new key during a renewal", w.token(t, next, nil), nil)
	w.server.wantFetches(t, 2)
}

// brokenAnswers are what a key server must never be believed.
var brokenAnswers = []struct {
	name   string
	answer http.HandlerFunc
}{
	{"status 500", status(http.StatusInternalServerError)},
	{"status 404", status(http.StatusNotFound)},
	{"status 204", status(http.StatusNoContent)},
	{"status 304", status(http.StatusNotModified)},
	{"nothing", body("")},
	{"HTML", body("<!doctype html><title>Sign in</title>")},
	{"null", body("null")},
	{"no keys", body(`{"keys":[]}`)},
	{"keys twice", body(`{"keys":[],"keys":[]}`)},
	{"unusable keys", body(`{"keys":[{"kty":"oct","k":"c2VjcmV0"},{"kty":"RSA","n":"AQAB","e":"AQ"}]}`)},
	{"redirect to another port", redirect("http://127.0.0.1:1/")},
	{"SX-25 redirect to a metadata service", redirect("http://169.254.169.254/latest/meta-data/")},
	{"SX-25 redirect to a file", redirect("file:///etc/passwd")},
	{"redirect to itself", redirect("/.well-known/jwks.json")},
	{"redirect without an address", status(http.StatusFound)},
	{"connection closed", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	{"answer cut short", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, `{"keys":[`)
	}},
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func body(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) }
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	}
}

func TestVM_13_BrokenAnswerAtTheStartIsUnavailableAndHeals(t *testing.T) { // VM-13 (a)
	for _, tt := range brokenAnswers {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			good := *w.server.handler.Load()
			w.server.serve(tt.answer)
			_, err := w.verifier.Verify(t.Context(), w.token(t, w.signer, nil))
			var unavailable *verify.UnavailableError
			if !errors.As(err, &unavailable) || !errors.Is(err, verify.ErrKeysUnavailable) || errors.Is(err, verify.ErrTokenInvalid) {
				t.Fatalf("Verify = %v, want %v and not %v", err, verify.ErrKeysUnavailable, verify.ErrTokenInvalid)
			}
			if unavailable.RetryAfter() != 5*time.Second {
				t.Errorf("RetryAfter() = %v, want 5 s", unavailable.RetryAfter())
			}
			if err := w.verifier.Ready(t.Context()); !errors.Is(err, verify.ErrKeysUnavailable) {
				t.Errorf("Ready() = %v, want %v", err, verify.ErrKeysUnavailable)
			}

			w.server.serve(good)
			before := w.server.fetches.Load()
			w.wantVerify(t, "good token at once", w.token(t, w.signer, nil), verify.ErrKeysUnavailable)
			w.server.wantFetches(t, before)
			w.clock.Advance(unavailable.RetryAfter())
			w.wantGood(t)
			if err := w.verifier.Ready(t.Context()); err != nil {
				t.Errorf("Ready() = %v after it healed", err)
			}
		})
	}
}

func TestVM_13_BrokenAnswerNeverReplacesAGoodSet(t *testing.T) { // VM-13 (b), SX-25 (b)
	for _, tt := range brokenAnswers {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.wantGood(t)
			w.server.serve(tt.answer)
			w.clock.Advance(time.Hour)
			w.wantGood(t)
			w.verifier.Keys().WaitFetches()
			w.wantGood(t)
			// Whether an unknown key is genuine cannot be known now: that is no fault of the token.
			w.wantVerify(t, "unknown key", w.unknown(t, 1), verify.ErrKeysUnavailable)
			w.wantVerify(t, "unknown key inside the gap", w.unknown(t, 2), verify.ErrKeysUnavailable)
			w.wantGood(t)
		})
	}
}

func TestVM_13_SizeOfAKeySet(t *testing.T) { // VM-13
	w := newWorld(t)
	set := string(marshal(t, map[string]any{"keys": []any{w.signer.jwk(t)}}))
	tests := []struct {
		name string
		size int
		want error
	}{
		{"10 MiB", 10 << 20, verify.ErrKeysUnavailable},
		{"a byte more than 512 KiB", 512<<10 + 1, verify.ErrKeysUnavailable},
		{"512 KiB", 512 << 10, nil},
	}
	for _, tt := range tests {
		w.server.answer(http.StatusOK, set+strings.Repeat(" ", tt.size-len(set)))
		w.wantVerify(t, "good token, set of "+tt.name, w.token(t, w.signer, nil), tt.want)
		w.clock.Advance(5 * time.Second)
	}
}

func TestRedirectLoopIsLeft(t *testing.T) {
	w := newWorld(t)
	w.server.serve(redirect("/.well-known/jwks.json"))
	w.wantVerify(t, "good token", w.token(t, w.signer, nil), verify.ErrKeysUnavailable)
	w.server.wantFetches(t, 4)
}

func TestRedirectWithinTheOriginIsFollowed(t *testing.T) {
	w := newWorld(t)
	good := *w.server.handler.Load()
	w.server.serve(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			good(rw, r)
			return
		}
		http.Redirect(rw, r, "/keys", http.StatusFound)
	})
	w.wantGood(t)
	w.server.wantFetches(t, 2)
}

func TestRedirectIsRefusedWithAnyClient(t *testing.T) {
	w := newWorld(t)
	canary := newKeyServer(t, w.signer)
	w.server.serve(redirect(canary.URL + "/.well-known/jwks.json"))
	asked := false
	w.verifier = w.newVerifier(t, verify.Config{Client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { asked = true; return nil },
	}})
	w.wantVerify(t, "good token", w.token(t, w.signer, nil), verify.ErrKeysUnavailable)
	canary.wantFetches(t, 0)

	w.server.serve(redirect("/elsewhere"))
	w.clock.Advance(time.Minute)
	w.wantVerify(t, "good token", w.token(t, w.signer, nil), verify.ErrKeysUnavailable)
	if !asked {
		t.Error("the client's own CheckRedirect was not asked about a redirect within the origin")
	}
}

func TestOldSetServes24Hours(t *testing.T) {
	w := newWorld(t)
	w.wantGood(t)
	good := *w.server.handler.Load()
	w.server.serve(status(http.StatusServiceUnavailable))

	for range 100 { // renewals are tried at most every 30 s
		w.clock.Advance(30 * time.Minute / 100)
		w.wantGood(t)
		w.verifier.Keys().WaitFetches()
	}
	if got := w.server.fetches.Load(); got < 10 || got > 1+40 {
		t.Errorf("the key server was asked %d times in 20 minutes past the renewal, want at most every 30 s", got)
	}

	w.clock.Advance(23*time.Hour + 30*time.Minute - 1)
	w.wantGood(t)
	w.verifier.Keys().WaitFetches()
	w.clock.Advance(1)
	w.wantVerify(t, "known key after 24 h", w.token(t, w.signer, nil), verify.ErrKeysUnavailable)

	w.server.serve(good)
	w.clock.Advance(5 * time.Second)
	w.wantGood(t)
}

func TestClockSetBack(t *testing.T) { // P15
	w := newWorld(t)
	w.wantGood(t)
	next := newSigner(t, "key-2")
	w.server.publish(t, next)
	w.clock.Advance(-24 * time.Hour)
	// The age of the set is not known any more, so it is fetched before it is used.
	w.wantVerify(t, "withdrawn key", w.token(t, w.signer, nil), verify.ErrTokenInvalid)
	w.wantVerify(t, "new key", w.token(t, next, nil), nil)
}

// TestWithdrawnKeyAtAnIdleService: a set that nobody has used for long is fetched before it is believed.
func TestWithdrawnKeyAtAnIdleService(t *testing.T) {
	w := newWorld(t)
	w.wantGood(t)
	w.server.publish(t, newSigner(t, "key-2"))
	w.clock.Advance(23 * time.Hour)
	w.wantVerifyOnce(t, "withdrawn key", w.token(t, w.signer, nil), verify.ErrTokenInvalid)
}

// TestWithdrawnKeyOfACallerWhoLeaves: a forger must not be believed for hanging up while the set is fetched.
func TestWithdrawnKeyOfACallerWhoLeaves(t *testing.T) {
	w := newWorld(t)
	w.wantGood(t)
	w.server.publish(t, newSigner(t, "key-2"))
	w.clock.Advance(23 * time.Hour)
	g := w.server.hold()
	ctx, leave := context.WithCancel(t.Context())
	verdict := make(chan error, 1)
	go func() {
		_, err := w.verifier.Verify(ctx, w.token(t, w.signer, nil))
		verdict <- err
	}()
	<-g.arrived
	leave()
	if err := <-verdict; !errors.Is(err, verify.ErrKeysUnavailable) {
		t.Errorf("Verify for a caller who left = %v, want ErrKeysUnavailable", err)
	}
	close(g.open)
	w.verifier.Keys().WaitFetches()
}

// TestWithdrawnKeyAfterAFailedFetch: one attempt that failed long ago is no reason to believe an old set.
func TestWithdrawnKeyAfterAFailedFetch(t *testing.T) {
	w := newWorld(t)
	w.wantGood(t)
	w.server.serve(status(http.StatusServiceUnavailable))
	w.clock.Advance(16 * time.Minute)
	w.wantGood(t)
	w.verifier.Keys().WaitFetches()
	w.server.publish(t, newSigner(t, "key-2"))
	w.clock.Advance(14 * time.Minute)
	w.wantVerifyOnce(t, "withdrawn key", w.token(t, w.signer, nil), verify.ErrTokenInvalid)
}

// TestIdleServiceWhileTheIssuerIsAway: the first to ask waits for one attempt, and the set that is held serves.
func TestIdleServiceWhileTheIssuerIsAway(t *testing.T) {
	w := newWorld(t)
	w.wantGood(t)
	w.server.serve(status(http.StatusServiceUnavailable))
	w.clock.Advance(23 * time.Hour)
	before := w.server.fetches.Load()
	for range 20 {
		w.wantVerifyOnce(t, "good token", w.token(t, w.signer, nil), nil)
	}
	w.verifier.Keys().WaitFetches()
	if got := w.server.fetches.Load() - before; got > 2 {
		t.Errorf("the issuer was asked %d times, want once before the set is used and once to renew it", got)
	}
}

func TestNoKeyID(t *testing.T) {
	w := newWorld(t)
	header := map[string]any{"alg": "ES256", "typ": "at+jwt"}
	w.wantVerify(t, "no kid, one key", w.signer.mint(t, header, w.claims()), nil)

	second := newSigner(t, "key-2")
	w.server.publish(t, w.signer, second)
	w.clock.Advance(30 * time.Second)
	w.wantVerify(t, "new key", w.token(t, second, nil), nil)
	w.clock.Advance(time.Minute)
	w.wantVerify(t, "no kid, two keys", w.signer.mint(t, header, w.claims()), verify.ErrTokenInvalid)
	header["alg"] = "EdDSA"
	w.wantVerify(t, "no kid, no key of the algorithm", w.signer.mint(t, header, w.claims()), verify.ErrTokenInvalid)
	w.server.wantFetches(t, 2)
}

func TestWaiterStopsWithItsContext(t *testing.T) {
	w := newWorld(t)
	gate := w.server.hold()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	token := w.token(t, w.signer, nil)
	go func() { // ends when Verify returns, which the receive below waits for
		_, err := w.verifier.Verify(ctx, token)
		result <- err
	}()
	<-gate.arrived
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) || !errors.Is(err, verify.ErrKeysUnavailable) {
		t.Errorf("Verify = %v, want %v and %v", err, context.Canceled, verify.ErrKeysUnavailable)
	}
	// The fetch goes on for the others.
	close(gate.open)
	w.wantGood(t)
	w.server.wantFetches(t, 1)
}

func TestVM_13_SlowServer(t *testing.T) {
	w := newWorld(t)
	w.verifier.Keys().SetFetchLimit(20 * time.Millisecond)
	gate := w.server.hold()
	w.wantVerify(t, "good token", w.token(t, w.signer, nil), verify.ErrKeysUnavailable)
	close(gate.open)
	w.verifier.Keys().SetFetchLimit(5 * time.Second)
	w.clock.Advance(5 * time.Second)
	w.wantGood(t)
}

func TestLocate(t *testing.T) {
	w := newWorld(t)
	broken := errors.New("discovery failed")
	tests := []struct {
		name, address string
		err           error
	}{
		{"fails", "", broken},
		{"plain http", "http://keys.example.com/jwks", nil},
		{"empty", "", nil},
		{"a path", "/jwks", nil},
		{"a file", "file:///etc/passwd", nil},
		{"a password in the address", "https://user:secret@127.0.0.1/jwks", nil},
		{"a control character", "https://127.0.0.1/\x7f", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := verify.NewKeySet(verify.KeySetConfig{
				Locate: func(context.Context) (string, error) { return tt.address, tt.err },
				Client: verify.HTTPClient("127.0.0.1"), Now: w.clock.Now, Logger: slog.New(slog.DiscardHandler),
			})
			defer set.Close()
			_, err := set.Key(t.Context(), jws.Header{Algorithm: jws.ES256})
			if !errors.Is(err, verify.ErrKeysUnavailable) || tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("Key = %v, want %v", err, verify.ErrKeysUnavailable)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("Key = %v: the error quotes a password", err)
			}
		})
	}
}

func TestLocateIsAskedForEachFetchWithinItsLimit(t *testing.T) {
	w := newWorld(t)
	asked := 0
	set := verify.NewKeySet(verify.KeySetConfig{
		Locate: func(ctx context.Context) (string, error) {
			if asked++; asked == 1 {
				<-ctx.Done() // a discovery that hangs
				return "", ctx.Err()
			}
			return w.server.URL, nil
		},
		Client: verify.HTTPClient("127.0.0.1"), Now: w.clock.Now, Logger: slog.New(slog.DiscardHandler),
	})
	defer set.Close()
	set.SetFetchLimit(20 * time.Millisecond)
	if err := set.Load(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Load = %v, want %v", err, context.DeadlineExceeded)
	}
	set.SetFetchLimit(5 * time.Second)
	w.clock.Advance(5 * time.Second)
	if err := set.Load(t.Context()); err != nil || asked != 2 {
		t.Errorf("Load = %v after %d calls of Locate, want no error after 2", err, asked)
	}
}

func TestKeyOfASet(t *testing.T) {
	w := newWorld(t)
	set := verify.NewKeySet(verify.KeySetConfig{
		Locate: func(context.Context) (string, error) { return w.server.URL, nil },
		Client: verify.HTTPClient("127.0.0.1"),
	})
	defer set.Close()
	k, err := set.Key(t.Context(), jws.Header{Algorithm: jws.ES256, KeyID: w.signer.id, HasKeyID: true})
	if err != nil || k.ID() != w.signer.id {
		t.Errorf("Key = %v, %v, want %q", k, err, w.signer.id)
	}
	k, err = set.Key(t.Context(), jws.Header{Algorithm: jws.ES256, KeyID: "other", HasKeyID: true})
	if k != nil || !errors.Is(err, verify.ErrUnknownKey) {
		t.Errorf("Key = %v, %v, want %v", k, err, verify.ErrUnknownKey)
	}
}

func TestDefaultClientOfASetRefusesLoopback(t *testing.T) {
	w := newWorld(t)
	set := verify.NewKeySet(verify.KeySetConfig{
		Locate: func(context.Context) (string, error) { return w.server.URL, nil },
		Logger: slog.New(slog.DiscardHandler),
	})
	defer set.Close()
	if err := set.Load(t.Context()); !errors.Is(err, verify.ErrKeysUnavailable) {
		t.Errorf("Load = %v, want %v", err, verify.ErrKeysUnavailable)
	}
	w.server.wantFetches(t, 0)
}

func TestClose(t *testing.T) {
	w := newWorld(t)
	w.verifier.Keys().SetFetchLimit(time.Hour) // so that only Close can end the fetch
	w.wantGood(t)
	gate := w.server.hold()
	w.clock.Advance(10 * time.Minute)
	w.wantGood(t)
	<-gate.arrived
	if err := w.verifier.Close(); err != nil { // the gate is still shut
		t.Errorf("Close = %v", err)
	}
	w.wantGood(t)
	w.clock.Advance(time.Hour)
	w.wantGood(t)
	w.wantVerify(t, "unknown key", w.unknown(t, 1), verify.ErrKeysUnavailable)
	w.server.wantFetches(t, 2)
	if err := w.verifier.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
}

func TestCloseWaitsForTheFetch(t *testing.T) {
	w := newWorld(t)
	entered := make(chan struct{})
	var left atomic.Bool
	set := verify.NewKeySet(verify.KeySetConfig{
		Locate: func(ctx context.Context) (string, error) {
			close(entered)
			<-ctx.Done()
			for range 1000 {
				runtime.Gosched() // cleaning up takes a while
			}
			left.Store(true)
			return "", ctx.Err()
		},
		Now: w.clock.Now, Logger: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	set.Load(ctx) // starts the fetch and does not wait for it
	<-entered
	set.Close()
	if !left.Load() {
		t.Error("Close returned before the fetch had ended")
	}
}

func TestNoGoroutineOutlivesClose(t *testing.T) {
	w := newWorld(t)
	w.wantGood(t)
	wantNoGoroutines(t, "net/http.(*persistConn)") // the next fetch is minutes away: no connection is kept
	gate := w.server.hold()
	w.clock.Advance(time.Hour)
	w.wantGood(t)
	<-gate.arrived
	w.verifier.Close()
	wantNoGoroutines(t, "verify.(*KeySet)", "net/http.(*persistConn)")
}

// wantNoGoroutines fails when goroutines with one of these frames stay. One that has done its work needs a moment to
// vanish.
func wantNoGoroutines(t *testing.T, frames ...string) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		stacks := allStacks()
		if !slices.ContainsFunc(frames, func(f string) bool { return strings.Contains(stacks, f) }) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("goroutines are left:\n%s", stacks)
		}
		runtime.Gosched()
	}
}

func allStacks() string {
	buffer := make([]byte, 1<<20)
	return string(buffer[:runtime.Stack(buffer, true)])
}

func TestFailedFetchIsLoggedOnce(t *testing.T) {
	w := newWorld(t)
	var log bytes.Buffer
	w.verifier = w.newVerifier(t, verify.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	w.server.serve(status(http.StatusInternalServerError))
	for i := range 10 {
		w.wantVerify(t, "unknown key", w.unknown(t, i), verify.ErrKeysUnavailable)
	}
	if got := strings.Count(log.String(), "key set fetch failed"); got != 1 {
		t.Errorf("the log has %d lines about it, want 1:\n%s", got, log.String())
	}
}

// TestLoopbackNames: http is allowed for localhost, so the name must not lead anywhere else, whatever DNS says.
func TestLoopbackNames(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:80": true, "[::1]:80": true, "[::ffff:127.0.0.1]:80": true,
		"93.184.216.34:80": false, "10.0.0.1:80": false, "[2606:2800:220:1::1]:80": false, "": false,
	} {
		if err := verify.CheckLoopback(address, true); (err == nil) != ok {
			t.Errorf("CheckLoopback(%q) = %v, want ok = %v", address, err, ok)
		}
	}
}

func TestHTTPClientPrivateAddresses(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer server.Close()
	for _, hosts := range [][]string{nil, {"localhost"}, {"127.0.0.2"}, {"127.0.0.1:80"}} {
		if response, err := verify.HTTPClient(hosts...).Get(server.URL); err == nil {
			response.Body.Close()
			t.Errorf("HTTPClient(%q) connected to 127.0.0.1", hosts)
		}
	}
	if asked != 0 {
		t.Errorf("the server was asked %d times, want 0", asked)
	}
	response, err := verify.HTTPClient("example.com", "127.0.0.1").Get(server.URL)
	if err != nil {
		t.Fatalf("HTTPClient(127.0.0.1): %v", err)
	}
	response.Body.Close()
}

func TestHTTPClientRedirects(t *testing.T) {
	const from = "https://a.example:8443/keys"
	tests := []struct {
		to string
		ok bool
	}{
		{"https://a.example:8443/other", true},
		{"http://a.example:8443/other", false},
		{"https://a.example/other", false},
		{"https://b.example:8443/keys", false},
		{"https://a.example.evil.example:8443/keys", false},
		{"file:///keys", false},
	}
	for _, tt := range tests {
		via, err := http.NewRequestWithContext(t.Context(), http.MethodGet, from, nil)
		if err != nil {
			t.Fatal(err)
		}
		next := via.Clone(t.Context())
		if next.URL, err = via.URL.Parse(tt.to); err != nil {
			t.Fatal(err)
		}
		if err := verify.HTTPClient().CheckRedirect(next, []*http.Request{via}); (err == nil) != tt.ok {
			t.Errorf("CheckRedirect(%q to %q) = %v, want ok = %v", from, tt.to, err, tt.ok)
		}
	}
}

func TestCheckTarget(t *testing.T) {
	const never, private, public = "never", "private", "public"
	tests := []struct{ address, want string }{
		{"93.184.216.34:443", public},
		{"[2606:2800:220:1:248:1893:25c8:1946]:443", public},
		{"172.32.0.1:443", public},
		{"127.0.0.1:443", private},
		{"127.1.2.3:443", private},
		{"[::1]:443", private},
		{"[::ffff:127.0.0.1]:443", private},
		{"10.0.0.1:443", private},
		{"172.16.0.1:443", private},
		{"192.168.1.1:443", private},
		{"100.64.0.1:443", private},
		{"192.0.0.1:443", private},
		{"198.18.0.1:443", private},
		{"[fd00::1]:443", private},
		{"[fec0::1]:443", private},
		{"[::ffff:10.0.0.1]:443", private},
		{"[64:ff9b::10.0.0.1]:443", private},
		{"[64:ff9b::8.8.8.8]:443", public},
		{"[64:ff9b:1::1]:443", private},
		{"169.254.169.254:80", never},
		{"[::ffff:169.254.169.254]:80", never},
		{"[64:ff9b::169.254.169.254]:80", never},
		{"[fe80::1]:443", never},
		{"[fe80::1%eth0]:443", never},
		{"0.0.0.0:443", never},
		{"0.1.2.3:443", never},
		{"[::]:443", never},
		{"[::10.0.0.1]:443", never},
		{"[2002:a00:1::1]:443", never},
		{"224.0.0.1:443", never},
		{"240.0.0.1:443", never},
		{"255.255.255.255:443", never},
		{"[ff02::1]:443", never},
		{"localhost:443", never},
		{"", never},
	}
	for _, tt := range tests {
		got := never
		switch {
		case verify.CheckTarget(tt.address, false) == nil:
			got = public
		case verify.CheckTarget(tt.address, true) == nil:
			got = private
		}
		if got != tt.want {
			t.Errorf("CheckTarget(%q) = %s, want %s", tt.address, got, tt.want)
		}
		if got == public && verify.CheckTarget(tt.address, true) != nil {
			t.Errorf("CheckTarget(%q) is public only where private addresses are not allowed", tt.address)
		}
	}
}

func BenchmarkKnownKey(b *testing.B) {
	w := newWorld(b)
	if err := w.verifier.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	header := jws.Header{Algorithm: jws.ES256, KeyID: w.signer.id, HasKeyID: true}
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := w.verifier.Keys().Key(context.Background(), header); err != nil {
				b.Error(fmt.Errorf("Key: %w", err))
				return
			}
		}
	})
}
