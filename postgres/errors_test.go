package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sallyport-auth/sallyport"
)

func TestExplain(t *testing.T) {
	server := func(code string) error { return fmt.Errorf("exec: %w", &pgconn.PgError{Severity: "ERROR", Code: code}) }
	for _, c := range []struct {
		name        string
		err         error
		unavailable bool
		moved       bool
	}{
		{"connection exception", server("08006"), true, false},
		{"authentication refused", server("28P01"), true, false},
		{"role is gone", server("28000"), true, false},
		{"database is gone", server("3D000"), true, false},
		{"disk full", server("53100"), true, false},
		{"too many connections", server("53300"), true, false},
		{"statement timeout", server("57014"), true, false},
		{"shutdown", server("57P01"), true, true},
		{"crash of another backend", server("57P02"), true, true},
		{"server is starting", server("57P03"), true, true},
		{"I/O error", server("58030"), true, false},
		{"lock not available", server("55P03"), true, false},
		{"deadlock", server("40P01"), true, false},
		{"serialization failure", server("40001"), true, false},
		{"read only", server("25006"), true, true},
		{"idle in transaction", server("25P03"), true, false},
		{"corrupted data", server("XX001"), true, false},
		{"corrupted index", server("XX002"), true, false},
		{"reset", &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, true, true},
		{"end of file", io.EOF, true, true},
		{"cut message", io.ErrUnexpectedEOF, true, true},
		{"closed", net.ErrClosed, true, true},
		{"bad connection", driver.ErrBadConn, true, true},
		{"connection of database/sql is gone", sql.ErrConnDone, true, true},
		{"connection of the driver is gone", fmt.Errorf("exec: %w", pgconn.ErrConnClosed), true, true},
		{"too late", fmt.Errorf("%w: %v", errTooLate, context.DeadlineExceeded), true, false},
		{"closed by us", errClosed, true, false},

		{"unique violation", server("23505"), false, false},
		{"syntax", server("42601"), false, false},
		{"undefined table", server("42P01"), false, false},
		{"no privilege", server("42501"), false, false},
		{"value of a wrong kind", server("22P02"), false, false},
		{"internal error", server("XX000"), false, false},
		{"a code that is none", server("5"), false, false},
		{"a refusal of the store", sallyport.ErrNameTaken, false, false},
		{"a schema", ErrSchema, false, false},
		{"of ours", errors.New("more than one row"), false, false},
	} {
		got := explain("test", c.err)
		if !errors.Is(got, c.err) || errors.Is(got, sallyport.ErrStoreUnavailable) != c.unavailable {
			t.Errorf("%s: explain(%v) = %v, want it unavailable: %v", c.name, c.err, got, c.unavailable)
		}
		if moved := movedAway(c.err); moved != c.moved {
			t.Errorf("%s: movedAway(%v) = %v, want %v", c.name, c.err, moved, c.moved)
		}
	}
	if err := explain("test", nil); err != nil {
		t.Errorf("explain(nil) = %v", err)
	}
}
