package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport"
)

const (
	insertUser = `insert into users (id, username, email, email_verified, first_name, last_name,
			is_active, groups, attributes, created_at, updated_at, password_hash, credential_version)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`

	// login_names holds the folded username and the folded address of every user, in one namespace:
	// its key is what makes them unique.
	insertLoginName  = `insert into login_names (name, user_id) values ($1, $2) on conflict (name) do nothing`
	deleteLoginNames = `delete from login_names where user_id = $1`

	userByID = `select ` + userColumns + ` from users where users.id = $1`

	userByName = `select ` + userColumns + `, users.password_hash, users.credential_version,
			exists (select 1 from known_addresses where user_id = users.id and address = $2)
		from login_names join users on users.id = login_names.user_id where login_names.name = $1`

	userByIdentity = `select ` + userColumns + `, users.password_hash, users.credential_version, true
		from identities join users on users.id = identities.user_id
		where identities.issuer = $1 and identities.subject = $2`

	usersAfter = `select ` + userColumns + ` from users where users.id > $1 order by users.id limit $2`

	// lockUser keeps other writers from the row until the step ends, and says what it holds.
	lockUser = `update users set updated_at = $2 where id = $1 returning ` + userColumns

	updateUser = `update users set username = $2, email = $3, email_verified = $4, first_name = $5, last_name = $6,
			is_active = $7, groups = $8, attributes = $9, credential_version = credential_version + $10
		where id = $1`

	// lockUserRow is lockUser for a step that changes nothing in the row.
	lockUserRow = `update users set credential_version = credential_version where id = $1`

	// setPassword asks for the version $4 unless that is nought.
	setPassword = `update users set password_hash = $2, credential_version = credential_version + 1, updated_at = $3
		where id = $1 and ($4 = 0 or credential_version = $4)`

	deleteSessionsOfUser = `delete from sessions where user_id = $1`
	deleteEndedOfUser    = `delete from sessions where id in
		(select id from sessions where user_id = $1 and ended_at is not null limit $2)`
	deleteIdentitiesOfUser = `delete from identities where user_id = $1`
	deleteUser             = `delete from users where id = $1`

	renewPasswordHash = `update users set password_hash = $3 where id = $1 and password_hash = $2`
)

// firstVersion is the version of the credential of a new user.
const firstVersion = 1

// CreateUser implements sallyport.Store.
func (s *Store) CreateUser(ctx context.Context, u sallyport.User, hash string, e sallyport.Event) error {
	row, err := newUserRow(u, hash)
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

func newUserRow(u sallyport.User, hash string) (*userRow, error) {
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
		},
	}, nil
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
	a, err := s.account(ctx, "user by name", userByName, sallyport.FoldName(name), address)
	return a.user, a.credential, err
}

// UserByIdentity implements sallyport.Store.
func (s *Store) UserByIdentity(ctx context.Context, issuer, subject string) (sallyport.User, sallyport.Credential, error) {
	a, err := s.account(ctx, "user by identity", userByIdentity, issuer, subject)
	return a.user, a.credential, err
}

func (s *Store) account(ctx context.Context, op, statement string, args ...any) (account, error) {
	return read(ctx, s.db, op, func(ctx context.Context, q Queries) (a account, err error) {
		dest := append(scanUser(&a.user), &a.credential.Hash, &a.credential.Version, &a.credential.KnownAddress)
		found, err := one(ctx, q, dest, statement, args...)
		return a, orNotFound(found, err)
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
		for _, statement := range []string{deleteSessionsOfUser, deleteIdentitiesOfUser, deleteLoginNames, deleteAddressesOfUser, deleteUser} {
			if _, err := q.Exec(ctx, statement, id[:]); err != nil {
				return err
			}
		}
		e := e
		e.Sessions = int(ended)
		return note(ctx, q, e)
	})
}

// deleteEndedOfUser removes a user's ended sessions, of which there may be any number, in parts: the step that deletes the user
// is left with those that live.
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

// apply changes the locked user u and its row, and returns how many sessions it has ended.
func (e *userEdit) apply(ctx context.Context, q Queries, u *sallyport.User, at time.Time) (ended int64, err error) {
	c := e.change
	raised := 0
	if c.IsActive != nil && *c.IsActive != u.IsActive {
		raised = 1
	}
	set(&u.Username, c.Username)
	if c.Email != nil && sallyport.FoldName(*c.Email) != sallyport.FoldName(u.Email) {
		u.EmailVerified = false // what was proved was another address
	}
	set(&u.Email, c.Email)
	set(&u.EmailVerified, c.EmailVerified)
	u.EmailVerified = u.EmailVerified && u.Email != ""
	set(&u.FirstName, c.FirstName)
	set(&u.LastName, c.LastName)
	set(&u.IsActive, c.IsActive)
	set(&u.Groups, c.Groups)
	attributes, err := e.merge(u)
	if err != nil {
		return 0, err
	}
	groups, err := groupsJSON(u.Groups)
	if err != nil {
		return 0, err
	}
	if _, err := q.Exec(ctx, updateUser, u.ID[:], u.Username, u.Email, u.EmailVerified, u.FirstName, u.LastName,
		u.IsActive, groups, attributes, raised); err != nil {
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

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
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
