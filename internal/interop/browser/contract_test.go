package browser

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// exchange is a pair of contract/*.txtar as the client is told it.
type exchange struct {
	Name   string            `json:"name"`
	Call   string            `json:"call"` // how an app has the client send such a request
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	Body   string            `json:"body"`
	sent   []string          // members of the request
	code   string            // of the answer
}

// calls are the methods of the client that send something.
var calls = map[string]string{
	"POST sign-in/":         `auth.signIn({username: "ada", password: "x"})`,
	"POST social-exchange/": `auth.exchange({id_token: "x", nonce: "x"})`,
	"POST refresh/":         `auth.refresh()`,
	"POST logoff/":          `auth.signOut()`,
	"POST password/":        `auth.changePassword({current_password: "x", new_password: "y"})`,
	"GET sessions/":         `auth.sessions.list()`,
	"DELETE sessions/":      `auth.sessions.revoke("x")`,
	"GET user/":             `auth.fetch(base + "/user/").then((r) => r.status)`,
}

// TestContract: what the server's golden tests say that it answers, the client understands, and the client sends no
// member that no request of the contract has.
func TestContract(t *testing.T) {
	exchanges := exchangesOfTheContract(t)
	if len(exchanges) < 30 {
		t.Fatalf("%d exchanges are the client's, want 30 at least", len(exchanges))
	}
	members := map[string]map[string]bool{ // those that a request may have as well (docs/contract.md)
		calls["POST logoff/"]:          {"scope": true},
		calls["POST social-exchange/"]: {"nonce": true},
	}
	for _, x := range exchanges {
		if members[x.Call] == nil {
			members[x.Call] = map[string]bool{}
		}
		for _, name := range x.sent {
			members[x.Call][name] = true
		}
	}
	encoded, err := json.Marshal(exchanges)
	if err != nil {
		t.Fatal(err)
	}
	s := newSPA(t, nil, nil)
	s.visit("", nil, "")
	said := s.run(fmt.Sprintf(`(async () => {
		const { createAuth } = await import("/spa/dist/index.js");
		const token = %s;
		const one = async (x, n) => {
			const base = "/contract" + n, sent = [];
			let asked = false;
			const fetch = async (input, init) => {
				const request = new Request(input, init), body = await request.text();
				if (!asked) {
					if (request.url.endsWith("/sign-in/")) return Response.json(token);
					return Response.json({code: "no_refresh_token"}, {status: 401});
				}
				if (request.url.endsWith("/csrf/")) return Response.json({CSRF_token: "again"});
				if (request.url.endsWith("/refresh/") && !x.call.includes("refresh")) return Response.json(token); // after a 401 of user/
				sent.push(...Object.keys(body ? JSON.parse(body) : {}));
				return new Response(x.body || null, {status: x.status, headers: x.header});
			};
			const auth = createAuth({baseURL: base, fetch, lockTimeout: 0});
			await auth.ready();
			if (!/signIn|exchange/.test(x.call)) await auth.signIn({username: "ada", password: "x"});
			asked = true;
			const said = await new Function("auth", "base", "return " + x.call)(auth, base).then((v) => (typeof v === "number" ? "" + v : "ok"), (e) => e.code + " " + e.status);
			const { status } = auth.getSnapshot();
			auth.dispose();
			return {said, status, sent};
		};
		return Promise.all(%s.map(one));
	})()`, tokenResponse, encoded))
	var outcomes []struct {
		Said, Status string
		Sent         []string
	}
	if err := json.Unmarshal([]byte(said), &outcomes); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for i, x := range exchanges {
		got := outcomes[i]
		said, status := x.wanted()
		if got.Said != said || got.Status != status {
			t.Errorf("%s (%d %s): %s, %s; want %s, %s", x.Name, x.Status, x.code, got.Said, got.Status, said, status)
		}
		for _, name := range got.Sent {
			if !members[x.Call][name] {
				t.Errorf("%s: the client sends %q, which no request of the contract has", x.Name, name)
			}
		}
	}
}

// wanted is what an app is to see.
func (x exchange) wanted() (said, status string) {
	status = "signed-in"
	ends := x.Status == http.StatusUnauthorized && (strings.Contains(x.code, "refresh_token") || x.code == "session_revoked")
	switch {
	case x.Call == calls["GET user/"]:
		return strconv.Itoa(x.Status), status
	case x.Call == calls["POST logoff/"]:
		status = "signed-out"
	case x.Call == calls["POST refresh/"] && ends:
		return "ok", "signed-out"
	case (x.Call == calls["POST sign-in/"] || x.Call == calls["POST social-exchange/"]) && x.Status >= 400:
		status = "signed-out"
	}
	if x.Status < 400 || x.Call == calls["POST logoff/"] && ends {
		return "ok", status
	}
	return fmt.Sprint(x.code, " ", x.Status), status
}

var placeholder = regexp.MustCompile(`\{\{\w+\}\}`)

// accessToken is what a page can read of one.
var accessToken = "x." + base64.RawURLEncoding.EncodeToString([]byte(`{"sid":"s","sub":"u"}`)) + ".x"

var tokenResponse = fmt.Sprintf(`{"access_token": %q, "expires": 1795608300, "expires_in": 300, "CSRF_token": "x"}`, accessToken)

func exchangesOfTheContract(t *testing.T) []exchange {
	t.Helper()
	files, err := filepath.Glob("../../../contract/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("contract/*.txtar = %v, %v", files, err)
	}
	var all []exchange
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for pair := range slices.Chunk(archive.Files, 2) {
			if x, ok := exchangeOf(t, string(pair[0].Data), string(pair[1].Data)); ok {
				x.Name = filepath.Base(file) + " " + pair[1].Name
				all = append(all, x)
			}
		}
	}
	return all
}

// exchangeOf is false for a request that the client never sends.
func exchangeOf(t *testing.T, request, response string) (x exchange, ok bool) {
	t.Helper()
	head, body, _ := strings.Cut(strings.TrimRight(request, "\n"), "\n\n")
	for line := range strings.Lines(head) {
		if method, path, found := strings.Cut(strings.TrimSpace(line), " "); found && !strings.HasSuffix(method, ":") {
			first, _, _ := strings.Cut(path, "/")
			x.Call, ok = calls[method+" "+first+"/"]
			break
		}
	}
	if !ok {
		return x, false
	}
	var sent map[string]any
	if json.Unmarshal([]byte(placeholder.ReplaceAllString(body, "1")), &sent) == nil {
		x.sent = slices.Collect(maps.Keys(sent))
	}
	head, body, _ = strings.Cut(strings.TrimRight(response, "\n"), "\n\n")
	lines := strings.Split(head, "\n")
	var err error
	if x.Status, err = strconv.Atoi(lines[0]); err != nil {
		t.Fatal(err)
	}
	x.Header = map[string]string{}
	for _, line := range lines[1:] {
		if name, value, found := strings.Cut(line, ": "); found && name != "Set-Cookie" && name != "Content-Length" {
			x.Header[name] = placeholder.ReplaceAllString(value, "x")
		}
	}
	body = regexp.MustCompile(`"access_token":"[^"]*"`).ReplaceAllString(body, `"access_token":"`+accessToken+`"`)
	x.Body = placeholder.ReplaceAllString(body, "1795608300")
	var answer struct{ Code string }
	_ = json.Unmarshal([]byte(x.Body), &answer) // some have none
	x.code = answer.Code
	return x, true
}
