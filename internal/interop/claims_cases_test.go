package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// goodClaims is a fresh copy of the claims of a good access token.
func goodClaims() map[string]any {
	return map[string]any{
		"iss": issuer, "sub": "alice", "aud": audience, "exp": today.Unix() + 300, "iat": today.Unix(),
		"jti": "token-1", "sid": "session-1", "client_id": "sallyport", "token_type": "access", "user_id": "alice-id",
	}
}

// absent takes a claim away.
var absent = new(int)

// at is a date by its distance from today, in seconds.
func at(seconds int64) json.Number { return json.Number(fmt.Sprint(today.Unix() + seconds)) }

// spoiltClaims are good claims with one changed.
var spoiltClaims = []struct {
	name, claim string
	value       any
}{
	{"good", "x", nil},
	{"exp in 1 s", "exp", at(1)},
	{"exp 59 s ago", "exp", at(-59)},
	{"exp 60 s ago", "exp", at(-60)},
	{"exp 61 s ago", "exp", at(-61)},
	{"exp a day ago", "exp", at(-86400)},
	{"exp absent", "exp", absent},
	{"exp null", "exp", nil},
	{"exp text", "exp", fmt.Sprint(today.Unix() + 300)},
	{"exp empty text", "exp", ""},
	{"exp true", "exp", true},
	{"exp a list", "exp", []any{at(300)}},
	{"exp an object", "exp", map[string]any{"seconds": at(300)}},
	{"exp zero", "exp", 0},
	{"exp negative", "exp", -1},
	{"exp with a fraction", "exp", json.Number(at(300) + ".5")},
	{"exp with an exponent", "exp", json.Number("1.7000003e9")},
	{"exp 2^53-1", "exp", json.Number("9007199254740991")},
	{"exp 2^53", "exp", json.Number("9007199254740992")},
	{"exp 2^63", "exp", json.Number("9223372036854775808")},
	{"exp 1e300", "exp", json.Number("1e300")},
	{"exp of 400 digits", "exp", json.Number(strings.Repeat("9", 400))},

	{"iat absent", "iat", absent},
	{"iat null", "iat", nil},
	{"iat text", "iat", fmt.Sprint(today.Unix())},
	{"iat in 60 s", "iat", at(60)},
	{"iat in 60.5 s", "iat", json.Number(at(60) + ".5")},
	{"iat in 61 s", "iat", at(61)},
	{"iat in a day", "iat", at(86400)},
	{"iat with a fraction", "iat", json.Number(at(0) + ".25")},
	{"iat zero", "iat", 0},
	{"iat negative", "iat", -1},
	{"iat 1e300", "iat", json.Number("1e300")},

	{"nbf today", "nbf", at(0)},
	{"nbf in 60 s", "nbf", at(60)},
	{"nbf in 61 s", "nbf", at(61)},
	{"nbf in a day", "nbf", at(86400)},
	{"nbf null", "nbf", nil},
	{"nbf text", "nbf", fmt.Sprint(today.Unix())},
	{"nbf zero", "nbf", 0},
	{"nbf negative", "nbf", -1},
	{"nbf 1e300", "nbf", json.Number("1e300")},

	{"iss absent", "iss", absent},
	{"iss null", "iss", nil},
	{"iss empty", "iss", ""},
	{"iss a list", "iss", []any{issuer}},
	{"iss a number", "iss", 1},
	{"iss another", "iss", "https://other.example.com/auth"},
	{"iss with a slash more", "iss", issuer + "/"},
	{"iss in capitals", "iss", strings.ToUpper(issuer)},
	{"iss with a NUL behind", "iss", issuer + "\x00"},

	{"aud a list of one", "aud", []any{audience}},
	{"aud a list with ours", "aud", []any{"x", audience}},
	{"aud a list with ours and an empty one", "aud", []any{"", audience}},
	{"aud absent", "aud", absent},
	{"aud null", "aud", nil},
	{"aud empty", "aud", ""},
	{"aud an empty list", "aud", []any{}},
	{"aud another", "aud", "payroll"},
	{"aud in another case", "aud", "Orders"},
	{"aud with ours inside", "aud", "orders payroll"},
	{"aud a list with a number", "aud", []any{audience, 1}},
	{"aud a list with null", "aud", []any{audience, nil}},
	{"aud a list in a list", "aud", []any{[]any{audience}}},
	{"aud an object", "aud", map[string]any{audience: true}},
	{"aud a number", "aud", 1},

	{"sub absent", "sub", absent},
	{"sub empty", "sub", ""},
	{"sub null", "sub", nil},
	{"sub a number", "sub", 1},
	{"sub a list", "sub", []any{"alice"}},
	{"jti absent", "jti", absent},
	{"jti empty", "jti", ""},
	{"jti a number", "jti", 1},
	{"sid absent", "sid", absent},
	{"sid a list", "sid", []any{"s"}},
	{"client_id absent", "client_id", absent},
	{"client_id false", "client_id", false},
	{"user_id absent", "user_id", absent},
	{"user_id a number", "user_id", 1},
	{"token_type absent", "token_type", absent},
	{"token_type refresh", "token_type", "refresh"},
	{"token_type in capitals", "token_type", "ACCESS"},
	{"cnf", "cnf", map[string]any{"jkt": "AAAA"}},
	{"cnf null", "cnf", nil},

	{"claim of another case", "SUB", "mallory"},
	{"claim that folds", "\u017fub", "mallory"},
	{"claim of every type", "x", map[string]any{"a": []any{nil, true, 1.5, "s"}}},
	{"more than 8 KB", "x", strings.Repeat("x", 8<<10)},
}

// spoiltPayloads change the text of the good claims.
var spoiltPayloads = []struct {
	name   string
	change func(good string) string
}{
	{"white space around", func(good string) string { return " \n" + good + "\t" }},
	{"null", func(string) string { return "null" }},
	{"empty object", func(string) string { return "{}" }},
	{"a list around", func(good string) string { return "[" + good + "]" }},
	{"text", func(string) string { return "text" }},
	{"exp twice, ended first", replaced(`"exp":`, `"exp":1,"exp":`)},
	{"exp twice, ended last", replaced(`"jti":`, `"exp":1,"jti":`)},
	{"sub twice", replaced(`"sub":`, `"sub":"mallory","sub":`)},
	{"sub twice, the first in escapes", replaced(`"sub":`, `"\u0073ub":"mallory","sub":`)},
	{"aud twice", replaced(`"aud":`, `"aud":"payroll","aud":`)},
	{"unknown claim twice", replaced(`{`, `{"x":1,"x":2,`)},
	{"name twice inside a claim", replaced(`{`, `{"x":{"y":1,"y":2},`)},
	{"data behind", func(good string) string { return good + "{}" }},
	{"text behind", func(good string) string { return good + " x" }},
	{"NUL behind", func(good string) string { return good + "\x00" }},
	{"byte order mark", func(good string) string { return "\xef\xbb\xbf" + good }},
	{"cut", func(good string) string { return good[:len(good)-1] }},
	{"invalid UTF-8", replaced("alice", "al\xffce")},
	{"lone surrogate", replaced(`"alice"`, `"\ud800"`)},
	{"number beyond float64", replaced(`{`, `{"x":1e999,`)},
	{"number with a leading zero", replaced(`{`, `{"x":01,`)},
	{"arrays 40 deep", replaced(`{`, `{"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`,`)},
	{"comma behind the last claim", func(good string) string { return good[:len(good)-1] + ",}" }},
}

func replaced(what, by string) func(string) string {
	return func(good string) string { return strings.Replace(good, what, by, 1) }
}

// types are values of the header "typ", as JSON.
var types = []struct{ name, typ string }{
	{"at+jwt", `"at+jwt"`},
	{"AT+JWT", `"AT+JWT"`},
	{"application/at+jwt", `"application/at+jwt"`},
	{"JWT", `"JWT"`},
	{"empty", `""`},
	{"refresh+jwt", `"refresh+jwt"`},
	{"logout+jwt", `"logout+jwt"`},
	{"dpop+jwt", `"dpop+jwt"`},
	{"at+jwt with a space in front", `" at+jwt"`},
	{"with a parameter", `"application/at+jwt;v=1"`},
}

// claimsVariants makes access tokens of one signer: right signatures over what is right or not.
func claimsVariants(t testing.TB, s signer) []variant {
	t.Helper()
	var all []variant
	good := string(marshal(t, goodClaims()))
	for _, c := range spoiltClaims {
		claims := maps.Clone(goodClaims())
		if claims[c.claim] = c.value; c.value == absent {
			delete(claims, c.claim)
		}
		all = append(all, variant{"claims: " + c.name, s.token(t, s.header(), string(marshal(t, claims)))})
	}
	for _, p := range spoiltPayloads {
		all = append(all, variant{"payload: " + p.name, s.token(t, s.header(), p.change(good))})
	}
	for _, typ := range types {
		all = append(all, variant{"typ: " + typ.name, s.token(t, strings.Replace(s.header(), `"at+jwt"`, typ.typ, 1), good)})
	}
	noType := strings.Replace(s.header(), `,"typ":"at+jwt"`, "", 1)
	inner := s.token(t, s.header(), good)
	return append(all,
		variant{"typ: absent", s.token(t, noType, good)},
		variant{"payload: a token", s.token(t, s.header(), inner)},
		variant{"spelling: newline behind", s.token(t, s.header(), good) + "\n"},
		variant{"header: crit empty", s.token(t, strings.Replace(s.header(), "{", `{"crit":[],`, 1), good)},
	)
}
