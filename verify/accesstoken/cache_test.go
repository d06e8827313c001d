package accesstoken_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// good is a token that the cache of b has seen, with claims on top of the usual ones.
func (b bench) good(t testing.TB, extra map[string]any) string {
	t.Helper()
	claims := goodClaims()
	maps.Copy(claims, extra)
	token := b.mint(goodHeader, marshal(t, claims))
	if _, err := b.verify(token); err != nil {
		t.Fatal(err)
	}
	return token
}

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// TestOtherSpellingsOfARememberedToken: whatever is not the very same text is another token, and a bad one.
func TestVM_10_OtherSpellingsOfARememberedToken(t *testing.T) { // VM-10
	b := newBench(t)
	good := b.good(t, nil)
	var others []string
	for i := range good {
		for bit := range 8 {
			others = append(others, good[:i]+string([]byte{good[i] ^ 1<<bit})+good[i+1:])
		}
		others = append(others, good[:i]+good[i+1:], good[:i]+"\n"+good[i:])
	}
	parts := strings.Split(good, ".")
	for i, part := range parts {
		last := strings.IndexByte(base64url, part[len(part)-1])
		for low := 1; low < 16; low++ { // the unused bits of the last character, and some that are used
			respelt := slices.Clone(parts)
			respelt[i] = part[:len(part)-1] + string(base64url[last^low])
			others = append(others, strings.Join(respelt, "."))
		}
		padded := slices.Clone(parts)
		padded[i] += "=="
		others = append(others, strings.Join(padded, "."))
	}
	others = append(others, good+"\n", good+" ", " "+good, good+"=", good+".", good+".x", "."+good, good+good, strings.ToLower(good))
	for _, token := range others {
		if c, err := b.verify(token); c != nil || !errors.Is(err, accesstoken.ErrInvalid) {
			t.Errorf("Verify(%q) = %v, %v, want %v; the good one is %q", token, c, err, accesstoken.ErrInvalid, good)
		}
	}
	if !b.rules.Cache.Has(good) {
		t.Error("the good token is forgotten")
	}
}

// TestTimesOfARememberedToken moves the clock between two uses.
func TestTimesOfARememberedToken(t *testing.T) {
	b := newBench(t)
	at := now
	b.rules.Now = func() time.Time { return at }
	good := b.good(t, map[string]any{"nbf": now.Unix() - 100, "iat": now.Unix() - 1000})
	recent := b.good(t, map[string]any{"iat": now.Unix()})
	tests := []struct {
		name  string
		token string
		moved time.Duration
		want  error
	}{
		{"a second before the end", good, 5*time.Minute + 59*time.Second, nil},
		{"the end", good, 6 * time.Minute, accesstoken.ErrExpired},
		{"long after", good, 24 * time.Hour, accesstoken.ErrExpired},
		{"back before the end", good, 0, nil},
		{"nbf", good, -160 * time.Second, nil},
		{"before nbf", good, -161 * time.Second, accesstoken.ErrInvalid},
		{"iat", recent, -60 * time.Second, nil},
		{"before iat", recent, -61 * time.Second, accesstoken.ErrInvalid},
	}
	for _, tt := range tests {
		at = now.Add(tt.moved)
		c, err := b.rules.Verify(tt.token, b.find)
		if !errors.Is(err, tt.want) || (c == nil) != (tt.want != nil) || errors.Is(err, accesstoken.ErrExpired) != (tt.want == accesstoken.ErrExpired) {
			t.Errorf("Verify at %s = %v, %v, want %v", tt.name, c, err, tt.want)
		}
		if !b.rules.Cache.Has(tt.token) {
			t.Fatalf("the token is forgotten at %s: the test shows nothing", tt.name)
		}
	}
}

// TestKeyOfARememberedToken: the key that counts is the one that is found now.
func TestKeyOfARememberedToken(t *testing.T) {
	b, other := newBench(t), newBench(t)
	good := b.good(t, nil)
	newKey := func(id string, from bench) *jws.Key {
		k, err := jws.NewKey(id, from.private.Public())
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	down := errors.New("keys unavailable")
	tests := []struct {
		name string
		key  *jws.Key
		err  error
		want error
	}{
		{"withdrawn", nil, jws.ErrUnknownKey, jws.ErrUnknownKey},
		{"withdrawn, beside a key", b.key, jws.ErrUnknownKey, jws.ErrUnknownKey},
		{"unavailable", nil, down, down},
		{"neither key nor error", nil, nil, jws.ErrKey},
		{"another key under the same ID", newKey("k", other), nil, jws.ErrSignature},
		{"the same key under another ID", newKey("k2", b), nil, jws.ErrKey},
		{"the same key, read again", newKey("k", b), nil, nil},
		{"the same key", b.key, nil, nil},
	}
	for _, tt := range tests {
		asked := 0
		c, err := b.rules.Verify(good, func(h jws.Header) (*jws.Key, error) {
			asked++
			if want := (jws.Header{Algorithm: jws.EdDSA, KeyID: "k", HasKeyID: true, Type: "at+jwt"}); h != want {
				t.Errorf("key asked for with %+v, want %+v", h, want)
			}
			return tt.key, tt.err
		})
		if !errors.Is(err, tt.want) || (c == nil) != (tt.want != nil) || asked == 0 {
			t.Errorf("Verify with the key %s = %v, %v, want %v", tt.name, c, err, tt.want)
		}
		if errors.Is(err, accesstoken.ErrInvalid) == (tt.want == down || tt.want == nil) {
			t.Errorf("Verify with the key %s = %v: a statement about the token where there is none, or the reverse", tt.name, err)
		}
	}
}

// TestKeyUnderChangingIDs: a token without "kid" is remembered under the key that verified it last, once, and pushes no
// other out.
func TestKeyUnderChangingIDs(t *testing.T) {
	b := newBench(t)
	const others = 300
	for i := range others {
		b.rules.Cache.Remember(fmt.Sprint(i), &accesstoken.Claims{})
	}
	before := b.rules.Cache.Len()
	token := b.mint(`{"alg":"EdDSA","typ":"at+jwt"}`, marshal(t, goodClaims()))
	for i := range 200 {
		key, err := jws.NewKey(fmt.Sprint(i%3), b.private.Public())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.rules.Verify(token, func(jws.Header) (*jws.Key, error) { return key, nil }); err != nil {
			t.Fatalf("Verify with key %q = %v", key.ID(), err)
		}
	}
	if got := b.rules.Cache.Len(); before != others+1 || got != before+1 {
		t.Errorf("%d tokens are remembered, and one more makes %d, want %d and %d", before, got, others+1, others+2)
	}
}

// TestRulesThatShareACache: what one believes is nothing to the other.
func TestRulesThatShareACache(t *testing.T) {
	b := newBench(t)
	good := b.good(t, nil)
	for name, change := range map[string]func(*accesstoken.Rules){
		"another issuer":       func(r *accesstoken.Rules) { r.Issuer += "2" },
		"another audience":     func(r *accesstoken.Rules) { r.Audience = []string{"payroll"} },
		"another clock":        func(r *accesstoken.Rules) { r.Now = time.Now },
		"no issuer":            func(r *accesstoken.Rules) { r.Issuer = "" },
		"no audience":          func(r *accesstoken.Rules) { r.Audience = nil },
		"an audience, but one": func(r *accesstoken.Rules) { r.Audience = []string{""} },
	} {
		other := b.rules
		change(&other)
		if c, err := other.Verify(good, b.find); c != nil || err == nil {
			t.Errorf("Verify by rules with %s = %v, %v, want an error", name, c, err)
		}
	}
	other := b.rules
	other.Audience = []string{"x", "orders"}
	if _, err := other.Verify(good, b.find); err != nil {
		t.Errorf("Verify by rules that accept it = %v", err)
	}
}

// TestClaimsCannotBePoisoned changes everything that a handler can reach and checks what the next one gets.
func TestClaimsCannotBePoisoned(t *testing.T) {
	b := newBench(t)
	extra := map[string]any{
		"aud": []any{"orders", "x", "y"}, "scope": "a b", "groups": []any{"staff"},
		"deep": map[string]any{"list": []any{map[string]any{"role": "reader"}, []any{"z"}}},
	}
	good := b.good(t, extra)
	want, err := b.verify(good)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // what the first use gave, and what a later one did
		c, err := b.rules.Verify(good, b.find)
		if err != nil {
			t.Fatal(err)
		}
		c.Subject, c.Issuer, c.ExpiresAt = "mallory", "evil", now.Add(1e6*time.Hour)
		c.Audience[0] = "payroll"
		_ = append(c.Audience[:1], "payroll")
		c.Groups()[0] = "admins"
		c.Scope()[0] = "root"
		for _, deep := range []any{c.Claim("deep"), c.All()["deep"]} {
			object := deep.(map[string]any)
			list := object["list"].([]any)
			list[0].(map[string]any)["role"] = "admin"
			list[1].([]any)[0] = "admin"
			list[1] = "admin"
			object["role"] = "admin"
		}
		c.Claim("groups").([]any)[0] = "admins"
		all := c.All()
		all["sub"] = "mallory"
		delete(all, "exp")
		if c.Claim("sub") != "alice" || c.Groups()[0] != "staff" {
			t.Errorf("Claim(sub), Groups() = %v, %v: a change of a copy reached the claims", c.Claim("sub"), c.Groups())
		}
		if got, err := b.rules.Verify(good, b.find); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Verify after the changes = %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestNewCache(t *testing.T) {
	for tokens, want := range map[int]int{-1: 0, 0: 0, 1: 32, 32: 32, 33: 64, 1000: 1024} {
		cache := accesstoken.NewCache(tokens)
		if cache == nil {
			if want != 0 {
				t.Errorf("NewCache(%d) = nil", tokens)
			}
			continue
		}
		var claims accesstoken.Claims
		for i := range 100 * want {
			cache.Remember(fmt.Sprint(i), &claims)
		}
		if got := cache.Len(); got > want || got < want/2 {
			t.Errorf("NewCache(%d) remembers %d of many tokens, want between %d and %d", tokens, got, want/2, want)
		}
	}
}

// TestMillionTokens: neither their number nor their weight fills the memory.
func TestMillionTokens(t *testing.T) {
	const size = 8192
	b := newBench(t)
	light, err := b.verify(b.good(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	heavy, err := b.verify(b.good(t, map[string]any{"x": make([]map[string]int, 1000)}))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name       string
		claims     *accesstoken.Claims
		count      int
		least, max int // that are remembered
	}{
		{"light", light, 1_000_000, size / 2, size},
		{"heavy", heavy, 20_000, size / 64, size / 8},
	}
	for _, tt := range tests {
		cache := accesstoken.NewCache(size)
		for i := range tt.count {
			cache.Remember(fmt.Sprint(i), tt.claims)
			if i%(tt.count/10) == 0 && (cache.Len() > tt.max || cache.Weight() > size<<11) {
				t.Fatalf("%d %s tokens of %d bytes are remembered after %d, want at most %d of %d", cache.Len(), tt.name, cache.Weight(), i, tt.max, size<<11)
			}
		}
		if got := cache.Len(); got < tt.least || got > tt.max || cache.Weight() > size<<11 {
			t.Errorf("%d %s tokens of %d bytes are remembered, want %d to %d of %d", got, tt.name, cache.Weight(), tt.least, tt.max, size<<11)
		}
	}
}

// TestWeightIsTheMemory compares what the cache believes to use with what is in use.
func TestWeightIsTheMemory(t *testing.T) {
	b := newBench(t)
	for name, extra := range map[string]any{
		"nothing more": nil, "text": strings.Repeat("x", 3000), "numbers": make([]int, 2000), "empty lists": slices.Repeat([][]int{{}}, 1000),
		"empty objects": slices.Repeat([]map[string]int{{}}, 1000), "small objects": slices.Repeat([]map[string]int{{"a": 1}}, 400),
		"a large object": maps.Collect(func(yield func(string, int) bool) {
			for i := 0; i < 200 && yield(fmt.Sprint(i), i); i++ {
			}
		}),
	} {
		const count = 100
		b.rules.Cache = accesstoken.NewCache(1 << 20)
		payload := goodClaims()
		payload["x"] = extra
		tokens := make([]string, count)
		for i := range tokens {
			payload["jti"] = fmt.Sprintf("%032d", i)
			tokens[i] = b.mint(goodHeader, marshal(t, payload))
		}
		before := heap()
		for _, token := range tokens {
			if _, err := b.rules.Verify(token, b.find); err != nil {
				t.Fatal(err)
			}
		}
		used, weight := int(heap()-before), b.rules.Cache.Weight()
		runtime.KeepAlive(tokens) // or they would be missing from what is used
		if b.rules.Cache.Len() != count || used > weight*11/10 || used < weight/4 {
			t.Errorf("%d tokens with %s weigh %d bytes, and %d are used", b.rules.Cache.Len(), name, weight, used)
		}
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // the first may have found what the second frees
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestUsedTokensStay(t *testing.T) {
	b := newBench(t)
	b.rules.Cache = accesstoken.NewCache(32)
	used, unused := b.good(t, nil), b.good(t, map[string]any{"jti": "unused"})
	for i := range 1000 {
		b.rules.Cache.Remember(fmt.Sprint(i), &accesstoken.Claims{})
		if _, err := b.rules.Verify(used, b.find); err != nil || !b.rules.Cache.Has(used) {
			t.Fatalf("Verify = %v; remembered after %d others: %v", err, i+1, b.rules.Cache.Has(used))
		}
	}
	if b.rules.Cache.Has(unused) {
		t.Error("a token that nobody used is remembered after 1000 others")
	}
}

// TestTooHeavy: a token that would take all the room is verified each time.
func TestTooHeavy(t *testing.T) {
	b := newBench(t)
	b.rules.Cache = accesstoken.NewCache(1)
	claims := goodClaims()
	claims["x"] = make([]int, 1000)
	token := b.mint(goodHeader, marshal(t, claims))
	for range 2 {
		if _, err := b.rules.Verify(token, b.find); err != nil || b.rules.Cache.Len() != 0 {
			t.Errorf("Verify = %v with %d tokens remembered, want none", err, b.rules.Cache.Len())
		}
	}
}

// TestSeenTokenAllocatesTwice holds the measure of a token that was seen: its bytes for the hash, and the copy.
func TestSeenTokenAllocatesTwice(t *testing.T) {
	b := newBench(t)
	good := b.good(t, nil)
	again, err := jws.NewKey("k", b.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]*jws.Key{"the same key": b.key, "an equal key": again} {
		got := testing.AllocsPerRun(100, func() {
			if _, err := b.rules.Verify(good, func(jws.Header) (*jws.Key, error) { return key, nil }); err != nil {
				t.Error(err)
			}
		})
		if got > 2 {
			t.Errorf("Verify with %s takes %v allocations, want at most 2", name, got)
		}
	}
}

// TestConcurrentUse mixes tokens, clocks and a key that comes and goes in a cache too small for them.
func TestConcurrentUse(t *testing.T) {
	b := newBench(t)
	b.rules.Cache = accesstoken.NewCache(32)
	tokens := make([]string, 200)
	for i := range tokens {
		claims := goodClaims()
		claims["sub"], claims["deep"] = fmt.Sprint(i), map[string]any{"n": i}
		tokens[i] = b.mint(goodHeader, marshal(t, claims))
	}
	var users sync.WaitGroup
	for user := range 8 {
		users.Go(func() {
			for i, token := range tokens {
				i = (i*7 + user*13) % len(tokens)
				token = tokens[i]
				c, err := b.rules.Verify(token, b.find)
				if err != nil || c.Subject != fmt.Sprint(i) || c.Audience[0] != "orders" {
					t.Errorf("Verify of token %d = %+v, %v", i, c, err)
					return
				}
				c.Audience[0], c.Subject = "x", "y"
				c.Claim("deep").(map[string]any)["n"] = user
				if _, err := b.rules.Verify(token, func(jws.Header) (*jws.Key, error) { return nil, jws.ErrUnknownKey }); !errors.Is(err, accesstoken.ErrInvalid) {
					t.Errorf("Verify of token %d with its key withdrawn = %v", i, err)
				}
			}
		})
	}
	users.Wait()
}

// FuzzCached: at any time, for any token that is nearly a good one, and whatever was seen before, the verdict with a
// cache is the one without.
func FuzzCached(f *testing.F) {
	b := newBench(f)
	var tokens []string
	for _, extra := range []map[string]any{nil, {"nbf": now.Unix(), "iat": now.Unix() - 1000}, {"aud": "billing", "deep": []any{map[string]any{}}}} {
		tokens = append(tokens, b.good(f, extra))
	}
	f.Add(uint8(0), uint16(0), []byte(nil), int32(0))
	f.Add(uint8(1), uint16(0), []byte(nil), int32(-61))
	f.Add(uint8(2), uint16(0), []byte(nil), int32(360))
	f.Add(uint8(0), uint16(40), []byte("x"), int32(0))
	f.Add(uint8(1), uint16(len(tokens[1])-1), []byte("A"), int32(0))
	f.Add(uint8(2), uint16(len(tokens[2])), []byte("\n"), int32(0))
	f.Fuzz(func(t *testing.T, which uint8, position uint16, replacement []byte, seconds int32) {
		b := b
		b.rules.Now = func() time.Time { return now.Add(time.Duration(seconds) * time.Second) }
		token := tokens[int(which)%len(tokens)]
		at := int(position) % (len(token) + 1)
		token = token[:at] + string(replacement) + token[min(at+len(replacement), len(token)):]
		uncached := b.rules
		uncached.Cache = nil
		want, wantErr := uncached.Verify(token, b.find)
		for range 2 {
			got, err := b.rules.Verify(token, b.find)
			if fmt.Sprint(err) != fmt.Sprint(wantErr) || !reflect.DeepEqual(got, want) {
				t.Errorf("Verify(%q) %d s later with a cache = %v, %v, without %v, %v", token, seconds, got, err, want, wantErr)
			}
		}
	})
}

// BenchmarkVerifySeen is a token that was verified before.
func BenchmarkVerifySeen(b *testing.B) {
	bench := newBench(b)
	token := bench.good(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bench.rules.Verify(token, bench.find); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyNew is a token that was not, with a cache that is full.
func BenchmarkVerifyNew(b *testing.B) {
	bench := newBench(b)
	bench.rules.Cache = accesstoken.NewCache(2048)
	tokens := make([]string, 5000)
	for i := range tokens {
		claims := goodClaims()
		claims["jti"] = fmt.Sprint(i)
		tokens[i] = bench.mint(goodHeader, marshal(b, claims))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := bench.rules.Verify(tokens[i%len(tokens)], bench.find); err != nil {
			b.Fatal(err)
		}
	}
}
