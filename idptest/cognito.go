package idptest

import (
	"crypto/rand"
	"encoding/base64"
	"strconv"
)

// cognito is an Amazon Cognito user pool with a domain, as Amazon documents it: the issuer is the pool, the endpoints
// are not below it; ID and access token are signed by different keys of the one set; the access token has a client_id
// and no aud; the token response has no scope; email_verified is a string in UserInfo and a bool in the ID token.
//
// Two things are stricter than the model: PKCE is compulsory, and refresh tokens rotate, which Cognito does only for
// app clients that are set so.
type cognito struct {
	ordinary
	pool string
}

func (cognito) responseModes() []string { return []string{"query"} }

func (c cognito) issuerPath() string { return "/" + c.pool }

func (c cognito) path(e Endpoint) string {
	return map[Endpoint]string{
		JWKS:      c.issuerPath() + "/.well-known/jwks.json",
		Authorize: "/oauth2/authorize",
		Token:     "/oauth2/token",
		Userinfo:  "/oauth2/userInfo",

		EndSession: "/logout",
	}[e]
}

func (cognito) logoutParameter() string { return "logout_uri" }

func (cognito) keyCount() int     { return 2 }
func (cognito) sendsIssuer() bool { return false }
func (cognito) sendsScope() bool  { return false }

// defaultScope: without a scope, an app client gets all that it may have.
func (cognito) defaultScope() string { return "openid email profile" }

// keyID is base64 with its padding, and often "/" or "+": opaque to everybody, and no path.
func (cognito) keyID() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// metadata does not say that S256 is supported, nor that "none" is a way to authenticate: the model does not either.
func (cognito) metadata(_ *Provider, _ string, doc *object) {
	doc.set("scopes_supported", []string{"openid", "email", "phone", "profile"})
	doc.set("token_endpoint_auth_methods_supported", []string{"client_secret_basic", "client_secret_post"})
}

func (c cognito) idToken(o occasion) draft {
	claims := c.common(o, "id")
	claims.set("aud", o.clientID)
	claims.set("exp", o.now.Add(o.idTokenLife).Unix())
	claims.set("cognito:username", o.user.Username)
	claims.setText("nonce", o.nonce)
	o.user.profileClaims(&claims)
	o.user.emailClaims(&claims)
	o.user.ownClaims(&claims)
	return draft{audienceClaim: "aud", payload: claims}
}

func (c cognito) accessToken(o occasion) draft {
	claims := c.common(o, "access")
	claims.set("client_id", o.clientID)
	claims.set("username", o.user.Username)
	claims.set("scope", o.scope)
	claims.set("version", 2)
	claims.set("exp", o.now.Add(o.accessTokenLife).Unix())
	return draft{audienceClaim: "client_id", payload: claims}
}

// common are the claims of both tokens. The header of both has no typ.
func (cognito) common(o occasion, use string) object {
	c := object{}
	c.set("sub", o.user.Subject)
	if len(o.user.Groups) > 0 {
		c.set("cognito:groups", o.user.Groups)
	}
	c.set("iss", o.issuer)
	c.set("token_use", use)
	c.set("auth_time", o.grant.authTime.Unix())
	c.set("iat", o.now.Unix())
	c.set("jti", randomUUID())
	c.set("event_id", o.grant.eventID)
	c.set("origin_jti", o.grant.originJTI)
	return c
}

func (cognito) userinfo(u User, scope string) object {
	c := object{}
	c.set("sub", u.Subject)
	c.set("username", u.Username)
	if hasScope(scope, "profile") {
		u.profileClaims(&c)
	}
	if hasScope(scope, "email") {
		if verified, ok := u.EmailVerified.(bool); ok {
			u.EmailVerified = strconv.FormatBool(verified)
		}
		u.emailClaims(&c)
	}
	u.ownClaims(&c)
	return c
}
