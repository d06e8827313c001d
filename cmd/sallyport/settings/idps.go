package settings

import (
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
)

// IDP is the settings of one identity provider. A member that its provider does not have is zero.
type IDP struct {
	Name         string
	Provider     string // one of the providers below
	ClientID     string
	ClientSecret string
	Linking      string // deny, verified_email
	Audiences    []string
	Scopes       []string
	Issuer       string
	RequireNonce bool
	MaxTokenAge  time.Duration

	Region, UserPool, Domain             string   // cognito
	HostedDomain                         string   // google
	Tenants                              []string // entra
	TeamID, KeyID, PrivateKey            string   // apple
	AuthorizationEndpoint, TokenEndpoint string   // cognito, oidc
	JWKSURI                              string   // oidc
	LogoutReturnTo                       string

	CreateUsers          *bool // nil: the provider's default
	RequireVerifiedEmail *bool // nil: the provider's default
	Sync                 *bool // nil: the provider's default
}

// The providers.
const (
	ProviderCognito = "cognito"
	ProviderGoogle  = "google"
	ProviderEntra   = "entra"
	ProviderApple   = "apple"
	ProviderGitHub  = "github"
	ProviderOIDC    = "oidc"
)

// allProviders are in the order of the documentation, the one that fits every other last.
var allProviders = []string{ProviderCognito, ProviderGoogle, ProviderEntra, ProviderApple, ProviderGitHub, ProviderOIDC}

// Groups of providers that share a member.
var (
	openIDProviders = []string{ProviderCognito, ProviderGoogle, ProviderEntra, ProviderApple, ProviderOIDC} // they give ID tokens
	withSecret      = []string{ProviderCognito, ProviderGoogle, ProviderEntra, ProviderGitHub, ProviderOIDC}
	withEndpoints   = []string{ProviderCognito, ProviderOIDC}
	withLogout      = []string{ProviderCognito, ProviderEntra, ProviderOIDC}
)

func everywhere(standard bool) map[string]bool {
	defaults := map[string]bool{}
	for _, name := range allProviders {
		defaults[name] = standard
	}
	return defaults
}

// verifiedEmail are the defaults of require_verified_email. Users who come to a pool of Cognito from another provider
// are not verified there.
var verifiedEmail = func() map[string]bool {
	defaults := everywhere(true)
	defaults[ProviderCognito] = false
	return defaults
}()

// idpTable is every member of one idps entry.
var idpTable = []setting[IDP]{
	{rule{key: "name", about: "name of the provider in addresses, logs and listings: letters, digits, - and _"},
		func(p *IDP) any { return &p.Name }},
	{rule{key: "provider", words: allProviders,
		about: "kind of the provider"},
		func(p *IDP) any { return &p.Provider }},
	{rule{key: "client_id", example: "my-client",
		about: "client at the provider whose tokens are accepted"},
		func(p *IDP) any { return &p.ClientID }},
	{rule{key: "client_secret", providers: withSecret, secret: true, example: "change-me",
		about: "secret of that client, for a login; remove it if the client has none"},
		func(p *IDP) any { return &p.ClientSecret }},
	{rule{key: "region", providers: []string{ProviderCognito}, example: "eu-central-1",
		about: "AWS region of the user pool"},
		func(p *IDP) any { return &p.Region }},
	{rule{key: "user_pool", providers: []string{ProviderCognito}, example: "eu-central-1_AbCdEfGhI",
		about: "id of the user pool"},
		func(p *IDP) any { return &p.UserPool }},
	{rule{key: "domain", providers: []string{ProviderCognito}, example: "myapp",
		about: "domain of the user pool's own pages, a prefix or a whole host; without it tokens can be exchanged only"},
		func(p *IDP) any { return &p.Domain }},
	{rule{key: "issuer", example: "https://login.example.com",
		about: "issuer of the provider's tokens, compared byte by byte"},
		func(p *IDP) any { return &p.Issuer }},
	{rule{key: "audiences", providers: openIDProviders,
		about: "further clients whose tokens are accepted"},
		func(p *IDP) any { return &p.Audiences }},
	{rule{key: "scopes",
		about: "scopes that a login asks for; by default what name and address need"},
		func(p *IDP) any { return &p.Scopes }},
	{rule{key: "hosted_domain", providers: []string{ProviderGoogle}, example: "example.com",
		about: "Google Workspace whose users are accepted; remove it for everybody"},
		func(p *IDP) any { return &p.HostedDomain }},
	{rule{key: "tenants", providers: []string{ProviderEntra}, example: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
		about: "ids of the tenants whose users are accepted"},
		func(p *IDP) any { return &p.Tenants }},
	{rule{key: "team_id", providers: []string{ProviderApple}, example: "ABCDE12345", about: "Apple team, for a login"},
		func(p *IDP) any { return &p.TeamID }},
	{rule{key: "key_id", providers: []string{ProviderApple}, example: "XYZ9876543", about: "key of that team"},
		func(p *IDP) any { return &p.KeyID }},
	{rule{key: "private_key", providers: []string{ProviderApple}, secret: true, lines: true,
		about: "private half of that key: the content of the .p8 file"},
		func(p *IDP) any { return &p.PrivateKey }},
	{rule{key: "linking", standard: string(sallyport.LinkDeny), words: []string{string(sallyport.LinkDeny), string(sallyport.LinkVerifiedEmail)},
		about: "what becomes of an unknown identity whose e-mail address a user has"},
		func(p *IDP) any { return &p.Linking }},
	{rule{key: "create_users", ofProvider: everywhere(true),
		about: "whether an unknown identity becomes a user"},
		func(p *IDP) any { return &p.CreateUsers }},
	{rule{key: "require_verified_email", ofProvider: verifiedEmail,
		about: "refuse to make a user whose address the provider calls unverified"},
		func(p *IDP) any { return &p.RequireVerifiedEmail }},
	{rule{key: "sync", ofProvider: everywhere(true),
		about: "name and address follow the provider at each sign-in"},
		func(p *IDP) any { return &p.Sync }},
	{rule{key: "require_nonce", standard: "false", providers: openIDProviders,
		about: "refuse an exchange without a nonce"},
		func(p *IDP) any { return &p.RequireNonce }},
	{rule{key: "max_token_age", standard: "10m", least: "1s", most: "24h", providers: openIDProviders,
		about: "oldest ID token that is accepted"},
		func(p *IDP) any { return &p.MaxTokenAge }},
	{rule{key: "authorization_endpoint", providers: withEndpoints, example: "https://login.example.com/authorize",
		about: "where a login begins; remove it to use what the provider says"},
		func(p *IDP) any { return &p.AuthorizationEndpoint }},
	{rule{key: "token_endpoint", providers: withEndpoints, example: "https://login.example.com/token",
		about: "where a code is exchanged; remove it to use what the provider says"},
		func(p *IDP) any { return &p.TokenEndpoint }},
	{rule{key: "jwks_uri", providers: []string{ProviderOIDC}, example: "https://login.example.com/keys",
		about: "where the keys are; remove it to find them by the discovery document of issuer"},
		func(p *IDP) any { return &p.JWKSURI }},
	{rule{key: "logout_return_to", providers: withLogout, example: "https://app.example.com/",
		about: "where the provider's logout returns to"},
		func(p *IDP) any { return &p.LogoutReturnTo }},
}

// idp reads one entry of idps and checks that it is complete.
func (l *loader) idp(into *IDP, n node, path string) {
	l.settings.places[path] = n.at
	if n.shape != mapping {
		if n.shape != refused {
			l.fault(n.at, path, "want a provider with name and provider")
		}
		return
	}
	for i := range idpTable {
		if row := &idpTable[i]; row.standard != "" {
			l.decode(row.rule, path+".", node{shape: word, text: row.standard}, row.field(into))
		}
	}
	given := map[string]Place{}
	walk(l, idpTable, n, path, "", func(row *setting[IDP], value node) {
		given[row.key] = value.at
		l.settings.places[path+"."+row.key] = value.at
		l.decode(row.rule, path+".", value, row.field(into))
	})
	l.checkIDP(into, n.at, path, given)
}

func (l *loader) checkIDP(p *IDP, at Place, path string, given map[string]Place) {
	needed := map[string]string{"name": p.Name, "provider": p.Provider, "client_id": p.ClientID}
	switch {
	case p.Provider == ProviderOIDC:
		needed["issuer"] = p.Issuer
	case p.Provider == ProviderGitHub:
		needed["client_secret"] = p.ClientSecret
	case p.Provider == ProviderEntra && len(p.Tenants) == 0:
		needed["tenants"] = ""
	case p.Provider == ProviderCognito && p.Issuer == "": // which replaces both, for an emulator
		needed["region"], needed["user_pool"] = p.Region, p.UserPool
	}
	before := len(l.faults)
	for _, row := range idpTable {
		name := path + "." + row.key
		if value, isNeeded := needed[row.key]; isNeeded && value == "" && l.sound(name) {
			l.fault(at, name, "it is missing")
		}
		if here, ok := given[row.key]; ok && p.Provider != "" && !row.isOf(p.Provider) {
			l.fault(here, name, "only "+among(row.providers)+" it; remove it")
		}
	}
	if len(l.faults) == before && l.soundBelow(path) {
		l.openIDP(p, at, path)
		l.warnOfPreset(p, path)
		if p.Provider == ProviderEntra && p.Linking == string(sallyport.LinkVerifiedEmail) {
			l.warn("%s.linking has no effect: Entra proves no address, so none links; a signed-in user can link", path)
		}
	}
}

// presetHosts are where the issuers of the presets are.
var presetHosts = []struct{ provider, host string }{
	{ProviderGoogle, "accounts.google.com"}, {ProviderApple, "appleid.apple.com"}, {ProviderGitHub, "github.com"},
	{ProviderEntra, "login.microsoftonline.com"}, {ProviderEntra, "login.microsoftonline.us"}, {ProviderEntra, "login.partner.microsoftonline.cn"}, {ProviderEntra, "sts.windows.net"},
	{ProviderCognito, ".amazonaws.com"},
}

// warnOfPreset is for an issuer that has a preset, whose checks oidc does not make: Entra's addresses, for instance,
// prove nothing.
func (l *loader) warnOfPreset(p *IDP, path string) {
	issuer, err := url.Parse(p.Issuer)
	if err != nil || p.Provider != ProviderOIDC {
		return
	}
	for _, preset := range presetHosts {
		if host := issuer.Hostname(); host == preset.host || preset.host[0] == '.' && strings.HasSuffix(host, preset.host) {
			l.warn("%s is at %s, and provider: %s knows what is special there; provider: oidc does not", path, host, preset.provider)
			return
		}
	}
}

// among says who has a member that not all providers have.
func among(providers []string) string {
	if len(providers) == 1 {
		return "provider " + providers[0] + " has"
	}
	return "the providers " + strings.Join(providers, ", ") + " have"
}

// soundBelow reports whether no member of what path names has a fault.
func (l *loader) soundBelow(path string) bool {
	for key := range l.broken {
		if strings.HasPrefix(key, path+".") {
			return false
		}
	}
	return true
}

// NewProvider is the provider that p describes.
func NewProvider(p IDP) sallyport.Provider {
	linking := sallyport.Linking(p.Linking)
	switch p.Provider {
	case ProviderCognito:
		return idp.Cognito{
			Name: p.Name, Region: p.Region, UserPool: p.UserPool, Domain: p.Domain, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret,
			Audiences: p.Audiences, Scopes: p.Scopes, AuthorizationEndpoint: p.AuthorizationEndpoint, TokenEndpoint: p.TokenEndpoint, LogoutReturnTo: p.LogoutReturnTo,
			Linking: linking, Sync: p.Sync, RequireNonce: p.RequireNonce, MaxTokenAge: p.MaxTokenAge, CreateUsers: p.CreateUsers, RequireVerifiedEmail: p.RequireVerifiedEmail,
		}
	case ProviderGoogle:
		return idp.Google{
			Name: p.Name, HostedDomain: p.HostedDomain, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, Audiences: p.Audiences, Scopes: p.Scopes,
			Linking: linking, Sync: p.Sync, RequireNonce: p.RequireNonce, MaxTokenAge: p.MaxTokenAge, CreateUsers: p.CreateUsers, RequireVerifiedEmail: p.RequireVerifiedEmail,
		}
	case ProviderEntra:
		return idp.Entra{
			Name: p.Name, Tenants: p.Tenants, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, Audiences: p.Audiences, Scopes: p.Scopes, LogoutReturnTo: p.LogoutReturnTo,
			Linking: linking, Sync: p.Sync, RequireNonce: p.RequireNonce, MaxTokenAge: p.MaxTokenAge, CreateUsers: p.CreateUsers, RequireVerifiedEmail: p.RequireVerifiedEmail,
		}
	case ProviderApple:
		return idp.Apple{
			Name: p.Name, TeamID: p.TeamID, KeyID: p.KeyID, PrivateKey: p.PrivateKey, Issuer: p.Issuer, ClientID: p.ClientID, Audiences: p.Audiences, Scopes: p.Scopes,
			Linking: linking, Sync: p.Sync, RequireNonce: p.RequireNonce, MaxTokenAge: p.MaxTokenAge, CreateUsers: p.CreateUsers, RequireVerifiedEmail: p.RequireVerifiedEmail,
		}
	case ProviderGitHub:
		return idp.GitHub{
			Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, Scopes: p.Scopes,
			Linking: linking, Sync: p.Sync, CreateUsers: p.CreateUsers, RequireVerifiedEmail: p.RequireVerifiedEmail,
		}
	}
	return idp.OIDC{
		Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, Audiences: p.Audiences, Scopes: p.Scopes,
		JWKSURI: p.JWKSURI, AuthorizationEndpoint: p.AuthorizationEndpoint, TokenEndpoint: p.TokenEndpoint, LogoutReturnTo: p.LogoutReturnTo,
		Linking: linking, Sync: p.Sync, RequireNonce: p.RequireNonce, MaxTokenAge: p.MaxTokenAge, CreateUsers: p.CreateUsers, RequireVerifiedEmail: p.RequireVerifiedEmail,
	}
}

// IDPMember is the member of an idps entry behind a field of package idp, "" when there is none.
func IDPMember(field string) string { return idpFields[field] }

// idpFields are the settings behind the fields of package idp, whose faults name the field.
var idpFields = map[string]string{
	"Name": "name", "Issuer": "issuer", "ClientID": "client_id", "ClientSecret": "client_secret", "Audiences": "audiences", "Scopes": "scopes", "JWKSURI": "jwks_uri",
	"Region": "region", "UserPool": "user_pool", "Domain": "domain", "MaxTokenAge": "max_token_age", "Linking": "linking", "Tenants": "tenants",
	"TeamID": "team_id", "KeyID": "key_id", "PrivateKey": "private_key", "AuthorizationEndpoint": "authorization_endpoint", "TokenEndpoint": "token_endpoint",
	"LogoutReturnTo": "logout_return_to",
}

// otherFields puts the settings' names for the fields that a fault names beside its own.
var otherFields = strings.NewReplacer("it and AuthorizationEndpoint", "it and authorization_endpoint", "needs Region", "needs region")

// openIDP lets package idp look for faults. Opening asks nobody.
func (l *loader) openIDP(p *IDP, at Place, path string) {
	opened, err := NewProvider(*p).Open(sallyport.ProviderOptions{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	for _, e := range sallyport.ConfigErrors(err) {
		key := path + "." + idpFields[e.Field]
		here, given := l.settings.places[key]
		if !given {
			here = at
		}
		l.fault(here, key, otherFields.Replace(e.Problem))
	}
	if err == nil {
		l.issuers[path] = opened.Issuers()
		_ = opened.Close() // there is nothing to wait for
	}
}

// checkIDPs is about providers that do not go together.
func (l *loader) checkIDPs(providers []IDP, key string) {
	names, issuers := map[string]bool{}, map[string]bool{}
	for i, p := range providers {
		path := problemf("%s[%d]", key, i)
		if names[p.Name] && p.Name != "" {
			l.fault(l.settings.places[path+".name"], path+".name", "another provider has the name "+show(p.Name)+" already")
		}
		names[p.Name] = true
		for _, issuer := range l.issuers[path] {
			if issuers[issuer] {
				l.fault(l.settings.places[path], path, "another provider has its issuer already; name further clients in the audiences of that one")
				break
			}
			issuers[issuer] = true
		}
	}
}
