package settings

import (
	"strings"
	"time"
)

// Limit is how often something may happen: Count times in a Period.
type Limit struct {
	Count  int
	Period time.Duration
}

// String is the limit as it is written in the settings: "10/10m".
func (l Limit) String() string { return problemf("%d/%s", l.Count, brief(l.Period)) }

// Limits is the settings of rate limits.
type Limits struct {
	Account, Address, Session, Login Limit
	Sessions                         int
}

const (
	limitPattern   = `^[0-9]+/[0-9hms.]+$`
	maxLimitCount  = 1_000_000
	maxLimitPeriod = 24 * time.Hour
)

func (d *decoder) limit(n node, into *Limit) bool {
	const form = "want COUNT/TIME, such as 10/10m: ten times in ten minutes"
	var text string
	if n.shape == number {
		return d.fault(n, form)
	}
	if !d.text(n, &text) {
		return false
	}
	before, after, found := strings.Cut(text, "/")
	count, isNumber := parseNumber(before)
	period, err := time.ParseDuration(after)
	switch {
	case !found || !isNumber || err != nil:
		return d.fault(n, form)
	case count < 1 || count > maxLimitCount:
		return d.fault(n, problemf("the count is %s, want between 1 and %d", before, maxLimitCount))
	case period < time.Second || period > maxLimitPeriod:
		return d.fault(n, problemf("the time is %s, want between 1s and %s", after, brief(maxLimitPeriod)))
	}
	*into = Limit{count, period}
	return true
}
