package postgres_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/testpg"
	"github.com/sallyport-auth/sallyport/postgres"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// TestImport moves a database from SQLite: whatever a store can be asked comes out the same, and a session goes on.
func TestImport(t *testing.T) {
	ctx, now := t.Context(), time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	path := filepath.Join(t.TempDir(), "app.db")
	from, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	const people = 2500 // more than two parts
	var sessions []sallyport.ID
	event := func(name string) sallyport.Event {
		return sallyport.Event{ID: sallyport.NewID(now), At: now, Name: name, Actor: "admin", Detail: "détail"}
	}
	for n := range people {
		u := sallyport.User{
			ID: sallyport.NewID(now), Username: fmt.Sprintf("üser %d", n), Email: fmt.Sprintf("u%d@example.org", n), EmailVerified: n%2 == 0, IsActive: true,
			Groups: []string{"staff"}, Attributes: map[string]any{"n": "x\u0000y"}, CreatedAt: now, UpdatedAt: now,
		}
		s := sallyport.Session{ID: sallyport.NewID(now), UserID: u.ID, CreatedAt: now, LastUsedAt: now, IdleEnd: now.Add(time.Hour), AbsoluteEnd: now.Add(time.Hour), IP: "::1"}
		if n%500 > 0 { // the rest is the same, and a commit each
			if err := from.CreateUser(ctx, u, "hash", event("user_created")); err != nil {
				t.Fatal(err)
			}
			continue
		}
		identity := sallyport.Identity{ID: sallyport.NewID(now), UserID: u.ID, Provider: "p", Issuer: "https://idp.example", Subject: fmt.Sprint(n), CreatedAt: now}
		s.IdentityID, s.Provider, s.ProviderSID = identity.ID, "p", "sid"
		sessions = append(sessions, s.ID)
		if err := from.StartSession(ctx, sallyport.SessionStart{
			Session: s, NewUser: &u, NewIdentity: &identity,
			Mark: []byte{byte(n >> 8), byte(n)}, MarkUntil: now.Add(time.Hour), Address: "192.0.2.1",
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		from.SetSecretCheck(ctx, nil, []byte{0, 255}),
		from.AddSigningKey(ctx, sallyport.StoredKey{KeyID: "k", Algorithm: "ES256", Sealed: []byte{0, 1, 255}, CreatedAt: now, SignsFrom: now}, "", event("key_published")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := from.Count(ctx, now, sallyport.Counter{Key: []byte("c"), Limit: 1, Period: time.Hour}); err != nil {
		t.Fatal(err)
	}

	dsn := testpg.Database(t)
	export := func(each func(string, []string, []any) error) error { return sqlite.Export(ctx, path, each) }
	if _, err := postgres.Import(ctx, dsn, export); !errors.Is(err, postgres.ErrSchema) {
		t.Errorf("Import() before Migrate() = %v, want %v", err, postgres.ErrSchema)
	}
	if _, err := postgres.Migrate(ctx, dsn); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("failed")
	if _, err := postgres.Import(ctx, dsn, func(each func(string, []string, []any) error) error {
		return errors.Join(export(each), failed)
	}); !errors.Is(err, failed) {
		t.Errorf("Import() = %v, want %v", err, failed)
	}
	imported, err := postgres.Import(ctx, dsn, export)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int64{}
	for _, i := range imported {
		rows[i.Table] = i.Rows
	}
	want := map[string]int64{
		"users": people, "login_names": 2 * people, "identities": 5, "known_addresses": 5, "sessions": 5, "replayed_tokens": 5,
		"counters": 1, "events": people - 5 + 1, "signing_keys": 1, "meta": 1,
	}
	if d := cmp.Diff(rows, want); d != "" {
		t.Errorf("Import() (-got +want):\n%s", d)
	}
	if _, err := postgres.Import(ctx, dsn, export); !errors.Is(err, postgres.ErrNotEmpty) {
		t.Errorf("Import() again = %v, want %v", err, postgres.ErrNotEmpty)
	}

	to, err := postgres.Open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { from.Close(); to.Close() })
	for name, ask := range map[string]func(sallyport.Store) (any, error){
		"Users": func(s sallyport.Store) (any, error) { return s.Users(ctx, sallyport.ID{}, people) },
		"Sessions": func(s sallyport.Store) (any, error) {
			return s.Sessions(ctx, sallyport.SessionQuery{At: now, Limit: 10})
		},
		"Events":      func(s sallyport.Store) (any, error) { return s.Events(ctx, sallyport.EventQuery{Limit: people}) },
		"SigningKeys": func(s sallyport.Store) (any, error) { return s.SigningKeys(ctx) },
		"SecretCheck": func(s sallyport.Store) (any, error) { return s.SecretCheck(ctx) },
		"UserByName": func(s sallyport.Store) (any, error) {
			u, c, err := s.UserByName(ctx, "U500@example.org", "192.0.2.1")
			return []any{u, c}, err
		},
		"UserByIdentity": func(s sallyport.Store) (any, error) { return s.UserByIdentity(ctx, "https://idp.example", "500") },
		"Counted": func(s sallyport.Store) (any, error) {
			return s.Counted(ctx, now, sallyport.Counter{Key: []byte("c"), Limit: 1, Period: time.Hour})
		},
	} {
		got, errGot := ask(to)
		want, errWant := ask(from)
		if d := cmp.Diff(got, want, cmpopts.EquateEmpty()); d != "" || errGot != nil || errWant != nil {
			t.Errorf("%s differs (-got +want), %v, %v:\n%.2000s", name, errGot, errWant, d)
		}
	}
	outcome, err := to.Refresh(ctx, sallyport.RefreshStep{SessionID: sessions[1], Generation: 1, At: now, RetryWindow: time.Second, IdleTTL: time.Hour, MaxAdvances: 9, AdvancePeriod: time.Minute})
	if err != nil || outcome.Rule != sallyport.RuleAdvance {
		t.Errorf("Refresh() = %v, %v, want an advance", outcome.Rule, err)
	}
}

// TestExportRefuses: nothing is made where there is nothing.
func TestExportRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.db")
	err := sqlite.Export(t.Context(), path, func(string, []string, []any) error { return nil })
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte("no such file")) {
		t.Errorf("Export() of nothing = %v", err)
	}
}
