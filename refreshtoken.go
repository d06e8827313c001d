package sallyport

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
)

// RefreshToken is a genuine refresh token: it names a session and a generation. Only
// ParseRefreshToken and the use cases make one, so whoever holds a value has passed the MAC.
type RefreshToken struct {
	session    ID
	generation int64
}

// IsZero reports whether there is no token.
func (t RefreshToken) IsZero() bool { return t.session.IsZero() }

// SessionID is the session that the token belongs to.
func (t RefreshToken) SessionID() ID { return t.session }

// A refresh token is base64url(version ‖ key ID ‖ session id ‖ generation ‖ HMAC-SHA-256) of fixed
// length. The successor of a generation is a function of session and generation: everybody who is
// entitled to it computes the same one, on any instance, and nothing of it is stored.
const (
	refreshVersion    = 1
	refreshKeyIDAt    = 1
	refreshSessionAt  = refreshKeyIDAt + 4
	refreshGenAt      = refreshSessionAt + 16
	refreshMACAt      = refreshGenAt + 8
	refreshBytes      = refreshMACAt + 32
	refreshEncodedLen = (refreshBytes*8 + 5) / 6
)

func (ring keyring) formatRefreshToken(t RefreshToken) string {
	var b [refreshBytes]byte
	b[0] = refreshVersion
	copy(b[refreshKeyIDAt:], ring[0].id[:])
	copy(b[refreshSessionAt:], t.session[:])
	binary.BigEndian.PutUint64(b[refreshGenAt:], uint64(t.generation))
	copy(b[refreshMACAt:], mac(ring[0].refresh, b[:refreshMACAt]))
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// ParseRefreshToken checks that text is a refresh token of ours: one hash, no query. It returns
// ErrInvalidRefreshToken for everything else, a second spelling of a genuine token included.
func (s *Service) ParseRefreshToken(text string) (RefreshToken, error) {
	var b [refreshBytes]byte
	if len(text) != refreshEncodedLen {
		return RefreshToken{}, ErrInvalidRefreshToken
	}
	// Strict: the unused bits of the last character must be zero. Line ends, which Go's decoder
	// skips, would leave fewer bytes than the fixed length.
	n, err := base64.RawURLEncoding.Strict().Decode(b[:], []byte(text))
	if err != nil || n != refreshBytes || b[0] != refreshVersion {
		return RefreshToken{}, ErrInvalidRefreshToken
	}
	key, ok := s.secrets.byID([4]byte(b[refreshKeyIDAt:refreshSessionAt]))
	if !ok || !hmac.Equal(b[refreshMACAt:], mac(key.refresh, b[:refreshMACAt])) {
		return RefreshToken{}, ErrInvalidRefreshToken
	}
	return RefreshToken{
		session:    ID(b[refreshSessionAt:refreshGenAt]),
		generation: int64(binary.BigEndian.Uint64(b[refreshGenAt:refreshMACAt])),
	}, nil
}
