package verifytest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// Hostile throws every bad token, and every bad way to bear one, at a service that is configured with this issuer, and
// reports each that it lets through: an answer that is neither 400 nor 401, has no WWW-Authenticate: Bearer (RFC 6750 §3),
// or calls it by another code than a Sallyport verifier. Before and after it, and between, a good token must be answered
// 2xx. The service gets real requests over loopback, and its verifier logs each refusal: give it a logger that discards.
//
// The options are for the good token and all bad ones: what the route wants beyond a good token, as [Scope] or [Groups].
func (i *Issuer) Hostile(t testing.TB, service http.Handler, method, path string, opts ...Option) {
	t.Helper()
	server := httptest.NewServer(service)
	defer server.Close()
	h := hostile{t: t, issuer: i, method: method, address: server.URL + path, opts: opts, client: server.Client()}
	h.good("a good token, first", "Bearer "+h.token())
	headers, bad, good := h.headers(), hostileTokens(i), i.goodTokens()
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		h.refused(name, h.address, headers[name])
	}
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		h.refused(name, h.address, http.Header{"Authorization": {"Bearer " + h.token(bad[name]...)}})
	}
	for _, name := range slices.Sorted(maps.Keys(good)) {
		h.good(name, "Bearer "+h.token(good[name]...))
	}
	h.good("a scheme in lower case (VM-01)", "bearer "+h.token())
	h.refused("a good token in the query", h.address+separator(path)+"access_token="+url.QueryEscape(h.token()), nil)
	h.good("a good token, last", "Bearer "+h.token())
}

func separator(path string) string {
	if strings.Contains(path, "?") {
		return "&"
	}
	return "?"
}

type hostile struct {
	t               testing.TB
	issuer          *Issuer
	method, address string
	opts            []Option
	client          *http.Client
}

func (h hostile) token(more ...Option) string {
	return h.issuer.Token(append(slices.Clone(h.opts), more...)...)
}

// send returns nil when there is no answer, which it reports.
func (h hostile) send(name, address string, headers http.Header) (*http.Response, []byte) {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), h.method, address, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for key, values := range headers {
		request.Header[key] = values
	}
	response, err := h.client.Do(request)
	if err != nil {
		h.t.Errorf("%s: no answer: %v", name, err)
		return nil, nil
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Errorf("%s: %v", name, err)
	}
	return response, body
}

func (h hostile) good(name, authorization string) {
	h.t.Helper()
	response, body := h.send(name, h.address, http.Header{"Authorization": {authorization}})
	if response == nil || response.StatusCode/100 == 2 {
		return
	}
	hint := ""
	if response.StatusCode == http.StatusServiceUnavailable {
		hint = "; is the service configured with Issuer.URL, and does it wait for Verifier.Ready?"
	}
	h.t.Errorf("%s: %s %s, want 2xx%s", name, response.Status, codeOf(body), hint)
}

func (h hostile) refused(name, address string, headers http.Header) {
	h.t.Helper()
	response, body := h.send(name, address, headers)
	if response == nil {
		return
	}
	if response.StatusCode != http.StatusUnauthorized && response.StatusCode != http.StatusBadRequest {
		h.t.Errorf("%s: %s, want 401 (or 400 for a malformed request)", name, response.Status)
		return
	}
	if challenge := response.Header.Get("WWW-Authenticate"); !strings.HasPrefix(challenge, "Bearer") {
		h.t.Errorf("%s: WWW-Authenticate = %q, want Bearer", name, challenge)
	}
	if code := codeOf(body); code != "" && !slices.Contains([]string{"missing_token", "token_not_valid", "invalid_request"}, code) {
		h.t.Errorf("%s: code %q, want missing_token, token_not_valid or invalid_request", name, code)
	}
}

// codeOf is the code of an answer; "" when it has none.
func codeOf(body []byte) string {
	var said struct{ Code string }
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	return said.Code
}

// headers are the bad ways to bear a token (VM-01), and identities that nobody vouches for (VM-15).
func (h hostile) headers() map[string]http.Header {
	good := h.token()
	cases := map[string]http.Header{
		"no Authorization (VM-01)":            nil,
		"an empty Authorization (VM-01)":      {"Authorization": {""}},
		"Basic (VM-01)":                       {"Authorization": {"Basic dXNlcjpwYXNz"}},
		"Bearer alone (VM-01)":                {"Authorization": {"Bearer"}},
		"Bearer and a space (VM-01)":          {"Authorization": {"Bearer "}},
		"a token without a scheme (VM-01)":    {"Authorization": {good}},
		"two Authorization headers (VM-01)":   {"Authorization": {"Bearer " + good, "Bearer " + good}},
		"two tokens and a comma (VM-01)":      {"Authorization": {"Bearer " + good + ", Bearer " + good}},
		"two tokens and a space (VM-01)":      {"Authorization": {"Bearer " + good + " " + good}},
		"a quoted token (VM-01)":              {"Authorization": {`Bearer "` + good + `"`}},
		"a tab in place of the space (VM-01)": {"Authorization": {"Bearer\t" + good}},
		"white space in front of it (VM-10)":  {"Authorization": {"Bearer  " + good}},
		"a token in a cookie":                 {"Cookie": {"access_token=" + good + "; token=" + good}},
		"a token in another header":           {"X-Access-Token": {good}, "Token": {good}},
		"the scheme DPoP":                     {"Authorization": {"DPoP " + good}},
		"a token in Proxy-Authorization":      {"Proxy-Authorization": {"Bearer " + good}},
	}
	for _, name := range IdentityHeaders {
		cases["an identity in "+name+" (VM-15)"] = http.Header{name: {"admin"}}
	}
	cases["every identity header and a bad token (VM-15)"] = func() http.Header {
		all := http.Header{"Authorization": {"Bearer " + h.token(Foreign())}}
		for _, name := range IdentityHeaders {
			all[name] = []string{"admin"}
		}
		return all
	}()
	return cases
}

// IdentityHeaders are those by which proxies tell a service who asks. A service that verifies tokens believes none.
var IdentityHeaders = []string{
	"Remote-User", "Remote_User", "Remote-Email", "Remote-Groups", "Remote-Name", "X-Auth-Request-User", "X_Auth_Request_User",
	"X-Auth-Request-Email", "X-Auth-Request-Groups", "X-Forwarded-User", "X_Forwarded_User", "X-Forwarded-Email", "X-Forwarded-Groups",
	"X-Forwarded-Preferred-Username", "X-User", "X-User-Id", "X-Remote-User", "X-Webauth-User", "X-Ssl-Client-Cn", "From",
}

// goodTokens are spellings of a good token that RFC 9068 §4 allows.
func (i *Issuer) goodTokens() map[string][]Option {
	return map[string][]Option{
		"typ in capitals (VM-05)":         {Header("typ", "AT+JWT")},
		"the whole media type (VM-05)":    {Header("typ", "application/at+jwt")},
		"one of several audiences":        {Claim("aud", []string{"somebody else", i.audience})},
		"a claim that nobody knows":       {Claim("anything", map[string]any{"deep": []any{1, "two", nil}})},
		"issued a moment from now":        {Claim("iat", i.now().Add(5*time.Second).Unix())},
		"ended a moment ago, in leeway":   {Claim("exp", i.now().Add(-5*time.Second).Unix())},
		"not before a moment from now":    {Claim("nbf", i.now().Add(5*time.Second).Unix())},
		"a header member that nobody has": {Header("x-anything", "1")},
	}
}

// BadTokens are those that Hostile throws, by what is wrong with them, for a service that is not HTTP.
func (i *Issuer) BadTokens(opts ...Option) map[string]string {
	tokens := map[string]string{}
	for name, o := range hostileTokens(i) {
		tokens[name] = i.Token(append(slices.Clone(opts), o...)...)
	}
	return tokens
}
