package sallyport

import (
	"context"
	"errors"
	"time"
)

// visitLife is how long what was found out about a session is believed. An ending that this instance carries out, or reads
// in the revocation feed, counts at once.
const visitLife = 5 * time.Second

// Visitor is who is behind a site token.
type Visitor struct {
	User        User
	AccessToken string // of ours, for all audiences; at least half of the life that it was issued for is left, which the end of the session may shorten
}

// Visit says who is behind a site token. The answer comes from memory, unless it is the first about the session in 5
// seconds, the session has ended, or its user has changed. The access token is made anew, with claims read afresh
// (ReasonRefresh), when half its life is over. A visit is no use of the session: it moves no end. It returns
// ErrSessionRevoked, however the session has ended, ErrClaimsFailed, ErrNoSigningKey.
func (s *Service) Visit(ctx context.Context, t SiteToken) (Visitor, error) {
	v, err := s.visit(ctx, t.session)
	s.observe(Observation{Operation: OperationForward, Err: err})
	return v, err
}

func (s *Service) visit(ctx context.Context, session ID) (Visitor, error) {
	s.feed.touch()
	v := s.visits.of(session)
	if seen := v.known.Load(); s.believes(seen) {
		return seen.Visitor, nil
	}
	select { // one looks, and the others wait for it
	case v.turn <- struct{}{}:
		defer func() { <-v.turn }()
	case <-ctx.Done():
		return Visitor{}, ctx.Err()
	}
	seen := v.known.Load()
	if s.believes(seen) {
		return seen.Visitor, nil
	}
	seen, err := s.lookAt(ctx, session, seen)
	if err != nil {
		s.visits.forget(v)
		return Visitor{}, err
	}
	v.known.Store(seen)
	return seen.Visitor, nil
}

// sighting is what was found out about a live session.
type sighting struct {
	Visitor
	session Session
	at      time.Time
	renew   time.Time   // when there is to be another access token
	signer  *signingKey // of the token, which is replaced when another key signs
}

// believes reports whether a sighting can still be answered with.
func (s *Service) believes(seen *sighting) bool {
	if seen == nil {
		return false
	}
	now := s.now()
	age := now.Sub(seen.at)
	return age >= 0 && age < visitLife && seen.session.live(now) && s.stillGood(seen, now)
}

// stillGood reports whether the token of a sighting may still be given out: less than half its life is over, and its key
// is still the one that signs.
func (s *Service) stillGood(seen *sighting, now time.Time) bool {
	return now.Before(seen.renew) && s.keys.Load().signer(s.cfg.Algorithm, now) == seen.signer
}

// lookAt asks the store. The token of before stays, unless it is old or the user is another by now.
func (s *Service) lookAt(ctx context.Context, id ID, before *sighting) (*sighting, error) {
	now := s.now()
	session, user, err := s.store.Session(ctx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if session.ID.IsZero() || !session.live(now) || !user.IsActive {
		return nil, because(ErrSessionRevoked, s.whyRefused(RefreshOutcome{Session: session, User: user}, now).Error())
	}
	seen := &sighting{Visitor: Visitor{User: user}, session: session, at: now}
	if before != nil && before.User.UpdatedAt.Equal(user.UpdatedAt) && s.stillGood(before, now) {
		seen.AccessToken, seen.renew, seen.signer = before.AccessToken, before.renew, before.signer
		return seen, nil
	}
	seen.signer = s.keys.Load().signer(s.cfg.Algorithm, now)
	var expires time.Time
	seen.AccessToken, expires, err = s.accessToken(ctx, user, ReasonRefresh, id, "", now, session.AbsoluteEnd)
	seen.renew = now.Add(expires.Sub(now) / 2)
	return seen, err
}
