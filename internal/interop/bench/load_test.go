package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// counted asks n times.
type counted struct {
	request  []byte
	left     int
	answers  int
	lastBody string
}

func (c *counted) next([]byte) []byte {
	if c.left--; c.left < 0 {
		return nil
	}
	return c.request
}

func (c *counted) answered(a *answer) { c.answers, c.lastBody = c.answers+1, string(a.body) }

func TestDriveUntilNothingIsLeft(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1)%5 == 0 {
			http.Error(w, "enough", http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("answer"))
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	clients := []traffic{&counted{request: get(address, "/"), left: 60}, &counted{request: get(address, "/"), left: 40}, &counted{}}
	s, err := drive(t.Context(), address, clients, 0)
	if err != nil {
		t.Fatal(err)
	}
	if s.succeeded != 80 || s.failed != 20 || len(s.latencies) != 100 || !slices.IsSorted(s.latencies) || s.elapsed <= 0 {
		t.Errorf("drive = %d succeeded, %d failed, %d latencies in %v, want 80, 20, 100", s.succeeded, s.failed, len(s.latencies), s.elapsed)
	}
	if want := `503 "enough\n"`; s.failure != want {
		t.Errorf("the first failure is %s, want %s", s.failure, want)
	}
	answered := 0
	for _, c := range clients {
		answered += c.(*counted).answers
	}
	if answered != 80 || clients[0].(*counted).lastBody != "answer" {
		t.Errorf("%d answers were handed on, the last with %q, want 80 with %q", answered, clients[0].(*counted).lastBody, "answer")
	}
}

func TestDriveForATime(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	const d = 20 * time.Millisecond
	s, err := drive(t.Context(), address, []traffic{fixed{get(address, "/")}}, d)
	if err != nil || s.succeeded == 0 || s.failed > 0 || s.elapsed < d {
		t.Errorf("drive(%v) = %d succeeded, %d failed in %v, %v", d, s.succeeded, s.failed, s.elapsed, err)
	}
}

func TestDriveSaysThatAConnectionBroke(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	if _, err := drive(t.Context(), address, []traffic{fixed{get(address, "/")}}, time.Second); err == nil {
		t.Error("drive = nil, want an error")
	}
}

func TestDriveEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { cancel() }))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	if _, err := drive(ctx, address, []traffic{fixed{get(address, "/")}}, time.Hour); err != context.Canceled {
		t.Errorf("drive = %v, want %v", err, context.Canceled)
	}
}
