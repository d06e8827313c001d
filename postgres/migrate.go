package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// ErrSchema means that the tables are not as this release needs them. The error that wraps it says what to do.
var ErrSchema = errors.New("the database has another schema than this release needs")

const (
	// migrationLock is the key of the advisory lock that whoever migrates holds: "sallypor" in bytes.
	migrationLock = 0x73616c6c79706f72

	// migrationSettings take the place of a store's: a migration may take its time, but not keep everybody
	// waiting behind a lock that it does not get.
	migrationSettings = `select set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
		set_config('idle_in_transaction_session_timeout', '60s', false),
		set_config('default_transaction_isolation', 'read committed', false),
		set_config('synchronous_commit', ` + commitDurable + `, false)`
	boundLocks = `set local lock_timeout = '10s'`
)

// migration is one step forward of the schema.
type migration struct {
	version int
	name    string
	text    string
	// readableBy is the lowest version of the schema whose release still works after this migration.
	readableBy int
}

// readableLine is the first line of a migration that the release before cannot live with.
var readableLine = regexp.MustCompile(`\A-- readable by (\d+)\n`)

// migrations lists the embedded migrations.
func migrations() ([]migration, error) { return readMigrations(migrationFiles) }

// readMigrations lists those of a file system; their file names begin with 0001, 0002 and so on.
func readMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	all := make([]migration, 0, len(names))
	for i, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		name = strings.TrimPrefix(name, "migrations/")
		number, _, _ := strings.Cut(name, "_")
		if version, err := strconv.Atoi(number); err != nil || version != i+1 {
			return nil, fmt.Errorf("migration %s: want the number %04d", name, i+1)
		}
		m := migration{version: i + 1, name: name, text: string(text), readableBy: i}
		if line := readableLine.FindStringSubmatch(m.text); line != nil {
			if m.readableBy, err = strconv.Atoi(line[1]); err != nil {
				return nil, fmt.Errorf("migration %s: %w", name, err)
			}
		}
		all = append(all, m)
	}
	return all, nil
}

// Migrate makes the tables, or brings them up to date, and returns the names of the migrations that it has
// applied. Each is one transaction; several programs may call Migrate at once. A database that holds tables of another
// program with our names is left as it is.
func Migrate(ctx context.Context, dsn string) (applied []string, err error) {
	err = withSchema(ctx, dsn, "migrate", func(conn *pgx.Conn, all []migration) error {
		for {
			name, err := migrateOnce(ctx, conn, all)
			if err != nil || name == "" {
				return err
			}
			applied = append(applied, name)
		}
	})
	return applied, err
}

// Status returns the names of the migrations that the database has and of those that Migrate would apply. It
// changes nothing.
func Status(ctx context.Context, dsn string) (applied, pending []string, err error) {
	err = withSchema(ctx, dsn, "migration status", func(conn *pgx.Conn, all []migration) error {
		s, err := readSchema(ctx, conn, all)
		if err != nil {
			return err
		}
		for _, m := range s {
			applied = append(applied, m.name)
		}
		for _, m := range all[min(len(s), len(all)):] {
			pending = append(pending, m.name)
		}
		return nil
	})
	return applied, pending, err
}

// withSchema runs fn on a connection of its own.
func withSchema(ctx context.Context, dsn, op string, fn func(*pgx.Conn, []migration) error) (err error) {
	defer func() { err = explain(op, err) }()
	all, err := migrations()
	if err != nil {
		return err
	}
	s, err := parse(dsn)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, s.withSetup(migrationSettings))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if err := checkServer(conn.PgConn()); err != nil {
		return err
	}
	return fn(conn, all)
}

// migrateOnce applies the next migration and returns its name, "" when there is none. It looks which one that is
// while it holds the lock, since another program may have applied it meanwhile. The lock ends with the transaction: one
// of the session would not survive a pooler in transaction mode.
func migrateOnce(ctx context.Context, conn *pgx.Conn, all []migration) (name string, err error) {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback(context.WithoutCancel(ctx)) // if this fails, the end of the connection undoes as much
		}
	}()
	if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, boundLocks); err != nil {
		return "", err
	}
	s, err := readSchema(ctx, tx, all)
	if err != nil {
		return "", err
	}
	if len(s) >= len(all) {
		return "", errors.Join(s.check(len(all)), tx.Commit(ctx))
	}
	m := all[len(s)]
	if err := m.apply(ctx, tx); err != nil {
		return "", fmt.Errorf("migration %s: %w", m.name, err)
	}
	return m.name, tx.Commit(ctx)
}

const (
	createSchemaVersion = `create table if not exists schema_version (
		version bigint not null primary key, name text not null, readable_by bigint not null)`
	insertSchemaVersion = `insert into schema_version (version, name, readable_by) values ($1, $2, $3)`
	schemaVersions      = `select version, name, readable_by from schema_version order by version`

	// ownTables lists those of $1 that are in the schema in which a new one would be made.
	ownTables = `select c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
		where n.nspname = current_schema() and c.relname = any($1) order by c.relname`
)

func (m migration) apply(ctx context.Context, tx pgx.Tx) error {
	if m.version == 1 {
		if _, err := tx.Exec(ctx, createSchemaVersion); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, m.text); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, insertSchemaVersion, m.version, m.name, m.readableBy)
	return err
}

// schema is what the table schema_version says: the migrations that were applied, in their order.
type schema []migration

// querier is a connection or a transaction.
type querier interface {
	Query(ctx context.Context, statement string, args ...any) (pgx.Rows, error)
}

// readSchema reads what was applied. It is empty for a database without our tables. It leaves no prepared statement
// on the connection, which may be one of a pool.
func readSchema(ctx context.Context, q querier, all []migration) (schema, error) {
	rows, err := q.Query(ctx, ownTables, pgx.QueryExecModeExec, tablesOf(all))
	if err != nil {
		return nil, err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) == 0 {
		return nil, err
	}
	versioned := false
	for _, name := range tables {
		versioned = versioned || name == "schema_version"
	}
	if !versioned {
		return nil, fmt.Errorf("it holds tables of another program (%s): give Sallyport a database or a schema of its own", strings.Join(tables, ", "))
	}
	rows, err = q.Query(ctx, schemaVersions, pgx.QueryExecModeExec)
	if err != nil {
		return nil, err
	}
	s, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m migration, err error) {
		err = row.Scan(&m.version, &m.name, &m.readableBy)
		return m, err
	})
	if codeOf(err) == undefinedColumn {
		return nil, errors.New("it holds a table schema_version of another program: give Sallyport a database or a schema of its own")
	}
	if err != nil {
		return nil, err
	}
	return s, schema(s).compare(all)
}

// createdTable finds what a migration makes.
var createdTable = regexp.MustCompile(`(?m)^create table (\w+)`)

// tablesOf names every table of ours.
func tablesOf(all []migration) []string {
	names := []string{"schema_version"}
	for _, m := range all {
		for _, found := range createdTable.FindAllStringSubmatch(m.text, -1) {
			names = append(names, found[1])
		}
	}
	return names
}

// compare finds a database whose migrations are not those of any release.
func (s schema) compare(all []migration) error {
	for i, m := range s {
		if m.version != i+1 || i < len(all) && m.name != all[i].name {
			return fmt.Errorf("%w: schema_version has %04d %q where this release has another migration", ErrSchema, m.version, m.name)
		}
	}
	return nil
}

// check refuses a schema that a release that knows so many migrations cannot work with. A newer one it may be able
// to: while the instances of a cluster are replaced, those of the release before go on.
func (s schema) check(known int) error {
	if len(s) == 0 && known > 0 {
		return fmt.Errorf(`%w: it has no tables yet; run "sallyport migrate up"`, ErrSchema)
	}
	if len(s) < known {
		return fmt.Errorf(`%w: its version is %d, this release needs %d; run "sallyport migrate up"`, ErrSchema, len(s), known)
	}
	for _, m := range s[known:] {
		if m.readableBy > known {
			return fmt.Errorf("%w: its version is %d, and since %04d a release that knows version %d no longer works with it; run the newer release",
				ErrSchema, len(s), m.version, known)
		}
	}
	return nil
}
