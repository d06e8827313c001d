package authhttp_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
)

const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// signInPage opens the page and returns what its form would post, and the cookie that goes with it.
func (a *app) signInPage(query string) (answer, url.Values, string) {
	a.t.Helper()
	x := a.do("ui/sign-in/", request{method: "GET", query: query, headers: map[string]string{"Accept": "text/html"}})
	form := url.Values{}
	for _, field := range regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`).FindAllStringSubmatch(x.body, -1) {
		form.Set(field[1], html.UnescapeString(field[2]))
	}
	cookie := x.cookies["sallyport_form"]
	if x.status != 200 || cookie == nil || form.Get("form_token") == "" {
		a.t.Fatalf("ui/sign-in/ = %d %s", x.status, x.body)
	}
	return x, form, "sallyport_form=" + cookie.Value
}

// postForm is a browser without JavaScript.
func (a *app) postForm(form url.Values, cookies string, more ...string) answer {
	a.t.Helper()
	headers := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html", "Sec-Fetch-Site": "same-origin", "Origin": "https://app.example.com"}
	for i := 0; i < len(more); i += 2 {
		headers[more[i]] = more[i+1]
	}
	return a.do("ui/sign-in/", request{body: form.Encode(), headers: headers, cookies: cookies})
}

// notice is what the page says.
func notice(x answer) string {
	found := regexp.MustCompile(`role="alert"[^>]*>([^<]*)<`).FindStringSubmatch(x.body)
	if found == nil {
		return "no notice"
	}
	return html.UnescapeString(found[1])
}

func TestSignInPage(t *testing.T) {
	a := newApp(t, func(cfg *config) {
		cfg.ReturnTo = []string{"https://wiki.example.com/"}
		cfg.Providers = []sallyport.Provider{idp.GitHub{Name: "github", ClientID: "c", ClientSecret: randomText()}, idp.Google{Name: "tokens-only", ClientID: "c"}}
	})
	x, form, cookie := a.signInPage("?return_to=https://wiki.example.com/%3Fa=%2522b")
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": pagePolicy, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": "max-age=31536000",
	} {
		if got := x.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := form.Get("return_to"); got != "https://wiki.example.com/?a=%22b" {
		t.Errorf("return_to is %q", got)
	}
	if link := `<a class="button" data-name="github" href="/auth/login/github/?return_to=https%3a%2f%2fwiki.example.com%2f%3fa%3d%2522b">Continue with GitHub</a>`; !strings.Contains(x.body, link) {
		t.Errorf("the page lacks %s:\n%s", link, x.body)
	}
	if strings.Contains(x.body, "tokens-only") != (a.svc.Providers()[1].LoginError == nil) {
		t.Error("the page has a provider at which nobody can sign in, or lacks one")
	}
	c := x.cookies["sallyport_form"]
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/auth/ui/" {
		t.Errorf("cookie %v", c)
	}
	again := a.do("ui/sign-in/", request{method: "GET", cookies: cookie})
	if again.cookies["sallyport_form"] != nil || !strings.Contains(again.body, form.Get("form_token")) {
		t.Error("a second page makes the form of the first worthless")
	}
	if x := a.do("ui/sign-in/", request{method: "HEAD"}); x.status != 200 || x.body != "" {
		t.Errorf("HEAD = %d", x.status)
	}
	for _, query := range []string{"?return_to=https://evil.example/", "?return_to=//evil.example", "?signed_in&return_to=https://evil.example/"} {
		a.do("ui/sign-in/", request{method: "GET", query: query}).want(t, 400, "invalid_return_to")
	}
	a.do("ui/sign-in/", request{method: "GET", query: "?return_to=/&return_to=/"}).want(t, 400, "invalid_request")
}

// Without JavaScript the form is all there is.
func TestSignInFormWithoutScript(t *testing.T) {
	a := newApp(t, func(cfg *config) { cfg.ReturnTo = []string{"https://wiki.example.com/"} })
	_, pw := a.user("ada")
	for returnTo, want := range map[string]string{
		"/orders?a=b":                "https://app.example.com/orders?a=b",
		"":                           "https://app.example.com/",
		"https://wiki.example.com/x": "/auth/ui/sign-in/?signed_in&return_to=https%3A%2F%2Fwiki.example.com%2Fx",
	} {
		_, form, cookie := a.signInPage("?return_to=" + url.QueryEscape(returnTo))
		form.Set("username", "ada")
		form.Set("password", pw)
		x := a.postForm(form, cookie)
		if got := x.header.Get("Location"); x.status != 303 || got != want || x.cookies["refresh_cookie"] == nil {
			t.Errorf("to %q: %d to %q with %v, want %q", returnTo, x.status, got, x.cookies, want)
		}
	}
	x := a.do("ui/sign-in/", request{method: "GET", query: "?signed_in&return_to=https%3A%2F%2Fwiki.example.com%2Fx"})
	if x.status != 200 || !strings.Contains(x.body, `content="0; url=https://wiki.example.com/x"`) || !strings.Contains(x.body, `href="https://wiki.example.com/x"`) {
		t.Errorf("%d %s", x.status, x.body)
	}
}

// The session that the browser holds is replaced, as at sign-in/.
func TestSignInFormReplacesTheSession(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	_, form, cookie := a.signInPage("")
	form.Set("username", "ada")
	form.Set("password", pw)
	if x := a.postForm(form, cookie+"; "+s.cookieHeader()); x.status != 303 {
		t.Fatalf("%d %s", x.status, x.body)
	}
	a.clock.advance(time.Minute)
	s.post("refresh/").want(t, 401, "session_revoked")
}

func TestSignInFormRefused(t *testing.T) {
	a := newApp(t, func(cfg *config) {
		cfg.Limits = sallyport.Limits{Account: sallyport.Limit{Count: 4, Period: 10 * time.Minute}, Address: sallyport.Limit{Count: 1000, Period: time.Hour}}
	})
	_, pw := a.user("ada")
	_, good, cookie := a.signInPage("?return_to=/orders")
	good.Set("username", "ada")
	good.Set("password", pw)
	for name, c := range map[string]struct {
		change  func(url.Values)
		cookies string
		status  int
		notice  string
	}{
		"wrong password":          {func(f url.Values) { f.Set("password", randomText()) }, cookie, 401, "Username and password do not go together."},
		"nobody":                  {func(f url.Values) { f.Set("username", `<b>"x`) }, cookie, 401, "Username and password do not go together."},
		"no password":             {func(f url.Values) { f.Del("password") }, cookie, 400, "Fill in both fields."},
		"no username":             {func(f url.Values) { f.Del("username") }, cookie, 400, "Fill in both fields."},
		"a very long password":    {func(f url.Values) { f.Set("password", strings.Repeat("p", 5000)) }, cookie, 400, "Fill in both fields."},
		"no token":                {func(f url.Values) { f.Del("form_token") }, cookie, 403, "This page was open for too long, or cookies are switched off. Try again."},
		"no cookie":               {func(url.Values) {}, "", 403, "This page was open for too long, or cookies are switched off. Try again."},
		"another browser's token": {func(url.Values) {}, "sallyport_form=" + strings.Repeat("A", 26), 403, "This page was open for too long, or cookies are switched off. Try again."},
		"two cookies":             {func(url.Values) {}, cookie + "; " + cookie, 403, "This page was open for too long, or cookies are switched off. Try again."},
	} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{}
			for key, values := range good {
				form[key] = values
			}
			c.change(form)
			before := a.rows()
			x := a.postForm(form, c.cookies)
			if x.status != c.status || notice(x) != c.notice {
				t.Errorf("%d %q, want %d %q", x.status, notice(x), c.status, c.notice)
			}
			if after := a.rows(); after != before || x.cookies["refresh_cookie"] != nil {
				t.Error("a refused form changed something")
			}
			if got := html.UnescapeString(x.body); !strings.Contains(x.body, `value="https://app.example.com/orders"`) || form.Get("username") != "" && !strings.Contains(got, `value="`+form.Get("username")+`"`) {
				t.Errorf("the page has forgotten the username or where to go:\n%s", x.body)
			}
			if pw := form.Get("password"); pw != "" && strings.Contains(x.body, pw) || strings.Contains(x.body, "<b>") {
				t.Error("the page repeats the password, or markup")
			}
		})
	}
	for range 4 {
		bad := url.Values{"username": {"ada"}, "password": {"x"}, "return_to": {"/"}, "form_token": good["form_token"]}
		a.postForm(bad, cookie)
	}
	x := a.postForm(good, cookie)
	if x.status != 429 || notice(x) != "There were too many attempts. Wait a little." || x.header.Get("Retry-After") == "" {
		t.Errorf("%d %q, Retry-After %q", x.status, notice(x), x.header.Get("Retry-After"))
	}
	a.postForm(good, cookie, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example").wantPage(t, 403)
	a.postForm(good, cookie, "Content-Type", "text/plain").wantPage(t, 415)
	good.Set("return_to", "https://evil.example/")
	a.postForm(good, cookie).wantPage(t, 400)
	a.store.Close()
	good.Set("return_to", "/")
	if x := a.postForm(good, cookie); x.status != 503 || notice(x) != "The server cannot answer just now. Try again." {
		t.Errorf("%d %q", x.status, notice(x))
	}
}

// wantPage is a page for a person.
func (x answer) wantPage(t *testing.T, status int) {
	t.Helper()
	if x.status != status || x.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %s: %.200s, want a page of %d", x.status, x.header.Get("Content-Type"), x.body, status)
	}
}

// The page of one's account is for everybody the same.
func TestAccountPageHoldsNobody(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	outside := a.do("ui/account/", request{method: "GET"})
	inside := a.do("ui/account/", request{method: "GET", cookies: s.cookieHeader()})
	if outside.status != 200 || outside.body != inside.body || outside.header.Get("Content-Security-Policy") != pagePolicy {
		t.Errorf("%d and %d, Content-Security-Policy %q", outside.status, inside.status, outside.header.Get("Content-Security-Policy"))
	}
}

// Everything that a page names is there, may be kept for ever, and is ours.
func TestPagesHaveTheirFiles(t *testing.T) {
	a := newApp(t, nil)
	files := map[string]bool{}
	for _, page := range []string{"ui/sign-in/", "ui/account/"} {
		x := a.do(page, request{method: "GET"})
		for _, found := range regexp.MustCompile(`(?:src|href)="(/auth/ui/assets/[^"]+)"`).FindAllStringSubmatch(x.body, -1) {
			files[found[1]] = true
		}
		for name, inline := range map[string]string{"a script": `<script[^>]*>[^<]`, "a style": `<style`, "a style attribute": ` style=`, "an event handler": ` on[a-z]+=`} {
			if found := regexp.MustCompile(inline).FindString(x.body); found != "" {
				t.Errorf("%s has %s: %s", page, name, found)
			}
		}
	}
	if len(files) != 3 {
		t.Errorf("the pages name %v, want a style sheet and two scripts", files)
	}
	for file := range files {
		x := a.do(strings.TrimPrefix(file, "/auth/"), request{method: "GET"})
		if x.status != 200 || x.header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s = %d %v", file, x.status, x.header)
		}
		for _, imported := range regexp.MustCompile(`from "\./([^"]+)"`).FindAllStringSubmatch(x.body, -1) {
			at := file[:strings.LastIndex(file, "/")+1] + imported[1]
			if x := a.do(strings.TrimPrefix(at, "/auth/"), request{method: "GET"}); x.status != 200 || x.header.Get("Content-Type") != "text/javascript; charset=utf-8" {
				t.Errorf("%s = %d", at, x.status)
			}
		}
	}
	for _, path := range []string{"ui/", "ui/assets/", "ui/assets/x", "ui/assets/0000000000000000/ui.css", "ui/sign-in/x"} {
		a.do(path, request{method: "GET"}).want(t, 404, "not_found")
	}
}
