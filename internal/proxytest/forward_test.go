package proxytest_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
)

var navigation = []string{"Accept: text/html,*/*;q=0.8", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: none"}

// forged is what a client says of itself to be somebody else: VM-15.
var forged = []string{
	"Remote-User: admin", "Remote_User: admin", "remote_user: admin", "Remote-Email: admin@example.com", "Remote_Email: admin@example.com", "Remote-Groups: admins", "Remote_Groups: admins", "Remote-Name: Admin", "Remote_Name: Admin",
	"X-Auth-Request-User: admin", "X_Auth_Request_User: admin", "X-Auth_Request-User: admin", "X-Auth-Request-Email: admin@example.com", "X_Auth_Request_Email: admin@example.com", "X-Auth-Request-Groups: admins",
	"X-Forwarded-User: admin", "X-Forwarded-Email: admin@example.com", "X-Forwarded-Groups: admins", "X-Forwarded-Preferred-Username: admin",
	"Authorization: Basic YWRtaW46YWRtaW4=",
}

// identity is what reached the service about who it is, under any spelling of a name of ours.
func identity(header http.Header) map[string]string {
	said := map[string]string{}
	for name, values := range header {
		plain := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		if strings.HasPrefix(plain, "remote-") || strings.HasPrefix(plain, "x-auth") || plain == "x-forwarded-user" || plain == "x-forwarded-email" || plain == "x-forwarded-groups" || plain == "x-forwarded-preferred-username" {
			said[name] = strings.Join(values, "|")
		}
	}
	return said
}

// ada is what is to reach it.
var ada = map[string]string{
	"Remote-User": "ada", "Remote-Email": "ada@example.com", "Remote-Groups": "ops,dev", "Remote-Name": "Ada %C5%BD.",
	"X-Auth-Request-User": "ada", "X-Auth-Request-Email": "ada@example.com", "X-Auth-Request-Groups": "ops,dev",
}

func TestWhoIsSignedInReachesTheServiceWithATokenOfOurs(t *testing.T) {
	onEachProxy(t, func(w *world) {
		cookies := w.signIn()
		body := strings.Repeat("b", 1<<20)
		x := w.raw(body, "POST /orders?a=b&c=%2F", cookies)
		if x.StatusCode != 200 || x.body != "the service" {
			w.Fatalf("%d %s", x.StatusCode, x.body)
		}
		reached := w.arrivals()
		if len(reached) != 1 || reached[0].method != "POST" || reached[0].uri != "/orders?a=b&c=%2F" || reached[0].body != len(body) {
			w.Fatalf("the service got %+v", reached)
		}
		if diff := cmp.Diff(ada, identity(reached[0].header)); diff != "" {
			w.Error(diff)
		}
		token, bearer := strings.CutPrefix(reached[0].header.Get("Authorization"), "Bearer ")
		if _, who, err := w.svc.CheckAccessToken(w.Context(), token); !bearer || err != nil || who.ID != w.user.ID {
			w.Errorf("the token is %v of %v", err, who.ID)
		}
		// All of it ends at once.
		if _, err := w.svc.EndSessions(w.Context(), w.user.ID); err != nil {
			w.Fatal(err)
		}
		if x := w.raw("", "GET /orders", cookies); x.StatusCode != 401 || len(w.arrivals()) > 0 {
			w.Errorf("after the session has ended: %d", x.StatusCode)
		}
	})
}

func TestWhoIsNotSignedInIsSentToTheSignInPage(t *testing.T) {
	onEachProxy(t, func(w *world) {
		x := w.raw("", append([]string{"GET /orders?a=b%20c"}, navigation...)...)
		want := w.issuer + "/ui/sign-in/?return_to=" + url.QueryEscape(w.site+"/orders?a=b%20c")
		if x.StatusCode != 303 || x.Header.Get("Location") != want {
			w.Errorf("%d to %q, want 303 to %q", x.StatusCode, x.Header.Get("Location"), want)
		}
		for _, lines := range [][]string{{"GET /orders"}, {"GET /orders", "Accept: application/json"}, {"OPTIONS /orders", "Origin: http://a.example", "Access-Control-Request-Method: PUT"}, append([]string{"POST /orders"}, navigation...)} {
			if x := w.raw("", lines...); x.StatusCode != 401 || x.Header.Get("Location") != "" || !strings.Contains(x.body, `"code":"missing_token"`) {
				w.Errorf("%q = %d %s, Location %q", lines, x.StatusCode, x.body, x.Header.Get("Location"))
			}
		}
		if reached := w.arrivals(); len(reached) > 0 {
			w.Errorf("the service got %+v", reached)
		}
	})
}

func TestVM15_NothingThatAClientSaysOfItselfReachesTheService(t *testing.T) {
	onEachProxy(t, func(w *world) {
		if x := w.raw("", append([]string{"GET /"}, forged...)...); x.StatusCode != 401 || len(w.arrivals()) > 0 {
			w.Errorf("without a session: %d", x.StatusCode)
		}
		cookies := w.signIn()
		for _, connection := range []string{"keep-alive", "Remote-User, close", "close, remote-user, X-Auth-Request-User, Authorization", "Remote_User"} {
			x := w.raw("", append([]string{"GET /", cookies, "Connection: " + connection}, forged...)...)
			reached := w.arrivals()
			if x.StatusCode != 200 || len(reached) != 1 {
				w.Fatalf("%d %s, the service got %+v", x.StatusCode, x.body, reached)
			}
			if diff := cmp.Diff(ada, identity(reached[0].header)); diff != "" {
				w.Errorf("Connection: %s\n%s", connection, diff)
			}
			if got := reached[0].header.Values("Authorization"); len(got) != 1 || !strings.HasPrefix(got[0], "Bearer ey") {
				w.Errorf("Authorization: %q", got)
			}
		}
	})
}

// The values are as long as they can be, and the token too: no buffer of the proxy is too small.
func TestVM16_AUserWithLongNamesReachesTheService(t *testing.T) {
	onEachProxy(t, func(w *world) {
		name, groups := strings.Repeat("名", 150), []string{strings.Repeat("g", 4000), "\u00fc, x"}
		if _, err := w.svc.UpdateUser(w.Context(), w.user.ID, sallyport.UserChange{FirstName: &name, LastName: &name, Groups: &groups}); err != nil {
			w.Fatal(err)
		}
		x := w.raw("", "GET /", w.signIn())
		reached := w.arrivals()
		if x.StatusCode != 200 || len(reached) != 1 {
			w.Fatalf("%d %.300s", x.StatusCode, x.body)
		}
		long := strings.Repeat("%E5%90%8D", 150)
		if got := reached[0].header.Get("Remote-Name"); got != long+" "+long {
			w.Errorf("Remote-Name: %.100s… of %d bytes", got, len(got))
		}
		if got, want := reached[0].header.Get("Remote-Groups"), groups[0]+",%C3%BC%2C x"; got != want {
			w.Errorf("Remote-Groups: %.100s… of %d bytes, want %d", got, len(got), len(want))
		}
	})
}

func TestVM17_NoTrickReachesTheServiceWithoutASession(t *testing.T) {
	onEachProxy(t, func(w *world) {
		tricks := [][]string{{}, {"X-Forwarded-Uri: /auth/sign-in/"}, {"X-Original-URL: " + w.site + "/public"}, {"X-Forwarded-Method: OPTIONS"}, {"X-Original-Method: OPTIONS"},
			{"X-Forwarded-Host: evil.example"}, {"X-Forwarded-Proto: https"}, {"X-Forwarded-For: 127.0.0.1"}, {"X-Http-Method-Override: OPTIONS"}, {"User-Agent: ELB-HealthChecker/2.0"}, {"User-Agent: kube-probe/1.30"}}
		for _, path := range []string{"/", "//", "/./", "/a/../b", "/%2e%2e/", "/a;b", "/auth", "/authx", "/auth/../orders", "/auth/%2e%2e/orders", "/auth;/orders", "/_sallyport", "/_sallyport/", "//evil.example/", "/orders%3Fa", "/orders?x=/auth/", "/AUTH/orders", "/%61uth/../orders"} {
			for _, trick := range tricks {
				x := w.raw("", slices.Concat([]string{"GET " + path}, trick, navigation)...)
				if x.StatusCode/100 == 2 {
					w.Errorf("%s with %q = %d", path, trick, x.StatusCode)
				}
				location := x.Header.Get("Location")
				if to, err := url.Parse(location); err != nil || location != "" && (to.Host != "" && "http://"+to.Host != w.site) {
					w.Errorf("%s with %q leads to %q", path, trick, location)
				} else if back, err := url.Parse(to.Query().Get("return_to")); err != nil || back.Host != "" && "http://"+back.Host != w.site || strings.HasPrefix(back.Path, "//") {
					w.Errorf("%s with %q leads back to %q", path, trick, back)
				}
			}
		}
		if reached := w.arrivals(); len(reached) > 0 {
			w.Errorf("the service got %+v", reached)
		}
	})
}

// Who asks forward/ is the proxy: a browser that did would get the token of its session into a page.
func TestForwardIsNotThereForBrowsers(t *testing.T) {
	onEachProxy(t, func(w *world) {
		cookies := w.signIn()
		for _, path := range []string{"/auth/forward/", "/auth/forward", "/auth/forward/nginx/", "/auth/forward/envoy/x", "/auth//forward/", "/auth/./forward/", "/auth/x/../forward/", "/auth/%66orward/", "/%61uth/forward/", "/auth/forward%2f", "//auth/forward/", "/auth/forward/?a", "/Auth/forward/", "/auth/Forward/"} {
			x := w.raw("", "GET "+path, cookies, "X-Forwarded-Method: GET", "X-Original-Method: GET")
			if x.Header.Get("Authorization") != "" || x.Header.Get("Remote-User") != "" {
				w.Errorf("%s = %d %v", path, x.StatusCode, x.Header)
			}
			for _, r := range w.arrivals() { // a path that is the service's comes with who it is, as any other does
				if diff := cmp.Diff(ada, identity(r.header)); diff != "" {
					w.Errorf("%s: %s", path, diff)
				}
			}
		}
	})
}

func TestNothingReachesTheServiceWhileSallyportIsAway(t *testing.T) {
	onEachProxy(t, func(w *world) {
		cookies := w.signIn()
		w.auth.Close()
		if x := w.raw("", "GET /", cookies); x.StatusCode < 500 || len(w.arrivals()) > 0 {
			w.Errorf("%d %s", x.StatusCode, x.body)
		}
	})
}

// Traefik and Envoy are not run; their configurations are read, and strip and copy what the others do.
func TestConfigurationsOfTraefikAndEnvoyNameEveryHeader(t *testing.T) {
	read := func(name string) (any, string) {
		content, err := os.ReadFile(filepath.Join("..", "..", "deploy", "forward", name))
		if err != nil {
			t.Fatal(err)
		}
		var parsed any
		if err := yaml.Unmarshal(content, &parsed); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return parsed, strings.ToLower(string(content))
	}
	_, traefik := read("traefik.yaml")
	_, envoy := read("envoy.yaml")
	for name := range ada {
		name = strings.ToLower(name)
		for config, lines := range map[string][]string{
			traefik: {"          " + name + `: ""`, "          " + strings.ReplaceAll(name, "-", "_") + `: ""`, "          " + strings.Replace(name, "-", "_", 1) + `: ""`, "          - " + name + "\n"},
			envoy:   {"- remove: " + name + "\n", "- exact: " + name + "\n"},
		} {
			for _, line := range lines {
				if !strings.Contains(config, line) {
					t.Errorf("a configuration lacks %q", line)
				}
			}
		}
	}
	for config, line := range map[string]string{traefik: "          - authorization\n", envoy: "- exact: authorization\n"} {
		if !strings.Contains(config, line) {
			t.Errorf("a configuration lacks %q", line)
		}
	}
}
