package idptest

import (
	"fmt"
	"net/url"
	"strings"
)

// apple imitates Sign in with Apple, as Apple documents it. Odd about it: scopes that name "name" or "email" make
// response_mode=form_post compulsory, so the answer is posted across sites; beside the code comes the field user, JSON
// with the name and the address, at the first sign-in of each user and never again ([Provider.RemoveUser] forgets the
// user); ID tokens hold no name, and email_verified and is_private_email as strings; nonce_supported is there; an ID
// token comes also without the scope openid; the client secret is a JWT that the client signs; there is no UserInfo and
// no end_session_endpoint, and access tokens are opaque.
//
// Stricter than the model: PKCE is compulsory, and a code lives CodeLife.
type apple struct{ plain }

func (apple) sendsIssuer() bool   { return false }
func (apple) sendsScope() bool    { return false }
func (apple) alwaysIDToken() bool { return true }
func (apple) usualScope() string  { return "openid email name" }

// defaultScope: Apple lets a client ask for nothing, and tells who it is all the same.
func (apple) defaultScope() string { return "openid" }

func (apple) needsFormPost(scope string) bool {
	return hasScope(scope, "name") || hasScope(scope, "email")
}

func (apple) path(e Endpoint) string {
	return map[Endpoint]string{JWKS: "/auth/keys", Authorize: "/auth/authorize", Token: "/auth/token"}[e]
}

func (apple) metadata(p *Provider, _ string, doc *object) {
	doc.set("subject_types_supported", []string{"pairwise"})
	doc.set("response_modes_supported", p.persona.responseModes())
	doc.set("scopes_supported", []string{"openid", "email", "name"})
	doc.set("token_endpoint_auth_methods_supported", []string{"client_secret_post"})
	doc.set("claims_supported", []string{"aud", "email", "email_verified", "exp", "iat", "is_private_email", "iss",
		"nonce", "nonce_supported", "sub"})
}

func (apple) introduce(u User, scope string, first bool, params url.Values) {
	about := object{}
	if hasScope(scope, "name") {
		name := object{}
		name.set("firstName", u.GivenName)
		name.set("lastName", u.FamilyName)
		about.set("name", name)
	}
	if hasScope(scope, "email") {
		about.setText("email", u.Email)
	}
	if first && len(about) > 0 {
		params.Set("user", string(about.text()))
	}
}

func (apple) idToken(o occasion) draft {
	c := object{}
	c.set("iss", o.issuer)
	c.set("aud", o.clientID)
	c.set("exp", o.now.Add(o.idTokenLife).Unix())
	c.set("iat", o.now.Unix())
	c.set("sub", o.user.Subject)
	c.setText("nonce", o.nonce)
	if hasScope(o.scope, "email") && o.user.Email != "" {
		c.set("email", o.user.Email)
		if o.user.EmailVerified != nil {
			c.set("email_verified", fmt.Sprint(o.user.EmailVerified))
		}
		c.set("is_private_email", fmt.Sprint(strings.HasSuffix(o.user.Email, "@privaterelay.appleid.com")))
	}
	c.set("auth_time", o.grant.authTime.Unix())
	c.set("nonce_supported", true)
	o.user.ownClaims(&c)
	return draft{audienceClaim: "aud", payload: c}
}

func (apple) accessToken(occasion) draft { return draft{opaque: "a" + randomText()} }
