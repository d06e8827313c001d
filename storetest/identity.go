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
				Identity: i.ID, User: u, Credential: sallyport.Credential{Hash: "hash of " + u.Username, Version: b.version(u)},
			})
		}},
		{"Identities lists those of a user, the oldest first", listsIdentities},
		{"AddIdentity gives the user another identity, and notes it", addsIdentity},
		{"AddIdentity returns ErrChanged without a live session of an active user", addWithoutSession},
		{"AddIdentity returns ErrIdentityTaken for another user's identity, and adds nothing for one's own", addKnown},
		{"AddIdentity does its parts in order, and all or nothing", addOrder},
		{"RemoveIdentity takes an identity, notes it, and the version rises", removesIdentity},
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
	b.wantError("RemoveIdentity()", b.store.RemoveIdentity(b.ctx(), u.ID, one.ID, e), nil)
	b.wantIdentities(u, two)
	b.wantEvents(sallyport.EventQuery{Limit: 9}, e)
	if after := b.version(u); after <= before {
		b.Errorf("version = %d, want it above %d", after, before)
	}
	b.refused(late, sallyport.ErrChanged)
	b.wantLive(s)
	_, err := b.store.UserByIdentity(b.ctx(), issuer, "1")
	b.wantError("UserByIdentity()", err, sallyport.ErrNotFound)
	// A user with a password needs none, and one that was removed is free.
	b.wantError("RemoveIdentity()", b.store.RemoveIdentity(b.ctx(), u.ID, two.ID, sallyport.Event{}), nil)
	b.wantIdentities(u)
	other := b.addUser("bob")
	b.wantIdentities(other)
	b.addIdentity(other, b.start(other), "1")
}

func removesLast(b *bench) {
	u := b.newUser("alice", "")
	step := b.firstExchange(u, "1")
	s := b.startStep(step)
	last := *step.NewIdentity
	b.now = b.now.Add(time.Second)
	before := b.version(u)
	b.wantError("RemoveIdentity() of the last one", b.store.RemoveIdentity(b.ctx(), u.ID, last.ID, b.event("x", u.ID)), sallyport.ErrLastWayIn)
	b.wantIdentities(u, last)
	b.wantEqual("version", b.version(u), before)
	b.wantEvents(sallyport.EventQuery{Limit: 9})
	second := b.addIdentity(u, s, "2")
	b.wantError("RemoveIdentity() of one of two", b.store.RemoveIdentity(b.ctx(), u.ID, last.ID, sallyport.Event{}), nil)
	b.wantError("RemoveIdentity() of the other one", b.store.RemoveIdentity(b.ctx(), u.ID, second.ID, sallyport.Event{}), sallyport.ErrLastWayIn)
	b.setPassword(u, "hash")
	b.wantError("RemoveIdentity() with a password", b.store.RemoveIdentity(b.ctx(), u.ID, second.ID, sallyport.Event{}), nil)
	b.wantIdentities(u)
}

func removesUnknown(b *bench) {
	u, other := b.addUser("alice"), b.addUser("bob")
	mine := b.addIdentity(u, b.start(u), "1")
	theirs := b.addIdentity(other, b.start(other), "2")
	before := b.version(u)
	for name, c := range map[string][2]sallyport.ID{
		"somebody else's":  {u.ID, theirs.ID},
		"unknown":          {u.ID, sallyport.NewID(b.now)},
		"of nobody":        {sallyport.NewID(b.now), mine.ID},
		"zero":             {u.ID, {}},
		"of the zero user": {sallyport.ID{}, mine.ID},
	} {
		err := b.store.RemoveIdentity(b.ctx(), c[0], c[1], b.event("x", u.ID))
		b.wantError("RemoveIdentity() of one that is "+name, err, sallyport.ErrNotFound)
	}
	b.wantIdentities(u, mine)
	b.wantIdentities(other, theirs)
	b.wantEqual("version", b.version(u), before)
	b.wantEvents(sallyport.EventQuery{Limit: 9})
}
