package idptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
)

// Key is a public key as the provider publishes it.
type Key struct {
	ID        string // the kid
	Algorithm string // the alg
	Public    crypto.PublicKey
}

// JWK is the key as it stands in the key set (RFC 7517 §4).
func (k Key) JWK() []byte { return k.jwk().text() }

// DER is the key as a SubjectPublicKeyInfo (RFC 5280 §4.1), nil for a key that has none.
func (k Key) DER() []byte {
	der, _ := x509.MarshalPKIXPublicKey(k.Public)
	return der
}

// PEM is DER in PEM armour (RFC 7468 §13): the text that a confused verifier takes for an HMAC secret.
func (k Key) PEM() []byte { return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.DER()}) }

func (k Key) jwk() object {
	o := keyParameters(k.Public)
	o.set("kid", k.ID)
	o.set("alg", k.Algorithm)
	o.set("use", "sig")
	return o
}

// keyParameters are the members that hold the key itself (RFC 7518 §6, RFC 8037 §2).
func keyParameters(public crypto.PublicKey) object {
	var o object
	switch key := public.(type) {
	case *rsa.PublicKey:
		o.set("kty", "RSA")
		o.set("n", base64url(key.N.Bytes()))
		o.set("e", base64url(big.NewInt(int64(key.E)).Bytes()))
	case *ecdsa.PublicKey:
		point, err := key.Bytes() // 4, x, y (SEC 1 §2.3.3)
		if err != nil {
			return o
		}
		half := len(point) / 2
		o.set("kty", "EC")
		o.set("crv", key.Curve.Params().Name)
		o.set("x", base64url(point[1:1+half]))
		o.set("y", base64url(point[1+half:]))
	case ed25519.PublicKey:
		o.set("kty", "OKP")
		o.set("crv", "Ed25519")
		o.set("x", base64url(key))
	}
	return o
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// signingKey is a key with its private half.
type signingKey struct {
	Key
	signer crypto.Signer
}

// keyring is every key that the provider has.
type keyring struct {
	current []signingKey // the first signs ID tokens, the last access tokens; one or two
	next    []signingKey // announced, not signing yet
	retired []signingKey // published still
}

func (k keyring) forIDTokens() signingKey     { return k.current[0] }
func (k keyring) forAccessTokens() signingKey { return k.current[len(k.current)-1] }

func (k keyring) published() []signingKey { return slices.Concat(k.current, k.next, k.retired) }

func (p *Provider) freshKeys() []signingKey {
	keys := make([]signingKey, p.persona.keyCount())
	for i := range keys {
		signer := p.newSigner(strings.ToUpper(p.cfg.Algorithm))
		keys[i] = signingKey{Key{ID: p.persona.keyID(), Algorithm: p.cfg.Algorithm, Public: signer.Public()}, signer}
	}
	return keys
}

// newSigner is a key that no other provider has.
func (p *Provider) newSigner(name string) crypto.Signer {
	if name == "EDDSA" || curveOf(name) != nil {
		return newSigner(name)
	}
	key := rsaKeys.lend()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lent = append(p.lent, key)
	return key
}

// newSigner generates a key for an algorithm, whose name is in capitals.
func newSigner(name string) crypto.Signer {
	if name == "EDDSA" {
		_, key, _ := ed25519.GenerateKey(rand.Reader) // fails only with rand.Reader, which does not
		return key
	}
	if curve := curveOf(name); curve != nil {
		key, _ := ecdsa.GenerateKey(curve, rand.Reader) // likewise
		return key
	}
	return newRSA(2048)
}

func newRSA(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic("idptest: generate an RSA key: " + err.Error()) // a size that crypto/rsa forbids: a mistake of this package
	}
	return key
}

// RotateOptions says how [Provider.Rotate] changes the keys. The zero value is the hard case: keys that nobody has
// heard of sign at once, and the old ones are withdrawn.
type RotateOptions struct {
	// Announce publishes the next keys and lets the old ones go on signing. The next Rotate without Announce puts the
	// announced keys to work. The other fields do not matter with it.
	Announce bool
	// Keep leaves the old keys in the set. Without it every key that no longer signs is withdrawn.
	Keep bool
	// SameKeyID gives the new keys the kid of the old ones, as no provider should. With Keep the set then holds two
	// keys of one kid.
	SameKeyID bool
}

// Rotate changes the signing keys. Tokens that are out stay signed by the old ones.
func (p *Provider) Rotate(o RotateOptions) {
	fresh := p.freshKeys() // slow for RSA, so outside the lock
	p.mu.Lock()
	defer p.mu.Unlock()
	k := &p.keys
	if k.next == nil {
		k.next = fresh
	}
	if o.Announce {
		return
	}
	if o.SameKeyID {
		for i := range k.next {
			k.next[i].ID = k.current[i].ID
		}
	}
	if o.Keep {
		k.retired = slices.Concat(k.current, k.retired)
	} else {
		k.retired = nil
	}
	k.current, k.next = k.next, nil
}

// PublicKeys are the keys of the set, whatever a fault makes of it: first the key that signs ID tokens, then that of
// access tokens if it is another one, then the announced and the retired ones.
func (p *Provider) PublicKeys() []Key {
	p.mu.Lock()
	defer p.mu.Unlock()
	var keys []Key
	for _, k := range p.keys.published() {
		keys = append(keys, k.Key)
	}
	return keys
}

// Signer is the private half of the key that signs ID tokens now, for [SignedBy] at another provider.
func (p *Provider) Signer() crypto.Signer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys.forIDTokens().signer
}

// serveJWKS answers with the key set (RFC 7517 §5).
func (p *Provider) serveJWKS(w http.ResponseWriter, _ *http.Request) {
	keys := []object{}
	for _, k := range p.PublicKeys() {
		keys = append(keys, k.jwk())
	}
	writeJSON(w, http.StatusOK, object{{"keys", encode(keys)}})
}

// WeakRSA makes an RSA key of 1024 bits, shorter than RFC 7518 §3.3 allows. Publish it with [Publish], sign with
// [SignedBy].
func WeakRSA() crypto.Signer { return newRSA(1024) }

// ExponentOne makes an RSA key with the public exponent 1, under which every padded digest is its own signature:
// anybody can sign for it. Publish it with [Publish], sign with [SignedBy].
func ExponentOne() crypto.Signer {
	return exponentOne{&rsa.PublicKey{N: newRSA(2048).N, E: 1}}
}

type exponentOne struct{ public *rsa.PublicKey }

func (k exponentOne) Public() crypto.PublicKey { return k.public }

// Sign returns the digest in the padding of PKCS #1 v1.5 (RFC 8017 §9.2): raised to the first power, it is itself.
func (k exponentOne) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if _, pss := opts.(*rsa.PSSOptions); pss || opts.HashFunc() != crypto.SHA256 {
		return nil, errors.New("idptest: a key of exponent 1 signs with RS256 only")
	}
	sha256Info := []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20} // RFC 8017 §9.2, note 1
	info := append(sha256Info, digest...)
	padded := make([]byte, k.public.Size())
	for i := range padded {
		padded[i] = 0xff
	}
	padded[0], padded[1] = 0, 1
	padded[len(padded)-len(info)-1] = 0
	copy(padded[len(padded)-len(info):], info)
	return padded, nil
}

// offCurvePoint is the public key of the curve P-256 with one bit of y turned over: two points of the curve share an
// x, and their y differ in more than that.
func offCurvePoint() object {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	point, _ := key.PublicKey.Bytes()
	point[len(point)-1] ^= 1
	var o object
	o.set("kty", "EC")
	o.set("crv", "P-256")
	o.set("x", base64url(point[1:33]))
	o.set("y", base64url(point[33:]))
	o.set("alg", "ES256")
	return o
}

// privateParameters are the members that a published key must never have (RFC 7518 §6.2.2, §6.3.2, RFC 8037 §2).
func privateParameters(key crypto.Signer) object {
	var o object
	switch key := key.(type) {
	case *rsa.PrivateKey:
		o.set("d", base64url(key.D.Bytes()))
		o.set("p", base64url(key.Primes[0].Bytes()))
		o.set("q", base64url(key.Primes[1].Bytes()))
	case *ecdsa.PrivateKey:
		if scalar, err := key.Bytes(); err == nil {
			o.set("d", base64url(scalar))
		}
	case ed25519.PrivateKey:
		o.set("d", base64url(key.Seed()))
	}
	return o
}
