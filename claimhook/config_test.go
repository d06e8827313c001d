package claimhook_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/claimhook"
)

const goodURL = "https://hooks.example.com/claims"

func TestNewReportsAllFaultsAtOnce(t *testing.T) {
	h, err := claimhook.New(claimhook.Config{Timeout: time.Minute})
	var fields []string
	for _, e := range sallyport.ConfigErrors(err) {
		fields = append(fields, e.Package+"."+e.Field)
	}
	if want := "claimhook.URL claimhook.Secret claimhook.Timeout"; h != nil || strings.Join(fields, " ") != want {
		t.Errorf("New = %v, %v, want faults of %s", h, err, want)
	}
}

func TestURL(t *testing.T) {
	tests := []struct {
		name, url string
		ok        bool
	}{
		{"https", goodURL, true},
		{"https without a path", "https://hooks.example.com", true},
		{"https with a query", goodURL + "?tenant=7", true},
		{"https on a private address", "https://10.0.0.1:8443/claims", true},
		{"http on 127.0.0.1", "http://127.0.0.1:9000/claims", true},
		{"http on ::1", "http://[::1]:9000/claims", true},
		{"http on localhost", "http://localhost:9000", true},
		{"empty", "", false},
		{"http", "http://hooks.example.com/claims", false},
		{"http on a private address", "http://10.0.0.1/claims", false},
		{"http on a name that begins like loopback", "http://127.0.0.1.example.com", false},
		{"a path", "/claims", false},
		{"no host", "https:///claims", false},
		{"a port without host", "https://:443/claims", false},
		{"another scheme", "ftp://hooks.example.com", false},
		{"a file", "file:///etc/passwd", false},
		{"user", "https://hunter2@hooks.example.com", false},
		{"user and password", "https://u:hunter2@hooks.example.com", false},
		{"fragment", goodURL + "#hunter2", false},
		{"empty fragment", goodURL + "#", false},
		{"control character", "https://hooks.example.com/?hunter2\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := claimhook.New(claimhook.Config{URL: tt.url, Secret: newKey()})
			if (err == nil) != tt.ok || (h != nil) != tt.ok {
				t.Fatalf("New(%q) = %v, want ok = %v", tt.url, err, tt.ok)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("New(%q) = %v quotes the URL", tt.url, err)
			}
		})
	}
}

func TestSecret(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	long := string(newKey())
	tests := []struct {
		name, secret string
		ok           bool
	}{
		{"24 bytes", long[:24], true},
		{"text", "correct horse battery staple", true},
		{"24 bytes in base64", "whsec_" + encode([]byte(long[:24])), true},
		{"32 bytes in base64", "whsec_" + encode([]byte(long)), true},
		{"base64 of another prefix is a text", "WHSEC_" + encode([]byte(long[:20])), true},
		{"empty", "", false},
		{"23 bytes", long[:23], false},
		{"23 bytes in base64, which are 32 characters", "whsec_" + encode([]byte(long[:23])), false},
		{"nothing after the prefix", "whsec_", false},
		{"no base64 after the prefix", "whsec_!" + strings.Repeat("hunter2", 10), false},
		{"base64url after the prefix", "whsec_" + strings.Repeat("_-__", 10), false},
		{"base64 without padding", "whsec_" + base64.RawStdEncoding.EncodeToString([]byte(long[:31])), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := claimhook.New(claimhook.Config{URL: goodURL, Secret: []byte(tt.secret)})
			if (err == nil) != tt.ok {
				t.Fatalf("New with a secret of %d bytes = %v, want ok = %v", len(tt.secret), err, tt.ok)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || tt.secret != "" && strings.Contains(err.Error(), tt.secret) && tt.secret != "whsec_") {
				t.Errorf("New = %v holds the secret", err)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	for timeout, ok := range map[time.Duration]bool{
		0: true, time.Millisecond: true, 10 * time.Second: true, -1: false, time.Microsecond: false, 10*time.Second + 1: false,
	} {
		if _, err := claimhook.New(claimhook.Config{URL: goodURL, Secret: newKey(), Timeout: timeout}); (err == nil) != ok {
			t.Errorf("New with the timeout %v = %v, want ok = %v", timeout, err, ok)
		}
	}
}

func TestSecretIsCopied(t *testing.T) {
	key := newKey()
	given := append([]byte(nil), key...)
	s := newService(t, says(`{"claims":{}}`))
	h := newHook(t, claimhook.Config{URL: s.URL, Secret: given})
	clear(given)
	if _, err := h.Claims(t.Context(), request()); err != nil {
		t.Fatal(err)
	}
	wantSigned(t, s.requests()[0], key)
}
