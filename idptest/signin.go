package idptest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
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
// address is the caller's to read. An answer by form_post is only in what [Provider.LoginForm] returns. It returns
// ErrLoginRefused when the page sends nobody anywhere.
func (p *Provider) Login(ctx context.Context, authorizationURL string, u User) (callbackURL string, err error) {
	callbackURL, _, err = p.LoginForm(ctx, authorizationURL, u)
	return callbackURL, err
}

// LoginForm is Login for response_mode=form_post (OAuth 2.0 Form Post Response Mode §2), too: form is what the browser
// would post to callbackURL. It is nil when the browser is redirected, and the answer is in the address.
func (p *Provider) LoginForm(ctx context.Context, authorizationURL string, u User) (callbackURL string, form url.Values, err error) {
	address, err := url.Parse(authorizationURL)
	if err != nil || !strings.HasPrefix(authorizationURL, p.base+"/") || p.routes[p.persona.locate(p, address.Path)].endpoint != Authorize {
		return "", nil, fmt.Errorf("idptest: log in: %q is not at %s", authorizationURL, p.URL(Authorize))
	}
	u = u.complete()
	browser := newBrowser()
	defer browser.CloseIdleConnections()
	callbackURL, form, err = visit(ctx, browser, authorizationURL, nil)
	if err == nil && callbackURL == "" {
		callbackURL, form, err = visit(ctx, browser, authorizationURL, url.Values{"username": {u.Username}, "password": {u.Password}})
	}
	switch {
	case err != nil:
		return "", nil, fmt.Errorf("idptest: log in: %w", err)
	case callbackURL == "":
		return "", nil, ErrLoginRefused
	}
	return callbackURL, form, nil
}

// SignIn gets tokens as a single-page application would: authorization request, login page, code, token endpoint, with
// state, nonce and PKCE. u must be a user of the provider. It returns ErrLoginRefused, ErrNoTokens with what the
// provider said, or the error of the network.
func (p *Provider) SignIn(ctx context.Context, u User) (Tokens, error) {
	verifier, state, nonce := randomText()+randomText(), randomText(), randomText()
	challenge := sha256.Sum256([]byte(verifier))
	request := url.Values{
		"response_type": {"code"}, "client_id": {p.cfg.ClientID}, "redirect_uri": {p.cfg.RedirectURIs[0]},
		"scope": {p.persona.usualScope()}, "state": {state}, "nonce": {nonce},
		"code_challenge": {base64url(challenge[:])}, "code_challenge_method": {"S256"},
	}
	if p.persona.needsFormPost(request.Get("scope")) {
		request.Set("response_mode", "form_post")
	}
	callback, got, err := p.LoginForm(ctx, p.base+p.persona.door(p, u.complete())+"?"+request.Encode(), u)
	if err != nil {
		return Tokens{}, err
	}
	if got == nil {
		answer, err := url.Parse(callback)
		if err != nil {
			return Tokens{}, fmt.Errorf("idptest: sign in: %w", err)
		}
		got = answer.Query()
	}
	if got.Get("state") != state || got.Get("code") == "" {
		return Tokens{}, fmt.Errorf("%w: the authorization response is %q", ErrNoTokens, got.Encode())
	}
	tokens, err := p.redeemAt(ctx, url.Values{
		"grant_type": {"authorization_code"}, "code": {got.Get("code")},
		"redirect_uri": {p.cfg.RedirectURIs[0]}, "code_verifier": {verifier},
	})
	tokens.Nonce = nonce
	return tokens, err
}

// redeemAt posts a form of the registered client to the token endpoint.
func (p *Provider) redeemAt(ctx context.Context, form url.Values) (Tokens, error) {
	form.Set("client_id", p.cfg.ClientID)
	if secret := p.ClientSecret(); secret != "" {
		form.Set("client_secret", secret)
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

// visit returns the address that the answer redirects to or posts a form to, or "" for another page.
func visit(ctx context.Context, browser *http.Client, address string, form url.Values) (location string, posted url.Values, err error) {
	status, header, body, err := send(ctx, browser, address, form)
	switch {
	case err != nil:
		return "", nil, err
	case status >= 300 && status < 400:
		return header.Get("Location"), nil, nil
	case status == http.StatusOK:
		location, posted = readPost(string(body))
	}
	return location, posted, nil
}

// The page of this provider that posts itself. It is read by the text of its template.
var (
	postForm  = regexp.MustCompile(`<form method="post" id="answer" action="([^"]*)">`)
	postField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

func readPost(page string) (action string, fields url.Values) {
	found := postForm.FindStringSubmatch(page)
	if found == nil {
		return "", nil
	}
	fields = url.Values{}
	for _, field := range postField.FindAllStringSubmatch(page, -1) {
		fields.Add(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	return html.UnescapeString(found[1]), fields
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
		r.Header.Set("Accept", "application/json, text/html;q=0.9, */*;q=0.8") // GitHub writes a form otherwise
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, answer.Header, body, err
}
