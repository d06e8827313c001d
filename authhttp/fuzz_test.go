package authhttp_test

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzBodies: whatever the body is, the answer is 2xx or 4xx; a fault of ours is never a client's doing.
func FuzzBodies(f *testing.F) {
	a := newApp(f, nil)
	for _, body := range []string{
		`{"username":"ada","password":"x"}`, `{"username":"a","username":"b"}`, `{"uſername":"a"}`, `{"id_token":"a.b.c"}`, `{"token":""}`, `{"scope":"all"}`,
		"", "null", "[]", `"x"`, "{", `{"x":1e400}`, "\xff", strings.Repeat("[", 100),
	} {
		for _, path := range []string{"sign-in", "social-exchange", "refresh", "verify", "logoff"} {
			f.Add(path, body)
		}
	}
	f.Fuzz(func(t *testing.T, path, body string) {
		if strings.ContainsAny(path, " \r\n\t?#%") || !isPrintable(path) {
			return // no path that a request line can carry
		}
		r := httptest.NewRequest("POST", "/auth/"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		a.auth.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code < 200 || w.Code >= 300 && w.Code < 400 {
			t.Errorf("POST %q %q = %d %s", path, body, w.Code, w.Body)
		}
	})
}

// FuzzCookieHeader: a refresh cookie is found or the request is refused; none is silently passed over.
func FuzzCookieHeader(f *testing.F) {
	a := newApp(f, nil)
	f.Add("refresh_cookie=x")
	f.Add("a=b; refresh_cookie=x; refresh_cookie=y")
	f.Add("refresh_cookie")
	f.Add("refresh_cookie =x;;=;")
	f.Add(strings.Repeat("a=b;", 5000) + "refresh_cookie=x")
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest("POST", "/auth/refresh/", nil)
		r.Header["Cookie"] = []string{header}
		w := httptest.NewRecorder()
		a.auth.ServeHTTP(w, r)
		named := strings.Contains("; "+header, "; refresh_cookie=")
		switch {
		case w.Code != 400 && w.Code != 401:
			t.Errorf("Cookie: %q = %d %s", header, w.Code, w.Body)
		case named && strings.Contains(w.Body.String(), "no_refresh_token"):
			t.Errorf("Cookie: %q = %s although there is one", header, w.Body)
		}
	})
}

func isPrintable(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return true
}
