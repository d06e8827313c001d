package sqlite_test

import (
	"database/sql"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/sqlstore"
)

// No statement on a table that grows reads it from end to end.
func TestNoStatementScans(t *testing.T) {
	path := databasePath(t)
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	placeholder := regexp.MustCompile(`\$\d+`)
	scans := func(statement string) (found []string) {
		t.Helper()
		used := placeholder.FindAllString(statement, -1)
		slices.Sort(used)
		rows, err := db.QueryContext(t.Context(), "explain query plan "+statement, make([]any, len(slices.Compact(used)))...)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(detail, "SCAN ") {
				found = append(found, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return found
	}
	for _, statement := range slices.Concat(sqlstore.Reads(), sqlstore.Singles(), sqlstore.Writes()) {
		for _, scan := range scans(statement) {
			if scan != "SCAN CONSTANT ROW" && !strings.HasPrefix(scan, "SCAN signing_keys") {
				t.Errorf("%q does %q", statement, scan)
			}
		}
	}
	for _, control := range []string{"update users set username = $2 where email = $1", "select count(user_id) from sessions"} {
		if scans(control) == nil {
			t.Errorf("%q is not noticed", control)
		}
	}
}
