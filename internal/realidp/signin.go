package realidp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// Tokens is what a provider hands out after a sign-in.
type Tokens struct {
	IDToken      string `json:"id_token"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"` // seconds, as the provider says
}

// SignIn goes through the authorization code flow with PKCE (RFC 6749 §4.1, RFC 7636) as a
// single-page app does: authorize request, login page, callback, token request. The error of a
// wrong password says that the login page came again.
func (p *Pool) SignIn(ctx context.Context, user User) (Tokens, error) {
	state, verifier := rand.Text(), rand.Text()+rand.Text() // RFC 7636 §4.1: 43 to 128 characters
	challenge := sha256.Sum256([]byte(verifier))
	callback, err := p.Authorize(ctx, p.Domain+"/oauth2/authorize?"+url.Values{
		"response_type":         {"code"},
		"client_id":             {p.ClientID},
		"redirect_uri":          {p.RedirectURI},
		"scope":                 {"openid email profile"},
		"state":                 {state},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
	}.Encode(), user)
	if err != nil {
		return Tokens{}, err
	}
	answer := callback.Query()
	if answer.Get("state") != state || answer.Get("code") == "" {
		return Tokens{}, fmt.Errorf("callback without our state and a code: %s", callback)
	}
	return p.redeem(ctx, answer.Get("code"), verifier)
}

// redeem exchanges a code for tokens (RFC 6749 §4.1.3).
func (p *Pool) redeem(ctx context.Context, code, verifier string) (Tokens, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Domain+"/oauth2/token", strings.NewReader(url.Values{
		"grant_type":    {"authorization_code"},
		"client_id":     {p.ClientID},
		"redirect_uri":  {p.RedirectURI},
		"code":          {code},
		"code_verifier": {verifier},
	}.Encode()))
	if err != nil {
		return Tokens{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var tokens Tokens
	if err := exchange(newClient(), req, &tokens); err != nil {
		return Tokens{}, fmt.Errorf("token request: %w", err)
	}
	return tokens, nil
}

// InitiateAuth signs user in without a page, as a native app or Amplify does (USER_PASSWORD_AUTH).
func (p *Pool) InitiateAuth(ctx context.Context, user User) (Tokens, error) {
	var answer struct {
		AuthenticationResult struct {
			IDToken, AccessToken, RefreshToken, TokenType string
			ExpiresIn                                     int
		}
	}
	err := p.call(ctx, "InitiateAuth", object{
		"AuthFlow":       "USER_PASSWORD_AUTH",
		"ClientId":       p.ClientID,
		"AuthParameters": object{"USERNAME": user.Email, "PASSWORD": user.Password},
	}, &answer)
	return Tokens(answer.AuthenticationResult), err
}

// Authorize plays the browser for an authorize request of anybody, at authorizeURL: it follows
// redirects, signs user in at the login page, and returns the callback, which it does not visit.
func (p *Pool) Authorize(ctx context.Context, authorizeURL string, user User) (*url.URL, error) {
	start, err := url.Parse(authorizeURL)
	if err != nil {
		return nil, err
	}
	redirectURI := start.Query().Get("redirect_uri")
	if redirectURI == "" {
		return nil, errors.New("authorize request without redirect_uri")
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	client := newClient()
	client.Jar = jar
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), redirectURI) || len(via) > 10 {
			return http.ErrUseLastResponse
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, authorizeURL, nil)
	if err != nil {
		return nil, err
	}
	page, err := visit(client, req)
	if err != nil {
		return nil, fmt.Errorf("authorize request: %w", err)
	}
	if page.location != nil { // signed in already, or refused with an error
		return page.location, nil
	}
	if req, err = fill(ctx, page, user); err != nil {
		return nil, err
	}
	if page, err = visit(client, req); err != nil {
		return nil, fmt.Errorf("login page: %w", err)
	}
	if page.location == nil {
		return nil, fmt.Errorf("%s cannot sign in: the login page came again", user.Email)
	}
	return page.location, nil
}

// page is where a visit ended: at a document, or at a redirect that the client does not follow.
type page struct {
	at       *url.URL
	html     string
	location *url.URL
}

func visit(client *http.Client, req *http.Request) (page, error) {
	res, err := client.Do(req)
	if err != nil {
		return page{}, err
	}
	defer res.Body.Close()
	if location, err := res.Location(); err == nil {
		return page{location: location}, nil
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return page{}, err
	}
	if res.StatusCode != http.StatusOK {
		return page{}, fmt.Errorf("status %d: %s", res.StatusCode, body)
	}
	return page{at: res.Request.URL, html: string(body)}, nil
}

var (
	formTag   = regexp.MustCompile(`(?is)<form\b[^>]*>`)
	inputTag  = regexp.MustCompile(`(?is)<input\b[^>]*>`)
	attribute = regexp.MustCompile(`(?is)\b([a-z]+)\s*=\s*"([^"]*)"`)
)

// fill makes the request that a browser sends when user has filled in the login form of p.
func fill(ctx context.Context, p page, user User) (*http.Request, error) {
	form := formTag.FindString(p.html)
	if form == "" {
		return nil, fmt.Errorf("no form at %s", p.at)
	}
	action, err := p.at.Parse(attributes(form)["action"])
	if err != nil {
		return nil, err
	}
	values := url.Values{}
	for _, input := range inputTag.FindAllString(p.html, -1) {
		switch a := attributes(input); a["type"] {
		case "password":
			values.Set(a["name"], user.Password)
		case "text", "email":
			values.Set(a["name"], user.Email)
		case "hidden":
			values.Set(a["name"], a["value"])
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, action.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req, nil
}

func attributes(tag string) map[string]string {
	found := map[string]string{}
	for _, match := range attribute.FindAllStringSubmatch(tag, -1) {
		found[strings.ToLower(match[1])] = html.UnescapeString(match[2])
	}
	return found
}
