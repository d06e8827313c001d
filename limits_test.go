package sallyport_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-auth/sallyport"
)

func TestAddressGroup(t *testing.T) {
	for _, tc := range []struct{ ip, want string }{
		{"192.0.2.7", "192.0.2.7"},
		{"::ffff:192.0.2.7", "192.0.2.7"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"2001:db8:1:2::", "2001:db8:1:2::/64"},
		{"2001:db8:1:3::1", "2001:db8:1:3::/64"},
		{"fe80::1%eth0", "fe80::/64"},
		{"::1", "::/64"},
		{"64:ff9b::192.0.2.7", "192.0.2.7"},
		{"@", "@"},
		{"", ""},
	} {
		if got := sallyport.AddressGroup(tc.ip); got != tc.want {
			t.Errorf("addressGroup(%q) = %q, want %q", tc.ip, got, tc.want)
		}
	}
}

// try signs in from an address and returns the error.
func (h *house) try(svc *sallyport.Service, username, password, ip string) error {
	_, err := svc.SignIn(context.Background(), sallyport.SignInRequest{Username: username, Password: password, Client: sallyport.Client{IP: ip}})
	return err
}

// wantLimited checks that err is a RateLimitError of that rule and duration.
func (h *house) wantLimited(err error, rule string, after time.Duration) {
	h.Helper()
	limited, ok := errors.AsType[*sallyport.RateLimitError](err)
	if !ok || !errors.Is(err, sallyport.ErrRateLimited) || limited.Rule != rule || limited.RetryAfter != after {
		h.Errorf("SignIn = %#v, want limited by %s for %v", err, rule, after)
	}
}

func (h *house) wantErr(got, want error) {
	h.Helper()
	if !errors.Is(got, want) {
		h.Errorf("SignIn = %v, want %v", got, want)
	}
}

const (
	home     = "192.0.2.1"
	stranger = "198.51.100.1"
	wrong    = "not the password"
)

// TestStrangersGuessesDoNotLockOut: those who guess use up what is let through from addresses that the account never
// signed in from; its own address has a count of its own, and the other way round.
func TestStrangersGuessesDoNotLockOut(t *testing.T) {
	h := newHouse(t)
	svc := h.open(nil)
	h.signIn(svc)
	h.wantErr(h.try(svc, "ada", h.password(), home), nil)
	for i := range 10 {
		h.wantErr(h.try(svc, "ADA", wrong, fmt.Sprintf("203.0.113.%d", i)), sallyport.ErrInvalidCredentials)
	}
	h.advance(time.Minute)
	h.wantLimited(h.try(svc, "ada", h.password(), stranger), "account", 9*time.Minute) // from another address, and with the right password
	h.wantErr(h.try(svc, "ada", h.password(), home), nil)
	for range 10 {
		h.wantErr(h.try(svc, "ada", wrong, home), sallyport.ErrInvalidCredentials)
	}
	h.wantLimited(h.try(svc, "ada", h.password(), home), "account", 10*time.Minute)
	h.advance(9 * time.Minute)
	h.wantErr(h.try(svc, "ada", h.password(), stranger), nil)
	h.wantLimited(h.try(svc, "ada", h.password(), home), "account", time.Minute)
	h.advance(time.Minute)
	h.wantErr(h.try(svc, "ada", h.password(), home), nil)
}

// TestASuccessClearsTheAccount: nine failures before a success do not count afterwards where the account is known;
// those of others, elsewhere, do.
func TestASuccessClearsTheAccount(t *testing.T) {
	h := newHouse(t)
	svc := h.open(nil)
	h.signIn(svc)
	h.wantErr(h.try(svc, "ada", h.password(), home), nil)
	for range 3 {
		for range 9 {
			h.wantErr(h.try(svc, "ada", wrong, home), sallyport.ErrInvalidCredentials)
		}
		h.wantErr(h.try(svc, "ada", h.password(), home), nil)
	}
	for i := range 9 {
		h.wantErr(h.try(svc, "ada", wrong, fmt.Sprintf("203.0.113.%d", i)), sallyport.ErrInvalidCredentials)
	}
	h.wantErr(h.try(svc, "ada", h.password(), stranger), nil)
	h.wantErr(h.try(svc, "ada", wrong, "203.0.113.99"), sallyport.ErrInvalidCredentials)
	h.wantLimited(h.try(svc, "ada", wrong, "203.0.113.99"), "account", 10*time.Minute)
}

// TestAHundredInARowAtHome: an address that the account knows has a row of its own, which its owner's success ends.
func TestAHundredInARowAtHome(t *testing.T) {
	h := newHouse(t)
	svc := h.open(func(c *sallyport.Config) {
		c.Limits.Account = sallyport.Limit{Count: 1000, Period: 10 * time.Minute}
		c.Limits.Address = sallyport.Limit{Count: 1000, Period: 10 * time.Minute}
	})
	h.signIn(svc)
	h.wantErr(h.try(svc, "ada", h.password(), home), nil)
	for range 2 {
		for range 100 {
			h.wantErr(h.try(svc, "ada", wrong, home), sallyport.ErrInvalidCredentials)
		}
		h.wantErr(h.try(svc, "ada", wrong, home), sallyport.ErrInvalidCredentials)
		h.wantLimited(h.try(svc, "ada", h.password(), home), "account", 15*time.Minute)
		h.wantErr(h.try(svc, "ada", wrong, stranger), sallyport.ErrInvalidCredentials)
		h.advance(15 * time.Minute)
		h.wantErr(h.try(svc, "ada", h.password(), home), nil)
	}
}

// TestAHundredInARow: whatever limits.account allows, one guess in a quarter of an hour is let through after a hundred
// in a row (NIST SP 800-63B-4) from addresses that the account never signed in from. A name that nobody has is treated
// alike.
func TestAHundredInARow(t *testing.T) {
	h := newHouse(t)
	svc := h.open(func(c *sallyport.Config) {
		c.Limits.Account = sallyport.Limit{Count: 1000, Period: 10 * time.Minute}
		c.Limits.Address = sallyport.Limit{Count: 1000, Period: 10 * time.Minute}
	})
	h.signIn(svc)
	for range 100 {
		h.wantErr(h.try(svc, "ada", wrong, stranger), sallyport.ErrInvalidCredentials)
	}
	for range 100 {
		h.wantErr(h.try(svc, "nobody", wrong, stranger), sallyport.ErrInvalidCredentials)
	}
	for range 3 {
		for _, name := range []string{"ada", "nobody"} {
			h.wantErr(h.try(svc, name, wrong, stranger), sallyport.ErrInvalidCredentials)
			h.wantLimited(h.try(svc, name, h.password(), stranger), "account", 15*time.Minute)
		}
		h.advance(15 * time.Minute)
	}
	h.wantErr(h.try(svc, "ada", h.password(), stranger), nil)
	for range 5 { // the address is known now
		h.wantErr(h.try(svc, "ada", wrong, stranger), sallyport.ErrInvalidCredentials)
	}
	for range 100 { // and the row is over for the others
		h.wantErr(h.try(svc, "ada", wrong, "203.0.113.9"), sallyport.ErrInvalidCredentials)
	}
}

// TestAddressLimitCountsAllAccounts: one address guesses at many names; others go on.
func TestAddressLimitCountsAllAccounts(t *testing.T) {
	h := newHouse(t)
	svc := h.open(nil)
	h.signIn(svc)
	for i := range 100 {
		h.wantErr(h.try(svc, fmt.Sprint("nobody", i), wrong, fmt.Sprintf("2001:db8::%x", i)), sallyport.ErrInvalidCredentials)
	}
	h.wantLimited(h.try(svc, "ada", h.password(), "2001:db8::ffff"), "address", 10*time.Minute)
	h.wantErr(h.try(svc, "ada", h.password(), "2001:db8:0:1::1"), nil)
	h.advance(10 * time.Minute)
	h.wantErr(h.try(svc, "ada", h.password(), "2001:db8::ffff"), nil)
}

// TestRightPasswordsAtOnceAreNotLimited: a test suite that signs one user in from forty workers is no attack.
func TestRightPasswordsAtOnceAreNotLimited(t *testing.T) {
	h := newHouse(t)
	svc := h.open(nil)
	h.signIn(svc)
	errs := make([]error, 40)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = h.try(svc, "ada", h.password(), home) })
	}
	all.Wait()
	for _, err := range errs {
		h.wantErr(err, nil)
	}
}

func TestGate(t *testing.T) { synctest.Test(t, testGate) }

func testGate(t *testing.T) {
	var g sallyport.Gate
	leave := make([]func(), 2)
	for i := range leave {
		var err error
		if leave[i], err = g.Enter(t.Context(), "a", 2); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Enter(ctx, "a", 2); !errors.Is(err, context.Canceled) {
		t.Errorf("enter = %v, want %v", err, context.Canceled)
	}
	other, err := g.Enter(t.Context(), "b", 1)
	if err != nil {
		t.Fatal(err)
	}
	other()
	entered := make(chan func())
	go func() {
		third, err := g.Enter(context.Background(), "a", 2)
		if err != nil {
			t.Error(err)
		}
		entered <- third
	}()
	leave[0]()
	third := <-entered
	if _, err := g.Enter(t.Context(), "a", 2); !errors.Is(err, sallyport.ErrOverloaded) {
		t.Errorf("enter = %v, want %v", err, sallyport.ErrOverloaded)
	}
	leave[1]()
	third()
	if n := g.Keys(); n != 0 {
		t.Errorf("%d keys are kept after all have left", n)
	}
}
