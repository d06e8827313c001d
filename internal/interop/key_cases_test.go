package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

type members = map[string]any

// spoiltKeys change the JWK of a good key.
var spoiltKeys = []struct {
	name   string
	alg    jws.Algorithm
	change func(k members)
}{
	{"ES256 good", jws.ES256, func(members) {}},
	{"EdDSA good", jws.EdDSA, func(members) {}},
	{"RS256 good", jws.RS256, func(members) {}},
	{"without kid, use and alg", jws.ES256, func(k members) { delete(k, "kid"); delete(k, "use"); delete(k, "alg") }},
	{"alg Ed25519", jws.EdDSA, func(k members) { k["alg"] = "Ed25519" }},
	{"unknown members", jws.ES256, func(k members) { k["x"+"-issuer"] = "https://x"; k["iat"] = 1; k["nested"] = members{"d": "x"} }},
	{"x5c no certificate", jws.ES256, func(k members) { k["x5c"] = []any{"AAAA"} }},
	{"x5t of the wrong size", jws.RS256, func(k members) { k["x5t"] = "AAAA" }},
	{"x5u no address", jws.RS256, func(k members) { k["x5u"] = "http://[" }},
	{"names that differ by case", jws.ES256, func(k members) { k["KTY"] = "RSA"; k["D"] = "AAAA" }},

	{"use enc", jws.RS256, func(k members) { k["use"] = "enc" }},
	{"use in capitals", jws.RS256, func(k members) { k["use"] = "SIG" }},
	{"use unknown", jws.RS256, func(k members) { k["use"] = "x" }},
	{"use empty", jws.RS256, func(k members) { k["use"] = "" }},
	{"use null", jws.RS256, func(k members) { k["use"] = nil }},
	{"use a list", jws.RS256, func(k members) { k["use"] = []any{"sig"} }},
	{"key_ops verify", jws.ES256, func(k members) { k["key_ops"] = []any{"verify"} }},
	{"key_ops without verify", jws.ES256, func(k members) { k["key_ops"] = []any{"encrypt"} }},
	{"key_ops sign", jws.ES256, func(k members) { k["key_ops"] = []any{"sign"} }},
	{"key_ops empty", jws.ES256, func(k members) { k["key_ops"] = []any{} }},
	{"key_ops a string", jws.ES256, func(k members) { k["key_ops"] = "verify" }},
	{"key_ops null", jws.ES256, func(k members) { k["key_ops"] = nil }},
	{"alg of another type of key", jws.RS256, func(k members) { k["alg"] = "ES256" }},
	{"alg PS256", jws.RS256, func(k members) { k["alg"] = "PS256" }},
	{"alg RS512", jws.RS256, func(k members) { k["alg"] = "RS512" }},
	{"alg RSA-OAEP", jws.RS256, func(k members) { k["alg"] = "RSA-OAEP" }},
	{"alg ECDH-ES", jws.ES256, func(k members) { k["alg"] = "ECDH-ES" }},
	{"alg HS256", jws.RS256, func(k members) { k["alg"] = "HS256" }},
	{"alg none", jws.ES256, func(k members) { k["alg"] = "none" }},
	{"alg in lower case", jws.ES256, func(k members) { k["alg"] = "es256" }},
	{"alg empty", jws.ES256, func(k members) { k["alg"] = "" }},
	{"alg null", jws.ES256, func(k members) { k["alg"] = nil }},
	{"alg a number", jws.ES256, func(k members) { k["alg"] = 256 }},
	{"kid empty", jws.ES256, func(k members) { k["kid"] = "" }},
	{"kid null", jws.ES256, func(k members) { k["kid"] = nil }},
	{"kid a number", jws.ES256, func(k members) { k["kid"] = 1 }},
	{"kid of 256 bytes", jws.ES256, func(k members) { k["kid"] = strings.Repeat("k", 256) }},
	{"kid of 257 bytes", jws.ES256, func(k members) { k["kid"] = strings.Repeat("k", 257) }},

	{"kty absent", jws.ES256, func(k members) { delete(k, "kty") }},
	{"kty null", jws.ES256, func(k members) { k["kty"] = nil }},
	{"kty in lower case", jws.ES256, func(k members) { k["kty"] = "ec" }},
	{"kty unknown", jws.ES256, func(k members) { k["kty"] = "XX" }},
	{"kty of another key", jws.ES256, func(k members) { k["kty"] = "RSA" }},
	{"kty oct", jws.ES256, func(k members) { k["kty"] = "oct"; k["k"] = "AAAA" }},
	{"crv absent", jws.ES256, func(k members) { delete(k, "crv") }},
	{"crv of another curve", jws.ES256, func(k members) { k["crv"] = "P-384" }},
	{"crv secp256k1", jws.ES256, func(k members) { k["crv"] = "secp256k1" }},
	{"crv X25519", jws.EdDSA, func(k members) { k["crv"] = "X25519"; delete(k, "alg") }},
	{"crv Ed448", jws.EdDSA, func(k members) { k["crv"] = "Ed448" }},

	{"private EC key", jws.ES256, func(k members) { k["d"] = b64(strings.Repeat("d", 32)) }},
	{"private Ed25519 key", jws.EdDSA, func(k members) { k["d"] = b64(strings.Repeat("d", 32)) }},
	{"private exponent", jws.RS256, func(k members) { k["d"] = "AQAB" }},
	{"private prime", jws.RS256, func(k members) { k["p"] = "AQAB" }},
	{"private member null", jws.RS256, func(k members) { k["d"] = nil }},
	{"symmetric member", jws.ES256, func(k members) { k["k"] = "AQAB" }},

	{"point off the curve", jws.ES256, func(k members) { k["y"] = k["x"] }},
	{"point at zero", jws.ES256, func(k members) { k["x"] = b64(string(make([]byte, 32))); k["y"] = k["x"] }},
	{"x above the prime", jws.ES256, func(k members) { k["x"] = b64(strings.Repeat("\xff", 32)) }},
	{"x plus the prime", jws.ES256, xPlusPrime},
	{"x of 31 bytes", jws.ES256, func(k members) { k["x"] = b64(strings.Repeat("x", 31)) }},
	{"x with a zero byte in front", jws.ES256, func(k members) { k["x"] = b64("\x00" + unb64(k["x"])) }},
	{"y absent", jws.ES256, func(k members) { delete(k, "y") }},
	{"y a number", jws.ES256, func(k members) { k["y"] = 1 }},
	{"y null", jws.ES256, func(k members) { k["y"] = nil }},
	{"y padded", jws.ES256, func(k members) { k["y"] = k["y"].(string) + "=" }},
	{"y with a newline behind", jws.ES256, func(k members) { k["y"] = k["y"].(string) + "\n" }},
	{"y with stray low bits", jws.ES256, func(k members) { k["y"] = strayBits(k["y"].(string)) }},

	{"Ed25519 x of 31 bytes", jws.EdDSA, func(k members) { k["x"] = b64(strings.Repeat("x", 31)) }},
	{"Ed25519 x of 33 bytes", jws.EdDSA, func(k members) { k["x"] = b64(strings.Repeat("x", 33)) }},
	{"Ed25519 x absent", jws.EdDSA, func(k members) { delete(k, "x") }},
	{"Ed25519 x with stray low bits", jws.EdDSA, func(k members) { k["x"] = strayBits(k["x"].(string)) }},
	{"Ed25519 of order 1", jws.EdDSA, hexX("0100000000000000000000000000000000000000000000000000000000000000")},
	{"Ed25519 of order 2", jws.EdDSA, hexX("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")},
	{"Ed25519 of order 4", jws.EdDSA, hexX("0000000000000000000000000000000000000000000000000000000000000000")},
	{"Ed25519 of order 8", jws.EdDSA, hexX("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")},
	{"Ed25519 of order 1, not canonical", jws.EdDSA, hexX("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")},
	{"Ed25519 not canonical", jws.EdDSA, hexX("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")},
	{"Ed25519 no point", jws.EdDSA, hexX("0200000000000000000000000000000000000000000000000000000000000000")},

	{"RSA of 1024 bits", jws.RS256, func(k members) { k["n"] = b64(strings.Repeat("\xff", 128)) }},
	{"RSA of 2047 bits", jws.RS256, func(k members) { k["n"] = b64("\x7f" + strings.Repeat("\xff", 255)) }},
	{"RSA of 4096 bits", jws.RS256, func(k members) { k["n"] = b64(strings.Repeat("\xff", 512)) }},
	{"RSA of 8192 bits", jws.RS256, func(k members) { k["n"] = b64(strings.Repeat("\xff", 1024)) }},
	{"RSA of 16384 bits", jws.RS256, func(k members) { k["n"] = b64(strings.Repeat("\xff", 2048)) }},
	{"RSA modulus even", jws.RS256, func(k members) { k["n"] = b64(strings.Repeat("\xfe", 256)) }},
	{"RSA modulus with a zero byte in front", jws.RS256, func(k members) { k["n"] = b64("\x00" + unb64(k["n"])) }},
	{"RSA modulus empty", jws.RS256, func(k members) { k["n"] = "" }},
	{"RSA modulus absent", jws.RS256, func(k members) { delete(k, "n") }},
	{"RSA modulus a number", jws.RS256, func(k members) { k["n"] = json.Number("3233") }},
	{"RSA exponent 1", jws.RS256, func(k members) { k["e"] = b64("\x01") }},
	{"RSA exponent 3", jws.RS256, func(k members) { k["e"] = b64("\x03") }},
	{"RSA exponent 17", jws.RS256, func(k members) { k["e"] = b64("\x11") }},
	{"RSA exponent even", jws.RS256, func(k members) { k["e"] = b64("\x01\x00\x02") }},
	{"RSA exponent zero", jws.RS256, func(k members) { k["e"] = b64("\x00") }},
	{"RSA exponent of 31 bits", jws.RS256, func(k members) { k["e"] = b64("\x7f\xff\xff\xff") }},
	{"RSA exponent of 32 bits", jws.RS256, func(k members) { k["e"] = b64("\xff\xff\xff\xff") }},
	{"RSA exponent of 64 bits", jws.RS256, func(k members) { k["e"] = b64("\x01\x00\x00\x00\x00\x00\x00\x01") }},
	{"RSA exponent with a zero byte in front", jws.RS256, func(k members) { k["e"] = b64("\x00\x01\x00\x01") }},
	{"RSA exponent a number", jws.RS256, func(k members) { k["e"] = 65537 }},
	{"RSA exponent in the padded alphabet", jws.RS256, func(k members) { k["e"] = "AQAB====" }},
}

// xPlusPrime is a second spelling of a coordinate: only a small one leaves room for it.
func xPlusPrime(k members) {
	p := elliptic.P256().Params()
	for x := int64(0); ; x++ {
		// RFC 6090 §2: y² = x³ - 3x + b
		square := new(big.Int).Exp(big.NewInt(x), big.NewInt(3), p.P)
		square.Sub(square, big.NewInt(3*x)).Add(square, p.B).Mod(square, p.P)
		if y := new(big.Int).ModSqrt(square, p.P); y != nil {
			k["x"] = b64(string(new(big.Int).Add(big.NewInt(x), p.P).FillBytes(make([]byte, 32))))
			k["y"] = b64(string(y.FillBytes(make([]byte, 32))))
			return
		}
	}
}

func hexX(text string) func(members) {
	return func(k members) {
		x, err := hex.DecodeString(text)
		if err != nil {
			panic(err) // of this file
		}
		k["x"] = b64(string(x))
	}
}

func unb64(v any) string {
	b, err := base64.RawURLEncoding.DecodeString(v.(string))
	if err != nil {
		panic(err) // of this file
	}
	return string(b)
}

// keyVariants makes every spoilt key, and what is no object with the members of one.
func keyVariants(t testing.TB, signers []signer) []variant {
	t.Helper()
	jwkOf := map[jws.Algorithm]func() members{}
	for _, s := range signers {
		jwkOf[s.alg] = func() members { return s.jwk(t) }
	}
	var all []variant
	for _, sk := range spoiltKeys {
		k := jwkOf[sk.alg]()
		sk.change(k)
		all = append(all, variant{"key: " + sk.name, string(marshal(t, k))})
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := p384.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	good := string(marshal(t, jwkOf[jws.ES256]()))
	return append(all,
		variant{"key: P-384", string(marshal(t, members{"kty": "EC", "crv": "P-384", "x": b64(string(point[1:49])), "y": b64(string(point[49:]))}))},
		variant{"key: member twice", strings.Replace(good, `{`, `{"kid":"x",`, 1)},
		variant{"key: kty twice, the first in escapes", strings.Replace(good, `{`, `{"k\u0074y":"RSA",`, 1)},
		variant{"key: unknown member twice", strings.Replace(good, `{`, `{"a":1,"a":2,`, 1)},
		variant{"key: invalid UTF-8", strings.Replace(good, `{`, "{\"a\":\"\xff\",", 1)},
		variant{"key: lone surrogate", strings.Replace(good, `{`, `{"a":"\ud800",`, 1)},
		variant{"key: number beyond float64", strings.Replace(good, `{`, `{"a":1e999,`, 1)},
		variant{"key: comma behind", strings.Replace(good, `}`, `,}`, 1)},
		variant{"key: byte order mark", "\xef\xbb\xbf" + good},
		variant{"key: white space", " " + strings.ReplaceAll(good, `,`, " ,\n") + "\t"},
		variant{"key: empty object", "{}"},
		variant{"key: null", "null"},
		variant{"key: a list", "[" + good + "]"},
		variant{"key: a string", `"key"`},
		variant{"key: a number", "1"},
	)
}

// keySetVariants are key sets in which the ES256 key is to be found by its ID, or nothing is to be found at all.
func keySetVariants(t testing.TB, signers []signer) []variant {
	t.Helper()
	good, other := string(marshal(t, signers[0].jwk(t))), signers[1].jwk(t)
	sameID := signers[2].jwk(t)
	sameID["kid"] = signers[0].kid
	encryption := signers[2].jwk(t)
	encryption["use"] = "enc"
	private := signers[1].jwk(t)
	private["d"] = b64(strings.Repeat("d", 32))
	text := func(k members) string { return string(marshal(t, k)) }
	set := func(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }
	many := make([]string, 101)
	for i := range many {
		many[i] = good
	}
	return []variant{
		{"set: one key", set(good)},
		{"set: two keys", set(text(other), good)},
		{"set: other members", `{"issuer":"https://x","keys":[` + good + `],"x":null}`},
		{"set: a key of an unknown type first", set(`{"kty":"XX","kid":"x"}`, good)},
		{"set: a key on an unknown curve first", set(`{"kty":"EC","crv":"P-192","x":"AA","y":"AA"}`, good)},
		{"set: a symmetric key first", set(`{"kty":"oct","k":"AAAA"}`, good)},
		{"set: a key off its curve first", set(`{"kty":"EC","crv":"P-256","x":"`+b64(strings.Repeat("x", 32))+`","y":"`+b64(strings.Repeat("y", 32))+`"}`, good)},
		{"set: a key for encryption first", set(text(encryption), good)},
		{"set: a private key first", set(text(private), good)},
		{"set: an RSA key of the same ID first", set(text(sameID), good)},
		{"set: an RSA key of the same ID behind", set(good, text(sameID))},
		{"set: the key twice", set(good, good)},
		{"set: an empty object first", set(`{}`, good)},
		{"set: null first", set(`null`, good)},
		{"set: a number first", set(`1`, good)},
		{"set: a member of another key twice", set(`{"kty":"XX","kty":"XX"}`, good)},
		{"set: 100 keys", set(many[:100]...)},
		{"set: 101 keys", set(many...)},
		{"set: no keys", set()},
		{"set: keys absent", `{}`},
		{"set: keys null", `{"keys":null}`},
		{"set: keys an object", `{"keys":` + good + `}`},
		{"set: keys in capitals", `{"KEYS":[` + good + `]}`},
		{"set: keys twice, empty first", `{"keys":[],"keys":[` + good + `]}`},
		{"set: keys twice, empty last", `{"keys":[` + good + `],"keys":[]}`},
		{"set: a bare key", good},
		{"set: a bare list", `[` + good + `]`},
		{"set: data behind", set(good) + `{}`},
		{"set: text behind", set(good) + ` x`},
		{"set: byte order mark", "\xef\xbb\xbf" + set(good)},
		{"set: HTML", "<!doctype html><title>" + good + "</title>"},
		{"set: nothing", ""},
	}
}
