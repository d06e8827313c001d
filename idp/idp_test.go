package idp_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

func options() sallyport.ProviderOptions {
	return sallyport.ProviderOptions{Now: time.Now, Leeway: time.Minute, Logger: slog.New(slog.DiscardHandler)}
}

func open(t *testing.T, p sallyport.Provider) sallyport.IdentityProvider {
	t.Helper()
	opened, err := p.Open(options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened
}

func parse(t *testing.T, token string) sallyport.IDToken {
	t.Helper()
	unverified, err := jws.Parse(token, 16<<10)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := strictjson.ParseObject(unverified.Payload())
	if err != nil {
		t.Fatal(err)
	}
	return sallyport.IDToken{Token: unverified, Claims: claims}
}

// instead sends every request to another server, as the name of Amazon's host would if we ran it.
type instead struct {
	base string
	seen []string
}

func (i *instead) RoundTrip(r *http.Request) (*http.Response, error) {
	i.seen = append(i.seen, r.URL.String())
	target, err := url.Parse(i.base + r.URL.Path)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL, r.Host = target, ""
	return http.DefaultTransport.RoundTrip(r)
}

func TestCognitoAcceptsBothIssuersAsOneIdentity(t *testing.T) {
	fake := idptest.New(t, idptest.Config{Personality: idptest.Cognito, Pool: "us-east-1_idptest01", ClientID: "client"})
	aws := &instead{base: fake.BaseURL()}
	p := open(t, idp.Cognito{Region: "us-east-1", UserPool: "us-east-1_idptest01", ClientID: "client", Client: &http.Client{Transport: aws}})
	const original, updated = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_idptest01", "https://issuer-cognito-idp.us-east-1.amazonaws.com/us-east-1_idptest01"
	if diff := cmp.Diff([]string{original, updated}, p.Issuers()); diff != "" {
		t.Errorf("Issuers (-want +got):\n%s", diff)
	}
	for _, issuer := range []string{original, updated} {
		got, err := p.VerifyIDToken(t.Context(), parse(t, fake.Tokens(idptest.Alice(), idptest.Claim("iss", issuer)).IDToken))
		if err != nil {
			t.Fatalf("%s: %v", issuer, err)
		}
		if got.Issuer != original || got.Username != "alice" || got.EmailProof != sallyport.EmailVerified {
			t.Errorf("%s: assertion = %+v, want it under the first issuer", issuer, got)
		}
	}
	if diff := cmp.Diff([]string{original + "/.well-known/jwks.json", updated + "/.well-known/jwks.json"}, aws.seen); diff != "" {
		t.Errorf("addresses of the keys (-want +got):\n%s", diff)
	}
	for name, opts := range map[string][]idptest.Option{
		"no token_use":        {idptest.Without("token_use")},
		"token_use access":    {idptest.Claim("token_use", "access")},
		"pool of others":      {idptest.Claim("iss", original+"x")},
		"another region":      {idptest.Claim("iss", strings.Replace(original, "us-east-1", "us-east-2", 1))},
		"ES256 is not theirs": {idptest.Algorithm("ES256")},
	} {
		opts = append([]idptest.Option{idptest.Claim("iss", original)}, opts...)
		if got, err := p.VerifyIDToken(t.Context(), parse(t, fake.Tokens(idptest.Alice(), opts...).IDToken)); !errors.Is(err, sallyport.ErrIDTokenInvalid) || got != nil {
			t.Errorf("%s: %v, %v, want ErrIDTokenInvalid", name, got, err)
		}
	}
}

func TestAlgorithmsOfAnOpenIDProvider(t *testing.T) {
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
		fake := idptest.New(t, idptest.Config{Algorithm: algorithm})
		p := open(t, idp.OIDC{Name: "p", Issuer: fake.Issuer(), ClientID: fake.ClientID()})
		tokens := fake.Tokens(idptest.Alice())
		token := parse(t, tokens.IDToken)
		token.AccessToken, token.Nonce = tokens.AccessToken, &tokens.Nonce
		if _, err := p.VerifyIDToken(t.Context(), token); err != nil {
			t.Errorf("%s: %v", algorithm, err) // at_hash included
		}
	}
}

func TestFurtherAudiences(t *testing.T) {
	fake := idptest.New(t, idptest.Config{})
	p := open(t, idp.OIDC{Name: "p", Issuer: fake.Issuer(), ClientID: "spa", Audiences: []string{"ios"}, JWKSURI: fake.URL(idptest.JWKS)})
	for name, c := range map[string]struct {
		opts []idptest.Option
		ok   bool
	}{
		"the web client":                    {nil, true},
		"the phone's client":                {[]idptest.Option{idptest.For("ios"), idptest.Without("azp")}, true},
		"made by the phone for the backend": {[]idptest.Option{idptest.For("spa"), idptest.Claim("azp", "ios")}, true},
		"both, with azp":                    {[]idptest.Option{idptest.For([]string{"spa", "ios"}), idptest.Claim("azp", "ios")}, true},
		"both, without azp":                 {[]idptest.Option{idptest.For([]string{"spa", "ios"}), idptest.Without("azp")}, false},
		"one more":                          {[]idptest.Option{idptest.For([]string{"spa", "tv"}), idptest.Claim("azp", "spa")}, false},
	} {
		_, err := p.VerifyIDToken(t.Context(), parse(t, fake.Tokens(idptest.Alice(), c.opts...).IDToken))
		if (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok = %v", name, err, c.ok)
		}
	}
	if fake.Count(idptest.Discovery) != 0 {
		t.Error("the discovery document was asked for although the address of the keys is set")
	}
}

func TestDiscoveryFollowsNoRedirectToAnotherOrigin(t *testing.T) {
	fake, elsewhere := idptest.New(t, idptest.Config{}), idptest.New(t, idptest.Config{})
	p := open(t, idp.OIDC{Name: "p", Issuer: fake.Issuer(), ClientID: fake.ClientID(), Client: &http.Client{Timeout: 5 * time.Second}})
	fake.Fault(idptest.UntilCleared, idptest.Discovery, idptest.Redirect(http.StatusFound, elsewhere.URL(idptest.Discovery)))
	if _, err := p.VerifyIDToken(t.Context(), parse(t, fake.Tokens(idptest.Alice()).IDToken)); !errors.Is(err, sallyport.ErrProviderUnavailable) {
		t.Errorf("VerifyIDToken = %v, want ErrProviderUnavailable", err)
	}
	if n := elsewhere.Count(idptest.Discovery); n != 0 {
		t.Errorf("the redirect was followed %d times", n)
	}
}

func TestOpenReportsEveryFault(t *testing.T) {
	for _, c := range []struct {
		name  string
		p     sallyport.Provider
		parts []string
	}{
		{"OIDC, empty", idp.OIDC{}, []string{"Name: it is missing", "ClientID: it is missing", "Issuer: it is missing"}},
		{"OIDC, bad addresses", idp.OIDC{Name: "p", ClientID: "c", Issuer: "http://idp.example", JWKSURI: "file:///x"}, []string{"Issuer", "JWKSURI"}},
		{"OIDC, an empty audience", idp.OIDC{Name: "p", ClientID: "c", Issuer: "https://idp.example", Audiences: []string{""}, MaxTokenAge: 25 * time.Hour}, []string{"Audiences", "MaxTokenAge"}},
		{"OIDC, a password in an address", idp.OIDC{Name: "p", ClientID: "c", Issuer: "https://u:hunter2@idp.example"}, []string{"Issuer: it holds a user"}},
		{"Cognito, empty", idp.Cognito{}, []string{"ClientID: it is missing", "Region", "UserPool"}},
		{"Cognito, another region", idp.Cognito{ClientID: "c", Region: "us-east-1", UserPool: "eu-central-1_x"}, []string{"Region"}},
		{"Cognito, a slash in the pool", idp.Cognito{ClientID: "c", Region: "eu-central-1", UserPool: "eu-central-1_x/../y"}, []string{"UserPool"}},
		{"Cognito, a host in the region", idp.Cognito{ClientID: "c", Region: "evil.example/", UserPool: "eu-central-1_x"}, []string{"Region"}},
		{"Cognito, emulator off loopback", idp.Cognito{ClientID: "c", Issuer: "http://idp.example/pool"}, []string{"Issuer"}},
	} {
		_, err := c.p.Open(options())
		if err == nil {
			t.Errorf("%s: Open = nil, want faults", c.name)
			continue
		}
		for _, part := range c.parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: Open = %v, want %q in it", c.name, err, part)
			}
		}
	}
}
