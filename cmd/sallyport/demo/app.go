//go:build !no_web

package demo

import (
	"context"
	"crypto/rand"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/examples/microservice/orders"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/web"
)

// providerName is the fake provider in addresses of the app.
const providerName = "cognito"

// ordersAudience is the name of the second service in access tokens.
const ordersAudience = "orders"

func (d *demo) databasePath() string { return filepath.Join(d.at.Folder, "demo.db") }

// newApp is the program that a reader would write: the authentication routes under /auth/, the page
// everywhere else. It makes the one user with a password.
func (d *demo) newApp(ctx context.Context, store sallyport.Store, provider *idptest.Provider) (http.Handler, error) {
	secret := make([]byte, 32) // dies with the database
	rand.Read(secret)
	svc, err := sallyport.New(sallyport.Config{
		Issuer:   d.at.Issuer,
		Audience: []string{d.at.Issuer, ordersAudience},
		Store:    store,
		Secret:   secret,
		Providers: []sallyport.Provider{
			idp.Cognito{
				Name: providerName, Issuer: provider.Issuer(), ClientID: provider.ClientID(), RequireNonce: true,
				AuthorizationEndpoint: provider.URL(idptest.Authorize), TokenEndpoint: provider.URL(idptest.Token),
			},
		},
		RetryWindow:    retryWindow,
		UserAttributes: []string{"username", "groups"},
		UserFields:     []string{"id", "username", "email", "email_verified", "first_name", "last_name", "groups"},
		Logger:         d.logger,
	})
	if err != nil {
		return nil, err
	}
	d.later(svc.Close)
	if _, err := svc.CreateUser(ctx, sallyport.NewUser{
		Username: "demo", Password: "demo", Email: "demo@example.com", EmailVerified: true,
		FirstName: "Demo", LastName: "User", Groups: []string{"staff"},
	}); err != nil {
		return nil, err
	}
	// Cookies stay Secure: browsers and curl take loopback for a secure place.
	auth, err := authhttp.New(svc, authhttp.Config{Logger: d.logger})
	if err != nil {
		return nil, err
	}
	page, err := web.Demo(web.DemoConfig{
		AuthPath:       "/auth",
		ProviderName:   providerName,
		OrdersURL:      d.at.Orders,
		ProviderURL:    d.at.Provider,
		ProviderIssuer: provider.Issuer(),
		AuthorizeURL:   provider.URL(idptest.Authorize),
		TokenURL:       provider.URL(idptest.Token),
		ClientID:       provider.ClientID(),
		RedirectURI:    d.at.App,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	d.tricks = newTricks(svc, d.at.Issuer)
	d.later(d.tricks.close)
	mux.Handle("/auth/", d.tricks.around("/auth", auth))
	mux.Handle(auth.MetadataPath(), auth.Metadata())
	mux.Handle("/", atItsOwnAddress(d.at.App, page))
	return mux, nil
}

// atItsOwnAddress sends visitors who typed localhost to the address that the provider and the second
// service know: on any other the page would load and then fail.
func atItsOwnAddress(address string, next http.Handler) http.Handler {
	host := strings.TrimSuffix(strings.TrimPrefix(address, "http://"), "/")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != host {
			http.Redirect(w, r, address, http.StatusSeeOther)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// newOrders is the second service. It shares nothing with the app: keys and revocation feed come over HTTP.
func (d *demo) newOrders(appOrigin string) (http.Handler, error) {
	verifier, err := verify.New(verify.Config{Issuer: d.at.Issuer, Audience: ordersAudience, Revocation: verify.Feed, Logger: d.logger})
	if err != nil {
		return nil, err
	}
	d.later(verifier.Close)
	return d.tricks.aroundOrders(orders.Handler(verifier, appOrigin)), nil
}
