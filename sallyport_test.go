package sallyport

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestNewReportsEveryFault(t *testing.T) {
	_, err := New(Config{
		Issuer: "http://app.example.com/auth/", Secret: []byte("short"), OldSecrets: [][]byte{nil}, Audience: []string{""},
		UserAttributes: []string{"plan", "sub"}, AccessTTL: 48 * time.Hour, IdleTTL: 48 * time.Hour, RetryWindow: 2 * time.Minute,
		Providers: []Provider{badProvider{}},
	})
	if err == nil {
		t.Fatal("New = nil, want faults")
	}
	for _, part := range []string{"Issuer", "Store", "Secret: it has 5 bytes", "OldSecrets[0]", "Audience", `"sub"`, "AccessTTL", "IdleTTL", "RetryWindow", "Providers[0]"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("New = %v, want %q in it", err, part)
		}
	}
	if strings.Contains(err.Error(), "short") {
		t.Error("the secret is in the error")
	}
}

type badProvider struct{}

func (badProvider) Open(ProviderOptions) (IdentityProvider, error) {
	return nil, errors.New("no client id")
}

func TestCheckIssuer(t *testing.T) {
	for issuer, ok := range map[string]bool{
		"https://app.example.com/auth": true, "https://app.example.com": true, "https://app.example.com:8443/a/b": true,
		"http://127.0.0.1:8000/auth": true, "http://localhost:8000": true, "http://[::1]:8000/auth": true, "http://demo.localhost/auth": true,
		"": false, "app.example.com": false, "http://app.example.com/auth": false, "https://app.example.com/auth/": false, "https://app.example.com/": false,
		"https://APP.example.com/auth": false, "https://app.example.com:443/auth": false, "https://u@app.example.com": false, "https://app.example.com/auth?x": false,
		"https://app.example.com/auth#": false, "https://app.example.com/a/../b": false, "https://app.example.com//auth": false, "ftp://app.example.com": false,
		"https://a.example/auth;v=1": false, "https://a.example/a%2Fb": false, "https://a.example/a%20b": false, "https://a.example/é": false,
		"https://": false, "http://localhost.example.com": false, "https://app.example.com/auth?": false,
	} {
		if err := CheckIssuer(issuer); (err == nil) != ok {
			t.Errorf("CheckIssuer(%q) = %v, want ok = %v", issuer, err, ok)
		}
	}
}
