package authhttp

import (
	"fmt"
	"net/http"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/password"
)

// sessionView is one session as its user sees it. Times are in UTC.
type sessionView struct {
	ID         sallyport.ID `json:"id"`
	CreatedAt  time.Time    `json:"created_at"`
	LastUsedAt time.Time    `json:"last_used_at"`
	ExpiresAt  time.Time    `json:"expires_at"` // unless it is used before
	Provider   string       `json:"provider"`   // "" for a password
	UserAgent  string       `json:"user_agent"` // of the sign-in
	IP         string       `json:"ip"`         // of the last use
	Current    bool         `json:"current"`
}

func (h *Handler) sessions(w http.ResponseWriter, r *http.Request, who holder) error {
	live, err := h.svc.Sessions(r.Context(), who.user.ID, sallyport.ID{}, h.svc.MaxSessions())
	if err != nil {
		return err
	}
	views := make([]sessionView, len(live))
	for i, s := range live {
		views[i] = sessionView{
			ID: s.ID, CreatedAt: s.CreatedAt.UTC(), LastUsedAt: s.LastUsedAt.UTC(), ExpiresAt: s.IdleEnd.UTC(), // never later than the absolute end
			Provider: s.Provider, UserAgent: s.UserAgent, IP: s.IP, Current: s.ID == who.session,
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"sessions": views})
	return nil
}

// endSession answers for a session of somebody else what it answers for one that does not exist.
func (h *Handler) endSession(w http.ResponseWriter, r *http.Request, who holder) error {
	id, err := sallyport.ParseID(r.PathValue("id"))
	if err != nil {
		return errNotFound
	}
	if err := h.svc.EndSession(r.Context(), who.user.ID, id, who.session, h.clientOf(r)); err != nil {
		return err
	}
	if token, err := h.fromCookie(r); err == nil && token.SessionID() == id {
		h.deleteCookies(w)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) password(w http.ResponseWriter, r *http.Request, who holder) error {
	b, err := readBody(w, r, maxSignInBody, "current_password", "new_password")
	if err != nil {
		return err
	}
	request := sallyport.PasswordRequest{
		UserID: who.user.ID, SessionID: who.session, Current: b.required("current_password"), New: b.required("new_password"), Client: h.clientOf(r),
	}
	for name, text := range map[string]string{"current_password": request.Current, "new_password": request.New} {
		if len(text) > password.MaxBytes {
			b.fault(name, tooLong)
		}
	}
	if err := b.err(); err != nil {
		return err
	}
	if err := h.svc.ChangePassword(r.Context(), request); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, struct{}{})
	return nil
}

// tooLong is what is wrong with a password that is never hashed.
var tooLong = fmt.Sprintf("Ensure this field has no more than %d bytes.", password.MaxBytes)
