package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1)%4 == 0 {
			http.Error(w, "enough", http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	clients := []traffic{fixed{get(address, "/")}, fixed{get(address, "/")}, fixed{get(address, "/")}}
	p, err := pace(t.Context(), address, clients, 1000, 40*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if p.statuses[200] != 30 || p.statuses[503] != 10 || len(p.latencies) != 30 || !slices.IsSorted(p.latencies) || p.failure != `503 "enough\n"` {
		t.Errorf("pace = %v, %d latencies, the first failure %s, want 30 times 200 and 10 times 503", p.statuses, len(p.latencies), p.failure)
	}
}

// Who waits for a server that stands still counts the time from when the request was due.
func TestPaceCountsFromWhenItWasDue(t *testing.T) {
	const still = 60 * time.Millisecond
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			<-time.After(still)
		}
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	p, err := pace(t.Context(), address, []traffic{fixed{get(address, "/")}}, 100, 40*time.Millisecond)
	if err != nil || len(p.latencies) != 4 {
		t.Fatalf("pace = %d answers, %v, want 4", len(p.latencies), err)
	}
	// They were due after 0, 10, 20 and 30 ms, and the first answer came after 60.
	for i, least := range []time.Duration{30, 40, 50, 60} {
		if got := p.latencies[i]; got < least*time.Millisecond-time.Millisecond {
			t.Errorf("latency %d is %v, want %v ms at least", i, got, int(least))
		}
	}
}

func TestPaceNeedsEnoughToAsk(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	if _, err := pace(t.Context(), address, []traffic{&counted{request: get(address, "/"), left: 1}}, 1000, 40*time.Millisecond); err == nil {
		t.Error("pace = nil, want an error")
	}
}
