package verify_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
)

// longLived is a token that outlives every key set of these tests, and that the verifier has seen.
func (w world) longLived(t *testing.T) string {
	t.Helper()
	token := w.token(t, w.signer, map[string]any{"exp": w.clock.Now().Add(48 * time.Hour).Unix()})
	w.wantVerify(t, "new token", token, nil)
	return token
}

// renew moves the clock until the set is due, and has it fetched by a token that nobody minds.
func (w world) renew(t *testing.T) {
	t.Helper()
	w.clock.Advance(10 * time.Minute)
	w.verifier.Verify(t.Context(), w.token(t, w.signer, nil))
	w.verifier.Keys().WaitFetches()
}

func TestJW_04_WithdrawnKeyEndsRememberedTokens(t *testing.T) {
	w := newWorld(t)
	token := w.longLived(t)
	next := newSigner(t, "key-2")
	w.server.publish(t, next)
	w.renew(t)
	w.wantVerify(t, "token of a withdrawn key", token, verify.ErrTokenInvalid)
	w.wantVerify(t, "token of the next key", w.token(t, next, nil), nil)
	w.server.publish(t, next, w.signer)
	w.renew(t)
	w.wantVerify(t, "token of a key that came back", token, nil)
}

func TestReplacedKeyEndsRememberedTokens(t *testing.T) {
	w := newWorld(t)
	token := w.longLived(t)
	impostor := newSigner(t, w.signer.id)
	w.server.publish(t, impostor)
	w.renew(t)
	w.wantVerify(t, "token of a key whose ID is another's now", token, verify.ErrTokenInvalid)
	w.wantVerify(t, "token of the new key", w.token(t, impostor, nil), nil)
}

func TestSecondKeyEndsRememberedTokensWithoutKeyID(t *testing.T) {
	w := newWorld(t)
	claims := w.claims()
	claims["exp"] = w.clock.Now().Add(48 * time.Hour).Unix()
	token := w.signer.mint(t, map[string]any{"alg": "ES256", "typ": "at+jwt"}, claims)
	w.wantVerify(t, "no kid, one key", token, nil)
	w.server.publish(t, w.signer, newSigner(t, "key-2"))
	w.renew(t)
	w.wantVerify(t, "no kid, two keys", token, verify.ErrTokenInvalid)
}

func TestRememberedTokensNeedKeys(t *testing.T) {
	w := newWorld(t)
	token := w.longLived(t)
	w.server.serve(status(http.StatusServiceUnavailable))
	w.clock.Advance(24*time.Hour - 1)
	w.wantVerify(t, "remembered token, set of 24 h", token, nil)
	w.verifier.Keys().WaitFetches()
	w.clock.Advance(1)
	w.wantVerify(t, "remembered token, set too old", token, verify.ErrKeysUnavailable)
}

func TestRememberedTokenExpires(t *testing.T) {
	w := newWorld(t)
	token := w.token(t, w.signer, nil)
	w.wantVerify(t, "good token", token, nil)
	w.clock.Advance(6*time.Minute - 1)
	w.wantVerify(t, "a moment before the end", token, nil)
	w.clock.Advance(1)
	w.wantVerify(t, "at the end", token, verify.ErrTokenExpired)
}

// TestCacheSize looks at allocations: a signature takes dozens, a token that was seen two.
func TestCacheSize(t *testing.T) {
	for size, remembers := range map[int]bool{0: true, 1: true, 1 << 20: true, -1: false} {
		w := newWorld(t)
		w.verifier = w.newVerifier(t, verify.Config{CacheSize: size})
		token := w.token(t, w.signer, nil)
		got := testing.AllocsPerRun(10, func() { w.wantVerifyOnce(t, "good token", token, nil) })
		if (got <= 2) != remembers {
			t.Errorf("Verify of a token that was seen takes %v allocations with CacheSize %d, want at most 2: %v", got, size, remembers)
		}
	}
}

// TestHandlerCannotPoisonTheNext: a handler that scribbles on its claims changes them for nobody else.
func TestHandlerCannotPoisonTheNext(t *testing.T) {
	w := newWorld(t)
	token := w.token(t, w.signer, map[string]any{"groups": []any{"staff"}, "scope": "read"})
	handler := w.verifier.Require(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		claims, _ := verify.FromContext(r.Context())
		claims.Subject, claims.Audience[0] = "mallory", "payroll"
		claims.Groups()[0] = "admins"
		claims.Claim("groups").([]any)[0] = "admins"
		claims.All()["groups"].([]any)[0] = "admins"
	}), verify.Group("staff"))
	for range 3 {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Header.Set("Authorization", "Bearer "+token)
		answer := httptest.NewRecorder()
		if handler.ServeHTTP(answer, request); answer.Code != http.StatusOK {
			t.Fatalf("answer = %d %s, want 200", answer.Code, answer.Body)
		}
	}
	claims, err := w.verifier.Verify(t.Context(), token)
	if err != nil || claims.Subject != "alice" || claims.Audience[0] != audience || claims.Groups()[0] != "staff" {
		t.Errorf("Verify = %+v, %v, want alice's claims as they were", claims, err)
	}
}
