package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/testpg/pgbin"
)

// nodeDir is where the identity providers of package realidp are locked and installed.
const nodeDir = "internal/realidp/node"

// clientDir is the TypeScript client, whose types are checked.
const clientDir = "clients/ts"

// exampleDir is an app with that client, which is built and run.
const exampleDir = "examples/spa"

// browser is the program of package internal/interop/browser, and the Debian package that has it.
const browser = "chromium"

// python is the interpreter of package internal/pythontest, which Debian's packages extend; readsTokens imports what that
// needs, and pythonPackages have it.
const (
	python      = "/usr/bin/python3"
	readsTokens = "import jwt, cryptography, rest_framework_simplejwt"
)

// proxies are the programs of package internal/proxytest, which are also the names of their Debian packages. nginx is where
// only root looks for programs.
var proxies = []string{"nginx", "caddy"}

var pythonPackages = []string{"python3-jwt", "python3-cryptography", "python3-djangorestframework-simplejwt"}

// setUp makes sure of what the tests need besides Go: a C compiler for the race detector, node for the identity
// providers, their npm packages, a browser, a PostgreSQL server, Python libraries that read tokens, and proxies. As root it
// installs what a bare Debian lacks. race is false only when there is no C compiler to be had, which it says at once.
func setUp(ctx context.Context, out io.Writer, o options) (race bool, err error) {
	if missing := missingPackages(ctx, pgbin.Find, hasPython, hasProxy); len(missing) > 0 {
		if err := install(ctx, out, missing); err != nil {
			return false, err
		}
	}
	if _, err := exec.LookPath("node"); err != nil {
		return false, errors.New("node cannot be had: the tests against real identity providers need it")
	}
	if _, err := exec.LookPath(browser); err != nil {
		return false, errors.New("Chromium cannot be had: the tests of a whole sign-in need it")
	}
	if _, err := pgbin.Find(ctx); err != nil {
		return false, err
	}
	if err := hasPython(ctx); err != nil {
		return false, fmt.Errorf("%s cannot be had, or lacks PyJWT or djangorestframework-simplejwt: the tests of services in Python need them: %w", python, err)
	}
	for _, proxy := range proxies {
		if !hasProxy(proxy) {
			return false, fmt.Errorf("%s cannot be had: the tests of forward auth need it", proxy)
		}
	}
	for _, dir := range []string{nodeDir, clientDir, exampleDir} {
		if err := npmCI(ctx, out, dir); err != nil {
			return false, err
		}
	}
	race = hasCompiler(ctx)
	if !race && !o.short {
		fmt.Fprintln(out, "!! There is no C compiler to be had: the tests run WITHOUT THE RACE DETECTOR.")
	}
	if !canFillADisk(ctx) {
		fmt.Fprintln(out, "!! No small file system can be mounted here (root may): NO FULL DISK IS TRIED.")
	}
	return race, nil
}

// missingPackages names the Debian packages of what is not there. findServer looks for a PostgreSQL server, findPython
// for one with the libraries, findProxy whether a proxy is there.
func missingPackages(ctx context.Context, findServer func(context.Context) (string, error), findPython func(context.Context) error, findProxy func(string) bool) []string {
	var missing []string
	if !hasCompiler(ctx) {
		missing = append(missing, "gcc", "libc6-dev")
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing = append(missing, "nodejs")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		missing = append(missing, "npm")
	}
	if _, err := exec.LookPath(browser); err != nil {
		missing = append(missing, browser)
	}
	if _, err := findServer(ctx); err != nil {
		missing = append(missing, pgbin.Package)
	}
	if findPython(ctx) != nil {
		missing = append(missing, pythonPackages...)
	}
	for _, proxy := range proxies {
		if !findProxy(proxy) {
			missing = append(missing, proxy)
		}
	}
	return missing
}

// hasProxy reports whether a proxy is installed.
func hasProxy(name string) bool {
	if _, err := exec.LookPath(name); err == nil {
		return true
	}
	_, err := os.Stat("/usr/sbin/" + name)
	return err == nil
}

// hasPython returns why the interpreter does not run, or lacks the libraries.
func hasPython(ctx context.Context) error {
	return exec.CommandContext(ctx, python, "-c", readsTokens).Run()
}

// hasCompiler reports whether cgo can compile: a compiler without the C library's headers cannot.
func hasCompiler(ctx context.Context) bool {
	cc, err := exec.CommandContext(ctx, "go", "env", "CC").Output()
	words := strings.Fields(string(cc))
	if err != nil || len(words) == 0 {
		return false
	}
	command := exec.CommandContext(ctx, words[0], append(words[1:], "-fsyntax-only", "-x", "c", "-")...)
	command.Stdin = strings.NewReader("#include <stdlib.h>\n")
	return command.Run() == nil
}

// install has apt-get install the packages. Who is not root, or has no apt-get, gets the line to run.
func install(ctx context.Context, out io.Writer, packages []string) error {
	if line, can := installLine(packages, os.Geteuid() == 0); !can {
		return errors.New("something is missing; run:\n" + line)
	}
	if slices.Contains(packages, pgbin.Package) {
		if err := noServerOfItsOwn(createClusterConf); err != nil {
			return fmt.Errorf("configure PostgreSQL: %w", err)
		}
	}
	for _, args := range [][]string{
		{"update", "-q"},
		append([]string{"install", "-q", "-y", "--no-install-recommends"}, packages...),
	} {
		name := "apt-get " + strings.Join(args, " ")
		installed := step{name: name, check: func(ctx context.Context, _ io.Writer) error {
			command := exec.CommandContext(ctx, "apt-get", args...)
			// ucf(1), which the packages use, keeps a file that is there before them.
			// What a package would start, such as a proxy on port 80, stays as it is: systemd is not asked.
			command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "UCF_FORCE_CONFFOLD=1", "SYSTEMD_OFFLINE=1")
			return capture(command, out)
		}}
		// What could not be installed shows in what is still missing; without a compiler the run
		// goes on.
		installed.do(ctx, out)
	}
	return nil
}

// installLine gives the one line that installs the packages, and whether this program may run it.
func installLine(packages []string, root bool) (line string, can bool) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return "install with this system's own means what Debian calls " + strings.Join(packages, " "), false
	}
	return "sudo apt-get update && sudo apt-get install -y --no-install-recommends " + strings.Join(packages, " "), root
}

// npmCI installs what the lock in dir names, unless that very lock has been installed already.
func npmCI(ctx context.Context, out io.Writer, dir string) error {
	want, err := lockDigest(dir)
	if err != nil {
		return err
	}
	stamp := filepath.Join(dir, "node_modules", ".installed-lock")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
		return nil
	}
	installed := step{name: "npm ci in " + dir, check: func(ctx context.Context, _ io.Writer) error {
		command := exec.CommandContext(ctx, "npm", "ci")
		command.Dir = dir
		if err := capture(command, out); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(stamp), 0o755); err != nil { // a lock without packages makes none
			return err
		}
		return os.WriteFile(stamp, []byte(want), 0o644)
	}}
	if !installed.do(ctx, out) {
		return errors.New("npm ci failed in " + dir)
	}
	return nil
}

// lockDigest names the state that the lock in dir describes.
func lockDigest(dir string) (string, error) {
	digest := sha256.New()
	for _, name := range []string{"package.json", "package-lock.json"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(digest, "%s %d\n%s", name, len(b), b)
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}
