package authhttp_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// audiences is a service with an audience whose tokens are RS256.
func audiences(c *config) {
	c.Audience = []string{issuer, "orders", "legacy"}
	c.AudienceAlgorithm = map[string]jws.Algorithm{"legacy": jws.RS256}
}

// whatIsSigned is "alg" of a token and its "aud".
func whatIsSigned(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	var header struct{ Alg string }
	var claims struct{ Aud any }
	for i, into := range []any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprint(header.Alg, " ", claims.Aud)
}

// TestTokenForOneAudience: by all three doors, and our own routes take it like any other.
func TestTokenForOneAudience(t *testing.T) {
	a := newLoginApp(t, func(c *config, _ *idp.OIDC) { audiences(c) })
	_, pw := a.user("ada")
	legacy := map[string]any{"audience": "legacy"}
	const all = "ES256 [" + issuer + " orders legacy]"

	x := a.do("sign-in/", request{body: map[string]any{"username": "ada", "password": pw, "audience": "legacy"}})
	x.want(t, 200, "")
	s := a.sessionOf(x)
	exchanged := a.do("social-exchange/", request{body: map[string]any{"id_token": a.plain.Tokens(idptest.Alice()).IDToken, "audience": "orders"}})
	exchanged.want(t, 200, "")
	got := []string{whatIsSigned(t, s.access), whatIsSigned(t, exchanged.text("access_token"))}
	for _, members := range []map[string]any{legacy, {"audience": "orders"}, {"audience": nil}, {}} {
		x := s.post("refresh/", members)
		x.want(t, 200, "")
		s.take(x)
		got = append(got, whatIsSigned(t, s.access))
	}
	native := a.do("sign-in/", request{body: map[string]any{"username": "ada", "password": pw}, headers: map[string]string{"X-Sallyport-Client": "native"}})
	native = a.do("refresh/", request{body: map[string]any{"refresh_token": native.text("refresh_token"), "audience": "legacy"}, headers: map[string]string{"X-Sallyport-Client": "native"}})
	got = append(got, whatIsSigned(t, native.text("access_token")))
	want := []string{"RS256 legacy", "ES256 orders", "RS256 legacy", "ES256 orders", all, all, "RS256 legacy"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}

	s.take(s.post("refresh/", legacy))
	a.do("verify/", request{body: map[string]any{"token": s.access}}).want(t, 200, "")
	bearer := map[string]string{"Authorization": "Bearer " + s.access}
	a.do("user/", request{method: "GET", headers: bearer}).want(t, 200, "")
	a.do("sessions/", request{method: "GET", headers: bearer}).want(t, 200, "")
	metadata := a.do(".well-known/openid-configuration", request{method: "GET"})
	if diff := cmp.Diff([]any{"ES256", "RS256"}, metadata.json["id_token_signing_alg_values_supported"]); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

// TestUnknownAudience: 400 that names the member; nothing is issued, and no token is used up: neither the refresh token
// nor the provider's.
func TestUnknownAudience(t *testing.T) {
	a := newLoginApp(t, func(c *config, _ *idp.OIDC) { audiences(c) })
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	a.exchange(a.plain.Tokens(idptest.Alice()).IDToken).want(t, 200, "") // the provider's keys are there
	idToken := a.plain.Tokens(idptest.Alice()).IDToken
	before := a.rows()
	for name, audience := range map[string]any{
		"unknown": "elsewhere", "another case": "Legacy", "two in one": "orders legacy", "blank": "", "the client": "sallyport",
		"a list": []string{"legacy"}, "a number": 1, "an object": map[string]any{"legacy": true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, x := range []answer{
				s.post("refresh/", map[string]any{"audience": audience}),
				a.do("sign-in/", request{body: map[string]any{"username": "ada", "password": pw, "audience": audience}}),
				a.do("social-exchange/", request{body: map[string]any{"id_token": idToken, "audience": audience}}),
			} {
				x.want(t, 400, "invalid_request")
				if faults, _ := x.json["audience"].([]any); len(faults) != 1 {
					t.Errorf("the answer does not name the member: %s", x.body)
				}
				a.wantNothingIssued(x, before)
			}
		})
	}
	s.post("refresh/", map[string]any{"Audience": "legacy"}).want(t, 400, "invalid_request") // another parser may read it
	if after := a.rows(); after != before {
		t.Errorf("the refused requests changed the database:\nbefore\n%s\nafter\n%s", before, after)
	}
	s.mustRefresh()
	a.exchange(idToken).want(t, 200, "")
}

// TestJW_03_TwoInstancesRotateAtOnce: one new key of each algorithm comes of it, and both serve the same set.
func TestJW_03_TwoInstancesRotateAtOnce(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		first := newAppOn(t, database, audiences)
		instances := []*app{first, first.another()}
		atOnce := func(rotate func(*sallyport.Service) error) (failed int) {
			outcomes := make(chan error, len(instances))
			for _, a := range instances {
				go func() { outcomes <- rotate(a.svc) }()
			}
			for range instances {
				if err := <-outcomes; err != nil {
					t.Log(err)
					failed++
				}
			}
			return failed
		}
		plan := func(svc *sallyport.Service) error { _, err := svc.RotateSigningKey(t.Context()); return err }
		wantSame := func(active, next int) {
			t.Helper()
			for _, a := range append(instances, instances...) { // each sees what the other has done
				if err := plan(a.svc); err != nil {
					t.Fatal(err)
				}
			}
			sets := []string{}
			for _, a := range instances {
				sets = append(sets, a.do(".well-known/jwks.json", request{method: "GET"}).body)
				states := map[sallyport.KeyState]int{}
				for _, k := range a.svc.SigningKeys() {
					states[k.State]++
				}
				if diff := cmp.Diff(map[sallyport.KeyState]int{sallyport.KeyActive: active, sallyport.KeyNext: next}, states); diff != "" {
					t.Errorf("states of the keys (-want +got):\n%s", diff)
				}
			}
			if sets[0] != sets[1] {
				t.Errorf("two instances publish\n%s\n%s", sets[0], sets[1])
			}
			if n := first.count("select count(*) from signing_keys"); n != active+next {
				t.Errorf("there are %d keys, want %d", n, active+next)
			}
		}
		if failed := atOnce(plan); failed > 0 {
			t.Errorf("%d of two planned rotations at once failed", failed)
		}
		wantSame(2, 2)
		if failed := atOnce(func(svc *sallyport.Service) error { _, err := svc.ReplaceSigningKeys(t.Context()); return err }); failed == 2 {
			t.Error("two emergency rotations at once both failed")
		}
		wantSame(2, 2)
	})
}

// TestJW_06_DocumentsAreRead: no other method reaches a document, and what is sent along changes nothing.
func TestJW_06_DocumentsAreRead(t *testing.T) {
	a := newApp(t, audiences)
	root := http.NewServeMux()
	root.Handle("/auth/", a.auth)
	root.Handle(a.auth.MetadataPath(), a.auth.Metadata())
	serve := func(method, path, body string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		root.ServeHTTP(w, r)
		return w
	}
	before := a.rows()
	for _, path := range []string{"/auth/.well-known/jwks.json", "/auth/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/auth"} {
		read := func() string { return serve(http.MethodGet, path, "").Body.String() }
		was := read()
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
			x := serve(method, path, `{"keys":[]}`)
			var refusal struct{ Code string }
			if err := json.Unmarshal(x.Body.Bytes(), &refusal); err != nil {
				t.Errorf("%s %s = %s: %v", method, path, x.Body, err)
			}
			if x.Code != 405 || refusal.Code != "method_not_allowed" || x.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
				t.Errorf("%s %s = %d %s, Allow %q; want 405 method_not_allowed and GET, HEAD, OPTIONS", method, path, x.Code, refusal.Code, x.Header().Get("Allow"))
			}
		}
		if is := read(); is != was || !strings.HasPrefix(is, "{") {
			t.Errorf("%s was\n%s\nand is\n%s", path, was, is)
		}
	}
	if after := a.rows(); after != before {
		t.Error("a refused request changed the database")
	}
}
