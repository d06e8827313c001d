package sallyport

import (
	"context"
	"log/slog"
	"time"
)

// MaintainKeys is what the background does with the signing keys at every tick.
var MaintainKeys = (*Service).maintainKeys

// For how long a signing key is published before and after it signs.
const (
	KeyLead      = keyLead
	KeyRetention = keyRetention
)

// AddressGroup is addressGroup.
var AddressGroup = addressGroup

// Gate is a gate.
type Gate struct{ gate }

// Enter is enter.
func (g *Gate) Enter(ctx context.Context, key string, most int) (func(), error) {
	return g.enter(ctx, key, most)
}

// Keys is how many keys the gate remembers.
func (g *Gate) Keys() int { return len(g.keys) }

// LimitLog is the part of a Service that logs refusals by a limit, with the clock of the system.
type LimitLog struct{ s Service }

// NewLimitLog makes one that writes to log.
func NewLimitLog(log *slog.Logger) *LimitLog { return &LimitLog{Service{log: log, now: time.Now}} }

// Refuse is a request from ip that a limit turns away.
func (l *LimitLog) Refuse(event, ip string) {
	l.s.audit(context.Background(), event, Client{IP: ip}, &RateLimitError{ruleAddress, time.Minute})
}

// Run is what goes on in the background until ctx ends.
func (l *LimitLog) Run(ctx context.Context) { l.s.tellUntold(ctx) }
