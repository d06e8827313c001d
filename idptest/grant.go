package idptest

import (
	"crypto/sha256"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// grant is what one sign-in has allowed the client, from the login to the last refresh token.
type grant struct {
	user               User // as at the sign-in
	scope              string
	sid                string // of the sign-in at the provider (Back-Channel Logout 1.0 §2.1)
	authTime           time.Time
	originJTI, eventID string
	revoked            bool // guarded by Provider.mu, the other fields never change
}

type accessGrant struct {
	grant   *grant
	scope   string
	expires time.Time
}

type refreshGrant struct {
	grant   *grant
	expires time.Time
	used    bool
}

// newGrant is the grant of somebody who has signed in just now.
func (p *Provider) newGrant(u User, scope string) *grant {
	g := &grant{user: u, scope: scope, authTime: p.now(), originJTI: randomUUID(), eventID: randomUUID(), sid: randomUUID()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grants[g] = true
	return g
}

// serveToken is the token endpoint (RFC 6749 §3.2): form in, JSON out, nothing from the query.
func (p *Provider) serveToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // RFC 6749 §5.1
	form := r.PostForm
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media != "application/x-www-form-urlencoded" || repeats(form) {
		refuseToken(w, http.StatusBadRequest, refusal{"invalid_request", "want a form in which no parameter repeats"})
		return
	}
	if fault := p.clientFault(r); fault != "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="idptest"`) // RFC 6749 §5.2
		refuseToken(w, http.StatusUnauthorized, refusal{"invalid_client", fault})
		return
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		p.redeem(w, form)
	case "refresh_token":
		p.advance(w, form)
	default:
		refuseToken(w, http.StatusBadRequest, refusal{"unsupported_grant_type", "want authorization_code or refresh_token"})
	}
}

// clientFault checks the client by the header or by the form, never by both (RFC 6749 §2.3). "" means that it is the
// registered one.
func (p *Provider) clientFault(r *http.Request) string {
	const unknown = "unknown client, or not authenticated as registered"
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if name, password, ok := r.BasicAuth(); ok {
		var errs [2]error
		if secret != "" {
			return unknown
		}
		name, errs[0] = url.QueryUnescape(name) // RFC 6749 §2.3.1 encodes both before RFC 7617 does
		secret, errs[1] = url.QueryUnescape(password)
		if errs[0] != nil || errs[1] != nil || (id != "" && id != name) {
			return unknown
		}
		id = name
	}
	if id != p.cfg.ClientID {
		return unknown
	}
	return p.persona.secretFault(p, secret)
}

// redeem trades a code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.6).
func (p *Provider) redeem(w http.ResponseWriter, form url.Values) {
	c := p.takeCode(form)
	if c == nil {
		refuseToken(w, http.StatusBadRequest, refusal{"invalid_grant",
			"the code is unknown, used or expired, or it belongs to another redirect_uri or code_verifier"})
		return
	}
	p.grantTokens(w, c.grant, c.nonce)
}

// takeCode uses a code up and returns it when everything that it is bound to is right. A code is used up by the first
// attempt, good or bad: an attacker has one guess at the verifier. A code that comes again ends what came of it
// (RFC 6749 §4.1.2).
func (p *Provider) takeCode(form url.Values) *code {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.codes[form.Get("code")]
	if c == nil {
		return nil
	}
	if c.used {
		c.grant.revoked = true
		return nil
	}
	c.used = true
	verifier := form.Get("code_verifier")
	sum := sha256.Sum256([]byte(verifier))
	proven := len(verifier) >= 43 && len(verifier) <= 128 && c.challenge == base64url(sum[:]) // RFC 7636 §4.1
	back := form.Get("redirect_uri")
	if p.persona.oauthOnly() {
		proven = proven || (c.challenge == "" && verifier == "") // RFC 9700 §2.1.1: a verifier without a challenge is no proof
		back = or(back, c.redirectURI)
	}
	bound := proven && c.clientID == p.cfg.ClientID && c.redirectURI == back
	if !bound || !now.Before(c.expires) || c.grant.revoked {
		return nil
	}
	return c
}

// advance trades a refresh token for new tokens, itself included (RFC 6749 §6, RFC 9700 §4.14.2).
func (p *Provider) advance(w http.ResponseWriter, form url.Values) {
	g := p.takeRefreshToken(form.Get("refresh_token"))
	if g == nil {
		refuseToken(w, http.StatusBadRequest, refusal{"invalid_grant", "the refresh token is unknown, used, expired or revoked"})
		return
	}
	p.grantTokens(w, g, "") // Core §12.2: no nonce in the ID token of a refresh
}

// takeRefreshToken uses a refresh token up. One that comes again was stolen, or stolen from: the grant ends.
func (p *Provider) takeRefreshToken(token string) *grant {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.refresh[token]
	switch {
	case r == nil || r.grant.revoked || !now.Before(r.expires):
		return nil
	case r.used:
		r.grant.revoked = true
		return nil
	}
	r.used = true
	return r.grant
}

func (p *Provider) grantTokens(w http.ResponseWriter, g *grant, nonce string) {
	t := p.issue(g, nonce, p.takeBends())
	doc := object{}
	doc.setText("id_token", t.IDToken)
	doc.set("access_token", t.AccessToken)
	doc.set("refresh_token", t.RefreshToken)
	doc.set("expires_in", t.ExpiresIn)
	doc.set("token_type", "Bearer")
	if p.persona.sendsScope() {
		doc.set("scope", t.Scope)
	}
	p.remember(doc)
	writeJSON(w, http.StatusOK, doc)
}

// remember keeps the last right answer of the token endpoint, for [Replay].
func (p *Provider) remember(doc object) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replay = doc
}

func refuseToken(w http.ResponseWriter, status int, r refusal) {
	doc := object{}
	doc.set("error", r.code)
	doc.set("error_description", r.description)
	writeJSON(w, status, doc)
}

// serveUserinfo answers with the claims of the user behind an access token (Core §5.3).
func (p *Provider) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 6750 §3.1: no error code when nothing was tried
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	user, scope, ok := p.bearer(strings.TrimSpace(token))
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		refuseToken(w, http.StatusUnauthorized, refusal{"invalid_token", "the access token is unknown, expired or revoked"})
		return
	}
	if !hasScope(scope, "openid") {
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="openid"`)
		refuseToken(w, http.StatusForbidden, refusal{"insufficient_scope", "UserInfo wants the scope openid"})
		return
	}
	writeJSON(w, http.StatusOK, p.persona.userinfo(user, scope))
}

// bearer finds the user behind an access token. Tokens are looked up, not verified: there is no verifier here.
func (p *Provider) bearer(token string) (u User, scope string, ok bool) {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.access[token]
	if a == nil || a.grant.revoked || !now.Before(a.expires) {
		return User{}, "", false
	}
	return p.currentUser(a.grant), a.scope, true
}
