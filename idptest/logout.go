package idptest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// logoutEvent is the member of events that makes a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// LogoutTokenLife is how long a logout token is good (Back-Channel Logout 1.0 §2.4 recommends two minutes at most).
const LogoutTokenLife = 2 * time.Minute

// LogoutToken mints a logout token (Back-Channel Logout 1.0 §2.4): every session of u at the provider has ended. With
// [SessionID] it names one session, and with Claim("sid", …) both. Options bend it as they bend an ID token.
func (p *Provider) LogoutToken(u User, opts ...Option) string {
	u = u.complete()
	p.mu.Lock()
	key := p.keys.forIDTokens()
	p.mu.Unlock()
	now := p.now()
	c := object{}
	c.set("iss", p.persona.issuerOf(p, u))
	c.set("sub", p.persona.subject(u))
	c.set("aud", p.cfg.ClientID)
	c.set("iat", now.Unix())
	c.set("exp", now.Add(LogoutTokenLife).Unix())
	c.set("jti", randomUUID())
	c.set("events", map[string]any{logoutEvent: map[string]any{}})
	token := draft{typ: "logout+jwt", audienceClaim: "aud", payload: c}
	token.start(key, LogoutTokenLife)
	for _, opt := range opts {
		if opt.id != nil {
			opt.id(&token)
		}
	}
	return token.compact()
}

// SessionID lets a logout token name one session alone: sid, which the ID token of the sign-in had, in place of sub.
func SessionID(sid string) Option {
	return inIDToken(func(d *draft) {
		d.payload.remove("sub")
		d.payload.set("sid", sid)
	})
}

// LogOut posts a logout token to the client, as the provider's server does when somebody signs out there (Back-Channel
// Logout 1.0 §2.5), and returns the client's answer. uri is the client's back-channel logout URI; "" means
// Config.BackChannelLogout. Options bend the token, see [Provider.LogoutToken]; one that is minted already goes out by
// [Mutate]. An error is that of the network, or of having no address.
func (p *Provider) LogOut(ctx context.Context, uri string, u User, opts ...Option) (status int, body []byte, err error) {
	if uri = or(uri, p.cfg.BackChannelLogout); uri == "" {
		return 0, nil, errors.New("idptest: log out: no address is given and Config.BackChannelLogout is empty")
	}
	client := newBrowser()
	defer client.CloseIdleConnections()
	status, _, body, err = send(ctx, client, uri, url.Values{"logout_token": {p.LogoutToken(u, opts...)}})
	if err != nil {
		return 0, nil, fmt.Errorf("idptest: log out: %w", err)
	}
	return status, body, nil
}

// serveEndSession ends the browser's session, of which there is none here, and leads it back (OpenID Connect
// RP-Initiated Logout 1.0 §2, §3; Cognito's LOGOUT endpoint). An address that is not registered leads nowhere.
func (p *Provider) serveEndSession(w http.ResponseWriter, r *http.Request) {
	parameter := p.persona.logoutParameter()
	back := r.Form.Get(parameter)
	if reason := p.logoutFault(r.Form, back); reason != "" {
		p.writePage(w, http.StatusBadRequest, "refused", map[string]any{"Reason": reason, "RedirectURI": back})
		return
	}
	if back == "" {
		p.writePage(w, http.StatusOK, "ended", nil)
		return
	}
	if state := r.Form.Get("state"); state != "" && parameter == "post_logout_redirect_uri" {
		back = withQuery(back, url.Values{"state": {state}})
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", back)
	w.WriteHeader(http.StatusSeeOther)
}

// logoutFault tells why a browser is not led back. The client is known by client_id or by an ID token that was issued to
// it, also one that has expired (RP-Initiated Logout 1.0 §2). Tokens are looked up, not verified: there is no verifier
// here.
func (p *Provider) logoutFault(params url.Values, back string) string {
	hint := params.Get("id_token_hint")
	p.mu.Lock()
	issued := p.idTokens[hint]
	p.mu.Unlock()
	cognito := p.cfg.Personality == Cognito
	switch {
	case repeats(params):
		return "A parameter is given more than once."
	case params.Has("client_id") && params.Get("client_id") != p.cfg.ClientID:
		return "The client_id is unknown."
	case hint != "" && !issued && !cognito:
		return "The id_token_hint is not an ID token of this provider."
	case !params.Has("client_id") && (cognito || hint == ""):
		return "Neither client_id nor id_token_hint says who asks."
	case back == "" && cognito:
		return "The logout_uri is missing."
	case back != "" && !slices.Contains(p.cfg.PostLogoutRedirectURIs, back):
		return "The address to return to is not registered for this client. It must match to the byte."
	}
	return ""
}
