package idptest

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"math/big"
	"strings"
)

// The functions of this file make what is not a compact JWS, or not the one it was: for Mutate, or to be posted as
// they are.

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// NonCanonical sets an unused bit in the last character of the signature, for [Mutate]: another string that decodes to
// the same bytes (RFC 4648 §3.5). A token whose last character has no unused bits comes back as it is.
func NonCanonical(compact string) string {
	signature := compact[strings.LastIndexByte(compact, '.')+1:]
	if len(signature)%4 < 2 {
		return compact
	}
	last := len(compact) - 1
	i := strings.IndexByte(alphabet, compact[last])
	if i < 0 {
		return compact
	}
	return compact[:last] + alphabet[i^1:i^1+1]
}

// FlipBit is a change for [Mutate]: it turns over one bit of a decoded part, 0 the header, 1 the payload, 2 the
// signature. Bits are counted from the first of the first byte and over and over again, so every number is good for
// a part that is not empty.
func FlipBit(part, bit int) func(compact string) string {
	return func(compact string) string {
		parts := strings.Split(compact, ".")
		if part < 0 || part >= len(parts) {
			return compact
		}
		b, err := base64.RawURLEncoding.DecodeString(parts[part])
		if err != nil || len(b) == 0 {
			return compact
		}
		at := ((bit % (8 * len(b))) + 8*len(b)) % (8 * len(b))
		b[at/8] ^= 0x80 >> (at % 8)
		parts[part] = base64url(b)
		return strings.Join(parts, ".")
	}
}

// TwinSignature gives an ES256 token the other signature that is just as right, n - s in place of s, for [Mutate].
// It is the same token in every respect but its spelling. Other tokens come back as they are.
func TwinSignature(compact string) string {
	dot := strings.LastIndexByte(compact, '.')
	b, err := base64.RawURLEncoding.DecodeString(compact[dot+1:])
	if dot < 0 || err != nil || len(b) != 64 {
		return compact
	}
	s := new(big.Int).SetBytes(b[32:])
	new(big.Int).Sub(elliptic.P256().Params().N, s).FillBytes(b[32:])
	return compact[:dot+1] + base64url(b)
}

// FlattenedJSON is the token in the flattened JSON serialisation (RFC 7515 §7.2.2).
func FlattenedJSON(compact string) string {
	o := object{}
	header, payload, signature := threeParts(compact)
	o.set("payload", payload)
	o.set("protected", header)
	o.set("signature", signature)
	return string(o.text())
}

// GeneralJSON is the token in the general JSON serialisation (RFC 7515 §7.2.1).
func GeneralJSON(compact string) string {
	header, payload, signature := threeParts(compact)
	one := object{}
	one.set("protected", header)
	one.set("signature", signature)
	o := object{}
	o.set("payload", payload)
	o.set("signatures", []object{one})
	return string(o.text())
}

func threeParts(compact string) (header, payload, signature string) {
	header, rest, _ := strings.Cut(compact, ".")
	payload, signature, _ = strings.Cut(rest, ".")
	return header, payload, signature
}

// Nested signs a token as the payload of another one (RFC 7519 §5.2, appendix A.2): a JWT in a JWT.
func (p *Provider) Nested(compact string) string {
	p.mu.Lock()
	key := p.keys.forIDTokens()
	p.mu.Unlock()
	d := draft{typ: "JWT", rawPayload: []byte(compact)}
	d.start(key, 0)
	d.header.set("cty", "JWT")
	return d.compact()
}

// ZipBomb is a JWE of five parts (RFC 7516 §7.1) whose plaintext is that many MiB of spaces, deflated by a factor of
// about a thousand (RFC 7516 §4.1.3). It is encrypted under a key that nobody has.
func ZipBomb(mib int) string {
	var deflated bytes.Buffer
	w, err := flate.NewWriter(&deflated, flate.BestCompression)
	if err != nil {
		return "" // only for a level that does not exist
	}
	spaces := bytes.Repeat([]byte{' '}, 1<<20)
	for range mib {
		w.Write(spaces) // a bytes.Buffer takes everything
	}
	w.Close()
	return jwe(`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`, "", deflated.Bytes())
}

// SlowPBES2 is a JWE of five parts that asks for 2^31 - 1 rounds of PBKDF2 before anything else (RFC 7518 §4.8.1.2).
func SlowPBES2() string {
	return jwe(`{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2s":"`+base64url(randomBytes(16))+`","p2c":2147483647}`,
		base64url(randomBytes(40)), []byte("{}"))
}

// jwe seals a plaintext under a new key (RFC 7516 §5.1, RFC 7518 §5.3).
func jwe(header, encryptedKey string, plaintext []byte) string {
	protected := base64url([]byte(header))
	block, err := aes.NewCipher(randomBytes(32))
	if err != nil {
		return "" // only for a key of another length
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return "" // only for a cipher of another block size
	}
	iv := randomBytes(gcm.NonceSize())
	sealed := gcm.Seal(nil, iv, plaintext, []byte(protected))
	text, tag := sealed[:len(plaintext)], sealed[len(plaintext):]
	return strings.Join([]string{protected, encryptedKey, base64url(iv), base64url(text), base64url(tag)}, ".")
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
