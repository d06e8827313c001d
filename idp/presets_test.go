package idp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
)

var request = sallyport.AuthorizationRequest{
	RedirectURI: "https://app.example.com/auth/callback/p/", State: "made-up-state", Nonce: "made-up-nonce", Verifier: strings.Repeat("v", 43),
}

// sentTo is where a login leads, and with what.
func sentTo(t *testing.T, p sallyport.IdentityProvider) (string, url.Values) {
	t.Helper()
	text, err := p.AuthorizationURL(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	if query.Get("code_challenge_method") != "S256" || query.Get("code_challenge") == "" || query.Get("state") != request.State || query.Get("response_type") != "code" ||
		query.Get("redirect_uri") != request.RedirectURI || strings.Contains(text, request.Verifier) {
		t.Errorf("authorization request %v", query)
	}
	u.RawQuery = ""
	return u.String(), query
}

func TestCognitoDomain(t *testing.T) {
	pool := idp.Cognito{Region: "eu-central-1", UserPool: "eu-central-1_AbCdEfGhI", ClientID: "client", LogoutReturnTo: "https://app.example.com/"}
	for domain, host := range map[string]string{
		"myapp": "myapp.auth.eu-central-1.amazoncognito.com", "login.example.com": "login.example.com", "https://login.example.com/": "login.example.com",
	} {
		pool.Domain = domain
		p := open(t, pool)
		if at, query := sentTo(t, p); at != "https://"+host+"/oauth2/authorize" || query.Get("nonce") != request.Nonce || query.Get("scope") != "openid profile email" {
			t.Errorf("domain %q leads to %s %v", domain, at, query)
		}
		logout, err := p.LogoutURL(t.Context())
		if want := "https://" + host + "/logout?client_id=client&logout_uri=https%3A%2F%2Fapp.example.com%2F"; logout != want || err != nil {
			t.Errorf("LogoutURL = %q, %v, want %q", logout, err, want)
		}
	}
	pool.Domain = ""
	p := open(t, pool)
	if at, err := p.AuthorizationURL(t.Context(), request); !errors.Is(err, sallyport.ErrProviderNotConfigured) {
		t.Errorf("AuthorizationURL of a pool without a domain = %q, %v, want ErrProviderNotConfigured", at, err)
	}
	if at, err := p.LogoutURL(t.Context()); at != "" || err != nil {
		t.Errorf("LogoutURL of a pool without a domain = %q, %v, want none", at, err)
	}
	if p.FormPost() {
		t.Error("Cognito answers by a form")
	}
}

func TestEntraTenants(t *testing.T) {
	const first, second, personal = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "11111111-2222-3333-4444-555555555555", "9188040d-6c67-4c5b-b112-36a304b66dad"
	server := newEntra(t)
	for _, c := range []struct {
		tenants []string
		group   string
	}{{[]string{first}, first}, {[]string{first, second}, "organizations"}, {[]string{first, personal}, "common"}} {
		p := open(t, idp.Entra{ClientID: "client", Tenants: c.tenants, Issuer: server + "/{tenantid}/v2.0"})
		if at, _ := sentTo(t, p); at != server+"/"+c.group+"/oauth2/v2.0/authorize" {
			t.Errorf("tenants %v: a login leads to %s, want %s", c.tenants, at, c.group)
		}
		var want []string
		for _, tenant := range c.tenants {
			want = append(want, server+"/"+tenant+"/v2.0")
		}
		if diff := cmp.Diff(want, p.Issuers()); diff != "" {
			t.Errorf("issuers (-want +got):\n%s", diff)
		}
	}
	standard := open(t, idp.Entra{ClientID: "client", Tenants: []string{first}})
	if got := standard.Issuers(); !slices.Equal(got, []string{"https://login.microsoftonline.com/" + first + "/v2.0"}) {
		t.Errorf("issuers %v", got)
	}
}

// newEntra has the discovery documents of any tenant.
func newEntra(t *testing.T) string {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tenant := strings.Split(r.URL.Path, "/")[1]
		at := server.URL + "/" + tenant
		w.Write([]byte(`{"issuer": "` + at + `/v2.0", "jwks_uri": "` + at + `/keys", "authorization_endpoint": "` + at + `/oauth2/v2.0/authorize", "token_endpoint": "` + at + `/oauth2/v2.0/token"}`))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestGitHubAddresses(t *testing.T) {
	p := open(t, idp.GitHub{ClientID: "client", ClientSecret: "secret"})
	at, query := sentTo(t, p)
	if at != "https://github.com/login/oauth/authorize" || query.Get("scope") != "read:user user:email" || query.Has("nonce") {
		t.Errorf("a login leads to %s %v", at, query)
	}
	for issuer, ok := range map[string]bool{"https://github.com/login/oauth": true, "https://github.com": true, "https://evil.example": false, "": false} {
		if err := p.CheckResponseIssuer(t.Context(), &issuer); (err == nil) != ok {
			t.Errorf("CheckResponseIssuer(%q) = %v", issuer, err)
		}
	}
	if err := p.CheckResponseIssuer(t.Context(), nil); err != nil {
		t.Errorf("CheckResponseIssuer(nil) = %v", err)
	}
}

// p8 is the content of a key file as Apple hands it out.
func p8(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestPresetFaults(t *testing.T) {
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	for _, c := range []struct {
		name  string
		p     sallyport.Provider
		parts []string
	}{
		{"Google, empty", idp.Google{}, []string{"ClientID: it is missing"}},
		{"Google, a word of linking", idp.Google{ClientID: "c", Linking: "always"}, []string{`Linking: "always": want "deny" or "verified_email"`}},
		{"Google, a scope that is none", idp.Google{ClientID: "c", Scopes: []string{"openid email"}}, []string{"Scopes"}},
		{"Google, scopes of no ID token", idp.Google{ClientID: "c", Scopes: []string{"email"}}, []string{"Scopes: openid is missing"}},
		{"Entra, any tenant", idp.Entra{ClientID: "c"}, []string{"Tenants: it is empty"}},
		{"Entra, a word for a tenant", idp.Entra{ClientID: "c", Tenants: []string{"common"}}, []string{`Tenants: "common" is not the id of one tenant`}},
		{"Entra, two tenants, one issuer", idp.Entra{ClientID: "c", Issuer: "https://sts.example.com/x/v2.0", Tenants: []string{"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "11111111-2222-3333-4444-555555555555"}}, []string{"Issuer"}},
		{"Apple, half a key", idp.Apple{ClientID: "c", TeamID: "T"}, []string{"KeyID: it is missing", "PrivateKey: it is missing"}},
		{"Apple, no PEM", idp.Apple{ClientID: "c", TeamID: "T", KeyID: "K", PrivateKey: "hunter2"}, []string{"PrivateKey: it is no PEM block"}},
		{"Apple, another curve", idp.Apple{ClientID: "c", TeamID: "T", KeyID: "K", PrivateKey: p8(t, p384)}, []string{"PrivateKey: it is no P-256 key"}},
		{"Apple, an RSA key", idp.Apple{ClientID: "c", TeamID: "T", KeyID: "K", PrivateKey: p8(t, rsaKey)}, []string{"PrivateKey: it is no P-256 key"}},
		{"GitHub, no secret", idp.GitHub{ClientID: "c"}, []string{"ClientSecret: it is missing"}},
		{"GitHub, http", idp.GitHub{ClientID: "c", ClientSecret: "s", Issuer: "http://github.example.com"}, []string{"Issuer"}},
		{"Cognito, a path in the domain", idp.Cognito{Region: "eu-central-1", UserPool: "eu-central-1_x", ClientID: "c", Domain: "login.example.com/x"}, []string{"Domain"}},
		{"Cognito, a prefix without a region", idp.Cognito{Issuer: "http://localhost:9229/pool", ClientID: "c", Domain: "myapp"}, []string{"Domain"}},
		{"Cognito, half the endpoints", idp.Cognito{Issuer: "http://localhost:9229/pool", ClientID: "c", TokenEndpoint: "http://localhost:9229/token"}, []string{"TokenEndpoint"}},
		{"OIDC, the address of the document", idp.OIDC{Name: "p", Issuer: "https://p.example/.well-known/openid-configuration", ClientID: "c"}, []string{"Issuer: it is the address of a document"}},
		{"OIDC, an endpoint over http", idp.OIDC{Name: "p", Issuer: "https://p.example", ClientID: "c", AuthorizationEndpoint: "http://p.example/a", TokenEndpoint: "https://p.example/t"}, []string{"AuthorizationEndpoint"}},
		{"OIDC, a logout address over http", idp.OIDC{Name: "p", Issuer: "https://p.example", ClientID: "c", LogoutReturnTo: "http://app.example.com"}, []string{"LogoutReturnTo"}},
	} {
		_, err := c.p.Open(options())
		if err == nil {
			t.Errorf("%s: Open = nil, want faults", c.name)
			continue
		}
		for _, part := range c.parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: Open = %v, want a fault with %q", c.name, err, part)
			}
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the fault shows a secret: %v", c.name, err)
		}
	}
	if _, err := (idp.Apple{ClientID: "c", TeamID: "T", KeyID: "K", PrivateKey: p8(t, p256)}).Open(options()); err != nil {
		t.Errorf("a good key of Apple: %v", err)
	}
}

func TestProvidersWithoutASecretTakeTokensOnly(t *testing.T) {
	for name, p := range map[string]sallyport.Provider{
		"Apple": idp.Apple{ClientID: "c"}, "Google": idp.Google{ClientID: "c"},
		"Cognito": idp.Cognito{ClientID: "c", Region: "eu-central-1", UserPool: "eu-central-1_x"},
	} {
		opened := open(t, p)
		if at, err := opened.AuthorizationURL(t.Context(), request); !errors.Is(err, sallyport.ErrProviderNotConfigured) {
			t.Errorf("%s: AuthorizationURL = %q, %v, want ErrProviderNotConfigured", name, at, err)
		}
		if err := opened.CheckLogin(); !errors.Is(err, sallyport.ErrProviderNotConfigured) {
			t.Errorf("%s: CheckLogin = %v, want ErrProviderNotConfigured", name, err)
		}
	}
	if err := open(t, idp.Google{ClientID: "c", ClientSecret: "s"}).CheckLogin(); err != nil {
		t.Errorf("with a secret: CheckLogin = %v", err)
	}
}
