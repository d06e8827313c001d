package sallyport

import (
	"context"
	"errors"
	"log/slog"
)

// LogoffRequest says which sessions a user ends.
type LogoffRequest struct {
	Token RefreshToken
	Scope Scope
	// EndProviderSession asks where the browser can end its session at the provider too.
	EndProviderSession bool
	Client             Client
}

// Logoff ends the sessions that the scope names, durably, and is idempotent (RFC 7009 §2.2): a session that has ended
// already is no error. Any genuine token of a live session ends it, however old. location is where the browser ends its
// session at the provider, "" when that was not asked for or cannot be. It returns ErrInvalidScope for another scope
// than this, others and all.
func (s *Service) Logoff(ctx context.Context, r LogoffRequest) (location string, err error) {
	reason, ok := map[Scope]EndReason{ScopeThis: EndedByLogoff, ScopeOthers: EndedByOthers, ScopeAll: EndedByAll}[r.Scope]
	if !ok {
		return "", ErrInvalidScope
	}
	session := r.Token.session
	e := s.event("session_ended", actorUser, r.Client)
	e.SessionID, e.Detail = session, string(reason)
	e.Sessions, err = s.store.EndSessions(ctx, SessionEnd{Session: session, Scope: r.Scope, Reason: reason, At: e.At, Event: e})
	s.auditEnding(ctx, e, err)
	if err != nil || !r.EndProviderSession || r.Scope == ScopeOthers {
		return "", err
	}
	return s.providerLogout(ctx, session), nil
}

// providerLogout is where a browser ends its session at the provider that signed it in. Ours has ended by now, so a
// fault costs only the address.
func (s *Service) providerLogout(ctx context.Context, id ID) string {
	session, _, err := s.store.Session(ctx, id)
	provider := s.byName[session.Provider]
	if err == nil && provider != nil {
		var location string
		if location, err = provider.LogoutURL(ctx); err == nil {
			return location
		}
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		s.log.LogAttrs(ctx, slog.LevelWarn, "the session at the identity provider was not ended", slog.String("provider", session.Provider), slog.String("reason", err.Error()))
	}
	return ""
}
