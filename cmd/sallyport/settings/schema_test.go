package settings

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	yaml "github.com/goccy/go-yaml"
	"github.com/google/jsonschema-go/jsonschema"
)

var update = flag.Bool("update", false, "write schema.json anew")

func TestSchemaFile(t *testing.T) {
	const name = "schema.json"
	if *update {
		if err := os.WriteFile(name, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, Schema()) {
		t.Errorf("%s is not what the table says; run go generate ./cmd/sallyport/settings", name)
	}
}

// resolved is the schema as an implementation that is not ours understands it. It checks the
// defaults against their own schemas.
func resolved(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	schema := new(jsonschema.Schema)
	if err := json.Unmarshal(Schema(), schema); err != nil {
		t.Fatal(err)
	}
	r, err := schema.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// valid asks the schema about a file, of which it gets what an editor makes of YAML.
func valid(t *testing.T, schema *jsonschema.Resolved, file string) error {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(file))
	if err != nil {
		t.Fatalf("%v in %q", err, file)
	}
	var value any
	if err := json.Unmarshal(asJSON, &value); err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

// TestSchema holds the schema against Load: both accept or both refuse.
func TestSchema(t *testing.T) {
	schema := resolved(t)
	for _, tc := range []struct {
		name, file string
		want       bool
	}{
		{"everything", everything, true},
		{"the template", string(Template()), true},
		{"the template with every comment taken away", uncommented(Template()), true},
		{"an empty section", "tokens:\nclaims:\n  hook:\n", true},
		{"one secret", "secret: " + strings.Repeat("s", 32) + "\n", true},
		{"several secrets", "secret: [" + strings.Repeat("s", 32) + ", " + strings.Repeat("t", 32) + "]\n", true},
		{"forward auth", "forward: {enabled: true, cookie_name: site, sign_in: /in}\n", true},
		{"a sign-in page elsewhere", "forward: {sign_in: \"https://app.example.com/in\"}\n", true},
		{"cognito in an emulator", "idps: [{name: a, provider: cognito, client_id: x, issuer: \"http://localhost:9229/pool\"}]\n", true},
		{"durations", "tokens: {access_ttl: 1h30m, session_ttl: +24h, idle_ttl: 1.5h, retry_window: 1500ms}\n", true},

		{"misspelt key", "tokens: {access_ttll: 5m}\n", false},
		{"misspelt section", "token: {access_ttl: 5m}\n", false},
		{"misspelt member", "idps: [{name: a, provider: oidc, client_id: x, issuer: \"https://a.example\", clientid: x}]\n", false},
		{"number for text", "tokens: {client_id: 5}\n", false},
		{"text for a number", "password: {slots: \"4\"}\n", false},
		{"number out of range", "password: {slots: 1025}\n", false},
		{"text for a truth", "cookie: {insecure: \"true\"}\n", false},
		{"text for a list", "trusted_origins: https://a.example\n", false},
		{"text for a section", "tokens: 5m\n", false},
		{"list for a section", "tokens: [5m]\n", false},
		{"nothing for text", "issuer:\n", false},
		{"unknown word", "csrf: maybe\n", false},
		{"days", "tokens: {access_ttl: 1d}\n", false},
		{"number for a duration", "tokens: {access_ttl: 300}\n", false},
		{"short secret", "secret: short\n", false},
		{"short secret among several", "secret: [" + strings.Repeat("s", 32) + ", short]\n", false},
		{"no secret", "secret: []\n", false},
		{"short hook secret", "claims: {hook: {url: \"https://a.example\", secret: short}}\n", false},
		{"hook with a fragment", "claims: {hook: {url: \"https://a.example/#x\", secret: " + strings.Repeat("s", 24) + "}}\n", false},
		{"path with a slash at the end", "path: /auth/\n", false},
		{"address without a port", "listen: localhost\n", false},
		{"another database", "database: mysql://db\n", false},
		{"wildcard origin", "trusted_origins: [\"https://*.example.com\"]\n", false},
		{"origin with a path", "trusted_origins: [\"https://a.example/x\"]\n", false},
		{"empty item", "user_fields: [\"\"]\n", false},
		{"name of a cookie", "cookie: {name: \"a b\"}\n", false},
		{"another hash", "password: {hash: bcrypt}\n", false},
		{"google", "idps: [{name: a, provider: google, client_id: x}]\n", true},
		{"entra without tenants", "idps: [{name: a, provider: entra, client_id: x}]\n", false},
		{"github without a secret", "idps: [{name: a, provider: github, client_id: x}]\n", false},
		{"google with tenants", "idps: [{name: a, provider: google, client_id: x, tenants: [9188040d-6c67-4c5b-b112-36a304b66dad]}]\n", false},
		{"apple with a secret", "idps: [{name: a, provider: apple, client_id: x, client_secret: y}]\n", false},
		{"github with a nonce", "idps: [{name: a, provider: github, client_id: x, client_secret: y, require_nonce: true}]\n", false},
		{"apple for exchanges alone", "idps: [{name: a, provider: apple, client_id: x}]\n", true},
		{"apple without a key", "idps: [{name: a, provider: apple, client_id: x, team_id: T}]\n", false},
		{"one endpoint of two", "idps: [{name: a, provider: oidc, client_id: x, issuer: \"https://a.example\", token_endpoint: \"https://a.example/token\"}]\n", false},
		{"another provider", "idps: [{name: a, provider: okta, client_id: x}]\n", false},
		{"provider without a client", "idps: [{name: a, provider: oidc, issuer: \"https://a.example\"}]\n", false},
		{"oidc without an issuer", "idps: [{name: a, provider: oidc, client_id: x}]\n", false},
		{"cognito without a pool", "idps: [{name: a, provider: cognito, client_id: x, region: eu-central-1}]\n", false},
		{"algorithms", "tokens: {audience: [a, b], audience_alg: {a: RS256, b: EdDSA}}\n", true},
		{"another algorithm", "tokens: {audience: [a], audience_alg: {a: HS256}}\n", false},
		{"a number for an algorithm", "tokens: {audience: [a], audience_alg: {a: 1}}\n", false},
		{"nothing for an algorithm", "tokens: {audience: [a], audience_alg: {a: }}\n", false},
		{"a list of algorithms", "tokens: {audience: [a], audience_alg: [RS256]}\n", false},
		{"claims by template", "claims: {template: {role: user, x: {y: [1, null, \"${id}\"]}}}\n", true},
		{"text for a template", "claims: {template: role}\n", false},
		{"a list for a template", "claims: {template: [role]}\n", false},
		{"return_to", "return_to: [https://app.example.com/]\n", true},
		{"a sign-in page that is no path", "forward: {sign_in: in}\n", false},
		{"a sign-in page of anybody", "forward: {sign_in: //evil.example}\n", false},
		{"a limit", "limits: {account: 5/1m}\n", true},
		{"no limit", "limits: {account: 5}\n", false},
		{"proxies", "trusted_proxies: [10.0.0.1, 10.0.0.0/8, ::1, \"2001:DB8::/32\", \"::/0\"]\n", true},
		{"name of a proxy", "trusted_proxies: [proxy.example.com]\n", false},
		{"port of a proxy", "trusted_proxies: [\"[::1]:80\"]\n", false},
		{"text for proxies", "trusted_proxies: 10.0.0.1\n", false},
		{"list at the root", "[csrf]\n", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := valid(t, schema, tc.file); (err == nil) != tc.want {
				t.Errorf("the schema says %v, want valid = %v", err, tc.want)
			}
			if _, err := load(t, tc.file, nil, nil); (err == nil) != tc.want {
				t.Errorf("Load() = %v, want valid = %v", err, tc.want)
			}
		})
	}
}
