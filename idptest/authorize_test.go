package idptest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/idptest"
)

// TestFlowOfABrowser uses nothing of the provider but its addresses, which it reads from discovery.
func TestFlowOfABrowser(t *testing.T) {
	for _, personality := range []idptest.Personality{idptest.Plain, idptest.Cognito} {
		t.Run(string(personality), func(t *testing.T) {
			p := idptest.New(t, idptest.Config{Personality: personality})
			browser := client(t)
			var metadata map[string]any
			decodeBody(t, p.Issuer()+"/.well-known/openid-configuration", &metadata)
			f := newFlow(p)
			page, err := browser.Get(metadata["authorization_endpoint"].(string) + "?" + f.query.Encode())
			if err != nil {
				t.Fatal(err)
			}
			defer page.Body.Close()
			text, err := io.ReadAll(page.Body)
			if err != nil || page.StatusCode != http.StatusOK {
				t.Fatalf("login page = %d, %v, want 200", page.StatusCode, err)
			}
			for _, want := range []string{`<form method="post">`, `name="username"`, `name="password"`} {
				if !strings.Contains(string(text), want) {
					t.Fatalf("login page = %s, want %q in it", text, want)
				}
			}
			back, err := browser.PostForm(page.Request.URL.String(), url.Values{"username": {"alice"}, "password": {"alice"}})
			if err != nil {
				t.Fatal(err)
			}
			back.Body.Close()
			location, err := back.Location()
			if err != nil || back.StatusCode != http.StatusSeeOther {
				t.Fatalf("login = %d, %v, want 303 with a Location", back.StatusCode, err)
			}
			answer := location.Query()
			if !strings.HasPrefix(location.String(), "http://127.0.0.1/callback?") || answer.Get("state") != "state-1" {
				t.Errorf("login leads to %s, want the callback with the state", location)
			}
			if personality == idptest.Plain && answer.Get("iss") != p.Issuer() {
				t.Errorf("iss = %q, want %q (RFC 9207)", answer.Get("iss"), p.Issuer())
			}
			redeemed, err := browser.PostForm(metadata["token_endpoint"].(string), f.form(answer.Get("code")))
			if err != nil {
				t.Fatal(err)
			}
			defer redeemed.Body.Close()
			var doc map[string]any
			if err := json.NewDecoder(redeemed.Body).Decode(&doc); err != nil || redeemed.StatusCode != http.StatusOK {
				t.Fatalf("token endpoint = %d %v, %v, want 200", redeemed.StatusCode, doc, err)
			}
			if got := redeemed.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control = %q, want no-store", got)
			}
			if err := verify(fetchKeys(t, p), doc["id_token"].(string)); err != nil {
				t.Errorf("verify(id_token) = %v, want nil", err)
			}
			if _, claims := decode(t, doc["id_token"].(string)); claims["nonce"] != "nonce-1" {
				t.Errorf("nonce = %v, want nonce-1", claims["nonce"])
			}
			info, _, body := get(t, metadata["userinfo_endpoint"].(string), http.Header{"Authorization": {"Bearer " + doc["access_token"].(string)}})
			if info != http.StatusOK || !strings.Contains(body, `"email":"alice@example.com"`) {
				t.Errorf("UserInfo = %d %s, want 200 and the address", info, body)
			}
		})
	}
}

func TestUntrustedRequestsAreAnsweredHere(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	f := newFlow(p)
	for _, test := range []struct {
		name string
		flow flow
	}{
		{"no client", f.with("client_id")},
		{"another client", f.with("client_id", "other")},
		{"client twice", f.with("client_id", "spa", "spa")},
		{"no redirect URI", f.with("redirect_uri")},
		{"another host", f.with("redirect_uri", "https://evil.test/callback")},
		{"slash more", f.with("redirect_uri", "http://127.0.0.1/callback/")},
		{"query more", f.with("redirect_uri", "http://127.0.0.1/callback?x=1")},
		{"other case", f.with("redirect_uri", "http://127.0.0.1/Callback")},
		{"port more", f.with("redirect_uri", "http://127.0.0.1:80/callback")},
		{"redirect URI twice", f.with("redirect_uri", "http://127.0.0.1/callback", "https://evil.test/")},
		{"markup", f.with("redirect_uri", `"><script>alert(1)</script>`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, form := range []url.Values{nil, {"username": {"alice"}, "password": {"alice"}}} {
				method := http.MethodGet
				if form != nil {
					method = http.MethodPost
				}
				answer, body, err := do(t, method, test.flow.url(), form, nil)
				if err != nil {
					t.Fatal(err)
				}
				if answer.StatusCode != http.StatusBadRequest || answer.Header.Get("Location") != "" {
					t.Errorf("%s = %d, Location %q, want 400 and none", method, answer.StatusCode, answer.Header.Get("Location"))
				}
				if strings.Contains(body, "<script") {
					t.Errorf("page = %s, want no markup of the request", body)
				}
			}
			if _, err := p.Login(t.Context(), test.flow.url(), idptest.Alice()); !errors.Is(err, idptest.ErrLoginRefused) {
				t.Errorf("Login = %v, want %v", err, idptest.ErrLoginRefused)
			}
		})
	}
}

func TestRefusalsGoBackToTheClient(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	f := newFlow(p)
	for _, test := range []struct {
		name, want string
		flow       flow
	}{
		{"implicit flow", "unsupported_response_type", f.with("response_type", "token")},
		{"no response type", "unsupported_response_type", f.with("response_type")},
		{"fragment", "invalid_request", f.with("response_mode", "fragment")},
		{"no PKCE", "invalid_request", f.with("code_challenge").with("code_challenge_method")},
		{"PKCE plain", "invalid_request", f.with("code_challenge_method", "plain")},
		{"PKCE method left out, which means plain", "invalid_request", f.with("code_challenge_method")},
		{"challenge too short", "invalid_request", f.with("code_challenge", "abc")},
		{"no scope", "invalid_scope", f.with("scope")},
		{"nonce twice", "invalid_request", f.with("nonce", "a", "b")},
		{"request object", "request_not_supported", f.with("request", "e30.e30.")},
		{"request URI", "request_uri_not_supported", f.with("request_uri", "https://evil.test/")},
		{"prompt none", "login_required", f.with("prompt", "none")},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := test.flow.login(t, idptest.Alice())
			if answer.Get("error") != test.want || answer.Has("code") {
				t.Errorf("answer = %v, want error %s and no code", answer, test.want)
			}
			if answer.Get("state") != "state-1" || answer.Get("iss") != p.Issuer() {
				t.Errorf("state %q, iss %q, want both as in a good answer", answer.Get("state"), answer.Get("iss"))
			}
		})
	}
}

func TestToleratedParameters(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	f := newFlow(p)
	for _, test := range []struct {
		name string
		flow flow
	}{
		{"prompt login", f.with("prompt", "login")},
		{"login_hint", f.with("login_hint", "alice@example.com")},
		{"max_age and ui_locales", f.with("max_age", "0").with("ui_locales", "de")},
		{"response_mode query", f.with("response_mode", "query")},
		{"no state, no nonce", f.with("state").with("nonce")},
	} {
		if answer := test.flow.login(t, idptest.Alice()); answer.Get("code") == "" || answer.Has("state") != test.flow.query.Has("state") {
			t.Errorf("%s: answer = %v, want a code, and state as sent", test.name, answer)
		}
	}
	if _, _, body := get(t, f.with("login_hint", `a"><i>`).url(), nil); !strings.Contains(body, html.EscapeString(`a"><i>`)) {
		t.Errorf("page = %s, want the login_hint in the field, escaped", body)
	}
	// Core §3.1.2.1: the request may be posted as well.
	status, header, _ := post(t, p.URL(idptest.Authorize), f.query)
	if status != http.StatusSeeOther || header.Get("Location") != f.url() {
		t.Errorf("posted request = %d to %q, want 303 to %q", status, header.Get("Location"), f.url())
	}
}

func TestStateIsNotMarkup(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256", ShowUsers: true})
	state := `"><script>alert(1)</script>&iss=https://evil.test#` + "\r\nSet-Cookie: a=b"
	f := newFlow(p).with("state", state)
	if _, header, body := get(t, f.url(), nil); strings.Contains(body, "<script") || header.Get("Set-Cookie") != "" {
		t.Errorf("page = %s, want no script in it", body)
	}
	answer := f.login(t, idptest.Alice())
	if answer.Get("state") != state || len(answer["iss"]) != 1 || answer.Get("iss") != p.Issuer() {
		t.Errorf("answer = %v, want the state to the byte and one iss", answer)
	}
}

func TestRedirectURIKeepsItsQuery(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256", RedirectURIs: []string{"http://127.0.0.1/cb?tenant=a", "app:/cb"}})
	for _, test := range []struct{ name, uri, want string }{
		{"query", "http://127.0.0.1/cb?tenant=a", "http://127.0.0.1/cb?tenant=a&"},
		{"scheme of an app", "app:/cb", "app:/cb?"},
	} {
		f := newFlow(p).with("redirect_uri", test.uri)
		got, err := p.Login(t.Context(), f.url(), idptest.Alice())
		if err != nil || !strings.HasPrefix(got, test.want+"code=") {
			t.Errorf("%s: Login = %q, %v, want %q and the code", test.name, got, err, test.want)
		}
	}
}

func TestLoginIsRefused(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	for _, test := range []struct {
		name string
		user idptest.User
	}{
		{"wrong password", idptest.User{Username: "alice", Password: "wrong"}},
		{"nobody", idptest.User{Username: "mallory"}},
		{"the user without a name or an address", idptest.User{}},
	} {
		if got, err := p.Login(t.Context(), newFlow(p).url(), test.user); !errors.Is(err, idptest.ErrLoginRefused) {
			t.Errorf("%s: Login = %q, %v, want %v", test.name, got, err, idptest.ErrLoginRefused)
		}
	}
	if got, err := p.Login(t.Context(), "https://evil.test/authorize?x", idptest.Alice()); err == nil {
		t.Errorf("Login elsewhere = %q, want an error", got)
	}
	answer, body, err := do(t, http.MethodPost, newFlow(p).url(), url.Values{"username": {"alice"}, "password": {"x"}}, nil)
	if err != nil || answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, `role="alert"`) {
		t.Errorf("page after a wrong password = %v, %v, want 422 and an alert", answer, err)
	}
}

func TestPages(t *testing.T) {
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	for _, shown := range []bool{false, true} {
		p := idptest.New(t, idptest.Config{Algorithm: "ES256", ShowUsers: shown, FaultPage: true,
			Users: []idptest.User{{Username: "alice", Password: "quick<b>brown"}}})
		for name, address := range map[string]string{
			"login": newFlow(p).url(), "first": p.BaseURL() + "/", "refused": p.URL(idptest.Authorize),
			"faults": p.BaseURL() + "/faults", "ended": p.URL(idptest.EndSession) + "?client_id=spa",
			"post": newFlow(p).with("response_mode", "form_post").with("prompt", "none").url(),
		} {
			_, header, body := get(t, address, nil)
			if has := strings.Contains(body, "quick&lt;b&gt;brown"); has != (shown && (name == "login" || name == "first")) {
				t.Errorf("%s page: password is shown = %v with ShowUsers %v", name, has, shown)
			}
			found := style.FindStringSubmatch(body)
			if found == nil {
				t.Fatalf("%s page = %s, want a style", name, body)
			}
			sum := sha256.Sum256([]byte(found[1]))
			if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, base64.StdEncoding.EncodeToString(sum[:])) {
				t.Errorf("%s page: policy %q does not allow its own style", name, policy)
			}
			for _, want := range []string{`<html lang="en">`, `width=device-width`, `content="light dark"`, `<h1>`} {
				if !strings.Contains(body, want) {
					t.Errorf("%s page = %s, want %q in it", name, body, want)
				}
			}
		}
	}
}

func TestCodeIsBound(t *testing.T) {
	now := noon
	p := idptest.New(t, idptest.Config{Algorithm: "ES256", Now: func() time.Time { return now },
		RedirectURIs: []string{"http://127.0.0.1/callback", "http://127.0.0.1/other"}})
	f := newFlow(p)
	change := func(name, value string) func(url.Values) {
		return func(form url.Values) { form.Set(name, value) }
	}
	for _, test := range []struct {
		name   string
		change func(url.Values)
		later  time.Duration
		status int
		want   string
		burns  bool
	}{
		{"right", func(url.Values) {}, 0, 200, "", true},
		{"right after 59 s", func(url.Values) {}, 59 * time.Second, 200, "", true},
		{"late", func(url.Values) {}, 60 * time.Second, 400, "invalid_grant", true},
		{"wrong verifier", change("code_verifier", strings.Repeat("w", 43)), 0, 400, "invalid_grant", true},
		{"no verifier", change("code_verifier", ""), 0, 400, "invalid_grant", true},
		{"the challenge as verifier", change("code_verifier", f.query.Get("code_challenge")), 0, 400, "invalid_grant", true},
		{"another registered redirect URI", change("redirect_uri", "http://127.0.0.1/other"), 0, 400, "invalid_grant", true},
		{"another client", change("client_id", "other"), 0, 401, "invalid_client", false},
		{"a secret that a public client has not", change("client_secret", "x"), 0, 401, "invalid_client", false},
		{"unknown code", change("code", "x"), 0, 400, "invalid_grant", false},
		{"grant type", change("grant_type", "password"), 0, 400, "unsupported_grant_type", false},
		{"repeated parameter", func(form url.Values) { form.Add("code", "x") }, 0, 400, "invalid_request", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			now = noon
			right := f.form(f.login(t, idptest.Alice()).Get("code"))
			form := f.form(right.Get("code"))
			test.change(form)
			now = now.Add(test.later)
			status, _, doc := post(t, p.URL(idptest.Token), form)
			if got, _ := doc["error"].(string); status != test.status || got != test.want {
				t.Errorf("first = %d %q, want %d %q", status, got, test.status, test.want)
			}
			again, _, second := post(t, p.URL(idptest.Token), right)
			if burnt := again != http.StatusOK; burnt != test.burns {
				t.Errorf("the right request after it = %d %v, want refused = %v", again, second["error"], test.burns)
			}
			if access, _ := doc["access_token"].(string); access != "" {
				// RFC 6749 §4.1.2: a code that comes twice ends what came of it.
				if status, _, _ := get(t, p.URL(idptest.Userinfo), http.Header{"Authorization": {"Bearer " + access}}); status != http.StatusUnauthorized {
					t.Errorf("UserInfo after the code came twice = %d, want 401", status)
				}
			}
		})
	}
	if answer, body, err := do(t, http.MethodPost, p.URL(idptest.Token), f.form("x"), http.Header{"Content-Type": {"application/json"}}); err != nil ||
		answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, "invalid_request") {
		t.Errorf("JSON at the token endpoint = %v %s, %v, want 400 invalid_request", answer, body, err)
	}
}

func TestClientAuthenticates(t *testing.T) {
	const id, secret = "shop:1", "s%c r+t"
	p := idptest.New(t, idptest.Config{Algorithm: "ES256", ClientID: id, ClientSecret: secret})
	f := newFlow(p)
	basic := func(id, secret string) http.Header {
		return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))}}
	}
	for _, test := range []struct {
		name     string
		header   http.Header
		id, post string
		want     int
	}{
		{"basic", basic(id, secret), "", "", 200},
		{"basic, and the same id in the form", basic(id, secret), id, "", 200},
		{"post", nil, id, secret, 200},
		{"basic, wrong", basic(id, "x"), "", "", 401},
		{"basic and post", basic(id, secret), id, secret, 401},
		{"basic, another id in the form", basic(id, secret), "other", "", 401},
		{"post, wrong", nil, id, "x", 401},
		{"none", nil, id, "", 401},
	} {
		form := f.form(f.login(t, idptest.Alice()).Get("code"))
		form.Del("client_id")
		if test.id != "" {
			form.Set("client_id", test.id)
		}
		if test.post != "" {
			form.Set("client_secret", test.post)
		}
		answer, body, err := do(t, http.MethodPost, p.URL(idptest.Token), form, test.header)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != test.want || (answer.Header.Get("WWW-Authenticate") != "") != (test.want == 401) {
			t.Errorf("%s = %d %s, want %d, and a challenge with 401", test.name, answer.StatusCode, body, test.want)
		}
	}
}

func TestRefreshTokensRotate(t *testing.T) {
	now := noon
	p := idptest.New(t, idptest.Config{Personality: idptest.Cognito, Now: func() time.Time { return now }})
	refresh := func(token string) (int, map[string]any) {
		status, _, doc := post(t, p.URL(idptest.Token), url.Values{
			"grant_type": {"refresh_token"}, "client_id": {p.ClientID()}, "refresh_token": {token}})
		return status, doc
	}
	first := signIn(t, p, idptest.Alice())
	now = now.Add(2 * time.Hour)
	if status, _, _ := get(t, p.URL(idptest.Userinfo), http.Header{"Authorization": {"Bearer " + first.AccessToken}}); status != http.StatusUnauthorized {
		t.Errorf("UserInfo with an expired token = %d, want 401", status)
	}
	status, second := refresh(first.RefreshToken)
	if status != http.StatusOK || second["refresh_token"] == first.RefreshToken {
		t.Fatalf("refresh = %d %v, want 200 and another refresh token", status, second)
	}
	_, was := decode(t, first.IDToken)
	_, is := decode(t, second["id_token"].(string))
	// Core §12.2
	if is["sub"] != was["sub"] || is["auth_time"] != was["auth_time"] || is["origin_jti"] != was["origin_jti"] || is["iat"] == was["iat"] || is["nonce"] != nil {
		t.Errorf("refreshed claims = %v after %v, want the same sub, auth_time and origin_jti, a new iat, no nonce", is, was)
	}
	if status, doc := refresh(first.RefreshToken); status != http.StatusBadRequest || doc["error"] != "invalid_grant" {
		t.Errorf("old refresh token = %d %v, want 400 invalid_grant", status, doc)
	}
	if status, doc := refresh(second["refresh_token"].(string)); status != http.StatusBadRequest {
		t.Errorf("new refresh token after the old one came again = %d %v, want 400", status, doc)
	}
	third := p.Tokens(idptest.Alice())
	now = now.Add(31 * 24 * time.Hour)
	if status, doc := refresh(third.RefreshToken); status != http.StatusBadRequest {
		t.Errorf("refresh token after 31 days = %d %v, want 400", status, doc)
	}
}

func TestUserinfo(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	all := p.Tokens(idptest.Alice())
	for _, test := range []struct {
		name, authorization string
		status              int
		challenge           string
	}{
		{"right", "Bearer " + all.AccessToken, 200, ""},
		{"scheme in another case", "bearer " + all.AccessToken, 200, ""},
		{"nothing", "", 401, "Bearer"},
		{"basic", "Basic eDp5", 401, "Bearer"},
		{"ID token", "Bearer " + all.IDToken, 401, `Bearer error="invalid_token"`},
		{"scope without openid", "Bearer " + p.Tokens(idptest.Alice(), idptest.Scope("email")).AccessToken, 403, `Bearer error="insufficient_scope", scope="openid"`},
	} {
		header := http.Header{}
		if test.authorization != "" {
			header.Set("Authorization", test.authorization)
		}
		status, got, body := get(t, p.URL(idptest.Userinfo), header)
		if status != test.status || got.Get("WWW-Authenticate") != test.challenge {
			t.Errorf("%s: UserInfo = %d, %q, want %d, %q: %s", test.name, status, got.Get("WWW-Authenticate"), test.status, test.challenge, body)
		}
	}
	for _, test := range []struct{ scope, has, hasNot string }{
		{"openid", `"sub"`, `"email"`},
		{"openid email", `"email_verified":true`, `"given_name"`},
		{"openid profile", `"groups":["staff"]`, `"email"`},
	} {
		tokens := p.Tokens(idptest.Alice(), idptest.Scope(test.scope))
		_, _, body := get(t, p.URL(idptest.Userinfo), http.Header{"Authorization": {"Bearer " + tokens.AccessToken}})
		if !strings.Contains(body, test.has) || strings.Contains(body, test.hasNot) {
			t.Errorf("scope %q: UserInfo = %s, want %s and not %s", test.scope, body, test.has, test.hasNot)
		}
	}
}
