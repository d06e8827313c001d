package postgres

import (
	"context"
	"encoding/binary"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sallyport-auth/sallyport/internal/sqlstore"
)

// syncCounter counts the round trips on a connection: the client ends each with a Sync or sends a simple Query
// (PostgreSQL's manual, Frontend/Backend Protocol, Message Flow).
type syncCounter struct {
	net.Conn
	started bool // the first message has no type
	rest    []byte
	trips   *atomic.Int64
}

func (c *syncCounter) Write(b []byte) (int, error) {
	c.rest = append(c.rest, b...)
	if !c.started && len(c.rest) >= 4 {
		c.started = true
		c.rest = c.rest[binary.BigEndian.Uint32(c.rest):]
	}
	for len(c.rest) >= 5 {
		end := 1 + int(binary.BigEndian.Uint32(c.rest[1:]))
		if len(c.rest) < end {
			break
		}
		if kind := c.rest[0]; kind == 'S' || kind == 'Q' {
			c.trips.Add(1)
		}
		c.rest = c.rest[end:]
	}
	return c.Conn.Write(b)
}

// A session check and an advance are one round trip each, once the connection knows the statement; a
// transaction is one for each of its statements, its begin and its commit. The driver spends one more on a connection
// that it has not used for a second, to see whether it is still there.
func TestRoundTrips(t *testing.T) {
	_, dsn := connected(t, 2)
	s := mustParse(t, dsn)
	s.conns = minConns
	var trips atomic.Int64
	s.config.AfterNetConnect = func(_ context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
		return &syncCounter{Conn: conn, trips: &trips}, nil
	}
	db := newDatabase(s)
	defer db.Close()
	db.durable.known[addNote], db.fast.known[addNote], db.fast.known[backend] = true, true, true
	var found int
	for _, c := range []struct {
		name string
		call func(context.Context, string, sqlstore.Step) error
		fn   sqlstore.Step
		want int64
	}{
		{"Read", db.Read, pid(&found), 1},
		{"Single", db.Single, add(nil, "a"), 1},
		{"Write", db.Write, add(nil, "b"), 3},
		{"Write of two", db.Write, add(nil, "c", "d"), 4},
	} {
		least := int64(100)
		for range 4 {
			trips.Store(0)
			if err := c.call(t.Context(), "test", c.fn); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			least = min(least, trips.Load())
		}
		if least != c.want {
			t.Errorf("%s: %d round trips, want %d", c.name, least, c.want)
		}
	}
	if got := countTrips(t, db, &trips); got != 2 {
		t.Errorf("a new connection: %d round trips before its first statement, want 2: can it be written to, and its set-up", got)
	}
}

// countTrips makes a connection.
func countTrips(t *testing.T, db *database, trips *atomic.Int64) int64 {
	t.Helper()
	db.fast.dropIdle()
	trips.Store(0)
	conn, err := db.fast.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return trips.Load()
}
