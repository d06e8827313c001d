package storetest

import (
	"time"

	"github.com/sallyport-auth/sallyport"
)

// sessionCases are the sentences about finding and ending sessions.
func sessionCases() []testCase {
	return []testCase{
		{"Session returns ErrNotFound when there is no such session", func(b *bench) {
			b.start(b.addUser("alice"))
			_, _, err := b.store.Session(b.ctx(), sallyport.NewID(b.now))
			b.wantError("Session()", err, sallyport.ErrNotFound)
			_, _, err = b.store.Session(b.ctx(), sallyport.ID{})
			b.wantError("Session(zero)", err, sallyport.ErrNotFound)
		}},
		{"EndSessions ends what the scope names and counts it", endScopes},
		{"EndSessions by a session that is no longer live ends no other", func(b *bench) {
			u := b.addUser("alice")
			ended, idle, other := b.start(u), b.start(u), b.start(u)
			b.end(sallyport.SessionEnd{Session: ended.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now})
			b.now = b.now.Add(time.Minute)
			b.wantRule(other, 1, sallyport.RuleAdvance)
			b.now = idle.IdleEnd
			for _, s := range []sallyport.Session{ended, idle} {
				for _, scope := range []sallyport.Scope{sallyport.ScopeOthers, sallyport.ScopeAll} {
					if got := b.end(sallyport.SessionEnd{Session: s.ID, Scope: scope, Reason: sallyport.EndedByAll, At: b.now}); got != 0 {
						b.Errorf("EndSessions(%s) = %d, want 0", scope, got)
					}
				}
			}
			b.wantLive(other)
		}},
		{"EndSessions of an ended session is no error and changes nothing", func(b *bench) {
			s := b.start(b.addUser("alice"))
			e := sallyport.SessionEnd{Session: s.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now}
			if got := b.end(e); got != 1 {
				b.Errorf("EndSessions() = %d, want 1", got)
			}
			e.Reason, e.At = sallyport.EndedByAdmin, b.now.Add(time.Hour)
			if got := b.end(e); got != 0 {
				b.Errorf("EndSessions() again = %d, want 0", got)
			}
			b.wantEnded(s, sallyport.EndedByLogoff)
		}},
		{"EndSessions of what is unknown is no error", func(b *bench) {
			s := b.start(b.addUser("alice"))
			for _, e := range []sallyport.SessionEnd{
				{Session: sallyport.NewID(b.now), Scope: sallyport.ScopeThis},
				{Session: sallyport.NewID(b.now), Scope: sallyport.ScopeOthers},
				{Session: sallyport.NewID(b.now), Scope: sallyport.ScopeAll},
				{User: sallyport.NewID(b.now)},
				{},
			} {
				e.Reason, e.At = sallyport.EndedByAdmin, b.now
				if got := b.end(e); got != 0 {
					b.Errorf("EndSessions(%+v) = %d, want 0", e, got)
				}
			}
			b.wantLive(s)
		}},
		{"EndSessions ends a session whose idle end has passed, so that a clock set back revives none", func(b *bench) {
			u := b.addUser("alice")
			s := b.start(u)
			started := b.now
			b.now = s.IdleEnd.Add(time.Second)
			b.end(sallyport.SessionEnd{User: u.ID, Reason: sallyport.EndedByAdmin, At: b.now})
			b.now = started
			b.wantRule(s, 1, sallyport.RuleRefused)
		}},
	}
}

// end ends sessions and returns how many.
func (b *bench) end(e sallyport.SessionEnd) int {
	b.Helper()
	n, err := b.store.EndSessions(b.ctx(), e)
	if err != nil {
		b.Fatalf("EndSessions(%+v) = %v", e, err)
	}
	return n
}

func endScopes(b *bench) {
	for _, c := range []struct {
		name   string
		end    func(one sallyport.Session) sallyport.SessionEnd
		reason sallyport.EndReason
		ended  [3]bool // of the user's three sessions
	}{
		{"this", func(one sallyport.Session) sallyport.SessionEnd {
			return sallyport.SessionEnd{Session: one.ID, Scope: sallyport.ScopeThis}
		}, sallyport.EndedByLogoff, [3]bool{true, false, false}},
		{"others", func(one sallyport.Session) sallyport.SessionEnd {
			return sallyport.SessionEnd{Session: one.ID, Scope: sallyport.ScopeOthers}
		}, sallyport.EndedByOthers, [3]bool{false, true, true}},
		{"all", func(one sallyport.Session) sallyport.SessionEnd {
			return sallyport.SessionEnd{Session: one.ID, Scope: sallyport.ScopeAll}
		}, sallyport.EndedByAll, [3]bool{true, true, true}},
		{"user", func(one sallyport.Session) sallyport.SessionEnd {
			return sallyport.SessionEnd{User: one.UserID}
		}, sallyport.EndedByAdmin, [3]bool{true, true, true}},
	} {
		u := b.addUser(c.name)
		sessions := [3]sallyport.Session{b.start(u), b.start(u), b.start(u)}
		stranger := b.start(b.addUser("a stranger to " + c.name))
		e := c.end(sessions[0])
		e.Reason, e.At = c.reason, b.now
		want := 0
		got := b.end(e)
		for i, s := range sessions {
			if c.ended[i] {
				want++
				b.wantEnded(s, c.reason)
				b.wantRule(s, 1, sallyport.RuleRefused)
			} else {
				b.wantLive(s)
				b.wantRule(s, 1, sallyport.RuleAdvance)
			}
		}
		if got != want {
			b.Errorf("%s: EndSessions() = %d, want %d", c.name, got, want)
		}
		b.wantLive(stranger)
	}
}
