package sallyport

import (
	"context"
	"errors"
	"log/slog"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/password"
)

// SignInRequest is a user's name and password.
type SignInRequest struct {
	Username string // the username or the e-mail address, in any case
	Password string
	Audience string // of the access token, one of Config.Audience; "" for all of them
	Client   Client
	Replaces RefreshToken // of the session that the same browser holds; zero for none
}

// SignIn checks a password and starts a session, which is durable when SignIn returns. It returns
// ErrInvalidCredentials for an unknown user, a wrong password and an inactive user, all at the cost
// of one hash; a RateLimitError, without a hash, when there were too many failures; ErrOverloaded when no
// hashing slot comes free in time; ErrClaimsFailed; ErrInvalidAudience, before anything is looked at.
func (s *Service) SignIn(ctx context.Context, r SignInRequest) (*Tokens, error) {
	if err := s.checkAudience(r.Audience); err != nil {
		return nil, err
	}
	user, tokens, err := s.signIn(ctx, r)
	s.observe(Observation{Operation: OperationSignIn, Err: err})
	s.audit(ctx, "sign_in", r.Client, err, auditIDs(user.ID, tokens)...)
	return tokens, err
}

func (s *Service) signIn(ctx context.Context, r SignInRequest) (User, *Tokens, error) {
	user, credential, err := s.userByName(ctx, r.Username, addressGroup(r.Client.IP))
	account := userAccount(user.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		account = unknownAccount(r.Username)
	case err != nil:
		return User{}, nil, err
	}
	try, err := s.beginTry(ctx, account, credential.KnownAddress, r.Client)
	if err != nil {
		return user, nil, err
	}
	tokens, err := s.trySignIn(ctx, r, user, credential, try)
	try.end(ctx, err)
	return user, tokens, err
}

// trySignIn looks at the password. A user who does not exist has no hash, which costs one all the same.
func (s *Service) trySignIn(ctx context.Context, r SignInRequest, user User, credential Credential, try *passwordTry) (*Tokens, error) {
	if err := s.hasher.VerifyAdmitted(ctx, credential.Hash, r.Password, try.admit(ctx)); err != nil {
		reason := err.Error()
		if user.ID.IsZero() {
			reason = "unknown user"
		}
		return nil, refusePassword(err, reason)
	}
	if !user.IsActive {
		return nil, because(ErrInvalidCredentials, "user is inactive")
	}
	tokens, err := s.startSession(ctx, user, ReasonSignIn, r.Audience, r.Client, SessionStart{
		CredentialVersion: credential.Version,
		Replaces:          r.Replaces.session,
		Settle:            try.settlement(true),
	})
	if err == nil && s.hasher.Outdated(credential.Hash) {
		s.renewHash(ctx, user.ID, credential.Hash, r)
	}
	if errors.Is(err, ErrChanged) { // disabled, or another password, since it was checked
		err = because(ErrInvalidCredentials, "the credential changed meanwhile")
	}
	return tokens, err
}

// renewHash makes the hash anew at the configured cost, while the password is known. The user is signed in
// whether it succeeds or not; the next sign-in tries again.
func (s *Service) renewHash(ctx context.Context, user ID, old string, r SignInRequest) {
	hash, err := s.hasher.Hash(ctx, r.Password)
	if err == nil {
		err = s.store.RenewPasswordHash(ctx, user, old, hash)
	}
	if errors.Is(err, password.ErrOverloaded) {
		err = ErrOverloaded
	}
	s.audit(ctx, "password_hash_renewed", r.Client, err, slog.String("user_id", user.String()))
}

// userByName asks the store for names that somebody can have, and for no others.
func (s *Service) userByName(ctx context.Context, name, address string) (User, Credential, error) {
	if checkText("name", name) != nil || len(name) > maxNameBytes {
		return User{}, Credential{}, ErrNotFound
	}
	return s.store.UserByName(ctx, name, address)
}

// maxNameBytes is longer than every username and every address.
const maxNameBytes = maxNameLen * utf8.UTFMax

// refusePassword turns what the hasher says into what the caller may know; reason is for the log.
func refusePassword(err error, reason string) error {
	switch {
	case errors.Is(err, password.ErrOverloaded):
		return ErrOverloaded
	case errors.Is(err, password.ErrMismatch), errors.Is(err, password.ErrUnusable), errors.Is(err, password.ErrTooLong), errors.Is(err, password.ErrInvalidUTF8):
		return because(ErrInvalidCredentials, reason)
	}
	return err
}

// startSession makes the tokens, then writes the session and all that start holds besides in one
// step. The ids come first, so that claims can name the session, and nothing is written when
// they fail.
func (s *Service) startSession(ctx context.Context, u User, reason Reason, audience string, c Client, start SessionStart) (*Tokens, error) {
	now := s.now()
	session := Session{
		ID:          NewID(now),
		UserID:      u.ID,
		CreatedAt:   now,
		LastUsedAt:  now,
		IdleEnd:     now.Add(s.cfg.IdleTTL),
		AbsoluteEnd: now.Add(s.cfg.SessionTTL),
		Provider:    start.Session.Provider,
		ProviderSID: start.Session.ProviderSID,
		IdentityID:  start.Session.IdentityID,
		UserAgent:   c.userAgent(),
		IP:          c.IP,
	}
	a, err := s.answer(ctx, u, reason, session.ID, audience, now, session.AbsoluteEnd)
	if err != nil {
		return nil, err
	}
	start.Session, start.Address, start.MaxSessions = session, addressGroup(c.IP), s.cfg.Limits.Sessions
	start.Surplus = s.event("session_ended", actorSystem, c)
	start.Surplus.UserID, start.Surplus.Detail = u.ID, string(EndedByLimit)
	if !start.Replaces.IsZero() {
		start.Replaced = s.event("session_ended", actorUser, c)
		start.Replaced.SessionID, start.Replaced.Detail = start.Replaces, string(EndedByReplaced) // it may be another user's
	}
	if err := s.store.StartSession(ctx, start); err != nil {
		return nil, err
	}
	return s.tokens(a, u, RefreshToken{session.ID, 1}, session.AbsoluteEnd, now), nil
}

func auditIDs(user ID, t *Tokens) []slog.Attr {
	var attrs []slog.Attr
	if !user.IsZero() {
		attrs = append(attrs, slog.String("user_id", user.String()))
	}
	if t != nil {
		attrs = append(attrs, slog.String("session_id", t.SessionID.String()))
	}
	return attrs
}
