package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// secretFile is the root secret of a server whose settings name none: the file beside the database.
type secretFile struct {
	database string
	log      *slog.Logger
}

// secretSuffix names the file of the root secret after the database.
const secretSuffix = ".secret"

// path is beside the file that a symbolic link leads to, so that every name of a database finds the secret; one that
// lies beside the link counts before it.
func (f secretFile) path() string {
	name := f.database + secretSuffix
	if _, err := os.Stat(name); err == nil {
		return name
	}
	if resolved, err := sqlite.Resolve(f.database); err == nil {
		return resolved + secretSuffix
	}
	return name
}

// secret reads the file, or makes it for a database that was never used. Its text is the secret, so
// that the setting secret may hold the same text later.
func (f secretFile) secret(ctx context.Context, store sallyport.Store) ([]byte, error) {
	secret, err := f.read()
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	used, err := wasUsed(ctx, store)
	if err != nil {
		return nil, err
	}
	if used {
		// Another process may just have made the file, which it does before it marks the database.
		if secret, err = f.read(); errors.Is(err, fs.ErrNotExist) {
			err = failure{"secret", "the database is in use with a secret, and there is no " + f.path(), "put the file back, or set secret (SALLYPORT_SECRET) to the secret that it was made with; if it is lost, see sallyport keys rotate --help"}
		}
		return secret, err
	}
	return f.create()
}

// wasUsed reports whether the database holds anything that a new secret would make useless.
func wasUsed(ctx context.Context, store sallyport.Store) (bool, error) {
	check, err := store.SecretCheck(ctx)
	if err != nil || check != nil {
		return true, err
	}
	keys, err := store.SigningKeys(ctx)
	return len(keys) > 0, err
}

// read returns fs.ErrNotExist when there is no file.
func (f secretFile) read() ([]byte, error) {
	info, err := os.Stat(f.path())
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, failure{"secret", f.path() + " is not a regular file", "put the file back that belongs to the database"}
	}
	if info.Mode()&0o077 != 0 {
		f.log.Warn("the secret can be read by others; chmod 600 the file", "file", f.path())
	}
	content, err := os.ReadFile(f.path())
	secret := bytes.TrimSuffix(content, []byte("\n"))
	if err == nil && len(secret) < sallyport.MinSecretBytes {
		err = failure{"secret", fmt.Sprintf("%s has %d bytes, want at least %d", f.path(), len(secret), sallyport.MinSecretBytes), "put back the file that belongs to the database"}
	}
	return secret, err
}

// create makes the file whole or not at all: it writes another one, durably, and gives it the name
// only if nothing has that name. Of two processes that start together one makes the secret and the
// other reads it.
func (f secretFile) create() ([]byte, error) {
	draft, err := os.CreateTemp(filepath.Dir(f.path()), filepath.Base(f.path())+".*") // mode 0600, O_EXCL
	if err != nil {
		return nil, err
	}
	defer os.Remove(draft.Name())
	sqlite.HandOver(draft, f.database) // the server must be able to read it, whoever has made it
	random := make([]byte, 32)
	rand.Read(random) // never fails: crypto/rand ends the process rather than return an error
	secret := base64.StdEncoding.EncodeToString(random)
	_, err = fmt.Fprintln(draft, secret)
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return nil, fmt.Errorf("writing %s: %w", f.path(), err)
	}
	if err := os.Link(draft.Name(), f.path()); errors.Is(err, fs.ErrExist) {
		return f.read()
	} else if err != nil {
		return nil, err
	}
	return []byte(secret), syncFolder(filepath.Dir(f.path()))
}

// syncFolder makes a new name survive a loss of power: the secret must not be lost once the database
// depends on it.
func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
