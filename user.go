package sallyport

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// User is somebody who can sign in.
type User struct {
	ID            ID             `json:"id"`
	Username      string         `json:"username"`       // unique without regard to case, together with Email
	Email         string         `json:"email"`          // may be empty
	EmailVerified bool           `json:"email_verified"` // a provider or an operator vouches for Email
	FirstName     string         `json:"first_name"`
	LastName      string         `json:"last_name"`
	IsActive      bool           `json:"is_active"` // an inactive user can neither sign in nor refresh
	Groups        []string       `json:"groups"`
	Attributes    map[string]any `json:"attributes"` // a JSON object of the application's own
	CreatedAt     time.Time      `json:"created_at"`
	UpdatedAt     time.Time      `json:"updated_at"`
}

// Credential is what a store keeps to check a user's password.
type Credential struct {
	// Hash is an encoded password hash (package password), or "" for a user who has no password.
	Hash string
	// Version rises with every change of the password and of IsActive, with a link by the address, and when an identity
	// is removed. A session is started only under the version that was checked, so a sign-in that races with a change
	// loses.
	Version int64
	// EmailProved: the user's e-mail address was verified by an operator, or by a provider who is authoritative for it. Only
	// then may it link an identity.
	EmailProved bool
	// KnownAddress: the user has signed in from the address that was asked about.
	KnownAddress bool
}

// userFields are the names that claims.user_attributes and user_fields resolve before they
// look into Attributes.
var userFields = map[string]func(*User) any{
	"id":             func(u *User) any { return u.ID.String() },
	"username":       func(u *User) any { return u.Username },
	"email":          func(u *User) any { return u.Email },
	"email_verified": func(u *User) any { return u.EmailVerified },
	"first_name":     func(u *User) any { return u.FirstName },
	"last_name":      func(u *User) any { return u.LastName },
	"is_active":      func(u *User) any { return u.IsActive },
	"groups":         func(u *User) any { return nonNil(u.Groups) },
}

// Field gives a user field by its JSON name, else the key of Attributes with that name, else nil.
func (u *User) Field(name string) any {
	if field, ok := userFields[name]; ok {
		return field(u)
	}
	return u.Attributes[name]
}

func (u *User) fields(names []string) map[string]any {
	out := make(map[string]any, len(names))
	for _, name := range names {
		out[name] = u.Field(name)
	}
	return out
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// FoldName gives the spelling under which a username or an e-mail address is unique: lower case, in
// Unicode's normal form NFC. In a name with an "@" only ASCII letters are folded and nothing is
// normalised, so that no character that merely looks like another, or turns into it (the Kelvin
// sign does, in NFC), makes two addresses one. FoldName(FoldName(s)) == FoldName(s), and no name
// gains an "@".
func FoldName(name string) string {
	if strings.Contains(name, "@") {
		return strings.Map(lowerASCII, name)
	}
	return norm.NFC.String(strings.Map(unicode.ToLower, norm.NFC.String(name)))
}

func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

const (
	maxNameLen  = 150 // characters, as Django's
	maxEmailLen = 254 // bytes: RFC 5321 §4.5.3.1.3 less the angle brackets
)

func checkUsername(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return errors.New("username is empty")
	case utf8.RuneCountInString(name) > maxNameLen:
		return fmt.Errorf("username is longer than %d characters", maxNameLen)
	case strings.TrimSpace(name) != name:
		return errors.New("username begins or ends with white space")
	case strings.ContainsFunc(name, isMisread):
		return errors.New("username contains a character that cannot be seen, or looks like an @")
	}
	if _, err := ParseID(name); err == nil {
		return errors.New("username is an id, which may be another user's")
	}
	return checkText("username", name)
}

// checkEmail refuses what could be read as two addresses by somebody else: more than one "@",
// control characters, characters that turn the direction of the text.
func checkEmail(address string) error {
	local, domain, ok := strings.Cut(address, "@")
	switch {
	case !ok || local == "" || domain == "" || strings.Contains(domain, "@"):
		return errors.New("e-mail must have exactly one @ with text on both sides")
	case len(address) > maxEmailLen:
		return fmt.Errorf("e-mail is longer than %d bytes", maxEmailLen)
	case strings.ContainsFunc(address, unicode.IsSpace):
		return errors.New("e-mail contains white space")
	case strings.ContainsFunc(address, isMisread):
		return errors.New("e-mail contains a character that cannot be seen, or looks like an @")
	}
	return checkText("e-mail", address)
}

func checkText(what, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%s is not valid UTF-8", what)
	}
	for _, r := range s {
		if isControl(r) {
			return fmt.Errorf("%s contains the control character %U", what, r)
		}
	}
	return nil
}

// isMisread reports characters that make two names look alike, or that another program takes for an
// "@": format characters and the others that are shown as nothing, and the two wide forms of the "@".
func isMisread(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		r == '\uff20' || r == '\ufe6b'
}

// isControl reports characters that have no place in one line of text, or turn its direction.
func isControl(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.In(r, unicode.Zl, unicode.Zp)
}

// UserChange names the fields of a user to change; a nil pointer leaves its field as it is.
type UserChange struct {
	Username      *string
	Email         *string // "" removes the address
	EmailVerified *bool
	FirstName     *string
	LastName      *string
	IsActive      *bool // false ends every session of the user; true revives none
	Groups        *[]string
	Attributes    map[string]any // merged by key; a nil value removes the key
}

// IsZero reports whether c changes nothing.
func (c UserChange) IsZero() bool { return len(c.fields()) == 0 }

// Apply does to u what a change does to a user, but for Attributes, which a store merges as it keeps them.
func (c UserChange) Apply(u *User) {
	if c.Email != nil && FoldName(*c.Email) != FoldName(u.Email) {
		u.EmailVerified = false // what was proved was another address
	}
	assign(&u.Username, c.Username)
	assign(&u.Email, c.Email)
	assign(&u.EmailVerified, c.EmailVerified)
	assign(&u.FirstName, c.FirstName)
	assign(&u.LastName, c.LastName)
	assign(&u.IsActive, c.IsActive)
	assign(&u.Groups, c.Groups)
	u.EmailVerified = u.EmailVerified && u.Email != ""
}

func assign[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// fields names what c changes, without the values.
func (c UserChange) fields() []string {
	var names []string
	for _, f := range []struct {
		name    string
		changed bool
	}{
		{"username", c.Username != nil}, {"email", c.Email != nil}, {"email_verified", c.EmailVerified != nil},
		{"first_name", c.FirstName != nil}, {"last_name", c.LastName != nil}, {"is_active", c.IsActive != nil},
		{"groups", c.Groups != nil}, {"attributes", len(c.Attributes) > 0},
	} {
		if f.changed {
			names = append(names, f.name)
		}
	}
	return names
}
