package sallyport

import (
	"context"
	"errors"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
)

// CheckAccessToken verifies an access token of ours and that the session behind it is live and its
// user active. It returns ErrTokenInvalid, with the cause for the log, for everything that is wrong
// with the token.
func (s *Service) CheckAccessToken(ctx context.Context, token string) (*accesstoken.Claims, User, error) {
	claims, err := s.accessRules.Verify(token, s.keyOf(ctx))
	if errors.Is(err, accesstoken.ErrInvalid) {
		return nil, User{}, because(ErrTokenInvalid, err.Error())
	}
	if err != nil {
		return nil, User{}, err
	}
	id, err := ParseID(claims.SessionID)
	if err != nil {
		return nil, User{}, because(ErrTokenInvalid, "sid is no session id")
	}
	session, user, err := s.store.Session(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, User{}, because(ErrTokenInvalid, "unknown session")
	case err != nil:
		return nil, User{}, err
	case !session.live(s.now()), !user.IsActive:
		return nil, User{}, because(ErrTokenInvalid, "the session has ended")
	case user.ID.String() != claims.Subject:
		return nil, User{}, because(ErrTokenInvalid, "the session is another user's")
	}
	return claims, user, nil
}
