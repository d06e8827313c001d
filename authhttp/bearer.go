package authhttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify"
)

// Require protects a route of this program as verify.Verifier.Require does in a service, with the
// same answers and guards, and it looks at the session behind the token as well: a logoff counts at
// once here. The handler finds the claims with verify.FromContext.
func (h *Handler) Require(next http.Handler, guards ...verify.Guard) http.Handler {
	return verify.Middleware(func(ctx context.Context, token string) (*verify.Claims, error) {
		claims, _, err := h.check(ctx, token)
		return claims, err
	}, next, guards...)
}

// holder is who sends a bearer token: a user in a session.
type holder struct {
	user    sallyport.User
	session sallyport.ID
}

// bearer makes a route of ours out of a handler that needs to know who is signed in.
func (h *Handler) bearer(handle func(http.ResponseWriter, *http.Request, holder) error) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		var user sallyport.User
		var failed error
		check := func(ctx context.Context, token string) (claims *verify.Claims, err error) {
			claims, user, err = h.check(ctx, token)
			return claims, err
		}
		next := func(w http.ResponseWriter, r *http.Request) {
			claims, _ := verify.FromContext(r.Context())
			session, err := sallyport.ParseID(claims.SessionID)
			if failed = err; err == nil { // which it is: the session has been looked at
				failed = handle(w, r, holder{user, session})
			}
		}
		verify.Middleware(check, http.HandlerFunc(next)).ServeHTTP(w, r)
		return failed
	}
}

// check is CheckAccessToken in the terms of verify.Middleware. A bad token is logged at debug: it is
// what every expired tab sends.
func (h *Handler) check(ctx context.Context, token string) (*verify.Claims, sallyport.User, error) {
	claims, user, err := h.svc.CheckAccessToken(ctx, token)
	switch {
	case err == nil:
		return claims, user, nil
	case errors.Is(err, sallyport.ErrTokenInvalid):
		h.log.LogAttrs(ctx, slog.LevelDebug, "access token refused", slog.String("reason", err.Error()))
		return nil, sallyport.User{}, fmt.Errorf("%w: %w", verify.ErrTokenInvalid, err)
	}
	h.log.LogAttrs(ctx, slog.LevelError, "access token not checked", slog.String("reason", err.Error()))
	return nil, sallyport.User{}, fault{problemOf(err)}
}

// fault tells verify.Middleware the answer to a fault of ours.
type fault struct{ *problem }

func (f fault) HTTPStatus() (status int, code string) { return f.status, f.code }
func (f fault) RetryAfter() time.Duration             { return time.Duration(f.retryAfter) * time.Second }

func (h *Handler) user(w http.ResponseWriter, r *http.Request, who holder) error {
	view, err := h.svc.ShowUser(r.Context(), who.user)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, view)
	return nil
}
