package jws_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// jwkOf returns a fresh copy of the JWK of a generated key, to be spoilt.
func jwkOf(t testing.TB, alg jws.Algorithm) map[string]any {
	t.Helper()
	return newKey(t, "k", signers()[alg]).JWK()
}

func TestJWKRoundTrip(t *testing.T) {
	for alg, signer := range signers() {
		t.Run(string(alg), func(t *testing.T) {
			published, err := json.Marshal(map[string]any{"keys": []any{newKey(t, "", signer).JWK()}})
			if err != nil {
				t.Fatal(err)
			}
			keys, err := jws.ParseKeySet(published)
			if err != nil || len(keys) != 1 {
				t.Fatalf("ParseKeySet(%s) = %v, %v", published, keys, err)
			}
			want, err := jws.Thumbprint(signer.Public())
			if err != nil {
				t.Fatal(err)
			}
			if keys[0].ID() != want || keys[0].Algorithm() != alg {
				t.Errorf("key = %q %q, want %q %q", keys[0].ID(), keys[0].Algorithm(), want, alg)
			}
			if p, ok := keys[0].Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !p.Equal(signer.Public()) {
				t.Errorf("Public() = %v, want %v", keys[0].Public(), signer.Public())
			}
			token := mint(t, signer, `{"alg":"`+string(alg)+`","kid":"`+want+`"}`, "payload")
			if _, err := verify(token, keys[0]); err != nil {
				t.Errorf("verify = %v", err)
			}
		})
	}
}

func TestParseKeyAccepts(t *testing.T) {
	tests := []struct {
		name   string
		alg    jws.Algorithm
		change func(jwk map[string]any)
	}{
		{"no use, key_ops or alg", jws.RS256, func(k map[string]any) { delete(k, "use"); delete(k, "alg") }},
		{"key_ops with verify", jws.ES256, func(k map[string]any) { k["key_ops"] = []any{"verify"} }},
		{"Ed25519, RFC 9864", jws.EdDSA, func(k map[string]any) { k["alg"] = "Ed25519" }},
		{"unknown members", jws.ES256, func(k map[string]any) { k["x5c"] = []any{"x"}; k["issuer"] = "https://x" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			jwk := jwkOf(t, tt.alg)
			tt.change(jwk)
			if k, err := jws.ParseKey(jwk); err != nil || k.ID() != "k" || k.Algorithm() != tt.alg {
				t.Errorf("ParseKey(%v) = %v, %v, want key %q for %s", jwk, k, err, "k", tt.alg)
			}
		})
	}
}

func TestParseKeyWithoutID(t *testing.T) {
	want, err := jws.Thumbprint(signers()[jws.ES256].Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(map[string]any){
		func(k map[string]any) { delete(k, "kid") },
		func(k map[string]any) { k["kid"] = "" },
	} {
		jwk := jwkOf(t, jws.ES256)
		change(jwk)
		if k, err := jws.ParseKey(jwk); err != nil || k.ID() != want {
			t.Errorf("ParseKey(%v) = %v, %v, want the thumbprint %q", jwk, k, err, want)
		}
	}
}

// unusableKeys spoils one member each.
var unusableKeys = []struct {
	name   string
	alg    jws.Algorithm
	change func(jwk map[string]any)
}{
	{"SX-03 use enc", jws.RS256, func(k map[string]any) { k["use"] = "enc" }},
	{"use in upper case", jws.RS256, func(k map[string]any) { k["use"] = "SIG" }},
	{"use null", jws.RS256, func(k map[string]any) { k["use"] = nil }},
	{"use a list", jws.RS256, func(k map[string]any) { k["use"] = []any{"sig"} }},
	{"SX-03 key_ops without verify", jws.ES256, func(k map[string]any) { k["key_ops"] = []any{"encrypt", "sign"} }},
	{"key_ops empty", jws.ES256, func(k map[string]any) { k["key_ops"] = []any{} }},
	{"key_ops a string", jws.ES256, func(k map[string]any) { k["key_ops"] = "verify" }},
	{"SX-03 RSA key for ES256", jws.RS256, func(k map[string]any) { k["alg"] = "ES256" }},
	{"RSA key for PS256", jws.RS256, func(k map[string]any) { k["alg"] = "PS256" }},
	{"RSA key for RSA-OAEP", jws.RS256, func(k map[string]any) { k["alg"] = "RSA-OAEP" }},
	{"alg in lower case", jws.ES256, func(k map[string]any) { k["alg"] = "es256" }},
	{"alg null", jws.ES256, func(k map[string]any) { k["alg"] = nil }},
	{"alg none", jws.ES256, func(k map[string]any) { k["alg"] = "none" }},
	{"kid a number", jws.ES256, func(k map[string]any) { k["kid"] = json.Number("1") }},
	{"kid of 257 bytes", jws.ES256, func(k map[string]any) { k["kid"] = strings.Repeat("k", 257) }},
	{"kty absent", jws.ES256, func(k map[string]any) { delete(k, "kty") }},
	{"kty in lower case", jws.ES256, func(k map[string]any) { k["kty"] = "ec" }},
	{"kty oct", jws.ES256, func(k map[string]any) { k["kty"] = "oct" }},
	{"kty of another key", jws.ES256, func(k map[string]any) { k["kty"] = "OKP" }},
	{"crv absent", jws.ES256, func(k map[string]any) { delete(k, "crv") }},
	{"crv P-384", jws.ES256, func(k map[string]any) { k["crv"] = "P-384" }},
	{"crv secp256k1", jws.ES256, func(k map[string]any) { k["crv"] = "secp256k1" }},
	{"crv X25519", jws.EdDSA, func(k map[string]any) { k["crv"] = "X25519" }},
	{"crv Ed448", jws.EdDSA, func(k map[string]any) { k["crv"] = "Ed448" }},
	{"private EC key published", jws.ES256, func(k map[string]any) { k["d"] = b64(strings.Repeat("d", 32)) }},
	{"private Ed25519 key published", jws.EdDSA, func(k map[string]any) { k["d"] = b64(strings.Repeat("d", 32)) }},
	{"private RSA prime published", jws.RS256, func(k map[string]any) { k["p"] = "AQAB" }},
	{"private member null", jws.RS256, func(k map[string]any) { k["qi"] = nil }},
	{"symmetric member", jws.RS256, func(k map[string]any) { k["k"] = "AQAB" }},
	{"SX-25 point off the curve", jws.ES256, func(k map[string]any) { k["y"] = k["x"] }},
	{"SX-25 point at zero", jws.ES256, func(k map[string]any) { k["x"] = b64(string(make([]byte, 32))); k["y"] = k["x"] }},
	{"SX-25 coordinate above p", jws.ES256, func(k map[string]any) { k["x"] = b64(strings.Repeat("\xff", 32)) }},
	{"coordinate of 31 bytes", jws.ES256, func(k map[string]any) { k["x"] = b64(strings.Repeat("x", 31)) }},
	{"coordinate of 33 bytes", jws.ES256, func(k map[string]any) { k["x"] = "AA" + k["x"].(string)[:42] }},
	{"coordinates of 31 and 33 bytes", jws.ES256, func(k map[string]any) {
		x, y := decode(k["x"]), decode(k["y"])
		k["x"], k["y"] = b64(x[:31]), b64(x[31:]+y)
	}},
	{"coordinate absent", jws.ES256, func(k map[string]any) { delete(k, "y") }},
	{"coordinate a number", jws.ES256, func(k map[string]any) { k["y"] = json.Number("1") }},
	{"coordinate padded", jws.ES256, func(k map[string]any) { k["y"] = k["y"].(string) + "=" }},
	{"coordinate with a newline", jws.ES256, func(k map[string]any) { k["y"] = k["y"].(string) + "\n" }},
	{"Ed25519 of 31 bytes", jws.EdDSA, func(k map[string]any) { k["x"] = b64(strings.Repeat("x", 31)) }},
	{"Ed25519 of 33 bytes", jws.EdDSA, func(k map[string]any) { k["x"] = b64(strings.Repeat("x", 33)) }},
	{"Ed25519 absent", jws.EdDSA, func(k map[string]any) { delete(k, "x") }},
	{"Ed25519 all zero", jws.EdDSA, func(k map[string]any) { k["x"] = b64(string(make([]byte, 32))) }},
	{"SX-25 RSA of 1024 bits", jws.RS256, func(k map[string]any) { k["n"] = b64(strings.Repeat("\xff", 128)) }},
	{"RSA of 2047 bits", jws.RS256, func(k map[string]any) { k["n"] = b64("\x7f" + strings.Repeat("\xff", 255)) }},
	{"RSA of 16384 bits", jws.RS256, func(k map[string]any) { k["n"] = b64(strings.Repeat("\xff", 2048)) }},
	{"RSA modulus even", jws.RS256, func(k map[string]any) { k["n"] = b64(strings.Repeat("\xfe", 256)) }},
	{"RSA modulus with a leading zero byte", jws.RS256, func(k map[string]any) { k["n"] = b64("\x00" + strings.Repeat("\xff", 256)) }},
	{"RSA modulus empty", jws.RS256, func(k map[string]any) { k["n"] = "" }},
	{"RSA modulus absent", jws.RS256, func(k map[string]any) { delete(k, "n") }},
	{"SX-25 RSA exponent 1", jws.RS256, func(k map[string]any) { k["e"] = b64("\x01") }},
	{"RSA exponent 3", jws.RS256, func(k map[string]any) { k["e"] = b64("\x03") }},
	{"RSA exponent even", jws.RS256, func(k map[string]any) { k["e"] = b64("\x01\x00\x02") }},
	{"RSA exponent zero", jws.RS256, func(k map[string]any) { k["e"] = b64("\x00") }},
	{"RSA exponent of 32 bits", jws.RS256, func(k map[string]any) { k["e"] = b64("\xff\xff\xff\xff") }},
	{"RSA exponent of 64 bits", jws.RS256, func(k map[string]any) { k["e"] = b64("\x01\x00\x00\x00\x00\x00\x00\x01") }},
	{"RSA exponent a number", jws.RS256, func(k map[string]any) { k["e"] = json.Number("65537") }},
}

func decode(v any) string {
	b, err := base64.RawURLEncoding.DecodeString(v.(string))
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestParseKeyRefuses(t *testing.T) {
	for _, tt := range unusableKeys {
		t.Run(tt.name, func(t *testing.T) {
			jwk := jwkOf(t, tt.alg)
			if _, err := jws.ParseKey(jwk); err != nil {
				t.Fatalf("the key to be spoilt is bad: %v", err)
			}
			tt.change(jwk)
			if k, err := jws.ParseKey(jwk); k != nil || !errors.Is(err, jws.ErrUnusableKey) {
				t.Errorf("ParseKey(%v) = %v, %v, want %v", jwk, k, err, jws.ErrUnusableKey)
			}
		})
	}
	if k, err := jws.ParseKey(nil); k != nil || !errors.Is(err, jws.ErrUnusableKey) {
		t.Errorf("ParseKey(nil) = %v, %v, want %v", k, err, jws.ErrUnusableKey)
	}
}

func TestParseKeySetSkipsUnusableKeys(t *testing.T) {
	var entries []any
	for _, tt := range unusableKeys[:20] {
		jwk := jwkOf(t, tt.alg)
		tt.change(jwk)
		entries = append(entries, jwk)
	}
	good := jwkOf(t, jws.ES256)
	entries = append(entries, nil, "key", []any{}, json.Number("1"), good)
	set, err := json.Marshal(map[string]any{"keys": entries, "other": 1})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jws.ParseKeySet(set)
	if err != nil || len(keys) != 1 || !maps.Equal(keys[0].JWK(), good) {
		t.Errorf("ParseKeySet = %v, %v, want the one good key", keys, err)
	}
}

func TestParseKeySetRefuses(t *testing.T) {
	good, err := json.Marshal(jwkOf(t, jws.ES256))
	if err != nil {
		t.Fatal(err)
	}
	repeated := func(n int) string {
		return `{"keys":[` + strings.TrimSuffix(strings.Repeat(string(good)+",", n), ",") + `]}`
	}
	tests := []struct {
		name, in string
		want     error
	}{
		{"nothing", "", jws.ErrMalformed},
		{"HTML", "<!doctype html>", jws.ErrMalformed},
		{"null", "null", jws.ErrMalformed},
		{"a bare list", "[" + string(good) + "]", jws.ErrMalformed},
		{"a bare key", string(good), jws.ErrMalformed},
		{"keys absent", "{}", jws.ErrMalformed},
		{"keys null", `{"keys":null}`, jws.ErrMalformed},
		{"keys an object", `{"keys":{}}`, jws.ErrMalformed},
		{"keys twice", `{"keys":[` + string(good) + `],"keys":[]}`, jws.ErrMalformed},
		{"member of a key twice", `{"keys":[{"kty":"EC","kty":"EC"}]}`, jws.ErrMalformed},
		{"data behind it", repeated(1) + "x", jws.ErrMalformed},
		{"101 keys", repeated(101), jws.ErrMalformed},
		{"no keys", `{"keys":[]}`, jws.ErrNoKeys},
		{"only unusable keys", `{"keys":[{},{"kty":"oct","k":"AA"}]}`, jws.ErrNoKeys},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if keys, err := jws.ParseKeySet([]byte(tt.in)); keys != nil || !errors.Is(err, tt.want) {
				t.Errorf("ParseKeySet(%.200q) = %v, %v, want %v", tt.in, keys, err, tt.want)
			}
		})
	}
	if keys, err := jws.ParseKeySet([]byte(repeated(100))); err != nil || len(keys) != 100 {
		t.Errorf("ParseKeySet(100 keys) = %d keys, %v, want 100", len(keys), err)
	}
}

func TestNewKeyRefuses(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey := signers()[jws.RS256].Public().(*rsa.PublicKey)
	tests := []struct {
		name string
		id   string
		key  crypto.PublicKey
	}{
		{"nil", "k", nil},
		{"a private key", "k", signers()[jws.ES256]},
		{"bytes", "k", []byte("secret")},
		{"P-384", "k", p384.Public()},
		{"nil EC key", "k", (*ecdsa.PublicKey)(nil)},
		{"EC key without a point", "k", &ecdsa.PublicKey{Curve: elliptic.P256()}},
		{"EC key without a curve", "k", &ecdsa.PublicKey{}},
		{"nil RSA key", "k", (*rsa.PublicKey)(nil)},
		{"RSA key without a modulus", "k", &rsa.PublicKey{E: 65537}},
		{"RSA key with a negative modulus", "k", &rsa.PublicKey{N: new(big.Int).Neg(rsaKey.N), E: 65537}},
		{"RSA exponent negative", "k", &rsa.PublicKey{N: rsaKey.N, E: -65537}},
		{"RSA exponent 3", "k", &rsa.PublicKey{N: rsaKey.N, E: 3}},
		{"nil Ed25519 key", "k", ed25519.PublicKey(nil)},
		{"long ID", strings.Repeat("k", 257), signers()[jws.ES256].Public()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if k, err := jws.NewKey(tt.id, tt.key); k != nil || !errors.Is(err, jws.ErrUnusableKey) {
				t.Errorf("NewKey(%T) = %v, %v, want %v", tt.key, k, err, jws.ErrUnusableKey)
			}
		})
	}
}

func TestNewKeyCopies(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := slices.Clone(private.Public().(ed25519.PublicKey))
	k, err := jws.NewKey("k", public)
	if err != nil {
		t.Fatal(err)
	}
	clear(public)
	if _, err := verify(mint(t, private, `{"alg":"EdDSA"}`, "payload"), k); err != nil {
		t.Errorf("verify after the caller cleared its key = %v, want no error", err)
	}
}

// TestNewKeyRefusesSmallOrder shows for each point why: the signature R = identity, S = 0 satisfies the verification
// equation for about one message in eight, without any private key.
func TestNewKeyRefusesSmallOrder(t *testing.T) {
	forged := make([]byte, ed25519.SignatureSize)
	forged[0] = 1 // the encoding of the identity
	for _, y := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // 0, not canonical
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // 1, not canonical
	} {
		for _, sign := range []byte{0, 0x80} {
			point, err := hex.DecodeString(y)
			if err != nil {
				t.Fatal(err)
			}
			point[31] |= sign
			t.Run(hex.EncodeToString(point), func(t *testing.T) {
				forgeable := false
				for i := 0; i < 1000 && !forgeable; i++ {
					forgeable = ed25519.Verify(point, fmt.Appendf(nil, "message %d", i), forged)
				}
				if !forgeable {
					t.Error("no forgery found: is this point of small order?")
				}
				if k, err := jws.NewKey("k", ed25519.PublicKey(point)); k != nil || !errors.Is(err, jws.ErrUnusableKey) {
					t.Errorf("NewKey(%x) = %v, %v, want %v", point, k, err, jws.ErrUnusableKey)
				}
			})
		}
	}
}

func TestJWKHasNoPrivateMember(t *testing.T) {
	want := map[jws.Algorithm][]string{
		jws.ES256: {"alg", "crv", "kid", "kty", "use", "x", "y"},
		jws.EdDSA: {"alg", "crv", "kid", "kty", "use", "x"},
		jws.RS256: {"alg", "e", "kid", "kty", "n", "use"},
	}
	for alg, names := range want {
		if got := slices.Sorted(maps.Keys(jwkOf(t, alg))); !slices.Equal(got, names) {
			t.Errorf("JWK of %s has the members %q, want %q", alg, got, names)
		}
	}
}
