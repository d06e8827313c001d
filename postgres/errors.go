package postgres

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sallyport-auth/sallyport"
)

// The codes of PostgreSQL that are looked for by themselves; Appendix A of its manual.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
	readOnlyTransaction  = "25006"
	undefinedColumn      = "42703"
	undefinedDatabase    = "3D000"
)

// explain wraps err with op, and with sallyport.ErrStoreUnavailable when the database could not answer.
func explain(op string, err error) error {
	if cannotAnswer(err) {
		err = fmt.Errorf("%w: %w", sallyport.ErrStoreUnavailable, err)
	}
	return about(op, err)
}

// about wraps err with op.
func about(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("postgres: %s: %w", op, err)
}

// cannotAnswer tells what is wrong with the server or the way to it from a fault of ours.
func cannotAnswer(err error) bool {
	if errors.Is(err, errClosed) || errors.Is(err, errTooLate) || isRefused(err) || isLost(err) {
		return true
	}
	code := codeOf(err)
	if code == "" {
		return false
	}
	switch code {
	case serializationFailure, deadlockDetected, lockNotAvailable, readOnlyTransaction, undefinedDatabase,
		"25P03", "25P04", // a transaction took too long
		"XX001", "XX002": // the data or an index is corrupted
		return true
	}
	switch code[:2] {
	case "08", // connection exception
		"28", // authentication refused
		"53", // insufficient resources: disk full, too many connections
		"57", // operator intervention: timeouts, shutdown
		"58": // system error: I/O
		return true
	}
	return false
}

// codeOf is the SQLSTATE of an error of the server, "" for one that is not the server's.
func codeOf(err error) string {
	var fault *pgconn.PgError
	if errors.As(err, &fault) && len(fault.Code) == 5 {
		return fault.Code
	}
	return ""
}

// lostToAnother reports that the server has undone a transaction that would have succeeded alone.
func lostToAnother(err error) bool {
	code := codeOf(err)
	return code == serializationFailure || code == deadlockDetected
}

// isRefused reports that there is no connection, for whatever reason.
func isRefused(err error) bool {
	var refused *pgconn.ConnectError
	return errors.As(err, &refused)
}

// isLost reports that a connection broke, or was found to be broken.
func isLost(err error) bool {
	var network *net.OpError // net.Error would be an error of a file as well
	var name *net.DNSError
	return errors.As(err, &network) || errors.As(err, &name) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, pgconn.ErrConnClosed)
}

// movedAway reports that the server that writes is probably another one by now, or the same one started anew: what
// is connected leads nowhere.
func movedAway(err error) bool {
	switch codeOf(err) {
	case readOnlyTransaction, "57P01", "57P02", "57P03":
		return true
	}
	return isLost(err)
}
