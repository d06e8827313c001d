package proof

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"strings"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idptest"
)

// The use cases around an identity provider that drives no request of ours, for TestEveryStoreCallFails.

// someone is a new person at the provider.
func (r *rig) someone() idptest.User {
	r.Helper()
	u := idptest.User{Subject: rand.Text(), Username: strings.ToLower(rand.Text()), Password: "violet"}
	r.idp.SetUser(u)
	return u
}

// returned is how a browser comes back from the provider, where u has signed in.
func (r *rig) returned(login *sallyport.Login, err error, u idptest.User) sallyport.CallbackRequest {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
	to, err := r.idp.Login(r.Context(), login.Location, u)
	if err != nil {
		r.Fatal(err)
	}
	back, err := url.Parse(to)
	if err != nil {
		r.Fatal(err)
	}
	query := back.Query()
	return sallyport.CallbackRequest{Provider: "idp", State: query.Get("state"), Sealed: login.Sealed, Code: query.Get("code"), Issuer: new(query.Get("iss"))}
}

func (r *rig) loginOf(u idptest.User) sallyport.CallbackRequest {
	r.Helper()
	login, err := r.svc.StartLogin(r.Context(), sallyport.LoginRequest{Provider: "idp"})
	return r.returned(login, err, u)
}

// landed judges the end of a login.
func (r *rig) landed(landing *sallyport.Landing, err error) outcome {
	r.Helper()
	if err == nil {
		err = landing.Err
	}
	return r.ofError(err)
}

// goesOn reports whether the session that a login has started can be refreshed.
func (r *rig) goesOn(tokens *sallyport.Tokens) bool {
	r.Helper()
	token, err := r.svc.ParseRefreshToken(tokens.RefreshToken)
	if err != nil {
		r.Fatal(err)
	}
	_, err = r.svc.Refresh(r.Context(), token, sallyport.Client{})
	if err != nil && !errors.Is(err, sallyport.ErrSessionRevoked) {
		r.Error(err)
	}
	return err == nil
}

// mustLogIn signs u in without a fault.
func (r *rig) mustLogIn(u idptest.User) *sallyport.Tokens {
	r.Helper()
	landing, err := r.svc.FinishLogin(r.Context(), r.loginOf(u))
	if err != nil || landing.Err != nil {
		r.Fatalf("a login = %v, %+v", err, landing)
	}
	return landing.Tokens
}

// loginCase is the callback of a login, of somebody who is known or not.
func loginCase(known bool) useCase {
	return func(r *rig) (func(context.Context) outcome, func(outcome)) {
		u := r.someone()
		if known {
			r.mustLogIn(u)
		}
		request := r.loginOf(u)
		var landing *sallyport.Landing
		return func(ctx context.Context) outcome {
				var err error
				landing, err = r.svc.FinishLogin(ctx, request)
				return r.landed(landing, err)
			}, func(o outcome) {
				if o.done && !r.goesOn(landing.Tokens) {
					r.Error("an acknowledged login is not stored")
				}
				if o.done {
					if _, err := r.svc.FinishLogin(r.Context(), request); !errors.Is(err, sallyport.ErrLoginExpired) {
						r.Errorf("the same callback once more = %v, want %v", err, sallyport.ErrLoginExpired)
					}
				}
				if first, second := r.mustLogIn(u), r.mustLogIn(u); first.User.ID != second.User.ID {
					r.Error("one identity has become two users")
				}
			}
	}
}

// linkRequest is the callback of a link by a user who is signed in with a password.
func (r *rig) linkRequest(owner sallyport.User, b *browser, u idptest.User) sallyport.CallbackRequest {
	r.Helper()
	token, err := r.svc.ParseRefreshToken(b.refresh)
	if err != nil {
		r.Fatal(err)
	}
	login, err := r.svc.StartLink(r.Context(), sallyport.LinkRequest{UserID: owner.ID, SessionID: token.SessionID(), Provider: "idp"})
	return r.returned(login, err, u)
}

func (r *rig) identities(owner sallyport.User) []sallyport.Identity {
	r.Helper()
	all, err := r.svc.Identities(r.Context(), owner.ID)
	if err != nil {
		r.Fatal(err)
	}
	return all
}

func linkCase(r *rig) (func(context.Context) outcome, func(outcome)) {
	owner, pw := r.person()
	b, u := r.held(owner, pw), r.someone()
	request := r.linkRequest(owner, b, u)
	return func(ctx context.Context) outcome {
			landing, err := r.svc.FinishLogin(ctx, request)
			return r.landed(landing, err)
		}, func(o outcome) {
			if o.done && len(r.identities(owner)) != 1 {
				r.Error("an acknowledged link is not stored")
			}
			if landing, err := r.svc.FinishLogin(r.Context(), r.linkRequest(owner, b, u)); err != nil || landing.Err != nil {
				r.Errorf("the next try = %v, %+v", err, landing)
			}
			if got := r.mustLogIn(u).User.ID; got != owner.ID {
				r.Errorf("the identity signs in %s, want %s", got, owner.ID)
			}
			if !r.live(b) {
				r.Error("the session that asked for the link has ended")
			}
		}
}

func unlinkCase(r *rig) (func(context.Context) outcome, func(outcome)) {
	owner, pw := r.person()
	b, u := r.held(owner, pw), r.someone()
	if landing, err := r.svc.FinishLogin(r.Context(), r.linkRequest(owner, b, u)); err != nil || landing.Err != nil {
		r.Fatalf("a link = %v, %+v", err, landing)
	}
	id := r.identities(owner)[0].ID
	return func(ctx context.Context) outcome {
			return r.ofError(r.svc.UnlinkIdentity(ctx, sallyport.UnlinkRequest{UserID: owner.ID, Identity: id}))
		}, func(o outcome) {
			left := len(r.identities(owner))
			if o.done && left != 0 {
				r.Error("an acknowledged removal is not stored")
			}
			if same := r.mustLogIn(u).User.ID == owner.ID; same != (left == 1) {
				r.Errorf("%d identities are left, and the identity signs in the same user: %v", left, same)
			}
			if !r.live(b) || !r.canSignIn(owner, pw) {
				r.Error("the session or the password of the owner is gone")
			}
		}
}

func providerLogoutCase(r *rig) (func(context.Context) outcome, func(outcome)) {
	u := r.someone()
	tokens := r.mustLogIn(u)
	notice := r.idp.LogoutToken(u)
	return func(ctx context.Context) outcome {
			return r.ofError(r.svc.BackChannelLogout(ctx, "idp", notice, sallyport.Client{}))
		}, func(o outcome) {
			if o.done && r.goesOn(tokens) {
				r.Error("an acknowledged logout has ended nothing")
			}
			if err := r.svc.BackChannelLogout(r.Context(), "idp", r.idp.LogoutToken(u), sallyport.Client{}); err != nil || r.goesOn(tokens) {
				r.Errorf("the next try = %v", err)
			}
			r.endsAreNoted()
		}
}
