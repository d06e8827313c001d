package jws

import (
	"crypto"
	"crypto/rand"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"unicode/utf8"
)

// SignHeader is what the signer decides of a header; the algorithm follows from the key.
type SignHeader struct {
	KeyID string // "kid"; at most 256 bytes of UTF-8; left out when empty
	Type  string // "typ", UTF-8; left out when empty
}

// Sign makes a compact JWS of payload, which must not be empty. The public half of signer must be a key that [NewKey]
// takes; the private half need not be in memory. The error is the signer's, or wraps [ErrUnusableKey], [ErrMalformed] or,
// when the signer returns no signature, [ErrSignature].
func Sign(signer crypto.Signer, h SignHeader, payload []byte) (string, error) {
	k, err := NewKey(h.KeyID, signer.Public())
	if err != nil {
		return "", fmt.Errorf("jws: signing: %w", err)
	}
	if len(payload) == 0 {
		return "", fmt.Errorf("%w: empty payload", ErrMalformed) // Parse would not read it
	}
	header, err := h.encode(k.algorithm)
	if err != nil {
		return "", err
	}
	input := base64.RawURLEncoding.AppendEncode(nil, header)
	input = append(input, '.')
	input = base64.RawURLEncoding.AppendEncode(input, payload)
	signature, err := k.sign(signer, input)
	if err != nil {
		return "", fmt.Errorf("jws: signing: %w", err)
	}
	input = append(input, '.')
	return string(base64.RawURLEncoding.AppendEncode(input, signature)), nil
}

func (h SignHeader) encode(alg Algorithm) ([]byte, error) {
	if !utf8.ValidString(h.KeyID) || !utf8.ValidString(h.Type) {
		return nil, fmt.Errorf("%w: header is not UTF-8", ErrMalformed)
	}
	return json.Marshal(struct {
		Algorithm Algorithm `json:"alg"`
		KeyID     string    `json:"kid,omitempty"`
		Type      string    `json:"typ,omitempty"`
	}{alg, h.KeyID, h.Type})
}

func (k *Key) sign(signer crypto.Signer, input []byte) ([]byte, error) {
	if k.algorithm == EdDSA {
		return signer.Sign(rand.Reader, input, crypto.Hash(0))
	}
	hash := crypto.SHA256.New()
	hash.Write(input)
	signature, err := signer.Sign(rand.Reader, hash.Sum(nil), crypto.SHA256)
	if err != nil || k.algorithm == RS256 {
		return signature, err
	}
	return fixedSize(signature)
}

// fixedSize turns the DER that a crypto.Signer returns for ECDSA into r‖s (RFC 7518 §3.4).
func fixedSize(der []byte) ([]byte, error) {
	var point struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &point)
	const size = es256SignatureSize / 2
	fits := func(n *big.Int) bool { return n.Sign() > 0 && n.BitLen() <= 8*size }
	if err != nil || len(rest) > 0 || !fits(point.R) || !fits(point.S) {
		return nil, fmt.Errorf("%w: the signer returned no ECDSA signature", ErrSignature)
	}
	signature := make([]byte, es256SignatureSize)
	point.R.FillBytes(signature[:size])
	point.S.FillBytes(signature[size:])
	return signature, nil
}
