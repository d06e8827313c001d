package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLogRequests(t *testing.T) {
	for _, tc := range []struct {
		name, method, target string
		ids                  []string
		answer               http.HandlerFunc
		want                 map[string]any // without an id that was made
	}{
		{"success", "POST", "/auth/sign-in/?token=CANARY", nil,
			func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"code":"CANARY"}`)) },
			map[string]any{"method": "POST", "route": "/auth/sign-in/", "status": 200.0, "duration_ms": 5.0}},
		{"error", "GET", "/auth/user/", nil,
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(401)
				w.Write([]byte(`{"detail":"x","code":"missing_token"}`))
			},
			map[string]any{"method": "GET", "route": "/auth/user/", "status": 401.0, "code": "missing_token", "duration_ms": 5.0}},
		{"error without a document", "GET", "/auth/user/", nil,
			func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) },
			map[string]any{"method": "GET", "route": "/auth/user/", "status": 500.0, "duration_ms": 5.0}},
		{"made-up path and method", "CANARY", "/CANARY", nil, http.NotFound,
			map[string]any{"method": "other", "route": "unknown", "status": 404.0, "duration_ms": 5.0}},
		{"path in which something varies", "DELETE", "/auth/sessions/CANARY/", nil,
			func(w http.ResponseWriter, r *http.Request) {
				r.Pattern = "/auth/sessions/{id}/"
				http.NotFound(w, r)
			},
			map[string]any{"method": "DELETE", "route": "/auth/sessions/{id}/", "status": 404.0, "duration_ms": 5.0}},
		{"id of a proxy", "GET", "/", []string{"abc-DEF_1.2"}, func(http.ResponseWriter, *http.Request) {},
			map[string]any{"method": "GET", "route": "/", "status": 200.0, "duration_ms": 5.0, "request_id": "abc-DEF_1.2"}},
		{"id with what could forge a line", "GET", "/", []string{"CANARY\tx"}, func(http.ResponseWriter, *http.Request) {},
			map[string]any{"method": "GET", "route": "/", "status": 200.0, "duration_ms": 5.0}},
		{"id that is long", "GET", "/", []string{strings.Repeat("CANARY", 11)}, func(http.ResponseWriter, *http.Request) {},
			map[string]any{"method": "GET", "route": "/", "status": 200.0, "duration_ms": 5.0}},
		{"two ids", "GET", "/", []string{"CANARY", "CANARY"}, func(http.ResponseWriter, *http.Request) {},
			map[string]any{"method": "GET", "route": "/", "status": 200.0, "duration_ms": 5.0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log strings.Builder
			clock := time.Unix(0, 0)
			now := func() time.Time { clock = clock.Add(5 * time.Millisecond); return clock }
			seen := ""
			handler := logRequests(slog.New(slog.NewJSONHandler(&log, nil)), now, func(string, string, *answerWriter, time.Duration) {}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = r.Header.Get(requestID)
				tc.answer(w, r)
			}))
			r := httptest.NewRequest(tc.method, tc.target, nil)
			for _, id := range tc.ids {
				r.Header.Add(requestID, id)
			}
			handler.ServeHTTP(httptest.NewRecorder(), r)

			got := map[string]any{}
			if err := json.Unmarshal([]byte(log.String()), &got); err != nil {
				t.Fatalf("the log is %q: %v", log.String(), err)
			}
			if id := got["request_id"]; id != seen || seen == "" {
				t.Errorf("request_id = %q in the log and %q in the handler, want one that is the same", id, seen)
			}
			if tc.want["request_id"] == nil {
				delete(got, "request_id")
			}
			for _, name := range []string{"time", "level", "msg"} {
				delete(got, name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("the log differs (-want +got):\n%s", diff)
			}
			if strings.Contains(log.String(), "CANARY") {
				t.Errorf("the log is %q, which repeats what the client made up", log.String())
			}
		})
	}
}
