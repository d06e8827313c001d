package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// byKey is what Values gives, by key.
func byKey(t *testing.T, s *Settings) map[string]Value {
	t.Helper()
	values := map[string]Value{}
	for _, v := range s.Values() {
		if _, twice := values[v.Key]; twice {
			t.Errorf("Values() has %s twice", v.Key)
		}
		values[v.Key] = v
	}
	return values
}

func TestValues(t *testing.T) {
	secret := strings.Repeat("CANARY", 6)
	file := `tokens:
  session_ttl: 90m
cookie: {salt: CANARY}
idps:
  - {name: pool, provider: cognito, client_id: x, region: eu-central-1, user_pool: eu-central-1_A}
  - name: other
    provider: oidc
    client_id: x
    issuer: https://idp.example
    create_users: false
claims:
  template: {role: "${plan}"}
  hook:
    url: https://hooks.example.com/claims?token=CANARY
    secret: ` + secret + "\n"
	environ := []string{"SALLYPORT_SECRET=" + secret, "SALLYPORT_TRUSTED_ORIGINS=https://a.example,https://b.example", "SALLYPORT_PASSWORD_SLOTS=4"}
	s, err := load(t, file, environ, map[string]string{"issuer": "https://app.example.com/door"})
	if err != nil {
		t.Fatalf("Load() = %v", err)
	}
	got := byKey(t, s)
	for _, want := range []Value{
		{"issuer", "https://app.example.com/door", "--issuer"},
		{"path", "/door", "derived from issuer"},
		{"listen", "127.0.0.1:8000", "default"},
		{"database", "sqlite:sallyport.db", "default"},
		{"secret", "***", "SALLYPORT_SECRET"},
		{"cookie.salt", "***", "sallyport.yaml:3"},
		{"cookie.host_prefix", false, "default"},
		{"trusted_origins", []string{"https://a.example", "https://b.example"}, "SALLYPORT_TRUSTED_ORIGINS"},
		{"tokens.session_ttl", "1h30m", "sallyport.yaml:2"},
		{"tokens.idle_ttl", "1h30m", "derived from tokens.session_ttl"},
		{"tokens.retry_window", "10s", "default"},
		{"tokens.audience", []string{"https://app.example.com/door"}, "derived from issuer"},
		{"idps[0].provider", "cognito", "sallyport.yaml:5"},
		{"idps[0].region", "eu-central-1", "sallyport.yaml:5"},
		{"idps[0].require_verified_email", false, "default"},
		{"idps[1].create_users", false, "sallyport.yaml:10"},
		{"idps[1].require_verified_email", true, "default"},
		{"idps[1].linking", "deny", "default"},
		{"idps[1].audiences", []string{}, "default"},
		{"claims.template", map[string]any{"role": "${plan}"}, "sallyport.yaml:12"},
		{"tokens.audience_alg", map[string]string{}, "default"},
		{"claims.hook.url", "https://hooks.example.com/***", "sallyport.yaml:14"},
		{"claims.hook.secret", "***", "sallyport.yaml:15"},
		{"password.hash", "argon2id", "default"},
		{"password.slots", 4, "SALLYPORT_PASSWORD_SLOTS"},
		{"log.format", "", "default"},
	} {
		if diff := cmp.Diff(want, got[want.Key]); diff != "" {
			t.Errorf("Values() differs in %s (-want +got):\n%s", want.Key, diff)
		}
	}
	for _, absent := range []string{"idps", "idps[1].region", "idps[0].jwks_uri", "idps[0].tenants", "idps[1].domain"} {
		if v, found := got[absent]; found {
			t.Errorf("Values() has %v, want no %s", v, absent)
		}
	}
	if strings.Contains(problemf("%v", got), "CANARY") {
		t.Errorf("Values() = %v, which shows a secret", got)
	}
}

func TestValuesOfNothing(t *testing.T) {
	s, err := load(t, "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := byKey(t, s)
	for _, row := range table {
		v, found := got[row.key]
		if !found {
			t.Errorf("Values() lacks %s", row.key)
		}
		if v.Origin != "default" && !strings.HasPrefix(v.Origin, "derived from ") {
			t.Errorf("the origin of %s is %q, want default or derived", row.key, v.Origin)
		}
	}
	for key, want := range map[string]string{
		"issuer": "derived from listen and path", "path": "default", "tokens.audience": "derived from issuer", "tokens.idle_ttl": "default",
		"secret": "derived from database, beside which it lies in sallyport.db.secret",
	} {
		if got[key].Origin != want {
			t.Errorf("the origin of %s is %q, want %q", key, got[key].Origin, want)
		}
	}
}

func TestBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{
		5 * time.Minute: "5m", 24 * time.Hour: "24h", 90 * time.Minute: "1h30m", 10 * time.Second: "10s", 100 * time.Second: "1m40s",
		time.Hour + time.Second: "1h0m1s", 1500 * time.Millisecond: "1.5s", 0: "0s",
	} {
		if got := brief(d); got != want {
			t.Errorf("brief(%d) = %q, want %q", d, got, want)
		}
	}
}

// Of a database URL neither the list of settings nor the log at the start shows more than the hosts.
func TestDatabaseShown(t *testing.T) {
	for _, tc := range []struct{ database, want string }{
		{"postgres://app:CANARY@db.example/CANARY?application_name=CANARY", "postgres://db.example/***"},
		{"postgres://app:CANARY%2F%3F%23%40@one:5432,two:5433/app", "postgres://one:5432,two:5433/***"},
		{"postgres://app:CANARY@/app", "postgres:///***"},
		{"postgres://app:CANARY@/app?host=/run/postgresql", "postgres:///***"},
		{"postgres:///app?password=CANARY", "postgres:///***"},
		{"sqlite:/data/app.db", "sqlite:/data/app.db"},
	} {
		s, err := load(t, "", []string{"SALLYPORT_SECRET=" + strings.Repeat("s", 32)}, map[string]string{"database": tc.database})
		if err != nil {
			t.Errorf("Load() with %q = %v", tc.database, err)
			continue
		}
		if got := s.DatabaseShown(); got != tc.want {
			t.Errorf("DatabaseShown() of %q = %q, want %q", tc.database, got, tc.want)
		}
		if got := byKey(t, s)["database"].Value; got != tc.want {
			t.Errorf("Values() has database = %q for %q, want %q", got, tc.database, tc.want)
		}
	}
}
