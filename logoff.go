package sallyport

import (
	"context"
	"log/slog"
)

// Logoff ends the sessions that scope names, durably, and is idempotent (RFC 7009 §2.2): a session
// that has ended already is no error. Any genuine token of a live session ends it, however old. It
// returns ErrInvalidScope for another scope than this, others and all.
func (s *Service) Logoff(ctx context.Context, t RefreshToken, scope Scope, c Client) error {
	reason, ok := map[Scope]EndReason{ScopeThis: EndedByLogoff, ScopeOthers: EndedByOthers, ScopeAll: EndedByAll}[scope]
	if !ok {
		return ErrInvalidScope
	}
	ended, err := s.store.EndSessions(ctx, SessionEnd{Session: t.session, Scope: scope, Reason: reason, At: s.now()})
	if err != nil {
		return err
	}
	s.audit(ctx, "session_ended", c, nil, slog.String("session_id", t.session.String()),
		slog.String("detail", string(reason)), slog.Int("sessions", ended))
	return nil
}
