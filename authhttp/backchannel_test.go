package authhttp_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
)

// signInAt signs a user in by the backend's own flow, in a session that the provider calls sid; "" for none.
func (l loginApp) signInAt(name string, p *idptest.Provider, u idptest.User, sid string) *session {
	l.t.Helper()
	if sid != "" {
		p.Bend(1, idptest.Claim("sid", sid))
	}
	p.SetUser(u)
	f := l.begin(name, "/", "")
	s := &session{app: l.app}
	x := f.land(name, f.signIn(p, u))
	s.take(x)
	if s.refresh == "" {
		l.t.Fatalf("login at %s = %d to %q", name, x.status, x.header.Get("Location"))
	}
	s.mustRefresh()
	return s
}

// notify posts a logout token, as the provider's server does.
func (l loginApp) notify(provider, token string) answer {
	l.t.Helper()
	l.known.add(token)
	return l.do("backchannel-logout/"+provider+"/", request{
		body: url.Values{"logout_token": {token}}.Encode(), headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
	})
}

func (s *session) wantLive(t *testing.T, what string, live bool) {
	t.Helper()
	x := s.post("refresh/")
	s.take(x)
	if live && x.status != 200 || !live && x.code() != "session_revoked" {
		t.Errorf("%s: refresh = %d %s, want live = %v", what, x.status, x.code(), live)
	}
}

func TestBackChannelLogout(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		l := newLoginAppOn(t, database, nil)
		alice := idptest.Alice()
		first, second := l.signInAt("plain", l.plain, alice, "s1"), l.signInAt("plain", l.plain, alice, "s2")
		unnamed, elsewhere := l.signInAt("plain", l.plain, alice, ""), l.signInAt("other", l.other, person("alice at other", "", nil), "s1")
		_, pw := l.user("bert")
		password := l.signIn("bert", pw)

		l.notify("plain", l.plain.LogoutToken(alice, idptest.Claim("sid", "s1"))).want(t, 200, "")
		first.wantLive(t, "the session that was named", false)
		for what, s := range map[string]*session{"another session": second, "one without a name": unnamed, "the same name at another provider": elsewhere, "a password session": password} {
			s.wantLive(t, what, true)
		}
		if detail := l.event("session_ended"); detail != "provider" {
			t.Errorf("event detail %q", detail)
		}
		// A session that is not known by name: those without one might be it.
		l.notify("plain", l.plain.LogoutToken(alice, idptest.Claim("sid", "never seen"))).want(t, 200, "")
		unnamed.wantLive(t, "a session without a name", false)
		second.wantLive(t, "a session of another name", true)
		// By subject alone, all of them.
		l.notify("plain", l.plain.LogoutToken(alice)).want(t, 200, "")
		second.wantLive(t, "all of the subject", false)
		elsewhere.wantLive(t, "the session at another provider", true)
		password.wantLive(t, "a password session", true)
		// By name alone.
		third := l.signInAt("plain", l.plain, alice, "s3")
		l.notify("plain", l.plain.LogoutToken(alice, idptest.Claim("sid", "s3"), idptest.Without("sub"))).want(t, 200, "")
		third.wantLive(t, "the session that was named without a subject", false)
		// Nobody we know: nothing to end is no fault (§2.7).
		l.notify("plain", l.plain.LogoutToken(person("stranger", "", nil))).want(t, 200, "")
	})
}

func TestBL_17_LogoutTokens(t *testing.T) {
	l := newLoginApp(t, nil)
	alice := idptest.Alice()
	s := l.signInAt("plain", l.plain, alice, "s1")
	now := l.clock.now()
	seen := l.plain.LogoutToken(person("stranger", "", nil))
	l.notify("plain", seen).want(t, 200, "")
	with := func(opts ...idptest.Option) string { return l.plain.LogoutToken(alice, opts...) }
	const event = "http://schemas.openid.net/event/backchannel-logout"
	for name, token := range map[string]string{
		"a nonce":                 with(idptest.Claim("nonce", "x")),
		"a nonce that is null":    with(idptest.Claim("nonce", nil)),
		"no events":               with(idptest.Without("events")),
		"other events":            with(idptest.Claim("events", map[string]any{"urn:another": map[string]any{}})),
		"events a list":           with(idptest.Claim("events", []string{event})),
		"events a string":         with(idptest.Claim("events", event)),
		"an event that is a list": with(idptest.Claim("events", map[string]any{event: []string{}})),
		"typ of an access token":  with(idptest.Header("typ", "at+jwt")),
		"another audience":        with(idptest.Claim("aud", "another")),
		"one audience more":       with(idptest.Claim("aud", []string{l.plain.ClientID(), "another"})),
		"no audience":             with(idptest.Without("aud")),
		"another issuer":          with(idptest.Claim("iss", l.other.Issuer())),
		"our own issuer":          with(idptest.Claim("iss", issuer)),
		"121 s old":               with(idptest.Claim("iat", now.Add(-121*time.Second).Unix())),
		"61 s in the future":      with(idptest.Claim("iat", now.Add(61*time.Second).Unix())),
		"no iat":                  with(idptest.Without("iat")),
		"iat a string":            with(idptest.Claim("iat", "1795608300")),
		"not good yet":            with(idptest.Claim("nbf", now.Add(61*time.Second).Unix())),
		"nbf a string":            with(idptest.Claim("nbf", "soon")),
		"past its end":            with(idptest.Claim("exp", now.Add(-61*time.Second).Unix())),
		"exp a string":            with(idptest.Claim("exp", "soon")),
		"seen before":             seen,
		"no jti":                  with(idptest.Without("jti")),
		"an empty jti":            with(idptest.Claim("jti", "")),
		"jti a number":            with(idptest.Claim("jti", 7)),
		"a long jti":              with(idptest.Claim("jti", strings.Repeat("x", 256))),
		"neither sub nor sid":     with(idptest.Without("sub")),
		"an empty sub":            with(idptest.Claim("sub", "")),
		"sub a number":            with(idptest.Claim("sub", 7)),
		"an empty sid":            with(idptest.Claim("sid", "")),
		"sid a number":            with(idptest.Claim("sid", 7)),
		"alg none":                with(idptest.Algorithm("none")),
		"HS256 with our key":      with(idptest.Algorithm("HS256"), idptest.HMACKey(l.plain.PublicKeys()[0].DER())),
		"another's key":           with(idptest.SignedBy(l.other.Signer())),
		"unknown kid":             with(idptest.KeyID("unknown")),
		"crit":                    with(idptest.Header("crit", []string{"x"})),
		"events twice":            with(idptest.DuplicateClaim("events", map[string]any{event: map[string]any{}})),
		"an ID token":             l.plain.Tokens(alice).IDToken,
		"an access token":         l.plain.Tokens(alice).AccessToken,
		"of another provider":     l.other.LogoutToken(alice),
		"a flipped bit":           idptest.FlipBit(2, 5)(with()),
		"nothing":                 "",
		"no token":                "a.b.c",
		"17 KiB":                  strings.Repeat("x", 17<<10),
	} {
		t.Run(name, func(t *testing.T) {
			before := l.rows()
			x := l.notify("plain", token)
			x.want(t, 400, "invalid_logout_token")
			if x.header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", x.header)
			}
			l.wantNothingIssued(x, before)
		})
	}
	s.wantLive(t, "after all of them", true)
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	l.do("backchannel-logout/plain/", request{body: "x=y", headers: form}).want(t, 400, "invalid_logout_token")
	l.do("backchannel-logout/plain/", request{body: "logout_token=a&logout_token=b", headers: form}).want(t, 400, "invalid_logout_token")
	l.do("backchannel-logout/plain/", request{body: map[string]any{"logout_token": with()}}).want(t, 415, "unsupported_media_type")
	l.do("backchannel-logout/plain/", request{body: "logout_token=" + strings.Repeat("x", 65<<10), headers: form}).want(t, 413, "body_too_large")
	l.do("backchannel-logout/nobody/", request{body: "logout_token=x", headers: form}).want(t, 404, "idp_not_configured")
	// What older providers leave out: the type, and the end.
	for _, good := range []string{with(idptest.WithoutHeader("typ"), idptest.Without("exp")), with(idptest.Header("typ", "JWT"))} {
		l.notify("plain", good).want(t, 200, "")
	}
	s.wantLive(t, "after a good one", false)
}

func TestEndProviderSession(t *testing.T) {
	l := newLoginApp(t, func(_ *config, p *idp.OIDC) { p.LogoutReturnTo = "https://app.example.com/bye" })
	s := l.signInAt("plain", l.plain, idptest.Alice(), "")
	s.post("logoff/", map[string]any{"end_provider_session": "yes"}).want(t, 400, "invalid_request")
	x := s.post("logoff/", map[string]any{"end_provider_session": true})
	x.want(t, 200, "")
	want := l.plain.URL(idptest.EndSession) + "?client_id=plain-client&post_logout_redirect_uri=" + url.QueryEscape("https://app.example.com/bye")
	if x.text("location") != want || x.cookies["refresh_cookie"] == nil {
		t.Errorf("logoff = %s, want the location %s and the cookies deleted", x.body, want)
	}
	s.wantLive(t, "after the logoff", false)
	for name, c := range map[string]struct {
		members map[string]any
		session func() *session
	}{
		"not asked for":           {map[string]any{"end_provider_session": false}, func() *session { return l.signInAt("plain", l.plain, idptest.Alice(), "") }},
		"signed in by a password": {map[string]any{"end_provider_session": true}, func() *session { _, pw := l.user("bert"); return l.signIn("bert", pw) }},
		"the provider has no such": {map[string]any{"end_provider_session": true}, func() *session {
			l.other.Fault(idptest.UntilCleared, idptest.Discovery, idptest.Edit(func(doc map[string]any) { delete(doc, "end_session_endpoint") }))
			return l.signInAt("other", l.other, person("olga", "", nil), "")
		}},
	} {
		if x := c.session().post("logoff/", c.members); x.status != 200 || x.body != "" {
			t.Errorf("%s: logoff = %d %s, want 200 and no body", name, x.status, x.body)
		}
	}
}

// The session at the provider is the browser's: it ends with ours here, and stays when only others end.
func TestEndProviderSessionByScope(t *testing.T) {
	l := newLoginApp(t, nil)
	there := l.plain.URL(idptest.EndSession) + "?client_id=plain-client"
	for scope, want := range map[string]string{"this": there, "all": there, "others": ""} {
		s := l.signInAt("plain", l.plain, idptest.Alice(), "")
		x := s.post("logoff/", map[string]any{"end_provider_session": true, "scope": scope})
		if x.status != 200 || x.text("location") != want || want == "" && x.body != "" {
			t.Errorf("scope %s: logoff = %d %s, want the location %q", scope, x.status, x.body, want)
		}
		s.wantLive(t, "scope "+scope, scope == "others")
	}
}

// Our session has ended when the provider is asked where its own ends: a provider that is away costs the address alone.
func TestEndProviderSessionWhileTheProviderIsAway(t *testing.T) {
	l := newLoginApp(t, nil)
	s := l.signInAt("plain", l.plain, idptest.Alice(), "")
	l.plain.Fault(idptest.UntilCleared, idptest.Discovery, idptest.Status(500))
	asked := l.plain.Count(idptest.Discovery)
	s.app = l.another() // which knows nothing of the provider yet
	x := s.post("logoff/", map[string]any{"end_provider_session": true})
	if x.status != 200 || x.body != "" || len(x.cookies) != 2 {
		t.Errorf("logoff = %d %s %v, want 200, no body, and the cookies deleted", x.status, x.body, x.cookies)
	}
	if l.plain.Count(idptest.Discovery) == asked {
		t.Error("the provider was not asked")
	}
	s.wantLive(t, "after the logoff", false)
}

// FuzzLogoutToken: what is refused ends nothing and leaves nothing.
func FuzzLogoutToken(f *testing.F) {
	l := newLoginApp(f, nil)
	l.signInAt("plain", l.plain, idptest.Alice(), "s1")
	_, claims, err := idptest.Decode(l.plain.LogoutToken(idptest.Alice(), idptest.Claim("sid", "s1")))
	if err != nil {
		f.Fatal(err)
	}
	good, err := json.Marshal(claims)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(good), "null", "{}", `{"events":{}}`, strings.Replace(string(good), `"jti"`, `"nonce"`, 1), string(good) + " ", strings.Replace(string(good), `"sub"`, `"SUB"`, 1)} {
		f.Add(seed, "logout+jwt")
	}
	f.Add(string(good), "at+jwt")
	f.Fuzz(func(t *testing.T, payload, typ string) {
		l := l
		a := *l.app
		a.t = t
		l.app = &a
		before := l.rows()
		x := l.notify("plain", l.plain.LogoutToken(idptest.Alice(), idptest.RawPayload(payload), idptest.Header("typ", typ)))
		if x.status != 200 && x.status != 400 {
			t.Fatalf("backchannel-logout/ with %q = %d %s", payload, x.status, x.body)
		}
		if x.status == 400 {
			l.wantNothingIssued(x, before)
		}
	})
}
