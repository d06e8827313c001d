package sallyport

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// SigningKey is a key of our access tokens, without its private half.
type SigningKey struct {
	ID        string // the "kid": the RFC 7638 thumbprint of the public half
	Algorithm jws.Algorithm
	State     KeyState
	CreatedAt time.Time
	SignsFrom time.Time
	// RemovedAt is when a retired key is withdrawn from the key set: its last token has ended long
	// before. It is zero for a key of another state, and for one of an algorithm that is no longer configured
	// while the key that takes its place does not sign yet.
	RemovedAt time.Time
}

// KeyState is what a signing key does now. A key in any state is published and verifies.
type KeyState string

// The states, in the order of a key's life.
const (
	KeyNext    KeyState = "next"    // published, so that every verifier has it when it begins to sign
	KeyActive  KeyState = "active"  // signs
	KeyRetired KeyState = "retired" // signs no more; kept until its last token has ended
)

// signingKeys is the keys as they were last read. It is never changed: another one takes its place.
type signingKeys struct {
	keyRules
	keys   []*signingKey // by the time from which they sign
	lines  map[jws.Algorithm]keyLine
	byID   map[string]*jws.Key
	keySet []byte // the JWKS document, RFC 7517 §5
	newest string // the ID of the stored key added last, even if it could not be opened
}

type signingKey struct {
	signer    crypto.Signer
	public    *jws.Key
	createdAt time.Time
	signsFrom time.Time
}

func (k *signingKeys) describe(now time.Time) []SigningKey {
	described := make([]SigningKey, len(k.keys))
	for i, key := range k.keys {
		d := SigningKey{ID: key.public.ID(), Algorithm: key.public.Algorithm(), State: k.state(key, now), CreatedAt: key.createdAt, SignsFrom: key.signsFrom}
		if d.State == KeyRetired {
			d.RemovedAt, _ = k.removal(key, now)
		}
		described[i] = d
	}
	return described
}

// openSigningKeys makes the keys of what is stored; those that held has already are not opened again.
// A key that cannot be opened is left out and named in the error, which comes beside the others: one
// damaged row must not stop the rest.
func openSigningKeys(stored []StoredKey, secrets keyring, held *signingKeys) (*signingKeys, error) {
	opened := &signingKeys{keyRules: held.keyRules, byID: make(map[string]*jws.Key, len(stored)), lines: map[jws.Algorithm]keyLine{}}
	var faults []error
	for _, row := range stored {
		opened.newest = row.KeyID
		key, err := openSigningKey(row, secrets, held)
		if err != nil {
			faults = append(faults, fmt.Errorf("sallyport: signing key %s: %w", row.KeyID, err))
			continue
		}
		opened.keys = append(opened.keys, key)
		opened.byID[row.KeyID] = key.public
	}
	slices.SortStableFunc(opened.keys, func(a, b *signingKey) int { return a.signsFrom.Compare(b.signsFrom) })
	set := struct {
		Keys []map[string]any `json:"keys"`
	}{Keys: []map[string]any{}}
	for _, key := range opened.keys {
		alg := key.public.Algorithm()
		opened.lines[alg] = append(opened.lines[alg], key)
		set.Keys = append(set.Keys, key.public.JWK())
	}
	var err error
	opened.keySet, err = json.Marshal(set)
	return opened, errors.Join(append(faults, err)...)
}

func openSigningKey(row StoredKey, secrets keyring, held *signingKeys) (*signingKey, error) {
	for _, key := range held.keys {
		if key.public.ID() == row.KeyID {
			return key, nil
		}
	}
	der, _, err := secrets.open(atRest, row.Sealed, sealedName(row.KeyID, row.Algorithm))
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a %T cannot sign", parsed)
	}
	public, err := jws.NewKey(row.KeyID, signer.Public())
	if err != nil {
		return nil, err
	}
	return &signingKey{signer, public, row.CreatedAt, row.SignsFrom}, nil
}

// sealedName binds what is sealed to the key that it is of, and to its algorithm.
func sealedName(keyID, alg string) string { return "signing key " + alg + " " + keyID }

// keyOf finds the key that a token of ours names. An unknown one may be another instance's, made a
// moment ago: the store is asked, at most once in keyGap.
func (s *Service) keyOf(ctx context.Context) func(jws.Header) (*jws.Key, error) {
	return func(h jws.Header) (*jws.Key, error) {
		if key, ok := s.keys.Load().byID[h.KeyID]; ok {
			return key, nil
		}
		if err := s.reloadKeys(ctx); err != nil {
			return nil, err
		}
		if key, ok := s.keys.Load().byID[h.KeyID]; ok {
			return key, nil
		}
		return nil, jws.ErrUnknownKey
	}
}

// KeySet is the JWKS document (RFC 7517 §5) with the public half of every key that verifies our
// access tokens. The caller must not change it; it changes when keys come and go.
func (s *Service) KeySet() []byte { return s.keys.Load().keySet }

// SigningAlgorithms lists the JWS algorithms of the published keys: those that are configured, and those that were
// as long as a key of theirs may still be asked for.
func (s *Service) SigningAlgorithms() []string {
	var algorithms []string
	for _, key := range s.keys.Load().keys {
		if alg := string(key.public.Algorithm()); !slices.Contains(algorithms, alg) {
			algorithms = append(algorithms, alg)
		}
	}
	return algorithms
}

// SigningKeys lists the keys in the order in which they sign.
func (s *Service) SigningKeys() []SigningKey { return s.keys.Load().describe(s.now()) }
