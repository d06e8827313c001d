package postgres

import (
	"sync"
	"testing"
)

// A connection that was dropped is not used again, and dropping disturbs nobody who uses one.
func TestDroppedConnectionsAreNotUsedAgain(t *testing.T) {
	_, dsn := connected(t, 2)
	s := mustParse(t, dsn)
	s.conns = minConns
	db := newDatabase(s)
	defer db.Close()
	db.fast.known[backend] = true
	ask := func() (found int) {
		if err := db.Read(t.Context(), "test", pid(&found)); err != nil {
			t.Error(err)
		}
		return found
	}
	first := ask()
	if again := ask(); again != first {
		t.Errorf("the backend was %d and is %d, want one connection", first, again)
	}
	db.fast.dropIdle()
	if next := ask(); next == first {
		t.Error("a connection that was dropped is used again")
	}
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			for range 25 {
				ask()
				db.fast.dropIdle()
			}
		})
	}
	users.Wait()
}
