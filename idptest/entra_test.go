package idptest_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/idptest"
)

const (
	home     = "11111111-1111-4111-8111-111111111111"
	second   = "22222222-2222-4222-8222-222222222222"
	foreign  = "33333333-3333-4333-8333-333333333333"
	personal = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

// entraUsers are one of each tenant.
func entraUsers() []idptest.User {
	alice, bob, carol := idptest.Alice(), idptest.Bob(), idptest.Carol()
	alice.Claims = map[string]any{"xms_edov": "1"}
	bob.Tenant, carol.Tenant = second, foreign
	return []idptest.User{alice, bob, carol, {Username: "dave", Tenant: personal, Email: "dave@example.com", EmailVerified: true}}
}

func TestEntraDiscovery(t *testing.T) {
	p := idptest.New(t, idptest.Config{Personality: idptest.Entra, Tenants: []string{home, second}, Users: entraUsers()})
	if want := p.BaseURL() + "/" + home + "/v2.0"; p.Issuer() != want {
		t.Errorf("Issuer() = %q, want %q", p.Issuer(), want)
	}
	for _, test := range []struct{ at, issuer string }{
		{home, home}, {second, second}, {foreign, foreign}, {"common", "{tenantid}"}, {"organizations", "{tenantid}"},
	} {
		var metadata map[string]any
		decodeBody(t, p.BaseURL()+"/"+test.at+"/v2.0/.well-known/openid-configuration", &metadata)
		below := p.BaseURL() + "/" + test.at
		for name, want := range map[string]string{
			"issuer":                 p.BaseURL() + "/" + test.issuer + "/v2.0",
			"authorization_endpoint": below + "/oauth2/v2.0/authorize",
			"token_endpoint":         below + "/oauth2/v2.0/token",
			"end_session_endpoint":   below + "/oauth2/v2.0/logout",
			"jwks_uri":               below + "/discovery/v2.0/keys",
		} {
			if metadata[name] != want {
				t.Errorf("%s: %s = %v, want %s", test.at, name, metadata[name], want)
			}
		}
		var set struct{ Keys []jwk }
		if decodeBody(t, metadata["jwks_uri"].(string), &set); len(set.Keys) != 1 || set.Keys[0].Kid != p.PublicKeys()[0].ID {
			t.Errorf("%s: keys = %v, want the one key of all tenants", test.at, set.Keys)
		}
	}
	for _, unknown := range []string{"44444444-4444-4444-8444-444444444444", "consumers2", "%7Btenantid%7D"} {
		if status, _, _ := get(t, p.BaseURL()+"/"+unknown+"/v2.0/.well-known/openid-configuration", nil); status != http.StatusNotFound {
			t.Errorf("discovery of %s = %d, want 404", unknown, status)
		}
	}
}

func TestEntraTokens(t *testing.T) {
	p := idptest.New(t, idptest.Config{Personality: idptest.Entra, Tenants: []string{home, second}, Users: entraUsers()})
	f := newFlow(p)
	for _, test := range []struct {
		at, username, tenant string
		admitted             bool
	}{
		{home, "alice", home, true}, {second, "bob", second, true}, {foreign, "carol", foreign, true},
		{"organizations", "alice", home, true}, {"organizations", "carol", foreign, true},
		{"common", "bob", second, true}, {"common", "dave", personal, true},
		{second, "alice", "", false}, {home, "carol", "", false}, {"organizations", "dave", "", false},
	} {
		t.Run(test.at+" "+test.username, func(t *testing.T) {
			var user idptest.User
			for _, u := range entraUsers() {
				if u.Username == test.username {
					user = u
				}
			}
			below := p.BaseURL() + "/" + test.at + "/oauth2/v2.0"
			callback, err := p.Login(t.Context(), below+"/authorize?"+f.query.Encode(), user)
			if !test.admitted {
				if !errors.Is(err, idptest.ErrLoginRefused) {
					t.Fatalf("Login = %q, %v, want %v", callback, err, idptest.ErrLoginRefused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			at, err := url.Parse(callback)
			if err != nil {
				t.Fatal(err)
			}
			status, _, doc := post(t, below+"/token", f.form(at.Query().Get("code")))
			if status != http.StatusOK {
				t.Fatalf("token endpoint = %d %v, want 200", status, doc)
			}
			if err := verify(fetchKeys(t, p), doc["id_token"].(string)); err != nil {
				t.Errorf("verify(id_token) = %v, want nil", err)
			}
			_, claims := decode(t, doc["id_token"].(string))
			var email any
			if user.Email != "" {
				email = user.Email
			}
			for name, want := range map[string]any{
				"iss": p.BaseURL() + "/" + test.tenant + "/v2.0", "tid": test.tenant, "ver": "2.0", "aud": "spa",
				"sub": p.Subject(user), "email": email, "email_verified": nil, "at_hash": nil, "xms_edov": user.Claims["xms_edov"],
			} {
				if claims[name] != want {
					t.Errorf("%s = %v, want %v", name, claims[name], want)
				}
			}
			if p.IssuerOf(user) != claims["iss"] || claims["oid"] == claims["sub"] || claims["preferred_username"] == nil {
				t.Errorf("claims = %v, want oid, another sub, preferred_username and the issuer %s", claims, p.IssuerOf(user))
			}
			_, access := decode(t, doc["access_token"].(string))
			if access["aud"] == "spa" || access["iss"] == claims["iss"] || access["ver"] != "1.0" {
				t.Errorf("access token = %v, want one of version 1.0 for somebody else", access)
			}
			info, _, body := get(t, p.URL(idptest.Userinfo), http.Header{"Authorization": {"Bearer " + doc["access_token"].(string)}})
			if info != http.StatusOK || !strings.Contains(body, p.Subject(user)) || strings.Contains(body, "email_verified") {
				t.Errorf("UserInfo = %d %s, want the same sub and no email_verified", info, body)
			}
		})
	}
}

// TestEntraSubjectIsPairwise: two clients know a user by two subjects and one oid.
func TestEntraSubjectIsPairwise(t *testing.T) {
	one := idptest.New(t, idptest.Config{Personality: idptest.Entra, ClientID: "one"})
	two := idptest.New(t, idptest.Config{Personality: idptest.Entra, ClientID: "two"})
	_, first := decode(t, signIn(t, one, idptest.Alice()).IDToken)
	_, other := decode(t, signIn(t, two, idptest.Alice()).IDToken)
	if first["sub"] == other["sub"] || first["oid"] != other["oid"] {
		t.Errorf("sub %v and %v, oid %v and %v, want two and one", first["sub"], other["sub"], first["oid"], other["oid"])
	}
}
