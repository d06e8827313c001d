package accesstoken_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

const issuer = "https://app.example.com/auth"

var now = time.Unix(1_700_000_000, 0).UTC()

// bench is a key pair with the rules that its tokens meet. Their cache has seen a good token.
type bench struct {
	private ed25519.PrivateKey
	key     *jws.Key
	rules   accesstoken.Rules
}

func newBench(t testing.TB) bench {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := jws.NewKey("k", private.Public())
	if err != nil {
		t.Fatal(err)
	}
	b := bench{private, key, accesstoken.Rules{
		Issuer: issuer, Audience: []string{"orders", "billing"}, Leeway: 60 * time.Second,
		Now: func() time.Time { return now }, Cache: accesstoken.NewCache(1000),
	}}
	if _, err := b.verify(b.mint(goodHeader, marshal(t, goodClaims()))); err != nil {
		t.Fatal(err)
	}
	return b
}

// goodClaims is a fresh copy of the claims of a good token.
func goodClaims() map[string]any {
	return map[string]any{
		"iss": issuer, "sub": "alice", "aud": []any{"orders"}, "exp": now.Unix() + 300, "iat": now.Unix(),
		"jti": "token-1", "sid": "session-1", "client_id": "sallyport", "token_type": "access", "user_id": "alice-id",
	}
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const goodHeader = `{"alg":"EdDSA","kid":"k","typ":"at+jwt"}`

// mint signs raw bytes, so that the header and the claims can be anything.
func (b bench) mint(header, payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(header)) + "." + encode([]byte(payload))
	return input + "." + encode(ed25519.Sign(b.private, []byte(input)))
}

func (b bench) find(jws.Header) (*jws.Key, error) { return b.key, nil }

// verify verifies without the cache and then twice with it. A verdict that is not the same comes back as an error that
// no test wants.
func (b bench) verify(token string) (*accesstoken.Claims, error) {
	uncached := b.rules
	uncached.Cache = nil
	claims, err := uncached.Verify(token, b.find)
	remembered := b.rules.Cache.Has(token) || err == nil
	for _, turn := range []string{"first", "second"} {
		got, gotErr := b.rules.Verify(token, b.find)
		if fmt.Sprint(gotErr) != fmt.Sprint(err) || !reflect.DeepEqual(got, claims) || b.rules.Cache.Has(token) != remembered {
			return nil, fmt.Errorf("the %s time with a cache: %v, %v (remembered: %v); without: %v, %v",
				turn, got, gotErr, b.rules.Cache.Has(token), claims, err)
		}
	}
	return claims, err
}

func TestVerify(t *testing.T) {
	b := newBench(t)
	claims := goodClaims()
	maps.Copy(claims, map[string]any{
		"scope": "orders:read  orders:write", "groups": []any{"admins", "staff"}, "nbf": now.Unix(),
		"plan": map[string]any{"name": "gold", "seats": 5}, "nothing": nil,
	})
	got, err := b.verify(b.mint(goodHeader, marshal(t, claims)))
	if err != nil {
		t.Fatalf("Verify = %v", err)
	}
	fields := []struct {
		name      string
		got, want any
	}{
		{"Issuer", got.Issuer, issuer},
		{"Subject", got.Subject, "alice"},
		{"Audience", got.Audience, []string{"orders"}},
		{"ExpiresAt", got.ExpiresAt, now.Add(5 * time.Minute)},
		{"IssuedAt", got.IssuedAt, now},
		{"ID", got.ID, "token-1"},
		{"SessionID", got.SessionID, "session-1"},
		{"ClientID", got.ClientID, "sallyport"},
		{"UserID", got.UserID, "alice-id"},
		{"Scope", got.Scope(), []string{"orders:read", "orders:write"}},
		{"Groups", got.Groups(), []string{"admins", "staff"}},
		{"Claim(sub)", got.Claim("sub"), "alice"},
		{"Claim(plan)", got.Claim("plan"), map[string]any{"name": "gold", "seats": json.Number("5")}},
		{"Claim(nothing)", got.Claim("nothing"), nil},
		{"Claim(absent)", got.Claim("absent"), nil},
		{"Claim(SUB)", got.Claim("SUB"), nil},
		{"names", slices.Sorted(maps.Keys(got.All())), slices.Sorted(maps.Keys(claims))},
	}
	for _, f := range fields {
		if !reflect.DeepEqual(f.got, f.want) {
			t.Errorf("%s = %#v, want %#v", f.name, f.got, f.want)
		}
	}
	got.All()["sub"] = "mallory"
	if got.Claim("sub") != "alice" {
		t.Error("All() is not a copy: a change of it reached the claims")
	}
}

func TestClaimsWithoutExtras(t *testing.T) {
	var zero accesstoken.Claims
	if zero.All() == nil || zero.Claim("sub") != nil || len(zero.Scope()) != 0 || len(zero.Groups()) != 0 {
		t.Errorf("zero claims = %v %v %v %v, want nothing", zero.All(), zero.Claim("sub"), zero.Scope(), zero.Groups())
	}
}

func TestScopeAndGroupsOfOtherTypes(t *testing.T) {
	b := newBench(t)
	tests := []struct {
		name           string
		scope, groups  any
		scopes, member []string
	}{
		{"scope a list", []any{"orders:read"}, nil, nil, nil},
		{"scope a number", 1, nil, nil, nil},
		{"scope empty", "", nil, nil, nil},
		{"groups a string", nil, "admins", nil, nil},
		{"groups with a number", nil, []any{"admins", 1}, nil, nil},
		{"groups an object", nil, map[string]any{"admins": true}, nil, nil},
		{"groups empty", nil, []any{}, nil, nil},
		{"both", "a", []any{"b"}, []string{"a"}, []string{"b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			claims := goodClaims()
			claims["scope"], claims["groups"] = tt.scope, tt.groups
			c, err := b.verify(b.mint(goodHeader, marshal(t, claims)))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(c.Scope(), tt.scopes) || !slices.Equal(c.Groups(), tt.member) {
				t.Errorf("Scope, Groups = %q, %q, want %q, %q", c.Scope(), c.Groups(), tt.scopes, tt.member)
			}
		})
	}
}

func TestVerifyType(t *testing.T) {
	b := newBench(t)
	tests := []struct {
		name, header string
		ok           bool
	}{
		{"at+jwt", `{"alg":"EdDSA","typ":"at+jwt"}`, true},
		{"VM-05 at+jwt in upper case", `{"alg":"EdDSA","typ":"AT+JWT"}`, true},
		{"VM-05 media type", `{"alg":"EdDSA","typ":"application/at+jwt"}`, true},
		{"VM-05 media type in mixed case", `{"alg":"EdDSA","typ":"Application/At+Jwt"}`, true},
		{"VM-05 JWT", `{"alg":"EdDSA","typ":"JWT"}`, false},
		{"VM-05 absent", `{"alg":"EdDSA"}`, false},
		{"VM-05 empty", `{"alg":"EdDSA","typ":""}`, false},
		{"VM-05 refresh+jwt", `{"alg":"EdDSA","typ":"refresh+jwt"}`, false},
		{"VM-05 logout+jwt", `{"alg":"EdDSA","typ":"logout+jwt"}`, false},
		{"VM-05 revocations+jwt", `{"alg":"EdDSA","typ":"revocations+jwt"}`, false},
		{"VM-05 dpop+jwt", `{"alg":"EdDSA","typ":"dpop+jwt"}`, false},
		{"VM-05 longer", `{"alg":"EdDSA","typ":"at+jwt2"}`, false},
		{"VM-05 with a space", `{"alg":"EdDSA","typ":" at+jwt"}`, false},
		{"VM-05 with a parameter", `{"alg":"EdDSA","typ":"application/at+jwt; a=b"}`, false},
		{"VM-05 another tree", `{"alg":"EdDSA","typ":"text/at+jwt"}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := b.verify(b.mint(tt.header, marshal(t, goodClaims())))
			if tt.ok != (err == nil) || err != nil && !errors.Is(err, accesstoken.ErrInvalid) {
				t.Errorf("Verify(%s) = %v, want ok = %v", tt.header, err, tt.ok)
			}
		})
	}
}

func TestVerifyClaims(t *testing.T) {
	absent := new(int)
	tests := []struct {
		name  string
		claim string
		value any
		want  error // nil: accepted
	}{
		{"VM-07 issuer of another deployment", "iss", "https://other.example.com/auth", accesstoken.ErrInvalid},
		{"VM-07 issuer with a suffix", "iss", issuer + ".evil.example", accesstoken.ErrInvalid},
		{"VM-07 prefix of the issuer", "iss", issuer[:len(issuer)-1], accesstoken.ErrInvalid},
		{"VM-07 issuer in other case", "iss", strings.ToUpper(issuer), accesstoken.ErrInvalid},
		{"VM-07 issuer with a slash more", "iss", issuer + "/", accesstoken.ErrInvalid},
		{"VM-07 issuer over http", "iss", strings.Replace(issuer, "https", "http", 1), accesstoken.ErrInvalid},
		{"VM-07 issuer missing", "iss", absent, accesstoken.ErrInvalid},
		{"VM-07 issuer a list", "iss", []any{issuer}, accesstoken.ErrInvalid},
		{"VM-07 issuer null", "iss", nil, accesstoken.ErrInvalid},
		{"audience a string", "aud", "orders", nil},
		{"second audience", "aud", "billing", nil},
		{"one of several audiences", "aud", []any{"x", "orders"}, nil},
		{"foreign audience", "aud", "payroll", accesstoken.ErrInvalid},
		{"foreign audiences", "aud", []any{"payroll", "x"}, accesstoken.ErrInvalid},
		{"audience in other case", "aud", "Orders", accesstoken.ErrInvalid},
		{"audience with a suffix", "aud", "orders2", accesstoken.ErrInvalid},
		{"two audiences in one string", "aud", "orders billing", accesstoken.ErrInvalid},
		{"audience empty", "aud", "", accesstoken.ErrInvalid},
		{"no audience in the list", "aud", []any{}, accesstoken.ErrInvalid},
		{"audience with a number", "aud", []any{"orders", 1}, accesstoken.ErrInvalid},
		{"audience an object", "aud", map[string]any{"orders": 1}, accesstoken.ErrInvalid},
		{"audience missing", "aud", absent, accesstoken.ErrInvalid},
		{"subject missing", "sub", absent, accesstoken.ErrInvalid},
		{"subject empty", "sub", "", accesstoken.ErrInvalid},
		{"subject a number", "sub", 1, accesstoken.ErrInvalid},
		{"subject null", "sub", nil, accesstoken.ErrInvalid},
		{"jti missing", "jti", absent, accesstoken.ErrInvalid},
		{"jti empty", "jti", "", accesstoken.ErrInvalid},
		{"sid missing", "sid", absent, accesstoken.ErrInvalid},
		{"sid a list", "sid", []any{"s"}, accesstoken.ErrInvalid},
		{"client_id missing", "client_id", absent, accesstoken.ErrInvalid},
		{"client_id false", "client_id", false, accesstoken.ErrInvalid},
		{"user_id missing", "user_id", absent, accesstoken.ErrInvalid},
		{"user_id a number", "user_id", 7, accesstoken.ErrInvalid},
		{"token_type missing", "token_type", absent, accesstoken.ErrInvalid},
		{"token_type refresh", "token_type", "refresh", accesstoken.ErrInvalid},
		{"token_type in upper case", "token_type", "Access", accesstoken.ErrInvalid},
		{"token_type a list", "token_type", []any{"access"}, accesstoken.ErrInvalid},
		{"bound to a key", "cnf", map[string]any{"jkt": "x"}, accesstoken.ErrInvalid},
		{"cnf null", "cnf", nil, accesstoken.ErrInvalid},
		{"exp missing", "exp", absent, accesstoken.ErrInvalid},
		{"exp as text", "exp", fmt.Sprint(now.Unix() + 300), accesstoken.ErrInvalid},
		{"exp null", "exp", nil, accesstoken.ErrInvalid},
		{"exp 1e300", "exp", json.Number("1e300"), accesstoken.ErrInvalid},
		{"exp negative", "exp", -1, accesstoken.ErrInvalid},
		{"exp zero", "exp", 0, accesstoken.ErrInvalid},
		{"exp with a fraction", "exp", json.Number(fmt.Sprintf("%d.5", now.Unix()+1)), nil},
		{"exp 59 s ago", "exp", now.Unix() - 59, nil},
		{"exp 60 s ago", "exp", now.Unix() - 60, accesstoken.ErrExpired},
		{"exp 61 s ago", "exp", now.Unix() - 61, accesstoken.ErrExpired},
		{"exp a day ago", "exp", now.Unix() - 86400, accesstoken.ErrExpired},
		{"iat missing", "iat", absent, accesstoken.ErrInvalid},
		{"iat as text", "iat", "1700000000", accesstoken.ErrInvalid},
		{"iat in 59 s", "iat", now.Unix() + 59, nil},
		{"iat in 60 s", "iat", now.Unix() + 60, nil},
		{"iat in 61 s", "iat", now.Unix() + 61, accesstoken.ErrInvalid},
		{"nbf absent", "nbf", absent, nil},
		{"nbf in 60 s", "nbf", now.Unix() + 60, nil},
		{"nbf in 61 s", "nbf", now.Unix() + 61, accesstoken.ErrInvalid},
		{"nbf as text", "nbf", fmt.Sprint(now.Unix()), accesstoken.ErrInvalid},
		{"nbf null", "nbf", nil, accesstoken.ErrInvalid},
		{"claim names that differ by case", "SUB", "mallory", nil},
	}
	b := newBench(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			claims := goodClaims()
			if claims[tt.claim] = tt.value; tt.value == absent {
				delete(claims, tt.claim)
			}
			c, err := b.verify(b.mint(goodHeader, marshal(t, claims)))
			if !errors.Is(err, tt.want) {
				t.Fatalf("Verify(%v) = %v, want %v", claims, err, tt.want)
			}
			if err == nil && c.Subject != "alice" || err != nil && c != nil {
				t.Errorf("claims = %+v beside error %v", c, err)
			}
			if errors.Is(err, accesstoken.ErrExpired) != (tt.want == accesstoken.ErrExpired) {
				t.Errorf("Verify(%v) = %v: expiry is said of another fault", claims, err)
			}
		})
	}
}

func TestExpiredIsSaidOfGoodTokensOnly(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"iss", "aud", "token_type", "sub"} {
		claims := goodClaims()
		claims["exp"], claims[name] = now.Unix()-3600, "other"
		if name == "sub" {
			claims[name] = ""
		}
		if _, err := b.verify(b.mint(goodHeader, marshal(t, claims))); !errors.Is(err, accesstoken.ErrInvalid) || errors.Is(err, accesstoken.ErrExpired) {
			t.Errorf("Verify of an expired token with a bad %s = %v, want plain %v", name, err, accesstoken.ErrInvalid)
		}
	}
}

func TestVerifyPayload(t *testing.T) {
	b := newBench(t)
	good := marshal(t, goodClaims())
	tests := []struct{ name, payload string }{
		{"null", "null"},
		{"list", "[" + good + "]"},
		{"text", "hello"},
		{"SX-22 a token inside a token", b.mint(goodHeader, good)},
		{"SX-23 exp twice", strings.Replace(good, `"exp":`, `"exp":1,"exp":`, 1)},
		{"SX-23 sub twice", strings.Replace(good, `"sub":`, `"sub":"mallory","sub":`, 1)},
		{"SX-23 sub twice, escaped", strings.Replace(good, `"sub":`, `"s\u0075b":"mallory","sub":`, 1)},
		{"SX-23 data behind the claims", good + "{}"},
		{"SX-23 byte order mark", "\xef\xbb\xbf" + good},
		{"SX-23 invalid UTF-8", strings.Replace(good, "alice", "al\xffce", 1)},
		{"number beyond float64", strings.Replace(good, `{`, `{"x":1e999,`, 1)},
		{"cut", good[:len(good)-1]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if c, err := b.verify(b.mint(goodHeader, tt.payload)); c != nil || !errors.Is(err, accesstoken.ErrInvalid) {
				t.Errorf("Verify(%q) = %v, %v, want %v", tt.payload, c, err, accesstoken.ErrInvalid)
			}
		})
	}
}

func TestVerifyToken(t *testing.T) {
	b, other := newBench(t), newBench(t)
	good := marshal(t, goodClaims())
	long := goodClaims()
	long["x"] = strings.Repeat("x", accesstoken.MaxBytes)
	tests := []struct{ name, token string }{
		{"empty", ""},
		{"VM-10 newline after it", b.mint(goodHeader, good) + "\n"},
		{"VM-04 crit", b.mint(`{"alg":"EdDSA","kid":"k","typ":"at+jwt","crit":[]}`, good)},
		{"VM-02 none", b.mint(`{"alg":"none","kid":"k","typ":"at+jwt"}`, good)},
		{"VM-02 kid of a key of another type", b.mint(`{"alg":"RS256","kid":"k","typ":"at+jwt"}`, good)},
		{"another key", other.mint(goodHeader, good)},
		{"beyond 8 KiB", b.mint(goodHeader, marshal(t, long))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if c, err := b.verify(tt.token); c != nil || !errors.Is(err, accesstoken.ErrInvalid) {
				t.Errorf("Verify = %v, %v, want %v", c, err, accesstoken.ErrInvalid)
			}
		})
	}
}

// TestKeyIsAskedLate: the cheap checks come first, and claims are read only after the signature.
func TestKeyIsAskedLate(t *testing.T) {
	b := newBench(t)
	tests := []struct {
		name, token string
		asked       bool
	}{
		{"malformed", "x.y.z", false},
		{"another typ", b.mint(`{"alg":"EdDSA","typ":"JWT"}`, "{}"), false},
		{"claims not JSON", b.mint(goodHeader, "x"), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asked := false
			_, err := b.rules.Verify(tt.token, func(jws.Header) (*jws.Key, error) { asked = true; return b.key, nil })
			if err == nil || asked != tt.asked {
				t.Errorf("Verify = %v with the key asked for: %v, want %v", err, asked, tt.asked)
			}
		})
	}
}

func TestVerifyKeyErrors(t *testing.T) {
	b := newBench(t)
	down := errors.New("keys unavailable")
	tests := []struct {
		name    string
		key     *jws.Key
		err     error
		want    error
		invalid bool
	}{
		{"keys unavailable", nil, fmt.Errorf("fetch: %w", down), down, false},
		{"unknown key", nil, fmt.Errorf("set: %w", jws.ErrUnknownKey), jws.ErrUnknownKey, true},
		{"key does not fit", nil, jws.ErrKey, jws.ErrKey, true},
		{"already invalid", nil, accesstoken.ErrInvalid, accesstoken.ErrInvalid, true},
		{"neither key nor error", nil, nil, jws.ErrKey, true},
		{"key beside an error", b.key, down, down, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := b.rules.Verify(b.mint(goodHeader, marshal(t, goodClaims())), func(h jws.Header) (*jws.Key, error) {
				if h.KeyID != "k" || h.Type != "at+jwt" {
					t.Errorf("key asked for with header %+v", h)
				}
				return tt.key, tt.err
			})
			if c != nil || !errors.Is(err, tt.want) || errors.Is(err, accesstoken.ErrInvalid) != tt.invalid {
				t.Errorf("Verify = %v, %v, want %v, invalid = %v", c, err, tt.want, tt.invalid)
			}
		})
	}
}

func TestRulesMustBeComplete(t *testing.T) {
	b := newBench(t)
	claims := goodClaims()
	tests := []struct {
		name   string
		change func(*accesstoken.Rules)
	}{
		{"no issuer", func(r *accesstoken.Rules) { r.Issuer = ""; claims["iss"] = "" }},
		{"no audience", func(r *accesstoken.Rules) { r.Audience = nil }},
		{"empty audience", func(r *accesstoken.Rules) { r.Audience = []string{"", ""}; claims["aud"] = "" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spoilt := b
			tt.change(&spoilt.rules)
			c, err := spoilt.verify(b.mint(goodHeader, marshal(t, claims)))
			if c != nil || err == nil || errors.Is(err, accesstoken.ErrInvalid) {
				t.Errorf("Verify = %v, %v, want an error that is not about the token", c, err)
			}
		})
	}
}

func TestEmptyAudienceIsNoAudience(t *testing.T) {
	b := newBench(t)
	b.rules.Audience = []string{"", "orders"}
	claims := goodClaims()
	claims["aud"] = []any{""}
	if _, err := b.verify(b.mint(goodHeader, marshal(t, claims))); !errors.Is(err, accesstoken.ErrInvalid) {
		t.Errorf("Verify = %v, want %v", err, accesstoken.ErrInvalid)
	}
}

func TestLeeway(t *testing.T) {
	b := newBench(t)
	claims := goodClaims()
	claims["exp"] = now.Unix() - 1
	token := b.mint(goodHeader, marshal(t, claims))
	tests := []struct {
		leeway time.Duration
		ok     bool
	}{{0, false}, {-time.Hour, false}, {time.Second, false}, {2 * time.Second, true}}
	for _, tt := range tests {
		b.rules.Leeway = tt.leeway
		if _, err := b.verify(token); (err == nil) != tt.ok {
			t.Errorf("Verify with leeway %v = %v, want ok = %v", tt.leeway, err, tt.ok)
		}
	}
}

func TestClockDefaultsToNow(t *testing.T) {
	b := newBench(t)
	b.rules.Now = nil
	claims := goodClaims()
	claims["iat"], claims["exp"] = time.Now().Unix(), time.Now().Unix()+300
	if _, err := b.verify(b.mint(goodHeader, marshal(t, claims))); err != nil {
		t.Errorf("Verify = %v", err)
	}
	if _, err := b.verify(b.mint(goodHeader, marshal(t, goodClaims()))); !errors.Is(err, accesstoken.ErrExpired) {
		t.Errorf("Verify of a token of 2023 = %v, want %v", err, accesstoken.ErrExpired)
	}
}

func TestReserved(t *testing.T) {
	for name := range goodClaims() {
		if !accesstoken.Reserved(name) {
			t.Errorf("Reserved(%q) = false, want true", name)
		}
	}
	for name, want := range map[string]bool{
		"nbf": true, "cnf": true, "act": true, "scope": false, "groups": false, "email": false, "Sub": true, "u\u017fer_id": true, "": false,
	} {
		if got := accesstoken.Reserved(name); got != want {
			t.Errorf("Reserved(%q) = %v, want %v", name, got, want)
		}
	}
}

// Issuer and audience are what two configurations disagree about, so a log names them; nothing else.
func TestErrorsQuoteIssuerAndAudienceAlone(t *testing.T) {
	const secret = "hunter2"
	b := newBench(t)
	for name := range goodClaims() {
		claims := goodClaims()
		claims[name] = []any{secret}
		if _, err := b.verify(b.mint(goodHeader, marshal(t, claims))); err == nil || strings.Contains(err.Error(), secret) != (name == "aud") {
			t.Errorf("Verify with another %s = %v, want an error without the claim", name, err)
		}
	}
	claims := goodClaims()
	claims["iss"] = "https://other.example.com/" + strings.Repeat("x", 1000)
	if _, err := b.verify(b.mint(goodHeader, marshal(t, claims))); err == nil || !strings.Contains(err.Error(), "https://other.example.com/") || len(err.Error()) > 400 {
		t.Errorf("Verify with another issuer = %v, want the beginning of it", err)
	}
}

func BenchmarkVerify(b *testing.B) {
	bench := newBench(b)
	token := bench.mint(goodHeader, marshal(b, goodClaims()))
	b.ReportAllocs()
	bench.rules.Cache = nil
	for b.Loop() {
		if _, err := bench.rules.Verify(token, bench.find); err != nil {
			b.Fatal(err)
		}
	}
}
