package idptest

import (
	"crypto/sha256"
	"encoding/binary"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// github imitates GitHub's OAuth apps and the two routes of its API that sign-in needs, as GitHub documents them. It is
// OAuth 2.0 and no OpenID Connect: no ID token, no discovery, no keys. Odd about it: the errors of the token endpoint
// come with status 200; its answers are form-encoded unless Accept asks for JSON; the secret is compulsory, and PKCE is
// checked when it is used; there is no refresh token; scopes are joined by commas in the answer. A user is a number,
// [Provider.Subject]: User.Subject when that is one, else computed from the username.
//
// A client under test is given the base URL as its issuer, as that of an Enterprise Server, so the API is below
// /api/v3: Userinfo is /api/v3/user with the address that the profile shows, User.Email or the claim "email" of
// User.Claims; Emails is /api/v3/user/emails, where the claim "emails" replaces the list.
type github struct{ plain }

func (github) oauthOnly() bool         { return true }
func (github) sendsIssuer() bool       { return false }
func (github) usualScope() string      { return "read:user user:email" }
func (github) responseModes() []string { return []string{"query"} }

func (github) path(e Endpoint) string {
	return map[Endpoint]string{
		Authorize: "/login/oauth/authorize", Token: "/login/oauth/access_token",
		Userinfo: "/api/v3/user", Emails: "/api/v3/user/emails",
	}[e]
}

func (github) metadata(*Provider, string, *object) {} // there is none

func (github) accessToken(occasion) draft { return draft{opaque: "gho_" + randomText()} }

// subject is the numeric id.
func (github) subject(u User) string {
	if id, err := strconv.ParseUint(u.Subject, 10, 63); err == nil && id > 0 {
		return strconv.FormatUint(id, 10)
	}
	sum := sha256.Sum256([]byte("idptest id " + u.Username))
	return strconv.FormatUint(uint64(binary.BigEndian.Uint32(sum[:]))+1, 10)
}

// more has the routes whose answers are not those of an OpenID provider.
func (g github) more(p *Provider) map[string]route {
	read := []string{http.MethodGet, http.MethodHead}
	return map[string]route{
		g.path(Token):    {Token, []string{http.MethodPost}, true, p.serveGitHubToken},
		g.path(Userinfo): {Userinfo, read, true, p.serveGitHubUser},
		g.path(Emails):   {Emails, read, true, p.serveGitHubEmails},
	}
}

func (p *Provider) serveGitHubToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	form := r.PostForm
	doc := object{}
	if repeats(form) || p.clientFault(r) != "" {
		doc.set("error", "incorrect_client_credentials")
		doc.set("error_description", "The client_id and/or client_secret passed are incorrect.")
	} else if c := p.takeCode(form); c == nil {
		doc.set("error", "bad_verification_code")
		doc.set("error_description", "The code passed is incorrect or expired.")
	} else {
		t := p.issue(c.grant, "", p.takeBends())
		doc.set("access_token", t.AccessToken)
		doc.set("token_type", "bearer")
		doc.set("scope", strings.Join(strings.Fields(t.Scope), ","))
		p.remember(doc)
	}
	writeGitHub(w, r, doc)
}

// writeGitHub answers with status 200 whatever happened.
func writeGitHub(w http.ResponseWriter, r *http.Request, doc object) {
	if accepts(r, "application/json") {
		writeJSON(w, http.StatusOK, doc)
		return
	}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	w.Write(doc.form()) // an error means that the client has gone
}

func accepts(r *http.Request, want string) bool {
	for _, part := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		if media, _, err := mime.ParseMediaType(part); err == nil && media == want {
			return true
		}
	}
	return false
}

// githubUser is the user behind the access token, in either of the schemes that GitHub knows. Without one it has
// answered.
func (p *Provider) githubUser(w http.ResponseWriter, r *http.Request) (u User, scope string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "token") {
		u, scope, ok = p.bearer(strings.TrimSpace(token))
	}
	if !ok {
		refuseGitHub(w, http.StatusUnauthorized, "Bad credentials")
	}
	return u, scope, ok
}

func refuseGitHub(w http.ResponseWriter, status int, message string) {
	doc := object{}
	doc.set("message", message)
	doc.set("status", strconv.Itoa(status))
	writeJSON(w, status, doc)
}

func (p *Provider) serveGitHubUser(w http.ResponseWriter, r *http.Request) {
	u, scope, ok := p.githubUser(w, r)
	if !ok {
		return
	}
	w.Header().Set("X-OAuth-Scopes", strings.Join(strings.Fields(scope), ", "))
	writeJSON(w, http.StatusOK, p.persona.userinfo(u, scope))
}

func (g github) userinfo(u User, _ string) object {
	id, _ := strconv.ParseUint(g.subject(u), 10, 63) // subject is a number
	c := object{}
	c.set("login", u.Username)
	c.set("id", id)
	c.set("type", "User")
	c.set("name", orNull(strings.TrimSpace(u.GivenName+" "+u.FamilyName)))
	c.set("email", orNull(u.Email))
	u.ownClaims(&c)
	c.remove("emails")
	return c
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (p *Provider) serveGitHubEmails(w http.ResponseWriter, r *http.Request) {
	u, scope, ok := p.githubUser(w, r)
	if !ok {
		return
	}
	if !hasScope(scope, "user:email") && !hasScope(scope, "user") {
		refuseGitHub(w, http.StatusNotFound, "Not Found") // as GitHub says it of what a token may not see
		return
	}
	var list any = []object{}
	if given, ok := u.Claims["emails"]; ok {
		list = given
	} else if u.Email != "" {
		entry := object{}
		entry.set("email", u.Email)
		entry.set("primary", true)
		entry.set("verified", u.EmailVerified == true)
		entry.set("visibility", "public")
		list = []object{entry}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(encode(list)) // an error means that the client has gone
}
