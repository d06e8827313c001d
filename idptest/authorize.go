package idptest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// authorization is an authorization request that has been checked (RFC 6749 §4.1.1, RFC 7636 §4.3, Core §3.1.2.1).
type authorization struct {
	redirectURI, scope, state, nonce, challenge, loginHint string
	formPost                                               bool // OAuth 2.0 Form Post Response Mode §2
}

// code is an authorization code and what it is bound to.
type code struct {
	clientID, redirectURI, challenge, nonce string
	grant                                   *grant
	expires                                 time.Time
	used                                    bool
}

// serveAuthorize shows the login page and takes its form. The form is posted to the address of the page, request and
// all, and the request is checked again: nothing is kept for people who do not finish.
func (p *Provider) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if r.PostForm.Has("client_id") { // a request by POST (Core §3.1.2.1), not the form of the page
		w.Header().Set("Location", p.base+r.URL.Path+"?"+r.PostForm.Encode())
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	if reason := p.distrust(query); reason != "" {
		p.writePage(w, http.StatusBadRequest, "refused", map[string]any{"Reason": reason, "RedirectURI": query.Get("redirect_uri")})
		return
	}
	request, refusal := p.readAuthorization(query)
	if refusal != nil {
		p.respond(w, request, url.Values{"error": {refusal.code}, "error_description": {refusal.description}})
		return
	}
	if r.Method != http.MethodPost {
		p.writeLogin(w, http.StatusOK, request, request.loginHint, false)
		return
	}
	user, ok := p.authenticate(r.PostForm.Get("username"), r.PostForm.Get("password"))
	if !ok || !p.persona.admits(p, r.URL.Path, user) {
		p.writeLogin(w, http.StatusUnprocessableEntity, request, r.PostForm.Get("username"), true)
		return
	}
	answer := url.Values{"code": {p.newCode(request, user)}}
	p.persona.introduce(user, request.scope, p.meet(user), answer)
	p.respond(w, request, answer)
}

// distrust tells why the client or its redirect URI cannot be believed; "" means that they can. Until then nothing is
// sent there, not even an error (RFC 6749 §4.1.2.1).
func (p *Provider) distrust(query url.Values) string {
	switch {
	case len(query["client_id"]) != 1 || query.Get("client_id") != p.cfg.ClientID:
		return "The client_id is missing or unknown."
	case len(query["redirect_uri"]) != 1 || !slices.Contains(p.cfg.RedirectURIs, query.Get("redirect_uri")):
		return "The redirect_uri is missing or not registered for this client. It must match to the byte."
	}
	return ""
}

// refusal is an error of RFC 6749 §4.1.2.1 or §5.2, or of Core §3.1.2.6.
type refusal struct{ code, description string }

// readAuthorization checks the request of a client that is known. Also with a refusal, the result says where it goes.
func (p *Provider) readAuthorization(query url.Values) (authorization, *refusal) {
	a := authorization{
		redirectURI: query.Get("redirect_uri"), scope: or(query.Get("scope"), p.persona.defaultScope()),
		state: query.Get("state"), nonce: query.Get("nonce"), challenge: query.Get("code_challenge"),
		loginHint: query.Get("login_hint"), formPost: query.Get("response_mode") == "form_post",
	}
	modes := p.persona.responseModes()
	optional := p.persona.oauthOnly()
	switch {
	case repeats(query):
		return a, &refusal{"invalid_request", "a parameter is given more than once"}
	case query.Has("request"):
		return a, &refusal{"request_not_supported", "request objects are not supported"}
	case query.Has("request_uri"):
		return a, &refusal{"request_uri_not_supported", "request objects are not supported"}
	case query.Get("response_type") != "code" && (query.Has("response_type") || !optional):
		return a, &refusal{"unsupported_response_type", "response_type must be code"}
	case !slices.Contains(modes, or(query.Get("response_mode"), modes[0])):
		a.formPost = false
		return a, &refusal{"invalid_request", "response_mode must be " + strings.Join(modes, " or ")}
	case a.formPost && !strings.HasPrefix(a.redirectURI, "http"):
		a.formPost = false
		return a, &refusal{"invalid_request", "no form can be posted to the redirect_uri"}
	case !a.formPost && p.persona.needsFormPost(a.scope):
		return a, &refusal{"invalid_request", "response_mode must be form_post when name or email is requested"}
	case a.scope == "" && !optional:
		return a, &refusal{"invalid_scope", "scope is missing"}
	case optional && !query.Has("code_challenge") && !query.Has("code_challenge_method"):
		return a, nil
	case query.Get("code_challenge_method") != "S256" || len(a.challenge) != 43:
		return a, &refusal{"invalid_request", "PKCE with S256 is required (RFC 7636)"}
	case hasScope(query.Get("prompt"), "none"): // a space-separated list as well
		return a, &refusal{"login_required", "this provider keeps no sessions"}
	}
	return a, nil
}

// repeats finds parameters that are given twice (RFC 6749 §3.1, §3.2).
func repeats(params url.Values) bool {
	for _, values := range params {
		if len(values) > 1 {
			return true
		}
	}
	return false
}

// respond sends the browser back to the client with an authorization response (RFC 6749 §4.1.2, RFC 9207 §2).
func (p *Provider) respond(w http.ResponseWriter, a authorization, params url.Values) {
	if a.state != "" {
		params.Set("state", a.state)
	}
	if p.persona.sendsIssuer() {
		params.Set("iss", p.issuer)
	}
	p.bendCallback(params)
	if a.formPost {
		p.writePage(w, http.StatusOK, "post", map[string]any{"RedirectURI": a.redirectURI, "Fields": params})
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", withQuery(a.redirectURI, params))
	w.WriteHeader(http.StatusSeeOther) // RFC 9700 §4.12: 307 would post the password to the client
}

// withQuery adds parameters to an address and keeps the query that it has.
func withQuery(address string, params url.Values) string {
	if strings.Contains(address, "?") {
		return address + "&" + params.Encode()
	}
	return address + "?" + params.Encode()
}

func (p *Provider) newCode(a authorization, u User) string {
	c := &code{
		clientID: p.cfg.ClientID, redirectURI: a.redirectURI, challenge: a.challenge, nonce: a.nonce,
		grant: p.newGrant(u, a.scope), expires: p.now().Add(CodeLife),
	}
	text := randomText()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[text] = c
	return text
}
