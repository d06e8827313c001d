package jws_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"testing"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

func TestKeyEqual(t *testing.T) {
	keys := map[string]*jws.Key{"nil": nil}
	for alg, signer := range signers() {
		keys[string(alg)] = newKey(t, "k", signer)
		keys[string(alg)+", another ID"] = newKey(t, "k2", signer)
	}
	for a, k := range keys {
		for b, other := range keys {
			if got := k.Equal(other); got != (a == b) {
				t.Errorf("%s.Equal(%s) = %v, want %v", a, b, got, a == b)
			}
		}
	}
	for alg, signer := range signers() {
		if !keys[string(alg)].Equal(newKey(t, "k", signer)) {
			t.Errorf("%s.Equal of the same key read again = false, want true", alg)
		}
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if keys[string(jws.EdDSA)].Equal(newKey(t, "k", other)) {
		t.Error("EdDSA.Equal of another key with the same ID = true, want false")
	}
}
