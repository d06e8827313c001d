package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"testing"
)

func TestQuickRSA(t *testing.T) {
	key, err := newQuickRSA()
	if err != nil {
		t.Fatal(err)
	}
	if bits := key.public.N.BitLen(); bits != 2048 {
		t.Errorf("the modulus has %d bits, want 2048", bits)
	}
	for _, text := range []string{"", "a", "another"} {
		digest := sha256.Sum256([]byte(text))
		signature, err := key.Sign(nil, digest[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if err := rsa.VerifyPKCS1v15(key.public, crypto.SHA256, digest[:], signature); err != nil {
			t.Errorf("the signature of %q: %v", text, err)
		}
	}
}

func TestQuickRSASignsNothingElse(t *testing.T) {
	key, err := newQuickRSA()
	if err != nil {
		t.Fatal(err)
	}
	for name, opts := range map[string]crypto.SignerOpts{"SHA-512": crypto.SHA512, "PSS": &rsa.PSSOptions{Hash: crypto.SHA256}} {
		if _, err := key.Sign(nil, make([]byte, sha256.Size), opts); err == nil {
			t.Errorf("Sign with %s = nil, want an error", name)
		}
	}
}
