package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

var accepted = []struct {
	name, in string
	want     any
}{
	{"null", "null", nil},
	{"true in white space", " \t\r\n true\n", true},
	{"false", "false", false},
	{"empty string", `""`, ""},
	{"string", `"aé€😀"`, "aé€😀"},
	{"every short escape", `"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"},
	{"escape after text", `"ab\u0063d"`, "abcd"},
	{"escaped NUL", `"\u0000"`, "\x00"},
	{"escaped replacement character", `"\uFFFD"`, "\uFFFD"},
	{"surrogate pair", `"\uD83D\ude00"`, "😀"},
	{"DEL is no control character of RFC 8259", "\"\x7f\"", "\x7f"},
	{"zero", "0", json.Number("0")},
	{"negative zero", "-0", json.Number("-0")},
	{"number keeps its text", "-12.50e+3", json.Number("-12.50e+3")},
	{"largest float64", "1.7976931348623157e308", json.Number("1.7976931348623157e308")},
	{"underflow is finite", "1e-999", json.Number("1e-999")},
	{"empty array", "[ ]", []any{}},
	{"array", `[1,"a",[null]]`, []any{json.Number("1"), "a", []any{nil}}},
	{"empty object", "{ }", map[string]any{}},
	{"object", `{"a" : {"b":[]} , "c":1}`, map[string]any{"a": map[string]any{"b": []any{}}, "c": json.Number("1")}},
	{"names that differ by case", `{"sub":"a","SUB":"b"}`, map[string]any{"sub": "a", "SUB": "b"}},
	{"names that differ by folding", `{"sub":"a","\u017fub":"b"}`, map[string]any{"sub": "a", "ſub": "b"}},
	{"same name in two objects", `[{"a":1},{"a":2}]`, []any{map[string]any{"a": json.Number("1")}, map[string]any{"a": json.Number("2")}}},
	{"empty name", `{"":1}`, map[string]any{"": json.Number("1")}},
}

var refused = []struct{ name, in string }{
	{"empty", ""},
	{"white space alone", " \n"},
	{"invalid UTF-8", "\"\xff\""},
	{"invalid UTF-8 after a fault", "x\xff"},
	{"surrogate in UTF-8", "\"\xed\xa0\x80\""},
	{"overlong UTF-8", "\"\xc0\xaf\""},
	{"byte order mark", "\xef\xbb\xbf{}"},
	{"UTF-16", "\xff\xfe{\x00}\x00"},
	{"NUL", "\x00"},
	{"NUL after the value", "{}\x00"},
	{"name twice", `{"a":1,"a":2}`},
	{"name twice, one escaped", `{"sub":"a","\u0073ub":"b"}`},
	{"name twice, deep", `[{"x":{"a":1,"b":2,"a":1}}]`},
	{"empty name twice", `{"":1,"":2}`},
	{"two values", `{}{}`},
	{"rest", `{} x`},
	{"comma after the value", `{},`},
	{"form feed is not white space", "\f{}"},
	{"no-break space is not white space", "\u00a0{}"},
	{"lone high surrogate", `"\ud800"`},
	{"lone low surrogate", `"\udc00"`},
	{"two high surrogates", `"\ud800\ud800"`},
	{"high surrogate and letter", `"\ud800A"`},
	{"high surrogate and other escape", `"\ud800\n"`},
	{"high surrogate and escaped letter", `"\ud800\u0041"`},
	{"lone surrogate in a name", `{"\udfff":1}`},
	{"newline in a string", "\"a\nb\""},
	{"control character after an escape", "\"\\n\x01\""},
	{"unknown escape", `"\x41"`},
	{"short escape", `"\u12`},
	{"bad hex", `"\u12g4"`},
	{"signed hex", `"\u+123"`},
	{"backslash at the end", `"\`},
	{"open string", `"abc`},
	{"open string after an escape", `"\nabc`},
	{"single quotes", `'a'`},
	{"leading zero", "01"},
	{"plus", "+1"},
	{"no integer part", ".5"},
	{"no fraction", "1."},
	{"no exponent", "1e"},
	{"no exponent after sign", "1e-"},
	{"minus alone", "-"},
	{"hexadecimal", "0x10"},
	{"underscore", "1_0"},
	{"NaN", "NaN"},
	{"Infinity", "-Infinity"},
	{"number beyond float64", "1e309"},
	{"negative number beyond float64", "-1e999999999"},
	{"number beyond float64, inside", `{"exp":1e309}`},
	{"upper case literal", "True"},
	{"cut literal", "nul"},
	{"longer literal", "nulls"},
	{"open array", "[1"},
	{"trailing comma in array", "[1,]"},
	{"no comma in array", "[1 2]"},
	{"open object", `{"a":1`},
	{"trailing comma in object", `{"a":1,}`},
	{"no comma in object", `{"a":1 "b":2}`},
	{"no colon", `{"a" 1}`},
	{"no value", `{"a":}`},
	{"name is no string", `{1:1}`},
	{"bare name", `{a:1}`},
	{"comment", `{}/**/`},
	{"brackets that cross", `[{]}`},
}

func TestParseAccepts(t *testing.T) {
	for _, tt := range accepted {
		t.Run(tt.name, func(t *testing.T) {
			got, err := strictjson.Parse([]byte(tt.in))
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Parse(%q) = %#v, %v, want %#v", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			got, err := strictjson.Parse([]byte(tt.in))
			var fault *strictjson.Error
			if got != nil || !errors.As(err, &fault) {
				t.Fatalf("Parse(%q) = %#v, %v, want nil and an *Error", tt.in, got, err)
			}
			if fault.Offset < 0 || fault.Offset > len(tt.in) {
				t.Errorf("Parse(%q): offset %d is outside the input", tt.in, fault.Offset)
			}
		})
	}
}

func TestParseDepth(t *testing.T) {
	for _, pair := range [][2]string{{"[", "]"}, {`{"a":`, "}"}, {`[{"a":`, "}]"}} {
		perRepeat := strings.Count(pair[0], "[") + strings.Count(pair[0], "{")
		nest := func(n int) []byte {
			return []byte(strings.Repeat(pair[0], n/perRepeat) + "1" + strings.Repeat(pair[1], n/perRepeat))
		}
		if _, err := strictjson.Parse(nest(strictjson.MaxDepth)); err != nil {
			t.Errorf("Parse(%d levels of %s) = %v, want no error", strictjson.MaxDepth, pair[0], err)
		}
		if _, err := strictjson.Parse(nest(strictjson.MaxDepth + perRepeat)); err == nil {
			t.Errorf("Parse(%d levels of %s) = no error, want one", strictjson.MaxDepth+perRepeat, pair[0])
		}
	}
	if _, err := strictjson.Parse(bytes.Repeat([]byte("["), 1<<20)); err == nil {
		t.Error("Parse(a million brackets) = no error, want one")
	}
}

func TestErrorQuotesNothing(t *testing.T) {
	const secret = "hunter2"
	for _, in := range []string{
		`{"password":"` + secret, `{"` + secret + `":1,"` + secret + `":2}`, secret, `"\u` + secret + `"`, `{} ` + secret,
	} {
		if _, err := strictjson.Parse([]byte(in)); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("Parse(%q) = %v, want an error without the input", in, err)
		}
	}
}

func TestErrorOffset(t *testing.T) {
	tests := []struct {
		name, in string
		want     int
	}{
		{"second name", `{"a":1,"a":2}`, 7},
		{"rest", `{} x`, 3},
		{"end", `{"a":`, 5},
		{"number", `[1e400]`, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var fault *strictjson.Error
			if _, err := strictjson.Parse([]byte(tt.in)); !errors.As(err, &fault) || fault.Offset != tt.want {
				t.Errorf("Parse(%q) = %v, want offset %d", tt.in, err, tt.want)
			}
		})
	}
}

func TestParseObject(t *testing.T) {
	if got, err := strictjson.ParseObject([]byte(`{"a":1}`)); err != nil || got["a"] != json.Number("1") {
		t.Errorf("ParseObject = %v, %v, want a: 1", got, err)
	}
	for _, in := range []string{"null", "[]", `"{}"`, "1", "true", "", `{"a":1`} {
		if got, err := strictjson.ParseObject([]byte(in)); err == nil || got != nil {
			t.Errorf("ParseObject(%q) = %v, %v, want nil and an error", in, got, err)
		}
	}
}

func TestParseCopiesStrings(t *testing.T) {
	in := []byte(`{"a":"secret"}`)
	got, err := strictjson.ParseObject(in)
	if err != nil {
		t.Fatal(err)
	}
	clear(in)
	if got["a"] != "secret" {
		t.Errorf("value after the input was cleared = %q, want %q", got["a"], "secret")
	}
}

func TestDate(t *testing.T) {
	tests := []struct {
		name string
		in   any
		want int64 // 0: no date
	}{
		{"integer", json.Number("1700000000"), 1700000000},
		{"fraction is floored", json.Number("1700000000.999"), 1700000000},
		{"exponent", json.Number("1.7e9"), 1700000000},
		{"one", json.Number("1"), 1},
		{"largest", json.Number("9007199254740991"), 1<<53 - 1},
		{"2^53", json.Number("9007199254740992"), 0},
		{"1e300", json.Number("1e300"), 0},
		{"zero", json.Number("0"), 0},
		{"negative zero", json.Number("-0"), 0},
		{"negative", json.Number("-1"), 0},
		{"negative fraction", json.Number("-0.5"), 0},
		{"beyond int64", json.Number("99999999999999999999"), 0},
		{"string", "1700000000", 0},
		{"float64", 1700000000.0, 0},
		{"null", nil, 0},
		{"array", []any{json.Number("1")}, 0},
		{"not a number", json.Number("x"), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := strictjson.Date(tt.in)
			if ok != (tt.want != 0) {
				t.Fatalf("Date(%v) = %v, %v, want ok = %v", tt.in, got, ok, tt.want != 0)
			}
			if ok && (got.Unix() != tt.want || got.Nanosecond() != 0 || got.Location() != time.UTC) {
				t.Errorf("Date(%v) = %v, want %v", tt.in, got, time.Unix(tt.want, 0).UTC())
			}
			if !ok && !got.IsZero() {
				t.Errorf("Date(%v) = %v beside false, want nothing", tt.in, got)
			}
		})
	}
}

func TestStrings(t *testing.T) {
	tests := []struct {
		name string
		in   any
		want []string
		ok   bool
	}{
		{"string", "a", []string{"a"}, true},
		{"empty string", "", []string{""}, true},
		{"array", []any{"a", "b"}, []string{"a", "b"}, true},
		{"empty array", []any{}, []string{}, true},
		{"number inside", []any{"a", json.Number("1")}, nil, false},
		{"array inside", []any{[]any{"a"}}, nil, false},
		{"null inside", []any{nil}, nil, false},
		{"null", nil, nil, false},
		{"object", map[string]any{"a": "b"}, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := strictjson.Strings(tt.in); ok != tt.ok || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Strings(%v) = %q, %v, want %q, %v", tt.in, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func BenchmarkParseClaims(b *testing.B) {
	claims := []byte(`{"iss":"https://app.example.com/auth","sub":"0190a7f2-5c3e-7d2b-9a51-4d3f0c6b8e11","aud":["orders"],` +
		`"exp":1700000300,"iat":1700000000,"jti":"0190a7f2","sid":"0190a7f3","client_id":"sallyport",` +
		`"token_type":"access","user_id":"0190a7f2-5c3e-7d2b-9a51-4d3f0c6b8e11","groups":["admins","staff"]}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := strictjson.Parse(claims); err != nil {
			b.Fatal(err)
		}
	}
}

// Whether a number fits is decided without converting the many that must: a body of 60 KB of tiny numbers
// took 100 ms.
func TestRangeIsThatOfFloat64(t *testing.T) {
	for _, number := range []string{
		"5e-324", "1e-400", "1e-999999", "0.0001e99", "1e99", "1e100", "1e308", "1.7976931348623157e308", "-1.7976931348623157e308", "1e309", "1e400",
		"1" + strings.Repeat("0", 307), "1" + strings.Repeat("0", 309), "0." + strings.Repeat("0", 400) + "1e700", "0e999", "12e-5", "1E+0308", "1e0000000099",
		strings.Repeat("9", 201) + "e-1", "0." + strings.Repeat("0", 300) + "1",
	} {
		_, want := strconv.ParseFloat(number, 64)
		if _, err := strictjson.Parse([]byte(number)); (err == nil) != (want == nil) {
			t.Errorf("Parse(%.40s) = %v, want as strconv.ParseFloat: %v", number, err, want)
		}
	}
}
