package postgres

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/testpg"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// What the release before migration 0004 writes.
const (
	insertUserOf3 = `insert into users (id, username, email, email_verified, first_name, last_name,
			is_active, groups, attributes, created_at, updated_at, password_hash, credential_version)
		values ($1, $2, $3, $4, '', '', true, '[]', '{}', $5, $6, $7, 1)`
	insertLoginNameOf3 = `insert into login_names (name, user_id) values ($1, $2)`
	insertIdentityOf3  = `insert into identities (id, user_id, provider, issuer, subject, created_at)
		values ($1, $2, 'idp', 'https://idp.example', $3, $4)`
	insertSessionOf3 = `insert into sessions (id, user_id, gen, gen_at, low, recovered, outcome, advances, advances_from,
			created_at, last_used_at, idle_end, absolute_end, ended_at, ended_reason, provider, provider_sid, user_agent, ip)
		values ($1, $2, 0, $3, 0, false, 0, 0, $3, $3, $3, $4, $4, null, '', $5, $6, '', '')`
	updateUserOf3 = `update users set username = $2, email = $3, email_verified = $4, first_name = $5, last_name = $6,
			is_active = $7, groups = $8, attributes = $9, credential_version = credential_version + $10
		where id = $1`
	setPasswordOf3 = `update users set password_hash = $2, credential_version = credential_version + 1, updated_at = $3
		where id = $1 and ($4 = 0 or credential_version = $4)`
)

// schema3 writes as the release before migration 0004 does.
type schema3 struct {
	*testing.T
	db *sql.DB
}

// The clock of these tests, and how long a session of theirs lives.
var dawn = time.Date(2026, 5, 1, 6, 0, 0, 0, time.UTC)

const life = 100 * 24 * time.Hour

func connectAs3(t *testing.T, driver, dsn string) schema3 {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return schema3{t, db}
}

func (s schema3) exec(statement string, args ...any) {
	s.Helper()
	if _, err := s.db.ExecContext(s.Context(), statement, args...); err != nil {
		s.Fatalf("%s: %v", statement, err)
	}
}

// user is one with the address name@example.org, who was changed an hour after dawn if at all.
func (s schema3) user(name string, verified, changed bool, hash string) sallyport.ID {
	s.Helper()
	id, updated := sallyport.NewID(dawn), dawn
	if changed {
		updated = dawn.Add(time.Hour)
	}
	s.exec(insertUserOf3, id[:], name, name+"@example.org", verified, dawn.UnixMicro(), updated.UnixMicro(), hash)
	s.exec(insertLoginNameOf3, name, id[:])
	s.exec(insertLoginNameOf3, name+"@example.org", id[:])
	return id
}

func (s schema3) identity(user sallyport.ID, subject string) {
	s.Helper()
	id := sallyport.NewID(dawn)
	s.exec(insertIdentityOf3, id[:], user[:], subject, dawn.UnixMicro())
}

func (s schema3) session(user sallyport.ID, provider, sid string) sallyport.ID {
	s.Helper()
	id := sallyport.NewID(dawn)
	s.exec(insertSessionOf3, id[:], user[:], dawn.UnixMicro(), dawn.Add(life).UnixMicro(), provider, sid)
	return id
}

// linked is what a link of another issuer's identity by the address comes to, and the hash that it leaves.
func linked(t *testing.T, store sallyport.Store, name string) (hash string, err error) {
	t.Helper()
	at := dawn.Add(24 * time.Hour)
	u, credential, err := store.UserByName(t.Context(), name, "")
	if err != nil {
		t.Fatal(err)
	}
	i := sallyport.Identity{ID: sallyport.NewID(at), UserID: u.ID, Provider: "other", Issuer: "https://other.example", Subject: name, CreatedAt: at}
	err = store.StartSession(t.Context(), sallyport.SessionStart{
		Session: sallyport.Session{
			ID: sallyport.NewID(at), UserID: u.ID, CreatedAt: at, LastUsedAt: at, IdleEnd: at.Add(time.Hour), AbsoluteEnd: at.Add(time.Hour),
			Provider: i.Provider, IdentityID: i.ID,
		},
		CredentialVersion: credential.Version, NewIdentity: &i, Link: &sallyport.AddressLink{Email: u.Email},
	})
	_, credential, found := store.UserByName(t.Context(), name, "")
	if found != nil {
		t.Fatal(found)
	}
	return credential.Hash, err
}

// A database of schema 3 comes out of migration 0004 with what is known of passwords and addresses, on both databases.
func TestMigrationOfIdentities(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T) (old schema3, open func() (sallyport.Store, error)){
		"sqlite": func(t *testing.T) (schema3, func() (sallyport.Store, error)) {
			path := filepath.Join(t.TempDir(), "test.db")
			old := connectAs3(t, "sqlite", path)
			old.exec("create table schema_version (version integer not null primary key, name text not null) strict")
			for n, name := range names(t)[:3] {
				text, err := os.ReadFile(filepath.Join("..", "sqlite", "migrations", name))
				if err != nil {
					t.Fatal(err)
				}
				old.exec(string(text))
				old.exec("insert into schema_version values ($1, $2)", n+1, name)
			}
			return old, func() (sallyport.Store, error) {
				if err := old.db.Close(); err != nil {
					return nil, err
				}
				return sqlite.Open(path)
			}
		},
		"postgres": func(t *testing.T) (schema3, func() (sallyport.Store, error)) {
			dsn := testpg.Schema(t)
			conn, err := pgx.Connect(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
			all, err := migrations()
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if _, err := migrateOnce(t.Context(), conn, all[:3]); err != nil {
					t.Fatal(err)
				}
			}
			return connectAs3(t, "pgx", dsn), func() (sallyport.Store, error) {
				if _, err := Migrate(t.Context(), dsn); err != nil {
					return nil, err
				}
				return Open(t.Context(), dsn)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			old, open := prepare(t)
			fresh, changed := old.user("fresh", true, false, "hash"), old.user("changed", true, true, "hash")
			exchanged := old.user("exchanged", true, false, "")
			old.identity(exchanged, "1")
			old.user("unverified", false, false, "hash")
			bySubject, bySID := old.session(exchanged, "idp", ""), old.session(exchanged, "idp", "sid")
			byPassword := old.session(fresh, "", "")
			store, err := open()
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()

			for _, c := range []struct {
				name             string
				verified, proved bool
				hash             string // after a link
			}{
				{"fresh", true, true, "hash"},
				{"changed", true, true, ""}, // perhaps that is when the address was verified
				{"exchanged", true, false, ""},
				{"unverified", false, false, "hash"},
			} {
				u, credential, err := store.UserByName(t.Context(), c.name, "")
				if err != nil || u.EmailVerified != c.verified || credential.EmailProved != c.proved {
					t.Errorf("%s: the address is verified: %v, proved: %v, %v, want %v, %v", c.name, u.EmailVerified, credential.EmailProved, err, c.verified, c.proved)
				}
				hash, err := linked(t, store, c.name)
				if (err == nil) != c.proved || err != nil && !errors.Is(err, sallyport.ErrChanged) || hash != c.hash {
					t.Errorf("%s: a link = %v and leaves the hash %q, want it done: %v, and %q", c.name, err, hash, c.proved, c.hash)
				}
			}
			if _, err := store.User(t.Context(), changed); err != nil {
				t.Error(err)
			}
			identities, err := store.Identities(t.Context(), exchanged)
			if err != nil || len(identities) != 1 || identities[0].Subject != "1" {
				t.Errorf("Identities() = %v, %v, want the one of before", identities, err)
			}
			for _, c := range []struct{ sid, subject string }{{"sid", ""}, {"", "1"}} {
				n, err := store.EndProviderSessions(t.Context(), sallyport.ProviderLogout{
					Provider: "idp", SID: c.sid, Issuer: "https://idp.example", Subject: c.subject, At: dawn.Add(48 * time.Hour),
				})
				if err != nil || n != 1 {
					t.Errorf("EndProviderSessions(%q, %q) = %d, %v, want 1", c.sid, c.subject, n, err)
				}
			}
			for id, want := range map[sallyport.ID]sallyport.EndReason{
				bySubject: sallyport.EndedByProvider, bySID: sallyport.EndedByProvider, byPassword: sallyport.EndedByLinked,
			} {
				s, _, err := store.Session(t.Context(), id)
				if err != nil || s.EndReason != want || !s.IdentityID.IsZero() {
					t.Errorf("Session() = ended by %q, identity %v, %v, want %q and none", s.EndReason, s.IdentityID, err, want)
				}
			}
		})
	}
}

// The release of schema 3 works on schema 4. What it leaves unsaid counts as not known: its addresses are not proved, and
// its passwords are older than any proof.
func TestSchema3WritesOnSchema4(t *testing.T) {
	dsn := testpg.Schema(t)
	if _, err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	var readable int
	old := connectAs3(t, "pgx", dsn)
	if err := old.db.QueryRowContext(t.Context(), "select readable_by from schema_version where version = 4").Scan(&readable); err != nil || readable > 3 {
		t.Errorf("schema 4 is for releases from %d on, %v, want 3", readable, err)
	}
	user := old.user("alice", true, false, "hash")
	old.identity(user, "1")
	session := old.session(user, "idp", "sid")
	store, err := Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	want := func(what string, proved bool) {
		t.Helper()
		u, credential, err := store.UserByName(t.Context(), "alice", "")
		if err != nil || u.EmailVerified != true || credential.EmailProved != proved {
			t.Errorf("%s: the address is verified: %v, proved: %v, %v, want %v", what, u.EmailVerified, credential.EmailProved, err, proved)
		}
	}
	want("written by the release of schema 3", false)
	if hash, err := linked(t, store, "alice"); !errors.Is(err, sallyport.ErrChanged) || hash != "hash" {
		t.Errorf("a link = %v and leaves the hash %q, want %v", err, hash, sallyport.ErrChanged)
	}
	if s, _, err := store.Session(t.Context(), session); err != nil || !s.IdentityID.IsZero() || !s.EndedAt.IsZero() {
		t.Errorf("Session() = %+v, %v, want it live, of no known identity", s, err)
	}
	verified := true
	if _, err := store.UpdateUser(t.Context(), user, sallyport.UserChange{EmailVerified: &verified}, dawn.Add(time.Hour), sallyport.Event{}); err != nil {
		t.Fatal(err)
	}
	want("after an operator has vouched for it", true)

	// The other release changes the user once more, and leaves alone what it does not know.
	old.exec(updateUserOf3, user[:], "alice", "alice@example.org", true, "A", "", true, "[]", "{}", 0)
	want("after a change by the release of schema 3", true)
	old.exec(updateUserOf3, user[:], "alice", "alice@example.org", false, "A", "", true, "[]", "{}", 0)
	if _, credential, err := store.UserByName(t.Context(), "alice", ""); err != nil || credential.EmailProved {
		t.Errorf("an address that is not verified is proved: %v, %v", credential.EmailProved, err)
	}
	old.exec(updateUserOf3, user[:], "alice", "alice@example.org", true, "A", "", true, "[]", "{}", 0)
	old.exec(setPasswordOf3, user[:], "a password of unknown age", dawn.Add(2*time.Hour).UnixMicro(), 0)
	if hash, err := linked(t, store, "alice"); err != nil || hash != "" {
		t.Errorf("a link = %v and leaves the hash %q, want it removed", err, hash)
	}
	late := old.session(user, "", "")
	if n, err := store.EndSessions(t.Context(), sallyport.SessionEnd{User: user, Reason: sallyport.EndedByAdmin, At: dawn.Add(50 * time.Hour)}); err != nil || n != 2 {
		t.Errorf("EndSessions() = %d, %v, want those of both releases", n, err)
	}
	if s, _, err := store.Session(t.Context(), late); err != nil || s.EndReason != sallyport.EndedByAdmin {
		t.Errorf("Session() = ended by %q, %v", s.EndReason, err)
	}
}
