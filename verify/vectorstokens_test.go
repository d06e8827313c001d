package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// tokenMaker has the keys of the token vectors. All but foreign are published in some set.
type tokenMaker struct {
	testing.TB
	es, es2, ed, rs, foreign    vectorKey
	es384, encrypting, long, ue vectorKey
	cases                       []tokenVector
}

const (
	composedName   = "schl\u00fcssel"  // in the normal form C of Unicode
	decomposedName = "schlu\u0308ssel" // the same word to a reader, in the normal form D
)

func makeTokenVectors(t testing.TB) tokenVectors {
	t.Helper()
	m := &tokenMaker{
		TB: t, es: newVectorKey(t, "ES256", "es-1"), es2: newVectorKey(t, "ES256", "es-2"), ed: newVectorKey(t, "EdDSA", "ed-1"),
		rs: newVectorKey(t, "RS256", "rs-1"), foreign: newVectorKey(t, "ES256", "es-1"), es384: newVectorKey(t, "ES384", "es384-1"),
		encrypting: newVectorKey(t, "ES256", "enc-1"), long: newVectorKey(t, "ES256", strings.Repeat("k", 256)),
		ue: newVectorKey(t, "ES256", composedName),
	}
	m.goodOnes()
	m.spellings()
	m.signatures()
	m.headers()
	m.algorithms()
	m.keys()
	m.types()
	m.claims()
	m.dates()
	m.json()
	return tokenVectors{
		About: "Access tokens and what a verifier says to each: see README.md in this folder.",
		KeySets: map[string]vectorSet{
			"main":   {[]map[string]any{m.es.jwk(t), m.ed.jwk(t), m.rs.jwk(t)}},
			"one":    {[]map[string]any{m.es.jwk(t)}},
			"two":    {[]map[string]any{m.es.jwk(t), m.es2.jwk(t)}},
			"names":  {[]map[string]any{m.long.jwk(t), m.ue.jwk(t)}},
			"others": {[]map[string]any{m.es384.jwk(t), m.encrypting.jwk(t, "use", "enc", "alg", nil), m.es.jwk(t)}},
		},
		Vectors: m.cases,
	}
}

// add is a vector with the key set main and the usual policy. The word is "accept", or why the token is refused.
func (m *tokenMaker) add(id, word, source, description, token string) *tokenVector {
	m.Helper()
	v := tokenVector{
		vector: vector{id, description, source}, KeySet: "main", Token: token, Verdict: "refuse", Reason: word,
		Policy: vectorPolicy{Issuer: vectorIssuer, Audience: audience, Now: vectorNow, Leeway: 60},
	}
	if word == "accept" {
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		if err != nil {
			m.Fatal(err)
		}
		v.Verdict, v.Reason, v.Claims = "accept", "", payload
	}
	m.cases = append(m.cases, v)
	return &m.cases[len(m.cases)-1]
}

// with is a token whose claims differ from those of a good one.
func (m *tokenMaker) with(changes ...any) string {
	return m.es.compact(m, m.es.header(m), vectorClaims(m, changes...))
}

// headed is a token whose header differs from that of a good one.
func (m *tokenMaker) headed(changes ...any) string {
	return m.es.compact(m, m.es.header(m, changes...), vectorClaims(m))
}

// written is a token whose claims are the given text.
func (m *tokenMaker) written(claims string) string { return m.es.compact(m, m.es.header(m), claims) }

func (m *tokenMaker) goodOnes() {
	for _, k := range []vectorKey{m.es, m.ed, m.rs} {
		m.add("good-"+strings.ToLower(k.algorithm), "accept", "RFC 9068 §2", "a good token in "+k.algorithm, k.compact(m, k.header(m), vectorClaims(m)))
	}
	m.add("good-ed25519-name", "accept", "RFC 9864 §2.2", "EdDSA by its fully specified name", m.ed.compact(m, m.ed.header(m, "alg", "Ed25519"), vectorClaims(m)))
	m.add("good-scope-groups", "accept", "RFC 9068 §2.2.3", "scope and groups", m.with("scope", "orders:read orders:write", "groups", []string{"staff", "admins"}))
	m.add("good-custom-claims", "accept", "RFC 7519 §4.3", "objects, lists, null, false and numbers as claims of one's own",
		m.with("plan", map[string]any{"name": "gold", "seats": 5, "limits": []any{1, 2.5, -3}}, "nothing", null, "beta", false))
	m.add("good-unicode", "accept", "RFC 8259 §8.1", "names and values outside ASCII",
		m.with("имя", "Алиса", "名前", "アリス", "emoji", "🔑", "combining", "e\u0301", "right to left", "\u202eabc"))
	m.add("good-subject-unicode", "accept", "RFC 7519 §4.1.2", "a subject outside ASCII", m.with("sub", "алиса", "user_id", "алиса"))
	m.add("good-more-audiences", "accept", "RFC 7519 §4.1.3", "one of several audiences", m.with("aud", []string{"billing", audience}))
	m.add("good-audience-list", "accept", "RFC 7519 §4.1.3", "a list of one audience", m.with("aud", []string{audience}))
	m.add("good-audience-empty-too", "accept", "RFC 7519 §4.1.3", "an empty text beside the audience", m.with("aud", []string{"", audience}))
	m.add("good-scope-list", "accept", "RFC 9068 §2.2.3", "a scope that is a list grants nothing, and is no reason to refuse", m.with("scope", []string{"orders:read"}))
	m.add("good-names-in-other-case", "accept", "RFC 7519 §4", "claims whose names differ from ours in case are other claims",
		m.with("Sub", "admin", "SUB", "admin", "Aud", "billing", "EXP", 1))
	m.add("good-names-of-objects", "accept", "RFC 7519 §4", "names that mean something to some languages",
		m.with("__proto__", map[string]any{"admin": true}, "constructor", "x", "hasOwnProperty", false, "", "no name"))
	m.add("good-subject-is-not-user-id", "accept", "the access token of ours", "sub and user_id may differ", m.with("user_id", "user-2"))
}

// spellings are changes of the text: a token has one spelling (RFC 7515 §2, RFC 4648 §3.5).
func (m *tokenMaker) spellings() {
	good := m.with()
	parts := strings.Split(good, ".")
	join := func(changed string, at int) string {
		p := slices.Clone(parts)
		p[at] = changed
		return strings.Join(p, ".")
	}
	add := func(id, description, token string) {
		m.Helper()
		m.add("spelling-"+id, "malformed", "RFC 7515 §2, §5.2", description, token)
	}
	add("empty", "nothing", "")
	add("dots", "two dots and nothing else", "..")
	add("word", "a word", "null")
	add("header-alone", "the header alone", parts[0])
	add("two-parts", "no signature and no dot before it", parts[0]+"."+parts[1])
	add("no-signature", "an empty signature", parts[0]+"."+parts[1]+".")
	add("no-claims", "empty claims", join("", 1))
	add("no-header", "an empty header", join("", 0))
	add("four-parts", "a fourth part", good+".e30")
	add("four-parts-empty", "a dot more", good+".")
	add("dot-before", "a dot before it", "."+good)
	add("five-parts", "five parts, as an encrypted token has", good+"."+parts[1]+"."+parts[2])
	for at, name := range []string{"header", "claims", "signature"} {
		add("padded-"+name, "padding behind the "+name, join(parts[at]+"=", at))
		add("newline-in-"+name, "a line end inside the "+name, join(parts[at][:4]+"\n"+parts[at][4:], at))
		add("space-in-"+name, "white space inside the "+name, join(parts[at][:4]+" "+parts[at][4:], at))
	}
	add("padded-twice", "two characters of padding behind it", good+"==")
	add("newline-after", "a line end behind it", good+"\n")
	add("crlf-after", "carriage return and line feed behind it", good+"\r\n")
	add("return-inside", "a carriage return inside the claims", join(parts[1][:8]+"\r"+parts[1][8:], 1))
	add("newline-before", "a line end before it", "\n"+good)
	add("space-before", "white space before it", " "+good)
	add("space-after", "white space behind it", good+" ")
	add("tab-after", "a tab behind it", good+"\t")
	add("nul-after", "a NUL behind it", good+"\x00")
	add("bom-before", "a byte order mark before it", "\ufeff"+good)
	add("scheme-before", "the scheme before it", "Bearer "+good)
	add("quoted", "in quotes", `"`+good+`"`)
	add("two-tokens", "two tokens and a comma", good+","+good)
	add("percent-dot", "dots as in a URL", strings.ReplaceAll(good, ".", "%2E"))
	add("full-width-dot", "dots that only look like dots", strings.ReplaceAll(good, ".", "．"))
	add("trailing-bits-signature", "the last character of the signature with bits that mean nothing", trailingBit(good))
	add("trailing-bits-header", "the same of a header, signed as it is", m.signedAsIs(trailingBitOf(m, m.es.header(m)), base64url([]byte(vectorClaims(m)))))
	add("trailing-bits-claims", "the same of claims, signed as they are", m.signedAsIs(base64url([]byte(m.es.header(m))), trailingBitOf(m, vectorClaims(m))))
	add("base64-alphabet", "claims in the alphabet of base64, signed as they are",
		m.signedAsIs(base64url([]byte(m.es.header(m))), base64.RawStdEncoding.EncodeToString([]byte(vectorClaims(m, "x", "??>>??>>??>>")))))
	add("padded-and-signed", "claims with padding, signed as they are", m.signedAsIs(base64url([]byte(m.es.header(m))), paddedText(m)))
	add("one-character-more", "a length that base64 cannot have", good+"AAA")
	add("json-general", "the JSON serialisation", fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, parts[1], parts[0], parts[2]))
	add("json-flat", "the flattened JSON serialisation", fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, parts[1], parts[0], parts[2]))
	add("header-unencoded", "a header that is not encoded", `{"alg":"ES256"}.`+parts[1]+"."+parts[2])
	m.add("size-8192", "accept", "the size limit of ours, 8 KiB", "a token of 8192 bytes", m.ofSize(8192))
	m.add("size-8193", "malformed", "the size limit of ours, 8 KiB", "a token of 8193 bytes", m.ofSize(8193))
}

// signedAsIs signs parts that are encoded already.
func (m *tokenMaker) signedAsIs(header, claims string) string {
	return header + "." + claims + "." + base64url(m.es.sign(m, header+"."+claims))
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// trailingBit sets the last bit of the last character, behind the last byte.
func trailingBit(text string) string {
	last := len(text) - 1
	return text[:last] + string(base64Alphabet[strings.IndexByte(base64Alphabet, text[last])|1])
}

// trailingBitOf encodes JSON text, with white space behind it until there are bits to set, and sets one.
func trailingBitOf(t testing.TB, text string) string {
	for len(text)%3 == 0 {
		text += " "
	}
	plain := base64url([]byte(text))
	changed := trailingBit(plain)
	if changed == plain {
		t.Fatal("the last bit was set already")
	}
	return changed
}

// paddedText is good claims in base64url with the padding of RFC 4648 §5.
func paddedText(t testing.TB) string {
	text := vectorClaims(t)
	for len(text)%3 == 0 {
		text += " "
	}
	return base64.URLEncoding.EncodeToString([]byte(text))
}

// ofSize is a good token of that many bytes.
func (m *tokenMaker) ofSize(size int) string {
	m.Helper()
	for more := range 3 { // base64 has no text of 4n+1 characters: header and claims share the rest
		header := m.es.header(m, "x", strings.Repeat("x", more))
		rest := size - len(base64url([]byte(header))) - len(base64url(make([]byte, 64))) - 2
		empty := len(vectorClaims(m, "padding", ""))
		if token := m.es.compact(m, header, vectorClaims(m, "padding", strings.Repeat("x", rest*3/4-empty))); len(token) == size {
			return token
		}
	}
	m.Fatalf("no token of %d bytes", size)
	return ""
}

// signatures are of the right shape, or nearly, and wrong.
func (m *tokenMaker) signatures() {
	add := func(id, word, source, description, token string) {
		m.Helper()
		m.add("signature-"+id, word, source, description, token)
	}
	good := m.with()
	parts := strings.Split(good, ".")
	input := parts[0] + "." + parts[1]
	signature := signatureOf(m, good)
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	n := elliptic.P256().Params().N
	es := "RFC 7518 §3.4"
	add("es256-of-another", "signature", es, "by a key that is published nowhere, under a kid that is", m.foreign.compact(m, m.es.header(m), vectorClaims(m)))
	add("es256-other-s", "accept", es+"; no rule wants the lesser s", "with n-s for s, which is another signature of the same text", resigned(good, fixedWidth(r, new(big.Int).Sub(n, s))))
	add("es256-zero", "signature", es, "of 64 zero bytes", resigned(good, make([]byte, 64)))
	add("es256-r-zero", "signature", es, "with r = 0", resigned(good, fixedWidth(new(big.Int), s)))
	add("es256-s-zero", "signature", es, "with s = 0", resigned(good, fixedWidth(r, new(big.Int))))
	add("es256-n", "signature", es, "with r and s = n", resigned(good, fixedWidth(n, n)))
	add("es256-one", "signature", es, "with r and s = 1", resigned(good, fixedWidth(big.NewInt(1), big.NewInt(1))))
	add("es256-swapped", "signature", es, "with r and s in each other's place", resigned(good, fixedWidth(s, r)))
	add("es256-short", "signature", es, "a byte short", resigned(good, signature[:63]))
	add("es256-long", "signature", es, "a zero byte longer", resigned(good, append(slices.Clone(signature), 0)))
	add("es256-zero-before", "signature", es, "with a zero byte before it", resigned(good, append([]byte{0}, signature...)))
	add("es256-wide", "signature", es, "with r and s of 33 bytes", resigned(good, slices.Concat([]byte{0}, signature[:32], []byte{0}, signature[32:])))
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		m.Fatal(err)
	}
	add("es256-der", "signature", es, "in DER, as other protocols have it", resigned(good, der))
	add("es256-half", "signature", es, "cut in the middle", resigned(good, signature[:32]))
	digest := sha512.Sum384([]byte(input))
	r384, s384, err := ecdsa.Sign(rand.Reader, m.es.private.(*ecdsa.PrivateKey), digest[:])
	if err != nil {
		m.Fatal(err)
	}
	add("es256-sha384", "signature", es, "over the SHA-384", resigned(good, fixedWidth(r384, s384)))
	add("es256-of-claims-alone", "signature", "RFC 7515 §5.1", "over the claims alone", resigned(good, m.es.sign(m, parts[1])))
	add("es256-of-decoded", "signature", "RFC 7515 §5.1", "over what the parts decode to", resigned(good, m.es.sign(m, m.es.header(m)+"."+vectorClaims(m))))
	other := m.with("sub", "admin")
	add("of-another-token", "signature", es, "of another good token", resigned(other, signature))
	add("claims-changed", "signature", es, "the claims of another good token", parts[0]+"."+strings.Split(other, ".")[1]+"."+parts[2])
	add("header-respelled", "signature", "RFC 7515 §5.2", "a header of the same meaning with a space more", base64url([]byte(m.es.header(m)+" "))+"."+parts[1]+"."+parts[2])
	for at := range 3 {
		flipped := slices.Clone(parts)
		b, err := base64.RawURLEncoding.DecodeString(flipped[at])
		if err != nil {
			m.Fatal(err)
		}
		switch at {
		case 0: // a kid of another letter would be another key: only white space may differ
			b = append(b, '\n')
		case 1:
			b = []byte(strings.Replace(string(b), "user-1", "user-0", 1))
		case 2:
			b[40] ^= 1
		}
		flipped[at] = base64url(b)
		add("changed-"+[]string{"header", "claims", "signature"}[at], "signature", es, "one character of the "+[]string{"header", "claims", "signature"}[at]+" is another", strings.Join(flipped, "."))
	}
	m.edSignatures(add)
	m.rsSignatures(add)
	m.ofEachAlgorithm()
}

// ofEachAlgorithm is what a verifier must not do in one algorithm alone; the other vectors are in ES256.
func (m *tokenMaker) ofEachAlgorithm() {
	for _, k := range []vectorKey{m.ed, m.rs} {
		add := func(id, word, source, description, token string) {
			m.Helper()
			m.add(strings.ToLower(k.algorithm)+"-"+id, word, source, k.algorithm+": "+description, token)
		}
		good := k.compact(m, k.header(m), vectorClaims(m))
		foreign := newVectorKey(m, k.algorithm, "foreign")
		add("foreign", "signature", "RFC 7515 §5.2", "by a key that is published nowhere, under a kid that is", foreign.compact(m, k.header(m), vectorClaims(m)))
		add("claims-changed", "signature", "RFC 7515 §5.2", "one character of the claims is another", resigned(k.compact(m, k.header(m), vectorClaims(m, "sub", "user-0")), signatureOf(m, good)))
		add("trailing-bits", "malformed", "RFC 4648 §3.5", "the last character with bits that mean nothing", trailingBit(good))
		add("padded", "malformed", "RFC 7515 §2", "padding behind it", good+"==")
		add("newline", "malformed", "RFC 7515 §2", "a line end behind it", good+"\n")
		add("no-kid", "accept", "RFC 7515 §4.1.4; RFC 7517 §5", "no kid, and one key of the algorithm", k.compact(m, k.header(m, "kid", nil), vectorClaims(m)))
		add("typ", "type", "RFC 8725 §3.11", "typ JWT", k.compact(m, k.header(m, "typ", "JWT"), vectorClaims(m)))
		add("crit", "unsupported", "RFC 7515 §4.1.11", "crit with a name that nobody knows", k.compact(m, k.header(m, "crit", []string{"x"}, "x", 1), vectorClaims(m)))
		add("none", "unsupported", "RFC 8725 §3.2", "alg none with a signature", k.compact(m, k.header(m, "alg", "none"), vectorClaims(m)))
		add("hmac", "unsupported", "RFC 8725 §3.1", "HS256 with the public key in PEM for a secret", hmacToken(m, k.publicPEM(m), k.header(m, "alg", "HS256"), vectorClaims(m)))
		add("audience", "audience", "RFC 7519 §4.1.3", "for somebody else", k.compact(m, k.header(m), vectorClaims(m, "aud", "billing")))
		add("issuer", "issuer", "RFC 7519 §4.1.1", "of another issuer", k.compact(m, k.header(m), vectorClaims(m, "iss", "https://other.example/auth")))
		add("expired", "expired", "RFC 7519 §4.1.4", "ended an hour ago", k.compact(m, k.header(m), vectorClaims(m, "exp", vectorNow-3600, "iat", vectorNow-3900)))
		add("twice", "malformed", "RFC 7519 §4", "sub twice", k.compact(m, k.header(m), claimsAnd(m, `"sub":"admin"`)))
	}
}

func (m *tokenMaker) edSignatures(add func(id, word, source, description, token string)) {
	token := m.ed.compact(m, m.ed.header(m), vectorClaims(m))
	signature := signatureOf(m, token)
	ed := "RFC 8032 §5.1.7"
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(signature[32:])
	slices.Reverse(s)
	larger := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(larger)
	add("eddsa-s-and-order", "signature", ed+" step 1", "with S and the order of the group, which is the same S", resigned(token, append(slices.Clone(signature[:32]), larger...)))
	add("eddsa-zero", "signature", ed, "of 64 zero bytes", resigned(token, make([]byte, 64)))
	identity := append([]byte{1}, make([]byte, 63)...)
	add("eddsa-identity", "signature", ed, "with the identity for R and 0 for S", resigned(token, identity))
	add("eddsa-short", "signature", ed, "a byte short", resigned(token, signature[:63]))
	add("eddsa-long", "signature", ed, "a zero byte longer", resigned(token, append(slices.Clone(signature), 0)))
	input := token[:strings.LastIndexByte(token, '.')]
	digest := sha512.Sum512([]byte(input))
	prehashed, err := m.ed.private.(ed25519.PrivateKey).Sign(nil, digest[:], &ed25519.Options{Hash: crypto.SHA512})
	if err != nil {
		m.Fatal(err)
	}
	add("eddsa-prehashed", "signature", "RFC 8037 §3.1", "of Ed25519ph", resigned(token, prehashed))
	context, err := m.ed.private.(ed25519.PrivateKey).Sign(nil, []byte(input), &ed25519.Options{Context: "jws"})
	if err != nil {
		m.Fatal(err)
	}
	add("eddsa-context", "signature", "RFC 8037 §3.1", "of Ed25519ctx", resigned(token, context))
}

func (m *tokenMaker) rsSignatures(add func(id, word, source, description, token string)) {
	token := m.rs.compact(m, m.rs.header(m), vectorClaims(m))
	input, signature := token[:strings.LastIndexByte(token, '.')], signatureOf(m, token)
	private := m.rs.private.(*rsa.PrivateKey)
	rs := "RFC 8017 §8.2.2"
	made := func(s []byte, err error) []byte {
		m.Helper()
		if err != nil {
			m.Fatal(err)
		}
		return s
	}
	digest, digest512 := sha256.Sum256([]byte(input)), sha512.Sum512([]byte(input))
	add("rs256-pss", "signature", "RFC 7518 §3.3", "with the padding of PS256", resigned(token, made(rsa.SignPSS(rand.Reader, private, crypto.SHA256, digest[:], nil))))
	add("rs256-sha512", "signature", "RFC 7518 §3.3", "over the SHA-512", resigned(token, made(rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA512, digest512[:]))))
	add("rs256-no-digest-info", "signature", rs+", Appendix A.2.4", "over a digest without its DigestInfo", resigned(token, made(rsa.SignPKCS1v15(rand.Reader, private, 0, digest[:]))))
	add("rs256-zero", "signature", rs, "of zero bytes", resigned(token, make([]byte, 256)))
	add("rs256-one", "signature", rs, "of the number 1", resigned(token, append(make([]byte, 255), 1)))
	add("rs256-zero-before", "signature", rs+" step 1", "with a zero byte before it", resigned(token, append([]byte{0}, signature...)))
	add("rs256-short", "signature", rs+" step 1", "a byte short", resigned(token, signature[:255]))
	// Of the same residue: s+n has a bit too many to be a signature, unless s is small.
	larger := new(big.Int).Add(new(big.Int).SetBytes(signature), private.N)
	add("rs256-s-and-n", "signature", rs, "with the modulus added, which is the same residue", resigned(token, larger.FillBytes(make([]byte, 257))))
	add("rs256-of-another", "signature", rs, "with a bit changed", resigned(token, append(slices.Clone(signature[:255]), signature[255]^1)))
}

func (m *tokenMaker) headers() {
	add := func(id, word, source, description, token string) {
		m.Helper()
		m.add("header-"+id, word, source, description, token)
	}
	written := func(header string) string { return m.es.compact(m, header, vectorClaims(m)) }
	good := m.es.header(m)
	and := func(members string) string { return strings.TrimSuffix(good, "}") + "," + members + "}" }
	add("unknown-member", "accept", "RFC 7515 §4.2", "a member that nobody knows", m.headed("x-anything", map[string]any{"a": 1}))
	add("cty", "accept", "RFC 7515 §4.1.10", "a content type", m.headed("cty", "example"))
	add("white-space", "accept", "RFC 8259 §2", "white space and line ends between members", written("\n{ \"alg\" : \"ES256\",\r\n\t\"typ\":\"at+jwt\", \"kid\":\"es-1\" } \n"))
	add("escaped-name", "accept", "RFC 8259 §7", "a member name with an escape", written(`{"\u0061lg":"ES256","typ":"at+jwt","kid":"es-1"}`))
	add("crit-unknown", "unsupported", "RFC 7515 §4.1.11", "crit with a name that nobody knows", m.headed("crit", []string{"http://example.com/x"}, "http://example.com/x", true))
	add("crit-empty", "unsupported", "RFC 7515 §4.1.11", "an empty crit", m.headed("crit", []string{}))
	add("crit-null", "unsupported", "RFC 7515 §4.1.11", "a crit that is null", m.headed("crit", null))
	add("crit-known-member", "unsupported", "RFC 7515 §4.1.11", "crit with a member that every header has", m.headed("crit", []string{"alg"}))
	add("crit-exp", "unsupported", "RFC 7515 §4.1.11", "crit with a member that is there and that nobody knows", m.headed("crit", []string{"exp"}, "exp", vectorNow+300))
	add("b64-false", "unsupported", "RFC 7797 §3", "b64 false without crit", m.headed("b64", false))
	add("b64-true", "unsupported", "RFC 7797 §3", "b64 true, which says nothing new, without crit", m.headed("b64", true))
	add("b64-crit", "unsupported", "RFC 7797 §6", "b64 false with crit", m.headed("b64", false, "crit", []string{"b64"}))
	header := m.es.header(m, "b64", false, "crit", []string{"b64"})
	input := base64url([]byte(header)) + "." + "claims"
	add("b64-unencoded", "malformed", "RFC 7797 §5.2", "claims that are not encoded, signed as they are", input+"."+base64url(m.es.sign(m, input)))
	add("zip", "unsupported", "RFC 7516 §4.1.3", "compressed, it says", m.headed("zip", "DEF"))
	add("twice-alg", "malformed", "RFC 7515 §4", "alg twice", written(and(`"alg":"none"`)))
	add("twice-alg-same", "malformed", "RFC 7515 §4", "alg twice, the same", written(and(`"alg":"ES256"`)))
	add("twice-alg-escaped", "malformed", "RFC 7515 §4", "alg twice, once with an escape", written(and(`"\u0061lg":"ES256"`)))
	add("twice-kid", "malformed", "RFC 7515 §4", "kid twice", written(and(`"kid":"es-1"`)))
	add("twice-typ", "malformed", "RFC 7515 §4", "typ twice", written(and(`"typ":"JWT"`)))
	add("twice-unknown", "malformed", "RFC 7515 §4", "a member that nobody knows twice", written(and(`"x":1,"x":1`)))
	add("list", "malformed", "RFC 7515 §4", "a list", written("["+good+"]"))
	add("text", "malformed", "RFC 7515 §4", "a text that holds a header", written(string(marshal(m, good))))
	add("empty-object", "malformed", "RFC 7515 §4.1.1", "an object without members", written("{}"))
	add("null", "malformed", "RFC 7515 §4", "null", written("null"))
	add("two-objects", "malformed", "RFC 8259 §2", "two objects", written(good+good))
	add("comma", "malformed", "RFC 8259 §4", "a comma behind the last member", written(strings.TrimSuffix(good, "}")+",}"))
	add("single-quotes", "malformed", "RFC 8259 §7", "single quotes", written(strings.ReplaceAll(good, `"`, `'`)))
	add("bom", "malformed", "RFC 8259 §8.1", "a byte order mark before it", written("\ufeff"+good))
	add("invalid-utf8", "malformed", "RFC 8259 §8.1", "a byte that is not UTF-8", written(and("\"x\":\"\xff\"")))
	add("utf16", "malformed", "RFC 8259 §8.1", "in UTF-16", written(utf16Text(good)))
	add("deep", "malformed", "the depth limit of ours, 32", "200 lists in each other", written(and(`"x":`+strings.Repeat("[", 200)+strings.Repeat("]", 200))))
}

// utf16Text is ASCII text in UTF-16, little-endian.
func utf16Text(ascii string) string {
	var b strings.Builder
	for _, c := range []byte(ascii) {
		b.Write([]byte{c, 0})
	}
	return b.String()
}

func (m *tokenMaker) algorithms() {
	add := func(id, word, source, description, token string) {
		m.Helper()
		m.add("alg-"+id, word, source, description, token)
	}
	for n, name := range []string{"none", "None", "NONE", "nOnE"} {
		header := m.es.header(m, "alg", name)
		add(fmt.Sprint("none-", n+1), "unsupported", "RFC 8725 §3.2", "alg "+name+" with a signature that would be right", m.es.compact(m, header, vectorClaims(m)))
		add(fmt.Sprint("none-", n+1, "-unsigned"), "malformed", "RFC 8725 §3.2", "alg "+name+" with an empty signature",
			base64url([]byte(header))+"."+base64url([]byte(vectorClaims(m)))+".")
	}
	for n, name := range []string{"HS256", "HS384", "HS512", "ES384", "ES512", "ES256K", "RS384", "RS512", "PS256", "Ed448", "es256", "ES256 ", "", "\u00a0ES256"} {
		add(fmt.Sprint("other-", n+1), "unsupported", "RFC 8725 §3.1, §3.2", fmt.Sprintf("alg %q with the signature of ES256", name), m.headed("alg", name))
	}
	pem, jwk := m.es.publicPEM(m), marshal(m, m.es.jwk(m))
	for _, c := range []struct {
		id, description string
		secret          []byte
	}{
		{"pem", "the public key in PEM", pem}, {"der", "the public key in DER", m.publicDER()}, {"jwk", "the public key as a JWK", jwk}, {"empty", "nothing", nil},
	} {
		add("hmac-"+c.id, "unsupported", "RFC 8725 §2.1, §3.1", "HS256 with "+c.description+" for a secret", hmacToken(m, c.secret, m.es.header(m, "alg", "HS256"), vectorClaims(m)))
	}
	add("absent", "malformed", "RFC 7515 §4.1.1", "no alg", m.headed("alg", nil))
	add("null", "malformed", "RFC 7515 §4.1.1", "alg null", m.headed("alg", null))
	add("list", "malformed", "RFC 7515 §4.1.1", "alg in a list", m.headed("alg", []string{"ES256"}))
	add("number", "malformed", "RFC 7515 §4.1.1", "alg as a number, which COSE has (RFC 9053)", m.headed("alg", -7))
	add("es256-for-eddsa", "key", "RFC 8725 §3.1", "ES256 under the kid of an Ed25519 key", m.es.compact(m, m.ed.header(m, "alg", "ES256"), vectorClaims(m)))
	add("eddsa-for-es256", "key", "RFC 8725 §3.1", "EdDSA under the kid of a P-256 key", m.ed.compact(m, m.es.header(m, "alg", "EdDSA"), vectorClaims(m)))
	add("rs256-for-es256", "key", "RFC 8725 §3.1", "RS256 under the kid of a P-256 key", m.rs.compact(m, m.es.header(m, "alg", "RS256"), vectorClaims(m)))
	add("es256-for-rs256", "key", "RFC 8725 §3.1", "ES256 under the kid of an RSA key", m.es.compact(m, m.rs.header(m, "alg", "ES256"), vectorClaims(m)))
	m.add("alg-es384-of-its-key", "unsupported", "RFC 7518 §3.1; the algorithms of ours", "ES384 under the kid of a P-384 key", m.es.compact(m, m.es384.header(m), vectorClaims(m))).KeySet = "others"
}

func (m *tokenMaker) publicDER() []byte {
	m.Helper()
	text := strings.Split(string(m.es.publicPEM(m)), "\n")
	der, err := base64.StdEncoding.DecodeString(strings.Join(text[1:len(text)-2], ""))
	if err != nil {
		m.Fatal(err)
	}
	return der
}

func (m *tokenMaker) keys() {
	add := func(id, word, source, description, set, token string) {
		m.Helper()
		m.add("key-"+id, word, source, description, token).KeySet = set
	}
	kid := "RFC 7515 §4.1.4"
	add("no-kid-one-key", "accept", kid+"; RFC 7517 §5", "no kid, and one key of the algorithm among three", "main", m.headed("kid", nil))
	add("no-kid-alone", "accept", kid+"; RFC 7517 §5", "no kid, and one key in all", "one", m.headed("kid", nil))
	add("no-kid-two-keys", "key", kid+"; a key is never guessed", "no kid, and two keys of the algorithm", "two", m.headed("kid", nil))
	add("no-kid-none", "key", kid, "no kid, and no key of the algorithm", "one", m.ed.compact(m, m.ed.header(m, "kid", nil), vectorClaims(m)))
	add("second", "accept", kid, "the second of two keys", "two", m.es2.compact(m, m.es2.header(m), vectorClaims(m)))
	add("other-of-two", "signature", kid, "signed by the second key, under the kid of the first", "two", m.es2.compact(m, m.es.header(m), vectorClaims(m)))
	add("kid-empty", "key", kid, "an empty kid", "main", m.headed("kid", ""))
	add("kid-unknown", "key", kid, "a kid that nobody has", "main", m.headed("kid", "nobody"))
	add("kid-case", "key", kid, "a kid in capitals", "main", m.headed("kid", "ES-1"))
	add("kid-space", "key", kid, "a kid with white space behind it", "main", m.headed("kid", "es-1 "))
	add("kid-nul", "key", kid, "a kid with a NUL behind it", "main", m.headed("kid", "es-1\x00"))
	add("kid-path", "key", "RFC 8725 §3.10", "a kid that is a path", "main", m.headed("kid", "../../../dev/null"))
	add("kid-sql", "key", "RFC 8725 §3.10", "a kid that is SQL", "main", m.headed("kid", "x' UNION SELECT 'es-1"))
	add("kid-number", "malformed", kid, "a kid that is a number", "main", m.headed("kid", 1))
	add("kid-null", "malformed", kid, "a kid that is null", "main", m.headed("kid", null))
	add("kid-list", "malformed", kid, "a kid in a list", "main", m.headed("kid", []string{"es-1"}))
	add("kid-256", "accept", "RFC 8725 §3.10; the limit of ours, 256 bytes", "a kid of 256 bytes", "names", m.long.compact(m, m.long.header(m), vectorClaims(m)))
	add("kid-257", "malformed", "RFC 8725 §3.10; the limit of ours, 256 bytes", "a kid of 257 bytes", "names", m.long.compact(m, m.long.header(m, "kid", m.long.id+"k"), vectorClaims(m)))
	add("kid-unicode", "accept", kid, "a kid outside ASCII", "names", m.ue.compact(m, m.ue.header(m), vectorClaims(m)))
	add("kid-unicode-escaped", "accept", "RFC 8259 §8.3", "a kid outside ASCII, with an escape", "names", m.ue.compact(m, `{"alg":"ES256","kid":"schl\u00fcssel","typ":"at+jwt"}`, vectorClaims(m)))
	add("kid-normal-form", "key", "RFC 7515 §4.1.4; RFC 7519 §7.3", "the same kid in another normal form of Unicode", "names", m.ue.compact(m, m.ue.header(m, "kid", decomposedName), vectorClaims(m)))
	add("for-encryption", "key", "RFC 7517 §4.2", "a key whose use is enc", "others", m.encrypting.compact(m, m.encrypting.header(m), vectorClaims(m)))
	own := m.foreign.jwk(m)
	add("jwk-own", "signature", "RFC 8725 §3.10; RFC 7515 §4.1.3", "a key of the sender's in the header", "main", m.foreign.compact(m, m.es.header(m, "jwk", own), vectorClaims(m)))
	add("jwk-own-no-kid", "signature", "RFC 7515 §4.1.3", "a key of the sender's in the header, and no kid", "main", m.foreign.compact(m, m.es.header(m, "jwk", own, "kid", nil), vectorClaims(m)))
	add("jwk-ignored", "accept", "RFC 7515 §4.1.3", "a key in the header is not looked at", "main", m.headed("jwk", own))
	add("jku", "signature", "RFC 8725 §3.10", "an address of a key set in the header", "main", m.foreign.compact(m, m.es.header(m, "jku", "https://keys.example/jwks.json"), vectorClaims(m)))
	add("jku-ignored", "accept", "RFC 7515 §4.1.2", "an address of a key set is not asked", "main", m.headed("jku", "https://keys.example/jwks.json"))
	add("x5u", "signature", "RFC 8725 §3.10", "an address of a certificate in the header", "main", m.foreign.compact(m, m.es.header(m, "x5u", "https://keys.example/cert.pem"), vectorClaims(m)))
	add("x5c", "signature", "RFC 7515 §4.1.6", "a chain of certificates in the header", "main", m.foreign.compact(m, m.es.header(m, "x5c", []string{"MAAA"}), vectorClaims(m)))
}

func (m *tokenMaker) types() {
	for n, typ := range []string{"AT+JWT", "At+Jwt", "application/at+jwt", "APPLICATION/AT+JWT"} {
		m.add(fmt.Sprint("typ-good-", n+1), "accept", "RFC 9068 §4; RFC 7515 §4.1.9", "typ "+typ, m.headed("typ", typ))
	}
	for n, typ := range []string{"JWT", "", "refresh+jwt", "logout+jwt", "revocations+jwt", "dpop+jwt", "at+jwt2", " at+jwt", "at+jwt;a=b", "text/at+jwt", "application/application/at+jwt", "at jwt", "ａt+jwt"} {
		m.add(fmt.Sprint("typ-bad-", n+1), "type", "RFC 8725 §3.11; RFC 9068 §4", fmt.Sprintf("typ %q", typ), m.headed("typ", typ))
	}
	m.add("typ-absent", "type", "RFC 8725 §3.11; RFC 9068 §4", "no typ", m.headed("typ", nil))
	m.add("typ-null", "malformed", "RFC 7515 §4.1.9", "a typ that is null", m.headed("typ", null))
	m.add("typ-list", "malformed", "RFC 7515 §4.1.9", "a typ in a list", m.headed("typ", []string{"at+jwt"}))
	m.add("typ-id-token", "type", "RFC 8725 §3.12; RFC 9068 §4", "an ID token of the same issuer",
		m.es.compact(m, m.es.header(m, "typ", "JWT"), vectorClaims(m, "token_type", nil, "nonce", "n", "auth_time", vectorNow)))
	m.add("typ-in-claims", "type", "RFC 9068 §4", "the typ among the claims", m.es.compact(m, m.es.header(m, "typ", nil), vectorClaims(m, "typ", "at+jwt")))
}

func (m *tokenMaker) claims() {
	iss := "RFC 9068 §4; RFC 7519 §4.1.1"
	for n, other := range []string{
		"https://other.example/auth", vectorIssuer + "/", vectorIssuer + ".evil.example", strings.TrimSuffix(vectorIssuer, "h"), strings.ToUpper(vectorIssuer),
		"http://id.example/auth", "https://id.example:443/auth", "https://id.example/%61uth", " " + vectorIssuer, vectorIssuer + "\x00", vectorIssuer + "#", vectorIssuer + "?x=y",
		"https://ıd.example/auth",
	} {
		m.add(fmt.Sprint("iss-other-", n+1), "issuer", iss, fmt.Sprintf("iss %q", other), m.with("iss", other))
	}
	m.add("iss-list", "claims", iss, "a list of issuers", m.with("iss", []string{vectorIssuer}))
	m.add("iss-object", "claims", iss, "an object for an issuer", m.with("iss", map[string]any{"url": vectorIssuer}))
	aud := "RFC 9068 §4; RFC 7519 §4.1.3"
	for n, other := range []any{
		"billing", "orders-admin", "order", "ORDERS", " orders", "orders ", "orders billing", "orders,billing", []string{}, []string{"billing"}, []string{"orders2", "ord"}, "", vectorIssuer,
	} {
		m.add(fmt.Sprint("aud-other-", n+1), "audience", aud, fmt.Sprintf("aud %q", other), m.with("aud", other))
	}
	for n, wrong := range []any{
		map[string]any{audience: true}, 1, true, null, []any{audience, 1}, []any{[]any{audience}}, []any{audience, nil},
	} {
		m.add(fmt.Sprint("aud-type-", n+1), "claims", aud, "an aud of another type: "+string(marshal(m, wrong)), m.with("aud", wrong))
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid", "user_id", "token_type"} {
		source := "RFC 9068 §2.2"
		if slices.Contains([]string{"sid", "user_id", "token_type"}, name) {
			source = "the access token of ours"
		}
		m.add("missing-"+name, "claims", source, "no "+name, m.with(name, nil))
	}
	for _, name := range []string{"sub", "jti", "client_id", "sid", "user_id"} {
		m.add("empty-"+name, "claims", "RFC 9068 §2.2", "an empty "+name, m.with(name, ""))
	}
	for n, wrong := range []any{1, true, null, []string{"user-1"}, map[string]any{"id": "user-1"}} {
		m.add(fmt.Sprint("sub-type-", n+1), "claims", "RFC 7519 §4.1.2", "a sub of another type: "+string(marshal(m, wrong)), m.with("sub", wrong))
	}
	m.add("jti-number", "claims", "RFC 7519 §4.1.7", "a jti that is a number", m.with("jti", 1))
	m.add("token-type-refresh", "claims", "the access token of ours", "token_type refresh", m.with("token_type", "refresh"))
	m.add("token-type-case", "claims", "the access token of ours", "token_type in capitals", m.with("token_type", "ACCESS"))
	m.add("cnf-jkt", "bound", "RFC 9449 §7.1", "bound to a key by DPoP", m.with("cnf", map[string]any{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}))
	m.add("cnf-x5t", "bound", "RFC 8705 §3", "bound to a certificate", m.with("cnf", map[string]any{"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}))
	m.add("cnf-empty", "bound", "RFC 7800 §3.1", "bound, it does not say to what", m.with("cnf", map[string]any{}))
}

func (m *tokenMaker) dates() {
	exp, iat, nbf := "RFC 7519 §4.1.4", "RFC 7519 §4.1.6", "RFC 7519 §4.1.5"
	add := func(id, word, source, description string, changes ...any) *tokenVector {
		m.Helper()
		return m.add("date-"+id, word, source, description, m.with(changes...))
	}
	number := func(text string) json.RawMessage { return json.RawMessage(text) }
	add("exp-in-leeway", "accept", exp, "ended a second before the leeway did", "exp", vectorNow-59)
	add("exp-at-leeway", "expired", exp, "ended as long ago as the leeway: on exp a token is not accepted", "exp", vectorNow-60)
	add("exp-fraction-in-leeway", "expired", exp, "a fraction counts as the second that it is in", "exp", number("1699999940.999"))
	add("exp-past", "expired", exp, "ended an hour ago", "exp", vectorNow-3600, "iat", vectorNow-3900)
	add("exp-1", "expired", exp, "ended in 1970", "exp", 1, "iat", 1)
	add("exp-before-iat", "accept", exp, "ended before it was issued, both within the leeway", "exp", vectorNow-10, "iat", vectorNow)
	add("exp-fraction", "accept", "RFC 7519 §2", "a fraction of a second", "exp", number("1700000300.5"))
	add("exp-zero-fraction", "accept", "RFC 7519 §2", "a fraction of nought", "exp", number("1700000300.0"))
	add("exp-exponent", "accept", "RFC 7519 §2", "with an exponent", "exp", number("1.7000003e9"))
	add("exp-exponent-plus", "accept", "RFC 7519 §2", "with an exponent and its sign", "exp", number("17000003E+2"))
	add("exp-far", "accept", exp, "as late as a double holds every second: 2^53-1", "exp", number("9007199254740991"))
	add("exp-2-53", "claims", "RFC 7519 §2; the range of ours", "2^53 seconds", "exp", number("9007199254740992"))
	add("exp-2-63", "claims", "RFC 7519 §2; the range of ours", "2^63 seconds, which some languages take for a negative number", "exp", number("9223372036854775808"))
	add("exp-2-64", "claims", "RFC 7519 §2; the range of ours", "2^64+1700000300 seconds, which some languages take for a good date", "exp", number("18446744075409551916"))
	add("exp-30-digits", "claims", "RFC 7519 §2; the range of ours", "a number of 31 digits", "exp", number("1"+strings.Repeat("0", 30)))
	add("exp-1e300", "claims", "RFC 7519 §2; the range of ours", "1e300", "exp", number("1e300"))
	add("exp-tiny", "claims", "RFC 7519 §2; the range of ours", "a number that a double rounds to nought", "exp", number("1e-400"))
	add("exp-milliseconds", "accept", exp, "milliseconds by mistake are a date far off", "exp", number("1700000300000"))
	add("exp-zero", "claims", "RFC 7519 §2; the range of ours", "0", "exp", 0)
	add("exp-minus-zero", "claims", "RFC 7519 §2; the range of ours", "-0", "exp", number("-0"))
	add("exp-negative", "claims", "RFC 7519 §2; the range of ours", "a negative number", "exp", -vectorNow)
	for n, wrong := range []any{"1700000300", "2023-11-14T22:18:20Z", "NaN", "Infinity", "", true, null, []any{vectorNow + 300}, map[string]any{"seconds": vectorNow + 300}} {
		add(fmt.Sprint("exp-type-", n+1), "claims", "RFC 7519 §2", "an exp of another type: "+string(marshal(m, wrong)), "exp", wrong)
	}
	for _, c := range [][2]string{
		{"nan", "NaN"}, {"infinity", "Infinity"}, {"minus-infinity", "-Infinity"}, {"hex", "0x6553F32C"}, {"leading-zero", "01700000300"},
		{"plus", "+1700000300"}, {"dot", "1700000300."}, {"no-digit", ".17e10"}, {"1e400", "1e400"}, {"underscores", "1_700_000_300"},
		{"exponent-empty", "17e"}, {"suffix", "1700000300n"}, {"two", "1700000300 1700000300"},
	} {
		m.add("date-exp-text-"+c[0], "malformed", "RFC 8259 §6", "exp: "+c[1], m.written(claimsAnd(m, `"exp":`+c[1], "exp", nil)))
	}
	add("iat-in-leeway", "accept", iat, "issued as far in the future as the leeway", "iat", vectorNow+60)
	add("iat-future", "not_yet", iat, "issued a second beyond the leeway", "iat", vectorNow+61)
	add("iat-old", "accept", iat, "issued long ago, and not expired", "iat", 1)
	add("iat-zero", "claims", iat, "an iat of 0", "iat", 0)
	add("iat-text", "claims", iat, "an iat that is a text", "iat", fmt.Sprint(vectorNow))
	add("iat-null", "claims", iat, "an iat that is null", "iat", null)
	add("nbf-past", "accept", nbf, "good from the past on", "nbf", vectorNow-100)
	add("nbf-in-leeway", "accept", nbf, "good from the end of the leeway on", "nbf", vectorNow+60)
	add("nbf-fraction-in-leeway", "accept", nbf, "a fraction counts as the second that it is in", "nbf", number("1700000060.9"))
	add("nbf-future", "not_yet", nbf, "good from a second beyond the leeway on", "nbf", vectorNow+61)
	add("nbf-zero", "claims", nbf, "an nbf of 0", "nbf", 0)
	add("nbf-null", "claims", nbf, "an nbf that is null", "nbf", null)
	add("nbf-text", "claims", nbf, "an nbf that is a text", "nbf", fmt.Sprint(vectorNow))
	add("nbf-huge", "claims", nbf, "an nbf of 2^64", "nbf", number("18446744073709551616"))
	add("strict-exp-next", "accept", exp, "without leeway: ends in a second", "exp", vectorNow+1).Policy.Leeway = 0
	add("strict-exp-now", "expired", exp, "without leeway: ends now", "exp", vectorNow).Policy.Leeway = 0
	add("strict-nbf-now", "accept", nbf, "without leeway: good from now on", "nbf", vectorNow).Policy.Leeway = 0
	add("strict-nbf-next", "not_yet", nbf, "without leeway: good in a second", "nbf", vectorNow+1).Policy.Leeway = 0
	add("strict-iat-next", "not_yet", iat, "without leeway: issued in a second", "iat", vectorNow+1).Policy.Leeway = 0
	add("later", "expired", exp, "a good token, six minutes and a second later").Policy.Now = vectorNow + 361
	add("earlier", "not_yet", iat, "a good token, a minute and a second earlier").Policy.Now = vectorNow - 61
}

func (m *tokenMaker) json() {
	bad := func(id, source, description, claims string) {
		m.Helper()
		m.add("json-"+id, "malformed", source, description, m.written(claims))
	}
	good := vectorClaims(m)
	twice := "RFC 7519 §4"
	bad("twice-sub", twice, "sub twice", claimsAnd(m, `"sub":"admin"`))
	bad("twice-sub-same", twice, "sub twice, the same", claimsAnd(m, `"sub":"user-1"`))
	bad("twice-sub-escaped", twice, "sub twice, once with an escape", claimsAnd(m, `"s\u0075b":"admin"`))
	bad("twice-exp", twice, "exp twice", claimsAnd(m, `"exp":1900000000`))
	bad("twice-aud", twice, "aud twice", claimsAnd(m, `"aud":"billing"`))
	bad("twice-own", twice, "a claim of one's own twice", claimsAnd(m, `"x":1,"x":1`))
	bad("twice-inside", twice+"; RFC 8259 §4", "a name twice in an object inside", claimsAnd(m, `"x":{"a":1,"a":2}`))
	bad("twice-in-list", twice+"; RFC 8259 §4", "a name twice in an object in a list", claimsAnd(m, `"x":[{"a":1,"\u0061":1}]`))
	bad("list", "RFC 7519 §7.2", "a list", "["+good+"]")
	bad("text", "RFC 7519 §7.2", "a text that holds claims", string(marshal(m, good)))
	bad("number", "RFC 7519 §7.2", "a number", "1")
	bad("null", "RFC 7519 §7.2", "null", "null")
	m.add("json-empty", "claims", "RFC 9068 §2.2", "an object without members", m.written("{}"))
	bad("cut", "RFC 8259 §4", "cut before the last brace", strings.TrimSuffix(good, "}"))
	bad("comma", "RFC 8259 §4", "a comma behind the last member", strings.TrimSuffix(good, "}")+",}")
	bad("comment", "RFC 8259 §2", "a comment", claimsAnd(m, `/* x */ "x":1`))
	bad("name-bare", "RFC 8259 §4", "a name without quotes", claimsAnd(m, `x:1`))
	bad("single-quotes", "RFC 8259 §7", "single quotes", claimsAnd(m, `'x':1`))
	bad("two-objects", "RFC 8259 §2", "two objects", good+good)
	bad("data-behind", "RFC 8259 §2", "a character behind the object", good+"x")
	bad("nul-behind", "RFC 8259 §2", "a NUL behind the object", good+"\x00")
	bad("bom", "RFC 8259 §8.1", "a byte order mark before it", "\ufeff"+good)
	bad("invalid-utf8", "RFC 8259 §8.1", "a byte that is not UTF-8", claimsAnd(m, "\"x\":\"\xff\""))
	bad("overlong-utf8", "RFC 3629 §3", "a slash in two bytes", claimsAnd(m, "\"x\":\"\xc0\xaf\""))
	bad("surrogate-utf8", "RFC 3629 §3", "a surrogate in UTF-8", claimsAnd(m, "\"x\":\"\xed\xa0\x80\""))
	bad("utf16", "RFC 8259 §8.1", "in UTF-16", utf16Text(good))
	bad("lone-surrogate", "RFC 8259 §8.2", "a surrogate without its other half", claimsAnd(m, `"x":"\ud800"`))
	bad("lone-low-surrogate", "RFC 8259 §8.2", "the other half alone, in a name", claimsAnd(m, `"\udc00":1`))
	bad("surrogates-swapped", "RFC 8259 §8.2", "both halves in each other's place", claimsAnd(m, `"x":"\udd11\ud83d"`))
	bad("control-character", "RFC 8259 §7", "a line end in a text", claimsAnd(m, "\"x\":\"a\nb\""))
	bad("escape-unknown", "RFC 8259 §7", "an escape that does not exist", claimsAnd(m, `"x":"\x41"`))
	bad("escape-short", "RFC 8259 §7", "an escape of three digits", claimsAnd(m, `"x":"\u004"`))
	bad("word-unknown", "RFC 8259 §3", "a word that is none of JSON's", claimsAnd(m, `"x":undefined`))
	bad("word-capitals", "RFC 8259 §3", "True", claimsAnd(m, `"x":True`))
	bad("number-1e400", "RFC 8259 §6", "a number beyond a double in a claim of one's own", claimsAnd(m, `"x":1e400`))
	bad("number-nan", "RFC 8259 §6", "NaN in a claim of one's own", claimsAnd(m, `"x":NaN`))
	bad("depth-33", "the depth limit of ours, 32", "33 objects and lists in each other", claimsAnd(m, `"x":`+strings.Repeat("[", 32)+strings.Repeat("]", 32)))
	bad("depth-1000", "the depth limit of ours, 32", "1000 lists in each other", claimsAnd(m, `"x":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)))
	bad("white-space-other", "RFC 8259 §2", "a form feed between members", claimsAnd(m, "\f\"x\":1"))
	bad("white-space-nbsp", "RFC 8259 §2", "a no-break space between members", claimsAnd(m, "\u00a0\"x\":1"))
	fine := func(id, source, description, claims string) {
		m.Helper()
		m.add("json-"+id, "accept", source, description, m.written(claims))
	}
	fine("depth-32", "the depth limit of ours, 32", "32 objects and lists in each other", claimsAnd(m, `"x":`+strings.Repeat("[", 31)+strings.Repeat("]", 31)))
	fine("white-space", "RFC 8259 §2", "white space and line ends between members", claimsAnd(m, "\r\n\t \"x\" :\n1 ")+" \n")
	fine("escapes", "RFC 8259 §7", "every escape", claimsAnd(m, `"x":"\"\\\/\b\f\n\r\t\u0041\ud83d\udd11\u0000"`))
	fine("escaped-name", "RFC 8259 §7", "sub with an escape in its name", claimsAnd(m, `"s\u0075b":"user-1"`, "sub", nil))
	fine("unescaped-delete", "RFC 8259 §7", "characters that need no escape", claimsAnd(m, "\"x\":\"\x7f\u2028\u2029/\""))
	fine("numbers", "RFC 8259 §6", "numbers in every form", claimsAnd(m, `"x":[0,-0,0.0,1e0,1E-7,-1.5e+10,123456789012345678901234567890,0.1]`))
	fine("noncharacter", "RFC 8259 §8.2", "a code point that is no character", claimsAnd(m, `"x":"\ufffe"`))
	fine("null-claim", "RFC 7519 §4", "a claim of one's own that is null", claimsAnd(m, `"x":null`))
}
