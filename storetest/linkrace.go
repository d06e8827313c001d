package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// linkRaceCases are the races about identities that must come out right.
func linkRaceCases() []testCase {
	return []testCase{
		{"10 links of one identity at once: one goes through", oneLink},
		{"20 users who add one identity at once: one gets it", oneOwner},
		{"20 uses of one mark at once: one goes through", func(b *bench) {
			b.wantOne(atOnce(20, func(int) error { return b.store.Consume(b.ctx(), mark("a"), b.now, b.now.Add(time.Hour)) }), sallyport.ErrReplayed)
		}},
		{"a sign-in under the old password does not outlive a link", linkWins},
		{"of two last identities that are removed at once one stays", lastStays},
		{"a logout at the provider ends every session that has started before it", logoutIsWhole},
		{"all steps about one user and one identity at once are done or refused", everythingAtOnce},
	}
}

func oneLink(b *bench) {
	for i := range 5 {
		users := []sallyport.User{b.proved(fmt.Sprint("alice-", i)), b.proved(fmt.Sprint("bob-", i))}
		steps := make([]sallyport.SessionStart, 10)
		for n := range steps {
			steps[n] = b.linkStep(users[n%2], fmt.Sprint(i))
		}
		b.wantOne(atOnce(len(steps), func(n int) error { return b.store.StartSession(b.ctx(), steps[n]) }), sallyport.ErrChanged)
		linked := 0
		for _, u := range users {
			identities, err := b.store.Identities(b.ctx(), u.ID)
			b.wantError("Identities()", err, nil)
			linked += len(identities)
		}
		b.wantEqual("identities", linked, 1)
	}
}

func oneOwner(b *bench) {
	steps := make([]sallyport.IdentityLink, 20)
	for i := range steps {
		u := b.addUser(fmt.Sprint("user ", i))
		steps[i] = b.addStep(u, b.start(u), "1")
	}
	b.wantOne(atOnce(len(steps), func(i int) error { return b.store.AddIdentity(b.ctx(), steps[i]) }), sallyport.ErrIdentityTaken)
	events, err := b.store.Events(b.ctx(), sallyport.EventQuery{Limit: 9})
	b.wantError("Events()", err, nil)
	b.wantEqual("number of events", len(events), 1)
}

func linkWins(b *bench) {
	for round := range 20 {
		u := b.proved(fmt.Sprint("alice-", round))
		link := b.linkStep(u, fmt.Sprint(round))
		sessions := make([]sallyport.Session, 8)
		for i := range sessions {
			sessions[i] = b.newSession(u.ID)
		}
		errs := atOnce(len(sessions)+1, func(i int) error {
			if i == len(sessions) {
				return b.store.StartSession(b.ctx(), link)
			}
			return b.store.StartSession(b.ctx(), sallyport.SessionStart{Session: sessions[i], CredentialVersion: link.CredentialVersion})
		})
		ended := 0
		for i, s := range sessions {
			if errors.Is(errs[i], sallyport.ErrChanged) {
				continue
			}
			b.wantError("a sign-in", errs[i], nil)
			b.wantEnded(s, sallyport.EndedByLinked)
			ended++
		}
		b.wantError("the link", errs[len(sessions)], nil)
		b.wantLive(link.Session)
		link.Link.Event.Sessions = ended
		b.wantEvents(sallyport.EventQuery{User: u.ID, Limit: 9}, link.Link.Event)
	}
}

func lastStays(b *bench) {
	for round := range 20 {
		u := b.newUser(fmt.Sprint("alice-", round), "")
		step := b.firstExchange(u, fmt.Sprint(round, " first"))
		ids := []sallyport.ID{step.NewIdentity.ID, b.addIdentity(u, b.startStep(step), fmt.Sprint(round, " second")).ID}
		removals := []sallyport.IdentityRemoval{b.removal(u, ids[0], sallyport.Event{}), b.removal(u, ids[1], sallyport.Event{})}
		b.wantOne(atOnce(2, func(i int) error { return b.store.RemoveIdentity(b.ctx(), removals[i]) }), sallyport.ErrChanged)
		left, err := b.store.Identities(b.ctx(), u.ID)
		b.wantError("Identities()", err, nil)
		b.wantEqual("identities that are left", len(left), 1)
	}
}

func logoutIsWhole(b *bench) {
	for round := range 20 {
		name := fmt.Sprint("alice-", round)
		u, i := b.member(name)
		version, sid := b.version(u), []string{"", name}[round%2]
		sessions := make([]sallyport.Session, 8)
		for n := range sessions {
			sessions[n] = b.byIdentity(i, sid)
		}
		l := b.logoutStep(sid, name)
		var ended int
		early := make(chan struct{})
		errs := atOnce(len(sessions)+1, func(n int) (err error) {
			switch n {
			case 0: // it was answered before the logout begins
				defer close(early)
			case len(sessions):
				<-early
				ended, err = b.store.EndProviderSessions(b.ctx(), l)
				return err
			}
			return b.store.StartSession(b.ctx(), sallyport.SessionStart{Session: sessions[n], CredentialVersion: version})
		})
		b.wantError("a sign-in or the logout", errors.Join(errs...), nil)
		b.wantEnded(sessions[0], sallyport.EndedByProvider)
		live := 0
		for _, s := range sessions {
			if b.stored(s.ID).EndedAt.IsZero() {
				live++
			}
		}
		b.wantEqual("sessions that have ended", len(sessions)-live, ended)
		b.logout(live, b.logoutStep(sid, name))
	}
}

// everythingAtOnce runs every step that ends several sessions of a user, or touches an identity, against every other.
// Each is done, or refused for what another one has done; none is told that the database cannot answer.
func everythingAtOnce(b *bench) {
	for round := range 5 {
		name := fmt.Sprint("alice-", round)
		u := b.proved(name)
		step := b.exchange(u, name)
		step.NewIdentity = b.identity(u, "https://other.example", name)
		step.Session = b.byIdentity(step.NewIdentity, name)
		first := *step.NewIdentity
		from := b.startStep(step)
		for range 20 {
			b.startAs(&first, name)
		}
		link, version := b.linkStep(u, name), b.version(u)
		adding := b.addStep(u, from, name)
		removal := b.removal(u, first.ID, sallyport.Event{})
		bySID, bySubject := b.logoutStep(name, ""), b.logoutStep(name, name)
		bySubject.Issuer = first.Issuer
		calls := []func() error{
			func() error { return b.store.StartSession(b.ctx(), link) },
			func() error {
				return b.store.StartSession(b.ctx(), sallyport.SessionStart{Session: b.byIdentity(&first, name), CredentialVersion: version, MaxSessions: 3})
			},
			func() error { return b.store.AddIdentity(b.ctx(), adding) },
			func() error { return b.store.RemoveIdentity(b.ctx(), removal) },
			func() error { _, err := b.store.EndProviderSessions(b.ctx(), bySID); return err },
			func() error { _, err := b.store.EndProviderSessions(b.ctx(), bySubject); return err },
			func() error {
				_, err := b.store.UpdateUser(b.ctx(), u.ID, sallyport.UserChange{Email: ptr(name + "@example.net"), IsActive: ptr(false)}, b.now, sallyport.Event{})
				return err
			},
			func() error {
				return b.store.SetPassword(b.ctx(), sallyport.PasswordChange{UserID: u.ID, Hash: "new", Keep: from.ID, At: b.now})
			},
			func() error {
				_, err := b.store.EndSessions(b.ctx(), sallyport.SessionEnd{User: u.ID, Reason: sallyport.EndedByAll, At: b.now})
				return err
			},
			func() error { return b.store.DeleteUser(b.ctx(), u.ID, b.now, sallyport.Event{}) },
		}
		for i, err := range atOnce(len(calls), func(i int) error { return calls[i]() }) {
			refused := errors.Is(err, sallyport.ErrChanged) || errors.Is(err, sallyport.ErrNotFound) || errors.Is(err, sallyport.ErrIdentityTaken)
			if err != nil && !refused {
				b.Errorf("call %d of round %d = %v", i, round, err)
			}
		}
		b.wantIdentities(u)
	}
}
