package authhttp_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
)

// claims decodes the payload of an access token; what it says is checked elsewhere.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRefreshRotates(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	first := *s
	for range 20 { // django-rest-microservice signs out at the second refresh
		a.clock.advance(7 * time.Minute)
		before := s.refresh
		x := s.mustRefresh()
		if s.refresh == before {
			t.Fatal("the refresh token stays the same")
		}
		if s.csrf != first.csrf || x.text("CSRF_token") != first.csrf {
			t.Fatal("CSRF_token changes during a session: two tabs would invalidate each other's")
		}
	}
	if s.access == first.access || claims(t, s.access)["sid"] != claims(t, first.access)["sid"] {
		t.Error("the access token is not a fresh one of the same session")
	}
}

func TestRF_24_HeadersOfTokenAnswers(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	a.clock.advance(3 * time.Hour)
	x := s.mustRefresh()
	if got := x.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %q, want no-store", got)
	}
	for _, name := range []string{"Origin", "Cookie", "Sec-Fetch-Site"} {
		if !strings.Contains(x.header.Get("Vary"), name) {
			t.Errorf("Vary = %q, want %s in it", x.header.Get("Vary"), name)
		}
	}
	if got := len(x.header.Values("Set-Cookie")); got != 2 {
		t.Errorf("%d Set-Cookie lines, want 2", got)
	}
	c := x.cookies["refresh_cookie"]
	if want := int((21 * time.Hour).Seconds()); c.MaxAge != want || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/auth" {
		t.Errorf("cookie after 3 of 24 hours = %+v, want Max-Age %d and the configured attributes", c, want)
	}
}

func TestRF_01_NoRefreshToken(t *testing.T) {
	a := newApp(t, nil)
	for name, r := range map[string]request{
		"good body": {body: map[string]string{"CSRF_token": "x"}}, "no body": {}, "broken JSON": {body: "{"},
		"another media type": {body: "x", headers: map[string]string{"Content-Type": "text/plain"}},
		"other cookies":      {cookies: "a=b; CSRF_token=x"},
		"RF-23 (a): the token in the body of a browser": {body: map[string]string{"refresh_token": "x"}},
	} {
		for _, path := range []string{"refresh/", "logoff/"} {
			t.Run(path+name, func(t *testing.T) {
				x := a.do(path, r)
				x.want(t, 401, "no_refresh_token")
				if len(x.header.Values("Set-Cookie")) > 0 {
					t.Error("Set-Cookie on an answer to a request without a cookie")
				}
			})
		}
	}
	a.do("csrf/", request{method: "GET"}).want(t, 401, "no_refresh_token")
}

func TestRF_02_ForgedRefreshTokens(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	other := newApp(t, nil) // another deployment, with another secret
	_, otherPw := other.user("ada")
	foreign := other.signIn("ada", otherPw).refresh
	forged := map[string]string{"empty": "", "4 KiB": strings.Repeat("A", 4096), "no base64url": strings.Repeat("*", len(s.refresh)),
		"padded": s.refresh + "==", "lengthened": s.refresh + "A", "of another deployment": foreign, "quoted": `"` + s.refresh + `"`,
		"other last character": s.refresh[:len(s.refresh)-1] + nextBase64(s.refresh[len(s.refresh)-1])}
	for i := range s.refresh {
		forged[fmt.Sprint("flipped at ", i)] = s.refresh[:i] + nextBase64(s.refresh[i]) + s.refresh[i+1:]
		forged[fmt.Sprint("cut at ", i)] = s.refresh[:i]
	}
	raw, _ := base64.RawURLEncoding.DecodeString(s.refresh)
	for bit := range len(raw) * 8 {
		flipped := append([]byte(nil), raw...)
		flipped[bit/8] ^= 1 << (bit % 8)
		forged[fmt.Sprint("bit ", bit)] = base64.RawURLEncoding.EncodeToString(flipped)
	}
	before := a.rows()
	// With the store closed, a query would answer 503: garbage is refused before the database.
	a.store.Close()
	for name, token := range forged {
		x := a.do("refresh/", request{body: map[string]string{"CSRF_token": s.csrf}, cookies: "CSRF_token=" + s.csrf + "; refresh_cookie=" + token})
		if x.status != 401 || x.code() != "invalid_refresh_token" {
			t.Errorf("%s: %d %q, want 401 invalid_refresh_token", name, x.status, x.code())
		}
		if len(x.header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: the cookie is deleted or replaced", name)
		}
	}
	if a.rows() != before {
		t.Error("garbage changed the database")
	}
}

func TestRF_02_CookieSalt(t *testing.T) {
	secret := randomBytes(32)
	salted := func(salt string) *app {
		return newApp(t, func(c *config) { c.Secret, c.CookieSalt = secret, salt })
	}
	a, b := salted("one"), salted("two")
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	b.do("refresh/", request{cookies: s.cookieHeader(), body: map[string]string{"CSRF_token": s.csrf}}).want(t, 401, "invalid_refresh_token")
}

// nextBase64 is another character of the base64url alphabet whose lowest bit differs.
func nextBase64(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}

func TestRF_04_ForeignOriginsCannotRefresh(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	before := a.rows()
	for name, headers := range foreignCallers {
		for _, path := range []string{"refresh/", "logoff/"} {
			t.Run(path+name, func(t *testing.T) {
				x := a.do(path, request{body: map[string]string{"CSRF_token": s.csrf}, cookies: s.cookieHeader(), headers: headers})
				x.want(t, 403, "cross_origin")
				a.wantNothingIssued(x, before)
			})
		}
	}
	s.mustRefresh()
}

func TestRF_05_LO_03_CSRFToken(t *testing.T) {
	own := map[string]string{"Sec-Fetch-Site": "same-origin"}
	for _, mode := range []authhttp.CSRFMode{authhttp.CSRFAuto, authhttp.CSRFToken} {
		a := newApp(t, func(c *config) {
			c.HTTP.CSRF = mode
			c.HTTP.TrustedOrigins = []string{"https://spa.example.com"}
		})
		_, pw := a.user("ada")
		s, second := a.signIn("ada", pw), a.signIn("ada", pw)
		before := a.rows()
		refused := map[string]request{
			"RF-05: nothing said":         {cookies: s.cookieHeader()},
			"trusted origin, no token":    {cookies: s.cookieHeader(), headers: map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://spa.example.com"}},
			"old browser, no token":       {cookies: s.cookieHeader(), headers: map[string]string{"Origin": "https://app.example.com"}},
			"wrong":                       {cookies: s.cookieHeader(), body: map[string]string{"CSRF_token": "x"}},
			"present and wrong, own page": {cookies: s.cookieHeader(), body: map[string]string{"CSRF_token": second.csrf}, headers: own},
			"empty, own page":             {cookies: s.cookieHeader(), body: map[string]string{"CSRF_token": ""}, headers: own},
			"no cookie of it":             {cookies: "refresh_cookie=" + s.refresh, body: map[string]string{"CSRF_token": s.csrf}},
			"a pair of another session":   {cookies: "CSRF_token=" + second.csrf + "; refresh_cookie=" + s.refresh, body: map[string]string{"CSRF_token": second.csrf}},
			"not the cookie's":            {cookies: "CSRF_token=" + second.csrf + "; refresh_cookie=" + s.refresh, body: map[string]string{"CSRF_token": s.csrf}},
		}
		if mode == authhttp.CSRFToken {
			refused["own page without a token"] = request{cookies: s.cookieHeader(), headers: own}
		}
		for name, r := range refused {
			for _, path := range []string{"refresh/", "logoff/"} {
				t.Run(string(mode)+" "+path+name, func(t *testing.T) {
					x := a.do(path, r)
					x.want(t, 403, "csrf_failed")
					a.wantNothingIssued(x, before)
				})
			}
		}
		t.Run(string(mode)+" LO-03 (c) GET", func(t *testing.T) {
			for _, path := range []string{"logoff/", "refresh/", "sign-in/"} {
				x := a.do(path, request{method: "GET", cookies: s.cookieHeader()})
				x.want(t, 405, "method_not_allowed")
				if got := x.header.Get("Allow"); !strings.Contains(got, "POST") {
					t.Errorf("Allow = %q, want POST in it", got)
				}
				if x.text("detail") != `Method "GET" not allowed.` {
					t.Errorf("detail = %q", x.text("detail"))
				}
				a.wantNothingIssued(x, before)
			}
		})
		t.Run(string(mode)+" right in the body, wrong in the header", func(t *testing.T) {
			x := a.do("refresh/", request{cookies: s.cookieHeader(), body: map[string]string{"CSRF_token": s.csrf}, headers: map[string]string{"X-CSRF-Token": "x"}})
			x.want(t, 403, "csrf_failed")
			a.wantNothingIssued(x, before)
		})
		for name, r := range map[string]request{
			"in the header":    {headers: map[string]string{"X-CSRF-Token": s.csrf}},
			"in the body":      {body: map[string]string{"CSRF_token": s.csrf}},
			"two CSRF cookies": {body: map[string]string{"CSRF_token": s.csrf}, cookies: "CSRF_token=planted; "},
		} {
			t.Run(string(mode)+" accepted "+name, func(t *testing.T) {
				r.cookies += s.cookieHeader()
				a.do("refresh/", r).want(t, 200, "")
			})
		}
		if mode == authhttp.CSRFAuto {
			a.do("refresh/", request{cookies: s.cookieHeader(), headers: own}).want(t, 200, "")
		}
	}
}

func TestRF_06_07_CookieHeaders(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s, other := a.signIn("ada", pw), a.signIn("ada", pw)
	before := a.rows()
	cookie := func(s *session) string { return "refresh_cookie=" + s.refresh }
	for name, c := range map[string]struct{ cookies, code string }{
		"RF-06 ours first":    {s.cookieHeader() + "; " + cookie(other), "duplicate_cookie"},
		"RF-06 ours last":     {cookie(other) + "; " + s.cookieHeader(), "duplicate_cookie"},
		"RF-06 the same":      {s.cookieHeader() + "; " + cookie(s), "duplicate_cookie"},
		"RF-07 behind 4 000":  {strings.Repeat("a=b; ", 4000) + s.cookieHeader(), "invalid_request"},
		"RF-07 behind 64 KiB": {"a=" + strings.Repeat("b", 64<<10) + "; " + s.cookieHeader(), "invalid_request"},
	} {
		for _, path := range []string{"refresh/", "logoff/", "csrf/"} {
			t.Run(path+name, func(t *testing.T) {
				r := request{cookies: c.cookies, body: map[string]string{"CSRF_token": s.csrf}}
				if path == "csrf/" {
					r.method, r.body = "GET", nil
				}
				x := a.do(path, r)
				x.want(t, 400, c.code)
				a.wantNothingIssued(x, before)
			})
		}
	}
	s.mustRefresh()
	other.mustRefresh()
}

func TestRF_09_LostAnswers(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	held := *s // a client that never sees an answer
	lost := s.mustRefresh()
	a.clock.advance(5 * time.Second)
	again := held.post("refresh/")
	again.want(t, 200, "")
	if again.cookies["refresh_cookie"].Value != lost.cookies["refresh_cookie"].Value {
		t.Error("(a) a retry within the window got another successor")
	}
	a.clock.advance(3 * time.Hour)
	recovered := held.post("refresh/")
	recovered.want(t, 200, "")
	a.clock.advance(time.Minute)
	burnt := held
	burnt.refresh = lost.cookies["refresh_cookie"].Value
	x := burnt.post("refresh/")
	x.want(t, 401, "refresh_token_reused")
	if len(x.cookies) != 2 || x.cookies["refresh_cookie"].MaxAge >= 0 {
		t.Errorf("(c) cookies after reuse = %v, want both deleted", x.cookies)
	}
	held.take(recovered)
	held.post("refresh/").want(t, 401, "session_revoked")
	if !strings.Contains(a.log.String(), "refresh_reused") {
		t.Error("reuse is no audit event")
	}
}

func TestRF_18_TokensOfAnotherKind(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	before := a.rows()
	for _, token := range []string{s.access, s.csrf} {
		x := a.do("refresh/", request{cookies: "refresh_cookie=" + token, body: map[string]string{"CSRF_token": s.csrf}})
		x.want(t, 401, "invalid_refresh_token")
		a.wantNothingIssued(x, before)
	}
	for _, token := range []string{s.refresh, s.csrf} {
		x := a.do("user/", request{method: "GET", headers: map[string]string{"Authorization": "Bearer " + token}})
		x.want(t, 401, "token_not_valid")
		a.do("verify/", request{body: map[string]string{"token": token}}).want(t, 401, "token_not_valid")
	}
}

// RF-22: cookies are deleted when their session has really ended, and never otherwise.
func TestRF_22_WhenCookiesAreDeleted(t *testing.T) {
	type step func(*testing.T, *app, *session, sallyport.User)
	nothing := func(*testing.T, *app, *session, sallyport.User) {}
	for _, c := range []struct {
		name    string
		before  step
		request func(*session) request
		status  int
		code    string
		deleted bool
	}{
		{"ended", func(t *testing.T, a *app, s *session, _ sallyport.User) { copied := *s; copied.post("logoff/") }, nil, 401, "session_revoked", true},
		{"user disabled", func(t *testing.T, a *app, s *session, u sallyport.User) { a.svc.DisableUser(t.Context(), u.ID) }, nil, 401, "session_revoked", true},
		{"password changed", func(t *testing.T, a *app, s *session, u sallyport.User) {
			a.svc.SetPassword(t.Context(), u.ID, randomText())
		}, nil, 401, "session_revoked", true},
		{"absolute end", func(t *testing.T, a *app, s *session, _ sallyport.User) { a.clock.advance(24 * time.Hour) }, nil, 401, "refresh_token_expired", true},
		{"wrong secret or garbage", nothing, func(s *session) request { return request{cookies: "refresh_cookie=x"} }, 401, "invalid_refresh_token", false},
		{"two cookies", nothing, func(s *session) request { return request{cookies: "refresh_cookie=x; refresh_cookie=y"} }, 400, "duplicate_cookie", false},
		{"foreign origin", nothing, func(s *session) request {
			return request{cookies: s.cookieHeader(), headers: map[string]string{"Origin": "null"}}
		}, 403, "cross_origin", false},
		{"no CSRF_token", nothing, func(s *session) request { return request{cookies: s.cookieHeader()} }, 403, "csrf_failed", false},
		{"bad body", nothing, func(s *session) request { return request{cookies: s.cookieHeader(), body: "{"} }, 400, "invalid_request", false},
		{"bad media type", nothing, func(s *session) request {
			return request{cookies: s.cookieHeader(), body: "x", headers: map[string]string{"Content-Type": "text/plain"}}
		}, 415, "unsupported_media_type", false},
		{"large body", nothing, func(s *session) request {
			return request{cookies: s.cookieHeader(), body: `{"x":"` + strings.Repeat("x", 1<<20) + `"}`}
		}, 413, "body_too_large", false},
		{"database gone", func(t *testing.T, a *app, s *session, _ sallyport.User) { a.store.Close() }, nil, 503, "store_unavailable", false},
	} {
		for _, path := range []string{"refresh/", "csrf/", "logoff/"} {
			t.Run(path+c.name, func(t *testing.T) {
				a := newApp(t, nil)
				u, pw := a.user("ada")
				s := a.signIn("ada", pw)
				c.before(t, a, s, u)
				r := request{cookies: s.cookieHeader(), body: map[string]string{"CSRF_token": s.csrf}}
				if c.request != nil {
					r = c.request(s)
				}
				status, code, deleted := c.status, c.code, c.deleted
				switch path {
				case "csrf/":
					if code == "csrf_failed" || strings.HasPrefix(c.name, "bad") || c.name == "large body" {
						return // a GET has neither
					}
					r.method, r.body = "GET", nil
				case "logoff/":
					if code == "session_revoked" || code == "refresh_token_expired" {
						status, code = 200, "" // idempotent
					}
				}
				x := a.do(path, r)
				x.want(t, status, code)
				if got := len(x.cookies) == 2 && x.cookies["refresh_cookie"].MaxAge < 0 && x.cookies["CSRF_token"].MaxAge < 0; got != deleted {
					t.Errorf("cookies deleted = %v, want %v (%v)", got, deleted, x.header.Values("Set-Cookie"))
				}
				if !deleted && len(x.cookies) > 0 {
					t.Errorf("Set-Cookie = %v, want none", x.header.Values("Set-Cookie"))
				}
				if status == 503 && x.header.Get("Retry-After") == "" {
					t.Error("503 without Retry-After")
				}
			})
		}
	}
}

func TestIdleSessionsExpireAndTheAbsoluteEndStays(t *testing.T) {
	a := newApp(t, func(c *config) { c.IdleTTL = time.Hour })
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	for range 23 {
		a.clock.advance(59 * time.Minute)
		s.mustRefresh()
	}
	idle := a.signIn("ada", pw) // 22 h 37 min after the other
	a.clock.advance(59 * time.Minute)
	s.mustRefresh()
	a.clock.advance(time.Minute)
	idle.post("refresh/").want(t, 401, "refresh_token_expired")
	a.clock.advance(22 * time.Minute)
	x := s.mustRefresh()
	if got := x.cookies["refresh_cookie"].MaxAge; got != 60 {
		t.Errorf("Max-Age a minute before the absolute end = %d, want 60", got)
	}
	a.clock.advance(time.Minute)
	s.post("refresh/").want(t, 401, "refresh_token_expired")
}

func TestAccessTokensEndWithTheirSession(t *testing.T) {
	a := newApp(t, func(c *config) { c.SessionTTL = 6 * time.Minute })
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	a.clock.advance(5 * time.Minute)
	x := s.mustRefresh()
	if got := x.json["expires_in"]; got != 60.0 || claims(t, s.access)["exp"] != x.json["expires"] {
		t.Errorf("expires_in a minute before the end of the session = %v, want 60", got)
	}
}

func TestRF_23_NativeClients(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	nativeHeader := map[string]string{"X-Sallyport-Client": "native"}
	x := a.do("sign-in/", request{body: map[string]string{"username": "ada", "password": pw}, headers: nativeHeader})
	x.want(t, 200, "")
	token := x.text("refresh_token")
	if token == "" || len(x.header.Values("Set-Cookie")) > 0 || x.text("CSRF_token") != "" {
		t.Fatalf("native sign-in = %s, want the refresh token in the body and no cookie", x.body)
	}
	x = a.do("refresh/", request{body: map[string]string{"refresh_token": token}, headers: nativeHeader})
	x.want(t, 200, "")
	if next := x.text("refresh_token"); next == "" || next == token || len(x.cookies) > 0 {
		t.Errorf("native refresh = %s, want a successor in the body", x.body)
	}
	token = x.text("refresh_token")
	before := a.rows()
	for name, c := range map[string]struct {
		r      request
		status int
		code   string
	}{
		"(b) with a cookie":   {request{cookies: "refresh_cookie=" + token}, 400, "invalid_request"},
		"(b) with any cookie": {request{cookies: "a=b"}, 400, "invalid_request"},
		"(b) with an Origin":  {request{headers: map[string]string{"Origin": "https://app.example.com"}}, 403, "cross_origin"},
	} {
		t.Run(name, func(t *testing.T) {
			c.r.body = map[string]string{"refresh_token": token}
			headers := maps.Clone(nativeHeader)
			maps.Copy(headers, c.r.headers)
			c.r.headers = headers
			for _, path := range []string{"refresh/", "logoff/"} {
				x := a.do(path, c.r)
				x.want(t, c.status, c.code)
				a.wantNothingIssued(x, before)
			}
		})
	}
	x = a.do("refresh/", request{headers: nativeHeader})
	x.want(t, 400, "invalid_request")
	x = a.do("logoff/", request{body: map[string]string{"refresh_token": token}, headers: nativeHeader})
	x.want(t, 200, "")
	a.do("refresh/", request{body: map[string]string{"refresh_token": token}, headers: nativeHeader}).want(t, 401, "session_revoked")
}

func TestCSRFRoute(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	x := a.do("csrf/", request{method: "GET", cookies: s.cookieHeader()})
	x.want(t, 200, "")
	if x.text("CSRF_token") != s.csrf || len(x.cookies) > 0 {
		t.Errorf("csrf/ = %s %v, want the cookie's own value and no new cookie", x.body, x.cookies)
	}
	for name, cookies := range map[string]string{"no CSRF cookie": "refresh_cookie=" + s.refresh, "a foreign one": "CSRF_token=x; refresh_cookie=" + s.refresh} {
		x := a.do("csrf/", request{method: "GET", cookies: cookies})
		x.want(t, 200, "")
		if c := x.cookies["CSRF_token"]; x.text("CSRF_token") != s.csrf || c == nil || c.Value != s.csrf || c.MaxAge != 86400 {
			t.Errorf("%s: %s %v, want a fresh cookie for the rest of the session", name, x.body, x.cookies)
		}
	}
	x = a.do("csrf/", request{method: "GET", cookies: s.cookieHeader(), headers: map[string]string{"Sec-Fetch-Site": "cross-site"}})
	x.want(t, 403, "cross_origin")
}

func TestRootSecretRotatesWithoutSignOuts(t *testing.T) {
	old, fresh := randomBytes(32), randomBytes(32)
	a := newApp(t, func(c *config) { c.Secret = old })
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	serve := func(secret []byte, older ...[]byte) (*app, error) {
		svc, err := sallyport.New(sallyport.Config{Issuer: issuer, Store: a.store, Secret: secret, OldSecrets: older, Now: a.clock.now, Logger: a.logger()})
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { svc.Close() })
		return a.serve(t, svc, authhttp.Config{}), nil
	}
	if _, err := serve(fresh); err == nil || !strings.Contains(err.Error(), "another root secret") {
		t.Fatalf("New with a wrong secret = %v, want ErrUnknownSecret", err)
	}
	b, err := serve(fresh, old)
	if err != nil {
		t.Fatal(err)
	}
	withOld := *s
	withOld.app = b
	withOld.mustRefresh()
	b.do("verify/", request{body: map[string]string{"token": s.access}}).want(t, 200, "")
	alone, err := serve(fresh)
	if err != nil {
		t.Fatalf("the new secret alone: %v", err)
	}
	onlyNew := withOld
	onlyNew.app = alone
	onlyNew.csrf = alone.do("csrf/", request{method: "GET", cookies: "refresh_cookie=" + withOld.refresh}).text("CSRF_token")
	onlyNew.mustRefresh()
	alone.do("verify/", request{body: map[string]string{"token": s.access}}).want(t, 200, "")
	s.app = alone
	s.post("refresh/").want(t, 401, "invalid_refresh_token") // of the secret that was withdrawn
}
