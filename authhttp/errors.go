package authhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/web"
)

// problem is an answer that refuses: its status, its stable code, and a sentence for a person.
type problem struct {
	status int
	code   string
	detail string
	fields map[string][]string // what is wrong with which member of the body
	// ended: the credential in the cookie is dead, so the cookies are deleted.
	ended bool
	// retryAfter is how many seconds a client should wait; 0 for no word about it.
	retryAfter int
	// challenge is the value of WWW-Authenticate (RFC 6750 §3); "" for no header.
	challenge string
}

func (p *problem) Error() string { return p.code + ": " + p.detail }

// What the HTTP side itself refuses.
var (
	errNotFound         = &problem{status: 404, code: "not_found", detail: "Not found."}
	errCrossOrigin      = &problem{status: 403, code: "cross_origin", detail: "Requests from this origin are not allowed."}
	errDuplicateCookie  = &problem{status: 400, code: "duplicate_cookie", detail: "There are two refresh cookies. Delete the cookies of this site and sign in again."}
	errNoRefreshToken   = &problem{status: 401, code: "no_refresh_token", detail: "There is no refresh token. Sign in."}
	errBodyTooLarge     = &problem{status: 413, code: "body_too_large", detail: "The request body is too large."}
	errMediaType        = &problem{status: 415, code: "unsupported_media_type", detail: "Send the body as application/json in UTF-8, without a content encoding."}
	errNativeWithCookie = &problem{status: 400, code: "invalid_request", detail: "A native client sends no cookies."}
)

func errMethod(method string) *problem {
	return &problem{status: 405, code: "method_not_allowed", detail: fmt.Sprintf("Method %q not allowed.", method)}
}

func invalid(detail string) *problem {
	return &problem{status: 400, code: "invalid_request", detail: detail}
}

// table gives each refusal of the use cases its answer. The first row whose error is in the chain
// counts, so a special case stands above what it wraps.
var table = []struct {
	err error
	problem
}{
	{sallyport.ErrInvalidCredentials, problem{status: 401, code: "invalid_credentials", detail: "No active account found with the given credentials"}},
	{sallyport.ErrInvalidRefreshToken, problem{status: 401, code: "invalid_refresh_token", detail: "The refresh token is not valid."}},
	{sallyport.ErrSessionReplaced, problem{status: 401, code: "session_revoked", detail: "The session has ended. Sign in again."}},
	{sallyport.ErrSessionRevoked, problem{status: 401, code: "session_revoked", detail: "The session has ended. Sign in again.", ended: true}},
	{sallyport.ErrRefreshTokenExpired, problem{status: 401, code: "refresh_token_expired", detail: "The session has expired. Sign in again.", ended: true}},
	{sallyport.ErrRefreshTokenReused, problem{status: 401, code: "refresh_token_reused", detail: "The refresh token was used before. The session has ended; sign in again.", ended: true}},
	{sallyport.ErrTokenInvalid, problem{status: 401, code: "token_not_valid", detail: "Token is invalid or expired", challenge: `Bearer error="invalid_token"`}},
	{sallyport.ErrInvalidSiteToken, *errNotSignedIn},
	{sallyport.ErrCSRF, problem{status: 403, code: "csrf_failed", detail: "CSRF_token is missing or wrong."}},
	{sallyport.ErrInvalidScope, problem{status: 400, code: "invalid_request", detail: "The request is not valid.", fields: map[string][]string{"scope": {`Must be "this", "others" or "all".`}}}},
	{sallyport.ErrInvalidAudience, problem{status: 400, code: "invalid_request", detail: "The audience is not one that tokens are issued for.", fields: map[string][]string{audienceMember: {"Must be one of the configured audiences."}}}},
	{sallyport.ErrIDTokenInvalid, problem{status: 401, code: "idp_token_invalid", detail: "The identity provider's token is not valid."}},
	{sallyport.ErrIDTokenExpired, problem{status: 410, code: "idp_token_expired", detail: "Token expired."}},
	{sallyport.ErrIDTokenReplayed, problem{status: 401, code: "idp_token_replayed", detail: "The identity provider's token was used before."}},
	{sallyport.ErrProviderNotConfigured, problem{status: 404, code: "idp_not_configured", detail: "This identity provider is not configured."}},
	{sallyport.ErrProviderUnavailable, problem{status: 503, code: "idp_unavailable", detail: "The identity provider cannot be reached. Try again.", retryAfter: 30}},
	{sallyport.ErrEmailNotVerified, problem{status: 403, code: "email_not_verified", detail: "The e-mail address is not verified at the identity provider."}},
	{sallyport.ErrAccountLinkRequired, problem{status: 409, code: "account_link_required", detail: "An account with this e-mail address exists. Sign in to it in the usual way."}},
	{sallyport.ErrRateLimited, problem{status: 429, code: "rate_limited", detail: "Too many attempts. Try again later.", retryAfter: 60}},
	{sallyport.ErrPasswordRejected, problem{status: 422, code: "password_rejected", detail: "This password is not allowed."}},
	{sallyport.ErrNotFound, *errNotFound},
	{sallyport.ErrInvalidReturnTo, problem{status: 400, code: "invalid_return_to", detail: "return_to is not an address to which this site leads back."}},
	{sallyport.ErrStateMismatch, problem{status: 400, code: "state_mismatch", detail: "This sign-in was not started in this browser, or has been finished. Start again."}},
	{sallyport.ErrIssuerMismatch, problem{status: 400, code: "issuer_mismatch", detail: "The answer is another identity provider's. Start again."}},
	{sallyport.ErrLoginExpired, problem{status: 400, code: "login_expired", detail: "This sign-in took too long, or has been finished. Start again."}},
	{sallyport.ErrProviderDenied, problem{status: 400, code: "idp_denied", detail: "The identity provider did not sign you in."}},
	{sallyport.ErrProviderFault, problem{status: 502, code: "idp_error", detail: "The identity provider's answer is not valid. Try again."}},
	{sallyport.ErrIdentityTaken, problem{status: 409, code: "identity_conflict", detail: "This identity belongs to another account."}},
	{sallyport.ErrLastWayIn, problem{status: 409, code: "identity_conflict", detail: "This is the last way to sign in to the account."}},
	{sallyport.ErrLogoutTokenInvalid, problem{status: 400, code: "invalid_logout_token", detail: "The logout token is not valid."}},
	{sallyport.ErrForbidden, problem{status: 403, code: "forbidden", detail: "You do not have permission to perform this action."}},
	{sallyport.ErrClaimsFailed, problem{status: 500, code: "claims_failed", detail: "The token's claims could not be made."}},
	{sallyport.ErrTooManyListeners, problem{status: 503, code: "overloaded", detail: "Too many wait for the revocation feed. Try again.", retryAfter: 5}},
	{sallyport.ErrOverloaded, problem{status: 503, code: "overloaded", detail: "Too many sign-ins at the moment. Try again.", retryAfter: 2}},
	{sallyport.ErrStoreUnavailable, problem{status: 503, code: "store_unavailable", detail: "The database cannot be reached. Try again.", retryAfter: 2}},
	{context.DeadlineExceeded, problem{status: 503, code: "store_unavailable", detail: "The request took too long. Try again.", retryAfter: 2}},
	{context.Canceled, problem{status: 503, code: "store_unavailable", detail: "The request was abandoned.", retryAfter: 2}},
}

// internal is everything that the table does not know: a fault of ours.
var internal = problem{status: 500, code: "internal", detail: "Internal error."}

// problemOf finds the answer for err.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	for i := range table {
		if errors.Is(err, table[i].err) {
			return table[i].problem.about(err)
		}
	}
	return &internal
}

// about adds what only this error knows.
func (p *problem) about(err error) *problem {
	if limited, ok := errors.AsType[*sallyport.RateLimitError](err); ok {
		with := *p
		with.retryAfter = int((limited.RetryAfter + time.Second - 1) / time.Second)
		return &with
	}
	if errors.Is(err, sallyport.ErrPasswordRejected) {
		with := *p
		with.fields = map[string][]string{"new_password": {sentence(err)}}
		return &with
	}
	return p
}

// sentence is the reason of a rejected password in words for a person.
func sentence(err error) string {
	_, reason, _ := strings.Cut(err.Error(), password.ErrRejected.Error()+": ")
	if reason == "" {
		return "This password is not allowed."
	}
	return "This password is not allowed: " + reason + "."
}

// Code is the stable code of the answer to err, an error of a use case; "ok" for nil.
func Code(err error) string {
	if err == nil {
		return "ok"
	}
	return problemOf(err).code
}

// beginRefusal writes the headers of an answer with an error. A fault of ours is logged with its cause here, once.
func (h *Handler) beginRefusal(w http.ResponseWriter, r *http.Request, err error) *problem {
	p := problemOf(err)
	h.logFault(r, p, err)
	w.Header().Set("Cache-Control", "no-store")
	if p.ended && r.Header.Get(nativeHeader) != nativeClient { // a native client has no cookies
		h.deleteCookies(w)
	}
	if p.challenge != "" {
		w.Header().Set("WWW-Authenticate", p.challenge)
	}
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	return p
}

// refuse answers with an error, in JSON.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := h.beginRefusal(w, r, err)
	writeJSON(w, p.status, p)
}

// refusePage answers with an error as a page for a person, if that is what the client accepts.
func (h *Handler) refusePage(w http.ResponseWriter, r *http.Request, err error) {
	p := h.beginRefusal(w, r, err)
	if !acceptsHTML(r.Header) {
		writeJSON(w, p.status, p)
		return
	}
	page := web.Problem{Status: p.status, Detail: p.detail, Code: p.code, Home: h.origins.own + "/"}
	_ = page.Write(w) // an error means that the client has gone
}

func acceptsHTML(header http.Header) bool {
	return strings.Contains(strings.Join(header.Values("Accept"), ","), "text/html")
}

// levelOf is error for what somebody must look at: a client that left is nobody's fault, and to shed
// load is what a flood is meant to do.
func levelOf(r *http.Request, err error) slog.Level {
	switch {
	case errors.Is(r.Context().Err(), context.Canceled):
		return slog.LevelDebug
	case errors.Is(err, sallyport.ErrOverloaded):
		return slog.LevelWarn
	}
	return slog.LevelError
}

// MarshalJSON writes detail, code, and then the fields by their names.
func (p *problem) MarshalJSON() ([]byte, error) {
	encoded, err := json.Marshal(struct {
		Detail string `json:"detail"`
		Code   string `json:"code"`
	}{p.detail, p.code})
	if err != nil || len(p.fields) == 0 {
		return encoded, err
	}
	fields, err := json.Marshal(p.fields)
	return append(append(encoded[:len(encoded)-1], ','), fields[1:]...), err
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil { // only for values that cannot be encoded, and all of ours can
		status, encoded = http.StatusInternalServerError, []byte(`{"detail":"Internal error.","code":"internal"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(encoded)))
	w.WriteHeader(status)
	w.Write(encoded) // an error means that the client has gone
}

// logFault logs the cause of an answer that hides it, where that is a fault of ours or of a provider: the use cases
// have logged what they refused.
func (h *Handler) logFault(r *http.Request, p *problem, err error) {
	if p.status >= 500 {
		h.log.LogAttrs(r.Context(), levelOf(r, err), "request failed",
			slog.String("path", r.URL.Path), slog.Int("status", p.status), slog.String("code", p.code), slog.String("reason", err.Error()), slog.String("request_id", requestID(r.Header)))
	}
}
