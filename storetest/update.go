package storetest

import (
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// updateCases are the sentences about changing users.
func updateCases() []testCase {
	return []testCase{
		{"UpdateUser changes the fields that change names, and no other", updateFields},
		{"UpdateUser returns ErrNotFound when there is none", func(b *bench) {
			_, err := b.store.UpdateUser(b.ctx(), sallyport.NewID(b.now), sallyport.UserChange{FirstName: ptr("A")}, b.now, sallyport.Event{})
			b.wantError("UpdateUser()", err, sallyport.ErrNotFound)
		}},
		{"UpdateUser refuses a taken name or address and changes nothing", updateTaken},
		{"UpdateUser frees the names that it replaces", updateFrees},
		{"UpdateUser lets a user change the case, or swap name and address", func(b *bench) {
			u := b.add(b.newUser("alice@example.org", "a@example.org"))
			b.update(u, sallyport.UserChange{Username: ptr("Alice@Example.org")})
			b.update(u, sallyport.UserChange{Username: ptr("a@example.org"), Email: ptr("alice@example.org")})
		}},
		{"UpdateUser takes the proof away with the address", func(b *bench) {
			u := b.newUser("alice", "a@example.org")
			u.EmailVerified = true
			b.add(u)
			for _, c := range []struct {
				change sallyport.UserChange
				want   bool
			}{
				{sallyport.UserChange{FirstName: ptr("Alice")}, true},
				{sallyport.UserChange{Email: ptr("A@example.org")}, true}, // the same address
				{sallyport.UserChange{Email: ptr("b@example.org")}, false},
				{sallyport.UserChange{Email: ptr("c@example.org"), EmailVerified: ptr(true)}, true},
				{sallyport.UserChange{Email: ptr("")}, false},
				{sallyport.UserChange{EmailVerified: ptr(true)}, false}, // of no address
			} {
				got, err := b.store.UpdateUser(b.ctx(), u.ID, c.change, b.now, sallyport.Event{})
				b.wantError("UpdateUser()", err, nil)
				if got.EmailVerified != c.want {
					b.Errorf("EmailVerified after %+v = %v, want %v", c.change, got.EmailVerified, c.want)
				}
			}
		}},
		{"UpdateUser merges attributes by key, and nil removes one", updateAttributes},
		{"UpdateUser raises the credential's version with IsActive, either way", func(b *bench) {
			u := b.addUser("alice")
			before := b.version(u)
			b.update(u, sallyport.UserChange{FirstName: ptr("Alice"), Username: ptr("alicia")})
			u.Username = "alicia"
			if got := b.version(u); got != before {
				b.Errorf("version after another change = %d, want %d", got, before)
			}
			for _, active := range []bool{false, true} {
				b.update(u, sallyport.UserChange{IsActive: &active})
				if got := b.version(u); got <= before {
					b.Errorf("version after IsActive = %v is %d, want it above %d", active, got, before)
				}
				before = b.version(u)
			}
		}},
		{"UpdateUser with IsActive false ends every session, and true revives none", func(b *bench) {
			u, other := b.addUser("alice"), b.addUser("bob")
			one, two, others := b.start(u), b.start(u), b.start(other)
			ended := b.now
			b.update(u, sallyport.UserChange{IsActive: ptr(false)})
			b.wantEnded(one, sallyport.EndedByDisabled)
			b.wantEnded(two, sallyport.EndedByDisabled)
			b.wantLive(others)
			b.now = b.now.Add(time.Second)
			b.update(u, sallyport.UserChange{IsActive: ptr(true)})
			b.wantRule(one, 1, sallyport.RuleRefused)
			b.now = ended
			b.wantEnded(two, sallyport.EndedByDisabled)
		}},
		{"SetPassword replaces the hash and raises the credential's version", func(b *bench) {
			u := b.addUser("alice")
			before := b.version(u)
			b.wantError("SetPassword()", b.store.SetPassword(b.ctx(), sallyport.PasswordChange{UserID: u.ID, Hash: "new hash", Keep: sallyport.ID{}, At: b.now}), nil)
			_, credential, err := b.store.UserByName(b.ctx(), "alice", "")
			b.wantError("UserByName()", err, nil)
			if credential.Hash != "new hash" || credential.Version <= before {
				b.Errorf("credential = %+v, want the new hash and a version above %d", credential, before)
			}
		}},
		{"SetPassword ends every session of the user except keep", func(b *bench) {
			u, other := b.addUser("alice"), b.addUser("bob")
			kept, two, others := b.start(u), b.start(u), b.start(other)
			b.wantError("SetPassword()", b.store.SetPassword(b.ctx(), sallyport.PasswordChange{UserID: u.ID, Hash: "new hash", Keep: kept.ID, At: b.now}), nil)
			b.wantLive(kept)
			b.wantEnded(two, sallyport.EndedByPassword)
			b.wantLive(others)
		}},
		{"SetPassword ends every session when keep is zero", func(b *bench) {
			u := b.addUser("alice")
			s := b.start(u)
			b.wantError("SetPassword()", b.store.SetPassword(b.ctx(), sallyport.PasswordChange{UserID: u.ID, Hash: "new hash", Keep: sallyport.ID{}, At: b.now}), nil)
			b.wantEnded(s, sallyport.EndedByPassword)
		}},
		{"RenewPasswordHash replaces old, ends no session and leaves the version", func(b *bench) {
			u := b.addUser("alice")
			s, before := b.start(u), b.version(u)
			b.wantError("SetPassword()", b.store.SetPassword(b.ctx(), sallyport.PasswordChange{UserID: u.ID, Hash: "old hash", Keep: s.ID, At: b.now}), nil)
			before++
			b.wantError("RenewPasswordHash()", b.store.RenewPasswordHash(b.ctx(), u.ID, "old hash", "new hash"), nil)
			_, credential, err := b.store.UserByName(b.ctx(), "alice", "")
			b.wantError("UserByName()", err, nil)
			b.wantEqual("credential", credential, sallyport.Credential{Hash: "new hash", Version: before})
			b.wantLive(s)
		}},
		{"RenewPasswordHash returns ErrChanged when the user is gone or old is not the hash", func(b *bench) {
			u := b.addUser("alice")
			b.wantError("SetPassword()", b.store.SetPassword(b.ctx(), sallyport.PasswordChange{UserID: u.ID, Hash: "another hash", Keep: sallyport.ID{}, At: b.now}), nil)
			b.wantError("RenewPasswordHash()", b.store.RenewPasswordHash(b.ctx(), u.ID, "old hash", "new hash"), sallyport.ErrChanged)
			b.wantError("RenewPasswordHash(unknown)", b.store.RenewPasswordHash(b.ctx(), sallyport.NewID(b.now), "another hash", "new hash"), sallyport.ErrChanged)
			_, credential, err := b.store.UserByName(b.ctx(), "alice", "")
			b.wantError("UserByName()", err, nil)
			b.wantEqual("hash", credential.Hash, "another hash")
		}},
		{"SetPassword returns ErrNotFound when there is no such user", func(b *bench) {
			err := b.store.SetPassword(b.ctx(), sallyport.PasswordChange{UserID: sallyport.NewID(b.now), Hash: "hash", Keep: sallyport.ID{}, At: b.now})
			b.wantError("SetPassword()", err, sallyport.ErrNotFound)
		}},
	}
}

// update changes u and checks that the answer is what is stored.
func (b *bench) update(u sallyport.User, change sallyport.UserChange) sallyport.User {
	b.Helper()
	got, err := b.store.UpdateUser(b.ctx(), u.ID, change, b.now, sallyport.Event{})
	if err != nil {
		b.Fatalf("UpdateUser() = %v", err)
	}
	stored, err := b.store.User(b.ctx(), u.ID)
	b.wantError("User()", err, nil)
	b.wantEqual("UpdateUser()", got, stored)
	return got
}

func updateFields(b *bench) {
	want := b.add(b.fullUser())
	b.now = b.now.Add(time.Hour)
	want.UpdatedAt = b.now
	for _, c := range []struct {
		name   string
		change sallyport.UserChange
		apply  func(u *sallyport.User)
	}{
		{"nothing", sallyport.UserChange{}, func(*sallyport.User) {}},
		{"username", sallyport.UserChange{Username: ptr("Bob")}, func(u *sallyport.User) { u.Username = "Bob" }},
		{"email", sallyport.UserChange{Email: ptr("Bob@example.org")}, func(u *sallyport.User) { u.Email, u.EmailVerified = "Bob@example.org", false }},
		{"email_verified", sallyport.UserChange{EmailVerified: ptr(true)}, func(u *sallyport.User) { u.EmailVerified = true }},
		{"no email", sallyport.UserChange{Email: ptr("")}, func(u *sallyport.User) { u.Email, u.EmailVerified = "", false }},
		{"first_name", sallyport.UserChange{FirstName: ptr("B")}, func(u *sallyport.User) { u.FirstName = "B" }},
		{"last_name", sallyport.UserChange{LastName: ptr("")}, func(u *sallyport.User) { u.LastName = "" }},
		{"is_active", sallyport.UserChange{IsActive: ptr(false)}, func(u *sallyport.User) { u.IsActive = false }},
		{"groups", sallyport.UserChange{Groups: &[]string{"x"}}, func(u *sallyport.User) { u.Groups = []string{"x"} }},
		{"no groups", sallyport.UserChange{Groups: ptr([]string(nil))}, func(u *sallyport.User) { u.Groups = nil }},
	} {
		c.apply(&want)
		b.wantEqual(c.name, b.update(want, c.change), want)
	}
}

func updateTaken(b *bench) {
	b.add(b.newUser("alice", "alice@example.org"))
	u := b.add(b.newUser("bob", "bob@example.org"))
	s := b.start(u)
	for _, c := range []struct {
		change sallyport.UserChange
		want   error
	}{
		{sallyport.UserChange{Username: ptr("Alice")}, sallyport.ErrNameTaken},
		{sallyport.UserChange{Username: ptr("Alice@example.org")}, sallyport.ErrNameTaken},
		{sallyport.UserChange{Email: ptr("ALICE@example.org")}, sallyport.ErrEmailTaken},
		{sallyport.UserChange{Username: ptr("robert"), Email: ptr("alice@example.org"), IsActive: ptr(false)}, sallyport.ErrEmailTaken},
	} {
		_, err := b.store.UpdateUser(b.ctx(), u.ID, c.change, b.now.Add(time.Second), sallyport.Event{})
		b.wantError("UpdateUser()", err, c.want)
		got, err := b.store.User(b.ctx(), u.ID)
		b.wantError("User()", err, nil)
		b.wantEqual("user after a refusal", got, u)
		for _, name := range []string{"bob", "bob@example.org"} {
			if _, _, err := b.store.UserByName(b.ctx(), name, ""); err != nil {
				b.Errorf("UserByName(%q) after a refusal = %v", name, err)
			}
		}
	}
	b.wantLive(s)
	b.addUser("robert") // the refused name is free
}

func updateFrees(b *bench) {
	u := b.add(b.newUser("alice", "alice@example.org"))
	b.update(u, sallyport.UserChange{Username: ptr("alicia"), Email: ptr("")})
	for name, want := range map[string]error{
		"alicia": nil, "alice": sallyport.ErrNotFound, "alice@example.org": sallyport.ErrNotFound,
	} {
		_, _, err := b.store.UserByName(b.ctx(), name, "")
		b.wantError(fmt.Sprintf("UserByName(%q)", name), err, want)
	}
	b.add(b.newUser("alice", "alice@example.org"))
}

func updateAttributes(b *bench) {
	u := b.newUser("alice", "")
	u.Attributes = map[string]any{"keep": 1, "change": "old", "remove": true, "object": map[string]any{"a": 1, "b": 2}}
	b.add(u)
	got := b.update(u, sallyport.UserChange{Attributes: map[string]any{
		"change": "new", "remove": nil, "absent": nil, "add": []any{"x"}, "object": map[string]any{"c": 3}, // merged by key, not deeper
	}})
	b.wantEqual("Attributes", got.Attributes, map[string]any{
		"keep": 1, "change": "new", "add": []any{"x"}, "object": map[string]any{"c": 3},
	})
	got = b.update(u, sallyport.UserChange{Attributes: map[string]any{"keep": nil, "change": nil, "add": nil, "object": nil}})
	b.wantEqual("Attributes", got.Attributes, map[string]any(nil))
}
