package proof

import (
	"database/sql"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
)

const correct = "correct horse battery staple"

// crowd is everybody who uses a server while it is killed.
type crowd struct {
	*testing.T
	browsers []*browser
	visitor  string // a user who signs in and off, again and again
	client   *http.Client

	acknowledged, unanswered atomic.Int64
	successors               sync.Map // the text of every refresh token that was given, by what it names

	mu     sync.Mutex
	visits []visit
}

// visit is a sign-in that was acknowledged, and an ending that was, or was not asked for.
type visit struct {
	*browser
	ended bool
}

// use has everybody go on, with as many tabs each, until the server is gone.
func (c *crowd) use(p *server, tabs int) *sync.WaitGroup {
	var loops sync.WaitGroup
	for _, b := range c.browsers {
		for range tabs {
			loops.Go(func() { c.refresh(p, b) })
		}
	}
	loops.Go(func() { c.comeAndGo(p) })
	return &loops
}

func (c *crowd) refresh(p *server, b *browser) {
	for {
		a, err := b.refreshAt(p.url)
		switch {
		case err != nil:
			c.unanswered.Add(1)
			return
		case a.status != 200:
			c.Errorf("refresh = %v", a)
			return
		}
		c.acknowledged.Add(1)
		c.checkSuccessor(a)
	}
}

// checkSuccessor notes the token of an answer: a generation of a session has one text, and is newer than what it was
// given for.
func (c *crowd) checkSuccessor(a answer) {
	was, is := placeOf(c.T, a.sent), placeOf(c.T, a.refresh)
	if is.session != was.session || is.generation <= was.generation {
		c.Errorf("generation %d was answered with generation %d", was.generation, is.generation)
	}
	if other, known := c.successors.LoadOrStore(is, a.refresh); known && other != a.refresh {
		c.Errorf("generation %d has had two texts", is.generation)
	}
}

func (c *crowd) comeAndGo(p *server) {
	for n := 0; ; n++ {
		v := visit{browser: &browser{client: c.client}}
		if a, err := v.signIn(p.url, c.visitor, correct); err != nil {
			return
		} else if a.status != 200 {
			c.Errorf("sign-in = %v", a)
			return
		}
		if v.ended = n%2 == 0; v.ended {
			if a, err := v.logoff(p.url, "this"); err != nil {
				return // whether it has ended is not known
			} else if a.status != 200 {
				c.Errorf("logoff = %v", a)
				return
			}
		}
		c.mu.Lock()
		c.visits = append(c.visits, v)
		c.mu.Unlock()
	}
}

func (c *crowd) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.visits)
}

// check has everybody present what they hold.
func (c *crowd) check(p *server, visits []visit) {
	for _, b := range c.browsers {
		if a, err := b.refreshAt(p.url); err != nil || a.status != 200 {
			c.Errorf("after the kill a browser gets %v, %v", a, err)
		} else {
			c.checkSuccessor(a)
		}
	}
	for _, v := range visits {
		a, err := v.refreshAt(p.url)
		switch {
		case err != nil:
			c.Error(err)
		case v.ended && a.code != "session_revoked":
			c.Errorf("an acknowledged ending is lost: refresh = %v", a)
		case !v.ended && a.status != 200:
			c.Errorf("an acknowledged sign-in is lost: refresh = %v", a)
		}
	}
}

// TestKillInARefreshLoop kills the server at any instant of many refreshes, sign-ins and logoffs, starts it again, and has
// everybody go on with what they hold: nobody is signed out, no ended session is alive, and each generation has had one
// successor (P1).
func TestKillInARefreshLoop(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) *site{
		"sqlite":   func(t *testing.T) *site { return newSite(t, "sqlite") },
		"postgres": func(t *testing.T) *site { return durable(t, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			r, s := drawn(t), open(t)
			s.environ = []string{"SALLYPORT_LIMITS_SESSION=1000000/1m"} // the loops refresh as fast as they can
			p := s.start()
			c := &crowd{T: t, browsers: signedIn(t, s, p, 6), visitor: s.users(1, correct, cheap)[0], client: newClient()}
			rounds, seen := often(12, 100), 0
			for round := range rounds {
				loops := c.use(p, 1+round%2)
				if round%2 == 1 { // not too early to say anything, however slow the machine is
					eventually(t, "a visit that is acknowledged", 20*time.Second, func() bool { return c.count() > seen })
				}
				time.Sleep(time.Duration(20_000+r.IntN(130_000)) * time.Microsecond)
				p.kill()
				loops.Wait()
				p = s.start()
				c.check(p, c.visits[seen:])
				if seen = len(c.visits); t.Failed() {
					t.Fatalf("in round %d", round)
				}
			}
			c.check(p, slices.DeleteFunc(slices.Clone(c.visits), func(v visit) bool { return !v.ended }))
			t.Logf("%d kills, %d acknowledged refreshes, %d without an answer, %d acknowledged visits",
				rounds, c.acknowledged.Load(), c.unanswered.Load(), len(c.visits))
			if c.acknowledged.Load() == 0 || len(c.visits) == 0 {
				t.Error("nothing was acknowledged: the kills came too early to say anything")
			}
		})
	}
}

// TestKillOfTheDatabase kills every process of PostgreSQL while people sign in, refresh and log off, where the server's
// default is not to wait for the disk: no sign-in and no ending that was acknowledged is lost (P10).
func TestKillOfTheDatabase(t *testing.T) {
	r := drawn(t)
	s := durable(t, map[string]string{"synchronous_commit": "off", "wal_writer_delay": "10s"})
	s.environ = []string{"SALLYPORT_LIMITS_SESSION=1000000/1m"}
	p := s.start()
	names := s.users(4, correct, cheap)
	client := newClient()
	s.open().SetMaxIdleConns(0) // none survives a kill
	acknowledged, advances, forgotten := 0, 0, 0
	rounds := often(4, 30)
	for round := range rounds {
		var mu sync.Mutex
		var all []visit
		var stopped atomic.Bool
		var loops sync.WaitGroup
		for i, name := range names {
			loops.Go(func() {
				for n := 0; !stopped.Load(); n++ {
					v := visit{browser: &browser{client: client}}
					a, err := v.signIn(p.url, name, correct)
					if err != nil || a.status != 200 {
						continue // the database is gone
					}
					v.refreshAt(p.url) // its answer may be lost
					if (n+i)%2 == 0 {
						if a, err := v.logoff(p.url, "this"); err != nil || a.status != 200 {
							continue // neither is known
						}
						v.ended = true
					}
					mu.Lock()
					all = append(all, v)
					mu.Unlock()
				}
			})
		}
		time.Sleep(300*time.Millisecond + time.Duration(r.IntN(200_000))*time.Microsecond)
		s.cluster.Kill(t)
		stopped.Store(true)
		loops.Wait()
		s.cluster.Start(t)
		eventually(t, "readiness", 20*time.Second, func() bool { return ready(p) })
		var stored int
		if err := s.open().QueryRow("select count(*) from sessions where gen > 0 and ended_at is null").Scan(&stored); err != nil {
			t.Fatal(err)
		}
		held := 0
		for _, v := range all {
			if !v.ended && placeOf(t, v.refresh).generation > 1 {
				held++
			}
		}
		advances, forgotten = advances+held, forgotten+max(0, held-stored)
		for _, v := range all {
			a, err := v.refreshAt(p.url)
			switch {
			case err != nil:
				t.Fatalf("round %d: %v", round, err)
			case v.ended && a.code != "session_revoked":
				t.Errorf("round %d: an acknowledged ending is lost: refresh = %v", round, a)
			case !v.ended && a.status != 200:
				t.Errorf("round %d: an acknowledged sign-in is lost: refresh = %v", round, a)
			}
		}
		acknowledged += len(all)
		if _, err := s.open().Exec("delete from sessions"); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d kills of the database, %d acknowledged sessions, none lost; of %d advances %d were forgotten, and caught up with",
		rounds, acknowledged, advances, forgotten)
}

// TestSO_05_KillDuringAnEndingOfAll kills the server in the middle of a logoff of everything for a user with 10,000
// sessions: all of them have ended or none, and all if the answer was seen (P3).
func TestSO_05_KillDuringAnEndingOfAll(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			r, s := drawn(t), newSite(t, database)
			u := newHolder(t, s)
			// How long it takes decides when it may be killed.
			p := s.start()
			u.fill()
			took := u.signIn(p).endAll(p).took
			p.kill()
			none, whole, seen := 0, 0, 0
			rounds := often(3, 60)
			for round := range rounds {
				p := s.start()
				u.reopen().signIn(p)
				before := u.live()
				answered := make(chan bool, 1)
				go func() {
					a, err := u.browser.logoff(p.url, "all")
					answered <- err == nil && a.status == 200
				}()
				time.Sleep(time.Duration(r.Int64N(int64(2 * took))))
				p.kill()
				ok := <-answered
				after := u.settled()
				switch {
				case ok && after != 0:
					t.Fatalf("round %d: 200, and %d of %d sessions live", round, after, before)
				case after != 0 && after != before:
					t.Fatalf("round %d: %d of %d sessions live: neither all nor none", round, after, before)
				case after == 0:
					whole++
				default:
					none++
				}
				if ok {
					seen++
				}
			}
			t.Logf("%d kills within %v: nothing had ended %d times, everything %d times, %d of them answered", rounds, 2*took, none, whole, seen)
		})
	}
}

// holder is a user with very many sessions.
type holder struct {
	*testing.T
	db      *sql.DB
	store   sallyport.Store
	name    string
	id      sallyport.ID
	version int64 // of the credential
	browser *browser
}

const sessionsOfHolder = 10_000

func newHolder(t *testing.T, s *site) *holder {
	t.Helper()
	u := &holder{T: t, db: s.open(), store: s.store(), name: s.users(1, correct, cheap)[0], browser: newBrowser()}
	user, credential, err := u.store.UserByName(t.Context(), u.name, "")
	if err != nil {
		t.Fatal(err)
	}
	u.id, u.version = user.ID, credential.Version
	return u
}

// live is the number of live sessions.
func (u *holder) live() int {
	u.Helper()
	all, err := u.store.Sessions(u.Context(), sallyport.SessionQuery{User: u.id, At: time.Now(), Limit: 2 * sessionsOfHolder})
	if err != nil {
		u.Fatal(err)
	}
	return len(all)
}

// settled is live, once no transaction whose client is gone is still running in the database.
func (u *holder) settled() (live int) {
	u.Helper()
	eventually(u.T, "an end of the transaction", 10*time.Second, func() bool {
		first := u.live()
		time.Sleep(50 * time.Millisecond)
		live = u.live()
		return first == live
	})
	return live
}

// fill starts the sessions.
func (u *holder) fill() {
	u.Helper()
	var adding sync.WaitGroup
	var added atomic.Int64
	for range 8 { // more would wait for the lock on their one user, on a slow machine too long
		adding.Go(func() {
			for added.Add(1) <= sessionsOfHolder {
				now := time.Now()
				if err := u.store.StartSession(u.Context(), sallyport.SessionStart{CredentialVersion: u.version, Session: sallyport.Session{
					ID: sallyport.NewID(now), UserID: u.id, CreatedAt: now, LastUsedAt: now, IdleEnd: now.Add(time.Hour), AbsoluteEnd: now.Add(time.Hour),
				}}); err != nil {
					u.Error(err)
					return
				}
			}
		})
	}
	adding.Wait()
}

// reopen undoes the endings.
func (u *holder) reopen() *holder {
	u.Helper()
	if _, err := u.db.ExecContext(u.Context(), "update sessions set ended_at = null, ended_reason = '' where ended_at is not null"); err != nil {
		u.Fatal(err)
	}
	return u
}

func (u *holder) signIn(p *server) *holder {
	u.Helper()
	if a, err := u.browser.signIn(p.url, u.name, correct); err != nil || a.status != 200 {
		u.Fatalf("sign-in = %v, %v", a, err)
	}
	return u
}

// endAll logs off everything.
func (u *holder) endAll(p *server) answer {
	u.Helper()
	a, err := u.browser.logoff(p.url, "all")
	if err != nil || a.status != 200 || u.live() != 0 {
		u.Fatalf("logoff = %v, %v, and %d sessions live", a, err, u.live())
	}
	return a
}

// The server must end by the signal that a test sends, or it has not been killed at all.
func TestKillIsAKill(t *testing.T) {
	p := newSite(t, "sqlite").start()
	p.kill()
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("the server ended with %v", p.cmd.ProcessState)
	}
}
