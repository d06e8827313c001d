package sallyport_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/password"
)

// TestHashIsRenewedAtSignIn: another cost takes effect user by user and ends no session.
func TestHashIsRenewedAtSignIn(t *testing.T) {
	h := newHouse(t)
	svc := h.open(nil)
	before := h.signIn(svc)
	svc.Close()
	svc = h.open(func(c *sallyport.Config) { c.Password = password.Config{Memory: 128, Passes: 2} })
	hash := func() string {
		t.Helper()
		_, credential, err := h.store.UserByName(t.Context(), "ada", "")
		if err != nil {
			t.Fatal(err)
		}
		return credential.Hash
	}
	old := hash()
	if _, err := svc.SignIn(t.Context(), sallyport.SignInRequest{Username: "ada", Password: "wrong"}); !errors.Is(err, sallyport.ErrInvalidCredentials) {
		t.Fatalf("SignIn = %v", err)
	}
	if hash() != old {
		t.Error("a wrong password changed the hash")
	}
	h.signIn(svc)
	renewed := hash()
	if !strings.HasPrefix(renewed, "$argon2id$v=19$m=128,t=2,p=1$") {
		t.Errorf("the hash is %.30s…, want one of the new cost", renewed)
	}
	h.refresh(svc, before)
	h.signIn(svc)
	if hash() != renewed {
		t.Error("a hash of the right cost was made anew")
	}
}
