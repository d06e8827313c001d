//go:build !no_web

package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
)

// contentTypes are the kinds of files there are. The registry of the operating system is not asked: on
// some machines it serves scripts as text/plain, which browsers refuse to run.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// assets are the files of one page, all under one folder whose name is the hash of their contents. One
// hash for all lets the modules import each other by plain relative names, and still no browser ever
// mixes two versions.
type assets struct {
	folder string // "/assets/0123456789abcdef/"
	files  map[string]asset
}

type asset struct {
	contentType string
	content     []byte
}

// loadAssets reads a folder, and files of the pages of the product besides.
func loadAssets(files fs.FS, also ...string) (assets, error) {
	entries, err := fs.ReadDir(files, ".") // sorted by name, so the hash is the same everywhere
	if err != nil {
		return assets{}, err
	}
	loaded, sum := assets{files: map[string]asset{}}, sha256.New()
	add := func(name, contentType string, content []byte) {
		fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content)
		loaded.files[name] = asset{contentType, content}
	}
	for _, entry := range entries {
		contentType, ok := contentTypes[path.Ext(entry.Name())]
		if !ok {
			continue // the template of the page itself
		}
		content, err := fs.ReadFile(files, entry.Name())
		if err != nil {
			return assets{}, err
		}
		add(entry.Name(), contentType, content)
	}
	for _, name := range also {
		content, err := fs.ReadFile(uiFiles, "ui/"+name)
		if err != nil {
			return assets{}, err
		}
		add(name, contentTypes[path.Ext(name)], content)
	}
	loaded.folder = "/assets/" + hex.EncodeToString(sum.Sum(nil)[:8]) + "/"
	return loaded, nil
}

// serve answers GET folder{name}. The name holds the contents, so they may be kept for ever.
func (a assets) serve(w http.ResponseWriter, r *http.Request) {
	file, ok := a.files[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Content-Type", file.contentType)
	header.Set("Content-Length", strconv.Itoa(len(file.content)))
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("X-Content-Type-Options", "nosniff")
	w.Write(file.content) // an error means that the client has gone
}
