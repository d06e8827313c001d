package idp

import (
	"net/http"
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
	rp.addIssuer(newDiscovery(o.Issuer, c.given(), rp.http, opts.Now), opts, o.Issuer, o.Issuer)
	return rp, nil
}
