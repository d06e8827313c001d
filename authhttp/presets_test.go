package authhttp_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
)

// presetApp is an app with one provider, called "p", that imitates a real one.
func presetApp(t *testing.T, fake idptest.Config, preset func(*idptest.Provider) sallyport.Provider) loginApp {
	t.Helper()
	var l loginApp
	l.app = newApp(t, func(c *config) {
		fake.Now, fake.RedirectURIs = c.Now, []string{issuer + "/callback/p/"}
		l.plain = idptest.New(t, fake)
		c.Providers = []sallyport.Provider{preset(l.plain)}
		c.ReturnTo = []string{"https://spa.example.com/app"}
	})
	return l
}

// walk signs a user in at the provider and gives the answer of the callback, whichever way it is asked.
func (l loginApp) walk(u idptest.User) answer {
	l.t.Helper()
	f := l.begin("p", "/", "")
	to, form, err := l.plain.LoginForm(l.t.Context(), f.location.String(), u)
	if err != nil {
		l.t.Fatal(err)
	}
	if form == nil {
		back, err := url.Parse(to)
		if err != nil {
			l.t.Fatal(err)
		}
		return f.land("p", back.Query())
	}
	return f.landForm("p", form)
}

// landForm posts the answer of a provider as its page does, from another site.
func (f *flight) landForm(provider string, form url.Values) answer {
	f.app.t.Helper()
	return f.app.do("callback/"+provider+"/", request{body: form.Encode(), cookies: f.cookie.Name + "=" + f.cookie.Value, headers: map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://appleid.apple.com", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate",
	}})
}

// enter is walk for a user who gets in; it gives the user view.
func (l loginApp) enter(u idptest.User) map[string]any {
	l.t.Helper()
	x := l.walk(u)
	s := &session{app: l.app}
	s.take(x)
	if s.refresh == "" {
		l.t.Fatalf("callback = %d to %q %s", x.status, x.header.Get("Location"), x.body)
	}
	s.mustRefresh()
	return l.bearer(s, "user/", "GET").json
}

func (l loginApp) wantRefused(u idptest.User, code string) {
	l.t.Helper()
	before := l.rows()
	x := l.walk(u)
	if want := "https://app.example.com/?sallyport_error=" + code; x.header.Get("Location") != want || x.cookies["refresh_cookie"] != nil || l.rows() != before {
		l.t.Errorf("callback = %d to %q, want %q and nothing else", x.status, x.header.Get("Location"), want)
	}
}

func TestGoogle(t *testing.T) {
	member := idptest.User{Username: "gina", Email: "gina@example.com", EmailVerified: true, GivenName: "Gina", FamilyName: "Green", Claims: map[string]any{"hd": "example.com"}}
	l := presetApp(t, idptest.Config{Personality: idptest.Google, ClientID: "g.apps", ClientSecret: randomText(), Users: []idptest.User{member, idptest.Alice()}},
		func(p *idptest.Provider) sallyport.Provider {
			return idp.Google{Name: "p", Issuer: p.Issuer(), ClientID: p.ClientID(), ClientSecret: p.ClientSecret(), HostedDomain: "example.com"}
		})
	view := l.enter(member)
	if view["email"] != "gina@example.com" || view["email_verified"] != true || view["first_name"] != "Gina" {
		t.Errorf("user %v", view)
	}
	l.wantRefused(idptest.Alice(), "idp_error") // no hd: not of the Workspace
	x := l.exchange(l.plain.Tokens(member, idptest.BareIssuer()).IDToken)
	x.want(t, 200, "") // the other spelling of the issuer is the same identity
	if id := l.bearer(l.sessionOf(x), "user/", "GET").json["id"]; id != view["id"] {
		t.Errorf("the other spelling of the issuer is user %v, want %v", id, view["id"])
	}
	l.exchange(l.plain.Tokens(member, idptest.Claim("hd", "example.com.evil")).IDToken).want(t, 401, "idp_token_invalid")
}

func TestEntra(t *testing.T) {
	const ours, second, foreign = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
	at := func(tenant, name string) idptest.User {
		return idptest.User{Username: name, Email: name + "@example.com", Tenant: tenant}
	}
	for name, tenants := range map[string][]string{"one tenant": {ours}, "two tenants": {ours, second}} {
		t.Run(name, func(t *testing.T) {
			l := presetApp(t, idptest.Config{Personality: idptest.Entra, ClientID: "11111111-aaaa-bbbb-cccc-222222222222", ClientSecret: randomText(), Tenants: []string{ours, second, foreign},
				Users: []idptest.User{at(ours, "erna"), at(second, "sven"), at(foreign, "fred")}},
				func(p *idptest.Provider) sallyport.Provider {
					return idp.Entra{Name: "p", Issuer: p.BaseURL() + "/{tenantid}/v2.0", ClientID: p.ClientID(), ClientSecret: p.ClientSecret(), Tenants: tenants, Linking: sallyport.LinkVerifiedEmail}
				})
			if view := l.enter(at(ours, "erna")); view["email"] != "erna@example.com" || view["email_verified"] != false {
				t.Errorf("user %v, want an address that is not verified", view)
			}
			if len(tenants) > 1 {
				l.enter(at(second, "sven"))
				l.wantRefused(at(foreign, "fred"), "idp_error")
			}
			l.exchange(l.plain.Tokens(at(foreign, "fred")).IDToken).want(t, 404, "idp_not_configured")
			l.exchange(l.plain.Tokens(at(ours, "erna"), idptest.Claim("tid", foreign)).IDToken).want(t, 401, "idp_token_invalid")
			l.exchange(l.plain.Tokens(at(ours, "erna"), idptest.Without("tid")).IDToken).want(t, 401, "idp_token_invalid")
			// nOAuth: an administrator gives a user the address of somebody here.
			if _, err := l.svc.CreateUser(t.Context(), sallyport.NewUser{Username: "boss", Email: "boss@example.com", EmailVerified: true}); err != nil {
				t.Fatal(err)
			}
			mallory := at(ours, "mallory")
			mallory.Email = "boss@example.com"
			l.exchange(l.plain.Tokens(mallory, idptest.Claim("xms_edov", true), idptest.Claim("email_verified", true)).IDToken).want(t, 409, "account_link_required")
		})
	}
}

func TestApple(t *testing.T) {
	user := idptest.User{Username: "anne", Email: "anne@privaterelay.appleid.com", EmailVerified: true, GivenName: "Anne", FamilyName: "Apple"}
	l := presetApp(t, idptest.Config{Personality: idptest.Apple, ClientID: "com.example.web", Users: []idptest.User{user}}, func(p *idptest.Provider) sallyport.Provider {
		return idp.Apple{Name: "p", Issuer: p.Issuer(), ClientID: p.ClientID(), TeamID: "TEAM123456", KeyID: "KEY1234567", PrivateKey: string(p.AppleKeyPEM()), Audiences: []string{"com.example.app"}}
	})
	f := l.begin("p", "/", "")
	if c := f.cookie; c.SameSite != http.SameSiteNoneMode || !c.Secure || !c.HttpOnly || f.location.Query().Get("response_mode") != "form_post" {
		t.Errorf("cookie %+v for %v, want one that comes along with a cross-site POST", c, f.location.Query())
	}
	view := l.enter(user)
	if view["first_name"] != "Anne" || view["last_name"] != "Apple" || view["email_verified"] != true {
		t.Errorf("user %v, want the name of the form and the verified address", view)
	}
	if again := l.enter(user); again["id"] != view["id"] || again["first_name"] != "Anne" { // Apple gives the name once
		t.Errorf("the second time: user %v, want %v", again, view)
	}
	l.exchange(l.plain.Tokens(user, idptest.For("com.example.app")).IDToken).want(t, 200, "") // of the app on the phone
	// What is posted beside the code is not signed: it is good for names alone.
	f = l.begin("p", "/", "")
	_, form, err := l.plain.LoginForm(t.Context(), f.location.String(), user)
	if err != nil {
		t.Fatal(err)
	}
	form.Set("user", `{"name": {"firstName": "Mallory"}, "email": "victim@example.com", "email_verified": true}`)
	f.landForm("p", form).wantReturn(t, "https://app.example.com/")
	if n := l.count("select count(*) from users where email = 'victim@example.com'"); n != 0 {
		t.Error("an unsigned address was believed")
	}
	for name, text := range map[string]string{"no JSON": "{", "a list": "[]", "names that are numbers": `{"name": {"firstName": 7}}`, "one long name": `{"name": {"firstName": "` + strings.Repeat("x", 5000) + `"}}`} {
		f = l.begin("p", "/", "")
		if _, form, err = l.plain.LoginForm(t.Context(), f.location.String(), user); err != nil {
			t.Fatal(err)
		}
		form.Set("user", text)
		if x := f.landForm("p", form); x.header.Get("Location") != "https://app.example.com/" {
			t.Errorf("%s: callback = %d to %q", name, x.status, x.header.Get("Location"))
		}
	}
}

func githubApp(t *testing.T, users ...idptest.User) loginApp {
	t.Helper()
	return presetApp(t, idptest.Config{Personality: idptest.GitHub, ClientID: "Iv1.client", ClientSecret: randomText(), Users: users}, func(p *idptest.Provider) sallyport.Provider {
		return idp.GitHub{Name: "p", Issuer: p.BaseURL(), ClientID: p.ClientID(), ClientSecret: p.ClientSecret()}
	})
}

func TestGitHub(t *testing.T) {
	octo := idptest.User{Username: "octo", Email: "octo@example.com", EmailVerified: true, GivenName: "Octo", FamilyName: "Cat"}
	shy := idptest.User{Username: "shy", Email: "shy@example.com", EmailVerified: false}
	l := githubApp(t, octo, shy)
	view := l.enter(octo)
	if view["username"] != "octo" || view["email"] != "octo@example.com" || view["email_verified"] != true || view["first_name"] != "Octo" {
		t.Errorf("user %v", view)
	}
	renamed := octo
	renamed.Claims = map[string]any{"login": "renamed"}
	l.plain.SetUser(renamed)
	if again := l.enter(renamed); again["id"] != view["id"] {
		t.Errorf("after a change of the name: user %v, want %v", again["id"], view["id"])
	}
	l.wantRefused(shy, "email_not_verified")
	l.exchange(l.tokensOfAnother(t).IDToken).want(t, 404, "idp_not_configured")
}

// tokensOfAnother is a token of somebody who is not configured.
func (l loginApp) tokensOfAnother(t *testing.T) idptest.Tokens {
	t.Helper()
	return idptest.New(t, idptest.Config{Now: l.clock.now}).Tokens(idptest.Alice())
}

func TestSX_29_GitHubUsersWithoutAnID(t *testing.T) {
	octo := idptest.User{Username: "octo", Email: "octo@example.com", EmailVerified: true}
	for name, answer := range map[string]idptest.Fault{
		"no id":               idptest.Edit(func(doc map[string]any) { delete(doc, "id") }),
		"id 0":                idptest.Edit(func(doc map[string]any) { doc["id"] = 0 }),
		"id null":             idptest.Edit(func(doc map[string]any) { doc["id"] = nil }),
		"id a string":         idptest.Edit(func(doc map[string]any) { doc["id"] = "1" }),
		"id negative":         idptest.Edit(func(doc map[string]any) { doc["id"] = -1 }),
		"id a fraction":       idptest.Edit(func(doc map[string]any) { doc["id"] = json.Number("1.5") }),
		"id with an exponent": idptest.Edit(func(doc map[string]any) { doc["id"] = json.Number("1e3") }),
		"an error with 200":   idptest.Answer(200, "application/json", `{"message": "Bad credentials"}`),
		"a list":              idptest.Answer(200, "application/json", `[{"id": 1}]`),
		"id twice":            idptest.Answer(200, "application/json", `{"id": 1, "id": 2}`),
		"500":                 idptest.Status(500), "not JSON": idptest.NotJSON(), "10 MiB": idptest.Oversized(10), "elsewhere": idptest.Redirect(302, "https://evil.example/"),
	} {
		t.Run(name, func(t *testing.T) {
			l := githubApp(t, octo)
			l.plain.Fault(idptest.UntilCleared, idptest.Userinfo, answer)
			l.wantRefused(octo, "idp_error")
		})
	}
	for name, answer := range map[string]idptest.Fault{"500": idptest.Status(500), "an object": idptest.Answer(200, "application/json", "{}"), "not JSON": idptest.NotJSON()} {
		t.Run("addresses: "+name, func(t *testing.T) {
			l := githubApp(t, octo)
			l.plain.Fault(idptest.UntilCleared, idptest.Emails, answer)
			l.wantRefused(octo, "idp_error")
		})
	}
	for name, answer := range map[string]string{"none": `[]`, "none that is primary": `[{"email": "a@example.com", "primary": false, "verified": true}]`, "odd ones": `[7, {"primary": true, "email": 7, "verified": "true"}]`} {
		t.Run("addresses: "+name, func(t *testing.T) {
			l := githubApp(t, octo)
			l.plain.Fault(idptest.UntilCleared, idptest.Emails, idptest.Answer(200, "application/json", answer))
			if x := l.walk(octo); x.cookies["refresh_cookie"] != nil && l.count("select count(*) from users where email <> ''") != 0 {
				t.Errorf("an address came of nothing")
			}
		})
	}
}

// What an ID token leaves out, UserInfo says.
func TestUserInfo(t *testing.T) {
	thin := func(t *testing.T, users ...idptest.User) loginApp {
		return presetApp(t, idptest.Config{Personality: idptest.Thin, ClientSecret: randomText(), Users: users}, func(p *idptest.Provider) sallyport.Provider {
			return idp.OIDC{Name: "p", Issuer: p.Issuer(), ClientID: p.ClientID(), ClientSecret: p.ClientSecret()}
		})
	}
	l := thin(t, idptest.Alice(), idptest.Bob())
	if view := l.enter(idptest.Alice()); view["email"] != "alice@example.com" || view["email_verified"] != true || view["first_name"] != "Alice" {
		t.Errorf("user %v, want what UserInfo says", view)
	}
	l.wantRefused(idptest.Bob(), "email_not_verified")
	tokens := l.plain.Tokens(idptest.Carol())
	l.exchange(tokens.IDToken, map[string]any{"access_token": tokens.AccessToken}).want(t, 200, "")
	for name, c := range map[string]struct {
		fault idptest.Fault
		code  string // at the callback
	}{
		"of another subject": {idptest.Edit(func(doc map[string]any) { doc["sub"] = "another" }), "idp_error"},
		"without a subject":  {idptest.Edit(func(doc map[string]any) { delete(doc, "sub") }), "idp_error"},
		"down":               {idptest.Status(500), ""},
		"not JSON":           {idptest.NotJSON(), ""},
		"of 10 MiB":          {idptest.Oversized(10), ""},
		"elsewhere":          {idptest.Redirect(302, "https://evil.example/"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := thin(t, idptest.Alice())
			l.plain.Fault(idptest.UntilCleared, idptest.Userinfo, c.fault)
			tokens := l.plain.Tokens(idptest.Alice())
			if c.code != "" { // BL-10
				l.wantRefused(idptest.Alice(), c.code)
				before := l.rows()
				x := l.exchange(tokens.IDToken, map[string]any{"access_token": tokens.AccessToken})
				x.want(t, 401, "idp_token_invalid")
				l.wantNothingIssued(x, before)
				return
			}
			if view := l.enter(idptest.Alice()); view["email"] != "" {
				t.Errorf("user %v, want one without an address", view)
			}
		})
	}
}

// Access tokens that look like ID tokens open nothing.
func TestLookalikes(t *testing.T) {
	l := presetApp(t, idptest.Config{Personality: idptest.Lookalike, ClientSecret: randomText()}, func(p *idptest.Provider) sallyport.Provider {
		return idp.OIDC{Name: "p", Issuer: p.Issuer(), ClientID: p.ClientID(), ClientSecret: p.ClientSecret()}
	})
	l.enter(idptest.Alice())
	tokens := l.plain.Tokens(idptest.Alice())
	x := l.exchange(tokens.IDToken, map[string]any{"access_token": l.plain.Tokens(idptest.Carol()).AccessToken})
	x.want(t, 401, "idp_token_invalid") // at_hash
	l.exchange(tokens.AccessToken, map[string]any{"access_token": tokens.AccessToken}).want(t, 401, "idp_token_invalid")
}

func TestCognitoLogin(t *testing.T) {
	l := presetApp(t, idptest.Config{Personality: idptest.Cognito, ClientID: "pool-client", ClientSecret: randomText()}, func(p *idptest.Provider) sallyport.Provider {
		return idp.Cognito{Name: "p", Issuer: p.Issuer(), ClientID: p.ClientID(), ClientSecret: p.ClientSecret(), AuthorizationEndpoint: p.URL(idptest.Authorize), TokenEndpoint: p.URL(idptest.Token)}
	})
	if view := l.enter(idptest.Bob()); view["username"] != "bob" || view["email_verified"] != false { // the pool does not ask for a verified address
		t.Errorf("user %v", view)
	}
}
