package sallyport

import (
	"context"
	"errors"
	"slices"
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

// UnlinkRequest takes an identity from a user who is signed in.
type UnlinkRequest struct {
	UserID    ID
	SessionID ID // from which the user asks; it does not end
	Identity  ID
	Client    Client
}

// UnlinkIdentity takes an identity from a user and ends the sessions that it has signed in, but for the one that asks. It
// returns ErrNotFound for an identity of somebody else, as for none, and ErrLastWayIn when the user would have neither a
// password nor an identity of a provider that is configured.
func (s *Service) UnlinkIdentity(ctx context.Context, r UnlinkRequest) error {
	if r.UserID.IsZero() {
		return ErrNotFound
	}
	e := s.event("identity_unlinked", actorUser, r.Client)
	e.UserID, e.SessionID, e.Detail = r.UserID, r.SessionID, r.Identity.String()
	err := ErrChanged
	for range maxAdmissionTries {
		if err = s.unlink(ctx, r, e); !errors.Is(err, ErrChanged) {
			break
		}
	}
	if !errors.Is(err, ErrNotFound) {
		s.auditEvent(ctx, e, err)
	}
	return err
}

// unlink returns ErrChanged when what it had read has changed before the write.
func (s *Service) unlink(ctx context.Context, r UnlinkRequest, e Event) error {
	all, err := s.store.Identities(ctx, r.UserID)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(i Identity) bool { return i.ID == r.Identity })
	if at < 0 {
		return ErrNotFound
	}
	owner, err := s.store.UserByIdentity(ctx, all[at].Issuer, all[at].Subject)
	if errors.Is(err, ErrNotFound) {
		return ErrChanged
	}
	if err != nil {
		return err
	}
	isWayIn := func(i Identity) bool { return i.ID != r.Identity && s.byIssuer[i.Issuer] != nil }
	if owner.Credential.Hash == "" && !slices.ContainsFunc(all, isWayIn) {
		return ErrLastWayIn
	}
	return s.store.RemoveIdentity(ctx, IdentityRemoval{
		UserID: r.UserID, Identity: r.Identity, Version: owner.Credential.Version, Keep: r.SessionID, At: e.At, Event: e,
	})
}
