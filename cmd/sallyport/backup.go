package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
	"github.com/sallyport-auth/sallyport/sqlite"
)

type backupCommand struct {
	sourceFlags
	File string `arg:"" help:"The file to write; it must not exist."`
}

func (backupCommand) examples() []string {
	return []string{"sallyport backup sallyport-2026-11-25.db", "sallyport backup /backup/sallyport.db --config /etc/sallyport.yaml"}
}

// Run copies a SQLite database, consistently, whether a server runs or not.
func (c backupCommand) Run(ctx context.Context, w world) error {
	const what = "backup"
	s, err := c.load(w, nil)
	if err != nil {
		return err
	}
	if s.IsPostgres() {
		return failure{what, "this is for SQLite; PostgreSQL has a tool of its own", "use pg_dump --format=custom --file=" + c.File + ", with the database of the settings"}
	}
	switch err := sqlite.Backup(ctx, s.DatabaseFile(), c.File); {
	case errors.Is(err, fs.ErrExist):
		return failure{what, "the file " + c.File + " exists", "give the name of a new one"}
	case errors.Is(err, fs.ErrNotExist):
		return failure{what, withoutNames(err), "check the setting database and the folder of the file"}
	case err != nil:
		return explainUse(what, s.DatabaseFile(), err)
	}
	if len(s.Secret) == 0 {
		_, err = fmt.Fprintf(w.stderr, "sallyport: the root secret is not in it: keep %s as well, and not in the same place\n", secretFile{database: s.DatabaseFile()}.path())
	}
	return err
}

type restoreCommand struct {
	sourceFlags
	File         string `arg:"" help:"What sallyport backup has written."`
	KeepSessions bool   `help:"End no session. Those that ended since the backup are alive again."`
	Yes          bool   `help:"Do not ask."`
}

func (restoreCommand) examples() []string {
	return []string{"sallyport restore sallyport-2026-11-25.db", "sallyport restore sallyport-2026-11-25.db --yes"}
}

// Run puts a backup into the place of a SQLite database that no server holds.
func (c restoreCommand) Run(ctx context.Context, w world) (err error) {
	const what = "restore"
	s, err := c.load(w, nil)
	if err != nil {
		return err
	}
	if s.IsPostgres() {
		return failure{what, "this is for SQLite; PostgreSQL has a tool of its own", "use pg_restore, then sallyport sessions revoke --all, so that no session lives that ended since the backup"}
	}
	lock, err := sqlite.Lock(s.DatabaseFile())
	if errors.Is(err, sqlite.ErrLocked) {
		return failure{what, "a server holds the database", "stop it first"}
	}
	if err != nil {
		return explainFile(what, s.DatabaseFile(), err)
	}
	defer func() { err = errors.Join(err, explain(what, lock.Close())) }()
	if err := confirm(w, what, c.consequence(s), c.Yes); err != nil {
		return err
	}
	prepared, err := sqlite.Prepare(ctx, c.File, s.DatabaseFile())
	if denied := explainDenied(what, s.DatabaseFile(), err); denied != nil {
		return denied
	}
	if err != nil {
		return failure{what, withoutNames(err), "give a file that sallyport backup has written; the database is as it was"}
	}
	ended, err := c.settle(ctx, w, what, s, prepared)
	if err != nil {
		return err
	}
	err = sqlite.Replace(prepared, s.DatabaseFile())
	if denied := explainDenied(what, s.DatabaseFile(), err); denied != nil {
		return denied
	}
	if err != nil {
		return failure{what, withoutNames(err), "the database is as it was"}
	}
	_, err = fmt.Fprintf(w.stdout, "restored; %d %s ended\n", ended, plural(ended, "session", "sessions"))
	if err == nil {
		warn(w, "signing keys that were withdrawn since the backup are back; if there was one, run sallyport keys rotate --now")
	}
	return err
}

func (c restoreCommand) consequence(s *settings.Settings) string {
	text := "what was written since the backup goes, and everybody signs in once more"
	if c.KeepSessions {
		text = "what was written since the backup goes, and sessions that ended since are alive again"
	}
	return text + "; the database of today is kept in " + sqlite.Kept(s.DatabaseFile())
}

// settle brings the schema of the prepared file up to date and ends its sessions, under the secret of the settings:
// a backup that belongs to another secret is found out before it is in place.
func (c restoreCommand) settle(ctx context.Context, w world, what string, s *settings.Settings, prepared string) (ended int, err error) {
	trial := *s
	trial.Database = "sqlite:" + prepared
	if len(trial.Secret) == 0 {
		file := secretFile{s.DatabaseFile(), quietLog(w.stderr)}
		secret, err := file.read()
		if errors.Is(err, fs.ErrNotExist) {
			return 0, failure{what, "there is no " + file.path() + ", the root secret of the backup", "put it back beside the database"}
		}
		if err != nil {
			return 0, explain(what, err)
		}
		trial.Secret = settings.Secret{secret}
	}
	svc, err := open(ctx, what, &trial, quietLog(w.stderr), nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, explain(what, svc.close())) }()
	if c.KeepSessions {
		return 0, nil
	}
	ended, err = svc.RevokeAllSessions(ctx)
	return ended, explain(what, err)
}
