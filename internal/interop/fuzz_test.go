package interop

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// FuzzTokens holds the law of verify/jws: what we accept, go-jose and golang-jwt accept too, with the same payload and
// the same key. The header and the payload are signed as they come; then the text of the token is cut at a position,
// some characters are dropped and others put in.
func FuzzTokens(f *testing.F) {
	signers := newSigners(f)
	p := newParties(f, keySetOf(f, signers))
	strangers := newSigners(f)
	for i := range signers {
		fill := fillHeader(f, signers, i, strangers[i])
		for _, h := range headers {
			if len(h.header) < 4000 {
				f.Add(uint8(i), fill.Replace(h.header), `{"sub":"alice"}`, uint16(0), uint8(0), "")
			}
		}
		for _, pl := range payloads {
			f.Add(uint8(i), signers[i].header(), pl.payload, uint16(0), uint8(0), "")
		}
		for cut := range uint16(12) {
			f.Add(uint8(i), signers[i].header(), "{}", cut*16, uint8(1), "A")
			f.Add(uint8(i), signers[i].header(), "{}", cut*16, uint8(0), "\n")
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, header, payload string, cut uint16, drop uint8, put string) {
		token := signers[int(which)%len(signers)].token(t, header, payload)
		at := int(cut) % (len(token) + 1)
		token = token[:at] + put + token[min(at+int(drop), len(token)):]
		own := p.oursSignature(token)
		if own.err != nil {
			return
		}
		if theirs := p.goJoseSignature(token); !readsMore(token, "jwk", "x5c", "nonce") && !saysEd25519(token) {
			agree(t, token, goJose, own, theirs)
		}
		if theirs := p.golangJWTSignature(token); isJSONObject(own.payload) && !saysEd25519(token) {
			agree(t, token, golangJWT, own, theirs)
		}
	})
}

func agree(t *testing.T, token, name string, own, theirs verdict) {
	t.Helper()
	if theirs.err != nil {
		t.Errorf("we accept %q, %s says %v", token, name, theirs.err)
		return
	}
	if !bytes.Equal(theirs.payload, own.payload) || !sameKey(own.key, theirs.key) {
		t.Errorf("of %q we read %q under %v, %s %q under %v", token, own.payload, own.key, name, theirs.payload, theirs.key)
	}
}

// readsMore reports whether the header has a member that a library reads and we ignore: about those the lists speak.
func readsMore(token string, names ...string) bool {
	members := headerOf(token)
	return slices.ContainsFunc(names, func(name string) bool { _, present := members[name]; return present })
}

// saysEd25519 is the other listed exception.
func saysEd25519(token string) bool { return headerOf(token)["alg"] == "Ed25519" }

func headerOf(token string) map[string]any {
	protected, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(protected)
	if err != nil {
		return nil
	}
	members, err := strictjson.ParseObject(text)
	if err != nil {
		return nil
	}
	return members
}

func isJSONObject(payload []byte) bool {
	var members map[string]any
	return json.Unmarshal(payload, &members) == nil
}

// FuzzAccessTokens holds the law of verify/accesstoken: what we accept, go-jose and golang-jwt accept with the same
// expectations.
func FuzzAccessTokens(f *testing.F) {
	signers := newSigners(f)
	p := newParties(f, keySetOf(f, signers))
	s := signers[slices.IndexFunc(signers, func(s signer) bool { return s.alg == jws.EdDSA })]
	for _, c := range spoiltClaims {
		claims := goodClaims()
		if claims[c.claim] = c.value; c.value == absent {
			delete(claims, c.claim)
		}
		f.Add(string(marshal(f, claims)))
	}
	for _, pl := range spoiltPayloads {
		f.Add(pl.change(string(marshal(f, goodClaims()))))
	}
	f.Fuzz(func(t *testing.T, payload string) {
		token := s.token(t, s.header(), payload)
		if own := p.oursClaims(token); own.err != nil {
			return
		}
		if theirs := p.goJoseClaims(token); theirs.err != nil {
			t.Errorf("we accept %q, go-jose says %v", payload, theirs.err)
		}
		if theirs := p.golangJWTClaims(token); theirs.err != nil {
			t.Errorf("we accept %q, golang-jwt says %v", payload, theirs.err)
		}
	})
}

// FuzzKeys holds the law of JWKs: a key that we keep, go-jose reads as the same key with the same thumbprint.
func FuzzKeys(f *testing.F) {
	for _, v := range keyVariants(f, newSigners(f)) {
		f.Add(v.input)
	}
	f.Fuzz(func(t *testing.T, text string) {
		own := oursKey(text)
		if own.err != nil || beyondGoJose(text) {
			return
		}
		theirs := goJoseKey(text)
		if theirs.err != nil || !sameKey(own.key, theirs.key) {
			t.Errorf("of %q we read %v, go-jose %v, %v", text, own.key, theirs.key, theirs.err)
		}
	})
}

// beyondGoJose reports the listed differences: members that go-jose reads and we ignore, and large RSA keys.
func beyondGoJose(text string) bool {
	members, err := strictjson.ParseObject([]byte(text))
	if err != nil {
		return true // several keys, which only a set can hold
	}
	for _, name := range []string{"x5c", "x5u", "x5t", "x5t#S256", "pub", "priv"} {
		if _, present := members[name]; present {
			return true
		}
	}
	n, _ := members["n"].(string)
	return len(n) > 4096/6+1
}
