package jws_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"testing"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// maxBytes is roomier than any limit of the product, so that nothing is refused for its length by accident.
const maxBytes = 64 << 10

// signers holds one private key per algorithm, made once: RSA keys take a while.
var signers = sync.OnceValue(func() map[jws.Algorithm]crypto.Signer {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return map[jws.Algorithm]crypto.Signer{jws.ES256: ec, jws.EdDSA: ed, jws.RS256: r}
})

// mint signs raw bytes with the standard library alone: it shares no line with the code under test.
func mint(t testing.TB, signer crypto.Signer, header, payload string) string {
	t.Helper()
	input := b64(header) + "." + b64(payload)
	return input + "." + b64(string(rawSignature(t, signer, input)))
}

func rawSignature(t testing.TB, signer crypto.Signer, input string) []byte {
	t.Helper()
	digest := sha256.Sum256([]byte(input))
	switch k := signer.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		signature := make([]byte, 64)
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		return signature
	case ed25519.PrivateKey:
		return ed25519.Sign(k, []byte(input))
	case *rsa.PrivateKey:
		signature, err := rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	t.Fatalf("signer of type %T", signer)
	return nil
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func unb64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newKey(t testing.TB, id string, signer crypto.Signer) *jws.Key {
	t.Helper()
	k, err := jws.NewKey(id, signer.Public())
	if err != nil {
		t.Fatalf("NewKey(%q) = %v", id, err)
	}
	return k
}

// verify is what a caller does with a token: both steps, and the payload only after them.
func verify(token string, k *jws.Key) (string, error) {
	u, err := jws.Parse(token, maxBytes)
	if err != nil {
		return "", err
	}
	if err := u.Verify(k); err != nil {
		return "", err
	}
	return string(u.Payload()), nil
}
