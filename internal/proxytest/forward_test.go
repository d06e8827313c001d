package proxytest_test

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
)

var navigation = []string{"Accept: text/html,*/*;q=0.8", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: none"}

// ours are the names by which services take somebody's word for who it is.
var ours = []string{
	"Remote-User", "Remote-Email", "Remote-Groups", "Remote-Name", "X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups",
	"X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username",
	"X-Auth-Request-Preferred-Username", "X-Auth-Request-Access-Token", "X-Forwarded-Access-Token",
}

// spellings are all that a service may take for the same name: with "-" or "_" at every place.
func spellings(name string) []string {
	first, rest, more := strings.Cut(name, "-")
	if !more {
		return []string{name}
	}
	var all []string
	for _, tail := range spellings(rest) {
		all = append(all, first+"-"+tail, first+"_"+tail)
	}
	return all
}

// forged is what a client says of itself to be somebody else.
func forged() []string {
	lines := []string{"remote_user: admin", "Authorization: Basic YWRtaW46YWRtaW4="}
	for _, between := range ".+~!#$%&'^`|" { // all that a name may have (RFC 9110 §5.6.2)
		lines = append(lines, "Remote"+string(between)+"User: admin")
	}
	for _, name := range ours {
		for _, spelling := range spellings(name) {
			lines = append(lines, spelling+": admin")
		}
	}
	return lines
}

// identity is what reached the service about who it is, under any spelling of a name of ours.
func identity(header http.Header) map[string]string {
	said := map[string]string{}
	for name, values := range header {
		plain := regexp.MustCompile("[^A-Za-z0-9]").ReplaceAllString(name, "-")
		if slices.ContainsFunc(ours, func(o string) bool { return strings.EqualFold(o, plain) }) {
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
		if x := w.raw("", append([]string{"GET /"}, forged()...)...); x.StatusCode != 401 || len(w.arrivals()) > 0 {
			w.Errorf("without a session: %d", x.StatusCode)
		}
		cookies := w.signIn()
		for _, connection := range []string{"keep-alive", "Remote-User, close", "close, remote-user, X-Auth-Request-User, Authorization", "Remote_User"} {
			x := w.raw("", append([]string{"GET /", cookies, "Connection: " + connection}, forged()...)...)
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

// Names of 150 characters that are encoded, groups of nearly 4 KiB and claims of nearly as many go through the buffers of the
// proxy.
// Before nginx knows the Host of a request, the settings of the default server of its listener decide.
func TestVM15_TheDefaultServerOfNginxIsAnotherOne(t *testing.T) {
	w := newWorld(t, "nginx", func(w *world, config, folder string) {
		address := strings.TrimPrefix(w.site, "http://")
		other := "server { listen " + address + " default_server; server_name other; underscores_in_headers on; return 404; }\n"
		startNginx(w, other+strings.Replace(config, "server_name app.example.com;", "server_name 127.0.0.1;", 1), folder)
	})
	cookies := w.signIn()
	for _, line := range forged() {
		x := w.early(line, "GET / HTTP/1.1", cookies)
		for _, r := range w.arrivals() {
			if diff := cmp.Diff(ada, identity(r.header)); diff != "" {
				t.Errorf("%s: %s", line, diff)
			}
		}
		if x.StatusCode != 200 && !strings.Contains(line, "Authorization") {
			t.Errorf("%s = %d", line, x.StatusCode)
		}
	}
}

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

// Traefik and Envoy are not run; their configurations are read, and take away and copy what the others do.
func TestConfigurationsOfTraefikAndEnvoy(t *testing.T) {
	read := func(name string, into any) {
		content, err := os.ReadFile(filepath.Join("..", "..", "deploy", "forward", name))
		if err == nil {
			err = yaml.Unmarshal(content, into)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	copied, spelt := []string{"Authorization"}, []string{}
	for _, name := range ours {
		if _, is := ada[name]; is {
			copied = append(copied, name)
		}
		spelt = append(spelt, spellings(name)...)
	}
	same := func(what string, got, want []string) {
		t.Helper()
		for _, names := range []*[]string{&got, &want} {
			lower := []string{}
			for _, name := range *names {
				lower = append(lower, strings.ToLower(name))
			}
			slices.Sort(lower)
			*names = lower
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}

	var traefik struct {
		HTTP struct {
			Routers     map[string]struct{ Middlewares []string }
			Middlewares struct {
				Strip struct {
					Headers struct {
						Custom map[string]string `yaml:"customRequestHeaders"`
					}
				}
				Sallyport struct {
					Forward struct {
						Address string
						Copied  []string `yaml:"authResponseHeaders"`
					} `yaml:"forwardAuth"`
				}
			}
		}
	}
	read("traefik.yaml", &traefik)
	m := traefik.HTTP.Middlewares
	same("Traefik takes away", slices.Collect(maps.Keys(m.Strip.Headers.Custom)), spelt)
	same("Traefik copies", m.Sallyport.Forward.Copied, copied)
	if got := traefik.HTTP.Routers["app"].Middlewares; !slices.Equal(got, []string{"strip", "sallyport"}) || m.Sallyport.Forward.Address != "http://127.0.0.1:8000/auth/forward/" {
		t.Errorf("Traefik goes through %v and asks %q", got, m.Sallyport.Forward.Address)
	}

	var envoy any
	read("envoy.yaml", &envoy)
	var removed, upstream []string
	walk(envoy, func(key string, value any) {
		switch key {
		case "remove":
			removed = append(removed, value.(string))
		case "allowed_upstream_headers":
			walk(value, func(key string, value any) {
				if key == "exact" {
					upstream = append(upstream, value.(string))
				}
			})
		case "headers_with_underscores_action":
			if value != "DROP_HEADER" {
				t.Errorf("Envoy lets underscores through: %v", value)
			}
			removed = append(removed, "_")
		case "failure_mode_allow":
			if value != false {
				t.Error("Envoy lets requests through when it gets no answer")
			}
		}
	})
	same("Envoy takes away", removed, append([]string{"_"}, ours...))
	same("Envoy copies", upstream, copied)
}

// walk visits every member of a document.
func walk(v any, visit func(key string, value any)) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			visit(key, value)
			walk(value, visit)
		}
	case []any:
		for _, value := range v {
			walk(value, visit)
		}
	}
}
