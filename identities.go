package sallyport

import (
	"context"
	"errors"
)

// Identities lists the identities of a user, the oldest first. It returns ErrNotFound for the zero user.
func (s *Service) Identities(ctx context.Context, user ID) ([]Identity, error) {
	if user.IsZero() {
		return nil, ErrNotFound
	}
	return s.store.Identities(ctx, user)
}

// LinkRequest begins the linking of another identity to a user who is signed in.
type LinkRequest struct {
	UserID    ID
	SessionID ID // from which the user asks; it must still be live in the end
	Provider  string
	ReturnTo  string // as in LoginRequest
	Client    Client
}

// StartLink is StartLogin for a user who is signed in: the identity that comes back becomes one of this user's. No
// session starts.
func (s *Service) StartLink(ctx context.Context, r LinkRequest) (*Login, error) {
	if r.UserID.IsZero() || r.SessionID.IsZero() {
		return nil, ErrNotFound
	}
	login, err := s.startFlow(ctx, r.Provider, r.Client, flow{returnTo: r.ReturnTo, session: r.SessionID, linkTo: r.UserID})
	if err != nil {
		e := s.event("identity_link_start", actorUser, r.Client)
		e.UserID, e.SessionID = r.UserID, r.SessionID
		s.auditEvent(ctx, e, err)
	}
	return login, err
}

// groundAsked is why an identity was linked: the user wanted it.
const groundAsked = "the user asked"

// addTo links the identity to the user who started the login, whose session must not have ended meanwhile.
func (x *admission) addTo(ctx context.Context, f *flow, a *Assertion) error {
	x.user.ID, x.ground = f.linkTo, groundAsked
	e := x.firstEvent("identity_linked")
	e.SessionID = f.session
	now := x.now()
	err := x.store.AddIdentity(ctx, IdentityLink{
		Identity: Identity{ID: NewID(now), UserID: f.linkTo, Provider: x.provider.Name(), Issuer: a.Issuer, Subject: a.Subject, CreatedAt: now},
		Session:  f.session, At: now, Mark: a.TokenHash, MarkUntil: a.UsableUntil.Add(replayMargin), Event: e,
	})
	if errors.Is(err, ErrChanged) {
		return because(ErrSessionRevoked, "the session that asked for the link has ended")
	}
	return err
}

// UnlinkIdentity takes an identity from a user. It returns ErrNotFound for one of somebody else, as for none, and
// ErrLastWayIn for the last one of a user without a password. Sessions that it has signed in stay.
func (s *Service) UnlinkIdentity(ctx context.Context, user, identity ID, c Client) error {
	if user.IsZero() {
		return ErrNotFound
	}
	e := s.event("identity_unlinked", actorUser, c)
	e.UserID, e.Detail = user, identity.String()
	err := s.store.RemoveIdentity(ctx, user, identity, e)
	if !errors.Is(err, ErrNotFound) {
		s.auditEvent(ctx, e, err)
	}
	return err
}
