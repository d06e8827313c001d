package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"runtime"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// pool is an identity provider in this process whose ID tokens cost little to make: a user pool of
// idptest, whose tokens serve as the pattern, with a key of our own.
type pool struct {
	provider *idptest.Provider
	key      *quickRSA
	keyID    string
	claims   map[string]any
}

func startPool() (*pool, error) {
	key, err := newQuickRSA()
	if err != nil {
		return nil, err
	}
	provider, err := idptest.Start(idptest.Config{Personality: idptest.Cognito})
	if err != nil {
		return nil, err
	}
	provider.Fault(idptest.UntilCleared, idptest.JWKS, idptest.Publish(key))
	header, claims, err := idptest.Decode(provider.Tokens(idptest.Alice()).IDToken)
	keyID, ok := header["kid"].(string)
	if err == nil && !ok {
		err = errors.New("the pattern has no key ID")
	}
	if err != nil {
		provider.Close()
		return nil, fmt.Errorf("making a pattern of an ID token: %w", err)
	}
	return &pool{provider: provider, key: key, keyID: keyID, claims: claims}, nil
}

func (p *pool) close() { p.provider.Close() }

// idTokens makes n tokens for the users 0 to users-1 in turn, on all cores that there are.
func (p *pool) idTokens(n, users int) ([]string, error) {
	tokens := make([]string, n)
	workers := runtime.NumCPU()
	faults := make([]error, workers)
	var running sync.WaitGroup
	for w := range workers {
		running.Go(func() {
			for i := w; i < n && faults[w] == nil; i += workers {
				tokens[i], faults[w] = p.idToken(i % users)
			}
		})
	}
	running.Wait()
	return tokens, errors.Join(faults...)
}

func (p *pool) idToken(user int) (string, error) {
	claims := make(map[string]any, len(p.claims))
	for name, value := range p.claims {
		claims[name] = value
	}
	name, now := fmt.Sprintf("user%d", user), time.Now()
	claims["sub"], claims["cognito:username"], claims["email"] = "subject-of-"+name, name, name+"@example.com"
	claims["iat"], claims["exp"], claims["jti"] = now.Unix(), now.Add(time.Hour).Unix(), rand.Text()
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return jws.Sign(p.key, jws.SignHeader{KeyID: p.keyID}, payload)
}

// quickRSA signs RS256 ten times as fast as crypto/rsa, with a modulus of 2048 bits that has eight prime
// factors. It protects nothing: numbers of 256 bits can be found. Whoever verifies sees an ordinary key
// and does the same work as for any other.
type quickRSA struct {
	public *rsa.PublicKey
	parts  []crtPart
}

// crtPart is one prime and what the Chinese remainder theorem needs of it (RFC 8017 §5.1.2).
type crtPart struct {
	prime, exponent, coefficient *big.Int
}

const (
	quickBits   = 2048
	quickPrimes = 8
	exponent    = 65537
)

func newQuickRSA() (*quickRSA, error) {
	for {
		primes, modulus := make([]*big.Int, quickPrimes), big.NewInt(1)
		for i := range primes {
			// What is left of the bits, in equal parts: the last one makes up for those that were lost.
			bits := (quickBits - modulus.BitLen() + 1) / (quickPrimes - i)
			prime, err := rand.Prime(rand.Reader, bits)
			if err != nil {
				return nil, err
			}
			primes[i] = prime
			modulus.Mul(modulus, prime)
		}
		if key := quickKey(primes, modulus); key != nil && modulus.BitLen() == quickBits {
			return key, nil
		}
	}
}

// quickKey is nil for primes that do not go with the exponent.
func quickKey(primes []*big.Int, modulus *big.Int) *quickRSA {
	key := &quickRSA{public: &rsa.PublicKey{N: modulus, E: exponent}}
	one := big.NewInt(1)
	for _, p := range primes {
		private := new(big.Int).ModInverse(big.NewInt(exponent), new(big.Int).Sub(p, one))
		others := new(big.Int).Div(modulus, p)
		inverse := new(big.Int).ModInverse(others, p)
		if private == nil || inverse == nil { // e is no unit, or a prime is there twice
			return nil
		}
		key.parts = append(key.parts, crtPart{p, private, others.Mul(others, inverse)})
	}
	return key
}

// Public implements crypto.Signer.
func (k *quickRSA) Public() crypto.PublicKey { return k.public }

// sha256Prefix is the DER that says SHA-256 (RFC 8017 §9.2, note 1).
var sha256Prefix = []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}

// Sign implements crypto.Signer for RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2.1).
func (k *quickRSA) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if _, pss := opts.(*rsa.PSSOptions); pss || opts.HashFunc() != crypto.SHA256 || len(digest) != sha256.Size {
		return nil, errors.New("this key signs with RS256 only")
	}
	padded := make([]byte, k.public.Size())
	for i := range padded {
		padded[i] = 0xff
	}
	padded[0], padded[1] = 0, 1
	end := padded[len(padded)-len(digest)-len(sha256Prefix)-1:]
	end[0] = 0
	copy(end[1:], sha256Prefix)
	copy(end[1+len(sha256Prefix):], digest)

	message, signature, part := new(big.Int).SetBytes(padded), new(big.Int), new(big.Int)
	for _, p := range k.parts {
		part.Mod(message, p.prime)
		part.Exp(part, p.exponent, p.prime)
		signature.Add(signature, part.Mul(part, p.coefficient))
	}
	return signature.Mod(signature, k.public.N).FillBytes(padded), nil
}
