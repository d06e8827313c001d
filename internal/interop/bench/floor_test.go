package main

import (
	"database/sql"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

func TestFloors(t *testing.T) {
	cluster, err := startCluster(t.Context(), openFolder(t), anyCore)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := cluster.remove(); err != nil {
			t.Errorf("remove() = %v", err)
		}
	}()
	f, err := newFloor(t.Context(), filepath.Join(t.TempDir(), "floor.db"), 70, cluster.url("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.close(); err != nil {
			t.Errorf("close() = %v", err)
		}
	}()
	for path, status := range map[string]int{
		"/": 200, "/sign": 200, "/check-es256": 200, "/check-rs256": 200, "/read": 200, "/update": 200, "/insert": 200, "/hash": 200,
		"/check-rs256/read/insert/sign": 200, "/update/sing": 404,
		"/pg-read": 200, "/pg-update": 200, "/pg-update-durable/sign": 200, "/pg-insert/sign": 200,
	} {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != status || status == 200 && w.Body.Len() != responseBytes {
			t.Errorf("GET %s = %d with %d bytes, want %d", path, w.Code, w.Body.Len(), status)
		}
	}
	for _, c := range []struct {
		name          string
		db            *sql.DB
		rows, updated int
	}{
		{"SQLite", f.db, 72, 2},
		{"PostgreSQL", f.postgres.durable, 71, 2},
	} {
		var rows, updated int
		if err := c.db.QueryRow("select count(*), sum(gen) from sessions").Scan(&rows, &updated); err != nil || rows != c.rows || updated != c.updated {
			t.Errorf("%s: %d rows with %d updates, %v, want %d with %d", c.name, rows, updated, err, c.rows, c.updated)
		}
	}
	for want, db := range map[string]*sql.DB{"off": f.postgres.quick, "on": f.postgres.durable} {
		var got string
		if err := db.QueryRow("show synchronous_commit").Scan(&got); err != nil || got != want {
			t.Errorf("synchronous_commit is %q, %v, want %q", got, err, want)
		}
	}
}

// Every floor that a row names is one that the server has.
func TestRowsNameFloors(t *testing.T) {
	for _, o := range operations() {
		for on, c := range o.on {
			if c.floor != "/" && floorTitle(c.floor) == floorTitle("/") {
				t.Errorf("%s, %s: the floor %q has no title", o.title, on, c.floor)
			}
		}
	}
}
