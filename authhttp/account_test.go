package authhttp_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idptest"
)

// bearer sends a request with the access token of the session.
func (s *session) bearer(method, path string, body map[string]any) answer {
	s.app.t.Helper()
	r := request{method: method, headers: map[string]string{"Authorization": "Bearer " + s.access}}
	if body != nil {
		r.body = body
	}
	return s.app.do(path, r)
}

// listed are the sessions that the list shows.
func (s *session) listed() []map[string]any {
	s.app.t.Helper()
	x := s.bearer("GET", "sessions/", nil)
	if x.status != 200 {
		s.app.t.Fatalf("sessions/ = %d %s", x.status, x.body)
	}
	var all []map[string]any
	for _, one := range x.json["sessions"].([]any) {
		all = append(all, one.(map[string]any))
	}
	return all
}

func (s *session) id() string {
	s.app.t.Helper()
	for _, one := range s.listed() {
		if one["current"] == true {
			return one["id"].(string)
		}
	}
	s.app.t.Fatal("no session of the list is the current one")
	return ""
}

func TestSessionsList(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, func(c *config) { c.SessionTTL, c.IdleTTL = 48*time.Hour, 24*time.Hour })
		_, pw := a.user("ada")
		_, bobPw := a.user("bob")
		a.signIn("bob", bobPw)
		first := a.signIn("ada", pw)
		a.clock.advance(time.Hour)
		second := a.sessionOf(a.do("sign-in/", request{
			body: map[string]string{"username": "ada", "password": pw}, headers: map[string]string{"User-Agent": "Agent/1.0 (\u00fc)"},
		}))
		a.clock.advance(time.Hour)
		first.mustRefresh()
		want := []map[string]any{
			{
				"created_at": "2026-11-25T13:00:00Z", "last_used_at": "2026-11-25T13:00:00Z", "expires_at": "2026-11-26T13:00:00Z",
				"provider": "", "user_agent": "Agent/1.0 (\u00fc)", "ip": "127.0.0.1", "current": false,
			},
			{
				"created_at": "2026-11-25T12:00:00Z", "last_used_at": "2026-11-25T14:00:00Z", "expires_at": "2026-11-26T14:00:00Z",
				"provider": "", "user_agent": "Go-http-client/1.1", "ip": "127.0.0.1", "current": true,
			},
		}
		got := first.listed()
		for _, one := range got {
			if _, err := sallyport.ParseID(one["id"].(string)); err != nil {
				t.Errorf("id %v: %v", one["id"], err)
			}
			delete(one, "id")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sessions (-want +got):\n%s", diff)
		}
		second.post("logoff/").want(t, 200, "")
		if got := first.listed(); len(got) != 1 {
			t.Errorf("%d sessions are listed after a logoff, want 1", len(got))
		}
		second.bearer("GET", "sessions/", nil).want(t, 401, "token_not_valid")
		// By its clock the idle end has passed: nothing is left to be listed, and the token says so.
		a.clock.advance(24 * time.Hour)
		first.bearer("GET", "sessions/", nil).want(t, 401, "token_not_valid")
	})
}

func TestEndOneSession(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, nil)
		_, pw := a.user("ada")
		_, bobPw := a.user("bob")
		here, there, bob := a.signIn("ada", pw), a.signIn("ada", pw), a.signIn("bob", bobPw)
		bobsID, thereID, hereID := bob.id(), there.id(), here.id()

		before := a.rows()
		for name, id := range map[string]string{
			"somebody else's": bobsID, "unknown": sallyport.NewID(a.clock.now()).String(), "no id": "x", "upper case": strings.ToUpper(thereID),
			"encoded": strings.Replace(thereID, "-", "%2D", 1), "an encoded slash": thereID + "%2F",
			"a user's": here.bearer("GET", "user/", nil).text("id"),
		} {
			if x := here.bearer("DELETE", "sessions/"+id+"/", nil); x.status != 404 || x.body != `{"detail":"Not found.","code":"not_found"}` {
				t.Errorf("%s: %d %s, want the 404 of every path that does not exist", name, x.status, x.body)
			}
		}
		here.bearer("DELETE", "sessions/"+thereID+"/x/", nil).want(t, 404, "not_found")
		here.bearer("DELETE", "sessions/%7Bid%7D/", nil).want(t, 404, "not_found")
		here.bearer("DELETE", "sessions/", nil).want(t, 405, "method_not_allowed")
		for _, method := range []string{"GET", "HEAD", "POST", "PUT"} {
			if x := here.bearer(method, "sessions/"+thereID+"/", nil); x.status != 405 || x.header.Get("Allow") != "DELETE, OPTIONS" {
				t.Errorf("%s = %d, Allow %q, want 405 and DELETE, OPTIONS", method, x.status, x.header.Get("Allow"))
			}
		}
		a.do("sessions/"+thereID+"/", request{method: "DELETE"}).want(t, 401, "missing_token")
		if after := a.rows(); after != before {
			t.Error("a refused request changed the database")
		}

		inBrowser := request{method: "DELETE", cookies: here.cookieHeader(), headers: map[string]string{"Authorization": "Bearer " + here.access}}
		x := a.do("sessions/"+thereID, inBrowser) // without the slash; the cookie is of another session
		if x.status != 204 || x.body != "" || len(x.cookies) > 0 {
			t.Errorf("DELETE = %d %q %v, want 204 and nothing else", x.status, x.body, x.cookies)
		}
		there.post("refresh/").want(t, 401, "session_revoked")
		there.bearer("GET", "user/", nil).want(t, 401, "token_not_valid")
		here.bearer("DELETE", "sessions/"+thereID+"/", nil).want(t, 204, "") // it has ended already

		// From the browser whose session it is.
		x = a.do("sessions/"+hereID+"/", inBrowser)
		if x.status != 204 || len(x.cookies) != 2 || x.cookies["refresh_cookie"].MaxAge >= 0 {
			t.Errorf("DELETE of the current session = %d %v, want 204 and the cookies deleted", x.status, x.cookies)
		}
		here.post("refresh/").want(t, 401, "session_revoked")
		bob.mustRefresh()
		for reason, want := range map[string]int{"others": 1, "logoff": 1} {
			if n := a.count("select count(*) from events where name = 'session_ended' and detail = $1 and sessions = 1 and actor = 'user'", reason); n != want {
				t.Errorf("%d events with reason %s, want %d", n, reason, want)
			}
		}
	})
}

// change posts to password/.
func (s *session) change(current, fresh any) answer {
	s.app.t.Helper()
	return s.bearer("POST", "password/", map[string]any{"current_password": current, "new_password": fresh})
}

func TestSO_03_a_ChangePassword(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, nil)
		_, pw := a.user("ada")
		here, there, elsewhere := a.signIn("ada", pw), a.signIn("ada", pw), a.signIn("ada", pw)
		const fresh = "violet sofa by the window"
		x := here.change(pw, fresh)
		if x.status != 200 || x.body != "{}" || len(x.cookies) > 0 {
			t.Errorf("password/ = %d %s %v, want 200 {}", x.status, x.body, x.cookies)
		}
		there.post("refresh/").want(t, 401, "session_revoked")
		elsewhere.bearer("GET", "user/", nil).want(t, 401, "token_not_valid")
		here.mustRefresh()
		here.bearer("GET", "user/", nil).want(t, 200, "")
		a.do("sign-in/", request{body: map[string]any{"username": "ada", "password": pw}}).want(t, 401, "invalid_credentials")
		a.signIn("ada", fresh)
		if n := a.count("select count(*) from events where name = 'password_changed' and actor = 'user' and sessions = 2"); n != 1 {
			t.Errorf("%d events, want 1 that tells of two sessions", n)
		}
	})
}

func TestSO_03_b_ByTheOperator(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, nil)
		for name, end := range map[string]func(id sallyport.ID) error{
			"set-password": func(id sallyport.ID) error { return a.svc.SetPassword(t.Context(), id, "another password") },
			"disable":      func(id sallyport.ID) error { return a.svc.DisableUser(t.Context(), id) },
			"delete":       func(id sallyport.ID) error { return a.svc.DeleteUser(t.Context(), id) },
		} {
			u, pw := a.user(name)
			sessions := []*session{a.signIn(name, pw), a.signIn(name, pw)}
			if err := end(u.ID); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if name == "disable" {
				sessions[0].post("refresh/").want(t, 401, "session_revoked")
				if err := a.svc.EnableUser(t.Context(), u.ID); err != nil {
					t.Fatal(err)
				}
			}
			for _, s := range sessions {
				s.post("refresh/").want(t, 401, "session_revoked")
				s.bearer("GET", "user/", nil).want(t, 401, "token_not_valid")
			}
		}
		if n := a.count("select count(*) from events where name in ('password_changed', 'user_disabled', 'user_deleted') and actor = 'admin' and sessions = 2"); n != 3 {
			t.Errorf("%d events tell of two ended sessions each, want 3", n)
		}
	})
}

func TestChangePasswordRefusals(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada-lovelace")
	s, other := a.signIn("ada-lovelace", pw), a.signIn("ada-lovelace", pw)
	if _, err := a.svc.CreateUser(t.Context(), sallyport.NewUser{Username: "nobody"}); err != nil {
		t.Fatal(err)
	}
	const fine = "violet sofa by the window"
	before := a.rows()
	for _, c := range []struct {
		name           string
		current, fresh any
		status         int
		code           string
		fields         map[string]any
	}{
		{"wrong current password", "not it", fine, 401, "invalid_credentials", nil},
		{"nothing", nil, nil, 400, "invalid_request", map[string]any{
			"current_password": []any{"This field may not be null."}, "new_password": []any{"This field may not be null."},
		}},
		{"too long", pw, strings.Repeat("x", 1025), 400, "invalid_request", map[string]any{"new_password": []any{"Ensure this field has no more than 1024 bytes."}}},
		{"too short", pw, "7 chars", 422, "password_rejected", map[string]any{"new_password": []any{"This password is not allowed: shorter than 8 characters."}}},
		{"common", pw, "Password1", 422, "password_rejected", map[string]any{"new_password": []any{"This password is not allowed: it is among the commonest passwords."}}},
		{"the username", pw, "Ada-Lovelace", 422, "password_rejected", map[string]any{"new_password": []any{"This password is not allowed: it is the username or the e-mail address."}}},
		{"the address", pw, "ada-lovelace@EXAMPLE.com", 422, "password_rejected", map[string]any{"new_password": []any{"This password is not allowed: it is the username or the e-mail address."}}},
		{"a bad new one, and a wrong current one", "not it", "7 chars", 422, "password_rejected", map[string]any{"new_password": []any{"This password is not allowed: shorter than 8 characters."}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := s.change(c.current, c.fresh)
			x.want(t, c.status, c.code)
			fields := maps.Clone(x.json)
			delete(fields, "detail")
			delete(fields, "code")
			if diff := cmp.Diff(c.fields, fields, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			a.wantNothingIssued(x, before)
		})
	}
	s.bearer("POST", "password/", nil).want(t, 400, "invalid_request")
	s.bearer("POST", "password/", map[string]any{"current_password": pw, "new_password": strings.Repeat("x", 9000)}).want(t, 413, "body_too_large")
	s.mustRefresh()
	other.mustRefresh()
}

// A user without a password has none to be wrong about: the answer is the same.
func TestChangePasswordOfAUserWithoutOne(t *testing.T) {
	a := newAppWithProviders(t, nil)
	s := a.sessionOf(a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken))
	s.change("whatever", "violet sofa by the window").want(t, 401, "invalid_credentials")
	s.mustRefresh()
}

// Of two changes at once that both know the old password one goes through.
func TestChangesOfOnePasswordAtOnce(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, func(c *config) { c.Limits.Account = sallyport.Limit{Count: 1000, Period: time.Hour} })
		b := a.another()
		_, pw := a.user("ada")
		for round := range 5 {
			s := a.signIn("ada", pw)
			on := []*app{a, b}
			var turn int
			answers := parallelIndexed(8, func(i int) string {
				x, err := on[i%2].try("password/", request{
					body:    map[string]any{"current_password": pw, "new_password": fmt.Sprintf("violet sofa %d %d", round, i)},
					headers: map[string]string{"Authorization": "Bearer " + s.access},
				})
				if err == nil && x.status == 200 {
					turn = i
				}
				return strings.TrimSpace(fmt.Sprintf("%v %d %s", err, x.status, x.code()))
			})
			if answers["<nil> 200"] != 1 || answers["<nil> 401 invalid_credentials"] != 7 {
				t.Fatalf("answers = %v, want one 200 and seven 401", answers)
			}
			pw = fmt.Sprintf("violet sofa %d %d", round, turn)
		}
	})
}

// A user of many browsers who never signs off: the one that was used least recently has to sign in again.
func TestMoreSessionsThanOneUserMayHave(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, func(c *config) { c.Limits.Sessions = 2 })
		_, pw := a.user("ada")
		first := a.signIn("ada", pw)
		a.clock.advance(time.Second)
		second := a.signIn("ada", pw)
		a.clock.advance(time.Second)
		first.mustRefresh()
		a.clock.advance(time.Second)
		third := a.signIn("ada", pw)
		second.present(a, second.refresh).want(t, 401, "session_revoked")
		first.mustRefresh()
		third.mustRefresh()
		if n := len(third.listed()); n != 2 {
			t.Errorf("%d sessions are listed, want 2", n)
		}
	})
}
