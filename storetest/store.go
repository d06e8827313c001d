package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// storeCases are the sentences about the store as a whole.
func storeCases() []testCase {
	return []testCase{
		{"times are kept to the microsecond and come back in UTC", timesAreKept},
		{"a store never reads a clock", noClock},
		{"names are compared as FoldName gives them", namesFold},
		{"the context's error comes when the context ended first", contextEnded},
	}
}

func timesAreKept(b *bench) {
	// 999 ns are cut, not rounded, and the zone does not matter.
	b.now = time.Date(2026, 10, 25, 3, 0, 0, 123456999, time.FixedZone("east", 3*60*60))
	want := time.Date(2026, 10, 25, 0, 0, 0, 123456000, time.UTC)
	u := b.addUser("alice")
	s := b.start(u)
	stored, user, err := b.store.Session(b.ctx(), s.ID)
	b.wantError("Session()", err, nil)
	for name, got := range map[string]time.Time{
		"user's CreatedAt": user.CreatedAt, "user's UpdatedAt": user.UpdatedAt,
		"CreatedAt": stored.CreatedAt, "LastUsedAt": stored.LastUsedAt,
		"IdleEnd": stored.IdleEnd.Add(-idle), "AbsoluteEnd": stored.AbsoluteEnd.Add(-lifetime),
	} {
		if got != want {
			b.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	b.now = b.now.Add(time.Second)
	outcome := b.refresh(s, 1)
	if got := outcome.Session.LastUsedAt; got != want.Add(time.Second) {
		b.Errorf("LastUsedAt after Refresh = %v, want %v", got, want.Add(time.Second))
	}
	_, err = b.store.EndSessions(b.ctx(), sallyport.SessionEnd{User: u.ID, Reason: sallyport.EndedByAdmin, At: b.now})
	b.wantError("EndSessions()", err, nil)
	if got := b.stored(s.ID).EndedAt; got != want.Add(time.Second) {
		b.Errorf("EndedAt = %v, want %v", got, want.Add(time.Second))
	}
}

func noClock(b *bench) {
	for _, year := range []int{1971, 2026, 2190} {
		b.now = time.Date(year, 7, 1, 12, 0, 0, 0, time.UTC)
		u := b.addUser(b.now.Format("user of 2006"))
		s := b.start(u)
		b.wantRule(s, 1, sallyport.RuleAdvance)
		b.now = b.now.Add(window)
		b.wantRule(s, 1, sallyport.RuleRetry)
		b.now = b.now.Add(idle)
		b.wantRule(s, 2, sallyport.RuleRefused)
	}
}

func namesFold(b *bench) {
	names := map[string]bool{}
	for _, u := range []sallyport.User{
		b.newUser("Zoë", "Zoë.Q@Example.ORG"), b.newUser("ΣΊΣΥΦΟΣ", ""), b.newUser("Åsa@example.org", "\u212bsa@example.org"),
	} {
		b.add(u)
		names[sallyport.FoldName(u.Username)] = true
		names[sallyport.FoldName(u.Email)] = true
	}
	for _, name := range []string{
		"zoë", "ZOË", "zoe\u0308", "zoe", "σίσυφοσ", "σίσυφος",
		"Zoë.Q@example.org", "zOë.q@EXAMPLE.org", "ZOË.q@example.org", "zoe\u0308.q@example.org", "zoe.q@example.org",
		"Åsa@Example.org", "åsa@example.org", "A\u030asa@example.org", "\u212bSA@example.org",
	} {
		want := sallyport.ErrNotFound
		if names[sallyport.FoldName(name)] {
			want = nil
		}
		_, _, err := b.store.UserByName(b.ctx(), name, "")
		b.wantError(fmt.Sprintf("UserByName(%+q)", name), err, want)
	}
}

func contextEnded(b *bench) {
	u := b.addUser("alice")
	mine := b.addIdentity(u, b.start(u), "mine")
	s := b.startStep(sallyport.SessionStart{Session: b.byIdentity(&mine, ""), CredentialVersion: b.version(u)})
	ctx, cancel := context.WithCancel(b.ctx())
	cancel()
	for _, call := range []struct {
		name string
		run  func() error
	}{
		{"CreateUser", func() error { return b.store.CreateUser(ctx, b.newUser("bob", ""), "", sallyport.Event{}) }},
		{"User", func() error { _, err := b.store.User(ctx, u.ID); return err }},
		{"UserByName", func() error { _, _, err := b.store.UserByName(ctx, "alice", ""); return err }},
		{"UserByIdentity", func() error { _, err := b.userByIdentity(ctx, "i", "s"); return err }},
		{"Users", func() error { _, err := b.store.Users(ctx, sallyport.ID{}, 1); return err }},
		{"UpdateUser", func() error {
			_, err := b.store.UpdateUser(ctx, u.ID, sallyport.UserChange{FirstName: ptr("Eve")}, b.now, sallyport.Event{})
			return err
		}},
		{"SetPassword", func() error {
			return b.store.SetPassword(ctx, sallyport.PasswordChange{UserID: u.ID, Hash: "new", Keep: sallyport.ID{}, At: b.now})
		}},
		{"RenewPasswordHash", func() error { return b.store.RenewPasswordHash(ctx, u.ID, "hash", "new") }},
		{"StartSession", func() error {
			return b.store.StartSession(ctx, sallyport.SessionStart{Session: b.newSession(u.ID), CredentialVersion: b.version(u), Replaces: s.ID})
		}},
		{"Session", func() error { _, _, err := b.store.Session(ctx, s.ID); return err }},
		{"Refresh", func() error { _, err := b.store.Refresh(ctx, b.step(s, 1)); return err }},
		{"EndSessions", func() error {
			_, err := b.store.EndSessions(ctx, sallyport.SessionEnd{User: u.ID, Reason: sallyport.EndedByAdmin, At: b.now})
			return err
		}},
		{"Identities", func() error { _, err := b.store.Identities(ctx, u.ID); return err }},
		{"AddIdentity", func() error { return b.store.AddIdentity(ctx, b.addStep(u, s, "1")) }},
		{"RemoveIdentity", func() error { return b.store.RemoveIdentity(ctx, b.removal(u, mine.ID, sallyport.Event{})) }},
		{"EndProviderSessions", func() error { _, err := b.store.EndProviderSessions(ctx, b.logoutStep("", "mine")); return err }},
		{"Consume", func() error { return b.store.Consume(ctx, mark("a"), b.now, b.now.Add(time.Hour)) }},
		{"SigningKeys", func() error { _, err := b.store.SigningKeys(ctx); return err }},
		{"AddSigningKey", func() error { return b.store.AddSigningKey(ctx, key("1", b.now), "", sallyport.Event{}) }},
		{"ReplaceSigningKeys", func() error { return b.store.ReplaceSigningKeys(ctx, key("1", b.now), sallyport.Event{}) }},
		{"RemoveSigningKey", func() error { _, err := b.store.RemoveSigningKey(ctx, "1", sallyport.Event{}); return err }},
		{"SecretCheck", func() error { _, err := b.store.SecretCheck(ctx); return err }},
		{"SetSecretCheck", func() error { return b.store.SetSecretCheck(ctx, nil, []byte("check")) }},
	} {
		b.wantError(call.name+" with an ended context", call.run(), context.Canceled)
	}
	// None of them has done anything.
	user, err := b.store.User(b.ctx(), u.ID)
	b.wantError("User()", err, nil)
	b.wantEqual("the user", user, u)
	b.wantLive(s)
	b.wantRule(s, 1, sallyport.RuleAdvance)
	b.wantIdentities(u, mine)
	b.wantError("Consume()", b.store.Consume(b.ctx(), mark("a"), b.now, b.now.Add(time.Hour)), nil)
	_, _, err = b.store.UserByName(b.ctx(), "bob", "")
	b.wantError("UserByName(bob)", err, sallyport.ErrNotFound)
	keys, err := b.store.SigningKeys(b.ctx())
	b.wantError("SigningKeys()", err, nil)
	b.wantEqual("SigningKeys()", keys, []sallyport.StoredKey{})
	check, err := b.store.SecretCheck(b.ctx())
	b.wantError("SecretCheck()", err, nil)
	b.wantEqual("SecretCheck()", check, []byte(nil))
}

// userByIdentity is the user of the owner.
func (b *bench) userByIdentity(ctx context.Context, issuer, subject string) (sallyport.User, error) {
	owner, err := b.store.UserByIdentity(ctx, issuer, subject)
	return owner.User, err
}
