package verify_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// keySetMaker has the keys that a set is made of.
type keySetMaker struct {
	testing.TB
	es, ed, rs vectorKey
	cases      []keySetVector
}

func makeKeySetVectors(t testing.TB) keySetVectors {
	t.Helper()
	m := &keySetMaker{TB: t, es: newVectorKey(t, "ES256", "es-1"), ed: newVectorKey(t, "EdDSA", "ed-1"), rs: newVectorKey(t, "RS256", "rs-1")}
	m.sets()
	m.bodies()
	m.members()
	m.ecKeys()
	m.edKeys()
	m.rsaKeys()
	return keySetVectors{About: "JWK Sets and the keys that a verifier takes from each: see README.md in this folder.", Vectors: m.cases}
}

// add is a set of which the keys of the given IDs can be used; their algorithms follow from the kid.
func (m *keySetMaker) add(id, source, description, body string, usable ...usableKey) {
	m.Helper()
	v := keySetVector{vector: vector{"jwks-" + id, description, source}, Verdict: "accept", Usable: usable}
	if len(usable) == 0 {
		v.Verdict, v.Reason = "refuse", "no_keys"
	}
	if v.Body = body; !utf8.ValidString(body) {
		v.Body, v.Base64 = "", base64url([]byte(body))
	}
	m.cases = append(m.cases, v)
}

// malformed is what is no set at all.
func (m *keySetMaker) malformed(id, source, description, body string) {
	m.Helper()
	m.add(id, source, description, body)
	m.cases[len(m.cases)-1].Reason = "malformed"
}

func (k vectorKey) usable() usableKey { return usableKey{k.id, k.algorithm} }

// set is the text of a set of these keys.
func (m *keySetMaker) set(keys ...any) string {
	m.Helper()
	return string(marshal(m, map[string]any{"keys": append([]any{}, keys...)}))
}

// beside is a set in which an odd key stands before one that can be used: it is passed over, and the set is not refused.
func (m *keySetMaker) beside(id, source, description string, odd any) {
	m.Helper()
	m.add(id, source, description, m.set(odd, m.es.jwk(m)), m.es.usable())
}

func (m *keySetMaker) sets() {
	set := "RFC 7517 §5"
	m.add("set-three", set, "a key of each kind", m.set(m.es.jwk(m), m.ed.jwk(m), m.rs.jwk(m)), m.es.usable(), m.ed.usable(), m.rs.usable())
	m.add("set-order", set, "the order is kept", m.set(m.rs.jwk(m), m.es.jwk(m)), m.rs.usable(), m.es.usable())
	m.add("set-other-members", set, "a set with members that nobody knows", `{"x":1,`+m.set(m.es.jwk(m))[1:], m.es.usable())
	m.add("set-white-space", "RFC 8259 §2", "white space around and inside", "\n "+indented(m, m.set(m.es.jwk(m)))+"\r\n", m.es.usable())
	m.add("set-empty", set, "a set without keys", m.set())
	m.add("set-no-object-in-it", set, "entries that are no keys beside one that is", m.set(1, "x", null, []any{}, m.es.jwk(m)), m.es.usable())
	m.add("set-only-others", set, "only keys that cannot be used", m.set(map[string]any{"kty": "EC", "crv": "P-521"}, map[string]any{"kty": "AKP"}))
	hundred := make([]any, 100)
	usable := make([]usableKey, 100)
	for n := range hundred {
		hundred[n], usable[n] = m.es.jwk(m, "kid", fmt.Sprint("es-", n)), usableKey{fmt.Sprint("es-", n), "ES256"}
	}
	m.add("set-100", "the limit of ours, 100 keys", "a hundred keys", m.set(hundred...), usable...)
	m.malformed("set-101", "the limit of ours, 100 keys", "a hundred and one keys", m.set(append(hundred, m.es.jwk(m))...))
	m.add("set-same-kid", "RFC 7517 §4.5", "two keys of one kid, of different types", m.set(m.es.jwk(m, "kid", "k"), m.ed.jwk(m, "kid", "k")), usableKey{"k", "ES256"}, usableKey{"k", "EdDSA"})
}

func indented(t testing.TB, text string) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "\t"); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func (m *keySetMaker) bodies() {
	good := m.set(m.es.jwk(m))
	key := string(marshal(m, m.es.jwk(m)))
	m.malformed("body-empty", "RFC 7517 §5", "nothing", "")
	m.malformed("body-html", "RFC 7517 §5", "a page in HTML", "<!doctype html><title>Maintenance</title>")
	m.malformed("body-cut", "RFC 8259 §4", "cut in the middle", good[:len(good)/2])
	m.malformed("body-list", "RFC 7517 §5", "a list of keys", "["+key+"]")
	m.malformed("body-key", "RFC 7517 §5", "a key without a set", key)
	m.malformed("body-keys-object", "RFC 7517 §5.1", "keys by their kid", `{"keys":{"es-1":`+key+`}}`)
	m.malformed("body-keys-null", "RFC 7517 §5.1", "keys that are null", `{"keys":null}`)
	m.malformed("body-no-keys", "RFC 7517 §5.1", "an object without keys", `{}`)
	m.malformed("body-Keys", "RFC 7517 §5.1", "a name in capitals", strings.Replace(good, `"keys"`, `"Keys"`, 1))
	m.malformed("body-keys-twice", "RFC 7517 §5", "keys twice", `{"keys":[],`+good[1:])
	m.malformed("body-kid-twice", "RFC 7517 §4", "a member of a key twice", strings.Replace(good, `"kid":"es-1"`, `"kid":"es-1","kid":"es-2"`, 1))
	m.malformed("body-two", "RFC 8259 §2", "two sets", good+good)
	m.malformed("body-bom", "RFC 8259 §8.1", "a byte order mark before it", "\ufeff"+good)
	m.malformed("body-invalid-utf8", "RFC 8259 §8.1", "a byte that is not UTF-8", `{"x":"`+"\xff"+`",`+good[1:])
	m.malformed("body-utf16", "RFC 8259 §8.1", "in UTF-16, with its mark", "\xff\xfe"+utf16Text(good))
	m.malformed("body-deep", "the depth limit of ours, 32", "1000 lists in each other", `{"x":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`,`+good[1:])
}

// members are those that every key may have (RFC 7517 §4).
func (m *keySetMaker) members() {
	id := m.es.thumbprint(m)
	m.add("kid-absent", "RFC 7638 §3; the kid of ours", "a key without kid is called by its thumbprint", m.set(m.es.jwk(m, "kid", nil)), usableKey{id, "ES256"})
	m.beside("kid-number", "RFC 7517 §4.5", "a kid that is a number", m.es.jwk(m, "kid", 1))
	m.beside("kid-null", "RFC 7517 §4.5", "a kid that is null", m.es.jwk(m, "kid", null))
	m.beside("kid-257", "the limit of ours, 256 bytes", "a kid of 257 bytes", m.es.jwk(m, "kid", strings.Repeat("k", 257)))
	m.add("use-absent", "RFC 7517 §4.2", "a key that does not say what it is for", m.set(m.es.jwk(m, "use", nil, "alg", nil)), m.es.usable())
	m.beside("use-enc", "RFC 7517 §4.2", "a key for encryption", m.ed.jwk(m, "use", "enc"))
	m.beside("use-capitals", "RFC 7517 §4.2", "a use in capitals", m.ed.jwk(m, "use", "SIG"))
	m.beside("use-null", "RFC 7517 §4.2", "a use that is null", m.ed.jwk(m, "use", null))
	m.add("key-ops-verify", "RFC 7517 §4.3", "key_ops with verify", m.set(m.es.jwk(m, "use", nil, "key_ops", []string{"sign", "verify"})), m.es.usable())
	m.beside("key-ops-sign", "RFC 7517 §4.3", "key_ops without verify", m.ed.jwk(m, "use", nil, "key_ops", []string{"sign"}))
	m.beside("key-ops-empty", "RFC 7517 §4.3", "an empty key_ops", m.ed.jwk(m, "use", nil, "key_ops", []string{}))
	m.beside("key-ops-text", "RFC 7517 §4.3", "a key_ops that is a text", m.ed.jwk(m, "use", nil, "key_ops", "verify"))
	m.beside("alg-of-another-type", "RFC 7517 §4.4; RFC 8725 §3.1", "an alg that is not of the type of the key", m.ed.jwk(m, "alg", "ES256"))
	m.beside("alg-hmac", "RFC 8725 §3.1", "a public key that says HS256", m.ed.jwk(m, "alg", "HS256"))
	m.beside("alg-none", "RFC 8725 §3.2", "a public key that says none", m.ed.jwk(m, "alg", "none"))
	m.beside("alg-null", "RFC 7517 §4.4", "an alg that is null", m.ed.jwk(m, "alg", null))
	m.add("alg-ed25519", "RFC 9864 §2.2", "EdDSA by its fully specified name", m.set(m.ed.jwk(m, "alg", "Ed25519")), m.ed.usable())
	m.add("x5-ignored", "RFC 7517 §4.6, §4.7", "certificates are not looked at", m.set(m.es.jwk(m, "x5u", "https://keys.example/", "x5c", []string{"MAAA"}, "x5t", "x")), m.es.usable())
	m.beside("kty-absent", "RFC 7517 §4.1", "no type", m.ed.jwk(m, "kty", nil))
	m.beside("kty-case", "RFC 7517 §4.1", "a type in lower case", m.ed.jwk(m, "kty", "okp"))
	m.beside("kty-unknown", "RFC 7517 §4.1, §5", "a type that nobody knows", m.ed.jwk(m, "kty", "AKP"))
	m.beside("kty-oct", "RFC 7518 §6.4", "a secret that is published", map[string]any{"kty": "oct", "k": base64url(make([]byte, 32)), "kid": "secret", "alg": "HS256"})
	for _, private := range []string{"d", "k"} { // nought: no key that anybody has
		m.beside("private-"+private, "RFC 7518 §6.2.2, §6.4.1; who reads the set could sign", "a key with its private member "+private, m.ed.jwk(m, private, base64url(make([]byte, 32))))
	}
}

func (k vectorKey) thumbprint(t testing.TB) string {
	t.Helper()
	id, err := jws.Thumbprint(k.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (m *keySetMaker) ecKeys() {
	ec := "RFC 7518 §6.2.1"
	x, ok := m.es.jwk(m)["x"].(string)
	if !ok {
		m.Fatal("the key has no x")
	}
	odd := func(id, source, description string, changes ...any) {
		m.Helper()
		m.add(id, source, description, m.set(m.es.jwk(m, changes...), m.ed.jwk(m)), m.ed.usable())
	}
	odd("ec-off-curve", "RFC 8725 §3.4", "a point that is not on the curve", "y", x)
	odd("ec-zero", "RFC 8725 §3.4", "the coordinates 0 and 0", "x", base64url(make([]byte, 32)), "y", base64url(make([]byte, 32)))
	odd("ec-beyond-field", "RFC 8725 §3.4", "a coordinate beyond the field", "x", base64url(slices.Repeat([]byte{0xff}, 32)))
	odd("ec-short", ec, "a coordinate of 31 bytes", "x", base64url(make([]byte, 31)))
	odd("ec-long", ec, "a coordinate with a zero byte before it", "x", base64url(append([]byte{0}, decoded(m, x)...)))
	odd("ec-padded", "RFC 7515 §2", "a coordinate with padding", "x", x+"=")
	odd("ec-newline", "RFC 7515 §2", "a coordinate with a line end", "x", x+"\n")
	odd("ec-trailing-bits", "RFC 4648 §3.5", "a coordinate with bits that mean nothing", "x", trailingBit(x))
	odd("ec-no-y", ec, "no y", "y", nil)
	odd("ec-number", ec, "a coordinate that is a number", "x", 1)
	odd("ec-secp256k1", ec+".1; the algorithms of ours", "the name of another curve", "crv", "secp256k1", "alg", nil)
	odd("ec-p-384", ec+".1; the algorithms of ours", "P-384 with coordinates of 32 bytes", "crv", "P-384", "alg", nil)
	p384 := newVectorKey(m, "ES384", "es384-1")
	m.beside("ec-real-p-384", ec+".1; the algorithms of ours", "a key on P-384", p384.jwk(m))
}

func decoded(t testing.TB, text string) []byte {
	t.Helper()
	return signatureOf(t, "."+text)
}

func (m *keySetMaker) edKeys() {
	ed := "RFC 8037 §2"
	odd := func(id, source, description string, changes ...any) {
		m.Helper()
		m.beside(id, source, description, m.ed.jwk(m, changes...))
	}
	point := func(first byte, rest byte, last byte) string {
		return base64url(slices.Concat([]byte{first}, slices.Repeat([]byte{rest}, 30), []byte{last}))
	}
	eighth, err := hex.DecodeString("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
	if err != nil {
		m.Fatal(err)
	}
	odd("ed-short", ed, "a key of 31 bytes", "x", base64url(make([]byte, 31)))
	odd("ed-long", ed, "a key of 33 bytes", "x", base64url(make([]byte, 33)))
	odd("ed-identity", "RFC 8032 §5.1.7; anybody can sign for a point of small order", "the identity", "x", point(1, 0, 0))
	odd("ed-order-2", "RFC 8032 §5.1.7; anybody can sign for a point of small order", "the point of order 2", "x", point(0xec, 0xff, 0x7f))
	odd("ed-order-4", "RFC 8032 §5.1.7; anybody can sign for a point of small order", "a point of order 4", "x", point(0, 0, 0))
	odd("ed-order-4-sign", "RFC 8032 §5.1.7; anybody can sign for a point of small order", "the other point of order 4", "x", point(0, 0, 0x80))
	odd("ed-order-8", "RFC 8032 §5.1.7; anybody can sign for a point of small order", "a point of order 8", "x", base64url(eighth))
	odd("ed-not-canonical", "RFC 8032 §5.1.3 step 1", "a y beyond the field", "x", point(0xee, 0xff, 0x7f))
	odd("ed-x25519", ed, "a key for key agreement", "crv", "X25519", "alg", nil)
	odd("ed-448", ed+"; the algorithms of ours", "the name of the greater curve", "crv", "Ed448", "alg", nil)
	odd("ed-kty-ec", ed, "the type of the other curves", "kty", "EC")
}

func (m *keySetMaker) rsaKeys() {
	rsa := "RFC 7518 §6.3.1"
	n, ok := m.rs.jwk(m)["n"].(string)
	if !ok {
		m.Fatal("the key has no n")
	}
	modulus := decoded(m, n)
	odd := func(id, source, description string, changes ...any) {
		m.Helper()
		m.beside(id, source, description, m.rs.jwk(m, changes...))
	}
	odd("rsa-1024", "RFC 7518 §3.3", "a modulus of 1024 bits", "n", base64url(append(modulus[:127:127], 1)))
	odd("rsa-2047", "RFC 7518 §3.3", "a modulus of 2047 bits", "n", base64url(append([]byte{modulus[0]>>1 | 0x40}, modulus[1:]...)[:256]), "kid", "rs-2047")
	odd("rsa-16384", "the limit of ours, 8192 bits", "a modulus of 16384 bits", "n", base64url(append(slices.Repeat(modulus, 8)[:2047], 1)))
	odd("rsa-even", rsa+".1", "an even modulus", "n", base64url(append(modulus[:255:255], modulus[255]&^1)))
	odd("rsa-zero-before", "RFC 7518 §2", "a modulus with a zero byte before it", "n", base64url(append([]byte{0}, modulus...)))
	odd("rsa-no-n", rsa+".1", "no modulus", "n", nil)
	odd("rsa-e-1", "FIPS 186-5 §A.1.1; with 1 every text is its own signature", "the exponent 1", "e", "AQ")
	odd("rsa-e-3", "FIPS 186-5 §A.1.1", "the exponent 3", "e", "Aw")
	odd("rsa-e-even", "FIPS 186-5 §A.1.1", "an even exponent", "e", "AQAC")
	odd("rsa-e-empty", "RFC 7518 §2", "an empty exponent", "e", "")
	odd("rsa-e-zero-before", "RFC 7518 §2", "an exponent with a zero byte before it", "e", "AAEAAQ")
	odd("rsa-e-huge", "the limit of ours, 31 bits", "an exponent of 40 bits", "e", "AQAAAAE")
	odd("rsa-pss", "RFC 7517 §4.4", "a key for PS256", "alg", "PS256")
	odd("rsa-primes", "RFC 7518 §6.3.2; who reads the set could sign", "a key with a prime", "p", "AQ")
	m.add("rsa-e-65539", "FIPS 186-5 §A.1.1", "a greater exponent", m.set(m.rs.jwk(m, "e", "AQAD")), m.rs.usable())
}
