package authhttp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify"
)

func TestVerifyAcceptsALiveToken(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	if x := a.do("verify/", request{body: map[string]string{"token": s.access}}); x.status != 200 || x.body != "{}" {
		t.Errorf("verify = %d %s, want 200 {}", x.status, x.body)
	}
}

func TestAccessTokenAsDocumented(t *testing.T) {
	a := newApp(t, func(c *config) { c.Audience = []string{"orders", "billing"}; c.ClientID = "shop" })
	u, pw := a.user("ada")
	got := claims(t, a.signIn("ada", pw).access)
	for name, want := range map[string]any{
		"iss": issuer, "sub": u.ID.String(), "user_id": u.ID.String(), "aud": []any{"orders", "billing"}, "client_id": "shop", "token_type": "access",
		"iat": float64(a.clock.now().Unix()), "exp": float64(a.clock.now().Add(5 * time.Minute).Unix()),
	} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if len(got) != 10 || len(got["jti"].(string)) != 32 || len(got["sid"].(string)) != 36 {
		t.Errorf("claims = %v, want those ten of the documentation", got)
	}
}

func TestVF_03_04_05_VerifyRefusals(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	ended := a.signIn("ada", pw)
	ended.post("logoff/")
	other := newApp(t, nil)
	_, otherPw := other.user("ada")
	foreign := other.signIn("ada", otherPw)
	live := a.signIn("ada", pw)
	parts := strings.Split(live.access, ".")
	tokens := map[string]string{
		"VF-03 ended session": ended.access, "another deployment": foreign.access, "rubbish": "x", "dots": "...", "signature cut": parts[0] + "." + parts[1] + ".",
		"newline": live.access + "\n", "padding": live.access + "==", "space": " " + live.access, "fourth part": live.access + ".x",
		"header of alg none": "eyJhbGciOiJub25lIn0." + parts[1] + ".", "8 KiB": live.access + strings.Repeat("A", 8<<10),
		"payload of another token": parts[0] + "." + strings.Split(ended.access, ".")[1] + "." + parts[2],
	}
	malformed := a.do("verify/", request{body: map[string]string{"token": "x"}})
	malformed.want(t, 401, "token_not_valid")
	if malformed.text("detail") != "Token is invalid or expired" {
		t.Errorf("detail = %q", malformed.text("detail"))
	}
	same := func(t *testing.T, token string) {
		t.Helper()
		x := a.do("verify/", request{body: map[string]string{"token": token}})
		x.want(t, 401, "token_not_valid")
		if x.body != malformed.body {
			t.Errorf("VF-04: the body tells the cause: %s", x.body)
		}
	}
	for name, token := range tokens {
		t.Run(name, func(t *testing.T) { same(t, token) })
	}
	for i := range live.access { // a changed character anywhere
		if live.access[i] != '.' {
			same(t, live.access[:i]+nextBase64(live.access[i])+live.access[i+1:])
		}
	}
	t.Run("VF-03 (b) disabled user", func(t *testing.T) {
		off, offPw := a.user("off")
		s := a.signIn("off", offPw)
		if err := a.svc.DisableUser(t.Context(), off.ID); err != nil {
			t.Fatal(err)
		}
		same(t, s.access)
	})
	t.Run("VF-03 (c) deleted user", func(t *testing.T) {
		gone, gonePw := a.user("gone")
		s := a.signIn("gone", gonePw)
		if err := a.svc.DeleteUser(t.Context(), gone.ID); err != nil {
			t.Fatal(err)
		}
		same(t, s.access)
	})
	t.Run("expired", func(t *testing.T) {
		a.clock.advance(5*time.Minute + 59*time.Second)
		a.do("verify/", request{body: map[string]string{"token": live.access}}).want(t, 200, "")
		a.clock.advance(time.Second)
		same(t, live.access)
	})
	t.Run("VF-05 token in the query", func(t *testing.T) {
		x := a.do("verify/", request{body: "{}", query: "?token=" + live.access})
		x.want(t, 400, "invalid_request")
		if diff := cmp.Diff([]any{"This field is required."}, x.json["token"]); diff != "" {
			t.Error(diff)
		}
		if strings.Contains(a.log.String(), live.access) {
			t.Error("the query is in the log")
		}
	})
}

func TestUserRoute(t *testing.T) {
	a := newApp(t, nil)
	u, pw := a.user("ada")
	s := a.signIn("ada", pw)
	x := a.do("user", request{method: "GET", headers: map[string]string{"Authorization": "bearer " + s.access}})
	x.want(t, 200, "")
	want := map[string]any{"id": u.ID.String(), "username": "ada", "email": "ada@example.com", "email_verified": true, "first_name": "", "last_name": "", "groups": []any{}}
	if diff := cmp.Diff(want, x.json); diff != "" {
		t.Errorf("user/ (-want +got):\n%s", diff)
	}
	for name, authorization := range map[string]string{"absent": "-", "empty": "", "Basic": "Basic eDp5", "alone": "Bearer"} {
		x := a.do("user/", request{method: "GET", headers: map[string]string{"Authorization": authorization}})
		x.want(t, 401, "missing_token")
		if got := x.header.Get("WWW-Authenticate"); got != "Bearer" {
			t.Errorf("%s: WWW-Authenticate = %q, want Bearer", name, got)
		}
	}
	x = a.do("user/", request{method: "GET", headers: map[string]string{"Authorization": "Bearer x"}})
	x.want(t, 401, "token_not_valid")
	if got := x.header.Get("WWW-Authenticate"); got != `Bearer error="invalid_token"` {
		t.Errorf("WWW-Authenticate = %q", got)
	}
	a.store.Close()
	x = a.do("user/", request{method: "GET", headers: map[string]string{"Authorization": "Bearer " + s.access}})
	x.want(t, 503, "store_unavailable")
	if x.header.Get("Retry-After") == "" || x.header.Get("WWW-Authenticate") != "" {
		t.Errorf("headers of a fault of ours: %v", x.header)
	}
}

func TestRequireLooksAtTheSession(t *testing.T) {
	a := newApp(t, func(c *config) {
		c.Audience = []string{"shop"}
		c.UserAttributes = []string{"groups"}
	})
	u, pw := a.user("ada")
	if _, err := a.svc.UpdateUser(t.Context(), u.ID, sallyport.UserChange{Groups: &[]string{"admins"}}); err != nil {
		t.Fatal(err)
	}
	s := a.signIn("ada", pw)
	ask := func(guards ...verify.Guard) *httptest.ResponseRecorder {
		handler := a.auth.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, ok := verify.FromContext(r.Context())
			if !ok || claims.Subject != u.ID.String() {
				t.Errorf("FromContext = %v, %v", claims, ok)
			}
			w.Write([]byte("orders"))
		}), guards...)
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/api/orders", nil)
		r.Header.Set("Authorization", "Bearer "+s.access)
		handler.ServeHTTP(w, r)
		return w
	}
	if w := ask(verify.Group("admins")); w.Code != 200 || w.Body.String() != "orders" {
		t.Errorf("with a live token: %d %s", w.Code, w.Body)
	}
	if w := ask(verify.Scope("orders:write")); w.Code != 403 || !strings.Contains(w.Body.String(), "insufficient_scope") {
		t.Errorf("without the scope: %d %s", w.Code, w.Body)
	}
	s.post("logoff/")
	if w := ask(); w.Code != 401 || !strings.Contains(w.Body.String(), "token_not_valid") {
		t.Errorf("after the logoff: %d %s", w.Code, w.Body)
	}
}
