package password

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// FuzzPassword holds the law of passwords: a hash is matched by the text that it was made of, in either normal form, and
// by nothing else. Nothing is trimmed, folded or cut, and U+0000 counts.
func FuzzPassword(f *testing.F) {
	h := newHasher(f, cheap)
	for _, p := range []string{"correct horse", "", " ", "é", "e\u0301", "Å", "\u212b", "K", "\u212a", "\ufb01", "\uff21", "a\x00b", "\xff", strings.Repeat("x", MaxBytes), strings.Repeat("x", MaxBytes+1)} {
		for _, other := range []string{p, p + " ", " " + p, p + "\x00", strings.ToUpper(p), norm.NFD.String(p), norm.NFKC.String(p), p + "x"} {
			f.Add(p, other)
		}
	}
	f.Fuzz(func(t *testing.T, secret, other string) {
		encoded, err := h.Hash(t.Context(), secret)
		if possible := len(secret) <= MaxBytes && utf8.ValidString(secret); (err == nil) != possible {
			t.Fatalf("Hash(%q) = %v, want possible = %v", secret, err, possible)
		}
		if err != nil {
			return
		}
		same := utf8.ValidString(other) && len(other) <= MaxBytes && norm.NFC.String(other) == norm.NFC.String(secret)
		if err := h.Verify(t.Context(), encoded, other); (err == nil) != same {
			t.Errorf("Verify(hash of %q, %q) = %v, want a match = %v", secret, other, err, same)
		}
	})
}
