package storetest

import (
	"time"

	"github.com/sallyport-auth/sallyport"
)

// event makes an event that is not noted yet.
func (b *bench) event(name string, user sallyport.ID) sallyport.Event {
	return sallyport.Event{
		ID: sallyport.NewID(b.now), At: b.now, Name: name, Actor: "user", UserID: user,
		Client: sallyport.Client{IP: "2001:db8::1", UserAgent: "Agent/1.0 (ü)", RequestID: "r-1"}, Provider: "google", Detail: "détail",
	}
}

// wantEvents checks the page of the audit trail that q names, without regard to the order.
func (b *bench) wantEvents(q sallyport.EventQuery, want ...sallyport.Event) {
	b.Helper()
	got, err := b.store.Events(b.ctx(), q)
	b.wantError("Events()", err, nil)
	byID := func(events []sallyport.Event) map[sallyport.ID]sallyport.Event {
		all := map[sallyport.ID]sallyport.Event{}
		for _, e := range events {
			all[e.ID] = e
		}
		return all
	}
	b.wantEqual("Events()", byID(got), byID(want))
}

// eventCases are the sentences about the audit trail and about listing and deleting.
func eventCases() []testCase {
	all := sallyport.EventQuery{Limit: 100}
	return []testCase{
		{"EndSessions and StartSession note the owner of the session when the event names no user", endingsNameTheOwner},
		{"EndAllSessions notes a part in which a session ended", walksAreNoted},
		{"Events lists the newest first, page by page, of everybody or of one user", func(b *bench) {
			u, other := b.addUser("alice"), b.addUser("bob")
			var events []sallyport.Event // the newest first
			for i := range 7 {
				b.now = b.now.Add(time.Second)
				e := b.event("user_changed", [...]sallyport.ID{u.ID, other.ID}[i%2])
				events = append([]sallyport.Event{e}, events...)
				_, err := b.store.UpdateUser(b.ctx(), e.UserID, sallyport.UserChange{FirstName: ptr("A")}, b.now, e)
				b.wantError("UpdateUser()", err, nil)
			}
			for _, c := range []struct {
				q    sallyport.EventQuery
				want []sallyport.Event
			}{
				{all, events},
				{sallyport.EventQuery{Limit: 3}, events[:3]},
				{sallyport.EventQuery{Limit: 3, Before: events[2].ID}, events[3:6]},
				{sallyport.EventQuery{Limit: 3, Before: events[6].ID}, nil},
				{sallyport.EventQuery{Limit: 0}, nil},
				{sallyport.EventQuery{User: u.ID, Limit: 2}, []sallyport.Event{events[0], events[2]}},
				{sallyport.EventQuery{User: u.ID, Limit: 9, Before: events[2].ID}, []sallyport.Event{events[4], events[6]}},
			} {
				got, err := b.store.Events(b.ctx(), c.q)
				b.wantError("Events()", err, nil)
				b.wantEqual("Events()", got, c.want)
				if got == nil {
					b.Errorf("Events(%+v) is nil", c.q)
				}
			}
		}},
		{"an event without a name is not written", func(b *bench) {
			b.addUser("alice")
			b.wantEvents(all)
		}},
		{"every step notes its event, with the number of sessions that ended", func(b *bench) {
			u := b.newUser("alice", "")
			var want []sallyport.Event
			noted := func(name string, ended int) sallyport.Event {
				e := b.event(name, u.ID)
				e.Sessions = ended
				want = append(want, e)
				e.Sessions = 0
				return e
			}
			b.wantError("CreateUser()", b.store.CreateUser(b.ctx(), u, "hash", noted("user_created", 0)), nil)
			old := b.start(u)
			step := b.exchange(u, "token")
			step.Replaces, step.Replaced = old.ID, noted("session_ended", 1)
			step.Events = []sallyport.Event{noted("one", 0), noted("two", 0)}
			b.startStep(step)
			step = b.exchange(u, "another token")
			step.Replaces, step.Replaced = old.ID, b.event("session_ended", u.ID) // which has ended already
			s := b.startStep(step)
			b.wantError("SetPassword()", b.store.SetPassword(b.ctx(), sallyport.PasswordChange{
				UserID: u.ID, Hash: "new", Keep: s.ID, At: b.now, Event: noted("password_changed", 1),
			}), nil)
			b.start(u)
			b.end(sallyport.SessionEnd{Session: s.ID, Scope: sallyport.ScopeAll, Reason: sallyport.EndedByAll, At: b.now, Event: noted("session_ended", 2)})
			b.end(sallyport.SessionEnd{User: u.ID, Reason: sallyport.EndedByAdmin, At: b.now, Event: b.event("session_ended", u.ID)}) // there is none
			b.start(u)
			_, err := b.store.UpdateUser(b.ctx(), u.ID, sallyport.UserChange{IsActive: ptr(false)}, b.now, noted("user_disabled", 1))
			b.wantError("UpdateUser()", err, nil)
			b.wantError("AddSigningKey()", b.store.AddSigningKey(b.ctx(), key("1", b.now), "", noted("key_published", 0)), nil)
			b.wantError("AddSigningKey()", b.store.AddSigningKey(b.ctx(), key("2", b.now), "", b.event("key_published", u.ID)), sallyport.ErrChanged)
			_, err = b.store.RemoveSigningKey(b.ctx(), "1", noted("key_removed", 0))
			b.wantError("RemoveSigningKey()", err, nil)
			_, err = b.store.RemoveSigningKey(b.ctx(), "1", b.event("key_removed", u.ID))
			b.wantError("RemoveSigningKey()", err, nil)
			b.wantError("ReplaceSigningKeys()", b.store.ReplaceSigningKeys(b.ctx(), key("3", b.now), noted("keys_replaced", 0)), nil)
			b.wantError("DeleteUser()", b.store.DeleteUser(b.ctx(), u.ID, b.now, noted("user_deleted", 0)), nil)
			b.wantEvents(all, want...)
		}},
		{"a step that fails notes nothing", func(b *bench) {
			u := b.addUser("alice")
			e := b.event("x", u.ID)
			b.wantError("CreateUser()", b.store.CreateUser(b.ctx(), b.newUser("ALICE", ""), "", e), sallyport.ErrNameTaken)
			unknown := sallyport.NewID(b.now)
			_, err := b.store.UpdateUser(b.ctx(), unknown, sallyport.UserChange{FirstName: ptr("A")}, b.now, e)
			b.wantError("UpdateUser()", err, sallyport.ErrNotFound)
			b.wantError("DeleteUser()", b.store.DeleteUser(b.ctx(), unknown, b.now, e), sallyport.ErrNotFound)
			b.wantError("SetPassword()", b.store.SetPassword(b.ctx(), sallyport.PasswordChange{UserID: unknown, Hash: "new", At: b.now, Event: e}), sallyport.ErrNotFound)
			b.wantEvents(all)
		}},
		{"Refresh notes a reuse, with the address that the session was last used from", func(b *bench) {
			u := b.addUser("alice")
			s := b.start(u)
			present := func(n int64, ip string) sallyport.Event {
				step := b.step(s, n)
				step.IP, step.Reused = ip, b.event("refresh_reused", sallyport.ID{})
				step.Reused.Client.IP = ip
				_, err := b.store.Refresh(b.ctx(), step)
				b.wantError("Refresh()", err, nil)
				return step.Reused
			}
			present(1, "192.0.2.1")
			present(2, "")
			b.now = b.now.Add(window + time.Microsecond)
			present(3, "192.0.2.2")
			b.wantEvents(all)
			want := present(1, "198.51.100.9")
			want.UserID, want.Sessions, want.SessionIP = u.ID, 1, "192.0.2.2"
			b.wantEvents(all, want)
			b.wantEnded(s, sallyport.EndedByReuse)
			present(1, "198.51.100.9") // rule 0
			b.wantEvents(all, want)
		}},
		{"SetPassword asks for the version, unless that is zero", func(b *bench) {
			u := b.addUser("alice")
			s := b.start(u)
			change := sallyport.PasswordChange{UserID: u.ID, Hash: "new", Version: b.version(u) + 1, At: b.now, Event: b.event("x", u.ID)}
			b.wantError("SetPassword(another version)", b.store.SetPassword(b.ctx(), change), sallyport.ErrChanged)
			b.wantLive(s)
			b.wantEvents(all)
			change.Version--
			b.wantError("SetPassword()", b.store.SetPassword(b.ctx(), change), nil)
			b.wantError("SetPassword() again", b.store.SetPassword(b.ctx(), change), sallyport.ErrChanged)
		}},
		{"Sessions lists what is live, the newest first, page by page", listsSessions},
		{"EndSessions of a session and a user returns ErrNotFound for somebody else's", func(b *bench) {
			u, other := b.addUser("alice"), b.addUser("bob")
			s := b.start(u)
			e := sallyport.SessionEnd{Session: s.ID, Scope: sallyport.ScopeThis, User: other.ID, Reason: sallyport.EndedByOthers, At: b.now}
			_, err := b.store.EndSessions(b.ctx(), e)
			b.wantError("EndSessions(somebody else's)", err, sallyport.ErrNotFound)
			b.wantLive(s)
			e.Session, e.User = sallyport.NewID(b.now), u.ID
			_, err = b.store.EndSessions(b.ctx(), e)
			b.wantError("EndSessions(unknown)", err, sallyport.ErrNotFound)
			e.Session = s.ID
			for _, want := range []int{1, 0} { // an ended one is no error
				if got := b.end(e); got != want {
					b.Errorf("EndSessions() = %d, want %d", got, want)
				}
			}
			b.wantEnded(s, sallyport.EndedByOthers)
		}},
		{"EndAllSessions ends everybody's, part by part", func(b *bench) {
			var sessions []sallyport.Session
			for _, name := range []string{"alice", "bob", "carol"} {
				u := b.addUser(name)
				for range 3 {
					b.now = b.now.Add(time.Millisecond)
					sessions = append(sessions, b.start(u))
				}
			}
			b.end(sallyport.SessionEnd{Session: sessions[1].ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now})
			walk := sallyport.SessionWalk{Limit: 4, Reason: sallyport.EndedByAdmin, At: b.now}
			for _, want := range []struct {
				ended int
				last  sallyport.ID
			}{{3, sessions[3].ID}, {4, sessions[7].ID}, {1, sallyport.ID{}}} {
				ended, last, err := b.store.EndAllSessions(b.ctx(), walk)
				b.wantError("EndAllSessions()", err, nil)
				if ended != want.ended || last != want.last {
					b.Errorf("EndAllSessions() = %d, %v, want %d, %v", ended, last, want.ended, want.last)
				}
				walk.After = last
			}
			for i, s := range sessions {
				if i != 1 {
					b.wantEnded(s, sallyport.EndedByAdmin)
				}
			}
		}},
		{"DeleteUser removes the user with all that is theirs", deletesUser},
	}
}

func listsSessions(b *bench) {
	u, other := b.addUser("alice"), b.addUser("bob")
	var mine, everybodys []sallyport.Session // the newest first
	for i := range 5 {
		b.now = b.now.Add(time.Second)
		s := b.start([...]sallyport.User{u, other}[i%2])
		everybodys = append([]sallyport.Session{s}, everybodys...)
		if i%2 == 0 {
			mine = append([]sallyport.Session{s}, mine...)
		}
	}
	ended := b.start(u)
	b.end(sallyport.SessionEnd{Session: ended.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now})
	for _, c := range []struct {
		q    sallyport.SessionQuery
		want []sallyport.Session
	}{
		{sallyport.SessionQuery{User: u.ID, Limit: 9}, mine},
		{sallyport.SessionQuery{User: u.ID, Limit: 2}, mine[:2]},
		{sallyport.SessionQuery{User: u.ID, Limit: 2, Before: mine[1].ID}, mine[2:]},
		{sallyport.SessionQuery{User: sallyport.NewID(b.now), Limit: 2}, nil},
		{sallyport.SessionQuery{Limit: 9}, everybodys},
		{sallyport.SessionQuery{Limit: 3, Before: everybodys[0].ID}, everybodys[1:4]},
		{sallyport.SessionQuery{}, nil},
	} {
		c.q.At = b.now
		got, err := b.store.Sessions(b.ctx(), c.q)
		b.wantError("Sessions()", err, nil)
		b.wantEqual("Sessions()", got, c.want)
		if got == nil {
			b.Errorf("Sessions(%+v) is nil", c.q)
		}
	}
	oldest := everybodys[len(everybodys)-1]
	got, err := b.store.Sessions(b.ctx(), sallyport.SessionQuery{At: oldest.IdleEnd, Limit: 9})
	b.wantError("Sessions()", err, nil)
	b.wantEqual("Sessions() at the idle end of the oldest", got, everybodys[:4])
}

// endingsNameTheOwner: an event that names no user is noted with the owner of the session that it ended.
func endingsNameTheOwner(b *bench) {
	u, other := b.addUser("alice"), b.addUser("bob")
	s, replaced := b.start(u), b.start(u)
	ended := b.event("session_ended", sallyport.ID{})
	ended.SessionID = s.ID
	b.end(sallyport.SessionEnd{Session: s.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now, Event: ended})
	over := b.event("session_ended", sallyport.ID{})
	over.SessionID = replaced.ID
	b.startStep(sallyport.SessionStart{ // in a browser that was alice's
		Session: b.newSession(other.ID), CredentialVersion: b.version(other), Replaces: replaced.ID, Replaced: over,
	})
	ended.UserID, ended.Sessions, over.UserID, over.Sessions = u.ID, 1, u.ID, 1
	b.wantEvents(sallyport.EventQuery{Limit: 9}, ended, over)
}

// walksAreNoted: EndAllSessions notes the event of a part in which a session ended, and of no other.
func walksAreNoted(b *bench) {
	u := b.addUser("alice")
	b.start(u)
	b.start(u)
	walk := sallyport.SessionWalk{Limit: 10, Reason: sallyport.EndedByAdmin, At: b.now, Event: b.event("session_ended", sallyport.ID{})}
	for _, want := range []int{2, 0} {
		ended, _, err := b.store.EndAllSessions(b.ctx(), walk)
		b.wantError("EndAllSessions()", err, nil)
		b.wantEqual("EndAllSessions()", ended, want)
		if want > 0 {
			walk.Event.Sessions = want
			b.wantEvents(sallyport.EventQuery{Limit: 9}, walk.Event)
		}
		walk.Event = b.event("session_ended", sallyport.ID{})
	}
	events, err := b.store.Events(b.ctx(), sallyport.EventQuery{Limit: 9})
	b.wantError("Events()", err, nil)
	if len(events) != 1 {
		b.Errorf("%d events, want 1: a part without a live session is noted", len(events))
	}
}

func deletesUser(b *bench) {
	u, other := b.newUser("alice", "alice@example.org"), b.addUser("bob")
	step := b.firstExchange(u, "1")
	step.Address = "192.0.2.1"
	s := b.startStep(step)
	b.start(u)
	others := b.start(other)
	e := b.event("user_deleted", u.ID)
	b.wantError("DeleteUser()", b.store.DeleteUser(b.ctx(), u.ID, b.now, e), nil)
	e.Sessions = 2
	b.wantEvents(sallyport.EventQuery{Limit: 9}, e)
	b.wantError("DeleteUser() again", b.store.DeleteUser(b.ctx(), u.ID, b.now, e), sallyport.ErrNotFound)
	_, _, err := b.store.Session(b.ctx(), s.ID)
	b.wantError("Session()", err, sallyport.ErrNotFound)
	b.wantRule(s, 1, sallyport.RuleRefused)
	_, err = b.userByIdentity(b.ctx(), "https://idp.example", "1")
	b.wantError("UserByIdentity()", err, sallyport.ErrNotFound)
	_, err = b.store.User(b.ctx(), u.ID)
	b.wantError("User()", err, sallyport.ErrNotFound)
	b.wantLive(others)
	late := b.newSession(u.ID)
	b.wantError("StartSession()", b.store.StartSession(b.ctx(), sallyport.SessionStart{
		Session: late, CredentialVersion: 1, NewIdentity: b.identity(u, "https://idp.example", "2"),
	}), sallyport.ErrChanged)
	// The names, the address and the identity are free.
	fresh := b.newUser("Alice", "Alice@example.org")
	b.startStep(b.firstExchange(fresh, "1"))
	b.wantKnown(fresh, "192.0.2.1", false)
}
