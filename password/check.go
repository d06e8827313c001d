package password

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrRejected: the policy does not allow this password. The error that wraps it says why, in words
// that may be shown to the person.
var ErrRejected = errors.New("password: not allowed")

// Check is the policy for a new password: at least minLength characters (never fewer than one), and
// not one of others, nor what stands before the "@" in one of them, without regard to case. Pass the
// username and the e-mail address as others; an empty one is passed over. Characters are code
// points of the NFC form. There is no rule about their mixture and no limit but MaxBytes (NIST SP
// 800-63B-4).
//
// It returns nil, an error that wraps ErrRejected, ErrTooLong or ErrInvalidUTF8.
func Check(password string, minLength int, others ...string) error {
	text, err := normalize(password)
	if err != nil {
		return err
	}
	if minLength = max(minLength, 1); utf8.RuneCount(text) < minLength {
		return fmt.Errorf("%w: shorter than %d characters", ErrRejected, minLength)
	}
	for _, other := range others {
		local, _, _ := strings.Cut(other, "@")
		if same(text, other) || same(text, local) {
			return fmt.Errorf("%w: it is the username or the e-mail address", ErrRejected)
		}
	}
	return nil
}

// same compares a normalised password with a name as it is stored.
func same(text []byte, name string) bool {
	folded, err := normalize(name)
	return err == nil && strings.EqualFold(string(text), string(folded))
}
