package sqlite_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// TestReplacedFile: a store whose file somebody has moved away writes nothing more, for it would be gone with the next
// start, and reads nothing: what was ended in the file that is there now would live on. Put back, it goes on.
func TestReplacedFile(t *testing.T) {
	path, other := databasePath(t), databasePath(t)
	store := opened(t, path)
	opened(t, other)
	create := func(name string) error {
		now := time.Now()
		u := sallyport.User{ID: sallyport.NewID(now), Username: name, IsActive: true, CreatedAt: now, UpdatedAt: now}
		return store.CreateUser(t.Context(), u, "", sallyport.Event{ID: sallyport.NewID(now), At: now, Name: "user_created"})
	}
	refused := func(when string, err error) {
		t.Helper()
		if !errors.Is(err, sallyport.ErrStoreUnavailable) || !strings.Contains(err.Error(), "replaced or removed") {
			t.Errorf("%s: error = %v, want ErrStoreUnavailable with the reason", when, err)
		}
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := create("ada"); err != nil {
		t.Fatal(err)
	}
	move(path, path+".aside")
	refused("removed", create("bob"))
	move(other, path)
	refused("replaced", create("bob"))
	_, err := store.Users(t.Context(), sallyport.ID{}, 10)
	refused("a read of one that was replaced", err)
	move(path, other)
	move(path+".aside", path)
	if err := create("bob"); err != nil {
		t.Errorf("put back: %v", err)
	}
	if users, err := store.Users(t.Context(), sallyport.ID{}, 10); err != nil || len(users) != 2 {
		t.Errorf("put back: %d users, %v, want 2", len(users), err)
	}
}
