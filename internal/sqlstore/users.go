package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/sallyport-auth/sallyport"
)

const (
	insertUser = `insert into users (id, username, email, email_verified, first_name, last_name,
			is_active, groups, attributes, created_at, updated_at, password_hash, credential_version, password_set_at, email_verified_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`

	// login_names holds the folded username and the folded address of every user, in one namespace:
	// its key is what makes them unique.
	insertLoginName  = `insert into login_names (name, user_id) values ($1, $2) on conflict (name) do nothing`
	deleteLoginNames = `delete from login_names where user_id = $1`

	userByID = `select ` + userColumns + ` from users where users.id = $1`

	userByName = `select ` + userColumns + `, users.password_hash, users.credential_version,
			users.email_verified and users.email_verified_at <> 0,
			exists (select 1 from known_addresses where user_id = users.id and address = $2)
		from login_names join users on users.id = login_names.user_id where login_names.name = $1`

	userByIdentity = `select ` + userColumns + `, users.password_hash, users.credential_version,
			users.email_verified and users.email_verified_at <> 0, identities.id
		from identities join users on users.id = identities.user_id
		where identities.issuer = $1 and identities.subject = $2`

	usersAfter = `select ` + userColumns + ` from users where users.id > $1 order by users.id limit $2`

	addressIsProved = `select 1 from users where id = $1 and email_verified and email_verified_at <> 0`

	// later is $2, unless an instance whose clock is ahead has been there: what is stale is told by it (see
	// sallyport.Revocation).
	later = `case when updated_at < $2 then $2 else updated_at end`

	// lockUser keeps other writers from the row until the step ends, and says what it holds.
	lockUser = `update users set updated_at = ` + later + ` where id = $1 returning ` + userColumns

	// touchUser notes when a user is changed whom lockUser has not locked.
	touchUser = `update users set updated_at = ` + later + ` where id = $1`

	// updateUser has two instants of a proof: $11 takes the place of the one that is there, null leaves it; then $12
	// is for an address that has none.
	updateUser = `update users set username = $2, email = $3, email_verified = $4, first_name = $5, last_name = $6,
			is_active = $7, groups = $8, attributes = $9, credential_version = credential_version + $10,
			email_verified_at = coalesce($11, case when email_verified_at = 0 then $12 else email_verified_at end)
		where id = $1`

	// lockUserRow is lockUser for a step that changes nothing in the row.
	lockUserRow = `update users set credential_version = credential_version where id = $1`

	// setPassword asks for the version $4 unless that is nought.
	setPassword = `update users set password_hash = $2, password_set_at = $3, credential_version = credential_version + 1, updated_at = $3
		where id = $1 and ($4 = 0 or credential_version = $4)`

	deleteSessionsOfUser = `delete from sessions where user_id = $1`
	deleteEndedOfUser    = `delete from sessions where id in
		(select id from sessions where user_id = $1 and ended_at is not null limit $2)`
	deleteIdentitiesOfUser = `delete from identities where user_id = $1`
	deleteRemovedOfUser    = `delete from removed_identities where user_id = $1`
	deleteUser             = `delete from users where id = $1`

	renewPasswordHash = `update users set password_hash = $3 where id = $1 and password_hash = $2`
)

// firstVersion is the version of the credential of a new user.
const firstVersion = 1

// CreateUser implements sallyport.Store.
func (s *Store) CreateUser(ctx context.Context, u sallyport.User, hash string, e sallyport.Event) error {
	row, err := newUserRow(u, hash, u.EmailVerified)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, "create user", func(ctx context.Context, q Queries) error {
		if err := row.add(ctx, q); err != nil {
			return err
		}
		return note(ctx, q, e)
	})
}

// userRow is a user who is to be added, as the database keeps it.
type userRow struct {
	id              sallyport.ID
	username, email string
	columns         []any // of insertUser
}

// newUserRow makes a row of u; proved says that the address may link an identity.
func newUserRow(u sallyport.User, hash string, proved bool) (*userRow, error) {
	groups, err := groupsJSON(u.Groups)
	if err != nil {
		return nil, err
	}
	attributes, err := attributesJSON(u.Attributes)
	if err != nil {
		return nil, err
	}
	return &userRow{
		id: u.ID, username: u.Username, email: u.Email,
		columns: []any{
			u.ID[:], u.Username, u.Email, u.EmailVerified, u.FirstName, u.LastName,
			u.IsActive, groups, attributes, u.CreatedAt.UnixMicro(), u.UpdatedAt.UnixMicro(), hash, firstVersion,
			atIf(hash != "", u.CreatedAt), atIf(proved, u.CreatedAt),
		},
	}, nil
}

// atIf is when something was so, 0 when it was not.
func atIf(so bool, at time.Time) int64 {
	if !so {
		return 0
	}
	return at.UnixMicro()
}

// add is the Step that adds the user and reserves both names.
func (r *userRow) add(ctx context.Context, q Queries) error {
	if _, err := q.Exec(ctx, insertUser, r.columns...); err != nil {
		return err
	}
	return reserveNames(ctx, q, r.id, r.username, r.email)
}

// reserveNames makes the folded username and address those of the user, who has none reserved.
func reserveNames(ctx context.Context, q Queries, id sallyport.ID, username, email string) error {
	name, address := sallyport.FoldName(username), sallyport.FoldName(email)
	if added, err := q.Exec(ctx, insertLoginName, name, id[:]); err != nil {
		return err
	} else if added == 0 {
		return sallyport.ErrNameTaken
	}
	if address == "" || address == name {
		return nil
	}
	if added, err := q.Exec(ctx, insertLoginName, address, id[:]); err != nil {
		return err
	} else if added == 0 {
		return sallyport.ErrEmailTaken
	}
	return nil
}

// User implements sallyport.Store.
func (s *Store) User(ctx context.Context, id sallyport.ID) (sallyport.User, error) {
	return read(ctx, s.db, "user", func(ctx context.Context, q Queries) (u sallyport.User, err error) {
		found, err := one(ctx, q, scanUser(&u), userByID, id[:])
		return u, orNotFound(found, err)
	})
}

// account is a user with the credential.
type account struct {
	user       sallyport.User
	credential sallyport.Credential
}

// UserByName implements sallyport.Store.
func (s *Store) UserByName(ctx context.Context, name, address string) (sallyport.User, sallyport.Credential, error) {
	a, err := read(ctx, s.db, "user by name", func(ctx context.Context, q Queries) (a account, err error) {
		dest := append(scanUser(&a.user), &a.credential.Hash, &a.credential.Version, &a.credential.EmailProved, &a.credential.KnownAddress)
		found, err := one(ctx, q, dest, userByName, sallyport.FoldName(name), address)
		return a, orNotFound(found, err)
	})
	return a.user, a.credential, err
}

// UserByIdentity implements sallyport.Store.
func (s *Store) UserByIdentity(ctx context.Context, issuer, subject string) (sallyport.Owner, error) {
	return read(ctx, s.db, "user by identity", func(ctx context.Context, q Queries) (o sallyport.Owner, err error) {
		dest := append(scanUser(&o.User), &o.Credential.Hash, &o.Credential.Version, &o.Credential.EmailProved, idColumn{&o.Identity})
		found, err := one(ctx, q, dest, userByIdentity, issuer, subject)
		return o, orNotFound(found, err)
	})
}

// Users implements sallyport.Store.
func (s *Store) Users(ctx context.Context, after sallyport.ID, limit int) ([]sallyport.User, error) {
	return list(ctx, s.db, "users", usersAfter, []any{after[:], max(limit, 0)}, func(one *sallyport.User) []any { return scanUser(one) })
}

// UpdateUser implements sallyport.Store.
func (s *Store) UpdateUser(ctx context.Context, id sallyport.ID, change sallyport.UserChange, at time.Time, e sallyport.Event) (sallyport.User, error) {
	edit, err := newUserEdit(change)
	if err != nil {
		return sallyport.User{}, err
	}
	return write(ctx, s.db, "update user", func(ctx context.Context, q Queries) (u sallyport.User, err error) {
		found, err := one(ctx, q, scanUser(&u), lockUser, id[:], at.UnixMicro())
		if err := orNotFound(found, err); err != nil {
			return u, err
		}
		ended, err := edit.apply(ctx, q, &u, at)
		e := e // the step may be run twice
		e.Sessions = int(ended)
		if err == nil {
			err = note(ctx, q, e)
		}
		return u, err
	})
}

// DeleteUser implements sallyport.Store.
func (s *Store) DeleteUser(ctx context.Context, id sallyport.ID, at time.Time, e sallyport.Event) error {
	if err := s.deleteEndedOfUser(ctx, id); err != nil {
		return err
	}
	return s.db.Write(ctx, "delete user", func(ctx context.Context, q Queries) error {
		locked, err := q.Exec(ctx, lockUserRow, id[:])
		if err := orNotFound(locked != 0, err); err != nil {
			return err
		}
		ended, err := q.Exec(ctx, endUserSessions, id[:], noID, at.UnixMicro(), string(sallyport.EndedByAdmin))
		if err != nil {
			return err
		}
		for _, statement := range []string{deleteSessionsOfUser, deleteIdentitiesOfUser, deleteRemovedOfUser, deleteLoginNames, deleteAddressesOfUser, deleteUser} {
			if _, err := q.Exec(ctx, statement, id[:]); err != nil {
				return err
			}
		}
		e := e
		e.Sessions = int(ended)
		return note(ctx, q, e)
	})
}

// deleteEndedOfUser removes a user's ended sessions, of which there may be any number, in parts: the step that deletes
// the user is left with those that live.
func (s *Store) deleteEndedOfUser(ctx context.Context, id sallyport.ID) error {
	for {
		deleted, err := write(ctx, s.db, "delete ended sessions", func(ctx context.Context, q Queries) (int64, error) {
			return q.Exec(ctx, deleteEndedOfUser, id[:], int64(endedAtOnce))
		})
		if err != nil || deleted < endedAtOnce {
			return err
		}
	}
}

const endedAtOnce = 1000

// userEdit is a UserChange that shares no memory with its maker.
type userEdit struct {
	change     sallyport.UserChange       // without Attributes
	hearsay    bool                       // see SessionStart.Hearsay
	attributes map[string]json.RawMessage // nil removes the key
}

func newUserEdit(c sallyport.UserChange) (*userEdit, error) {
	edit := &userEdit{attributes: make(map[string]json.RawMessage, len(c.Attributes))}
	for key, value := range c.Attributes {
		if value == nil {
			edit.attributes[key] = nil
			continue
		}
		text, err := jsonText("attributes", value)
		if err != nil {
			return nil, err
		}
		edit.attributes[key] = json.RawMessage(text)
	}
	edit.change = sallyport.UserChange{
		Username: copied(c.Username), Email: copied(c.Email), EmailVerified: copied(c.EmailVerified),
		FirstName: copied(c.FirstName), LastName: copied(c.LastName), IsActive: copied(c.IsActive),
	}
	if c.Groups != nil {
		groups := append([]string{}, *c.Groups...)
		edit.change.Groups = &groups
	}
	return edit, nil
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// changes reports whether apply would change anything of u, which stays as it is.
func (e *userEdit) changes(u *sallyport.User) (bool, error) {
	before, err := jsonText("user", u)
	if err != nil {
		return false, err
	}
	after := *u
	after.Attributes = maps.Clone(u.Attributes)
	e.change.Apply(&after)
	if _, err := e.merge(&after); err != nil {
		return false, err
	}
	text, err := jsonText("user", after)
	return text != before, err
}

// apply changes the locked user u and its row, and returns how many sessions it has ended.
func (e *userEdit) apply(ctx context.Context, q Queries, u *sallyport.User, at time.Time) (ended int64, err error) {
	c := e.change
	raised := 0
	if c.IsActive != nil && *c.IsActive != u.IsActive {
		raised = 1
	}
	was := *u
	c.Apply(u)
	attributes, err := e.merge(u)
	if err != nil {
		return 0, err
	}
	groups, err := groupsJSON(u.Groups)
	if err != nil {
		return 0, err
	}
	proof, first := e.proof(&was, u, at)
	if _, err := q.Exec(ctx, updateUser, u.ID[:], u.Username, u.Email, u.EmailVerified, u.FirstName, u.LastName,
		u.IsActive, groups, attributes, raised, proof, first); err != nil {
		return 0, err
	}
	if c.Username != nil || c.Email != nil {
		if _, err := q.Exec(ctx, deleteLoginNames, u.ID[:]); err != nil {
			return 0, err
		}
		if err := reserveNames(ctx, q, u.ID, u.Username, u.Email); err != nil {
			return 0, err
		}
	}
	if c.IsActive == nil || *c.IsActive {
		return 0, nil
	}
	return q.Exec(ctx, endUserSessions, u.ID[:], noID, at.UnixMicro(), string(sallyport.EndedByDisabled))
}

// proof is when the address of a user who is changed was proved, as updateUser takes it. The first proof of an address
// stays: a password that was set after it is not older for another one.
func (e *userEdit) proof(was, is *sallyport.User, at time.Time) (proof any, first int64) {
	vouched := e.change.EmailVerified != nil && !e.hearsay
	switch {
	case !is.EmailVerified:
		return int64(0), 0
	case was.EmailVerified && sallyport.FoldName(was.Email) == sallyport.FoldName(is.Email):
		return nil, atIf(vouched, at)
	}
	return atIf(vouched, at), 0
}

// merge puts the changed attributes into u and returns their text.
func (e *userEdit) merge(u *sallyport.User) (string, error) {
	for key, value := range e.attributes {
		if value == nil {
			delete(u.Attributes, key)
		} else {
			u.Attributes[key] = value
		}
	}
	text, err := attributesJSON(u.Attributes)
	if err != nil {
		return "", err
	}
	u.Attributes = nil
	if err := (jsonColumn{&u.Attributes}).Scan(text); err != nil {
		return "", fmt.Errorf("attributes: %w", err)
	}
	return text, nil
}

// SetPassword implements sallyport.Store.
func (s *Store) SetPassword(ctx context.Context, c sallyport.PasswordChange) error {
	return s.db.Write(ctx, "set password", func(ctx context.Context, q Queries) error {
		locked, err := q.Exec(ctx, lockUserRow, c.UserID[:])
		if err := orNotFound(locked != 0, err); err != nil {
			return err
		}
		if err := orChanged(q.Exec(ctx, setPassword, c.UserID[:], c.Hash, c.At.UnixMicro(), c.Version)); err != nil {
			return err
		}
		ended, err := q.Exec(ctx, endUserSessions, c.UserID[:], c.Keep[:], c.At.UnixMicro(), string(sallyport.EndedByPassword))
		if err != nil {
			return err
		}
		e := c.Event
		e.Sessions = int(ended)
		return note(ctx, q, e)
	})
}

// RenewPasswordHash implements sallyport.Store.
func (s *Store) RenewPasswordHash(ctx context.Context, id sallyport.ID, old, hash string) error {
	return s.db.Write(ctx, "renew password hash", func(ctx context.Context, q Queries) error {
		return orChanged(q.Exec(ctx, renewPasswordHash, id[:], old, hash))
	})
}

func orNotFound(found bool, err error) error {
	if err == nil && !found {
		return sallyport.ErrNotFound
	}
	return err
}
