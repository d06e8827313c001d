package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
)

// ErrUnusableKey: a key that this package will not verify with; the wrapping error says why and quotes no member.
var ErrUnusableKey = errors.New("jws: unusable key")

// Key is a public key that verifies under exactly one algorithm. It is immutable; any number of goroutines may use it.
type Key struct {
	id        string
	algorithm Algorithm
	public    crypto.PublicKey
}

// NewKey makes a verification key of an *[ecdsa.PublicKey] on P-256, an [ed25519.PublicKey], or an *[rsa.PublicKey] of
// 2048 to 8192 bits with an odd exponent from 65537 on. An empty id stands for the key's thumbprint. The key is copied.
// The error wraps [ErrUnusableKey].
func NewKey(id string, public crypto.PublicKey) (*Key, error) {
	if len(id) > maxKeyID {
		return nil, unusable("ID longer than %d bytes", maxKeyID)
	}
	k := &Key{id: id}
	var err error
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		k.algorithm = ES256
		k.public, err = copyP256(p)
	case ed25519.PublicKey:
		k.algorithm = EdDSA
		k.public, err = copyEd25519(p)
	case *rsa.PublicKey:
		k.algorithm = RS256
		k.public, err = copyRSA(p)
	default:
		return nil, unusable("type %T", public)
	}
	if err != nil {
		return nil, err
	}
	if id == "" {
		k.id = thumbprint(k.public)
	}
	return k, nil
}

// ID is the key's "kid", never empty.
func (k *Key) ID() string { return k.id }

// Algorithm is the only algorithm that the key verifies.
func (k *Key) Algorithm() Algorithm { return k.algorithm }

// Public is the key itself, of one of the types that [NewKey] takes. It must not be changed.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Equal reports whether both keys verify the same tokens: same ID, same algorithm, same public key. Nothing is equal to
// a nil key but another one.
func (k *Key) Equal(other *Key) bool {
	if k == other {
		return true
	}
	if k == nil || other == nil || k.id != other.id || k.algorithm != other.algorithm {
		return false
	}
	public, ok := k.public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(other.public)
}

func unusable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnusableKey, fmt.Sprintf(format, args...))
}

func copyP256(p *ecdsa.PublicKey) (crypto.PublicKey, error) {
	if p == nil || p.Curve != elliptic.P256() {
		return nil, unusable("curve is not P-256")
	}
	if p.X == nil || p.Y == nil { // Bytes would panic
		return nil, unusable("no point")
	}
	point, err := p.Bytes()
	if err != nil {
		return nil, unusable("point is not on the curve")
	}
	return parseP256(point)
}

// parseP256 reads an uncompressed point and checks that it is on the curve (RFC 8725 §3.4).
func parseP256(point []byte) (crypto.PublicKey, error) {
	p, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, unusable("point is not on the curve")
	}
	return p, nil
}

func copyEd25519(p ed25519.PublicKey) (crypto.PublicKey, error) {
	if len(p) != ed25519.PublicKeySize {
		return nil, unusable("Ed25519 key of %d bytes", len(p))
	}
	y := slices.Clone([]byte(p))
	y[31] &= 0x7f // the sign of x
	if !isCanonical25519(y) || slices.Contains(smallOrder, hex.EncodeToString(y)) {
		return nil, unusable("Ed25519 point is not canonical or of small order")
	}
	return slices.Clone(p), nil
}

// isCanonical25519 reports whether y, little-endian and below 2^255, is below 2^255-19 (RFC 8032 §5.1.3 step 1).
func isCanonical25519(y []byte) bool {
	if y[0] < 0xed || y[31] != 0x7f {
		return true
	}
	return slices.ContainsFunc(y[1:31], func(b byte) bool { return b != 0xff })
}

// smallOrder holds the y coordinates of the eight points whose order divides the cofactor. A signature under such a
// "key" can be made by anybody (RFC 8032 §5.1.7 accepts it), as one under an RSA exponent of 1 can.
var smallOrder = []string{
	"0000000000000000000000000000000000000000000000000000000000000000", // order 4
	"0100000000000000000000000000000000000000000000000000000000000000", // order 1
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 2
}

// RSA moduli below are too weak (RFC 7518 §3.3), those above only cost time.
const minRSABits, maxRSABits = 2048, 8192

// minExponent is the bound of FIPS 186-5 §A.1.1. With an exponent of 1 every message is its own signature.
const minExponent = 65537

func copyRSA(p *rsa.PublicKey) (crypto.PublicKey, error) {
	switch {
	case p == nil || p.N == nil || p.N.Sign() <= 0:
		return nil, unusable("no RSA modulus")
	case p.N.BitLen() < minRSABits || p.N.BitLen() > maxRSABits:
		return nil, unusable("RSA modulus of %d bits", p.N.BitLen())
	case p.N.Bit(0) == 0:
		return nil, unusable("even RSA modulus")
	case p.E < minExponent || p.E > math.MaxInt32 || p.E%2 == 0:
		return nil, unusable("RSA exponent")
	}
	return &rsa.PublicKey{N: new(big.Int).Set(p.N), E: p.E}, nil
}
