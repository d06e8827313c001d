package idptest

import (
	"crypto/rsa"
	"sync"
)

// keyPool lends RSA keys of 2048 bits to providers, one provider each, and takes them back when that is closed: making one
// takes longer than all that most tests do with it. The next provider publishes it under another key ID.
type keyPool struct {
	mu   sync.Mutex
	free []*rsa.PrivateKey
}

// rsaKeys is for the whole process, like the tests that start and close providers.
var rsaKeys keyPool

// lend returns a key that nobody has at the moment.
func (k *keyPool) lend() *rsa.PrivateKey {
	k.mu.Lock()
	n := len(k.free)
	if n == 0 {
		k.mu.Unlock()
		return newRSA(2048)
	}
	defer k.mu.Unlock()
	key := k.free[n-1]
	k.free = k.free[:n-1]
	return key
}

func (k *keyPool) takeBack(keys []*rsa.PrivateKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.free = append(k.free, keys...)
}
