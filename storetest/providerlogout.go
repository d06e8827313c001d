package storetest

import (
	"time"

	"github.com/sallyport-auth/sallyport"
)

// providerLogoutCases are the sentences about sessions that an identity provider ends.
func providerLogoutCases() []testCase {
	return []testCase{
		{"EndProviderSessions ends the sessions that the SID names", logoutBySID},
		{"EndProviderSessions ends the sessions that the subject's identity has signed in", logoutBySubject},
		{"EndProviderSessions with both falls back on the subject's sessions without a SID", logoutByBoth},
		{"EndProviderSessions ends nothing else when the SID was known, or the end of it", logoutOfWhatIsOver},
		{"StartSession returns ErrProviderSessionEnded for what EndProviderSessions has ended", logoutIsRemembered},
		{"EndProviderSessions counts a session whose identity is not known as the subject's", func(b *bench) {
			u, i := b.member("alice")
			old := b.byIdentity(i, "")
			old.IdentityID = sallyport.ID{} // of a release that did not keep it
			b.startStep(sallyport.SessionStart{Session: old, CredentialVersion: b.version(u)})
			password := b.start(u)
			b.logout(1, b.logoutStep("", "alice"))
			b.wantEnded(old, sallyport.EndedByProvider)
			b.wantLive(password)
		}},
		{"EndProviderSessions of what is unknown ends nothing and notes nothing", func(b *bench) {
			_, i := b.member("alice")
			s := b.startAs(i, "sid")
			for _, l := range []sallyport.ProviderLogout{
				b.logoutStep("unknown", ""), b.logoutStep("", "unknown"), b.logoutStep("SID", "Alice"), b.logoutStep("", ""),
			} {
				b.logout(0, l)
			}
			l := b.logoutStep("", "alice")
			l.Issuer += "/"
			b.logout(0, l)
			l = b.logoutStep("sid", "alice")
			l.Provider = "another"
			b.logout(0, l)
			b.wantLive(s)
			b.wantEvents(sallyport.EventQuery{Limit: 9})
		}},
		{"EndProviderSessions returns ErrReplayed for a mark that is remembered, and ends nothing", func(b *bench) {
			_, i := b.member("alice")
			first := b.startAs(i, "sid")
			l := b.logoutStep("sid", "alice")
			b.logout(1, l)
			b.wantEnded(first, sallyport.EndedByProvider)
			again := b.startAs(i, "sid")
			_, err := b.store.EndProviderSessions(b.ctx(), l)
			b.wantError("EndProviderSessions() again", err, sallyport.ErrReplayed)
			b.wantLive(again)
			l.Mark = mark("another")
			l.Event = sallyport.Event{}
			b.logout(1, l)
		}},
		{"EndProviderSessions notes no owner when the sessions are of several users", func(b *bench) {
			// The identity went from one user to another, within one session at the provider.
			u, i := b.member("alice")
			other := b.addUser("bob")
			one := b.startAs(i, "sid")
			two := b.byIdentity(i, "sid")
			two.UserID = other.ID
			b.startStep(sallyport.SessionStart{Session: two, CredentialVersion: b.version(other)})
			l := b.logoutStep("sid", "alice")
			b.logout(2, l)
			b.wantEnded(one, sallyport.EndedByProvider)
			b.wantEnded(two, sallyport.EndedByProvider)
			l.Event.Sessions = 2
			b.wantEvents(sallyport.EventQuery{Limit: 9}, l.Event)
			b.wantEvents(sallyport.EventQuery{User: u.ID, Limit: 9})
		}},
	}
}

func logoutOfWhatIsOver(b *bench) {
	_, i := b.member("alice")
	over, phone := b.startAs(i, "sid"), b.startAs(i, "")
	b.end(sallyport.SessionEnd{Session: over.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now})
	b.logout(0, b.logoutStep("sid", "alice"))
	b.wantLive(phone)
	fresh := b.startAs(i, "")
	unseen := b.logoutStep("never seen", "alice")
	unseen.SIDMark, unseen.SIDMarkUntil = mark("never seen"), b.now.Add(time.Hour)
	b.logout(2, unseen)
	b.wantEnded(phone, sallyport.EndedByProvider)
	b.wantEnded(fresh, sallyport.EndedByProvider)
	later := b.startAs(i, "")
	unseen.Mark = mark("another token") // by which the provider says it once more
	b.logout(0, unseen)
	b.wantLive(later)
}

func logoutIsRemembered(b *bench) {
	u, i := b.member("alice")
	_, theirs := b.member("bob")
	step := func(i *sallyport.Identity, sid string, proved time.Duration) sallyport.SessionStart {
		owner, err := b.store.UserByIdentity(b.ctx(), i.Issuer, i.Subject)
		b.wantError("UserByIdentity()", err, nil)
		start := sallyport.SessionStart{Session: b.byIdentity(i, sid), CredentialVersion: owner.Credential.Version, Proved: b.now.Add(proved)}
		if sid != "" {
			start.SIDMark = mark("ended " + sid)
		}
		return start
	}
	ended := b.logoutStep("sid", "alice")
	ended.SIDMark, ended.SIDMarkUntil = mark("ended sid"), b.now.Add(time.Hour)
	b.logout(0, ended)
	b.refused(step(i, "sid", time.Minute), sallyport.ErrProviderSessionEnded)
	b.refused(step(theirs, "sid", time.Minute), sallyport.ErrProviderSessionEnded)
	b.startStep(step(i, "another", -time.Minute))
	b.startStep(step(i, "", -time.Minute))

	all := b.logoutStep("", "alice")
	all.SignedOut = b.now
	b.logout(2, all)
	b.refused(step(i, "", -time.Microsecond), sallyport.ErrProviderSessionEnded)
	earlier := b.logoutStep("", "alice")
	earlier.SignedOut = b.now.Add(-time.Hour)
	b.logout(0, earlier)
	b.refused(step(i, "third", -time.Microsecond), sallyport.ErrProviderSessionEnded)
	b.startStep(step(i, "", 0))
	b.startStep(step(theirs, "", -time.Microsecond))
	github := step(i, "", 0)
	github.Proved = time.Time{}
	b.startStep(github)

	// A user who is refused for another reason is told that one.
	stale := step(i, "sid", 0)
	stale.CredentialVersion++
	b.refused(stale, sallyport.ErrChanged)
	live, err := b.store.Sessions(b.ctx(), sallyport.SessionQuery{User: u.ID, At: b.now, Limit: 100})
	b.wantError("Sessions()", err, nil)
	b.wantEqual("sessions that live", len(live), 2)
}

// member stores a user who has an identity, of the subject that is the name.
func (b *bench) member(name string) (sallyport.User, *sallyport.Identity) {
	b.Helper()
	u := b.addUser(name)
	step := b.exchange(u, "identity of "+name)
	step.NewIdentity = b.identity(u, issuer, name)
	step.Session = b.byIdentity(step.NewIdentity, "")
	b.startStep(step)
	b.end(sallyport.SessionEnd{Session: step.Session.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now})
	return u, step.NewIdentity
}

// startAs stores a session that the identity has signed in.
func (b *bench) startAs(i *sallyport.Identity, sid string) sallyport.Session {
	b.Helper()
	owner, err := b.store.UserByIdentity(b.ctx(), i.Issuer, i.Subject)
	b.wantError("UserByIdentity()", err, nil)
	return b.startStep(sallyport.SessionStart{Session: b.byIdentity(i, sid), CredentialVersion: owner.Credential.Version})
}

// logoutStep makes what a logout token says, with a mark of its own.
func (b *bench) logoutStep(sid, subject string) sallyport.ProviderLogout {
	e := b.event("session_ended", sallyport.ID{})
	return sallyport.ProviderLogout{
		Provider: "idp", SID: sid, Issuer: issuer, Subject: subject, At: b.now, Mark: mark(e.ID.String()), MarkUntil: b.now.Add(time.Hour), Event: e,
	}
}

func (b *bench) logout(want int, l sallyport.ProviderLogout) {
	b.Helper()
	got, err := b.store.EndProviderSessions(b.ctx(), l)
	if err != nil || got != want {
		b.Errorf("EndProviderSessions(%q, %q) = %d, %v, want %d", l.SID, l.Subject, got, err, want)
	}
}

func logoutBySID(b *bench) {
	u, i := b.member("alice")
	_, theirs := b.member("bob")
	one, two := b.startAs(i, "sid"), b.startAs(i, "sid")
	over := b.startAs(i, "sid")
	b.end(sallyport.SessionEnd{Session: over.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now})
	another := b.byIdentity(i, "sid")
	another.Provider = "another"
	b.startStep(sallyport.SessionStart{Session: another, CredentialVersion: b.version(u)})
	stay := []sallyport.Session{
		b.startAs(i, "another sid"), b.startAs(i, ""), b.start(u), another, b.startAs(theirs, "SID"), b.startAs(theirs, ""),
	}
	b.now = b.now.Add(time.Minute)
	l := b.logoutStep("sid", "")
	b.logout(2, l)
	b.wantEnded(one, sallyport.EndedByProvider)
	b.wantEnded(two, sallyport.EndedByProvider)
	for _, s := range stay {
		b.wantLive(s)
	}
	if got := b.stored(over.ID).EndReason; got != sallyport.EndedByLogoff {
		b.Errorf("a session that had been ended is ended by %q", got)
	}
	l.Event.UserID, l.Event.Sessions = u.ID, 2
	b.wantEvents(sallyport.EventQuery{Limit: 9}, l.Event)
	b.logout(0, b.logoutStep("sid", ""))
	b.wantEvents(sallyport.EventQuery{Limit: 9}, l.Event)
}

func logoutBySubject(b *bench) {
	u, i := b.member("alice")
	_, theirs := b.member("bob")
	one, two := b.startAs(i, "sid"), b.startAs(i, "")
	second := b.addIdentity(u, one, "alice's other account")
	another := b.byIdentity(i, "")
	another.Provider = "another"
	b.startStep(sallyport.SessionStart{Session: another, CredentialVersion: b.version(u)})
	stay := []sallyport.Session{b.startAs(&second, ""), b.startAs(&second, "sid"), b.start(u), another, b.startAs(theirs, "")}
	b.now = b.now.Add(time.Minute)
	l := b.logoutStep("", "alice")
	b.logout(2, l)
	b.wantEnded(one, sallyport.EndedByProvider)
	b.wantEnded(two, sallyport.EndedByProvider)
	for _, s := range stay {
		b.wantLive(s)
	}
	l.Event.UserID, l.Event.Sessions = u.ID, 2
	b.wantEvents(sallyport.EventQuery{Limit: 9}, l.Event)
}

func logoutByBoth(b *bench) {
	u, i := b.member("alice")
	named, unnamed, other := b.startAs(i, "sid"), b.startAs(i, ""), b.startAs(i, "another sid")
	b.now = b.now.Add(time.Minute)
	b.logout(1, b.logoutStep("sid", "alice"))
	b.wantEnded(named, sallyport.EndedByProvider)
	b.wantLive(unnamed)
	b.wantLive(other)
	b.now = b.now.Add(time.Minute)
	l := b.logoutStep("unknown", "alice")
	b.logout(1, l)
	b.wantEnded(unnamed, sallyport.EndedByProvider)
	b.wantLive(other)
	l.Event.UserID, l.Event.Sessions = u.ID, 1
	events, err := b.store.Events(b.ctx(), sallyport.EventQuery{User: u.ID, Limit: 1})
	b.wantError("Events()", err, nil)
	b.wantEqual("the newest event", events, []sallyport.Event{l.Event})
	b.logout(0, b.logoutStep("sid", "alice"))
	b.wantEnded(unnamed, sallyport.EndedByProvider)
	b.wantLive(other)
}

// markCases are the sentences about what is remembered of tokens and logins.
func markCases() []testCase {
	return []testCase{
		{"Consume remembers a mark, and returns ErrReplayed for one that is remembered", func(b *bench) {
			until := b.now.Add(time.Hour)
			b.wantError("Consume()", b.store.Consume(b.ctx(), mark("a"), b.now, until), nil)
			b.wantError("Consume() again", b.store.Consume(b.ctx(), mark("a"), b.now, until), sallyport.ErrReplayed)
			b.wantError("Consume() of another", b.store.Consume(b.ctx(), mark("b"), b.now, until), nil)
		}},
		{"a mark is the same whichever step remembers it", marksAreOne},
		{"every step remembers its mark until the instant that it names at least", marksLast},
		{"without a mark nothing is remembered", func(b *bench) {
			u, i := b.member("alice")
			s := b.startAs(i, "sid")
			for range 2 {
				step := b.exchange(u, "")
				step.Mark = nil
				b.startStep(step)
				l := b.addStep(u, s, "2")
				l.Mark, l.Event = nil, sallyport.Event{}
				b.wantError("AddIdentity()", b.store.AddIdentity(b.ctx(), l), nil)
				out := b.logoutStep("unknown", "")
				out.Mark = nil
				b.logout(0, out)
			}
		}},
	}
}

// markers are the steps that remember a mark.
func (b *bench) markers() map[string]func(mark []byte, until time.Time) error {
	u := b.addUser("alice")
	s := b.start(u)
	return map[string]func([]byte, time.Time) error{
		"StartSession": func(mark []byte, until time.Time) error {
			step := b.exchange(u, "")
			step.Mark, step.MarkUntil = mark, until
			return b.store.StartSession(b.ctx(), step)
		},
		"AddIdentity": func(mark []byte, until time.Time) error {
			l := b.addStep(u, s, "1")
			l.Mark, l.MarkUntil = mark, until
			l.At = s.CreatedAt
			return b.store.AddIdentity(b.ctx(), l)
		},
		"EndProviderSessions": func(mark []byte, until time.Time) error {
			l := b.logoutStep("sid", "subject")
			l.Mark, l.MarkUntil = mark, until
			_, err := b.store.EndProviderSessions(b.ctx(), l)
			return err
		},
		"Consume": func(mark []byte, until time.Time) error { return b.store.Consume(b.ctx(), mark, b.now, until) },
	}
}

func marksAreOne(b *bench) {
	markers := b.markers()
	for first, remember := range markers {
		for second, again := range markers {
			m := mark(first + second)
			b.wantError(first, remember(m, b.now.Add(time.Hour)), nil)
			b.wantError(second+" after "+first, again(m, b.now.Add(time.Hour)), sallyport.ErrReplayed)
		}
	}
}

func marksLast(b *bench) {
	markers := b.markers()
	until := b.now.Add(time.Hour)
	for name, remember := range markers {
		b.wantError(name, remember(mark(name), until), nil)
	}
	for i := range 40 { // what is over may go
		b.wantError("Consume()", b.store.Consume(b.ctx(), mark(string(rune('a'+i))), b.now, b.now.Add(time.Second)), nil)
		b.now = b.now.Add(time.Minute)
	}
	b.now = until
	b.wantError("Consume()", b.store.Consume(b.ctx(), mark("at that instant"), b.now, b.now.Add(time.Hour)), nil)
	for name := range markers {
		b.wantError("Consume() of the mark of "+name, b.store.Consume(b.ctx(), mark(name), b.now, until), sallyport.ErrReplayed)
	}
}
