package storetest

import (
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// issuer is the one of b.firstExchange and of the links.
const issuer = "https://idp.example"

// linkCases are the sentences about an identity that a sign-in links to a user by the address.
func linkCases() []testCase {
	return []testCase{
		{"StartSession links a new identity: every session ends, the version rises, and the event tells how many", linksByAddress},
		{"StartSession removes a password that is older than the proof of the address, and no other", linkRemovesPassword},
		{"StartSession returns ErrChanged for a link without its ground, and changes nothing", linkRefusals},
		{"StartSession returns ErrChanged for a link of an identity that exists", func(b *bench) {
			b.startStep(b.firstExchange(b.newUser("bob", ""), "1"))
			u := b.proved("alice")
			b.refusedLink(u, b.linkStep(u, "1"))
			owner, err := b.store.UserByIdentity(b.ctx(), issuer, "1")
			b.wantError("UserByIdentity()", err, nil)
			b.wantEqual("owner", owner.User.Username, "bob")
		}},
		{"UserByName tells whether the address is proved", provedAddresses},
	}
}

// proved stores a user whose address is proved, with a password.
func (b *bench) proved(username string) sallyport.User {
	b.Helper()
	u := b.newUser(username, username+"@example.org")
	u.EmailVerified = true
	return b.add(u)
}

// credential is what UserByName gives.
func (b *bench) credential(u sallyport.User) sallyport.Credential {
	b.Helper()
	_, credential, err := b.store.UserByName(b.ctx(), u.Username, "")
	b.wantError("UserByName("+u.Username+")", err, nil)
	return credential
}

// setPassword gives the user a password and keeps nothing.
func (b *bench) setPassword(u sallyport.User, hash string) {
	b.Helper()
	b.wantError("SetPassword()", b.store.SetPassword(b.ctx(), sallyport.PasswordChange{UserID: u.ID, Hash: hash, At: b.now}), nil)
}

// byIdentity makes a session that an identity has signed in.
func (b *bench) byIdentity(i *sallyport.Identity, sid string) sallyport.Session {
	s := b.newSession(i.UserID)
	s.Provider, s.IdentityID, s.ProviderSID = i.Provider, i.ID, sid
	return s
}

// linkStep makes the step of a sign-in that links an identity to the user by the address.
func (b *bench) linkStep(u sallyport.User, subject string) sallyport.SessionStart {
	identity := b.identity(u, issuer, subject)
	linked := b.event("identity_linked", u.ID)
	linked.Detail = "verified address"
	return sallyport.SessionStart{
		Session: b.byIdentity(identity, ""), CredentialVersion: b.version(u), NewIdentity: identity,
		Link: &sallyport.AddressLink{Email: u.Email, Event: linked}, Mark: mark(identity.ID.String()), MarkUntil: b.now.Add(time.Hour),
	}
}

func linksByAddress(b *bench) {
	u, other := b.proved("alice"), b.proved("bob")
	one, two, foreign := b.start(u), b.start(u), b.start(other)
	over := b.start(u)
	b.end(sallyport.SessionEnd{Session: over.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: b.now})
	b.now = b.now.Add(time.Minute)
	before := b.credential(u)
	step := b.linkStep(u, "1")
	s := b.startStep(step)

	b.wantEqual("the session", b.stored(s.ID), s)
	b.wantEnded(one, sallyport.EndedByLinked)
	b.wantEnded(two, sallyport.EndedByLinked)
	b.wantLive(foreign)
	owner, err := b.store.UserByIdentity(b.ctx(), issuer, "1")
	b.wantError("UserByIdentity()", err, nil)
	b.wantEqual("the identity", owner.Identity, step.NewIdentity.ID)
	u.UpdatedAt = b.now
	b.wantEqual("its user", owner.User, u)
	after := b.credential(u)
	if after.Version <= before.Version {
		b.Errorf("version after a link = %d, want it above %d", after.Version, before.Version)
	}
	b.wantEqual("Hash", after.Hash, before.Hash) // it was set when the address was proved
	event := step.Link.Event
	event.Sessions = 2
	b.wantEvents(sallyport.EventQuery{Limit: 9}, event)

	late := sallyport.SessionStart{Session: b.newSession(u.ID), CredentialVersion: before.Version} // whose password was checked before
	b.refused(late, sallyport.ErrChanged)
	b.wantError("StartSession() again", b.store.StartSession(b.ctx(), step), sallyport.ErrReplayed)
}

func linkRemovesPassword(b *bench) {
	later := func() { b.now = b.now.Add(time.Minute) }
	update := func(u sallyport.User, c sallyport.UserChange) {
		b.Helper()
		b.update(u, c)
	}
	address := func(u sallyport.User) string { return u.Username + "@example.org" }
	verify := func(u sallyport.User) { update(u, sallyport.UserChange{EmailVerified: ptr(true)}) }
	unproved := func(name string) sallyport.User { return b.add(b.newUser(name, name+"@example.org")) }
	for _, c := range []struct {
		name    string
		prepare func(name string) sallyport.User
		kept    bool
	}{
		{"set with the proof", b.proved, true},
		{"set before the proof", func(name string) sallyport.User {
			u := unproved(name)
			later()
			verify(u)
			return u
		}, false},
		{"set after the proof", func(name string) sallyport.User {
			u := b.proved(name)
			later()
			b.setPassword(u, "new hash")
			return u
		}, true},
		{"set after the proof, which was repeated", func(name string) sallyport.User {
			u := b.proved(name)
			later()
			b.setPassword(u, "new hash")
			later()
			update(u, sallyport.UserChange{EmailVerified: ptr(true), FirstName: ptr("A")})
			return u
		}, true},
		{"set before the proof, and hashed anew after it", func(name string) sallyport.User {
			u := unproved(name)
			later()
			verify(u)
			later()
			b.wantError("RenewPasswordHash()", b.store.RenewPasswordHash(b.ctx(), u.ID, "hash of "+name, "new hash"), nil)
			return u
		}, false},
		{"set after the proof of another address", func(name string) sallyport.User {
			u := b.newUser(name, "old-"+name+"@example.org")
			u.EmailVerified = true
			b.add(u)
			later()
			b.setPassword(u, "new hash")
			later()
			update(u, sallyport.UserChange{Email: ptr(address(u)), EmailVerified: ptr(true)})
			return u
		}, false},
		{"set before a proof that had been taken back", func(name string) sallyport.User {
			u := b.proved(name)
			later()
			b.setPassword(u, "new hash")
			update(u, sallyport.UserChange{EmailVerified: ptr(false)})
			later()
			verify(u)
			return u
		}, false},
		{"set before an operator proved what was hearsay", func(name string) sallyport.User {
			u := b.newUser(name, name+"@example.org")
			u.EmailVerified = true
			step := b.firstExchange(u, "hearsay")
			step.NewIdentity.Issuer, step.Hearsay = "https://other.example/"+name, true
			b.startStep(step)
			later()
			b.setPassword(u, "new hash")
			later()
			verify(u)
			return u
		}, false},
	} {
		u := c.prepare(fmt.Sprintf("user-%d", b.users.Add(1)))
		u.Email = address(u)
		before := b.credential(u)
		later()
		step := b.linkStep(u, u.Username)
		b.startStep(step)
		if after := b.credential(u); (after.Hash == before.Hash) != c.kept || !c.kept && after.Hash != "" {
			b.Errorf("%s: the hash after a link = %q, want it kept: %v", c.name, after.Hash, c.kept)
		}
		want := "verified address"
		if !c.kept {
			want += ", password removed"
		}
		events, err := b.store.Events(b.ctx(), sallyport.EventQuery{User: u.ID, Limit: 1})
		b.wantError("Events()", err, nil)
		if len(events) != 1 || events[0].Name != "identity_linked" || events[0].Detail != want {
			b.Errorf("%s: the event of the link = %+v, want the detail %q", c.name, events, want)
		}
	}

	// Who has none keeps none.
	u := b.newUser("nobody", "nobody@example.org")
	u.EmailVerified = true
	b.wantError("CreateUser()", b.store.CreateUser(b.ctx(), u, "", sallyport.Event{}), nil)
	later()
	step := b.linkStep(u, "nobody")
	b.startStep(step)
	b.wantEvents(sallyport.EventQuery{User: u.ID, Limit: 9}, step.Link.Event)
}

// refusedLink checks that the link is refused and nothing of the user has changed.
func (b *bench) refusedLink(u sallyport.User, step sallyport.SessionStart) {
	b.Helper()
	s, credential := b.start(u), b.credential(u)
	user, err := b.store.User(b.ctx(), u.ID)
	b.wantError("User()", err, nil)
	identities, err := b.store.Identities(b.ctx(), u.ID)
	b.wantError("Identities()", err, nil)
	events, err := b.store.Events(b.ctx(), sallyport.EventQuery{Limit: 100})
	b.wantError("Events()", err, nil)

	b.refused(step, sallyport.ErrChanged)
	b.wantLive(s)
	b.wantEqual("credential after a refusal", b.credential(u), credential)
	after, err := b.store.User(b.ctx(), u.ID)
	b.wantError("User()", err, nil)
	b.wantEqual("user after a refusal", after, user)
	left, err := b.store.Identities(b.ctx(), u.ID)
	b.wantError("Identities()", err, nil)
	b.wantEqual("Identities() after a refusal", left, identities)
	b.wantEvents(sallyport.EventQuery{Limit: 100}, events...)
	b.wantError("Consume() after a refusal", b.store.Consume(b.ctx(), step.Mark, b.now, b.now.Add(time.Hour)), nil)
}

func linkRefusals(b *bench) {
	u := b.add(b.newUser("unverified", "unverified@example.org"))
	b.refusedLink(u, b.linkStep(u, "1"))

	u = b.proved("alice")
	for _, address := range []string{"Alice@example.org", "alice@example.org ", "bob@example.org", ""} {
		step := b.linkStep(u, "1")
		step.Link.Email = address
		b.refusedLink(u, step)
	}
	old := b.linkStep(u, "1")
	b.update(u, sallyport.UserChange{Email: ptr("new@example.org"), EmailVerified: ptr(true)}) // since it was looked at
	b.refusedLink(u, old)
	u = b.addUser("without")
	b.refusedLink(u, b.linkStep(u, "1"))

	u = b.newUser("hearsay", "hearsay@example.org")
	u.EmailVerified = true
	step := b.firstExchange(u, "other")
	step.NewIdentity.Issuer, step.Hearsay = "https://other.example", true
	b.startStep(step)
	b.refusedLink(u, b.linkStep(u, "1"))

	u = b.proved("linked")
	b.startStep(b.linkStep(u, "first"))
	b.refusedLink(u, b.linkStep(u, "second")) // of the same issuer
	step = b.linkStep(u, "first")
	step.NewIdentity.Issuer = issuer + "/"
	b.startStep(step)

	u = b.proved("changed")
	step = b.linkStep(u, "3")
	step.CredentialVersion++
	b.refusedLink(u, step)
	b.update(u, sallyport.UserChange{IsActive: ptr(false)})
	step = b.linkStep(u, "3")
	b.refused(step, sallyport.ErrChanged)
	identities, err := b.store.Identities(b.ctx(), u.ID)
	b.wantError("Identities()", err, nil)
	b.wantEqual("Identities() of a user who is inactive", identities, []sallyport.Identity{})
}

func provedAddresses(b *bench) {
	want := func(u sallyport.User, verified, proved bool) {
		b.Helper()
		b.now = b.now.Add(time.Second)
		got, credential, err := b.store.UserByName(b.ctx(), u.Username, "")
		b.wantError("UserByName()", err, nil)
		if got.EmailVerified != verified || credential.EmailProved != proved {
			b.Errorf("address of %s verified: %v, proved: %v, want %v, %v", u.Username, got.EmailVerified, credential.EmailProved, verified, proved)
		}
	}
	u := b.proved("alice")
	want(u, true, true)
	b.update(u, sallyport.UserChange{Email: ptr("ALICE@example.org")})
	want(u, true, true)
	b.update(u, sallyport.UserChange{Email: ptr("new@example.org")})
	want(u, false, false)
	b.update(u, sallyport.UserChange{EmailVerified: ptr(true)})
	want(u, true, true)
	b.update(u, sallyport.UserChange{EmailVerified: ptr(false)})
	want(u, false, false)
	b.update(u, sallyport.UserChange{Email: ptr("newer@example.org"), EmailVerified: ptr(true)})
	want(u, true, true)
	want(b.add(b.newUser("bob", "bob@example.org")), false, false)

	first := func(name string, hearsay bool) sallyport.User {
		u := b.newUser(name, name+"@example.org")
		u.EmailVerified = true
		step := b.firstExchange(u, name)
		step.Hearsay = hearsay
		b.startStep(step)
		return u
	}
	sync := func(u sallyport.User, hearsay bool, c sallyport.UserChange) {
		step := b.exchange(u, sallyport.NewID(b.now).String())
		step.Sync, step.Hearsay = c, hearsay
		b.startStep(step)
	}
	want(first("carol", false), true, true)
	u = first("dave", true)
	want(u, true, false)
	sync(u, true, sallyport.UserChange{FirstName: ptr("Dave"), EmailVerified: ptr(true)})
	want(u, true, false)
	sync(u, false, sallyport.UserChange{EmailVerified: ptr(true)})
	want(u, true, true)
	sync(u, true, sallyport.UserChange{Email: ptr("DAVE@example.org"), EmailVerified: ptr(true)}) // another spelling
	want(u, true, true)
	sync(u, true, sallyport.UserChange{Email: ptr("dave@example.net"), EmailVerified: ptr(true), FirstName: ptr("Davy")}) // not that
	want(u, true, true)
	synced, err := b.store.User(b.ctx(), u.ID)
	b.wantError("User()", err, nil)
	b.wantEqual("address and name", [2]string{synced.Email, synced.FirstName}, [2]string{"dave@example.org", "Davy"})
	b.update(u, sallyport.UserChange{EmailVerified: ptr(false)})
	sync(u, true, sallyport.UserChange{Email: ptr("dave@example.net"), EmailVerified: ptr(true)})
	want(u, true, false)
	b.update(u, sallyport.UserChange{FirstName: ptr("David")})
	want(u, true, false)
	b.update(u, sallyport.UserChange{EmailVerified: ptr(true)}) // an operator vouches for it
	want(u, true, true)
	sync(u, false, sallyport.UserChange{Email: ptr("dave@example.com"), EmailVerified: ptr(true)})
	want(u, true, true)
}
