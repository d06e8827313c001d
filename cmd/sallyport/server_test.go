package main

import (
	"testing"
	"time"
)

func TestPolls(t *testing.T) {
	at := func(seconds float64) time.Time {
		return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
	}
	for _, tc := range []struct {
		name  string
		asked []float64
		now   float64
		want  bool
	}{
		{"never asked", nil, 0, false},
		{"looked once", []float64{0}, 1, false},
		{"looked at three times in a hurry", []float64{0, 0.1, 0.2}, 1, false},
		{"polled every 100 ms", []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1}, 1.1, true},
		{"polled every 10 s", []float64{0, 10}, 15, true},
		{"polled until a while ago", []float64{0, 10, 20}, 51, false},
		{"looked at twice, minutes apart", []float64{0, 100}, 101, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p polls
			for _, asked := range tc.asked {
				p.note(at(asked))
			}
			if got := p.going(at(tc.now)); got != tc.want {
				t.Errorf("going() = %v, want %v", got, tc.want)
			}
		})
	}
}

// TestWriteTime: an answer is never cut off before the deadline of its route, the longest of which is a callback with
// the slowest hook.
func TestWriteTime(t *testing.T) {
	const callback, slowestHook, usualHook = 11500 * time.Millisecond, 10 * time.Second, 2 * time.Second
	if longest := callback + slowestHook - usualHook; writeTime < longest+time.Second {
		t.Errorf("writeTime = %v, want more than the %v of a callback", writeTime, longest)
	}
}
