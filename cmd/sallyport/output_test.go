package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
)

func TestTableOnATerminal(t *testing.T) {
	var out bytes.Buffer
	users := listing[sallyport.User]{lines: columns{tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)}, heading: userHeading, cells: userCells}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	id := sallyport.NewID(at)
	page := []sallyport.User{{ID: id, Username: "a", Email: "a@b.example", IsActive: true, Groups: []string{"x", "y"}, CreatedAt: at},
		{ID: id, Username: "longer", CreatedAt: at}}
	if err := users.all(func(*sallyport.User) ([]sallyport.User, error) { return mapped(page, presentable), nil }); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`ID                                    USERNAME  EMAIL        ACTIVE  GROUPS  CREATED
$ID  a         a@b.example  true    x,y     2026-01-02T02:04:05Z
$ID  longer                 false           2026-01-02T02:04:05Z
`, "$ID", id.String())
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
}

func TestControlCharactersAreNotPrinted(t *testing.T) {
	var out bytes.Buffer
	c := newColumns(&out)
	c.line("a\x1b[2Jb", "c\nd\te")
	if err := c.end(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "a\ufffd[2Jb\tc\ufffdd\ufffde\n"; got != want {
		t.Errorf("line() prints %q, want %q", got, want)
	}
}

// TestListingOfSeveralPages lists more users than are read at a time.
func TestListingOfSeveralPages(t *testing.T) {
	store := openStore(t, t.TempDir()+"/app.db")
	svc, err := sallyport.New(sallyport.Config{Issuer: "http://127.0.0.1/auth", Store: store, Secret: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range pageSize + 1 {
		name := fmt.Sprintf("user-%d", i)
		if err := store.CreateUser(t.Context(), sallyport.User{ID: sallyport.NewID(time.UnixMilli(int64(i))), Username: name}, "", sallyport.Event{}); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
	}
	var out bytes.Buffer
	if err := listUsers(t.Context(), svc, newListing(&out, true, "users", userHeading, userCells)); err != nil {
		t.Fatal(err)
	}
	var document struct{ Users []sallyport.User }
	if err := json.Unmarshal(out.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range document.Users {
		got = append(got, u.Username)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listUsers() differs (-want +got):\n%s", diff)
	}
}
