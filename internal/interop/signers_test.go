package interop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// signer is a private key with the key ID under which its public half is published.
type signer struct {
	alg     jws.Algorithm
	kid     string
	private crypto.Signer
}

// newSigners makes one key pair for each algorithm.
func newSigners(t testing.TB) []signer {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return []signer{{jws.ES256, "key-es", ec}, {jws.EdDSA, "key-ed", ed}, {jws.RS256, "key-rs", r}}
}

// jwk is a fresh copy of the public key as it is published, to be spoilt.
func (s signer) jwk(t testing.TB) map[string]any {
	t.Helper()
	k, err := jws.NewKey(s.kid, s.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return k.JWK()
}

// keySetOf publishes the signers.
func keySetOf(t testing.TB, signers []signer) []byte {
	t.Helper()
	var keys []any
	for _, s := range signers {
		keys = append(keys, s.jwk(t))
	}
	return marshal(t, map[string]any{"keys": keys})
}

// sign makes the signature over bytes as they are, with the standard library alone.
func (s signer) sign(t testing.TB, input string) []byte {
	t.Helper()
	digest := sha256.Sum256([]byte(input))
	switch k := s.private.(type) {
	case *ecdsa.PrivateKey:
		r, sPart, err := ecdsa.Sign(rand.Reader, k, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		signature := make([]byte, 64)
		r.FillBytes(signature[:32])
		sPart.FillBytes(signature[32:])
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
	t.Fatalf("signer of type %T", s.private)
	return nil
}

// token signs a header and a payload that may be any bytes.
func (s signer) token(t testing.TB, header, payload string) string {
	t.Helper()
	return s.signed(t, b64(header), b64(payload))
}

// signed signs two parts in the spelling that they have.
func (s signer) signed(t testing.TB, header, payload string) string {
	t.Helper()
	input := header + "." + payload
	return input + "." + b64(string(s.sign(t, input)))
}

// header is the one of a good token.
func (s signer) header() string {
	return `{"alg":"` + string(s.alg) + `","kid":"` + s.kid + `","typ":"at+jwt"}`
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
