package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/testpg"
)

// A session that whoever holds the user has ended adds no identity, though it was live when the step began to wait.
func TestAddIdentityLooksForTheSessionUnderTheLock(t *testing.T) {
	dsn := testpg.Schema(t)
	if _, err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	old := connectAs3(t, "pgx", dsn)
	user := old.user("alice", false, false, "hash")
	session := old.session(user, "", "")
	store, err := Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	tx, err := old.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	at := dawn.Add(time.Hour)
	if _, err := tx.ExecContext(t.Context(), setPasswordOf3, user[:], "new hash", at.UnixMicro(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "update sessions set ended_at = $2, ended_reason = 'password' where user_id = $1", user[:], at.UnixMicro()); err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() {
		answer <- store.AddIdentity(context.Background(), sallyport.IdentityLink{
			Identity: sallyport.Identity{ID: sallyport.NewID(at), UserID: user, Provider: "idp", Issuer: "https://idp.example", Subject: "1", CreatedAt: at},
			Session:  session, At: at,
		})
	}()
	waiting := "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%where id = $1 and is_active%'"
	for n := 0; n == 0; {
		if err := old.db.QueryRowContext(t.Context(), waiting).Scan(&n); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-answer:
			t.Fatalf("AddIdentity() = %v, before the user was let go", err)
		default:
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; !errors.Is(err, sallyport.ErrChanged) {
		t.Errorf("AddIdentity() = %v, want %v", err, sallyport.ErrChanged)
	}
	if identities, err := store.Identities(t.Context(), user); err != nil || len(identities) != 0 {
		t.Errorf("Identities() = %v, %v, want none", identities, err)
	}
}
