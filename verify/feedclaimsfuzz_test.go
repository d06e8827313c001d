package verify_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"testing"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/accesstoken"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// FuzzFeedClaims is FuzzFeedPage behind the signature: whatever a page says, nothing that is known becomes less, and
// one that is refused says nothing at all.
func FuzzFeedClaims(f *testing.F) {
	const issuer = "https://app.example.com/auth"
	clock := newClock()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	key, err := jws.NewKey("k", private.Public())
	if err != nil {
		f.Fatal(err)
	}
	sign := func(t testing.TB, typ string, payload []byte) string {
		text, err := jws.Sign(private, jws.SignHeader{KeyID: "k", Type: typ}, payload)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	now := clock.Now().Unix()
	rules := accesstoken.Rules{Issuer: issuer, Audience: []string{audience}, Now: clock.Now}
	claims := func(sid, sub string) *verify.Claims {
		token := sign(f, accesstoken.Type, marshal(f, map[string]any{
			"iss": issuer, "sub": sub, "aud": audience, "exp": now + 300, "iat": now, "jti": "1", "sid": sid, "client_id": "c",
			"token_type": "access", "user_id": sub,
		}))
		c, err := rules.Verify(token, func(jws.Header) (*jws.Key, error) { return key, nil })
		if err != nil {
			f.Fatal(err)
		}
		return c
	}
	ended, stale, live := claims("ended", "alice"), claims("live", "bob"), claims("live", "alice")
	page := func(change map[string]any) []byte {
		p := map[string]any{
			"iss": issuer, "iat": now, "exp": now + 60, "after": 0, "cursor": 7, "more": false,
			"ended": []any{endedEntry("ended", now+420)},
			"stale": []any{map[string]any{"sub": feedName("bob"), "before": now + 1, "exp": now + 420}},
		}
		maps.Copy(p, change)
		return marshal(f, p)
	}
	first := sign(f, "revocations+jwt", page(nil))
	for _, change := range []map[string]any{
		nil, {"after": 7, "cursor": 9}, {"after": 7, "cursor": 6}, {"after": 7, "more": true}, {"cursor": 3}, {"iat": now + 60}, {"iat": now + 61},
		{"exp": now - 59}, {"ended": []any{}, "stale": []any{}}, {"ended": []any{endedEntry("ended", 1)}},
		{"stale": []any{map[string]any{"sub": feedName("bob"), "before": 1, "exp": 1}}}, {"ended": []any{endedEntry("live", now+420)}},
		{"ended": []any{endedEntry("live", now+420), nil}}, {"cursor": json.Number("9223372036854775807")}, {"cursor": json.Number("9223372036854775808")},
	} {
		f.Add(page(change), int64(7))
	}
	f.Fuzz(func(t *testing.T, payload []byte, asked int64) {
		if len(payload) == 0 {
			return // is not signed
		}
		reader := verify.NewFeedReader(issuer, clock.Now, func(context.Context, jws.Header) (*jws.Key, error) { return key, nil })
		if _, _, err := reader.Take(t.Context(), first, 0); err != nil {
			t.Fatal(err)
		}
		next, _, err := reader.Take(t.Context(), sign(t, "revocations+jwt", payload), asked)
		reader.Forget(clock.Now().Add(-1)) // entries that have ended already go at once
		if !errors.Is(reader.Check(ended), verify.ErrTokenRevoked) || !errors.Is(reader.Check(stale), verify.ErrTokenInvalid) {
			t.Errorf("%q: what was known is forgotten", payload)
		}
		if next < 0 && err == nil {
			t.Errorf("%q: the next cursor is %d", payload, next)
		}
		if err != nil && (next != asked || reader.Entries() != 2 || reader.Check(live) != nil) {
			t.Errorf("%q is refused, and says: next = %d, %d entries, %v", payload, next, reader.Entries(), reader.Check(live))
		}
	})
}
