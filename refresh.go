package sallyport

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Refresh presents a refresh token to the refresh machine (RefreshStep) and hands out its successor
// with a fresh access token. It returns ErrSessionRevoked, ErrRefreshTokenExpired,
// ErrRefreshTokenReused (the session has ended, durably), a RateLimitError or ErrClaimsFailed, after which the same
// token may be presented again: rules 2 to 4 answer the retry.
func (s *Service) Refresh(ctx context.Context, t RefreshToken, c Client) (*Tokens, error) {
	return s.RefreshFor(ctx, t, "", c)
}

// RefreshFor is Refresh with an access token for one of Config.Audience alone, signed with the algorithm of that
// audience; for all of them when audience is "". It returns ErrInvalidAudience for any other, before the refresh token is
// presented.
func (s *Service) RefreshFor(ctx context.Context, t RefreshToken, audience string, c Client) (*Tokens, error) {
	if err := s.checkAudience(audience); err != nil {
		return nil, err
	}
	tokens, rule, err := s.refresh(ctx, t, audience, c)
	s.observe(Observation{Operation: OperationRefresh, Rule: rule, Err: err})
	return tokens, err
}

func (s *Service) refresh(ctx context.Context, t RefreshToken, audience string, c Client) (*Tokens, RefreshRule, error) {
	reused := s.event("refresh_reused", actorUser, c)
	reused.SessionID, reused.Detail = t.session, string(EndedByReuse)
	now := reused.At
	outcome, err := s.store.Refresh(ctx, RefreshStep{
		SessionID:   t.session,
		Generation:  t.generation,
		At:          now,
		RetryWindow: s.cfg.RetryWindow,
		IdleTTL:     s.cfg.IdleTTL,
		MaxAdvances: s.cfg.Limits.Session.Count, AdvancePeriod: s.cfg.Limits.Session.Period,
		IP: c.IP, Reused: reused,
	})
	if err != nil {
		return nil, RuleRefused, err
	}
	switch outcome.Rule {
	case RuleRefused:
		return nil, RuleRefused, s.whyRefused(outcome, now)
	case RuleReuse:
		reused.UserID, reused.SessionIP, reused.Sessions = outcome.Session.UserID, outcome.Session.IP, 1
		s.auditEvent(ctx, reused, ErrRefreshTokenReused)
		return nil, RuleReuse, ErrRefreshTokenReused
	case RuleLimited:
		err := s.limitedUntil(ruleSession, outcome.RetryAt)
		s.audit(ctx, "rate_limited", c, err, slog.String("session_id", t.session.String()))
		return nil, RuleLimited, err
	}
	a, err := s.answer(ctx, outcome.User, ReasonRefresh, t.session, audience, now, outcome.Session.AbsoluteEnd)
	if err != nil {
		return nil, outcome.Rule, err
	}
	successor := RefreshToken{t.session, outcome.Generation + 1}
	return s.tokens(a, outcome.User, successor, outcome.Session.AbsoluteEnd, now), outcome.Rule, nil
}

// whyRefused is rule 0 in words.
func (s *Service) whyRefused(o RefreshOutcome, now time.Time) error {
	switch {
	case o.Session.ID.IsZero():
		return because(ErrSessionRevoked, "unknown session")
	case o.Session.EndReason == EndedByReplaced && now.Sub(o.Session.EndedAt) <= s.cfg.RetryWindow:
		// This request was under way while the browser signed in anew.
		return ErrSessionReplaced
	case !o.Session.EndedAt.IsZero():
		return because(ErrSessionRevoked, string(o.Session.EndReason))
	case o.Session.expired(now):
		return ErrRefreshTokenExpired
	}
	return because(ErrSessionRevoked, "user is gone or inactive")
}

// CheckSession returns t's session while it is live, and changes nothing. Else it returns what Refresh
// would: ErrSessionRevoked or ErrRefreshTokenExpired.
func (s *Service) CheckSession(ctx context.Context, t RefreshToken) (Session, error) {
	session, user, err := s.store.Session(ctx, t.session)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Session{}, err
	}
	if now := s.now(); session.ID.IsZero() || !session.live(now) || !user.IsActive {
		return Session{}, s.whyRefused(RefreshOutcome{Session: session, User: user}, now)
	}
	return session, nil
}
