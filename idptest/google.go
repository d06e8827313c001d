package idptest

import "strings"

// google imitates Google's OpenID provider, as Google documents it. Odd about it: the iss of its ID tokens is known in
// two spellings, with and without the scheme, of which discovery has the first; azp is in every ID token, and jti and
// auth_time in none; hd, the Workspace, is there for users who have it in User.Claims; access tokens are opaque; there
// is no end_session_endpoint; discovery still lists PKCE by "plain".
//
// It is stricter than the model in PKCE, which is compulsory and S256 only. Refresh tokens need no access_type.
type google struct {
	plain
	bare bool
}

func (google) sendsIssuer() bool { return false }

func (google) path(e Endpoint) string {
	return map[Endpoint]string{
		JWKS: "/oauth2/v3/certs", Authorize: "/o/oauth2/v2/auth", Token: "/token", Userinfo: "/v1/userinfo",
	}[e]
}

func (google) metadata(p *Provider, _ string, doc *object) {
	doc.set("response_modes_supported", p.persona.responseModes())
	doc.set("grant_types_supported", []string{"authorization_code", "refresh_token"})
	doc.set("scopes_supported", []string{"openid", "email", "profile"})
	doc.set("token_endpoint_auth_methods_supported", []string{"client_secret_post", "client_secret_basic"})
	doc.set("code_challenge_methods_supported", []string{"plain", "S256"})
	doc.set("claims_supported", []string{"aud", "email", "email_verified", "exp", "family_name", "given_name", "iat",
		"iss", "name", "picture", "sub"})
}

// BareIssuer takes the scheme away from iss, "http://127.0.0.1:8080" to "127.0.0.1:8080": the second spelling of
// Google's issuer.
func BareIssuer() Option {
	return inIDToken(func(d *draft) { d.payload.set("iss", withoutScheme(d.payload.textOf("iss"))) })
}

func withoutScheme(issuer string) string {
	_, bare, found := strings.Cut(issuer, "://")
	if !found {
		return issuer
	}
	return bare
}

func (g google) idToken(o occasion) draft {
	c := object{}
	issuer := o.issuer
	if g.bare {
		issuer = withoutScheme(issuer)
	}
	c.set("iss", issuer)
	c.set("azp", o.clientID)
	c.set("aud", o.clientID)
	c.set("sub", o.user.Subject)
	c.setText("nonce", o.nonce)
	g.about(o.user, o.scope, &c)
	c.set("iat", o.now.Unix())
	c.set("exp", o.now.Add(o.idTokenLife).Unix())
	return draft{typ: "JWT", audienceClaim: "aud", payload: c}
}

func (google) accessToken(occasion) draft { return draft{opaque: "ya29." + randomText()} }

// about has no username and no groups.
func (google) about(u User, scope string, c *object) {
	if hasScope(scope, "email") {
		u.emailClaims(c)
	}
	if hasScope(scope, "profile") {
		u.profileClaims(c)
	}
	u.ownClaims(c)
}

func (g google) userinfo(u User, scope string) object {
	c := object{}
	c.set("sub", u.Subject)
	g.about(u, scope, &c)
	return c
}
