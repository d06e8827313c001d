package interop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwxjws "github.com/lestrrat-go/jwx/v3/jws"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// given is a token with the key that a program hands over for it, as it is.
type given struct {
	variant
	alg jws.Algorithm
	key crypto.PublicKey
}

// givenJudges know the key of a token by the token.
func givenJudges(all []given) (ours judge, others []judge) {
	of := map[string]given{}
	for _, g := range all {
		of[g.input] = g
	}
	return judge{"ours", func(token string) verdict { return oursGiven(of[token]) }}, []judge{
		{goJose, func(token string) verdict { return goJoseGiven(of[token]) }},
		{golangJWT, func(token string) verdict { return golangJWTGiven(of[token]) }},
		{jwx, func(token string) verdict { return jwxGiven(of[token]) }},
	}
}

func oursGiven(g given) verdict {
	k, err := jws.NewKey("k", g.key)
	if err != nil {
		return refused(err)
	}
	u, err := jws.Parse(g.input, maxBytes)
	if err != nil {
		return refused(err)
	}
	return verdict{u.Payload(), k.Public(), u.Verify(k)}
}

func goJoseGiven(g given) verdict {
	signed, err := jose.ParseSignedCompact(g.input, joseAlgorithms)
	if err != nil {
		return refused(err)
	}
	payload, err := signed.Verify(g.key)
	return verdict{payload, g.key, err}
}

func golangJWTGiven(g given) verdict {
	p := &parties{raw: map[string]crypto.PublicKey{"k": g.key}}
	return p.golangJWTSignature(g.input)
}

func jwxGiven(g given) verdict {
	alg, ok := jwa.LookupSignatureAlgorithm(string(g.alg))
	if !ok {
		return refused(fmt.Errorf("no algorithm %q", g.alg))
	}
	payload, err := jwxjws.Verify([]byte(g.input), jwxjws.WithKey(alg, g.key), jwxjws.WithCompact(), jwxjws.WithCritValidation(true))
	return verdict{payload, g.key, err}
}

// givenKeys are tokens that are rightly signed, or forged, under keys good and weak.
func givenKeys(t testing.TB, signers []signer) []given {
	t.Helper()
	var all []given
	for _, s := range signers {
		s.kid = "k"
		all = append(all, given{variant{"given: " + string(s.alg) + " good", s.token(t, s.header(), "{}")}, s.alg, s.private.Public()})
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	cubic := exponentThree(t)
	for name, k := range map[string]*rsa.PrivateKey{"given: RSA of 1024 bits": short, "given: RSA exponent 3": cubic} {
		s := signer{jws.RS256, "k", k}
		all = append(all, given{variant{name, s.token(t, s.header(), "{}")}, s.alg, k.Public()})
	}
	return append(all, identityRSA(t), otherCurve(t), smallOrder(t))
}

// exponentThree makes an RSA key as many once were: two primes p with gcd(p-1, 3) = 1.
func exponentThree(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	three, one := big.NewInt(3), big.NewInt(1)
	prime := func() *big.Int {
		for {
			p, err := rand.Prime(rand.Reader, 1024)
			if err != nil {
				t.Fatal(err)
			}
			if new(big.Int).Mod(p, three).Int64() == 2 {
				return p
			}
		}
	}
	p, q := prime(), prime()
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	k := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 3},
		D:         new(big.Int).ModInverse(three, phi), Primes: []*big.Int{p, q},
	}
	k.Precompute()
	return k
}

// identityRSA is a forgery without a private key: under the exponent 1 every message is its own signature.
func identityRSA(t testing.TB) given {
	t.Helper()
	n := new(big.Int).SetBytes(slices.Repeat([]byte{0xff}, 256))
	input := b64(`{"alg":"RS256","kid":"k"}`) + "." + b64("{}")
	digest := sha256.Sum256([]byte(input))
	// RFC 8017 §9.2: 00 01 FF… 00, the name of SHA-256, the digest.
	name := []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
	fill := slices.Repeat([]byte{0xff}, 256-3-len(name)-len(digest))
	message := slices.Concat([]byte{0, 1}, fill, []byte{0}, name, digest[:])
	return given{variant{"given: RSA exponent 1, forged", input + "." + b64(string(message))}, jws.RS256, &rsa.PublicKey{N: n, E: 1}}
}

// otherCurve signs under the name ES256 with a key of another curve.
func otherCurve(t testing.TB) given {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	input := b64(`{"alg":"ES256","kid":"k"}`) + "." + b64("{}")
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, k, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := slices.Concat(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48)))
	return given{variant{"given: P-384 for ES256", input + "." + b64(string(signature))}, jws.ES256, k.Public()}
}

// smallOrder is a forgery without a private key: the identity and zero satisfy the equation of RFC 8032 §5.1.7 for one
// message in a few.
func smallOrder(t testing.TB) given {
	t.Helper()
	public := ed25519.PublicKey(make([]byte, 32)) // of order 4
	signature := append([]byte{1}, make([]byte, 63)...)
	for i := 0; ; i++ {
		input := b64(`{"alg":"EdDSA","kid":"k"}`) + "." + b64(fmt.Sprintf(`{"n":%d}`, i))
		if ed25519.Verify(public, []byte(input), signature) {
			return given{variant{"given: Ed25519 of small order, forged", input + "." + b64(string(signature))}, jws.EdDSA, public}
		}
	}
}
