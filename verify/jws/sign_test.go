package jws_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

func TestSign(t *testing.T) {
	for alg, signer := range signers() {
		t.Run(string(alg), func(t *testing.T) {
			k := newKey(t, "", signer)
			for range 50 { // r and s begin with a zero byte now and then
				token, err := jws.Sign(signer, jws.SignHeader{KeyID: k.ID(), Type: "at+jwt"}, []byte("payload"))
				if err != nil {
					t.Fatal(err)
				}
				u, err := jws.Parse(token, maxBytes)
				if err != nil {
					t.Fatalf("Parse(%q) = %v", token, err)
				}
				if want := (jws.Header{Algorithm: alg, KeyID: k.ID(), HasKeyID: true, Type: "at+jwt"}); u.Header != want {
					t.Fatalf("header = %+v, want %+v", u.Header, want)
				}
				if err := u.Verify(k); err != nil || string(u.Payload()) != "payload" {
					t.Fatalf("Verify(%q) = %v", token, err)
				}
				if alg == jws.RS256 {
					break
				}
			}
		})
	}
}

func TestSignLeavesOutWhatIsEmpty(t *testing.T) {
	token, err := jws.Sign(signers()[jws.ES256], jws.SignHeader{}, []byte("payload"))
	if err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(token, ".")
	if got, want := string(unb64(t, header)), `{"alg":"ES256"}`; got != want {
		t.Errorf("header = %s, want %s", got, want)
	}
}

func TestSignKeepsTheKeyID(t *testing.T) {
	const id = "a\"b\\c<d>\u2028é"
	token, err := jws.Sign(signers()[jws.ES256], jws.SignHeader{KeyID: id}, []byte("payload"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify(token, newKey(t, id, signers()[jws.ES256])); err != nil {
		t.Errorf("verify = %v", err)
	}
}

// badSigner returns what a broken remote signer might.
type badSigner struct {
	crypto.Signer
	signature []byte
	err       error
}

func (s badSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return s.signature, s.err
}

func TestSignRefuses(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := signers()[jws.ES256]
	down := errors.New("signer is down")
	tests := []struct {
		name    string
		signer  crypto.Signer
		header  jws.SignHeader
		payload string
		want    error
	}{
		{"P-384", p384, jws.SignHeader{}, "payload", jws.ErrUnusableKey},
		{"long key ID", good, jws.SignHeader{KeyID: strings.Repeat("k", 257)}, "payload", jws.ErrUnusableKey},
		{"key ID not UTF-8", good, jws.SignHeader{KeyID: "\xff"}, "payload", jws.ErrMalformed},
		{"type not UTF-8", good, jws.SignHeader{Type: "\xff"}, "payload", jws.ErrMalformed},
		{"empty payload", good, jws.SignHeader{}, "", jws.ErrMalformed},
		{"signer fails", badSigner{Signer: good, err: down}, jws.SignHeader{}, "payload", down},
		{"signer returns nothing", badSigner{Signer: good}, jws.SignHeader{}, "payload", jws.ErrSignature},
		{"signer returns text", badSigner{Signer: good, signature: []byte("signature")}, jws.SignHeader{}, "payload", jws.ErrSignature},
		{"signer returns a negative r", badSigner{Signer: good, signature: []byte{0x30, 6, 2, 1, 0xff, 2, 1, 1}}, jws.SignHeader{}, "payload", jws.ErrSignature},
		{"signer returns a huge r", badSigner{Signer: good, signature: append(append([]byte{0x30, 40, 2, 35, 1}, make([]byte, 34)...), 2, 1, 1)}, jws.SignHeader{}, "payload", jws.ErrSignature},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if token, err := jws.Sign(tt.signer, tt.header, []byte(tt.payload)); token != "" || !errors.Is(err, tt.want) {
				t.Errorf("Sign = %q, %v, want %v", token, err, tt.want)
			}
		})
	}
}
