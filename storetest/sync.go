package storetest

import (
	"time"

	"github.com/sallyport-auth/sallyport"
)

// syncCases are the sentences about a user who follows the identity provider at a sign-in.
func syncCases() []testCase {
	return []testCase{
		{"StartSession changes the user as Sync says, and notes it", syncsUser},
		{"StartSession notes no sync that changes nothing", func(b *bench) {
			u := b.add(b.fullUser())
			b.now = b.now.Add(time.Hour)
			step := b.syncStep(u, sallyport.UserChange{
				FirstName: &u.FirstName, Email: &u.Email, EmailVerified: &u.EmailVerified, Groups: &u.Groups, Attributes: map[string]any{"tenant": "blue", "absent": nil},
			})
			b.startStep(step)
			b.startStep(b.syncStep(u, sallyport.UserChange{}))
			got, err := b.store.User(b.ctx(), u.ID)
			b.wantError("User()", err, nil)
			b.wantEqual("user", got, u)
			b.wantEvents(sallyport.EventQuery{Limit: 9})
		}},
		{"StartSession returns ErrEmailTaken for a sync to the address of another, and changes nothing", syncTaken},
		{"StartSession takes the proof away with an address that a sync replaces", func(b *bench) {
			for name, c := range map[string]struct {
				change sallyport.UserChange
				want   bool
			}{
				"silent":   {sallyport.UserChange{Email: ptr("silent@example.net")}, false},
				"unproved": {sallyport.UserChange{Email: ptr("unproved@example.net"), EmailVerified: ptr(false)}, false},
				"proved":   {sallyport.UserChange{Email: ptr("proved@example.net"), EmailVerified: ptr(true)}, true},
			} {
				u := b.proved(name)
				b.startStep(b.syncStep(u, c.change))
				got, err := b.store.User(b.ctx(), u.ID)
				b.wantError("User()", err, nil)
				b.wantEqual("Email", got.Email, name+"@example.net")
				b.wantEqual("EmailVerified of "+name, got.EmailVerified, c.want)
				b.wantEqual("EmailProved of "+name, b.credential(u).EmailProved, c.want)
			}
		}},
		{"StartSession that is refused has changed no user", func(b *bench) {
			b.startStep(b.firstExchange(b.newUser("known", ""), "known"))
			u := b.add(b.newUser("alice", "alice@example.org"))
			step := b.syncStep(u, sallyport.UserChange{FirstName: ptr("Alicia"), Email: ptr("alicia@example.org")})
			step.NewIdentity = b.identity(u, issuer, "known") // which exists
			b.refused(step, sallyport.ErrChanged)
			step.NewIdentity = nil
			step.CredentialVersion++
			b.refused(step, sallyport.ErrChanged)
			step.Sync.Email = ptr("known") // taken, which is looked at later
			b.refused(step, sallyport.ErrChanged)
			got, err := b.store.User(b.ctx(), u.ID)
			b.wantError("User()", err, nil)
			b.wantEqual("user", got, u)
			b.wantEvents(sallyport.EventQuery{Limit: 9})
			b.add(b.newUser("alicia", "alicia@example.org"))
		}},
	}
}

// syncStep makes the step of a sign-in that changes the user.
func (b *bench) syncStep(u sallyport.User, c sallyport.UserChange) sallyport.SessionStart {
	step := b.exchange(u, sallyport.NewID(b.now).String())
	step.Sync, step.Synced = c, b.event("user_changed", u.ID)
	return step
}

func syncsUser(b *bench) {
	want := b.add(b.fullUser())
	s, before := b.start(want), b.version(want)
	b.now = b.now.Add(time.Hour)
	step := b.syncStep(want, sallyport.UserChange{
		FirstName: ptr("Alice"), LastName: ptr(""), Email: ptr("Alice@example.net"), EmailVerified: ptr(true),
		Attributes: map[string]any{"tenant": "green"},
	})
	b.startStep(step)
	want.FirstName, want.LastName, want.Email, want.UpdatedAt = "Alice", "", "Alice@example.net", b.now
	want.Attributes["tenant"] = "green"
	got, _, err := b.store.UserByName(b.ctx(), "alice@example.net", "")
	b.wantError("UserByName()", err, nil)
	b.wantEqual("user", got, want)
	b.wantEvents(sallyport.EventQuery{Limit: 9}, step.Synced)
	b.wantEqual("version", b.version(want), before)
	b.wantLive(s)
	b.add(b.newUser("the address before", "Älice@Example.org"))
}

func syncTaken(b *bench) {
	b.add(b.newUser("bob@example.net", "bob@example.org"))
	u := b.proved("alice")
	old := b.start(u)
	b.now = b.now.Add(time.Minute)
	for _, address := range []string{"BOB@example.org", "bob@example.net"} { // an address, and a username
		step := b.syncStep(u, sallyport.UserChange{FirstName: ptr("Alice"), Email: &address, EmailVerified: ptr(true)})
		step.Replaces = old.ID
		b.refused(step, sallyport.ErrEmailTaken)
		b.wantLive(old)
		got, _, err := b.store.UserByName(b.ctx(), "alice@example.org", "")
		b.wantError("UserByName()", err, nil)
		b.wantEqual("user after a refusal", got, u)
		b.wantEvents(sallyport.EventQuery{Limit: 9})
		step.Sync.Email = nil // the same token, without the address
		step.Sync.FirstName = &u.FirstName
		step.Replaces = sallyport.ID{}
		b.startStep(step)
	}
}
