package password

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"sort"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// fingerprintBytes is how much of a SHA-256 digest is kept: at 64 bits, a password that is not on
// the list is taken for one that is once in about 5·10^15.
const fingerprintBytes = 8

// commonChars is the shortest password on the list, in characters: the least that a policy should
// ask for (ASVS 5.0 6.2.1), so that what is shorter is refused for its length.
const commonChars = 8

// common is the fingerprints of the commonest passwords (ASVS 5.0 6.2.4 wants the 3,000 commonest
// that meet the policy), sorted, with nothing between them. They are those of at least commonChars
// characters among the 10,000 commonest of
//
//	github.com/danielmiessler/SecLists, Passwords/Common-Credentials/10-million-password-list-top-10000.txt
//	(commit 74d9d3259d82c441c1217104cb7debd5912178b6; MIT License, Copyright (c) Daniel Miessler)
//
// which counts the ten million passwords that Mark Burnett released to the public domain in 2015. A
// list of passwords itself is not part of the project; TestCommonFile makes the file from one.
//
// It is a string because it is searched where the linker has put it: nothing is decoded at start,
// and nothing can write to it.
//
//go:embed common.bin
var common string

// isCommon reports whether a normalised password is on the list, without regard to case.
func isCommon(text []byte) bool { return listed(fingerprint(text)) }

// fingerprint gives what the list keeps of a normalised password: the first bytes of the SHA-256 of
// its lower case, which is normalised again because folding may undo that.
func fingerprint(text []byte) string {
	digest := sha256.Sum256(norm.NFC.Bytes(bytes.ToLower(text)))
	return string(digest[:fingerprintBytes])
}

// listed searches the list. How long it takes tells of the digest, not of the password.
func listed(wanted string) bool {
	_, found := sort.Find(len(common)/fingerprintBytes, func(i int) int {
		return strings.Compare(wanted, common[i*fingerprintBytes:][:fingerprintBytes])
	})
	return found
}
