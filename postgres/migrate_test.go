package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/testpg"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// names lists the migrations of this release.
func names(t *testing.T) (all []string) {
	t.Helper()
	list, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		all = append(all, m.name)
	}
	return all
}

func TestMigrate(t *testing.T) {
	dsn, all := testpg.Schema(t), names(t)
	for _, c := range []struct {
		name             string
		migrate          bool
		applied, pending []string
	}{
		{"before", false, nil, all},
		{"at first", true, all, nil},
		{"again", true, nil, nil},
	} {
		if c.migrate {
			applied, err := Migrate(t.Context(), dsn)
			if diff := cmp.Diff(c.applied, applied); err != nil || diff != "" {
				t.Errorf("%s: Migrate() = %v (-want +got):\n%s", c.name, err, diff)
			}
			c.applied = all
		}
		applied, pending, err := Status(t.Context(), dsn)
		if err != nil || cmp.Diff(c.applied, applied) != "" || cmp.Diff(c.pending, pending) != "" {
			t.Errorf("%s: Status() = %v, %v, %v, want %v, %v", c.name, applied, pending, err, c.applied, c.pending)
		}
	}
}

// P11: many instances start at once, on a database that is empty, and each can work at once.
func TestMigrateAtOnce(t *testing.T) {
	for round := range 20 {
		dsn := testpg.Schema(t)
		type result struct {
			applied []string
			err     error
		}
		results := make(chan result)
		for range 8 {
			go func() {
				applied, err := Migrate(t.Context(), dsn)
				if err == nil {
					err = openAndClose(t.Context(), dsn)
				}
				results <- result{applied, err}
			}()
		}
		applied := 0
		for range 8 {
			r := <-results
			applied += len(r.applied)
			if r.err != nil {
				t.Errorf("round %d: %v", round, r.err)
			}
		}
		if want := len(names(t)); applied != want {
			t.Errorf("round %d: %d migrations were applied, want %d", round, applied, want)
		}
	}
}

func openAndClose(ctx context.Context, dsn string) error {
	db, err := open(ctx, dsn+"&pool_max_conns=2")
	if err != nil {
		return err
	}
	return db.Close()
}

func TestOpenRefusesASchema(t *testing.T) {
	known := len(names(t))
	future := fmt.Sprintf("insert into schema_version values (%d, '9999_future.sql', ", known+1)
	for _, c := range []struct {
		name, statements, want string
		schema                 bool // it is one of ours, but does not fit
	}{
		{"last one missing", fmt.Sprintf("delete from schema_version where version = %d", known), `"sallyport migrate up"`, true},
		{"all missing", "delete from schema_version", `"sallyport migrate up"`, true},
		{"newer, not for this release", future + fmt.Sprint(known+1, ")"), "run the newer release", true},
		{"newer, then one that is for this release", future + fmt.Sprint(known+1, ");") +
			fmt.Sprintf("insert into schema_version values (%d, '9999_more.sql', %d)", known+2, known), "run the newer release", true},
		{"a gap", fmt.Sprintf("update schema_version set version = %d where version = %d", known+7, known), "another migration", true},
		{"of another branch", "update schema_version set name = '0002_other.sql' where version = 2", "another migration", true},
		{"without our own table", "drop table schema_version", "another program", false},
		{"another program's versions", "drop table schema_version; create table schema_version (installed_rank bigint)", "another program", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := testpg.Schema(t)
			if _, err := Migrate(t.Context(), dsn); err != nil {
				t.Fatal(err)
			}
			testpg.Exec(t, dsn, c.statements)
			err := openAndClose(t.Context(), dsn)
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrSchema) != c.schema || errors.Is(err, sallyport.ErrStoreUnavailable) {
				t.Errorf("Open() = %v, want %q and ErrSchema: %v", err, c.want, c.schema)
			}
		})
	}
}

// While the instances of a cluster are replaced, the release before works on the new schema.
func TestReleaseBeforeWorksOnANewerSchema(t *testing.T) {
	dsn, known := testpg.Schema(t), len(names(t))
	if _, err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	testpg.Exec(t, dsn, fmt.Sprintf(`alter table users add column nickname text not null default '';
		insert into schema_version values (%d, '9999_future.sql', %d)`, known+1, known))
	if err := openAndClose(t.Context(), dsn); err != nil {
		t.Errorf("Open() = %v", err)
	}
	if applied, err := Migrate(t.Context(), dsn); err != nil || len(applied) != 0 {
		t.Errorf("Migrate() = %v, %v, want nothing to do", applied, err)
	}
	applied, pending, err := Status(t.Context(), dsn)
	if err != nil || len(applied) != known+1 || len(pending) != 0 {
		t.Errorf("Status() = %v, %v, %v, want %d migrations, none pending", applied, pending, err, known+1)
	}
}

// Tables of another program are left as they are; those that are in nobody's way do not matter.
func TestMigrateBesideAnotherProgram(t *testing.T) {
	for _, c := range []struct{ name, statement, want string }{
		{"in the way", "create table users (name text)", "another program (users)"},
		{"two in the way", "create table sessions (name text); create view users as select 1 as one", "another program (sessions, users)"},
		{"beside", "create table orders (name text)", ""},
	} {
		dsn := testpg.Schema(t)
		testpg.Exec(t, dsn, c.statement)
		applied, err := Migrate(t.Context(), dsn)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: Migrate() = %v", c.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || len(applied) != 0 {
			t.Errorf("%s: Migrate() = %v, %v, want %q", c.name, applied, err, c.want)
		}
		if _, _, err := Status(t.Context(), dsn); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Status() = %v, want %q", c.name, err, c.want)
		}
	}
}

// Tables of the same names in another schema are not ours, even on the search path.
func TestMigrateUsesTheFirstSchema(t *testing.T) {
	dsn, other := testpg.Schema(t), testpg.Schema(t)
	if _, err := Migrate(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	both := dsn + "," + other[strings.LastIndex(other, "=")+1:]
	if err := openAndClose(t.Context(), both); !errors.Is(err, ErrSchema) {
		t.Errorf("Open() = %v, want %v", err, ErrSchema)
	}
	if applied, err := Migrate(t.Context(), both); err != nil || len(applied) != len(names(t)) {
		t.Errorf("Migrate() = %v, %v, want all", applied, err)
	}
	if err := openAndClose(t.Context(), dsn); err != nil {
		t.Errorf("Open() = %v", err)
	}
}

// A migration that fails is undone, with its line in schema_version; those before it stay.
func TestFailedMigrationIsUndone(t *testing.T) {
	dsn := testpg.Schema(t)
	all, err := readMigrations(fstest.MapFS{
		"migrations/0001_good.sql": {Data: []byte("create table good (id bigint);")},
		"migrations/0002_bad.sql":  {Data: []byte("create table half (id bigint);\nselect nothing from nowhere;")},
	})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if name, err := migrateOnce(t.Context(), conn, all); err != nil || name != "0001_good.sql" {
		t.Fatalf("migrateOnce() = %q, %v", name, err)
	}
	if _, err := migrateOnce(t.Context(), conn, all); err == nil || !strings.Contains(err.Error(), "0002_bad.sql") {
		t.Errorf("migrateOnce() = %v, want the name of the migration", err)
	}
	s, err := readSchema(t.Context(), conn, all)
	if err != nil || len(s) != 1 {
		t.Errorf("%d migrations are noted, %v, want 1", len(s), err)
	}
	var half bool
	if err := conn.QueryRow(t.Context(), "select to_regclass('half') is not null").Scan(&half); err != nil || half {
		t.Errorf("the table of the failed migration is there: %v, %v", half, err)
	}
}

func TestReadMigrations(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		readableBy       int // 0 for an error
	}{
		{"nothing said", "0002_b.sql", "select 1;", 1},
		{"itself only", "0002_b.sql", "-- readable by 2\nselect 1;", 2},
		{"said later", "0002_b.sql", "select 1;\n-- readable by 2\n", 1},
		{"a gap", "0003_b.sql", "select 1;", 0},
		{"no number", "next.sql", "select 1;", 0},
		{"a number without end", "0002_b.sql", "-- readable by 99999999999999999999\n", 0},
	} {
		all, err := readMigrations(fstest.MapFS{"migrations/0001_a.sql": {}, "migrations/" + c.file: {Data: []byte(c.text)}})
		if c.readableBy == 0 {
			if err == nil {
				t.Errorf("%s: readMigrations() = nil, want an error", c.name)
			}
			continue
		}
		if err != nil || all[1].readableBy != c.readableBy {
			t.Errorf("%s: readMigrations() = %v, readable by %d, want %d", c.name, err, all[1].readableBy, c.readableBy)
		}
	}
}

// Both databases have the same migrations, and after them the same columns of the same kinds and the same indexes.
func TestSchemaIsThatOfSQLite(t *testing.T) {
	dsn := testpg.Schema(t)
	if _, err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "test.db")
	store, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, lite, post string }{
		{
			"columns",
			`select m.name || '.' || c.name || ' ' || c.type || case when c."notnull" then ' not null' else '' end
				from sqlite_schema m join pragma_table_info(m.name) c
				where m.type = 'table' and m.name not like 'sqlite%' and m.name <> 'schema_version'`,
			`select table_name || '.' || column_name || ' ' ||
					case data_type when 'bytea' then 'BLOB' when 'text' then 'TEXT' else 'INTEGER' end || case is_nullable when 'NO' then ' not null' else '' end
				from information_schema.columns where table_schema = current_schema() and table_name <> 'schema_version'`,
		},
		{
			"indexes",
			`select m.name || ' ' || m.tbl_name || ' (' || (select group_concat(c.name, ', ') from (select name from pragma_index_info(m.name) order by seqno) c) || ')' ||
					case when m.sql like '% where %' then ' where' else '' end
				from sqlite_schema m where m.type = 'index' and m.sql is not null`,
			`select c.relname || ' ' || t.relname || ' (' ||
					(select string_agg(a.attname, ', ' order by a.attnum) from pg_attribute a where a.attrelid = c.oid) || ')' ||
					case when i.indpred is not null then ' where' else '' end
				from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
				where c.relnamespace = current_schema()::regnamespace and not i.indisprimary and not i.indisunique`,
		},
		{"migrations", "select name from schema_version", "select name from schema_version"},
	} {
		lite, post := lines(t, "sqlite", path, c.lite), lines(t, "pgx", dsn, c.post)
		if diff := cmp.Diff(lite, post); diff != "" {
			t.Errorf("%s (-SQLite +PostgreSQL):\n%s", c.name, diff)
		}
	}
}

// lines runs a query that yields one text a row, and sorts them.
func lines(t *testing.T, driver, dsn, query string) (all []string) {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		all = append(all, line)
	}
	if err := rows.Err(); err != nil || len(all) == 0 {
		t.Fatalf("%d lines, %v", len(all), err)
	}
	slices.Sort(all)
	return all
}
