// Package pgbin finds the programs of a PostgreSQL server. Package testpg starts them, and the test
// runner asks whether they have to be installed: both must look in the same places.
package pgbin

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Oldest is the oldest major version that Sallyport supports.
const Oldest = 15

// Package is the Debian package that holds the programs, and Install the line that installs it there.
const (
	Package = "postgresql"
	Install = "sudo apt-get update && sudo apt-get install -y --no-install-recommends " + Package
)

// errNone says where it was looked.
var errNone = errors.New("no PostgreSQL server, version " + strconv.Itoa(Oldest) +
	" or later, in /usr/lib/postgresql/*/bin, in what pg_config names, or in PATH; on Debian:\n" + Install)

// Find gives the folder that holds initdb and postgres, of the newest version that Debian has put into
// /usr/lib/postgresql, or else of what pg_config or PATH lead to. Debian's own pg_config and PATH do not
// lead to a server, so they come second.
func Find(ctx context.Context) (string, error) {
	debian, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	debian = slices.DeleteFunc(debian, func(dir string) bool { return versionOf(dir) < Oldest })
	slices.SortFunc(debian, func(a, b string) int { return versionOf(b) - versionOf(a) })
	for _, dir := range append(debian, elsewhere(ctx)...) {
		if isProgram(filepath.Join(dir, "initdb")) && isProgram(filepath.Join(dir, "postgres")) {
			return dir, nil
		}
	}
	return "", errNone
}

// versionOf reads the version from Debian's path, 0 when it holds none.
func versionOf(dir string) int {
	version, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	if err != nil {
		return 0
	}
	return version
}

// elsewhere lists the folders that other systems use, if their server is new enough.
func elsewhere(ctx context.Context) []string {
	var dirs []string
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	return slices.DeleteFunc(dirs, func(dir string) bool {
		out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
		return err != nil || majorVersion(string(out)) < Oldest
	})
}

// majorVersion reads "postgres (PostgreSQL) 15.8 (Debian 15.8-0)".
func majorVersion(line string) int {
	_, version, _ := strings.Cut(line, "(PostgreSQL) ")
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(version)
	}
	major, err := strconv.Atoi(version[:end])
	if err != nil {
		return 0
	}
	return major
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}
