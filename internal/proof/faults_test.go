package proof

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/internal/storehook"
	"github.com/sallyport-auth/sallyport/password"
)

// manner is how a call of the store fails.
type manner string

const (
	notDone   manner = "it is not carried out"
	lost      manner = "it is carried out, and the answer is lost"
	leftFirst manner = "the client leaves before it"
	leftThen  manner = "the client leaves after it"
)

// rig is a Service before a database whose nth call fails, behind its routes.
type rig struct {
	*testing.T
	store  sallyport.Store // without faults
	db     *sql.DB
	idp    *idptest.Provider
	svc    *sallyport.Service
	base   string
	client *http.Client

	mu       sync.Mutex
	now      time.Time
	left     int // calls until the one that fails; none does when it is not positive
	how      manner
	leave    context.CancelFunc // the client's
	injected string             // the call that has failed, "" while none has
}

const issuerOfRig = "https://app.example.com/auth"

func newRig(t *testing.T, database string) *rig {
	t.Helper()
	s := newSite(t, database)
	r := &rig{T: t, store: s.store(), db: s.open(), now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), client: newClient()}
	secret := make([]byte, 32)
	rand.Read(secret)
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r.idp = idptest.New(t, idptest.Config{Now: r.clock, RedirectURIs: []string{issuerOfRig + "/callback/idp/"}})
	var err error
	r.svc, err = sallyport.New(sallyport.Config{
		Providers: []sallyport.Provider{idp.OIDC{Name: "idp", Issuer: r.idp.Issuer(), ClientID: r.idp.ClientID(), Linking: sallyport.LinkVerifiedEmail}},
		Limits:    sallyport.Limits{Login: sallyport.Limit{Count: 1_000_000, Period: time.Minute}},
		Issuer:    issuerOfRig, Store: &storehook.Store{Around: r.around, Closing: func() error { return nil }}, Secret: secret, Now: r.clock,
		Password: password.Config{Memory: 64, Passes: 1}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.svc.Close() })
	auth, err := authhttp.New(r.svc, authhttp.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx, cancel := context.WithCancel(context.WithValue(req.Context(), request{}, true))
		defer cancel()
		r.mu.Lock()
		r.leave = cancel
		r.mu.Unlock()
		auth.ServeHTTP(w, req.WithContext(ctx))
	}))
	t.Cleanup(server.Close)
	r.base = server.URL
	return r
}

// request marks the context of what a test asks for, as against what the service does by itself.
type request struct{}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) advance(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// around lets the call fail whose turn it is.
func (r *rig) around(ctx context.Context, op string, call storehook.Call) error {
	if ctx.Value(request{}) == nil {
		return call(ctx, r.store)
	}
	r.mu.Lock()
	r.left--
	fails, how, leave := r.left == 0, r.how, r.leave
	if fails {
		r.injected = op
	}
	r.mu.Unlock()
	if !fails {
		return call(ctx, r.store)
	}
	fault := fmt.Errorf("injected: %w", sallyport.ErrStoreUnavailable)
	switch how {
	case lost:
		if err := call(ctx, r.store); err != nil {
			return err
		}
		return fault
	case leftFirst:
		leave()
		return call(ctx, r.store)
	case leftThen:
		err := call(ctx, r.store)
		leave()
		return err
	}
	return fault
}

// calm takes the faults away.
func (r *rig) calm() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = 0
}

func (r *rig) person() (sallyport.User, string) {
	r.Helper()
	pw := "pw " + rand.Text()
	u, err := r.svc.CreateUser(r.Context(), sallyport.NewUser{Username: strings.ToLower(rand.Text()), Password: pw})
	if err != nil {
		r.Fatal(err)
	}
	return u, pw
}

func (r *rig) post(path, cookies string, headers map[string]string, body any) answer {
	r.Helper()
	a, err := postWith(r.client, r.base+"/auth/"+path, cookies, headers, body)
	if err != nil {
		r.Fatal(err)
	}
	return a
}

// held is a signed-in browser.
func (r *rig) held(u sallyport.User, pw string) *browser {
	r.Helper()
	b := newBrowser()
	a, err := b.signIn(r.base, u.Username, pw)
	if err != nil || a.status != 200 {
		r.Fatalf("sign-in = %v, %v", a, err)
	}
	return b
}

// refreshed is the code of a refresh, "" for a success; the browser keeps what it gets.
func (r *rig) refreshed(b *browser) string {
	r.Helper()
	a, err := b.refreshAt(r.base)
	if err != nil {
		r.Fatal(err)
	}
	return a.code
}

// live reports whether the session of a browser goes on.
func (r *rig) live(b *browser) bool {
	r.Helper()
	switch code := r.refreshed(b); code {
	case "":
		return true
	case "session_revoked":
		return false
	default:
		r.Errorf("a refresh afterwards = %s", code)
		return false
	}
}

// canSignIn reports whether the password is right.
func (r *rig) canSignIn(u sallyport.User, pw string) bool {
	r.Helper()
	a := r.post("sign-in/", "", nil, map[string]string{"username": u.Username, "password": pw})
	if a.status != 200 && a.code != "invalid_credentials" {
		r.Errorf("a sign-in afterwards = %v", a)
	}
	return a.status == 200
}

// outcome is how a use case under fault ended: a success, a fault of ours, or a refusal.
type outcome struct {
	done    bool
	refused string // the code of a 4xx
}

// of judges an answer: a fault of ours is a 503 that says when to try again and deletes nothing.
func (r *rig) of(a answer) outcome {
	r.Helper()
	switch {
	case a.status < 300:
		return outcome{done: true}
	case a.status == 503:
		retry, _ := strconv.Atoi(a.header.Get("Retry-After"))
		if retry < 1 || a.deletes || a.refresh != "" || a.code != "store_unavailable" {
			r.Errorf("%v with %v", a, a.header)
		}
		return outcome{}
	case a.status >= 500:
		r.Errorf("%v", a)
		return outcome{}
	}
	return outcome{refused: a.code}
}

// ofError is of for a use case that has no route.
func (r *rig) ofError(err error) outcome {
	r.Helper()
	if err != nil && !errors.Is(err, sallyport.ErrStoreUnavailable) && !errors.Is(err, context.Canceled) {
		r.Errorf("%v", err)
	}
	return outcome{done: err == nil}
}

// useCase is one that is tried with every fault. It prepares what it needs and returns what is to be done and how to
// look at what came of it.
type useCase func(r *rig) (do func(ctx context.Context) outcome, check func(outcome))

var useCases = map[string]useCase{
	"sign-in": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		b := newBrowser()
		return func(context.Context) outcome {
				a, err := b.signIn(r.base, u.Username, pw)
				if err != nil {
					r.Fatal(err)
				}
				return r.of(a)
			}, func(o outcome) {
				if o.refused != "" {
					r.Errorf("the right password is refused: %s", o.refused)
				}
				if o.done && !r.live(b) {
					r.Error("an acknowledged sign-in is not stored")
				}
				if !r.canSignIn(u, pw) {
					r.Error("nobody can sign in afterwards")
				}
			}
	},
	"sign-in over a cookie": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		old, b := r.held(u, pw), newBrowser()
		return func(context.Context) outcome {
				a := r.post("sign-in/", old.cookies(), nil, map[string]string{"username": u.Username, "password": pw})
				b.keep(a)
				return r.of(a)
			}, func(o outcome) {
				if o.refused != "" {
					r.Errorf("the right password is refused: %s", o.refused)
				}
				if o.done && (!r.live(b) || r.live(old)) {
					r.Error("an acknowledged sign-in is not stored, or the session that it replaces lives")
				}
				if !o.done && !r.live(old) { // the answer was lost, and then the browser signs in once more
					if sessions, err := r.svc.Sessions(r.Context(), u.ID, sallyport.ID{}, 10); err != nil || len(sessions) != 1 {
						r.Errorf("the old session has ended, and there are %d: %v", len(sessions), err)
					}
				}
			}
	},
	"sign-in with a wrong password": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		return func(context.Context) outcome {
				return r.of(r.post("sign-in/", "", nil, map[string]string{"username": u.Username, "password": "wrong"}))
			}, func(o outcome) {
				if o.done {
					r.Error("a wrong password signs in")
				}
				if !r.canSignIn(u, pw) {
					r.Error("nobody can sign in afterwards")
				}
			}
	},
	"first exchange": exchangeCase(false),
	"exchange":       exchangeCase(true),
	"first login":    loginCase(false),
	"login":          loginCase(true),

	"link":                linkCase,
	"unlink":              unlinkCase,
	"back-channel logout": providerLogoutCase,
	"refresh, an advance": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		b := r.held(u, pw)
		return r.refresh(b)
	},
	"refresh, a retry": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		b := r.held(u, pw)
		r.lose(b)
		r.advance(5 * time.Second)
		return r.refresh(b)
	},
	"refresh, a recovery": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		b := r.held(u, pw)
		r.lose(b)
		r.advance(time.Hour)
		return r.refresh(b)
	},
	"refresh, refused": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		b := r.held(u, pw)
		if a, err := b.logoff(r.base, "this"); err != nil || a.status != 200 {
			r.Fatalf("logoff = %v, %v", a, err)
		}
		return func(context.Context) outcome {
				a, err := b.refreshAt(r.base)
				if err != nil {
					r.Fatal(err)
				}
				return r.of(a)
			}, func(o outcome) {
				if o.done || o.refused != "" && o.refused != "session_revoked" {
					r.Errorf("the refresh of a session that has ended = %+v", o)
				}
			}
	},
	"refresh, a reuse": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		owner := r.held(u, pw)
		thief := newBrowser()
		thief.refresh, thief.csrf = owner.refresh, owner.csrf
		for range 2 {
			r.refreshed(owner)
			r.advance(time.Minute)
		}
		return func(context.Context) outcome {
				a, err := thief.refreshAt(r.base)
				if err != nil {
					r.Fatal(err)
				}
				return r.of(a)
			}, func(o outcome) {
				if o.done {
					r.Error("a stolen token is refreshed")
				}
				if o.refused != "" && r.live(owner) {
					r.Errorf("%s, and the session lives", o.refused)
				}
				if o.refused == "" { // it may have ended or not; the thief gets nothing in either case
					if code := r.refreshed(thief); code != "refresh_token_reused" && code != "session_revoked" {
						r.Errorf("the thief's next try = %q", code)
					}
				}
				r.endsAreNoted()
			}
	},
	"logoff":            logoffCase("this", true, false),
	"logoff of others":  logoffCase("others", false, true),
	"logoff everywhere": logoffCase("all", true, true),
	"password/": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		here, there := r.held(u, pw), r.held(u, pw)
		const fresh = "violet sofa by the window"
		return func(context.Context) outcome {
				return r.of(r.post("password/", "", map[string]string{"Authorization": "Bearer " + here.access}, map[string]string{"current_password": pw, "new_password": fresh}))
			}, func(o outcome) {
				if o.refused != "" {
					r.Errorf("refused: %s", o.refused)
				}
				changed := r.canSignIn(u, fresh)
				if changed == r.canSignIn(u, pw) {
					r.Errorf("both passwords are right, or neither: the new one %v", changed)
				}
				if o.done && !changed {
					r.Error("an acknowledged change is not stored")
				}
				if r.live(there) == changed {
					r.Errorf("the other session lives: %v, though the password has changed: %v", !changed, changed)
				}
				if !r.live(here) {
					r.Error("the own session ended")
				}
				r.endsAreNoted()
			}
	},
	"DELETE sessions/{id}/": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		there := r.held(u, pw)
		sessions, err := r.svc.Sessions(r.Context(), u.ID, sallyport.ID{}, 10)
		if err != nil {
			r.Fatal(err)
		}
		here := r.held(u, pw)
		return func(context.Context) outcome {
				req, err := http.NewRequest("DELETE", r.base+"/auth/sessions/"+sessions[0].ID.String()+"/", nil)
				if err != nil {
					r.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+here.access)
				a, err := send(r.client, req)
				if err != nil {
					r.Fatal(err)
				}
				return r.of(a)
			}, func(o outcome) {
				if o.refused != "" {
					r.Errorf("refused: %s", o.refused)
				}
				if o.done && r.live(there) {
					r.Error("204, and the session lives")
				}
				if !r.live(here) {
					r.Error("the own session ended")
				}
				r.endsAreNoted()
			}
	},
	"disable": adminCase(func(ctx context.Context, svc *sallyport.Service, id sallyport.ID) error {
		return svc.DisableUser(ctx, id)
	}, func(u sallyport.User) bool { return !u.IsActive }),
	"delete": adminCase(func(ctx context.Context, svc *sallyport.Service, id sallyport.ID) error {
		return svc.DeleteUser(ctx, id)
	}, func(u sallyport.User) bool { return u.ID.IsZero() }),
	"set password": adminCase(func(ctx context.Context, svc *sallyport.Service, id sallyport.ID) error {
		return svc.SetPassword(ctx, id, "violet sofa by the window")
	}, nil),
	"end sessions": adminCase(func(ctx context.Context, svc *sallyport.Service, id sallyport.ID) error {
		_, err := svc.EndSessions(ctx, id)
		return err
	}, nil),
	"revoke all": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		s := r.held(r.person())
		return func(ctx context.Context) outcome {
				_, err := r.svc.RevokeAllSessions(ctx)
				return r.ofError(err)
			}, func(o outcome) { // of two sessions one may be in a part that is done, and one in a part that is not
				if o.done && r.live(s) {
					r.Error("acknowledged, and a session lives")
				}
				r.endsAreNoted()
			}
	},
	"enable": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		if err := r.svc.DisableUser(r.Context(), u.ID); err != nil {
			r.Fatal(err)
		}
		return func(ctx context.Context) outcome { return r.ofError(r.svc.EnableUser(ctx, u.ID)) }, func(o outcome) {
			if o.done && !r.canSignIn(u, pw) {
				r.Error("an acknowledged change is not stored")
			}
		}
	},
	"create a user": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		name := strings.ToLower(rand.Text())
		return func(ctx context.Context) outcome {
				_, err := r.svc.CreateUser(ctx, sallyport.NewUser{Username: name, Password: "violet sofa"})
				return r.ofError(err)
			}, func(o outcome) {
				_, err := r.svc.FindUser(r.Context(), name)
				if o.done && err != nil {
					r.Errorf("an acknowledged user: %v", err)
				}
				if _, err := r.svc.CreateUser(r.Context(), sallyport.NewUser{Username: name}); err != nil && !errors.Is(err, sallyport.ErrNameTaken) {
					r.Errorf("the next try = %v", err)
				}
			}
	},
	"rotate the key": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		return func(ctx context.Context) outcome {
				_, err := r.svc.ReplaceSigningKeys(ctx)
				return r.ofError(err)
			}, func(outcome) {
				if err := r.svc.Ready(r.Context()); err != nil {
					r.Errorf("afterwards: %v", err)
				}
				u, pw := r.person()
				if b := r.held(u, pw); r.refreshed(b) != "" {
					r.Error("nobody can refresh afterwards")
				}
			}
	},
	"publish the next key": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		if _, err := r.svc.ReplaceSigningKeys(r.Context()); err != nil {
			r.Fatal(err)
		}
		return func(ctx context.Context) outcome {
				_, err := r.svc.RotateSigningKey(ctx)
				return r.ofError(err)
			}, func(o outcome) {
				_, err := r.svc.RotateSigningKey(r.Context())
				if keys := r.svc.SigningKeys(); err != nil || len(keys) != 2 {
					r.Errorf("done: %v; afterwards there are %d keys, %v, want the active one and the next", o.done, len(keys), err)
				}
			}
	},
	"GET sessions/": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		b := r.held(u, pw)
		return func(context.Context) outcome {
				req, err := http.NewRequest("GET", r.base+"/auth/sessions/", nil)
				if err != nil {
					r.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+b.access)
				a, err := send(r.client, req)
				if err != nil {
					r.Fatal(err)
				}
				return r.of(a)
			}, func(o outcome) {
				if o.refused != "" {
					r.Errorf("a good token is refused: %s", o.refused)
				}
			}
	},
	"verify/": func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		b := r.held(u, pw)
		return func(context.Context) outcome {
				return r.of(r.post("verify/", "", nil, map[string]string{"token": b.access}))
			},
			func(o outcome) {
				if o.refused != "" {
					r.Errorf("a good token is refused: %s", o.refused)
				}
			}
	},
}

// exchangeCase is the exchange of a provider's token, by somebody who is known or not.
func exchangeCase(known bool) useCase {
	return func(r *rig) (func(context.Context) outcome, func(outcome)) {
		someone := idptest.User{Subject: rand.Text(), Username: strings.ToLower(rand.Text())}
		exchange := func() answer {
			return r.post("social-exchange/", "", nil, map[string]string{"id_token": r.idp.Tokens(someone).IDToken})
		}
		if known {
			if a := exchange(); a.status != 200 {
				r.Fatalf("exchange = %v", a)
			}
		}
		token := r.idp.Tokens(someone).IDToken
		b := newBrowser()
		return func(context.Context) outcome {
				a := r.post("social-exchange/", "", nil, map[string]string{"id_token": token})
				b.keep(a)
				return r.of(a)
			}, func(o outcome) {
				if o.refused != "" {
					r.Errorf("refused: %s", o.refused)
				}
				if o.done && !r.live(b) {
					r.Error("an acknowledged exchange is not stored")
				}
				// The token is used up or it is not; whoever has a new one is that same person.
				if a := r.post("social-exchange/", "", nil, map[string]string{"id_token": token}); a.status != 200 && a.code != "idp_token_replayed" {
					r.Errorf("the same token again = %v", a)
				}
				if a := exchange(); a.status != 200 {
					r.Errorf("a new token = %v", a)
				}
				var users int
				if err := r.db.QueryRowContext(r.Context(), "select count(*) from identities where subject = $1", someone.Subject).Scan(&users); err != nil || users != 1 {
					r.Errorf("%d users, %v, want one", users, err)
				}
			}
	}
}

// lose refreshes, and the answer is lost.
func (r *rig) lose(b *browser) {
	held := b.refresh
	r.refreshed(b)
	b.refresh = held
}

// refresh is a use case whose browser must go on whatever happens.
func (r *rig) refresh(b *browser) (func(context.Context) outcome, func(outcome)) {
	return func(context.Context) outcome {
			a, err := b.refreshAt(r.base)
			if err != nil {
				r.Fatal(err)
			}
			return r.of(a)
		}, func(o outcome) {
			if o.refused != "" {
				r.Errorf("refused: %s", o.refused)
			}
			for range 3 {
				if !r.live(b) {
					r.Error("the browser is signed out")
				}
				r.advance(time.Minute)
			}
		}
}

func logoffCase(scope string, endsOwn, endsOthers bool) useCase {
	return func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		own, other := r.held(u, pw), r.held(u, pw)
		return func(context.Context) outcome {
				a, err := own.logoff(r.base, scope)
				if err != nil {
					r.Fatal(err)
				}
				return r.of(a)
			}, func(o outcome) {
				if o.refused != "" {
					r.Errorf("refused: %s", o.refused)
				}
				liveOwn, liveOther := r.live(own), r.live(other)
				if o.done && (liveOwn == endsOwn || liveOther == endsOthers) {
					r.Errorf("200, and the own session lives: %v, the other: %v", liveOwn, liveOther)
				}
				if !endsOwn && !liveOwn || !endsOthers && !liveOther {
					r.Error("a session ended that was not meant")
				}
				if endsOwn && endsOthers && liveOwn != liveOther {
					r.Error("half of it is done")
				}
				r.endsAreNoted()
			}
	}
}

// adminCase ends every session of a user; changed, if not nil, tells what else it does.
func adminCase(act func(context.Context, *sallyport.Service, sallyport.ID) error, changed func(sallyport.User) bool) useCase {
	return func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u, pw := r.person()
		one, two := r.held(u, pw), r.held(u, pw)
		return func(ctx context.Context) outcome { return r.ofError(act(ctx, r.svc, u.ID)) }, func(o outcome) {
			got, err := r.store.User(r.Context(), u.ID)
			if err != nil && !errors.Is(err, sallyport.ErrNotFound) {
				r.Fatal(err)
			}
			liveOne, liveTwo := r.live(one), r.live(two)
			if liveOne != liveTwo || o.done && liveOne {
				r.Errorf("done: %v, and the sessions live: %v and %v", o.done, liveOne, liveTwo)
			}
			if changed != nil && changed(got) == liveOne {
				r.Errorf("the user has changed: %v, and the sessions live: %v", changed(got), liveOne)
			}
			r.endsAreNoted()
		}
	}
}

// endsAreNoted checks that the trail tells of as many ended sessions as there are, with those that went with their user.
func (r *rig) endsAreNoted() {
	r.Helper()
	var ended, deleted, noted int
	if err := r.db.QueryRowContext(r.Context(), `select (select count(*) from sessions where ended_at is not null),
			(select coalesce(sum(sessions), 0) from events where name = 'user_deleted'), (select coalesce(sum(sessions), 0) from events)`,
	).Scan(&ended, &deleted, &noted); err != nil {
		r.Fatal(err)
	}
	if ended+deleted != noted {
		r.Errorf("%d sessions have ended, %d went with their user, and the trail tells of %d", ended, deleted, noted)
	}
}

// invariants are what no fault changes: queries that must find nothing, over the whole database.
var invariants = map[string]string{
	"a user whose credential has another version than the trail tells of": `select count(*) from users where credential_version - 1 <>
		(select count(*) from events where events.user_id = users.id and (name in ('password_changed', 'user_disabled', 'user_enabled', 'identity_unlinked')
			or name = 'identity_linked' and detail like 'verified address%'))`,
	"a user who was not made, or not noted": `select abs((select count(*) from users) + (select count(*) from events where name = 'user_deleted')
		- (select count(*) from events where name = 'user_created'))`,
	"an identity that was not noted": `select abs((select count(*) from identities) + (select count(*) from events where name = 'identity_unlinked')
		- (select count(*) from events where name = 'identity_linked'))`,
	"a reuse that was not noted": `select abs((select count(*) from sessions where ended_reason = 'reuse') - (select count(*) from events where name = 'refresh_reused'))`,
	"a key that was not noted": `select count(*) from signing_keys where not exists
		(select 1 from events where name in ('key_published', 'keys_replaced') and detail = signing_keys.key_id)`,
	"a session that contradicts itself": `select count(*) from sessions where low > gen or idle_end > absolute_end or (ended_at is null) <> (ended_reason = '')`,
	"a session of nobody":               `select count(*) from sessions where not exists (select 1 from users where users.id = sessions.user_id)`,
}

// hold checks the invariants, and that the trail tells of every end.
func (r *rig) hold() {
	r.Helper()
	for what, query := range invariants {
		var n int
		if err := r.db.QueryRowContext(r.Context(), query).Scan(&n); err != nil || n != 0 {
			r.Errorf("%s: %d, %v", what, n, err)
		}
	}
	r.endsAreNoted()
}

// failures is the sum of all counters of failed tries.
func (r *rig) failures() (n int) {
	r.Helper()
	if err := r.db.QueryRowContext(r.Context(), "select coalesce(sum(count), 0) from counters").Scan(&n); err != nil {
		r.Fatal(err)
	}
	return n
}

// counts checks that a fault of ours has counted as nobody's failure. What cannot be known stays counted: whether a
// count was carried out whose answer is lost; and so does what the database did not take back.
func (r *rig) counts(before int, o outcome, how manner) {
	r.Helper()
	raised := r.failures() - before
	switch {
	case r.injected == "settle" || r.injected == "count" && how == lost:
	case o.refused == "" && raised > 0:
		r.Errorf("%d failures are counted, and nobody gave a wrong password", raised)
	}
}

// TestEveryStoreCallFails lets the first call of the database fail in every use case, then the second, and so on until one
// run has no fault, in four manners.
func TestEveryStoreCallFails(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			faults := map[manner]int{}
			r := newRig(t, database)
			cases := maps.Clone(useCases)
			maps.Copy(cases, routeCases)
			for name, use := range cases {
				for _, how := range []manner{notDone, lost, leftFirst, leftThen} {
					for n := 1; ; n++ {
						do, check := use(r)
						ctx, cancel := context.WithCancel(context.WithValue(t.Context(), request{}, true))
						r.mu.Lock()
						r.left, r.how, r.injected, r.leave = n, how, "", cancel
						r.mu.Unlock()
						before := r.failures()
						o := do(ctx)
						r.calm()
						r.counts(before, o, how)
						check(o)
						r.hold()
						cancel()
						if t.Failed() {
							t.Fatalf("%s: call %d fails, %q: %s", name, n, r.injected, how)
						}
						if r.injected == "" {
							if !o.done && o.refused == "" {
								t.Errorf("%s without a fault fails", name)
							}
							break
						}
						faults[how]++
					}
				}
			}
			total := 0
			for n := range maps.Values(faults) {
				total += n
			}
			t.Logf("%d use cases, %d faults: %v", len(cases), total, faults)
		})
	}
}

// TestEveryStoreCallFailsAtTheStart lets every call fail that a start makes: on an empty database, on one that was used, and
// with a new root secret. It fails for what it is, or does without; the next start finds everything in order.
func TestEveryStoreCallFailsAtTheStart(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		s := newSite(t, database)
		store, db := s.store(), s.open()
		secret := func() []byte { return []byte(rand.Text() + rand.Text()) }
		first := secret()
		faults := 0
		starts := map[string]func() (newest []byte, old [][]byte){
			"empty": func() ([]byte, [][]byte) {
				for _, table := range []string{"signing_keys", "meta", "events"} {
					if _, err := db.ExecContext(t.Context(), "delete from "+table); err != nil {
						t.Fatal(err)
					}
				}
				first = secret()
				return first, nil
			},
			"used": func() ([]byte, [][]byte) { return first, nil },
			"new secret": func() ([]byte, [][]byte) {
				old := first
				first = secret()
				return first, [][]byte{old}
			},
		}
		for _, name := range []string{"empty", "used", "new secret", "used"} {
			for _, how := range []manner{notDone, lost} {
				for n := 1; ; n++ {
					left, op := n, ""
					var mu sync.Mutex
					around := func(ctx context.Context, called string, call storehook.Call) error {
						mu.Lock()
						left--
						fails := left == 0
						if fails {
							op = called
						}
						mu.Unlock()
						if !fails {
							return call(ctx, store)
						}
						if how == lost {
							if err := call(ctx, store); err != nil {
								return err
							}
						}
						return fmt.Errorf("injected: %w", sallyport.ErrStoreUnavailable)
					}
					newest, old := starts[name]()
					start := func(on sallyport.Store) error {
						svc, err := sallyport.New(sallyport.Config{
							Issuer: issuerOfRig, Store: on, Secret: newest, OldSecrets: old, Password: cheap, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
						})
						if err != nil {
							return err
						}
						err = svc.Ready(t.Context())
						if keys := svc.SigningKeys(); len(keys) != 1 {
							err = errors.Join(err, fmt.Errorf("%d signing keys", len(keys)))
						}
						return errors.Join(err, svc.Close())
					}
					err := start(&storehook.Store{Around: around})
					if err != nil && !errors.Is(err, sallyport.ErrStoreUnavailable) {
						t.Errorf("%s: call %d fails, %q, %s: New() = %v", name, n, op, how, err)
					}
					if again := start(store); again != nil {
						t.Fatalf("%s: call %d fails, %q, %s: the next start = %v", name, n, op, how, again)
					}
					if op == "" {
						break
					}
					faults++
				}
			}
		}
		t.Logf("%d faults", faults)
	})
}
