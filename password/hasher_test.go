package password

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/argon2"
)

// cheap is the least that argon2id is defined for, so that a test may hash often.
var cheap = Config{Memory: 8, Passes: 1}

func newHasher(t testing.TB, c Config) *Hasher {
	t.Helper()
	h, err := New(c)
	if err != nil {
		t.Fatalf("New(%+v) = %v", c, err)
	}
	return h
}

func mustHash(t testing.TB, h *Hasher, password string) string {
	t.Helper()
	encoded, err := h.Hash(t.Context(), password)
	if err != nil {
		t.Fatalf("Hash(%q) = %v", password, err)
	}
	return encoded
}

// countHashes makes h note the cost of every hash that it computes.
func countHashes(h *Hasher) *[]cost {
	var made []cost
	h.idKey = func(password, salt []byte, passes, memory uint32, lanes uint8, length uint32) []byte {
		made = append(made, cost{memory: memory, passes: passes, lanes: lanes})
		return argon2.IDKey(password, salt, passes, memory, lanes, length)
	}
	return &made
}

// The expected digests are those of the argon2 reference implementation (P-H-C/phc-winner-argon2,
// src/test.c, version 0x13, argon2id); RFC 9106 §5.3 uses a secret and associated data, which a
// stored password hash has not.
func TestReferenceVectors(t *testing.T) {
	tests := []struct {
		name     string
		cost     cost
		password string
		salt     string
		digest   string
	}{
		{"64 MiB, 2 passes", cost{65536, 2, 1}, "password", "somesalt", "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"},
		{"256 KiB, 2 passes", cost{256, 2, 1}, "password", "somesalt", "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"},
		{"256 KiB, 2 passes, 2 lanes", cost{256, 2, 2}, "password", "somesalt", "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"},
		{"64 MiB, 1 pass", cost{65536, 1, 1}, "password", "somesalt", "f6a5adc1ba723dddef9b5ac1d464e180fcd9dffc9d1cbf76cca2fed795d9ca98"},
		{"64 MiB, 4 passes", cost{65536, 4, 1}, "password", "somesalt", "9025d48e68ef7395cca9079da4c4ec3affb3c8911fe4f86d1a2520856f63172c"},
		{"another password", cost{65536, 2, 1}, "differentpassword", "somesalt", "0b84d652cf6b0c4beaef0dfe278ba6a80df6696281d7e0d2891b817d8c458fde"},
		{"another salt", cost{65536, 2, 1}, "password", "diffsalt", "bdf32b05ccc42eb15d58fd19b1f856b113da1e9a5874fdcc544308565aa8141c"},
	}
	h := newHasher(t, cheap)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			digest, err := hex.DecodeString(test.digest)
			if err != nil {
				t.Fatal(err)
			}
			encoded := stored{cost: test.cost, salt: []byte(test.salt), digest: digest}.String()
			if err := h.Verify(t.Context(), encoded, test.password); err != nil {
				t.Errorf("Verify(%q, %q) = %v, want nil", encoded, test.password, err)
			}
			if err := h.Verify(t.Context(), encoded, test.password+"x"); err != ErrMismatch {
				t.Errorf("Verify(%q, %q) = %v, want %v", encoded, test.password+"x", err, ErrMismatch)
			}
		})
	}
}

func TestHashOfTheDefaultConfig(t *testing.T) {
	h := newHasher(t, Config{})
	first, second := mustHash(t, h, "correct horse"), mustHash(t, h, "correct horse")
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(first, want) {
		t.Errorf("Hash = %q, want the prefix %q", first, want)
	}
	if first == second {
		t.Errorf("two hashes of one password are equal: %q", first)
	}
	kept, err := parse(first)
	if err != nil {
		t.Fatalf("parse(%q) = %v", first, err)
	}
	if len(kept.salt) != 16 || len(kept.digest) != 32 {
		t.Errorf("salt and digest of %d and %d bytes, want 16 and 32", len(kept.salt), len(kept.digest))
	}
	if err := h.Verify(t.Context(), second, "correct horse"); err != nil {
		t.Errorf("Verify = %v, want nil", err)
	}
}

func TestVerifyTakesThePasswordAsReceived(t *testing.T) {
	const nfc, nfd = "caf\u00e9 \u1e69", "cafe\u0301 s\u0307\u0323" // the last has its marks in another order too
	tests := []struct {
		name           string
		set, presented string
		want           error
	}{
		{"the same", "Tr0ub4dor&3", "Tr0ub4dor&3", nil},
		{"set in NFC, presented in NFD", nfc, nfd, nil},
		{"set in NFD, presented in NFC", nfd, nfc, nil},
		{"a compatibility form is another character", "\ufb01sh", "fish", ErrMismatch},
		{"upper case", "tr0ub4dor", "TR0UB4DOR", ErrMismatch},
		{"a space before", "secret", " secret", ErrMismatch},
		{"a space after", "secret", "secret ", ErrMismatch},
		{"a line end after", "secret", "secret\n", ErrMismatch},
		{"only spaces, one more", "  ", "   ", ErrMismatch},
		{"U+0000 inside", "sec\x00ret", "sec\x00ret", nil},
		{"cut at U+0000", "sec\x00ret", "sec", ErrMismatch},
		{"different after U+0000", "sec\x00ret", "sec\x00rat", ErrMismatch},
		{"U+0000 dropped", "sec\x00ret", "secret", ErrMismatch},
		{"the longest, different in the last byte", strings.Repeat("a", MaxBytes), strings.Repeat("a", MaxBytes-1) + "b", ErrMismatch},
		{"the longest", strings.Repeat("a", MaxBytes), strings.Repeat("a", MaxBytes), nil},
		{"nothing", "secret", "", ErrMismatch},
	}
	h := newHasher(t, cheap)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			encoded := mustHash(t, h, test.set)
			if err := h.Verify(t.Context(), encoded, test.presented); err != test.want {
				t.Errorf("Verify(hash of %q, %q) = %v, want %v", test.set, test.presented, err, test.want)
			}
		})
	}
}

// Every refusal and every success takes one hash; what depends on the password alone takes none.
func TestEveryAnswerCostsOneHash(t *testing.T) {
	h := newHasher(t, cheap)
	mine := mustHash(t, h, "secret")
	other := mustHash(t, newHasher(t, Config{Memory: 64, Passes: 3, Lanes: 2}), "secret")
	ours, theirs := []cost{{8, 1, 1}}, []cost{{64, 3, 2}}
	tests := []struct {
		name     string
		encoded  string
		password string
		want     error
		costs    []cost
	}{
		{"success", mine, "secret", nil, ours},
		{"mismatch", mine, "wrong", ErrMismatch, ours},
		{"mismatch, not in NFC", mine, "e\u0301", ErrMismatch, ours},
		{"success at another cost", other, "secret", nil, theirs},
		{"mismatch at another cost", other, "wrong", ErrMismatch, theirs},
		{"no password", "", "secret", ErrMismatch, ours},
		{"no password, nothing presented", "", "", ErrMismatch, ours},
		{"unreadable", "not a hash", "secret", ErrUnusable, ours},
		{"over the caps", strings.Replace(mine, "m=8,", "m=4294967295,", 1), "secret", ErrUnusable, ours},
		{"too long", mine, strings.Repeat("a", MaxBytes+1), ErrTooLong, nil},
		{"not UTF-8", mine, "secret\xff", ErrInvalidUTF8, nil},
	}
	made := countHashes(h)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			*made = nil
			if err := h.Verify(t.Context(), test.encoded, test.password); !errors.Is(err, test.want) {
				t.Errorf("Verify(%q, %.20q) = %v, want %v", test.encoded, test.password, err, test.want)
			}
			if got, want := fmt.Sprint(*made), fmt.Sprint(test.costs); got != want {
				t.Errorf("Verify(%q, %.20q) computed hashes of %s, want %s", test.encoded, test.password, got, want)
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		*made = nil
		if err := h.VerifyNobody(t.Context(), "secret"); err != ErrMismatch {
			t.Errorf("VerifyNobody = %v, want %v", err, ErrMismatch)
		}
		if got, want := fmt.Sprint(*made), fmt.Sprint(ours); got != want {
			t.Errorf("VerifyNobody computed hashes of %s, want %s", got, want)
		}
		for _, password := range []string{strings.Repeat("a", MaxBytes+1), "\xff"} {
			known, nobody := h.Verify(t.Context(), mine, password), h.VerifyNobody(t.Context(), password)
			if known != nobody {
				t.Errorf("Verify = %v but VerifyNobody = %v: the difference names the account", known, nobody)
			}
		}
	})
}

func TestHashRefuses(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	leave()
	tests := []struct {
		name     string
		ctx      context.Context
		password string
		want     error
	}{
		{"too long", t.Context(), strings.Repeat("a", MaxBytes+1), ErrTooLong},
		{"not UTF-8", t.Context(), "\xc3", ErrInvalidUTF8},
		{"surrogate half in UTF-8", t.Context(), "\xed\xa0\x80", ErrInvalidUTF8},
		{"the caller has gone", gone, "secret", context.Canceled},
	}
	h := newHasher(t, cheap)
	made := countHashes(h)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if encoded, err := h.Hash(test.ctx, test.password); encoded != "" || !errors.Is(err, test.want) {
				t.Errorf("Hash(%.20q) = %q, %v, want %v", test.password, encoded, err, test.want)
			}
		})
	}
	if len(*made) != 0 {
		t.Errorf("%d hashes were computed, want none", len(*made))
	}
}

func TestNewReportsEveryFault(t *testing.T) {
	_, err := New(Config{Memory: 1, Passes: 17, Lanes: 17, Slots: -1, MaxWait: -1, MaxWaiting: -1})
	if err == nil {
		t.Fatal("New = nil, want an error")
	}
	for _, want := range []string{"17 lanes", "17 passes", "1 KiB", "slots -1", "-1ns", "waiting callers -1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want it to name %q", err, want)
		}
	}
	for _, c := range []Config{
		{Memory: maxMemory + 1},
		{Memory: 15, Lanes: 2}, // RFC 9106 §3.1: at least 8 KiB for each lane
	} {
		if _, err := New(c); err == nil {
			t.Errorf("New(%+v) = nil, want an error", c)
		}
	}
}

func BenchmarkVerifyNobody(b *testing.B) {
	h := newHasher(b, Config{})
	for b.Loop() {
		if err := h.VerifyNobody(b.Context(), "correct horse"); err != ErrMismatch {
			b.Fatal(err)
		}
	}
}

// Peak memory is the slots' and not the callers': measured on the real algorithm by how many hashes
// overlap.
func TestManyCallersOfTheRealAlgorithm(t *testing.T) {
	const callers, slots = 40, 3
	h := newHasher(t, Config{Memory: 64, Passes: 1, Slots: slots, MaxWaiting: callers, MaxWait: 1 << 40})
	encoded := mustHash(t, h, "secret")
	var running, most atomic.Int32
	h.idKey = func(password, salt []byte, passes, memory uint32, lanes uint8, length uint32) []byte {
		now := running.Add(1)
		defer running.Add(-1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		runtime.Gosched()
		return argon2.IDKey(password, salt, passes, memory, lanes, length)
	}
	errs := make(chan error)
	for range callers {
		go func() { errs <- h.Verify(t.Context(), encoded, "secret") }()
	}
	for range callers {
		if err := <-errs; err != nil {
			t.Errorf("Verify = %v, want nil", err)
		}
	}
	if got := most.Load(); got > slots {
		t.Errorf("%d hashes ran at a time, want at most %d", got, slots)
	}
}
