package proof

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/internal/testpg"
	"github.com/sallyport-auth/sallyport/postgres"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// The life of a session in a world. They are short, so that its ends come up in a history.
const (
	windowOfWorld = 10 * time.Second
	idleOfWorld   = time.Hour
	lifeOfWorld   = 2 * time.Hour
)

// The clock of a world stays within these bounds. The first signing key is made at dayBreak, and before a day has passed no
// key is due and no session is so long over that it is swept.
var (
	dayBreak  = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	morning   = dayBreak.Add(time.Hour)
	noon      = dayBreak.Add(10 * time.Hour)
	nightfall = dayBreak.Add(20 * time.Hour)
)

// world is one database with several instances of the service on it, and a clock that a test moves.
type world struct {
	*testing.T
	stores    []*handle
	instances []*instance
	secrets   [][]byte // the root secrets, the oldest first
	idp       *idptest.Provider
	idle      time.Duration
	life      time.Duration
	micros    atomic.Int64 // the clock
}

// handle is a store that instances share.
type handle struct {
	sallyport.Store
	open func() (sallyport.Store, error)
}

// instance is one server.
type instance struct {
	*sallyport.Service
	store  *handle
	epoch  int          // of its newest root secret: the index in secrets
	behind atomic.Int64 // how far its clock is behind the world's, in nanoseconds
}

// newWorld makes a world on a database of that kind with three instances, and with sessions of that life. On SQLite the
// first two share a store and the third has its own on the same file; on PostgreSQL it is the last two that share one.
func newWorld(t *testing.T, database string, idle, life time.Duration) *world {
	t.Helper()
	w := &world{T: t, idle: idle, life: life}
	w.set(dayBreak)
	w.addSecret()
	w.idp = idptest.New(t, idptest.Config{Now: w.now})
	open := func() (sallyport.Store, error) { return nil, fmt.Errorf("no such database: %q", database) }
	shares := []int{0, 0, 1}
	switch database {
	case "sqlite":
		path := filepath.Join(t.TempDir(), "app.db")
		open = func() (sallyport.Store, error) { return sqlite.Open(path) }
	case "postgres":
		dsn := testpg.Schema(t)
		if _, err := postgres.Migrate(t.Context(), dsn); err != nil {
			t.Fatal(err)
		}
		open = func() (sallyport.Store, error) { return postgres.Open(t.Context(), dsn) }
		shares = []int{0, 1, 1}
	}
	for range 2 {
		w.stores = append(w.stores, &handle{open: open})
	}
	for _, share := range shares {
		w.instances = append(w.instances, &instance{store: w.stores[share]})
	}
	t.Cleanup(w.stop)
	w.start()
	return w
}

func (w *world) start() {
	w.Helper()
	for _, h := range w.stores {
		if err := h.reopen(); err != nil {
			w.Fatal(err)
		}
	}
	for _, i := range w.instances {
		if err := w.restart(i); err != nil {
			w.Fatal(err)
		}
	}
	w.set(noon)
}

func (w *world) stop() {
	for _, i := range w.instances {
		i.close()
	}
	for _, h := range w.stores {
		if err := h.close(); err != nil {
			w.Error(err)
		}
	}
}

func (h *handle) reopen() (err error) {
	if err := h.close(); err != nil {
		return err
	}
	h.Store, err = h.open()
	return err
}

func (h *handle) close() error {
	if h.Store == nil {
		return nil
	}
	closing := h.Store
	h.Store = nil
	return closing.Close()
}

func (i *instance) close() {
	if i.Service != nil {
		i.Service.Close() // which closes identity providers that have nothing to say about it
		i.Service = nil
	}
}

// restart closes an instance and makes it anew, with every root secret there is.
func (w *world) restart(i *instance) error {
	i.close()
	newest := len(w.secrets) - 1
	var old [][]byte
	for n := newest - 1; n >= 0; n-- {
		old = append(old, w.secrets[n])
	}
	plenty := sallyport.Limit{Count: 1_000_000, Period: time.Minute}
	svc, err := sallyport.New(sallyport.Config{
		Issuer: issuerOfRig, Store: i.store, Secret: w.secrets[newest], OldSecrets: old,
		Providers:   []sallyport.Provider{idp.OIDC{Name: "idp", Issuer: w.idp.Issuer(), ClientID: w.idp.ClientID()}},
		RetryWindow: windowOfWorld, IdleTTL: w.idle, SessionTTL: w.life, Password: cheap,
		Limits: sallyport.Limits{Account: plenty, Address: plenty, Session: plenty},
		Now:    func() time.Time { return w.now().Add(-time.Duration(i.behind.Load())) },
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	i.Service, i.epoch = svc, newest
	return nil
}

// restartWithStore is restart with the store opened anew, for all who share it.
func (w *world) restartWithStore(i *instance) error {
	for _, other := range w.instances {
		if other.store == i.store {
			other.close()
		}
	}
	if err := i.store.reopen(); err != nil {
		return err
	}
	var faults []error
	for _, other := range w.instances {
		if other.store == i.store {
			faults = append(faults, w.restart(other))
		}
	}
	return errors.Join(faults...)
}

// maxSecrets is how many root secrets there may be before the oldest must go.
const maxSecrets = 3

func (w *world) addSecret() {
	secret := make([]byte, sallyport.MinSecretBytes)
	rand.Read(secret)
	w.secrets = append(w.secrets, secret)
}

// calm puts the clocks right and takes all root secrets away but the newest, as an operator does when the old tokens are
// over.
func (w *world) calm() error {
	w.set(noon)
	for _, i := range w.instances {
		i.behind.Store(0)
	}
	if len(w.secrets) == 1 {
		return nil
	}
	// The first start marks the database with the newest secret and seals the keys under it, which lets the others go.
	if err := w.restart(w.instances[0]); err != nil {
		return err
	}
	w.secrets = w.secrets[len(w.secrets)-1:]
	for _, i := range w.instances {
		if err := w.restart(i); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) now() time.Time { return time.UnixMicro(w.micros.Load()).UTC() }

func (w *world) set(at time.Time) { w.micros.Store(at.UnixMicro()) }

// pause moves the clock, in either direction, unless it would leave the day.
func (w *world) pause(d time.Duration) {
	if at := w.now().Add(d); !at.Before(morning) && !at.After(nightfall) {
		w.set(at)
	}
}

// eachDatabase runs a test on SQLite and on PostgreSQL.
func eachDatabase(t *testing.T, test func(t *testing.T, database string)) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) { test(t, database) })
	}
}

func logoff(ctx context.Context, on *instance, token sallyport.RefreshToken, scope sallyport.Scope) error {
	_, err := on.Logoff(ctx, sallyport.LogoffRequest{Token: token, Scope: scope})
	return err
}
