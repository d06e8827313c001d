package idptest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/idptest"
)

func base64URL(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func TestMutations(t *testing.T) {
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			p := idptest.New(t, idptest.Config{Algorithm: algorithm})
			keys := fetchKeys(t, p)
			token := p.Tokens(idptest.Alice()).IDToken

			odd := idptest.NonCanonical(token)
			lax := func(s string) []byte {
				b, err := base64.RawURLEncoding.DecodeString(s[strings.LastIndexByte(s, '.')+1:])
				if err != nil {
					t.Fatalf("lax decoding of %q: %v", s, err)
				}
				return b
			}
			if odd == token || !bytes.Equal(lax(odd), lax(token)) {
				t.Errorf("NonCanonical = %q of %q, want another spelling of the same bytes", odd, token)
			}
			if err := verify(keys, odd); err == nil {
				t.Error("strict verify(NonCanonical) = nil, want an error")
			}
			for _, bit := range []int{0, 7, 100, 511, 1 << 30, -1} {
				flipped := idptest.FlipBit(2, bit)(token)
				if flipped == token {
					t.Errorf("FlipBit(2, %d) changes nothing", bit)
				}
				if err := verify(keys, flipped); err == nil {
					t.Errorf("verify(FlipBit(2, %d)) = nil, want an error", bit)
				}
				if back := idptest.FlipBit(2, bit)(flipped); back != token {
					t.Errorf("FlipBit(2, %d) twice = %q, want %q", bit, back, token)
				}
			}
			if got := p.Tokens(idptest.Alice(), idptest.Mutate(func(s string) string { return s + "\n" }), idptest.Mutate(strings.ToUpper)).IDToken; got != strings.ToUpper(got) || !strings.HasSuffix(got, "\n") {
				t.Errorf("Mutate twice = %q, want both, in their order", got)
			}
		})
	}
}

func TestMutationsOfOtherText(t *testing.T) {
	for _, text := range []string{"", ".", "..", "a.b.c", "e30.e30.", "é.é.é", "e30.e30.AAAA"} {
		for name, change := range map[string]func(string) string{
			"NonCanonical": idptest.NonCanonical, "TwinSignature": idptest.TwinSignature,
			"FlipBit(2)": idptest.FlipBit(2, 3), "FlipBit(9)": idptest.FlipBit(9, 3), "FlipBit(-1)": idptest.FlipBit(-1, 3),
		} {
			if got := change(text); len(got) != len(text) {
				t.Errorf("%s(%q) = %q, want text of the same length", name, text, got)
			}
		}
		if got := idptest.GeneralJSON(text) + idptest.FlattenedJSON(text); !strings.Contains(got, `"protected"`) {
			t.Errorf("JSON of %q = %s, want members", text, got)
		}
	}
}

func TestTwinSignature(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	token := p.Tokens(idptest.Alice()).IDToken
	twin := idptest.TwinSignature(token)
	if twin == token {
		t.Error("TwinSignature changes nothing")
	}
	if err := verify(fetchKeys(t, p), twin); err != nil {
		t.Errorf("verify(TwinSignature) = %v, want nil", err)
	}
}

func TestJSONSerialisation(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	token := p.Tokens(idptest.Alice()).IDToken
	type signed struct{ Protected, Signature string }
	var members map[string]string
	if err := json.Unmarshal([]byte(idptest.FlattenedJSON(token)), &members); err != nil {
		t.Fatal(err)
	}
	if got := members["protected"] + "." + members["payload"] + "." + members["signature"]; got != token {
		t.Errorf("FlattenedJSON holds %q, want %q", got, token)
	}
	var general struct {
		Payload    string
		Signatures []signed
	}
	if err := json.Unmarshal([]byte(idptest.GeneralJSON(token)), &general); err != nil || len(general.Signatures) != 1 {
		t.Fatalf("GeneralJSON = %+v, %v, want one signature", general, err)
	}
	if got := general.Signatures[0].Protected + "." + general.Payload + "." + general.Signatures[0].Signature; got != token {
		t.Errorf("GeneralJSON holds %q, want %q", got, token)
	}
}

func TestNested(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	inner := p.Tokens(idptest.Alice()).IDToken
	outer := p.Nested(inner)
	if err := verify(fetchKeys(t, p), outer); err != nil {
		t.Errorf("verify(Nested) = %v, want nil", err)
	}
	if got := part(t, outer, 1); got != inner {
		t.Errorf("payload = %q, want the inner token", got)
	}
	if got := part(t, outer, 0); !strings.Contains(got, `"cty":"JWT"`) {
		t.Errorf("header = %s, want cty JWT", got)
	}
}

func TestEncryptedShapes(t *testing.T) {
	for _, test := range []struct {
		name, token, header string
		atMost              int
	}{
		{"zip bomb", idptest.ZipBomb(10), `"zip":"DEF"`, 16 << 10},
		{"PBES2", idptest.SlowPBES2(), `"p2c":2147483647`, 1 << 10},
	} {
		parts := strings.Split(test.token, ".")
		if len(parts) != 5 || len(test.token) > test.atMost {
			t.Fatalf("%s: %d parts, %d bytes, want 5 and at most %d", test.name, len(parts), len(test.token), test.atMost)
		}
		header, err := decodePart(parts[0])
		if err != nil || !json.Valid(header) || !strings.Contains(string(header), test.header) {
			t.Errorf("%s: header = %s, %v, want %s in it", test.name, header, err, test.header)
		}
		for i, part := range parts {
			if _, err := decodePart(part); err != nil {
				t.Errorf("%s: part %d: %v, want base64url", test.name, i, err)
			}
		}
	}
}
