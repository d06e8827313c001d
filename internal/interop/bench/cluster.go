package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sallyport-auth/sallyport/internal/testpg/pgbin"
)

// cluster is a PostgreSQL server of our own, with the settings that it comes with: every commit that does not say
// otherwise reaches the disk. It listens on a socket in its folder and nowhere else.
type cluster struct {
	programs string // folder
	folder   string
	*process // while it runs
}

// startCluster makes a cluster in a folder of its own in parent, and starts it on a core.
func startCluster(ctx context.Context, parent string, core int) (c *cluster, err error) {
	c = &cluster{}
	if c.programs, err = pgbin.Find(ctx); err != nil {
		return nil, fmt.Errorf("%w\nor measure without it: --database SQLite", err)
	}
	if c.folder, err = os.MkdirTemp(parent, "sallyport-bench-pg-"); err != nil {
		return nil, err
	}
	if err := c.create(ctx, core); err != nil {
		return nil, errors.Join(fmt.Errorf("PostgreSQL: %w", err), c.remove())
	}
	return c, nil
}

func (c *cluster) create(ctx context.Context, core int) error {
	if err := giveToNobody(c.folder); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(c.programs, "initdb"), "-A", "trust", "-E", "UTF8", "--locale=C", "-U", "postgres", "-D", c.data())
	cmd.Dir, cmd.SysProcAttr = c.folder, asNobody()
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(output))
	}
	return c.start(ctx, core)
}

func (c *cluster) data() string { return filepath.Join(c.folder, "data") }

// start starts the server, also anew, and waits until it answers.
func (c *cluster) start(ctx context.Context, core int) error {
	log, err := os.OpenFile(filepath.Join(c.folder, "log"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the child has its own
	cmd := exec.Command(filepath.Join(c.programs, "postgres"), "-D", c.data(), "-k", c.folder, "-c", "listen_addresses=")
	cmd.Dir, cmd.SysProcAttr, cmd.Stderr = c.folder, asNobody(), log
	if c.process, err = startProcess(core, cmd); err != nil {
		return err
	}
	c.process.ending = syscall.SIGINT // a fast shutdown
	for limit := time.Now().Add(startLimit); ; time.Sleep(10 * time.Millisecond) {
		err := c.execute(ctx, "select 1")
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if c.ended() || time.Now().After(limit) {
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("it has not started: %w: %s", err, bytes.TrimSpace(said))
		}
	}
}

// url names a database of the cluster.
func (c *cluster) url(name string) string {
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + name, RawQuery: url.Values{"host": {c.folder}}.Encode()}).String()
}

// execute runs a statement on a connection of its own, in the database that every cluster has.
func (c *cluster) execute(ctx context.Context, statement string) error {
	db, err := sql.Open("pgx", c.url("postgres"))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement)
	return errors.Join(err, db.Close())
}

// remove stops the server and deletes everything.
func (c *cluster) remove() error {
	var err error
	if c.process != nil {
		err = c.stop()
	}
	return errors.Join(err, os.RemoveAll(c.folder))
}
