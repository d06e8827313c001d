//go:build !unix

package sqlite

import (
	"io/fs"
	"os"
)

// owner is nothing here: a new file gets its permissions from its folder.
type owner struct{}

func ownerOf(fs.FileInfo) (o owner, known bool) { return owner{}, false }

func (owner) take(*os.File) {}

func deniedFile(string) (d Denied, denied bool) { return Denied{}, false }
