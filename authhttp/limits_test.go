package authhttp_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/internal/storehook"
	"github.com/sallyport-auth/sallyport/password"
)

// withTheLimits sets what is the default outside of these tests.
func withTheLimits(c *config) { c.Limits = sallyport.Limits{} }

func (a *app) guess(username, pw string) answer {
	a.t.Helper()
	return a.do("sign-in/", request{body: map[string]any{"username": username, "password": pw}})
}

// guessFrom is guess from an address; the app must trust the proxy 127.0.0.1.
func (a *app) guessFrom(ip, username, pw string) answer {
	a.t.Helper()
	return a.do("sign-in/", request{body: map[string]any{"username": username, "password": pw}, headers: map[string]string{"X-Forwarded-For": ip}})
}

// counted is the sum of all counters.
func (a *app) counted() int {
	a.t.Helper()
	return a.count("select cast(coalesce(sum(count), 0) as bigint) from counters")
}

// wantRateLimited checks the answer and gives its Retry-After.
func (x answer) wantRateLimited(t *testing.T) time.Duration {
	t.Helper()
	x.want(t, 429, "rate_limited")
	seconds, err := strconv.Atoi(x.header.Get("Retry-After"))
	if err != nil || seconds < 1 || len(x.cookies) > 0 {
		t.Errorf("Retry-After %q, cookies %v: want seconds, and none", x.header.Get("Retry-After"), x.cookies)
	}
	return time.Duration(seconds) * time.Second
}

// The first ten are looked at, and none after that, the right password included, under every spelling of the account,
// until Retry-After has passed.
func TestSI_10_GuessesAreLimited(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, withTheLimits)
		_, pw := a.user("ada")
		_, bobPw := a.user("bob")
		s := a.signIn("ada", pw)
		a.guess("bob", "x").want(t, 401, "invalid_credentials")
		spellings := []string{"ada", "ADA", "ada@example.com", "Ada@Example.COM"}
		for i := range 10 {
			a.guess(spellings[i%4], "wrong "+strconv.Itoa(i)).want(t, 401, "invalid_credentials")
			a.clock.advance(time.Second)
		}
		before, counted := a.rows(), a.counted()
		for i := range 20 {
			x := a.guess(spellings[i%4], pw)
			if wait := x.wantRateLimited(t); wait != 590*time.Second {
				t.Errorf("Retry-After = %v, want what is left of the ten minutes", wait)
			}
			a.wantNothingIssued(x, before)
		}
		if after := a.counted(); after != counted {
			t.Errorf("counters went from %d to %d while nothing was let through", counted, after)
		}
		s.mustRefresh()
		a.signIn("bob", bobPw)
		a.clock.advance(590*time.Second - time.Millisecond)
		a.guess("ada", pw).wantRateLimited(t)
		a.clock.advance(time.Millisecond)
		a.signIn("ada", pw)
	})
}

// Names that nobody has are limited like those of users, so that the limit tells nobody who is one.
func TestSI_10_UnknownNamesAreLimitedAlike(t *testing.T) {
	a := newApp(t, withTheLimits)
	a.user("ada")
	for range 10 {
		for _, name := range []string{"ada", "nobody"} {
			a.guess(name, "wrong").want(t, 401, "invalid_credentials")
		}
	}
	known, unknown := a.guess("ada", "wrong"), a.guess("nobody", "wrong")
	known.wantRateLimited(t)
	if known.body != unknown.body || known.header.Get("Retry-After") != unknown.header.Get("Retry-After") {
		t.Errorf("answers differ: %s %v, %s %v", known.body, known.header, unknown.body, unknown.header)
	}
	a.guess("NOBODY", "wrong").wantRateLimited(t)
	a.guess("somebody else", "wrong").want(t, 401, "invalid_credentials")
}

// Who guesses from addresses that the account never signed in from does not keep its owner out, nor the owner those; a success
// clears what was counted at home.
func TestSI_10_StrangersAndTheOwner(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, func(c *config) {
			withTheLimits(c)
			c.HTTP.TrustedProxies = trust(t, "127.0.0.1")
		})
		const home, elsewhere = "2001:db8:1:2::1", "198.51.100.1"
		_, pw := a.user("ada")
		_, bobPw := a.user("bob")
		for range 3 {
			a.guessFrom(home, "ada", pw).want(t, 200, "")
			for i := range 9 {
				a.guessFrom(fmt.Sprintf("2001:db8:1:2::%d", i), "ada@example.com", "wrong").want(t, 401, "invalid_credentials")
			}
		}
		for i := range 10 {
			a.guessFrom(fmt.Sprintf("203.0.113.%d", i), "ada", "wrong").want(t, 401, "invalid_credentials")
		}
		a.guessFrom(elsewhere, "ada", pw).wantRateLimited(t)
		a.guessFrom(home, "ada", pw).want(t, 200, "")

		a.guessFrom(home, "bob", bobPw).want(t, 200, "")
		for range 10 {
			a.guessFrom(home, "bob", "wrong").want(t, 401, "invalid_credentials")
		}
		a.guessFrom("2001:db8:1:2:3:4:5:6", "bob", bobPw).wantRateLimited(t) // the same /64
		a.guessFrom(elsewhere, "bob", bobPw).want(t, 200, "")
	})
}

// 200 at once: exactly the limit is looked at, on one instance and on two that share a database.
func TestSI_16_17_GuessesAtOnce(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		for _, known := range []bool{false, true} {
			t.Run(fmt.Sprintf("known address %v", known), func(t *testing.T) {
				a := newAppOn(t, database, withTheLimits)
				on := []*app{a, a.another()}
				_, pw := a.user("ada")
				if known {
					a.signIn("ada", pw)
				}
				answers := parallelIndexed(200, func(i int) string {
					x, err := on[i%2].try("sign-in/", request{body: map[string]any{"username": "ada", "password": "wrong"}})
					return strings.TrimSpace(fmt.Sprintf("%v %d %s", err, x.status, x.code()))
				})
				if answers["<nil> 401 invalid_credentials"] != 10 || answers["<nil> 429 rate_limited"] != 190 {
					t.Errorf("answers = %v, want ten 401 and 190 429", answers)
				}
				// The counter of the address rises once for each hash, with the slot in hand. Besides it there are that of the
				// account and that of failures in a row.
				const counters = 3
				if all, full := a.count("select count(*) from counters where count > 0"), a.count("select count(*) from counters where count = 10"); all != counters || full != counters {
					t.Errorf("%d of %d counters are at ten, want %d: as many hashes as answers", full, all, counters)
				}
			})
		}
	})
}

// 200 right passwords at once, of one address that no account knows: each is signed in or turned away for want of a slot, and
// none is counted.
func TestSI_18_ManyUsersAtOnceAreNotLimited(t *testing.T) {
	a := newApp(t, func(c *config) {
		withTheLimits(c)
		c.Password = password.Config{Memory: 1 << 10, Passes: 1, Slots: 2, MaxWaiting: 16}
	})
	const users = 200
	passwords := make([]string, users)
	for i := range users {
		_, passwords[i] = a.user(fmt.Sprint("user", i))
	}
	answers := parallelIndexed(users, func(i int) string {
		x, err := a.try("sign-in/", request{body: map[string]any{"username": fmt.Sprint("user", i), "password": passwords[i]}})
		return strings.TrimSpace(fmt.Sprintf("%v %d %s", err, x.status, x.code()))
	})
	if n := answers["<nil> 200"] + answers["<nil> 503 overloaded"]; n != users || answers["<nil> 200"] == 0 {
		t.Errorf("answers = %v, want 200 and 503 overloaded alone", answers)
	}
	if n := a.counted(); n != 0 {
		t.Errorf("%d failures are counted, want none", n)
	}
}

// The client leaves while its sign-in waits for a hashing slot: no session, and its place is free.
func TestSI_33_ClientLeavesWhileItWaits(t *testing.T) {
	a := newApp(t, func(c *config) {
		withTheLimits(c)
		c.Password = password.Config{Memory: 128 << 10, Passes: 3, Slots: 1, MaxWaiting: 3}
	})
	_, pw := a.user("ada")
	first := make(chan answer)
	go func() {
		x, _ := a.try("sign-in/", request{body: map[string]any{"username": "ada", "password": pw}})
		first <- x
	}()
	for running, _ := a.svc.Hashing(); running == 0; running, _ = a.svc.Hashing() { // it must have the slot before others come
		time.Sleep(time.Millisecond)
	}
	var leaving sync.WaitGroup
	for i := range 3 {
		leaving.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // the first hash takes longer
			defer cancel()
			body := strings.NewReader(fmt.Sprintf(`{"username": "user%d", "password": "x"}`, i))
			r, err := http.NewRequestWithContext(ctx, "POST", a.base+"sign-in/", body)
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Content-Type", "application/json")
			if res, err := http.DefaultClient.Do(r); err == nil {
				res.Body.Close()
			}
		})
	}
	leaving.Wait()
	if x := <-first; x.status != 200 {
		t.Fatalf("sign-in = %d %s", x.status, x.body)
	}
	a.signIn("ada", pw)
	if n := a.count("select count(*) from sessions"); n != 2 {
		t.Errorf("%d sessions, want those of the two who stayed", n)
	}
}

// The password is changed after it was checked and before the session is added: over HTTP that is a wrong password.
func TestSI_31_IsAWrongPassword(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		var a *app
		var user sallyport.User
		changes := 0
		a = newAppOn(t, database, func(c *config) {
			inner := c.Store
			c.Store = &storehook.Store{
				Around: func(ctx context.Context, op string, call storehook.Call) error {
					if op == "start_session" && changes == 1 {
						changes++
						if err := a.svc.SetPassword(context.Background(), user.ID, "another password"); err != nil {
							t.Error(err)
						}
					}
					return call(ctx, inner)
				},
				Closing: func() error { return nil },
			}
		})
		var pw string
		user, pw = a.user("ada")
		changes = 1
		x := a.guess("ada", pw)
		x.want(t, 401, "invalid_credentials")
		if n := a.count("select count(*) from sessions"); n != 0 || len(x.cookies) > 0 || changes != 2 {
			t.Errorf("%d sessions, cookies %v, step %d: want nothing issued", n, x.cookies, changes)
		}
		a.signIn("ada", "another password")
	})
}

// Wrong current passwords are counted with the failed sign-ins of the account.
func TestChangePasswordIsLimited(t *testing.T) {
	a := newApp(t, withTheLimits)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	for range 5 {
		s.change("wrong", "violet sofa by the window").want(t, 401, "invalid_credentials")
		a.guess("ada", "wrong").want(t, 401, "invalid_credentials")
	}
	s.change(pw, "violet sofa by the window").wantRateLimited(t)
	a.guess("ada", pw).wantRateLimited(t)
	s.mustRefresh()
	a.clock.advance(10 * time.Minute)
	s.mustRefresh()
	s.change(pw, "violet sofa by the window").want(t, 200, "")
}

// Forged tokens count for their address, with the failed passwords; good ones do not.
func TestForgedTokensAreLimited(t *testing.T) {
	a := newAppWithProviders(t, func(c *config, _ *idp.OIDC, _ *idp.Cognito) { withTheLimits(c) })
	forged := a.oidc.Tokens(idptest.Alice()).IDToken
	a.exchange(forged).want(t, 200, "")
	forged = forged[:len(forged)-10] + "AAAAAAAAAA"
	for i := range 100 {
		if i%2 == 0 {
			a.exchange(forged).want(t, 401, "idp_token_invalid")
		} else {
			a.guess(fmt.Sprint("nobody", i), "wrong").want(t, 401, "invalid_credentials")
		}
	}
	a.exchange(forged).wantRateLimited(t)
	a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken).wantRateLimited(t)
	a.clock.advance(10 * time.Minute)
	a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken).want(t, 200, "")
}

// A session has 120 new refresh tokens a minute; a repetition is not counted, and the cookie stays.
func TestAdvancesAreLimited(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, withTheLimits)
		_, pw := a.user("ada")
		s, other := a.signIn("ada", pw), a.signIn("ada", pw)
		for range 120 {
			held := *s
			s.mustRefresh()
			held.mustRefresh()
		}
		a.clock.advance(15 * time.Second)
		if wait := s.post("refresh/").wantRateLimited(t); wait != 45*time.Second {
			t.Errorf("Retry-After = %v, want 45s", wait)
		}
		other.mustRefresh()
		a.clock.advance(45 * time.Second)
		s.mustRefresh()
	})
}

// 50 tabs refresh with one cookie, over one and over two instances: one successor a round, and nobody is limited.
func TestRF_10_ParallelTabs(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, withTheLimits)
		_, pw := a.user("ada")
		for name, on := range map[string][]*app{"one instance": {a}, "two instances": {a, a.another()}} {
			t.Run(name, func(t *testing.T) {
				s := a.signIn("ada", pw)
				rounds := 50
				if testing.Short() {
					rounds = 5
				}
				for round := range rounds {
					answers := parallelIndexed(50, func(i int) string {
						x, err := on[i%len(on)].try("refresh/", request{body: map[string]any{"CSRF_token": s.csrf}, cookies: s.cookieHeader()})
						if err != nil || x.status != 200 {
							return fmt.Sprintf("%v %d %s", err, x.status, x.body)
						}
						return x.cookies["refresh_cookie"].Value
					})
					if len(answers) != 1 {
						t.Fatalf("round %d: %d different answers, want one successor: %v", round, len(answers), answers)
					}
					for successor := range answers {
						if successor == s.refresh || len(successor) != len(s.refresh) {
							t.Fatalf("round %d: answer %s, want a successor", round, successor)
						}
						s.refresh = successor
					}
					a.clock.advance(time.Second)
				}
			})
		}
	})
}
