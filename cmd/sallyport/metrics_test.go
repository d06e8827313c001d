package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestMetrics: a scrape shows what was done, and nothing of who did it.
func TestMetrics(t *testing.T) {
	p := serveAlice(t, "SALLYPORT_LIMITS_ACCOUNT=1/10m")
	signedIn, tokens := post(t, p.url+"/auth/sign-in/", credentials(testPassword), nil)
	post(t, p.url+"/auth/sign-in", credentials("CANARY wrong"), nil)
	post(t, p.url+"/auth/sign-in/", credentials(testPassword), nil)
	post(t, p.url+"/auth/sessions/CANARY", "", nil)
	csrf := fmt.Sprintf(`{"CSRF_token": %q}`, tokens["CSRF_token"])
	post(t, p.url+"/auth/refresh/", csrf, cookies(signedIn))
	post(t, p.url+"/auth/refresh/", csrf, cookies(signedIn))
	post(t, p.url+"/auth/CANARY/", "", nil)
	scraped := scrape(t, p)
	for _, want := range []string{
		`sallyport_sign_ins_total{method="password",result="ok"} 1`,
		`sallyport_sign_ins_total{method="password",result="invalid_credentials"} 1`,
		`sallyport_sign_ins_total{method="password",result="rate_limited"} 1`,
		`sallyport_rate_limited_total{rule="account"} 1`,
		`sallyport_refreshes_total{result="advance"} 1`,
		`sallyport_refreshes_total{result="retry"} 1`,
		`sallyport_http_request_duration_seconds_count{code="200",method="POST",route="/auth/refresh"} 2`,
		`sallyport_http_request_duration_seconds_count{code="invalid_credentials",method="POST",route="/auth/sign-in"} 1`,
		`sallyport_http_request_duration_seconds_count{code="method_not_allowed",method="POST",route="/auth/sessions/{id}"} 1`,
		`sallyport_http_request_duration_seconds_count{code="not_found",method="POST",route="unknown"} 1`,
		`sallyport_db_query_duration_seconds_count{op="refresh"} 2`,
		`sallyport_db_query_duration_seconds_count{op="start_session"} 1`,
		`sallyport_password_hash_slots 0`,
		`sallyport_password_hash_waiting 0`,
		`sallyport_revocation_feed_entries 0`,
		`sallyport_revocation_feed_subscribers 0`,
		`sallyport_signing_keys{state="active"} 1`,
		`sallyport_signing_keys{state="next"} 0`,
		`sallyport_signing_key_age_seconds `,
		`sallyport_build_info{commit="`,
		`process_resident_memory_bytes `,
		`go_goroutines `,
	} {
		if !strings.Contains(scraped, "\n"+want) {
			t.Errorf("GET /metrics lacks %s", want)
		}
	}
	for _, secret := range []string{"CANARY", "alice", testPassword, fmt.Sprint(tokens["access_token"]), fmt.Sprint(tokens["CSRF_token"])} {
		if strings.Contains(scraped, secret) {
			t.Errorf("GET /metrics holds %q", secret)
		}
	}
}

func scrape(t *testing.T, p *process) string {
	t.Helper()
	response, err := http.Get(p.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") {
		t.Fatalf("GET /metrics = %s, %s, %v", response.Status, response.Header.Get("Content-Type"), err)
	}
	return string(body)
}
