package authhttp

import (
	"net/http"
	"net/url"
)

// backChannelLogout takes a logout token from a provider's server (OpenID Connect Back-Channel Logout 1.0 §2.5). No browser is
// involved, so there is neither cookie nor origin: the token proves itself.
func (h *Handler) backChannelLogout(w http.ResponseWriter, r *http.Request) error {
	text, err := readForm(w, r)
	if err != nil {
		return err
	}
	values, err := url.ParseQuery(text)
	if err != nil || len(values["logout_token"]) != 1 {
		return errNoLogoutToken
	}
	if err := h.svc.BackChannelLogout(r.Context(), r.PathValue("provider"), values.Get("logout_token"), h.clientOf(r)); err != nil {
		return err
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}

var errNoLogoutToken = &problem{status: 400, code: "invalid_logout_token", detail: "The form must have one logout_token."}
