package idptest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// ErrLoginRefused says that the login page did not send the browser back to the client: a wrong password, or a request
// that the provider does not trust.
var ErrLoginRefused = errors.New("idptest: login refused")

// ErrNoTokens says that the flow came back without tokens: an error in the authorization response, or an answer of the
// token endpoint that holds no access token.
var ErrNoTokens = errors.New("idptest: no tokens")

// Login plays u in front of the login page: it opens an authorization request of the client under test, fills in the
// form and returns the address that the browser is sent to, without going there. An error of the provider in that
// address is the caller's to read. It returns ErrLoginRefused when the page sends nobody anywhere.
func (p *Provider) Login(ctx context.Context, authorizationURL string, u User) (callbackURL string, err error) {
	if !strings.HasPrefix(authorizationURL, p.URL(Authorize)+"?") {
		return "", fmt.Errorf("idptest: log in: %q is not at %s", authorizationURL, p.URL(Authorize))
	}
	u = u.complete()
	browser := newBrowser()
	defer browser.CloseIdleConnections()
	callbackURL, err = visit(ctx, browser, authorizationURL, nil)
	if err == nil && callbackURL == "" {
		callbackURL, err = visit(ctx, browser, authorizationURL, url.Values{"username": {u.Username}, "password": {u.Password}})
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("idptest: log in: %w", err)
	case callbackURL == "":
		return "", ErrLoginRefused
	}
	return callbackURL, nil
}

// SignIn gets tokens as a single-page application would: authorization request, login page, code, token endpoint, with
// state, nonce and PKCE. u must be a user of the provider. It returns ErrLoginRefused, ErrNoTokens with what the
// provider said, or the error of the network.
func (p *Provider) SignIn(ctx context.Context, u User) (Tokens, error) {
	verifier, state, nonce := randomText()+randomText(), randomText(), randomText()
	challenge := sha256.Sum256([]byte(verifier))
	request := url.Values{
		"response_type": {"code"}, "client_id": {p.cfg.ClientID}, "redirect_uri": {p.cfg.RedirectURIs[0]},
		"scope": {"openid email profile"}, "state": {state}, "nonce": {nonce},
		"code_challenge": {base64url(challenge[:])}, "code_challenge_method": {"S256"},
	}
	callback, err := p.Login(ctx, p.URL(Authorize)+"?"+request.Encode(), u)
	if err != nil {
		return Tokens{}, err
	}
	answer, err := url.Parse(callback)
	if err != nil {
		return Tokens{}, fmt.Errorf("idptest: sign in: %w", err)
	}
	if got := answer.Query(); got.Get("state") != state || got.Get("code") == "" {
		return Tokens{}, fmt.Errorf("%w: the authorization response is %q", ErrNoTokens, got.Encode())
	}
	tokens, err := p.redeemAt(ctx, url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Query().Get("code")},
		"redirect_uri": {p.cfg.RedirectURIs[0]}, "code_verifier": {verifier},
	})
	tokens.Nonce = nonce
	return tokens, err
}

// redeemAt posts a form of the registered client to the token endpoint.
func (p *Provider) redeemAt(ctx context.Context, form url.Values) (Tokens, error) {
	form.Set("client_id", p.cfg.ClientID)
	if p.cfg.ClientSecret != "" {
		form.Set("client_secret", p.cfg.ClientSecret)
	}
	client := newBrowser()
	defer client.CloseIdleConnections()
	status, _, body, err := send(ctx, client, p.URL(Token), form)
	if err != nil {
		return Tokens{}, fmt.Errorf("idptest: token endpoint: %w", err)
	}
	var answer struct {
		IDToken      string `json:"id_token"`
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		ExpiresIn    int    `json:"expires_in"`
		Scope        string `json:"scope"`
	}
	if err := json.Unmarshal(body, &answer); status != http.StatusOK || err != nil || answer.AccessToken == "" {
		return Tokens{}, fmt.Errorf("%w: the token endpoint answered %d %.200q", ErrNoTokens, status, body)
	}
	return Tokens{
		IDToken: answer.IDToken, AccessToken: answer.AccessToken, RefreshToken: answer.RefreshToken,
		ExpiresIn: answer.ExpiresIn, Scope: answer.Scope,
	}, nil
}

// newBrowser keeps cookies, follows nothing, and shares no connection with anybody.
func newBrowser() *http.Client {
	jar, _ := cookiejar.New(nil) // never fails
	return &http.Client{
		Transport:     &http.Transport{},
		Jar:           jar,
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// visit returns the address that the answer redirects to, or "" for a page.
func visit(ctx context.Context, browser *http.Client, address string, form url.Values) (location string, err error) {
	status, header, _, err := send(ctx, browser, address, form)
	if err == nil && status >= 300 && status < 400 {
		location = header.Get("Location")
	}
	return location, err
}

// send gets, or posts a form unless it is nil.
func send(ctx context.Context, client *http.Client, address string, form url.Values) (status int, header http.Header, body []byte, err error) {
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, nil, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, answer.Header, body, err
}
