package main

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the product's driver "sqlite"

	_ "github.com/sallyport-auth/sallyport/postgres" // the product's driver "pgx"
)

// kind is one of the databases that the product knows.
type kind string

const (
	onSQLite   kind = "SQLite"
	onPostgres kind = "PostgreSQL"
)

// kinds are in the order of the tables.
var kinds = []kind{onSQLite, onPostgres}

// database is where a product keeps its tables.
type database struct {
	kind
	setting string   // what the product's setting database says
	file    string   // of SQLite
	cluster *cluster // of PostgreSQL
	name    string   // in the cluster
}

func sqliteDatabase(folder string) database {
	file := filepath.Join(folder, "sallyport.db")
	return database{kind: onSQLite, setting: "sqlite:" + file, file: file}
}

// postgresDatabase makes an empty database.
func postgresDatabase(ctx context.Context, c *cluster, name string) (database, error) {
	d := database{kind: onPostgres, setting: c.url(name), cluster: c, name: name}
	return d, c.execute(ctx, "create database "+name)
}

// openQuick is for rows by the million: what it writes reaches the disk when it does, and foreign keys are
// not checked.
func (d database) openQuick() (*sql.DB, error) {
	driver, source := "sqlite", "file:"+d.file+"?_pragma=synchronous(off)&_pragma=cache_size(-65536)&_pragma=busy_timeout(10000)"
	if d.kind == onPostgres {
		driver, source = "pgx", d.setting+"&"+url.Values{
			"session_replication_role": {"replica"}, "synchronous_commit": {"off"}, "maintenance_work_mem": {"256MB"},
		}.Encode()
	}
	db, err := sql.Open(driver, source)
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// drop deletes what is not in the folder of the product.
func (d database) drop(ctx context.Context) error {
	if d.cluster == nil {
		return nil
	}
	return d.cluster.execute(context.WithoutCancel(ctx), "drop database "+d.name)
}

// sizeMiB is what the files of the database take.
func (d database) sizeMiB(ctx context.Context) (float64, error) {
	if d.cluster == nil {
		return sizeMiB(d.file)
	}
	db, err := sql.Open("pgx", d.setting)
	if err != nil {
		return 0, err
	}
	var bytes int64
	err = db.QueryRowContext(ctx, "select pg_database_size(current_database())").Scan(&bytes)
	return float64(bytes) / (1 << 20), errors.Join(err, db.Close())
}
