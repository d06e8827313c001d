package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
	"github.com/sallyport-auth/sallyport/postgres"
	"github.com/sallyport-auth/sallyport/sqlite"
)

type migrateCommand struct {
	Up     migrateUp     `cmd:"" help:"Apply the migrations that are pending."`
	Status migrateStatus `cmd:"" help:"List the migrations, and change nothing."`
	Copy   migrateCopy   `cmd:"" help:"Copy a SQLite database into an empty PostgreSQL one."`
}

func (migrateCommand) examples() []string {
	return []string{"sallyport migrate up", "sallyport migrate status"}
}

type migrateUp struct{ sourceFlags }

func (migrateUp) examples() []string {
	return []string{"sallyport migrate up", "sallyport migrate up --config /etc/sallyport.yaml"}
}

// Run applies what is pending, and says what that was.
func (c migrateUp) Run(ctx context.Context, w world) error {
	const what = "migrate up"
	s, err := c.load(w, nil)
	if err != nil {
		return err
	}
	if s.IsPostgres() {
		applied, err := postgres.Migrate(ctx, s.Database)
		if err != nil {
			return explainPostgres(what, err)
		}
		return writeApplied(w.stdout, applied)
	}
	before, err := sqlite.Status(ctx, s.DatabaseFile())
	if err != nil {
		return explainUse(what, s.DatabaseFile(), err)
	}
	store, err := openDatabase(ctx, what, s) // which migrates
	if err != nil {
		return err
	}
	var applied []string
	for _, m := range before {
		if !m.Applied {
			applied = append(applied, m.Name)
		}
	}
	return errors.Join(explain(what, store.Close()), writeApplied(w.stdout, applied))
}

func writeApplied(to io.Writer, names []string) error {
	if len(names) == 0 {
		_, err := fmt.Fprintln(to, "nothing was pending")
		return err
	}
	for _, name := range names {
		if _, err := fmt.Fprintf(to, "%s applied\n", name); err != nil {
			return err
		}
	}
	return nil
}

type migrateStatus struct {
	sourceFlags
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (migrateStatus) examples() []string {
	return []string{"sallyport migrate status", "sallyport migrate status --json"}
}

// shownMigration is a migration as every output shows it.
type shownMigration struct {
	Name  string `json:"name"`
	State string `json:"state"` // applied, pending
}

// Run lists the migrations.
func (c migrateStatus) Run(ctx context.Context, w world) error {
	const what = "migrate status"
	s, err := c.load(w, nil)
	if err != nil {
		return err
	}
	shown, err := migrationsOf(ctx, what, s)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w.stdout, map[string]any{"migrations": shown})
	}
	lines := newColumns(w.stdout)
	for _, m := range shown {
		lines.line(m.Name, m.State)
	}
	return lines.end()
}

func migrationsOf(ctx context.Context, what string, s *settings.Settings) ([]shownMigration, error) {
	shown := []shownMigration{}
	add := func(name string, applied bool) {
		shown = append(shown, shownMigration{name, map[bool]string{true: "applied", false: "pending"}[applied]})
	}
	if s.IsPostgres() {
		applied, pending, err := postgres.Status(ctx, s.Database)
		for _, name := range applied {
			add(name, true)
		}
		for _, name := range pending {
			add(name, false)
		}
		return shown, explainPostgres(what, err)
	}
	status, err := sqlite.Status(ctx, s.DatabaseFile())
	for _, m := range status {
		add(m.Name, m.Applied)
	}
	return shown, explainUse(what, s.DatabaseFile(), err)
}

type migrateCopy struct {
	sourceFlags
	File string `arg:"" help:"The SQLite database. Stop its server before."`
}

func (migrateCopy) examples() []string {
	return []string{"sallyport migrate copy sallyport.db", "sallyport migrate copy /data/sallyport.db --config /etc/sallyport.yaml"}
}

// Run copies everything, or nothing.
func (c migrateCopy) Run(ctx context.Context, w world) (err error) {
	const what = "migrate copy"
	s, err := c.load(w, nil)
	if err != nil {
		return err
	}
	if !s.IsPostgres() {
		return failure{what, "the setting database is not PostgreSQL, into which everything is copied", "set it to postgres://…"}
	}
	if _, err := os.Stat(c.File); err != nil { // nothing is made beside a name that was mistyped
		return failure{what, withoutNames(err), "check the name of the file"}
	}
	lock, err := sqlite.Lock(c.File)
	if errors.Is(err, sqlite.ErrLocked) {
		return failure{what, "a server holds that file, and what it writes meanwhile would be lost", "stop it first"}
	}
	if denied := explainDenied(what, c.File, err); denied != nil {
		return denied
	}
	if err != nil {
		return failure{what, withoutNames(err), "check the name of the file"}
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	imported, err := postgres.Import(ctx, s.Database, func(each func(string, []string, []any) error) error {
		return sqlite.Export(ctx, c.File, each)
	})
	if errors.Is(err, postgres.ErrNotEmpty) {
		return failure{what, "the database of the settings holds something already", "copy into an empty one"}
	}
	if err != nil {
		return explainPostgres(what, err)
	}
	for _, i := range imported {
		if _, err := fmt.Fprintf(w.stdout, "%d\t%s\n", i.Rows, i.Table); err != nil {
			return err
		}
	}
	warn(w, "put "+c.File+" away: a server that is started on it again would let users and sessions of today live on beside those of the copy")
	return checkSecret(ctx, w, what, s)
}

// checkSecret fails for a root secret that is not the one of the copied database.
func checkSecret(ctx context.Context, w world, what string, s *settings.Settings) error {
	store, err := openDatabase(ctx, what, s)
	if err != nil {
		return err
	}
	cfg := serviceConfig(s)
	cfg.Store, cfg.Logger, cfg.LeaveKeys = store, quietLog(w.stderr), true
	o := &opened{store: store}
	o.Service, err = newService(ctx, cfg, s)
	if errors.Is(err, sallyport.ErrUnknownSecret) {
		err = failure{what, "everything is copied, but the secret of the settings is another one than the database's, so no server will start", "set it to the text of FILE.secret; do not copy again"}
	}
	return explain(what, errors.Join(err, o.close()))
}
