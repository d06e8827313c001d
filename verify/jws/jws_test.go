package jws_test

import (
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
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

func TestVerifyAccepts(t *testing.T) {
	s := signers()
	tests := []struct {
		name   string
		signer crypto.Signer
		header string
	}{
		{"ES256", s[jws.ES256], `{"alg":"ES256","kid":"k"}`},
		{"EdDSA", s[jws.EdDSA], `{"alg":"EdDSA","kid":"k"}`},
		{"Ed25519, RFC 9864", s[jws.EdDSA], `{"alg":"Ed25519","kid":"k"}`},
		{"RS256", s[jws.RS256], `{"alg":"RS256","kid":"k"}`},
		{"no kid", s[jws.ES256], `{"alg":"ES256"}`},
		{"header in another order and with white space", s[jws.ES256], "{ \"typ\":\"JWT\",\n\"kid\":\"k\", \"alg\":\"ES256\"}"},
		{"member names that differ by case", s[jws.ES256], `{"alg":"ES256","Alg":"none","CRIT":["x"]}`},
		{"SX-05 jku, x5u, jwk and x5c are not read", s[jws.ES256], `{"alg":"ES256","jku":"http://127.0.0.1:1/","x5u":1,"jwk":[],"x5c":null}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := verify(mint(t, tt.signer, tt.header, "payload"), newKey(t, "k", tt.signer)); err != nil || got != "payload" {
				t.Errorf("verify = %q, %v, want %q", got, err, "payload")
			}
		})
	}
}

func TestParseHeader(t *testing.T) {
	tests := []struct {
		name, header string
		want         jws.Header
	}{
		{"everything", `{"alg":"RS256","kid":"k","typ":"at+jwt"}`, jws.Header{Algorithm: jws.RS256, KeyID: "k", HasKeyID: true, Type: "at+jwt"}},
		{"Ed25519 is EdDSA", `{"alg":"Ed25519"}`, jws.Header{Algorithm: jws.EdDSA}},
		{"empty kid is present", `{"alg":"ES256","kid":""}`, jws.Header{Algorithm: jws.ES256, HasKeyID: true}},
		{"longest kid", `{"alg":"ES256","kid":"` + strings.Repeat("k", 256) + `"}`, jws.Header{Algorithm: jws.ES256, KeyID: strings.Repeat("k", 256), HasKeyID: true}},
		{"kid is opaque", `{"alg":"ES256","kid":"../../dev/null' OR 1=1--\u0000"}`, jws.Header{Algorithm: jws.ES256, KeyID: "../../dev/null' OR 1=1--\x00", HasKeyID: true}},
		{"typ as received", `{"alg":"ES256","typ":"aPPlication/AT+jwt"}`, jws.Header{Algorithm: jws.ES256, Type: "aPPlication/AT+jwt"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token := b64(tt.header) + "." + b64("payload") + ".AA"
			u, err := jws.Parse(token, len(token))
			if err != nil {
				t.Fatalf("Parse(%s) = %v", tt.header, err)
			}
			if u.Header != tt.want {
				t.Errorf("Parse(%s) = %+v, want %+v", tt.header, u.Header, tt.want)
			}
			if want := strings.TrimSuffix(token, ".AA"); u.SigningInput() != want {
				t.Errorf("SigningInput() = %q, want %q", u.SigningInput(), want)
			}
		})
	}
}

// badHeaders are refused although the signature is right.
var badHeaders = []struct {
	name, header string
	want         error
}{
	{"VM-02 alg absent", `{"kid":"k"}`, jws.ErrMalformed},
	{"VM-02 alg null", `{"alg":null}`, jws.ErrMalformed},
	{"VM-02 alg a number", `{"alg":1}`, jws.ErrMalformed},
	{"VM-02 alg a list", `{"alg":["ES256"]}`, jws.ErrMalformed},
	{"VM-02 alg empty", `{"alg":""}`, jws.ErrUnsupported},
	{"VM-02 alg given twice", `{"alg":"ES256","alg":"ES256"}`, jws.ErrMalformed},
	{"VM-02 alg given twice, escaped", `{"alg":"none","\u0061lg":"ES256"}`, jws.ErrMalformed},
	{"VM-02 alg in lower case", `{"alg":"es256"}`, jws.ErrUnsupported},
	{"VM-02 alg with a space", `{"alg":"ES256 "}`, jws.ErrUnsupported},
	{"VM-02 eddsa in lower case", `{"alg":"ed25519"}`, jws.ErrUnsupported},
	{"SX-01 none", `{"alg":"none"}`, jws.ErrUnsupported},
	{"SX-01 None", `{"alg":"None"}`, jws.ErrUnsupported},
	{"SX-01 NONE", `{"alg":"NONE"}`, jws.ErrUnsupported},
	{"SX-01 nOnE", `{"alg":"nOnE"}`, jws.ErrUnsupported},
	{"VM-02 HS256", `{"alg":"HS256"}`, jws.ErrUnsupported},
	{"VM-02 HS384", `{"alg":"HS384"}`, jws.ErrUnsupported},
	{"VM-02 HS512", `{"alg":"HS512"}`, jws.ErrUnsupported},
	{"SX-03 PS256", `{"alg":"PS256"}`, jws.ErrUnsupported},
	{"SX-03 RS384", `{"alg":"RS384"}`, jws.ErrUnsupported},
	{"SX-03 RS512", `{"alg":"RS512"}`, jws.ErrUnsupported},
	{"ES384", `{"alg":"ES384"}`, jws.ErrUnsupported},
	{"ES256K", `{"alg":"ES256K"}`, jws.ErrUnsupported},
	{"Ed448", `{"alg":"Ed448"}`, jws.ErrUnsupported},
	{"RSA1_5", `{"alg":"RSA1_5","enc":"A128CBC-HS256"}`, jws.ErrUnsupported},
	{"SX-22 PBES2 with a count", `{"alg":"PBES2-HS256+A128KW","p2c":2147483648}`, jws.ErrUnsupported},
	{"VM-04 unknown crit", `{"alg":"ES256","crit":["exp"],"exp":1}`, jws.ErrUnsupported},
	{"VM-04 empty crit", `{"alg":"ES256","crit":[]}`, jws.ErrUnsupported},
	{"VM-04 crit null", `{"alg":"ES256","crit":null}`, jws.ErrUnsupported},
	{"VM-04 b64 false with crit", `{"alg":"ES256","crit":["b64"],"b64":false}`, jws.ErrUnsupported},
	{"VM-04 b64 false without crit", `{"alg":"ES256","b64":false}`, jws.ErrUnsupported},
	{"VM-04 b64 true", `{"alg":"ES256","b64":true}`, jws.ErrUnsupported},
	{"SX-22 zip", `{"alg":"ES256","zip":"DEF"}`, jws.ErrUnsupported},
	{"SX-05 kid a number", `{"alg":"ES256","kid":1}`, jws.ErrMalformed},
	{"SX-05 kid a list", `{"alg":"ES256","kid":["k"]}`, jws.ErrMalformed},
	{"SX-05 kid null", `{"alg":"ES256","kid":null}`, jws.ErrMalformed},
	{"SX-05 kid of 257 bytes", `{"alg":"ES256","kid":"` + strings.Repeat("k", 257) + `"}`, jws.ErrMalformed},
	{"SX-05 kid of 8 KiB", `{"alg":"ES256","kid":"` + strings.Repeat("k", 8<<10) + `"}`, jws.ErrMalformed},
	{"VM-05 typ null", `{"alg":"ES256","typ":null}`, jws.ErrMalformed},
	{"VM-05 typ a list", `{"alg":"ES256","typ":["at+jwt"]}`, jws.ErrMalformed},
	{"SX-23 member twice", `{"alg":"ES256","x":1,"x":1}`, jws.ErrMalformed},
	{"SX-23 data behind the header", `{"alg":"ES256"}{}`, jws.ErrMalformed},
	{"SX-23 byte order mark", "\xef\xbb\xbf" + `{"alg":"ES256"}`, jws.ErrMalformed},
	{"SX-23 invalid UTF-8", "{\"alg\":\"ES256\",\"x\":\"\xff\"}", jws.ErrMalformed},
	{"header a list", `["ES256"]`, jws.ErrMalformed},
	{"header null", `null`, jws.ErrMalformed},
	{"header text", `ES256`, jws.ErrMalformed},
	{"header nested too deeply", `{"alg":"ES256","x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, jws.ErrMalformed},
}

func TestParseRefusesHeader(t *testing.T) {
	signer := signers()[jws.ES256]
	for _, tt := range badHeaders {
		t.Run(tt.name, func(t *testing.T) {
			u, err := jws.Parse(mint(t, signer, tt.header, "payload"), maxBytes)
			if u != nil || !errors.Is(err, tt.want) {
				t.Errorf("Parse(%s) = %v, %v, want %v", tt.header, u, err, tt.want)
			}
		})
	}
}

// TestParseRefusesShape changes the spelling of good tokens of every algorithm.
func TestParseRefusesShape(t *testing.T) {
	tests := []struct {
		name   string
		change func(header, payload, signature string) string
	}{
		{"VM-10 newline after it", func(h, p, s string) string { return h + "." + p + "." + s + "\n" }},
		{"VM-10 carriage return after it", func(h, p, s string) string { return h + "." + p + "." + s + "\r" }},
		{"VM-10 newline in the header", func(h, p, s string) string { return h[:3] + "\n" + h[3:] + "." + p + "." + s }},
		{"VM-10 newline in the payload", func(h, p, s string) string { return h + "." + p[:3] + "\r\n" + p[3:] + "." + s }},
		{"VM-10 newline in the signature", func(h, p, s string) string { return h + "." + p + "." + s[:5] + "\n" + s[5:] }},
		{"VM-10 newline before a dot", func(h, p, s string) string { return h + "\n." + p + "." + s }},
		{"VM-10 space in front", func(h, p, s string) string { return " " + h + "." + p + "." + s }},
		{"VM-10 space after it", func(h, p, s string) string { return h + "." + p + "." + s + " " }},
		{"VM-10 tab inside", func(h, p, s string) string { return h + "." + p + ".\t" + s }},
		{"VM-10 NUL after it", func(h, p, s string) string { return h + "." + p + "." + s + "\x00" }},
		{"VM-10 padding of the signature", func(h, p, s string) string { return h + "." + p + "." + s + "==" }},
		{"VM-10 padding of the header", func(h, p, s string) string { return h + "=." + p + "." + s }},
		{"VM-10 fourth part", func(h, p, s string) string { return h + "." + p + "." + s + "." + s }},
		{"VM-10 empty fourth part", func(h, p, s string) string { return h + "." + p + "." + s + "." }},
		{"VM-10 dot in front", func(h, p, s string) string { return "." + h + "." + p + "." + s }},
		{"VM-10 non-canonical end of the signature", func(h, p, s string) string { return h + "." + p + "." + nonCanonical(s) }},
		{"VM-10 non-canonical end of the payload", func(h, p, s string) string { return h + "." + nonCanonical(p) + "." + s }},
		{"VM-10 standard alphabet", func(h, p, s string) string { return h + "." + p + "." + s[:len(s)-4] + "+/+/" }},
		{"VM-10 letter beyond ASCII", func(h, p, s string) string { return h + "." + p + "." + s + "é" }},
		{"VM-10 one letter more", func(h, p, s string) string { return h + "." + p + "." + s + strings.Repeat("A", 5-len(s)%4) }},
		{"SX-01 signature part absent", func(h, p, _ string) string { return h + "." + p }},
		{"SX-01 signature empty", func(h, p, _ string) string { return h + "." + p + "." }},
		{"payload empty", func(h, _, s string) string { return h + ".." + s }},
		{"header empty", func(_, p, s string) string { return "." + p + "." + s }},
		{"one part", func(h, _, _ string) string { return h }},
		{"nothing", func(_, _, _ string) string { return "" }},
		{"two dots", func(_, _, _ string) string { return ".." }},
		{"a mebibyte of dots", func(_, _, _ string) string { return strings.Repeat(".", 1<<20) }},
		{"SX-22 JWE of five parts", func(h, p, s string) string { return h + "." + p + "." + s + "." + p + "." + s }},
		{"SX-22 JSON serialisation", func(h, p, s string) string {
			return `{"protected":"` + h + `","payload":"` + p + `","signature":"` + s + `"}`
		}},
	}
	for alg, signer := range signers() {
		token := mint(t, signer, `{"alg":"`+string(alg)+`"}`, "payload!")
		parts := strings.Split(token, ".")
		if _, err := verify(token, newKey(t, "", signer)); err != nil {
			t.Fatalf("the %s token to be changed is bad: %v", alg, err)
		}
		for _, tt := range tests {
			t.Run(string(alg)+" "+tt.name, func(t *testing.T) {
				changed := tt.change(parts[0], parts[1], parts[2])
				if u, err := jws.Parse(changed, 2<<20); u != nil || !errors.Is(err, jws.ErrMalformed) {
					t.Errorf("Parse(%.200q) = %v, %v, want %v", changed, u, err, jws.ErrMalformed)
				}
			})
		}
	}
}

// nonCanonical sets an unused bit of the last character: a lax decoder returns the same bytes.
func nonCanonical(part string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, part[len(part)-1])
	return part[:len(part)-1] + string(alphabet[last|1])
}

func TestNonCanonicalMeansTheSameToALaxDecoder(t *testing.T) {
	part := b64("payload!")
	got, err := base64.RawURLEncoding.DecodeString(nonCanonical(part))
	if err != nil || string(got) != "payload!" || nonCanonical(part) == part {
		t.Errorf("DecodeString(%q) = %q, %v, want the bytes of %q", nonCanonical(part), got, err, part)
	}
}

func TestParseLimit(t *testing.T) {
	token := mint(t, signers()[jws.ES256], `{"alg":"ES256"}`, "payload")
	if _, err := jws.Parse(token, len(token)); err != nil {
		t.Errorf("Parse at the limit = %v, want no error", err)
	}
	for _, limit := range []int{len(token) - 1, 0, -1} {
		if _, err := jws.Parse(token, limit); !errors.Is(err, jws.ErrMalformed) {
			t.Errorf("Parse with limit %d = %v, want %v", limit, err, jws.ErrMalformed)
		}
	}
}

func TestVerifyRefusesKey(t *testing.T) {
	s := signers()
	token := mint(t, s[jws.ES256], `{"alg":"ES256","kid":"k"}`, "payload")
	emptyKID := mint(t, s[jws.ES256], `{"alg":"ES256","kid":""}`, "payload")
	tests := []struct {
		name, token string
		key         *jws.Key
	}{
		{"no key", token, nil},
		{"VM-02 kid of an Ed25519 key", token, newKey(t, "k", s[jws.EdDSA])},
		{"VM-02 kid of an RSA key", token, newKey(t, "k", s[jws.RS256])},
		{"other kid", token, newKey(t, "K", s[jws.ES256])},
		{"kid is a prefix", token, newKey(t, "kk", s[jws.ES256])},
		{"empty kid and the thumbprint", emptyKID, newKey(t, "", s[jws.ES256])},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := jws.Parse(tt.token, maxBytes)
			if err != nil {
				t.Fatal(err)
			}
			if err := u.Verify(tt.key); !errors.Is(err, jws.ErrKey) {
				t.Errorf("Verify = %v, want %v", err, jws.ErrKey)
			}
		})
	}
}

// p256Order is n of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3).
var p256Order = elliptic.P256().Params().N

func TestVerifyRefusesSignature(t *testing.T) {
	s := signers()
	ecKey := s[jws.ES256].(*ecdsa.PrivateKey)
	otherEC, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	input := func(alg jws.Algorithm) string { return b64(`{"alg":"`+string(alg)+`"}`) + "." + b64("payload") }
	ec := rawSignature(t, ecKey, input(jws.ES256))
	ed := rawSignature(t, s[jws.EdDSA], input(jws.EdDSA))
	rs := rawSignature(t, s[jws.RS256], input(jws.RS256))
	digest := sha256.Sum256([]byte(input(jws.ES256)))
	der, err := ecdsa.SignASN1(rand.Reader, ecKey, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	rsPSS, err := rsa.SignPSS(rand.Reader, s[jws.RS256].(*rsa.PrivateKey), crypto.SHA256, hash(crypto.SHA256, input(jws.RS256)), nil)
	if err != nil {
		t.Fatal(err)
	}
	rs512, err := rsa.SignPKCS1v15(rand.Reader, s[jws.RS256].(*rsa.PrivateKey), crypto.SHA512, hash(crypto.SHA512, input(jws.RS256)))
	if err != nil {
		t.Fatal(err)
	}
	edSeed := s[jws.EdDSA].(ed25519.PrivateKey)
	prehashed, err := edSeed.Sign(nil, hash(crypto.SHA512, input(jws.EdDSA)), crypto.SHA512)
	if err != nil {
		t.Fatal(err)
	}
	r, sPart := ec[:32], ec[32:]
	zero, order := make([]byte, 32), p256Order.Bytes()
	one := append(make([]byte, 31), 1)

	tests := []struct {
		name      string
		alg       jws.Algorithm
		signature []byte
	}{
		{"ES256 of another key", jws.ES256, rawSignature(t, otherEC, input(jws.ES256))},
		{"ES256 in DER", jws.ES256, der},
		{"ES256 all zero, CVE-2022-21449", jws.ES256, make([]byte, 64)},
		{"ES256 r zero", jws.ES256, slices.Concat(zero, sPart)},
		{"ES256 s zero", jws.ES256, slices.Concat(r, zero)},
		{"ES256 r is n", jws.ES256, slices.Concat(order, sPart)},
		{"ES256 s is n", jws.ES256, slices.Concat(r, order)},
		{"ES256 r and s are n", jws.ES256, slices.Concat(order, order)},
		{"ES256 r and s are 1", jws.ES256, slices.Concat(one, one)},
		{"ES256 r above n", jws.ES256, slices.Concat(slices.Repeat([]byte{0xff}, 32), sPart)},
		{"ES256 s above n", jws.ES256, slices.Concat(r, slices.Repeat([]byte{0xff}, 32))},
		{"ES256 r and s changed over", jws.ES256, slices.Concat(sPart, r)},
		{"ES256 63 bytes", jws.ES256, ec[:63]},
		{"ES256 65 bytes", jws.ES256, append(slices.Clone(ec), 0)},
		{"ES256 with leading zero bytes", jws.ES256, slices.Concat([]byte{0}, r, []byte{0}, sPart)},
		{"ES256 one byte", jws.ES256, []byte{1}},
		{"EdDSA of another algorithm", jws.EdDSA, ec},
		{"EdDSA 63 bytes", jws.EdDSA, ed[:63]},
		{"EdDSA 65 bytes", jws.EdDSA, append(slices.Clone(ed), 0)},
		{"EdDSA all zero", jws.EdDSA, make([]byte, 64)},
		{"EdDSA s plus the group order", jws.EdDSA, addOrder25519(ed)},
		{"EdDSA of the hash, Ed25519ph", jws.EdDSA, prehashed},
		{"RS256 short of its first byte", jws.RS256, rs[1:]},
		{"RS256 with a leading zero byte", jws.RS256, slices.Concat([]byte{0}, rs)},
		{"RS256 short of its last byte", jws.RS256, rs[:len(rs)-1]},
		{"RS256 plus the modulus", jws.RS256, addModulus(t, s[jws.RS256], rs)},
		{"RS256 all zero", jws.RS256, make([]byte, len(rs))},
		{"SX-03 RS256 signed as PS256", jws.RS256, rsPSS},
		{"SX-03 RS256 signed as RS512", jws.RS256, rs512},
		{"VM-02 RS256 signed as HS256 with the modulus", jws.RS256, macWith(s[jws.RS256].Public().(*rsa.PublicKey).N.Bytes(), input(jws.RS256))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := jws.Parse(input(tt.alg)+"."+b64(string(tt.signature)), maxBytes)
			if err != nil {
				t.Fatal(err)
			}
			if err := u.Verify(newKey(t, "", s[tt.alg])); !errors.Is(err, jws.ErrSignature) {
				t.Errorf("Verify = %v, want %v", err, jws.ErrSignature)
			}
		})
	}
}

func hash(h crypto.Hash, s string) []byte {
	if h == crypto.SHA512 {
		sum := sha512.Sum512([]byte(s))
		return sum[:]
	}
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

func macWith(key []byte, s string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(s))
	return m.Sum(nil)
}

// addOrder25519 makes the malleable twin that RFC 8032 §5.1.7 tells a verifier to refuse.
func addOrder25519(signature []byte) []byte {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(signature[32:])
	slices.Reverse(s)
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return slices.Concat(signature[:32], sum)
}

// addModulus makes the twin of a signature that RFC 8017 §5.2.2 tells a verifier to refuse, when it fits the length.
func addModulus(t *testing.T, signer crypto.Signer, signature []byte) []byte {
	sum := new(big.Int).Add(new(big.Int).SetBytes(signature), signer.Public().(*rsa.PublicKey).N)
	if sum.BitLen() > 8*len(signature) {
		return sum.Bytes() // one byte too long
	}
	return sum.FillBytes(make([]byte, len(signature)))
}

func TestVerifyRefusesChangedContent(t *testing.T) {
	for alg, signer := range signers() {
		t.Run(string(alg), func(t *testing.T) {
			token := mint(t, signer, `{"alg":"`+string(alg)+`","kid":"k"}`, `{"sub":"alice"}`)
			parts := strings.Split(token, ".")
			changed := []string{
				parts[0] + "." + b64(`{"sub":"admin"}`) + "." + parts[2],
				b64(`{"kid":"k","alg":"`+string(alg)+`"}`) + "." + parts[1] + "." + parts[2],
				b64(`{"alg":"`+string(alg)+`","kid":"k" }`) + "." + parts[1] + "." + parts[2],
			}
			for _, c := range changed {
				if got, err := verify(c, newKey(t, "k", signer)); !errors.Is(err, jws.ErrSignature) {
					t.Errorf("verify(%q) = %q, %v, want %v", c, got, err, jws.ErrSignature)
				}
			}
		})
	}
}

func TestErrorsQuoteNothing(t *testing.T) {
	const secret = "hunter2"
	for _, token := range []string{
		b64(`{"alg":"`+secret+`"}`) + ".AA.AA",
		b64(`{"alg":"ES256","kid":["`+secret+`"]}`) + ".AA.AA",
		b64(`{"`+secret) + ".AA.AA",
		secret, secret + "..", secret + ".!.AA",
	} {
		if _, err := jws.Parse(token, maxBytes); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("Parse(%q) = %v, want an error without the input", token, err)
		}
	}
}

// TestES256SignaturesOfEveryShape: an r or s that begins with a zero byte or a set bit is written differently in DER.
func TestES256SignaturesOfEveryShape(t *testing.T) {
	signer := signers()[jws.ES256]
	k := newKey(t, "k", signer)
	seen := map[string]bool{}
	for i := 0; len(seen) < 6 && i < 20_000; i++ {
		token := mint(t, signer, `{"alg":"ES256","kid":"k"}`, fmt.Sprint(i))
		if _, err := verify(token, k); err != nil {
			t.Fatalf("verify(%q) = %v", token, err)
		}
		signature := unb64(t, token[strings.LastIndexByte(token, '.')+1:])
		for name, first := range map[string]byte{"r": signature[0], "s": signature[32]} {
			seen[fmt.Sprintf("%s zero %v, sign %v", name, first == 0, first >= 0x80)] = true
		}
	}
	if len(seen) < 6 {
		t.Errorf("only %v were seen", seen)
	}
}
