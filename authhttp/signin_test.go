package authhttp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
)

func TestSignInAnswersWithTokensAndTwoCookies(t *testing.T) {
	a := newApp(t, func(c *config) { c.UserFields = []string{"id", "username", "plan"} })
	u, pw := a.user("ada")
	for _, name := range []string{"ada", "ADA", "ada@example.com", "Ada@EXAMPLE.com"} {
		x := a.do("sign-in/", request{body: map[string]string{"username": name, "password": pw}})
		if x.status != 200 {
			t.Fatalf("sign-in as %q = %d %s, want 200", name, x.status, x.body)
		}
		order := []string{`"access_token"`, `"expires"`, `"user"`, `"CSRF_token"`, `"token_type"`, `"expires_in"`}
		for i, member := range order[1:] {
			if strings.Index(x.body, member) < strings.Index(x.body, order[i]) {
				t.Errorf("%s stands before %s in %s", member, order[i], x.body)
			}
		}
		want := map[string]any{"id": u.ID.String(), "username": "ada", "plan": nil}
		if diff := cmp.Diff(want, x.json["user"]); diff != "" {
			t.Errorf("user (-want +got):\n%s", diff)
		}
		if got := x.json["expires"]; got != float64(a.clock.now().Add(5*time.Minute).Unix()) || x.json["expires_in"] != 300.0 || x.json["token_type"] != "Bearer" {
			t.Errorf("expires = %v, expires_in = %v, token_type = %v", got, x.json["expires_in"], x.json["token_type"])
		}
	}
}

func TestSignInCookiesAsDocumented(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	x := a.do("sign-in", request{body: map[string]string{"username": "ada", "password": pw}}) // without the slash
	lines := x.header.Values("Set-Cookie")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "CSRF_token=") || !strings.HasPrefix(lines[1], "refresh_cookie=") {
		t.Fatalf("Set-Cookie = %q, want CSRF_token, then refresh_cookie", lines)
	}
	for _, line := range lines {
		_, attributes, _ := strings.Cut(line, "; ")
		got := strings.Split(attributes, "; ")
		slices.Sort(got)
		want := []string{"Expires=Thu, 26 Nov 2026 12:00:00 GMT", "HttpOnly", "Max-Age=86400", "Path=/auth", "SameSite=Strict", "Secure"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("attributes of %s (-want +got):\n%s", line, diff)
		}
	}
	if x.text("CSRF_token") != x.cookies["CSRF_token"].Value {
		t.Error("CSRF_token differs between body and cookie")
	}
}

// SI-01 SI-02 SI-04 SI-05: no refusal tells which of user, password and state was wrong.
func TestSI_01_02_04_05_RefusalsAreAlike(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	off, offPw := a.user("off")
	kept := a.signIn("ada", pw)
	if err := a.svc.DisableUser(t.Context(), off.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := a.svc.CreateUser(t.Context(), sallyport.NewUser{Username: "bare"}); err != nil {
		t.Fatal(err)
	}
	before := a.rows()
	var first answer
	for i, c := range []struct{ name, username, password string }{
		{"SI-01 wrong password", "ada", "not " + pw},
		{"SI-02 unknown user", "nobody", pw},
		{"SI-04 inactive, right password", "off", offPw},
		{"SI-05 inactive, wrong password", "off", pw},
		{"user without a password", "bare", pw},
		{"name too long to be one", strings.Repeat("x", 2000), pw},
		{"name that nobody can have", "ada\x00", pw},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := a.do("sign-in/", request{body: map[string]string{"username": c.username, "password": c.password}})
			x.want(t, 401, "invalid_credentials")
			a.wantNothingIssued(x, before)
			x.header.Del("Date")
			if i == 0 {
				first = x
			}
			if x.body != first.body || cmp.Diff(x.header, first.header) != "" {
				t.Errorf("this refusal differs from that of a wrong password:\n%v %s\n%v %s", x.header, x.body, first.header, first.body)
			}
		})
	}
	kept.mustRefresh()
	if log := a.log.String(); !strings.Contains(log, "user is inactive") || !strings.Contains(log, `"audit":true`) {
		t.Error("SI-04: the log does not say why the right password was refused")
	}
	if log := a.log.String(); strings.Contains(log, pw) || strings.Contains(log, offPw) || strings.Contains(log, "example.com\"") {
		t.Error("the log holds a password or an e-mail address")
	}
}

func TestSI_07_PasswordsAreTakenAsReceived(t *testing.T) {
	a := newApp(t, nil)
	_, err := a.svc.CreateUser(t.Context(), sallyport.NewUser{Username: "ada", Password: "open sesame"})
	if err != nil {
		t.Fatal(err)
	}
	before := a.rows()
	for name, pw := range map[string]string{
		"U+0000": "open\x00 sesame", "U+0000 behind": "open sesame\x00", "space before": " open sesame", "space behind": "open sesame ",
		"upper case": "OPEN SESAME", "cut": "open sesam", "newline": "open sesame\n",
	} {
		t.Run(name, func(t *testing.T) {
			x := a.do("sign-in/", request{body: map[string]string{"username": "ada", "password": pw}})
			x.want(t, 401, "invalid_credentials")
			a.wantNothingIssued(x, before)
		})
	}
	t.Run("invalid UTF-8", func(t *testing.T) {
		x := a.do("sign-in/", request{body: "{\"username\":\"ada\",\"password\":\"open\xff sesame\"}"})
		x.want(t, 400, "invalid_request")
		a.wantNothingIssued(x, before)
	})
}

func TestSI_08_OnePasswordInBothNormalForms(t *testing.T) {
	a := newApp(t, nil)
	const text = "café crème"
	for i, set := range []norm.Form{norm.NFC, norm.NFD} {
		name := fmt.Sprint("user", i)
		if _, err := a.svc.CreateUser(t.Context(), sallyport.NewUser{Username: name, Password: set.String(text)}); err != nil {
			t.Fatal(err)
		}
		a.signIn(name, norm.NFC.String(text))
		a.signIn(name, norm.NFD.String(text))
	}
}

func TestSI_19_20_22_28_BodiesAreReadStrictly(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	before := a.rows()
	good, _ := json.Marshal(map[string]string{"username": "ada", "password": pw})
	with := func(member string) string { return strings.TrimSuffix(string(good), "}") + "," + member + "}" }
	utf16 := func(s string) string {
		var b strings.Builder
		b.WriteString("\xff\xfe")
		for _, r := range s {
			b.WriteByte(byte(r))
			b.WriteByte(0)
		}
		return b.String()
	}
	for name, body := range map[string]string{
		"SI-19 not JSON": "username=ada", "SI-19 null": "null", "SI-19 array": "[]", "SI-19 number": "7", "SI-19 string": `"x"`,
		"SI-19 truncated": string(good[:len(good)-2]), "SI-19 byte order mark": "\ufeff" + string(good), "SI-19 UTF-16": utf16(string(good)),
		"SI-19 white space": "  ", "SI-20 duplicate": with(`"username":"bob"`), "SI-20 duplicate, same value": with(`"username":"ada"`),
		"SI-20 upper case": with(`"USERNAME":"bob"`), "SI-20 folding": with(`"u\u017fername":"bob"`), "SI-20 folding, raw": with(`"uſername":"bob"`),
		"SI-20 nested duplicate": with(`"x":{"y":1,"y":2}`), "SI-20 second value": string(good) + string(good), "SI-20 rest": string(good) + "x",
		"SI-22 depth": with(`"x":` + strings.Repeat("[", 20_00) + strings.Repeat("]", 20_00)), "SI-22 large number": with(`"x":1e400`),
		"wrong type": `{"username":["ada"],"password":1}`, "lone surrogate": with(`"x":"\ud800"`), "control character": with("\"x\":\"\x01\""),
	} {
		t.Run(name, func(t *testing.T) {
			x := a.do("sign-in/", request{body: body})
			x.want(t, 400, "invalid_request")
			a.wantNothingIssued(x, before)
		})
	}
	fields := map[string]any{"username": []any{"This field is required."}, "password": []any{"This field is required."}}
	for name, r := range map[string]request{
		"SI-19 empty body":          {headers: map[string]string{"Content-Type": "application/json"}},
		"SI-28 query string":        {body: "{}", query: "?username=ada&password=" + pw},
		"SI-28 no body and a query": {query: "?username=ada&password=" + pw},
	} {
		t.Run(name, func(t *testing.T) {
			x := a.do("sign-in/", r)
			x.want(t, 400, "invalid_request")
			a.wantNothingIssued(x, before)
			for name, want := range fields {
				if diff := cmp.Diff(want, x.json[name]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
	t.Run("blank and null", func(t *testing.T) {
		x := a.do("sign-in/", request{body: `{"username":"","password":null}`})
		x.want(t, 400, "invalid_request")
		if diff := cmp.Diff([]any{"This field may not be blank."}, x.json["username"]); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]any{"This field may not be null."}, x.json["password"]); diff != "" {
			t.Error(diff)
		}
	})
	if strings.Contains(a.log.String(), pw) {
		t.Error("SI-28: the query string is in the log")
	}
}

func TestSI_22_SizesAndEncodings(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	before := a.rows()
	body := func(extra string) string {
		return fmt.Sprintf(`{"username":"ada","password":%q,"x":%q}`, pw, extra)
	}
	for _, c := range []struct {
		name   string
		r      request
		status int
		code   string
	}{
		{"b: 1 MiB", request{body: body(strings.Repeat("x", 1<<20))}, 413, "body_too_large"},
		{"c: an encoding without a name", request{body: body(""), headers: map[string]string{"Content-Encoding": ""}}, 415, "unsupported_media_type"},
		{"c: gzip", request{body: body(""), headers: map[string]string{"Content-Encoding": "gzip"}}, 415, "unsupported_media_type"},
		{"long password", request{body: map[string]string{"username": "ada", "password": strings.Repeat("x", 1025)}}, 400, "invalid_request"},
		{"depth 20 000 over the limit of the route", request{body: strings.Repeat("[", 20_000)}, 413, "body_too_large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := a.do("sign-in/", c.r)
			x.want(t, c.status, c.code)
			a.wantNothingIssued(x, before)
		})
	}
	t.Run("a: Content-Length larger than what is sent", func(t *testing.T) {
		address := strings.TrimPrefix(a.base, "http://")
		address, _, _ = strings.Cut(address, "/")
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "POST /auth/sign-in/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{}")
		conn.(*net.TCPConn).CloseWrite()
		head := make([]byte, 64)
		n, _ := conn.Read(head)
		if got := string(head[:n]); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("answer begins %q, want status 400", got)
		}
	})
}

func TestSI_23_OnlyJSON(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	before := a.rows()
	good := fmt.Sprintf(`{"username":"ada","password":%q}`, pw)
	for _, c := range []struct{ contentType, body string }{
		{"text/plain", good}, {"application/x-www-form-urlencoded", good}, {"multipart/form-data; boundary=x", good}, {"-", good},
		{"application/x-www-form-urlencoded", "username=ada&password=" + pw}, {"application/json; charset=utf-16", good},
		{"application/json-patch+json", good}, {"text/json", good}, {"application/json, text/plain", good},
	} {
		t.Run(c.contentType, func(t *testing.T) {
			x := a.do("sign-in/", request{body: c.body, headers: map[string]string{"Content-Type": c.contentType}})
			x.want(t, 415, "unsupported_media_type")
			a.wantNothingIssued(x, before)
		})
	}
	for _, contentType := range []string{"application/json", "application/json; charset=UTF-8", "Application/JSON;charset=utf-8"} {
		x := a.do("sign-in/", request{body: good, headers: map[string]string{"Content-Type": contentType}})
		x.want(t, 200, "")
	}
}

func TestSI_24_ForeignOriginsCannotSignIn(t *testing.T) {
	a := newApp(t, func(c *config) { c.HTTP.TrustedOrigins = []string{"https://spa.example.com"} })
	_, pw := a.user("ada")
	before := a.rows()
	body := map[string]string{"username": "ada", "password": pw}
	for name, headers := range foreignCallers {
		t.Run(name, func(t *testing.T) {
			x := a.do("sign-in/", request{body: body, headers: headers})
			x.want(t, 403, "cross_origin")
			a.wantNothingIssued(x, before)
		})
	}
	for name, headers := range map[string]map[string]string{
		"no browser": nil, "own page": {"Sec-Fetch-Site": "same-origin", "Origin": "https://app.example.com"},
		"own page, old browser": {"Origin": "https://app.example.com"},
		"trusted":               {"Sec-Fetch-Site": "same-site", "Origin": "https://spa.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			a.do("sign-in/", request{body: body, headers: headers}).want(t, 200, "")
		})
	}
}

// foreignCallers is what a browser says of pages that are neither ours nor trusted.
var foreignCallers = map[string]map[string]string{
	"cross-site":            {"Sec-Fetch-Site": "cross-site"},
	"same-site":             {"Sec-Fetch-Site": "same-site", "Origin": "https://other.example.com"},
	"typed address":         {"Sec-Fetch-Site": "none"},
	"a word of the future":  {"Sec-Fetch-Site": "sibling"},
	"contradiction":         {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
	"null origin":           {"Origin": "null"},
	"another port":          {"Origin": "https://app.example.com:8443"},
	"http":                  {"Origin": "http://app.example.com"},
	"upper case":            {"Origin": "https://APP.example.com"},
	"suffix":                {"Origin": "https://app.example.com.evil.example"},
	"prefix of a trusted":   {"Origin": "https://spa.example.co"},
	"trusted on other port": {"Origin": "https://spa.example.com:444"},
	"trusted without TLS":   {"Origin": "http://spa.example.com"},
}

func TestSignInOverASessionReplacesIt(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	old := a.signIn("ada", pw)
	x := a.do("sign-in/", request{body: map[string]string{"username": "ada", "password": pw}, cookies: old.cookieHeader()})
	x.want(t, 200, "")
	fresh := a.sessionOf(x)
	if fresh.csrf == old.csrf || fresh.refresh == old.refresh {
		t.Error("the new session shares a token with the old one")
	}
	late := old.post("refresh/")
	late.want(t, 401, "session_revoked")
	if len(late.cookies) > 0 {
		t.Error("a refresh that lost the race against a sign-in deletes the new session's cookie")
	}
	fresh.mustRefresh()
	a.clock.advance(time.Minute)
	if late := old.post("refresh/"); len(late.cookies) != 2 {
		t.Error("long after the sign-in the old cookie is not deleted")
	}
}

func TestSignInOverAnUnreadableCookie(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	body := map[string]string{"username": "ada", "password": pw}
	a.do("sign-in/", request{body: body, cookies: "refresh_cookie=rubbish"}).want(t, 200, "")
	a.do("sign-in/", request{body: body, cookies: "refresh_cookie=a; refresh_cookie=b"}).want(t, 400, "duplicate_cookie")
}

// django-rest-microservice's documented calls: JSON bodies, no browser headers, the CSRF_token in the body.
func TestCallsOfDjangoRestMicroserviceWorkUnchanged(t *testing.T) {
	a := newApp(t, func(c *config) { c.HTTP.CSRF = authhttp.CSRFToken })
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	s.mustRefresh()
	a.do("verify/", request{body: map[string]string{"token": s.access}}).want(t, 200, "")
	if x := s.post("logoff/"); x.status != 200 || x.body != "" {
		t.Errorf("logoff = %d %q, want 200 and no body", x.status, x.body)
	}
}

func TestClaimsAreReadAfreshEachTime(t *testing.T) {
	var reasons []string
	a := newApp(t, func(c *config) {
		c.UserAttributes = []string{"email", "plan", "missing"}
		c.Claims = []sallyport.ClaimFunc{func(_ context.Context, r sallyport.ClaimRequest) (map[string]any, error) {
			reasons = append(reasons, string(r.Reason))
			return map[string]any{"scope": "orders:read", "nested": map[string]any{"who": r.User.Username}, "session": r.SessionID}, nil
		}}
	})
	u, pw := a.user("ada")
	s := a.signIn("ada", pw)
	if got := claims(t, s.access); got["email"] != "ada@example.com" || got["plan"] != nil || got["scope"] != "orders:read" || got["session"] != got["sid"] {
		t.Errorf("claims at sign-in = %v", got)
	}
	if _, present := claims(t, s.access)["missing"]; !present {
		t.Error("an attribute that the user lacks is left out, want null")
	}
	if _, err := a.svc.UpdateUser(t.Context(), u.ID, sallyport.UserChange{Attributes: map[string]any{"plan": "gold"}}); err != nil {
		t.Fatal(err)
	}
	s.mustRefresh()
	if got := claims(t, s.access)["plan"]; got != "gold" {
		t.Errorf("plan after a refresh = %v, want gold", got)
	}
	if diff := cmp.Diff([]string{"sign_in", "refresh"}, reasons); diff != "" {
		t.Error(diff)
	}
}

func TestClaimsThatFailIssueNothing(t *testing.T) {
	var yield func() (map[string]any, error)
	a := newApp(t, func(c *config) {
		c.Claims = []sallyport.ClaimFunc{func(context.Context, sallyport.ClaimRequest) (map[string]any, error) { return yield() }}
	})
	_, pw := a.user("ada")
	yield = func() (map[string]any, error) { return nil, nil }
	s := a.signIn("ada", pw)
	for name, c := range map[string]struct {
		claims map[string]any
		err    error
		log    string
	}{
		"an error":                        {nil, fmt.Errorf("directory is down"), "directory is down"},
		"a reserved name":                 {map[string]any{"sub": "root"}, nil, `\"sub\", which is reserved`},
		"a reserved name in another case": {map[string]any{"SUB": "root"}, nil, `\"SUB\", which is reserved`},
		"not JSON":                        {map[string]any{"f": func() {}}, nil, "not JSON"},
		"too much":                        {map[string]any{"f": strings.Repeat("x", 4<<10)}, nil, "at most 4096"},
		"raw, name twice":                 {map[string]any{"f": json.RawMessage(`{"a":1,"a":2}`)}, nil, ""},
		"not a number":                    {map[string]any{"f": json.Number("1e999")}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			yield = func() (map[string]any, error) { return c.claims, c.err }
			before := a.rows()
			x := a.do("sign-in/", request{body: map[string]string{"username": "ada", "password": pw}})
			x.want(t, 500, "claims_failed")
			a.wantNothingIssued(x, before)
			x = s.post("refresh/")
			x.want(t, 500, "claims_failed")
			if len(x.cookies) > 0 {
				t.Error("a fault of ours changed the cookies")
			}
			if !strings.Contains(a.log.String(), c.log) {
				t.Errorf("the log does not say %q", c.log)
			}
			yield = func() (map[string]any, error) { return nil, nil }
			s.mustRefresh()
		})
	}
}

func TestClaimsAreWeighedAsTheyAreSent(t *testing.T) {
	a := newApp(t, func(c *config) { c.UserAttributes = []string{"first_name", "last_name"} })
	angles := strings.Repeat("<", 900) // one byte each, and not six
	if _, err := a.svc.CreateUser(t.Context(), sallyport.NewUser{Username: "ada", Password: "correct horse", FirstName: angles, LastName: angles}); err != nil {
		t.Fatal(err)
	}
	if got := claims(t, a.signIn("ada", "correct horse").access)["first_name"]; got != angles {
		t.Errorf("first_name = %v", got)
	}
}

func TestUserViewThatFailsIsOurFault(t *testing.T) {
	a := newApp(t, func(c *config) {
		c.UserView = func(_ context.Context, u *sallyport.User) (any, error) { return func() {}, nil }
	})
	_, pw := a.user("ada")
	before := a.rows()
	x := a.do("sign-in/", request{body: map[string]string{"username": "ada", "password": pw}})
	x.want(t, http.StatusInternalServerError, "internal")
	a.wantNothingIssued(x, before)
}
