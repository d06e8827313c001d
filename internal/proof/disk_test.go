package proof

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/testpg"
)

// smallDisk mounts a file system of so many MiB, which only root may. The test runner says loudly where it cannot be had.
func smallDisk(t *testing.T, mib string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sallyport-disk-")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+mib+"m,mode=0777", "tmpfs", dir).CombinedOutput(); err != nil {
		os.Remove(dir)
		t.Skipf("!! NO FULL DISK WAS TRIED: a small file system cannot be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
		os.Remove(dir)
	})
	return dir
}

// ballast fills what is left of a file system.
func ballast(t *testing.T, dir string) (remove func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 64<<10); ; {
		if _, err := file.Write(chunk); err != nil {
			if len(chunk) == 1 {
				break
			}
			chunk = chunk[:max(1, len(chunk)/2)]
		}
	}
	file.Close() // it says what Write has said
	return func() {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	}
}

// whileFull refreshes and reads on a full disk until a write is refused, then makes room, and everybody goes on.
func whileFull(t *testing.T, p *server, browsers []*browser, dir string) {
	t.Helper()
	free := ballast(t, dir)
	defer free()
	var w watch
	eventually(t, "a write to be refused", 20*time.Second, func() bool {
		for _, b := range browsers {
			w.note(b.refreshAt(p.url))
		}
		return w.answers["503 store_unavailable"] > 0 || w.violation != ""
	})
	for _, b := range browsers {
		if status := bearer(t, b, p.url+"/auth/user/"); status != 200 {
			t.Errorf("a read on a full disk = %d", status)
		}
	}
	for range 10 {
		for _, b := range browsers {
			w.note(b.refreshAt(p.url))
		}
	}
	free()
	eventually(t, "everybody to go on", 20*time.Second, func() bool {
		for _, b := range browsers {
			a, err := b.refreshAt(p.url)
			if err != nil || a.status != 200 && a.code != "store_unavailable" || a.deletes {
				t.Fatalf("after there is room again: %v, %v", a, err)
			}
			if a.status != 200 {
				return false
			}
		}
		return true
	})
	w.report(t)
}

// TestDiskFull: reads go on, writes are refused with a 503 and lose nothing, and all is well when there is room again.
func TestDiskFull(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		dir := smallDisk(t, "8")
		s := newSite(t, "sqlite")
		s.url = "sqlite:" + filepath.Join(dir, "app.db")
		s.environ = []string{"SALLYPORT_LIMITS_SESSION=1000000/1m"}
		p := s.start()
		browsers := signedIn(t, s, p, 4)
		whileFull(t, p, browsers, dir)
		var verdict string
		if err := s.open().QueryRow("pragma integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
			t.Errorf("integrity_check = %q, %v", verdict, err)
		}
	})
	t.Run("postgres", func(t *testing.T) {
		dir := smallDisk(t, "24")
		s := durable(t, nil)
		// The sessions lie on the small disk, the rest of the server does not: a full one under its log ends the server.
		if err := os.Chown(dir, int(owner(t)), -1); err != nil {
			t.Fatal(err)
		}
		testpg.Exec(t, s.url, "create tablespace small location '"+dir+"'")
		testpg.Exec(t, s.url, "alter table sessions set tablespace small")
		testpg.Exec(t, s.url, "alter table events set tablespace small")
		s.environ = []string{"SALLYPORT_LIMITS_SESSION=1000000/1m"}
		p := s.start()
		browsers := signedIn(t, s, p, 4)
		// Updates reuse the room in their pages, so it is sign-ins that meet the full disk.
		free := ballast(t, dir)
		defer free()
		const pw = "correct horse battery staple"
		name := s.users(1, pw, cheap)[0]
		refused := false
		eventually(t, "a sign-in to be refused", 30*time.Second, func() bool {
			a, err := newBrowser().signIn(p.url, name, pw)
			if err != nil || a.status != 200 && a.code != "store_unavailable" {
				t.Fatalf("sign-in on a full disk = %v, %v", a, err)
			}
			refused = a.status == 503 && a.header.Get("Retry-After") != "" && !a.deletes
			return refused
		})
		for _, b := range browsers {
			if status := bearer(t, b, p.url+"/auth/user/"); status != 200 {
				t.Errorf("a read on a full disk = %d", status)
			}
		}
		free()
		eventually(t, "everybody to go on", 20*time.Second, func() bool {
			a, err := newBrowser().signIn(p.url, name, pw)
			return err == nil && a.status == 200
		})
		for _, b := range browsers {
			if a, err := b.refreshAt(p.url); err != nil || a.status != 200 {
				t.Errorf("after there is room again: %v, %v", a, err)
			}
		}
	})
}

// owner is the user that PostgreSQL runs as in these tests.
func owner(t *testing.T) uint32 {
	t.Helper()
	if os.Geteuid() == 0 {
		return 65534
	}
	return uint32(os.Geteuid())
}

// bearer is the status of a GET with the access token of a browser.
func bearer(t *testing.T, b *browser, url string) int {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.access)
	a, err := send(b.client, r)
	if err != nil {
		t.Fatal(err)
	}
	return a.status
}
