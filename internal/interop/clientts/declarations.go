package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// sumName is the file of dist/ that names the sources of the declarations: whoever has no Node learns from it that they
// were not written again.
const sumName = "declarations.sha256"

// declarations has the compiler check the sources, and returns the .d.ts files that the entries lead to, with the
// digest of what they were made from.
func declarations() (map[string][]byte, error) {
	out, err := os.MkdirTemp("", "sallyport-declarations-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(out)
	compiler, err := filepath.Abs(filepath.Join(clientDir, "node_modules", "typescript", "bin", "tsc"))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(compiler); err != nil {
		return nil, errors.New("TypeScript is not installed: run `npm ci` in clients/ts, or ./test.sh, which does")
	}
	command := exec.Command("node", compiler, "--project", ".", "--outDir", out)
	command.Dir = clientDir
	if said, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("tsc: %w\n%s", err, said)
	}
	found := map[string][]byte{}
	for _, entry := range entries {
		if err := follow(out, entry, found); err != nil {
			return nil, err
		}
	}
	sum, err := sourceSum()
	found[sumName] = []byte(sum + "\n")
	return found, err
}

var imported = regexp.MustCompile(`from "\./([a-z]+)\.js"`)

// follow adds a declaration and those that it imports.
func follow(dir, name string, found map[string][]byte) error {
	if found[name+".d.ts"] != nil {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(dir, name+".d.ts"))
	if err != nil {
		return err
	}
	found[name+".d.ts"] = text
	for _, match := range imported.FindAllSubmatch(text, -1) {
		if err := follow(dir, string(match[1]), found); err != nil {
			return err
		}
	}
	return nil
}

// sourceSum is the digest of everything that the declarations are made of.
func sourceSum() (string, error) {
	sources, err := filepath.Glob(filepath.Join(clientDir, "src", "*.ts")) // sorted
	if err != nil {
		return "", err
	}
	digest := sha256.New()
	for _, name := range append(sources, filepath.Join(clientDir, "tsconfig.json"), filepath.Join(clientDir, "package-lock.json")) {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(digest, "%s %d\n%s", filepath.Base(name), len(text), strings.ReplaceAll(string(text), "\r\n", "\n"))
	}
	return fmt.Sprintf("%x", digest.Sum(nil)), nil
}
