package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sallyport-auth/sallyport/idptest"
)

// publicIssuer is where a proxy in front of the server would be: providers know it before the server has a port.
const publicIssuer = "http://localhost:8000/auth"

// loginServer is a server with one provider, named like its kind.
type loginServer struct {
	*process
	dir, name string
	provider  *idptest.Provider
	secrets   []string // that no output may hold
}

// at are the settings that make a client of a provider, by the provider's kind.
var at = map[idptest.Personality]func(*idptest.Provider) map[string]any{
	idptest.Plain: func(p *idptest.Provider) map[string]any {
		return map[string]any{"provider": "oidc", "issuer": p.Issuer()}
	},
	idptest.Cognito: func(p *idptest.Provider) map[string]any {
		return map[string]any{"provider": "cognito", "issuer": p.Issuer(), "authorization_endpoint": p.URL(idptest.Authorize), "token_endpoint": p.URL(idptest.Token)}
	},
	idptest.Google: func(p *idptest.Provider) map[string]any {
		return map[string]any{"provider": "google", "issuer": p.Issuer()}
	},
	idptest.Entra: func(p *idptest.Provider) map[string]any {
		return map[string]any{"provider": "entra", "tenants": []string{loginTenant}, "issuer": strings.Replace(p.Issuer(), loginTenant, "{tenantid}", 1)}
	},
	idptest.Apple: func(p *idptest.Provider) map[string]any {
		return map[string]any{"provider": "apple", "issuer": p.Issuer(), "team_id": "TEAM123456", "key_id": "KEY1234567", "private_key": string(p.AppleKeyPEM())}
	},
	idptest.GitHub: func(p *idptest.Provider) map[string]any {
		return map[string]any{"provider": "github", "issuer": p.BaseURL()}
	},
}

const loginTenant = "6f1d2c3b-4a59-4687-8796-a5b4c3d2e1f0"

// serveLogins starts a provider and a server that knows it from SALLYPORT_IDPS, or from a file of YAML.
func serveLogins(t *testing.T, kind idptest.Personality, inFile bool, environ ...string) loginServer {
	t.Helper()
	name := string(kind)
	secret := rand.Text()
	cfg := idptest.Config{Personality: kind, RedirectURIs: []string{publicIssuer + "/callback/" + name + "/"}}
	if kind != idptest.Apple {
		cfg.ClientSecret = secret
	}
	if kind == idptest.Entra {
		cfg.Tenants = []string{loginTenant}
	}
	s := loginServer{dir: t.TempDir(), name: name, provider: idptest.New(t, cfg), secrets: []string{secret}}
	entry := at[kind](s.provider)
	entry["name"], entry["client_id"] = name, s.provider.ClientID()
	if kind == idptest.Apple {
		s.secrets = strings.Fields(string(s.provider.AppleKeyPEM()))[3:5] // lines of the key, past "-----BEGIN PRIVATE KEY-----"
	} else {
		entry["client_secret"] = secret
	}
	environ = append([]string{quickExit, "HOME=" + s.dir, "SALLYPORT_ISSUER=" + publicIssuer}, environ...)
	if inFile {
		writeYAML(t, filepath.Join(s.dir, "sallyport.yaml"), entry)
	} else {
		idps, err := json.Marshal([]any{entry})
		if err != nil {
			t.Fatal(err)
		}
		environ = append(environ, "SALLYPORT_IDPS="+string(idps))
	}
	for _, args := range [][]string{{"config", "print"}, {"config", "check", "--json"}} {
		if printed := s.run(t, environ, args...); s.holdsSecret(printed) {
			t.Errorf("sallyport %v prints a secret:\n%s", args, printed)
		}
	}
	var err error
	if s.process, err = startServer(s.dir, environ); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if code := s.stop(syscall.SIGTERM); code != 0 {
			t.Errorf("sallyport serve ended with status %d:\n%s", code, s.log())
		}
		if s.holdsSecret(s.log()) {
			t.Error("the log holds a secret")
		}
	})
	return s
}

// writeYAML writes an entry as a person does: a key of several lines as a block.
func writeYAML(t *testing.T, file string, entry map[string]any) {
	t.Helper()
	lines := []string{"idps:", fmt.Sprintf("  - name: %v", entry["name"])}
	for key, value := range entry {
		text, isText := value.(string)
		switch {
		case key == "name":
		case isText && strings.Contains(text, "\n"):
			lines = append(lines, "    "+key+": |")
			for line := range strings.Lines(text) {
				lines = append(lines, "      "+strings.TrimSuffix(line, "\n"))
			}
		default:
			encoded, err := json.Marshal(value) // which is YAML
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, fmt.Sprintf("    %s: %s", key, encoded))
		}
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs a command beside the server and returns all that it prints.
func (s loginServer) run(t *testing.T, environ []string, args ...string) string {
	t.Helper()
	command := exec.Command("sallyport", args...)
	command.Dir, command.Env = s.dir, environ
	printed, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("sallyport %v = %v\n%s", args, err, printed)
	}
	return string(printed)
}

func (s loginServer) holdsSecret(text string) bool {
	for _, secret := range s.secrets {
		if strings.Contains(text, secret) {
			return true
		}
	}
	return false
}

// navigate is a browser that goes to an address below the mount, and follows no redirect.
func (s loginServer) navigate(t *testing.T, below string, form url.Values, cookie http.Header) *http.Response {
	t.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	request, err := http.NewRequest(method, s.url+"/auth"+below, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range cookie {
		request.Header[name] = values
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	request.Header.Set("Sec-Fetch-Mode", "navigate")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	document, err := described()
	if err == nil {
		err = document.Check(request, []byte(body), response, content, "/auth")
	}
	if err != nil {
		t.Errorf("%s %s is not as openapi.yaml describes it: %v", method, below, err)
	}
	return response
}

// logIn walks from login/ over the provider to the answer of callback/.
func (s loginServer) logIn(t *testing.T, u idptest.User) *http.Response {
	t.Helper()
	begun := s.navigate(t, "/login/"+s.name+"/?return_to=%2Forders%3Fpage%3D2", nil, nil)
	if begun.StatusCode != http.StatusSeeOther {
		t.Fatalf("login/ = %s, want 303", begun.Status)
	}
	back, form, err := s.provider.LoginForm(t.Context(), begun.Header.Get("Location"), u)
	if err != nil {
		t.Fatal(err)
	}
	below, ok := strings.CutPrefix(back, publicIssuer)
	if !ok {
		t.Fatalf("the provider leads to %q, want an address below %s", back, publicIssuer)
	}
	return s.navigate(t, below, form, cookies(begun))
}

// TestLoginOverHTTP walks the whole way at each provider: the binary, its settings, the provider, a session.
func TestLoginOverHTTP(t *testing.T) {
	for _, tc := range []struct {
		kind   idptest.Personality
		inFile bool
	}{
		{idptest.Plain, false}, {idptest.Plain, true}, {idptest.Cognito, false}, {idptest.Google, false}, {idptest.Entra, true},
		{idptest.Apple, false}, {idptest.Apple, true}, {idptest.GitHub, true},
	} {
		t.Run(fmt.Sprintf("%s, in a file: %v", tc.kind, tc.inFile), func(t *testing.T) {
			s := serveLogins(t, tc.kind, tc.inFile)
			landed := s.logIn(t, idptest.Alice())
			if to := landed.Header.Get("Location"); landed.StatusCode != http.StatusSeeOther || to != "http://localhost:8000/orders?page=2" {
				t.Fatalf("callback/ = %s to %q, want 303 to /orders?page=2\n%s", landed.Status, to, s.log())
			}
			held := cookies(landed)
			held.Set("Sec-Fetch-Site", "same-origin")
			refreshed, fresh := post(t, s.url+"/auth/refresh/", "{}", held)
			if refreshed.StatusCode != http.StatusOK {
				t.Fatalf("refresh = %s %v, want 200", refreshed.Status, fresh)
			}
			if got, body := post(t, s.url+"/auth/verify/", fmt.Sprintf(`{"token": %q}`, fresh["access_token"]), nil); got.StatusCode != http.StatusOK {
				t.Errorf("verify = %s %v, want 200", got.Status, body)
			}
			if again := s.logIn(t, idptest.Alice()); again.Header.Get("Location") != landed.Header.Get("Location") {
				t.Errorf("the second login ends at %q", again.Header.Get("Location"))
			}
			s.checkIdentity(t)
			want := fmt.Sprintf("\nsallyport_logins_total{provider=%q,result=\"ok\"} 2\n", s.name)
			if scraped := scrape(t, s.process); !strings.Contains(scraped, want) || s.holdsSecret(scraped) {
				t.Errorf("GET /metrics lacks %q, or holds a secret", want)
			}
			if strings.Contains(s.log(), idptest.Alice().Email) {
				t.Error("the log holds an e-mail address")
			}
		})
	}
}

// checkIdentity asks users show who it was, in both forms.
func (s loginServer) checkIdentity(t *testing.T) {
	t.Helper()
	environ := []string{"HOME=" + s.dir, "SALLYPORT_ISSUER=" + publicIssuer}
	var listed struct{ Users []struct{ ID string } }
	if err := json.Unmarshal([]byte(s.run(t, environ, "users", "list", "--json")), &listed); err != nil || len(listed.Users) != 1 {
		t.Fatalf("users list = %v, %v, want one user", listed, err)
	}
	issuer, subject := s.provider.IssuerOf(idptest.Alice()), s.provider.Subject(idptest.Alice())
	id := listed.Users[0].ID
	line := "identity\t" + strings.Join([]string{issuer, subject, s.name}, "\t") + "\t20"
	if shown := s.run(t, environ, "users", "show", id); strings.Count(shown, "\nidentity\t") != 1 || !strings.Contains(shown, line) {
		t.Errorf("users show = %s, want one line %q", shown, line)
	}
	var shown struct {
		ID         string
		Identities []struct {
			ID, Issuer, Subject, Provider string
			CreatedAt                     string `json:"created_at"`
		}
	}
	if err := json.Unmarshal([]byte(s.run(t, environ, "users", "show", id, "--json")), &shown); err != nil || shown.ID != id || len(shown.Identities) != 1 {
		t.Fatalf("users show --json = %+v, %v, want one identity", shown, err)
	}
	if got := shown.Identities[0]; got.Issuer != issuer || got.Subject != subject || got.Provider != s.name || got.ID == "" || !strings.HasSuffix(got.CreatedAt, "Z") {
		t.Errorf("users show --json has the identity %+v, want %s %s of %s", got, issuer, subject, s.name)
	}
}

// TestLoginsThatFail: the browser goes back with a code of ours, and the metrics count it by the provider's name.
func TestLoginsThatFail(t *testing.T) {
	s := serveLogins(t, idptest.Plain, false, "SALLYPORT_LIMITS_LOGIN=2/1h", "SALLYPORT_RETURN_TO=https://spa.example.com/app")
	s.provider.Fault(1, idptest.Token, idptest.Status(http.StatusInternalServerError))
	failed := s.logIn(t, idptest.Alice())
	if to, want := failed.Header.Get("Location"), "http://localhost:8000/orders?page=2&sallyport_error=idp_error"; to != want {
		t.Errorf("callback/ leads to %q, want %q", to, want)
	}
	for _, tc := range []struct {
		below  string
		status int
	}{
		{"/login/plain/?return_to=https%3A%2F%2Fspa.example.com%2Fapp%2Forders", http.StatusSeeOther},
		{"/login/plain/?return_to=https%3A%2F%2Fspa.example.com%2Fapp%2Forders", http.StatusTooManyRequests},
		{"/login/plain/?return_to=https%3A%2F%2Fevil.example%2F", http.StatusBadRequest},
		{"/login/CANARY/", http.StatusNotFound},
	} {
		if got := s.navigate(t, tc.below, nil, nil); got.StatusCode != tc.status {
			t.Errorf("GET %s = %s, want %d", tc.below, got.Status, tc.status)
		}
	}
	scraped := scrape(t, s.process)
	for _, want := range []string{
		`sallyport_logins_total{provider="plain",result="idp_error"} 1`,
		`sallyport_logins_total{provider="plain",result="rate_limited"} 1`,
		`sallyport_logins_total{provider="plain",result="invalid_return_to"} 1`,
		`sallyport_rate_limited_total{rule="login"} 1`,
	} {
		if !strings.Contains(scraped, "\n"+want) {
			t.Errorf("GET /metrics lacks %s", want)
		}
	}
	if strings.Contains(scraped, "CANARY") {
		t.Error("a label holds a name that a client chose")
	}
}
