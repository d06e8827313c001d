package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// treeFiles lists the files of the work tree, those that git ignores included: a database that a
// test leaves in a folder of the tree is one of these.
func treeFiles(root string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git"):
			return fs.SkipDir
		case !entry.IsDir():
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// newFiles fails with the files that are in after alone.
func newFiles(before, after []string) error {
	var left []string
	for _, file := range after {
		if !slices.Contains(before, file) {
			left = append(left, file)
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("the run left behind:\n%s", strings.Join(left, "\n"))
	}
	return nil
}
