package idp

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// Cognito is the settings of an Amazon Cognito user pool and one of its app clients.
//
// AWS writes the issuer of a pool in one of two forms, chosen per pool
// (https://cognito-idp.REGION.amazonaws.com/POOL and https://issuer-cognito-idp.REGION.amazonaws.com/POOL,
// Cognito API reference, IssuerConfigurationType). Both are accepted, and an identity is stored under
// the first, so that a switch makes nobody a second user.
type Cognito struct {
	Name         string // default "cognito"
	Region       string // "eu-central-1"; required unless Issuer is set
	UserPool     string // "eu-central-1_AbCdEfGhI"; required unless Issuer is set
	ClientID     string // of the app client; required
	ClientSecret string // of the app client; "" when it has none
	// Domain is that of the pool's own pages, where a login begins: the prefix that AWS completes, "myapp", or a whole host,
	// "login.example.com". Without it tokens can be exchanged, and nothing else.
	Domain string
	// Issuer replaces both forms, for an emulator.
	Issuer string
	// Audiences are further app clients of the pool.
	Audiences []string
	Scopes    []string // that a login asks for; default openid, profile, email
	// AuthorizationEndpoint and TokenEndpoint replace what follows from Domain.
	AuthorizationEndpoint, TokenEndpoint string
	// LogoutReturnTo is where the pool's logout leads, one of the app client's sign-out URLs. Without it the pool
	// cannot be asked.
	LogoutReturnTo string

	Linking      sallyport.Linking // of an unknown identity to a user with its address; default sallyport.LinkDeny
	Sync         *bool             // names and address follow the pool at each sign-in; default true
	RequireNonce bool              // refuse an exchange that names no nonce; Amplify's own sign-in has none
	MaxTokenAge  time.Duration     // an ID token issued longer ago is refused; default 10 minutes

	CreateUsers *bool // whether an unknown identity becomes a user; default true
	// RequireVerifiedEmail is false by default: users who come to the pool from another provider are
	// unverified there unless the pool maps email_verified.
	RequireVerifiedEmail *bool

	Client *http.Client // default: verify.HTTPClient, with its limits
}

var (
	cognitoRegion = regexp.MustCompile(`^[a-z]{2}(-[a-z0-9]+)+-[0-9]+$`)
	cognitoPool   = regexp.MustCompile(`^[a-z0-9-]+_[0-9A-Za-z]+$`)
	cognitoDomain = regexp.MustCompile(`^(https://)?[a-z0-9-]+(\.[a-z0-9-]+)*/?$`)
)

// Open checks the settings; all faults come joined.
func (c Cognito) Open(opts sallyport.ProviderOptions) (sallyport.IdentityProvider, error) {
	shared := common{
		kind: "Cognito", Name: cmp.Or(c.Name, "cognito"), ClientID: c.ClientID, ClientSecret: c.ClientSecret, Audiences: c.Audiences, Scopes: c.Scopes,
		Linking: c.Linking, Sync: c.Sync, RequireNonce: c.RequireNonce, MaxTokenAge: c.MaxTokenAge, CreateUsers: c.CreateUsers, RequireVerifiedEmail: c.RequireVerifiedEmail,
		AuthorizationEndpoint: c.AuthorizationEndpoint, TokenEndpoint: c.TokenEndpoint, LogoutReturnTo: c.LogoutReturnTo, Client: c.Client,
		standardScopes: openID, requiresVerifiedEmail: false,
	}
	if err := shared.check(c.faults()...); err != nil {
		return nil, err
	}
	rp := newRelyingParty(shared.party(opts, c.Issuer), &shared, opts, ways{claims: cognitoIDToken, email: cognitoEmail})
	rp.ways.accessClaims = rp.cognitoAccessToken
	rp.logout = c.logoutURL
	if c.Domain == "" && c.AuthorizationEndpoint == "" {
		rp.tokensOnly = "the domain of the user pool"
	}
	for _, name := range c.issuers() {
		// Never by discovery: a pool without a domain has none that can be trusted to be complete.
		addresses := c.addresses()
		addresses.jwksURI = name + "/.well-known/jwks.json"
		rp.addIssuer((*fixed)(addresses.override(shared.given())), opts, c.issuers()[0], name)
	}
	return rp, nil
}

// addresses are those of the pool's domain.
func (c Cognito) addresses() *metadata {
	base := c.domainURL()
	if base == "" {
		return &metadata{}
	}
	return &metadata{
		authorization: base + "/oauth2/authorize", token: base + "/oauth2/token", userinfo: base + "/oauth2/userInfo", endSession: base + "/logout",
	}
}

func (c Cognito) domainURL() string {
	domain := strings.TrimSuffix(strings.TrimPrefix(c.Domain, "https://"), "/")
	switch {
	case domain == "":
		return ""
	case !strings.Contains(domain, "."):
		domain += ".auth." + c.Region + ".amazoncognito.com"
	}
	return "https://" + domain
}

// logoutURL has names of its own (Cognito, LOGOUT endpoint), and needs both parameters.
func (c Cognito) logoutURL(endpoint string) string {
	if c.LogoutReturnTo == "" {
		return ""
	}
	return withQuery(endpoint, map[string]string{"client_id": c.ClientID, "logout_uri": c.LogoutReturnTo})
}

// cognitoIDToken: the pool's access tokens have everything that its ID tokens have but an audience.
func cognitoIDToken(claims map[string]any) error {
	if claims["token_use"] != "id" {
		return refused("token_use is not id")
	}
	return nil
}

func (rp *relyingParty) cognitoAccessToken(claims map[string]any) error {
	client, _ := claims["client_id"].(string)
	switch {
	case claims["token_use"] != "access":
		return refused("the access token's token_use is not access")
	case !slices.Contains(rp.audiences, client):
		return refused("the access token is another client's")
	}
	return nil
}

func (c Cognito) issuers() []string {
	if c.Issuer != "" {
		return []string{c.Issuer}
	}
	rest := c.Region + ".amazonaws.com/" + c.UserPool
	return []string{"https://cognito-idp." + rest, "https://issuer-cognito-idp." + rest}
}

func (c Cognito) faults() []error {
	var faults []error
	switch {
	case c.Domain == "":
	case !cognitoDomain.MatchString(c.Domain):
		faults = append(faults, fault("Domain", "%q is neither a prefix such as myapp nor a host such as login.example.com", c.Domain))
	case !strings.Contains(c.Domain, ".") && !cognitoRegion.MatchString(c.Region):
		faults = append(faults, fault("Domain", "%q is a prefix, which needs Region; or write the whole host", c.Domain))
	}
	if c.Issuer != "" {
		return append(faults, checkURL("Issuer", c.Issuer))
	}
	if !cognitoRegion.MatchString(c.Region) {
		faults = append(faults, fault("Region", "%q is no AWS region such as eu-central-1", c.Region))
	}
	if !cognitoPool.MatchString(c.UserPool) {
		faults = append(faults, fault("UserPool", "%q is no user pool id such as eu-central-1_AbCdEfGhI", c.UserPool))
	}
	if cognitoRegion.MatchString(c.Region) && cognitoPool.MatchString(c.UserPool) && !strings.HasPrefix(c.UserPool, c.Region+"_") {
		faults = append(faults, fault("Region", "%q is not the region of user pool %q", c.Region, c.UserPool))
	}
	return faults
}
