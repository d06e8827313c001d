package sallyport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/password"
)

// NewUser is what an operator says of a user to be made.
type NewUser struct {
	Username      string
	Password      string // "" makes a user who cannot sign in by password
	Email         string
	EmailVerified bool
	FirstName     string
	LastName      string
	Inactive      bool
	Groups        []string
	Attributes    map[string]any
}

// CreateUser makes a user. It returns ErrInvalidUser, ErrNameTaken, ErrEmailTaken or ErrOverloaded.
func (s *Service) CreateUser(ctx context.Context, n NewUser) (User, error) {
	now := s.now()
	u := User{
		ID: NewID(now), Username: n.Username, Email: n.Email, EmailVerified: n.EmailVerified, FirstName: n.FirstName,
		LastName: n.LastName, IsActive: !n.Inactive, Groups: n.Groups, Attributes: n.Attributes, CreatedAt: now, UpdatedAt: now,
	}
	if err := checkUser(UserChange{
		Username: &u.Username, Email: &u.Email, FirstName: &u.FirstName, LastName: &u.LastName, Groups: &u.Groups, Attributes: u.Attributes,
	}); err != nil {
		return User{}, err
	}
	if u.EmailVerified && u.Email == "" {
		return User{}, fmt.Errorf("%w: there is no e-mail address to be verified", ErrInvalidUser)
	}
	hash := ""
	if n.Password != "" {
		var err error
		if hash, err = s.hash(ctx, n.Password); err != nil {
			return User{}, err
		}
	}
	e := s.userEvent("user_created", u.ID)
	err := s.store.CreateUser(ctx, u, hash, e)
	if errors.Is(err, ErrNameTaken) || errors.Is(err, ErrEmailTaken) { // a question that programs ask at every start
		return User{}, err
	}
	s.auditEvent(ctx, e, err)
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// FindUser finds a user by id, username or e-mail address. It returns ErrNotFound.
func (s *Service) FindUser(ctx context.Context, name string) (User, error) {
	if id, err := ParseID(name); err == nil {
		if u, err := s.store.User(ctx, id); !errors.Is(err, ErrNotFound) {
			return u, err
		}
	}
	u, _, err := s.userByName(ctx, name, "")
	return u, err
}

// Users lists at most limit users whose id is greater than after, ordered by
// id: as they were made, to the millisecond.
func (s *Service) Users(ctx context.Context, after ID, limit int) ([]User, error) {
	return s.store.Users(ctx, after, limit)
}

// UpdateUser changes the named fields and returns the user afterwards. Making a user inactive ends
// all sessions. It returns ErrInvalidUser, ErrNotFound, ErrNameTaken or ErrEmailTaken.
func (s *Service) UpdateUser(ctx context.Context, id ID, change UserChange) (User, error) {
	if err := checkUser(change); err != nil {
		return User{}, err
	}
	e := s.userEvent("user_changed", id)
	if change.IsActive != nil {
		e.Name = map[bool]string{true: "user_enabled", false: "user_disabled"}[*change.IsActive]
	}
	e.Detail = strings.Join(change.fields(), " ")
	u, err := s.store.UpdateUser(ctx, id, change, e.At, e)
	s.auditEvent(ctx, e, err)
	return u, err
}

// DisableUser makes a user inactive and ends all sessions, in one step. It returns ErrNotFound.
func (s *Service) DisableUser(ctx context.Context, id ID) error {
	_, err := s.UpdateUser(ctx, id, UserChange{IsActive: new(false)})
	return err
}

// EnableUser makes a user active again. No session comes back. It returns ErrNotFound.
func (s *Service) EnableUser(ctx context.Context, id ID) error {
	_, err := s.UpdateUser(ctx, id, UserChange{IsActive: new(true)})
	return err
}

// DeleteUser removes a user with all sessions and identities, in one step; the audit trail stays. The names are
// free afterwards, the id is never used again. It returns ErrNotFound.
func (s *Service) DeleteUser(ctx context.Context, id ID) error {
	e := s.userEvent("user_deleted", id)
	err := s.store.DeleteUser(ctx, id, e.At, e)
	s.auditEvent(ctx, e, err)
	return err
}

// SetPassword gives a user another password and ends all sessions, in one step. It returns
// ErrInvalidUser, ErrNotFound or ErrOverloaded.
func (s *Service) SetPassword(ctx context.Context, id ID, text string) error {
	e := s.userEvent("password_changed", id)
	hash, err := s.hash(ctx, text)
	if err == nil {
		err = s.store.SetPassword(ctx, PasswordChange{UserID: id, Hash: hash, At: e.At, Event: e})
	}
	s.auditEvent(ctx, e, err)
	return err
}

// userEvent begins the event of an operator's action.
func (s *Service) userEvent(name string, id ID) Event {
	e := s.event(name, actorAdmin, Client{})
	e.UserID = id
	return e
}

func (s *Service) hash(ctx context.Context, text string) (string, error) {
	if text == "" {
		return "", fmt.Errorf("%w: the password is empty", ErrInvalidUser)
	}
	hash, err := s.hasher.Hash(ctx, text)
	switch {
	case errors.Is(err, password.ErrOverloaded):
		return "", ErrOverloaded
	case err != nil && ctx.Err() == nil:
		return "", fmt.Errorf("%w: %w", ErrInvalidUser, err)
	}
	return hash, err
}

// maxAttributes is how many bytes of JSON the attributes of one user may weigh.
const maxAttributes = 64 << 10

// checkUser looks at the fields that a change names.
func checkUser(c UserChange) error {
	var faults []error
	if c.Username != nil {
		faults = append(faults, checkUsername(*c.Username))
	}
	if c.Email != nil && *c.Email != "" {
		faults = append(faults, checkEmail(*c.Email))
	}
	if c.FirstName != nil {
		faults = append(faults, checkText("first name", *c.FirstName))
	}
	if c.LastName != nil {
		faults = append(faults, checkText("last name", *c.LastName))
	}
	if c.Groups != nil {
		for i, group := range *c.Groups {
			switch {
			case strings.TrimSpace(group) == "":
				faults = append(faults, errors.New("a group has an empty name"))
			case slices.Contains((*c.Groups)[:i], group):
				faults = append(faults, fmt.Errorf("group %q is named twice", group))
			}
			faults = append(faults, checkText("group", group))
		}
	}
	if encoded, err := json.Marshal(c.Attributes); err != nil {
		faults = append(faults, fmt.Errorf("attributes are not JSON: %w", err))
	} else if len(encoded) > maxAttributes {
		faults = append(faults, fmt.Errorf("attributes weigh %d bytes of JSON, at most %d are allowed", len(encoded), maxAttributes))
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidUser, err)
	}
	return nil
}
