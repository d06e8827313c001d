package idptest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/idptest"
)

// TestThinAndLookalike takes both through their endpoints: each is Plain but for one thing.
func TestThinAndLookalike(t *testing.T) {
	alice := idptest.Alice()
	alice.Claims = map[string]any{"department": "tests"}
	for _, personality := range []idptest.Personality{idptest.Thin, idptest.Lookalike} {
		t.Run(string(personality), func(t *testing.T) {
			p := idptest.New(t, idptest.Config{Personality: personality, Algorithm: "ES256", Users: []idptest.User{alice}})
			f := newFlow(p)
			answer := f.login(t, alice)
			status, _, doc := post(t, p.URL(idptest.Token), f.form(answer.Get("code")))
			if status != http.StatusOK || answer.Get("iss") != p.Issuer() {
				t.Fatalf("token endpoint = %d %v after %v, want 200", status, doc, answer)
			}
			idHeader, id := decode(t, doc["id_token"].(string))
			accessHeader, access := decode(t, doc["access_token"].(string))
			for _, name := range []string{"email", "email_verified", "name", "given_name", "groups", "preferred_username", "department"} {
				if _, has := id[name]; has == (personality == idptest.Thin) {
					t.Errorf("ID token: %s = %v", name, id[name])
				}
			}
			same := true
			for _, name := range []string{"iss", "aud", "sub", "exp", "nonce"} {
				same = same && access[name] == id[name] && id[name] != nil
			}
			same = same && accessHeader["typ"] == "JWT" && idHeader["typ"] == "JWT"
			if same != (personality == idptest.Lookalike) {
				t.Errorf("ID token %v, access token %v: alike = %v", id, access, same)
			}
			info, _, body := get(t, p.URL(idptest.Userinfo), http.Header{"Authorization": {"Bearer " + doc["access_token"].(string)}})
			if info != http.StatusOK || !strings.Contains(body, `"email":"alice@example.com"`) || !strings.Contains(body, `"department":"tests"`) {
				t.Errorf("UserInfo = %d %s, want 200 and the rest", info, body)
			}
		})
	}
}
