package authhttp_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
)

// TestClaimTemplate: the claims are there at the sign-in, and a refresh makes them anew.
func TestClaimTemplate(t *testing.T) {
	a := newApp(t, func(c *config) {
		c.UserAttributes = []string{"tier", "email"}
		c.ClaimTemplate = map[string]any{"tier": "t-${tier}", "https://hasura.io/jwt/claims": map[string]any{"x-hasura-allowed-roles": "${groups}"}}
	})
	u, pw := a.user("ada")
	change := func(c sallyport.UserChange) {
		t.Helper()
		if _, err := a.svc.UpdateUser(t.Context(), u.ID, c); err != nil {
			t.Fatal(err)
		}
	}
	want := func(s *session, tier string, roles ...any) {
		t.Helper()
		got := claims(t, s.access)
		if got["tier"] != tier || got["email"] != "ada@example.com" || got["sub"] != u.ID.String() {
			t.Errorf("claims = %v", got)
		}
		if diff := cmp.Diff(map[string]any{"x-hasura-allowed-roles": roles}, got["https://hasura.io/jwt/claims"]); diff != "" {
			t.Errorf("claim of an object (-want +got):\n%s", diff)
		}
	}
	change(sallyport.UserChange{Groups: &[]string{"staff"}, Attributes: map[string]any{"tier": "gold"}})
	s := a.signIn("ada", pw)
	want(s, "t-gold", "staff")
	change(sallyport.UserChange{Groups: &[]string{"staff", "admins"}, Attributes: map[string]any{"tier": "iron"}})
	s.mustRefresh()
	want(s, "t-iron", "staff", "admins")
}
