package idp

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

const githubIssuer = "https://github.com"

// GitHub is the settings of an OAuth app at GitHub, which speaks OAuth 2.0 and not OpenID Connect: there is no ID
// token, so users can sign in by a login alone, and nothing can be exchanged. A user is the numeric id; the name of an
// account may be somebody else's tomorrow.
type GitHub struct {
	Name         string   // default "github"
	ClientID     string   // required
	ClientSecret string   // required
	Scopes       []string // that a login asks for; default read:user, user:email
	// Issuer is where GitHub is, for an Enterprise Server: "https://github.example.com". Default: https://github.com.
	Issuer string

	Linking     sallyport.Linking // of an unknown identity to a user with its address; default sallyport.LinkDeny
	Sync        *bool             // name and address follow the provider at each sign-in; default true
	CreateUsers *bool             // whether an unknown identity becomes a user; default true
	// RequireVerifiedEmail keeps a user from being made whose primary address is not verified; default true.
	RequireVerifiedEmail *bool

	Client *http.Client // default: verify.HTTPClient, with its limits
}

// Open checks the settings; all faults come joined.
func (g GitHub) Open(opts sallyport.ProviderOptions) (sallyport.IdentityProvider, error) {
	c := common{
		kind: "GitHub", Name: cmp.Or(g.Name, "github"), ClientID: g.ClientID, ClientSecret: g.ClientSecret, Scopes: g.Scopes,
		Linking: g.Linking, Sync: g.Sync, CreateUsers: g.CreateUsers, RequireVerifiedEmail: g.RequireVerifiedEmail, Client: g.Client,
		standardScopes: []string{"read:user", "user:email"}, requiresVerifiedEmail: true,
	}
	issuer := cmp.Or(g.Issuer, githubIssuer)
	if err := c.check(checkIssuer(issuer), required("ClientSecret", g.ClientSecret)); err != nil {
		return nil, err
	}
	h := &github{party: c.party(opts, issuer), issuer: issuer, api: issuer + "/api/v3"}
	if issuer == githubIssuer {
		h.api = "https://api.github.com"
	}
	h.noNonce = true
	h.client.authStyle = oauth2.AuthStyleInParams
	h.logout = nil
	h.responseIssuers = []string{issuer, issuer + "/login/oauth"} // GitHub's own metadata has the second
	h.source = (*fixed)(&metadata{authorization: issuer + "/login/oauth/authorize", token: issuer + "/login/oauth/access_token"})
	return h, nil
}

// github is GitHub as a relying party sees it.
type github struct {
	party
	issuer string
	api    string
}

// Issuers implements sallyport.IdentityProvider.
func (g *github) Issuers() []string { return []string{g.issuer} }

// Close implements sallyport.IdentityProvider.
func (g *github) Close() error { return nil }

// VerifyIDToken refuses: GitHub gives none.
func (g *github) VerifyIDToken(context.Context, sallyport.IDToken) (*sallyport.Assertion, error) {
	return nil, refused("this provider gives no ID tokens")
}

// VerifyLogoutToken refuses: GitHub sends none.
func (g *github) VerifyLogoutToken(context.Context, string) (*sallyport.LogoutNotice, error) {
	return nil, badLogout("this provider sends no logout tokens")
}

const (
	// maxGitHub bounds an answer of GitHub's API, in bytes.
	maxGitHub = 512 << 10
	// githubLimit bounds how long the answers about one user may take.
	githubLimit = 5 * time.Second
)

// Redeem implements sallyport.IdentityProvider. It asks for the user, and for the address that is primary and verified.
func (g *github) Redeem(ctx context.Context, grant sallyport.CodeGrant) (*sallyport.Assertion, error) {
	token, err := g.redeem(ctx, grant)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, githubLimit)
	defer cancel()
	user, err := getJSON(ctx, g.http, g.api+"/user", token.AccessToken, maxGitHub)
	if err != nil {
		return nil, faulty("user: %v", err)
	}
	id, ok := user["id"].(json.Number)
	if subject := id.String(); !ok || !isPositive(subject) {
		return nil, faulty("user: id is missing or no positive whole number")
	}
	a := &sallyport.Assertion{Issuer: g.issuer, Subject: id.String(), UsableUntil: g.now()}
	a.Username, _ = user["login"].(string)
	name, _ := user["name"].(string)
	a.FirstName, a.LastName, _ = strings.Cut(strings.TrimSpace(name), " ")
	if slices.Contains(g.scopes, "user:email") || slices.Contains(g.scopes, "user") {
		if a.Email, a.EmailProof, err = g.primary(ctx, token.AccessToken); err != nil {
			return nil, err
		}
	}
	a.EmailAuthoritative = byTrust.authoritative(g.policy)
	return a, nil
}

// isPositive reports whether text is a whole number above zero as GitHub writes its ids.
func isPositive(text string) bool {
	return text != "" && text[0] != '0' && !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

// primary is the user's primary address. The one in the profile is what the user likes to show, and proves nothing.
func (g *github) primary(ctx context.Context, token string) (string, sallyport.EmailProof, error) {
	data, err := get(ctx, g.http, g.api+"/user/emails", token, maxGitHub)
	if err != nil {
		return "", sallyport.EmailSilent, faulty("addresses of the user: %v", err)
	}
	parsed, err := strictjson.Parse(data)
	list, ok := parsed.([]any)
	if err != nil || !ok {
		return "", sallyport.EmailSilent, faulty("addresses of the user: no JSON array")
	}
	for _, one := range list {
		entry, _ := one.(map[string]any)
		if entry["primary"] != true {
			continue
		}
		address, _ := entry["email"].(string)
		if entry["verified"] == true {
			return address, sallyport.EmailVerified, nil
		}
		return address, sallyport.EmailUnverified, nil
	}
	return "", sallyport.EmailSilent, nil
}
