package authhttp_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/authhttp"
)

// every is a request to each route, with the answer it should get from a client that brings nothing.
var every = []struct {
	method, path string
	status       int
	public       bool
}{
	{"POST", "sign-in/", 400, false}, {"POST", "social-exchange/", 400, false}, {"POST", "refresh/", 401, false}, {"POST", "verify/", 400, false},
	{"POST", "logoff/", 401, false}, {"GET", "csrf/", 401, false}, {"GET", "user/", 401, false},
	{"GET", "revocations/", 200, true}, {"POST", "revocations/", 405, true},
	{"GET", ".well-known/jwks.json", 200, true}, {"GET", ".well-known/openid-configuration", 200, true},
	{"GET", "nothing/", 404, false}, {"GET", "", 404, false}, {"DELETE", "sign-in/", 405, false}, {"POST", ".well-known/jwks.json", 405, true},
}

func TestHT_08_SecurityHeaders(t *testing.T) {
	a := newApp(t, nil)
	for _, c := range every {
		for _, path := range []string{c.path, strings.TrimSuffix(c.path, "/")} {
			x := a.do(path, request{method: c.method})
			if x.status != c.status {
				t.Errorf("%s %s = %d %s, want %d", c.method, path, x.status, x.body, c.status)
			}
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Strict-Transport-Security": "max-age=31536000",
			} {
				if got := x.header.Get(name); got != want {
					t.Errorf("%s %s: %s = %q, want %q", c.method, path, name, got, want)
				}
			}
			if got := x.header.Get("Content-Security-Policy"); !strings.Contains(got, "frame-ancestors 'none'") {
				t.Errorf("%s %s: Content-Security-Policy = %q", c.method, path, got)
			}
			if cached := x.header.Get("Cache-Control"); c.public && x.status == 200 == strings.Contains(cached, "no-store") || !c.public && cached != "no-store" {
				t.Errorf("%s %s: Cache-Control = %q", c.method, path, cached)
			}
			if x.status >= 400 && (x.code() == "" || x.text("detail") == "") {
				t.Errorf("%s %s: %s, want detail and code", c.method, path, x.body)
			}
		}
	}
}

func TestPathsThatNeedDecodingAreNotRoutes(t *testing.T) {
	a := newApp(t, nil)
	for _, path := range []string{"sign%2din/", "sign-in%2F", "%73ign-in/", "x/%2e%2e/sign-in/", "/sign-in/", "./sign-in/", "sign-in//"} {
		a.do(path, request{body: "{}"}).want(t, 404, "not_found")
	}
}

func TestNoHSTSOnHTTP(t *testing.T) {
	a := newApp(t, func(c *config) { c.Issuer = "http://127.0.0.1:8000/auth" })
	if x := a.do("csrf/", request{method: "GET"}); x.header.Get("Strict-Transport-Security") != "" {
		t.Error("HSTS on an http issuer")
	}
}

func TestHT_03_CORS(t *testing.T) {
	const trusted = "https://spa.example.com"
	a := newApp(t, func(c *config) { c.HTTP.TrustedOrigins = []string{trusted, "https://admin.example.com:8443"} })
	_, pw := a.user("ada")
	body := map[string]string{"username": "ada", "password": pw}
	preflight := func(path, origin string) answer {
		return a.do(path, request{method: "OPTIONS", headers: map[string]string{"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}})
	}
	x := preflight("sign-in/", trusted)
	if x.status != 204 || x.header.Get("Access-Control-Allow-Origin") != trusted || x.header.Get("Access-Control-Allow-Credentials") != "true" ||
		!strings.Contains(x.header.Get("Vary"), "Origin") || !strings.Contains(x.header.Get("Access-Control-Allow-Headers"), "Content-Type") {
		t.Errorf("(a) preflight = %d %v", x.status, x.header)
	}
	x = a.do("sign-in/", request{body: body, headers: map[string]string{"Origin": trusted, "Sec-Fetch-Site": "cross-site"}})
	x.want(t, 200, "")
	if x.header.Get("Access-Control-Allow-Origin") != trusted || x.header.Get("Access-Control-Expose-Headers") != "WWW-Authenticate, Retry-After" {
		t.Errorf("(a) actual request: %v", x.header)
	}
	for _, origin := range []string{
		"https://evil.example", "null", "https://spa.example.co", "https://spa.example.com.evil.example", "https://spa.example.com:444",
		"http://spa.example.com", "https://SPA.example.com", "https://admin.example.com", "https://spa.example.com/", "*",
	} {
		t.Run(origin, func(t *testing.T) {
			before := a.rows()
			for _, path := range []string{"sign-in/", "refresh/", "user/", "verify/"} {
				if x := preflight(path, origin); x.header.Get("Access-Control-Allow-Origin") != "" || x.status != 204 {
					t.Errorf("(b) preflight to %s = %d %v", path, x.status, x.header)
				}
			}
			x := a.do("sign-in/", request{body: body, headers: map[string]string{"Origin": origin}})
			x.want(t, 403, "cross_origin")
			if x.header.Get("Access-Control-Allow-Origin") != "" {
				t.Error("(b) a foreign origin may read the answer")
			}
			a.wantNothingIssued(x, before)
		})
	}
	for _, path := range []string{".well-known/jwks.json", ".well-known/openid-configuration"} {
		x := a.do(path, request{method: "GET", headers: map[string]string{"Origin": "https://anybody.example", "Sec-Fetch-Site": "cross-site"}})
		if x.status != 200 || x.header.Get("Access-Control-Allow-Origin") != "*" || x.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s = %d %v, want it readable by everybody, without credentials", path, x.status, x.header)
		}
	}
}

func TestHT_02_BodiesPastTheLimit(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	before := a.rows()
	large := `{"x":"` + strings.Repeat("x", 70<<10) + `"}`
	for _, path := range []string{"sign-in/", "social-exchange/", "refresh/", "verify/", "logoff/"} {
		x := a.do(path, request{body: large, cookies: s.cookieHeader()})
		x.want(t, 413, "body_too_large")
		a.wantNothingIssued(x, before)
	}
}

func TestMetadataAndKeySet(t *testing.T) {
	a := newApp(t, nil)
	x := a.do(".well-known/openid-configuration", request{method: "GET"})
	want := map[string]any{
		"issuer": issuer, "jwks_uri": issuer + "/.well-known/jwks.json", "id_token_signing_alg_values_supported": []any{"ES256"},
		"subject_types_supported": []any{"public"}, "response_types_supported": []any{},
	}
	if diff := cmp.Diff(want, x.json); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	x = a.do(".well-known/jwks.json/", request{method: "GET"})
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal([]byte(x.body), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("key set = %s (%v), want one key", x.body, err)
	}
	if diff := cmp.Diff([]string{"alg", "crv", "kid", "kty", "use", "x", "y"}, slices.Sorted(maps.Keys(set.Keys[0]))); diff != "" {
		t.Errorf("members of the key (-want +got):\n%s", diff)
	}
	if got := x.header.Get("Cache-Control"); got != "public, max-age=300, stale-if-error=86400" {
		t.Errorf("Cache-Control = %q", got)
	}
	etag := x.header.Get("ETag")
	x = a.do(".well-known/jwks.json", request{method: "GET", headers: map[string]string{"If-None-Match": `"x", W/` + etag}})
	if x.status != http.StatusNotModified || x.body != "" {
		t.Errorf("with its ETag: %d %q, want 304", x.status, x.body)
	}
	if x := a.do(".well-known/jwks.json", request{method: "HEAD"}); x.status != 200 || x.body != "" {
		t.Errorf("HEAD = %d %q", x.status, x.body)
	}
	if got := a.auth.MetadataPath(); got != "/.well-known/oauth-authorization-server/auth" {
		t.Errorf("MetadataPath = %q", got)
	}
}

func TestNewReportsEveryFault(t *testing.T) {
	a := newApp(t, nil)
	_, err := authhttp.New(a.svc, authhttp.Config{
		CSRF:           "off",
		TrustedOrigins: []string{"*", "https://spa.example.com/path", "http://spa.example.com", "https://SPA.example.com", "spa.example.com", "https://spa.example.com:443"},
		Cookie:         authhttp.CookieConfig{Name: "a b", Domain: "other.example", HostPrefix: true, Insecure: true, SameSite: http.SameSiteNoneMode},
	})
	if _, err := authhttp.New(a.svc, authhttp.Config{Cookie: authhttp.CookieConfig{Name: "__Host-x"}}); err == nil {
		t.Error("New with a cookie called __Host-x at /auth = nil, want a fault: browsers drop it")
	}
	if err == nil {
		t.Fatal("New = nil, want faults")
	}
	for _, part := range []string{"CSRF", "wildcards", "no path", "http is for loopback", "lower case", "no origin", "Cookie.Name", "Cookie.Domain", "Cookie.HostPrefix", "Cookie.Insecure", "SameSite: none"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("New = %v, want %q in it", err, part)
		}
	}
}

func TestCheckCookieDomain(t *testing.T) {
	for _, c := range []struct {
		domain, host string
		ok           bool
	}{
		{"", "app.example.com", true}, {"app.example.com", "app.example.com", true}, {"example.com", "app.example.com", true},
		{"ample.com", "app.example.com", false}, {".example.com", "app.example.com", false}, {"com", "app.example.com", false},
		{"localhost", "localhost", true}, {"0.0.1", "10.0.0.1", false}, {"10.0.0.1", "10.0.0.1", true},
	} {
		if err := authhttp.CheckCookieDomain(c.domain, c.host); (err == nil) != c.ok {
			t.Errorf("CheckCookieDomain(%q, %q) = %v, want ok = %v", c.domain, c.host, err, c.ok)
		}
	}
}

func TestHostPrefixedCookies(t *testing.T) {
	a := newApp(t, func(c *config) {
		c.Issuer = "https://app.example.com"
		c.HTTP.Cookie.HostPrefix = true
	})
	_, pw := a.user("ada")
	x := a.do("sign-in/", request{body: map[string]string{"username": "ada", "password": pw}})
	x.want(t, 200, "")
	c := x.cookies["__Host-refresh_cookie"]
	if c == nil || c.Path != "/" || c.Domain != "" || !c.Secure {
		t.Fatalf("cookies = %v", x.cookies)
	}
	x = a.do("refresh/", request{cookies: "__Host-CSRF_token=" + x.text("CSRF_token") + "; __Host-refresh_cookie=" + c.Value, body: map[string]string{"CSRF_token": x.text("CSRF_token")}})
	x.want(t, 200, "")
}

func TestAClientThatLeavesIsNoFaultOfOurs(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	ctx, leave := context.WithCancel(t.Context())
	leave()
	body := strings.NewReader(`{"username":"ada","password":"` + pw + `"}`)
	r := httptest.NewRequestWithContext(ctx, "POST", "/auth/sign-in/", body)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	a.auth.ServeHTTP(w, r)
	if w.Code < 500 || strings.Contains(a.log.String(), `"level":"ERROR"`) {
		t.Errorf("answer = %d, log = %s, want a 5xx that nobody sees and no error in the log", w.Code, a.log)
	}
}
