package sallyport

import (
	"context"
	"errors"
)

// Sessions lists at most limit live sessions of a user, the newest first. The next page begins before the id of the
// last one; zero is the first page. It returns ErrNotFound for the zero user, which in a store stands for everybody.
func (s *Service) Sessions(ctx context.Context, user, before ID, limit int) ([]Session, error) {
	if user.IsZero() {
		return nil, ErrNotFound
	}
	return s.store.Sessions(ctx, SessionQuery{User: user, At: s.now(), Before: before, Limit: limit})
}

// AllSessions is Sessions of everybody.
func (s *Service) AllSessions(ctx context.Context, before ID, limit int) ([]Session, error) {
	return s.store.Sessions(ctx, SessionQuery{At: s.now(), Before: before, Limit: limit})
}

// MaxSessions is how many live sessions a user may have under any settings: those of yesterday may have allowed more than
// Limits.Sessions does today, and until the next sign-in all of them live.
func (s *Service) MaxSessions() int { return maxSessions }

// EndSession ends one session of the user, durably; current is the session from which the user does so. One that has
// ended already is no error. It returns ErrNotFound for a session of somebody else, as for none, and for the zero user.
func (s *Service) EndSession(ctx context.Context, user, session, current ID, c Client) error {
	if user.IsZero() {
		return ErrNotFound
	}
	reason := EndedByOthers
	if session == current {
		reason = EndedByLogoff
	}
	e := s.event("session_ended", actorUser, c)
	e.UserID, e.SessionID, e.Detail = user, session, string(reason)
	ended, err := s.store.EndSessions(ctx, SessionEnd{Session: session, Scope: ScopeThis, User: user, Reason: reason, At: e.At, Event: e})
	e.Sessions = ended
	if !errors.Is(err, ErrNotFound) {
		s.auditEnding(ctx, e, err)
	}
	return err
}

// auditEnding logs an ending that the store has noted, or that failed; not one that found nothing to end.
func (s *Service) auditEnding(ctx context.Context, e Event, err error) {
	if e.Sessions > 0 || err != nil {
		s.auditEvent(ctx, e, err)
	}
}

// EndSessions is an operator's: it ends every session of a user and returns how many had not been ended.
func (s *Service) EndSessions(ctx context.Context, user ID) (int, error) {
	return s.endByAdmin(ctx, SessionEnd{User: user})
}

// RevokeSession is an operator's: it ends one session, whoever's it is, and reports whether it had not been ended.
func (s *Service) RevokeSession(ctx context.Context, session ID) (bool, error) {
	ended, err := s.endByAdmin(ctx, SessionEnd{Session: session, Scope: ScopeThis})
	return ended > 0, err
}

func (s *Service) endByAdmin(ctx context.Context, end SessionEnd) (int, error) {
	e := s.event("session_ended", actorAdmin, Client{})
	e.UserID, e.SessionID, e.Detail = end.User, end.Session, string(EndedByAdmin)
	end.Reason, end.At, end.Event = EndedByAdmin, e.At, e
	ended, err := s.store.EndSessions(ctx, end)
	e.Sessions = ended
	s.auditEnding(ctx, e, err)
	return ended, err
}

// revokePart is how many sessions RevokeAllSessions ends in one step.
const revokePart = 1000

// RevokeAllSessions is an operator's: it ends every session of everybody, a thousand in one step, and returns how many
// had not been ended. A session that is started meanwhile may stay.
func (s *Service) RevokeAllSessions(ctx context.Context) (total int, err error) {
	e := s.event("session_ended", actorAdmin, Client{})
	e.Detail = string(EndedByAdmin)
	for w := (SessionWalk{Limit: revokePart, Reason: EndedByAdmin, At: e.At}); ; {
		w.Event = e
		w.Event.ID = NewID(e.At)
		var ended int
		ended, w.After, err = s.store.EndAllSessions(ctx, w)
		total += ended
		if err != nil || w.After.IsZero() {
			e.Sessions = total
			s.auditEnding(ctx, e, err)
			return total, err
		}
	}
}

// Events lists at most limit lines of the audit trail about one user, who may be gone, the newest first. The next page
// begins before the id of the last one; zero is the first page. It returns ErrNotFound for the zero user.
func (s *Service) Events(ctx context.Context, user, before ID, limit int) ([]Event, error) {
	if user.IsZero() {
		return nil, ErrNotFound
	}
	return s.store.Events(ctx, EventQuery{User: user, Before: before, Limit: limit})
}

// AllEvents is Events about everybody, and about nobody.
func (s *Service) AllEvents(ctx context.Context, before ID, limit int) ([]Event, error) {
	return s.store.Events(ctx, EventQuery{Before: before, Limit: limit})
}
