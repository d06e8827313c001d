package idp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/sallyport-auth/sallyport"
)

// party is what this side does as an OAuth 2.0 client of one provider: it sends browsers there and redeems codes.
type party struct {
	name   string
	client registration
	source source
	scopes []string
	policy sallyport.ProviderPolicy
	http   *http.Client
	now    func() time.Time

	tokensOnly string // what a login lacks, so that only tokens can be exchanged; "" for nothing
	formPost   bool
	noNonce    bool              // the provider knows no nonce
	extra      map[string]string // further parameters of the authorization request
	// responseIssuers are those that "iss" of an authorization response may name (RFC 9207). Any other is refused.
	responseIssuers []string
	logout          func(endpoint string) string
}

// registration is the client as the provider knows it.
type registration struct {
	id string
	// secret is nil for a public client. It is asked for each time: Apple's is made then.
	secret func() (string, error)
	// authStyle says how the secret is sent; oauth2.AuthStyleAutoDetect leaves that to the discovery document.
	authStyle oauth2.AuthStyle
}

func fixedSecret(secret string) func() (string, error) {
	if secret == "" {
		return nil
	}
	return func() (string, error) { return secret, nil }
}

func (p *party) Name() string                     { return p.name }
func (p *party) Policy() sallyport.ProviderPolicy { return p.policy }
func (p *party) FormPost() bool                   { return p.formPost }

// known gives the provider's addresses, or ErrProviderUnavailable.
func (p *party) known(ctx context.Context) (*metadata, error) {
	m, err := p.source.metadata(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", sallyport.ErrProviderUnavailable, err)
	}
	return m, nil
}

// AuthorizationURL implements sallyport.IdentityProvider. PKCE is always S256, whatever the provider announces (RFC 9700
// §2.1.1).
func (p *party) AuthorizationURL(ctx context.Context, r sallyport.AuthorizationRequest) (string, error) {
	if err := p.CheckLogin(); err != nil {
		return "", err
	}
	m, err := p.known(ctx)
	switch {
	case err != nil:
		return "", err
	case m.authorization == "" || m.token == "":
		return "", p.noLogin()
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(r.Verifier)}
	set := func(name, value string) { options = append(options, oauth2.SetAuthURLParam(name, value)) }
	if !p.noNonce {
		set("nonce", r.Nonce)
	}
	if p.formPost {
		set("response_mode", "form_post")
	}
	for name, value := range p.extra {
		set(name, value)
	}
	return p.oauth2(m, "", r.RedirectURI).AuthCodeURL(r.State, options...), nil
}

// CheckLogin implements sallyport.IdentityProvider.
func (p *party) CheckLogin() error {
	if p.tokensOnly == "" {
		return nil
	}
	return fmt.Errorf("%w: a login needs %s", sallyport.ErrProviderNotConfigured, p.tokensOnly)
}

// noLogin is for a provider of which only tokens can be exchanged for the moment.
func (p *party) noLogin() error {
	return fmt.Errorf("%w: the discovery document of %q has no authorization_endpoint or no token_endpoint", sallyport.ErrProviderUnavailable, p.name)
}

func (p *party) oauth2(m *metadata, secret, redirectURI string) *oauth2.Config {
	style := p.client.authStyle
	switch {
	case p.client.secret == nil:
		style = oauth2.AuthStyleInParams // of a public client: its name, in the body (RFC 6749 §4.1.3)
	case style != oauth2.AuthStyleAutoDetect:
	case m.authMethods != nil && !slices.Contains(m.authMethods, "client_secret_basic") && slices.Contains(m.authMethods, "client_secret_post"):
		style = oauth2.AuthStyleInParams
	default: // RFC 8414 §2: client_secret_basic is what a provider that says nothing has
		style = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{
		ClientID: p.client.id, ClientSecret: secret, RedirectURL: redirectURI, Scopes: p.scopes,
		Endpoint: oauth2.Endpoint{AuthURL: m.authorization, TokenURL: m.token, AuthStyle: style},
	}
}

// CheckResponseIssuer implements sallyport.IdentityProvider. RFC 9207 §2.4: compared as strings, and required of a
// provider that announces it.
func (p *party) CheckResponseIssuer(ctx context.Context, issuer *string) error {
	if issuer != nil {
		if !slices.Contains(p.responseIssuers, *issuer) {
			return fmt.Errorf("%w: iss is not that of %q", sallyport.ErrIssuerMismatch, p.name)
		}
		return nil
	}
	m, err := p.known(ctx)
	if err == nil && m.sendsIss {
		return fmt.Errorf("%w: %q announces iss and sent none", sallyport.ErrIssuerMismatch, p.name)
	}
	return err
}

// tokenLimit bounds what the token endpoint may take.
const tokenLimit = 10 * time.Second

// redeem exchanges a code at the token endpoint. Everything that goes wrong there, slowness included, is the provider's
// fault.
func (p *party) redeem(ctx context.Context, g sallyport.CodeGrant) (*oauth2.Token, error) {
	m, err := p.known(ctx)
	if err != nil {
		return nil, err
	}
	if m.token == "" {
		return nil, p.noLogin()
	}
	secret := ""
	if p.client.secret != nil {
		if secret, err = p.client.secret(); err != nil {
			return nil, fmt.Errorf("idp: client secret of %q: %w", p.name, err)
		}
	}
	limited, cancel := context.WithTimeout(ctx, tokenLimit)
	defer cancel()
	limited = context.WithValue(limited, oauth2.HTTPClient, p.direct())
	token, err := p.oauth2(m, secret, g.RedirectURI).Exchange(limited, g.Code, oauth2.VerifierOption(g.Verifier))
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) { // the browser has left
			return nil, ctx.Err()
		}
		return nil, faulty("token endpoint: %s", whatFailed(err))
	}
	return token, nil
}

// direct follows no redirect at all: a code and a secret are sent to the one place that was announced.
func (p *party) direct() *http.Client {
	c := *p.http
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// faulty is a fault of the provider; the text is for the log.
func faulty(format string, args ...any) error {
	return fmt.Errorf("%w: %s", sallyport.ErrProviderFault, fmt.Sprintf(format, args...))
}

// whatFailed says what went wrong at the token endpoint without its answer, which may hold anything.
func whatFailed(err error) string {
	if answered, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		status := 0
		if answered.Response != nil {
			status = answered.Response.StatusCode
		}
		return fmt.Sprintf("status %d, error %s", status, cmp.Or(errorCode(answered.ErrorCode), "-"))
	}
	if failed, ok := errors.AsType[*url.Error](err); ok { // its text has the address, which may hold a query
		return failed.Err.Error()
	}
	return "its answer is not that of a token endpoint"
}

// errorCode is fit for a log line.
func errorCode(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '?'
	}, text[:min(len(text), 64)])
}

// LogoutURL implements sallyport.IdentityProvider.
func (p *party) LogoutURL(ctx context.Context) (string, error) {
	m, err := p.known(ctx)
	if err != nil || m.endSession == "" || p.logout == nil {
		return "", err
	}
	return p.logout(m.endSession), nil
}

// rpLogout is OpenID Connect RP-Initiated Logout 1.0 §2. No ID token is kept that could be the hint, so the client is
// named instead.
func rpLogout(clientID, returnTo string) func(string) string {
	return func(endpoint string) string {
		parameters := map[string]string{"client_id": clientID}
		if returnTo != "" {
			parameters["post_logout_redirect_uri"] = returnTo
		}
		return withQuery(endpoint, parameters)
	}
}

func withQuery(address string, parameters map[string]string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "" // it has been parsed before
	}
	query := u.Query()
	for name, value := range parameters {
		query.Set(name, value)
	}
	u.RawQuery = query.Encode()
	return u.String()
}
