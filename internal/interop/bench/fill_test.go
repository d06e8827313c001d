package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/postgres"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// filled are what the rows of both databases have in common.
type filled struct {
	Users, Names, Identities, Sessions, Ended, Ids, Owned, Future int
}

// Both databases get the same rows, which are in order and would all be kept by a sweep.
func TestFill(t *testing.T) {
	const users, sessions = 300, 2000
	want := filled{Users: users, Names: users, Identities: users, Sessions: sessions, Ended: sessions * 4 / 10, Ids: sessions, Owned: sessions}
	for _, on := range kinds {
		t.Run(string(on), func(t *testing.T) {
			d := emptyDatabase(t, on)
			db, err := d.openQuick()
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			f := &filler{db: db, on: on, users: users}
			err = f.addUsers(t.Context())
			if err == nil {
				err = f.without(t.Context(), "sessions_user", func() error {
					for range 2 {
						if err := f.addSessions(t.Context(), sessions/2, time.Now()); err != nil {
							return err
						}
					}
					return nil
				})
			}
			if err == nil {
				err = f.settle(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			var got filled
			err = db.QueryRow(`select (select count(*) from users where length(id) = 16), (select count(*) from login_names), (select count(*) from identities),
					count(*), count(ended_at), (select count(distinct id) from sessions where length(id) = 16),
					(select count(*) from sessions join users on users.id = sessions.user_id),
					count(case when last_used_at < created_at or absolute_end <= last_used_at or gen < 0 then 1 end) from sessions`).
				Scan(&got.Users, &got.Names, &got.Identities, &got.Sessions, &got.Ended, &got.Ids, &got.Owned, &got.Future)
			if err != nil || got != want {
				t.Errorf("filled %+v, %v, want %+v", got, err, want)
			}
			if size, err := d.sizeMiB(t.Context()); err != nil || size <= 0.1 {
				t.Errorf("sizeMiB() = %v, %v", size, err)
			}
		})
	}
}

// emptyDatabase has the product's tables.
func emptyDatabase(t *testing.T, on kind) database {
	t.Helper()
	if on == onSQLite {
		d := sqliteDatabase(t.TempDir())
		store, err := sqlite.Open(filepath.Clean(d.file))
		if err == nil {
			err = store.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	c, err := startCluster(t.Context(), openFolder(t), anyCore)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.remove(); err != nil {
			t.Errorf("remove() = %v", err)
		}
	})
	d, err := postgresDatabase(context.WithoutCancel(t.Context()), c, "filled")
	if err == nil {
		_, err = postgres.Migrate(t.Context(), d.setting)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}
