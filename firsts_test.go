package sallyport_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
)

// safeLog is written by one goroutine and read by another.
type safeLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *safeLog) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

// take returns what was written since the last time.
func (l *safeLog) take() *bytes.Reader {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := bytes.Clone(l.text.Bytes())
	l.text.Reset()
	return bytes.NewReader(text)
}

// limitLines are the new lines of a log in short: the address of a refusal, or how many were not told.
func limitLines(t *testing.T, log *safeLog) []string {
	t.Helper()
	lines := []string{}
	for scanner := bufio.NewScanner(log.take()); scanner.Scan(); {
		var line struct {
			Level, Event, IP string
			Count            int
			Audit            bool
		}
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil || line.Level != "WARN" || !line.Audit {
			t.Errorf("line %s, %v, want a warning of the audit log", scanner.Bytes(), err)
		}
		if line.Count > 0 {
			lines = append(lines, fmt.Sprint(line.Count, " untold"))
		} else {
			lines = append(lines, line.Event+" "+line.IP)
		}
	}
	return lines
}

// TestFloodIsToldOnceAMinute: of each address, an IPv6 one counting by its /64, the first refusal of a minute is in the
// log, and when the minute is over, how many were not.
func TestFloodIsToldOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log safeLog
		limits := sallyport.NewLimitLog(slog.New(slog.NewJSONHandler(&log, nil)))
		for i := range 500 { // one machine with all of its addresses
			limits.Refuse("sign_in", fmt.Sprintf("2001:db8::%x", i+1))
		}
		limits.Refuse("sign_in", "2001:db8:0:1::1")
		limits.Refuse("sign_in", "192.0.2.1")
		limits.Refuse("sign_in", "::ffff:192.0.2.1")
		limits.Refuse("sign_in", "192.0.2.2")
		limits.Refuse("exchange", "192.0.2.2")
		want := []string{"sign_in 2001:db8::1", "sign_in 2001:db8:0:1::1", "sign_in 192.0.2.1", "sign_in 192.0.2.2", "exchange 192.0.2.2"}
		if diff := cmp.Diff(want, limitLines(t, &log)); diff != "" {
			t.Errorf("in a minute (-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute)
		limits.Refuse("sign_in", "2001:db8::1")
		if diff := cmp.Diff([]string{"500 untold", "sign_in 2001:db8::1"}, limitLines(t, &log)); diff != "" {
			t.Errorf("in the next (-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute)
		limits.Refuse("sign_in", "192.0.2.1")
		if diff := cmp.Diff([]string{"sign_in 192.0.2.1"}, limitLines(t, &log)); diff != "" {
			t.Errorf("after a minute without a flood (-want +got):\n%s", diff)
		}
	})
}

// TestFloodThatStopsIsTold: nobody has to come for the count to be told, and what is left is told at the end. What is
// beyond the most addresses that are remembered is counted too.
func TestFloodThatStopsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log safeLog
		limits := sallyport.NewLimitLog(slog.New(slog.NewJSONHandler(&log, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { limits.Run(ctx); close(done) }()
		for i := range 1200 {
			limits.Refuse("sign_in", fmt.Sprintf("10.0.%d.%d", i/256, i%256))
		}
		if got := len(limitLines(t, &log)); got != 1000 {
			t.Errorf("%d refusals in the log, want 1000", got)
		}
		time.Sleep(2*time.Minute + time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"200 untold"}, limitLines(t, &log)); diff != "" {
			t.Errorf("after the flood (-want +got):\n%s", diff)
		}
		for range 3 {
			limits.Refuse("sign_in", "192.0.2.1")
		}
		cancel()
		<-done
		if diff := cmp.Diff([]string{"sign_in 192.0.2.1", "2 untold"}, limitLines(t, &log)); diff != "" {
			t.Errorf("at the end (-want +got):\n%s", diff)
		}
	})
}
