package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// ErrNoKeys: a key set without a key that can be used.
var ErrNoKeys = errors.New("jws: no usable key in the set")

// maxKeys bounds a key set: an issuer has a handful, and every key costs work.
const maxKeys = 100

// ParseKeySet reads a JWK Set (RFC 7517 §5) in strict JSON. Keys that cannot be used are skipped, as that section asks,
// so that one unknown key type does not stop an issuer; the order is kept. It returns [ErrMalformed] for what is not a
// set of at most 100 keys, and [ErrNoKeys] when nothing is left. The caller bounds the size of data.
func ParseKeySet(data []byte) ([]*Key, error) {
	set, err := strictjson.ParseObject(data)
	if err != nil {
		return nil, fmt.Errorf("%w key set: %w", ErrMalformed, err)
	}
	entries, ok := set["keys"].([]any)
	if !ok || len(entries) > maxKeys {
		return nil, fmt.Errorf("%w key set: no list of at most %d keys", ErrMalformed, maxKeys)
	}
	var keys []*Key
	for _, entry := range entries {
		jwk, _ := entry.(map[string]any)
		if k, err := ParseKey(jwk); err == nil {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, ErrNoKeys
	}
	return keys, nil
}

// ParseKey reads a public signature key from the members of a JWK, as strictjson returns them. A key that is meant for
// anything but verifying under its type's one algorithm is refused, and so is one with private members: whoever reads
// the set could sign with it. A key without "kid" gets its thumbprint as ID. The error wraps [ErrUnusableKey].
func ParseKey(jwk map[string]any) (*Key, error) {
	// RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 8037 §2.
	for _, name := range [...]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, present := jwk[name]; present {
			return nil, unusable("private member %s is published", name)
		}
	}
	id, ok := optionalString(jwk, "kid")
	if !ok {
		return nil, unusable("kid is not a string")
	}
	public, err := parsePublic(jwk)
	if err != nil {
		return nil, err
	}
	k, err := NewKey(id, public)
	if err != nil {
		return nil, err
	}
	if err := checkUse(jwk, k.algorithm); err != nil {
		return nil, err
	}
	return k, nil
}

// optionalString is the string member of that name, or "" when it is absent; false for any other type.
func optionalString(jwk map[string]any, name string) (string, bool) {
	v, present := jwk[name]
	if !present {
		return "", true
	}
	s, ok := v.(string)
	return s, ok
}

// checkUse compares what the JWK says it is for (RFC 7517 §4.2, §4.3, §4.4) with what it would be used for.
func checkUse(jwk map[string]any, want Algorithm) error {
	if use, present := jwk["use"]; present && use != "sig" {
		return unusable("use is not sig")
	}
	if operations, present := jwk["key_ops"]; present {
		if list, ok := operations.([]any); !ok || !slices.Contains(list, any("verify")) {
			return unusable("key_ops without verify")
		}
	}
	if name, present := jwk["alg"]; present {
		s, _ := name.(string)
		if alg, ok := algorithmNamed(s); !ok || alg != want {
			return unusable("alg does not fit the type of the key")
		}
	}
	return nil
}

func parsePublic(jwk map[string]any) (crypto.PublicKey, error) {
	switch {
	case jwk["kty"] == "EC" && jwk["crv"] == "P-256":
		x, okX := octets(jwk, "x", 32)
		y, okY := octets(jwk, "y", 32)
		if !okX || !okY {
			return nil, unusable("x and y are not coordinates of 32 bytes") // RFC 7518 §6.2.1.2
		}
		return parseP256(slices.Concat([]byte{4}, x, y))
	case jwk["kty"] == "OKP" && jwk["crv"] == "Ed25519":
		x, ok := octets(jwk, "x", ed25519.PublicKeySize)
		if !ok {
			return nil, unusable("x is not a key of 32 bytes")
		}
		return ed25519.PublicKey(x), nil
	case jwk["kty"] == "RSA":
		n, okN := unsigned(jwk, "n", maxRSABits/8)
		e, okE := unsigned(jwk, "e", 4)
		if !okN || !okE {
			return nil, unusable("n and e are not integers of a sane size")
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
	}
	return nil, unusable("unknown kty or crv")
}

// octets decodes a base64url member of exactly size bytes.
func octets(jwk map[string]any, name string, size int) ([]byte, bool) {
	s, _ := jwk[name].(string)
	b, ok := decodeBase64(s)
	return b, ok && len(b) == size
}

// unsigned decodes a Base64urlUInt (RFC 7518 §2): big-endian, not empty, without leading zero bytes.
func unsigned(jwk map[string]any, name string, maxSize int) (*big.Int, bool) {
	s, _ := jwk[name].(string)
	b, ok := decodeBase64(s)
	if !ok || len(b) == 0 || len(b) > maxSize || b[0] == 0 {
		return nil, false
	}
	return new(big.Int).SetBytes(b), true
}

// JWK is the public key with "kid", "use" and "alg", ready to be published.
func (k *Key) JWK() map[string]any {
	jwk := map[string]any{"kid": k.id, "use": "sig", "alg": string(k.algorithm)}
	for _, m := range requiredMembers(k.public) {
		jwk[m.name] = m.value
	}
	return jwk
}

// Thumbprint is the base64url of the SHA-256 thumbprint of a key of a type that [NewKey] takes (RFC 7638 §3, RFC 8037
// §2). The error wraps [ErrUnusableKey].
func Thumbprint(public crypto.PublicKey) (string, error) {
	k, err := NewKey("", public)
	if err != nil {
		return "", err
	}
	return k.id, nil
}

func thumbprint(public crypto.PublicKey) string {
	var members []string
	for _, m := range requiredMembers(public) {
		members = append(members, `"`+m.name+`":"`+m.value+`"`) // names and base64url need no escape
	}
	digest := sha256.Sum256([]byte("{" + strings.Join(members, ",") + "}"))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

type member struct{ name, value string }

// requiredMembers are those that make the key (RFC 7638 §3.2), in the order of their names, of a key that NewKey checked.
func requiredMembers(public crypto.PublicKey) []member {
	encode := base64.RawURLEncoding.EncodeToString
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		point, err := p.Bytes() // 0x04, x, y
		if err != nil {
			return nil
		}
		return []member{{"crv", "P-256"}, {"kty", "EC"}, {"x", encode(point[1:33])}, {"y", encode(point[33:])}}
	case ed25519.PublicKey:
		return []member{{"crv", "Ed25519"}, {"kty", "OKP"}, {"x", encode(p)}}
	case *rsa.PublicKey:
		return []member{{"e", encode(big.NewInt(int64(p.E)).Bytes())}, {"kty", "RSA"}, {"n", encode(p.N.Bytes())}}
	}
	return nil
}
