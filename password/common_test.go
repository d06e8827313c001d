package password

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.String("update", "", "make common.bin from this list of passwords, one a line")

// TestCommonFile holds the file to its form. To make it anew, get the list that common names and
// run, in this folder:
//
//	go test . -run '^TestCommonFile$' -update 10-million-password-list-top-10000.txt
//
// The order of the list does not matter.
func TestCommonFile(t *testing.T) {
	const name = "common.bin"
	if *update != "" {
		if err := os.WriteFile(name, makeCommon(t, *update), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if rest := len(kept) % fingerprintBytes; rest != 0 {
		t.Fatalf("%s ends with %d bytes of a fingerprint", name, rest)
	}
	const least = 3000 // ASVS 5.0 6.2.4
	if n := len(kept) / fingerprintBytes; n < least {
		t.Errorf("%s has %d fingerprints, want at least %d", name, n, least)
	}
	before := ""
	for fingerprint := range slices.Chunk(kept, fingerprintBytes) {
		if string(fingerprint) <= before {
			t.Errorf("%s has %x after %x, want them to grow", name, fingerprint, before)
		}
		before = string(fingerprint)
	}
}

// makeCommon gives the sorted fingerprints of the passwords in the file at path that are long enough.
func makeCommon(t *testing.T, path string) []byte {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		text, err := normalize(lines.Text())
		if err != nil {
			t.Fatalf("%s: %q: %v", path, lines.Text(), err)
		}
		if utf8.RuneCount(text) >= commonChars {
			all = append(all, fingerprint(text))
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return []byte(strings.Join(slices.Compact(all), ""))
}

// fingerprints is the embedded list, taken apart.
func fingerprints() []string {
	var all []string
	for kept := range slices.Chunk([]byte(common), fingerprintBytes) {
		all = append(all, string(kept))
	}
	return all
}

func TestEveryFingerprintIsListed(t *testing.T) {
	for _, kept := range fingerprints() {
		if !listed(kept) {
			t.Errorf("listed(%x) = false, want true", kept)
		}
	}
}

// What differs from a fingerprint of the list in one bit, and what comes before the first and after
// the last, is where a search goes wrong.
func TestNothingBesideAFingerprintIsListed(t *testing.T) {
	all := fingerprints()
	set := map[string]bool{}
	for _, kept := range all {
		set[kept] = true
	}
	wanted := []string{strings.Repeat("\x00", fingerprintBytes), strings.Repeat("\xff", fingerprintBytes)}
	for _, kept := range all {
		for bit := range 8 * fingerprintBytes {
			beside := []byte(kept)
			beside[bit/8] ^= 1 << (bit % 8)
			wanted = append(wanted, string(beside))
		}
	}
	for _, wanted := range wanted {
		if got := listed(wanted); got != set[wanted] {
			t.Errorf("listed(%x) = %v, want %v", wanted, got, set[wanted])
		}
	}
}

// The digests are those of sha256sum, so that the file can be made and read by other means.
func TestFingerprint(t *testing.T) {
	tests := []struct {
		name string
		text string
		want string
	}{
		{"lower case", "password1", "0b14d501a594442a"},
		{"upper case", "PASSWORD1", "0b14d501a594442a"},
		{"composed", "caf\u00e9cafe", "467aeb498c289e30"},
		{"decomposed, upper case", "CAFE\u0301CAFE", "467aeb498c289e30"},
		{"composed by folding", "\u0130\u0301CAFECAFE", "90664f8ee31c009f"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text, err := normalize(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString([]byte(fingerprint(text))); got != test.want {
				t.Errorf("fingerprint(%q) = %s, want %s", test.text, got, test.want)
			}
		})
	}
}

func TestCommonInEveryCase(t *testing.T) {
	for _, password := range []string{"password1", "iloveyou", "qwertyuiop", "trustno1", "1qaz2wsx"} {
		for capitals := range 1 << len(password) {
			text := []byte(password)
			for i := range text {
				if capitals>>i&1 == 1 {
					copy(text[i:], bytes.ToUpper(text[i:i+1]))
				}
			}
			if !isCommon(text) {
				t.Errorf("isCommon(%q) = false, want true", text)
			}
		}
	}
}

func TestRandomPasswordsAreNotCommon(t *testing.T) {
	for range 10_000 {
		if text := rand.Text()[:12]; isCommon([]byte(text)) { // 60 bits
			t.Errorf("isCommon(%q) = true, want false", text)
		}
	}
}

// BenchmarkCheck is what the policy costs beside the hash, which takes about 27 ms.
func BenchmarkCheck(b *testing.B) {
	for name, text := range map[string]string{"allowed": "violet sofa by the window", "common": "password1"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Check(text, 8, "alice", "alice@example.com")
			}
		})
	}
}
