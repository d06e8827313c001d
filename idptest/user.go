package idptest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// User is a person who can sign in at the provider. The zero value of a field leaves its claim out.
type User struct {
	// Subject is the sub claim; Entra's is computed from it, and GitHub's is a number, this one if it is one. Default:
	// a UUID computed from Username, the same at every provider and in every run.
	Subject string
	// Username signs in, and so does Email. Usernames are unique at one provider.
	Username string
	// Password defaults to Username.
	Password string
	Email    string
	// EmailVerified becomes the email_verified claim as it is: true, false, "true", 1. Nil leaves the claim out;
	// json.RawMessage("null") is a JSON null.
	EmailVerified any
	GivenName     string
	FamilyName    string
	// Tenant is the directory of the Entra personality that the user belongs to: a GUID in lower case, also one that is
	// not in Config.Tenants, a foreign one. Default: the first of Config.Tenants.
	Tenant string
	// Groups is the claim groups, or cognito:groups.
	Groups []string
	// Claims are further claims of the ID token and of UserInfo, for example "custom:tenant". They replace claims of
	// the same name that come from the other fields.
	Claims map[string]any
}

// Alice has a verified address.
func Alice() User {
	return User{Username: "alice", Email: "alice@example.com", EmailVerified: true,
		GivenName: "Alice", FamilyName: "Archer", Groups: []string{"staff"}}
}

// Bob has an address that nobody has verified.
func Bob() User {
	return User{Username: "bob", Email: "bob@example.com", EmailVerified: false, GivenName: "Bob", FamilyName: "Baker"}
}

// Carol has no address.
func Carol() User {
	return User{Username: "carol", GivenName: "Carol", FamilyName: "Cooper"}
}

// DemoUsers are Alice, Bob and Carol: the users of a provider whose Config names none.
func DemoUsers() []User { return []User{Alice(), Bob(), Carol()} }

// complete fills in the defaults and takes the user away from slices and maps that the caller may change later.
func (u User) complete() User {
	if u.Subject == "" {
		u.Subject = derivedSubject(u.Username)
	}
	if u.Password == "" {
		u.Password = u.Username
	}
	u.Groups = slices.Clone(u.Groups)
	u.Claims = maps.Clone(u.Claims)
	return u
}

// derivedSubject is a UUID of version 8 (RFC 9562 §5.8): the shape of a Cognito subject, stable over runs.
func derivedSubject(username string) string {
	sum := sha256.Sum256([]byte("idptest subject " + username))
	return uuid([16]byte(sum[:16]), 8)
}

func uuid(b [16]byte, version byte) string {
	b[6] = b[6]&0x0f | version<<4
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// profileClaims are the claims of the scope profile (Core §5.4), without the username, which each personality calls
// by another name.
func (u User) profileClaims(o *object) {
	o.setText("name", strings.TrimSpace(u.GivenName+" "+u.FamilyName))
	o.setText("given_name", u.GivenName)
	o.setText("family_name", u.FamilyName)
}

// emailClaims are the claims of the scope email (Core §5.4).
func (u User) emailClaims(o *object) {
	o.setText("email", u.Email)
	if u.EmailVerified != nil {
		o.set("email_verified", u.EmailVerified)
	}
}

func (u User) ownClaims(o *object) {
	for _, name := range slices.Sorted(maps.Keys(u.Claims)) {
		o.set(name, u.Claims[name])
	}
}

// SetUser adds u, or replaces the user of the same Username. Tokens that are out stay as they are; refreshed tokens
// and UserInfo speak of the new values.
func (p *Provider) SetUser(u User) {
	u = u.complete()
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.IndexFunc(p.users, u.sameUsername); i >= 0 {
		p.users[i] = u
		return
	}
	p.users = append(p.users, u)
}

// RemoveUser takes a user away, as a provider does with a disabled account: no login, no refresh, no UserInfo, while
// ID tokens that are out stay valid until they expire.
func (p *Provider) RemoveUser(username string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	gone := User{Username: username}
	p.users = slices.DeleteFunc(p.users, gone.sameUsername)
	delete(p.met, username)
	for g := range p.grants {
		if gone.sameUsername(g.user) {
			g.revoked = true
		}
	}
}

func (u User) sameUsername(other User) bool { return u.Username == other.Username }

// currentUser is the user behind a grant as the provider knows it now. Tokens may be minted for a user whom the
// provider does not know: then the grant's own copy counts.
func (p *Provider) currentUser(g *grant) User {
	if i := slices.IndexFunc(p.users, g.user.sameUsername); i >= 0 {
		return p.users[i]
	}
	return g.user
}

func (p *Provider) authenticate(username, password string) (User, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range p.users {
		if username != "" && (u.Username == username || u.Email == username) {
			return u, u.Password == password
		}
	}
	return User{}, false
}

// meet reports whether u signs in for the first time, since the start or since RemoveUser.
func (p *Provider) meet(u User) (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first = !p.met[u.Username]
	p.met[u.Username] = true
	return first
}

// knownUsers is a copy for the pages.
func (p *Provider) knownUsers() []User {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.users)
}
