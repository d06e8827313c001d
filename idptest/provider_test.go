package idptest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport-auth/sallyport/idptest"
)

func TestTokensAreRight(t *testing.T) {
	for _, test := range []struct {
		name string
		cfg  idptest.Config
	}{
		{"plain RS256", idptest.Config{}},
		{"plain ES256", idptest.Config{Algorithm: "ES256"}},
		{"plain EdDSA", idptest.Config{Algorithm: "EdDSA"}},
		{"confidential", idptest.Config{Algorithm: "ES256", ClientSecret: strings.Repeat("s%+", 8)}},
		{"cognito", idptest.Config{Personality: idptest.Cognito}},
		{"localhost", idptest.Config{Algorithm: "ES256", Host: "localhost"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.cfg.Now, test.cfg.ClientID = atNoon, "shop"
			p := idptest.New(t, test.cfg)
			keys := fetchKeys(t, p)
			for how, tokens := range map[string]idptest.Tokens{
				"Tokens": p.Tokens(idptest.Alice()),
				"SignIn": signIn(t, p, idptest.Alice()),
			} {
				for kind, token := range map[string]string{"ID token": tokens.IDToken, "access token": tokens.AccessToken} {
					if err := verify(keys, token); err != nil {
						t.Errorf("%s: verify(%s) = %v, want nil", how, kind, err)
					}
				}
				_, claims := decode(t, tokens.IDToken)
				for name, want := range map[string]string{
					"iss": p.Issuer(), "aud": "shop", "nonce": tokens.Nonce, "iat": fmt.Sprint(noon.Unix()),
					"exp": fmt.Sprint(noon.Unix() + 3600), "auth_time": fmt.Sprint(noon.Unix()),
					"email": "alice@example.com", "email_verified": "true", "given_name": "Alice", "name": "Alice Archer",
					"at_hash": halfHash(test.cfg.Algorithm, tokens.AccessToken),
				} {
					if got := fmt.Sprint(claims[name]); got != want {
						t.Errorf("%s: ID token: %s = %v, want %v", how, name, got, want)
					}
				}
				sub, _ := claims["sub"].(string)
				if _, access := decode(t, tokens.AccessToken); access["sub"] != sub || sub == "" {
					t.Errorf("%s: sub = %v in the ID token, %v in the access token, want the same", how, claims["sub"], access["sub"])
				}
				if tokens.Nonce == "" || tokens.RefreshToken == "" || tokens.ExpiresIn != 3600 {
					t.Errorf("%s = %+v, want a nonce, a refresh token and 3600 seconds", how, tokens)
				}
			}
		})
	}
}

func halfHash(algorithm, accessToken string) string {
	if algorithm == "EdDSA" {
		sum := sha512.Sum512([]byte(accessToken))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func TestDiscovery(t *testing.T) {
	for _, test := range []struct {
		name                         string
		cfg                          idptest.Config
		issuerPath, token, jwks      string
		announcesPKCE, announcesIss  bool
		authMethod, algorithmOffered string
	}{
		{"plain", idptest.Config{Algorithm: "EdDSA"}, "", "/token", "/.well-known/jwks.json", true, true, "none", "EdDSA"},
		{"cognito", idptest.Config{Personality: idptest.Cognito, Pool: "eu-west-1_abc"}, "/eu-west-1_abc", "/oauth2/token",
			"/eu-west-1_abc/.well-known/jwks.json", false, false, "client_secret_basic", "RS256"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := idptest.New(t, test.cfg)
			var doc struct {
				Issuer                string
				AuthorizationEndpoint string   `json:"authorization_endpoint"`
				TokenEndpoint         string   `json:"token_endpoint"`
				UserinfoEndpoint      string   `json:"userinfo_endpoint"`
				JWKSURI               string   `json:"jwks_uri"`
				Algorithms            []string `json:"id_token_signing_alg_values_supported"`
				AuthMethods           []string `json:"token_endpoint_auth_methods_supported"`
				PKCE                  []string `json:"code_challenge_methods_supported"`
				Iss                   bool     `json:"authorization_response_iss_parameter_supported"`
			}
			decodeBody(t, p.Issuer()+"/.well-known/openid-configuration", &doc)
			for _, field := range []struct{ name, got, want string }{
				{"issuer", doc.Issuer, p.BaseURL() + test.issuerPath},
				{"Issuer()", p.Issuer(), p.BaseURL() + test.issuerPath},
				{"token_endpoint", doc.TokenEndpoint, p.BaseURL() + test.token},
				{"jwks_uri", doc.JWKSURI, p.BaseURL() + test.jwks},
				{"authorization_endpoint", doc.AuthorizationEndpoint, p.URL(idptest.Authorize)},
				{"userinfo_endpoint", doc.UserinfoEndpoint, p.URL(idptest.Userinfo)},
				{"id_token_signing_alg_values_supported", fmt.Sprint(doc.Algorithms), "[" + test.algorithmOffered + "]"},
			} {
				if field.got != field.want {
					t.Errorf("%s = %q, want %q", field.name, field.got, field.want)
				}
			}
			if got := slices.Contains(doc.PKCE, "S256"); got != test.announcesPKCE {
				t.Errorf("code_challenge_methods_supported has S256 = %v, want %v", got, test.announcesPKCE)
			}
			if doc.Iss != test.announcesIss {
				t.Errorf("authorization_response_iss_parameter_supported = %v, want %v", doc.Iss, test.announcesIss)
			}
			if !slices.Contains(doc.AuthMethods, test.authMethod) {
				t.Errorf("token_endpoint_auth_methods_supported = %q, want %q in it", doc.AuthMethods, test.authMethod)
			}
		})
	}
}

func TestCognitoIsOdd(t *testing.T) {
	p := idptest.New(t, idptest.Config{Personality: idptest.Cognito, ClientID: "shop", Now: atNoon, Users: []idptest.User{
		{Username: "alice", Subject: "0f2c", Email: "a@example.com", EmailVerified: true, Groups: []string{"staff", "ops"},
			Claims: map[string]any{"custom:tenant": "t1"}},
	}})
	f := newFlow(p)
	answer := f.login(t, idptest.User{Username: "alice"})
	if answer.Has("iss") {
		t.Errorf("authorization response has iss = %q, want none", answer.Get("iss"))
	}
	status, _, doc := post(t, p.URL(idptest.Token), f.form(answer.Get("code")))
	if status != http.StatusOK {
		t.Fatalf("token endpoint = %d %v, want 200", status, doc)
	}
	if _, has := doc["scope"]; has {
		t.Errorf("token response has scope = %v, want none", doc["scope"])
	}
	idHeader, id := decode(t, doc["id_token"].(string))
	accessHeader, access := decode(t, doc["access_token"].(string))
	if idHeader["kid"] == accessHeader["kid"] {
		t.Errorf("kid of both tokens = %v, want two", idHeader["kid"])
	}
	for _, header := range []map[string]any{idHeader, accessHeader} {
		if kid, _ := header["kid"].(string); !strings.HasSuffix(kid, "=") || header["typ"] != nil {
			t.Errorf("header = %v, want a kid that ends in = and no typ", header)
		}
	}
	if got := len(fetchKeys(t, p)); got != 2 {
		t.Errorf("%d keys, want 2", got)
	}
	for _, claim := range []struct {
		token  map[string]any
		name   string
		want   any
		reason string
	}{
		{id, "token_use", "id", "kind"}, {access, "token_use", "access", "kind"},
		{id, "cognito:username", "alice", "ID token"}, {access, "username", "alice", "access token"},
		{id, "cognito:groups", []any{"staff", "ops"}, "both"}, {access, "cognito:groups", []any{"staff", "ops"}, "both"},
		{id, "aud", "shop", "ID token"}, {access, "aud", nil, "no audience"}, {access, "client_id", "shop", "in its place"},
		{id, "client_id", nil, "access token only"}, {access, "scope", "openid email profile", "access token only"},
		{id, "email_verified", true, "a bool here"}, {id, "custom:tenant", "t1", "ID token"}, {access, "custom:tenant", nil, "ID token only"},
		{access, "origin_jti", id["origin_jti"], "one sign-in"}, {access, "event_id", id["event_id"], "one sign-in"},
		{access, "nonce", nil, "ID token only"}, {id, "nonce", "nonce-1", "as sent"},
	} {
		if got, want := fmt.Sprint(claim.token[claim.name]), fmt.Sprint(claim.want); got != want {
			t.Errorf("%v: %s = %v, want %v (%s)", claim.token["token_use"], claim.name, got, want, claim.reason)
		}
	}
	if id["origin_jti"] == nil || id["event_id"] == nil || id["jti"] == nil || id["jti"] == access["jti"] {
		t.Errorf("origin_jti %v, event_id %v, jti %v and %v: want all, and jti different", id["origin_jti"], id["event_id"], id["jti"], access["jti"])
	}
	_, _, body := get(t, p.URL(idptest.Userinfo), http.Header{"Authorization": {"Bearer " + doc["access_token"].(string)}})
	info := map[string]any{}
	if err := json.Unmarshal([]byte(body), &info); err != nil {
		t.Fatalf("UserInfo = %q: %v", body, err)
	}
	if info["email_verified"] != "true" || info["sub"] != "0f2c" || info["username"] != "alice" {
		t.Errorf("UserInfo = %v, want sub 0f2c, username alice and email_verified as a string", info)
	}
}

func TestConfigFaultsComeTogether(t *testing.T) {
	p, err := idptest.Start(idptest.Config{
		Personality: "okta", Algorithm: "HS256", Pool: "a/b", Listen: "0.0.0.0:0", Host: "idp.example.com",
		RedirectURIs: []string{"/callback", "http://127.0.0.1/#x"},
		Users:        []idptest.User{{Username: "a"}, {Username: "a"}, {Subject: "1"}},
	})
	if err == nil {
		p.Close()
		t.Fatal("Start = nil, want an error")
	}
	for _, want := range []string{
		`Personality "okta"`, `Algorithm "HS256"`, `Pool "a/b"`, `Listen "0.0.0.0:0"`, `Host "idp.example.com"`,
		`"/callback"`, `"http://127.0.0.1/#x"`, `Username "a"`, `Username ""`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Start = %v, want %q in it", err, want)
		}
	}
	if _, err := idptest.Start(idptest.Config{Personality: idptest.Cognito, Algorithm: "ES256"}); err == nil {
		t.Error("Start(Cognito, ES256) = nil, want an error")
	}
	first := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	taken := strings.TrimPrefix(first.BaseURL(), "http://")
	if _, err := idptest.Start(idptest.Config{Algorithm: "ES256", Listen: taken}); err == nil {
		t.Error("Start on a port that is taken = nil, want an error")
	}
}

func TestNewFailsTheTest(t *testing.T) {
	var seen recorder
	if p := idptest.New(&seen, idptest.Config{Algorithm: "none"}); p != nil || !strings.Contains(seen.fatal, "Algorithm") {
		t.Errorf("New = %v and Fatalf(%q), want nil and the fault", p, seen.fatal)
	}
	if idptest.New(&seen, idptest.Config{Algorithm: "ES256"}); len(seen.cleanups) != 1 {
		t.Fatalf("%d clean-ups, want 1", len(seen.cleanups))
	}
	seen.cleanups[0]()
}

type recorder struct {
	fatal    string
	cleanups []func()
}

func (r *recorder) Helper()                           {}
func (r *recorder) Cleanup(f func())                  { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Fatalf(format string, args ...any) { r.fatal = fmt.Sprintf(format, args...) }

func TestCORS(t *testing.T) {
	for _, test := range []struct {
		name     string
		allowed  []string
		endpoint idptest.Endpoint
		origin   string
		want     string
	}{
		{"everybody by default", nil, idptest.Token, "https://app.example.com", "*"},
		{"discovery", nil, idptest.Discovery, "https://app.example.com", "*"},
		{"keys", nil, idptest.JWKS, "https://app.example.com", "*"},
		{"UserInfo", nil, idptest.Userinfo, "https://app.example.com", "*"},
		{"named", []string{"https://app.example.com"}, idptest.Token, "https://app.example.com", "https://app.example.com"},
		{"not named", []string{"https://app.example.com"}, idptest.Token, "https://app.example.com.evil.test", ""},
		{"no page may fetch the login page", nil, idptest.Authorize, "https://app.example.com", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := idptest.New(t, idptest.Config{Algorithm: "ES256", AllowedOrigins: test.allowed})
			preflight := http.Header{"Origin": {test.origin}, "Access-Control-Request-Method": {"POST"}}
			answer, _, err := do(t, http.MethodOptions, p.URL(test.endpoint), nil, preflight)
			if err != nil {
				t.Fatal(err)
			}
			if got := answer.Header.Get("Access-Control-Allow-Origin"); got != test.want {
				t.Errorf("preflight from %q: Access-Control-Allow-Origin = %q, want %q", test.origin, got, test.want)
			}
			_, header, _ := get(t, p.URL(test.endpoint), http.Header{"Origin": {test.origin}})
			if got := header.Get("Access-Control-Allow-Origin"); got != test.want {
				t.Errorf("GET from %q: Access-Control-Allow-Origin = %q, want %q", test.origin, got, test.want)
			}
			if got := p.Count(test.endpoint); got != 1 {
				t.Errorf("Count = %d, want 1: preflights do not count", got)
			}
		})
	}
}

func TestMethodsAndPaths(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	for _, test := range []struct {
		name, method, address string
		want                  int
		allow                 string
	}{
		{"keys are read only", http.MethodPost, p.URL(idptest.JWKS), http.StatusMethodNotAllowed, "GET, HEAD"},
		{"tokens are posted for", http.MethodGet, p.URL(idptest.Token), http.StatusMethodNotAllowed, "POST"},
		{"first page", http.MethodGet, p.BaseURL() + "/", http.StatusOK, ""},
		{"nothing there", http.MethodGet, p.BaseURL() + "/nothing", http.StatusNotFound, ""},
		{"a query that is none", http.MethodGet, p.URL(idptest.Authorize) + "?a=%zz", http.StatusBadRequest, ""},
	} {
		answer, _, err := do(t, test.method, test.address, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if answer.StatusCode != test.want || answer.Header.Get("Allow") != test.allow {
			t.Errorf("%s: %s %s = %d, Allow %q, want %d, %q", test.name, test.method, test.address,
				answer.StatusCode, answer.Header.Get("Allow"), test.want, test.allow)
		}
	}
}

func TestRequestsAreCounted(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256", Now: atNoon})
	signIn(t, p, idptest.Alice())
	get(t, p.URL(idptest.JWKS)+"?x=1", http.Header{"X-Test": {"yes"}})
	get(t, p.BaseURL()+"/nothing", nil)
	for e, want := range map[idptest.Endpoint]int{idptest.Authorize: 2, idptest.Token: 1, idptest.JWKS: 1, idptest.Userinfo: 0, "": 1} {
		if got := p.Count(e); got != want {
			t.Errorf("Count(%q) = %d, want %d", e, got, want)
		}
	}
	requests := p.Requests()
	if len(requests) != 5 {
		t.Fatalf("%d requests, want 5", len(requests))
	}
	if r := requests[2]; r.Endpoint != idptest.Token || r.Form.Get("grant_type") != "authorization_code" || r.Status != 200 || !r.At.Equal(noon) {
		t.Errorf("request 3 = %+v, want the token request at noon with its form and status 200", r)
	}
	if r := requests[3]; r.Path != "/.well-known/jwks.json" || r.Query.Get("x") != "1" || r.Header.Get("X-Test") != "yes" || r.Method != "GET" {
		t.Errorf("request 4 = %+v, want GET of the keys with its query and header", r)
	}
	if r := requests[4]; r.Status != http.StatusNotFound {
		t.Errorf("request 5 = %+v, want status 404", r)
	}
	if err := p.Await(soon(t), idptest.Authorize, 2); err != nil {
		t.Errorf("Await of what has been = %v, want nil", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	var providers []*idptest.Provider
	for range 4 {
		providers = append(providers, idptest.New(t, idptest.Config{Algorithm: "ES256"}))
	}
	var wg sync.WaitGroup
	for i, p := range providers {
		for range 5 {
			wg.Go(func() {
				tokens, err := p.SignIn(soon(t), idptest.Bob())
				if err != nil {
					t.Errorf("SignIn = %v, want nil", err)
					return
				}
				if _, claims, err := idptest.Decode(tokens.IDToken); err != nil || claims["iss"] != p.Issuer() {
					t.Errorf("iss = %v, %v, want %s", claims["iss"], err, p.Issuer())
				}
				p.Tokens(idptest.Alice())
				p.SetUser(idptest.User{Username: fmt.Sprint("user", i)})
				p.Rotate(idptest.RotateOptions{Keep: true})
				p.Bend(1, idptest.Without("nonce"))
				p.PublicKeys()
			})
		}
	}
	wg.Wait()
	_, one := decode(t, providers[0].Tokens(idptest.Alice()).IDToken)
	_, other := decode(t, providers[1].Tokens(idptest.Alice()).IDToken)
	if one["sub"] != other["sub"] || one["iss"] == other["iss"] {
		t.Errorf("sub %v and %v at %v and %v, want one subject at two issuers", one["sub"], other["sub"], one["iss"], other["iss"])
	}
}

func TestCloseCutsOff(t *testing.T) {
	p, err := idptest.Start(idptest.Config{Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 2)
	hang := func(e idptest.Endpoint, method string, form url.Values, header http.Header) {
		p.Fault(idptest.UntilCleared, e, idptest.Hang())
		go func() {
			_, _, err := do(t, method, p.URL(e), form, header)
			answered <- err
		}()
		if err := p.Await(soon(t), e, 1); err != nil {
			t.Fatal(err)
		}
	}
	hang(idptest.JWKS, http.MethodGet, nil, nil)
	hang(idptest.Token, http.MethodPost, url.Values{"a": {"b"}}, http.Header{"Content-Type": {"application/json"}}) // a body that is not read
	closed := make(chan struct{})
	go func() {
		p.Close()
		p.Close() // twice does no harm
		close(closed)
	}()
	select {
	case <-closed:
	case <-soon(t).Done():
		t.Fatal("Close waits for answers that hang")
	}
	for range 2 {
		if err := <-answered; err == nil {
			t.Error("an answer that hung when the provider closed = nil, want an error")
		}
	}
	if _, _, err := do(t, http.MethodGet, p.URL(idptest.JWKS), nil, nil); err == nil {
		t.Error("GET after Close = nil, want an error")
	}
}

func TestUsersChange(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	tokens := signIn(t, p, idptest.Alice())
	refresh := func(token string) (int, map[string]any) {
		status, _, doc := post(t, p.URL(idptest.Token), url.Values{
			"grant_type": {"refresh_token"}, "client_id": {p.ClientID()}, "refresh_token": {token}})
		return status, doc
	}
	renamed := idptest.Alice()
	renamed.Email, renamed.EmailVerified = "new@example.com", json.RawMessage("null")
	p.SetUser(renamed)
	status, doc := refresh(tokens.RefreshToken)
	if status != http.StatusOK {
		t.Fatalf("refresh = %d %v, want 200", status, doc)
	}
	_, claims := decode(t, doc["id_token"].(string))
	if verified, has := claims["email_verified"]; claims["email"] != "new@example.com" || !has || verified != nil {
		t.Errorf("after SetUser: email %v, email_verified %v, want the new address and null", claims["email"], claims["email_verified"])
	}
	p.RemoveUser("alice")
	if status, doc := refresh(doc["refresh_token"].(string)); status != http.StatusBadRequest || doc["error"] != "invalid_grant" {
		t.Errorf("refresh after RemoveUser = %d %v, want 400 invalid_grant", status, doc)
	}
	if _, err := p.SignIn(t.Context(), idptest.Alice()); err == nil {
		t.Error("SignIn after RemoveUser = nil, want an error")
	}
	if p.SetUser(idptest.User{Username: "dora", Email: "d@example.com", Password: "pw"}); signIn(t, p, idptest.User{Username: "d@example.com", Password: "pw"}).IDToken == "" {
		t.Error("SignIn of a new user by address: no ID token")
	}
}

func TestConfigFaultsOfPersonalities(t *testing.T) {
	const upper = "AAAAAAAA-1111-4111-8111-111111111111"
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p, err := idptest.Start(idptest.Config{
		Personality: idptest.Entra, Algorithm: "ES256", Tenants: []string{"contoso", upper}, ApplePublicKey: &key.PublicKey,
		BackChannelLogout: "/backchannel", PostLogoutRedirectURIs: []string{"/bye"},
		Users: []idptest.User{{Username: "a", Tenant: "fabrikam"}},
	})
	if err == nil {
		p.Close()
		t.Fatal("Start = nil, want an error")
	}
	for _, want := range []string{`Algorithm "ES256"`, `"contoso"`, `"` + upper + `"`, "ApplePublicKey", `"/backchannel"`, `"/bye"`, `"fabrikam"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Start = %v, want %q in it", err, want)
		}
	}
	for _, personality := range []idptest.Personality{idptest.Google, idptest.Entra, idptest.Apple, idptest.GitHub, idptest.Thin, idptest.Lookalike} {
		idptest.New(t, idptest.Config{Personality: personality}) // the zero value of the rest works
	}
}
