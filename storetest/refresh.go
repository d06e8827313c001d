package storetest

import (
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// refreshCases are the rules of the refresh machine and their edges, one by one. The histories of
// model.go try their combinations.
func refreshCases() []testCase {
	return []testCase{
		{"Refresh rule 0: an unknown session gives the zero session", func(b *bench) {
			outcome := b.wantRule(sallyport.Session{ID: sallyport.NewID(b.now)}, 1, sallyport.RuleRefused)
			b.wantEqual("outcome", outcome, sallyport.RefreshOutcome{})
		}},
		{"Refresh rule 0: an ended session", func(b *bench) {
			u := b.addUser("alice")
			s := b.start(u)
			b.end(sallyport.SessionEnd{User: u.ID, Reason: sallyport.EndedByAdmin, At: b.now})
			b.wantUnchanged(s, u)
		}},
		{"Refresh rule 0: an inactive user", func(b *bench) {
			u := b.addUser("alice")
			s := b.start(u)
			u = b.update(u, sallyport.UserChange{IsActive: ptr(false)})
			b.wantUnchanged(s, u)
		}},
		{"Refresh rule 0: an end that has passed", func(b *bench) {
			u := b.addUser("alice")
			s := b.start(u)
			b.now = s.IdleEnd.Add(-time.Microsecond)
			b.wantRule(s, 1, sallyport.RuleAdvance)
			s = b.stored(s.ID)
			b.now = s.IdleEnd // at its end a session has ended, as a token at its "exp"
			b.wantUnchanged(s, u)
		}},
		{"Refresh rule 0: the absolute end, which no refresh moves", func(b *bench) {
			u := b.addUser("alice")
			s := b.start(u)
			n := int64(0)
			for end := s.AbsoluteEnd; b.now.Add(idle / 2).Before(end); {
				b.now = b.now.Add(idle / 2)
				n++
				outcome := b.wantRule(s, n, sallyport.RuleAdvance)
				want := b.now.Add(idle)
				if want.After(end) {
					want = end
				}
				b.wantEqual("IdleEnd", outcome.Session.IdleEnd, want)
				b.wantEqual("AbsoluteEnd", outcome.Session.AbsoluteEnd, end)
			}
			b.now = s.AbsoluteEnd.Add(-time.Microsecond)
			b.wantRule(s, n+1, sallyport.RuleAdvance)
			b.now = s.AbsoluteEnd
			b.wantUnchanged(b.stored(s.ID), u)
		}},
		{"Refresh rule 1: a new session's client holds generation 1", func(b *bench) {
			u := b.fullUser()
			b.add(u)
			s := b.start(u)
			b.now = b.now.Add(time.Minute)
			outcome := b.refresh(s, 1)
			s.LastUsedAt, s.IdleEnd = b.now, b.now.Add(idle)
			b.wantEqual("outcome", outcome, sallyport.RefreshOutcome{Rule: sallyport.RuleAdvance, Generation: 1, Session: s, User: u})
			b.wantEqual("Session()", b.stored(s.ID), s)
		}},
		{"Refresh rule 1: a generation far ahead catches up", func(b *bench) {
			s := b.start(b.addUser("alice"))
			b.wantEqual("Generation", b.wantRule(s, 1000, sallyport.RuleAdvance).Generation, int64(1000))
			b.wantEqual("Generation", b.wantRule(s, 1001, sallyport.RuleAdvance).Generation, int64(1001))
		}},
		{"Refresh rule 2: within the window any recent generation is answered alike", func(b *bench) {
			s := b.start(b.addUser("alice"))
			for n := int64(1); n <= 3; n++ {
				b.wantRule(s, n, sallyport.RuleAdvance)
			}
			for n := int64(0); n <= 3; n++ {
				b.wantEqual("Generation", b.wantRule(s, n, sallyport.RuleRetry).Generation, int64(3))
			}
		}},
		{"Refresh rule 2: at the window a retry is not late, and prolongs it", func(b *bench) {
			s := b.start(b.addUser("alice"))
			b.wantRule(s, 1, sallyport.RuleAdvance)
			for range 5 {
				b.now = b.now.Add(window)
				outcome := b.wantRule(s, 1, sallyport.RuleRetry)
				b.wantEqual("LastUsedAt", outcome.Session.LastUsedAt, b.now)
				b.wantEqual("IdleEnd", outcome.Session.IdleEnd, b.now.Add(idle))
			}
			b.now = b.now.Add(window + time.Microsecond)
			b.wantRule(s, 1, sallyport.RuleRecovery)
		}},
		{"Refresh rule 2: no further back than RefreshReach", func(b *bench) {
			s := b.start(b.addUser("alice"))
			b.wantRule(s, 1+sallyport.RefreshReach, sallyport.RuleAdvance)
			b.wantRule(s, 1, sallyport.RuleRetry)
			b.wantRule(s, 0, sallyport.RuleReuse)
		}},
		{"Refresh rule 2: no further back than the burst", func(b *bench) {
			s := b.start(b.addUser("alice"))
			b.wantRule(s, 5, sallyport.RuleAdvance)
			b.now = b.now.Add(time.Minute)
			b.wantRule(s, 6, sallyport.RuleAdvance) // late: low = 6
			b.wantRule(s, 5, sallyport.RuleReuse)
		}},
		{"Refresh rule 3: late, a recent generation recovers once", func(b *bench) {
			s := b.start(b.addUser("alice"))
			b.wantRule(s, 7, sallyport.RuleAdvance)
			b.now = b.now.Add(time.Minute)
			b.wantEqual("Generation", b.wantRule(s, 7, sallyport.RuleRecovery).Generation, int64(8))
			b.now = b.now.Add(time.Minute)
			b.wantRule(s, 8, sallyport.RuleReuse) // the successor that was never seen is burnt
		}},
		{"Refresh rule 4: a recovery may be retried at any time", func(b *bench) {
			s := b.start(b.addUser("alice"))
			b.wantRule(s, 7, sallyport.RuleAdvance)
			b.now = b.now.Add(time.Minute)
			b.wantRule(s, 7, sallyport.RuleRecovery)
			for range 3 {
				b.now = b.now.Add(time.Minute)
				b.wantEqual("Generation", b.wantRule(s, 7, sallyport.RuleRecoveryRetry).Generation, int64(8))
			}
			b.wantRule(s, 8, sallyport.RuleRetry) // a retry makes gen_at anew
			b.wantRule(s, 9, sallyport.RuleAdvance)
			b.now = b.now.Add(time.Minute)
			b.wantRule(s, 9, sallyport.RuleRecovery) // an advance has ended the former recovery
		}},
		{"Refresh rule 5: reuse ends the session, and nothing else of it changes", func(b *bench) {
			u := b.addUser("alice")
			s, other := b.start(u), b.start(u)
			b.wantRule(s, 1, sallyport.RuleAdvance)
			b.now = b.now.Add(time.Minute)
			b.wantRule(s, 2, sallyport.RuleAdvance)
			want := b.stored(s.ID)
			b.now = b.now.Add(time.Second)
			outcome := b.wantRule(s, 1, sallyport.RuleReuse)
			want.EndedAt, want.EndReason = b.now, sallyport.EndedByReuse
			b.wantEqual("Session of the outcome", outcome.Session, want)
			b.wantEqual("Session()", b.stored(s.ID), want)
			b.wantRule(s, 3, sallyport.RuleRefused)
			b.wantLive(other)
		}},
		{"Refresh takes the instant as it is, when a clock steps back too", func(b *bench) {
			s := b.start(b.addUser("alice"))
			b.wantRule(s, 1, sallyport.RuleAdvance)
			b.now = b.now.Add(-time.Hour)
			outcome := b.wantRule(s, 2, sallyport.RuleAdvance)
			b.wantEqual("LastUsedAt", outcome.Session.LastUsedAt, b.now)
			b.wantEqual("IdleEnd", outcome.Session.IdleEnd, b.now.Add(idle))
			b.now = b.now.Add(window + time.Microsecond) // late by the clock that was set back
			b.wantRule(s, 2, sallyport.RuleRecovery)
		}},
		{"Refresh reads the user afresh", func(b *bench) {
			u := b.addUser("alice")
			s := b.start(u)
			u = b.update(u, sallyport.UserChange{Groups: &[]string{"staff"}, Attributes: map[string]any{"a": "b"}})
			b.wantEqual("User", b.refresh(s, 1).User, u)
		}},
	}
}

// wantUnchanged presents generations to a session that refuses them all, and checks that the
// outcome says what is stored and that nothing has changed.
func (b *bench) wantUnchanged(s sallyport.Session, u sallyport.User) {
	b.Helper()
	before := b.stored(s.ID)
	for _, n := range []int64{0, 1, 2, 50} {
		outcome := b.wantRule(s, n, sallyport.RuleRefused)
		b.wantEqual(fmt.Sprintf("outcome of %d", n), outcome, sallyport.RefreshOutcome{Session: before, User: u})
	}
	b.wantEqual("Session()", b.stored(s.ID), before)
}
