package idptest

import "net/url"

// ordinary is what a personality does that has nothing odd about it in that respect.
type ordinary struct{}

func (ordinary) oauthOnly() bool                          { return false }
func (ordinary) usualScope() string                       { return "openid email profile" }
func (ordinary) responseModes() []string                  { return []string{"query", "form_post"} }
func (ordinary) needsFormPost(string) bool                { return false }
func (ordinary) locate(_ *Provider, path string) string   { return path }
func (ordinary) admits(*Provider, string, User) bool      { return true }
func (ordinary) door(p *Provider, _ User) string          { return p.Path(Authorize) }
func (ordinary) issuerOf(p *Provider, _ User) string      { return p.issuer }
func (ordinary) subject(u User) string                    { return u.Subject }
func (ordinary) sendsAtHash() bool                        { return true }
func (ordinary) alwaysIDToken() bool                      { return false }
func (ordinary) introduce(User, string, bool, url.Values) {}
func (ordinary) more(*Provider) map[string]route          { return nil }
func (ordinary) clientSecret(p *Provider) string          { return p.cfg.ClientSecret }

func (ordinary) secretFault(p *Provider, secret string) string {
	if secret != p.cfg.ClientSecret {
		return "unknown client, or not authenticated as registered"
	}
	return ""
}

// persona is the personality that the Config names.
func (c Config) persona() personality {
	switch c.Personality {
	case Cognito:
		return cognito{pool: c.Pool}
	case Google:
		return google{bare: c.BareIssuer}
	case Entra:
		return entra{clientID: c.ClientID, tenants: c.Tenants}
	case Apple:
		return apple{}
	case GitHub:
		return github{}
	case Thin:
		return thin{}
	case Lookalike:
		return lookalike{}
	}
	return plain{}
}
