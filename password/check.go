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

// Check is the policy for a new password: at least minLength characters (never fewer than one); not
// one of others, nor what stands before the "@" in one of them; and not among the commonest
// passwords (ASVS 5.0 6.2.4). The last two are without regard to case. Pass the username and the
// e-mail address as others; an empty one is passed over. Characters are code points of the NFC form.
// There is no rule about their mixture and no limit but MaxBytes (NIST SP 800-63B-4).
//
// The commonest passwords are some 3,300 of at least 8 characters, see the package's comment; with a
// smaller minLength, common ones that are shorter pass.
//
// It returns nil, an error that wraps ErrRejected, ErrTooLong or ErrInvalidUTF8. Of several reasons
// it gives the first, in the order above.
func Check(password string, minLength int, others ...string) error {
	text, err := normalize(password)
	if err != nil {
		return err
	}
	if minLength = max(minLength, 1); utf8.RuneCount(text) < minLength {
		return fmt.Errorf("%w: shorter than %s", ErrRejected, characters(minLength))
	}
	for _, other := range others {
		local, _, _ := strings.Cut(other, "@")
		if same(text, other) || same(text, local) {
			return fmt.Errorf("%w: it is the username or the e-mail address", ErrRejected)
		}
	}
	if isCommon(text) {
		return fmt.Errorf("%w: it is among the commonest passwords", ErrRejected)
	}
	return nil
}

func characters(n int) string {
	if n == 1 {
		return "1 character"
	}
	return fmt.Sprintf("%d characters", n)
}

// same compares a normalised password with a name as it is stored.
func same(text []byte, name string) bool {
	folded, err := normalize(name)
	return err == nil && strings.EqualFold(string(text), string(folded))
}
