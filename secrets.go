package sallyport

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
)

// MinSecretBytes is the least length of a root secret, in bytes: 256 bits.
const MinSecretBytes = 32

// derived is everything that one root secret is used for. Each use has its own HKDF label
// (RFC 5869), so that no key serves two purposes and none leads back to the secret.
type derived struct {
	id      [4]byte // names the secret inside a refresh token
	refresh []byte  // MAC of refresh tokens
	csrf    []byte  // MAC of CSRF tokens
	site    []byte  // MAC of site tokens
	limits  []byte  // names what is counted
	flow    []byte  // seals a login that waits for its provider
	atRest  []byte  // seals signing keys in the store
	check   []byte  // stored, to recognise the secret at the next start
}

// keyring holds the derived keys of every root secret in use, the newest first. The newest signs
// and seals; all of them are accepted.
type keyring []derived

func newKeyring(secrets [][]byte, cookieSalt string) keyring {
	ring := make(keyring, 0, len(secrets))
	for _, secret := range secrets {
		key := func(salt, label string, n int) []byte {
			// Fails only for absurd lengths, and for secrets too short for FIPS mode: New has refused those.
			k, err := hkdf.Key(sha256.New, secret, []byte(salt), "sallyport "+label, n)
			if err != nil {
				panic("sallyport: deriving a key: " + err.Error())
			}
			return k
		}
		ring = append(ring, derived{
			id:      [4]byte(key("", "key id", 4)),
			refresh: key(cookieSalt, "refresh", 32),
			csrf:    key("", "csrf", 32),
			site:    key(cookieSalt, "site", 32),
			limits:  key("", "limits", 32),
			flow:    key("", "flow", 32),
			atRest:  key("", "keys at rest", 32),
			check:   key("", "check", 16),
		})
	}
	return ring
}

// byID finds the secret that a refresh token names.
func (ring keyring) byID(id [4]byte) (*derived, bool) {
	for i := range ring {
		if ring[i].id == id {
			return &ring[i], true
		}
	}
	return nil, false
}

// recognise compares the database's check value with the configured secrets, so that a wrong secret
// is an error at the start instead of a sign-out of everybody. A database that was never used, or
// was last used under an older secret, is marked with the newest one; of the two, a mere look makes only
// the first.
func (ring keyring) recognise(ctx context.Context, store Store, look bool) error {
	for range 3 { // another instance may be doing the same
		stored, err := store.SecretCheck(ctx)
		if err != nil {
			return err
		}
		known := ring.knows(stored)
		if stored == nil {
			known, err = ring.opensAny(ctx, store)
		}
		switch {
		case err != nil:
			return err
		case !known:
			return ErrUnknownSecret
		}
		if look && stored != nil || subtle.ConstantTimeCompare(stored, ring[0].check) == 1 {
			return nil
		}
		if err := store.SetSecretCheck(ctx, stored, ring[0].check); !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return fmt.Errorf("recognising the root secret: %w", ErrChanged)
}

// check returns ErrUnknownSecret when the database has been given another secret than those of the ring.
func (ring keyring) check(ctx context.Context, store Store) error {
	stored, err := store.SecretCheck(ctx)
	if err != nil {
		return err
	}
	if !ring.knows(stored) {
		return ErrUnknownSecret
	}
	return nil
}

// knows reports whether the check value is that of one of the secrets.
func (ring keyring) knows(check []byte) bool {
	return slices.ContainsFunc(ring, func(d derived) bool { return subtle.ConstantTimeCompare(check, d.check) == 1 })
}

// AdoptSecret makes the database of a lost root secret believe in secret alone. It removes the signing keys,
// and every refresh token becomes worthless: everybody signs in once more. Stop every instance before.
func AdoptSecret(ctx context.Context, store Store, secret []byte) error {
	if len(secret) < MinSecretBytes {
		return &ConfigError{"sallyport", "Secret", fmt.Sprintf("it has %d bytes, want at least %d from a secure source", len(secret), MinSecretBytes)}
	}
	keys, err := store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if _, err := store.RemoveSigningKey(ctx, k.KeyID, Event{}); err != nil {
			return err
		}
	}
	stored, err := store.SecretCheck(ctx)
	if err != nil {
		return err
	}
	ring := newKeyring([][]byte{secret}, "")
	if ring.knows(stored) {
		return nil
	}
	return store.SetSecretCheck(ctx, stored, ring[0].check)
}

// opensAny reports whether a database without a check value may be marked: it holds no signing key, or
// one that the secrets open.
func (ring keyring) opensAny(ctx context.Context, store Store) (bool, error) {
	keys, err := store.SigningKeys(ctx)
	for _, k := range keys {
		if _, _, err := ring.open(atRest, k.Sealed, sealedName(k.KeyID, k.Algorithm)); err == nil {
			return true, nil
		}
	}
	return len(keys) == 0, err
}

// sealing picks the key of one use of seal and open.
type sealing func(*derived) []byte

func atRest(d *derived) []byte { return d.atRest }
func inFlow(d *derived) []byte { return d.flow }

// seal encrypts plaintext with AES-256-GCM under the newest secret, bound to name: what was sealed
// under one name does not open under another.
func (ring keyring) seal(use sealing, plaintext []byte, name string) []byte {
	aead := newAEAD(use(&ring[0]))
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, plaintext, []byte(name))
}

// open decrypts what seal made, under any of the secrets, and reports whether that was the newest.
func (ring keyring) open(use sealing, sealed []byte, name string) (plaintext []byte, newest bool, err error) {
	for i := range ring {
		aead := newAEAD(use(&ring[i]))
		if len(sealed) < aead.NonceSize() {
			break
		}
		nonce, box := sealed[:aead.NonceSize()], sealed[aead.NonceSize():]
		if plaintext, err := aead.Open(nil, nonce, box, []byte(name)); err == nil {
			return plaintext, i == 0, nil
		}
	}
	return nil, false, ErrUnknownSecret
}

func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("sallyport: " + err.Error()) // only for a key of another length than 32 bytes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("sallyport: " + err.Error())
	}
	return aead
}

func mac(key, message []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(message)
	return h.Sum(nil)
}
