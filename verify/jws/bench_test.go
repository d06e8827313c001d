package jws_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"testing"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

const benchClaims = `{"iss":"https://app.example.com/auth","sub":"0190a7f2-5c3e-7d2b-9a51-4d3f0c6b8e11","aud":["orders"],"exp":1700000300,"iat":1700000000,"jti":"x","sid":"y","client_id":"sallyport","token_type":"access","user_id":"0190a7f2-5c3e-7d2b-9a51-4d3f0c6b8e11"}`

var benchAlgorithms = []jws.Algorithm{jws.ES256, jws.EdDSA, jws.RS256}

func benchToken(b *testing.B, alg jws.Algorithm) (string, *jws.Key) {
	signer := signers()[alg]
	k := newKey(b, "", signer)
	return mint(b, signer, `{"alg":"`+string(alg)+`","kid":"`+k.ID()+`","typ":"at+jwt"}`, benchClaims), k
}

func BenchmarkParse(b *testing.B) {
	token, _ := benchToken(b, jws.ES256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jws.Parse(token, maxBytes); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerify is Parse and Verify; BenchmarkRaw, below, the signature alone.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range benchAlgorithms {
		b.Run(string(alg), func(b *testing.B) {
			token, k := benchToken(b, alg)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := verify(token, k); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRaw(b *testing.B) {
	for _, alg := range benchAlgorithms {
		b.Run(string(alg), func(b *testing.B) {
			token, k := benchToken(b, alg)
			u, err := jws.Parse(token, maxBytes)
			if err != nil {
				b.Fatal(err)
			}
			input := []byte(u.SigningInput())
			signature := unb64(b, token[len(input)+1:])
			der, err := signers()[jws.ES256].Sign(nil, digestOf(input), crypto.SHA256)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				ok := false
				switch p := k.Public().(type) {
				case *ecdsa.PublicKey:
					ok = ecdsa.VerifyASN1(p, digestOf(input), der)
				case ed25519.PublicKey:
					ok = ed25519.Verify(p, input, signature)
				case *rsa.PublicKey:
					ok = rsa.VerifyPKCS1v15(p, crypto.SHA256, digestOf(input), signature) == nil
				}
				if !ok {
					b.Fatal("wrong signature")
				}
			}
		})
	}
}

func digestOf(input []byte) []byte {
	digest := sha256.Sum256(input)
	return digest[:]
}
