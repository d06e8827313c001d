package realidp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
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

// Grant is an authorization request that was answered, and what else its client needs to redeem the code.
type Grant struct {
	Code, Verifier, RedirectURI string
}

// authorize goes through the first half of the authorization code flow with PKCE (RFC 6749 §4.1, RFC 7636):
// authorization request, login page, callback. Further parameters of the request are in extra.
func authorize(ctx context.Context, b *Browser, endpoint, clientID, redirectURI string, user User, extra url.Values) (Grant, error) {
	state, verifier := rand.Text(), rand.Text()+rand.Text() // RFC 7636 §4.1: 43 to 128 characters
	challenge := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"response_type":         {"code"},
		"client_id":             {clientID},
		"redirect_uri":          {redirectURI},
		"scope":                 {"openid email profile"},
		"state":                 {state},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
	}
	for name, values := range extra {
		query[name] = values
	}
	callback, err := b.Authorize(ctx, endpoint+"?"+query.Encode(), user)
	if err != nil {
		return Grant{}, err
	}
	answer := callback.Query()
	if answer.Get("state") != state || answer.Get("code") == "" {
		return Grant{}, fmt.Errorf("callback without our state and a code: %s", callback)
	}
	return Grant{answer.Get("code"), verifier, redirectURI}, nil
}

// redeem exchanges a code for tokens (RFC 6749 §4.1.3).
func redeem(ctx context.Context, endpoint, clientID, secret string, g Grant) (Tokens, error) {
	return requestTokens(ctx, endpoint, clientID, secret, url.Values{
		"grant_type": {"authorization_code"}, "redirect_uri": {g.RedirectURI}, "code": {g.Code}, "code_verifier": {g.Verifier},
	})
}

// requestTokens sends a token request, as a public client without a secret, else by client_secret_basic.
func requestTokens(ctx context.Context, endpoint, clientID, secret string, form url.Values) (Tokens, error) {
	if secret == "" {
		form.Set("client_id", clientID)
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return Tokens{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if secret != "" {
		req.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(secret)) // RFC 6749 §2.3.1
	}
	var tokens Tokens
	if err := exchange(newClient(), req, &tokens); err != nil {
		return Tokens{}, fmt.Errorf("token request: %w", err)
	}
	return tokens, nil
}

// SignIn goes through the authorization code flow with PKCE as a single-page app does: authorize request, login page,
// callback, token request. The error of a wrong password says that the login page came again.
func (p *Pool) SignIn(ctx context.Context, user User) (Tokens, error) {
	g, err := authorize(ctx, NewBrowser(), p.AuthorizationEndpoint(), p.ClientID, p.RedirectURI, user, nil)
	if err != nil {
		return Tokens{}, err
	}
	return p.redeem(ctx, g)
}

func (p *Pool) redeem(ctx context.Context, g Grant) (Tokens, error) {
	return redeem(ctx, p.TokenEndpoint(), p.ClientID, "", g)
}

// AuthorizationEndpoint is where a browser begins a sign-in; the pool's discovery document does not name it.
func (p *Pool) AuthorizationEndpoint() string { return p.Domain + "/oauth2/authorize" }

// TokenEndpoint is where a code is redeemed; the pool's discovery document does not name it.
func (p *Pool) TokenEndpoint() string { return p.Domain + "/oauth2/token" }

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

// Authorize plays a browser without cookies for an authorize request of anybody, at authorizeURL: see Browser.Authorize.
func (p *Pool) Authorize(ctx context.Context, authorizeURL string, user User) (*url.URL, error) {
	return NewBrowser().Authorize(ctx, authorizeURL, user)
}
