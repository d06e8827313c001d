package sallyport

import (
	"context"
	"time"
)

// forgetful is a Store that tells visits what it has ended or changed, so that this instance believes nothing any more
// that one of its own requests has put an end to. What other instances and other programs do comes by the revocation feed.
// An error leaves open what has happened, so it counts as a success.
type forgetful struct {
	Store
	visits *visits
}

// UpdateUser implements Store.
func (f forgetful) UpdateUser(ctx context.Context, id ID, change UserChange, at time.Time, e Event) (User, error) {
	defer f.visits.forgetUser(id)
	return f.Store.UpdateUser(ctx, id, change, at, e)
}

// DeleteUser implements Store.
func (f forgetful) DeleteUser(ctx context.Context, id ID, at time.Time, e Event) error {
	defer f.visits.forgetUser(id)
	return f.Store.DeleteUser(ctx, id, at, e)
}

// SetPassword implements Store.
func (f forgetful) SetPassword(ctx context.Context, c PasswordChange) error {
	defer f.visits.forgetUser(c.UserID)
	return f.Store.SetPassword(ctx, c)
}

// StartSession implements Store. It may change its user, and end sessions of that user and the one of the same browser.
func (f forgetful) StartSession(ctx context.Context, s SessionStart) error {
	defer f.visits.forgetUser(s.Session.UserID)
	defer f.visits.forgetSession(s.Replaces)
	return f.Store.StartSession(ctx, s)
}

// Refresh implements Store.
func (f forgetful) Refresh(ctx context.Context, step RefreshStep) (RefreshOutcome, error) {
	outcome, err := f.Store.Refresh(ctx, step)
	if err != nil || outcome.Rule == RuleReuse {
		f.visits.forgetSession(step.SessionID)
	}
	return outcome, err
}

// EndSessions implements Store. Of ScopeOthers and ScopeAll the user is not known here, so everything is forgotten: that is
// rare, and costs one look for each session.
func (f forgetful) EndSessions(ctx context.Context, e SessionEnd) (int, error) {
	switch {
	case e.Session.IsZero():
		defer f.visits.forgetUser(e.User)
	case e.Scope == ScopeThis:
		defer f.visits.forgetSession(e.Session)
	default:
		defer f.visits.forgetAll()
	}
	return f.Store.EndSessions(ctx, e)
}

// EndAllSessions implements Store.
func (f forgetful) EndAllSessions(ctx context.Context, w SessionWalk) (int, ID, error) {
	defer f.visits.forgetAll()
	return f.Store.EndAllSessions(ctx, w)
}

// RemoveIdentity implements Store.
func (f forgetful) RemoveIdentity(ctx context.Context, r IdentityRemoval) error {
	defer f.visits.forgetUser(r.UserID)
	return f.Store.RemoveIdentity(ctx, r)
}

// EndProviderSessions implements Store.
func (f forgetful) EndProviderSessions(ctx context.Context, l ProviderLogout) (int, error) {
	defer f.visits.forgetAll()
	return f.Store.EndProviderSessions(ctx, l)
}
