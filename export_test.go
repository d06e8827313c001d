package sallyport

import "context"

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
