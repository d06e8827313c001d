package sallyport

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

var allowedInTests = []string{"https://spa.example.com/app", "http://localhost:5173", "https://other.example.com:8443/"}

func targets() returnTargets { return newReturnTargets("https://app.example.com/auth", allowedInTests) }

func TestReturnTo(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "https://app.example.com/",
		"/":                                      "https://app.example.com/",
		"/orders?page=2#top":                     "https://app.example.com/orders?page=2#top",
		"/a%20b":                                 "https://app.example.com/a%20b",
		"/müller?q=ü":                            "https://app.example.com/m%C3%BCller?q=%C3%BC",
		"/x?next=https://evil.example":           "https://app.example.com/x?next=https://evil.example",
		"/x?sallyport_error=idp_denied&a=1":      "https://app.example.com/x?a=1",
		"/x?a=1&sallyport_error=idp_denied":      "https://app.example.com/x?a=1",
		"/x?sallyport_error":                     "https://app.example.com/x",
		"/x?sallyport%5Ferror=forbidden&a=%zz":   "https://app.example.com/x?a=%zz",
		"https://app.example.com":                "https://app.example.com",
		"https://app.example.com/auth/x":         "https://app.example.com/auth/x",
		"https://spa.example.com/app":            "https://spa.example.com/app",
		"https://spa.example.com/app?x#y":        "https://spa.example.com/app?x#y",
		"https://spa.example.com/app/deep/er":    "https://spa.example.com/app/deep/er",
		"http://localhost:5173/anything":         "http://localhost:5173/anything",
		"https://other.example.com:8443":         "https://other.example.com:8443",
		"https://other.example.com:8443/a?b=%2F": "https://other.example.com:8443/a?b=%2F",
	} {
		if got, err := targets().parse(text); got != want || err != nil {
			t.Errorf("parse(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
}

// hostileReturnTo are addresses that some parser takes for one of ours, or that hide where they lead.
var hostileReturnTo = []string{
	"//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/%5cevil.example", "/%5Cevil.example", "/a/%5c..", "https:evil.example", "https:/evil.example", "https:///evil.example",
	"https://app.example.com@evil.example", "https://user:pw@app.example.com/", "https://evil.example#@app.example.com", "https://evil.example?@app.example.com",
	"https://app.example.com.evil.example", "https://app.example.com:444/", "http://app.example.com/", "https://APP.example.com/", "https://app.example.com\\@evil.example",
	"https://spa.example.com/", "https://spa.example.com", "https://spa.example.com/application", "https://spa.example.com/app%2f..%2fadmin", "https://spa.example.com/app/../admin", "https://spa.example.com/app/%2e%2e/admin", "https://spa.example.com/app/.",
	"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://app.example.com/x", "about:blank",
	"/x\r\nSet-Cookie: a=b", "/x\nb", "/x\tb", "/x%0d%0aSet-Cookie:a", "/x%00", "/\u2028x", "/\u202ex", "/x y", " /x", "/x ", "/\ufeffx", "/\x7f", "/\xff",
	"x", "x/y", "?x", "#x", ".", "..", "./x", "../x", "/.", "/..", "/../x", "/a/../../x", "/%2e%2e/x", "/a/./b", "http:x", "mailto:a@b", "//", "/%2F/evil.example", "////",
	"https://", "https:", "://evil.example", "https://[::1", "/%zz", "*", "https://*.example.com/",
	"/" + strings.Repeat("x", maxReturnTo), "/" + strings.Repeat("é", maxReturnTo/6), "/" + strings.Repeat("x", maxReturnTo-len("https://app.example.com")),
	"%2Fx", "%2f",
}

func TestBL_01_ReturnTo(t *testing.T) {
	for _, text := range hostileReturnTo {
		if got, err := targets().parse(text); !errors.Is(err, ErrInvalidReturnTo) || got != "" {
			t.Errorf("parse(%q) = %q, %v, want ErrInvalidReturnTo", text, got, err)
		}
	}
}

func TestCheckReturnTo(t *testing.T) {
	for _, text := range allowedInTests {
		if err := CheckReturnTo(text); err != nil {
			t.Errorf("CheckReturnTo(%q) = %v, want nil", text, err)
		}
	}
	for _, text := range []string{"", "/app", "app", "https://spa.example.com/?x", "https://spa.example.com/#", "https://spa.example.com/#x", "http://spa.example.com", "ftp://spa.example.com",
		"https://u@spa.example.com", "https://SPA.example.com", "https://spa.example.com:443", "http://localhost:80", "https://spa.example.com:", "https://*.example.com", "https://spa.example.com/a/../b", "myapp://back"} {
		if err := CheckReturnTo(text); err == nil {
			t.Errorf("CheckReturnTo(%q) = nil, want an error", text)
		}
	}
}

func TestReturnToWithAnError(t *testing.T) {
	for to, want := range map[string]string{
		"https://app.example.com/":        "https://app.example.com/?sallyport_error=idp_denied",
		"https://app.example.com/a?b=c#d": "https://app.example.com/a?b=c&sallyport_error=idp_denied#d",
		"https://app.example.com":         "https://app.example.com?sallyport_error=idp_denied",
	} {
		if got := (&Landing{ReturnTo: to}).ReturnToWith("idp_denied"); got != want {
			t.Errorf("ReturnToWith = %q, want %q", got, want)
		}
	}
}

// What passes names one of the allowed origins, has the path that was allowed, and is a fixed point.
func FuzzReturnTo(f *testing.F) {
	for _, text := range hostileReturnTo {
		f.Add(text)
	}
	f.Add("/orders?page=2#top")
	f.Add("https://spa.example.com/app/x")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := targets().parse(text)
		if err != nil {
			return
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Fatalf("parse(%q) = %q, which is no URL: %v", text, got, err)
		}
		origin := u.Scheme + "://" + u.Host
		path := u.EscapedPath()
		switch origin {
		case "https://app.example.com", "http://localhost:5173", "https://other.example.com:8443":
		case "https://spa.example.com":
			if path != "/app" && !strings.HasPrefix(path, "/app/") {
				t.Errorf("parse(%q) = %q, outside the allowed path", text, got)
			}
		default:
			t.Errorf("parse(%q) = %q, at a foreign origin", text, got)
		}
		for i := range len(got) {
			if c := got[i]; c <= ' ' || c > '~' || c == '\\' {
				t.Errorf("parse(%q) = %q, with the byte %#x", text, got, c)
			}
		}
		if strings.HasPrefix(path, "//") || u.User != nil {
			t.Errorf("parse(%q) = %q", text, got)
		}
		if again, err := targets().parse(got); again != got || err != nil {
			t.Errorf("parse(%q) = %q, and of that %q, %v", text, got, again, err)
		}
	})
}
