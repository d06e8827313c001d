package main

import (
	"testing"
	"time"
)

func TestParseTimes(t *testing.T) {
	for _, c := range []struct {
		name, stat string
		want       processTimes
		fails      bool
	}{
		{"plain", "12 (sallyport) S 1 12 12 0 -1 4194560 900 0 0 0 250 50 3 2 20 0 9 0 1 2 3", processTimes{1, 3 * time.Second, 50 * time.Millisecond}, false},
		{"a name with a parenthesis and blanks", "12 (a) b) (c) S 7 12 12 0 -1 4194560 900 0 0 0 7 1 0 0 20 0 9", processTimes{7, 80 * time.Millisecond, 0}, false},
		{"cut off", "12 (sallyport) S 1 12", processTimes{}, true},
		{"no number", "12 (sallyport) S 1 12 12 0 -1 4194560 900 0 0 0 x 50 0 0 20", processTimes{}, true},
		{"empty", "", processTimes{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseTimes([]byte(c.stat))
			if (err != nil) != c.fails || !c.fails && got != c.want {
				t.Errorf("parseTimes(%q) = %+v, %v, want %+v", c.stat, got, err, c.want)
			}
		})
	}
}

func TestParseCoreBusy(t *testing.T) {
	const stat = "cpu  11 2 3 900 50 1 1 1 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\ncpu1 100 20 30 900 50 4 5 6 70 7\ncpu11 9 9 9 9 9 9 9 9 9 9\nintr 1\n"
	for core, want := range map[int]time.Duration{0: 60 * time.Millisecond, 1: 1650 * time.Millisecond, 2: 0} {
		if got := parseCoreBusy([]byte(stat), core); got != want {
			t.Errorf("parseCoreBusy(%d) = %v, want %v", core, got, want)
		}
	}
}
