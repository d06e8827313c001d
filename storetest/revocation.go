package storetest

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// revocationCases are the sentences about Revocations.
func revocationCases() []testCase {
	return []testCase{
		{"whatever ends a session adds a revocation, in the same step", everyEndingIsTold},
		{"a change of what may stand in claims adds a revocation of the user, and nothing else does", everyChangeIsTold},
		{"the end of a session that was not used for longer than any token lives adds none", func(b *bench) {
			u := b.addUser("alice")
			s := b.start(u)
			b.now = b.now.Add(25*time.Hour + time.Microsecond)
			b.end(sallyport.SessionEnd{Session: s.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now})
			b.wantRevocations(0)
		}},
		{"Revocations lists from the least cursor that is greater than after, at most limit", revocationPages},
		{"cursors grow whatever the clock does, and are never less than the instant", cursorsGrow},
		{"Sweep removes revocations by their cursors, but never the newest", sweepsRevocations},
	}
}

// revocationRaceCases are the races about Revocations that must come out right.
func revocationRaceCases() []testCase {
	return []testCase{{"no revocation appears below one that was seen, whatever ends at once", noneAppearsBelow}}
}

// wantRevocations checks what there is after a cursor, but for the cursors, and returns the last one.
func (b *bench) wantRevocations(after int64, want ...sallyport.Revocation) int64 {
	b.Helper()
	got, err := b.store.Revocations(b.ctx(), after, 1000)
	b.wantError("Revocations()", err, nil)
	last := after
	for i := range got {
		if got[i].Cursor <= last {
			b.Errorf("cursor %d follows %d", got[i].Cursor, last)
		}
		last, got[i].Cursor = got[i].Cursor, 0
	}
	if want == nil {
		want = []sallyport.Revocation{}
	}
	b.wantEqual("Revocations()", got, want)
	return last
}

// endOf is what an ending of s that was not used since it started adds now.
func (b *bench) endOf(s sallyport.Session) sallyport.Revocation {
	return sallyport.Revocation{SessionID: s.ID, At: b.now, UsedAt: s.CreatedAt}
}

func everyEndingIsTold(b *bench) {
	last := int64(0)
	told := func(what string, s sallyport.Session, end func() error) {
		b.Helper()
		b.now = b.now.Add(time.Second)
		b.wantError(what, end(), nil)
		b.wantError(what+": EndedAt", ifEqual(b.stored(s.ID).EndedAt, b.now), nil)
		last = b.wantRevocations(last, b.endOf(s))
	}
	endBy := func(e sallyport.SessionEnd) func() error {
		return func() error {
			e.At = b.now
			_, err := b.store.EndSessions(b.ctx(), e)
			return err
		}
	}
	u := b.proved("alice")
	s, other := b.start(u), b.start(u)
	told("others", other, endBy(sallyport.SessionEnd{Session: s.ID, Scope: sallyport.ScopeOthers, Reason: sallyport.EndedByOthers}))
	told("this", s, endBy(sallyport.SessionEnd{Session: s.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff}))
	s = b.start(u)
	told("all", s, endBy(sallyport.SessionEnd{Session: s.ID, Scope: sallyport.ScopeAll, Reason: sallyport.EndedByAll}))
	s = b.start(u)
	told("of a user", s, endBy(sallyport.SessionEnd{User: u.ID, Reason: sallyport.EndedByAdmin}))
	s = b.start(u)
	told("replaced", s, func() error {
		return b.store.StartSession(b.ctx(), sallyport.SessionStart{Session: b.newSession(u.ID), CredentialVersion: b.version(u), Replaces: s.ID})
	})
	s = b.stored(b.live(u)[0].ID)
	told("limit", s, func() error {
		return b.store.StartSession(b.ctx(), sallyport.SessionStart{Session: b.newSession(u.ID), CredentialVersion: b.version(u), MaxSessions: 1})
	})
	s = b.stored(b.live(u)[0].ID)
	told("password", s, func() error {
		return b.store.SetPassword(b.ctx(), sallyport.PasswordChange{UserID: u.ID, Hash: "new", At: b.now})
	})
	s = b.start(u)
	told("linked", s, func() error { return b.store.StartSession(b.ctx(), b.linkStep(u, "linked")) })
	s = b.stored(b.live(u)[0].ID)
	told("walk", s, func() error {
		_, _, err := b.store.EndAllSessions(b.ctx(), sallyport.SessionWalk{Limit: 100, Reason: sallyport.EndedByAdmin, At: b.now})
		return err
	})

	_, i := b.member("bob")
	last = b.wantNewRevocations(last)
	s = b.startAs(i, "sid")
	told("the provider's session", s, func() error {
		_, err := b.store.EndProviderSessions(b.ctx(), b.logoutStep("sid", ""))
		return err
	})
	s = b.startAs(i, "")
	told("the provider's subject", s, func() error {
		_, err := b.store.EndProviderSessions(b.ctx(), b.logoutStep("", "bob"))
		return err
	})
	s = b.startAs(i, "")
	told("unlinked", s, func() error {
		bob, err := b.store.UserByIdentity(b.ctx(), i.Issuer, i.Subject)
		b.wantError("UserByIdentity()", err, nil)
		return b.store.RemoveIdentity(b.ctx(), b.removal(bob.User, i.ID, sallyport.Event{}))
	})

	carol := b.addUser("carol")
	s = b.start(carol)
	b.wantRule(s, 1, sallyport.RuleAdvance)
	b.now = b.now.Add(time.Second)
	b.wantRule(s, 2, sallyport.RuleAdvance)
	b.now = b.now.Add(window + time.Second)
	b.wantRule(s, 3, sallyport.RuleAdvance)
	used := b.now
	last = b.wantRevocations(last) // an advance is no ending
	b.now = b.now.Add(time.Second)
	b.wantRule(s, 1, sallyport.RuleReuse)
	last = b.wantRevocations(last, sallyport.Revocation{SessionID: s.ID, At: b.now, UsedAt: used})

	s = b.start(carol)
	b.now = b.now.Add(time.Second)
	b.wantError("DeleteUser()", b.store.DeleteUser(b.ctx(), carol.ID, b.now, sallyport.Event{}), nil)
	last = b.wantRevocations(last, b.endOf(s))

	dave := b.addUser("dave")
	s = b.start(dave)
	b.now = b.now.Add(time.Second)
	b.update(dave, sallyport.UserChange{IsActive: ptr(false)})
	got, err := b.store.Revocations(b.ctx(), last, 9)
	b.wantError("Revocations()", err, nil)
	b.wantEqual("number of revocations of a user who is disabled", len(got), 2) // the session's and the user's
}

// wantNewRevocations passes over what a preparation has added.
func (b *bench) wantNewRevocations(after int64) int64 {
	b.Helper()
	got, err := b.store.Revocations(b.ctx(), after, 1000)
	b.wantError("Revocations()", err, nil)
	if len(got) > 0 {
		after = got[len(got)-1].Cursor
	}
	return after
}

func (b *bench) live(u sallyport.User) []sallyport.Session {
	b.Helper()
	live, err := b.store.Sessions(b.ctx(), sallyport.SessionQuery{User: u.ID, At: b.now, Limit: 100})
	b.wantError("Sessions()", err, nil)
	if len(live) == 0 {
		b.Fatal("no session lives")
	}
	return live
}

func ifEqual(got, want time.Time) error {
	if !got.Equal(want) {
		return fmt.Errorf("%v, want %v", got, want)
	}
	return nil
}

func everyChangeIsTold(b *bench) {
	u := b.add(b.fullUser())
	b.now = u.UpdatedAt
	last := b.wantRevocations(0)
	for name, change := range map[string]sallyport.UserChange{
		"username":       {Username: ptr("someone else")},
		"email":          {Email: ptr("new@example.org"), EmailVerified: ptr(true)},
		"email_verified": {EmailVerified: ptr(false)},
		"first_name":     {FirstName: ptr("Eva")},
		"last_name":      {LastName: ptr("Änders")},
		"groups":         {Groups: &[]string{"admins"}},
		"attributes":     {Attributes: map[string]any{"tier": "gold"}},
		"is_active":      {IsActive: ptr(false)},
	} {
		b.now = b.now.Add(time.Second)
		u = b.update(u, change)
		last = b.wantRevocations(last, sallyport.Revocation{UserID: u.ID, At: b.now, UsedAt: b.now})
		b.wantEqual(name+": UpdatedAt", u.UpdatedAt, b.now)
		b.now = b.now.Add(time.Second)
		b.update(u, change)
		last = b.wantRevocations(last) // it is so already
	}
	b.update(u, sallyport.UserChange{IsActive: ptr(true)})
	last = b.wantNewRevocations(last)
	// An instance whose clock is behind changes the user: tokens are stale that were issued before what UpdatedAt says.
	ahead := b.now
	b.now = b.now.Add(-time.Minute)
	got := b.update(u, sallyport.UserChange{FirstName: ptr("Evi")})
	b.wantEqual("UpdatedAt by a clock that is behind", got.UpdatedAt, ahead)
	last = b.wantRevocations(last, sallyport.Revocation{UserID: u.ID, At: ahead, UsedAt: ahead})
	b.now = ahead

	b.setPassword(u, "another")
	b.wantError("RenewPasswordHash()", b.store.RenewPasswordHash(b.ctx(), u.ID, "another", "renewed"), nil)
	i := b.addIdentity(u, b.start(u), "1")
	last = b.wantRevocations(last)
	b.now = b.now.Add(time.Second)
	sync := sallyport.SessionStart{
		Session: b.byIdentity(&i, ""), CredentialVersion: b.version(u), Sync: sallyport.UserChange{FirstName: ptr("Eve")},
	}
	b.startStep(sync)
	last = b.wantRevocations(last, sallyport.Revocation{UserID: u.ID, At: b.now, UsedAt: b.now})
	sync.Session = b.byIdentity(&i, "")
	b.startStep(sync)
	b.wantRevocations(last)
}

func revocationPages(b *bench) {
	u := b.addUser("alice")
	var want []sallyport.Revocation
	for range 5 {
		s := b.start(u)
		b.now = b.now.Add(time.Second)
		b.end(sallyport.SessionEnd{Session: s.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now})
		want = append(want, b.endOf(s))
	}
	b.wantRevocations(0, want...)
	after := int64(0)
	for _, size := range []int{2, 2, 1, 0} {
		got, err := b.store.Revocations(b.ctx(), after, 2)
		b.wantError("Revocations()", err, nil)
		b.wantEqual("length of a page", len(got), size)
		for _, r := range got {
			after, r.Cursor = r.Cursor, 0
			b.wantEqual("revocation", r, want[0])
			want = want[1:]
		}
	}
	for _, limit := range []int{0, -1} {
		got, err := b.store.Revocations(b.ctx(), 0, limit)
		b.wantError("Revocations()", err, nil)
		b.wantEqual(fmt.Sprint("Revocations() with limit ", limit), got, []sallyport.Revocation{})
	}
	b.wantRevocations(math.MaxInt64)
}

func cursorsGrow(b *bench) {
	u := b.addUser("alice")
	last := int64(0)
	for _, step := range []time.Duration{0, time.Second, -3 * time.Hour, 0, time.Microsecond, 24 * time.Hour} {
		b.now = b.now.Add(step)
		s := b.start(u)
		b.end(sallyport.SessionEnd{Session: s.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now})
		last = b.wantRevocations(last, b.endOf(s))
		if last < b.now.UnixMicro() {
			b.Errorf("cursor %d is less than the instant %d", last, b.now.UnixMicro())
		}
	}
}

func sweepsRevocations(b *bench) {
	u := b.addUser("alice")
	end := func() sallyport.Revocation {
		s := b.start(u)
		b.now = b.now.Add(time.Second)
		b.end(sallyport.SessionEnd{Session: s.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now})
		return b.endOf(s)
	}
	sweep := func(before time.Time, limit int) int {
		outcome, err := b.store.Sweep(b.ctx(), sallyport.Sweep{Limit: limit, Now: b.now, RevocationsBefore: before})
		b.wantError("Sweep()", err, nil)
		return outcome.Removed
	}
	_, second, third := end(), end(), end()
	b.wantEqual("removed", sweep(second.At, 9), 1)
	b.wantRevocations(0, second, third)
	b.wantEqual("removed", sweep(b.now.Add(time.Hour), 9), 1)
	last := b.wantRevocations(0, third)
	b.wantEqual("removed", sweep(b.now.Add(time.Hour), 9), 0)
	b.now = b.now.Add(-time.Hour)
	fourth := end()
	b.wantRevocations(last, fourth)
	for range 5 {
		end()
	}
	b.wantEqual("removed", sweep(b.now.Add(24*time.Hour), 2), 2)
}

func noneAppearsBelow(b *bench) {
	const writers, rounds = 8, 15
	users := make([]sallyport.User, writers)
	sessions := make([][]sallyport.Session, writers)
	for w := range users {
		users[w] = b.addUser(fmt.Sprint("user ", w))
		for range rounds * 2 {
			sessions[w] = append(sessions[w], b.start(users[w]))
		}
	}
	var group sync.WaitGroup
	done := make(chan struct{})
	for w := range users {
		group.Go(func() {
			for r := range rounds {
				for _, s := range sessions[w][2*r : 2*r+2] {
					if _, err := b.store.EndSessions(b.ctx(), sallyport.SessionEnd{Session: s.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now}); err != nil {
						b.Errorf("EndSessions() = %v", err)
					}
				}
				// One step that adds several, and one that is about the user alone.
				if _, err := b.store.UpdateUser(b.ctx(), users[w].ID, sallyport.UserChange{FirstName: ptr(fmt.Sprint(r))}, b.now, sallyport.Event{}); err != nil {
					b.Errorf("UpdateUser() = %v", err)
				}
			}
		})
	}
	go func() { group.Wait(); close(done) }()
	seen, after, last := map[sallyport.ID]int{}, int64(0), false
	for {
		got, err := b.store.Revocations(b.ctx(), after, 1000)
		if err != nil {
			if !errors.Is(err, sallyport.ErrStoreUnavailable) {
				b.Fatalf("Revocations() = %v", err)
			}
			continue
		}
		for _, r := range got {
			after = r.Cursor
			seen[r.SessionID]++
		}
		if last {
			break
		}
		select {
		case <-done:
			last = true
		default:
		}
	}
	b.wantEqual("revocations of users that were seen in order", seen[sallyport.ID{}], writers*rounds)
	for w := range sessions {
		for _, s := range sessions[w] {
			b.wantEqual("times that a session was seen in order", seen[s.ID], 1)
		}
	}
}
