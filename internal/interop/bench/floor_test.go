package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

func TestFloors(t *testing.T) {
	f, err := newFloor(t.Context(), filepath.Join(t.TempDir(), "floor.db"), 70)
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
	} {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != status || status == 200 && w.Body.Len() != responseBytes {
			t.Errorf("GET %s = %d with %d bytes, want %d", path, w.Code, w.Body.Len(), status)
		}
	}
	var rows, updated int
	if err := f.db.QueryRow("select count(*), sum(gen) from sessions").Scan(&rows, &updated); err != nil || rows != 72 || updated != 2 {
		t.Errorf("%d rows with %d updates, %v, want 70 and two inserts, with 2", rows, updated, err)
	}
}

// Every floor that a row names is one that the server has.
func TestRowsNameFloors(t *testing.T) {
	for _, o := range operations() {
		if o.floor != "/" && floorTitle(o.floor) == floorTitle("/") {
			t.Errorf("%s: the floor %q has no title", o.title, o.floor)
		}
	}
}
