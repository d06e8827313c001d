package authhttp

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/password"
)

// tokenResponse has django-rest-microservice's names in its order; what follows is ours.
type tokenResponse struct {
	AccessToken  string `json:"access_token"`
	Expires      int64  `json:"expires"` // unix seconds at which the access token ends
	User         any    `json:"user,omitempty"`
	CSRFToken    string `json:"CSRF_token,omitempty"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`              // seconds
	RefreshToken string `json:"refresh_token,omitempty"` // native clients only
}

func (h *Handler) signIn(w http.ResponseWriter, r *http.Request) error {
	caller, err := h.caller(r)
	if err != nil {
		return err
	}
	b, err := readBody(w, r, maxSignInBody, "username", "password", audienceMember)
	if err != nil {
		return err
	}
	request := sallyport.SignInRequest{Username: b.required("username"), Password: b.required("password"), Client: caller.client, Replaces: caller.held}
	request.Audience = b.audience()
	if len(request.Password) > password.MaxBytes {
		b.fault("password", tooLong)
	}
	if err := b.err(); err != nil {
		return err
	}
	tokens, err := h.svc.SignIn(r.Context(), request)
	return h.answer(w, caller, tokens, err)
}

func (h *Handler) socialExchange(w http.ResponseWriter, r *http.Request) error {
	caller, err := h.caller(r)
	if err != nil {
		return err
	}
	b, err := readBody(w, r, maxBody, "id_token", "access_token", "nonce", audienceMember)
	if err != nil {
		return err
	}
	request := sallyport.ExchangeRequest{IDToken: b.required("id_token"), Client: caller.client, Replaces: caller.held}
	request.AccessToken, _ = b.optional("access_token")
	request.Audience = b.audience()
	if nonce, ok := b.optional("nonce"); ok {
		request.Nonce = &nonce
	}
	if err := b.err(); err != nil {
		return err
	}
	tokens, err := h.svc.Exchange(r.Context(), request)
	return h.answer(w, caller, tokens, err)
}

func (h *Handler) refresh(w http.ResponseWriter, r *http.Request) error {
	p, err := h.presented(w, r, audienceMember)
	if err != nil {
		return err
	}
	audience := p.body.audience()
	if err := p.body.err(); err != nil {
		return err
	}
	tokens, err := h.svc.RefreshFor(r.Context(), p.token, audience, p.caller.client)
	return h.answer(w, p.caller, tokens, err)
}

func (h *Handler) logoff(w http.ResponseWriter, r *http.Request) error {
	p, err := h.presented(w, r, "scope", "end_provider_session")
	if err != nil {
		return err
	}
	request := sallyport.LogoffRequest{Token: p.token, Scope: sallyport.ScopeThis, EndProviderSession: p.body.flag("end_provider_session"), Client: p.caller.client}
	if text, ok := p.body.optional("scope"); ok {
		request.Scope = sallyport.Scope(text)
	}
	if err := p.body.err(); err != nil {
		return err
	}
	location, err := h.svc.Logoff(r.Context(), request)
	if err != nil {
		return err
	}
	if !p.caller.native && request.Scope != sallyport.ScopeOthers {
		h.deleteCookies(w)
	}
	if location != "" {
		writeJSON(w, http.StatusOK, map[string]string{"location": location})
		return nil
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}

func (h *Handler) verify(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(w, r, maxBody, "token")
	if err != nil {
		return err
	}
	token := b.required("token")
	if err := b.err(); err != nil {
		return err
	}
	if _, _, err := h.svc.CheckAccessToken(r.Context(), token); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, struct{}{})
	return nil
}

func (h *Handler) csrfToken(w http.ResponseWriter, r *http.Request) error {
	token, err := h.fromCookie(r)
	if err != nil {
		return err
	}
	session, err := h.svc.CheckSession(r.Context(), token)
	if err != nil {
		return err
	}
	held, err := cookieValues(r.Header, h.cookies.csrf)
	if err != nil {
		return err
	}
	for _, value := range held {
		if h.svc.CheckCSRFToken(token, value) == nil {
			writeJSON(w, http.StatusOK, map[string]string{"CSRF_token": value})
			return nil
		}
	}
	fresh := h.svc.CSRFToken(token)
	h.cookies.write(w, h.cookies.csrf, fresh, session.AbsoluteEnd, h.svc.Now())
	writeJSON(w, http.StatusOK, map[string]string{"CSRF_token": fresh})
	return nil
}

// caller is who asks: a browser, or a native client, which keeps its refresh token itself.
type caller struct {
	native bool
	held   sallyport.RefreshToken // of the session that a sign-in replaces; zero for none
	client sallyport.Client
}

const (
	nativeHeader = "X-Sallyport-Client"
	nativeClient = "native"
	csrfHeader   = "X-CSRF-Token"
)

// native reports whether the request is a native client's, and refuses one that is also a browser's.
func native(header http.Header) (bool, error) {
	if header.Get(nativeHeader) != nativeClient {
		return false, nil
	}
	if len(header.Values("Origin")) > 0 {
		return false, errCrossOrigin
	}
	if len(header.Values("Cookie")) > 0 {
		return false, errNativeWithCookie
	}
	return true, nil
}

// caller reads who asks for a sign-in or an exchange. A cookie that is no token of ours is no
// obstacle to signing in; two of them are, because one could have been planted.
func (h *Handler) caller(r *http.Request) (caller, error) {
	isNative, err := native(r.Header)
	if err != nil {
		return caller{}, err
	}
	c := caller{native: isNative, client: h.clientOf(r)}
	text, err := h.cookies.presented(r.Header)
	if err != nil && !errors.Is(err, errNoRefreshToken) {
		return caller{}, err
	}
	c.held, _ = h.svc.ParseRefreshToken(text)
	return c, nil
}

func (h *Handler) clientOf(r *http.Request) sallyport.Client {
	return sallyport.Client{IP: h.clientAddress(r), UserAgent: r.UserAgent(), RequestID: requestID(r.Header)}
}

// maxRequestID is how many bytes of a request id are worth logging.
const maxRequestID = 64

// requestID is the id under which a server or a proxy in front of us logs the request.
func requestID(header http.Header) string {
	id := header.Get("X-Request-ID")
	if len(id) > maxRequestID {
		return ""
	}
	return id
}

// presentation is a genuine refresh token, and who presented it.
type presentation struct {
	token  sallyport.RefreshToken
	caller caller
	body   *body
}

// presented takes a refresh token from the cookie or, for a native client, the body, in the documented
// order: cookie, body, MAC, CSRF_token. The store is asked only afterwards.
func (h *Handler) presented(w http.ResponseWriter, r *http.Request, known ...string) (*presentation, error) {
	isNative, err := native(r.Header)
	if err != nil {
		return nil, err
	}
	p := &presentation{caller: caller{native: isNative, client: h.clientOf(r)}}
	var text string
	if !isNative {
		if text, err = h.cookies.presented(r.Header); err != nil {
			return nil, err
		}
	}
	if p.body, err = readBody(w, r, maxBody, append(known, "CSRF_token", "refresh_token")...); err != nil {
		return nil, err
	}
	if isNative {
		text = p.body.required("refresh_token")
		if err := p.body.err(); err != nil {
			return nil, err
		}
	}
	if p.token, err = h.svc.ParseRefreshToken(text); err != nil {
		return nil, err
	}
	if !isNative {
		err = h.checkCSRF(r, p)
	}
	return p, err
}

// fromCookie is presented without a body and without a CSRF_token.
func (h *Handler) fromCookie(r *http.Request) (sallyport.RefreshToken, error) {
	text, err := h.cookies.presented(r.Header)
	if err != nil {
		return sallyport.RefreshToken{}, err
	}
	return h.svc.ParseRefreshToken(text)
}

// checkCSRF is rules 2 and 3 of the contract: the token must be genuine, this session's, and equal to
// the cookie's; it may be absent when the browser vouches for the page. A token that is present and
// wrong is refused even then.
func (h *Handler) checkCSRF(r *http.Request, p *presentation) error {
	tokens := r.Header.Values(csrfHeader)
	if token, present := p.body.optional("CSRF_token"); present {
		tokens = append(slices.Clone(tokens), token)
	}
	if err := p.body.err(); err != nil {
		return err
	}
	if len(tokens) == 0 {
		if h.csrf == CSRFAuto && sameOrigin(r.Header) {
			return nil
		}
		return sallyport.ErrCSRF
	}
	cookies, err := cookieValues(r.Header, h.cookies.csrf)
	if err != nil {
		return err
	}
	for _, token := range tokens { // each that is there must be right
		// Both are the client's own; whether they are genuine is decided by the service.
		if !slices.Contains(cookies, token) || h.svc.CheckCSRFToken(p.token, token) != nil {
			return sallyport.ErrCSRF
		}
	}
	return nil
}

// answer hands out tokens: the refresh token in a cookie, or in the body of a native client.
func (h *Handler) answer(w http.ResponseWriter, c caller, t *sallyport.Tokens, err error) error {
	if err != nil {
		return err
	}
	response := tokenResponse{
		AccessToken: t.AccessToken,
		Expires:     t.AccessExpires.Unix(),
		TokenType:   "Bearer",
		ExpiresIn:   int64(t.AccessTTL / time.Second),
	}
	if t.View != nil {
		response.User = t.View
	}
	if c.native {
		response.RefreshToken = t.RefreshToken
	} else {
		response.CSRFToken = t.CSRFToken
		h.setCookies(w, t)
	}
	writeJSON(w, http.StatusOK, response)
	return nil
}
