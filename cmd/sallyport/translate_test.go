package main

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
	"github.com/sallyport-auth/sallyport/idp"
)

// TestExplainStart lets the constructors find faults, and expects them under the names of the settings.
func TestExplainStart(t *testing.T) {
	t.Chdir(t.TempDir())
	file := "tokens:\n  access_ttl: 5m\nidps:\n  - name: a\n    provider: oidc\n    client_id: x\n    issuer: https://a.example\n  - name: b\n    provider: cognito\n    client_id: x\n    region: eu-central-1\n    user_pool: eu-central-1_A\n"
	if err := os.WriteFile(settings.DefaultFile, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := settings.Load(settings.Sources{})
	if err != nil {
		t.Fatal(err)
	}
	store := openStore(t, "app.db")
	good := sallyport.Config{Issuer: "http://127.0.0.1:8000/auth", Store: store, Secret: make([]byte, 32)}
	service := func(change func(*sallyport.Config)) error {
		cfg := good
		change(&cfg)
		_, err := sallyport.New(cfg)
		return err
	}
	svc, err := sallyport.New(good)
	if err != nil {
		t.Fatal(err)
	}
	handler := func(cfg authhttp.Config) error {
		_, err := authhttp.New(svc, cfg)
		return err
	}
	for _, tc := range []struct {
		name string
		err  error
		want []string
	}{
		{"service", service(func(c *sallyport.Config) {
			c.Issuer, c.Audience, c.AccessTTL = "http://app.example.com", []string{""}, 1
			c.Secret, c.OldSecrets, c.UserAttributes = nil, [][]byte{nil}, []string{"sub"}
		}), []string{
			"issuer: http is for loopback hosts only; want https://app.example.com",
			"secret: it has 0 bytes, want at least 32 from a secure source",
			"secret: it has 0 bytes, want at least 32 from a secure source",
			"tokens.audience: it holds an empty name",
			`claims.user_attributes: "sub" is a claim of every access token already`,
			"sallyport.yaml:2: tokens.access_ttl: it is 1ns, want between 1s and 24h0m0s",
		}},
		{"providers", service(func(c *sallyport.Config) {
			c.Providers = []sallyport.Provider{idp.OIDC{Name: "a", Issuer: "ftp://a.example"}, idp.Cognito{Name: "b", ClientID: "x", Region: "x", UserPool: "y"}}
		}), []string{
			"sallyport.yaml:6: idps[0].client_id: it is missing",
			`sallyport.yaml:7: idps[0].issuer: "ftp://a.example": want https, or http on a loopback host`,
			`sallyport.yaml:11: idps[1].region: "x" is no AWS region such as eu-central-1`,
			`sallyport.yaml:12: idps[1].user_pool: "y" is no user pool id such as eu-central-1_AbCdEfGhI`,
		}},
		{"two providers with one name", service(func(c *sallyport.Config) {
			c.Providers = []sallyport.Provider{idp.OIDC{Name: "a", ClientID: "x", Issuer: "https://a.example"}, idp.OIDC{Name: "a", ClientID: "x", Issuer: "https://b.example"}}
		}), []string{`sallyport.yaml:8: idps[1].name: there are two providers with the name "a"`}},
		{"handler", handler(authhttp.Config{CSRF: "x", TrustedOrigins: []string{"*"}, TrustedProxies: prefixes([]string{"10.0.0.0/8", "x"}), Cookie: authhttp.CookieConfig{Domain: "x.example"}}), []string{
			`csrf: it is "x", want "auto" or "token"`,
			`trusted_origins: wildcards are not supported; name each origin`,
			"trusted_proxies: it is no address and no prefix; write one such as 10.0.0.0/8 or 192.0.2.1",
			"cookie.domain: the host of the issuer is an address, which lies in no domain; remove it",
		}},
		{"another secret", service(func(c *sallyport.Config) { c.Secret = []byte("another secret of thirty-two bytes") }),
			[]string{"serve: the database was made under another secret; set the secret that it was made with, or put its .secret file back; if it is lost, see sallyport keys rotate --help"}},
		{"anything else", errors.New("sallyport: the dog ate it"), []string{"serve: the dog ate it"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.err == nil {
				t.Fatal("the constructor found no fault")
			}
			got := explainStart("serve", s, tc.err)
			var lines []string
			if faults, ok := errors.AsType[settings.Faults](got); ok {
				for _, fault := range faults {
					lines = append(lines, fault.Error())
				}
			} else {
				lines = []string{fmt.Sprint(got)}
			}
			if diff := cmp.Diff(tc.want, lines); diff != "" {
				t.Errorf("explainStart(%q) differs (-want +got):\n%s", tc.err, diff)
			}
		})
	}
}
