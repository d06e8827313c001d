package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sallyport-auth/sallyport/internal/sqlstore"
	"github.com/sallyport-auth/sallyport/internal/testpg"
)

// planNode is what the test reads of EXPLAIN (FORMAT JSON).
type planNode struct {
	Type  string     `json:"Node Type"`
	Table string     `json:"Relation Name"`
	Cond  string     `json:"Index Cond"`
	Plans []planNode `json:"Plans"`
}

// scans lists the nodes below n that read a table, or an index, from end to end.
func (n planNode) scans() (found []string) {
	indexed := slices.Contains([]string{"Index Scan", "Index Only Scan", "Bitmap Index Scan"}, n.Type)
	if n.Type == "Seq Scan" || indexed && n.Cond == "" {
		found = append(found, n.Type+" "+n.Table)
	}
	for _, child := range n.Plans {
		found = append(found, child.scans()...)
	}
	return found
}

// No statement on a table that grows reads it from end to end. The tables are empty, so the planner is told to do
// so only where it has no index to go by; and to plan for any value, as it does for a statement that is run often.
func TestNoStatementScans(t *testing.T) {
	dsn := testpg.Schema(t)
	if _, err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	execute := func(statement string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	execute("set enable_seqscan = off; set plan_cache_mode = force_generic_plan")
	const control = "update users set username = $2 where email = $1"
	found := false
	for i, statement := range slices.Concat([]string{control}, sqlstore.Reads(), sqlstore.Singles(), sqlstore.Writes()) {
		name := fmt.Sprintf("s%d", i)
		description, err := conn.Prepare(t.Context(), name, statement)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		call := name
		if n := len(description.ParamOIDs); n > 0 {
			call += "(" + strings.TrimSuffix(strings.Repeat("null, ", n), ", ") + ")"
		}
		var text string
		if err := conn.QueryRow(t.Context(), "explain (format json) execute "+call).Scan(&text); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		var plans []struct{ Plan planNode }
		if err := json.Unmarshal([]byte(text), &plans); err != nil {
			t.Fatal(err)
		}
		for _, scan := range plans[0].Plan.scans() {
			switch {
			case statement == control:
				found = true
			case !strings.HasSuffix(scan, " signing_keys"):
				t.Errorf("%q does %q", statement, scan)
			}
		}
	}
	if !found {
		t.Errorf("%q is not noticed", control)
	}
}
