package password

import (
	"runtime"
	"strings"
	"testing"
)

// A readable hash, its parts exchanged one at a time.
const (
	goodCost   = "m=8,t=1,p=1"
	goodSalt   = "AAECAwQFBgcICQoLDA0ODw"
	goodDigest = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
)

func phc(cost, salt, digest string) string {
	return "$argon2id$v=19$" + cost + "$" + salt + "$" + digest
}

// zeros is the base64 of n zero bytes.
func zeros(n int) string { return encoding.EncodeToString(make([]byte, n)) }

var storedTests = []struct {
	name     string
	encoded  string
	readable bool
}{
	{"good", phc(goodCost, goodSalt, goodDigest), true},
	{"at the caps", phc("m=262144,t=16,p=16", goodSalt, goodDigest), true},
	{"memory over the cap", phc("m=262145,t=1,p=1", goodSalt, goodDigest), false},
	{"memory of 4 TiB", phc("m=4294967295,t=1,p=1", goodSalt, goodDigest), false},
	{"memory beyond 32 bits", phc("m=4294967304,t=1,p=1", goodSalt, goodDigest), false},
	{"memory under 8 KiB a lane", phc("m=15,t=1,p=2", goodSalt, goodDigest), false},
	{"no memory", phc("m=0,t=1,p=1", goodSalt, goodDigest), false},
	{"passes over the cap", phc("m=8,t=17,p=1", goodSalt, goodDigest), false},
	{"no passes", phc("m=8,t=0,p=1", goodSalt, goodDigest), false},
	{"lanes over the cap", phc("m=1024,t=1,p=17", goodSalt, goodDigest), false},
	{"lanes beyond 8 bits", phc("m=8,t=1,p=257", goodSalt, goodDigest), false},
	{"no lanes", phc("m=8,t=1,p=0", goodSalt, goodDigest), false},
	{"shortest salt", phc(goodCost, zeros(8), goodDigest), true},
	{"salt too short", phc(goodCost, zeros(7), goodDigest), false},
	{"longest salt", phc(goodCost, zeros(64), goodDigest), true},
	{"salt too long", phc(goodCost, zeros(65), goodDigest), false},
	{"no salt", phc(goodCost, "", goodDigest), false},
	{"shortest digest", phc(goodCost, goodSalt, zeros(16)), true},
	{"digest too short", phc(goodCost, goodSalt, zeros(15)), false},
	{"longest digest", phc(goodCost, goodSalt, zeros(64)), true},
	{"digest too long", phc(goodCost, goodSalt, zeros(65)), false},
	{"no digest", phc(goodCost, goodSalt, ""), false},
	{"digest left out", "$argon2id$v=19$" + goodCost + "$" + goodSalt, false},
	{"a field more", phc(goodCost, goodSalt, goodDigest) + "$", false},
	{"text before", "x" + phc(goodCost, goodSalt, goodDigest), false},
	{"empty", "", false},
	{"spaces", "   ", false},
	{"Django's marker of no password", "!" + goodSalt, false},
	{"Django's name", "argon2" + phc(goodCost, goodSalt, goodDigest), false},
	{"bcrypt", "$2b$12$" + strings.Repeat("a", 53), false},
	{"argon2i", strings.Replace(phc(goodCost, goodSalt, goodDigest), "argon2id", "argon2i", 1), false},
	{"argon2d", strings.Replace(phc(goodCost, goodSalt, goodDigest), "argon2id", "argon2d", 1), false},
	{"upper case", strings.Replace(phc(goodCost, goodSalt, goodDigest), "argon2id", "ARGON2ID", 1), false},
	{"version 16", strings.Replace(phc(goodCost, goodSalt, goodDigest), "v=19", "v=16", 1), false},
	{"no version", strings.Replace(phc(goodCost, goodSalt, goodDigest), "v=19$", "", 1), false},
	{"another order", phc("t=1,m=8,p=1", goodSalt, goodDigest), false},
	{"a parameter more", phc("m=8,t=1,p=1,keyid=AA", goodSalt, goodDigest), false},
	{"a parameter less", phc("m=8,t=1", goodSalt, goodDigest), false},
	{"leading zero", phc("m=08,t=1,p=1", goodSalt, goodDigest), false},
	{"plus sign", phc("m=+8,t=1,p=1", goodSalt, goodDigest), false},
	{"minus sign", phc("m=8,t=-1,p=1", goodSalt, goodDigest), false},
	{"hexadecimal", phc("m=0x8,t=1,p=1", goodSalt, goodDigest), false},
	{"underscore", phc("m=1_0,t=1,p=1", goodSalt, goodDigest), false},
	{"a space", phc("m=8, t=1,p=1", goodSalt, goodDigest), false},
	{"padding", phc(goodCost, goodSalt+"==", goodDigest), false},
	{"URL alphabet", phc(goodCost, "-_ECAwQFBgcICQoLDA0ODw", goodDigest), false},
	{"line end in the salt", phc(goodCost, goodSalt[:4]+"\n"+goodSalt[4:], goodDigest), false},
	{"line end at the end", phc(goodCost, goodSalt, goodDigest) + "\n", false},
	{"stray low bits", phc(goodCost, goodSalt[:21]+"x", goodDigest), false},
	{"very long", phc(goodCost, goodSalt, strings.Repeat("A", 1<<20)), false},
}

func TestParseStoredHash(t *testing.T) {
	for _, test := range storedTests {
		t.Run(test.name, func(t *testing.T) {
			kept, err := parse(test.encoded)
			if readable := err == nil; readable != test.readable {
				t.Fatalf("parse(%.120q) = %v, want readable %v", test.encoded, err, test.readable)
			}
			if err == nil && kept.String() != test.encoded {
				t.Errorf("parse(%q) = %q, want the same again", test.encoded, kept)
			}
		})
	}
}

// The reasons end in logs and audit events.
func TestReasonsQuoteNoHash(t *testing.T) {
	for _, test := range storedTests {
		_, err := parse(test.encoded)
		if err != nil && (strings.Contains(err.Error(), goodSalt[:8]) || strings.Contains(err.Error(), goodDigest[:8])) {
			t.Errorf("parse(%.120q) = %v, which quotes the hash", test.encoded, err)
		}
	}
}

// FuzzStoredHash holds the law of a stored hash: the one that was made is matched, nothing else is,
// what is accepted is within the caps and has one spelling, and reading allocates next to nothing.
func FuzzStoredHash(f *testing.F) {
	const secret = "correct horse"
	h := newHasher(f, cheap)
	// Under a fixed salt, because every worker process of the fuzzer makes its own.
	kept := stored{cost: h.cost, salt: []byte("0123456789abcdef")}
	kept.digest = h.idKey([]byte(secret), kept.salt, kept.passes, kept.memory, kept.lanes, digestBytes)
	good := kept.String()
	for _, test := range storedTests {
		f.Add(test.encoded)
	}
	f.Add(good)
	for cut := range len(good) {
		f.Add(good[:cut])
	}
	kept.digest = kept.digest[:minDigestBytes] // a shorter digest is not the beginning of a longer one
	f.Add(kept.String())

	f.Fuzz(func(t *testing.T, encoded string) {
		before := allocated()
		s, err := parse(encoded)
		if grown := allocated() - before; grown > 64<<10 {
			t.Errorf("parse(%.120q) allocated %d bytes", encoded, grown)
		}
		if err == nil {
			if s.String() != encoded {
				t.Errorf("parse(%q) = %q, want the same again", encoded, s)
			}
			if s.memory > maxMemory || s.passes > maxPasses || s.lanes > maxLanes || len(s.salt) < minSaltBytes || len(s.digest) < minDigestBytes {
				t.Errorf("parse(%q) = %+v, beyond the caps", encoded, s)
			}
			if uint64(s.memory)*uint64(s.passes) > 1024 {
				return // within the caps, and too slow to compute for each input
			}
		}
		if err := h.Verify(t.Context(), encoded, secret); (err == nil) != (encoded == good) {
			t.Errorf("Verify(%q) = %v; the hash that was made is %q", encoded, err, good)
		}
	})
}

// allocated gives the bytes that this process has allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
