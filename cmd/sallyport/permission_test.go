//go:build unix

package main

import (
	"context"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sqlite"
)

// nobody is the user of the server in these tests, as whom root runs it.
const nobody = 65534

// installation is a folder of a server that runs as nobody, and the command, where nobody finds it.
type installation struct {
	t              *testing.T
	folder, binary string
}

func newInstallation(t *testing.T) installation {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED HERE: only root can run a server as another user, and this test does not run as root")
	}
	i := installation{t, filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "sallyport")}
	open := filepath.Dir(filepath.Dir(i.folder)) // of the test, which testing closes to others
	for _, err := range []error{os.Chmod(open, 0o755), os.Mkdir(i.folder, 0o700), os.Chown(i.folder, nobody, nobody), copyCommand(i.binary)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return i
}

func copyCommand(to string) error {
	path, err := exec.LookPath("sallyport")
	if err != nil {
		return err
	}
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

func (i installation) command(ctx context.Context, uid uint32, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, i.binary, args...)
	cmd.Dir, cmd.Env = i.folder, []string{quickExit, "HOME=/"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	return cmd
}

// root runs a command as root.
func (i installation) root(args ...string) {
	i.t.Helper()
	cmd := i.command(i.t.Context(), 0, args...)
	cmd.Stdin = strings.NewReader(testPassword + "\n")
	if output, err := cmd.CombinedOutput(); err != nil {
		i.t.Fatalf("sallyport %s as root = %v\n%s", strings.Join(args, " "), err, output)
	}
}

// run runs a command as nobody, within a bound, for a server that starts would not end.
func (i installation) run(args ...string) (output []byte, err error) {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), 20*time.Second)
	defer cancel()
	return i.command(ctx, nobody, args...).CombinedOutput()
}

// wantServed starts the server as nobody, signs in and stops it.
func (i installation) wantServed() {
	i.t.Helper()
	p, err := startCommand(i.command(i.t.Context(), nobody, "serve"), i.folder, []string{quickExit, "HOME=/"})
	if err != nil {
		i.t.Fatal(err)
	}
	response, _ := post(i.t, p.url+"/auth/sign-in/", `{"username": "alice", "password": "`+testPassword+`"}`, nil)
	if response.StatusCode != 200 {
		i.t.Errorf("sign-in/ = %s, want 200", response.Status)
	}
	if code := p.stop(syscall.SIGTERM); code != 0 {
		i.t.Errorf("sallyport serve as nobody ended with status %d:\n%s", code, p.log())
	}
}

// wantOwner checks all that is in the folder.
func (i installation) wantOwner(after string) {
	i.t.Helper()
	err := filepath.WalkDir(i.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != nobody {
			i.t.Errorf("after %s: %s belongs to %d, want the user of the server", after, entry.Name(), info.Sys().(*syscall.Stat_t).Uid)
		}
		return err
	})
	if err != nil {
		i.t.Error(err)
	}
}

// What root does with the database of a server, from the first command on, leaves it to the server's user.
func TestCommandsOfRootLeaveTheDatabaseToItsOwner(t *testing.T) {
	i := newInstallation(t)
	i.root("migrate", "up")
	i.wantOwner("migrate up")
	i.root("users", "create", "--username", "alice", "--password-stdin")
	i.wantOwner("users create")
	i.wantServed()

	backup := filepath.Join(t.TempDir(), "backup.db")
	i.root("backup", backup)
	i.wantOwner("backup")
	i.root("restore", backup, "--yes")
	i.wantOwner("restore")
	i.wantServed()

	for _, name := range []string{"sallyport.db", "sallyport.db.lock", "sallyport.db.before-restore"} {
		if err := os.Remove(filepath.Join(i.folder, name)); err != nil {
			t.Error(err)
		}
	}
	i.root("restore", backup, "--yes") // where there is none
	i.wantOwner("restore of a lost database")
	i.wantServed()
}

// Whose the file is and what to do is said by a server that may not open it, and once that is done it starts.
func TestServeNamesTheOwnerOfAForeignFile(t *testing.T) {
	i := newInstallation(t)
	i.root("users", "create", "--username", "alice", "--password-stdin")
	i.wantServed()
	for _, tc := range []struct {
		name  string
		spoil string // as root
		want  string
	}{
		{"database", "chown 0:0 sallyport.db",
			"the user nobody may not use sallyport.db, which belongs to root; as root, run chown 65534:65534 sallyport.db"},
		{"lock", "chown 0:0 sallyport.db.lock",
			"the user nobody may not use sallyport.db.lock, which belongs to root; as root, run chown 65534:65534 sallyport.db.lock"},
		{"secret", "chown 0:0 sallyport.db.secret",
			"the user nobody may not use sallyport.db.secret, which belongs to root; as root, run chown 65534:65534 sallyport.db.secret"},
		{"all of it", "chown 12345:0 sallyport.db sallyport.db.lock sallyport.db.secret",
			"the user nobody may not use sallyport.db, which belongs to 12345, and sallyport.db.lock, which belongs to 12345, and sallyport.db.secret, which belongs to 12345; as root, run chown 65534:65534 sallyport.db sallyport.db.lock sallyport.db.secret"},
		{"readable by all", "chown 0:0 sallyport.db && chmod 644 sallyport.db",
			"the user nobody may not use sallyport.db, which belongs to root; as root, run chown 65534:65534 sallyport.db"},
		{"log that root's killed command has left", "touch sallyport.db-wal && chmod 600 sallyport.db-wal",
			"the user nobody may not use sallyport.db-wal, which belongs to root; as root, run chown 65534:65534 sallyport.db-wal"},
		{"folder", "chown 0:0 . && chmod 755 .",
			"the user nobody may not use " + i.folder + ", which belongs to root; as root, run chown 65534:65534 " + i.folder},
		{"mode", "chmod 400 sallyport.db",
			"the user nobody may not use sallyport.db, which belongs to nobody; run chmod u+rwX sallyport.db"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			i := i
			i.t = t
			shell := func(script string) {
				t.Helper()
				cmd := exec.Command("sh", "-c", script)
				cmd.Dir = i.folder
				if output, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%s = %v\n%s", script, err, output)
				}
			}
			shell(tc.spoil)
			output, err := i.run("serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
			want := "sallyport: serve: cannot open the database: " + tc.want + "\n"
			if err == nil || string(output) != want {
				t.Errorf("sallyport serve = %v, %q, want %q", err, output, want)
			}
			_, mend, found := strings.Cut(string(output), "run ")
			if !found {
				mend = "chown 65534 . *" // for the case after this one
			}
			shell(strings.TrimSpace(mend))
			i.wantServed()
		})
	}
	output, err := i.run("serve", "--database", "sqlite:/new.db", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	if want := "may not use /, which belongs to root; set database to a file in a folder of this user\n"; err == nil || !strings.HasSuffix(string(output), want) {
		t.Errorf("sallyport serve in / = %v, %q, want %q at the end", err, output, want)
	}
	i.root("backup", "backup.db")
	for name, uid := range map[string]int{"sallyport.db": 0, "backup.db": nobody} {
		if err := os.Chown(filepath.Join(i.folder, name), uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range []string{"users list", "migrate status", "migrate up", "backup other.db", "restore backup.db --yes"} {
		output, err := i.run(strings.Fields(args)...)
		if want := "may not use sallyport.db, which belongs to root; run it as the user of the server, or as root\n"; err == nil || !strings.HasSuffix(string(output), want) {
			t.Errorf("sallyport %s = %v, %q, want %q at the end", args, err, output, want)
		}
	}
}

// The command can be copied into a shell.
func TestMendingIsForAShell(t *testing.T) {
	for _, tc := range []struct{ path, want string }{
		{"/data/sallyport.db", "/data/sallyport.db"},
		{"/my data/app.db", "'/my data/app.db'"},
		{"/a'b/app.db", `'/a'\''b/app.db'`},
		{"/$(id)/app.db", "'/$(id)/app.db'"},
		{"-app.db", "./-app.db"},
	} {
		got := mending("serve", []sqlite.Denied{{Path: tc.path, Owner: "x", Own: true}})
		if want := "run chmod u+rwX " + tc.want; got != want {
			t.Errorf("mending(%q) = %q, want %q", tc.path, got, want)
		}
	}
}
