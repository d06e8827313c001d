package idptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256.New
	_ "crypto/sha512" // for crypto.SHA384.New and crypto.SHA512.New
	"encoding/asn1"
	"math/big"
	"strings"
)

// signatureBits makes the signature that alg asks for (RFC 7518 §3.1, RFC 8037 §3.1). The name is read without regard
// to case, so that "rs256" gets a signature that fits and is refused for its spelling alone. "none" has an empty
// signature. An algorithm that nobody knows gets the signature of the key's own. When key is of another type than alg
// wants, a key of the right type is made for the occasion: the signature is genuine and nobody has published the key.
func signatureBits(alg string, key crypto.Signer, secret, input []byte) []byte {
	name := strings.ToUpper(alg)
	switch {
	case name == "NONE":
		return nil
	case strings.HasPrefix(name, "HS") && hashOf(name) != 0:
		mac := hmac.New(hashOf(name).New, secret)
		mac.Write(input)
		return mac.Sum(nil)
	case !knownAlgorithm(name):
		name = strings.ToUpper(algorithmOf(key.Public()))
	}
	if fits(name, key.Public()) {
		if bits, err := asymmetric(name, key, input); err == nil {
			return bits
		}
	}
	bits, _ := asymmetric(name, newSigner(name), input) // a fitting key of our own making does not fail
	return bits
}

// asymmetric signs with a key that fits. The name is in capitals.
func asymmetric(name string, key crypto.Signer, input []byte) ([]byte, error) {
	if name == "EDDSA" {
		return key.Sign(rand.Reader, input, crypto.Hash(0))
	}
	var opts crypto.SignerOpts = hashOf(name)
	if strings.HasPrefix(name, "PS") {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hashOf(name)} // RFC 7518 §3.5
	}
	digest := hashOf(name).New()
	digest.Write(input)
	bits, err := key.Sign(rand.Reader, digest.Sum(nil), opts)
	if err != nil || !strings.HasPrefix(name, "ES") {
		return bits, err
	}
	return fixedWidth(bits, key.Public().(*ecdsa.PublicKey).Curve)
}

// fixedWidth turns the ASN.1 form of crypto/ecdsa into r and s side by side (RFC 7518 §3.4).
func fixedWidth(der []byte, curve elliptic.Curve) ([]byte, error) {
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &pair); err != nil {
		return nil, err
	}
	size := (curve.Params().BitSize + 7) / 8
	bits := make([]byte, 2*size)
	pair.R.FillBytes(bits[:size])
	pair.S.FillBytes(bits[size:])
	return bits, nil
}

// hashOf reads the digits at the end of an algorithm's name; 0 for a name without.
func hashOf(name string) crypto.Hash {
	switch {
	case strings.HasSuffix(name, "256"):
		return crypto.SHA256
	case strings.HasSuffix(name, "384"):
		return crypto.SHA384
	case strings.HasSuffix(name, "512"):
		return crypto.SHA512
	}
	return 0
}

func knownAlgorithm(name string) bool {
	switch name {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EDDSA":
		return true
	}
	return false
}

func fits(name string, public crypto.PublicKey) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return name[:2] == "RS" || name[:2] == "PS"
	case *ecdsa.PublicKey:
		return key.Curve == curveOf(name)
	case ed25519.PublicKey:
		return name == "EDDSA"
	}
	return false
}

// algorithmOf is the algorithm that a key is used with when nobody says otherwise.
func algorithmOf(public crypto.PublicKey) string {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		for _, alg := range []string{"ES384", "ES512"} {
			if key.Curve == curveOf(alg) {
				return alg
			}
		}
		return "ES256"
	case ed25519.PublicKey:
		return "EdDSA"
	}
	return "RS256"
}

func curveOf(name string) elliptic.Curve {
	switch name {
	case "ES256":
		return elliptic.P256()
	case "ES384":
		return elliptic.P384()
	case "ES512":
		return elliptic.P521()
	}
	return nil
}
