package idptest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/idptest"
)

func TestGoogleIsOdd(t *testing.T) {
	member := idptest.Alice()
	member.Claims = map[string]any{"hd": "example.com"}
	for _, bare := range []bool{false, true} {
		p := idptest.New(t, idptest.Config{Personality: idptest.Google, BareIssuer: bare, ClientSecret: "s", Now: atNoon,
			Users: []idptest.User{member, idptest.Bob()}})
		var metadata map[string]any
		decodeBody(t, p.BaseURL()+"/.well-known/openid-configuration", &metadata)
		if metadata["issuer"] != p.BaseURL() || metadata["end_session_endpoint"] != nil {
			t.Errorf("metadata = %v, want the URL as issuer and no end_session_endpoint", metadata)
		}
		if got, want := metadata["token_endpoint_auth_methods_supported"], []any{"client_secret_post", "client_secret_basic"}; !slices.Equal(got.([]any), want) {
			t.Errorf("token_endpoint_auth_methods_supported = %v, want %v", got, want)
		}
		f := newFlow(p)
		for _, user := range []idptest.User{member, idptest.Bob()} {
			answer := f.login(t, user)
			form := f.form(answer.Get("code"))
			form.Set("client_secret", "s")
			status, _, doc := post(t, metadata["token_endpoint"].(string), form)
			if status != http.StatusOK || answer.Has("iss") {
				t.Fatalf("token endpoint = %d %v after %v, want 200, and no iss in the answer", status, doc, answer)
			}
			if err := verify(fetchKeys(t, p), doc["id_token"].(string)); err != nil {
				t.Errorf("verify(id_token) = %v, want nil", err)
			}
			_, claims := decode(t, doc["id_token"].(string))
			issuer := p.BaseURL()
			if bare {
				issuer = strings.TrimPrefix(issuer, "http://")
			}
			for name, want := range map[string]any{
				"iss": issuer, "aud": "spa", "azp": "spa", "nonce": "nonce-1", "hd": user.Claims["hd"], "email": user.Email,
				"email_verified": user.EmailVerified, "jti": nil, "auth_time": nil, "sub": p.Subject(user),
			} {
				if claims[name] != want {
					t.Errorf("%s: %s = %v, want %v", user.Username, name, claims[name], want)
				}
			}
			access := doc["access_token"].(string)
			if strings.Contains(access, "eyJ") || claims["at_hash"] != halfHash("RS256", access) {
				t.Errorf("access token %q, at_hash %v, want an opaque one and its hash", access, claims["at_hash"])
			}
			info, _, body := get(t, metadata["userinfo_endpoint"].(string), http.Header{"Authorization": {"Bearer " + access}})
			if info != http.StatusOK || !strings.Contains(body, user.Email) {
				t.Errorf("UserInfo = %d %s, want the address", info, body)
			}
		}
		if status, _, _ := get(t, p.BaseURL()+"/logout", nil); status != http.StatusNotFound || p.URL(idptest.EndSession) != "" {
			t.Errorf("GET /logout = %d, URL(EndSession) = %q, want 404 and none", status, p.URL(idptest.EndSession))
		}
	}
}

func TestBareIssuer(t *testing.T) {
	p := idptest.New(t, idptest.Config{Personality: idptest.Google})
	_, claims := decode(t, p.Tokens(idptest.Alice(), idptest.BareIssuer(), idptest.BareIssuer()).IDToken)
	if want := strings.TrimPrefix(p.Issuer(), "http://"); claims["iss"] != want {
		t.Errorf("iss = %v, want %s", claims["iss"], want)
	}
}
