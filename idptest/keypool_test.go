package idptest

import (
	"crypto"
	"crypto/rsa"
	"testing"
)

// TestKeysAreOneProvidersAtATime: a key that was a closed provider's may be another's later, by another ID; two that run
// have none in common.
func TestKeysAreOneProvidersAtATime(t *testing.T) {
	start := func() *Provider {
		p, err := Start(Config{Personality: Cognito})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	closed := start()
	ids := map[string]bool{}
	for _, k := range closed.keys.published() {
		ids[k.ID] = true
	}
	closed.Close()
	closed.Close() // gives nothing back a second time
	var seen []crypto.PublicKey
	for range 4 {
		p := start()
		defer p.Close()
		p.Rotate(RotateOptions{Keep: true})
		for _, k := range p.keys.published() {
			for _, other := range seen {
				if k.Public.(*rsa.PublicKey).Equal(other) {
					t.Error("two providers that run have the same key")
				}
			}
			seen = append(seen, k.Public)
			if ids[k.ID] {
				t.Errorf("the ID %s of a closed provider is used again", k.ID)
			}
		}
	}
	if len(seen) != 4*4 {
		t.Errorf("%d keys, want two current and two retired ones of each", len(seen))
	}
}
