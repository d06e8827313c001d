package sallyport

import "context"

// Logoff ends the sessions that scope names, durably, and is idempotent (RFC 7009 §2.2): a session
// that has ended already is no error. Any genuine token of a live session ends it, however old. It
// returns ErrInvalidScope for another scope than this, others and all.
func (s *Service) Logoff(ctx context.Context, t RefreshToken, scope Scope, c Client) error {
	reason, ok := map[Scope]EndReason{ScopeThis: EndedByLogoff, ScopeOthers: EndedByOthers, ScopeAll: EndedByAll}[scope]
	if !ok {
		return ErrInvalidScope
	}
	e := s.event("session_ended", actorUser, c)
	e.SessionID, e.Detail = t.session, string(reason)
	ended, err := s.store.EndSessions(ctx, SessionEnd{Session: t.session, Scope: scope, Reason: reason, At: e.At, Event: e})
	e.Sessions = ended
	s.auditEnding(ctx, e, err)
	return err
}
