package jws

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// Algorithm is a signature algorithm by its JOSE name (RFC 7518 §3.1, RFC 8037 §3.1).
type Algorithm string

// The algorithms that this package knows.
const (
	ES256 Algorithm = "ES256" // ECDSA with P-256 and SHA-256 (RFC 7518 §3.4)
	EdDSA Algorithm = "EdDSA" // Ed25519 only (RFC 8037 §3.1); "Ed25519" (RFC 9864) is read as this name
	RS256 Algorithm = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3)
)

// Why a token is refused. The errors of this package wrap one of these and quote nothing of the token.
var (
	// ErrMalformed: not a compact JWS in its one spelling, too long, or with a header that is not strict JSON.
	ErrMalformed = errors.New("jws: malformed")
	// ErrUnsupported: an algorithm outside the fixed set, or a header that asks for an extension.
	ErrUnsupported = errors.New("jws: unsupported")
	// ErrKey: the algorithm or the ID of the key is not the one that the header names.
	ErrKey = errors.New("jws: key does not fit the header")
	// ErrSignature: the signature is not one of the key over these bytes.
	ErrSignature = errors.New("jws: wrong signature")
	// ErrUnknownKey: no key of a set fits the header. Nothing in this package returns it; key sets do.
	ErrUnknownKey = errors.New("jws: unknown key")
)

// maxKeyID bounds "kid", in bytes: it is the attacker's input (RFC 8725 §3.10).
const maxKeyID = 256

// Header is what a token says about its signature. Everything in it is the sender's claim.
type Header struct {
	Algorithm Algorithm
	KeyID     string // "kid"; at most 256 bytes, compared as bytes
	HasKeyID  bool   // whether "kid" is present: an empty one is present, and no key has it
	Type      string // "typ" as received; empty when absent
}

// Unverified is a well-formed token whose signature has not been checked.
type Unverified struct {
	Header Header

	token     string
	signed    int // length of the signing input in token
	payload   []byte
	signature []byte
}

// Parse takes a token of at most maxBytes apart: three non-empty parts of base64url in its only spelling (RFC 7515 §2,
// §5.2) and a header that is one strict JSON object. It returns [ErrMalformed] or [ErrUnsupported].
func Parse(token string, maxBytes int) (*Unverified, error) {
	if len(token) > maxBytes {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, maxBytes)
	}
	protected, rest, _ := strings.Cut(token, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok {
		return nil, fmt.Errorf("%w: not three parts", ErrMalformed)
	}
	header, err := decodePart("header", protected)
	if err != nil {
		return nil, err
	}
	u := &Unverified{token: token, signed: len(protected) + 1 + len(payload)}
	if u.payload, err = decodePart("payload", payload); err != nil {
		return nil, err
	}
	if u.signature, err = decodePart("signature", signature); err != nil { // a fourth part makes this fail: no dot in base64url
		return nil, err
	}
	if u.Header, err = parseHeader(header); err != nil {
		return nil, err
	}
	return u, nil
}

func decodePart(name, part string) ([]byte, error) {
	if part == "" {
		return nil, fmt.Errorf("%w: empty %s", ErrMalformed, name)
	}
	decoded, ok := decodeBase64(part)
	if !ok {
		return nil, fmt.Errorf("%w: %s is not canonical base64url", ErrMalformed, name)
	}
	return decoded, nil
}

// decodeBase64 accepts base64url without padding whose unused bits are zero. encoding/base64 skips line ends even when
// it is told to be strict, so those are looked for first.
func decodeBase64(s string) ([]byte, bool) {
	if strings.IndexByte(s, '\r') >= 0 || strings.IndexByte(s, '\n') >= 0 { // with ContainsAny this took a fifth of Parse
		return nil, false
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return decoded, err == nil
}

func parseHeader(data []byte) (Header, error) {
	members, err := strictjson.ParseObject(data)
	if err != nil {
		return Header{}, fmt.Errorf("%w: header: %w", ErrMalformed, err)
	}
	// RFC 7515 §4.1.11, RFC 7797, RFC 7516 §4.1.3: no extension is understood here, so an empty list of them is a fault too.
	for _, name := range [...]string{"crit", "b64", "zip"} {
		if _, present := members[name]; present {
			return Header{}, fmt.Errorf("%w: header member %s", ErrUnsupported, name)
		}
	}
	var h Header
	name, ok := members["alg"].(string)
	if !ok {
		return Header{}, fmt.Errorf("%w: alg is not a string", ErrMalformed)
	}
	if h.Algorithm, ok = algorithmNamed(name); !ok {
		return Header{}, fmt.Errorf("%w: algorithm", ErrUnsupported)
	}
	if kid, present := members["kid"]; present {
		if h.KeyID, h.HasKeyID = kid.(string); !h.HasKeyID || len(h.KeyID) > maxKeyID {
			return Header{}, fmt.Errorf("%w: kid is not a short string", ErrMalformed)
		}
	}
	if typ, present := members["typ"]; present {
		if h.Type, ok = typ.(string); !ok {
			return Header{}, fmt.Errorf("%w: typ is not a string", ErrMalformed)
		}
	}
	return h, nil
}

// algorithmNamed compares exactly: names are case-sensitive (RFC 7515 §4.1.1).
func algorithmNamed(name string) (Algorithm, bool) {
	switch name {
	case "ES256":
		return ES256, true
	case "EdDSA", "Ed25519":
		return EdDSA, true
	case "RS256":
		return RS256, true
	}
	return "", false
}

// Payload is the decoded payload, which nobody has vouched for until [Unverified.Verify] returned nil. It must not be
// changed.
func (u *Unverified) Payload() []byte { return u.payload }

// SigningInput is header and payload with the dot between them, as received. What is remembered of a token, against
// replay for example, is remembered under a hash of this: signatures can be changed without becoming wrong.
func (u *Unverified) SigningInput() string { return u.token[:u.signed] }

// Verify checks the signature over the bytes received. It returns [ErrKey] when k is nil, or has another algorithm or
// ID than the header names, and [ErrSignature].
func (u *Unverified) Verify(k *Key) error {
	if k == nil || k.algorithm != u.Header.Algorithm || u.Header.HasKeyID && k.id != u.Header.KeyID {
		return ErrKey
	}
	if !k.verify([]byte(u.SigningInput()), u.signature) {
		return ErrSignature
	}
	return nil
}

func (k *Key) verify(message, signature []byte) bool {
	switch public := k.public.(type) {
	case *ecdsa.PublicKey:
		if len(signature) != es256SignatureSize {
			return false
		}
		digest := sha256.Sum256(message)
		return ecdsa.VerifyASN1(public, digest[:], derSignature(signature)) // false for an r or s outside [1, n-1]
	case ed25519.PublicKey:
		return ed25519.Verify(public, message, signature)
	case *rsa.PublicKey:
		if len(signature) != public.Size() { // RFC 8017 §8.2.2 step 1
			return false
		}
		digest := sha256.Sum256(message)
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}

// es256SignatureSize is r‖s, each of 32 bytes (RFC 7518 §3.4).
const es256SignatureSize = 64

// derSignature writes r‖s as the SEQUENCE of two INTEGERs that crypto/ecdsa reads (RFC 3279 §2.2.3). Through a
// [big.Int] it would take ten allocations more.
func derSignature(signature []byte) []byte {
	der := make([]byte, 2, 2+es256SignatureSize+2*3)
	der = appendInteger(der, signature[:es256SignatureSize/2])
	der = appendInteger(der, signature[es256SignatureSize/2:])
	der[0], der[1] = 0x30, byte(len(der)-2)
	return der
}

// appendInteger adds n, big-endian and unsigned, in the fewest bytes that leave the sign bit clear (X.690 §8.3).
func appendInteger(der, n []byte) []byte {
	n = bytes.TrimLeft(n, "\x00")
	if len(n) == 0 || n[0] >= 0x80 {
		der = append(der, 0x02, byte(len(n)+1), 0)
	} else {
		der = append(der, 0x02, byte(len(n)))
	}
	return append(der, n...)
}
