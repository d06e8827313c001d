package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/sqlstore"
	"github.com/sallyport-auth/sallyport/internal/testpg"
)

const (
	addNote  = "insert into notes (text) values ($1)"
	pick     = "update notes set text = text where text = $1"
	backend  = "select pg_backend_pid()"
	allNotes = "select coalesce(string_agg(text, ' ' order by id), '') from notes"
)

// connected opens a database of so many connections that has a table for notes besides, and the statements above.
func connected(t testing.TB, conns int) (db *database, dsn string) {
	t.Helper()
	dsn = testpg.Schema(t)
	if _, err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	testpg.Exec(t, dsn, "create table notes (id bigint generated always as identity, text text not null)")
	db, err := open(t.Context(), fmt.Sprintf("%s&pool_max_conns=%d", dsn, conns))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*pool{db.durable, db.fast} {
		for _, text := range []string{addNote, pick, backend} {
			p.known[text] = true
		}
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return db, dsn
}

// add is a step that notes texts and then returns err.
func add(err error, texts ...string) sqlstore.Step {
	return func(ctx context.Context, q sqlstore.Queries) error {
		for _, text := range texts {
			if _, err := q.Exec(ctx, addNote, text); err != nil {
				return err
			}
		}
		return err
	}
}

func wantNotes(t *testing.T, db *database, want string) {
	t.Helper()
	var got string
	if err := db.fast.db.QueryRowContext(context.Background(), allNotes).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("notes = %q, want %q", got, want)
	}
}

// pid notes which connection it is run on.
func pid(found *int) sqlstore.Step {
	return func(ctx context.Context, q sqlstore.Queries) error {
		rows, err := q.Query(ctx, backend)
		if err != nil {
			return err
		}
		defer rows.Close()
		rows.Next()
		return errors.Join(rows.Scan(found), rows.Err())
	}
}

// calls are the three ways to run a step.
func (db *database) calls() map[string]func(context.Context, string, sqlstore.Step) error {
	return map[string]func(context.Context, string, sqlstore.Step) error{"Read": db.Read, "Single": db.Single, "Write": db.Write}
}

func TestFailedStepLeavesNothing(t *testing.T) {
	db, _ := connected(t, 2) // one connection to each pool, so that every step finds what the last one has left
	refused := errors.New("refused")
	for _, c := range []struct {
		name string
		fn   sqlstore.Step
		want error
	}{
		{"refused", add(refused, "a", "b"), refused},
		{"panic", func(ctx context.Context, q sqlstore.Queries) error {
			_ = add(nil, "c")(ctx, q)
			panic("fault")
		}, nil},
		{"violated constraint", func(ctx context.Context, q sqlstore.Queries) error {
			_ = add(nil, "d")(ctx, q)
			_, err := q.Exec(ctx, addNote, nil)
			return err
		}, nil},
		{"unknown statement", func(ctx context.Context, q sqlstore.Queries) error {
			_ = add(nil, "e")(ctx, q)
			_, err := q.Exec(ctx, "insert into notes (text) values ('f')")
			return err
		}, nil},
		{"unknown query", func(ctx context.Context, q sqlstore.Queries) error {
			_, err := q.Query(ctx, allNotes)
			return err
		}, nil},
		{"error that the step has hidden", func(ctx context.Context, q sqlstore.Queries) error {
			_ = add(nil, "g")(ctx, q)
			_, _ = q.Exec(ctx, addNote, nil)
			return nil // the commit of such a transaction is a rollback
		}, nil},
	} {
		err := db.Write(t.Context(), "test", c.fn)
		if err == nil || errors.Is(err, sallyport.ErrStoreUnavailable) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: Write() = %v, want a fault of ours", c.name, err)
		}
		wantNotes(t, db, "")
	}
	if err := db.Write(t.Context(), "test", add(nil, "h")); err != nil {
		t.Errorf("Write() afterwards = %v", err)
	}
	wantNotes(t, db, "h")
}

// Of two transactions that wait for each other the server undoes one, which is run again.
func TestDeadlockIsRunAgain(t *testing.T) {
	_, dsn := connected(t, 2)
	db, err := open(t.Context(), dsn+"&pool_max_conns=4&deadlock_timeout=50ms") // a superuser may; it is 1 s by default
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.durable.known[addNote], db.durable.known[pick] = true, true
	if err := db.Write(t.Context(), "test", add(nil, "a", "b")); err != nil {
		t.Fatal(err)
	}
	var runs [2]int
	var both sync.WaitGroup // waits until each has its first row
	both.Add(2)
	cross := func(i int, first, second string) error {
		return db.Write(t.Context(), "test", func(ctx context.Context, q sqlstore.Queries) error {
			runs[i]++
			if _, err := q.Exec(ctx, pick, first); err != nil {
				return err
			}
			if runs[i] == 1 {
				both.Done()
				both.Wait()
			}
			_, err := q.Exec(ctx, pick, second)
			return err
		})
	}
	answers := make(chan error, 2)
	go func() { answers <- cross(0, "a", "b") }()
	go func() { answers <- cross(1, "b", "a") }()
	for range 2 {
		if err := <-answers; err != nil {
			t.Errorf("Write() = %v", err)
		}
	}
	if runs[0]+runs[1] < 3 {
		t.Errorf("the steps ran %v times, want one of them again", runs)
	}
}

func TestRestartsEnd(t *testing.T) {
	db, _ := connected(t, 2)
	const fail = "select fail($1)"
	db.durable.known[fail] = true
	for _, c := range []struct {
		code string
		runs int
	}{{"40P01", 1 + maxRestarts}, {"40001", 1 + maxRestarts}, {"55P03", 1}, {"23505", 1}} {
		if _, err := db.durable.db.ExecContext(t.Context(), `create or replace function fail(text) returns void language plpgsql as
			$$ begin raise exception 'test' using errcode = $1; end $$`); err != nil {
			t.Fatal(err)
		}
		runs := 0
		err := db.Write(t.Context(), "test", func(ctx context.Context, q sqlstore.Queries) error {
			runs++
			_, err := q.Exec(ctx, fail, c.code)
			return err
		})
		if codeOf(err) != c.code || runs != c.runs {
			t.Errorf("%s: Write() = %v after %d runs, want %d", c.code, err, runs, c.runs)
		}
	}
}

func TestCallerWhoHasLeftRunsNothing(t *testing.T) {
	db, _ := connected(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range db.calls() {
		if err := call(ctx, "test", add(nil, name)); !errors.Is(err, context.Canceled) || errors.Is(err, sallyport.ErrStoreUnavailable) {
			t.Errorf("%s() = %v, want %v", name, err, context.Canceled)
		}
	}
	wantNotes(t, db, "")
}

// The caller gets an answer at once, the step is finished, and the connection is the same afterwards.
func TestCallerLeavesAStepUnderWay(t *testing.T) {
	for _, name := range []string{"Read", "Single", "Write"} {
		t.Run(name, func(t *testing.T) {
			db, _ := connected(t, 2)
			call := db.calls()[name]
			var before, after int
			if err := call(t.Context(), "test", pid(&before)); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			finish, finished := make(chan struct{}), make(chan struct{})
			err := call(ctx, "test", func(ctx context.Context, q sqlstore.Queries) error {
				defer close(finished)
				cancel()
				<-finish
				return add(nil, "a")(ctx, q)
			})
			if !errors.Is(err, context.Canceled) || errors.Is(err, sallyport.ErrStoreUnavailable) {
				t.Errorf("%s() = %v, want %v", name, err, context.Canceled)
			}
			close(finish)
			<-finished
			if err := call(t.Context(), "test", pid(&after)); err != nil || before != after {
				t.Errorf("%s() afterwards = %v on connection %d, want %d as before", name, err, after, before)
			}
			wantNotes(t, db, "a")
		})
	}
}

// Whoever waits for a connection and leaves does not run.
func TestCallerLeavesTheQueue(t *testing.T) {
	db, _ := connected(t, 2)
	began, finish := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- db.Write(context.Background(), "test", func(context.Context, sqlstore.Queries) error {
			close(began)
			<-finish
			return nil
		})
	}()
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := db.Write(ctx, "test", add(nil, "a")); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sallyport.ErrStoreUnavailable) {
		t.Errorf("Write() in the queue = %v, want %v", err, context.DeadlineExceeded)
	}
	close(finish)
	if err := <-first; err != nil {
		t.Errorf("Write() = %v", err)
	}
	wantNotes(t, db, "")
}

func TestCloseWaits(t *testing.T) {
	for _, name := range []string{"Read", "Single", "Write"} {
		t.Run(name, func(t *testing.T) {
			db, _ := connected(t, 2)
			call := db.calls()[name]
			began, finish, answer := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			go func() {
				answer <- call(context.Background(), "test", func(ctx context.Context, q sqlstore.Queries) error {
					close(began)
					<-finish
					return add(nil, "a")(ctx, q)
				})
			}()
			<-began
			closed := make(chan error, 1)
			go func() { closed <- db.Close() }()
			<-db.closed // Close is under way
			select {
			case err := <-closed:
				t.Fatalf("Close() = %v before the step was done", err)
			case <-time.After(20 * time.Millisecond): // as long as a Close that does not wait may need
			}
			close(finish)
			if err := <-answer; err != nil {
				t.Errorf("%s() under way = %v", name, err)
			}
			if err := <-closed; err != nil {
				t.Errorf("Close() = %v", err)
			}
			if err := db.Close(); err != nil {
				t.Errorf("Close() again = %v", err)
			}
			if err := call(context.Background(), "test", add(nil, "b")); !errors.Is(err, sallyport.ErrStoreUnavailable) {
				t.Errorf("%s() after Close = %v, want %v", name, err, sallyport.ErrStoreUnavailable)
			}
		})
	}
}

// within checks that what began at start was answered in time.
func within(t *testing.T, what string, start time.Time, limit time.Duration) {
	t.Helper()
	if took := time.Since(start); took > limit {
		t.Errorf("%s took %v, want at most %v", what, took, limit)
	}
}

// A step that does not end keeps its connection but not its caller, nor those who wait behind it.
func TestAnswerInAnyCase(t *testing.T) {
	t.Parallel()
	db, _ := connected(t, 2)
	finish, answers := make(chan struct{}), make(chan error, 3)
	start := time.Now()
	for range cap(answers) {
		go func() {
			answers <- db.Write(context.Background(), "test", func(context.Context, sqlstore.Queries) error {
				<-finish
				return nil
			})
		}()
	}
	for range cap(answers) {
		if err := <-answers; !errors.Is(err, sallyport.ErrStoreUnavailable) {
			t.Errorf("Write() = %v, want %v", err, sallyport.ErrStoreUnavailable)
		}
	}
	within(t, "the answers", start, 2*time.Second)
	close(finish)
	if err := db.Write(t.Context(), "test", add(nil, "a")); err != nil {
		t.Errorf("Write() afterwards = %v", err)
	}
	wantNotes(t, db, "a")
}

// P5, P6: while somebody holds a row, whoever wants it is answered in time, in whatever number; reads and advances
// go on meanwhile, and everything does afterwards.
func TestHeldLock(t *testing.T) {
	t.Parallel()
	db, dsn := connected(t, 10)
	if err := db.Write(t.Context(), "test", add(nil, "a", "b")); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	held, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.Exec(pick, "a"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	answers := make(chan error, 25)
	for range cap(answers) {
		go func() {
			answers <- db.Write(context.Background(), "test", func(ctx context.Context, q sqlstore.Queries) error {
				_, err := q.Exec(ctx, pick, "a")
				return err
			})
		}()
	}
	free := 0
	for waiting := cap(answers); waiting > 0; {
		select {
		case err := <-answers:
			waiting--
			if !errors.Is(err, sallyport.ErrStoreUnavailable) {
				t.Errorf("Write() = %v, want %v", err, sallyport.ErrStoreUnavailable)
			}
		default:
			free++
			begun := time.Now()
			err := db.Single(t.Context(), "test", func(ctx context.Context, q sqlstore.Queries) error {
				_, err := q.Exec(ctx, pick, "b")
				return err
			})
			if err != nil {
				t.Fatalf("Single() beside the held lock = %v", err)
			}
			within(t, "Single() beside the held lock", begun, time.Second)
		}
	}
	within(t, "the answers", start, 2*time.Second)
	if free < 10 {
		t.Errorf("%d steps went on beside the held lock, want many", free)
	}
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), "test", add(nil, "c")); err != nil {
		t.Errorf("Write() afterwards = %v", err)
	}
	wantNotes(t, db, "a b c")
}

// shown reads a setting on a connection of the pool.
func shown(t *testing.T, p *pool, name string) (value string) {
	t.Helper()
	if err := p.db.QueryRowContext(t.Context(), "select current_setting($1)", name).Scan(&value); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return value
}

func TestConnectionSettings(t *testing.T) {
	dsn := testpg.Database(t)
	if _, err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	name := dsn[strings.LastIndex(dsn, "/")+1:]
	name, _, _ = strings.Cut(name, "?")
	for _, c := range []struct {
		name, database, dsn string
		durable, fast       map[string]string
	}{
		{
			"ours", "", "",
			map[string]string{
				"deadlock_timeout":   "1s", // the server's, which lock_timeout has to be longer than
				"synchronous_commit": "on", "statement_timeout": "1500ms", "lock_timeout": "1200ms", "idle_in_transaction_session_timeout": "5s",
				"application_name": "sallyport", "default_transaction_isolation": "read committed",
			},
			map[string]string{
				"synchronous_commit": "off", "statement_timeout": "1500ms", "lock_timeout": "1200ms", "idle_in_transaction_session_timeout": "5s",
				"application_name": "sallyport", "default_transaction_isolation": "read committed",
			},
		},
		{
			"the database's default is off", "synchronous_commit = off", "",
			map[string]string{"synchronous_commit": "on"}, map[string]string{"synchronous_commit": "off"},
		},
		{
			"the database's default is more", "synchronous_commit = remote_apply", "",
			map[string]string{"synchronous_commit": "remote_apply"}, map[string]string{"synchronous_commit": "off"},
		},
		{
			"the database has another isolation", "default_transaction_isolation = serializable", "",
			map[string]string{"default_transaction_isolation": "read committed"}, map[string]string{"default_transaction_isolation": "read committed"},
		},
		{
			"given", "", "&application_name=mine&statement_timeout=700&lock_timeout=300",
			map[string]string{"application_name": "mine", "statement_timeout": "700ms", "lock_timeout": "300ms", "synchronous_commit": "on"},
			map[string]string{"application_name": "mine", "statement_timeout": "700ms", "lock_timeout": "300ms", "synchronous_commit": "off"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.database != "" {
				testpg.Exec(t, dsn, "alter database "+name+" set "+c.database)
				defer testpg.Exec(t, dsn, "alter database "+name+" reset all")
			}
			db, err := open(t.Context(), dsn+c.dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			for p, want := range map[*pool]map[string]string{db.durable: c.durable, db.fast: c.fast} {
				for name, want := range want {
					if got := shown(t, p, name); got != want {
						t.Errorf("%s = %q, want %q", name, got, want)
					}
				}
			}
		})
	}
}

func TestPoolsShareTheConnections(t *testing.T) {
	for conns, want := range map[int][2]int{2: {1, 1}, 3: {2, 1}, 10: {5, 5}} {
		db := newDatabase(settings{config: mustParse(t, "postgres://localhost/x").config, conns: conns})
		if got := [2]int{cap(db.durable.slots), cap(db.fast.slots)}; got != want {
			t.Errorf("%d connections: durable and fast have %v, want %v", conns, got, want)
		}
		if err := db.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	}
}

// Some drivers bind $1 and $2 in the order in which they stand in the text.
func TestPlaceholdersAreBoundByNumber(t *testing.T) {
	db, _ := connected(t, 2)
	var first, second string
	if err := db.fast.db.QueryRow("select $2::text, $1::text", "one", "two").Scan(&first, &second); err != nil || first != "two" || second != "one" {
		t.Errorf("select $2, $1 = %q, %q, %v", first, second, err)
	}
}

// What Open has the server read must not stay there for as long as the connection lives.
func TestOpenLeavesNoStatement(t *testing.T) {
	db, _ := connected(t, 2)
	conn, err := db.durable.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Without an argument, and so by a statement that is not prepared.
	result, err := conn.ExecContext(t.Context(), "select from pg_prepared_statements")
	if err != nil {
		t.Fatal(err)
	}
	if left, err := result.RowsAffected(); err != nil || left != 0 {
		t.Errorf("%d prepared statements are left, %v, want none", left, err)
	}
}

// A statement with a mistake fails when the database is opened.
func TestPrepareOnceFindsAMistake(t *testing.T) {
	db, _ := connected(t, 2)
	conn, err := db.durable.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for text, fails := range map[string]bool{addNote: false, "insert into notes (txt) values ($1)": true, "select id from note": true} {
		err := raw(conn, func(c *pgxConn) error { return prepareOnce(t.Context(), c.PgConn(), []string{addNote, text}) })
		if (err != nil) != fails {
			t.Errorf("prepareOnce(%q) = %v, want an error: %v", text, err, fails)
		}
	}
}
