package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
)

const (
	vectorIssuer = "https://id.example/auth"
	vectorNow    = 1_700_000_000
)

// vectorKey signs whatever it is told to. The private half is in memory alone: each update of the vectors makes new keys.
type vectorKey struct {
	id, algorithm string
	private       crypto.Signer
}

func newVectorKey(t testing.TB, algorithm, id string) vectorKey {
	t.Helper()
	k := vectorKey{id: id, algorithm: algorithm}
	var err error
	switch algorithm {
	case "ES256":
		k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		k.private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "EdDSA":
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	case "RS256":
		k.private, err = vectorRSA(id)
	default:
		t.Fatalf("no keys for %s", algorithm)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// vectorRSAKeys are one for each ID in all tests of a run: making one takes a tenth of a second.
var vectorRSAKeys = map[string]*rsa.PrivateKey{}

func vectorRSA(id string) (crypto.Signer, error) {
	if _, made := vectorRSAKeys[id]; !made {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		vectorRSAKeys[id] = k
	}
	return vectorRSAKeys[id], nil
}

// jwk is the public half (RFC 7517 §4), with members on top; a nil takes one away.
func (k vectorKey) jwk(t testing.TB, changes ...any) map[string]any {
	t.Helper()
	out := map[string]any{"kid": k.id, "alg": k.algorithm, "use": "sig"}
	switch public := k.private.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		size := len(point) / 2
		out["kty"], out["crv"], out["x"], out["y"] = "EC", public.Params().Name, base64url(point[1:1+size]), base64url(point[1+size:])
	case ed25519.PublicKey:
		out["kty"], out["crv"], out["x"] = "OKP", "Ed25519", base64url(public)
	case *rsa.PublicKey:
		out["kty"], out["n"], out["e"] = "RSA", base64url(public.N.Bytes()), base64url(big.NewInt(int64(public.E)).Bytes())
	}
	return changed(t, out, changes)
}

// changed sets members by name and value, in turn; one that is nil is removed.
func changed(t testing.TB, object map[string]any, changes []any) map[string]any {
	t.Helper()
	for ; len(changes) > 1; changes = changes[2:] {
		name, ok := changes[0].(string)
		if !ok {
			t.Fatalf("%v is no name of a member", changes[0])
		}
		if object[name] = changes[1]; changes[1] == nil {
			delete(object, name)
		}
	}
	return object
}

// null is a member that is JSON null, where nil would remove it.
var null = json.RawMessage("null")

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign makes a signature of input by the key's own algorithm (RFC 7518 §3, RFC 8037 §3.1).
func (k vectorKey) sign(t testing.TB, input string) []byte {
	t.Helper()
	digest := sha256.Sum256([]byte(input))
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return fixedWidth(r, s)
	case ed25519.PrivateKey:
		return ed25519.Sign(private, []byte(input))
	case *rsa.PrivateKey:
		signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	t.Fatalf("no signatures of %T", k.private)
	return nil
}

// fixedWidth is r‖s, each of 32 bytes (RFC 7518 §3.4).
func fixedWidth(r, s *big.Int) []byte {
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature
}

// header is that of a good token, with changes.
func (k vectorKey) header(t testing.TB, changes ...any) string {
	t.Helper()
	return string(marshal(t, changed(t, map[string]any{"alg": k.algorithm, "typ": "at+jwt", "kid": k.id}, changes)))
}

// compact signs a header and a payload as they are written.
func (k vectorKey) compact(t testing.TB, header, payload string) string {
	t.Helper()
	input := base64url([]byte(header)) + "." + base64url([]byte(payload))
	return input + "." + base64url(k.sign(t, input))
}

// vectorClaims are those of a good token, with changes.
func vectorClaims(t testing.TB, changes ...any) string {
	t.Helper()
	return string(marshal(t, changed(t, map[string]any{
		"iss": vectorIssuer, "aud": audience, "sub": "user-1", "user_id": "user-1", "sid": "session-1", "client_id": "sallyport",
		"token_type": "access", "jti": "token-1", "iat": vectorNow, "exp": vectorNow + 300,
	}, changes)))
}

// claimsAnd is the text of the claims of a good token with JSON text before the last brace, which no encoder would write.
func claimsAnd(t testing.TB, members string, changes ...any) string {
	t.Helper()
	return strings.TrimSuffix(vectorClaims(t, changes...), "}") + "," + members + "}"
}

// resigned replaces the signature of a token.
func resigned(token string, signature []byte) string {
	return token[:strings.LastIndexByte(token, '.')+1] + base64url(signature)
}

// signatureOf is the last part of a token.
func signatureOf(t testing.TB, token string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(token[strings.LastIndexByte(token, '.')+1:])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// hmacToken is signed with a secret that everybody knows.
func hmacToken(t testing.TB, secret []byte, header, payload string) string {
	t.Helper()
	input := base64url([]byte(header)) + "." + base64url([]byte(payload))
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(input))
	return input + "." + base64url(m.Sum(nil))
}

// publicPEM is the public key as it stands in files.
func (k vectorKey) publicPEM(t testing.TB) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
