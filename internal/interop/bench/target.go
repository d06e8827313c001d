package main

import (
	"fmt"
	"strings"
)

// target is what a row should reach, in words and as a check. The zero value is no target.
type target struct {
	text string
	met  func(row) bool
}

func ofFloor(share float64) target {
	return target{fmt.Sprintf("≥ %.0f %% of the floor", share*100), func(r row) bool { return r.Ratio >= share }}
}

func timesReference(times float64) target {
	return target{fmt.Sprintf("≥ %.0f × reference", times), func(r row) bool { return r.TimesReference >= times }}
}

// timesPeer compares with what another program does on one core of a machine of the same kind, in requests a second.
func timesPeer(times float64, peer string, rate float64) target {
	return target{fmt.Sprintf("≥ %.0f × %s (%.0f)", times, peer, rate), func(r row) bool { return r.Rate >= times*rate }}
}

func cpuAtMost(times float64) target {
	return target{fmt.Sprintf("CPU ≤ %.2f × floor", times), func(r row) bool {
		return r.CPU > 0 && r.FloorCPU > 0 && r.CPU <= times*r.FloorCPU
	}}
}

// all is met when each of the targets is.
func all(targets ...target) target {
	var texts []string
	for _, t := range targets {
		texts = append(texts, t.text)
	}
	return target{strings.Join(texts, ", "), func(r row) bool {
		for _, t := range targets {
			if !t.met(r) {
				return false
			}
		}
		return true
	}}
}

// judge fills in the target. A row with a failure has not met any.
func (t target) judge(r *row) {
	r.Target = t.text
	if t.met != nil {
		met := r.Failures == 0 && t.met(*r)
		r.Met = &met
	}
}
