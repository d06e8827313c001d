package verify_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
)

func TestNewReportsAllFaultsAtOnce(t *testing.T) {
	_, err := verify.New(verify.Config{Revocation: 7, OldFeed: -1, MaxFeedAge: time.Second, Leeway: 61 * time.Second})
	if err == nil {
		t.Fatal("New(nothing) = nil, want an error")
	}
	for _, field := range []string{"Issuer", "Audience", "Revocation", "OldFeed", "MaxFeedAge", "Leeway"} {
		if !strings.Contains(err.Error(), "verify: Config."+field+": ") {
			t.Errorf("New(nothing) = %v, want a fault of %s too", err, field)
		}
	}
}

func TestNewIssuer(t *testing.T) {
	tests := []struct {
		name, issuer string
		ok           bool
	}{
		{"https", "https://app.example.com/auth", true},
		{"https with a slash", "https://app.example.com/", false},
		{"https on a private address", "https://10.0.0.1/auth", true},
		{"http on localhost", "http://localhost:8000/auth", true},
		{"http on 127.0.0.1", "http://127.0.0.1:8000/auth", true},
		{"http on ::1", "http://[::1]:8000/auth", true},
		{"empty", "", false},
		{"http", "http://app.example.com/auth", false},
		{"http on a private address", "http://10.0.0.1/auth", false},
		{"http on a name that begins like loopback", "http://127.0.0.1.example.com/auth", false},
		{"http on a name that ends like loopback", "http://notlocalhost/auth", false},
		{"no scheme", "app.example.com/auth", false},
		{"no host", "https:///auth", false},
		{"opaque", "https:app.example.com", false},
		{"ftp", "ftp://app.example.com", false},
		{"query", "https://app.example.com/auth?x=y", false},
		{"empty query", "https://app.example.com/auth?", false},
		{"fragment", "https://app.example.com/auth#x", false},
		{"empty fragment", "https://app.example.com/auth#", false},
		{"user name", "https://user:hunter2@app.example.com/auth", false},
		{"white space", " https://app.example.com/auth", false},
		{"control character", "https://app.example.com/\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := verify.New(verify.Config{Issuer: tt.issuer, Audience: audience})
			if (err == nil) != tt.ok || (v != nil) != tt.ok {
				t.Fatalf("New(%q) = %v, %v, want ok = %v", tt.issuer, v, err, tt.ok)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("New(%q) = %v quotes a password", tt.issuer, err)
			}
			if v != nil {
				v.Close()
			}
		})
	}
}

func TestNewDoesNotAskTheIssuer(t *testing.T) {
	w := newWorld(t)
	w.server.wantFetches(t, 0)
	if err := w.verifier.Ready(t.Context()); err != nil {
		t.Errorf("Ready = %v", err)
	}
	if err := w.verifier.Ready(t.Context()); err != nil {
		t.Errorf("Ready = %v", err)
	}
	w.wantGood(t)
	w.server.wantFetches(t, 1)
}

func TestKeysAreBelowTheIssuer(t *testing.T) {
	w := newWorld(t)
	var asked string
	good := *w.server.handler.Load()
	w.server.serve(func(rw http.ResponseWriter, r *http.Request) { asked = r.URL.Path; good(rw, r) })
	issuer := w.server.URL + "/auth"
	v, err := verify.New(verify.Config{Issuer: issuer, Audience: audience, Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	claims := w.claims()
	claims["iss"] = issuer
	if _, err := v.Verify(t.Context(), w.signer.mint(t, w.signer.header(), claims)); err != nil {
		t.Errorf("Verify = %v", err)
	}
	if want := "/auth/.well-known/jwks.json"; asked != want {
		t.Errorf("the keys of %s were asked for at %q, want %q", issuer, asked, want)
	}
}

func TestLeeway(t *testing.T) {
	tests := []struct {
		name   string
		leeway time.Duration
		age    int64 // seconds since exp
		ok     bool
	}{
		{"60 s by default", 0, 59, true},
		{"60 s by default", 0, 60, false},
		{"as configured", 10 * time.Second, 9, true},
		{"as configured", 10 * time.Second, 10, false},
		{"none", -1, 0, false},
		{"none", -1, -1, true},
	}
	w := newWorld(t)
	for _, tt := range tests {
		w.verifier = w.newVerifier(t, verify.Config{Leeway: tt.leeway})
		want := verify.ErrTokenExpired
		if tt.ok {
			want = nil
		}
		w.wantVerify(t, tt.name, w.token(t, w.signer, map[string]any{"exp": w.clock.Now().Unix() - tt.age}), want)
	}
}

func TestErrorsAreTheOnesOfThisPackage(t *testing.T) {
	all := []error{
		verify.ErrTokenInvalid, verify.ErrTokenExpired, verify.ErrTokenRevoked, verify.ErrTokenStale,
		verify.ErrKeysUnavailable, verify.ErrFeedUnavailable, verify.ErrIssuerUnavailable,
	}
	for n, err := range all {
		for m, other := range all {
			isTokens := n < 4 && m == 0 // what is wrong with a token is an ErrTokenInvalid, and no fault of ours is
			if got := errors.Is(err, other); got != (n == m || isTokens) {
				t.Errorf("%v is %v: %v, want %v", err, other, got, !got)
			}
		}
	}
}

func TestVerifyStopsWithItsContext(t *testing.T) {
	w := newWorld(t)
	w.server.hold()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.verifier.Verify(ctx, w.token(t, w.signer, nil))
	if !errors.Is(err, context.Canceled) || errors.Is(err, verify.ErrTokenInvalid) {
		t.Errorf("Verify = %v, want %v", err, context.Canceled)
	}
}

// BenchmarkVerify is a token that was not seen before.
func BenchmarkVerify(b *testing.B) { benchmarkVerify(b, -1) }

// BenchmarkVerifySeen is a token that was.
func BenchmarkVerifySeen(b *testing.B) { benchmarkVerify(b, 0) }

func benchmarkVerify(b *testing.B, cacheSize int) {
	w := newWorld(b)
	w.verifier = w.newVerifier(b, verify.Config{CacheSize: cacheSize})
	token := w.token(b, w.signer, nil)
	if _, err := w.verifier.Verify(b.Context(), token); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.verifier.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
