package verify

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

type contextKey struct{}

// NewContext is ctx with claims that somebody has verified.
func NewContext(ctx context.Context, claims *Claims) context.Context {
	return context.WithValue(ctx, contextKey{}, claims)
}

// FromContext returns the claims of a request that [Middleware] let through, and otherwise nil and false: there is no
// anonymous identity.
func FromContext(ctx context.Context) (*Claims, bool) {
	claims, _ := ctx.Value(contextKey{}).(*Claims)
	return claims, claims != nil
}

// statusError is an error of a check that knows its answer. A status outside 400 to 599 counts as 500.
type statusError interface {
	HTTPStatus() (status int, code string)
}

// retryError is an error of a check that knows when trying again makes sense.
type retryError interface {
	RetryAfter() time.Duration
}

// Middleware lets a request through to next when check accepts its bearer token (RFC 6750 §2.1) and it passes every
// guard; next finds the claims with [FromContext]. Tokens in a query or a body are not looked at. All other requests are
// answered here, with a JSON body of "detail" and "code" and, when the request is at fault, a WWW-Authenticate
// challenge:
//
//	no bearer token                    401 missing_token
//	more than one Authorization header 400 invalid_request
//	error with an HTTPStatus method    that status and code; Retry-After from a RetryAfter method on 429 and 503
//	error that is ErrKeysUnavailable   503 keys_unavailable, Retry-After
//	the feed is too old                503 feed_unavailable, Retry-After (see [OldFeed])
//	the issuer does not answer         503 issuer_unavailable, Retry-After (see [Online])
//	error that is ErrTokenInvalid      401 token_not_valid, the same for every cause
//	any other error                    500 internal
//	guard not passed                   403 insufficient_scope
//
// The first row that fits counts.
//
// HTTPStatus has the signature func() (status int, code string), RetryAfter func() time.Duration. An error of check is
// never shown; check logs what is worth it.
func Middleware(
	check func(ctx context.Context, token string) (*Claims, error), next http.Handler, guards ...Guard,
) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, refused := bearerToken(r.Header)
		if refused != nil {
			refused.write(w)
			return
		}
		claims, err := check(r.Context(), token)
		if err != nil || claims == nil {
			answerTo(err).write(w)
			return
		}
		for _, g := range guards {
			if !g.passes(claims) {
				insufficient(g).write(w)
				return
			}
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), claims)))
	})
}

// answer is a refusal.
type answer struct {
	status     int
	code       string
	detail     string
	challenge  string // parameters of WWW-Authenticate: Bearer, or "-" for no header
	retryAfter time.Duration
}

const noChallenge = "-"

func missingToken() *answer {
	// RFC 6750 §3.1: without authentication information, no error code in the challenge.
	return &answer{status: http.StatusUnauthorized, code: "missing_token", detail: "A bearer token is required."}
}

func invalidToken(code string) *answer {
	return &answer{status: http.StatusUnauthorized, code: code, detail: "Token is invalid or expired",
		challenge: `error="invalid_token"`}
}

func insufficient(g Guard) *answer {
	a := &answer{status: http.StatusForbidden, code: "insufficient_scope",
		detail: "The token does not grant access to this resource.", challenge: `error="insufficient_scope"`}
	if g.scope != "" {
		a.challenge += `, scope="` + g.scope + `"`
	}
	return a
}

// bearerToken refuses two Authorization headers: Header.Get would take the first, another reader the last. One space
// parts scheme and token; more would be white space in front of a token, which no token has.
func bearerToken(h http.Header) (string, *answer) {
	values := h.Values("Authorization")
	if len(values) > 1 {
		return "", &answer{status: http.StatusBadRequest, code: "invalid_request",
			detail: "The request has more than one Authorization header.", challenge: `error="invalid_request"`}
	}
	if len(values) == 0 {
		return "", missingToken()
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "" {
		return "", missingToken()
	}
	return token, nil
}

// answerTo asks a fault for its own answer first: an error may be both a fault of ours and about a token, and 401 is only
// said about credentials.
func answerTo(err error) *answer {
	var known statusError
	switch {
	case errors.As(err, &known):
		return answerWithStatus(known, err)
	case errors.Is(err, ErrKeysUnavailable):
		return &answer{status: http.StatusServiceUnavailable, code: "keys_unavailable", detail: unavailableDetail,
			challenge: noChallenge, retryAfter: defaultRetry}
	case errors.Is(err, ErrTokenInvalid):
		return invalidToken("token_not_valid")
	}
	return internal()
}

func internal() *answer {
	return &answer{status: http.StatusInternalServerError, code: "internal", detail: "The token could not be checked.",
		challenge: noChallenge}
}

const (
	unavailableDetail = "The token cannot be checked now. Try again later."
	// defaultRetry is for a fault that does not say when it will be over.
	defaultRetry = 5 * time.Second
)

func answerWithStatus(known statusError, err error) *answer {
	status, code := known.HTTPStatus()
	switch {
	case status < 400 || status > 599 || code == "":
		return internal()
	case status == http.StatusUnauthorized:
		return invalidToken(code)
	}
	a := &answer{status: status, code: code, detail: "The token could not be checked.", challenge: noChallenge}
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		a.detail = unavailableDetail
		a.retryAfter = defaultRetry
		var retry retryError
		if errors.As(err, &retry) {
			a.retryAfter = retry.RetryAfter()
		}
	}
	return a
}

func (a *answer) write(w http.ResponseWriter) {
	body, err := json.Marshal(struct {
		Detail string `json:"detail"`
		Code   string `json:"code"`
	}{a.detail, a.code})
	if err != nil { // two strings always encode
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if a.challenge != noChallenge {
		h.Set("WWW-Authenticate", strings.TrimSpace("Bearer "+a.challenge))
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(a.retryAfter.Seconds()))))
	}
	w.WriteHeader(a.status)
	w.Write(body) // the client may be gone; there is nobody left to tell
}
