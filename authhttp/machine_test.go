package authhttp_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/storehook"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// The refresh machine as a browser and a thief see it, on both databases.

// present posts a refresh with that cookie, from that app.
func (s *session) present(on *app, token string) answer {
	s.app.t.Helper()
	return on.do("refresh/", request{body: map[string]any{"CSRF_token": s.csrf}, cookies: "CSRF_token=" + s.csrf + "; refresh_cookie=" + token})
}

// wantReuse checks that this very answer has ended the session, and that the trail names both addresses.
func (x answer) wantReuse(t *testing.T, a *app, s *session) {
	t.Helper()
	x.want(t, 401, "refresh_token_reused")
	if len(x.cookies) != 2 || x.cookies["refresh_cookie"].MaxAge >= 0 {
		t.Errorf("cookies = %v, want both deleted", x.cookies)
	}
	s.present(a, s.refresh).want(t, 401, "session_revoked")
	if n := a.count("select count(*) from events where name = 'refresh_reused' and sessions = 1 and ip = '127.0.0.1' and session_ip = '127.0.0.1'"); n != 1 {
		t.Errorf("%d events, want one with both addresses", n)
	}
}

func TestRF_11_Reuse(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		t.Run("(a) after a newer burst", func(t *testing.T) {
			a := newAppOn(t, database, nil)
			_, pw := a.user("ada")
			s, other := a.signIn("ada", pw), a.signIn("ada", pw)
			old := s.refresh
			s.mustRefresh()
			a.clock.advance(time.Minute)
			s.mustRefresh()
			a.clock.advance(time.Minute)
			s.present(a, old).wantReuse(t, a, s)
			other.mustRefresh()
		})
		t.Run("(a) after a recovery", func(t *testing.T) {
			a := newAppOn(t, database, nil)
			_, pw := a.user("ada")
			s := a.signIn("ada", pw)
			old := s.refresh
			s.mustRefresh() // its answer is lost
			lost := s.refresh
			a.clock.advance(time.Minute)
			s.refresh = old
			s.mustRefresh()
			a.clock.advance(time.Minute)
			s.present(a, lost).wantReuse(t, a, s)
		})
		t.Run("(b) older than the present burst, at once", func(t *testing.T) {
			a := newAppOn(t, database, nil)
			_, pw := a.user("ada")
			s := a.signIn("ada", pw)
			s.mustRefresh()
			old := s.refresh
			s.mustRefresh()
			a.clock.advance(time.Minute)
			s.mustRefresh()
			s.present(a, old).wantReuse(t, a, s)
		})
	})
}

// A thief with a copy of the cookie and the owner, both slower than the window: whatever their turns are, one of them is
// found out by the fourth presentation.
func TestRF_12_ThiefAndOwner(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, func(c *config) { c.SessionTTL, c.IdleTTL = 400*24*time.Hour, 400*24*time.Hour })
		_, pw := a.user("ada")
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		for round := range 40 {
			s := a.signIn("ada", pw)
			for range r.IntN(5) {
				s.mustRefresh()
				a.clock.advance(time.Duration(r.Int64N(int64(time.Hour))))
			}
			holders := [2]string{s.refresh, s.refresh} // the owner and the thief
			ended := 0
			for n := 1; n <= 2880 && ended == 0; n++ {
				a.clock.advance(10*time.Second + time.Microsecond + time.Duration(r.Int64N(int64(time.Hour))))
				turn := n % 2
				if r.IntN(3) == 0 {
					turn = r.IntN(2)
				}
				switch x := s.present(a, holders[turn]); x.status {
				case 200:
					holders[turn] = x.cookies["refresh_cookie"].Value
				case 401:
					x.want(t, 401, "refresh_token_reused")
					ended = n
				default:
					t.Fatalf("seed %d, round %d: %d %s", seed, round, x.status, x.body)
				}
			}
			if ended == 0 {
				t.Fatalf("seed %d, round %d: nobody is found out", seed, round)
			}
			for _, token := range holders {
				if x := s.present(a, token); x.code() != "session_revoked" {
					t.Fatalf("seed %d, round %d: after the end a holder gets %d %s", seed, round, x.status, x.body)
				}
			}
		}
	})
}

// Strictly in turn, the session ends at the third or fourth presentation.
func TestRF_12_InTurn(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, nil)
		_, pw := a.user("ada")
		for _, ownerFirst := range []bool{true, false} {
			s := a.signIn("ada", pw)
			holders := [2]string{s.refresh, s.refresh}
			n := 0
			for turn := map[bool]int{true: 0, false: 1}[ownerFirst]; ; turn = 1 - turn {
				n++
				x := s.present(a, holders[turn])
				if x.status != 200 {
					x.want(t, 401, "refresh_token_reused")
					break
				}
				holders[turn] = x.cookies["refresh_cookie"].Value
				a.clock.advance(time.Minute)
			}
			if n > 4 {
				t.Errorf("the session ended at presentation %d, want the fourth at the latest", n)
			}
		}
	})
}

// What is needed to notice a reuse is in the database, not in memory.
func TestRF_14_a_ReuseAfterARestart(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, nil)
		_, pw := a.user("ada")
		s := a.signIn("ada", pw)
		old := s.refresh
		s.mustRefresh()
		a.clock.advance(time.Minute)
		s.mustRefresh()
		a.clock.advance(time.Minute)
		a.svc.Close()
		s.present(a.another(), old).want(t, 401, "refresh_token_reused")
	})
}

// The file was put back from an older copy: the client's newest token is ahead of it, and good.
func TestRF_14_b_OlderCopyOfTheDatabase(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	s.mustRefresh()
	copied := a.path + ".copy"
	if _, err := a.db.Exec("vacuum into '" + copied + "'"); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		a.clock.advance(time.Minute)
		s.mustRefresh()
	}
	restored := *a
	restored.path = a.path + ".restored"
	content, err := os.Open(copied)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	file, err := os.Create(restored.path)
	if err == nil {
		_, err = io.Copy(file, content)
	}
	if err != nil || file.Close() != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(restored.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	restored.config.Store = store
	s.app = restored.another()
	s.mustRefresh()
	a.clock.advance(time.Minute)
	s.mustRefresh()
}

// The store times out after the update was committed, or before: the answer is the same, and so is that to the next try.
func TestRF_21_OutcomeUnknown(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		var fault atomic.Value
		fault.Store("")
		a := newAppOn(t, database, func(c *config) {
			inner := c.Store
			c.Store = &storehook.Store{
				Around: func(ctx context.Context, op string, call storehook.Call) error {
					if op != "refresh" || fault.Load() == "" {
						return call(ctx, inner)
					}
					if fault.Swap("") == "after" {
						if err := call(ctx, inner); err != nil {
							return err
						}
					}
					return fmt.Errorf("no answer in time: %w", sallyport.ErrStoreUnavailable)
				},
				Closing: func() error { return nil },
			}
		})
		_, pw := a.user("ada")
		s := a.signIn("ada", pw)
		for _, when := range []string{"before", "after", "before", "after", "after"} {
			fault.Store(when)
			x := s.post("refresh/")
			x.want(t, 503, "store_unavailable")
			if x.header.Get("Retry-After") == "" || len(x.cookies) > 0 {
				t.Errorf("503 with headers %v", x.header)
			}
			a.clock.advance(7 * time.Second)
			s.mustRefresh()
			a.clock.advance(time.Minute)
		}
	})
}

func TestLO_02_LogoffWithNothingToEnd(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	before := a.rows()
	x := a.do("logoff/", request{body: map[string]any{"CSRF_token": s.csrf}})
	x.want(t, 401, "no_refresh_token")
	a.wantNothingIssued(x, before)
	forged := *s
	forged.refresh = s.refresh[:len(s.refresh)-1] + map[bool]string{true: "A", false: "Q"}[s.refresh[len(s.refresh)-1] != 'A']
	x = forged.post("logoff/")
	x.want(t, 401, "invalid_refresh_token")
	a.wantNothingIssued(x, before)

	expired := a.signIn("ada", pw)
	s.post("logoff/").want(t, 200, "")
	a.clock.advance(24 * time.Hour)
	before = a.rows()
	for name, ended := range map[string]*session{"ended": s, "expired": expired} {
		if x := ended.post("logoff/"); x.status != 200 || len(x.cookies) != 2 {
			t.Errorf("%s: logoff = %d %s %v, want 200 and the cookies deleted", name, x.status, x.body, x.cookies)
		}
	}
	live := strings.ReplaceAll(before, "logoff", "")
	if after := strings.ReplaceAll(a.rows(), "logoff", ""); len(after) < len(live) {
		t.Error("a logoff that had nothing to end removed something")
	}
}

func TestLO_08_WithAndWithoutTheSlash(t *testing.T) {
	for _, slash := range []string{"", "/"} {
		a, requests := newAppAndRequests(t)
		last := []string{"POST password", "POST logoff"} // they take from the others what these need
		routes := slices.DeleteFunc(slices.Sorted(maps.Keys(requests)), func(route string) bool { return slices.Contains(last, route) })
		for _, route := range append(routes, last...) {
			x := a.do(pathOf(route)+slash, requests[route])
			switch {
			case x.status < 300:
			case x.status == 404 && strings.HasPrefix(route, "DELETE "): // nobody has that id
			case x.status == 303 && fromAnywhere(route) && !strings.Contains(x.header.Get("Location"), "sallyport_error"):
			default:
				t.Errorf("%s%s = %d %s to %q", route, slash, x.status, x.body, x.header.Get("Location"))
			}
		}
	}
}

func TestSO_01_Everywhere(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, nil)
		_, pw := a.user("ada")
		_, bobPw := a.user("bob")
		bob := a.signIn("bob", bobPw)
		for _, c := range []struct {
			scope string
			ended [3]bool
		}{{"all", [3]bool{true, true, true}}, {"others", [3]bool{false, true, true}}} {
			sessions := []*session{a.signIn("ada", pw), a.signIn("ada", pw), a.signIn("ada", pw)}
			x := sessions[0].post("logoff/", map[string]any{"scope": c.scope})
			if x.status != 200 || (len(x.cookies) == 2) != c.ended[0] {
				t.Errorf("scope %s = %d %v", c.scope, x.status, x.cookies)
			}
			ended := 0
			for i, s := range sessions {
				if c.ended[i] {
					ended++
					s.post("refresh/").want(t, 401, "session_revoked")
				} else {
					s.mustRefresh()
					s.post("logoff/").want(t, 200, "")
				}
			}
			if n := a.count("select count(*) from events where name = 'session_ended' and detail = $1 and sessions = $2", c.scope, ended); n != 1 {
				t.Errorf("scope %s: %d events with %d sessions, want 1", c.scope, n, ended)
			}
		}
		bob.mustRefresh()
	})
}
