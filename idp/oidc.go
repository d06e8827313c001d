package idp

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// OIDC is the settings of an OpenID provider that publishes a discovery document.
type OIDC struct {
	Name         string // of the provider in addresses, logs and listings: letters, digits, - and _; required
	Issuer       string // exactly as in the provider's tokens, compared byte by byte; required
	ClientID     string // required
	ClientSecret string // "" for a public client
	// Audiences are further client ids of the same provider whose tokens are accepted: those of the
	// mobile apps, say. An audience outside ClientID and Audiences refuses the token.
	Audiences []string
	Scopes    []string // that a login asks for; default openid, profile, email
	// JWKSURI, AuthorizationEndpoint and TokenEndpoint replace what the discovery document says.
	JWKSURI, AuthorizationEndpoint, TokenEndpoint string
	LogoutReturnTo                                string // where the provider's logout leads; it must be registered there

	Linking      sallyport.Linking // of an unknown identity to a user with its address; default sallyport.LinkDeny
	Sync         *bool             // names and address follow the provider at each sign-in; default true
	RequireNonce bool              // refuse an exchange that names no nonce
	MaxTokenAge  time.Duration     // an ID token issued longer ago is refused; default 10 minutes

	CreateUsers          *bool // whether an unknown identity becomes a user; default true
	RequireVerifiedEmail *bool // whether an address said to be unverified keeps a user from being made; default true

	Client *http.Client // default: verify.HTTPClient, with its limits
}

// Open checks the settings; all faults come joined.
func (o OIDC) Open(opts sallyport.ProviderOptions) (sallyport.IdentityProvider, error) {
	c := common{
		kind: "OIDC", Name: o.Name, ClientID: o.ClientID, ClientSecret: o.ClientSecret, Audiences: o.Audiences, Scopes: o.Scopes,
		Linking: o.Linking, Sync: o.Sync, RequireNonce: o.RequireNonce, MaxTokenAge: o.MaxTokenAge, CreateUsers: o.CreateUsers, RequireVerifiedEmail: o.RequireVerifiedEmail,
		JWKSURI: o.JWKSURI, AuthorizationEndpoint: o.AuthorizationEndpoint, TokenEndpoint: o.TokenEndpoint, LogoutReturnTo: o.LogoutReturnTo, Client: o.Client,
		standardScopes: openID, requiresVerifiedEmail: true,
	}
	if err := c.check(checkIssuer(o.Issuer)); err != nil {
		return nil, err
	}
	rp := newRelyingParty(c.party(opts, o.Issuer), &c, opts, ways{})
	rp.algorithms = []jws.Algorithm{jws.RS256, jws.ES256, jws.EdDSA}
	rp.issue(newDiscovery(o.Issuer, c.given(), rp.http, opts.Now), opts, o.Issuer, o.Issuer)
	return rp, nil
}

// standardMaxAge is the default of MaxTokenAge.
const standardMaxAge = 10 * time.Minute

func orDefault(b *bool, standard bool) bool {
	if b == nil {
		return standard
	}
	return *b
}

// fault is an error about one field of a provider's configuration.
func fault(field, format string, args ...any) error {
	return &sallyport.ConfigError{Package: "idp", Field: field, Problem: fmt.Sprintf(format, args...)}
}

func required(field, value string) error {
	if value == "" {
		return fault(field, "it is missing")
	}
	return nil
}

func checkAudiences(audiences []string) error {
	if slices.Contains(audiences, "") {
		return fault("Audiences", "it holds an empty name")
	}
	return nil
}

func checkMaxAge(age time.Duration) error {
	if age < 0 || age > maxMaxAge {
		return fault("MaxTokenAge", "it is %v, want at most %v", age, maxMaxAge)
	}
	return nil
}

// checkIssuer is checkURL for an issuer, in whose place people write the address of its document.
func checkIssuer(text string) error {
	if strings.Contains(text, "/.well-known/") {
		return fault("Issuer", "it is the address of a document; write the issuer that stands in it")
	}
	return checkURL("Issuer", text)
}

// checkEndpoint is checkURL for an address that may have a query (RFC 6749 §3.1).
func checkEndpoint(field, text string) error {
	before, _, _ := strings.Cut(text, "?")
	return checkURL(field, before)
}

// checkURL does not show a URL that may hold a password. It demands https, or http on a loopback host: keys that travel in clear can be replaced.
func checkURL(field, text string) error {
	if text == "" {
		return required(field, text)
	}
	u, err := url.Parse(text)
	switch {
	case err == nil && u.User != nil:
		return fault(field, "it holds a user")
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return fault(field, "it is not an absolute URL without user, query and fragment")
	case u.Scheme == "https", u.Scheme == "http" && sallyport.IsLoopback(u.Hostname()):
		return nil
	}
	return fault(field, "%q: want https, or http on a loopback host", text)
}

func host(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
