package sallyport

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"time"
)

// BackChannelLogout ends the sessions that an identity provider says have ended (OpenID Connect Back-Channel Logout 1.0
// §2.7): those of the provider's session that the token names, or all that its subject has signed in at this provider.
// It returns ErrProviderNotConfigured, ErrLogoutTokenInvalid, for a token that was seen before as well,
// ErrProviderUnavailable, or a RateLimitError when too many forged tokens came from this address; and then nothing has
// ended.
func (s *Service) BackChannelLogout(ctx context.Context, provider, token string, c Client) error {
	ended, err := s.backChannelLogout(ctx, provider, token, c)
	if errors.Is(err, ErrLogoutTokenInvalid) && !errors.Is(err, errSeenBefore) {
		s.countAddress(ctx, c)
	}
	s.audit(ctx, "backchannel_logout", c, err, slog.String("provider", s.knownName(provider)), slog.Int("sessions", ended))
	return err
}

func (s *Service) backChannelLogout(ctx context.Context, name, token string, c Client) (int, error) {
	provider, err := s.provider(name)
	if err != nil {
		return 0, err
	}
	if err := s.checkAddress(ctx, c); err != nil {
		return 0, err
	}
	notice, err := provider.VerifyLogoutToken(ctx, token)
	if err != nil {
		return 0, err
	}
	e := s.event("session_ended", actorSystem, c)
	e.Provider, e.Detail = name, string(EndedByProvider)
	l := ProviderLogout{
		Provider: name, SID: usableSID(notice.SessionID), Issuer: notice.Issuer, Subject: notice.Subject,
		SignedOut: notice.IssuedAt, At: e.At, Mark: notice.TokenHash, MarkUntil: notice.UsableUntil.Add(replayMargin), Event: e,
	}
	if l.SID != "" {
		l.SIDMark, l.SIDMarkUntil = sidMark(name, l.SID), e.At.Add(maxIDTokenAge+replayMargin)
	}
	ended, err := s.store.EndProviderSessions(ctx, l)
	if errors.Is(err, ErrReplayed) {
		err = errSeenBefore
	}
	return ended, err
}

// errSeenBefore is no guess: a provider that heard no answer asks again.
var errSeenBefore = because(ErrLogoutTokenInvalid, "it was seen before")

// maxIDTokenAge is how long after its issue an ID token may still be taken, at most; what has ended at the provider is
// remembered for so long.
const maxIDTokenAge = 24 * time.Hour

// sidMark is under which the end of a provider's session is remembered.
func sidMark(provider, sid string) []byte {
	sum := sha256.Sum256([]byte("sallyport ended session " + provider + " " + sid))
	return sum[:]
}

// knownName keeps what a client made up out of the log.
func (s *Service) knownName(provider string) string {
	if s.byName[provider] == nil {
		return ""
	}
	return provider
}
