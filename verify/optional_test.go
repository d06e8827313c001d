package verify_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

// whoami answers with the subject, or "nobody".
func whoami(w http.ResponseWriter, r *http.Request) {
	name := "nobody"
	if claims, ok := verify.FromContext(r.Context()); ok {
		name = claims.Subject
	} else if claims != nil {
		name = "an object without a right"
	}
	io.WriteString(w, name)
}

func TestVM_21_Optional(t *testing.T) {
	f := newFollower(t, func(c *verify.Config) { c.Revocation = verify.Stateless })
	handler := f.Optional(http.HandlerFunc(whoami), verify.Group("staff"))
	for name, c := range map[string]struct {
		header []string
		status int
		body   string
	}{
		"no header":          {nil, 200, "nobody"},
		"good token":         {[]string{"Bearer " + f.issuer.Token(verifytest.Groups("staff"))}, 200, "user-1"},
		"without the group":  {[]string{"Bearer " + f.issuer.Token()}, 403, ""},
		"expired":            {[]string{"Bearer " + f.issuer.Token(verifytest.Expired())}, 401, ""},
		"foreign":            {[]string{"Bearer " + f.issuer.Token(verifytest.Foreign())}, 401, ""},
		"empty header":       {[]string{""}, 401, ""},
		"another scheme":     {[]string{"Basic dTpw"}, 401, ""},
		"no token":           {[]string{"Bearer"}, 401, ""},
		"two good ones":      {[]string{"Bearer " + f.issuer.Token(verifytest.Groups("staff")), "Bearer " + f.issuer.Token(verifytest.Groups("staff"))}, 400, ""},
		"anonymous and good": {[]string{"", "Bearer " + f.issuer.Token(verifytest.Groups("staff"))}, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			// Somebody before us has put an identity there.
			r = r.WithContext(verify.NewContext(r.Context(), &verify.Claims{Subject: "mallory"}))
			if c.header != nil {
				r.Header["Authorization"] = c.header
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != c.status || c.status == 200 && w.Body.String() != c.body {
				t.Errorf("answer = %d %q, want %d %q", w.Code, w.Body, c.status, c.body)
			}
		})
	}
}

// counted is an Observer.
type counted struct {
	mu      sync.Mutex
	results []string
}

func (c *counted) Verified(_ context.Context, result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.results = append(c.results, result)
}

func TestObserver(t *testing.T) {
	seen := &counted{}
	f := newFollower(t, func(c *verify.Config) { c.Observer = seen })
	if s := f.Status(); s.KeysAge >= 0 && s.FeedAge >= 0 && f.issuer.Count(verifytest.KeySet) == 0 {
		t.Errorf("Status() before anything = %+v", s)
	}
	f.ready(t)
	token, stale := f.issuer.Token(), f.issuer.Token(verifytest.Session("another"), verifytest.Subject("user-2"))
	f.Verify(t.Context(), token)
	f.Verify(t.Context(), f.issuer.Token(verifytest.Expired()))
	f.Verify(t.Context(), f.issuer.Token(verifytest.Foreign()))
	f.issuer.EndSession("session-1")
	f.issuer.MakeStale("user-2")
	eventually(t, "both are known", func() bool { return f.Status().FeedEntries == 2 })
	f.Verify(t.Context(), token)
	f.Verify(t.Context(), stale)
	asked := f.issuer.Count(verifytest.Revocations)
	f.issuer.Fail(verifytest.Down)
	eventually(t, "the reader has failed", func() bool { return f.issuer.Count(verifytest.Revocations) > asked+2 })
	f.clock.Advance(verify.DefaultMaxFeedAge + time.Second)
	f.Verify(t.Context(), f.issuer.Token(verifytest.Session("third"), verifytest.Subject("user-3")))
	online := f.With(verify.Online)
	online.Verify(t.Context(), f.issuer.Token(verifytest.Session("third")))
	want := []string{"ok", "expired", "invalid", "revoked", "stale", "feed_unavailable", "issuer_unavailable"}
	if !slices.Equal(seen.results, want) {
		t.Errorf("results = %q, want %q", seen.results, want)
	}
	if s := f.Status(); s.KeysAge != verify.DefaultMaxFeedAge+time.Second || s.FeedAge != s.KeysAge || s.FeedEntries != 2 {
		t.Errorf("Status() = %+v", s)
	}
}
