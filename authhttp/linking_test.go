package authhttp_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
)

// bothDoors runs a test with a function that brings a user of the plain provider in by each door. It gives the code of the
// refusal, "" for none, and what the browser was given.
func bothDoors(t *testing.T, change func(*config, *idp.OIDC), test func(t *testing.T, l loginApp, enter func(idptest.User) (string, *session))) {
	t.Run("exchange", func(t *testing.T) {
		l := newLoginApp(t, change)
		test(t, l, func(u idptest.User) (string, *session) {
			x := l.exchange(l.plain.Tokens(u).IDToken)
			s := &session{app: l.app}
			s.take(x)
			return x.code(), s
		})
	})
	t.Run("login", func(t *testing.T) {
		l := newLoginApp(t, change)
		test(t, l, func(u idptest.User) (string, *session) {
			l.plain.SetUser(u)
			f := l.begin("plain", "/", "")
			x := f.land("plain", f.signIn(l.plain, u))
			to, err := url.Parse(x.header.Get("Location"))
			if err != nil || x.status != 303 {
				t.Fatalf("callback = %d %s", x.status, x.body)
			}
			s := &session{app: l.app}
			s.take(x)
			if s.refresh != "" {
				s.mustRefresh()
			}
			return to.Query().Get("sallyport_error"), s
		})
	})
}

func verifiedEmail(_ *config, p *idp.OIDC) { p.Linking = sallyport.LinkVerifiedEmail }

func person(name, address string, verified any) idptest.User {
	return idptest.User{Username: name, Password: name, Email: address, EmailVerified: verified, GivenName: "Vera", FamilyName: "Victor"}
}

func (a *app) bearer(s *session, path, method string) answer {
	a.t.Helper()
	return a.do(path, request{method: method, headers: map[string]string{"Authorization": "Bearer " + s.access}})
}

func TestSX_17_AddressOfAnotherUserAtTheProvider(t *testing.T) {
	bothDoors(t, nil, func(t *testing.T, l loginApp, enter func(idptest.User) (string, *session)) {
		l.user("other")
		code, first := enter(person("vera", "vera@example.com", true))
		if code != "" {
			t.Fatalf("first sign-in: %s", code)
		}
		before := l.bearer(first, "user/", "GET")
		code, second := enter(person("vera", "other@example.com", true))
		if code != "" {
			t.Fatalf("after the change of the address: %s", code)
		}
		after := l.bearer(second, "user/", "GET")
		if before.body != after.body {
			t.Errorf("user before %s and after %s, want the same user with the same address", before.body, after.body)
		}
	})
}

// TestSX_18_PreHijack: somebody who expects the victim has made an account with the victim's address.
func TestSX_18_PreHijack(t *testing.T) {
	for name, change := range map[string]func(*config, *idp.OIDC){"deny": nil, "verified_email": verifiedEmail} {
		t.Run(name, func(t *testing.T) {
			bothDoors(t, change, func(t *testing.T, l loginApp, enter func(idptest.User) (string, *session)) {
				pw := randomText()
				if _, err := l.svc.CreateUser(t.Context(), sallyport.NewUser{Username: "mallory", Password: pw, Email: "vera@example.com"}); err != nil {
					t.Fatal(err)
				}
				mallory := l.signIn("mallory", pw)
				before := l.rows()
				code, got := enter(person("vera", "vera@example.com", true))
				if code != "account_link_required" || got.refresh != "" || l.rows() != before {
					t.Errorf("code %q, refresh token %q, want account_link_required and nothing else", code, got.refresh)
				}
				mallory.mustRefresh()
			})
		})
	}
}

func TestLinkByVerifiedAddress(t *testing.T) {
	for name, c := range map[string]struct {
		proofFirst bool // the address was verified when the password was set
		stays      bool
	}{"the password is older than the proof": {false, false}, "the password was set by who had proved the address": {true, true}} {
		t.Run(name, func(t *testing.T) {
			bothDoors(t, verifiedEmail, func(t *testing.T, l loginApp, enter func(idptest.User) (string, *session)) {
				pw := randomText()
				u, err := l.svc.CreateUser(t.Context(), sallyport.NewUser{Username: "vera", Password: pw, Email: "Vera@Example.com", EmailVerified: c.proofFirst})
				if err != nil {
					t.Fatal(err)
				}
				old := l.signIn("vera", pw)
				l.clock.advance(time.Hour)
				if !c.proofFirst {
					if _, err := l.svc.UpdateUser(t.Context(), u.ID, sallyport.UserChange{EmailVerified: new(true)}); err != nil {
						t.Fatal(err)
					}
				}
				code, s := enter(person("vera.v", "vera@example.com", true))
				if code != "" {
					t.Fatalf("link: %s", code)
				}
				if view := l.bearer(s, "user/", "GET"); view.text("id") != u.ID.String() {
					t.Errorf("signed in as %s, want %s", view.body, u.ID)
				}
				old.post("refresh/").want(t, 401, "session_revoked")
				x := l.do("sign-in/", request{body: map[string]string{"username": "vera", "password": pw}})
				if c.stays {
					x.want(t, 200, "")
				} else {
					x.want(t, 401, "invalid_credentials")
				}
				if detail := l.event("identity_linked"); strings.Contains(detail, "password removed") == c.stays || !strings.HasPrefix(detail, "verified address") {
					t.Errorf("event detail %q", detail)
				}
				if code, _ := enter(person("vera.v", "vera@example.com", true)); code != "" { // known by now
					t.Errorf("second sign-in: %s", code)
				}
			})
		})
	}
}

// event is the detail of the newest event of a name.
func (a *app) event(name string) string {
	a.t.Helper()
	var detail string
	if err := a.db.QueryRow("select detail from events where name = '" + name + "' order by id desc limit 1").Scan(&detail); err != nil {
		a.t.Fatalf("event %s: %v", name, err)
	}
	return detail
}

func TestNoLinkWithoutEveryCondition(t *testing.T) {
	for name, c := range map[string]struct {
		user  sallyport.NewUser
		comes idptest.User
		code  string
	}{
		"the provider says nothing of the address": {sallyport.NewUser{Username: "v", Email: "vera@example.com", EmailVerified: true}, person("vera", "vera@example.com", nil), "account_link_required"},
		"it says that it is not verified":          {sallyport.NewUser{Username: "v", Email: "vera@example.com", EmailVerified: true}, person("vera", "vera@example.com", false), "account_link_required"},
		"it says so in a string":                   {sallyport.NewUser{Username: "v", Email: "vera@example.com", EmailVerified: true}, person("vera", "vera@example.com", "true"), "account_link_required"},
		"the address is somebody's username":       {sallyport.NewUser{Username: "vera@example.com"}, person("vera", "vera@example.com", true), "account_link_required"},
		"the user is inactive":                     {sallyport.NewUser{Username: "v", Email: "vera@example.com", EmailVerified: true, Inactive: true}, person("vera", "vera@example.com", true), "invalid_credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			bothDoors(t, verifiedEmail, func(t *testing.T, l loginApp, enter func(idptest.User) (string, *session)) {
				if _, err := l.svc.CreateUser(t.Context(), c.user); err != nil {
					t.Fatal(err)
				}
				before := l.rows()
				if code, s := enter(c.comes); code != c.code || s.refresh != "" || l.rows() != before {
					t.Errorf("code %q, want %q and no change", code, c.code)
				}
			})
		})
	}
	t.Run("another identity of the issuer", func(t *testing.T) {
		bothDoors(t, verifiedEmail, func(t *testing.T, l loginApp, enter func(idptest.User) (string, *session)) {
			if code, _ := enter(person("vera", "vera@example.com", true)); code != "" {
				t.Fatal(code)
			}
			before := l.rows()
			if code, _ := enter(person("vera2", "vera@example.com", true)); code != "account_link_required" || l.rows() != before { // an address that was given again
				t.Errorf("code %q, want account_link_required", code)
			}
		})
	})
}

func TestSync(t *testing.T) {
	bothDoors(t, nil, func(t *testing.T, l loginApp, enter func(idptest.User) (string, *session)) {
		enter(person("vera", "vera@example.com", false)) // refused: the address is not verified
		code, s := enter(person("vera", "vera@example.com", nil))
		if code != "" {
			t.Fatal(code)
		}
		changed := person("vera", "vera@new.example", true)
		changed.FamilyName = "Vittoria"
		_, s = enter(changed)
		view := l.bearer(s, "user/", "GET")
		if view.text("email") != "vera@new.example" || view.json["email_verified"] != true || view.text("last_name") != "Vittoria" {
			t.Errorf("user/ = %s, want what the provider says now", view.body)
		}
		if detail := l.event("user_changed"); detail != "email email_verified last_name" {
			t.Errorf("event detail %q", detail)
		}
		_, s = enter(person("vera", "vera@unproved.example", nil))
		if view := l.bearer(s, "user/", "GET"); view.text("email") != "vera@new.example" || view.json["email_verified"] != true {
			t.Errorf("user/ = %s, want the verified address to stay", view.body)
		}
	})
	t.Run("off", func(t *testing.T) {
		off := func(_ *config, p *idp.OIDC) { p.Sync = new(false) }
		bothDoors(t, off, func(t *testing.T, l loginApp, enter func(idptest.User) (string, *session)) {
			_, s := enter(person("vera", "vera@example.com", true))
			before := l.bearer(s, "user/", "GET")
			_, s = enter(person("vera", "vera@new.example", true))
			if after := l.bearer(s, "user/", "GET"); after.body != before.body {
				t.Errorf("user/ = %s, want it as it was", after.body)
			}
		})
	})
}

func TestIdentities(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		l := newLoginAppOn(t, database, nil)
		_, pw := l.user("anna")
		anna := l.signIn("anna", pw)
		if x := l.bearer(anna, "identities/", "GET"); x.status != 200 || strings.TrimSpace(x.body) != `{"identities":[]}` {
			t.Errorf("identities/ of a user without = %d %s", x.status, x.body)
		}
		link := func(s *session, provider string, p *idptest.Provider, u idptest.User) answer {
			x := l.do("identities/"+provider+"/", request{body: map[string]any{"return_to": "/account"}, headers: map[string]string{"Authorization": "Bearer " + s.access}})
			x.want(t, 200, "")
			f := l.flightOf(x, x.text("location"))
			return f.land(provider, f.signIn(p, u))
		}
		sessions := l.count("select count(*) from sessions")
		link(anna, "plain", l.plain, idptest.Bob()).wantReturn(t, "https://app.example.com/account")
		l.clock.advance(time.Second)
		link(anna, "other", l.other, idptest.Bob()).wantReturn(t, "https://app.example.com/account")
		link(anna, "plain", l.plain, idptest.Bob()).wantReturn(t, "https://app.example.com/account") // once more is no fault
		if n := l.count("select count(*) from sessions"); n != sessions {
			t.Errorf("links have started %d sessions", n-sessions)
		}
		anna.mustRefresh()
		x := l.bearer(anna, "identities/", "GET")
		list, _ := x.json["identities"].([]any)
		if len(list) != 2 {
			t.Fatalf("identities/ = %s, want two", x.body)
		}
		first := list[0].(map[string]any)
		if first["provider"] != "plain" || first["issuer"] != l.plain.Issuer() || first["created_at"] != "2026-11-25T12:00:00Z" {
			t.Errorf("identity %v", first)
		}
		f := l.begin("plain", "/", "")
		bob := &session{app: l.app}
		bob.take(f.land("plain", f.signIn(l.plain, idptest.Bob())))
		bob.mustRefresh()
		if view := l.bearer(bob, "user/", "GET"); view.text("username") != "anna" {
			t.Errorf("the linked identity signs in %s", view.body)
		}
		_, otherPW := l.user("berta")
		berta := l.signIn("berta", otherPW)
		l.bearer(berta, "identities/"+first["id"].(string)+"/", "DELETE").want(t, 404, "not_found")
		l.bearer(berta, "identities/nonsense/", "DELETE").want(t, 404, "not_found")
		l.bearer(anna, "identities/"+first["id"].(string)+"/", "DELETE").want(t, 204, "")
		l.bearer(anna, "identities/"+first["id"].(string)+"/", "DELETE").want(t, 404, "not_found")
		f = l.begin("plain", "/", "")
		f.land("plain", f.signIn(l.plain, idptest.Bob())).wantReturn(t, "https://app.example.com/?sallyport_error=email_not_verified")
		l.do("identities/nobody/", request{headers: map[string]string{"Authorization": "Bearer " + anna.access}}).want(t, 404, "idp_not_configured")
		l.do("identities/plain/", request{}).want(t, 401, "missing_token")
	})
}

func TestLastWayIn(t *testing.T) {
	l := newLoginApp(t, nil)
	f := l.begin("plain", "/", "")
	s := &session{app: l.app}
	s.take(f.land("plain", f.signIn(l.plain, idptest.Alice())))
	s.mustRefresh()
	list := l.bearer(s, "identities/", "GET").json["identities"].([]any)
	id := list[0].(map[string]any)["id"].(string)
	before := l.rows()
	x := l.bearer(s, "identities/"+id+"/", "DELETE")
	x.want(t, 409, "identity_conflict")
	l.wantNothingIssued(x, before)
}

// A link belongs to the session that asked for it.
func TestLinkOfASessionThatHasEnded(t *testing.T) {
	l := newLoginApp(t, nil)
	_, pw := l.user("anna")
	anna := l.signIn("anna", pw)
	x := l.bearer(anna, "identities/plain/", "POST")
	f := l.flightOf(x, x.text("location"))
	query := f.signIn(l.plain, idptest.Alice())
	anna.post("logoff/").want(t, 200, "")
	before := l.rows()
	landed := f.land("plain", query)
	landed.wantReturn(t, "https://app.example.com/?sallyport_error=session_revoked")
	if l.rows() != before || landed.cookies["refresh_cookie"] != nil {
		t.Error("an ended session has linked an identity")
	}
}

func TestSX_29_SubjectForEverybody(t *testing.T) {
	for name, sub := range map[string]any{"empty": "", "blank": "  ", "a number": 0, "null": nil} {
		t.Run(name, func(t *testing.T) {
			l := newLoginApp(t, nil)
			before := l.rows()
			x := l.exchange(l.plain.Tokens(idptest.Alice(), idptest.Claim("sub", sub)).IDToken)
			x.want(t, 401, "idp_token_invalid")
			l.wantNothingIssued(x, before)
		})
	}
}

// TestHearsayLinksNothing: an address that a provider calls verified without being the authority for it may have been somebody
// else's since. It is shown as verified; the authority for it does not link to the account.
func TestHearsayLinksNothing(t *testing.T) {
	a := newApp(t, nil)
	google := idptest.New(t, idptest.Config{Now: a.clock.now, ClientID: "g"})
	work := idptest.New(t, idptest.Config{Now: a.clock.now, ClientID: "w"})
	a.config.Providers = []sallyport.Provider{
		idp.Google{Issuer: google.Issuer(), ClientID: "g"},
		idp.OIDC{Name: "work", Issuer: work.Issuer(), ClientID: "w", Linking: sallyport.LinkVerifiedEmail},
	}
	a = a.another()
	first := a.exchange(google.Tokens(person("leaver", "desk@example.com", true)).IDToken)
	first.want(t, 200, "")
	if view := a.bearer(a.sessionOf(first), "user/", "GET"); view.json["email_verified"] != true {
		t.Errorf("user/ = %s, want the address verified", view.body)
	}
	before := a.rows()
	x := a.exchange(work.Tokens(person("successor", "desk@example.com", true)).IDToken)
	x.want(t, 409, "account_link_required")
	a.wantNothingIssued(x, before)
	a.exchange(google.Tokens(person("gina", "gina@gmail.com", true)).IDToken).want(t, 200, "")
	a.exchange(work.Tokens(person("gina", "gina@gmail.com", true)).IDToken).want(t, 200, "") // Google is the authority for it
	if n := a.count("select count(*) from users"); n != 2 {
		t.Errorf("%d users, want 2", n)
	}
}
