package proof

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/storehook"
)

// member is a user of a world.
type member struct {
	*world
	user     sallyport.User
	password string
}

func (w *world) member() *member {
	w.Helper()
	m := &member{world: w, password: "violet sofa 0"}
	var err error
	m.user, err = w.instances[0].CreateUser(w.Context(), sallyport.NewUser{
		Username: "m" + strings.ToLower(sallyport.NewID(w.now()).String()[19:]), Password: m.password,
	})
	if err != nil {
		w.Fatal(err)
	}
	return m
}

// enter signs in at an instance, over the session of a token perhaps.
func (m *member) enter(i *instance, over sallyport.RefreshToken) *sallyport.Tokens {
	m.Helper()
	tokens, err := i.SignIn(m.Context(), sallyport.SignInRequest{
		Username: m.user.Username, Password: m.password, Replaces: over, Client: sallyport.Client{IP: "192.0.2.1"},
	})
	if err != nil {
		m.Fatal(err)
	}
	return tokens
}

func (w *world) parsed(text string) sallyport.RefreshToken {
	w.Helper()
	t, err := w.instances[0].ParseRefreshToken(text)
	if err != nil {
		w.Fatal(err)
	}
	return t
}

// dead checks that a token is refused on every instance, because its session has ended.
func (w *world) dead(text string) {
	w.Helper()
	for n, i := range w.instances {
		if _, err := i.Refresh(w.Context(), w.parsed(text), sallyport.Client{}); !errors.Is(err, sallyport.ErrSessionRevoked) {
			w.Errorf("after the ending was answered, a token at %d = %v, want %v", n, err, sallyport.ErrSessionRevoked)
		}
	}
}

// endings are all the ways to end the session of own; other is another session of the same user.
var endings = map[string]func(m *member, own, other *sallyport.Tokens, round int) error{
	"logoff": func(m *member, own, _ *sallyport.Tokens, _ int) error {
		return logoff(m.Context(), m.instances[1], m.parsed(own.RefreshToken), sallyport.ScopeThis)
	},
	"logoff of others": func(m *member, _, other *sallyport.Tokens, _ int) error {
		return logoff(m.Context(), m.instances[1], m.parsed(other.RefreshToken), sallyport.ScopeOthers)
	},
	"logoff everywhere": func(m *member, _, other *sallyport.Tokens, _ int) error {
		return logoff(m.Context(), m.instances[1], m.parsed(other.RefreshToken), sallyport.ScopeAll)
	},
	"change of password": func(m *member, _, other *sallyport.Tokens, round int) error {
		fresh := fmt.Sprintf("violet sofa %d", round+1)
		err := m.instances[1].ChangePassword(m.Context(), sallyport.PasswordRequest{
			UserID: m.user.ID, SessionID: other.SessionID, Current: m.password, New: fresh, Client: sallyport.Client{IP: "192.0.2.1"},
		})
		m.password = fresh
		return err
	},
	"password by an operator": func(m *member, _, _ *sallyport.Tokens, round int) error {
		m.password = fmt.Sprintf("green table %d", round)
		return m.instances[1].SetPassword(m.Context(), m.user.ID, m.password)
	},
	"disable": func(m *member, own, _ *sallyport.Tokens, _ int) error {
		if err := m.instances[1].DisableUser(m.Context(), m.user.ID); err != nil {
			return err
		}
		m.dead(own.RefreshToken)
		return m.instances[1].EnableUser(m.Context(), m.user.ID)
	},
	"delete": func(m *member, _, _ *sallyport.Tokens, _ int) error {
		if err := m.instances[1].DeleteUser(m.Context(), m.user.ID); err != nil {
			return err
		}
		*m = *m.member()
		return nil
	},
	"end of one session": func(m *member, own, other *sallyport.Tokens, _ int) error {
		return m.instances[1].EndSession(m.Context(), m.user.ID, own.SessionID, other.SessionID, sallyport.Client{})
	},
	"end of all sessions": func(m *member, _, _ *sallyport.Tokens, _ int) error {
		_, err := m.instances[1].EndSessions(m.Context(), m.user.ID)
		return err
	},
	"revocation": func(m *member, own, _ *sallyport.Tokens, _ int) error {
		_, err := m.instances[1].RevokeSession(m.Context(), own.SessionID)
		return err
	},
	"revocation of everything": func(m *member, _, _ *sallyport.Tokens, _ int) error {
		_, err := m.instances[1].RevokeAllSessions(m.Context())
		return err
	},
	"sign-in over it": func(m *member, own, _ *sallyport.Tokens, _ int) error {
		m.enter(m.instances[1], m.parsed(own.RefreshToken))
		return nil
	},
}

// TestRF_15_RefreshRacesEveryEnding: whichever wins, no token works after the ending was answered, the one just issued
// included, on any instance.
func TestRF_15_RefreshRacesEveryEnding(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		rounds := often(8, 1000)
		w := newWorld(t, database, idleOfWorld, lifeOfWorld)
		for name, end := range endings {
			m := w.member()
			for round := range rounds {
				own, other := m.enter(w.instances[0], sallyport.RefreshToken{}), m.enter(w.instances[2], sallyport.RefreshToken{})
				issued := m.whileRefreshed(own.RefreshToken, func() {
					if err := end(m, own, other, round); err != nil {
						t.Errorf("%s = %v", name, err)
					}
				})
				for text := range issued {
					w.dead(text)
				}
				if t.Failed() {
					t.Fatalf("%s, round %d", name, round)
				}
			}
		}
		t.Logf("%d endings, %d rounds each", len(endings), rounds)
	})
}

// turnsInRace is how often each of three instances refreshes: together they stay within RefreshReach, so that one that is
// left behind is not taken for a thief.
const turnsInRace = 5

// whileRefreshed does something while every instance refreshes a session, and returns every token there was.
func (w *world) whileRefreshed(text string, do func()) map[string]bool {
	w.Helper()
	var mu sync.Mutex
	issued := map[string]bool{text: true}
	var started, all sync.WaitGroup
	for _, i := range w.instances {
		started.Add(1)
		all.Go(func() {
			held := text
			for turn := range turnsInRace {
				tokens, err := i.Refresh(w.Context(), w.parsed(held), sallyport.Client{})
				if turn == 0 {
					started.Done()
				}
				if errors.Is(err, sallyport.ErrSessionRevoked) {
					return
				}
				if err != nil {
					w.Errorf("refresh = %v", err)
					return
				}
				held = tokens.RefreshToken
				mu.Lock()
				issued[held] = true
				mu.Unlock()
			}
		})
	}
	started.Wait()
	do()
	all.Wait()
	return issued
}

// TestSO_02_SignInRacesAnEndingOfAll: a session that was answered before the ending began is dead, one that began after
// it was answered lives, and one beside it is whole: alive, or dead everywhere.
func TestSO_02_SignInRacesAnEndingOfAll(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		rounds := often(25, 500)
		w := newWorld(t, database, idleOfWorld, lifeOfWorld)
		m := w.member()
		lived := 0
		for range rounds {
			before := m.enter(w.instances[0], sallyport.RefreshToken{})
			var beside *sallyport.Tokens
			var signingIn sync.WaitGroup
			signingIn.Go(func() { beside = m.enter(w.instances[2], sallyport.RefreshToken{}) })
			if err := logoff(t.Context(), w.instances[0], w.parsed(before.RefreshToken), sallyport.ScopeAll); err != nil {
				t.Fatal(err)
			}
			after := m.enter(w.instances[1], sallyport.RefreshToken{})
			signingIn.Wait()
			w.dead(before.RefreshToken)
			if _, err := w.instances[2].Refresh(t.Context(), w.parsed(after.RefreshToken), sallyport.Client{}); err != nil {
				t.Errorf("the session that began afterwards: %v", err)
			}
			if _, err := w.instances[0].Refresh(t.Context(), w.parsed(beside.RefreshToken), sallyport.Client{}); err == nil {
				lived++
			} else {
				w.dead(beside.RefreshToken)
			}
			if t.Failed() {
				return
			}
		}
		t.Logf("%d rounds; the sign-in beside the ending outlived it in %d", rounds, lived)
	})
}

// TestSI_31_PasswordChangesMeanwhile: another instance changes the password, or disables the user, after one has checked the
// password and before it adds the session.
func TestSI_31_PasswordChangesMeanwhile(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		w := newWorld(t, database, idleOfWorld, lifeOfWorld)
		for name, change := range map[string]func(m *member) error{
			"password": func(m *member) error { return w.instances[2].SetPassword(t.Context(), m.user.ID, "green table") },
			"disable":  func(m *member) error { return w.instances[2].DisableUser(t.Context(), m.user.ID) },
			"delete":   func(m *member) error { return w.instances[2].DeleteUser(t.Context(), m.user.ID) },
		} {
			m := w.member()
			held := m.enter(w.instances[0], sallyport.RefreshToken{})
			i := w.instances[0]
			store := i.store.Store
			i.store.Store = &storehook.Store{Closing: store.Close, Around: func(ctx context.Context, op string, call storehook.Call) error {
				if op == "start_session" {
					if err := change(m); err != nil {
						t.Error(err)
					}
				}
				return call(ctx, store)
			}}
			_, err := i.SignIn(t.Context(), sallyport.SignInRequest{Username: m.user.Username, Password: m.password, Replaces: w.parsed(held.RefreshToken)})
			i.store.Store = store
			if !errors.Is(err, sallyport.ErrInvalidCredentials) {
				t.Errorf("%s: SignIn() = %v, want %v", name, err, sallyport.ErrInvalidCredentials)
			}
			sessions, err := i.Sessions(t.Context(), m.user.ID, sallyport.ID{}, 10)
			if err != nil || len(sessions) != 0 {
				t.Errorf("%s: %d sessions, %v, want none", name, len(sessions), err)
			}
		}
	})
}

// TestRF_14_WhatIsNeededIsInTheStore: an instance that was started anew, with its connections, notices a reuse.
func TestRF_14_WhatIsNeededIsInTheStore(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		w := newWorld(t, database, idleOfWorld, lifeOfWorld)
		m := w.member()
		first := m.enter(w.instances[0], sallyport.RefreshToken{}).RefreshToken
		held := first
		for range 2 {
			w.pause(time.Minute)
			tokens, err := w.instances[0].Refresh(t.Context(), w.parsed(held), sallyport.Client{})
			if err != nil {
				t.Fatal(err)
			}
			held = tokens.RefreshToken
		}
		w.pause(time.Minute)
		for _, i := range w.instances {
			if err := w.restartWithStore(i); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.instances[2].Refresh(t.Context(), w.parsed(first), sallyport.Client{}); !errors.Is(err, sallyport.ErrRefreshTokenReused) {
			t.Errorf("Refresh(an old token) = %v, want %v", err, sallyport.ErrRefreshTokenReused)
		}
		w.dead(held)
	})
}
