package sqlstore

import (
	"context"

	"github.com/sallyport-auth/sallyport"
)

// Store implements sallyport.Store over a Database.
type Store struct {
	db Database
}

var _ sallyport.Store = (*Store)(nil)

// New makes the store of a database whose schema is current. Closing the store closes db.
func New(db Database) *Store {
	return &Store{db: db}
}

// Reads lists the statements that Database.Read is asked for.
func Reads() []string {
	return []string{userByID, userByName, userByIdentity, usersAfter, sessionByID, signingKeys, metaValue}
}

// Writes lists the statements that Database.Write is asked for.
func Writes() []string {
	return []string{
		insertUser, insertLoginName, deleteLoginNames, lockUser, updateUser, setPassword, renewPasswordHash,
		insertReplayedToken, deleteReplayedTokens, insertIdentity, lockCredential, insertSession,
		refreshSession, sessionByID,
		endSession, endOtherSessions, endAllSessions, endUserSessions,
		signingKeys, insertSigningKey, resealSigningKey, deleteSigningKey, deleteSigningKeys, insertMeta, updateMeta,
	}
}

// Close implements sallyport.Store.
func (s *Store) Close() error { return s.db.Close() }

// read runs fn as a Read and returns what it found.
func read[T any](ctx context.Context, db Database, op string, fn func(context.Context, Queries) (T, error)) (T, error) {
	return result(ctx, op, db.Read, fn)
}

// write runs fn as a Write and returns what it made.
func write[T any](ctx context.Context, db Database, op string, fn func(context.Context, Queries) (T, error)) (T, error) {
	return result(ctx, op, db.Write, fn)
}

// result carries a step's result out of it. After an error it does not touch found: the step may
// be running still.
func result[T any](ctx context.Context, op string, run func(context.Context, string, Step) error, fn func(context.Context, Queries) (T, error)) (T, error) {
	var found T
	err := run(ctx, op, func(ctx context.Context, q Queries) (err error) {
		found, err = fn(ctx, q)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return found, nil
}
