package sallyport

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport-auth/sallyport/password"
)

// PasswordRequest is a signed-in user's wish for another password.
type PasswordRequest struct {
	UserID    ID
	SessionID ID // the session from which it comes; it does not end
	Current   string
	New       string
	Client    Client
}

// ChangePassword replaces the password of a user who knows the current one, and ends every other session, in one
// step. It returns ErrInvalidCredentials for a wrong current password, which counts like a failed sign-in, and
// for a user who has none; ErrPasswordRejected, whose text may be shown; a RateLimitError; ErrOverloaded.
func (s *Service) ChangePassword(ctx context.Context, r PasswordRequest) error {
	e := s.event("password_changed", actorUser, r.Client)
	e.UserID, e.SessionID = r.UserID, r.SessionID
	err := s.changePassword(ctx, r, e)
	s.observe(Observation{Operation: OperationPassword, Err: err})
	s.auditEvent(ctx, e, err)
	return err
}

func (s *Service) changePassword(ctx context.Context, r PasswordRequest, e Event) (err error) {
	user, err := s.store.User(ctx, r.UserID)
	if errors.Is(err, ErrNotFound) {
		return because(ErrInvalidCredentials, "user is gone")
	}
	if err != nil {
		return err
	}
	_, credential, err := s.store.UserByName(ctx, user.Username, addressGroup(r.Client.IP))
	if err != nil {
		return err
	}
	if err := s.checkNewPassword(r.New, user); err != nil { // before any hash, and it tells nothing about the current one
		return err
	}
	try, err := s.beginTry(ctx, userAccount(user.ID), credential.KnownAddress, r.Client)
	if err != nil {
		return err
	}
	defer func() { try.end(ctx, err) }()
	if err := s.hasher.VerifyAdmitted(ctx, credential.Hash, r.Current, try.admit(ctx)); err != nil {
		return refusePassword(err, err.Error())
	}
	hash, err := s.hash(ctx, r.New)
	if err != nil {
		return err
	}
	err = s.store.SetPassword(ctx, PasswordChange{
		UserID: user.ID, Hash: hash, Version: credential.Version, Keep: r.SessionID, At: e.At, Event: e,
	})
	if errors.Is(err, ErrChanged) || errors.Is(err, ErrNotFound) {
		return because(ErrInvalidCredentials, "the credential changed meanwhile")
	}
	if err == nil {
		try.settle(ctx, try.settlement(true))
	}
	return err
}

// checkNewPassword is the policy of package password for this user.
func (s *Service) checkNewPassword(text string, u User) error {
	err := password.Check(text, s.cfg.PasswordMinLength, u.Username, u.Email)
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrPasswordRejected, err)
}
