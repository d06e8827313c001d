package interop

const pageIntroduction = `# Where Sallyport and other JOSE libraries disagree

This page is written by the tests of this package from the lists in ` + "`refusals_test.go` and `idtoken_refusals_test.go`" + `, which they
hold against the libraries: go-jose v4.1.8, golang-jwt v5.3.1 and jwx v3.3.0, and about ID tokens go-oidc v3.21.0 and
cap v0.15.0, which is built on go-oidc. What stands here was seen with these versions; about every other
case of the tests all agree, and a new disagreement fails. It is no judgement of those libraries: most of the rows are
choices that they leave to their callers, and Sallyport, which knows what it verifies, has made them.

How they are asked. Signatures: with a key set of one key for each of ES256, EdDSA and RS256, the key chosen by "kid"; go-jose
(ParseSignedCompact) and golang-jwt with a list of these algorithms and otherwise as they come, jwx, whose algorithms are
those of the keys, with WithCompact and WithCritValidation. Access tokens: with every option that fits Sallyport's rules:
issuer, audience, 60 s of leeway, and where they exist a required "exp" and "iat", strict decoding, strict claims. Keys:
go-jose by UnmarshalJSON and Valid, jwx by ParseKey and Validate; golang-jwt reads no JWK. In the cases, "header", "payload",
"claims" and "typ" are about tokens whose signature is right.

ID tokens: all three have discovered the same provider and know the client ID "spa", the three algorithms and the time, which
stands still; "our further client", where a case names it, is in Audiences of Sallyport and of cap, and go-oidc has a
verifier for each. Sallyport and cap are told the nonce that was sent, go-oidc leaves that to its caller. An access
token, where there is one, goes to VerifyAccessToken of the other two. Logout tokens: VerifyLogout of go-oidc; cap reads none.
`

// Reasons that several rows share.
const (
	twice       = "a name given twice means two things to two readers"
	twiceSource = "RFC 7515 §4, RFC 7519 §4, RFC 8259 §4"
	utf8Why     = "JSON is UTF-8; decoders replace what is not, and two names become one"
	utf8Source  = "RFC 8259 §8.1, RFC 8725 §3.7"
	depthWhy    = "no header or claim needs more than 32 levels, and every level costs a parser"
	depthSource = "RFC 8259 §9 (a parser may limit the depth)"
	spellingWhy = "a token has one spelling: what decodes must encode to the same bytes, or a list of revoked tokens can be passed by"
	spelling    = "RFC 7515 §2, §5.2; RFC 4648 §3.3, §3.5; RFC 8725bis §3.14"
	algWhy      = "the header must name the algorithm of the key"
	algSource   = "RFC 7515 §4.1.1, RFC 8725 §3.1"
	ignoredWhy  = "nothing reads this member, so nothing can be wrong with it; the key comes from the issuer's set alone"
	ignored     = "RFC 7515 §4, RFC 8725 §3.10"
)

var signatureDifferences = differences{
	refused: []difference{
		{
			cases: []string{"header: alg none", "header: alg HS256", "header: alg HS384", "header: alg PS256", "header: alg RS384", "header: alg RS512",
				"header: alg ES384", "header: alg ES256K", "header: alg of another algorithm"},
			who: jwx, why: algWhy + "; jwx takes the key's and never compares", source: algSource,
		},
		{
			cases: []string{"header: alg absent", "header: alg under another case"},
			who:   jwx, why: "the header must have an algorithm", source: "RFC 7515 §4.1.1",
		},
		{
			cases: []string{"header: alg twice, equal", "header: alg twice, none first", "header: alg twice, the first in escapes", "header: kid twice, equal",
				"header: kid twice, another first", "header: kid twice, the first in escapes", "header: typ twice", "header: unknown member twice", "header: member twice, inside another"},
			who: "golang-jwt, jwx", why: twice, source: twiceSource,
		},
		{
			cases: []string{"header: alg twice, none last"},
			who:   jwx, why: twice, source: twiceSource,
		},
		{
			cases: []string{"header: kid empty"},
			who:   "go-jose, golang-jwt, jwx", why: "an empty kid is present and names no key", source: "RFC 7515 §4.1.4",
		},
		{
			cases: []string{"header: kid null"},
			who:   "go-jose, golang-jwt, jwx", why: "kid is a string when it is present", source: "RFC 7515 §4.1.4",
		},
		{
			cases: []string{"header: kid a number", "header: kid false", "header: kid a list", "header: kid an object"},
			who:   golangJWT, why: "kid is a string when it is present; golang-jwt leaves it to the key function", source: "RFC 7515 §4.1.4, RFC 8725 §3.10",
		},
		{
			cases: []string{"header: typ null"},
			who:   "go-jose, golang-jwt, jwx", why: "typ is a string when it is present", source: "RFC 7515 §4.1.9",
		},
		{
			cases: []string{"header: typ a number", "header: typ a list"},
			who:   "go-jose, golang-jwt", why: "typ is a string when it is present", source: "RFC 7515 §4.1.9",
		},
		{
			cases: []string{"header: crit names an unknown extension", "header: crit names what is absent", "header: crit names alg", "header: crit a string",
				"header: crit an object", "header: crit names b64, false"},
			who: golangJWT, why: "no extension is understood here, and golang-jwt ignores the member", source: "RFC 7515 §4.1.11",
		},
		{
			cases: []string{"header: crit empty"},
			who:   "go-jose, golang-jwt", why: "the list must not be empty", source: "RFC 7515 §4.1.11",
		},
		{
			cases: []string{"header: crit null"},
			who:   "go-jose, golang-jwt, jwx", why: "crit is a list when it is present", source: "RFC 7515 §4.1.11",
		},
		{
			cases: []string{"header: crit names b64, true"},
			who:   "go-jose, golang-jwt", why: "b64 is not supported, whatever its value", source: "RFC 7797 §6",
		},
		{
			cases: []string{"header: b64 false without crit"},
			who:   golangJWT, why: "the payload would be read in another way than it was signed", source: "RFC 7797 §6",
		},
		{
			cases: []string{"header: b64 true without crit"},
			who:   "go-jose, golang-jwt, jwx", why: "b64 must be in crit, and crit is refused", source: "RFC 7797 §6",
		},
		{
			cases: []string{"header: b64 null"},
			who:   "go-jose, golang-jwt", why: "b64 must be in crit, and crit is refused", source: "RFC 7797 §6",
		},
		{
			cases: []string{"header: zip"},
			who:   "go-jose, golang-jwt, jwx", why: "a signed token is not compressed; who decompresses it reads something else", source: "RFC 7516 §4.1.3, RFC 8725bis §3.15",
		},
		{
			cases: []string{"header: invalid UTF-8 in a value", "header: invalid UTF-8 in a name", "header: overlong UTF-8", "header: lone surrogate"},
			who:   "go-jose, golang-jwt, jwx", why: utf8Why, source: utf8Source,
		},
		{
			cases: []string{"header: arrays 40 deep"},
			who:   "go-jose, golang-jwt, jwx", why: depthWhy, source: depthSource,
		},
		{
			cases: []string{"spelling: header with stray low bits", "spelling: payload with stray low bits", "spelling: header with a newline inside",
				"spelling: header with a carriage return inside", "spelling: header with a newline behind", "spelling: payload with CR LF inside"},
			who: golangJWT, why: spellingWhy, source: spelling,
		},
		{
			cases: []string{"spelling: signature with stray low bits", "spelling: signature with a newline inside", "spelling: newline behind", "spelling: carriage return behind"},
			who:   "go-jose, golang-jwt, jwx", why: spellingWhy, source: spelling,
		},
		{
			cases: []string{"spelling: signature padded"},
			who:   jwx, why: spellingWhy, source: spelling,
		},
		{
			cases: []string{"spelling: newline in front"},
			who:   "go-jose, jwx", why: spellingWhy, source: spelling,
		},
		{
			cases: []string{"spelling: payload empty"},
			who:   "go-jose, jwx", why: "an empty payload is that of a detached signature, and no token of ours", source: "RFC 7515 Appendix F",
		},
	},
	accepted: []difference{
		{
			cases: []string{"header: white space in front", "header: newline behind"},
			who:   jwx, why: "the signature is over the bytes received, and white space is JSON", source: "RFC 7515 §5.2, RFC 8259 §2",
		},
		{
			cases: []string{"header: jwk no key", "header: jwk a list", "header: x5c no certificate"},
			who:   "go-jose, jwx", why: ignoredWhy, source: ignored,
		},
		{
			cases: []string{"header: cty a number", "header: jku a number", "header: x5u a list", "header: x5c null", "header: x5t a number"},
			who:   jwx, why: ignoredWhy, source: ignored,
		},
		{
			cases: []string{"header: nonce a number"},
			who:   goJose, why: "nonce is a member of ACME alone", source: "RFC 7515 §4, RFC 8555 §6.5.2",
		},
		{
			cases: []string{"payload: text", "payload: one byte", "payload: random bytes", "payload: a list", "payload: a string", "payload: byte order mark",
				"payload: data behind", "payload: number beyond float64"},
			who: golangJWT, why: "a JWS signs any bytes; that claims are an object is checked where there are claims", source: "RFC 7515 §2, RFC 7519 §7.2",
		},
		{
			cases: []string{"signature: EdDSA under the name Ed25519"},
			who:   "go-jose, golang-jwt", why: "the fully specified name of the same algorithm", source: "RFC 9864 §2.2",
		},
	},
}

var claimsDifferences = differences{refused: []difference{
	{
		cases: []string{"claims: exp 60 s ago"},
		who:   goJose, why: "a token is not accepted on its end, and the leeway moves it by exactly 60 s", source: "RFC 7519 §4.1.4",
	},
	{
		cases: []string{"claims: exp absent", "claims: exp null"},
		who:   goJose, why: "exp is required; go-jose cannot be told so", source: "RFC 9068 §2.2",
	},
	{
		cases: []string{"claims: exp text", "claims: iat text", "claims: nbf text"},
		who:   jwx, why: "a date is a number", source: "RFC 7519 §2",
	},
	{
		cases: []string{"claims: exp 2^53"},
		who:   "go-jose, golang-jwt, jwx", why: "from 2^53 on a date is no longer the same for every reader of JSON", source: "RFC 7493 §2.2, RFC 8259 §6",
	},
	{
		cases: []string{"claims: iat absent"},
		who:   "go-jose, golang-jwt", why: "iat is required; they cannot be told so", source: "RFC 9068 §2.2",
	},
	{
		cases: []string{"claims: iat null", "claims: nbf null"},
		who:   goJose, why: "a date is a number when it is present", source: "RFC 7519 §2",
	},
	{
		cases: []string{"claims: iat zero", "claims: nbf zero"},
		who:   "go-jose, golang-jwt, jwx", why: "a zero is a field that nobody set", source: "RFC 7519 §2; house rule 0 < n < 2^53",
	},
	{
		cases: []string{"claims: iat negative", "claims: nbf negative"},
		who:   "go-jose, golang-jwt", why: "no token was issued before 1970", source: "RFC 7519 §2; house rule 0 < n < 2^53",
	},
	{
		cases: []string{"claims: iat 1e300", "claims: nbf 1e300"},
		who:   golangJWT, why: "no date; converted to an integer it becomes one in the past", source: "RFC 7519 §2; house rule 0 < n < 2^53",
	},
	{
		cases: []string{"claims: sub absent", "claims: sub empty", "claims: jti absent", "claims: jti empty", "claims: client_id absent", "claims: client_id false"},
		who:   "go-jose, golang-jwt, jwx", why: "required, and a string with content", source: "RFC 9068 §2.2",
	},
	{
		cases: []string{"claims: sub null"},
		who:   "go-jose, golang-jwt", why: "required, and a string with content", source: "RFC 9068 §2.2",
	},
	{
		cases: []string{"claims: sub a number", "claims: sub a list", "claims: jti a number"},
		who:   golangJWT, why: "required, and a string with content", source: "RFC 7519 §4.1.2, §4.1.7; RFC 9068 §2.2",
	},
	{
		cases: []string{"claims: sid absent", "claims: sid a list", "claims: user_id absent", "claims: user_id a number", "claims: token_type absent",
			"claims: token_type refresh", "claims: token_type in capitals"},
		who: "go-jose, golang-jwt, jwx", why: "claims of every access token of Sallyport; without them it is another kind of token", source: "docs/contract.md; RFC 8725 §3.12",
	},
	{
		cases: []string{"claims: cnf", "claims: cnf null"},
		who:   "go-jose, golang-jwt, jwx", why: "bound to a key of the sender, and nothing here checks the proof", source: "RFC 7800 §3.1, RFC 9449 §7.1",
	},
	{
		cases: []string{"claims: more than 8 KB"},
		who:   "go-jose, golang-jwt, jwx", why: "no access token of Sallyport is longer", source: "RFC 7519 §1 (compact, for headers); house limit",
	},
	{
		cases: []string{"payload: exp twice, ended first", "payload: sub twice", "payload: sub twice, the first in escapes", "payload: aud twice", "payload: unknown claim twice"},
		who:   "golang-jwt, jwx", why: twice, source: twiceSource,
	},
	{
		cases: []string{"payload: name twice inside a claim"},
		who:   "go-jose, golang-jwt, jwx", why: twice, source: twiceSource,
	},
	{
		cases: []string{"payload: data behind", "payload: text behind", "payload: NUL behind"},
		who:   jwx, why: "the payload is one JSON object and nothing else", source: "RFC 7519 §7.2, RFC 8259 §2",
	},
	{
		cases: []string{"payload: invalid UTF-8", "payload: lone surrogate"},
		who:   "go-jose, golang-jwt, jwx", why: utf8Why, source: utf8Source,
	},
	{
		cases: []string{"payload: number beyond float64"},
		who:   goJose, why: "a number that most readers cannot hold", source: "RFC 8259 §6",
	},
	{
		cases: []string{"payload: arrays 40 deep"},
		who:   "go-jose, golang-jwt, jwx", why: depthWhy, source: depthSource,
	},
	{
		cases: []string{"typ: JWT", "typ: empty", "typ: absent", "typ: refresh+jwt", "typ: logout+jwt", "typ: dpop+jwt", "typ: at+jwt with a space in front", "typ: with a parameter"},
		who:   "go-jose, golang-jwt, jwx", why: "another kind of token: only at+jwt and application/at+jwt are access tokens", source: "RFC 9068 §4, RFC 8725 §3.11",
	},
	{
		cases: []string{"spelling: newline behind"},
		who:   "go-jose, golang-jwt, jwx", why: spellingWhy, source: spelling,
	},
	{
		cases: []string{"header: crit empty"},
		who:   "go-jose, golang-jwt, jwx", why: "the list must not be empty", source: "RFC 7515 §4.1.11",
	},
}}

var keyDifferences = differences{
	refused: []difference{
		{
			cases: []string{"key: use enc", "key: use in capitals", "key: use unknown", "key: use empty", "key: use null"},
			who:   "go-jose, jwx", why: "a key that says what it is for, and does not say signatures", source: "RFC 7517 §4.2",
		},
		{
			cases: []string{"key: key_ops without verify", "key: key_ops sign", "key: key_ops empty", "key: key_ops null"},
			who:   "go-jose, jwx", why: "a key that says what it is for, and does not say verify", source: "RFC 7517 §4.3",
		},
		{
			cases: []string{"key: key_ops a string"},
			who:   goJose, why: "key_ops is a list", source: "RFC 7517 §4.3",
		},
		{
			cases: []string{"key: alg of another type of key", "key: alg PS256", "key: alg RS512", "key: alg RSA-OAEP", "key: alg ECDH-ES", "key: alg HS256", "key: alg none"},
			who:   "go-jose, jwx", why: "one key, one algorithm; this one is for another, or for one that its type cannot do", source: "RFC 7517 §4.4, RFC 8725 §3.1",
		},
		{
			cases: []string{"key: alg in lower case", "key: alg empty", "key: alg null"},
			who:   goJose, why: "not the name of an algorithm; names are case-sensitive", source: "RFC 7517 §4.4",
		},
		{
			cases: []string{"key: kid null"},
			who:   "go-jose, jwx", why: "kid is a string when it is present", source: "RFC 7517 §4.5",
		},
		{
			cases: []string{"key: kid of 257 bytes"},
			who:   "go-jose, jwx", why: "no header may name it: a kid is at most 256 bytes", source: "RFC 8725 §3.10; house limit",
		},
		{
			cases: []string{"key: crv X25519"},
			who:   jwx, why: "a key to agree on secrets with, which signs nothing", source: "RFC 8037 §3.2",
		},
		{
			cases: []string{"key: private EC key", "key: private prime", "key: symmetric member"},
			who:   "go-jose, jwx", why: "who reads the set could sign with it: the key is burnt", source: "RFC 7517 §9.2, RFC 7518 §6",
		},
		{
			cases: []string{"key: private Ed25519 key", "key: private exponent"},
			who:   jwx, why: "who reads the set could sign with it: the key is burnt", source: "RFC 7517 §9.2, RFC 7518 §6, RFC 8037 §2",
		},
		{
			cases: []string{"key: private member null"},
			who:   goJose, why: "a set that publishes private members, empty this time", source: "RFC 7517 §9.2",
		},
		{
			cases: []string{"key: y with a newline behind", "key: y with stray low bits", "key: Ed25519 x with stray low bits"},
			who:   "go-jose, jwx", why: "a key has one spelling", source: "RFC 7518 §6.2.1.2, RFC 8037 §2, RFC 4648 §3.5",
		},
		{
			cases: []string{"key: y padded"},
			who:   jwx, why: "base64url has no padding here", source: "RFC 7515 §2",
		},
		{
			cases: []string{"key: Ed25519 of order 1", "key: Ed25519 of order 2", "key: Ed25519 of order 4", "key: Ed25519 of order 8", "key: Ed25519 of order 1, not canonical"},
			who:   jwx, why: "anybody can make a signature under a point of small order", source: "RFC 8032 §5.1.7, RFC 8725 §3.4",
		},
		{
			cases: []string{"key: Ed25519 not canonical"},
			who:   "go-jose, jwx", why: "a coordinate of 2^255-19 or more is not decoded", source: "RFC 8032 §5.1.3",
		},
		{
			cases: []string{"key: RSA of 1024 bits", "key: RSA of 2047 bits", "key: RSA modulus empty"},
			who:   goJose, why: "2048 bits or more are required", source: "RFC 7518 §3.3",
		},
		{
			cases: []string{"key: RSA of 16384 bits"},
			who:   jwx, why: "more than 8192 bits only cost time", source: "RFC 8725bis §3.4; house limit",
		},
		{
			cases: []string{"key: RSA modulus even"},
			who:   "go-jose, jwx", why: "no product of two odd primes", source: "RFC 8017 §3.1",
		},
		{
			cases: []string{"key: RSA modulus with a zero byte in front", "key: RSA exponent with a zero byte in front"},
			who:   "go-jose, jwx", why: "a Base64urlUInt has the fewest octets possible", source: "RFC 7518 §2, §6.3.1.1",
		},
		{
			cases: []string{"key: RSA exponent 3", "key: RSA exponent 17"},
			who:   "go-jose, jwx", why: "below 65537: with a small exponent sloppy padding can be forged", source: "FIPS 186-5 §A.1.1, RFC 8725 §3.4",
		},
		{
			cases: []string{"key: RSA exponent even"},
			who:   goJose, why: "an even exponent has no inverse", source: "RFC 8017 §3.1",
		},
		{
			cases: []string{"key: RSA exponent of 32 bits", "key: RSA exponent of 64 bits"},
			who:   "go-jose, jwx", why: "more than 31 bits only cost time, and crypto/rsa verifies under none", source: "FIPS 186-5 §A.1.1; house limit",
		},
		{
			cases: []string{"key: P-384"},
			who:   "go-jose, jwx", why: "no key of the three algorithms", source: "RFC 7518 §3.4",
		},
		{
			cases: []string{"key: member twice", "key: unknown member twice"},
			who:   jwx, why: twice, source: "RFC 7517 §4",
		},
		{
			cases: []string{"key: invalid UTF-8", "key: lone surrogate"},
			who:   "go-jose, jwx", why: utf8Why, source: "RFC 8259 §8.1",
		},
		{
			cases: []string{"key: number beyond float64"},
			who:   goJose, why: "a number that most readers cannot hold", source: "RFC 8259 §6",
		},
	},
	accepted: []difference{
		{
			cases: []string{"key: x5c no certificate"},
			who:   "go-jose, jwx", why: "members that are not read are ignored", source: "RFC 7517 §4",
		},
		{
			cases: []string{"key: x5t of the wrong size", "key: x5u no address"},
			who:   goJose, why: "members that are not read are ignored", source: "RFC 7517 §4",
		},
		{
			cases: []string{"key: names that differ by case"},
			who:   jwx, why: "names are case-sensitive: these are unknown members", source: "RFC 7517 §4",
		},
		{
			cases: []string{"key: RSA of 8192 bits"},
			who:   goJose, why: "larger than anybody needs, and within what can be checked in time", source: "RFC 7518 §3.3; go-jose MaxRSAModulusBits",
		},
	},
}

var keySetDifferences = differences{
	refused: []difference{
		{
			cases: []string{"set: 101 keys"},
			who:   "go-jose, jwx", why: "an issuer has a handful of keys, and each costs work", source: "house limit",
		},
		{
			cases: []string{"set: keys in capitals"},
			who:   goJose, why: "names are case-sensitive; encoding/json folds them", source: "RFC 7517 §4, §5",
		},
		{
			cases: []string{"set: keys twice, empty first"},
			who:   "go-jose, jwx", why: twice, source: "RFC 7517 §4, RFC 8259 §4",
		},
		{
			cases: []string{"set: keys twice, empty last"},
			who:   jwx, why: twice, source: "RFC 7517 §4, RFC 8259 §4",
		},
		{
			cases: []string{"set: a bare key"},
			who:   jwx, why: "no key set", source: "RFC 7517 §5",
		},
	},
	accepted: []difference{
		{
			cases: []string{"set: a key of an unknown type first", "set: a key on an unknown curve first", "set: a key off its curve first", "set: an empty object first",
				"set: null first", "set: a number first"},
			who: "go-jose, jwx", why: "a key that cannot be used is passed over, so that it does not stop the others", source: "RFC 7517 §5",
		},
		{
			cases: []string{"set: a private key first"},
			who:   goJose, why: "a key that cannot be used is passed over (its private half does not fit)", source: "RFC 7517 §5",
		},
		{
			cases: []string{"set: an RSA key of the same ID first"},
			who:   "go-jose, jwx", why: "keys of different types may share an ID; algorithm and ID choose", source: "RFC 7517 §4.5",
		},
	},
}

var givenDifferences = differences{refused: []difference{
	{
		cases: []string{"given: RSA of 1024 bits"},
		who:   "go-jose, golang-jwt, jwx", why: "2048 bits or more are required", source: "RFC 7518 §3.3",
	},
	{
		cases: []string{"given: RSA exponent 3"},
		who:   "go-jose, golang-jwt, jwx", why: "below 65537: with a small exponent sloppy padding can be forged", source: "FIPS 186-5 §A.1.1, RFC 8725 §3.4",
	},
	{
		cases: []string{"given: Ed25519 of small order, forged"},
		who:   "go-jose, golang-jwt, jwx", why: "nobody signed this: anybody can make a signature under a point of small order", source: "RFC 8032 §5.1.7, RFC 8725 §3.4",
	},
	{
		cases: []string{"given: P-384 for ES256"},
		who:   jwx, why: "ES256 is P-256 and nothing else", source: "RFC 7518 §3.4",
	},
}}
