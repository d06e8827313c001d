package main

import (
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, c := range []struct {
		name      string
		ascending []time.Duration
		p         float64
		want      time.Duration
	}{
		{"none", nil, 50, 0},
		{"one", []time.Duration{7}, 99, 7},
		{"the middle of three", []time.Duration{1, 2, 9}, 50, 2},
		{"the lower of two", []time.Duration{1, 2}, 50, 1},
		{"99 of 100", hundred, 99, 99},
		{"99 of 99 is the greatest", hundred[:99], 99, 99},
		{"50 of 100", hundred, 50, 50},
		{"all", hundred, 100, 100},
		{"nothing", hundred, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := percentile(c.ascending, c.p); got != c.want {
				t.Errorf("percentile(%d values, %v) = %v, want %v", len(c.ascending), c.p, got, c.want)
			}
		})
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []float64
		want   float64
	}{
		{"none", nil, 0},
		{"one", []float64{3}, 3},
		{"three out of order", []float64{9, 1, 4}, 4},
		{"four", []float64{4, 1, 2, 100}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := median(c.values); got != c.want {
				t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
			}
		})
	}
}

func TestMedianLeavesItsValuesInOrder(t *testing.T) {
	values := []float64{3, 1, 2}
	if median(values); values[0] != 3 || values[1] != 1 {
		t.Errorf("after median the values are %v, want 3 1 2", values)
	}
}
