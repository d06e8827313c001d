package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

type pgxConn = pgx.Conn

func mustParse(t testing.TB, dsn string) settings {
	t.Helper()
	s, err := parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
