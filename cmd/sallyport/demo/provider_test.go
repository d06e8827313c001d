package demo

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// comeBack does what the page and a person do at the provider: authorization request with PKCE, login
// page, code, token endpoint. It reads the addresses from the page, as the script does, and returns the
// body for social-exchange/.
func (b *browser) comeBack(page answer, username string) map[string]any {
	b.t.Helper()
	where := func(name string) string {
		match := regexp.MustCompile(`data-` + name + `="([^"]*)"`).FindStringSubmatch(page.body)
		if match == nil {
			b.t.Fatalf("the page has no data-%s", name)
		}
		return match[1]
	}
	verifier, state, nonce := rand.Text()+rand.Text(), rand.Text(), rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	address := where("authorize") + "?" + url.Values{
		"response_type": {"code"}, "client_id": {where("client")}, "redirect_uri": {where("redirect")},
		"scope": {"openid email profile"}, "state": {state}, "nonce": {nonce},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode()
	const form = "application/x-www-form-urlencoded"
	login := b.do(http.MethodPost, address, form, url.Values{"username": {username}, "password": {username}}.Encode(), nil)
	callback, err := url.Parse(login.header.Get("Location"))
	if err != nil || callback.Query().Get("state") != state || callback.Query().Get("code") == "" {
		b.t.Fatalf("login = %d to %q, want a code", login.status, login.header.Get("Location"))
	}
	if callback.RawQuery = ""; callback.String() != b.origin+"/" {
		b.t.Errorf("the provider sends the browser to %s, want the page", callback)
	}
	redeemed := b.do(http.MethodPost, where("token"), form, url.Values{
		"grant_type": {"authorization_code"}, "client_id": {where("client")}, "redirect_uri": {where("redirect")},
		"code": {login.code()}, "code_verifier": {verifier},
	}.Encode(), nil)
	redeemed.want(b.t, "token endpoint", 200, "")
	if allowed := redeemed.header.Get("Access-Control-Allow-Origin"); allowed != b.origin {
		b.t.Errorf("token endpoint: Access-Control-Allow-Origin = %q, want %q", allowed, b.origin)
	}
	redeemed.json["nonce"] = nonce
	return redeemed.json
}

// code is the authorization code in the address that a login redirects to.
func (a answer) code() string {
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		return ""
	}
	return u.Query().Get("code")
}

func TestProviderDoor(t *testing.T) {
	r := run(t)
	page := r.browser().get(r.App, nil)
	tests := []struct {
		username, email string
		verified        bool
	}{
		{"alice", "alice@example.com", true},
		{"bob", "bob@example.com", false},
		{"carol", "", false},
	}
	for _, test := range tests {
		t.Run(test.username, func(t *testing.T) {
			b := r.browser()
			in := b.post(r.Issuer+"/social-exchange/", b.comeBack(page, test.username))
			in.want(t, "social-exchange", 200, "")
			user, _ := in.json["user"].(map[string]any)
			if user["username"] != test.username || user["email"] != test.email || user["email_verified"] != test.verified {
				t.Errorf("user = %v, want %v", user, test)
			}
			b.get(r.Orders, bearer(in.text("access_token"))).want(t, "orders", 200, "")
			b.post(r.Issuer+"/refresh/", map[string]any{"CSRF_token": in.text("CSRF_token")}).want(t, "refresh", 200, "")
		})
	}
}

// The server's door: no token of the provider comes near the page.
func TestLoginDoor(t *testing.T) {
	r := run(t)
	b := r.browser()
	page := b.get(r.App, nil)
	start := regexp.MustCompile(`href="(/auth/login/[^"]*)"`).FindStringSubmatch(page.body)
	if start == nil {
		t.Fatal("the page has no link to login/")
	}
	away := b.get(strings.TrimSuffix(r.App, "/")+start[1], nil)
	const form = "application/x-www-form-urlencoded"
	back := b.do(http.MethodPost, away.header.Get("Location"), form, url.Values{"username": {"alice"}, "password": {"alice"}}.Encode(), nil)
	if !strings.HasPrefix(back.header.Get("Location"), r.Issuer+"/callback/") {
		t.Fatalf("the provider sends the browser to %q, want the callback", back.header.Get("Location"))
	}
	landed := b.get(back.header.Get("Location"), nil)
	if landed.status != http.StatusSeeOther || landed.header.Get("Location") != r.App {
		t.Fatalf("callback = %d to %q %s, want 303 to the page", landed.status, landed.header.Get("Location"), landed.body)
	}
	in := b.post(r.Issuer+"/refresh/", map[string]any{"CSRF_token": b.get(r.Issuer+"/csrf/", nil).text("CSRF_token")})
	in.want(t, "refresh", 200, "")
	if user, _ := in.json["user"].(map[string]any); user["username"] != "alice" {
		t.Errorf("user = %v, want alice", user)
	}
	b.get(r.Orders, bearer(in.text("access_token"))).want(t, "orders", 200, "")
}

func TestProviderDoorStaysShut(t *testing.T) {
	r := run(t)
	b := r.browser()
	page := b.get(r.App, nil)
	tests := []struct {
		name   string
		change func(map[string]any)
		code   string
	}{
		{"another nonce", func(body map[string]any) { body["nonce"] = rand.Text() }, "idp_token_invalid"},
		{"no nonce", func(body map[string]any) { delete(body, "nonce") }, "idp_token_invalid"},
		{"the access token", func(body map[string]any) { body["id_token"] = body["access_token"] }, "idp_token_invalid"},
		{"a token used before", func(body map[string]any) { b.post(r.Issuer+"/social-exchange/", body) }, "idp_token_replayed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body := b.comeBack(page, "alice")
			test.change(body)
			b.post(r.Issuer+"/social-exchange/", body).want(t, "social-exchange", 401, test.code)
		})
	}
}
