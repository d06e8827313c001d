package storehook

import (
	"context"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// Call is one call of a store, which is carried out on the store that it is given. Its error is the
// call's own.
type Call func(ctx context.Context, on sallyport.Store) error

// Store is a sallyport.Store whose every method but Close is one call of Around. op is the name of the method in
// snake case. What Around returns is what the caller gets: with an error, whether its own or the call's, no
// result comes along.
type Store struct {
	Around  func(ctx context.Context, op string, call Call) error
	Closing func() error
}

var _ sallyport.Store = (*Store)(nil)

// Close calls Closing.
func (s *Store) Close() error { return s.Closing() }

// one carries the result of a call out of it.
func one[T any](ctx context.Context, s *Store, op string, call func(context.Context, sallyport.Store) (T, error)) (T, error) {
	var result, none T
	err := s.Around(ctx, op, func(ctx context.Context, on sallyport.Store) (err error) {
		result, err = call(ctx, on)
		return err
	})
	if err != nil {
		return none, err
	}
	return result, nil
}

// two does so for two results.
func two[T, U any](ctx context.Context, s *Store, op string, call func(context.Context, sallyport.Store) (T, U, error)) (T, U, error) {
	type both struct {
		t T
		u U
	}
	result, err := one(ctx, s, op, func(ctx context.Context, on sallyport.Store) (b both, err error) {
		b.t, b.u, err = call(ctx, on)
		return b, err
	})
	return result.t, result.u, err
}

// CreateUser implements sallyport.Store.
func (s *Store) CreateUser(ctx context.Context, u sallyport.User, hash string, e sallyport.Event) error {
	return s.Around(ctx, "create_user", func(ctx context.Context, on sallyport.Store) error {
		return on.CreateUser(ctx, u, hash, e)
	})
}

// User implements sallyport.Store.
func (s *Store) User(ctx context.Context, id sallyport.ID) (sallyport.User, error) {
	return one(ctx, s, "user", func(ctx context.Context, on sallyport.Store) (sallyport.User, error) {
		return on.User(ctx, id)
	})
}

// UserByName implements sallyport.Store.
func (s *Store) UserByName(ctx context.Context, name, address string) (sallyport.User, sallyport.Credential, error) {
	return two(ctx, s, "user_by_name", func(ctx context.Context, on sallyport.Store) (sallyport.User, sallyport.Credential, error) {
		return on.UserByName(ctx, name, address)
	})
}

// UserByIdentity implements sallyport.Store.
func (s *Store) UserByIdentity(ctx context.Context, issuer, subject string) (sallyport.Owner, error) {
	return one(ctx, s, "user_by_identity", func(ctx context.Context, on sallyport.Store) (sallyport.Owner, error) {
		return on.UserByIdentity(ctx, issuer, subject)
	})
}

// Users implements sallyport.Store.
func (s *Store) Users(ctx context.Context, after sallyport.ID, limit int) ([]sallyport.User, error) {
	return one(ctx, s, "users", func(ctx context.Context, on sallyport.Store) ([]sallyport.User, error) {
		return on.Users(ctx, after, limit)
	})
}

// UpdateUser implements sallyport.Store.
func (s *Store) UpdateUser(ctx context.Context, id sallyport.ID, change sallyport.UserChange, at time.Time, e sallyport.Event) (sallyport.User, error) {
	return one(ctx, s, "update_user", func(ctx context.Context, on sallyport.Store) (sallyport.User, error) {
		return on.UpdateUser(ctx, id, change, at, e)
	})
}

// DeleteUser implements sallyport.Store.
func (s *Store) DeleteUser(ctx context.Context, id sallyport.ID, at time.Time, e sallyport.Event) error {
	return s.Around(ctx, "delete_user", func(ctx context.Context, on sallyport.Store) error {
		return on.DeleteUser(ctx, id, at, e)
	})
}

// SetPassword implements sallyport.Store.
func (s *Store) SetPassword(ctx context.Context, c sallyport.PasswordChange) error {
	return s.Around(ctx, "set_password", func(ctx context.Context, on sallyport.Store) error {
		return on.SetPassword(ctx, c)
	})
}

// RenewPasswordHash implements sallyport.Store.
func (s *Store) RenewPasswordHash(ctx context.Context, id sallyport.ID, old, hash string) error {
	return s.Around(ctx, "renew_password_hash", func(ctx context.Context, on sallyport.Store) error {
		return on.RenewPasswordHash(ctx, id, old, hash)
	})
}

// StartSession implements sallyport.Store.
func (s *Store) StartSession(ctx context.Context, start sallyport.SessionStart) error {
	return s.Around(ctx, "start_session", func(ctx context.Context, on sallyport.Store) error {
		return on.StartSession(ctx, start)
	})
}

// Session implements sallyport.Store.
func (s *Store) Session(ctx context.Context, id sallyport.ID) (sallyport.Session, sallyport.User, error) {
	return two(ctx, s, "session", func(ctx context.Context, on sallyport.Store) (sallyport.Session, sallyport.User, error) {
		return on.Session(ctx, id)
	})
}

// Sessions implements sallyport.Store.
func (s *Store) Sessions(ctx context.Context, q sallyport.SessionQuery) ([]sallyport.Session, error) {
	return one(ctx, s, "sessions", func(ctx context.Context, on sallyport.Store) ([]sallyport.Session, error) {
		return on.Sessions(ctx, q)
	})
}

// Refresh implements sallyport.Store.
func (s *Store) Refresh(ctx context.Context, step sallyport.RefreshStep) (sallyport.RefreshOutcome, error) {
	return one(ctx, s, "refresh", func(ctx context.Context, on sallyport.Store) (sallyport.RefreshOutcome, error) {
		return on.Refresh(ctx, step)
	})
}

// EndSessions implements sallyport.Store.
func (s *Store) EndSessions(ctx context.Context, e sallyport.SessionEnd) (int, error) {
	return one(ctx, s, "end_sessions", func(ctx context.Context, on sallyport.Store) (int, error) {
		return on.EndSessions(ctx, e)
	})
}

// EndAllSessions implements sallyport.Store.
func (s *Store) EndAllSessions(ctx context.Context, w sallyport.SessionWalk) (int, sallyport.ID, error) {
	return two(ctx, s, "end_all_sessions", func(ctx context.Context, on sallyport.Store) (int, sallyport.ID, error) {
		return on.EndAllSessions(ctx, w)
	})
}

// Count implements sallyport.Store.
func (s *Store) Count(ctx context.Context, at time.Time, counters ...sallyport.Counter) (sallyport.CountOutcome, error) {
	return one(ctx, s, "count", func(ctx context.Context, on sallyport.Store) (sallyport.CountOutcome, error) {
		return on.Count(ctx, at, counters...)
	})
}

// Counted implements sallyport.Store.
func (s *Store) Counted(ctx context.Context, at time.Time, counters ...sallyport.Counter) (sallyport.CountOutcome, error) {
	return one(ctx, s, "counted", func(ctx context.Context, on sallyport.Store) (sallyport.CountOutcome, error) {
		return on.Counted(ctx, at, counters...)
	})
}

// Settle implements sallyport.Store.
func (s *Store) Settle(ctx context.Context, c sallyport.Settlement) error {
	return s.Around(ctx, "settle", func(ctx context.Context, on sallyport.Store) error {
		return on.Settle(ctx, c)
	})
}

// Revocations implements sallyport.Store.
func (s *Store) Revocations(ctx context.Context, after int64, limit int) ([]sallyport.Revocation, error) {
	return one(ctx, s, "revocations", func(ctx context.Context, on sallyport.Store) ([]sallyport.Revocation, error) {
		return on.Revocations(ctx, after, limit)
	})
}

// Events implements sallyport.Store.
func (s *Store) Events(ctx context.Context, q sallyport.EventQuery) ([]sallyport.Event, error) {
	return one(ctx, s, "events", func(ctx context.Context, on sallyport.Store) ([]sallyport.Event, error) {
		return on.Events(ctx, q)
	})
}

// Sweep implements sallyport.Store.
func (s *Store) Sweep(ctx context.Context, w sallyport.Sweep) (sallyport.SweepOutcome, error) {
	return one(ctx, s, "sweep", func(ctx context.Context, on sallyport.Store) (sallyport.SweepOutcome, error) {
		return on.Sweep(ctx, w)
	})
}

// SigningKeys implements sallyport.Store.
func (s *Store) SigningKeys(ctx context.Context) ([]sallyport.StoredKey, error) {
	return one(ctx, s, "signing_keys", func(ctx context.Context, on sallyport.Store) ([]sallyport.StoredKey, error) {
		return on.SigningKeys(ctx)
	})
}

// AddSigningKey implements sallyport.Store.
func (s *Store) AddSigningKey(ctx context.Context, k sallyport.StoredKey, newest string, e sallyport.Event) error {
	return s.Around(ctx, "add_signing_key", func(ctx context.Context, on sallyport.Store) error {
		return on.AddSigningKey(ctx, k, newest, e)
	})
}

// ReplaceSigningKeys implements sallyport.Store.
func (s *Store) ReplaceSigningKeys(ctx context.Context, k sallyport.StoredKey, e sallyport.Event) error {
	return s.Around(ctx, "replace_signing_keys", func(ctx context.Context, on sallyport.Store) error {
		return on.ReplaceSigningKeys(ctx, k, e)
	})
}

// RemoveSigningKey implements sallyport.Store.
func (s *Store) RemoveSigningKey(ctx context.Context, keyID string, e sallyport.Event) (bool, error) {
	return one(ctx, s, "remove_signing_key", func(ctx context.Context, on sallyport.Store) (bool, error) {
		return on.RemoveSigningKey(ctx, keyID, e)
	})
}

// ResealSigningKey implements sallyport.Store.
func (s *Store) ResealSigningKey(ctx context.Context, keyID string, old, sealed []byte) error {
	return s.Around(ctx, "reseal_signing_key", func(ctx context.Context, on sallyport.Store) error {
		return on.ResealSigningKey(ctx, keyID, old, sealed)
	})
}

// SecretCheck implements sallyport.Store.
func (s *Store) SecretCheck(ctx context.Context) ([]byte, error) {
	return one(ctx, s, "secret_check", func(ctx context.Context, on sallyport.Store) ([]byte, error) {
		return on.SecretCheck(ctx)
	})
}

// SetSecretCheck implements sallyport.Store.
func (s *Store) SetSecretCheck(ctx context.Context, old, check []byte) error {
	return s.Around(ctx, "set_secret_check", func(ctx context.Context, on sallyport.Store) error {
		return on.SetSecretCheck(ctx, old, check)
	})
}

// Identities implements sallyport.Store.
func (s *Store) Identities(ctx context.Context, user sallyport.ID) ([]sallyport.Identity, error) {
	return one(ctx, s, "identities", func(ctx context.Context, on sallyport.Store) ([]sallyport.Identity, error) {
		return on.Identities(ctx, user)
	})
}

// AddIdentity implements sallyport.Store.
func (s *Store) AddIdentity(ctx context.Context, l sallyport.IdentityLink) error {
	return s.Around(ctx, "add_identity", func(ctx context.Context, on sallyport.Store) error { return on.AddIdentity(ctx, l) })
}

// RemoveIdentity implements sallyport.Store.
func (s *Store) RemoveIdentity(ctx context.Context, r sallyport.IdentityRemoval) error {
	return s.Around(ctx, "remove_identity", func(ctx context.Context, on sallyport.Store) error { return on.RemoveIdentity(ctx, r) })
}

// EndProviderSessions implements sallyport.Store.
func (s *Store) EndProviderSessions(ctx context.Context, l sallyport.ProviderLogout) (int, error) {
	return one(ctx, s, "end_provider_sessions", func(ctx context.Context, on sallyport.Store) (int, error) {
		return on.EndProviderSessions(ctx, l)
	})
}

// Consume implements sallyport.Store.
func (s *Store) Consume(ctx context.Context, mark []byte, at, until time.Time) error {
	return s.Around(ctx, "consume", func(ctx context.Context, on sallyport.Store) error { return on.Consume(ctx, mark, at, until) })
}
