package idptest

import (
	"crypto/sha256"
	"regexp"
	"slices"
	"strings"
)

// entra imitates Microsoft Entra with tokens of version 2.0, as Microsoft documents it. Odd about it: every tenant is an
// issuer of its own, BASE/TID/v2.0, and all share their keys; the metadata of "common" and "organizations" names an
// issuer that says literally {tenantid}; sub is pairwise, another one for each client, and oid is the user; email has no
// email_verified beside it, for any administrator can write any address (an xms_edov comes from User.Claims); ID tokens
// have no at_hash; access tokens are for somebody else and carry the issuer of version 1.0.
//
// A user signs in at the endpoints of the own tenant and at those of "common", and of "organizations" unless the account
// is a personal one. Stricter than the model: PKCE is compulsory.
type entra struct {
	plain
	clientID string
	tenants  []string
}

// personalTenant is the tenant of every personal Microsoft account.
const personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

var guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func isGUID(text string) bool { return guid.MatchString(text) }

func (entra) sendsIssuer() bool { return false }
func (entra) sendsAtHash() bool { return false }

func (e entra) issuerPath() string { return "/" + e.tenants[0] + "/v2.0" }

func (e entra) path(endpoint Endpoint) string {
	if endpoint == Userinfo {
		return "/oidc/userinfo"
	}
	return e.below(e.tenants[0], endpoint)
}

// below is the path of an endpoint of one tenant, or of a group of them.
func (entra) below(tenant string, e Endpoint) string {
	rest := map[Endpoint]string{
		JWKS: "/discovery/v2.0/keys", Authorize: "/oauth2/v2.0/authorize", Token: "/oauth2/v2.0/token",
		EndSession: "/oauth2/v2.0/logout",
	}[e]
	if rest == "" {
		return ""
	}
	return "/" + tenant + rest
}

// tenantOf is the tenant of a user.
func (e entra) tenantOf(u User) string { return or(u.Tenant, e.tenants[0]) }

// locate knows every tenant of the Config, those of the users, and the two groups.
func (e entra) locate(p *Provider, path string) string {
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	known := tenant == "common" || tenant == "organizations" || slices.Contains(e.tenants, tenant) ||
		isGUID(tenant) && slices.ContainsFunc(p.knownUsers(), func(u User) bool { return u.Tenant == tenant })
	if !known {
		return path
	}
	return "/" + e.tenants[0] + "/" + rest
}

func (e entra) door(_ *Provider, u User) string { return e.below(e.tenantOf(u), Authorize) }

func (e entra) admits(_ *Provider, path string, u User) bool {
	at, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch at {
	case "common":
		return true
	case "organizations":
		return e.tenantOf(u) != personalTenant
	}
	return e.tenantOf(u) == at
}

func (e entra) issuerOf(p *Provider, u User) string { return p.base + "/" + e.tenantOf(u) + "/v2.0" }

// subject is pairwise (Core §8.1).
func (e entra) subject(u User) string {
	sum := sha256.Sum256([]byte("idptest pairwise " + e.clientID + " " + u.Subject))
	return base64url(sum[:])
}

func (e entra) metadata(p *Provider, path string, doc *object) {
	tenant, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	of := tenant
	if !isGUID(tenant) {
		of = "{tenantid}"
	}
	doc.set("issuer", p.base+"/"+of+"/v2.0")
	doc.set("authorization_endpoint", p.base+e.below(tenant, Authorize))
	doc.set("token_endpoint", p.base+e.below(tenant, Token))
	doc.set("jwks_uri", p.base+e.below(tenant, JWKS))
	doc.set("end_session_endpoint", p.base+e.below(tenant, EndSession))
	doc.set("subject_types_supported", []string{"pairwise"})
	doc.set("response_modes_supported", p.persona.responseModes())
	doc.set("scopes_supported", []string{"openid", "profile", "email", "offline_access"})
	doc.set("token_endpoint_auth_methods_supported", []string{"client_secret_post", "private_key_jwt", "client_secret_basic"})
	doc.set("request_uri_parameter_supported", false)
	doc.set("claims_supported", []string{"sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver", "email"})
}

func (e entra) idToken(o occasion) draft {
	c := object{}
	c.set("aud", o.clientID)
	c.set("iss", o.issuer)
	c.set("iat", o.now.Unix())
	c.set("nbf", o.now.Unix())
	c.set("exp", o.now.Add(o.idTokenLife).Unix())
	if hasScope(o.scope, "profile") {
		c.setText("name", strings.TrimSpace(o.user.GivenName+" "+o.user.FamilyName))
		c.set("oid", o.user.Subject)
		c.set("preferred_username", or(o.user.Email, o.user.Username))
	}
	c.setText("nonce", o.nonce)
	c.set("sub", e.subject(o.user))
	c.set("tid", e.tenantOf(o.user))
	c.set("uti", randomText())
	c.set("ver", "2.0")
	if hasScope(o.scope, "email") {
		c.setText("email", o.user.Email)
	}
	if len(o.user.Groups) > 0 {
		c.set("groups", o.user.Groups)
	}
	o.user.ownClaims(&c)
	return draft{typ: "JWT", audienceClaim: "aud", payload: c}
}

// accessToken is for Microsoft Graph, not for the client.
func (e entra) accessToken(o occasion) draft {
	c := object{}
	c.set("aud", "00000003-0000-0000-c000-000000000000")
	c.set("iss", strings.TrimSuffix(o.issuer, "v2.0"))
	c.set("iat", o.now.Unix())
	c.set("nbf", o.now.Unix())
	c.set("exp", o.now.Add(o.accessTokenLife).Unix())
	c.set("appid", o.clientID)
	c.set("oid", o.user.Subject)
	c.set("scp", o.scope)
	c.set("sub", e.subject(o.user))
	c.set("tid", e.tenantOf(o.user))
	c.set("uti", randomText())
	c.set("ver", "1.0")
	return draft{typ: "JWT", audienceClaim: "aud", payload: c}
}

func (e entra) userinfo(u User, scope string) object {
	c := object{}
	c.set("sub", e.subject(u))
	if hasScope(scope, "profile") {
		u.profileClaims(&c)
	}
	if hasScope(scope, "email") {
		c.setText("email", u.Email)
	}
	return c
}
