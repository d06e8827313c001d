package interop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// providerKeyVariants are rightly signed ID tokens, each under the key set that its provider publishes.
func providerKeyVariants(t testing.TB, fake *idptest.Provider, signers []signer) []variant {
	t.Helper()
	es, ed := signers[0], signers[1]
	good := string(marshal(t, goodIDToken(fake.Issuer())))
	var all []variant
	add := func(name, keySet, token string) {
		all = append(all, variant{"provider: " + name, posted{idToken: token, nonce: text(sentNonce), keySet: keySet}.form()})
	}
	set := func(keys ...map[string]any) string { return string(marshal(t, map[string]any{"keys": keys})) }
	noKid := func(s signer) string { return s.token(t, `{"alg":"`+string(s.alg)+`"}`, good) }
	token := func(s signer) string { return s.token(t, idTokenHeader(s), good) }

	for _, s := range signers {
		marked := func(name string, value any) map[string]any {
			k := maps.Clone(s.jwk(t))
			if k[name] = value; value == absent {
				delete(k, name)
			}
			return k
		}
		add("good", set(s.jwk(t)), token(s))
		add("key of use enc", set(marked("use", "enc")), token(s))
		add("key of use SIG", set(marked("use", "SIG")), token(s))
		add("key without use", set(marked("use", absent)), token(s))
		add("key_ops sign", set(marked("key_ops", []string{"sign"})), token(s))
		add("key_ops verify", set(marked("key_ops", []string{"verify"})), token(s))
		add("key without alg", set(marked("alg", absent)), token(s))
		add("key of alg PS256", set(marked("alg", "PS256")), token(s))
		add("key of alg ES384", set(marked("alg", "ES384")), token(s))
		add("key of alg RSA-OAEP", set(marked("alg", "RSA-OAEP")), token(s))
		add("key of alg HS256", set(marked("alg", "HS256")), token(s))
		add("kid only in the set", set(s.jwk(t)), noKid(s))
		add("kid only in the token", set(marked("kid", absent)), token(s))
		add("no kid anywhere", set(marked("kid", absent)), noKid(s))
		add("two keys fit a token without kid", set(stranger(t, s).jwk(t), s.jwk(t)), noKid(s))
		same := stranger(t, s)
		same.kid = s.kid
		add("two keys of the same kid, the right one last", set(same.jwk(t), s.jwk(t)), token(s))
		add("two keys of the same kid, the right one first", set(s.jwk(t), same.jwk(t)), token(s))
		add("the right key under another kid", set(marked("kid", "other")), token(s))
		add("x5c no certificate", set(marked("x5c", []string{"AAAA"})), token(s))
		add("jku in the token to another set", set(s.jwk(t)), s.token(t, `{"alg":"`+string(s.alg)+`","kid":"`+s.kid+`","jku":"`+fake.URL(idptest.Userinfo)+`"}`, good))
		add("unknown key type first", set(map[string]any{"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}, s.jwk(t)), token(s))
		add("key of an unknown type without alg first", set(map[string]any{"kty": "AKP", "pub": "AAAA"}, s.jwk(t)), token(s))
		add("key off its curve first", set(offCurve(t), s.jwk(t)), token(s))
		add("empty key first", set(map[string]any{}, s.jwk(t)), token(s))
		add("101 keys", set(append(crowd(t, 100), s.jwk(t))...), token(s))
	}
	empty := []struct{ name, text string }{
		{"no key", `{"keys":[]}`}, {"keys null", `{"keys":null}`}, {"an empty object", `{}`}, {"null", `null`}, {"a list", `[]`}, {"no JSON", `keys`}, {"HTML", "<html></html>"},
	}
	for _, e := range empty {
		add("set: "+e.name, e.text, token(es))
	}
	add("set: KEYS in place of keys", `{"KEYS":[`+string(marshal(t, es.jwk(t)))+`]}`, token(es))
	add("set: keys twice, empty first", `{"keys":[],"keys":[`+string(marshal(t, es.jwk(t)))+`]}`, token(es))
	add("set: data behind", set(es.jwk(t))+"{}", token(es))

	private := maps.Clone(es.jwk(t))
	secret, err := es.private.(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	private["d"] = b64(string(secret))
	add("private half published, EC", set(private), token(es))
	add("EdDSA key for an ES256 token", set(es.jwk(t), ed.jwk(t)), es.token(t, `{"alg":"ES256","kid":"`+ed.kid+`"}`, good))

	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		name    string
		private crypto.Signer
		opts    []idptest.Option
	}{
		{"P-384 and an ES384 token", p384, nil},
		{"P-384 and a token that says ES256", p384, []idptest.Option{idptest.Header("alg", "ES256")}},
		{"RSA of 1024 bits", idptest.WeakRSA(), nil},
		{"RSA exponent 1, forged", idptest.ExponentOne(), nil},
		{"RSA exponent 3", exponentThree(t), nil},
	} {
		opts := append([]idptest.Option{idptest.Nonce(sentNonce), idptest.SignedBy(k.private), idptest.KeyID("k")}, k.opts...)
		add(k.name, set(publicJWK(t, k.private.Public())), fake.Tokens(idptest.Alice(), opts...).IDToken)
	}
	shared := []byte(rand.Text() + rand.Text())
	add("symmetric key published, HS256", set(map[string]any{"kty": "oct", "kid": "shared", "k": b64(string(shared)), "alg": "HS256"}), symmetric(shared, "shared", good))
	add("EC key off its curve alone", set(offCurve(t)), token(es))
	add("Ed25519 of small order, forged", set(map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": b64(string(make([]byte, 32)))}), smallOrderIDToken(t, fake))
	return all
}

// smallOrderIDToken is smallOrder with the claims of an ID token.
func smallOrderIDToken(t testing.TB, fake *idptest.Provider) string {
	t.Helper()
	public, signature := ed25519.PublicKey(make([]byte, 32)), append([]byte{1}, make([]byte, 63)...)
	claims := goodIDToken(fake.Issuer())
	for i := 0; ; i++ {
		claims["jti"] = fmt.Sprint(i)
		input := b64(`{"alg":"EdDSA","kid":"k"}`) + "." + b64(string(marshal(t, claims)))
		if ed25519.Verify(public, []byte(input), signature) {
			return input + "." + b64(string(signature))
		}
	}
}

// stranger is a new key of the same kind.
func stranger(t testing.TB, s signer) signer {
	t.Helper()
	for _, other := range newSigners(t) {
		if other.alg == s.alg {
			other.kid = "stranger"
			return other
		}
	}
	t.Fatalf("no signer for %s", s.alg)
	return signer{}
}

// offCurve is a P-256 key whose point is nowhere.
func offCurve(t testing.TB) map[string]any {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := k.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	point[len(point)-1] ^= 1
	return map[string]any{"kty": "EC", "crv": "P-256", "kid": "off", "x": b64(string(point[1:33])), "y": b64(string(point[33:]))}
}

// crowd is many keys that have nothing to do with the token.
func crowd(t testing.TB, n int) (keys []map[string]any) {
	t.Helper()
	for i := range n {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, signer{jws.ES256, fmt.Sprint("crowd-", i), k}.jwk(t))
	}
	return keys
}

// publicJWK is a key, under the ID k, that verify/jws would not take, as idptest publishes it.
func publicJWK(t testing.TB, public crypto.PublicKey) map[string]any {
	t.Helper()
	var k map[string]any
	if err := json.Unmarshal(idptest.Key{ID: "k", Public: public}.JWK(), &k); err != nil {
		t.Fatal(err)
	}
	delete(k, "alg")
	return k
}

// symmetric signs with a secret.
func symmetric(secret []byte, kid, payload string) string {
	input := b64(`{"alg":"HS256","kid":"`+kid+`"}`) + "." + b64(payload)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + b64(string(mac.Sum(nil)))
}
