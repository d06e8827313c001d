package sallyport

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// ID names a user, an identity or a session. It is a UUIDv7 (RFC 9562 §5.7): ids of one
// kind sort by the millisecond in which they were made, and none is ever used twice.
type ID [16]byte

// NewID makes an ID for the instant at. The 74 bits that are not time come from crypto/rand.
func NewID(at time.Time) ID {
	var id ID
	rand.Read(id[:]) // never fails: crypto/rand ends the process rather than return an error
	first := FirstID(at)
	copy(id[:6], first[:6])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// FirstID is the least ID of the millisecond at.
func FirstID(at time.Time) ID {
	var id ID
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at.UnixMilli()))
	copy(id[:6], ms[2:])
	return id
}

// ParseID reads the form that String writes: 36 characters, lower case. Nothing else is an ID,
// so that one session or user has exactly one spelling.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		if _, err := hex.Decode(id[:], []byte(s[:8]+s[9:13]+s[14:18]+s[19:23]+s[24:])); err == nil && id.String() == s {
			return id, nil
		}
	}
	return ID{}, errors.New("sallyport: not an id: want the form 0190d6a5-7c1e-7abc-8def-0123456789ab")
}

// String gives the canonical text of RFC 9562 §4.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	b[8] = '-'
	hex.Encode(b[9:13], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:], id[10:])
	return string(b[:])
}

// IsZero reports whether id is the zero value, which names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText writes the canonical text; it never fails.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is ParseID.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err == nil {
		*id = parsed
	}
	return err
}
