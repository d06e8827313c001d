package authhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// What is true of every route is asked of every route here; openapi.yaml says it of each.

// granted is a request to each route that is for one client alone, with all that it wants, by "METHOD path".
func granted(a loginApp, s *session, pw string) map[string]request {
	csrf := request{body: map[string]any{"CSRF_token": s.csrf}, cookies: s.cookieHeader()}
	bearer := map[string]string{"Authorization": "Bearer " + s.access}
	byGET, getQuery := a.returning()
	byPOST, postQuery := a.returning()
	return map[string]request{
		"GET login/{provider}":               {method: "GET", query: "?return_to=/"},
		"GET callback/{provider}":            {method: "GET", query: "?" + getQuery, cookies: byGET},
		"POST callback/{provider}":           {body: postQuery, headers: form, cookies: byPOST},
		"POST backchannel-logout/{provider}": {body: url.Values{"logout_token": {a.plain.LogoutToken(idptest.Alice())}}.Encode(), headers: form},

		"POST sign-in":         {body: map[string]any{"username": "ada", "password": pw}},
		"POST social-exchange": {body: map[string]any{"id_token": a.plain.Tokens(idptest.Alice()).IDToken}},
		"POST refresh":         csrf,
		"POST logoff":          csrf,
		"POST verify":          {body: map[string]any{"token": s.access}},
		"GET csrf":             {method: "GET", cookies: s.cookieHeader()},
		"HEAD csrf":            {method: "HEAD", cookies: s.cookieHeader()},
		"GET user":             {method: "GET", headers: bearer},
		"HEAD user":            {method: "HEAD", headers: bearer},
		"GET sessions":         {method: "GET", headers: bearer},
		"HEAD sessions":        {method: "HEAD", headers: bearer},
		"DELETE sessions/{id}": {method: "DELETE", headers: bearer},
		"GET identities":       {method: "GET", headers: bearer},
		"HEAD identities":      {method: "HEAD", headers: bearer},

		"POST identities/{identity}":   {body: map[string]any{"return_to": "/"}, headers: bearer},
		"DELETE identities/{identity}": {method: "DELETE", headers: bearer},

		"POST password": {body: map[string]any{"current_password": pw, "new_password": randomText()}, headers: bearer},
	}
}

// returning is a browser that comes back from the provider: the cookie of its login, and what it brings along.
func (l loginApp) returning() (cookie, query string) {
	l.t.Helper()
	f := l.begin("plain", "/", "")
	return f.cookie.Name + "=" + f.cookie.Value, f.signIn(l.plain, idptest.Alice()).Encode()
}

// newAppAndRequests is an app, a session, and a request to each of its routes that it would grant.
func newAppAndRequests(t *testing.T) (loginApp, map[string]request) {
	t.Helper()
	a := newLoginApp(t, nil)
	_, pw := a.user("ada")
	requests := granted(a, a.signIn("ada", pw), pw)
	for route := range requests {
		if !slices.Contains(a.auth.Routes(), route) {
			t.Errorf("the handler has no route %s", route)
		}
	}
	for _, route := range a.auth.Routes() {
		method, path, _ := strings.Cut(route, " ")
		if _, ok := requests[route]; !ok && method != "OPTIONS" && !isDocument(path) {
			t.Errorf("no request to %s", route)
		}
	}
	a.exchange(a.plain.Tokens(idptest.Alice()).IDToken).want(t, 200, "") // the provider's keys are there
	return a, requests
}

// pathOf is a path of the route "METHOD path": with some id, if it needs one.
func pathOf(route string) string {
	_, path, _ := strings.Cut(route, " ")
	some := sallyport.NewID(time.Now()).String()
	identity := some
	if strings.HasPrefix(route, "POST ") {
		identity = "plain" // the name of a provider
	}
	return strings.NewReplacer("{id}", some, "{identity}", identity, "{provider}", "plain").Replace(path)
}

// fromAnywhere are the routes to which foreign pages may lead: they have proofs of their own.
func fromAnywhere(path string) bool { return strings.HasSuffix(path, "/{provider}") }

// isDocument: public, and readable from every origin.
func isDocument(path string) bool { return strings.Contains(path, ".") || path == "revocations" }

// wantFromAll checks that each request gets this answer, HEAD without the code. A fault is told to a callback at return_to.
func wantFromAll(t *testing.T, a loginApp, requests map[string]request, status int, code string) {
	t.Helper()
	for route, r := range requests {
		x := a.do(pathOf(route), r)
		if status >= 500 && strings.HasSuffix(route, " callback/{provider}") {
			x.wantReturn(t, "https://app.example.com/?sallyport_error="+code)
			login, _, _ := strings.Cut(r.cookies, "=")
			delete(x.cookies, login) // it was deleted in the browser
		} else if x.status != status || x.code() != code && r.method != "HEAD" {
			t.Errorf("%s = %d %s, want %d %s", route, x.status, x.body, status, code)
		}
		if len(x.cookies) > 0 {
			t.Errorf("%s: a refused request was given %v", route, x.cookies)
		}
	}
}

func TestEveryRouteWithoutItsDatabase(t *testing.T) {
	a, requests := newAppAndRequests(t)
	a.store.Close()
	wantFromAll(t, a, requests, 503, "store_unavailable")
}

func TestEveryRouteOnADatabaseThatLacksATable(t *testing.T) {
	a, requests := newAppAndRequests(t)
	drop := func(table string) {
		if _, err := a.db.Exec("drop table " + table); err != nil {
			t.Fatal(err)
		}
	}
	const login = "GET login/{provider}" // which only counts
	starting := map[string]request{login: requests[login]}
	delete(requests, login)
	drop("sessions")
	drop("identities")
	wantFromAll(t, a, requests, 500, "internal")
	drop("counters")
	wantFromAll(t, a, starting, 500, "internal")
}

func TestEveryRouteIsClosedToForeignPages(t *testing.T) {
	a, requests := newAppAndRequests(t)
	for route, r := range requests {
		headers := map[string]string{"Sec-Fetch-Site": "cross-site"}
		maps.Copy(headers, r.headers)
		r.headers = headers
		requests[route] = r
	}
	for route, r := range requests {
		if fromAnywhere(route) {
			if x := a.do(pathOf(route), r); x.status >= 400 {
				t.Errorf("%s from a foreign page = %d %s", route, x.status, x.body)
			}
			delete(requests, route)
		}
	}
	wantFromAll(t, a, requests, 403, "cross_origin")
}

func TestEveryPostIsJSONOrAForm(t *testing.T) {
	a, requests := newAppAndRequests(t)
	for route, r := range requests {
		headers := map[string]string{}
		maps.Copy(headers, r.headers)
		headers["Content-Type"] = "text/plain"
		r.headers = headers
		requests[route] = r
	}
	maps.DeleteFunc(requests, func(_ string, r request) bool { return r.body == nil })
	wantFromAll(t, a, requests, 415, "unsupported_media_type")
}

func TestEveryRouteAnswersOPTIONS(t *testing.T) {
	a := newApp(t, nil)
	allowed := map[string][]string{}
	for _, route := range a.auth.Routes() {
		method, path, _ := strings.Cut(route, " ")
		allowed[path] = append(allowed[path], method)
	}
	for path, methods := range allowed {
		x := a.do(pathOf("OPTIONS "+path), request{method: "OPTIONS", headers: map[string]string{"Origin": "https://anybody.example", "Sec-Fetch-Site": "cross-site"}})
		got := strings.Split(x.header.Get("Allow"), ", ")
		slices.Sort(got)
		if diff := cmp.Diff(methods, got); diff != "" || x.status != 204 {
			t.Errorf("OPTIONS %s = %d, Allow (-want +got):\n%s", path, x.status, diff)
		}
		if readable := x.header.Get("Access-Control-Allow-Origin") == "*"; readable != isDocument(path) {
			t.Errorf("OPTIONS %s: readable by every origin = %v", path, readable)
		}
	}
}

// HEAD has the status and the headers of GET (RFC 9110 §9.3.2), and what GET may refuse is refused here.
func TestHEADIsGETWithoutTheBody(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	etag := func(path string) string { return a.do(path, request{method: "GET"}).header.Get("ETag") }
	const keys, metadata, description = ".well-known/jwks.json", ".well-known/openid-configuration", "openapi.yaml"
	for _, c := range []struct {
		name, path string
		r          request
		status     int
	}{
		{"CSRF_token", "csrf/", request{cookies: s.cookieHeader()}, 200},
		{"CSRF_token and its cookie", "csrf/", request{cookies: "refresh_cookie=" + s.refresh}, 200},
		{"two cookies", "csrf/", request{cookies: "refresh_cookie=x; refresh_cookie=y"}, 400},
		{"no cookie", "csrf/", request{}, 401},
		{"user", "user/", request{headers: map[string]string{"Authorization": "Bearer " + s.access}}, 200},
		{"no token", "user/", request{}, 401},
		{"sessions", "sessions/", request{headers: map[string]string{"Authorization": "Bearer " + s.access}}, 200},
		{"keys", keys, request{}, 200},
		{"keys that are known", keys, request{headers: map[string]string{"If-None-Match": etag(keys)}}, 304},
		{"metadata", metadata, request{}, 200},
		{"metadata that is known", metadata, request{headers: map[string]string{"If-None-Match": etag(metadata)}}, 304},
		{"the feed", "revocations/", request{}, 200},
		{"the feed, malformed", "revocations/", request{query: "?after=x"}, 400},
		{"this description", description, request{}, 200},
		{"this description, known", description, request{headers: map[string]string{"If-None-Match": etag(description)}}, 304},
		{"unknown path", "nothing/", request{}, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.r.method = "GET"
			get := a.do(c.path, c.r)
			c.r.method = "HEAD"
			head := a.do(c.path, c.r)
			if get.status != c.status || head.status != c.status || head.body != "" {
				t.Errorf("GET = %d, HEAD = %d %q, want %d and no body", get.status, head.status, head.body, c.status)
			}
			get.header.Del("Date")
			head.header.Del("Date")
			if diff := cmp.Diff(get.header, head.header); diff != "" {
				t.Errorf("headers (-GET +HEAD):\n%s", diff)
			}
		})
	}
}

func TestEveryBearerRouteWantsAToken(t *testing.T) {
	a, requests := newAppAndRequests(t)
	maps.DeleteFunc(requests, func(_ string, r request) bool { return r.headers["Authorization"] == "" })
	if len(requests) < 6 {
		t.Errorf("%d routes want a bearer token", len(requests))
	}
	for value, code := range map[string]string{"-": "missing_token", "Basic YTpi": "missing_token", "Bearer x": "token_not_valid"} {
		for route, r := range requests {
			r.headers = map[string]string{"Authorization": value}
			requests[route] = r
		}
		wantFromAll(t, a, requests, 401, code)
	}
}

// Two Authorization headers are one too many: another reader may take the other one (RFC 9110 §5.3).
func TestTwoAuthorizationHeaders(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	access := a.signIn("ada", pw).access
	for _, route := range []string{"GET user", "HEAD user", "GET sessions", "HEAD sessions", "DELETE sessions/{id}", "POST password", "GET identities", "HEAD identities", "POST identities/{identity}", "DELETE identities/{identity}"} {
		method, _, _ := strings.Cut(route, " ")
		r, err := http.NewRequestWithContext(t.Context(), method, a.base+pathOf(route)+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Authorization"] = []string{"Bearer " + access, "Bearer x"}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != 400 || response.Header.Get("WWW-Authenticate") != `Bearer error="invalid_request"` {
			t.Errorf("%s = %d %v %s (%v), want 400 and a challenge", route, response.StatusCode, response.Header, body, err)
		}
		if err := document.Check(r, nil, response, body, a.mount); err != nil {
			t.Error(err)
		}
	}
}

func TestExchangeOverTwoCookies(t *testing.T) {
	a := newAppWithProviders(t, nil)
	before := a.rows()
	x := a.do("social-exchange/", request{body: map[string]any{"id_token": a.oidc.Tokens(idptest.Alice()).IDToken}, cookies: "refresh_cookie=x; refresh_cookie=y"})
	x.want(t, 400, "duplicate_cookie")
	a.wantNothingIssued(x, before)
}

func TestExchangeWhoseClaimsFail(t *testing.T) {
	a := newAppWithProviders(t, func(c *config, _ *idp.OIDC, _ *idp.Cognito) {
		c.Claims = []sallyport.ClaimFunc{func(context.Context, sallyport.ClaimRequest) (map[string]any, error) {
			return nil, errors.New("directory is down")
		}}
	})
	before := a.rows()
	x := a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken)
	x.want(t, 500, "claims_failed")
	a.wantNothingIssued(x, before)
}

// One slot, hashes that take a while, and nobody may wait for long: some sign-ins are turned away, and say so.
func TestSignInsBeyondTheHashingSlots(t *testing.T) {
	a := newApp(t, func(c *config) {
		c.Password = password.Config{Memory: 64 << 10, Passes: 2, Slots: 1, MaxWait: 1}
	})
	_, pw := a.user("ada")
	answers := parallel(8, func() string {
		x, err := a.try("sign-in/", request{body: map[string]any{"username": "ada", "password": pw}})
		return strings.TrimSpace(fmt.Sprintf("%v %d %s %s", err, x.status, x.code(), x.header.Get("Retry-After")))
	})
	signedIn, turnedAway := answers["<nil> 200"], answers["<nil> 503 overloaded 2"]
	if signedIn == 0 || turnedAway == 0 || signedIn+turnedAway != 8 {
		t.Errorf("answers = %v, want 200 and 503 overloaded with Retry-After alone, and some of both", answers)
	}
}

func TestPasswordChangesBeyondTheHashingSlots(t *testing.T) {
	a := newApp(t, func(c *config) {
		c.Password = password.Config{Memory: 64 << 10, Passes: 2, Slots: 1, MaxWait: 1}
	})
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	answers := parallel(8, func() string {
		x, err := a.try("password/", request{
			body: map[string]any{"current_password": "wrong", "new_password": "violet sofa by the window"}, headers: map[string]string{"Authorization": "Bearer " + s.access},
		})
		return strings.TrimSpace(fmt.Sprintf("%v %d %s %s", err, x.status, x.code(), x.header.Get("Retry-After")))
	})
	refused, turnedAway := answers["<nil> 401 invalid_credentials"], answers["<nil> 503 overloaded 2"]
	if refused == 0 || turnedAway == 0 || refused+turnedAway != 8 {
		t.Errorf("answers = %v, want 401 and 503 overloaded with Retry-After alone, and some of both", answers)
	}
}

func TestKeySetOfEveryAlgorithm(t *testing.T) {
	for _, algorithm := range []jws.Algorithm{jws.ES256, jws.EdDSA, jws.RS256} {
		t.Run(string(algorithm), func(t *testing.T) {
			a := newApp(t, func(c *config) { c.Algorithm = algorithm })
			keys := a.do(".well-known/jwks.json", request{method: "GET"}).json["keys"].([]any)
			if got := keys[0].(map[string]any)["alg"]; got != string(algorithm) {
				t.Errorf("alg = %v, want %s", got, algorithm)
			}
			metadata := a.do(".well-known/openid-configuration", request{method: "GET"})
			if diff := cmp.Diff([]any{string(algorithm)}, metadata.json["id_token_signing_alg_values_supported"]); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
		})
	}
}
