package sallyport

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
)

// CheckAccessToken verifies an access token of ours and that the session behind it is live and its
// user active. It returns ErrTokenNotValid, with the cause for the log, for everything that is wrong
// with the token.
func (s *Service) CheckAccessToken(ctx context.Context, token string) (*accesstoken.Claims, User, error) {
	claims, err := s.accessRules.Verify(token, s.keys.key)
	if errors.Is(err, accesstoken.ErrInvalid) {
		return nil, User{}, because(ErrTokenNotValid, err.Error())
	}
	if err != nil {
		return nil, User{}, err
	}
	id, err := ParseID(claims.SessionID)
	if err != nil {
		return nil, User{}, because(ErrTokenNotValid, "sid is no session id")
	}
	session, user, err := s.store.Session(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, User{}, because(ErrTokenNotValid, "unknown session")
	case err != nil:
		return nil, User{}, err
	case !session.EndedAt.IsZero(), session.expired(s.now()), !user.IsActive:
		return nil, User{}, because(ErrTokenNotValid, "the session has ended")
	case user.ID.String() != claims.Subject:
		return nil, User{}, because(ErrTokenNotValid, "the session is another user's")
	}
	return claims, user, nil
}

// CheckSession returns t's session while it is live, and changes nothing. Else it returns what Refresh
// would: ErrSessionRevoked or ErrRefreshTokenExpired.
func (s *Service) CheckSession(ctx context.Context, t RefreshToken) (Session, error) {
	session, user, err := s.store.Session(ctx, t.session)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Session{}, err
	}
	if now := s.now(); session.ID.IsZero() || !session.EndedAt.IsZero() || session.expired(now) || !user.IsActive {
		return Session{}, s.whyRefused(RefreshOutcome{Session: session, User: user}, now)
	}
	return session, nil
}

// ShowUser is the user view of u as JSON: the configured one, else the documented fields.
func (s *Service) ShowUser(ctx context.Context, u User) (json.RawMessage, error) {
	view, err := s.userView(ctx, u)
	if view == nil && err == nil {
		return json.Marshal(u.fields(defaultUserFields))
	}
	return view, err
}
