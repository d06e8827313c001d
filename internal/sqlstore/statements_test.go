package sqlstore

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport"
)

// The same text is prepared on SQLite and on PostgreSQL: what one of them alone knows is found here,
// not on the day on which the other one is opened.
func TestStatementsServeBothDatabases(t *testing.T) {
	foreign := regexp.MustCompile(`[A-Z?;*"]|\b(now|current_timestamp|datetime|random\w*|rowid|blob|bytea|ignore|replace|least|greatest|min|max|ilike)\b|::`)
	placeholder := regexp.MustCompile(`\$\d+`)
	for _, statement := range append(Reads(), Writes()...) {
		if found := foreign.FindString(statement); found != "" {
			t.Errorf("%q has %q", statement, found)
		}
		used := map[string]bool{}
		for _, p := range placeholder.FindAllString(statement, -1) {
			used[p] = true
		}
		for n := range len(used) {
			if p := fmt.Sprintf("$%d", n+1); !used[p] {
				t.Errorf("%q has %d placeholders but not %s", statement, len(used), p)
			}
		}
	}
}

// A statement that writes must not reach a reader, and each is named once.
func TestStatementLists(t *testing.T) {
	for _, statement := range Reads() {
		if !strings.HasPrefix(statement, "select ") {
			t.Errorf("Reads() has %q", statement)
		}
	}
	for name, list := range map[string][]string{"Reads": Reads(), "Writes": Writes()} {
		seen := map[string]bool{}
		for _, statement := range list {
			if seen[statement] {
				t.Errorf("%s() has %q twice", name, statement)
			}
			seen[statement] = true
		}
	}
}

func TestEndSessionsRefusesAnUnknownScope(t *testing.T) {
	for _, scope := range []sallyport.Scope{"", "This", "user"} {
		_, err := New(nil).EndSessions(t.Context(), sallyport.SessionEnd{Session: sallyport.ID{1}, Scope: scope})
		if !errors.Is(err, sallyport.ErrInvalidScope) {
			t.Errorf("EndSessions(%q) = %v, want %v", scope, err, sallyport.ErrInvalidScope)
		}
	}
}
