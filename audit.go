package sallyport

import (
	"context"
	"errors"
	"log/slog"
	"strings"
)

// Client says where a request came from. It is recorded with the session and in the audit trail; the limits go by its
// address, and nothing else does.
type Client struct {
	IP        string
	UserAgent string
	RequestID string
}

// maxUserAgent is how many bytes of the user agent are kept.
const maxUserAgent = 200

// userAgent is UTF-8, whatever the client sent: a database may take nothing else as text.
func (c Client) userAgent() string {
	return strings.ToValidUTF8(c.UserAgent[:min(len(c.UserAgent), maxUserAgent)], "?")
}

// Who does what an Event reports.
const (
	actorUser   = "user"
	actorAdmin  = "admin"
	actorSystem = "system"
)

// event begins a line of the audit trail about something that is about to happen.
func (s *Service) event(name, actor string, c Client) Event {
	now := s.now()
	c.UserAgent, c.RequestID = c.userAgent(), strings.ToValidUTF8(c.RequestID, "?")
	return Event{ID: NewID(now), At: now, Name: name, Actor: actor, Client: c}
}

// auditEvent logs an event that the store has noted, or what kept it from happening.
func (s *Service) auditEvent(ctx context.Context, e Event, err error, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("actor", e.Actor))
	if !e.UserID.IsZero() {
		attrs = append(attrs, slog.String("user_id", e.UserID.String()))
	}
	if !e.SessionID.IsZero() {
		attrs = append(attrs, slog.String("session_id", e.SessionID.String()))
	}
	if e.Detail != "" {
		attrs = append(attrs, slog.String("detail", e.Detail))
	}
	if e.Sessions > 0 {
		attrs = append(attrs, slog.Int("sessions", e.Sessions))
	}
	if e.SessionIP != "" {
		attrs = append(attrs, slog.String("session_ip", e.SessionIP))
	}
	s.audit(ctx, e.Name, e.Client, err, attrs...)
}

// audit writes one security event, where it is decided: at info when err is nil, at warn when the
// request was refused for a reason that err gives, at error when it failed through a fault of ours.
// The reason is for the operator alone; the caller's answer never carries it. No name, address or
// token enters it: only ids.
func (s *Service) audit(ctx context.Context, event string, c Client, err error, attrs ...slog.Attr) {
	if errors.Is(err, ErrRateLimited) {
		first, untold := s.limitLog.first(event+" "+addressGroup(c.IP), s.now())
		s.logUntold(ctx, untold)
		if !first {
			return
		}
	}
	level, result := slog.LevelInfo, "ok"
	if err != nil {
		level, result = slog.LevelWarn, "refused"
		if !isRefusal(err) && !errors.Is(ctx.Err(), context.Canceled) { // a client that left is no fault of ours
			level, result = slog.LevelError, "failed"
		}
		attrs = append(attrs, slog.String("reason", reasonOf(err)))
	}
	attrs = append(attrs, slog.Bool("audit", true), slog.String("event", event), slog.String("result", result))
	if c.IP != "" {
		attrs = append(attrs, slog.String("ip", c.IP), slog.String("user_agent", c.userAgent()))
	}
	if c.RequestID != "" {
		attrs = append(attrs, slog.String("request_id", c.RequestID))
	}
	s.log.LogAttrs(ctx, level, "security event", attrs...)
}

// isRefusal reports whether err is an answer that the use cases know, rather than a fault of ours.
func isRefusal(err error) bool {
	for _, fault := range []error{ErrStoreUnavailable, ErrProviderUnavailable, ErrProviderFault, ErrClaimsFailed} {
		if errors.Is(err, fault) {
			return false
		}
	}
	for _, refusal := range []error{ErrInvalidCredentials, ErrIDTokenInvalid, ErrIDTokenExpired, ErrIDTokenReplayed,
		ErrProviderNotConfigured, ErrInvalidReturnTo, ErrStateMismatch, ErrLoginExpired, ErrIssuerMismatch, ErrProviderDenied, ErrIdentityTaken, ErrLastWayIn, ErrLogoutTokenInvalid, ErrInvalidUser, ErrNotFound, ErrNameTaken, ErrEmailTaken, ErrEmailNotVerified, ErrAccountLinkRequired, ErrForbidden, ErrOverloaded, ErrRateLimited, ErrPasswordRejected,
		ErrChanged, ErrRefreshTokenReused, ErrRefreshTokenExpired, ErrSessionRevoked, ErrSessionReplaced,
		context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// because keeps the outward sentinel and adds the inner reason for the log.
func because(sentinel error, reason string) error {
	return &refusal{sentinel, reason}
}

type refusal struct {
	sentinel error
	reason   string
}

// reasonOf is the inner reason where there is one.
func reasonOf(err error) string {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.reason
	}
	return err.Error()
}

func (r *refusal) Error() string { return r.sentinel.Error() + ": " + r.reason }
func (r *refusal) Unwrap() error { return r.sentinel }
