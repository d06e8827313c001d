package jws_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// FuzzParseCompact: what is accepted has one spelling, and its header says the same to encoding/json.
func FuzzParseCompact(f *testing.F) {
	signer := signers()[jws.ES256]
	for _, tt := range badHeaders {
		f.Add(mint(f, signer, tt.header, "payload"))
	}
	for alg, signer := range signers() {
		f.Add(mint(f, signer, `{"alg":"`+string(alg)+`","kid":"k","typ":"at+jwt"}`, `{"sub":"alice"}`))
	}
	f.Add("e30.e30.AB")
	f.Add("e30.e30.AA\n")
	f.Fuzz(func(t *testing.T, token string) {
		u, err := jws.Parse(token, maxBytes)
		if err != nil {
			if u != nil {
				t.Errorf("Parse(%q) = %v beside an error", token, u)
			}
			return
		}
		parts := strings.Split(token, ".")
		if len(parts) != 3 {
			t.Fatalf("Parse(%q) accepts %d parts", token, len(parts))
		}
		for _, p := range parts {
			b, err := base64.RawURLEncoding.DecodeString(p)
			if err != nil || base64.RawURLEncoding.EncodeToString(b) != p {
				t.Errorf("Parse(%q) accepts another spelling of %q", token, b)
			}
		}
		if got := u.SigningInput() + "." + parts[2]; got != token {
			t.Errorf("signing input and signature of %q = %q", token, got)
		}
		sameHeader(t, parts[0], u.Header)
	})
}

// sameHeader compares with the members by their exact names, and asks for those that no token may have.
func sameHeader(t *testing.T, protected string, h jws.Header) {
	t.Helper()
	var members map[string]any
	text := unb64(t, protected)
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatalf("header %q is accepted, encoding/json says %v", text, err)
	}
	algorithms := map[any]jws.Algorithm{"ES256": jws.ES256, "EdDSA": jws.EdDSA, "Ed25519": jws.EdDSA, "RS256": jws.RS256}
	if alg, known := algorithms[members["alg"]]; !known || alg != h.Algorithm {
		t.Errorf("header %q is accepted with the algorithm %q", text, h.Algorithm)
	}
	kid, hasKID := members["kid"]
	if hasKID != h.HasKeyID || hasKID && kid != h.KeyID || len(h.KeyID) > 256 {
		t.Errorf("header %q is accepted with the key ID %q, present: %v", text, h.KeyID, h.HasKeyID)
	}
	if typ, present := members["typ"]; present && typ != h.Type || !present && h.Type != "" {
		t.Errorf("header %q is accepted with the type %q", text, h.Type)
	}
	for _, name := range []string{"crit", "b64", "zip"} {
		if _, present := members[name]; present {
			t.Errorf("header %q is accepted with %s", text, name)
		}
	}
}

// FuzzES256 holds the check of r‖s: whatever 32 bytes stand for s, there is a key under which the signature is right, so it
// must be accepted when 0 < s < n, and must not when s is beyond n and only equal to such a one modulo n.
func FuzzES256(f *testing.F) {
	const input = "eyJhbGciOiJFUzI1NiJ9.cGF5bG9hZA" // {"alg":"ES256"} and payload
	n := p256Order
	nonces := noncesByFirstByte(f, 0x00, 0x7f, 0x80, 0xff)
	for which := range uint8(4) {
		for _, first := range []byte{0x00, 0x01, 0x7f, 0x80, 0xff} {
			f.Add(append([]byte{first}, bytes.Repeat([]byte{0x55}, 31)...), which)
		}
		f.Add([]byte{}, which)
		f.Add([]byte{0x80}, which)
		f.Add(append(make([]byte, 31), 1), which)
		f.Add(n.Bytes(), which)
		f.Add(new(big.Int).Sub(n, big.NewInt(1)).Bytes(), which)
		f.Add(new(big.Int).Add(n, big.NewInt(1)).Bytes(), which)
		f.Add(bytes.Repeat([]byte{0xff}, 32), which)
	}
	f.Fuzz(func(t *testing.T, text []byte, which uint8) {
		half := make([]byte, 32)
		copy(half, text)
		s := new(big.Int).SetBytes(half)
		r, k := keyOfSignature(nonces[int(which)%len(nonces)], s, input)
		if k == nil {
			return // the one s in 2^256 that needs the private key 0
		}
		_, err := verify(input+"."+b64(string(r)+string(half)), k)
		if want := s.Sign() > 0 && s.Cmp(n) < 0; (err == nil) != want {
			t.Errorf("verify of r %x, s %x = %v, want ok = %v", r, half, err, want)
		}
	})
}

// noncesByFirstByte finds nonces whose r begins with each of the bytes.
func noncesByFirstByte(t testing.TB, first ...byte) (nonces [][]byte) {
	t.Helper()
	for _, b := range first {
		for i := int64(1); ; i++ {
			nonce := big.NewInt(i).FillBytes(make([]byte, 32))
			if r := xOf(nonce); r[0] == b {
				nonces = append(nonces, nonce)
				break
			}
		}
	}
	return nonces
}

// xOf is the x coordinate of a multiple of the base point of P-256, which an [*ecdsa.PrivateKey] computes for us.
func xOf(scalar []byte) []byte {
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return make([]byte, 32)
	}
	point, err := k.PublicKey.Bytes()
	if err != nil {
		return make([]byte, 32)
	}
	return point[1:33]
}

// keyOfSignature solves s = (e + r·d)/k of FIPS 186-5 §6.4.1 for the private key d.
func keyOfSignature(nonce []byte, s *big.Int, input string) (r []byte, k *jws.Key) {
	n := p256Order
	r = xOf(nonce)
	digest := sha256.Sum256([]byte(input))
	d := new(big.Int).Mul(s, new(big.Int).SetBytes(nonce))
	d.Sub(d, new(big.Int).SetBytes(digest[:]))
	d.Mul(d, new(big.Int).ModInverse(new(big.Int).SetBytes(r), n)).Mod(d, n)
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d.FillBytes(make([]byte, 32)))
	if err != nil {
		return nil, nil
	}
	k, _ = jws.NewKey("k", private.Public())
	return r, k
}

// FuzzVerifyMutated: a good token with any one byte changed, added or taken out is refused.
func FuzzVerifyMutated(f *testing.F) {
	type good struct {
		token string
		key   *jws.Key
	}
	var tokens []good
	for _, alg := range []jws.Algorithm{jws.ES256, jws.EdDSA, jws.RS256} {
		signer := signers()[alg]
		token := mint(f, signer, `{"alg":"`+string(alg)+`","kid":"k","typ":"at+jwt"}`, `{"sub":"alice"}`)
		tokens = append(tokens, good{token, newKey(f, "k", signer)})
		for i := range len(token) {
			f.Add(uint8(len(tokens)-1), uint8(0), uint16(i), token[i]^1)
		}
	}
	f.Fuzz(func(t *testing.T, which, operation uint8, position uint16, b byte) {
		g := tokens[int(which)%len(tokens)]
		i := int(position) % len(g.token)
		var changed string
		switch operation % 3 {
		case 0:
			changed = g.token[:i] + string([]byte{b}) + g.token[i+1:]
		case 1:
			changed = g.token[:i] + string([]byte{b}) + g.token[i:]
		case 2:
			changed = g.token[:i] + g.token[i+1:]
		}
		payload, err := verify(changed, g.key)
		if (err == nil) != (changed == g.token) {
			t.Errorf("verify(%q) = %q, %v; the good token is %q", changed, payload, err, g.token)
		}
	})
}

// FuzzKeySet: what is kept of any text is at most 100 keys, each usable by rules that are written down here once more,
// without a private half beside it, and the same again when it is published.
func FuzzKeySet(f *testing.F) {
	for _, jwk := range []string{rfc7515RSA, rfc7515EC, rfc7515P521, rfc7520RSA, rfc8037, rfc7638} {
		f.Add([]byte(`{"keys":[` + jwk + `]}`))
	}
	for _, tt := range unusableKeys {
		jwk := jwkOf(f, tt.alg)
		tt.change(jwk)
		set, err := json.Marshal(map[string]any{"keys": []any{jwk, jwkOf(f, jws.EdDSA)}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(set)
	}
	f.Add([]byte(`{"keys":[` + strings.Repeat(rfc8037+",", 100) + rfc8037 + `]}`))
	f.Fuzz(func(t *testing.T, set []byte) {
		keys, err := jws.ParseKeySet(set)
		if (err == nil) != (len(keys) > 0) || len(keys) > 100 {
			t.Fatalf("ParseKeySet(%q) = %d keys, %v", set, len(keys), err)
		}
		if err != nil {
			return
		}
		var document map[string]any
		if err := json.Unmarshal(set, &document); err != nil {
			t.Fatalf("ParseKeySet(%q) accepts what encoding/json refuses: %v", set, err)
		}
		if public := withoutPrivateMembers(document["keys"]); len(keys) > public {
			t.Errorf("ParseKeySet(%q) keeps %d keys, and only %d are public", set, len(keys), public)
		}
		for _, k := range keys {
			if !usable(k.Public()) || k.ID() == "" || len(k.ID()) > 256 {
				t.Errorf("ParseKeySet(%q) keeps the unusable key %q %v", set, k.ID(), k.Public())
			}
			publishedAgain(t, k)
		}
	})
}

// withoutPrivateMembers counts the entries that could be public keys.
func withoutPrivateMembers(keys any) (n int) {
	entries, _ := keys.([]any)
	for _, e := range entries {
		members, isObject := e.(map[string]any)
		private := slices.ContainsFunc([]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}, func(name string) bool {
			_, present := members[name]
			return present
		})
		if isObject && !private {
			n++
		}
	}
	return n
}

// usable is RFC 7518 §3.3 and §3.4, RFC 8037 §2 and FIPS 186-5 §A.1.1, asked of other code than ours.
func usable(public crypto.PublicKey) bool {
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		_, err := p.ECDH() // fails off the curve and at infinity
		return err == nil && p.Params().Name == "P-256"
	case ed25519.PublicKey:
		return len(p) == ed25519.PublicKeySize
	case *rsa.PublicKey:
		return p.N.BitLen() >= 2048 && p.N.BitLen() <= 8192 && p.N.Bit(0) == 1 && p.E >= 65537 && p.E%2 == 1
	}
	return false
}

func publishedAgain(t *testing.T, k *jws.Key) {
	t.Helper()
	published, err := json.Marshal(k.JWK())
	if err != nil {
		t.Fatal(err)
	}
	members, err := strictjson.ParseObject(published)
	if err != nil {
		t.Fatalf("JWK() of a kept key is not strict JSON: %s: %v", published, err)
	}
	again, err := jws.ParseKey(members)
	if err != nil || again.ID() != k.ID() || again.Algorithm() != k.Algorithm() {
		t.Fatalf("ParseKey(%s) = %v, %v, want the key it came from", published, again, err)
	}
}
