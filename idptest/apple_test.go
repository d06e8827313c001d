package idptest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/idptest"
)

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// postedBy logs in by hand and reads the page that posts itself: where to and what.
func postedBy(t *testing.T, f flow, username string) (string, url.Values, *http.Response) {
	t.Helper()
	answer, page, err := do(t, http.MethodPost, f.url(), url.Values{"username": {username}, "password": {username}}, nil)
	if err != nil || answer.StatusCode != http.StatusOK || answer.Header.Get("Location") != "" {
		t.Fatalf("login = %v, %v %s, want a page", answer, err, page)
	}
	action := regexp.MustCompile(`<form method="post" id="answer" action="([^"]*)">`).FindStringSubmatch(page)
	if action == nil || !strings.Contains(page, "<button>Continue</button>") {
		t.Fatalf("page = %s, want a form with a button", page)
	}
	script := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindStringSubmatch(page)
	sum := sha256.Sum256([]byte(script[1]))
	if policy := answer.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Errorf("policy %q does not allow the script of the page", policy)
	}
	fields := url.Values{}
	for _, field := range hidden.FindAllStringSubmatch(page, -1) {
		fields.Add(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	return html.UnescapeString(action[1]), fields, answer
}

func TestAppleIsOdd(t *testing.T) {
	p := idptest.New(t, idptest.Config{Personality: idptest.Apple, Users: []idptest.User{idptest.Alice(),
		{Username: "relay", Email: "x@privaterelay.appleid.com", EmailVerified: true, GivenName: `Re"<l>ay`}}})
	var metadata map[string]any
	decodeBody(t, p.Issuer()+"/.well-known/openid-configuration", &metadata)
	if metadata["userinfo_endpoint"] != nil || metadata["end_session_endpoint"] != nil {
		t.Errorf("metadata = %v, want no UserInfo and no end_session_endpoint", metadata)
	}
	f := newFlow(p).with("scope", "openid name email").with("response_mode", "form_post")
	if f.url() != metadata["authorization_endpoint"].(string)+"?"+f.query.Encode() {
		t.Errorf("authorization_endpoint = %v", metadata["authorization_endpoint"])
	}
	for _, test := range []struct{ username, first, private string }{{"alice", "Alice", "false"}, {"relay", `Re"<l>ay`, "true"}} {
		for round := range 2 {
			to, fields, answer := postedBy(t, f, test.username)
			if to != "http://127.0.0.1/callback" || fields.Get("state") != "state-1" || fields.Has("iss") {
				t.Errorf("posts %v to %s, want the state and no iss, to the redirect URI", fields, to)
			}
			if got := answer.Header.Get("Referrer-Policy"); got != "strict-origin" {
				t.Errorf("Referrer-Policy = %q, want strict-origin: the client reads the Origin", got)
			}
			var about struct {
				Name  struct{ FirstName, LastName string }
				Email string
			}
			if has := fields.Has("user"); has != (round == 0) {
				t.Errorf("sign-in %d: user = %q", round+1, fields.Get("user"))
			}
			if round == 0 {
				if err := json.Unmarshal([]byte(fields.Get("user")), &about); err != nil || about.Name.FirstName != test.first || about.Email == "" {
					t.Errorf("user = %q, %v, want the name and the address", fields.Get("user"), err)
				}
			}
			form := f.form(fields.Get("code"))
			form.Set("client_secret", p.ClientSecret())
			status, _, doc := post(t, metadata["token_endpoint"].(string), form)
			if status != http.StatusOK {
				t.Fatalf("token endpoint = %d %v, want 200", status, doc)
			}
			if err := verify(fetchKeys(t, p), doc["id_token"].(string)); err != nil {
				t.Errorf("verify(id_token) = %v, want nil", err)
			}
			_, claims := decode(t, doc["id_token"].(string))
			for name, want := range map[string]any{
				"email_verified": "true", "is_private_email": test.private, "nonce_supported": true, "nonce": "nonce-1",
				"name": nil, "given_name": nil, "iss": p.BaseURL(),
			} {
				if claims[name] != want {
					t.Errorf("%s: %s = %v, want %v", test.username, name, claims[name], want)
				}
			}
		}
	}
	p.RemoveUser("alice")
	p.SetUser(idptest.Alice())
	if _, fields, _ := postedBy(t, f, "alice"); !fields.Has("user") {
		t.Errorf("fields = %v after the user was removed, want user again", fields)
	}
}

func TestAppleScopes(t *testing.T) {
	p := idptest.New(t, idptest.Config{Personality: idptest.Apple})
	for _, scope := range []string{"name", "email", "openid name"} {
		if answer := newFlow(p).with("scope", scope).login(t, idptest.Alice()); answer.Get("error") != "invalid_request" {
			t.Errorf("scope %q by query: answer = %v, want invalid_request", scope, answer)
		}
	}
	f := newFlow(p).with("scope") // nothing is asked for
	answer := f.login(t, idptest.Alice())
	if answer.Get("code") == "" || answer.Has("user") {
		t.Fatalf("answer = %v, want a code and no user", answer)
	}
	f = newFlow(p).with("scope", "name").with("response_mode", "form_post")
	_, fields, err := p.LoginForm(t.Context(), f.url(), idptest.Alice())
	if err != nil {
		t.Fatal(err)
	}
	form := f.form(fields.Get("code"))
	form.Set("client_secret", p.ClientSecret())
	if status, _, doc := post(t, p.URL(idptest.Token), form); status != http.StatusOK || doc["id_token"] == nil {
		t.Errorf("token endpoint = %d %v, want an ID token without the scope openid", status, doc)
	} else if _, claims := decode(t, doc["id_token"].(string)); claims["email"] != nil {
		t.Errorf("email = %v without its scope, want none", claims["email"])
	}
}

// clientSecret signs one with the test's own few lines.
func clientSecret(t *testing.T, key *ecdsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	var parts []string
	for _, part := range []map[string]any{header, claims} {
		text, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	input := strings.Join(parts, ".")
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	bits := make([]byte, 64)
	r.FillBytes(bits[:32])
	s.FillBytes(bits[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(bits)
}

func TestAppleClientSecret(t *testing.T) {
	mine, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := idptest.New(t, idptest.Config{Personality: idptest.Apple, Now: atNoon, ApplePublicKey: &mine.PublicKey,
		AppleTeamID: "TEAM", AppleKeyID: "KEY"})
	if p.AppleKey() != nil || p.AppleKeyPEM() != nil || p.ClientSecret() != "" {
		t.Error("the provider has a private key although it was given a public one")
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	longest := noon.Add(idptest.AppleSecretLife).Unix()
	for _, test := range []struct {
		name, where, member string
		value               any
		key                 *ecdsa.PrivateKey
		good                bool
	}{
		{"right", "", "", nil, mine, true},
		{"as long as may be", "claims", "exp", longest, mine, true},
		{"a second too long", "claims", "exp", longest + 1, mine, false},
		{"past", "claims", "exp", noon.Unix(), mine, false},
		{"no exp", "claims", "exp", nil, mine, false},
		{"exp as a string", "claims", "exp", "1790000000", mine, false},
		{"another team", "claims", "iss", "OTHER", mine, false},
		{"another client", "claims", "sub", "other", mine, false},
		{"another audience", "claims", "aud", "https://appleid.apple.com", mine, false},
		{"another kid", "header", "kid", "OTHER", mine, false},
		{"no kid", "header", "kid", nil, mine, false},
		{"another alg", "header", "alg", "ES384", mine, false},
		{"another key", "", "", nil, other, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			parts := map[string]map[string]any{
				"header": {"alg": "ES256", "kid": "KEY"},
				"claims": {"iss": "TEAM", "sub": "spa", "aud": p.Issuer(), "iat": noon.Unix(), "exp": noon.Add(time.Minute).Unix()},
			}
			if test.where != "" {
				parts[test.where][test.member] = test.value
				maps.DeleteFunc(parts[test.where], func(_ string, v any) bool { return v == nil })
			}
			f := newFlow(p).with("scope", "openid")
			form := f.form(f.login(t, idptest.Alice()).Get("code"))
			form.Set("client_secret", clientSecret(t, test.key, parts["header"], parts["claims"]))
			status, _, doc := post(t, p.URL(idptest.Token), form)
			if good := status == http.StatusOK; good != test.good || (!good && doc["error"] != "invalid_client") {
				t.Errorf("token endpoint = %d %v, want good = %v", status, doc, test.good)
			}
		})
	}
	for _, secret := range []string{"", "x", "a.b.c", "e30.e30.", "eyJhbGciOiJub25lIn0.e30."} {
		f := newFlow(p).with("scope", "openid")
		form := f.form(f.login(t, idptest.Alice()).Get("code"))
		form.Set("client_secret", secret)
		if status, _, doc := post(t, p.URL(idptest.Token), form); status != http.StatusUnauthorized {
			t.Errorf("secret %q: token endpoint = %d %v, want 401", secret, status, doc)
		}
	}
}

func TestAppleKeyPEM(t *testing.T) {
	p := idptest.New(t, idptest.Config{Personality: idptest.Apple})
	block, _ := pem.Decode(p.AppleKeyPEM())
	if block == nil || block.Type != "PRIVATE KEY" {
		t.Fatalf("AppleKeyPEM = %s, want PKCS #8 in PEM", p.AppleKeyPEM())
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil || !p.AppleKey().Equal(key) {
		t.Errorf("AppleKeyPEM holds %v, %v, want AppleKey", key, err)
	}
	if tokens := signIn(t, p, idptest.Alice()); tokens.IDToken == "" {
		t.Error("SignIn brought no ID token")
	}
}

// TestFormPostOfPlain: the mode is the client's to choose.
func TestFormPostOfPlain(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256", RedirectURIs: []string{"http://127.0.0.1/callback", "app:/cb"}})
	f := newFlow(p).with("response_mode", "form_post").with("state", `"><script>alert(1)</script>`)
	to, fields, _ := postedBy(t, f, "alice")
	if to != "http://127.0.0.1/callback" || fields.Get("state") != f.query.Get("state") || fields.Get("iss") != p.Issuer() {
		t.Errorf("posts %v to %s, want state and iss", fields, to)
	}
	if status, _, doc := post(t, p.URL(idptest.Token), f.form(fields.Get("code"))); status != http.StatusOK {
		t.Errorf("token endpoint = %d %v, want 200", status, doc)
	}
	callback, form, err := p.LoginForm(t.Context(), f.url(), idptest.Alice())
	if err != nil || callback != "http://127.0.0.1/callback" || form.Get("state") != f.query.Get("state") || form.Get("code") == "" {
		t.Errorf("LoginForm = %q, %v, %v, want the code and the state to the byte", callback, form, err)
	}
	if callback, err = p.Login(t.Context(), f.url(), idptest.Alice()); err != nil || callback != "http://127.0.0.1/callback" {
		t.Errorf("Login = %q, %v, want the redirect URI", callback, err)
	}
	// Errors are posted as well, before anybody logs in.
	if _, form, err = p.LoginForm(t.Context(), f.with("prompt", "none").url(), idptest.Alice()); err != nil || form.Get("error") != "login_required" {
		t.Errorf("LoginForm = %v, %v, want login_required", form, err)
	}
	if _, form, err = p.LoginForm(t.Context(), newFlow(p).url(), idptest.Alice()); err != nil || form != nil {
		t.Errorf("LoginForm by query = %v, %v, want no form", form, err)
	}
	if got, err := p.Login(t.Context(), f.with("redirect_uri", "app:/cb").url(), idptest.Alice()); err != nil || !strings.HasPrefix(got, "app:/cb?error=invalid_request") {
		t.Errorf("Login = %q, %v, want invalid_request: no form is posted to an app", got, err)
	}
}
