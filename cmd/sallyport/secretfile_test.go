package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/sqlite"
)

func openStore(t *testing.T, file string) sallyport.Store {
	t.Helper()
	store, err := sqlite.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func newSecretFile(t *testing.T) secretFile {
	t.Helper()
	return secretFile{filepath.Join(t.TempDir(), "app.db"), slog.New(slog.DiscardHandler)}
}

func TestSecretFileIsMade(t *testing.T) {
	f := newSecretFile(t)
	store := openStore(t, f.database)
	secret, err := f.secret(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	if random, err := base64.StdEncoding.DecodeString(string(secret)); err != nil || len(random) != 32 {
		t.Errorf("the secret is %d bytes, %v, want 32 as base64", len(random), err)
	}
	content, err := os.ReadFile(f.path())
	if err != nil || string(content) != string(secret)+"\n" {
		t.Errorf("the file does not hold the secret and a newline: %v", err)
	}
	again, err := f.secret(t.Context(), store)
	if err != nil || !bytes.Equal(again, secret) {
		t.Errorf("secret() the second time = another one, or %v", err)
	}
}

// TestTwoStartsMakeOneSecret lets many instances start together on a new database.
func TestTwoStartsMakeOneSecret(t *testing.T) {
	f := newSecretFile(t)
	store := openStore(t, f.database)
	secrets := make([]string, 16)
	var starts sync.WaitGroup
	for i := range secrets {
		starts.Go(func() {
			secret, err := f.secret(t.Context(), store)
			if err != nil {
				t.Error(err)
				return
			}
			secrets[i] = string(secret)
			svc, err := sallyport.New(sallyport.Config{Issuer: "http://127.0.0.1/auth", Store: store, Secret: secret})
			if err != nil {
				t.Error(err)
				return
			}
			if err := svc.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	starts.Wait()
	for i, secret := range secrets {
		if secret != secrets[0] {
			t.Errorf("start %d has another secret than start 0", i)
		}
	}
	entries, err := filepath.Glob(f.path() + "*")
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the database there is %q, %v, want the secret alone", entries, err)
	}
}

func TestSecretFileIsNotMadeForAUsedDatabase(t *testing.T) {
	for _, tc := range []struct {
		name string
		use  func(sallyport.Store) error
	}{
		{"secret check", func(s sallyport.Store) error { return s.SetSecretCheck(t.Context(), nil, []byte("check")) }},
		{"signing key", func(s sallyport.Store) error {
			return s.AddSigningKey(t.Context(), sallyport.StoredKey{KeyID: "k", Algorithm: "ES256", Sealed: []byte("x"), CreatedAt: time.Unix(1, 0), SignsFrom: time.Unix(1, 0)}, "", sallyport.Event{})
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newSecretFile(t)
			store := openStore(t, f.database)
			if err := tc.use(store); err != nil {
				t.Fatal(err)
			}
			_, err := f.secret(t.Context(), store)
			if _, ok := errors.AsType[failure](err); !ok || !strings.Contains(err.Error(), "there is no "+f.path()) {
				t.Errorf("secret() = %v, want that the file is missing", err)
			}
			if _, err := os.Stat(f.path()); err == nil {
				t.Error("a secret was made for a database that was used")
			}
		})
	}
}
