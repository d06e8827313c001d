package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// receiver is a claims hook that checks what it is asked with code of its own, and answers as told.
type receiver struct {
	secret string

	mu      sync.Mutex
	answer  http.HandlerFunc
	reasons []string
	faults  []string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.check(request)(w, request)
}

// check notes what is wrong with a request and returns what answers it.
func (r *receiver) check(request *http.Request) http.HandlerFunc {
	body, err := io.ReadAll(request.Body)
	mac := hmac.New(sha256.New, []byte(r.secret))
	fmt.Fprintf(mac, "%s.%s.%s", request.Header.Get("webhook-id"), request.Header.Get("webhook-timestamp"), body)
	var asked struct {
		Reason    string         `json:"reason"`
		SessionID string         `json:"session_id"`
		ClientID  string         `json:"client_id"`
		User      map[string]any `json:"user"`
	}
	if err == nil {
		err = json.Unmarshal(body, &asked)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case request.Header.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)):
		r.faults = append(r.faults, "wrong signature")
	case err != nil || request.Method != http.MethodPost || asked.User["username"] != "alice" || asked.SessionID == "" || asked.ClientID != "sallyport":
		r.faults = append(r.faults, fmt.Sprintf("%s %+v %v", request.Method, asked, err))
	}
	r.reasons = append(r.reasons, asked.Reason)
	return r.answer
}

func (r *receiver) answerWith(answer http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func claimsAnswer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
	}
}

// TestClaimsHook goes through the real binary: claims at sign-in and at refresh, and for every answer that
// is no good 500 claims_failed, nothing issued, and a line in the log that says which it was.
func TestClaimsHook(t *testing.T) {
	hook := &receiver{secret: rand.Text(), answer: claimsAnswer(`{"claims": {"plan": "pro", "seats": 12345678901234567890}}`)}
	server := httptest.NewServer(hook)
	t.Cleanup(server.Close) // after the server that asks it
	p := serveAlice(t, "SALLYPORT_CLAIMS_HOOK_URL="+server.URL+"/claims?key=CANARY", "SALLYPORT_CLAIMS_HOOK_SECRET="+hook.secret,
		"SALLYPORT_CLAIMS_HOOK_TIMEOUT=500ms", "SALLYPORT_CLAIMS_USER_ATTRIBUTES=email")
	signedIn, tokens := post(t, p.url+"/auth/sign-in/", credentials(testPassword), nil)
	if got := payloadOf(t, tokens); !strings.Contains(got, `"plan":"pro"`) || !strings.Contains(got, `"seats":12345678901234567890`) || !strings.Contains(got, `"email":""`) {
		t.Errorf("the token says %s", got)
	}
	hook.answerWith(claimsAnswer(`{"claims": {"plan": "free"}}`))
	csrf := fmt.Sprintf(`{"CSRF_token": %q}`, tokens["CSRF_token"])
	refreshed, tokens := post(t, p.url+"/auth/refresh/", csrf, cookies(signedIn))
	if got := payloadOf(t, tokens); !strings.Contains(got, `"plan":"free"`) || strings.Contains(got, "seats") {
		t.Errorf("the refreshed token says %s", got)
	}

	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for _, bad := range []struct {
		name   string
		answer http.HandlerFunc
		reason string
	}{
		{"hangs", func(http.ResponseWriter, *http.Request) { <-release }, "in time"},
		{"lies about the user", claimsAnswer(`{"claims": {"sub": "mallory"}}`), `\"sub\", which is reserved`},
		{"lies about the user in capitals", claimsAnswer(`{"claims": {"SUB": "mallory"}}`), `\"SUB\", which is reserved`},
		{"redirects", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, "302"},
		{"answers with HTML", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>CANARY</html>") }, "Content-Type"},
		{"answers with 10 MB", claimsAnswer(`{"claims": {"x": "` + strings.Repeat("x", 10<<20) + `"}}`), "more than"},
		{"says too much", claimsAnswer(`{"claims": {"small": 1, "large": "` + strings.Repeat("x", 5000) + `"}}`), `the heaviest is \"large\"`},
		{"fails", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "CANARY", 500) }, "500"},
		{"has no claims", claimsAnswer(`{"data": {}}`), "claims"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			hook.answerWith(bad.answer)
			before := len(p.log())
			for _, do := range []func() (*http.Response, map[string]any){
				func() (*http.Response, map[string]any) {
					return post(t, p.url+"/auth/sign-in/", credentials(testPassword), nil)
				},
				func() (*http.Response, map[string]any) {
					return post(t, p.url+"/auth/refresh/", csrf, cookies(refreshed))
				},
			} {
				response, body := do()
				if response.StatusCode != 500 || body["code"] != "claims_failed" || len(body) != 2 || len(response.Cookies()) > 0 {
					t.Errorf("answer = %d %v with cookies %v, want 500 claims_failed and nothing else", response.StatusCode, body, response.Cookies())
				}
			}
			if log := p.log()[before:]; !strings.Contains(log, bad.reason) || strings.Count(log, `"level":"ERROR"`) == 0 {
				t.Errorf("the log does not say %q:\n%s", bad.reason, log)
			}
		})
	}

	// The session has survived all of that.
	hook.answerWith(claimsAnswer(`{"claims": {}}`))
	if response, body := post(t, p.url+"/auth/refresh/", csrf, cookies(refreshed)); response.StatusCode != 200 {
		t.Errorf("refresh after the failures = %d %v", response.StatusCode, body)
	}
	for _, secret := range []string{"CANARY", hook.secret} {
		if strings.Contains(p.log(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	hook.mu.Lock()
	defer hook.mu.Unlock()
	if len(hook.faults) > 0 || len(hook.reasons) < 2 || hook.reasons[0] != "sign_in" || hook.reasons[1] != "refresh" {
		t.Errorf("asked for %q, faults %q", hook.reasons, hook.faults)
	}
}

// payloadOf is the payload of the access token in an answer.
func payloadOf(t *testing.T, tokens map[string]any) string {
	t.Helper()
	parts := strings.Split(fmt.Sprint(tokens["access_token"]), ".")
	if len(parts) != 3 {
		t.Fatalf("no access token in %v", tokens)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}
