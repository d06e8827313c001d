package storetest

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// startCases are the sentences about StartSession.
func startCases() []testCase {
	return []testCase{
		{"StartSession adds the session as it is", func(b *bench) {
			u := b.fullUser()
			b.add(u)
			s := b.newSession(u.ID)
			s.Provider, s.ProviderSID, s.UserAgent, s.IP = "google", "sid ü", "Agent/1.0 (ü; \u202e)", "2001:db8::1"
			s.IdentityID = sallyport.NewID(b.now)
			b.startStep(sallyport.SessionStart{Session: s, CredentialVersion: b.version(u)})
			got, user, err := b.store.Session(b.ctx(), s.ID)
			b.wantError("Session()", err, nil)
			b.wantEqual("Session()", got, s)
			b.wantEqual("user of Session()", user, u)
		}},
		{"StartSession refuses a token that was exchanged before", func(b *bench) {
			u := b.addUser("alice")
			step := b.exchange(u, "token")
			b.startStep(step)
			step.Session = b.newSession(u.ID)
			b.refused(step, sallyport.ErrReplayed)
			step.Mark = mark("another token")
			b.startStep(step)
		}},
		{"StartSession remembers a token until MarkUntil at least", replayIsRemembered},
		{"StartSession adds the new user and the new identity", func(b *bench) {
			u := b.fullUser()
			b.startStep(sallyport.SessionStart{
				Session: b.newSession(u.ID), NewUser: &u, NewIdentity: b.identity(u, "https://idp.example", "1"),
				CredentialVersion: 99, // not looked at
			})
			got, credential, err := b.store.UserByName(b.ctx(), u.Email, "")
			b.wantError("UserByName()", err, nil)
			b.wantEqual("user", got, u)
			b.wantEqual("Hash", credential.Hash, "")
			got, err = b.userByIdentity(b.ctx(), "https://idp.example", "1")
			b.wantError("UserByIdentity()", err, nil)
			b.wantEqual("user", got, u)
		}},
		{"StartSession adds a new identity to a user who is there", func(b *bench) {
			u := b.addUser("alice")
			step := b.exchange(u, "token")
			step.NewIdentity = b.identity(u, "https://idp.example", "1")
			b.startStep(step)
			got, err := b.userByIdentity(b.ctx(), "https://idp.example", "1")
			b.wantError("UserByIdentity()", err, nil)
			b.wantEqual("user", got, u)
		}},
		{"StartSession refuses a new user whose name or address is taken", func(b *bench) {
			b.add(b.newUser("alice", "alice@example.org"))
			b.refused(b.firstExchange(b.newUser("ALICE", ""), "1"), sallyport.ErrNameTaken)
			b.refused(b.firstExchange(b.newUser("bob", "Alice@example.org"), "1"), sallyport.ErrEmailTaken)
		}},
		{"StartSession refuses a new identity that exists", func(b *bench) {
			b.startStep(b.firstExchange(b.newUser("alice", ""), "1"))
			b.refused(b.firstExchange(b.newUser("bob", ""), "1"), sallyport.ErrChanged)
			b.startStep(b.firstExchange(b.newUser("bob", ""), "2"))
		}},
		{"StartSession refuses a user who is gone", func(b *bench) {
			b.refused(b.exchange(b.newUser("alice", ""), "token"), sallyport.ErrChanged)
		}},
		{"StartSession refuses a user who is inactive", func(b *bench) {
			u := b.addUser("alice")
			b.update(u, sallyport.UserChange{IsActive: ptr(false)})
			step := b.exchange(u, "token")
			step.CredentialVersion = b.version(u)
			b.refused(step, sallyport.ErrChanged)
		}},
		{"StartSession refuses another version of the credential", func(b *bench) {
			u := b.addUser("alice")
			step := b.exchange(u, "token") // under the version of the old password
			b.wantError("SetPassword()", b.store.SetPassword(b.ctx(), sallyport.PasswordChange{UserID: u.ID, Hash: "new", Keep: sallyport.ID{}, At: b.now}), nil)
			b.refused(step, sallyport.ErrChanged)
			step.CredentialVersion = b.version(u) + 1
			b.refused(step, sallyport.ErrChanged)
			step.CredentialVersion = b.version(u)
			b.startStep(step)
		}},
		{"StartSession ends the replaced session", func(b *bench) {
			u := b.addUser("alice")
			old, other := b.start(u), b.start(u)
			b.now = b.now.Add(time.Minute)
			step := b.exchange(u, "token")
			step.Replaces = old.ID
			s := b.startStep(step)
			b.wantEnded(old, sallyport.EndedByReplaced)
			b.wantLive(other)
			b.wantLive(s)
		}},
		{"StartSession leaves a replaced session alone that has ended, and misses none that is unknown", func(b *bench) {
			u := b.addUser("alice")
			old := b.start(u)
			b.end(sallyport.SessionEnd{Session: old.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now})
			ended := b.now
			for _, replaced := range []sallyport.ID{old.ID, sallyport.NewID(b.now)} {
				b.now = b.now.Add(time.Minute)
				step := b.exchange(u, fmt.Sprint("token ", replaced))
				step.Replaces = replaced
				b.startStep(step)
			}
			b.now = ended
			b.wantEnded(old, sallyport.EndedByLogoff)
		}},
		{"StartSession ends the sessions used least recently when there are more than MaxSessions", startSurplus},
		{"StartSession makes room of a session that is past an end before one that lives", expiredMakesRoom},
		{"StartSession ends a hundred sessions at most to make room", startManySurplus},
		{"StartSession does its parts in order", startOrder},
		{"StartSession does all or nothing", startAllOrNothing},
	}
}

// mark is the replay mark of a token.
func mark(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// exchange makes the step of an exchange by a user who is there.
func (b *bench) exchange(u sallyport.User, token string) sallyport.SessionStart {
	step := sallyport.SessionStart{Session: b.newSession(u.ID), Mark: mark(token), MarkUntil: b.now.Add(time.Hour)}
	if _, credential, err := b.store.UserByName(b.ctx(), u.Username, ""); err == nil {
		step.CredentialVersion = credential.Version
	}
	return step
}

// firstExchange makes the step of the first exchange of an identity, which makes the user.
func (b *bench) firstExchange(u sallyport.User, subject string) sallyport.SessionStart {
	return sallyport.SessionStart{
		Session: b.newSession(u.ID), NewUser: &u, NewIdentity: b.identity(u, "https://idp.example", subject),
		Mark: mark(u.ID.String()), MarkUntil: b.now.Add(time.Hour),
	}
}

// refused checks that the step fails with want and leaves no session.
func (b *bench) refused(step sallyport.SessionStart, want error) {
	b.Helper()
	b.wantError("StartSession()", b.store.StartSession(b.ctx(), step), want)
	_, _, err := b.store.Session(b.ctx(), step.Session.ID)
	b.wantError("Session() after a refusal", err, sallyport.ErrNotFound)
}

func replayIsRemembered(b *bench) {
	u := b.addUser("alice")
	long := b.exchange(u, "long")
	until := long.MarkUntil
	b.startStep(long)
	// Marks that are over may go; enough of them, and enough steps, that a store which forgets the
	// wrong ones is seen to.
	for i := range 40 {
		step := b.exchange(u, fmt.Sprint("short ", i))
		step.MarkUntil = b.now.Add(time.Second)
		b.startStep(step)
		b.now = b.now.Add(time.Minute)
	}
	b.now = until
	b.startStep(b.exchange(u, "at that instant"))
	long.Session = b.newSession(u.ID)
	b.refused(long, sallyport.ErrReplayed)
}

func startOrder(b *bench) {
	b.add(b.newUser("taken", "taken@example.org"))
	b.startStep(b.firstExchange(b.newUser("known", ""), "known"))
	used := b.exchange(b.addUser("user"), "used")
	b.startStep(used)

	// Everything is wrong with the first step; each next one has one thing less.
	wrong := b.newUser("Taken", "Taken@example.org")
	wrong.IsActive = false
	step := b.firstExchange(wrong, "known")
	step.Mark = used.Mark
	b.refused(step, sallyport.ErrReplayed)
	step.Mark = mark("fresh")
	b.refused(step, sallyport.ErrNameTaken)
	step.NewUser.Username = "free"
	b.refused(step, sallyport.ErrEmailTaken)
	step.NewUser.Email = ""
	b.refused(step, sallyport.ErrChanged)
	step.NewIdentity.Subject = "unknown"
	b.refused(step, sallyport.ErrChanged) // a new user who is inactive
	step.NewUser.IsActive = true
	b.startStep(step)
}

func startAllOrNothing(b *bench) {
	u := b.addUser("alice")
	old := b.start(u)
	b.startStep(b.firstExchange(b.newUser("known", ""), "known"))

	bob := b.newUser("bob", "bob@example.org")
	step := b.firstExchange(bob, "known") // the identity exists: refused after the mark and the user
	step.Replaces = old.ID
	b.refused(step, sallyport.ErrChanged)
	b.wantLive(old)
	_, err := b.store.User(b.ctx(), bob.ID)
	b.wantError("User() after a refusal", err, sallyport.ErrNotFound)

	stale := b.exchange(u, "token")
	stale.CredentialVersion++
	stale.NewIdentity = b.identity(u, "https://idp.example", "new")
	stale.Replaces = old.ID
	b.refused(stale, sallyport.ErrChanged)
	b.wantLive(old)
	_, err = b.userByIdentity(b.ctx(), "https://idp.example", "new")
	b.wantError("UserByIdentity() after a refusal", err, sallyport.ErrNotFound)

	// The same marks, names and identities are free.
	step.NewIdentity.Subject = "bob's"
	b.startStep(step)
	stale.CredentialVersion--
	b.startStep(stale)
}

// startAmong starts a session where so many may live.
func (b *bench) startAmong(u sallyport.User, most int) sallyport.Session {
	b.Helper()
	e := b.event("session_ended", u.ID)
	e.Detail = string(sallyport.EndedByLimit)
	return b.startStep(sallyport.SessionStart{
		Session: b.newSession(u.ID), CredentialVersion: b.version(u), MaxSessions: most, Surplus: e,
	})
}

func startSurplus(b *bench) {
	u, other := b.addUser("alice"), b.addUser("bob")
	var sessions []sallyport.Session
	for range 3 {
		sessions = append(sessions, b.startAmong(u, 3))
		b.now = b.now.Add(time.Minute)
	}
	foreign := b.start(other)
	for _, s := range sessions {
		b.wantLive(s)
	}
	b.wantEvents(sallyport.EventQuery{User: u.ID, Limit: 9})
	b.wantRule(sessions[0], 1, sallyport.RuleAdvance) // the oldest has been used last
	b.now = b.now.Add(time.Minute)

	step := sallyport.SessionStart{Session: b.newSession(u.ID), CredentialVersion: b.version(u), MaxSessions: 3, Replaces: sessions[2].ID}
	replacing := b.startStep(step) // which makes room by itself
	b.wantLive(sessions[1])
	b.now = b.now.Add(time.Minute)

	newest := b.startAmong(u, 3)
	b.wantEnded(sessions[1], sallyport.EndedByLimit)
	b.wantRule(sessions[0], 2, sallyport.RuleAdvance)
	for _, s := range []sallyport.Session{replacing, newest, foreign} {
		b.wantLive(s)
	}
	events, err := b.store.Events(b.ctx(), sallyport.EventQuery{User: u.ID, Limit: 9})
	b.wantError("Events()", err, nil)
	if len(events) != 1 || events[0].Detail != "limit" || events[0].Sessions != 1 {
		b.Errorf("Events() = %v, want one of an ending of one session", events)
	}
}

func expiredMakesRoom(b *bench) {
	u := b.addUser("alice")
	expired := b.newSession(u.ID)
	expired.AbsoluteEnd = b.now.Add(2 * time.Minute)
	expired.IdleEnd = expired.AbsoluteEnd
	b.startStep(sallyport.SessionStart{Session: expired, CredentialVersion: b.version(u), MaxSessions: 2})
	living := b.startAmong(u, 2)
	b.now = b.now.Add(time.Minute)
	b.wantRule(expired, 1, sallyport.RuleAdvance) // so that it has been used last
	b.now = b.now.Add(5 * time.Minute)
	newest := b.startAmong(u, 2)
	b.wantEnded(expired, sallyport.EndedByLimit)
	b.wantLive(living)
	b.wantLive(newest)
}

func startManySurplus(b *bench) {
	u := b.addUser("alice")
	for range 105 {
		b.start(u)
	}
	live := func() int {
		b.Helper()
		sessions, err := b.store.Sessions(b.ctx(), sallyport.SessionQuery{User: u.ID, At: b.now, Limit: 200})
		b.wantError("Sessions()", err, nil)
		return len(sessions)
	}
	for _, want := range []int{6, 2, 2} {
		b.now = b.now.Add(time.Minute)
		b.startAmong(u, 2)
		if got := live(); got != want {
			b.Errorf("%d sessions live, want %d", got, want)
		}
	}
}
