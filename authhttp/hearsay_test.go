package authhttp_test

import (
	"testing"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
)

// TestAuthorityProvesWhatWasHearsay: an address that Google called verified without being the authority for it links
// nothing, until Google is: the account belongs to a Workspace now.
func TestAuthorityProvesWhatWasHearsay(t *testing.T) {
	a := newApp(t, nil)
	google := idptest.New(t, idptest.Config{Now: a.clock.now, ClientID: "g"})
	home := idptest.New(t, idptest.Config{Now: a.clock.now, ClientID: "h"})
	a.config.Providers = []sallyport.Provider{
		idp.Google{Issuer: google.Issuer(), ClientID: "g"},
		idp.OIDC{Name: "home", Issuer: home.Issuer(), ClientID: "h", Linking: sallyport.LinkVerifiedEmail},
	}
	a = a.another()
	desk := person("desk", "desk@example.com", true)
	a.exchange(google.Tokens(desk).IDToken).want(t, 200, "")
	a.exchange(home.Tokens(desk).IDToken).want(t, 409, "account_link_required")
	a.exchange(google.Tokens(desk, idptest.Claim("hd", "example.com")).IDToken).want(t, 200, "")
	a.exchange(home.Tokens(desk).IDToken).want(t, 200, "")
	if n := a.count("select count(*) from users"); n != 1 {
		t.Errorf("%d users, want 1", n)
	}
}
