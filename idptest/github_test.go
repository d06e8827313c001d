package idptest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/idptest"
)

// github is a provider whose Alice has id 42.
func github(t *testing.T) *idptest.Provider {
	alice := idptest.Alice()
	alice.Subject = "42"
	alice.Claims = map[string]any{"email": "shown@example.com"}
	return idptest.New(t, idptest.Config{Personality: idptest.GitHub, Users: []idptest.User{alice, idptest.Bob(), idptest.Carol()}})
}

// githubFlow is what a client sends there: no nonce, no response_type.
func githubFlow(p *idptest.Provider) flow {
	return newFlow(p).with("scope", "read:user user:email").with("nonce").with("response_type")
}

// redeemAtGitHub posts a token request and returns the answer as it is.
func redeemAtGitHub(t *testing.T, p *idptest.Provider, form url.Values, accept string) (status int, mediaType, body string) {
	t.Helper()
	answer, body, err := do(t, http.MethodPost, p.URL(idptest.Token), form, http.Header{"Accept": {accept}})
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("Content-Type"), body
}

func TestGitHubIsNoOpenIDProvider(t *testing.T) {
	p := github(t)
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/jwks.json", "/login/oauth/.well-known/openid-configuration"} {
		if status, _, _ := get(t, p.BaseURL()+path, nil); status != http.StatusNotFound {
			t.Errorf("GET %s = %d, want 404", path, status)
		}
	}
	if p.Issuer() != p.BaseURL() || p.URL(idptest.Discovery) != "" || p.URL(idptest.JWKS) != "" || p.URL(idptest.EndSession) != "" {
		t.Errorf("Issuer %q, discovery %q, keys %q", p.Issuer(), p.URL(idptest.Discovery), p.URL(idptest.JWKS))
	}
	if tokens := signIn(t, p, idptest.Alice()); tokens.IDToken != "" || !strings.HasPrefix(tokens.AccessToken, "gho_") {
		t.Errorf("SignIn = %+v, want an opaque access token and no ID token", tokens)
	}
	if tokens := p.Tokens(idptest.Alice(), idptest.Scope("openid")); tokens.IDToken != "" {
		t.Errorf("Tokens = %+v, want no ID token", tokens)
	}
}

func TestGitHubTokenEndpoint(t *testing.T) {
	p := github(t)
	f := githubFlow(p)
	for _, test := range []struct {
		name, member, value, want string
	}{
		{"right", "", "", ""},
		{"no redirect_uri", "redirect_uri", "", ""},
		{"no secret", "client_secret", "", "incorrect_client_credentials"},
		{"wrong secret", "client_secret", "x", "incorrect_client_credentials"},
		{"another client", "client_id", "x", "incorrect_client_credentials"},
		{"wrong code", "code", "x", "bad_verification_code"},
		{"wrong verifier", "code_verifier", strings.Repeat("x", 43), "bad_verification_code"},
		{"no verifier", "code_verifier", "", "bad_verification_code"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, accept := range []string{"application/json", "text/html, application/json;q=0.5", "*/*", ""} {
				form := f.form(f.login(t, idptest.Alice()).Get("code"))
				form.Set("client_secret", p.ClientSecret())
				if test.member != "" {
					form.Set(test.member, test.value)
				}
				if test.value == "" {
					form.Del(test.member)
				}
				status, media, body := redeemAtGitHub(t, p, form, accept)
				var doc struct {
					Error       string
					AccessToken string `json:"access_token"`
					Scope       string
				}
				if strings.Contains(accept, "json") {
					if err := json.Unmarshal([]byte(body), &doc); err != nil || media != "application/json" {
						t.Fatalf("Accept %q: %s %s, %v", accept, media, body, err)
					}
				} else {
					values, err := url.ParseQuery(body)
					if err != nil || !strings.HasPrefix(media, "application/x-www-form-urlencoded") {
						t.Fatalf("Accept %q: %s %s, %v", accept, media, body, err)
					}
					doc.Error, doc.AccessToken, doc.Scope = values.Get("error"), values.Get("access_token"), values.Get("scope")
				}
				if status != http.StatusOK || doc.Error != test.want || (doc.AccessToken != "") != (test.want == "") {
					t.Errorf("Accept %q: %d %s, want 200 with error %q", accept, status, body, test.want)
				}
				if test.want == "" && doc.Scope != "read:user,user:email" {
					t.Errorf("scope = %q, want commas", doc.Scope)
				}
			}
		})
	}
}

func TestGitHubWithoutPKCE(t *testing.T) {
	p := github(t)
	f := githubFlow(p).with("code_challenge").with("code_challenge_method")
	for verifier, good := range map[string]bool{"": true, strings.Repeat("v", 43): false} {
		form := f.form(f.login(t, idptest.Alice()).Get("code"))
		form.Set("client_secret", p.ClientSecret())
		form.Set("code_verifier", verifier)
		if _, _, body := redeemAtGitHub(t, p, form, ""); strings.Contains(body, "access_token=") != good {
			t.Errorf("verifier %q: %s, want tokens = %v", verifier, body, good)
		}
	}
	if answer := githubFlow(p).with("code_challenge_method", "plain").login(t, idptest.Alice()); answer.Get("error") != "invalid_request" {
		t.Errorf("PKCE plain: answer = %v, want invalid_request", answer)
	}
}

func TestGitHubUser(t *testing.T) {
	p := github(t)
	for _, test := range []struct {
		user  idptest.User
		id    string // "" for any number
		email any
		list  string
	}{
		{idptest.Alice(), "42", "shown@example.com", `[{"email":"alice@example.com","primary":true,"verified":true,"visibility":"public"}]`},
		{idptest.Bob(), "", "bob@example.com", `[{"email":"bob@example.com","primary":true,"verified":false,"visibility":"public"}]`},
		{idptest.Carol(), "", nil, `[]`},
	} {
		for _, scheme := range []string{"Bearer ", "token "} {
			authorized := http.Header{"Authorization": {scheme + signIn(t, p, test.user).AccessToken}}
			status, _, body := get(t, p.BaseURL()+"/api/v3/user", authorized)
			var user struct {
				ID          json.Number
				Login, Name string
				Email       any
			}
			if err := json.Unmarshal([]byte(body), &user); status != http.StatusOK || err != nil {
				t.Fatalf("user = %d %s, %v, want 200", status, body, err)
			}
			if id, err := strconv.ParseUint(user.ID.String(), 10, 63); err != nil || id == 0 || (test.id != "" && user.ID.String() != test.id) {
				t.Errorf("%s: id = %v, want a number, %s", test.user.Username, user.ID, test.id)
			}
			if user.Login != test.user.Username || user.Email != test.email || !strings.HasPrefix(user.Name, test.user.GivenName) {
				t.Errorf("user = %s, want login, name and the address of the profile, %v", body, test.email)
			}
			if status, _, body := get(t, p.BaseURL()+"/api/v3/user/emails", authorized); status != http.StatusOK || body != test.list {
				t.Errorf("emails = %d %s, want %s", status, body, test.list)
			}
		}
	}
	if got := p.Subject(idptest.Bob()); got == "" || got != p.Subject(idptest.User{Username: "bob"}) {
		t.Errorf("Subject(bob) = %q, want what the username gives", got)
	}
	for _, header := range []http.Header{nil, {"Authorization": {"Bearer x"}}, {"Authorization": {"Basic eDp5"}}} {
		for _, e := range []idptest.Endpoint{idptest.Userinfo, idptest.Emails} {
			if status, _, body := get(t, p.URL(e), header); status != http.StatusUnauthorized || !strings.Contains(body, "message") {
				t.Errorf("%s with %v = %d %s, want 401", e, header, status, body)
			}
		}
	}
	narrow := http.Header{"Authorization": {"Bearer " + p.Tokens(idptest.Alice(), idptest.Scope("read:user")).AccessToken}}
	if status, _, _ := get(t, p.URL(idptest.Emails), narrow); status != http.StatusNotFound {
		t.Errorf("emails without the scope = %d, want 404", status)
	}
}

// TestGitHubAddresses: a list of the test's own, for an account with several.
func TestGitHubAddresses(t *testing.T) {
	p := github(t)
	bob := idptest.Bob()
	bob.Claims = map[string]any{"emails": []any{}}
	p.SetUser(bob)
	authorized := http.Header{"Authorization": {"Bearer " + signIn(t, p, bob).AccessToken}}
	if _, _, body := get(t, p.URL(idptest.Emails), authorized); body != "[]" {
		t.Errorf("emails = %s, want []", body)
	}
	if _, _, body := get(t, p.URL(idptest.Userinfo), authorized); strings.Contains(body, "emails") {
		t.Errorf("user = %s, want no list in it", body)
	}
}
