package proof

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// TestKillInARefreshLoop kills the server at any instant of many refreshes, starts it again, and has every browser go on
// with what it holds: nobody is signed out, no ended session is alive, and each generation has had one successor.
func TestKillInARefreshLoop(t *testing.T) {
	for name, s := range map[string]func(t *testing.T) *site{
		"sqlite":   func(t *testing.T) *site { return newSite(t, "sqlite") },
		"postgres": func(t *testing.T) *site { return durable(t, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			r, s := drawn(t), s(t)
			s.environ = []string{"SALLYPORT_LIMITS_SESSION=1000000/1m"} // the loops refresh as fast as they can
			p := s.start()
			browsers := signedIn(t, s, p, 6)
			var acknowledged, unanswered atomic.Int64
			var successors sync.Map // of a token, by the token
			rounds := often(12, 100)
			for round := range rounds {
				var loops sync.WaitGroup
				for _, b := range browsers {
					loops.Go(func() {
						for {
							before := b.refresh
							a, err := b.refreshAt(p.url)
							if err != nil {
								unanswered.Add(1)
								return
							}
							if a.status != 200 {
								t.Errorf("round %d: refresh = %v", round, a)
								return
							}
							acknowledged.Add(1)
							if other, known := successors.LoadOrStore(before, a.refresh); known && other != a.refresh {
								t.Errorf("round %d: one token has had two successors", round)
							}
						}
					})
				}
				time.Sleep(time.Duration(r.IntN(60_000)) * time.Microsecond)
				p.kill()
				loops.Wait()
				ended := endOne(t, s, round)
				p = s.start()
				for _, b := range browsers {
					if a, err := b.refreshAt(p.url); err != nil || a.status != 200 {
						t.Fatalf("round %d: after the restart a browser gets %v, %v", round, a, err)
					}
				}
				if a, err := ended.refreshAt(p.url); err != nil || a.code != "session_revoked" {
					t.Fatalf("round %d: an ended session gets %v, %v", round, a, err)
				}
				if t.Failed() {
					return
				}
			}
			t.Logf("%d kills, %d acknowledged refreshes, %d without an answer", rounds, acknowledged.Load(), unanswered.Load())
		})
	}
}

// endOne starts a server, signs somebody in and off, and kills it right after the answer.
func endOne(t *testing.T, s *site, round int) *browser {
	t.Helper()
	p := s.start()
	b := signedIn(t, s, p, 1)[0]
	if a, err := b.logoff(p.url, "this"); err != nil || a.status != 200 {
		t.Fatalf("round %d: logoff = %v, %v", round, a, err)
	}
	p.kill()
	return b
}

// TestKillOfTheDatabase kills every process of PostgreSQL while people sign in, refresh and log off, where the server's
// default is not to wait for the disk: no sign-in and no ending that was acknowledged is lost.
func TestKillOfTheDatabase(t *testing.T) {
	r := drawn(t)
	s := durable(t, map[string]string{"synchronous_commit": "off", "wal_writer_delay": "10s"})
	p := s.start()
	const pw = "correct horse battery staple"
	names := s.users(4, pw, cheap)
	acknowledged := 0
	rounds := often(4, 30)
	for round := range rounds {
		type ended struct {
			b   *browser
			off bool
		}
		var mu sync.Mutex
		var all []ended
		var stopped atomic.Bool
		var loops sync.WaitGroup
		for i, name := range names {
			loops.Go(func() {
				for n := 0; !stopped.Load(); n++ {
					b := newBrowser()
					a, err := b.signIn(p.url, name, pw)
					if err != nil || a.status != 200 {
						continue // the database is gone
					}
					b.refreshAt(p.url) // its answer may be lost
					e := ended{b: b}
					if (n+i)%2 == 0 {
						if a, err := b.logoff(p.url, "this"); err != nil || a.status != 200 {
							continue // neither is known
						}
						e.off = true
					}
					mu.Lock()
					all = append(all, e)
					mu.Unlock()
				}
			})
		}
		time.Sleep(300*time.Millisecond + time.Duration(r.IntN(200_000))*time.Microsecond)
		s.cluster.Kill(t)
		stopped.Store(true)
		loops.Wait()
		s.cluster.Start(t)
		eventually(t, "readiness", 20*time.Second, func() bool { status, _ := get(newClient(), p.admin+"/readyz"); return status == 200 })
		for _, e := range all {
			a, err := e.b.refreshAt(p.url)
			switch {
			case err != nil:
				t.Fatalf("round %d: %v", round, err)
			case e.off && a.code != "session_revoked":
				t.Errorf("round %d: an acknowledged ending is lost: refresh = %v", round, a)
			case !e.off && a.status != 200:
				t.Errorf("round %d: an acknowledged sign-in is lost: refresh = %v", round, a)
			}
		}
		acknowledged += len(all)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d kills of the database, %d acknowledged sessions, none lost", rounds, acknowledged)
}

// TestSO_05_KillDuringAnEndingOfAll kills the server in the middle of a logoff of everything for a user with 10,000
// sessions: all of them have ended or none, and all if the answer was seen.
func TestSO_05_KillDuringAnEndingOfAll(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			r, s := drawn(t), newSite(t, database)
			store := s.store()
			const pw = "correct horse battery staple"
			name := s.users(1, pw, cheap)[0]
			user, credential, err := store.UserByName(t.Context(), name, "")
			if err != nil {
				t.Fatal(err)
			}
			const sessions = 10_000
			live := func() int {
				all, err := store.Sessions(t.Context(), sallyport.SessionQuery{User: user.ID, At: time.Now(), Limit: 2 * sessions})
				if err != nil {
					t.Fatal(err)
				}
				return len(all)
			}
			whole, seen := 0, 0
			rounds := often(3, 40)
			for round := range rounds {
				fill(t, store, user.ID, credential.Version, sessions-live())
				p := s.start()
				b := newBrowser()
				if a, err := b.signIn(p.url, name, pw); err != nil || a.status != 200 {
					t.Fatalf("sign-in = %v, %v", a, err)
				}
				before := live()
				answered := make(chan bool, 1)
				go func() {
					a, err := b.logoff(p.url, "all")
					answered <- err == nil && a.status == 200
				}()
				time.Sleep(time.Duration(r.IntN(60_000)) * time.Microsecond)
				p.kill()
				ok := <-answered
				// A transaction whose client is gone may still be running in the database.
				var after int
				eventually(t, "an end of the transaction", 10*time.Second, func() bool {
					first := live()
					time.Sleep(50 * time.Millisecond)
					after = live()
					return first == after
				})
				switch {
				case ok && after != 0:
					t.Fatalf("round %d: 200, and %d of %d sessions live", round, after, before)
				case after != 0 && after != before:
					t.Fatalf("round %d: %d of %d sessions live: neither all nor none", round, after, before)
				case after == 0:
					whole++
				}
				if ok {
					seen++
				}
			}
			t.Logf("%d kills: ended whole %d times, %d of them answered", rounds, whole, seen)
		})
	}
}

// fill starts so many sessions of a user.
func fill(t *testing.T, store sallyport.Store, user sallyport.ID, version int64, sessions int) {
	t.Helper()
	var adding sync.WaitGroup
	var added atomic.Int64
	for range 64 { // of which a commit takes as many as wait
		adding.Go(func() {
			for added.Add(1) <= int64(sessions) {
				now := time.Now()
				if err := store.StartSession(t.Context(), sallyport.SessionStart{CredentialVersion: version, Session: sallyport.Session{
					ID: sallyport.NewID(now), UserID: user, CreatedAt: now, LastUsedAt: now, IdleEnd: now.Add(time.Hour), AbsoluteEnd: now.Add(time.Hour),
				}}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	adding.Wait()
}
