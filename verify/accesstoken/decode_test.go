package accesstoken_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"testing"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
)

// tenancy is the custom claims of a service.
type tenancy struct {
	Subject string         `json:"sub"`
	Tenant  string         `json:"tenant"`
	Admin   bool           `json:"admin"`
	Seats   int            `json:"seats"`
	Labels  map[string]int `json:"labels"`
}

func (b bench) claims(t *testing.T, extra map[string]any) *accesstoken.Claims {
	t.Helper()
	all := goodClaims()
	maps.Copy(all, extra)
	c, err := b.verify(b.mint(goodHeader, marshal(t, all)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDecode(t *testing.T) {
	b := newBench(t)
	full := map[string]any{"tenant": "acme", "admin": true, "seats": 3, "labels": map[string]any{"a": 1}}
	tests := []struct {
		name   string
		claims map[string]any
		want   tenancy // zero: refused
	}{
		{"all", full, tenancy{"alice", "acme", true, 3, map[string]int{"a": 1}}},
		{"none", nil, tenancy{Subject: "alice"}},
		{"null", map[string]any{"tenant": nil, "admin": nil, "labels": nil}, tenancy{Subject: "alice"}},
		{"text for a bool", map[string]any{"tenant": "acme", "admin": "true"}, tenancy{}},
		{"a number for a bool", map[string]any{"tenant": "acme", "admin": 1}, tenancy{}},
		{"text for a number", map[string]any{"admin": true, "seats": "3"}, tenancy{}},
		{"a fraction for a whole number", map[string]any{"admin": true, "seats": 1.5}, tenancy{}},
		{"a number that does not fit", map[string]any{"admin": true, "seats": json.Number("1e300")}, tenancy{}},
		{"a list for text", map[string]any{"admin": true, "tenant": []any{"acme"}}, tenancy{}},
		{"another type within", map[string]any{"admin": true, "labels": map[string]any{"a": 1, "b": "2"}}, tenancy{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := b.claims(t, tt.claims)
			var got tenancy
			err := c.Decode(&got)
			if !reflect.DeepEqual(got, tt.want) || (err == nil) != (tt.want.Subject != "") {
				t.Errorf("Decode() = %+v, %v, want %+v", got, err, tt.want)
			}
			// What is left of another token is not mixed with this one.
			before := tenancy{"mallory", "evil", true, 9, map[string]int{"root": 1}}
			reused := before
			reused.Labels = maps.Clone(before.Labels)
			want := tt.want
			if err != nil {
				want = before
			}
			if err2 := c.Decode(&reused); !reflect.DeepEqual(reused, want) || (err2 == nil) != (err == nil) {
				t.Errorf("Decode() over another token's = %+v, %v, want %+v", reused, err2, want)
			}
		})
	}
}

func TestDecodeIntoOtherThings(t *testing.T) {
	c := newBench(t).claims(t, map[string]any{"tenant": "acme", "big": json.Number("12345678901234567890")})
	byName := map[string]json.RawMessage{"admin": json.RawMessage("true")}
	if err := c.Decode(&byName); err != nil || string(byName["tenant"]) != `"acme"` || string(byName["big"]) != "12345678901234567890" || byName["admin"] != nil {
		t.Errorf("Decode(a map) = %v, %s, want the claims of the token alone", err, byName)
	}
	for name, dst := range map[string]any{"nil": nil, "a struct": tenancy{}, "a nil pointer": (*tenancy)(nil), "a map": map[string]any{}} {
		if err := c.Decode(dst); err == nil {
			t.Errorf("Decode(%s) = nil, want an error", name)
		}
	}
}

// TestDecodeSharesNothing: what a handler does with what it decoded is not seen at the next use of the token.
func TestDecodeSharesNothing(t *testing.T) {
	b := newBench(t)
	extra := map[string]any{"labels": map[string]any{"a": 1}}
	var first, second tenancy
	if err := b.claims(t, extra).Decode(&first); err != nil {
		t.Fatal(err)
	}
	first.Labels["a"], first.Labels["root"] = 2, 3
	if err := b.claims(t, extra).Decode(&second); err != nil || !reflect.DeepEqual(second.Labels, map[string]int{"a": 1}) {
		t.Errorf("Decode() = %v, %v, want the labels as they were", second.Labels, err)
	}
}
