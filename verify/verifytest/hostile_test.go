package verifytest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func verifier(t *testing.T, i *verifytest.Issuer, r verify.Revocation) *verify.Verifier {
	t.Helper()
	v, err := verify.New(verify.Config{Issuer: i.URL(), Audience: i.Audience(), Revocation: r, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVM_01_02_04_05_07_10_OurVerifierIsNotFooled(t *testing.T) {
	for _, algorithm := range []string{"ES256", "EdDSA", "RS256"} {
		for name, mode := range map[string]verify.Revocation{"stateless": verify.Stateless, "feed": verify.Feed, "online": verify.Online} {
			t.Run(algorithm+" "+name, func(t *testing.T) {
				i := verifytest.New(t, verifytest.Config{Algorithm: algorithm})
				v := verifier(t, i, mode)
				i.Hostile(t, v.Require(http.HandlerFunc(ok), verify.Scope("orders:read")), "POST", "/orders?x=y", verifytest.Scope("orders:read orders:write"))
			})
		}
	}
}

// recorder is a test that is allowed to fail.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// lax verifies a token as well as our verifier does, after it has mended what a lax one would overlook.
func lax(v *verify.Verifier, mend func(r *http.Request) (token string)) http.Handler {
	strict := v.Require(http.HandlerFunc(ok))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := mend(r); token != "" {
			r.Header["Authorization"] = []string{"Bearer " + token}
		}
		strict.ServeHTTP(w, r)
	})
}

// bearer is what a lax service reads of the header.
func bearer(r *http.Request) string {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return token
}

// part decodes a part of a token; nil when it is none.
func part(token string, n int) (members map[string]any) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[n])
	if err != nil || json.Unmarshal(data, &members) != nil {
		return nil
	}
	return members
}

// TestBrokenServicesAreFound: each is right but for one thing, and one that believes everything.
func TestBrokenServicesAreFound(t *testing.T) {
	i := verifytest.New(t, verifytest.Config{})
	v := verifier(t, i, verify.Stateless)
	reissue := func(claims map[string]any, without ...string) string { // what the service takes for the token's claims, made good
		var opts []verifytest.Option
		for name, value := range claims {
			opts = append(opts, verifytest.Claim(name, value))
		}
		for _, name := range without {
			switch name {
			case "aud":
				opts = append(opts, verifytest.Claim("aud", i.Audience()))
			case "iss":
				opts = append(opts, verifytest.Claim("iss", i.URL()))
			case "exp":
				opts = append(opts, verifytest.Claim("exp", 9_999_999_999))
			}
		}
		return i.Token(opts...)
	}
	for name, c := range map[string]struct {
		service http.Handler
		found   string // in a failure
	}{
		"believes everything": {http.HandlerFunc(ok), "no Authorization"},
		"believes a header": {lax(v, func(r *http.Request) string {
			if r.Header.Get("Remote-User") != "" {
				return i.Token()
			}
			return ""
		}), "Remote-User"},
		"does not verify signatures": {lax(v, func(r *http.Request) string {
			if claims := part(bearer(r), 1); claims != nil && part(bearer(r), 0)["typ"] == "at+jwt" {
				return reissue(claims)
			}
			return ""
		}), "published nowhere"},
		"takes alg none": {lax(v, func(r *http.Request) string {
			if alg, _ := part(bearer(r), 0)["alg"].(string); strings.EqualFold(alg, "none") {
				return reissue(part(bearer(r), 1))
			}
			return ""
		}), "alg none"},
		"lets the token choose HMAC": {lax(v, func(r *http.Request) string {
			if part(bearer(r), 0)["alg"] == "HS256" {
				return reissue(part(bearer(r), 1))
			}
			return ""
		}), "HS256"},
		"does not look at aud": {lax(v, func(r *http.Request) string {
			if claims := part(bearer(r), 1); claims["aud"] == "another" {
				return reissue(claims, "aud")
			}
			return ""
		}), "another audience"},
		"does not look at iss": {lax(v, func(r *http.Request) string {
			if claims := part(bearer(r), 1); claims["iss"] == "https://other.example/auth" {
				return reissue(claims, "iss")
			}
			return ""
		}), "another issuer"},
		"does not look at typ": {lax(v, func(r *http.Request) string {
			if part(bearer(r), 0)["typ"] == "refresh+jwt" {
				return reissue(part(bearer(r), 1))
			}
			return ""
		}), "refresh token"},
		"does not look at crit": {lax(v, func(r *http.Request) string {
			if _, has := part(bearer(r), 0)["crit"]; has {
				return reissue(part(bearer(r), 1))
			}
			return ""
		}), "crit"},
		"does not look at exp": {lax(v, func(r *http.Request) string {
			if claims := part(bearer(r), 1); claims != nil && part(bearer(r), 0)["kid"] == "key-1" {
				return reissue(claims, "exp")
			}
			return ""
		}), "expired"},
		"takes the first of two headers": {lax(v, func(r *http.Request) string {
			if len(r.Header["Authorization"]) > 1 {
				return bearer(r)
			}
			return ""
		}), "two Authorization headers"},
		"trims":           {lax(v, func(r *http.Request) string { return strings.TrimSpace(bearer(r)) }), "white space"},
		"reads the query": {lax(v, func(r *http.Request) string { return r.URL.Query().Get("access_token") }), "query"},
		"reads base64 loosely": {lax(v, func(r *http.Request) string {
			if token := bearer(r); len(strings.Split(token, ".")) == 3 {
				return strings.TrimRight(token, "=")
			}
			return ""
		}), "padding"},
		"refuses what is good": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
		}), "a good token"},
		"answers 500": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if bearer(r) == "" {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			v.Require(http.HandlerFunc(ok)).ServeHTTP(w, r)
		}), "500"},
		"has no challenge": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if bearer(r) == "" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			v.Require(http.HandlerFunc(ok)).ServeHTTP(w, r)
		}), "WWW-Authenticate"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{TB: t}
			i.Hostile(r, c.service, "GET", "/")
			if !strings.Contains(strings.Join(r.failures, "\n"), c.found) {
				t.Errorf("nothing about %q is reported: %q", c.found, r.failures)
			}
		})
	}
}
