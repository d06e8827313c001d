package main

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
)

// TestLogoffReachesAService: a service that follows the feed refuses a token after the logoff, and after a command has
// changed its user, and follows on when the server was away.
func TestLogoffReachesAService(t *testing.T) {
	p := serveAlice(t)
	v, err := verify.New(verify.Config{Issuer: p.url + "/auth", Audience: p.url + "/auth", Revocation: verify.Feed})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually := func(token string, want error) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
			_, err := v.Verify(t.Context(), token)
			if errors.Is(err, want) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("Verify() = %v for 10 s, want %v", err, want)
			}
		}
	}
	signIn := func() (access string, header http.Header, csrf string) {
		t.Helper()
		answer, tokens := post(t, p.url+"/auth/sign-in/", credentials(testPassword), nil)
		access, _ = tokens["access_token"].(string)
		csrf, _ = tokens["CSRF_token"].(string)
		return access, cookies(answer), csrf
	}
	first, header, csrf := signIn()
	second, secondHeader, secondCSRF := signIn()
	eventually(first, nil)
	if answer, _ := post(t, p.url+"/auth/logoff/", fmt.Sprintf(`{"CSRF_token": %q}`, csrf), header); answer.StatusCode != 200 {
		t.Fatalf("logoff = %s", answer.Status)
	}
	eventually(first, verify.ErrTokenRevoked)
	eventually(second, nil)

	p.command(t, "users", "set", "alice", "first_name=Alicia")
	eventually(second, verify.ErrTokenStale)
	_, tokens := post(t, p.url+"/auth/refresh/", fmt.Sprintf(`{"CSRF_token": %q}`, secondCSRF), secondHeader)
	fresh, _ := tokens["access_token"].(string)
	eventually(fresh, nil)

	p.command(t, "users", "disable", "alice")
	eventually(fresh, verify.ErrTokenRevoked)
	if code := p.stop(syscall.SIGTERM); code != 0 { // while the verifier waits for the next page
		t.Errorf("the server ended with status %d", code)
	}
	eventually(fresh, verify.ErrTokenRevoked)
}
