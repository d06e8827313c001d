package browser

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/cmd/sallyport/demo"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/internal/realidp"
)

// A page obtains the tokens itself, with a library that others wrote at a provider that others wrote, and exchanges them.
func TestPageFetchesTheToken(t *testing.T) {
	op := realidp.StartOpenID(t)
	a := newApp(t)
	if err := op.Register(t.Context(), realidp.Client{ID: "spa", RedirectURIs: []string{a.origin + "/"}}); err != nil {
		t.Fatal(err)
	}
	a.serve(idp.OIDC{Name: "op", Issuer: op.Issuer, ClientID: "spa", RequireNonce: true}, map[string]string{"authority": op.Issuer, "client_id": "spa"})
	b := open(t)

	b.goTo(a.origin + "/")
	b.shows("state", "signed out: no_refresh_token")
	b.click("sign-in")
	b.enter(op.Alice.Email, op.Alice.Password)
	b.shows("state", "signed in as "+op.Alice.Email)
	b.wantSession()
	if left := b.script(`JSON.stringify([{...localStorage}, {...sessionStorage}])`); left != "[{},{}]" {
		t.Errorf("the storage of the page keeps %s", left)
	}
	b.click("refresh")
	b.shows("refreshes", "1")
	b.shows("state", "signed in as "+op.Alice.Email)
	b.reload()
	b.shows("state", "signed in as "+op.Alice.Email)
	b.click("log-off")
	b.shows("state", "signed out: by the user")
	b.wantNoSession()
	b.reload()
	b.shows("state", "signed out: no_refresh_token")
}

// The demo as people run it, by its server's door.
func TestDemoServerFetchesTheToken(t *testing.T) {
	at := runDemo(t)
	b := open(t)
	b.goTo(at.App)
	b.click("login")
	b.enter("alice", "alice")
	b.shows("inside-title", "Signed in as alice")
	b.wantSession()
	b.click("orders")
	b.sees("#answer li")
	b.reload()
	b.shows("inside-title", "Signed in as alice")
	b.click("log-off")
	b.sees("#sign-in")
	b.wantNoSession()
}

// runDemo runs the demo on free ports until the test is over.
func runDemo(t *testing.T) demo.Addresses {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan demo.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- demo.Run(ctx, demo.Options{Ports: &demo.Ports{}, Ready: func(at demo.Addresses) { ready <- at }})
	}()
	var early error
	select {
	case at := <-ready:
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		return at
	case early = <-ended:
	case <-time.After(limit):
		early = errors.New("it is not ready")
	}
	cancel()
	t.Fatalf("demo: %v", early)
	return demo.Addresses{}
}

// Apple's answer is posted across sites: the cookie of the login must come along, and that of the session must be kept.
func TestApplePostsTheCallback(t *testing.T) {
	a := newApp(t)
	user := idptest.User{Username: "anne", Password: "anne", Email: "anne@example.com", EmailVerified: true, GivenName: "Anne", FamilyName: "Apple"}
	apple := idptest.New(t, idptest.Config{
		Personality: idptest.Apple, ClientID: "com.example.web", Users: []idptest.User{user}, Host: "localhost", RedirectURIs: []string{a.issuer + "/callback/apple/"},
	})
	a.serve(idp.Apple{
		Name: "apple", Issuer: apple.Issuer(), ClientID: "com.example.web", TeamID: "TEAM123456", KeyID: "KEY1234567", PrivateKey: string(apple.AppleKeyPEM()),
	}, map[string]string{"authority": apple.Issuer(), "client_id": "com.example.web"})
	b := open(t)
	b.goTo(a.issuer + "/login/apple/?return_to=/")
	b.enter("anne", "anne")
	b.shows("state", "signed in as anne@example.com")
	b.wantSession()
	if at := b.script(`location.href`); at != a.origin+"/" {
		t.Errorf("the login leads to %s, want the page", at)
	}
}
