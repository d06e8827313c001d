package verifytest

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"math/big"
	"sync"
)

// signingKey signs whatever it is told to: the server's own signer would refuse what tests need.
type signingKey struct {
	algorithm, id string
	private       crypto.Signer
}

// rsaKeys are made once: one takes a tenth of a second.
var rsaKeys sync.Map // by key ID, *rsa.PrivateKey

func newKey(algorithm, id string) (*signingKey, error) {
	k := &signingKey{algorithm: algorithm, id: id}
	var err error
	switch algorithm {
	case "ES256":
		k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	case "RS256":
		held, ok := rsaKeys.Load(id)
		if !ok {
			var made *rsa.PrivateKey
			if made, err = rsa.GenerateKey(rand.Reader, 2048); err == nil {
				held, _ = rsaKeys.LoadOrStore(id, made)
			}
		}
		if err == nil {
			k.private = held.(*rsa.PrivateKey)
		}
	default:
		err = fmt.Errorf("verifytest: Config.Algorithm is %q, want ES256, EdDSA or RS256", algorithm)
	}
	return k, err
}

// jwk is the public half (RFC 7517).
func (k *signingKey) jwk() map[string]any {
	out := map[string]any{"kid": k.id, "alg": k.algorithm, "use": "sig"}
	switch public := k.private.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic("verifytest: " + err.Error()) // of a key that was just made
		}
		out["kty"], out["crv"], out["x"], out["y"] = "EC", "P-256", text(point[1:33]), text(point[33:])
	case ed25519.PublicKey:
		out["kty"], out["crv"], out["x"] = "OKP", "Ed25519", text(public)
	case *rsa.PublicKey:
		out["kty"], out["n"], out["e"] = "RSA", text(public.N.Bytes()), text(big.NewInt(int64(public.E)).Bytes())
	}
	return out
}

// sign makes a signature of input by the key's own algorithm (RFC 7518 §3).
func (k *signingKey) sign(input string) []byte {
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		var r, s *big.Int
		if r, s, err = ecdsa.Sign(rand.Reader, private, digest[:]); err == nil {
			signature = make([]byte, 64)
			r.FillBytes(signature[:32])
			s.FillBytes(signature[32:])
		}
	case ed25519.PrivateKey:
		signature = ed25519.Sign(private, []byte(input))
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, digest[:])
	}
	if err != nil {
		panic("verifytest: " + err.Error()) // of a key that was just made
	}
	return signature
}

// mac signs input with a secret that everybody knows: what a verifier accepts that reads the algorithm from the token.
func mac(algorithm string, secret []byte, input string) []byte {
	newHash := map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New}[algorithm]
	m := hmac.New(newHash, secret)
	m.Write([]byte(input))
	return m.Sum(nil)
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(text string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(text) }

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("verifytest: " + err.Error()) // a test asked for what JSON cannot say
	}
	return b
}

// bomb is 100 MiB of nothing in 100 KiB: one mebibyte, compressed once and written a hundred times, because members of
// gzip are read one after the other (RFC 1952 §2.2).
var bomb = sync.OnceValue(func() []byte {
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	z.Write(make([]byte, 1<<20))
	z.Close()
	return bytes.Repeat(member.Bytes(), 100)
})
