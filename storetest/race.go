package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// raceCases are the races that must come out right.
func raceCases() []testCase {
	return []testCase{
		{"64 presentations of one generation at once have one successor", oneSuccessor},
		{"50 first exchanges of one identity at once make one user", oneUser},
		{"20 exchanges of one token at once: one goes through", oneExchange},
		{"20 users of one name at once: one is added", oneName},
		{"16 sign-ins of one user at once leave MaxSessions sessions", surplusAtOnce},
		{"8 instances at once make one first signing key", oneKey},
		{"an ending that was answered is not outlived by a refresh under way", endingWins},
		{"a sign-in under the old password does not outlive its change", passwordWins},
	}
}

// atOnce runs n calls that begin together and returns their errors.
func atOnce(n int, call func(i int) error) []error {
	errs := make([]error, n)
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			errs[i] = call(i)
		})
	}
	done.Wait()
	return errs
}

// wantOne checks that one of the calls has succeeded and the others failed with one of refusals.
func (b *bench) wantOne(errs []error, refusals ...error) {
	b.Helper()
	passed := 0
	for _, err := range errs {
		if err == nil {
			passed++
			continue
		}
		known := false
		for _, refusal := range refusals {
			known = known || errors.Is(err, refusal)
		}
		if !known {
			b.Errorf("a call that lost = %v, want one of %v", err, refusals)
		}
	}
	if passed != 1 {
		b.Errorf("%d of %d calls went through, want 1", passed, len(errs))
	}
}

func oneSuccessor(b *bench) {
	s := b.start(b.addUser("alice"))
	for n := int64(1); n <= 20; n++ {
		outcomes := make([]sallyport.RefreshOutcome, 64)
		errs := atOnce(len(outcomes), func(i int) (err error) {
			outcomes[i], err = b.store.Refresh(b.ctx(), b.step(s, n))
			return err
		})
		advances := 0
		for i, outcome := range outcomes {
			b.wantError("Refresh()", errs[i], nil)
			switch {
			case outcome.Generation != n:
				b.Errorf("Refresh(%d) gives generation %d", n, outcome.Generation)
			case outcome.Rule == sallyport.RuleAdvance:
				advances++
			case outcome.Rule != sallyport.RuleRetry:
				b.Errorf("Refresh(%d).Rule = %d, want an advance or a retry", n, outcome.Rule)
			}
		}
		if advances != 1 {
			b.Errorf("generation %d advanced %d times, want 1", n, advances)
		}
	}
}

func oneUser(b *bench) {
	errs := atOnce(50, func(i int) error {
		return b.store.StartSession(b.ctx(), b.firstExchange(b.newUser(fmt.Sprintf("alice %d", i%25), ""), "1"))
	})
	b.wantOne(errs, sallyport.ErrChanged, sallyport.ErrNameTaken, sallyport.ErrEmailTaken)
	users, err := b.store.Users(b.ctx(), sallyport.ID{}, 100)
	b.wantError("Users()", err, nil)
	if len(users) != 1 {
		b.Errorf("%d users were made, want 1", len(users))
	}
}

func oneExchange(b *bench) {
	u := b.addUser("alice")
	errs := atOnce(20, func(int) error { return b.store.StartSession(b.ctx(), b.exchange(u, "token")) })
	b.wantOne(errs, sallyport.ErrReplayed)
}

func surplusAtOnce(b *bench) {
	for _, limit := range []int{1, 3} {
		u := b.addUser(fmt.Sprint("alice ", limit))
		version := b.version(u)
		for _, err := range atOnce(16, func(int) error {
			return b.store.StartSession(b.ctx(), sallyport.SessionStart{Session: b.newSession(u.ID), CredentialVersion: version, MaxSessions: limit})
		}) {
			b.wantError("StartSession()", err, nil)
		}
		live, err := b.store.Sessions(b.ctx(), sallyport.SessionQuery{User: u.ID, At: b.now, Limit: 100})
		b.wantError("Sessions()", err, nil)
		if len(live) != limit {
			b.Errorf("%d sessions live, want %d", len(live), limit)
		}
	}
}

func oneName(b *bench) {
	spellings := []string{"zoë@example.org", "ZOë@Example.org", "zoë@EXAMPLE.org"}
	errs := atOnce(20, func(i int) error {
		u := b.newUser(spellings[i%3], "")
		if i%2 == 1 {
			u = b.newUser(fmt.Sprintf("user %d", i), spellings[i%3])
		}
		return b.store.CreateUser(b.ctx(), u, "", sallyport.Event{})
	})
	b.wantOne(errs, sallyport.ErrNameTaken, sallyport.ErrEmailTaken)
}

func oneKey(b *bench) {
	errs := atOnce(8, func(i int) error {
		return b.store.AddSigningKey(b.ctx(), key(fmt.Sprint(i), b.now.Add(time.Duration(i)*time.Second)), "", sallyport.Event{})
	})
	b.wantOne(errs, sallyport.ErrChanged)
}

func endingWins(b *bench) {
	u := b.addUser("alice")
	for range 20 {
		s := b.start(u)
		ended := make(chan struct{})
		errs := atOnce(17, func(i int) error {
			if i == 0 {
				defer close(ended)
				_, err := b.store.EndSessions(b.ctx(), sallyport.SessionEnd{User: u.ID, Reason: sallyport.EndedByAll, At: b.now})
				return err
			}
			for {
				after := false
				select {
				case <-ended:
					after = true
				default:
				}
				outcome, err := b.store.Refresh(b.ctx(), b.step(s, 1)) // an advance, and then retries
				switch {
				case err != nil:
					return err
				case outcome.Rule == sallyport.RuleRefused:
					return nil
				case after:
					return fmt.Errorf("rule %d fired after the end", outcome.Rule)
				}
			}
		})
		b.wantError("a refresh or the ending", errors.Join(errs...), nil)
		b.wantEnded(s, sallyport.EndedByAll)
	}
}

func passwordWins(b *bench) {
	u := b.addUser("alice")
	for range 20 {
		version := b.version(u)
		sessions := make([]sallyport.Session, 8)
		errs := atOnce(len(sessions)+1, func(i int) error {
			if i == len(sessions) {
				return b.store.SetPassword(b.ctx(), sallyport.PasswordChange{UserID: u.ID, Hash: "new", Keep: sallyport.ID{}, At: b.now})
			}
			sessions[i] = b.newSession(u.ID)
			err := b.store.StartSession(b.ctx(), sallyport.SessionStart{Session: sessions[i], CredentialVersion: version})
			if errors.Is(err, sallyport.ErrChanged) {
				sessions[i] = sallyport.Session{}
				return nil
			}
			return err
		})
		b.wantError("a sign-in or the change", errors.Join(errs...), nil)
		for _, s := range sessions {
			if !s.ID.IsZero() {
				b.wantEnded(s, sallyport.EndedByPassword)
			}
		}
	}
}
