package storetest

import (
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// userCases are the sentences about adding and finding users.
func userCases() []testCase {
	return []testCase{
		{"CreateUser adds the user as it is", func(b *bench) {
			u := b.fullUser()
			b.add(u)
			got, err := b.store.User(b.ctx(), u.ID)
			b.wantError("User()", err, nil)
			b.wantEqual("User()", got, u)
		}},
		{"CreateUser refuses a taken name or address and adds nothing", createTaken},
		{"CreateUser lets a user's own name and address fold alike", func(b *bench) {
			b.add(b.newUser("alice@example.org", "Alice@Example.org"))
			b.wantTaken(b.newUser("ALICE@example.org", ""), sallyport.ErrNameTaken)
			b.wantTaken(b.newUser("bob", "alice@EXAMPLE.org"), sallyport.ErrEmailTaken)
		}},
		{"CreateUser lets any number of users have no address", func(b *bench) {
			b.addUser("alice")
			b.addUser("bob")
		}},
		{"CreateUser makes a user without a password of an empty hash", func(b *bench) {
			u := b.newUser("alice", "")
			b.wantError("CreateUser()", b.store.CreateUser(b.ctx(), u, "", sallyport.Event{}), nil)
			_, credential, err := b.store.UserByName(b.ctx(), "alice", "")
			b.wantError("UserByName()", err, nil)
			b.wantEqual("Hash", credential.Hash, "")
		}},
		{"User returns ErrNotFound when there is none", func(b *bench) {
			_, err := b.store.User(b.ctx(), sallyport.NewID(b.now))
			b.wantError("User()", err, sallyport.ErrNotFound)
		}},
		{"UserByName finds by username and by address, with the credential", func(b *bench) {
			u := b.add(b.newUser("alice", "a@example.org"))
			b.add(b.newUser("bob", "b@example.org"))
			for _, name := range []string{"alice", "a@example.org"} {
				got, credential, err := b.store.UserByName(b.ctx(), name, "")
				b.wantError("UserByName("+name+")", err, nil)
				b.wantEqual("user", got, u)
				b.wantEqual("Hash", credential.Hash, "hash of alice")
			}
		}},
		{"UserByName returns ErrNotFound when there is none", func(b *bench) {
			b.addUser("alice")
			for _, name := range []string{"", "al", "alice ", "alice@example.org", "%", "alice' or '1'='1"} {
				_, _, err := b.store.UserByName(b.ctx(), name, "")
				b.wantError(fmt.Sprintf("UserByName(%q)", name), err, sallyport.ErrNotFound)
			}
		}},
		{"UserByIdentity compares issuer and subject byte by byte", identityBytes},
		{"Users lists at most limit users after an id, in order", listUsers},
	}
}

// fullUser makes a user with every field set.
func (b *bench) fullUser() sallyport.User {
	return sallyport.User{
		ID: sallyport.NewID(b.now), Username: "Älice", Email: "Älice@Example.org", EmailVerified: true,
		FirstName: "Älice \u202f'; --", LastName: "O’Néill", IsActive: true,
		Groups:     []string{"staff", "", "a,b", `"quoted"`},
		Attributes: map[string]any{"tenant": "blue", "level": 9007199254740993, "deep": map[string]any{"list": []any{true, nil, 1.5}}, "none": nil},
		CreatedAt:  b.now, UpdatedAt: b.now.Add(time.Minute),
	}
}

func (b *bench) wantTaken(u sallyport.User, want error) {
	b.Helper()
	b.wantError(fmt.Sprintf("CreateUser(%q, %q)", u.Username, u.Email), b.store.CreateUser(b.ctx(), u, "hash", sallyport.Event{}), want)
	_, err := b.store.User(b.ctx(), u.ID)
	b.wantError("User() of a refused one", err, sallyport.ErrNotFound)
}

func createTaken(b *bench) {
	b.add(b.newUser("alice", "alice@example.org"))
	b.add(b.newUser("carol@example.org", ""))
	for _, c := range []struct {
		username, email string
		want            error
	}{
		{"ALICE", "", sallyport.ErrNameTaken},
		{"Alice@example.ORG", "", sallyport.ErrNameTaken}, // the address of another
		{"bob", "ALICE@example.org", sallyport.ErrEmailTaken},
		{"bob", "Carol@example.org", sallyport.ErrEmailTaken}, // the username of another
		{"alice", "bob@example.org", sallyport.ErrNameTaken},
	} {
		b.wantTaken(b.newUser(c.username, c.email), c.want)
	}
	b.add(b.newUser("bob", "bob@example.org")) // the refused ones have left neither name reserved
}

func identityBytes(b *bench) {
	u := b.newUser("alice", "")
	step := sallyport.SessionStart{Session: b.newSession(u.ID), NewUser: &u, NewIdentity: b.identity(u, "https://idp.example/a", "Sub-1")}
	b.startStep(step)
	owner, err := b.store.UserByIdentity(b.ctx(), "https://idp.example/a", "Sub-1")
	got, credential := owner.User, owner.Credential
	b.wantError("UserByIdentity()", err, nil)
	b.wantEqual("user", got, u)
	b.wantEqual("version", credential.Version, b.version(u))
	for _, c := range [][2]string{
		{"https://idp.example/a", "sub-1"},
		{"https://idp.example/a", "Sub-1 "},
		{"https://idp.example/a/", "Sub-1"},
		{"https://IDP.example/a", "Sub-1"},
		{"https://idp.example/", "aSub-1"},
		{"", ""},
	} {
		_, err := b.userByIdentity(b.ctx(), c[0], c[1])
		b.wantError(fmt.Sprintf("UserByIdentity(%q, %q)", c[0], c[1]), err, sallyport.ErrNotFound)
	}
}

func (b *bench) identity(u sallyport.User, issuer, subject string) *sallyport.Identity {
	return &sallyport.Identity{
		ID: sallyport.NewID(b.now), UserID: u.ID, Provider: "idp", Issuer: issuer, Subject: subject, CreatedAt: b.now,
	}
}

func listUsers(b *bench) {
	var want []sallyport.User
	for i := range 5 {
		b.now = b.now.Add(time.Millisecond) // ids made in different milliseconds sort by them
		u := b.newUser(fmt.Sprintf("user %d", i), "")
		u.CreatedAt = b.now.Add(-time.Duration(i) * time.Hour) // says nothing about the order
		want = append(want, u)
	}
	for _, i := range []int{3, 0, 4, 2, 1} {
		b.add(want[i])
	}
	for _, c := range []struct {
		after sallyport.ID
		limit int
		want  []sallyport.User
	}{
		{sallyport.ID{}, 10, want},
		{sallyport.ID{}, 2, want[:2]},
		{want[1].ID, 2, want[2:4]},
		{want[3].ID, 2, want[4:]},
		{want[4].ID, 2, nil},
		{sallyport.ID{}, 0, nil},
	} {
		got, err := b.store.Users(b.ctx(), c.after, c.limit)
		b.wantError("Users()", err, nil)
		b.wantEqual(fmt.Sprintf("Users(%v, %d)", c.after, c.limit), got, c.want)
	}
}
