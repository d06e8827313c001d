package interop

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
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// variant is one input, and what the lists call it.
type variant struct{ name, input string }

// headers are the protected headers of tokens whose signature is right. In them $alg and $kid stand
// for those of the signer, $other for the key ID of another algorithm.
var headers = []struct{ name, header string }{
	{"good", `{"alg":"$alg","kid":"$kid","typ":"at+jwt"}`},
	{"in another order, with white space", "{\n\t\"typ\" : \"JWT\",\r\n \"kid\": \"$kid\", \"alg\" :\"$alg\" }"},
	{"white space in front", " " + `{"alg":"$alg","kid":"$kid"}`},
	{"newline behind", `{"alg":"$alg","kid":"$kid"}` + "\n"},
	{"names and values in escapes", `{"\u0061lg":"$alg","k\u0069d":"\u006bey$tail"}`},
	{"7 KB of another member", `{"alg":"$alg","kid":"$kid","x":"` + strings.Repeat("x", 7000) + `"}`},
	{"unknown members of every type", `{"alg":"$alg","kid":"$kid","a":null,"b":true,"c":-0.5e-3,"d":[{}],"e":{"f":""}}`},
	{"member names that differ by case", `{"alg":"$alg","kid":"$kid","Alg":"none","ALG":"HS256","Kid":"x","CRIT":["x"],"B64":false}`},
	{"empty member name", `{"alg":"$alg","kid":"$kid","":1}`},
	{"member __proto__", `{"alg":"$alg","kid":"$kid","__proto__":{"alg":"none"}}`},

	{"alg none", `{"alg":"none","kid":"$kid"}`},
	{"alg None", `{"alg":"None","kid":"$kid"}`},
	{"alg NONE", `{"alg":"NONE","kid":"$kid"}`},
	{"alg nOnE", `{"alg":"nOnE","kid":"$kid"}`},
	{"alg HS256", `{"alg":"HS256","kid":"$kid"}`},
	{"alg HS384", `{"alg":"HS384","kid":"$kid"}`},
	{"alg PS256", `{"alg":"PS256","kid":"$kid"}`},
	{"alg RS384", `{"alg":"RS384","kid":"$kid"}`},
	{"alg RS512", `{"alg":"RS512","kid":"$kid"}`},
	{"alg ES384", `{"alg":"ES384","kid":"$kid"}`},
	{"alg ES256K", `{"alg":"ES256K","kid":"$kid"}`},
	{"alg Ed448", `{"alg":"Ed448","kid":"$kid"}`},
	{"alg unknown", `{"alg":"XX256","kid":"$kid"}`},
	{"alg dir", `{"alg":"dir","enc":"A256GCM","kid":"$kid"}`},
	{"alg PBES2", `{"alg":"PBES2-HS256+A128KW","p2c":2147483648,"p2s":"AAAA","enc":"A128GCM","kid":"$kid"}`},
	{"alg in lower case", `{"alg":"$lower","kid":"$kid"}`},
	{"alg with a space behind", `{"alg":"$alg ","kid":"$kid"}`},
	{"alg with a NUL behind", `{"alg":"$alg\u0000","kid":"$kid"}`},
	{"alg empty", `{"alg":"","kid":"$kid"}`},
	{"alg absent", `{"kid":"$kid"}`},
	{"alg null", `{"alg":null,"kid":"$kid"}`},
	{"alg a number", `{"alg":256,"kid":"$kid"}`},
	{"alg a list", `{"alg":["$alg"],"kid":"$kid"}`},
	{"alg an object", `{"alg":{"$alg":1},"kid":"$kid"}`},
	{"alg under another case", `{"Alg":"$alg","kid":"$kid"}`},
	{"alg twice, equal", `{"alg":"$alg","alg":"$alg","kid":"$kid"}`},
	{"alg twice, none first", `{"alg":"none","alg":"$alg","kid":"$kid"}`},
	{"alg twice, none last", `{"alg":"$alg","alg":"none","kid":"$kid"}`},
	{"alg twice, the first in escapes", `{"\u0061lg":"HS256","alg":"$alg","kid":"$kid"}`},
	{"alg and kid of a key of another algorithm", `{"alg":"$otheralg","kid":"$other"}`},
	{"alg of another algorithm", `{"alg":"$otheralg","kid":"$kid"}`},

	{"kid absent", `{"alg":"$alg"}`},
	{"kid unknown", `{"alg":"$alg","kid":"unknown"}`},
	{"kid of a key of another algorithm", `{"alg":"$alg","kid":"$other"}`},
	{"kid in another case", `{"alg":"$alg","kid":"$KID"}`},
	{"kid with a space behind", `{"alg":"$alg","kid":"$kid "}`},
	{"kid with a NUL behind", `{"alg":"$alg","kid":"$kid\u0000"}`},
	{"kid a path", `{"alg":"$alg","kid":"../../dev/null"}`},
	{"kid an injection", `{"alg":"$alg","kid":"$kid' OR '1'='1"}`},
	{"kid empty", `{"alg":"$alg","kid":""}`},
	{"kid a number", `{"alg":"$alg","kid":1}`},
	{"kid null", `{"alg":"$alg","kid":null}`},
	{"kid false", `{"alg":"$alg","kid":false}`},
	{"kid a list", `{"alg":"$alg","kid":["$kid"]}`},
	{"kid an object", `{"alg":"$alg","kid":{"$kid":1}}`},
	{"kid of 256 bytes", `{"alg":"$alg","kid":"` + strings.Repeat("k", 256) + `"}`},
	{"kid of 8 KB", `{"alg":"$alg","kid":"` + strings.Repeat("k", 8000) + `"}`},
	{"kid twice, equal", `{"alg":"$alg","kid":"$kid","kid":"$kid"}`},
	{"kid twice, another first", `{"alg":"$alg","kid":"$other","kid":"$kid"}`},
	{"kid twice, another last", `{"alg":"$alg","kid":"$kid","kid":"$other"}`},
	{"kid twice, the first in escapes", `{"alg":"$alg","\u006bid":"$other","kid":"$kid"}`},

	{"typ absent", `{"alg":"$alg","kid":"$kid"}`},
	{"typ JWT", `{"alg":"$alg","kid":"$kid","typ":"JWT"}`},
	{"typ of any text", `{"alg":"$alg","kid":"$kid","typ":"any text"}`},
	{"typ empty", `{"alg":"$alg","kid":"$kid","typ":""}`},
	{"typ null", `{"alg":"$alg","kid":"$kid","typ":null}`},
	{"typ a number", `{"alg":"$alg","kid":"$kid","typ":1}`},
	{"typ a list", `{"alg":"$alg","kid":"$kid","typ":["at+jwt"]}`},
	{"typ twice", `{"alg":"$alg","kid":"$kid","typ":"JWT","typ":"at+jwt"}`},
	{"cty JWT", `{"alg":"$alg","kid":"$kid","cty":"JWT"}`},
	{"cty a number", `{"alg":"$alg","kid":"$kid","cty":1}`},
	{"nonce a number", `{"alg":"$alg","kid":"$kid","nonce":1}`},

	{"crit names an unknown extension", `{"alg":"$alg","kid":"$kid","crit":["exp"],"exp":1}`},
	{"crit names what is absent", `{"alg":"$alg","kid":"$kid","crit":["exp"]}`},
	{"crit names alg", `{"alg":"$alg","kid":"$kid","crit":["alg"]}`},
	{"crit empty", `{"alg":"$alg","kid":"$kid","crit":[]}`},
	{"crit null", `{"alg":"$alg","kid":"$kid","crit":null}`},
	{"crit a string", `{"alg":"$alg","kid":"$kid","crit":"exp"}`},
	{"crit an object", `{"alg":"$alg","kid":"$kid","crit":{}}`},
	{"crit names b64, true", `{"alg":"$alg","kid":"$kid","crit":["b64"],"b64":true}`},
	{"crit names b64, false", `{"alg":"$alg","kid":"$kid","crit":["b64"],"b64":false}`},
	{"b64 false without crit", `{"alg":"$alg","kid":"$kid","b64":false}`},
	{"b64 true without crit", `{"alg":"$alg","kid":"$kid","b64":true}`},
	{"b64 null", `{"alg":"$alg","kid":"$kid","b64":null}`},
	{"zip", `{"alg":"$alg","kid":"$kid","zip":"DEF"}`},

	{"jwk of the signer", `{"alg":"$alg","kid":"$kid","jwk":$jwk}`},
	{"jwk of another key", `{"alg":"$alg","kid":"$kid","jwk":$strangejwk}`},
	{"jwk no key", `{"alg":"$alg","kid":"$kid","jwk":{}}`},
	{"jwk a list", `{"alg":"$alg","kid":"$kid","jwk":[]}`},
	{"jku an address", `{"alg":"$alg","kid":"$kid","jku":"http://127.0.0.1:1/keys"}`},
	{"jku a number", `{"alg":"$alg","kid":"$kid","jku":1}`},
	{"x5u an address", `{"alg":"$alg","kid":"$kid","x5u":"http://127.0.0.1:1/cert"}`},
	{"x5u a list", `{"alg":"$alg","kid":"$kid","x5u":[]}`},
	{"x5c empty", `{"alg":"$alg","kid":"$kid","x5c":[]}`},
	{"x5c no certificate", `{"alg":"$alg","kid":"$kid","x5c":["AAAA"]}`},
	{"x5c null", `{"alg":"$alg","kid":"$kid","x5c":null}`},
	{"x5t of another certificate", `{"alg":"$alg","kid":"$kid","x5t":"AAAAAAAAAAAAAAAAAAAAAAAAAAA"}`},
	{"x5t a number", `{"alg":"$alg","kid":"$kid","x5t":1}`},

	{"data behind", `{"alg":"$alg","kid":"$kid"}{}`},
	{"text behind", `{"alg":"$alg","kid":"$kid"} x`},
	{"NUL behind", `{"alg":"$alg","kid":"$kid"}` + "\x00"},
	{"byte order mark", "\xef\xbb\xbf" + `{"alg":"$alg","kid":"$kid"}`},
	{"comma behind the last member", `{"alg":"$alg","kid":"$kid",}`},
	{"comment", `{"alg":"$alg",/**/"kid":"$kid"}`},
	{"single quotes", `{'alg':'$alg','kid':'$kid'}`},
	{"cut", `{"alg":"$alg","kid":"$kid"`},
	{"invalid UTF-8 in a value", `{"alg":"$alg","kid":"$kid","x":"` + "\xff" + `"}`},
	{"invalid UTF-8 in a name", `{"alg":"$alg","kid":"$kid","` + "\xc3" + `":1}`},
	{"overlong UTF-8", `{"alg":"$alg","kid":"$kid","x":"` + "\xc0\xaf" + `"}`},
	{"lone surrogate", `{"alg":"$alg","kid":"$kid","x":"\ud800"}`},
	{"control character in a string", `{"alg":"$alg","kid":"$kid","x":"` + "\n" + `"}`},
	{"a list", `["$alg"]`},
	{"a string", `"$alg"`},
	{"a number", `256`},
	{"null", `null`},
	{"true", `true`},
	{"no JSON", `alg=$alg`},
	{"arrays 30 deep", `{"alg":"$alg","kid":"$kid","x":` + strings.Repeat("[", 30) + strings.Repeat("]", 30) + `}`},
	{"arrays 40 deep", `{"alg":"$alg","kid":"$kid","x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`},
	{"arrays 12,000 deep", `{"alg":"$alg","kid":"$kid","x":` + strings.Repeat("[", 12000) + strings.Repeat("]", 12000) + `}`},
	{"number of 300 digits", `{"alg":"$alg","kid":"$kid","x":` + strings.Repeat("9", 300) + `}`},
	{"number beyond float64", `{"alg":"$alg","kid":"$kid","x":1e999}`},
	{"number with a leading zero", `{"alg":"$alg","kid":"$kid","x":01}`},
	{"NaN", `{"alg":"$alg","kid":"$kid","x":NaN}`},
	{"unknown member twice", `{"alg":"$alg","kid":"$kid","x":1,"x":2}`},
	{"member twice, inside another", `{"alg":"$alg","kid":"$kid","x":{"y":1,"y":2}}`},
}

// payloads are those of tokens whose header and signature are right.
var payloads = []struct{ name, payload string }{
	{"an object", `{"sub":"alice"}`},
	{"an empty object", `{}`},
	{"text", "text"},
	{"one byte", "\x00"},
	{"random bytes", "\xff\xfe\x80\x00"},
	{"a list", `["alice"]`},
	{"a string", `"alice"`},
	{"null", `null`},
	{"a name twice", `{"sub":"alice","sub":"mallory"}`},
	{"names that differ by case", `{"sub":"alice","SUB":"mallory"}`},
	{"invalid UTF-8", "{\"sub\":\"\xff\"}"},
	{"byte order mark", "\xef\xbb\xbf{}"},
	{"data behind", `{}{}`},
	{"number beyond float64", `{"x":1e999}`},
}

// spellings change how the parts of a good token are written. Header and payload are signed as they
// are then received, so that only the spelling is at fault; header and payload have unused bits.
var spellings = []struct {
	name   string
	change func(header, payload string) (string, string)
	after  func(token, signature string) string
}{
	{"good", nil, nil},
	{"header padded", part(0, func(h string) string { return h + "=" }), nil},
	{"header padded twice", part(0, func(h string) string { return h + "==" }), nil},
	{"payload padded", part(1, func(p string) string { return p + "=" }), nil},
	{"payload in the standard alphabet", part(1, standardAlphabet), nil},
	{"header with stray low bits", part(0, strayBits), nil},
	{"payload with stray low bits", part(1, strayBits), nil},
	{"header with a newline inside", part(0, inside("\n")), nil},
	{"header with a carriage return inside", part(0, inside("\r")), nil},
	{"header with a newline behind", part(0, func(h string) string { return h + "\n" }), nil},
	{"header with a space inside", part(0, inside(" ")), nil},
	{"payload with CR LF inside", part(1, inside("\r\n")), nil},
	{"payload with a tab inside", part(1, inside("\t")), nil},
	{"payload with a NUL inside", part(1, inside("\x00")), nil},
	{"payload with a letter beyond ASCII", part(1, inside("é")), nil},
	{"header empty", part(0, func(string) string { return "" }), nil},
	{"payload empty", part(1, func(string) string { return "" }), nil},
	{"payload of an impossible length", part(1, func(p string) string { return p[:len(p)-len(p)%4] + "A" }), nil},

	{"signature padded", nil, func(token, _ string) string { return token + "==" }},
	{"signature with stray low bits", nil, func(token, s string) string { return strings.TrimSuffix(token, s) + strayBits(s) }},
	{"signature in the standard alphabet", nil, func(token, s string) string {
		return strings.TrimSuffix(token, s) + s[:8] + "+/" + s[10:]
	}},
	{"signature with a newline inside", nil, func(token, s string) string { return strings.TrimSuffix(token, s) + inside("\n")(s) }},
	{"signature with a space inside", nil, func(token, s string) string { return strings.TrimSuffix(token, s) + inside(" ")(s) }},
	{"signature with an equals sign inside", nil, func(token, s string) string { return strings.TrimSuffix(token, s) + inside("=")(s) }},
	{"newline behind", nil, func(token, _ string) string { return token + "\n" }},
	{"carriage return behind", nil, func(token, _ string) string { return token + "\r" }},
	{"space behind", nil, func(token, _ string) string { return token + " " }},
	{"NUL behind", nil, func(token, _ string) string { return token + "\x00" }},
	{"newline in front", nil, func(token, _ string) string { return "\n" + token }},
	{"space in front", nil, func(token, _ string) string { return " " + token }},
	{"no-break space in front", nil, func(token, _ string) string { return "\u00a0" + token }},
	{"byte order mark in front", nil, func(token, _ string) string { return "\ufeff" + token }},
	{"Bearer in front", nil, func(token, _ string) string { return "Bearer " + token }},
	{"quotes around", nil, func(token, _ string) string { return `"` + token + `"` }},
	{"in capitals", nil, func(token, _ string) string { return strings.ToUpper(token) }},
	{"dots as %2E", nil, func(token, _ string) string { return strings.ReplaceAll(token, ".", "%2E") }},
	{"token twice, with a comma", nil, func(token, _ string) string { return token + "," + token }},
	{"dot in front", nil, func(token, _ string) string { return "." + token }},
	{"dot behind", nil, func(token, _ string) string { return token + "." }},
	{"four parts", nil, func(token, s string) string { return token + "." + s }},
	{"five parts", nil, func(token, s string) string { return token + "." + s + "." + s }},
	{"one part", nil, func(token, _ string) string { return strings.Split(token, ".")[0] }},
	{"two parts", nil, func(token, s string) string { return strings.TrimSuffix(token, "."+s) }},
	{"signature empty", nil, func(token, s string) string { return strings.TrimSuffix(token, s) }},
	{"signature of one character", nil, func(token, s string) string { return strings.TrimSuffix(token, s) + "A" }},
	{"nothing", nil, func(string, string) string { return "" }},
	{"two dots", nil, func(string, string) string { return ".." }},
	{"JSON serialization, flattened", nil, func(token, _ string) string {
		p := strings.Split(token, ".")
		return `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`
	}},
	{"JSON serialization, general", nil, func(token, _ string) string {
		p := strings.Split(token, ".")
		return `{"payload":"` + p[1] + `","signatures":[{"protected":"` + p[0] + `","signature":"` + p[2] + `"}]}`
	}},
}

func part(which int, change func(string) string) func(header, payload string) (string, string) {
	return func(header, payload string) (string, string) {
		if which == 0 {
			return change(header), payload
		}
		return header, change(payload)
	}
}

func inside(what string) func(string) string {
	return func(s string) string { return s[:4] + what + s[4:] }
}

func standardAlphabet(s string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(s) }

// strayBits sets an unused bit of the last character, which must have one.
func strayBits(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, s[len(s)-1])
	return s[:len(s)-1] + string(alphabet[last|1])
}

// spelledPayload has both characters in which the alphabets differ and, as the header below, unused bits.
const spelledPayload = `{"sub":"???>>>"}`

// fillHeader fills in what the headers of the cases leave open.
func fillHeader(t testing.TB, signers []signer, i int, stranger signer) *strings.Replacer {
	t.Helper()
	s, other := signers[i], signers[(i+1)%len(signers)]
	return strings.NewReplacer("$alg", string(s.alg), "$kid", s.kid, "$tail", strings.TrimPrefix(s.kid, "key"), "$KID", strings.ToUpper(s.kid),
		"$lower", strings.ToLower(string(s.alg)), "$otheralg", string(other.alg), "$other", other.kid,
		"$jwk", string(marshal(t, s.jwk(t))), "$strangejwk", string(marshal(t, stranger.jwk(t))))
}

// tokenVariants makes every variant of a token of signers[i], under the name that it has in the lists.
func tokenVariants(t testing.TB, signers []signer, i int) []variant {
	t.Helper()
	s := signers[i]
	stranger := newSigners(t)[i]
	fill := fillHeader(t, signers, i, stranger)

	var all []variant
	for _, h := range headers {
		all = append(all, variant{"header: " + h.name, s.token(t, fill.Replace(h.header), `{"sub":"alice"}`)})
	}
	for _, p := range payloads {
		all = append(all, variant{"payload: " + p.name, s.token(t, s.header(), p.payload)})
	}
	for _, sp := range spellings {
		header, payload := b64(unaligned(s.header())), b64(unaligned(spelledPayload))
		if sp.change != nil {
			header, payload = sp.change(header, payload)
		}
		token := s.signed(t, header, payload)
		if sp.after != nil {
			token = sp.after(token, token[strings.LastIndexByte(token, '.')+1:])
		}
		all = append(all, variant{"spelling: " + sp.name, token})
	}
	for _, sv := range signatureVariants(t, s, stranger) {
		all = append(all, variant{"signature: " + string(s.alg) + " " + sv.name, sv.input})
	}
	return all
}

// unaligned adds white space inside a JSON object until its base64 has unused bits.
func unaligned(object string) string {
	for len(object)%3 == 0 {
		object = object[:len(object)-1] + " }"
	}
	return object
}

// signatureVariants are tokens with everything right but the signature, or how it was made.
func signatureVariants(t testing.TB, s, stranger signer) []variant {
	t.Helper()
	input := b64(s.header()) + "." + b64(`{"sub":"alice"}`)
	good := s.sign(t, input)
	with := func(name string, signature []byte) variant {
		return variant{name, input + "." + b64(string(signature))}
	}
	all := []variant{
		with("good", good),
		with("of another key", stranger.sign(t, input)),
		with("of another token", s.sign(t, input+"x")),
		with("all zero", make([]byte, len(good))),
		with("one byte", []byte{1}),
		with("short of its first byte", good[1:]),
		with("short of its last byte", good[:len(good)-1]),
		with("with a zero byte in front", append([]byte{0}, good...)),
		with("with a zero byte behind", append(slices.Clone(good), 0)),
		with("twice", append(slices.Clone(good), good...)),
	}
	for name, key := range publicAsSecret(t, s) {
		header := strings.Replace(s.header(), string(s.alg), "HS256", 1)
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(b64(header) + "." + b64("{}")))
		all = append(all, variant{"HS256 under the public key as " + name, b64(header) + "." + b64("{}") + "." + b64(string(mac.Sum(nil)))})
	}
	switch k := s.private.(type) {
	case *ecdsa.PrivateKey:
		return append(all, ecdsaVariants(t, k, input, good)...)
	case ed25519.PrivateKey:
		return append(all, ed25519Variants(t, s, k, input, good)...)
	case *rsa.PrivateKey:
		return append(all, rsaVariants(t, s, k, input, good)...)
	}
	t.Fatalf("signer of type %T", s.private)
	return nil
}

// publicAsSecret is what an attacker of the classic confusion would use as a shared secret.
func publicAsSecret(t testing.TB, s signer) map[string]([]byte) {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"DER": der,
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"JWK": marshal(t, s.jwk(t)),
	}
}

func ecdsaVariants(t testing.TB, k *ecdsa.PrivateKey, input string, good []byte) []variant {
	t.Helper()
	with := func(name string, signature []byte) variant {
		return variant{name, input + "." + b64(string(signature))}
	}
	r, s := good[:32], good[32:]
	n := elliptic.P256().Params().N
	digest := sha256.Sum256([]byte(input))
	der, err := ecdsa.SignASN1(rand.Reader, k, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	sum512 := sha512.Sum512([]byte(input))
	r512, s512, err := ecdsa.Sign(rand.Reader, k, sum512[:])
	if err != nil {
		t.Fatal(err)
	}
	zero, order, one := make([]byte, 32), n.FillBytes(make([]byte, 32)), append(make([]byte, 31), 1)
	twin := new(big.Int).Sub(n, new(big.Int).SetBytes(s)).FillBytes(make([]byte, 32))
	beyond := new(big.Int).Add(n, new(big.Int).SetBytes(s)).FillBytes(make([]byte, 33))
	return []variant{
		with("in DER", der),
		with("r zero", slices.Concat(zero, s)),
		with("s zero", slices.Concat(r, zero)),
		with("r and s 1", slices.Concat(one, one)),
		with("r is the order", slices.Concat(order, s)),
		with("s is the order", slices.Concat(r, order)),
		with("r above the order", slices.Concat(slices.Repeat([]byte{0xff}, 32), s)),
		with("r and s exchanged", slices.Concat(s, r)),
		with("twin with n-s", slices.Concat(r, twin)),
		with("s plus the order, in 33 bytes", slices.Concat(r, beyond)),
		with("each half with a zero byte in front", slices.Concat([]byte{0}, r, []byte{0}, s)),
		with("r begins with a zero byte", beginsWithZero(t, signer{jws.ES256, "", k}, input, 0)),
		with("s begins with a zero byte", beginsWithZero(t, signer{jws.ES256, "", k}, input, 32)),
		with("over SHA-512", slices.Concat(r512.FillBytes(make([]byte, 32)), s512.FillBytes(make([]byte, 32)))),
	}
}

// beginsWithZero signs until the byte at a position is zero, which takes about 256 times.
func beginsWithZero(t testing.TB, s signer, input string, position int) []byte {
	for {
		if signature := s.sign(t, input); signature[position] == 0 {
			return signature
		}
	}
}

func ed25519Variants(t testing.TB, s signer, k ed25519.PrivateKey, input string, good []byte) []variant {
	t.Helper()
	with := func(name string, signature []byte) variant {
		return variant{name, input + "." + b64(string(signature))}
	}
	sum := sha512.Sum512([]byte(input))
	prehashed, err := k.Sign(nil, sum[:], crypto.SHA512)
	if err != nil {
		t.Fatal(err)
	}
	inContext, err := k.Sign(nil, []byte(input), &ed25519.Options{Context: "sallyport"})
	if err != nil {
		t.Fatal(err)
	}
	identity := append([]byte{1}, make([]byte, 63)...)
	return []variant{
		with("s plus the order", addOrder25519(good)),
		with("s zero", slices.Concat(good[:32], make([]byte, 32))),
		with("r the identity", slices.Concat(identity[:32], good[32:])),
		with("identity and zero", identity),
		with("Ed25519ph", prehashed),
		with("Ed25519ctx", inContext),
		{"under the name Ed25519", s.token(t, `{"alg":"Ed25519","kid":"`+s.kid+`"}`, "{}")},
		{"under the name ed25519", s.token(t, `{"alg":"ed25519","kid":"`+s.kid+`"}`, "{}")},
	}
}

// order25519 is L of RFC 8032 §5.1.
var order25519, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)

// addOrder25519 makes the twin that RFC 8032 §5.1.7 tells a verifier to refuse.
func addOrder25519(signature []byte) []byte {
	s := slices.Clone(signature[32:])
	slices.Reverse(s)
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), order25519).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return slices.Concat(signature[:32], sum)
}

func rsaVariants(t testing.TB, s signer, k *rsa.PrivateKey, input string, good []byte) []variant {
	t.Helper()
	with := func(name string, signature []byte) variant {
		return variant{name, input + "." + b64(string(signature))}
	}
	digest := sha256.Sum256([]byte(input))
	pss, err := rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		t.Fatal(err)
	}
	sum512 := sha512.Sum512([]byte(input))
	rs512, err := rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA512, sum512[:])
	if err != nil {
		t.Fatal(err)
	}
	bare, err := rsa.SignPKCS1v15(rand.Reader, k, 0, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	beyond := new(big.Int).Add(new(big.Int).SetBytes(good), k.N)
	zeroInput, zero := zeroRSA(t, s)
	return []variant{
		with("RSASSA-PSS", pss),
		with("RS512", rs512),
		with("without the name of the hash", bare),
		with("plus the modulus", beyond.FillBytes(make([]byte, len(good)+1))),
		{"begins with a zero byte", zeroInput + "." + b64(string(zero))},
		{"begins with a zero byte, left out", zeroInput + "." + b64(string(zero[1:]))},
	}
}

// zeroRSA finds a signing input whose signature begins with a zero byte: RSASSA-PKCS1-v1_5 is
// deterministic, so the payload must change.
func zeroRSA(t testing.TB, s signer) (input string, signature []byte) {
	t.Helper()
	for i := 0; ; i++ {
		input = b64(s.header()) + "." + b64(`{"n":`+big.NewInt(int64(i)).String()+`}`)
		if signature = s.sign(t, input); signature[0] == 0 {
			return input, signature
		}
	}
}

func TestStrayBitsMeanTheSameToALaxDecoder(t *testing.T) {
	part := b64(unaligned(spelledPayload))
	got, err := base64.RawURLEncoding.DecodeString(strayBits(part))
	if err != nil || string(got) != unaligned(spelledPayload) || strayBits(part) == part || standardAlphabet(part) == part {
		t.Errorf("DecodeString(%q) = %q, %v, want the bytes of %q and both alphabets to differ", strayBits(part), got, err, part)
	}
}
