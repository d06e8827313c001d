package pythontest_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/sqlite"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// python is the interpreter for which Debian packages the libraries. Another one in the path would not have them.
const python = "/usr/bin/python3"

// keyLead is for how long a key is published before it signs (docs/keys.md).
const keyLead = 24 * time.Hour

// issuer is a whole Sallyport behind a real listener, with a clock that the test moves, and one user.
type issuer struct {
	*testing.T
	svc      *sallyport.Service
	base     string // the issuer
	password string
	refresh  string

	mu  sync.Mutex
	now time.Time
}

// newIssuer starts one whose clock is a lead behind that of this machine, and whose tokens live as long: what it signs
// now, and what it signs after the next key took over, is still good for a service with the machine's clock.
func newIssuer(t *testing.T) *issuer {
	t.Helper()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	i := &issuer{T: t, base: "http://" + server.Listener.Addr().String() + "/auth", password: rand.Text(), now: time.Now().Add(-keyLead)}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	i.svc, err = sallyport.New(sallyport.Config{
		Issuer: i.base, Store: store, Secret: []byte(rand.Text() + rand.Text()), Now: i.clock, Logger: quiet, Password: password.Config{Memory: 64, Passes: 1},
		AccessTTL: 24 * time.Hour, SessionTTL: 72 * time.Hour, IdleTTL: 72 * time.Hour,
		Audience:          []string{"es256", "rs256", "eddsa"},
		AudienceAlgorithm: map[string]jws.Algorithm{"rs256": jws.RS256, "eddsa": jws.EdDSA},
		UserAttributes:    []string{"username"},
		ClaimTemplate:     map[string]any{"role": "web_${plan}", "scope": "orders:read"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.svc.Close() })
	handler, err := authhttp.New(i.svc, authhttp.Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Start()
	if _, err := i.svc.CreateUser(t.Context(), sallyport.NewUser{Username: "ada", Password: i.password, Attributes: map[string]any{"plan": "gold"}}); err != nil {
		t.Fatal(err)
	}
	return i
}

func (i *issuer) clock() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

func (i *issuer) advance(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = i.now.Add(d)
}

// token is an access token for one audience, by a refresh over HTTP after the first.
func (i *issuer) token(audience string) string {
	i.Helper()
	path, body := "/refresh/", map[string]string{"refresh_token": i.refresh, "audience": audience}
	if i.refresh == "" {
		path, body = "/sign-in/", map[string]string{"username": "ada", "password": i.password, "audience": audience}
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		i.Fatal(err)
	}
	req, err := http.NewRequestWithContext(i.Context(), http.MethodPost, i.base+path, bytes.NewReader(encoded))
	if err != nil {
		i.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Sallyport-Client", "native")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		i.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != 200 {
		i.Fatalf("%s = %d, %v", path, res.StatusCode, err)
	}
	i.refresh = answer.Refresh
	return answer.Access
}

// service starts service.py and gives its address. It ends with the test.
func (i *issuer) service(library, audience string, algorithm jws.Algorithm) string {
	i.Helper()
	command := exec.Command(python, "service.py", library, i.base+"/.well-known/jwks.json", i.base, audience, string(algorithm))
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		i.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		i.Fatal(err)
	}
	if err := command.Start(); err != nil {
		i.Fatalf("%v; install what ./test.sh installs", err)
	}
	i.Cleanup(func() {
		stdin.Close()
		if err := command.Wait(); err != nil {
			i.Errorf("the service ended with %v\n%s", err, stderr.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		i.Fatalf("the service printed %q; install what ./test.sh installs\n%s", line, stderr.String())
	}
	return "http://127.0.0.1:" + strings.TrimSpace(line)
}

// ask sends a token to a service.
func ask(t *testing.T, service, token string) (status int, claims map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, service+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode == 200 {
		if err := json.Unmarshal(body, &claims); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
	}
	return res.StatusCode, claims
}

// TestPythonServicesReadOurTokens: by the key set of three algorithms, over a planned rotation and an emergency; and they
// take nothing else. simplejwt knows no EdDSA.
func TestPythonServicesReadOurTokens(t *testing.T) {
	for _, test := range []struct {
		library   string
		algorithm jws.Algorithm
	}{
		{"pyjwt", jws.ES256}, {"pyjwt", jws.RS256}, {"pyjwt", jws.EdDSA}, {"simplejwt", jws.ES256}, {"simplejwt", jws.RS256},
	} {
		t.Run(fmt.Sprint(test.library, " ", test.algorithm), func(t *testing.T) {
			i, foreign := newIssuer(t), newIssuer(t)
			audience := strings.ToLower(string(test.algorithm))
			service := i.service(test.library, audience, test.algorithm)
			want := func(what, token string, status int) {
				t.Helper()
				if got, _ := ask(t, service, token); got != status {
					t.Errorf("%s = %d, want %d", what, got, status)
				}
			}

			first := i.token(audience)
			status, claims := ask(t, service, first)
			said := map[string]any{}
			for _, name := range []string{"iss", "aud", "username", "role", "scope", "token_type"} {
				said[name] = claims[name]
			}
			if diff := cmp.Diff(map[string]any{"iss": i.base, "aud": audience, "username": "ada", "role": "web_gold", "scope": "orders:read", "token_type": "access"}, said); diff != "" {
				t.Errorf("status %d, claims (-want +got):\n%s", status, diff)
			}
			other := map[string]string{"es256": "rs256", "rs256": "eddsa", "eddsa": "es256"}[audience]
			want("no token", "", 401)
			want("a token of another issuer", foreign.token(audience), 401)
			want("a token for another audience", i.token(other), 401)
			want("a token that was bent", bent(first), 401)

			planned, err := i.svc.RotateSigningKey(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want("a token of the key before", i.token(audience), 200)
			i.advance(keyLead)
			second := i.token(audience)
			if kid := keyID(t, second); kid == keyID(t, first) {
				t.Fatalf("the next keys are %v, and %s still signs", planned, kid)
			}
			want("a token of the next key", second, 200)
			want("the first token, whose key is retired", first, 200)

			if _, err := i.svc.ReplaceSigningKeys(t.Context()); err != nil {
				t.Fatal(err)
			}
			want("a token of the key after an emergency", i.token(audience), 200) // which makes the service read the key set
			want("a token of a withdrawn key", second, 401)
		})
	}
}

// bent is a token with another first byte in its signature.
func bent(token string) string {
	at := strings.LastIndexByte(token, '.') + 1
	flipped := byte('A')
	if token[at] == 'A' {
		flipped = 'B'
	}
	return token[:at] + string(flipped) + token[at+1:]
}

func keyID(t *testing.T, token string) string {
	t.Helper()
	u, err := jws.Parse(token, 8<<10)
	if err != nil {
		t.Fatal(err)
	}
	return u.Header.KeyID
}
