package jws_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// FuzzParseCompact: what is accepted has one spelling.
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
		if u.Header.Algorithm != jws.ES256 && u.Header.Algorithm != jws.EdDSA && u.Header.Algorithm != jws.RS256 {
			t.Errorf("Parse(%q) accepts the algorithm %q", token, u.Header.Algorithm)
		}
	})
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
