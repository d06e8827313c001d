package authhttp_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLO_01_Logoff(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	x := s.post("logoff/")
	if x.status != 200 || x.body != "" {
		t.Errorf("logoff = %d %q, want 200 and an empty body", x.status, x.body)
	}
	want := []string{
		"CSRF_token=; Path=/auth; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Strict",
		"refresh_cookie=; Path=/auth; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Strict",
	}
	if diff := cmp.Diff(want, x.header.Values("Set-Cookie")); diff != "" {
		t.Errorf("deletion (-want +got):\n%s", diff)
	}
	if n := a.count("select count(*) from sessions where ended_at is null"); n != 0 {
		t.Errorf("%d live sessions in the store, want 0", n)
	}
	if x := s.post("logoff/"); x.status != 200 || len(x.cookies) != 2 {
		t.Errorf("second logoff = %d %s %v, want 200 and the cookies deleted", x.status, x.body, x.cookies)
	}
}

func TestLO_05_OldTokenEndsTheSession(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	old := *s
	for range 3 {
		a.clock.advance(time.Hour)
		s.mustRefresh()
	}
	if x := old.post("logoff/"); x.status != 200 || len(x.cookies) != 2 {
		t.Errorf("logoff with an old token = %d %s, want 200 and the cookies deleted", x.status, x.body)
	}
	s.post("refresh/").want(t, 401, "session_revoked")
}

func TestLogoffScopes(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	_, otherPw := a.user("bob")
	here, there, bob := a.signIn("ada", pw), a.signIn("ada", pw), a.signIn("bob", otherPw)
	here.post("logoff/", map[string]any{"scope": "everywhere"}).want(t, 400, "invalid_request")
	here.post("logoff/", map[string]any{"scope": 1}).want(t, 400, "invalid_request")
	x := here.post("logoff/", map[string]any{"scope": "others"})
	if x.status != 200 || len(x.cookies) != 0 {
		t.Errorf("scope others = %d %v, want 200 and the cookies kept", x.status, x.cookies)
	}
	there.post("refresh/").want(t, 401, "session_revoked")
	here.mustRefresh()
	if x := there.post("logoff/", map[string]any{"scope": "all"}); x.status != 200 {
		t.Errorf("logoff of an ended session = %d %s, want 200", x.status, x.body)
	}
	here.mustRefresh() // a token of an ended session has no say over the others
	again := a.signIn("ada", pw)
	if x := here.post("logoff/", map[string]any{"scope": "all"}); x.status != 200 || len(x.cookies) != 2 {
		t.Errorf("scope all = %d %v", x.status, x.cookies)
	}
	here.post("refresh/").want(t, 401, "session_revoked")
	again.post("refresh/").want(t, 401, "session_revoked")
	bob.mustRefresh()
}
