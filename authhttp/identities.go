package authhttp

import (
	"net/http"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// identityView is one identity as its user sees it. Times are in UTC.
type identityView struct {
	ID        sallyport.ID `json:"id"`
	Provider  string       `json:"provider"`
	Issuer    string       `json:"issuer"`
	Subject   string       `json:"subject"`
	CreatedAt time.Time    `json:"created_at"`
}

func (h *Handler) identities(w http.ResponseWriter, r *http.Request, who holder) error {
	all, err := h.svc.Identities(r.Context(), who.user.ID)
	if err != nil {
		return err
	}
	views := make([]identityView, len(all))
	for i, one := range all {
		views[i] = identityView{one.ID, one.Provider, one.Issuer, one.Subject, one.CreatedAt.UTC()}
	}
	writeJSON(w, http.StatusOK, map[string]any{"identities": views})
	return nil
}

// linkIdentity tells a page where to send its browser. What comes back at the callback is linked to the user who asked here.
func (h *Handler) linkIdentity(w http.ResponseWriter, r *http.Request, who holder) error {
	b, err := readBody(w, r, maxBody, "return_to")
	if err != nil {
		return err
	}
	provider := r.PathValue("identity")
	request := sallyport.LinkRequest{UserID: who.user.ID, SessionID: who.session, Provider: provider, Client: h.clientOf(r)}
	request.ReturnTo, _ = b.optional("return_to")
	if err := b.err(); err != nil {
		return err
	}
	login, err := h.svc.StartLink(r.Context(), request)
	if err != nil {
		return err
	}
	h.setLoginCookie(w, login, provider)
	writeJSON(w, http.StatusOK, map[string]string{"location": login.Location})
	return nil
}

func (h *Handler) unlinkIdentity(w http.ResponseWriter, r *http.Request, who holder) error {
	id, err := sallyport.ParseID(r.PathValue("identity"))
	if err != nil {
		return errNotFound
	}
	if err := h.svc.UnlinkIdentity(r.Context(), sallyport.UnlinkRequest{
		UserID: who.user.ID, SessionID: who.session, Identity: id, Client: h.clientOf(r),
	}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
