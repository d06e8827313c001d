// Command clientts builds dist/ of the TypeScript client: what runs with esbuild, the declarations with the compiler of
// TypeScript, which also checks the sources.
//
//	go generate ./internal/interop/clientts
//
// All of it is committed, so that nobody needs Node to use the client or to test a change of the Go code. The tests fail
// when dist/ is not what the sources make, and when an entry outgrows its budget.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

//go:generate go run .

func main() {
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate() error {
	files, err := bundles()
	if err != nil {
		return err
	}
	declared, err := declarations()
	if err != nil {
		return err
	}
	for name, text := range declared {
		files[name] = text
	}
	core, err := minified(pagesCode)
	if err != nil {
		return err
	}
	if err := os.WriteFile(pagesFile, core, 0o644); err != nil {
		return err
	}
	dist := filepath.Join(clientDir, "dist")
	if err := errors.Join(os.RemoveAll(dist), os.MkdirAll(dist, 0o755)); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dist, name), text, 0o644); err != nil {
			return err
		}
	}
	for _, b := range budgets {
		size, err := weigh(b.code)
		if err != nil {
			return err
		}
		fmt.Printf("%-14s %5d of %d bytes\n", b.name, size, b.bytes)
	}
	return nil
}
