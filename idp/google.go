package idp

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// googleIssuer is how Google writes its issuer, and how an identity is stored. Tokens may also have it without the
// scheme (Google Identity, OpenID Connect).
const googleIssuer = "https://accounts.google.com"

// Google is the settings of a project at Google.
//
// Google is believed about the owner of an address of gmail.com or of a Workspace; any other address that it calls
// verified never links.
type Google struct {
	Name         string // default "google"
	ClientID     string // of the web application; required
	ClientSecret string // of the web application; a login needs it
	// Audiences are the client ids of the Android and iOS apps of the project, whose tokens are accepted too.
	Audiences []string
	Scopes    []string // that a login asks for; default openid, profile, email
	// HostedDomain is the Google Workspace whose users are accepted; "" for everybody with an account at Google.
	HostedDomain string
	// Issuer replaces both spellings, for an emulator.
	Issuer string

	Linking      sallyport.Linking // of an unknown identity to a user with its address; default sallyport.LinkDeny
	Sync         *bool             // names and address follow the provider at each sign-in; default true
	RequireNonce bool              // refuse an exchange that names no nonce
	MaxTokenAge  time.Duration     // an ID token issued longer ago is refused; default 10 minutes

	CreateUsers          *bool // whether an unknown identity becomes a user; default true
	RequireVerifiedEmail *bool // whether an address said to be unverified keeps a user from being made; default true

	Client *http.Client // default: verify.HTTPClient, with its limits
}

// Open checks the settings; all faults come joined.
func (g Google) Open(opts sallyport.ProviderOptions) (sallyport.IdentityProvider, error) {
	c := common{
		kind: "Google", Name: cmp.Or(g.Name, "google"), ClientID: g.ClientID, ClientSecret: g.ClientSecret, Audiences: g.Audiences, Scopes: g.Scopes,
		Linking: g.Linking, Sync: g.Sync, RequireNonce: g.RequireNonce, MaxTokenAge: g.MaxTokenAge, CreateUsers: g.CreateUsers, RequireVerifiedEmail: g.RequireVerifiedEmail,
		Client: g.Client, requiresVerifiedEmail: true,
		standardScopes: openID,
	}
	issuer := cmp.Or(g.Issuer, googleIssuer)
	if err := c.check(checkIssuer(issuer)); err != nil {
		return nil, err
	}
	rp := newRelyingParty(c.party(opts, issuer), &c, opts, ways{email: googleEmail})
	if g.ClientSecret == "" {
		rp.tokensOnly = "the client secret"
	}
	if g.HostedDomain != "" {
		rp.extra = map[string]string{"hd": g.HostedDomain} // for the page; the claim decides
		rp.ways.claims = g.ofDomain
	}
	_, bare, _ := strings.Cut(issuer, "://")
	rp.addIssuer(newDiscovery(issuer, metadata{}, rp.http, opts.Now), opts, issuer, issuer, bare)
	return rp, nil
}

// ofDomain compares the claim, which Google sets for members of a Workspace alone, and not the domain of the address.
func (g Google) ofDomain(claims map[string]any) error {
	if domain, _ := claims["hd"].(string); !strings.EqualFold(domain, g.HostedDomain) {
		return refused("hd is not the domain of the settings")
	}
	return nil
}
