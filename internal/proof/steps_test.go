package proof

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/sqlstore"
)

// failing is a database whose nth statement of a step fails.
type failing struct {
	sqlstore.Database
	left     *int // statements until the one that fails; none does when it is negative
	injected *bool
}

var errInjected = errors.New("injected fault")

func (f failing) Write(ctx context.Context, op string, fn sqlstore.Step) error {
	return f.Database.Write(ctx, op, f.step(fn))
}

func (f failing) Single(ctx context.Context, op string, fn sqlstore.Step) error {
	return f.Database.Single(ctx, op, f.step(fn))
}

func (f failing) step(fn sqlstore.Step) sqlstore.Step {
	return func(ctx context.Context, q sqlstore.Queries) error { return fn(ctx, failingQueries{q, f}) }
}

type failingQueries struct {
	sqlstore.Queries
	failing
}

func (q failingQueries) fails() bool {
	*q.left--
	if *q.left == 0 {
		*q.injected = true
	}
	return *q.left == 0
}

func (q failingQueries) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	if q.fails() {
		return 0, errInjected
	}
	return q.Queries.Exec(ctx, statement, args...)
}

func (q failingQueries) Query(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	if q.fails() {
		return nil, errInjected
	}
	return q.Queries.Query(ctx, statement, args...)
}

// open opens the database without the store.
func (s *site) open() *sql.DB {
	s.t.Helper()
	if s.db == nil {
		driver, source := "pgx", s.url
		if file, isSQLite := strings.CutPrefix(s.url, "sqlite:"); isSQLite {
			driver, source = "sqlite", "file:"+file
		}
		var err error
		if s.db, err = sql.Open(driver, source); err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { s.db.Close() })
	}
	return s.db
}

// content is every row of every table.
func (s *site) content() map[string][]string {
	s.t.Helper()
	db := s.open()
	all := map[string][]string{}
	for _, table := range sqlstore.Tables() {
		rows, err := db.Query("select * from " + table + " order by 1, 2")
		if err != nil {
			s.t.Fatal(err)
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			values, places := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				places[i] = &values[i]
			}
			if err := rows.Scan(places...); err != nil {
				s.t.Fatal(err)
			}
			all[table] = append(all[table], fmt.Sprintf("%x", values))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			s.t.Fatal(err)
		}
	}
	return all
}

// TestEveryStatementOfEveryStepFails lets the first statement of a step fail, then the second, and so on until one run has
// no fault: every run before that one leaves every table as it was.
func TestEveryStatementOfEveryStepFails(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			s := newSite(t, database)
			ctx, now := t.Context(), time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
			left, injected := -1, false
			whole := s.store()
			store := whole.(*sqlstore.Store).Around(func(db sqlstore.Database) sqlstore.Database { return failing{db, &left, &injected} })
			event := func(name string) sallyport.Event {
				return sallyport.Event{ID: sallyport.NewID(now), At: now, Name: name, Actor: "user"}
			}
			users := 0
			newUser := func() sallyport.User {
				users++
				return sallyport.User{
					ID: sallyport.NewID(now), Username: fmt.Sprint("user", users), Email: fmt.Sprintf("u%d@example.org", users), IsActive: true, CreatedAt: now, UpdatedAt: now,
				}
			}
			newSession := func(user sallyport.ID) sallyport.Session {
				return sallyport.Session{ID: sallyport.NewID(now), UserID: user, CreatedAt: now, LastUsedAt: now, IdleEnd: now.Add(time.Hour), AbsoluteEnd: now.Add(time.Hour)}
			}
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			added := func() sallyport.User {
				u := newUser()
				must(whole.CreateUser(ctx, u, "hash", sallyport.Event{}))
				return u
			}
			started := func(u sallyport.User) sallyport.Session {
				session := newSession(u.ID)
				must(whole.StartSession(ctx, sallyport.SessionStart{Session: session, CredentialVersion: 1}))
				return session
			}
			count := func(key string) {
				_, err := whole.Count(ctx, now, sallyport.Counter{Key: []byte(key), Limit: 9, Period: time.Hour})
				must(err)
			}
			step := func(session sallyport.ID, n int64, at time.Time) sallyport.RefreshStep {
				return sallyport.RefreshStep{
					SessionID: session, Generation: n, At: at, RetryWindow: 10 * time.Second, IdleTTL: time.Hour, MaxAdvances: 100, AdvancePeriod: time.Minute,
					IP: "192.0.2.1", Reused: event("refresh_reused"),
				}
			}
			key := func(id string) sallyport.StoredKey {
				return sallyport.StoredKey{KeyID: id, Algorithm: "ES256", Sealed: []byte(id), CreatedAt: now, SignsFrom: now}
			}
			newest := ""
			faults := 0
			for name, prepare := range map[string]func() func() error{
				"CreateUser": func() func() error {
					u := newUser()
					return func() error { return store.CreateUser(ctx, u, "hash", event("user_created")) }
				},
				"UpdateUser": func() func() error {
					u := added()
					started(u)
					username, active := u.Username+"x", false
					return func() error {
						_, err := store.UpdateUser(ctx, u.ID, sallyport.UserChange{Username: &username, IsActive: &active}, now.Add(time.Second), event("user_disabled"))
						return err
					}
				},
				"DeleteUser": func() func() error {
					u := added()
					started(u)
					return func() error { return store.DeleteUser(ctx, u.ID, now, event("user_deleted")) }
				},
				"SetPassword": func() func() error {
					u := added()
					keep := started(u)
					started(u)
					return func() error {
						return store.SetPassword(ctx, sallyport.PasswordChange{UserID: u.ID, Hash: "new", Version: 1, Keep: keep.ID, At: now, Event: event("password_changed")})
					}
				},
				"StartSession": func() func() error {
					u := newUser()
					old := started(added())
					count("undone" + u.Username)
					count("reset" + u.Username)
					replay := sha256.Sum256([]byte(u.Username))
					return func() error {
						return store.StartSession(ctx, sallyport.SessionStart{
							Session: newSession(u.ID), NewUser: &u, Mark: replay[:], MarkUntil: now.Add(time.Hour), Replaces: old.ID, Replaced: event("session_ended"),
							NewIdentity: &sallyport.Identity{ID: sallyport.NewID(now), UserID: u.ID, Provider: "p", Issuer: "https://idp.example", Subject: u.Username, CreatedAt: now},
							Address:     "192.0.2.1", Events: []sallyport.Event{event("user_created"), event("identity_linked")},
							Settle: sallyport.Settlement{Undo: [][]byte{[]byte("undone" + u.Username)}, Reset: [][]byte{[]byte("reset" + u.Username)}},
						})
					}
				},
				"Refresh, an advance": func() func() error {
					session := started(added())
					return func() error { _, err := store.Refresh(ctx, step(session.ID, 1, now.Add(time.Second))); return err }
				},
				"Refresh, a reuse": func() func() error {
					session := started(added())
					for n := int64(1); n <= 2; n++ {
						_, err := whole.Refresh(ctx, step(session.ID, n, now.Add(time.Duration(n)*time.Minute)))
						must(err)
					}
					return func() error { _, err := store.Refresh(ctx, step(session.ID, 1, now.Add(3*time.Minute))); return err }
				},
				"EndSessions": func() func() error {
					u := added()
					session := started(u)
					started(u)
					return func() error {
						_, err := store.EndSessions(ctx, sallyport.SessionEnd{Session: session.ID, Scope: sallyport.ScopeAll, Reason: sallyport.EndedByAll, At: now, Event: event("session_ended")})
						return err
					}
				},
				"EndAllSessions": func() func() error {
					started(added())
					return func() error {
						_, _, err := store.EndAllSessions(ctx, sallyport.SessionWalk{Limit: 1000, Reason: sallyport.EndedByAdmin, At: now, Event: event("session_ended")})
						return err
					}
				},
				"Count": func() func() error {
					return func() error {
						_, err := store.Count(ctx, now, sallyport.Counter{Key: []byte("one"), Limit: 1000, Period: time.Hour}, sallyport.Counter{Key: []byte("two"), Limit: 1000, Period: time.Hour})
						return err
					}
				},
				"Settle": func() func() error {
					count("settled")
					count("set")
					return func() error {
						return store.Settle(ctx, sallyport.Settlement{Undo: [][]byte{[]byte("settled")}, Reset: [][]byte{[]byte("set")}})
					}
				},
				"AddSigningKey": func() func() error {
					users++
					id := fmt.Sprint("key", users)
					return func() error {
						err := store.AddSigningKey(ctx, key(id), newest, event("key_published"))
						if err == nil {
							newest = id
						}
						return err
					}
				},
				"ReplaceSigningKeys": func() func() error {
					users++
					id := fmt.Sprint("key", users)
					return func() error {
						err := store.ReplaceSigningKeys(ctx, key(id), event("keys_replaced"))
						if err == nil {
							newest = id
						}
						return err
					}
				},
				"Sweep": func() func() error {
					started(added())
					count("swept")
					return func() error {
						later := now.Add(48 * time.Hour)
						_, err := store.Sweep(ctx, sallyport.Sweep{Limit: 1000, Now: later, SessionsBefore: later, EventsBefore: later, AddressesBefore: later})
						return err
					}
				},
			} {
				for n := 1; ; n++ {
					call := prepare()
					before := s.content()
					left, injected = n, false
					err := call()
					left = -1
					if !injected {
						if err != nil {
							t.Errorf("%s without a fault = %v", name, err)
						}
						break
					}
					faults++
					if !errors.Is(err, errInjected) {
						t.Errorf("%s, statement %d: %v, want the fault", name, n, err)
					}
					if diff := cmp.Diff(before, s.content()); diff != "" {
						t.Errorf("%s, statement %d: the step has left something behind (-before +after):\n%s", name, n, diff)
					}
				}
			}
			t.Logf("%d faults", faults)
		})
	}
}
