package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sallyport-auth/sallyport"
)

func TestReadiness(t *testing.T) {
	broken := errors.New("no answer")
	for _, tc := range []struct {
		name     string
		store    error
		draining bool
		path     string
		status   int
		want     string
	}{
		{"ready", nil, false, "/readyz", 200, "ok"},
		{"another secret", sallyport.ErrUnknownSecret, false, "/readyz", 503, "the database has been given another root secret"},
		{"no key", sallyport.ErrNoSigningKey, false, "/readyz", 503, "there is no signing key"},
		{"no store", broken, false, "/readyz", 503, "the store does not answer"},
		{"draining", nil, true, "/readyz", 503, "draining"},
		{"alive without a store", broken, false, "/livez", 200, "ok"},
		{"alive while draining", nil, true, "/livez", 200, "ok"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ready := func(ctx context.Context) error {
				if _, bounded := ctx.Deadline(); !bounded {
					t.Error("the store is asked without a deadline")
				}
				return tc.store
			}
			server := httptest.NewServer(newAdmin(ready, func() bool { return tc.draining }, http.NotFoundHandler(), "127.0.0.1:8001"))
			defer server.Close()
			response, err := http.Get(server.URL + tc.path)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			var got health
			if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != tc.status || got.Status != tc.want {
				t.Errorf("GET %s = %d %q, want %d %q", tc.path, response.StatusCode, got.Status, tc.status, tc.want)
			}
		})
	}
}

func TestIsForeign(t *testing.T) {
	for _, tc := range []struct {
		name, host string
		header     http.Header
		want       bool
	}{
		{"address", "127.0.0.1:8001", nil, false},
		{"address of IPv6", "[::1]:8001", nil, false},
		{"address without a port", "10.1.2.3", nil, false},
		{"localhost on another port", "localhost:9001", nil, false},
		{"configured name", "admin.internal:8001", nil, false},
		{"name of somebody else", "evil.example:8001", nil, true},
		{"name that begins like ours", "localhost.evil.example", nil, true},
		{"name that ends like ours", "evil-admin.internal", nil, true},
		{"no host", "", nil, true},
		{"user in the host", "x@localhost", nil, true},
		{"path in the host", "localhost/x", nil, true},
		{"own page", "127.0.0.1:8001", http.Header{"Origin": {"http://127.0.0.1:8001"}, "Sec-Fetch-Site": {"same-origin"}}, false},
		{"typed address", "127.0.0.1:8001", http.Header{"Sec-Fetch-Site": {"none"}}, false},
		{"page of another port", "127.0.0.1:8001", http.Header{"Origin": {"http://127.0.0.1:3000"}}, true},
		{"page without an origin", "127.0.0.1:8001", http.Header{"Origin": {"null"}}, true},
		{"two origins", "127.0.0.1:8001", http.Header{"Origin": {"http://127.0.0.1:8001", "http://evil.example"}}, true},
		{"same site", "127.0.0.1:8001", http.Header{"Sec-Fetch-Site": {"same-site"}}, true},
		{"cross site", "127.0.0.1:8001", http.Header{"Sec-Fetch-Site": {"cross-site"}}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/readyz", nil)
			if r.Host = tc.host; tc.header != nil {
				r.Header = tc.header
			}
			if got := isForeign(r, "admin.internal"); got != tc.want {
				t.Errorf("isForeign(%q, %v) = %v, want %v", tc.host, tc.header, got, tc.want)
			}
		})
	}
}
