package storetest

import (
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// identityCases are the sentences about the identities of a user.
func identityCases() []testCase {
	return []testCase{
		{"UserByIdentity finds the identity, its user and the credential", func(b *bench) {
			u := b.add(b.fullUser())
			i := b.addIdentity(u, b.start(u), "1")
			owner, err := b.store.UserByIdentity(b.ctx(), i.Issuer, i.Subject)
			b.wantError("UserByIdentity()", err, nil)
			b.wantEqual("owner", owner, sallyport.Owner{
				Identity: i.ID, User: u, Credential: sallyport.Credential{Hash: "hash of " + u.Username, Version: b.version(u), EmailProved: true},
			})
		}},
		{"Identities lists those of a user, the oldest first", listsIdentities},
		{"AddIdentity gives the user another identity, and notes it", addsIdentity},
		{"AddIdentity returns ErrChanged without a live session of an active user", addWithoutSession},
		{"AddIdentity returns ErrIdentityTaken for another user's identity, and adds nothing for one's own", addKnown},
		{"AddIdentity does its parts in order, and all or nothing", addOrder},
		{"RemoveIdentity takes an identity, notes it, and the version rises", removesIdentity},
		{"RemoveIdentity ends the sessions that the identity has signed in, but for one", removalEnds},
		{"RemoveIdentity returns ErrChanged for another version of the credential, and for a user who is gone", removalChanged},
		{"RemoveIdentity is remembered: no link by the address brings it back, the user does", removalIsRemembered},
		{"RemoveIdentity returns ErrLastWayIn for the last one of a user without a password", removesLast},
		{"RemoveIdentity returns ErrNotFound for one that the user does not have", removesUnknown},
	}
}

// addStep makes the step by which a user adds an identity from a session.
func (b *bench) addStep(u sallyport.User, s sallyport.Session, subject string) sallyport.IdentityLink {
	i := b.identity(u, issuer, subject)
	return sallyport.IdentityLink{
		Identity: *i, Session: s.ID, At: b.now, Mark: mark(i.ID.String()), MarkUntil: b.now.Add(time.Hour), Event: b.event("identity_linked", u.ID),
	}
}

func (b *bench) addIdentity(u sallyport.User, s sallyport.Session, subject string) sallyport.Identity {
	b.Helper()
	l := b.addStep(u, s, subject)
	l.Event = sallyport.Event{}
	if err := b.store.AddIdentity(b.ctx(), l); err != nil {
		b.Fatalf("AddIdentity() = %v", err)
	}
	return l.Identity
}

// removal takes an identity from a user, on what is known of the user now.
func (b *bench) removal(u sallyport.User, identity sallyport.ID, e sallyport.Event) sallyport.IdentityRemoval {
	b.Helper()
	return sallyport.IdentityRemoval{UserID: u.ID, Identity: identity, Version: b.version(u), At: b.now, Event: e}
}

// wantIdentities checks what a user has.
func (b *bench) wantIdentities(u sallyport.User, want ...sallyport.Identity) {
	b.Helper()
	got, err := b.store.Identities(b.ctx(), u.ID)
	b.wantError("Identities()", err, nil)
	b.wantEqual("Identities() of "+u.Username, got, want)
	if got == nil {
		b.Error("Identities() is nil")
	}
}

func listsIdentities(b *bench) {
	u, other := b.addUser("alice"), b.addUser("bob")
	s := b.start(u)
	var want []sallyport.Identity
	for i := range 4 {
		b.now = b.now.Add(time.Second)
		want = append(want, b.addIdentity(u, s, fmt.Sprint(9-i)))
	}
	theirs := b.addIdentity(other, b.start(other), "2")
	b.wantIdentities(u, want...)
	b.wantIdentities(other, theirs)
	b.wantIdentities(b.newUser("unknown", ""))
	b.wantError("DeleteUser()", b.store.DeleteUser(b.ctx(), u.ID, b.now, sallyport.Event{}), nil)
	b.wantIdentities(u)
}

func addsIdentity(b *bench) {
	u := b.addUser("alice")
	s, before := b.start(u), b.credential(u)
	b.now = b.now.Add(time.Minute)
	l := b.addStep(u, s, "Sub ü")
	b.wantError("AddIdentity()", b.store.AddIdentity(b.ctx(), l), nil)
	b.wantIdentities(u, l.Identity)
	b.wantEvents(sallyport.EventQuery{Limit: 9}, l.Event)
	b.wantLive(s)
	b.wantEqual("credential", b.credential(u), before)
	got, err := b.store.User(b.ctx(), u.ID)
	b.wantError("User()", err, nil)
	b.wantEqual("user", got, u)
	b.now = b.now.Add(time.Second)
	same := b.addStep(u, s, "Sub Ü") // of the same issuer: the user asked for it
	b.wantError("AddIdentity()", b.store.AddIdentity(b.ctx(), same), nil)
	b.wantIdentities(u, l.Identity, same.Identity)
}

func addWithoutSession(b *bench) {
	u, other, disabled := b.addUser("alice"), b.addUser("bob"), b.addUser("carol")
	live, ended, theirs := b.start(u), b.start(u), b.start(other)
	idle := b.start(u)
	b.end(sallyport.SessionEnd{Session: ended.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now})
	wasActive := b.start(disabled)
	b.update(disabled, sallyport.UserChange{IsActive: ptr(false)})
	b.now = b.now.Add(idle.IdleEnd.Sub(b.now) - time.Minute)
	b.wantRule(live, 1, sallyport.RuleAdvance)
	for name, c := range map[string]struct {
		user    sallyport.User
		session sallyport.ID
		at      time.Time
	}{
		"ended":                     {u, ended.ID, b.now},
		"of somebody else":          {u, theirs.ID, b.now},
		"at its idle end":           {u, idle.ID, idle.IdleEnd},
		"at its absolute end":       {u, live.ID, live.AbsoluteEnd},
		"unknown":                   {u, sallyport.NewID(b.now), b.now},
		"none":                      {u, sallyport.ID{}, b.now},
		"of a user who is gone":     {b.newUser("nobody", ""), live.ID, b.now},
		"of a user who is disabled": {disabled, wasActive.ID, b.now},
	} {
		l := b.addStep(c.user, sallyport.Session{ID: c.session}, "1")
		l.At = c.at
		b.wantError("AddIdentity() from a session that is "+name, b.store.AddIdentity(b.ctx(), l), sallyport.ErrChanged)
	}
	b.wantIdentities(u)
	b.wantEvents(sallyport.EventQuery{Limit: 9})
	l := b.addStep(u, idle, "1")
	l.At = idle.IdleEnd.Add(-time.Microsecond)
	b.wantError("AddIdentity() before the idle end", b.store.AddIdentity(b.ctx(), l), nil)
}

func addKnown(b *bench) {
	u, other := b.addUser("alice"), b.addUser("bob")
	s, theirs := b.start(u), b.start(other)
	l := b.addStep(u, s, "1")
	b.wantError("AddIdentity()", b.store.AddIdentity(b.ctx(), l), nil)
	b.now = b.now.Add(time.Minute)
	b.wantError("AddIdentity() of another's", b.store.AddIdentity(b.ctx(), b.addStep(other, theirs, "1")), sallyport.ErrIdentityTaken)
	own := b.addStep(u, s, "1")
	b.wantError("AddIdentity() of one's own", b.store.AddIdentity(b.ctx(), own), nil)
	b.wantError("AddIdentity() of one's own, the same token", b.store.AddIdentity(b.ctx(), own), sallyport.ErrReplayed)
	b.wantIdentities(u, l.Identity)
	b.wantIdentities(other)
	b.wantEvents(sallyport.EventQuery{Limit: 9}, l.Event)
}

func addOrder(b *bench) {
	u, other := b.addUser("alice"), b.addUser("bob")
	s := b.start(u)
	theirs := b.addIdentity(other, b.start(other), "1")
	used := mark("used")
	b.wantError("Consume()", b.store.Consume(b.ctx(), used, b.now, b.now.Add(time.Hour)), nil)

	// Everything is wrong with the first step; each next one has one thing less.
	l := b.addStep(u, sallyport.Session{}, "1")
	fresh := l.Mark
	l.Mark = used
	b.wantError("AddIdentity() of a used token", b.store.AddIdentity(b.ctx(), l), sallyport.ErrReplayed)
	l.Mark = fresh
	b.wantError("AddIdentity() without a session", b.store.AddIdentity(b.ctx(), l), sallyport.ErrChanged)
	l.Session = s.ID
	b.wantError("AddIdentity() of another's", b.store.AddIdentity(b.ctx(), l), sallyport.ErrIdentityTaken)
	b.wantIdentities(other, theirs)
	b.wantIdentities(u)
	b.wantEvents(sallyport.EventQuery{Limit: 9})
	l.Identity.Subject = "2" // with the mark of before, which is free
	b.wantError("AddIdentity()", b.store.AddIdentity(b.ctx(), l), nil)
	b.wantIdentities(u, l.Identity)
	b.wantEvents(sallyport.EventQuery{Limit: 9}, l.Event)
}

func removesIdentity(b *bench) {
	u := b.addUser("alice")
	s := b.start(u)
	one, two := b.addIdentity(u, s, "1"), b.addIdentity(u, s, "2")
	b.startStep(sallyport.SessionStart{Session: b.byIdentity(&one, ""), CredentialVersion: b.version(u)})
	before := b.version(u)
	late := sallyport.SessionStart{Session: b.byIdentity(&one, ""), CredentialVersion: before} // a sign-in under way
	e := b.event("identity_unlinked", u.ID)
	b.wantError("RemoveIdentity()", b.store.RemoveIdentity(b.ctx(), b.removal(u, one.ID, e)), nil)
	b.wantIdentities(u, two)
	e.Sessions = 1
	b.wantEvents(sallyport.EventQuery{Limit: 9}, e)
	if after := b.version(u); after <= before {
		b.Errorf("version = %d, want it above %d", after, before)
	}
	b.refused(late, sallyport.ErrChanged)
	b.wantLive(s)
	_, err := b.store.UserByIdentity(b.ctx(), issuer, "1")
	b.wantError("UserByIdentity()", err, sallyport.ErrNotFound)
	// A user with a password needs none, and one that was removed is free.
	b.wantError("RemoveIdentity()", b.store.RemoveIdentity(b.ctx(), b.removal(u, two.ID, sallyport.Event{})), nil)
	b.wantIdentities(u)
	other := b.addUser("bob")
	b.wantIdentities(other)
	b.addIdentity(other, b.start(other), "1")
}

func removalEnds(b *bench) {
	u, i := b.member("alice")
	other := b.addIdentity(u, b.start(u), "another")
	first, keep, theirs, password := b.startAs(i, "sid"), b.startAs(i, ""), b.startAs(&other, ""), b.start(u)
	over := b.startAs(i, "")
	b.end(sallyport.SessionEnd{Session: over.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now})
	b.now = b.now.Add(time.Minute)
	r := b.removal(u, i.ID, b.event("identity_unlinked", u.ID))
	r.Keep = keep.ID
	b.wantError("RemoveIdentity()", b.store.RemoveIdentity(b.ctx(), r), nil)
	b.wantEnded(first, sallyport.EndedByUnlinked)
	b.wantLive(keep)
	b.wantLive(theirs)
	b.wantLive(password)
	b.wantEqual("reason of one that had ended", b.stored(over.ID).EndReason, sallyport.EndedByLogoff)
	r.Event.Sessions = 1
	b.wantEvents(sallyport.EventQuery{Limit: 1}, r.Event)

	// The one that was kept is still what the identity has signed in.
	b.logout(1, b.logoutStep("", "alice"))
	b.wantEnded(keep, sallyport.EndedByProvider)
	b.wantLive(theirs)
}

func removalChanged(b *bench) {
	u := b.addUser("alice")
	i := b.addIdentity(u, b.start(u), "1")
	for name, change := range map[string]func(*sallyport.IdentityRemoval){
		"another version": func(r *sallyport.IdentityRemoval) { r.Version++ },
		"an unknown user": func(r *sallyport.IdentityRemoval) { r.UserID = sallyport.NewID(b.now) },
		"the zero user":   func(r *sallyport.IdentityRemoval) { r.UserID = sallyport.ID{} },
	} {
		r := b.removal(u, i.ID, b.event("x", u.ID))
		change(&r)
		b.wantError("RemoveIdentity() with "+name, b.store.RemoveIdentity(b.ctx(), r), sallyport.ErrChanged)
	}
	b.wantIdentities(u, i)
	b.wantEvents(sallyport.EventQuery{Limit: 9})
}

func removalIsRemembered(b *bench) {
	u := b.proved("alice")
	i := b.addIdentity(u, b.start(u), "1")
	b.wantError("RemoveIdentity()", b.store.RemoveIdentity(b.ctx(), b.removal(u, i.ID, sallyport.Event{})), nil)
	live := b.start(u)
	b.refused(b.linkStep(u, "1"), sallyport.ErrIdentityRemoved)
	b.wantIdentities(u)
	b.wantLive(live)
	again := b.addIdentity(u, live, "1")
	b.wantIdentities(u, again)
	b.wantError("RemoveIdentity()", b.store.RemoveIdentity(b.ctx(), b.removal(u, again.ID, sallyport.Event{})), nil)
	b.refused(b.linkStep(u, "1"), sallyport.ErrIdentityRemoved)

	// It is the user's memory: of another identity, and with the user, it is gone.
	b.startStep(b.linkStep(u, "2"))
	b.wantError("DeleteUser()", b.store.DeleteUser(b.ctx(), u.ID, b.now, sallyport.Event{}), nil)
	next := b.proved("alice")
	b.startStep(b.linkStep(next, "1"))
}

func removesLast(b *bench) {
	u := b.newUser("alice", "")
	step := b.firstExchange(u, "1")
	s := b.startStep(step)
	last := *step.NewIdentity
	b.now = b.now.Add(time.Second)
	before := b.version(u)
	b.wantError("RemoveIdentity() of the last one", b.store.RemoveIdentity(b.ctx(), b.removal(u, last.ID, b.event("x", u.ID))), sallyport.ErrLastWayIn)
	b.wantIdentities(u, last)
	b.wantEqual("version", b.version(u), before)
	b.wantEvents(sallyport.EventQuery{Limit: 9})
	second := b.addIdentity(u, s, "2")
	b.wantError("RemoveIdentity() of one of two", b.store.RemoveIdentity(b.ctx(), b.removal(u, last.ID, sallyport.Event{})), nil)
	b.wantError("RemoveIdentity() of the other one", b.store.RemoveIdentity(b.ctx(), b.removal(u, second.ID, sallyport.Event{})), sallyport.ErrLastWayIn)
	b.setPassword(u, "hash")
	b.wantError("RemoveIdentity() with a password", b.store.RemoveIdentity(b.ctx(), b.removal(u, second.ID, sallyport.Event{})), nil)
	b.wantIdentities(u)
}

func removesUnknown(b *bench) {
	u, other := b.addUser("alice"), b.addUser("bob")
	mine := b.addIdentity(u, b.start(u), "1")
	theirs := b.addIdentity(other, b.start(other), "2")
	before := b.version(u)
	for name, c := range map[string][2]sallyport.ID{
		"somebody else's": {u.ID, theirs.ID},
		"unknown":         {u.ID, sallyport.NewID(b.now)},
		"zero":            {u.ID, {}},
	} {
		r := b.removal(u, c[1], b.event("x", u.ID))
		err := b.store.RemoveIdentity(b.ctx(), r)
		b.wantError("RemoveIdentity() of one that is "+name, err, sallyport.ErrNotFound)
	}
	b.wantIdentities(u, mine)
	b.wantIdentities(other, theirs)
	b.wantEqual("version", b.version(u), before)
	b.wantEvents(sallyport.EventQuery{Limit: 9})
}
