package sallyport

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// signingKeys is the key that signs access tokens and the set that verifies them.
type signingKeys struct {
	active  crypto.Signer
	public  *jws.Key
	byID    map[string]*jws.Key
	keySet  []byte // the JWKS document, RFC 7517 §5
	algList []string
}

// loadSigningKeys opens the stored keys, making the first one if there is none. The newest signs,
// all of them verify.
func loadSigningKeys(ctx context.Context, store Store, secrets keyring, now time.Time) (*signingKeys, error) {
	stored, err := store.SigningKeys(ctx)
	if err == nil && len(stored) == 0 {
		var first StoredKey
		if first, err = newStoredKey(secrets, now); err == nil {
			err = store.AddFirstSigningKey(ctx, first)
		}
		if err == nil || errors.Is(err, ErrChanged) { // ErrChanged: another instance was first
			stored, err = store.SigningKeys(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	keys := &signingKeys{byID: make(map[string]*jws.Key, len(stored))}
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	for _, k := range stored {
		der, newest, err := secrets.open(k.Sealed, sealedName(k.KeyID, k.Algorithm))
		if err == nil {
			err = keys.add(k.KeyID, der)
		}
		if err == nil && !newest {
			// So that the older secret can be withdrawn. Another instance may be doing the same.
			err = store.ResealSigningKey(ctx, k.KeyID, k.Sealed, secrets.seal(der, sealedName(k.KeyID, k.Algorithm)))
			if errors.Is(err, ErrChanged) {
				err = nil
			}
		}
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", k.KeyID, err)
		}
		set.Keys = append(set.Keys, keys.public.JWK())
	}
	keys.algList = []string{string(keys.public.Algorithm())}
	keys.keySet, err = json.Marshal(set)
	return keys, err
}

// add makes the key in der the active one.
func (keys *signingKeys) add(keyID string, der []byte) error {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return err
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return fmt.Errorf("a %T cannot sign", parsed)
	}
	public, err := jws.NewKey(keyID, signer.Public())
	if err != nil {
		return err
	}
	keys.active, keys.public = signer, public
	keys.byID[public.ID()] = public
	return nil
}

func newStoredKey(secrets keyring, now time.Time) (StoredKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return StoredKey{}, err
	}
	public, err := jws.NewKey("", private.Public()) // named by its RFC 7638 thumbprint
	if err != nil {
		return StoredKey{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return StoredKey{}, err
	}
	alg := string(public.Algorithm())
	return StoredKey{
		KeyID:     public.ID(),
		Algorithm: alg,
		Sealed:    secrets.seal(der, sealedName(public.ID(), alg)),
		CreatedAt: now,
	}, nil
}

func sealedName(keyID, alg string) string { return "signing key " + alg + " " + keyID }

// key finds the key that a token of ours names.
func (keys *signingKeys) key(h jws.Header) (*jws.Key, error) {
	if k, ok := keys.byID[h.KeyID]; ok {
		return k, nil
	}
	return nil, jws.ErrUnknownKey
}

// KeySet is the JWKS document (RFC 7517 §5) with the public half of every key that verifies our
// access tokens. The caller must not change it.
func (s *Service) KeySet() []byte { return s.keys.keySet }

// SigningAlgorithms lists the JWS algorithms of our access tokens.
func (s *Service) SigningAlgorithms() []string { return s.keys.algList }
