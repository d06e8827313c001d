package authhttp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
)

// withProviders is an app that accepts tokens of a plain provider and of a Cognito pool.
type withProviders struct {
	*app
	oidc, cognito *idptest.Provider
}

func newAppWithProviders(t *testing.T, change func(*config, *idp.OIDC, *idp.Cognito)) withProviders {
	t.Helper()
	var p withProviders
	p.app = newApp(t, func(c *config) {
		p.oidc = idptest.New(t, idptest.Config{Now: c.Now})
		p.cognito = idptest.New(t, idptest.Config{Personality: idptest.Cognito, ClientID: "pool-client", Now: c.Now})
		plain := idp.OIDC{Name: "plain", Issuer: p.oidc.Issuer(), ClientID: p.oidc.ClientID()}
		pool := idp.Cognito{Issuer: p.cognito.Issuer(), ClientID: p.cognito.ClientID()}
		if change != nil {
			change(c, &plain, &pool)
		}
		c.Providers = []sallyport.Provider{plain, pool}
	})
	return p
}

func (a *app) exchange(idToken string, more ...map[string]any) answer {
	a.t.Helper()
	body := map[string]any{"id_token": idToken}
	for _, m := range more {
		maps.Copy(body, m)
	}
	return a.do("social-exchange/", request{body: body})
}

func TestExchangeMakesAUserOnce(t *testing.T) {
	a := newAppWithProviders(t, func(c *config, _ *idp.OIDC, _ *idp.Cognito) {
		c.UserUUIDAttribute = "cognito_sub"
		c.UserAttributes = []string{"username", "cognito_sub"}
		c.UserFields = []string{"id", "username", "email", "email_verified", "first_name", "last_name"}
	})
	tokens, err := a.cognito.SignIn(t.Context(), idptest.Alice()) // by authorize and token, with PKCE
	if err != nil {
		t.Fatal(err)
	}
	// What an SPA has at hand is the provider's whole token response.
	x := a.exchange(tokens.IDToken, map[string]any{"access_token": tokens.AccessToken, "refresh_token": tokens.RefreshToken,
		"expires_in": tokens.ExpiresIn, "token_type": "Bearer", "nonce": tokens.Nonce})
	x.want(t, 200, "")
	s := a.sessionOf(x)
	view := x.json["user"].(map[string]any)
	want := map[string]any{"id": view["id"], "username": "alice", "email": "alice@example.com", "email_verified": true, "first_name": "Alice", "last_name": "Archer"}
	if diff := cmp.Diff(want, view); diff != "" {
		t.Errorf("user (-want +got):\n%s", diff)
	}
	subject := claims(t, tokens.IDToken)["sub"]
	if got := claims(t, s.access); got["cognito_sub"] != subject || got["sub"] != view["id"] || got["username"] != "alice" {
		t.Errorf("claims after the exchange = %v, want the custom ones at once", got)
	}
	s.mustRefresh()
	again := a.exchange(a.cognito.Tokens(idptest.Alice()).IDToken)
	again.want(t, 200, "")
	if got := again.json["user"].(map[string]any)["id"]; got != view["id"] {
		t.Errorf("the second exchange made user %v, want %v", got, view["id"])
	}
	if n := a.count("select count(*) from users"); n != 1 {
		t.Errorf("%d users, want 1", n)
	}
}

func TestExchangeTakesWhatIsThere(t *testing.T) {
	a := newAppWithProviders(t, func(c *config, _ *idp.OIDC, _ *idp.Cognito) {
		c.UserFields = []string{"username", "email", "email_verified", "first_name", "last_name"}
	})
	generated := func(p *idptest.Provider, u idptest.User) string {
		x := a.exchange(p.Tokens(u).IDToken)
		x.want(t, 200, "")
		name, _ := x.json["user"].(map[string]any)["username"].(string)
		return name
	}
	carol := idptest.Carol()
	carol.GivenName, carol.FamilyName = "", ""
	if got := generated(a.cognito, carol); got != "carol" {
		t.Errorf("username of a Cognito user without names and e-mail = %q, want cognito:username", got)
	}
	if got := generated(a.oidc, idptest.User{Subject: "s1", Username: "x", Email: "dora@example.com"}); got != "x" {
		t.Errorf("username = %q, want preferred_username before the e-mail", got)
	}
	x := a.exchange(a.oidc.Tokens(idptest.User{Subject: "s2", Username: "y"}, idptest.Without("preferred_username")).IDToken)
	x.want(t, 200, "")
	if name := x.json["user"].(map[string]any)["username"].(string); !strings.HasPrefix(name, "plain-") || len(name) != len("plain-")+8 {
		t.Errorf("username without any suggestion = %q, want the provider's name and 8 hex digits", name)
	}
	for _, odd := range []idptest.Option{ // nothing of this is worth refusing anybody
		idptest.Claim("given_name", 7), idptest.Claim("family_name", []string{"x"}), idptest.Claim("email", nil), idptest.Claim("email", "a@b@c"),
		idptest.Claim("locale", map[string]string{"country": "US"}), idptest.Claim("preferred_username", strings.Repeat("x", 400)),
		idptest.Claim("given_name", "A\r\nSet-Cookie: x"), idptest.Claim("SUB", "other"),
	} {
		u := idptest.User{Subject: randomText(), Username: randomText()}
		a.exchange(a.oidc.Tokens(u, odd).IDToken).want(t, 200, "")
	}
	u := idptest.User{Subject: "odd", Username: "odd", GivenName: " A\r\n\u202eB\x00 ", FamilyName: strings.Repeat("é", 300)}
	x = a.exchange(a.oidc.Tokens(u, idptest.Claim("sid", strings.Repeat("s", 300))).IDToken)
	x.want(t, 200, "")
	if got := x.json["user"].(map[string]any); got["first_name"] != "AB" || got["last_name"] != strings.Repeat("é", 150) {
		t.Errorf("names = %q, %q, want one line of 150 characters at most", got["first_name"], got["last_name"])
	}
}

func TestExchangeUsernamesThatAreTaken(t *testing.T) {
	a := newAppWithProviders(t, func(c *config, _ *idp.OIDC, _ *idp.Cognito) { c.UserFields = []string{"username"} })
	a.user("alice")
	var got []any
	for i := range 8 {
		x := a.exchange(a.cognito.Tokens(idptest.User{Subject: fmt.Sprint("s", i), Username: "Alice"}).IDToken)
		x.want(t, 200, "")
		got = append(got, x.json["user"].(map[string]any)["username"])
	}
	for i, want := range []string{"Alice2", "Alice3", "Alice4", "Alice5"} {
		if got[i] != want {
			t.Errorf("username %d = %v, want %s", i, got[i], want)
		}
	}
}

// hostile is a token that must be refused with idp_token_invalid, made by bending one that is right.
type hostile struct {
	name string
	opts []idptest.Option
}

func TestExchangeRefusesHostileTokens(t *testing.T) {
	a := newAppWithProviders(t, nil)
	now := a.clock.now()
	elsewhere := idptest.New(t, idptest.Config{Now: a.clock.now})
	bend := func(name string, opts ...idptest.Option) hostile { return hostile{name, opts} }
	mutate := func(name string, change func(string) string) hostile { return bend(name, idptest.Mutate(change)) }
	key := a.oidc.PublicKeys()[0]
	es256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cases := []hostile{
		bend("SX-01 none", idptest.Algorithm("none")), bend("SX-01 None", idptest.Algorithm("None")), bend("SX-01 NONE", idptest.Algorithm("NONE")),
		bend("SX-01 nOnE", idptest.Algorithm("nOnE")),
		mutate("SX-01 no signature part", func(s string) string { return s[:strings.LastIndexByte(s, '.')] }),
		mutate("SX-01 empty signature", func(s string) string { return s[:strings.LastIndexByte(s, '.')+1] }),
		bend("SX-03 PS256", idptest.Algorithm("PS256")), bend("SX-03 RS384", idptest.Algorithm("RS384")), bend("SX-03 RS512", idptest.Algorithm("RS512")),
		bend("SX-03 lower case", idptest.Header("alg", "rs256")), bend("SX-03 alg missing", idptest.WithoutHeader("alg")), bend("SX-03 alg twice", idptest.DuplicateHeader("alg", "none")),
		bend("SX-03 ES256 by a key of its own", idptest.SignedBy(es256)),
		bend("HS256 with the PEM", idptest.Algorithm("HS256")), bend("HS256 with the DER", idptest.HMACKey(key.DER()), idptest.Algorithm("HS256")),
		bend("HS256 with the JWK", idptest.HMACKey(key.JWK()), idptest.Algorithm("HS256")),
		bend("SX-07 other client", idptest.For("other")), bend("SX-07 both, azp foreign", idptest.For([]string{"spa", "other"}), idptest.Claim("azp", "other")),
		bend("SX-07 both, azp ours", idptest.For([]string{"spa", "other"}), idptest.Claim("azp", "spa")),
		bend("SX-07 both, azp absent", idptest.For([]string{"spa", "other"}), idptest.Without("azp")), bend("SX-07 azp foreign", idptest.Claim("azp", "other")),
		bend("SX-07 azp no string", idptest.Claim("azp", 1)),
		bend("SX-07 aud missing", idptest.Without("aud")), bend("SX-07 aud null", idptest.For(nil)), bend("SX-07 aud empty", idptest.For("")),
		bend("SX-07 aud []", idptest.For([]string{})), bend("SX-07 aud number", idptest.For(7)), bend("SX-07 aud [1]", idptest.For([]int{1})),
		bend("SX-11 (b) expired and a wrong signature", idptest.ExpiresAt(now.Add(-2*time.Minute)), idptest.Mutate(idptest.FlipBit(2, 9))),
		bend("SX-11 (b) expired and another audience", idptest.ExpiresAt(now.Add(-2*time.Minute)), idptest.For("other")),
		bend("SX-11 (b) nbf ahead", idptest.Claim("nbf", now.Add(2*time.Minute).Unix())), bend("SX-11 (b) nbf no date", idptest.Claim("nbf", "soon")),
		bend("SX-11 (b) iat ahead", idptest.Claim("iat", now.Add(time.Hour).Unix())), bend("SX-11 (b) iat missing", idptest.Without("iat")),
		bend("SX-11 (b) exp missing", idptest.Without("exp")), bend("SX-11 (b) exp text", idptest.Claim("exp", fmt.Sprint(now.Add(time.Hour).Unix()))),
		bend("SX-11 (b) exp negative", idptest.Claim("exp", -1)), bend("SX-11 (b) exp 1e300", idptest.Claim("exp", json.RawMessage("1e300"))),
		bend("SX-11 (b) exp null", idptest.Claim("exp", nil)), bend("SX-11 (b) exp beyond floats", idptest.Claim("exp", json.RawMessage("1e999"))),
		bend("sub missing", idptest.Without("sub")), bend("sub empty", idptest.Claim("sub", "")), bend("sub blank", idptest.Claim("sub", "  ")),
		bend("sub number", idptest.Claim("sub", 7)), bend("sub long", idptest.Claim("sub", strings.Repeat("x", 256))), bend("sub not ASCII", idptest.Claim("sub", "é")),
		bend("sub twice", idptest.DuplicateClaim("sub", "other")), bend("iss twice", idptest.DuplicateClaim("iss", "https://evil.example")),
		bend("events", idptest.Claim("events", map[string]any{})), bend("token_use access", idptest.Claim("token_use", "access")),
		bend("Keycloak access token", idptest.Claim("typ", "Bearer")), bend("Keycloak refresh token", idptest.Claim("typ", "Refresh")),
		bend("typ at+jwt", idptest.Header("typ", "at+jwt")), bend("typ logout+jwt", idptest.Header("typ", "logout+jwt")), bend("typ no string", idptest.Header("typ", 1)),
		bend("SX-23 crit unknown", idptest.Header("crit", []string{"x"}), idptest.Header("x", 1)), bend("SX-23 crit empty", idptest.Header("crit", []string{})),
		bend("SX-23 crit b64", idptest.Header("crit", []string{"b64"}), idptest.Header("b64", false)), bend("SX-23 b64 alone", idptest.Header("b64", false)),
		bend("SX-23 zip", idptest.Header("zip", "DEF")), bend("SX-23 kid twice", idptest.DuplicateHeader("kid", "x")),
		mutate("SX-23 padding", func(s string) string { return s + "==" }), mutate("SX-23 newline behind", func(s string) string { return s + "\n" }),
		mutate("SX-23 newline inside", func(s string) string { return s[:40] + "\n" + s[40:] }), mutate("SX-23 space before", func(s string) string { return " " + s }),
		mutate("SX-23 newline before a dot", func(s string) string { return strings.Replace(s, ".", "\n.", 1) }),
		mutate("SX-23 non-canonical", idptest.NonCanonical), mutate("a fourth part", func(s string) string { return s + ".x" }),
		bend("payload null", idptest.RawPayload("null")), bend("payload []", idptest.RawPayload("[]")), bend("header null", idptest.RawHeader("null")),
		mutate("SX-22 flattened JSON", idptest.FlattenedJSON), mutate("SX-22 general JSON", idptest.GeneralJSON), mutate("SX-22 nested", a.oidc.Nested),
		mutate("SX-22 zip bomb", func(string) string { return idptest.ZipBomb(1) }), mutate("SX-22 PBES2", func(string) string { return idptest.SlowPBES2() }),
		mutate("SX-24 (b) 40 KiB", func(s string) string { return s + strings.Repeat("A", 40<<10) }),
		bend("SX-24 (b) 40 KiB and well signed", idptest.Claim("x", strings.Repeat("x", 30<<10))),
		bend("SX-09 (b) key of another provider", idptest.SignedBy(elsewhere.Signer())),
		bend("jku", idptest.Header("jku", elsewhere.URL(idptest.JWKS)), idptest.SignedBy(elsewhere.Signer()), idptest.KeyID(elsewhere.PublicKeys()[0].ID)),
		bend("jwk in the header", idptest.Header("jwk", json.RawMessage(elsewhere.PublicKeys()[0].JWK())), idptest.SignedBy(elsewhere.Signer()), idptest.WithoutHeader("kid")),
	}
	for _, kid := range []any{"", "unknown", strings.Repeat("k", 8<<10), "../../dev/null", "' OR 1=1--", 7, []string{"x"}, nil} {
		cases = append(cases, bend(fmt.Sprintf("SX-05 kid %.12v", kid), idptest.KeyID(kid)))
	}
	for part := range 3 {
		for bit := 0; bit < 96; bit += 7 {
			cases = append(cases, mutate(fmt.Sprintf("part %d, bit %d flipped", part, 400+bit), idptest.FlipBit(part, 400+bit))) // behind iss
		}
	}
	a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken).want(t, 200, "") // the keys are there
	before := a.rows()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			x := a.exchange(a.oidc.Tokens(idptest.Alice(), c.opts...).IDToken)
			x.want(t, 401, "idp_token_invalid")
			a.wantNothingIssued(x, before)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	if n := elsewhere.Count(idptest.JWKS); n != 0 {
		t.Errorf("an address in a header was followed %d times", n)
	}
	a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken).want(t, 200, "")
}

func TestSX_05_NoKeyIDAmongTwoKeys(t *testing.T) {
	a := newAppWithProviders(t, nil)
	x := a.exchange(a.cognito.Tokens(idptest.Alice(), idptest.WithoutHeader("kid")).IDToken)
	x.want(t, 401, "idp_token_invalid")
	a.exchange(a.oidc.Tokens(idptest.Alice(), idptest.WithoutHeader("kid")).IDToken).want(t, 200, "") // one key: it is that one
}

// One key of the set does not fit, and the token is well signed by it.
func TestSX_03_KeysThatDoNotFit(t *testing.T) {
	for name, member := range map[string]struct {
		name  string
		value any
	}{
		"alg ES256": {"alg", "ES256"}, "alg PS256": {"alg", "PS256"}, "use enc": {"use", "enc"}, "key_ops without verify": {"key_ops", []string{"encrypt"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAppWithProviders(t, nil)
			token := a.cognito.Tokens(idptest.Alice()).IDToken
			a.cognito.Fault(idptest.UntilCleared, idptest.JWKS, idptest.EachKey(func(jwk map[string]any) {
				if jwk["kid"] == header(t, token)["kid"] {
					jwk[member.name] = member.value
				}
			}))
			before := a.rows()
			x := a.exchange(token)
			x.want(t, 401, "idp_token_invalid")
			a.wantNothingIssued(x, before)
		})
	}
}

func TestExchangeAccessTokens(t *testing.T) {
	a := newAppWithProviders(t, nil)
	alice, bob := a.cognito.Tokens(idptest.Alice()), a.cognito.Tokens(idptest.Bob())
	before := a.rows()
	for name, c := range map[string]struct{ id, access string }{
		"the access token as ID token":  {alice.AccessToken, ""},
		"one token as both":             {alice.IDToken, alice.IDToken},
		"another user's access token":   {a.cognito.Tokens(idptest.Alice(), idptest.Without("at_hash")).IDToken, bob.AccessToken},
		"at_hash of another":            {alice.IDToken, a.cognito.Tokens(idptest.Alice()).AccessToken},
		"at_hash, access token changed": {alice.IDToken, alice.AccessToken + "x"},
		"another client's access token": {a.cognito.Tokens(idptest.Alice(), idptest.InAccessToken(idptest.For("other"))).IDToken, ""},
		"an ID token as access token":   {a.cognito.Tokens(idptest.Alice(), idptest.Without("at_hash")).IDToken, bob.IDToken},
		"a forged access token":         {},
	} {
		t.Run(name, func(t *testing.T) {
			switch name {
			case "another client's access token":
				got := a.cognito.Tokens(idptest.Alice(), idptest.InAccessToken(idptest.For("other")))
				c.id, c.access = got.IDToken, got.AccessToken
			case "a forged access token":
				got := a.cognito.Tokens(idptest.Alice(), idptest.InAccessToken(idptest.Mutate(idptest.FlipBit(2, 3))))
				c.id, c.access = got.IDToken, got.AccessToken
			}
			x := a.exchange(c.id, map[string]any{"access_token": c.access})
			x.want(t, 401, "idp_token_invalid")
			a.wantNothingIssued(x, before)
		})
	}
	a.exchange(alice.IDToken, map[string]any{"access_token": alice.AccessToken}).want(t, 200, "")
	a.exchange(bob.IDToken, map[string]any{"access_token": nil}).want(t, 200, "")
}

func TestSX_OurOwnTokenIsNoIDToken(t *testing.T) {
	a := newAppWithProviders(t, nil)
	_, pw := a.user("ada")
	a.exchange(a.signIn("ada", pw).access).want(t, 401, "idp_token_invalid")
}

func TestExchangeIssuers(t *testing.T) {
	a := newAppWithProviders(t, nil)
	before := a.rows()
	for _, issuer := range []string{"https://evil.example", a.oidc.Issuer() + "/", strings.ToUpper(a.oidc.Issuer()), " " + a.oidc.Issuer(), ""} {
		x := a.exchange(a.oidc.Tokens(idptest.Alice(), idptest.Claim("iss", issuer)).IDToken)
		x.want(t, 404, "idp_not_configured")
		a.wantNothingIssued(x, before)
	}
	for _, issuer := range []any{nil, 7, []string{a.oidc.Issuer()}} {
		a.exchange(a.oidc.Tokens(idptest.Alice(), idptest.Claim("iss", issuer)).IDToken).want(t, 401, "idp_token_invalid")
	}
	a.exchange(a.oidc.Tokens(idptest.Alice(), idptest.Claim("iss", a.cognito.Issuer())).IDToken).want(t, 401, "idp_token_invalid")
}

func TestSX_09_TheKeyIsIssuerAndSubject(t *testing.T) {
	a := newAppWithProviders(t, func(c *config, _ *idp.OIDC, _ *idp.Cognito) { c.UserFields = []string{"id"} })
	one := a.exchange(a.oidc.Tokens(idptest.User{Subject: "S", Username: "ann", Email: "ann@example.com"}).IDToken)
	one.want(t, 200, "")
	two := a.exchange(a.cognito.Tokens(idptest.User{Subject: "S", Username: "ann", Email: "other@example.com"}).IDToken)
	two.want(t, 200, "")
	id := func(x answer) any { return x.json["user"].(map[string]any)["id"] }
	if id(one) == id(two) {
		t.Error("one subject at two issuers is one user")
	}
	changed := a.exchange(a.oidc.Tokens(idptest.User{Subject: "S", Username: "ann", Email: "other@example.com"}).IDToken)
	changed.want(t, 200, "")
	if id(changed) != id(one) {
		t.Error("a changed e-mail address made another user")
	}
}

func TestSX_11_Times(t *testing.T) {
	a := newAppWithProviders(t, nil)
	now := a.clock.now()
	for name, c := range map[string]struct {
		opt    idptest.Option
		status int
		code   string
	}{
		"(a) exp 120 s ago":  {idptest.ExpiresAt(now.Add(-120 * time.Second)), 410, "idp_token_expired"},
		"exp 60 s ago":       {idptest.ExpiresAt(now.Add(-60 * time.Second)), 410, "idp_token_expired"},
		"issued 601 s ago":   {idptest.IssuedAt(now.Add(-601 * time.Second)), 410, "idp_token_expired"},
		"issued a day ago":   {idptest.Claim("iat", now.Add(-24*time.Hour).Unix()), 410, "idp_token_expired"},
		"iat 61 s ahead":     {idptest.IssuedAt(now.Add(61 * time.Second)), 401, "idp_token_invalid"},
		"(c) exp 30 s ago":   {idptest.ExpiresAt(now.Add(-30 * time.Second)), 200, ""},
		"(c) exp 59 s ago":   {idptest.ExpiresAt(now.Add(-59 * time.Second)), 200, ""},
		"(c) iat 30 s ahead": {idptest.IssuedAt(now.Add(30 * time.Second)), 200, ""},
		"(c) iat 60 s ahead": {idptest.IssuedAt(now.Add(60 * time.Second)), 200, ""},
		"issued 600 s ago":   {idptest.IssuedAt(now.Add(-600 * time.Second)), 200, ""},
		"a fraction":         {idptest.Claim("iat", json.RawMessage(fmt.Sprint(now.Unix(), ".5"))), 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			u := idptest.User{Subject: randomText(), Username: randomText()}
			x := a.exchange(a.oidc.Tokens(u, c.opt).IDToken)
			x.want(t, c.status, c.code)
			if c.status == 410 && x.text("detail") != "Token expired." {
				t.Errorf("detail = %q", x.text("detail"))
			}
			if c.status != 200 && strings.Contains(x.body, "access_token") {
				t.Error("something was issued")
			}
		})
	}
}

func TestSX_12_Nonce(t *testing.T) {
	a := newAppWithProviders(t, func(_ *config, _ *idp.OIDC, pool *idp.Cognito) { pool.RequireNonce = true })
	nonce := func(v any) map[string]any { return map[string]any{"nonce": v} }
	before := a.rows()
	for name, c := range map[string]struct {
		opts []idptest.Option
		sent any
	}{
		"(a) another": {nil, "other"}, "(b) absent": {[]idptest.Option{idptest.Without("nonce")}, "n"}, "(b) empty": {[]idptest.Option{idptest.Claim("nonce", "")}, "n"},
		"(b) both empty": {[]idptest.Option{idptest.Claim("nonce", "")}, ""}, "(b) no string": {[]idptest.Option{idptest.Claim("nonce", 7)}, "7"},
	} {
		t.Run(name, func(t *testing.T) {
			x := a.exchange(a.oidc.Tokens(idptest.Alice(), c.opts...).IDToken, nonce(c.sent))
			x.want(t, 401, "idp_token_invalid")
			a.wantNothingIssued(x, before)
		})
	}
	a.exchange(a.cognito.Tokens(idptest.Bob()).IDToken).want(t, 401, "idp_token_invalid") // required, and none named
	a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken, nonce(7)).want(t, 400, "invalid_request")
	tokens := a.cognito.Tokens(idptest.Bob())
	a.exchange(tokens.IDToken, nonce(tokens.Nonce)).want(t, 200, "")
	a.exchange(a.oidc.Tokens(idptest.Alice(), idptest.Nonce("n")).IDToken).want(t, 200, "") // only in the token: the SPA's own business
}

func TestSX_13_Replay(t *testing.T) {
	a := newAppWithProviders(t, nil)
	token := a.oidc.Tokens(idptest.Alice()).IDToken
	s := a.sessionOf(a.exchange(token))
	before := a.rows()
	x := a.exchange(token)
	x.want(t, 401, "idp_token_replayed")
	a.wantNothingIssued(x, before)
	a.clock.advance(9 * time.Minute)
	a.exchange(token).want(t, 401, "idp_token_replayed")
	s.mustRefresh()

	t.Run("an end beyond all dates", func(t *testing.T) {
		for _, exp := range []string{"9223372036854", "9223372036855", "10000000000000", "9007199254740991"} {
			token := a.oidc.Tokens(idptest.Alice(), idptest.Claim("exp", json.RawMessage(exp))).IDToken
			a.exchange(token).want(t, 200, "")
			a.exchange(token).want(t, 401, "idp_token_replayed")
		}
	})
	t.Run("a clock that is set back", func(t *testing.T) {
		token := a.oidc.Tokens(idptest.Alice()).IDToken
		a.exchange(token).want(t, 200, "")
		a.clock.advance(10*time.Minute + time.Second)
		a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken).want(t, 200, "") // it may sweep old marks away
		a.clock.advance(-2 * time.Minute)
		a.exchange(token).want(t, 401, "idp_token_replayed")
		a.clock.advance(2 * time.Minute)
	})
	t.Run("another spelling of the signature", func(t *testing.T) {
		es := newApp(t, func(c *config) {
			p := idptest.New(t, idptest.Config{Now: c.Now, Algorithm: "ES256"})
			c.Providers = []sallyport.Provider{idp.OIDC{Name: "es", Issuer: p.Issuer(), ClientID: p.ClientID()}}
			token = p.Tokens(idptest.Alice()).IDToken
		})
		es.exchange(token).want(t, 200, "")
		es.exchange(idptest.TwinSignature(token)).want(t, 401, "idp_token_replayed")
	})
	t.Run("20 at once", func(t *testing.T) {
		token := a.oidc.Tokens(idptest.Alice()).IDToken
		codes := parallel(20, func() string {
			x, err := a.try("social-exchange/", request{body: map[string]string{"id_token": token}})
			return fmt.Sprintf("%v %d %s", err, x.status, x.code())
		})
		want := map[string]int{"<nil> 200 ": 1, "<nil> 401 idp_token_replayed": 19}
		if diff := cmp.Diff(want, codes); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
	})
}

// parallel runs f n times at once and counts what it returns.
func parallel(n int, f func() string) map[string]int {
	return parallelIndexed(n, func(int) string { return f() })
}

// parallelIndexed is parallel for calls that differ.
func parallelIndexed(n int, f func(i int) string) map[string]int {
	results := map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			got := f(i)
			mu.Lock()
			defer mu.Unlock()
			results[got]++
		})
	}
	all.Wait()
	return results
}

func TestSX_15_TakenAddressesAreNotLinked(t *testing.T) {
	a := newAppWithProviders(t, nil)
	a.user("alice")
	before := a.rows()
	for _, email := range []string{"alice@example.com", "Alice@Example.COM"} {
		u := idptest.User{Subject: randomText(), Username: "whoever", Email: email, EmailVerified: true}
		for _, p := range []*idptest.Provider{a.oidc, a.cognito} {
			x := a.exchange(p.Tokens(u).IDToken)
			x.want(t, 409, "account_link_required")
			a.wantNothingIssued(x, before)
		}
	}
}

// Whoever suggests somebody else's address as a username must not reserve it.
func TestUsernamesThatAreSomebodysAddress(t *testing.T) {
	a := newAppWithProviders(t, func(c *config, _ *idp.OIDC, _ *idp.Cognito) { c.UserFields = []string{"username"} })
	username := func(u idptest.User) string {
		x := a.exchange(a.cognito.Tokens(u).IDToken)
		x.want(t, 200, "")
		name, _ := x.json["user"].(map[string]any)["username"].(string)
		return name
	}
	if got := username(idptest.User{Subject: "s1", Username: "victim@example.com"}); !strings.HasPrefix(got, "cognito-") {
		t.Errorf("username = %q, want a generated one", got)
	}
	if got := username(idptest.User{Subject: "s2", Username: "Victim@example.com", Email: "victim@example.com", EmailVerified: true}); got != "Victim@example.com" {
		t.Errorf("username of the owner = %q, want the suggestion", got)
	}
}

func TestUnverifiedAddresses(t *testing.T) {
	a := newAppWithProviders(t, func(c *config, _ *idp.OIDC, _ *idp.Cognito) { c.UserFields = []string{"email", "email_verified"} })
	before := a.rows()
	for _, value := range []any{false, "false"} {
		u := idptest.User{Subject: randomText(), Username: "u", Email: "new@example.com", EmailVerified: value}
		x := a.exchange(a.oidc.Tokens(u).IDToken)
		x.want(t, 403, "email_not_verified")
		a.wantNothingIssued(x, before)
	}
	for i, value := range []any{nil, json.RawMessage("null"), 1, "true", "TRUE", []bool{true}} {
		u := idptest.User{Subject: randomText(), Username: randomText(), Email: fmt.Sprintf("silent%d@example.com", i), EmailVerified: value}
		x := a.exchange(a.oidc.Tokens(u).IDToken)
		x.want(t, 200, "")
		if got := x.json["user"].(map[string]any)["email_verified"]; got != false {
			t.Errorf("email_verified %v made the address verified", value)
		}
	}
	bob := a.cognito.Tokens(idptest.Bob()) // federated Cognito users come unverified
	a.exchange(bob.IDToken).want(t, 200, "")
}

func TestKnownIdentityIsNotAskedForItsAddressAgain(t *testing.T) {
	a := newAppWithProviders(t, nil)
	u := idptest.Alice()
	a.exchange(a.oidc.Tokens(u).IDToken).want(t, 200, "")
	u.EmailVerified = false
	a.exchange(a.oidc.Tokens(u).IDToken).want(t, 200, "")
}

func TestProvidersThatMayNotMakeUsers(t *testing.T) {
	a := newAppWithProviders(t, func(_ *config, plain *idp.OIDC, _ *idp.Cognito) { plain.CreateUsers = new(false) })
	before := a.rows()
	x := a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken)
	x.want(t, 403, "forbidden")
	a.wantNothingIssued(x, before)
}

func TestSX_19_InactiveUsers(t *testing.T) {
	a := newAppWithProviders(t, func(c *config, _ *idp.OIDC, _ *idp.Cognito) { c.UserFields = []string{"id"} })
	x := a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken)
	s := a.sessionOf(x)
	id, err := sallyport.ParseID(x.json["user"].(map[string]any)["id"].(string))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.svc.DisableUser(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	before := a.rows()
	x = a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken)
	x.want(t, 401, "invalid_credentials")
	a.wantNothingIssued(x, before)
	s.post("refresh/").want(t, 401, "session_revoked")
}

func TestSX_20_ParallelFirstExchanges(t *testing.T) {
	a := newAppWithProviders(t, nil)
	rounds := 40
	for i := range rounds {
		u := idptest.User{Subject: fmt.Sprint("s", i), Username: fmt.Sprint("u", i), Email: fmt.Sprintf("u%d@example.com", i), EmailVerified: true}
		p := a.oidc
		if i%2 == 1 {
			p = a.cognito
		}
		tokens := make(chan string, 4)
		for range cap(tokens) {
			tokens <- p.Tokens(u).IDToken
		}
		codes := parallel(cap(tokens), func() string {
			x, err := a.try("social-exchange/", request{body: map[string]string{"id_token": <-tokens}})
			return fmt.Sprintf("%v %d %s", err, x.status, x.code())
		})
		if diff := cmp.Diff(map[string]int{"<nil> 200 ": cap(tokens)}, codes); diff != "" {
			t.Fatalf("round %d (-want +got):\n%s", i, diff)
		}
	}
	if users, identities := a.count("select count(*) from users"), a.count("select count(*) from identities"); users != rounds || identities != rounds {
		t.Errorf("%d users, %d identities, want %d of each", users, identities, rounds)
	}
}

func TestSX_24_HugeTokens(t *testing.T) {
	a := newAppWithProviders(t, nil)
	a.exchange(strings.Repeat(".", 1<<20)).want(t, 413, "body_too_large")
	a.exchange(strings.Repeat(".", 60<<10)).want(t, 401, "idp_token_invalid")
}

func TestSX_25_KeyServerFaults(t *testing.T) {
	canary := idptest.New(t, idptest.Config{})
	for name, fault := range map[string]idptest.Fault{
		"500": idptest.Status(500), "10 MiB": idptest.Oversized(10), "redirect to metadata": idptest.Redirect(302, "http://169.254.169.254/"),
		"redirect to a file": idptest.Redirect(302, "file:///etc/passwd"), "redirect elsewhere": idptest.Redirect(307, canary.URL(idptest.JWKS)),
		"invalid JSON": idptest.NotJSON(), "HTML": idptest.HTML(), "empty keys": idptest.EmptyKeySet(), "connection dropped": idptest.Drop(),
		"RSA of 1024 bits": idptest.Publish(idptest.WeakRSA()), "RSA exponent 1": idptest.Publish(idptest.ExponentOne()), "point off the curve": idptest.OffCurve(),
		"private key published": idptest.PublishPrivate(), "hangs": idptest.Hang(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, cognito := range []bool{false, true} {
				if cognito && name == "point off the curve" {
					continue // RSA keys have none
				}
				config := idptest.Config{}
				if cognito {
					config.Personality = idptest.Cognito
				} else if name == "point off the curve" {
					config.Algorithm = "ES256"
				}
				testKeyServerFault(t, config, fault)
			}
		})
	}
	t.Cleanup(func() {
		if n := canary.Count(idptest.JWKS); n != 0 {
			t.Errorf("a redirect to another server was followed %d times", n)
		}
	})
}

func testKeyServerFault(t *testing.T, config_ idptest.Config, fault idptest.Fault) {
	var p *idptest.Provider
	a := newApp(t, func(c *config) {
		config_.Now = c.Now
		p = idptest.New(t, config_)
		c.Providers = []sallyport.Provider{idp.OIDC{Name: "p", Issuer: p.Issuer(), ClientID: p.ClientID()}}
		if config_.Personality == idptest.Cognito {
			c.Providers = []sallyport.Provider{idp.Cognito{Issuer: p.Issuer(), ClientID: p.ClientID()}}
		}
	})
	p.Fault(idptest.UntilCleared, idptest.JWKS, fault)
	before, start := a.rows(), time.Now()
	x := a.exchange(p.Tokens(idptest.Alice()).IDToken)
	x.want(t, 503, "idp_unavailable")
	if x.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	if took := time.Since(start); took > 6*time.Second {
		t.Errorf("(a) answered after %v, want 6 s at most", took)
	}
	a.wantNothingIssued(x, before)
	p.Clear()
	a.clock.advance(31 * time.Second)
	a.exchange(p.Tokens(idptest.Alice()).IDToken).want(t, 200, "") // heals by itself
	p.Fault(idptest.UntilCleared, idptest.JWKS, fault)
	for _, later := range []time.Duration{11 * time.Minute, 23 * time.Hour} {
		a.clock.advance(later)
		a.exchange(p.Tokens(idptest.Alice()).IDToken).want(t, 200, "") // (b) the last good set serves
	}
	p.Clear()
}

func TestDiscoveryFaults(t *testing.T) {
	for name, fault := range map[string]idptest.Fault{
		"another issuer":     idptest.Edit(func(doc map[string]any) { doc["issuer"] = "https://evil.example" }),
		"no jwks_uri":        idptest.Edit(func(doc map[string]any) { delete(doc, "jwks_uri") }),
		"jwks_uri over http": idptest.Edit(func(doc map[string]any) { doc["jwks_uri"] = "http://keys.example/" }),
		"jwks_uri a file":    idptest.Edit(func(doc map[string]any) { doc["jwks_uri"] = "file:///etc/passwd" }),
		"500":                idptest.Status(500), "not JSON": idptest.NotJSON(), "10 MiB": idptest.Oversized(10),
	} {
		t.Run(name, func(t *testing.T) {
			a := newAppWithProviders(t, nil)
			a.oidc.Fault(idptest.UntilCleared, idptest.Discovery, fault)
			a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken).want(t, 503, "idp_unavailable")
			a.exchange(a.cognito.Tokens(idptest.Bob()).IDToken).want(t, 200, "") // the other provider works
			a.oidc.Clear()
			a.clock.advance(31 * time.Second)
			a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken).want(t, 200, "")
		})
	}
	t.Run("algorithms that are not announced", func(t *testing.T) {
		a := newAppWithProviders(t, nil)
		a.oidc.Fault(idptest.UntilCleared, idptest.Discovery, idptest.Edit(func(doc map[string]any) { doc["id_token_signing_alg_values_supported"] = []string{"ES256"} }))
		a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken).want(t, 401, "idp_token_invalid")
	})
}

func TestProviderRotatesItsKeys(t *testing.T) {
	a := newAppWithProviders(t, nil)
	old := a.oidc.Tokens(idptest.Alice())
	a.exchange(old.IDToken).want(t, 200, "")
	fetched := a.oidc.Count(idptest.JWKS)
	a.clock.advance(time.Minute)
	a.oidc.Rotate(idptest.RotateOptions{})
	a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken).want(t, 200, "")
	if n := a.oidc.Count(idptest.JWKS) - fetched; n != 1 {
		t.Errorf("%d fetches for one new key, want 1", n)
	}
	storm := a.oidc.Count(idptest.JWKS)
	for range 50 {
		a.exchange(a.oidc.Tokens(idptest.Alice(), idptest.KeyID(randomText())).IDToken).want(t, 401, "idp_token_invalid")
	}
	if n := a.oidc.Count(idptest.JWKS) - storm; n > 1 {
		t.Errorf("%d fetches for 50 unknown key IDs within 30 s, want 1 at most", n)
	}
	withdrawn := a.oidc.Tokens(idptest.Bob(), idptest.SignedBy(a.oidc.Signer()), idptest.KeyID(header(t, old.IDToken)["kid"]))
	a.exchange(withdrawn.IDToken).want(t, 401, "idp_token_invalid")
}

func header(t *testing.T, token string) map[string]any {
	t.Helper()
	h, _, err := idptest.Decode(token)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestSX_27_ProviderTakenOutOfTheSettings(t *testing.T) {
	a := newAppWithProviders(t, nil)
	a.exchange(a.oidc.Tokens(idptest.Alice()).IDToken).want(t, 200, "")
	before := a.rows()
	svc, err := sallyport.New(sallyport.Config{Issuer: issuer, Store: a.store, Secret: a.secret, Now: a.clock.now, Logger: a.logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Close()
	b := a.serve(t, svc, authhttp.Config{})
	x := b.exchange(a.oidc.Tokens(idptest.Alice()).IDToken)
	x.want(t, 404, "idp_not_configured")
	b.wantNothingIssued(x, before)
	if n := a.count("select count(*) from identities"); n != 1 {
		t.Errorf("%d identities, want the one that was there", n)
	}
}

func TestExchangeBodies(t *testing.T) {
	a := newAppWithProviders(t, nil)
	token := a.oidc.Tokens(idptest.Alice()).IDToken
	for name, body := range map[string]any{
		"missing": map[string]any{}, "null": map[string]any{"id_token": nil}, "blank": map[string]any{"id_token": ""}, "number": map[string]any{"id_token": 1},
		"access_token number": map[string]any{"id_token": token, "access_token": 1},
		"another case":        map[string]any{"id_token": token, "ID_TOKEN": token}, "twice": `{"id_token":"x","id_token":"y"}`,
	} {
		t.Run(name, func(t *testing.T) { a.do("social-exchange/", request{body: body}).want(t, 400, "invalid_request") })
	}
	x := a.do("social-exchange/", request{body: map[string]string{"id_token": token}, headers: map[string]string{"Authorization": "Bearer rubbish"}})
	x.want(t, 200, "") // an Authorization header is ignored
	a.do("social-exchange/", request{body: map[string]string{"id_token": token}, headers: map[string]string{"Origin": "null"}}).want(t, 403, "cross_origin")
}
