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

// Around is the same store over what around makes of its Database.
func (s *Store) Around(around func(Database) Database) *Store { return New(around(s.db)) }

// Reads lists the statements that Database.Read is asked for.
func Reads() []string {
	return []string{
		userByID, userByName, userByIdentity, usersAfter, revocationsAfter, identitiesOfUser, sessionByID, sessionsOfUser, liveSessions,
		counterState, eventsBefore, eventsOfUser, signingKeys, metaValue,
	}
}

// Singles lists the statements that Database.Single is asked for.
func Singles() []string { return []string{advanceSession} }

// Writes lists the statements that Database.Write is asked for.
func Writes() []string {
	return []string{
		insertUser, insertLoginName, deleteLoginNames, lockUser, lockUserRow, userByID, touchUser, updateUser, setPassword, renewPasswordHash,
		deleteEndedOfUser, deleteSessionsOfUser, deleteIdentitiesOfUser, deleteRemovedOfUser, deleteAddressesOfUser, deleteUser,
		insertReplayedToken, insertIdentity, lockCredential, unendedOfUser, endLeastUsed, insertSession,
		identityByName, identitiesByName, signedOutAfter, signOutIdentity, isRemembered, addressIsProved,
		rememberRemoved, forgetRemoved, wasRemoved, deleteIdentity, wayIn, lockActiveUser, liveOfUser, linkAccount, removeOldPassword, raiseCredential, endSessionsOfIdentity,
		ownersOfProviderSession, providerSession, endProviderSession, endIdentitySessions,
		refreshSession, sessionByID,
		ownerOfSession, ofUser, lockOwner, endSession, endOtherSessions, endAllSessions, endUserSessions, lastOfPart, endPart,
		raiseCounter, counterState, lastOfCounter, lowerCounter, resetCounter, rememberAddress, forgetAddresses, insertEvent,
		deleteSessions, deleteReplayedTokens, deleteCounters, deleteAddresses, deleteEvents, deleteRevocations,
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

// list runs a statement that yields rows and scans each into a value of its own. It is never nil.
func list[T any](ctx context.Context, db Database, op, statement string, args []any, scan func(*T) []any) ([]T, error) {
	return read(ctx, db, op, func(ctx context.Context, q Queries) ([]T, error) { return all(ctx, q, statement, args, scan) })
}

// all is list for a statement inside a step.
func all[T any](ctx context.Context, q Queries, statement string, args []any, scan func(*T) []any) ([]T, error) {
	rows, err := q.Query(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []T{}
	for rows.Next() {
		var one T
		if err := rows.Scan(scan(&one)...); err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, rows.Err()
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
