package proof

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idptest"
)

// routeCases are the use cases of a sign-in at an identity provider, by their routes: what comes back from there, and
// what is linked or ended by it.
var routeCases = map[string]useCase{
	"callback/ of a first login":                       callbackCase(false),
	"callback/ of a login":                             callbackCase(true),
	"callback/ of a login that links by the address":   linkingLogin,
	"callback/ of a login by an identity that is gone": unlinkedLogin,
	"callback/ of a link":                              linkCallbackCase,
	"DELETE identities/{id}/":                          deleteIdentityCase,
	"DELETE identities/{id}/ of the last way in":       lastIdentityCase,
	"GET identities/":                                  identitiesCase,
	"backchannel-logout/ of one session":               logoutTokenCase(true),
	"backchannel-logout/ of a subject":                 logoutTokenCase(false),
}

// loginPerson is somebody whom the provider knows.
func loginPerson() idptest.User {
	name := strings.ToLower(rand.Text())
	return idptest.User{Subject: rand.Text(), Username: name, GivenName: "Vera"}
}

// returning is a browser that comes back from the provider: to which address, with the cookie of the login.
type returning struct{ query, cookie string }

// visit plays a person at the provider, to whom a login leads, and returns what comes back.
func (r *rig) visit(location string, a answer, u idptest.User, opts ...idptest.Option) returning {
	r.Helper()
	r.idp.SetUser(u)
	if len(opts) > 0 {
		r.idp.Bend(1, opts...)
	}
	to, err := r.idp.Login(r.Context(), location, u)
	if err != nil {
		r.Fatal(err)
	}
	back, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, issuerOfRig+"/callback/idp/?") {
		r.Fatalf("the provider leads to %q, %v", to, err)
	}
	cookie, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	return returning{back.RawQuery, cookie}
}

// ask sends a request without a body to a route.
func (r *rig) ask(method, path string, headers map[string]string) answer {
	r.Helper()
	req, err := http.NewRequest(method, r.base+"/auth/"+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	a, err := send(r.client, req)
	if err != nil {
		r.Fatal(err)
	}
	return a
}

func holding(b *browser) map[string]string {
	return map[string]string{"Authorization": "Bearer " + b.access}
}

// begin starts a login and returns what comes back from the provider.
func (r *rig) begin(u idptest.User, cookies string, opts ...idptest.Option) returning {
	r.Helper()
	a := r.ask("GET", "login/idp/", map[string]string{"Cookie": cookies})
	if a.status != http.StatusSeeOther {
		r.Fatalf("login/ = %v", a)
	}
	return r.visit(a.header.Get("Location"), a, u, opts...)
}

// land opens the callback. The browser, if there is one, keeps what it gets.
func (r *rig) land(l returning, b *browser) answer {
	r.Helper()
	a := r.ask("GET", "callback/idp/?"+l.query, map[string]string{"Cookie": l.cookie})
	if b != nil {
		b.keep(a)
	}
	return a
}

// ofLanding is of for a callback, whose faults go along to where the browser wanted to be.
func (r *rig) ofLanding(a answer) outcome {
	r.Helper()
	if a.status != http.StatusSeeOther {
		return r.of(a)
	}
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		r.Fatal(err)
	}
	switch code := to.Query().Get("sallyport_error"); code {
	case "":
		return outcome{done: true}
	case "store_unavailable", "idp_unavailable": // the latter when the client has left while the provider was asked
		if a.refresh != "" {
			r.Errorf("%s, and a session", code)
		}
		return outcome{}
	default:
		return outcome{refused: code}
	}
}

// again opens a callback once more, without faults. Its login has been used up, or its code has, or it was not carried
// out before.
func (r *rig) again(l returning) {
	r.Helper()
	o := r.ofLanding(r.land(l, nil))
	if !o.done && o.refused != "login_expired" && o.refused != "idp_error" {
		r.Errorf("the same callback again = %+v", o)
	}
}

// in signs a person in by a login without faults. The access token comes with a refresh.
func (r *rig) in(u idptest.User, opts ...idptest.Option) *browser {
	r.Helper()
	b := newBrowser()
	if o := r.ofLanding(r.land(r.begin(u, "", opts...), b)); !o.done {
		r.Errorf("a login of %s = %+v", u.Subject, o)
	}
	if code := r.refreshed(b); code != "" {
		r.Errorf("a refresh after a login = %s", code)
	}
	return b
}

// owner is whose the identity is at the moment, the zero value when there is none.
func (r *rig) owner(u idptest.User) sallyport.Owner {
	r.Helper()
	owner, err := r.store.UserByIdentity(r.Context(), r.idp.Issuer(), u.Subject)
	if err != nil && !errors.Is(err, sallyport.ErrNotFound) {
		r.Fatal(err)
	}
	return owner
}

func callbackCase(known bool) useCase {
	return func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, b := loginPerson(), newBrowser()
		if known {
			r.in(u)
			u.GivenName = "Veronica" // which the login makes known here
		}
		l := r.begin(u, "")
		return func(context.Context) outcome { return r.ofLanding(r.land(l, b)) }, func(o outcome) {
			if o.refused != "" {
				r.Errorf("refused: %s", o.refused)
			}
			if o.done && (!r.live(b) || r.owner(u).User.FirstName != u.GivenName) {
				r.Errorf("an acknowledged login is not stored: %+v", r.owner(u).User)
			}
			r.again(l)
			if !r.live(r.in(u)) || r.owner(u).User.FirstName != u.GivenName {
				r.Error("the next login is not stored")
			}
			var users int
			if err := r.db.QueryRowContext(r.Context(), "select count(*) from users where username like $1", u.Username+"%").Scan(&users); err != nil || users != 1 {
				r.Errorf("%d users, %v, want one", users, err)
			}
		}
	}
}

// linkingLogin is of somebody whose address is that of an account with an older password.
func linkingLogin(r *rig) (func(context.Context) outcome, func(outcome)) {
	account, pw := r.person()
	u, b := loginPerson(), newBrowser()
	u.Email, u.EmailVerified = u.Username+"@example.org", true
	r.advance(time.Minute)
	verified := true
	if _, err := r.svc.UpdateUser(r.Context(), account.ID, sallyport.UserChange{Email: &u.Email, EmailVerified: &verified}); err != nil {
		r.Fatal(err)
	}
	old := r.held(account, pw)
	l := r.begin(u, "")
	return func(context.Context) outcome { return r.ofLanding(r.land(l, b)) }, func(o outcome) {
		if o.refused != "" {
			r.Errorf("refused: %s", o.refused)
		}
		linked := r.owner(u).User.ID == account.ID
		if o.done && (!linked || !r.live(b)) {
			r.Error("an acknowledged link is not stored")
		}
		if live, known := r.live(old), r.canSignIn(account, pw); live == linked || known == linked {
			r.Errorf("linked: %v, and the old session lives: %v, the old password is right: %v", linked, live, known)
		}
		r.again(l)
		r.in(u)
		if r.owner(u).User.ID != account.ID || r.canSignIn(account, pw) {
			r.Error("the next login does not link")
		}
	}
}

// startLink begins a link from a browser that is signed in.
func (r *rig) startLink(b *browser, u idptest.User) returning {
	r.Helper()
	req, err := http.NewRequest("POST", r.base+"/auth/identities/idp/", strings.NewReader("{}"))
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+b.access)
	res, err := r.client.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	var said struct{ Location string }
	if err := json.NewDecoder(res.Body).Decode(&said); err != nil || res.StatusCode != http.StatusOK {
		r.Fatalf("identities/idp/ = %d, %v", res.StatusCode, err)
	}
	return r.visit(said.Location, answer{header: res.Header}, u)
}

func linkCallbackCase(r *rig) (func(context.Context) outcome, func(outcome)) {
	account, pw := r.person()
	b, u := r.held(account, pw), loginPerson()
	l := r.startLink(b, u)
	return func(context.Context) outcome { return r.ofLanding(r.land(l, nil)) }, func(o outcome) {
		if o.refused != "" {
			r.Errorf("refused: %s", o.refused)
		}
		if o.done && r.owner(u).User.ID != account.ID {
			r.Error("an acknowledged link is not stored")
		}
		r.again(l)
		if !r.live(b) || !r.canSignIn(account, pw) {
			r.Error("the session or the password went with a link that the user asked for")
		}
		if o := r.ofLanding(r.land(r.startLink(b, u), nil)); !o.done || r.owner(u).User.ID != account.ID {
			r.Errorf("the next link = %+v", o)
		}
	}
}

// unlinking is a request that takes an identity from its user.
func (r *rig) unlinking(b *browser, identity sallyport.ID) func(context.Context) outcome {
	return func(context.Context) outcome {
		return r.of(r.ask("DELETE", "identities/"+identity.String()+"/", holding(b)))
	}
}

func deleteIdentityCase(r *rig) (func(context.Context) outcome, func(outcome)) {
	account, pw := r.person()
	b, u := r.held(account, pw), loginPerson()
	if o := r.ofLanding(r.land(r.startLink(b, u), nil)); !o.done {
		r.Fatalf("link = %+v", o)
	}
	unlink := r.unlinking(b, r.owner(u).Identity)
	return unlink, func(o outcome) {
		if o.refused != "" {
			r.Errorf("refused: %s", o.refused)
		}
		if o.done && !r.owner(u).Identity.IsZero() {
			r.Error("204, and the identity is there")
		}
		if o := unlink(r.Context()); !o.done && o.refused != "not_found" || !r.owner(u).Identity.IsZero() {
			r.Errorf("the next try = %+v", o)
		}
		if !r.live(b) || !r.canSignIn(account, pw) {
			r.Error("the session or the password went with the identity")
		}
	}
}

func lastIdentityCase(r *rig) (func(context.Context) outcome, func(outcome)) {
	u := loginPerson()
	b := r.in(u)
	unlink := r.unlinking(b, r.owner(u).Identity)
	return unlink, func(o outcome) {
		if o.done || o.refused != "" && o.refused != "identity_conflict" || r.owner(u).Identity.IsZero() {
			r.Errorf("the last way in is removed, or refused for another reason: %+v", o)
		}
		if o := unlink(r.Context()); o.refused != "identity_conflict" || !r.live(r.in(u)) {
			r.Errorf("the next try = %+v", o)
		}
	}
}

// unlinkedLogin is a login by an identity that was taken from its user while the person was at the provider: another
// user is made.
func unlinkedLogin(r *rig) (func(context.Context) outcome, func(outcome)) {
	account, pw := r.person()
	held, u, b := r.held(account, pw), loginPerson(), newBrowser()
	if o := r.ofLanding(r.land(r.startLink(held, u), nil)); !o.done {
		r.Fatalf("link = %+v", o)
	}
	l := r.begin(u, "")
	if o := r.unlinking(held, r.owner(u).Identity)(r.Context()); !o.done {
		r.Fatalf("unlink = %+v", o)
	}
	return func(context.Context) outcome { return r.ofLanding(r.land(l, b)) }, func(o outcome) {
		if o.refused != "" || o.done && !r.live(b) {
			r.Errorf("%+v", o)
		}
		if r.owner(u).User.ID == account.ID {
			r.Error("the identity is back at the user whom it was taken from")
		}
		if !r.live(held) {
			r.Error("the user whom it was taken from is signed out")
		}
	}
}

// logoutTokenCase is a logout token for one session at the provider, or for all of its subject. Both browsers here are
// of that one session, a third one is not.
func logoutTokenCase(bySession bool) useCase {
	return func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, sid := loginPerson(), rand.Text()
		one, two, other := r.in(u, idptest.Claim("sid", sid)), r.in(u, idptest.Claim("sid", sid)), r.in(u, idptest.Claim("sid", rand.Text()))
		mint := func() string { return r.idp.LogoutToken(u) }
		if bySession {
			mint = func() string { return r.idp.LogoutToken(u, idptest.SessionID(sid)) }
		}
		token := mint()
		notify := func(token string) answer {
			r.Helper()
			req, err := http.NewRequest("POST", r.base+"/auth/backchannel-logout/idp/", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
			if err != nil {
				r.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			a, err := send(r.client, req)
			if err != nil {
				r.Fatal(err)
			}
			return a
		}
		ended := func() bool {
			r.Helper()
			liveOne, liveTwo, liveOther := r.live(one), r.live(two), r.live(other)
			if liveOne != liveTwo || liveOther != (bySession || liveOne) {
				r.Errorf("half of it is done: the sessions live: %v, %v, another: %v", liveOne, liveTwo, liveOther)
			}
			return !liveOne
		}
		return func(context.Context) outcome { return r.of(notify(token)) }, func(o outcome) {
			if o.refused != "" {
				r.Errorf("refused: %s", o.refused)
			}
			before := ended()
			if o.done && !before {
				r.Error("200, and the sessions live")
			}
			r.endsAreNoted()
			// Providers send a token again that was not answered. It has been carried out, or it is now.
			if a := notify(token); (a.status == 200) == before || a.status != 200 && a.code != "invalid_logout_token" {
				r.Errorf("the same token again = %v, and the sessions had ended before: %v", a, before)
			}
			if !ended() {
				r.Error("the sessions live after all")
			}
			if a := notify(mint()); a.status != 200 {
				r.Errorf("a new token = %v", a)
			}
		}
	}
}

func identitiesCase(r *rig) (func(context.Context) outcome, func(outcome)) {
	b := r.in(loginPerson())
	return func(context.Context) outcome { return r.of(r.ask("GET", "identities/", holding(b))) }, func(o outcome) {
		if o.refused != "" {
			r.Errorf("a good token is refused: %s", o.refused)
		}
	}
}
