package settings

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// load reads file (with no file at all when it is "") in a folder of its own.
func load(t *testing.T, file string, environ []string, flags map[string]string) (*Settings, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if file != "" {
		write(t, DefaultFile, file)
	}
	return Load(Sources{Environ: environ, Flags: flags})
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// lines is what Load finds wrong, as text.
func lines(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[Faults](err); !ok {
		t.Fatalf("Load returns a %T, want Faults", err)
	}
	return strings.Split(err.Error(), "\n")
}

func TestDefaults(t *testing.T) {
	for name, file := range map[string]string{
		"no file": "", "empty file": "\n", "comments": "# nothing\n", "empty sections": "tokens:\n# access_ttl: 5m\ncookie:\n",
		"empty document": "---\n", "byte order mark": "\xef\xbb\xbf# nothing\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := load(t, file, nil, nil)
			if err != nil {
				t.Fatalf("Load() = %v", err)
			}
			want := &Settings{
				Issuer: "http://127.0.0.1:8000/auth", Listen: "127.0.0.1:8000", AdminListen: "127.0.0.1:8001",
				Database: "sqlite:sallyport.db", Path: "/auth", CSRF: "auto",
				Cookie: Cookie{Name: "refresh_cookie", CSRFName: "CSRF_token", SameSite: "strict"}, Forward: Forward{CookieName: "sallyport_site"},
				Tokens: Tokens{AccessTTL: 5 * time.Minute, SessionTTL: 24 * time.Hour, IdleTTL: 24 * time.Hour, RetryWindow: 10 * time.Second,
					Alg: "ES256", ClientID: "sallyport", KeyRotation: 720 * time.Hour},
				Hook:     Hook{Timeout: 2 * time.Second},
				Password: Password{MinLength: 8}, Limits: Limits{Limit{10, 10 * time.Minute}, Limit{100, 10 * time.Minute}, Limit{120, time.Minute}, Limit{60, time.Minute}, 500}, EventRetention: 2160 * time.Hour,
				File:   got.File,
				Log:    Log{Level: "info"},
				places: map[string]Place{},
			}
			if diff := cmp.Diff(want, got, sameSettings); diff != "" {
				t.Errorf("Load() differs (-want +got):\n%s", diff)
			}
		})
	}
}

const everything = `
issuer: https://app.example.com/door
listen: 0.0.0.0:9000
admin_listen: "[::1]:9001"
database: sqlite:/data/app.db
secret:
  - the newest of two secrets, 32 bytes or more
  - the older of two secrets, 32 bytes or more
path: /door
cookie:
  name: r
  csrf_name: c
  salt: pepper
  domain: example.com
  same_site: none
  host_prefix: false
  insecure: false
csrf: token
trusted_origins: [https://spa.example.com]
trusted_proxies: [10.0.0.0/8, "::1"]
return_to: [https://spa.example.com/app]
tokens:
  access_ttl: 90s
  session_ttl: 720h
  idle_ttl: 48h
  retry_window: 5s
  alg: RS256
  key_rotation: 96h
  audience: [orders, "invoices"]
  audience_alg: {orders: ES256, invoices: EdDSA}
  client_id: shop
idps:
  - name: pool
    provider: cognito
    client_id: abc
    region: eu-central-1
    user_pool: eu-central-1_AbC
    linking: verified_email
    sync: false
    client_secret: hush
    domain: myapp
    scopes: [openid, email]
    logout_return_to: https://app.example.com/bye
  - name: other
    provider: oidc
    issuer: https://login.example.com
    client_id: def
    audiences: [ghi]
    jwks_uri: https://login.example.com/keys
    create_users: false
    require_verified_email: true
    require_nonce: true
    max_token_age: 1h
claims:
  user_attributes: [email, plan]
  template:
    role: web_${plan}
    https://hasura.io/jwt/claims:
      x-hasura-allowed-roles: ${groups}
      "x-hasura-default-role": 'user'
      levels: [1, 2.50, true, null, "3", [], {}]
  hook:
    url: https://hooks.example.com/claims?v=1
    secret: a key of the hook with 24 bytes or more
    timeout: 500ms
user_fields: [id]
user_uuid_attribute: subject
password:
  hash: argon2id,m=65536,t=3,p=4
  min_length: 12
  slots: 3
limits:
  account: 5/1m
  address: 1000/1h30m
  session: 30/10s
  login: 7/1m
  sessions: 77
events:
  retention: 8760h
forward:
  enabled: true
  cookie_name: site
  cookie_domain: example.com
  sign_in: /in
log:
  level: debug
  format: json
`

func TestEverySettingOfTheFile(t *testing.T) {
	got, err := load(t, everything, nil, nil)
	if err != nil {
		t.Fatalf("Load() = %v", err)
	}
	no, yes := false, true
	want := &Settings{
		Issuer: "https://app.example.com/door", Listen: "0.0.0.0:9000", AdminListen: "[::1]:9001", Database: "sqlite:/data/app.db",
		Secret: Secret{[]byte("the newest of two secrets, 32 bytes or more"), []byte("the older of two secrets, 32 bytes or more")},
		Path:   "/door", Cookie: Cookie{Name: "r", CSRFName: "c", Salt: "pepper", Domain: "example.com", SameSite: "none"}, Forward: Forward{true, "site", "example.com", "/in"},
		CSRF: "token", TrustedOrigins: []string{"https://spa.example.com"}, ReturnTo: []string{"https://spa.example.com/app"}, TrustedProxies: []string{"10.0.0.0/8", "::1"},
		Tokens: Tokens{AccessTTL: 90 * time.Second, SessionTTL: 720 * time.Hour, IdleTTL: 48 * time.Hour, RetryWindow: 5 * time.Second,
			Alg: "RS256", Audience: []string{"orders", "invoices"}, AudienceAlg: map[string]string{"orders": "ES256", "invoices": "EdDSA"}, ClientID: "shop", KeyRotation: 96 * time.Hour},
		IDPs: []IDP{
			{Name: "pool", Provider: "cognito", ClientID: "abc", ClientSecret: "hush", Linking: "verified_email", Region: "eu-central-1", UserPool: "eu-central-1_AbC", Domain: "myapp",
				Scopes: []string{"openid", "email"}, LogoutReturnTo: "https://app.example.com/bye", MaxTokenAge: 10 * time.Minute, Sync: &no},
			{Name: "other", Provider: "oidc", ClientID: "def", Linking: "deny", Audiences: []string{"ghi"}, Issuer: "https://login.example.com", JWKSURI: "https://login.example.com/keys",
				RequireNonce: true, MaxTokenAge: time.Hour, CreateUsers: &no, RequireVerifiedEmail: &yes},
		},
		ClaimTemplate: map[string]any{
			"role": "web_${plan}",
			"https://hasura.io/jwt/claims": map[string]any{
				"x-hasura-allowed-roles": "${groups}", "x-hasura-default-role": "user",
				"levels": []any{json.Number("1"), json.Number("2.50"), true, nil, "3", []any{}, map[string]any{}},
			},
		},
		UserAttributes: []string{"email", "plan"}, UserFields: []string{"id"}, UserUUIDAttribute: "subject",
		Hook:     Hook{URL: "https://hooks.example.com/claims?v=1", Secret: HookSecret("a key of the hook with 24 bytes or more"), Timeout: 500 * time.Millisecond},
		Password: Password{Hash: Hash{65536, 3, 4}, Slots: 3, MinLength: 12}, EventRetention: 8760 * time.Hour,
		Limits: Limits{Account: Limit{5, time.Minute}, Address: Limit{1000, 90 * time.Minute}, Session: Limit{30, 10 * time.Second}, Login: Limit{7, time.Minute}, Sessions: 77}, Log: Log{Level: "debug", Format: "json"},
		File:     DefaultFile,
		Warnings: []string{"cookie.domain: every host below example.com receives the refresh token; remove the setting unless several hosts need it"},
		places:   got.places,
	}
	if diff := cmp.Diff(want, got, sameSettings); diff != "" {
		t.Errorf("Load() differs (-want +got):\n%s", diff)
	}
	if got, want := got.Fault("idps[1].issuer", "no").Error(), "sallyport.yaml:46: idps[1].issuer: no"; got != want {
		t.Errorf("Fault() = %q, want %q", got, want)
	}
	if got, want := got.Fault("idps[0].name.x", "no").Error(), "sallyport.yaml:33: idps[0].name.x: no"; got != want {
		t.Errorf("Fault() = %q, want %q", got, want)
	}
}

// TestEveryVariable sets each setting that has an effect through the environment, to another value
// than its default.
func TestEveryVariable(t *testing.T) {
	environ := []string{
		"SALLYPORT_ISSUER=https://app.example.com", "SALLYPORT_LISTEN=:9000", "SALLYPORT_ADMIN_LISTEN=127.0.0.1:0", "SALLYPORT_DATABASE=sqlite:x",
		"SALLYPORT_SECRET=the newest of two secrets with 32 bytes, the older of two secrets with 32 bytes", "SALLYPORT_PATH=/",
		"SALLYPORT_COOKIE_NAME=r", "SALLYPORT_COOKIE_CSRF_NAME=c", "SALLYPORT_COOKIE_SALT=s", "SALLYPORT_COOKIE_DOMAIN=", "SALLYPORT_COOKIE_SAME_SITE=lax",
		"SALLYPORT_COOKIE_HOST_PREFIX=true", "SALLYPORT_COOKIE_INSECURE=false", "SALLYPORT_CSRF=token", "SALLYPORT_TRUSTED_ORIGINS=https://a.example, https://b.example", "SALLYPORT_TRUSTED_PROXIES=127.0.0.1, 2001:db8::/32,10.0.0.0/8",
		"SALLYPORT_TOKENS_ACCESS_TTL=1m", "SALLYPORT_TOKENS_SESSION_TTL=2h", "SALLYPORT_TOKENS_IDLE_TTL=1h", "SALLYPORT_TOKENS_RETRY_WINDOW=1s",
		"SALLYPORT_TOKENS_AUDIENCE=", `SALLYPORT_TOKENS_AUDIENCE_ALG={"https://app.example.com": "RS256"}`, `SALLYPORT_CLAIMS_TEMPLATE={"a": {"b": ["${id}", 1e3]}}`, "SALLYPORT_TOKENS_CLIENT_ID=42", "SALLYPORT_USER_FIELDS=id,email",
		`SALLYPORT_IDPS=[{"name": "a", "provider": "oidc", "issuer": "https://idp.example", "client_id": "x", "require_nonce": true, "audiences": ["y"]}]`,
		"SALLYPORT_TOKENS_ALG=EdDSA", "SALLYPORT_TOKENS_KEY_ROTATION=48h", "SALLYPORT_PASSWORD_HASH=argon2id,m=7168,t=5,p=1",
		"SALLYPORT_CLAIMS_HOOK_URL=http://127.0.0.1:9/claims", "SALLYPORT_CLAIMS_HOOK_SECRET=whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=", "SALLYPORT_CLAIMS_HOOK_TIMEOUT=1s",
		"SALLYPORT_CLAIMS_USER_ATTRIBUTES=email", "SALLYPORT_USER_UUID_ATTRIBUTE=u", "SALLYPORT_PASSWORD_SLOTS=2", "SALLYPORT_PASSWORD_MIN_LENGTH=15",
		"SALLYPORT_LIMITS_ACCOUNT=1/1s", "SALLYPORT_LIMITS_ADDRESS=1000000/24h", "SALLYPORT_LIMITS_SESSION=2/2s", "SALLYPORT_LIMITS_SESSIONS=7", "SALLYPORT_LIMITS_LOGIN=9/9s", "SALLYPORT_RETURN_TO=https://a.example/x,https://b.example", "SALLYPORT_EVENTS_RETENTION=24h",
		"SALLYPORT_FORWARD_ENABLED=true", "SALLYPORT_FORWARD_COOKIE_NAME=s", "SALLYPORT_FORWARD_COOKIE_DOMAIN=app.example.com", "SALLYPORT_FORWARD_SIGN_IN=https://a.example/x/in",
		"SALLYPORT_LOG_LEVEL=warn", "SALLYPORT_LOG_FORMAT=text",
		// What Kubernetes sets.
		"SALLYPORT_PORT=tcp://10.0.0.1:8000", "SALLYPORT_PORT_8000_TCP=tcp://10.0.0.1:8000", "SALLYPORT_PORT_8000_TCP_PROTO=tcp", "SALLYPORT_PORT_8000_TCP_PORT=8000",
		"SALLYPORT_PORT_8000_TCP_ADDR=10.0.0.1", "SALLYPORT_SERVICE_HOST=10.0.0.1", "SALLYPORT_SERVICE_PORT=8000", "SALLYPORT_SERVICE_PORT_HTTP=8000",
		"HOME=/", "not a variable",
	}
	got, err := load(t, "", environ, nil)
	if err != nil {
		t.Fatalf("Load() = %v", err)
	}
	want := &Settings{
		Issuer: "https://app.example.com", Listen: ":9000", AdminListen: "127.0.0.1:0", Database: "sqlite:x",
		Secret: Secret{[]byte("the newest of two secrets with 32 bytes"), []byte("the older of two secrets with 32 bytes")}, Path: "/",
		Cookie: Cookie{Name: "r", CSRFName: "c", Salt: "s", SameSite: "lax", HostPrefix: true}, Forward: Forward{true, "s", "app.example.com", "https://a.example/x/in"}, CSRF: "token",
		ReturnTo:       []string{"https://a.example/x", "https://b.example"},
		TrustedOrigins: []string{"https://a.example", "https://b.example"}, TrustedProxies: []string{"127.0.0.1", "2001:db8::/32", "10.0.0.0/8"},
		Tokens:         Tokens{AccessTTL: time.Minute, SessionTTL: 2 * time.Hour, IdleTTL: time.Hour, RetryWindow: time.Second, Alg: "EdDSA", Audience: []string{}, AudienceAlg: map[string]string{"https://app.example.com": "RS256"}, ClientID: "42", KeyRotation: 48 * time.Hour},
		IDPs:           []IDP{{Name: "a", Provider: "oidc", ClientID: "x", Linking: "deny", Issuer: "https://idp.example", Audiences: []string{"y"}, RequireNonce: true, MaxTokenAge: 10 * time.Minute}},
		ClaimTemplate:  map[string]any{"a": map[string]any{"b": []any{"${id}", json.Number("1e3")}}},
		UserAttributes: []string{"email"}, UserFields: []string{"id", "email"}, UserUUIDAttribute: "u",
		Hook:     Hook{URL: "http://127.0.0.1:9/claims", Secret: HookSecret("whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="), Timeout: time.Second},
		Password: Password{Hash: Hash{7168, 5, 1}, Slots: 2, MinLength: 15}, EventRetention: 24 * time.Hour,
		Limits: Limits{Account: Limit{1, time.Second}, Address: Limit{1_000_000, 24 * time.Hour}, Session: Limit{2, 2 * time.Second}, Login: Limit{9, 9 * time.Second}, Sessions: 7}, Log: Log{Level: "warn", Format: "text"},
		places: got.places,
	}
	if diff := cmp.Diff(want, got, sameSettings); diff != "" {
		t.Errorf("Load() differs (-want +got):\n%s", diff)
	}
}

func TestPrecedence(t *testing.T) {
	file := "listen: 127.0.0.1:1\nlog:\n  level: debug\n  format: text\n"
	environ := []string{"SALLYPORT_LISTEN=127.0.0.1:2", "SALLYPORT_LOG_FORMAT=json"}
	got, err := load(t, file, environ, map[string]string{"listen": "127.0.0.1:3"})
	if err != nil {
		t.Fatalf("Load() = %v", err)
	}
	if got.Listen != "127.0.0.1:3" || got.Log.Format != "json" || got.Log.Level != "debug" {
		t.Errorf("Load() = listen %q, log.format %q, log.level %q; want the flag's, the environment's, the file's", got.Listen, got.Log.Format, got.Log.Level)
	}
	if got.Issuer != "http://127.0.0.1:3/auth" {
		t.Errorf("Issuer = %q, want the one of the listen address that counts", got.Issuer)
	}
	if !got.Given("log.level") || got.Given("csrf") {
		t.Errorf("Given(log.level), Given(csrf) = %v, %v, want true, false", got.Given("log.level"), got.Given("csrf"))
	}
}

func TestNamedFile(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, DefaultFile, "csrf: token\n")
	write(t, "other.yaml", "log:\n  level: warn\n")
	got, err := Load(Sources{File: "other.yaml"})
	if err != nil || got.CSRF != "auto" || got.Log.Level != "warn" {
		t.Errorf("Load(other.yaml) = %v, %v, want what that file says and nothing of %s", got, err, DefaultFile)
	}
	_, err = Load(Sources{File: "missing.yaml"})
	if diff := cmp.Diff([]string{"missing.yaml: no such file or directory"}, lines(t, err)); diff != "" {
		t.Errorf("Load(missing.yaml) differs (-want +got):\n%s", diff)
	}
}

func TestValueFromFile(t *testing.T) {
	t.Chdir(t.TempDir())
	secret := "a secret of exactly 32 bytes ..."
	for name, tc := range map[string]struct{ content, want string }{
		"as it is":               {secret, secret},
		"one newline is cut":     {secret + "\n", secret},
		"of two newlines, one":   {secret + "\n\n", secret + "\n"},
		"a newline of Windows":   {secret + "\r\n", secret},
		"white space is kept":    {" " + secret + " ", " " + secret + " "},
		"thirty-two bytes count": {"\x00\x01\x02\x03\x04\x05\x06\x07" + strings.Repeat("\x00", 24), "\x00\x01\x02\x03\x04\x05\x06\x07" + strings.Repeat("\x00", 24)},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, "secret", tc.content)
			got, err := Load(Sources{Environ: []string{"SALLYPORT_SECRET_FILE=secret"}})
			if err != nil {
				t.Fatalf("Load() = %v", err)
			}
			if len(got.Secret) != 1 || string(got.Secret[0]) != tc.want {
				t.Errorf("Load() with %q in the file = %d secrets, the first %q, want %q", tc.content, len(got.Secret), got.Secret[0], tc.want)
			}
			if len(got.Warnings) != 0 {
				t.Errorf("Warnings = %q, want none", got.Warnings)
			}
		})
	}
}

func TestWarningsAboutReadableSecrets(t *testing.T) {
	t.Chdir(t.TempDir())
	secret := "a secret of exactly 32 bytes ..."
	write(t, "secret", secret)
	write(t, DefaultFile, "secret: "+secret+"\n")
	for _, name := range []string{"secret", DefaultFile} {
		if err := os.Chmod(name, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(Sources{Environ: []string{"SALLYPORT_SECRET_FILE=secret"}})
	if err != nil {
		t.Fatalf("Load() = %v", err)
	}
	want := []string{
		"sallyport.yaml holds a secret and can be read by everybody; chmod 600 sallyport.yaml",
		"the file that SALLYPORT_SECRET_FILE names can be read by everybody; chmod 600 it",
	}
	if diff := cmp.Diff(want, got.Warnings); diff != "" {
		t.Errorf("Warnings differ (-want +got):\n%s", diff)
	}
}

func TestWarnings(t *testing.T) {
	domain := "cookie.domain: every host below example.com receives the refresh token; remove the setting unless several hosts need it"
	everybody := "trusted_proxies: %s is everybody, so that anybody can choose the address that they seem to come from; name the proxies alone"
	weak := "password.hash: %s costs an attacker less than OWASP recommends; argon2id,m=19456,t=2,p=1 is the least"
	for _, tc := range []struct {
		name, file string
		want       []string
	}{
		{"nothing", "", nil},
		{"names that are nearly fields", "claims:\n  user_attributes: [emial, plan]\nuser_fields: [id, usrname]\n",
			[]string{`claims.user_attributes: "emial" is taken for an attribute; the field is called email`, `user_fields: "usrname" is taken for an attribute; the field is called username`}},
		{"names in a template that are nearly fields", "claims:\n  template:\n    role: {x: [\"${emial} ${plan}\"]}\n",
			[]string{`claims.template: "emial" is taken for an attribute; the field is called email`}},
		{"a secret of few characters", "secret: aaaaaaaabbbbbbbbaaaaaaaabbbbbbbb\n", []string{"secret: it has few different characters; take one from a secure source: openssl rand -base64 32"}},
		{"a variable that nobody replaces", "secret: ${THE_SECRET_OF_OUR_SIGN_IN_SERVER}\n", []string{"secret: it holds ${, which nothing replaces here; was a variable meant?"}},
		{"a parent domain", "issuer: https://app.example.com\ncookie:\n  domain: example.com\n", []string{domain}},
		{"the issuer's own host", "issuer: https://example.com\ncookie:\n  domain: example.com\n", []string{domain}},
		{"access tokens that outlive a session", "tokens:\n  access_ttl: 2h\n  session_ttl: 1h\n",
			[]string{"tokens.access_ttl: it is 2h, more than tokens.session_ttl, which is 1h: an access token ends with its session, so the rest has no effect"}},
		{"access tokens that live as long", "tokens:\n  access_ttl: 1h\n  session_ttl: 1h\n", nil},
		{"everybody is a proxy", "trusted_proxies: [10.0.0.0/8, 0.0.0.0/0, \"::/0\"]\n", []string{problemf(everybody, "0.0.0.0/0"), problemf(everybody, "::/0")}},
		{"half of everybody is a proxy", "trusted_proxies: [0.0.0.0/1]\n", nil},
		{"the default cost, written out", "password:\n  hash: argon2id,m=19456,t=2,p=1\n", nil},
		{"the most memory", "password:\n  hash: argon2id,m=47104,t=1,p=1\n", nil},
		{"the least memory", "password:\n  hash: argon2id,m=7168,t=5,p=1\n", nil},
		{"one pass less", "password:\n  hash: argon2id,m=7168,t=4,p=1\n", []string{problemf(weak, "argon2id,m=7168,t=4,p=1")}},
		{"one KiB less", "password:\n  hash: argon2id,m=19455,t=2,p=16\n", []string{problemf(weak, "argon2id,m=19455,t=2,p=16")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := load(t, tc.file, nil, nil)
			if err != nil {
				t.Fatalf("Load() = %v", err)
			}
			if diff := cmp.Diff(tc.want, s.Warnings); diff != "" {
				t.Errorf("Load(%q) warns differently (-want +got):\n%s", tc.file, diff)
			}
		})
	}
}

// TestKubernetes has the variables that a pod gets from a Service named sallyport
// (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables), and
// some that only look like them.
func TestKubernetes(t *testing.T) {
	for _, tc := range []struct {
		name       string
		variables  []string
		passedOver bool
	}{
		{"one port without a name", []string{
			"SALLYPORT_SERVICE_HOST=10.0.0.11", "SALLYPORT_SERVICE_PORT=8000", "SALLYPORT_PORT=tcp://10.0.0.11:8000",
			"SALLYPORT_PORT_8000_TCP=tcp://10.0.0.11:8000", "SALLYPORT_PORT_8000_TCP_PROTO=tcp", "SALLYPORT_PORT_8000_TCP_PORT=8000", "SALLYPORT_PORT_8000_TCP_ADDR=10.0.0.11",
		}, true},
		{"several ports with names", []string{
			"SALLYPORT_SERVICE_HOST=fd00::11", "SALLYPORT_SERVICE_PORT=8000", "SALLYPORT_SERVICE_PORT_HTTP=8000", "SALLYPORT_SERVICE_PORT_ADMIN_API=8001", "SALLYPORT_SERVICE_PORT_DNS2=53",
			"SALLYPORT_PORT=tcp://[fd00::11]:8000",
			"SALLYPORT_PORT_8000_TCP=tcp://[fd00::11]:8000", "SALLYPORT_PORT_8000_TCP_PROTO=tcp", "SALLYPORT_PORT_8000_TCP_PORT=8000", "SALLYPORT_PORT_8000_TCP_ADDR=fd00::11",
			"SALLYPORT_PORT_8001_TCP=tcp://[fd00::11]:8001", "SALLYPORT_PORT_8001_TCP_PROTO=tcp", "SALLYPORT_PORT_8001_TCP_PORT=8001", "SALLYPORT_PORT_8001_TCP_ADDR=fd00::11",
			"SALLYPORT_PORT_53_UDP=udp://[fd00::11]:53", "SALLYPORT_PORT_53_UDP_PROTO=udp", "SALLYPORT_PORT_53_UDP_PORT=53", "SALLYPORT_PORT_53_UDP_ADDR=fd00::11",
			"SALLYPORT_PORT_9_SCTP=sctp://[fd00::11]:9", "SALLYPORT_PORT_9_SCTP_PROTO=sctp", "SALLYPORT_PORT_9_SCTP_PORT=9", "SALLYPORT_PORT_9_SCTP_ADDR=fd00::11",
		}, true},
		{"no number", []string{"SALLYPORT_PORT_X_TCP=1"}, false},
		{"no protocol", []string{"SALLYPORT_PORT_8000=1"}, false},
		{"something else of a port", []string{"SALLYPORT_PORT_8000_TCP_HOST=1"}, false},
		{"something else of a service", []string{"SALLYPORT_SERVICE_NAME=1"}, false},
		{"no name of a port", []string{"SALLYPORT_SERVICE_PORT_=1"}, false},
		{"small letters", []string{"SALLYPORT_SERVICE_host=1"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := load(t, "", tc.variables, nil)
			if (err == nil) != tc.passedOver {
				t.Errorf("Load(%q) = %v, want passed over = %v", tc.variables, err, tc.passedOver)
			}
		})
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "file", "x")
	for name, want := range map[string]string{".": ".: is a directory", "file/x": "file/x: not a directory", "no\nsuch": "no\nsuch: no such file or directory"} {
		_, err := Load(Sources{File: name})
		faults, ok := errors.AsType[Faults](err)
		if !ok || faults.Error() != want {
			t.Errorf("Load(%q) = %v, want %v", name, err, want)
		}
		if got, want := faults.Long(), "sallyport: "+strings.ReplaceAll(want, "\n", "\uFFFD")+"\n"; got != want {
			t.Errorf("Load(%q) is explained as %q, want %q", name, got, want)
		}
	}
}

func TestIssuerAt(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  []string
		port int
		want string
	}{
		{"port 0", []string{"SALLYPORT_LISTEN=127.0.0.1:0"}, 4711, "http://127.0.0.1:4711/auth"},
		{"no path", []string{"SALLYPORT_LISTEN=localhost:0", "SALLYPORT_PATH=/"}, 4711, "http://localhost:4711"},
		{"IPv6", []string{"SALLYPORT_LISTEN=[::1]:0"}, 4711, "http://[::1]:4711/auth"},
		{"the default port", []string{"SALLYPORT_LISTEN=LOCALHOST:80"}, 80, "http://localhost/auth"},
		{"given", []string{"SALLYPORT_LISTEN=127.0.0.1:0", "SALLYPORT_ISSUER=https://app.example.com/x"}, 4711, "https://app.example.com/x"},
		{"fixed port", []string{"SALLYPORT_LISTEN=127.0.0.1:8000"}, 8000, "http://127.0.0.1:8000/auth"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := load(t, "", tc.env, nil)
			if err != nil {
				t.Fatalf("Load() = %v", err)
			}
			if got := s.IssuerAt(tc.port); got != tc.want {
				t.Errorf("IssuerAt(%d) = %q, want %q", tc.port, got, tc.want)
			}
		})
	}
}

func TestPathComesFromIssuer(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://a.example": "/", "https://a.example/auth": "/auth", "https://a.example/x/y": "/x/y", "http://localhost:3000/login": "/login",
	} {
		s, err := load(t, "", []string{"SALLYPORT_ISSUER=" + issuer}, nil)
		if err != nil || s.Path != want {
			t.Errorf("Load(issuer %q) = %v, %v, want path %q", issuer, s, err, want)
		}
	}
}

func TestSecretPrintsRedacted(t *testing.T) {
	for _, secret := range []any{Secret{[]byte("canary")}, HookSecret("canary")} {
		for _, format := range []string{"%v", "%+v", "%s", "%#v"} {
			if got := problemf(format, secret); got != "[redacted]" {
				t.Errorf("a %T prints as %q with %s, want [redacted]", secret, got, format)
			}
		}
	}
	if got := problemf("%+v", Settings{Secret: Secret{[]byte("canary")}, Hook: Hook{Secret: HookSecret("canary")}}); strings.Contains(got, "canary") || strings.Contains(got, "99 97 110") {
		t.Errorf("settings print as %q, want their secrets [redacted]", got)
	}
}

func TestFileIsBounded(t *testing.T) {
	name := filepath.Join(t.TempDir(), "large.yaml")
	write(t, name, strings.Repeat("#\n", maxFile))
	_, err := Load(Sources{File: name})
	if diff := cmp.Diff([]string{name + ": it is larger than 256 KiB"}, lines(t, err)); diff != "" {
		t.Errorf("Load() differs (-want +got):\n%s", diff)
	}
}

// sameSettings leaves the excerpts aside, which have tests of their own.
var sameSettings = cmp.Options{cmp.AllowUnexported(Settings{}), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".excerpts" }, cmp.Ignore())}

// TestContentOfAWrongFile: the file of a secret, named by the variable of another setting, is not shown.
func TestContentOfAWrongFile(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "secret", "CANARY@0123456789")
	var environ []string
	for _, name := range []string{"ISSUER", "CSRF", "TRUSTED_ORIGINS", "TRUSTED_PROXIES", "COOKIE_NAME", "TOKENS_ACCESS_TTL"} {
		environ = append(environ, "SALLYPORT_"+name+"_FILE=secret")
	}
	_, err := Load(Sources{Environ: environ})
	write(t, "escaped", `hunter2\Zq9`)
	write(t, "number", "83619274")
	write(t, "origin", "https://hunter2/x")
	write(t, "proxy", "83.61.92.74/8")
	_, other := Load(Sources{Environ: []string{"SALLYPORT_LOG_LEVEL_FILE=escaped", "SALLYPORT_PASSWORD_SLOTS_FILE=number", "SALLYPORT_TRUSTED_ORIGINS_FILE=origin", "SALLYPORT_TRUSTED_PROXIES_FILE=proxy"}})
	if diff := cmp.Diff([]string{
		"SALLYPORT_LOG_LEVEL_FILE: want debug, info, warn, error; not this value",
		"SALLYPORT_PASSWORD_SLOTS_FILE: it is out of bounds, want between 0 and 1024",
		"SALLYPORT_TRUSTED_ORIGINS_FILE: this value: an origin has no path, query or user; write https://host",
		"SALLYPORT_TRUSTED_PROXIES_FILE: this value: there are bits behind the prefix; write the prefix",
	}, lines(t, other)); diff != "" {
		t.Errorf("Load() differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"SALLYPORT_COOKIE_NAME_FILE: this value is no cookie name (RFC 6265 §4.1.1)",
		"SALLYPORT_CSRF_FILE: want auto, token; not this value",
		"SALLYPORT_ISSUER_FILE: it is not an absolute URL",
		"SALLYPORT_TOKENS_ACCESS_TTL_FILE: want a duration such as 30s, 5m or 24h",
		"SALLYPORT_TRUSTED_ORIGINS_FILE: it is no origin; write https://host or https://host:port",
		"SALLYPORT_TRUSTED_PROXIES_FILE: it is no address and no prefix; write one such as 10.0.0.0/8 or 192.0.2.1",
	}, lines(t, err)); diff != "" {
		t.Errorf("Load() differs (-want +got):\n%s", diff)
	}
}
