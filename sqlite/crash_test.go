package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// crashEnvironment names the database on which this test program, started anew, works until it is
// killed.
const crashEnvironment = "SQLITE_TEST_CRASH"

const crashRounds = 10

// TestCrash kills a process in the middle of its work and looks for every answer that it has given.
func TestCrash(t *testing.T) {
	path := databasePath(t)
	known := map[string]*acknowledged{}
	for round := range crashRounds {
		killAfter(t, path, 100+80*round, known)
		checkAcknowledged(t, path, known)
	}
	t.Logf("%d sessions were acknowledged over %d kills", len(known), crashRounds)
}

// acknowledged is what the killed processes have said of a session.
type acknowledged struct {
	generation int64
	ended      bool
}

// workUntilKilled signs in, refreshes and logs off, several sessions at once, and writes a line for
// every answer of the store.
func workUntilKilled(path string) {
	ctx := context.Background()
	store := must(sqlite.Open(path))
	for range 8 {
		go func() {
			for {
				name := sallyport.NewID(noon).String()
				s := must(signIn(ctx, store, name))
				fmt.Printf("started %v 0\n", s.ID)
				for n := int64(1); n <= 5; n++ {
					outcome := must(store.Refresh(ctx, step(s.ID, n)))
					fmt.Printf("refreshed %v %d\n", s.ID, outcome.Generation)
				}
				if s.ID[15]%2 == 0 {
					must(store.EndSessions(ctx, logoff(s.ID)))
					fmt.Printf("ended %v 5\n", s.ID)
				}
			}
		}()
	}
	select {}
}

func must[T any](v T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	return v
}

// killAfter runs a process on the database, kills it after so many answers, and notes them all.
func killAfter(t *testing.T, path string, answers int, known map[string]*acknowledged) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashEnvironment+"="+path)
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(output)
	for n := 0; ; n++ {
		if n == answers {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		line, err := lines.ReadString('\n')
		if err != nil { // what the kill has cut off was not acknowledged
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			break
		}
		note(t, line, known)
	}
	if err := child.Wait(); err == nil || child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the process ended by itself: %v", child.ProcessState)
	}
}

func note(t *testing.T, line string, known map[string]*acknowledged) {
	t.Helper()
	var what, id string
	var generation int64
	if _, err := fmt.Sscanf(line, "%s %s %d", &what, &id, &generation); err != nil {
		t.Fatalf("line %q: %v", strings.TrimSpace(line), err)
	}
	if known[id] == nil {
		known[id] = &acknowledged{}
	}
	known[id].generation = max(known[id].generation, generation)
	known[id].ended = known[id].ended || what == "ended"
}

// checkAcknowledged opens what the kill has left.
func checkAcknowledged(t *testing.T, path string, known map[string]*acknowledged) {
	t.Helper()
	store := open(t, path)
	defer store.Close()
	for text, a := range known {
		id, err := sallyport.ParseID(text)
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := store.Session(t.Context(), id)
		switch {
		case err != nil:
			t.Errorf("acknowledged session: Session() = %v", err)
		case a.ended && s.EndReason != sallyport.EndedByLogoff:
			t.Errorf("acknowledged ending: ended by %q, want %q", s.EndReason, sallyport.EndedByLogoff)
		case s.EndReason == "":
			// Whatever was under way, the newest token that the client can hold is good.
			outcome, err := store.Refresh(t.Context(), step(id, a.generation+1))
			if err != nil || outcome.Generation < a.generation+1 {
				t.Errorf("Refresh(%d) = rule %d, generation %d, %v", a.generation+1, outcome.Rule, outcome.Generation, err)
			}
			a.generation = max(a.generation, outcome.Generation)
		}
	}
}
