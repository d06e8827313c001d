package sallyport

import (
	"context"
	"errors"
	"log/slog"
)

// BackChannelLogout ends the sessions that an identity provider says have ended (OpenID Connect Back-Channel Logout 1.0
// §2.7): those of the provider's session that the token names, or all that its subject has signed in at this provider.
// It returns ErrProviderNotConfigured, ErrLogoutTokenInvalid, for a token that was seen before as well, or
// ErrProviderUnavailable; and then nothing has ended.
func (s *Service) BackChannelLogout(ctx context.Context, provider, token string, c Client) error {
	ended, err := s.backChannelLogout(ctx, provider, token, c)
	s.audit(ctx, "backchannel_logout", c, err, slog.String("provider", s.knownName(provider)), slog.Int("sessions", ended))
	return err
}

func (s *Service) backChannelLogout(ctx context.Context, name, token string, c Client) (int, error) {
	provider, err := s.provider(name)
	if err != nil {
		return 0, err
	}
	notice, err := provider.VerifyLogoutToken(ctx, token)
	if err != nil {
		return 0, err
	}
	e := s.event("session_ended", actorSystem, c)
	e.Provider, e.Detail = name, string(EndedByProvider)
	ended, err := s.store.EndProviderSessions(ctx, ProviderLogout{
		Provider: name, SID: usableSID(notice.SessionID), Issuer: notice.Issuer, Subject: notice.Subject,
		At: e.At, Mark: notice.TokenHash, MarkUntil: notice.UsableUntil.Add(replayMargin), Event: e,
	})
	if errors.Is(err, ErrReplayed) {
		err = because(ErrLogoutTokenInvalid, "it was seen before")
	}
	return ended, err
}

// knownName keeps what a client made up out of the log.
func (s *Service) knownName(provider string) string {
	if s.byName[provider] == nil {
		return ""
	}
	return provider
}
