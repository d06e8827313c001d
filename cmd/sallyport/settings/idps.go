package settings

import (
	"log/slog"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
)

// IDP is the settings of one identity provider.
type IDP struct {
	Name         string
	Provider     string // cognito, oidc
	ClientID     string
	Linking      string // deny
	Audiences    []string
	Issuer       string
	Region       string // cognito
	UserPool     string // cognito
	JWKSURI      string // oidc
	RequireNonce bool
	MaxTokenAge  time.Duration

	CreateUsers          *bool // nil: the provider's default
	RequireVerifiedEmail *bool // nil: the provider's default
}

// The providers that this version knows.
const (
	ProviderCognito = "cognito"
	ProviderOIDC    = "oidc"
)

// laterProviders are the providers that get a name of their own later. All but GitHub speak OpenID
// Connect, so oidc takes their ID tokens today.
var laterProviders = map[string]string{
	"google": "write oidc with issuer https://accounts.google.com",
	"entra":  "write oidc with issuer https://login.microsoftonline.com/TENANT/v2.0, where TENANT is the id of the tenant",
	"apple":  "write oidc with issuer https://appleid.apple.com",
	"github": "remove the provider, because it gives no ID tokens that could be exchanged",
}

// loginFlow is why a member of idps is not there yet.
const loginFlow = "the login flow is"

// idpTable is every member of one idps entry.
var idpTable = []setting[IDP]{
	{rule{key: "name", about: "name of the provider in logs and listings"},
		func(p *IDP) any { return &p.Name }},
	{rule{key: "provider", words: []string{ProviderCognito, ProviderOIDC}, laterWords: laterProviders,
		about: "kind of the provider"},
		func(p *IDP) any { return &p.Provider }},
	{rule{key: "client_id", example: "my-client",
		about: "client at the provider whose tokens are accepted"},
		func(p *IDP) any { return &p.ClientID }},
	{rule{key: "client_secret", secret: true, later: loginFlow, about: "secret of that client"},
		unused[IDP, string]},
	{rule{key: "region", provider: ProviderCognito, example: "eu-central-1",
		about: "AWS region of the user pool"},
		func(p *IDP) any { return &p.Region }},
	{rule{key: "user_pool", provider: ProviderCognito, example: "eu-central-1_AbCdEfGhI",
		about: "id of the user pool"},
		func(p *IDP) any { return &p.UserPool }},
	{rule{key: "domain", later: loginFlow, about: "domain of the user pool's own pages"},
		unused[IDP, string]},
	{rule{key: "issuer", example: "https://login.example.com",
		about: "issuer of the provider's tokens, compared byte by byte"},
		func(p *IDP) any { return &p.Issuer }},
	{rule{key: "audiences",
		about: "further clients whose tokens are accepted"},
		func(p *IDP) any { return &p.Audiences }},
	{rule{key: "scopes", later: loginFlow, about: "scopes that a login asks for"},
		unused[IDP, []string]},
	{rule{key: "linking", standard: "deny", words: []string{"deny"}, laterWords: map[string]string{"verified_email": "write deny"},
		about: "what becomes of an identity whose e-mail address a user has"},
		func(p *IDP) any { return &p.Linking }},
	{rule{key: "create_users", ofProvider: map[string]bool{ProviderCognito: true, ProviderOIDC: true},
		about: "whether an unknown identity becomes a user"},
		func(p *IDP) any { return &p.CreateUsers }},
	{rule{key: "require_verified_email", ofProvider: map[string]bool{ProviderCognito: false, ProviderOIDC: true},
		about: "refuse to make a user whose address the provider calls unverified"},
		func(p *IDP) any { return &p.RequireVerifiedEmail }},
	{rule{key: "require_nonce", standard: "false",
		about: "refuse an exchange without a nonce"},
		func(p *IDP) any { return &p.RequireNonce }},
	{rule{key: "max_token_age", standard: "10m", least: "1s", most: "24h",
		about: "oldest ID token that is accepted"},
		func(p *IDP) any { return &p.MaxTokenAge }},
	{rule{key: "hosted_domain", later: "provider google is",
		about: "Google Workspace whose users are accepted"},
		unused[IDP, string]},
	{rule{key: "tenants", later: "provider entra is",
		about: "Entra tenants whose users are accepted"},
		unused[IDP, []string]},
	{rule{key: "team_id", later: "provider apple is", about: "Apple team"},
		unused[IDP, string]},
	{rule{key: "key_id", later: "provider apple is", about: "key of the Apple team"},
		unused[IDP, string]},
	{rule{key: "private_key", secret: true, later: "provider apple is",
		about: "private half of that key"},
		unused[IDP, string]},
	{rule{key: "authorization_endpoint", later: loginFlow, about: "where a login begins"},
		unused[IDP, string]},
	{rule{key: "token_endpoint", later: loginFlow, about: "where a code is exchanged"},
		unused[IDP, string]},
	{rule{key: "jwks_uri", provider: ProviderOIDC, example: "https://login.example.com/keys",
		about: "where the keys are; remove it to find them by the discovery document of issuer"},
		func(p *IDP) any { return &p.JWKSURI }},
	{rule{key: "logout_return_to", later: loginFlow, about: "where the provider's logoff returns to"},
		unused[IDP, string]},
	{rule{key: "sync", later: "taking over changes from the provider is", now: "false",
		about: "take over name and address at every exchange"},
		unused[IDP, bool]},
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
	case p.Provider == ProviderCognito && p.Issuer == "": // which replaces both, for an emulator
		needed["region"], needed["user_pool"] = p.Region, p.UserPool
	}
	before := len(l.faults)
	for _, row := range idpTable {
		name := path + "." + row.key
		if value, isNeeded := needed[row.key]; isNeeded && value == "" && l.sound(name) {
			l.fault(at, name, "it is missing")
		}
		if here, ok := given[row.key]; ok && row.provider != "" && p.Provider != "" && p.Provider != row.provider {
			l.fault(here, name, "only provider "+row.provider+" has it; remove it")
		}
	}
	if len(l.faults) == before && l.soundBelow(path) {
		l.openIDP(p, at, path)
	}
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
	if p.Provider == ProviderCognito {
		return idp.Cognito{
			Name: p.Name, Region: p.Region, UserPool: p.UserPool, ClientID: p.ClientID, Issuer: p.Issuer, Audiences: p.Audiences,
			RequireNonce: p.RequireNonce, MaxTokenAge: p.MaxTokenAge, CreateUsers: p.CreateUsers, RequireVerifiedEmail: p.RequireVerifiedEmail,
		}
	}
	return idp.OIDC{
		Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID, Audiences: p.Audiences, JWKSURI: p.JWKSURI,
		RequireNonce: p.RequireNonce, MaxTokenAge: p.MaxTokenAge, CreateUsers: p.CreateUsers, RequireVerifiedEmail: p.RequireVerifiedEmail,
	}
}

// IDPMember is the member of an idps entry behind a field of package idp, "" when there is none.
func IDPMember(field string) string { return idpFields[field] }

// idpFields are the settings behind the fields of package idp, whose faults name the field.
var idpFields = map[string]string{
	"Name": "name", "Issuer": "issuer", "ClientID": "client_id", "Audiences": "audiences", "JWKSURI": "jwks_uri",
	"Region": "region", "UserPool": "user_pool", "MaxTokenAge": "max_token_age",
}

// openIDP lets package idp look for faults. Opening asks nobody.
func (l *loader) openIDP(p *IDP, at Place, path string) {
	opened, err := NewProvider(*p).Open(sallyport.ProviderOptions{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	for _, e := range sallyport.ConfigErrors(err) {
		key := path + "." + idpFields[e.Field]
		here, given := l.settings.places[key]
		if !given {
			here = at
		}
		l.fault(here, key, e.Problem)
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
