package verify

import "time"

// What tests in verify_test need to see of the inside.
var (
	CheckTarget   = checkTarget
	CheckLoopback = checkLoopback
)

// SetFetchLimit replaces the 5 seconds of a fetch. Call it before the first use.
func (s *KeySet) SetFetchLimit(d time.Duration) { s.limit = d }

// WaitFetches returns when no fetch is under way.
func (s *KeySet) WaitFetches() { s.fetches.Wait() }

// Keys is the key set of a verifier.
func (v *Verifier) Keys() *KeySet { return v.keys }
