package idp

import (
	"cmp"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
)

const (
	// entraIssuer is how Microsoft Entra writes the issuer of a tenant in its documents, for tokens of version 2.0.
	entraIssuer = "https://login.microsoftonline.com/" + tenantID + "/v2.0"
	tenantID    = "{tenantid}"
	// personalTenant is that of all personal Microsoft accounts.
	personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

// Entra is the settings of an app registration at Microsoft Entra.
//
// An administrator of any tenant can give its users any address, so no address is believed here: it is shown, is never
// verified, and never links.
type Entra struct {
	Name         string // default "entra"
	ClientID     string // the application (client) id; required
	ClientSecret string // the value of a client secret; "" for a public client
	// Tenants are the ids (GUIDs) of the directories whose users are accepted; required. Personal accounts have one of
	// their own: 9188040d-6c67-4c5b-b112-36a304b66dad.
	Tenants []string
	// Audiences are further application ids whose tokens are accepted.
	Audiences []string
	Scopes    []string // that a login asks for; default openid, profile, email
	// Issuer is that of a tenant, with {tenantid} in its place; another one is for a national cloud or an emulator. Default:
	// https://login.microsoftonline.com/{tenantid}/v2.0.
	Issuer         string
	LogoutReturnTo string // where the provider's logout leads; it must be a redirect URI of the registration

	Linking      sallyport.Linking // has no effect: no address is proved here, so none links
	Sync         *bool             // names and address follow the provider at each sign-in; default true
	RequireNonce bool              // refuse an exchange that names no nonce
	MaxTokenAge  time.Duration     // an ID token issued longer ago is refused; default 10 minutes

	CreateUsers          *bool // whether an unknown identity becomes a user; default true
	RequireVerifiedEmail *bool // whether an address said to be unverified keeps a user from being made; default true. Entra says neither

	Client *http.Client // default: verify.HTTPClient, with its limits
}

var tenantGUID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Open checks the settings; all faults come joined.
func (e Entra) Open(opts sallyport.ProviderOptions) (sallyport.IdentityProvider, error) {
	c := common{
		kind: "Entra", Name: cmp.Or(e.Name, "entra"), ClientID: e.ClientID, ClientSecret: e.ClientSecret, LogoutReturnTo: e.LogoutReturnTo, Audiences: e.Audiences, Scopes: e.Scopes,
		Linking: e.Linking, Sync: e.Sync, RequireNonce: e.RequireNonce, MaxTokenAge: e.MaxTokenAge, CreateUsers: e.CreateUsers, RequireVerifiedEmail: e.RequireVerifiedEmail,
		Client: e.Client, requiresVerifiedEmail: true,
		standardScopes: openID,
	}
	e.Issuer = cmp.Or(e.Issuer, entraIssuer)
	if err := c.check(e.faults()...); err != nil {
		return nil, err
	}
	rp := newRelyingParty(c.party(opts, e.issuerOf(e.Tenants[0])), &c, opts, ways{email: entraEmail})
	var sources []source
	for _, tenant := range e.Tenants {
		from := newDiscovery(e.issuerOf(tenant), metadata{}, rp.http, opts.Now)
		rp.addIssuer(from, opts, e.issuerOf(tenant), e.issuerOf(tenant))
		sources = append(sources, from)
	}
	if len(sources) > 1 {
		rp.source = anyTenant{sources[0], e.Tenants}
	}
	rp.ways.claims = e.ofTenant
	return rp, nil
}

func (e Entra) faults() []error {
	faults := []error{checkURL("Issuer", e.issuerOf(personalTenant))}
	if len(e.Tenants) == 0 {
		faults = append(faults, fault("Tenants", "it is empty; name the directories whose users may sign in, for anybody can have one"))
	}
	for _, tenant := range e.Tenants {
		if !tenantGUID.MatchString(tenant) {
			faults = append(faults, fault("Tenants", "%q is not the id of one tenant, such as aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee in lower case; the overview page of the registration has it", tenant))
		}
	}
	if len(e.Tenants) > 1 && !strings.Contains(e.Issuer, tenantID) {
		faults = append(faults, fault("Issuer", "it must hold %s, because there are several tenants", tenantID))
	}
	return faults
}

func (e Entra) issuerOf(tenant string) string { return strings.ReplaceAll(e.Issuer, tenantID, tenant) }

// ofTenant: the issuer names the tenant, and so must the claim.
func (e Entra) ofTenant(claims map[string]any) error {
	tenant, _ := claims["tid"].(string)
	if !slices.Contains(e.Tenants, tenant) || claims["iss"] != e.issuerOf(tenant) {
		return refused("tid is not a tenant of the settings, or not that of iss")
	}
	return nil
}

// anyTenant sends a browser to where users of several tenants sign in: the addresses of one with another word in its place.
type anyTenant struct {
	source
	tenants []string
}

func (a anyTenant) metadata(ctx context.Context) (*metadata, error) {
	m, err := a.source.metadata(ctx)
	if err != nil {
		return nil, err
	}
	group := "organizations"
	if slices.Contains(a.tenants, personalTenant) {
		group = "common"
	}
	of := *m
	for _, address := range []*string{&of.authorization, &of.token, &of.endSession} {
		*address = strings.ReplaceAll(*address, a.tenants[0], group)
	}
	return &of, nil
}
