package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Resolve is the file that path names, with every symbolic link in it followed: a link and what it leads to are one
// database, with one lock and one write-ahead log. The file itself need not exist, its folder must.
func Resolve(path string) (string, error) {
	switch {
	case path == "":
		return "", errors.New("the path is empty")
	case strings.HasPrefix(path, ":memory:"):
		return "", errors.New("a database in memory is forgotten at the end and seen by one connection only; name a file")
	}
	const maxLinks = 40 // what Linux follows, path_resolution(7)
	for range maxLinks {
		resolved, err := filepath.EvalSymlinks(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return resolved, err
		}
		// A file that is not there yet, or a link that leads to one.
		folder, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return "", err
		}
		path = filepath.Join(folder, filepath.Base(path))
		target, err := os.Readlink(path)
		if err != nil {
			return path, nil
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(folder, target)
		}
		path = target
	}
	return "", errors.New("too many symbolic links")
}
