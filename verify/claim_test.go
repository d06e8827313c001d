package verify_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

type tier struct {
	Name  string `json:"name"`
	Seats int    `json:"seats"`
}

func TestTypedClaims(t *testing.T) {
	f := newFollower(t, func(c *verify.Config) { c.Revocation = verify.Stateless })
	c, err := f.Verify(t.Context(), f.issuer.Token(
		verifytest.Claim("tier", map[string]any{"name": "gold", "seats": 7}), verifytest.Claim("admin", true), verifytest.Claim("level", 3),
		verifytest.Claim("big", json.Number("12345678901234567890")), verifytest.Claim("nothing", nil), verifytest.Groups("a", "b"),
	))
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, got any, ok bool, want any, wantOK bool) {
		t.Helper()
		if ok != wantOK || !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %#v, %v, want %#v, %v", name, got, ok, want, wantOK)
		}
	}
	tierOf, ok := verify.Claim[tier](c, "tier")
	check("a struct", tierOf, ok, tier{"gold", 7}, true)
	admin, ok := verify.Claim[bool](c, "admin")
	check("a bool", admin, ok, true, true)
	level, ok := verify.Claim[int](c, "level")
	check("an int", level, ok, 3, true)
	small, ok := verify.Claim[int8](c, "big")
	check("a number that does not fit", small, ok, int8(0), false)
	big, ok := verify.Claim[json.Number](c, "big")
	check("all digits", big, ok, json.Number("12345678901234567890"), true)
	groups, ok := verify.Claim[[]string](c, "groups")
	check("a list", groups, ok, []string{"a", "b"}, true)
	text, ok := verify.Claim[string](c, "level")
	check("another type", text, ok, "", false)
	half, ok := verify.Claim[[]int](c, "groups")
	check("a list of another type", half, ok, []int(nil), false)
	missing, ok := verify.Claim[bool](c, "missing")
	check("a claim that is missing", missing, ok, false, false)
	null, ok := verify.Claim[bool](c, "nothing")
	check("null", null, ok, false, false)

	var dst struct {
		Subject string `json:"sub"`
		Tier    tier   `json:"tier"`
		Admin   bool   `json:"admin"`
		Owner   bool   `json:"owner"`
	}
	if err := c.Decode(&dst); err != nil || dst.Subject != "user-1" || dst.Tier != (tier{"gold", 7}) || !dst.Admin || dst.Owner {
		t.Errorf("Decode() = %v, %+v", err, dst)
	}
	var wrong struct {
		Admin string `json:"admin"`
	}
	if err := c.Decode(&wrong); err == nil {
		t.Error("Decode() into another type = nil, want an error")
	}
}
