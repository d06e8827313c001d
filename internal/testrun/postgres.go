package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// createClusterConf is where Debian's package of PostgreSQL asks whether to make and start a server of its own.
const createClusterConf = "/etc/postgresql-common/createcluster.conf"

// noServerOfItsOwn tells Debian's package of PostgreSQL, before it is installed, that only its programs are wanted: the
// tests start their own servers, and one that the package starts would be left running. Where the file exists
// somebody has decided already.
func noServerOfItsOwn(conf string) error {
	if err := os.MkdirAll(filepath.Dir(conf), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(conf, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString("# Written by the tests of Sallyport, which start servers of their own.\ncreate_main_cluster = false\n")
	return errors.Join(err, file.Close())
}
