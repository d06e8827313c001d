package realidp

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// part decodes one part of a compact JWS, 0 for the header, 1 for the payload, and verifies nothing.
func part(t *testing.T, token string, n int) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%.40q is not a compact JWS", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[n])
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// expect compares the members of object that want names; a nil in want is a member that is missing.
func expect(t *testing.T, what string, object, want map[string]any) {
	t.Helper()
	for name, value := range want {
		if got := object[name]; !reflect.DeepEqual(got, value) {
			t.Errorf("%s: %s = %#v, want %#v", what, name, got, value)
		}
	}
}

// names fails unless object has exactly the members of want.
func names(t *testing.T, what string, object map[string]any, want ...string) {
	t.Helper()
	var got []string
	for name := range object {
		got = append(got, name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s has the members %q, want %q", what, got, want)
	}
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// What the two tokens look like is what the presets and the tests above build on, the peculiarities
// of the emulator included: a new release that changes one shows here first.
func TestCognito(t *testing.T) {
	pool := Cognito(t)
	tokens, err := pool.SignIn(t.Context(), pool.Alice)
	if err != nil {
		t.Fatalf("SignIn(alice) = %v", err)
	}
	if tokens.TokenType != "Bearer" || tokens.ExpiresIn != 3600 || tokens.RefreshToken == "" {
		t.Errorf("token response: type %q, life %d s, refresh token %.10q, want Bearer, 3600 and one", tokens.TokenType, tokens.ExpiresIn, tokens.RefreshToken)
	}
	id, access := part(t, tokens.IDToken, 1), part(t, tokens.AccessToken, 1)

	t.Run("ID token", func(t *testing.T) {
		names(t, "ID token", id, "iss", "sub", "aud", "token_use", "auth_time", "iat", "exp", "jti", "event_id",
			"cognito:username", "cognito:groups", "custom:tenant", "email", "email_verified")
		expect(t, "ID token", id, map[string]any{
			"iss": pool.Issuer, "aud": pool.ClientID, "token_use": "id",
			"email": pool.Alice.Email, "email_verified": true,
			"cognito:username": id["sub"], "cognito:groups": []any{"admins"}, "custom:tenant": "t1",
			"exp": id["iat"].(float64) + 24*3600,
		})
		if sub, _ := id["sub"].(string); !uuid.MatchString(sub) {
			t.Errorf("sub = %q, want a UUID", sub)
		}
	})
	t.Run("access token", func(t *testing.T) {
		names(t, "access token", access, "iss", "sub", "token_use", "auth_time", "iat", "exp", "jti", "event_id",
			"client_id", "username", "scope", "cognito:groups")
		expect(t, "access token", access, map[string]any{
			"iss": pool.Issuer, "sub": id["sub"], "client_id": pool.ClientID, "token_use": "access",
			"username": id["cognito:username"], "scope": "aws.cognito.signin.user.admin",
			"exp": access["iat"].(float64) + 24*3600,
		})
	})
	t.Run("keys", func(t *testing.T) { verifyRS256(t, pool, tokens.IDToken, tokens.AccessToken) })
	t.Run("without a page", func(t *testing.T) {
		direct, err := pool.InitiateAuth(t.Context(), pool.Alice)
		if err != nil {
			t.Fatalf("InitiateAuth(alice) = %v", err)
		}
		expect(t, "ID token", part(t, direct.IDToken, 1), map[string]any{"sub": id["sub"], "aud": pool.ClientID, "nonce": nil})
		if direct.AccessToken == "" || direct.RefreshToken == "" {
			t.Errorf("InitiateAuth(alice) = %+v, want three tokens", direct)
		}
	})
	t.Run("stored as not verified", func(t *testing.T) {
		tokens, err := pool.SignIn(t.Context(), pool.Bob)
		if err != nil {
			t.Fatalf("SignIn(bob) = %v", err)
		}
		expect(t, "ID token", part(t, tokens.IDToken, 1), map[string]any{
			"email": pool.Bob.Email, "email_verified": true, "cognito:groups": nil, // not Amazon's answer
		})
	})
	t.Run("nothing said about the address", func(t *testing.T) {
		tokens, err := pool.SignIn(t.Context(), pool.Carol)
		if err != nil {
			t.Fatalf("SignIn(carol) = %v", err)
		}
		expect(t, "ID token", part(t, tokens.IDToken, 1), map[string]any{"email": pool.Carol.Email, "email_verified": false})
	})
	t.Run("wrong password", func(t *testing.T) {
		mallory := User{Email: pool.Alice.Email, Password: pool.Bob.Password}
		if _, err := pool.SignIn(t.Context(), mallory); err == nil || !strings.Contains(err.Error(), "login page came again") {
			t.Errorf("SignIn = %v, want that the login page came again", err)
		}
		if _, err := pool.InitiateAuth(t.Context(), mallory); err == nil || !strings.Contains(err.Error(), "status 400") {
			t.Errorf("InitiateAuth = %v, want status 400", err)
		}
	})
	t.Run("another client's redirect URI", func(t *testing.T) {
		const redirectURI = "http://127.0.0.1:9/other"
		clientID, err := pool.AddClient(t.Context(), redirectURI)
		if err != nil {
			t.Fatalf("AddClient(%q) = %v", redirectURI, err)
		}
		request := func(clientID string) string {
			return pool.Domain + "/oauth2/authorize?" + url.Values{
				"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {redirectURI}, "state": {"a&b"},
				"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
			}.Encode()
		}
		callback, err := pool.Authorize(t.Context(), request(clientID), pool.Bob)
		if err != nil {
			t.Fatalf("Authorize = %v", err)
		}
		if got := callback.Query(); !strings.HasPrefix(callback.String(), redirectURI+"?") || got.Get("state") != "a&b" || got.Get("code") == "" {
			t.Errorf("Authorize = %s, want a code and the state at %s", callback, redirectURI)
		}
		if callback, err := pool.Authorize(t.Context(), request(pool.ClientID), pool.Bob); err == nil {
			t.Errorf("Authorize with a redirect URI that is not the client's = %s, want an error", callback)
		}
	})
	t.Run("code without its verifier", func(t *testing.T) {
		if tokens, err := pool.redeem(t.Context(), Grant{Code: "no such code", Verifier: "no such verifier", RedirectURI: pool.RedirectURI}); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
			t.Errorf("redeem = %+v, %v, want invalid_grant", tokens, err)
		}
	})
}

// verifyRS256 checks the tokens against the key set that the issuer publishes.
func verifyRS256(t *testing.T, pool *Pool, tokens ...string) {
	t.Helper()
	var set struct {
		Keys []struct{ Kid, Kty, Alg, N, E string }
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, pool.Issuer+"/.well-known/jwks.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := exchange(newClient(), req, &set); err != nil {
		t.Fatalf("key set: %v", err)
	}
	if len(set.Keys) != 1 || set.Keys[0].Kid != "CognitoLocal" || set.Keys[0].Kty != "RSA" {
		t.Fatalf("key set = %+v, want the one RSA key CognitoLocal", set)
	}
	integer := func(s string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(b)
	}
	key := &rsa.PublicKey{N: integer(set.Keys[0].N), E: int(integer(set.Keys[0].E).Int64())}
	for _, token := range tokens {
		expect(t, "header", part(t, token, 0), map[string]any{"alg": "RS256", "kid": "CognitoLocal"})
		at := strings.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.DecodeString(token[at+1:])
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256([]byte(token[:at]))
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature); err != nil {
			t.Errorf("signature of %.40q: %v", token, err)
		}
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	var address string
	t.Run("start", func(t *testing.T) {
		pool := Cognito(t)
		address = strings.TrimPrefix(pool.Domain, "http://")
	})
	if connection, err := net.Dial("tcp", address); err == nil {
		connection.Close()
		t.Errorf("%s still answers when the test is over", address)
	}
}

// sh is a stand-in for node in the tests of start.
func sh(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStart(t *testing.T) {
	t.Run("ends at once", func(t *testing.T) {
		p, err := start(t.Context(), sh(t), "/no/such/script", t.TempDir(), "ready")
		if p != nil || err == nil || !strings.Contains(err.Error(), "/no/such/script") {
			t.Errorf("start = %v, %v, want an error with what was printed", p, err)
		}
	})
	t.Run("not to be started", func(t *testing.T) {
		if p, err := start(t.Context(), "/no/such/program", "", t.TempDir(), "ready"); p != nil || err == nil {
			t.Errorf("start = %v, %v, want an error", p, err)
		}
	})
	t.Run("never ready", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if p, err := start(ctx, sh(t), "testdata/family.sh", ".", "never printed"); p != nil || err == nil || !strings.Contains(err.Error(), "not ready") {
			t.Errorf("start = %v, %v, want that it is not ready", p, err)
		}
	})
	t.Run("the child's children end too", func(t *testing.T) {
		p, err := start(t.Context(), sh(t), "testdata/family.sh", ".", "ready")
		if err != nil {
			t.Fatal(err)
		}
		p.stop() // returns when nobody holds the pipe any more, and the grandchild holds it too
		if err := syscall.Kill(p.group, 0); err != syscall.ESRCH {
			t.Errorf("child %d after stop: %v, want %v", p.group, err, syscall.ESRCH)
		}
	})
}

func TestFindSaysWhatToRun(t *testing.T) {
	if _, _, err := find(t.TempDir(), "cognito-local/lib/bin/start.js"); err == nil || !strings.Contains(err.Error(), "./test.sh") {
		t.Errorf("find in an empty tree = %v, want the line to run", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, _, err := find(".", "cognito-local/lib/bin/start.js"); err == nil || !strings.Contains(err.Error(), "./test.sh") {
		t.Errorf("find without node = %v, want the line to run", err)
	}
}
