package sqlite_test

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// alternating sends every call to the other one of two stores on one file.
type alternating struct {
	stores [2]sallyport.Store
	calls  atomic.Uint64
}

func (a *alternating) next() sallyport.Store { return a.stores[a.calls.Add(1)%2] }

func (a *alternating) CreateUser(ctx context.Context, u sallyport.User, hash string) error {
	return a.next().CreateUser(ctx, u, hash)
}

func (a *alternating) User(ctx context.Context, id sallyport.ID) (sallyport.User, error) {
	return a.next().User(ctx, id)
}

func (a *alternating) UserByName(ctx context.Context, name string) (sallyport.User, sallyport.Credential, error) {
	return a.next().UserByName(ctx, name)
}

func (a *alternating) UserByIdentity(ctx context.Context, issuer, subject string) (sallyport.User, sallyport.Credential, error) {
	return a.next().UserByIdentity(ctx, issuer, subject)
}

func (a *alternating) Users(ctx context.Context, after sallyport.ID, limit int) ([]sallyport.User, error) {
	return a.next().Users(ctx, after, limit)
}

func (a *alternating) UpdateUser(ctx context.Context, id sallyport.ID, change sallyport.UserChange, at time.Time) (sallyport.User, error) {
	return a.next().UpdateUser(ctx, id, change, at)
}

func (a *alternating) SetPassword(ctx context.Context, id sallyport.ID, hash string, keep sallyport.ID, at time.Time) error {
	return a.next().SetPassword(ctx, id, hash, keep, at)
}

func (a *alternating) RenewPasswordHash(ctx context.Context, id sallyport.ID, old, hash string) error {
	return a.next().RenewPasswordHash(ctx, id, old, hash)
}

func (a *alternating) StartSession(ctx context.Context, s sallyport.SessionStart) error {
	return a.next().StartSession(ctx, s)
}

func (a *alternating) Session(ctx context.Context, id sallyport.ID) (sallyport.Session, sallyport.User, error) {
	return a.next().Session(ctx, id)
}

func (a *alternating) Refresh(ctx context.Context, step sallyport.RefreshStep) (sallyport.RefreshOutcome, error) {
	return a.next().Refresh(ctx, step)
}

func (a *alternating) EndSessions(ctx context.Context, e sallyport.SessionEnd) (int, error) {
	return a.next().EndSessions(ctx, e)
}

func (a *alternating) SigningKeys(ctx context.Context) ([]sallyport.StoredKey, error) {
	return a.next().SigningKeys(ctx)
}

func (a *alternating) AddSigningKey(ctx context.Context, k sallyport.StoredKey, newest string) error {
	return a.next().AddSigningKey(ctx, k, newest)
}

func (a *alternating) ReplaceSigningKeys(ctx context.Context, k sallyport.StoredKey) error {
	return a.next().ReplaceSigningKeys(ctx, k)
}

func (a *alternating) RemoveSigningKey(ctx context.Context, keyID string) (bool, error) {
	return a.next().RemoveSigningKey(ctx, keyID)
}

func (a *alternating) ResealSigningKey(ctx context.Context, keyID string, old, sealed []byte) error {
	return a.next().ResealSigningKey(ctx, keyID, old, sealed)
}

func (a *alternating) SecretCheck(ctx context.Context) ([]byte, error) {
	return a.next().SecretCheck(ctx)
}

func (a *alternating) SetSecretCheck(ctx context.Context, old, check []byte) error {
	return a.next().SetSecretCheck(ctx, old, check)
}

func (a *alternating) Close() error {
	return errors.Join(a.stores[0].Close(), a.stores[1].Close())
}
