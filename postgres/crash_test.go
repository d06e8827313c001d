package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/sqlstore"
	"github.com/sallyport-auth/sallyport/internal/testpg"
)

const (
	crashRounds  = 5
	crashWorkers = 8
)

var crashNoon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// P10: the server is killed under load, and whatever sign-in or ending was acknowledged is there afterwards,
// although the server's default is to forget: synchronous_commit is off, and the log is written late.
func TestCrashKeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	known, lost := crash(t, commitDurable)
	t.Logf("%d sessions were acknowledged over %d kills", known, crashRounds)
	for _, what := range lost {
		t.Error(what)
	}
}

// A durable pool that took the server's default would lose some: the test above would notice.
func TestCrashWithoutDurability(t *testing.T) {
	t.Parallel()
	if known, lost := crash(t, commitFast); len(lost) == 0 {
		t.Errorf("none of %d acknowledged sessions was lost, want some", known)
	}
}

// acknowledged is what the store has said of a session.
type acknowledged struct {
	generation int64
	ended      sallyport.EndReason
}

// crash works on a server until that is killed, several times over, in one store whose durable pool has that
// synchronous_commit. It returns how many sessions there are, and what was acknowledged of them and is not so.
func crash(t *testing.T, synchronousCommit string) (sessions int, lost []string) {
	t.Helper()
	cluster := testpg.Start(t, testpg.Options{Durable: true, Settings: map[string]string{"synchronous_commit": "off", "wal_writer_delay": "10s"}})
	dsn := cluster.DSN("postgres")
	if _, err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	s := mustParse(t, dsn)
	db := newDatabase(s)
	if err := db.durable.db.Close(); err != nil {
		t.Fatal(err)
	}
	db.durable = newPool(s.withSetup(sessionSettings(s.config.RuntimeParams, synchronousCommit)), cap(db.durable.slots), sqlstore.Writes())
	store := sqlstore.New(db)
	defer func() {
		if err := store.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	}()
	known := map[sallyport.ID]*acknowledged{}
	for round := range crashRounds {
		w := &crashWork{store: store, known: known, enough: make(chan struct{}), left: 100 + 80*round}
		w.untilKilled(t, func() { cluster.Kill(t) })
		cluster.Start(t)
		lost = append(lost, checkAcknowledged(t, store, known)...)
	}
	return len(known), lost
}

// crashWork is the load of one round.
type crashWork struct {
	store  sallyport.Store
	mu     sync.Mutex
	known  map[sallyport.ID]*acknowledged
	left   int           // acknowledgements until it is enough
	enough chan struct{} // closed then
}

// untilKilled signs in, refreshes and logs off, several sessions at once, kills the server after so many
// answers and waits until nobody works any more.
func (w *crashWork) untilKilled(t *testing.T, kill func()) {
	var working sync.WaitGroup
	for range crashWorkers {
		working.Go(func() {
			for {
				err := w.session()
				if errors.Is(err, sallyport.ErrStoreUnavailable) {
					return
				}
				if err != nil {
					t.Errorf("under load: %v", err)
					return
				}
			}
		})
	}
	<-w.enough
	kill()
	working.Wait()
}

// session is one session from its start, to its end for some.
func (w *crashWork) session() error {
	ctx := context.Background()
	u := sallyport.User{ID: sallyport.NewID(crashNoon), Username: sallyport.NewID(crashNoon).String(), IsActive: true, CreatedAt: crashNoon, UpdatedAt: crashNoon}
	s := sallyport.Session{ID: sallyport.NewID(crashNoon), UserID: u.ID, CreatedAt: crashNoon, LastUsedAt: crashNoon,
		IdleEnd: crashNoon.Add(time.Hour), AbsoluteEnd: crashNoon.Add(2 * time.Hour)}
	if err := w.store.StartSession(ctx, sallyport.SessionStart{Session: s, NewUser: &u}); err != nil {
		return err
	}
	w.note(s.ID, 0, "")
	for n := int64(1); n <= 5; n++ {
		if _, err := w.store.Refresh(ctx, crashStep(s.ID, n, crashNoon)); err != nil {
			return err
		}
		w.note(s.ID, n, "")
	}
	switch s.ID[15] % 3 {
	case 0:
		end := sallyport.SessionEnd{Session: s.ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: crashNoon}
		if _, err := w.store.EndSessions(ctx, end); err != nil {
			return err
		}
		w.note(s.ID, 5, sallyport.EndedByLogoff)
	case 1: // rule 5: the one recovery, and long after it an older generation
		if _, err := w.store.Refresh(ctx, crashStep(s.ID, 5, crashNoon.Add(time.Minute))); err != nil {
			return err
		}
		outcome, err := w.store.Refresh(ctx, crashStep(s.ID, 4, crashNoon.Add(2*time.Minute)))
		if err != nil {
			return err
		}
		if outcome.Rule != sallyport.RuleReuse {
			return fmt.Errorf("Refresh(4).Rule = %v, want %v", outcome.Rule, sallyport.RuleReuse)
		}
		w.note(s.ID, 6, sallyport.EndedByReuse)
	}
	return nil
}

func crashStep(id sallyport.ID, n int64, at time.Time) sallyport.RefreshStep {
	return sallyport.RefreshStep{SessionID: id, Generation: n, At: at, RetryWindow: 10 * time.Second, IdleTTL: time.Hour,
		MaxAdvances: 1_000_000, AdvancePeriod: time.Minute}
}

func (w *crashWork) note(id sallyport.ID, generation int64, ended sallyport.EndReason) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known[id] = &acknowledged{generation, ended}
	if w.left--; w.left == 0 {
		close(w.enough)
	}
}

// checkAcknowledged looks for every answer that was given. What is lost is told once.
func checkAcknowledged(t *testing.T, store sallyport.Store, known map[sallyport.ID]*acknowledged) (lost []string) {
	t.Helper()
	for id, a := range known {
		s, _, err := store.Session(t.Context(), id)
		switch {
		case errors.Is(err, sallyport.ErrNotFound):
			lost = append(lost, fmt.Sprintf("an acknowledged sign-in, of generation %d, is lost", a.generation))
			delete(known, id)
		case err != nil:
			t.Fatalf("Session() = %v", err)
		case a.ended != "" && s.EndReason != a.ended:
			lost = append(lost, fmt.Sprintf("an acknowledged ending by %q is lost", a.ended))
			delete(known, id)
		case s.EndReason == "":
			// Whatever was under way, and however many advances were forgotten, the newest token that the client can
			// hold is good.
			at := s.LastUsedAt.Add(time.Second)
			outcome, err := store.Refresh(t.Context(), crashStep(id, a.generation+1, at))
			if err != nil || outcome.Generation < a.generation+1 {
				t.Errorf("Refresh(%d) = rule %v, generation %d, %v", a.generation+1, outcome.Rule, outcome.Generation, err)
			}
			a.generation = max(a.generation, outcome.Generation)
		}
	}
	return lost
}
