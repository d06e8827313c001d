package idptest

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// AppleSecretLife is the longest life of a client secret at Apple.
const AppleSecretLife = 15_777_000 * time.Second

// AppleKey is the key that was generated for the client secrets of the Apple personality: what a developer downloads
// there once. It is nil elsewhere, and with a Config.ApplePublicKey.
func (p *Provider) AppleKey() *ecdsa.PrivateKey { return p.appleKey }

// AppleKeyPEM is AppleKey as the .p8 file that Apple hands out: PKCS #8 in PEM (RFC 7468 §10). It is nil without one.
func (p *Provider) AppleKeyPEM() []byte {
	if p.appleKey == nil {
		return nil
	}
	der, _ := x509.MarshalPKCS8PrivateKey(p.appleKey) // never fails for a key on P-256
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// clientSecret mints a right one, good for five minutes; "" when the private key is with the test.
func (apple) clientSecret(p *Provider) string {
	if p.appleKey == nil {
		return ""
	}
	now := p.now()
	d := draft{}
	d.start(signingKey{Key{ID: p.cfg.AppleKeyID, Algorithm: "ES256", Public: p.appleFor}, p.appleKey}, 0)
	d.payload.set("iss", p.cfg.AppleTeamID)
	d.payload.set("iat", now.Unix())
	d.payload.set("exp", now.Add(5*time.Minute).Unix())
	d.payload.set("aud", p.issuer)
	d.payload.set("sub", p.cfg.ClientID)
	return d.compact()
}

// secretFault checks a client secret (Apple, "Creating a client secret"). It is the one place of the package that
// verifies a signature, and one that no relying party's verifier shares.
func (apple) secretFault(p *Provider, secret string) string {
	header, claims, err := Decode(secret)
	if err != nil {
		return "the client secret is not a compact JWS: Apple wants a JWT, signed by ES256"
	}
	now := p.now()
	expires, ok := unixTime(claims["exp"])
	switch {
	case header["alg"] != "ES256":
		return fmt.Sprintf("the alg of the client secret is %v: want ES256", header["alg"])
	case header["kid"] != p.cfg.AppleKeyID:
		return fmt.Sprintf("the kid of the client secret is %v: want the key ID, %s", header["kid"], p.cfg.AppleKeyID)
	case claims["iss"] != p.cfg.AppleTeamID:
		return fmt.Sprintf("the iss of the client secret is %v: want the team ID, %s", claims["iss"], p.cfg.AppleTeamID)
	case claims["sub"] != p.cfg.ClientID:
		return fmt.Sprintf("the sub of the client secret is %v: want the client ID, %s", claims["sub"], p.cfg.ClientID)
	case claims["aud"] != p.issuer:
		return fmt.Sprintf("the aud of the client secret is %v: want the issuer, %s", claims["aud"], p.issuer)
	case !ok || !now.Before(expires):
		return "the exp of the client secret is missing or past"
	case expires.After(now.Add(AppleSecretLife)):
		return "the exp of the client secret is more than 15777000 seconds ahead"
	case !signedBy(p.appleFor, secret):
		return "the signature of the client secret is not by the registered key"
	}
	return ""
}

// unixTime reads a NumericDate (RFC 7519 §2).
func unixTime(claim any) (time.Time, bool) {
	number, ok := claim.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := number.Int64()
	return time.Unix(seconds, 0), err == nil
}

// signedBy checks an ES256 signature: r and s side by side, 64 bytes (RFC 7518 §3.4).
func signedBy(key *ecdsa.PublicKey, compact string) bool {
	dot := strings.LastIndexByte(compact, '.')
	bits, err := base64.RawURLEncoding.Strict().DecodeString(compact[dot+1:])
	digest := sha256.Sum256([]byte(compact[:dot]))
	return err == nil && len(bits) == 64 &&
		ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(bits[:32]), new(big.Int).SetBytes(bits[32:]))
}
