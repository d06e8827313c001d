package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/sqlstore"
)

// connected opens a database whose writer does not run, so that a test can give it groups.
func connected(t testing.TB) *database {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	db := &database{closed: make(chan struct{})}
	if err := db.connect(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	if _, err := db.writer.conn.ExecContext(context.Background(), "create table notes (id integer primary key, text text not null)"); err != nil {
		t.Fatal(err)
	}
	db.prepare(t, addNote)
	db.prepare(t, sqlstore.Reads()[0])
	t.Cleanup(func() {
		// A test that has closed the database has released it.
		db.closing.Do(func() {
			if err := db.release(); err != nil {
				t.Errorf("release() = %v", err)
			}
		})
	})
	return db
}

const addNote = "insert into notes (text) values ($1)"

func (db *database) prepare(t testing.TB, statement string) {
	t.Helper()
	prepared, err := sqlstore.Prepare(context.Background(), db.writer.conn, []string{statement})
	if err != nil {
		t.Fatal(err)
	}
	db.writer.queries[statement] = prepared[statement]
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

// writeGroup has the writer write the steps as one group and returns their answers.
func (db *database) writeGroup(ctx context.Context, fns ...sqlstore.Step) []error {
	group := make([]*step, len(fns))
	for i, fn := range fns {
		group[i] = &step{ctx: ctx, fn: fn, answer: make(chan error, 1)}
	}
	db.writer.write(group)
	answers := make([]error, len(group))
	for i, s := range group {
		answers[i] = <-s.answer
	}
	return answers
}

func (db *database) wantNotes(t *testing.T, want string) {
	t.Helper()
	var got sql.NullString
	row := db.readers.QueryRowContext(t.Context(), "select group_concat(text, ' ') from (select text from notes order by id)")
	if err := row.Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got.String != want {
		t.Errorf("notes = %q, want %q", got.String, want)
	}
}

func TestFailedStepUndoesItselfAlone(t *testing.T) {
	db := connected(t)
	refused := errors.New("refused")
	answers := db.writeGroup(t.Context(),
		add(nil, "a", "b"),
		add(refused, "c", "d"),
		add(nil, "e"),
		func(ctx context.Context, q sqlstore.Queries) error {
			_ = add(nil, "f")(ctx, q)
			panic("fault")
		},
		func(ctx context.Context, q sqlstore.Queries) error {
			_, err := q.Exec(ctx, addNote, nil) // violates "not null"
			return errors.Join(add(nil, "g")(ctx, q), err)
		},
		func(ctx context.Context, q sqlstore.Queries) error {
			_, err := q.Exec(ctx, "insert into notes (text) values ('h')") // was not prepared
			return err
		},
		add(nil, "i"),
	)
	for i, failed := range []bool{false, true, false, true, true, true, false} {
		if (answers[i] != nil) != failed {
			t.Errorf("answer %d = %v, want an error: %v", i, answers[i], failed)
		}
		if errors.Is(db.explain("test", answers[i]), sallyport.ErrStoreUnavailable) {
			t.Errorf("answer %d = %v: the store is not unavailable", i, answers[i])
		}
	}
	if !errors.Is(answers[1], refused) {
		t.Errorf("answer 1 = %v, want %v", answers[1], refused)
	}
	db.wantNotes(t, "a b e i")
}

func TestFailedCommitFailsTheGroup(t *testing.T) {
	db := connected(t)
	const defers = "pragma defer_foreign_keys = on"
	const orphan = "insert into login_names (name, user_id) values ('orphan', $1)"
	db.prepare(t, defers)
	db.prepare(t, orphan)
	answers := db.writeGroup(t.Context(),
		add(nil, "a"),
		add(sallyport.ErrNameTaken, "b"),
		func(ctx context.Context, q sqlstore.Queries) error {
			_, err := q.Exec(ctx, defers)
			if err == nil {
				_, err = q.Exec(ctx, orphan, make([]byte, 16)) // found out at the commit
			}
			return err
		},
	)
	for i, answer := range answers {
		if !errors.Is(db.explain("test", answer), sallyport.ErrStoreUnavailable) {
			t.Errorf("answer %d = %v, want it unavailable", i, answer)
		}
		if errors.Is(answer, sallyport.ErrNameTaken) {
			t.Errorf("answer %d = %v: that holds only if the group is committed", i, answer)
		}
	}
	db.wantNotes(t, "")
	if answers := db.writeGroup(t.Context(), add(nil, "c")); answers[0] != nil {
		t.Errorf("the next group = %v", answers[0])
	}
	db.wantNotes(t, "c")
}

// When SQLite gives up the whole transaction by itself, no step of the group may be said to be done
// and none may run outside of it.
func TestLostTransactionFailsTheGroup(t *testing.T) {
	db := connected(t)
	db.prepare(t, "rollback") // what SQLite does on some I/O errors
	answers := db.writeGroup(t.Context(),
		add(nil, "a"),
		func(ctx context.Context, q sqlstore.Queries) error {
			_, err := q.Exec(ctx, "rollback")
			return errors.Join(err, errors.New("disk I/O error"))
		},
		add(nil, "b"),
	)
	for i, answer := range answers {
		if !errors.Is(db.explain("test", answer), sallyport.ErrStoreUnavailable) {
			t.Errorf("answer %d = %v, want it unavailable", i, answer)
		}
	}
	db.wantNotes(t, "")
	if answers := db.writeGroup(t.Context(), add(nil, "c")); answers[0] != nil {
		t.Errorf("the next group = %v", answers[0])
	}
	db.wantNotes(t, "c")
}

func TestStepOfALeftCallerIsNotRun(t *testing.T) {
	db := connected(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if answers := db.writeGroup(ctx, add(nil, "a")); !errors.Is(answers[0], errTooLate) {
		t.Errorf("answer = %v, want %v", answers[0], errTooLate)
	}
	db.wantNotes(t, "")
}

func TestCallerLeavesAStepUnderWay(t *testing.T) {
	db := connected(t)
	db.writer.start()
	defer db.writer.stop()
	ctx, cancel := context.WithCancel(t.Context())
	finish, finished := make(chan struct{}), make(chan struct{})
	err := db.Write(ctx, "test", func(ctx context.Context, q sqlstore.Queries) error {
		defer close(finished)
		err := add(nil, "a")(ctx, q)
		cancel()
		<-finish
		return err
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, sallyport.ErrStoreUnavailable) {
		t.Errorf("Write() = %v, want %v", err, context.Canceled)
	}
	close(finish)
	<-finished
	if err := db.Write(t.Context(), "test", add(nil, "b")); err != nil {
		t.Errorf("Write() = %v", err)
	}
	db.wantNotes(t, "a b") // it was committed all the same
}

func TestCloseWaits(t *testing.T) {
	for name, call := range map[string]func(*database, sqlstore.Step) error{
		"Read":  func(db *database, fn sqlstore.Step) error { return db.Read(context.Background(), "test", fn) },
		"Write": func(db *database, fn sqlstore.Step) error { return db.Write(context.Background(), "test", fn) },
	} {
		t.Run(name, func(t *testing.T) {
			db := connected(t)
			db.writer.start()
			began, finish, answer := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			go func() {
				answer <- call(db, func(ctx context.Context, q sqlstore.Queries) error {
					close(began)
					<-finish
					rows, err := q.Query(ctx, sqlstore.Reads()[0], nil)
					if err != nil {
						return err
					}
					return rows.Close()
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
			if err := call(db, add(nil, "b")); !errors.Is(err, sallyport.ErrStoreUnavailable) {
				t.Errorf("%s() after Close = %v, want %v", name, err, sallyport.ErrStoreUnavailable)
			}
		})
	}
}

// While another process holds the write lock, a call is answered within its time and reads go on.
func TestHeldLock(t *testing.T) {
	db := connected(t)
	db.writer.start()
	defer db.writer.stop()
	other, err := sql.Open("sqlite", dataSource(fileOf(t, db)))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("begin immediate"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	answers := make(chan error, 3)
	for range cap(answers) {
		go func() { answers <- db.Write(context.Background(), "test", add(nil, "a")) }()
	}
	db.wantNotes(t, "")
	for range cap(answers) {
		if err := <-answers; !errors.Is(err, sallyport.ErrStoreUnavailable) {
			t.Errorf("Write() = %v, want %v", err, sallyport.ErrStoreUnavailable)
		}
	}
	if waited := time.Since(start); waited > callTimeout+500*time.Millisecond {
		t.Errorf("the answers took %v, want at most %v", waited, callTimeout)
	}
	if _, err := other.Exec("rollback"); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), "test", add(nil, "b")); err != nil {
		t.Errorf("Write() afterwards = %v", err)
	}
	db.wantNotes(t, "b")
}

func fileOf(t *testing.T, db *database) (path string) {
	t.Helper()
	if err := db.readers.QueryRow("select file from pragma_database_list where name = 'main'").Scan(&path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFullDisk(t *testing.T) {
	db := connected(t)
	db.writer.start()
	store := sqlstore.New(db)
	defer db.writer.stop()
	ctx := t.Context()
	u := sallyport.User{ID: sallyport.NewID(time.Now()), Username: "alice", IsActive: true}
	if err := store.CreateUser(ctx, u, "", sallyport.Event{}); err != nil {
		t.Fatal(err)
	}
	limit := func(pages string) {
		t.Helper()
		if _, err := db.writer.conn.ExecContext(ctx, "pragma max_page_count = "+pages); err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // means: no more than there are
	big := sallyport.UserChange{FirstName: new(string)}
	*big.FirstName = strings.Repeat("x", 1<<20)
	if _, err := store.UpdateUser(ctx, u.ID, big, time.Now(), sallyport.Event{}); !errors.Is(err, sallyport.ErrStoreUnavailable) {
		t.Errorf("UpdateUser() on a full disk = %v, want %v", err, sallyport.ErrStoreUnavailable)
	}
	if got, err := store.User(ctx, u.ID); err != nil || got.FirstName != "" {
		t.Errorf("User() on a full disk = %.20q, %v, want it unchanged", got.FirstName, err)
	}
	limit("1000000")
	if got, err := store.UpdateUser(ctx, u.ID, big, time.Now(), sallyport.Event{}); err != nil || got.FirstName != *big.FirstName {
		t.Errorf("UpdateUser() afterwards = %v", err)
	}
	var check string
	if err := db.readers.QueryRowContext(ctx, "pragma integrity_check").Scan(&check); err != nil || check != "ok" {
		t.Errorf("integrity_check = %q, %v", check, err)
	}
}

// A reader that takes its time keeps its snapshot and holds up nobody.
func TestLongReader(t *testing.T) {
	db := connected(t)
	db.writer.start()
	defer db.writer.stop()
	if err := db.Write(t.Context(), "test", add(nil, "a", "b")); err != nil {
		t.Fatal(err)
	}
	rows, err := db.readers.QueryContext(t.Context(), "select text from notes order by id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	seen := 0
	for rows.Next() {
		seen++
		for range 500 {
			if err := db.Write(t.Context(), "test", add(nil, "c")); err != nil {
				t.Fatalf("Write() beside a reader = %v", err)
			}
		}
	}
	if err := rows.Err(); err != nil || seen != 2 {
		t.Errorf("the reader saw %d notes, %v, want 2", seen, err)
	}
}

func TestConnectionSettings(t *testing.T) {
	db := connected(t)
	reader, err := db.readers.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for _, c := range []struct{ pragma, writer, reader string }{
		{"journal_mode", "wal", "wal"},
		{"synchronous", "2", "2"},
		{"foreign_keys", "1", "1"},
		{"busy_timeout", "1200", "1200"},
		{"query_only", "0", "1"},
	} {
		for conn, want := range map[*sql.Conn]string{db.writer.conn: c.writer, reader: c.reader} {
			var got string
			if err := conn.QueryRowContext(t.Context(), "pragma "+c.pragma).Scan(&got); err != nil || got != want {
				t.Errorf("pragma %s = %q, %v, want %q", c.pragma, got, err, want)
			}
		}
	}
}

// Some drivers bind $1 and $2 in the order in which they stand in the text.
func TestPlaceholdersAreBoundByNumber(t *testing.T) {
	db := connected(t)
	var first, second string
	if err := db.readers.QueryRow("select $2, $1", "one", "two").Scan(&first, &second); err != nil || first != "two" || second != "one" {
		t.Errorf("select $2, $1 = %q, %q, %v", first, second, err)
	}
}

// No statement on a table that grows reads it from end to end.
func TestNoStatementScans(t *testing.T) {
	db := connected(t)
	placeholder := regexp.MustCompile(`\$(\d+)`)
	for _, statement := range append(sqlstore.Reads(), sqlstore.Writes()...) {
		count := 0
		for _, match := range placeholder.FindAllStringSubmatch(statement, -1) {
			n, _ := strconv.Atoi(match[1])
			count = max(count, n)
		}
		rows, err := db.writer.conn.QueryContext(t.Context(), "explain query plan "+statement, make([]any, count)...)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(detail, "SCAN ") && !strings.HasPrefix(detail, "SCAN signing_keys") {
				t.Errorf("%q does %q", statement, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}
