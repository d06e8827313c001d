package openapi

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// exchange is a request and its answer.
type exchange struct {
	method, path string
	request      http.Header
	requestBody  string
	status       int
	response     http.Header
	body         string
	mount        string
}

func (e exchange) check(c *Checker) error {
	r := httptest.NewRequest(e.method, "http://127.0.0.1:8000/x", nil)
	at, err := url.Parse("http://127.0.0.1:8000" + e.path)
	if err != nil {
		return err
	}
	r.URL, r.Header = at, e.request
	return c.Check(r, []byte(e.requestBody), &http.Response{StatusCode: e.status, Header: e.response}, []byte(e.body), e.mount)
}

func always(more ...string) http.Header {
	h := http.Header{}
	for i, pairs := 0, append([]string{
		"X-Content-Type-Options", "nosniff", "Referrer-Policy", "no-referrer", "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'",
		"Cache-Control", "no-store", "Date", "Wed, 25 Nov 2026 12:00:00 GMT", "Content-Length", "1",
	}, more...); i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

var jsonBody = []string{"Content-Type", "application/json"}

const (
	csrfLine    = "CSRF_token=x; Path=/auth; Expires=Thu, 26 Nov 2026 12:00:00 GMT; Max-Age=86400; HttpOnly; Secure; SameSite=Strict"
	refreshLine = "refresh_cookie=y; Path=/auth; Expires=Thu, 26 Nov 2026 12:00:00 GMT; Max-Age=86400; HttpOnly; Secure; SameSite=Strict"
)

// signIn is an exchange as the document describes it, and so are the other functions here.
func signIn() exchange {
	return exchange{
		method: "POST", path: "/auth/sign-in/", mount: "/auth",
		request: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, requestBody: `{"username":"ada","password":"x","more":1}`,
		status: 200, response: always(append(jsonBody, "Set-Cookie", csrfLine, "Set-Cookie", refreshLine)...),
		body: `{"access_token":"a.b.c","expires":1795608300,"CSRF_token":"x","token_type":"Bearer","expires_in":300}`,
	}
}

func refused() exchange {
	e := signIn()
	e.status, e.response, e.body = 401, always(jsonBody...), `{"detail":"No.","code":"invalid_credentials"}`
	return e
}

func notFound() exchange {
	e := refused()
	e.path, e.status, e.body = "/auth/nothing/", 404, `{"detail":"Not found.","code":"not_found"}`
	return e
}

func wrongMethod() exchange {
	e := refused()
	e.method, e.status, e.body = "DELETE", 405, `{"detail":"No.","code":"method_not_allowed"}`
	e.response.Set("Allow", "POST, OPTIONS")
	return e
}

func csrfToken() exchange {
	return exchange{method: "GET", path: "/auth/csrf/", mount: "/auth", request: http.Header{}, status: 200, response: always(jsonBody...), body: `{"CSRF_token":"x"}`}
}

func options() exchange {
	return exchange{method: "OPTIONS", path: "/auth/csrf", mount: "/auth", request: http.Header{}, status: 204, response: always("Allow", "GET, HEAD, OPTIONS")}
}

func unavailable() exchange {
	e := refused()
	e.status, e.body = 503, `{"detail":"No.","code":"store_unavailable"}`
	e.response.Set("Retry-After", "2")
	return e
}

// with is an exchange with a change.
func with(e exchange, change func(*exchange)) exchange {
	change(&e)
	return e
}

func TestCheckAccepts(t *testing.T) {
	c := mustLoad(t)
	for name, e := range map[string]exchange{
		"sign-in": signIn(), "refusal": refused(), "unknown path": notFound(), "unknown method": wrongMethod(), "CSRF_token": csrfToken(), "OPTIONS": options(), "503": unavailable(),
		"without the slash":    with(signIn(), func(e *exchange) { e.path = "/auth/sign-in" }),
		"at the root":          with(signIn(), func(e *exchange) { e.path, e.mount = "/sign-in/", "" }),
		"outside of the mount": with(notFound(), func(e *exchange) { e.path = "/other/sign-in/" }),
		"two slashes":          with(notFound(), func(e *exchange) { e.path = "/auth/sign-in//" }),
		"a slash before":       with(notFound(), func(e *exchange) { e.path = "/auth//sign-in/" }),
		"encoded":              with(notFound(), func(e *exchange) { e.path = "/auth/sign%2Din/" }),
		"HEAD":                 with(csrfToken(), func(e *exchange) { e.method, e.body = "HEAD", "" }),
		"native": with(signIn(), func(e *exchange) {
			e.request.Set("X-Sallyport-Client", "native")
			e.response.Del("Set-Cookie")
			e.body = strings.Replace(e.body, "CSRF_token", "refresh_token", 1)
		}),
		"a refused request may be anything": with(refused(), func(e *exchange) {
			e.status, e.requestBody, e.body = 400, "{", `{"detail":"No.","code":"invalid_request","username":["This field is required."]}`
		}),
	} {
		if err := e.check(c); err != nil {
			t.Errorf("Check of %s = %v", name, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	c := mustLoad(t)
	replace := func(old, new string) func(*exchange) {
		return func(e *exchange) { e.body = strings.Replace(e.body, old, new, 1) }
	}
	set := func(name, value string) func(*exchange) { return func(e *exchange) { e.response.Set(name, value) } }
	add := func(name, value string) func(*exchange) { return func(e *exchange) { e.response.Add(name, value) } }
	del := func(name string) func(*exchange) { return func(e *exchange) { e.response.Del(name) } }
	for _, test := range []struct {
		name   string
		good   exchange
		change func(*exchange)
		want   string
	}{
		{"a status that is not described", signIn(), func(e *exchange) { e.status = 201 }, "does not have this status"},
		{"a success of an unknown path", signIn(), func(e *exchange) { e.path = "/auth/sign-up/" }, "want status 404"},
		{"a success of an encoded path", signIn(), func(e *exchange) { e.path = "/auth/sign%2Din/" }, "want status 404"},
		{"a success outside of the mount", signIn(), func(e *exchange) { e.mount = "/other" }, "want status 404"},
		{"a success of an unknown method", signIn(), func(e *exchange) { e.method = "PUT" }, "want status 405"},
		{"an unknown path refused as something else", notFound(), replace("not_found", "forbidden"), "code"},
		{"a code of another status", refused(), replace("invalid_credentials", "csrf_failed"), "code"},
		{"no code", refused(), replace(`,"code":"invalid_credentials"`, ""), "code"},
		{"an empty detail", refused(), replace("No.", ""), "detail"},
		{"a member too many in a refusal", refused(), replace(`"code"`, `"user":"ada","code"`), "user"},
		{"a member too many in tokens", signIn(), replace(`"expires_in"`, `"refresh_token":"y","expires_in"`), "body"},
		{"a member that is missing", signIn(), replace(`"token_type":"Bearer",`, ""), "body"},
		{"a member of another type", signIn(), replace("300", `"300"`), "body"},
		{"faults as a string", with(refused(), func(e *exchange) {
			e.status, e.body = 400, `{"detail":"No.","code":"invalid_request","username":["x"]}`
		}), replace(`["x"]`, `"x"`), "username"},
		{"a body that is no JSON", signIn(), func(e *exchange) { e.body = "{" }, "body"},
		{"two bodies", csrfToken(), func(e *exchange) { e.body += e.body }, "body"},
		{"another media type", signIn(), set("Content-Type", "application/json; charset=utf-8"), "Content-Type"},
		{"no media type", signIn(), del("Content-Type"), "Content-Type"},
		{"a body where none belongs", options(), func(e *exchange) { e.body = "x" }, "want none"},
		{"a body for HEAD", csrfToken(), func(e *exchange) { e.method = "HEAD" }, "HEAD has a body"},
		{"no Cache-Control", signIn(), del("Cache-Control"), "Cache-Control is missing"},
		{"another Cache-Control", signIn(), set("Cache-Control", "private"), "Cache-Control"},
		{"no security header", signIn(), del("X-Content-Type-Options"), "X-Content-Type-Options is missing"},
		{"a header that is not described", signIn(), set("Server", "x"), "Server"},
		{"a header twice", signIn(), add("Cache-Control", "no-store"), "2 times"},
		{"a cookie on a refusal that says nothing of the session", refused(), add("Set-Cookie", refreshLine), "Set-Cookie"},
		{"a cookie that scripts can read", signIn(), add("Set-Cookie", strings.Replace(refreshLine, " HttpOnly;", "", 1)), "Set-Cookie"},
		{"503 without Retry-After", unavailable(), del("Retry-After"), "Retry-After is missing"},
		{"Retry-After as a word", unavailable(), set("Retry-After", "soon"), "no integer"},
		{"Retry-After 0", unavailable(), set("Retry-After", "0"), "Retry-After"},
		{"an Allow that lacks a method", options(), set("Allow", "GET, OPTIONS"), "Allow is"},
		{"an Allow with another method", wrongMethod(), set("Allow", "DELETE, POST, OPTIONS"), "Allow is"},
		{"a granted request without a body", signIn(), func(e *exchange) { e.requestBody = "" }, "lacks a body"},
		{"a granted request that lacks a member", signIn(), func(e *exchange) { e.requestBody = `{"username":"ada"}` }, "password"},
		{"a granted request of another media type", signIn(), func(e *exchange) { e.request.Set("Content-Type", "text/plain") }, "Content-Type of the request"},
		{"a granted request with an unknown client", signIn(), func(e *exchange) { e.request.Set("X-Sallyport-Client", "robot") }, "X-Sallyport-Client of the request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.good.check(c); err != nil {
				t.Fatalf("before the change: %v", err)
			}
			test.good.request, test.good.response = test.good.request.Clone(), test.good.response.Clone()
			test.change(&test.good)
			if err := test.good.check(c); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Check = %v, want an error with %q", err, test.want)
			}
		})
	}
}
