package sallyport

import (
	"crypto/hmac"
	"encoding/base64"
)

// SiteToken is a genuine site token: it names a session to a proxy that asks who a request comes from (Visit), and can do
// nothing else. ParseSiteToken makes one; the zero value names no session.
type SiteToken struct{ session ID }

// A site token is base64url(version ‖ key ID ‖ session id ‖ HMAC-SHA-256) of fixed length. It stays the same while the
// session lives, so that an answer that is lost costs nothing, and nothing of it is stored. The MAC has a key of its own:
// no site token is a refresh token, and none leads to one.
const (
	siteVersion    = 1
	siteKeyIDAt    = 1
	siteSessionAt  = siteKeyIDAt + 4
	siteMACAt      = siteSessionAt + 16
	siteBytes      = siteMACAt + 32
	siteEncodedLen = (siteBytes*8 + 5) / 6
)

// SiteTokenOf is what a browser shows to every site whose proxy asks us about its session: 71 characters of base64url.
func (s *Service) SiteTokenOf(session ID) string {
	var b [siteBytes]byte
	b[0] = siteVersion
	copy(b[siteKeyIDAt:], s.secrets[0].id[:])
	copy(b[siteSessionAt:], session[:])
	copy(b[siteMACAt:], mac(s.secrets[0].site, b[:siteMACAt]))
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// ParseSiteToken checks that text is a site token of ours: one hash, no query. It returns ErrInvalidSiteToken for
// everything else, a second spelling of a genuine token included.
func (s *Service) ParseSiteToken(text string) (SiteToken, error) {
	var b [siteBytes]byte
	if len(text) != siteEncodedLen {
		return SiteToken{}, ErrInvalidSiteToken
	}
	n, err := base64.RawURLEncoding.Strict().Decode(b[:], []byte(text)) // as in ParseRefreshToken
	if err != nil || n != siteBytes || b[0] != siteVersion {
		return SiteToken{}, ErrInvalidSiteToken
	}
	key, ok := s.secrets.byID([4]byte(b[siteKeyIDAt:siteSessionAt]))
	if !ok || !hmac.Equal(b[siteMACAt:], mac(key.site, b[:siteMACAt])) {
		return SiteToken{}, ErrInvalidSiteToken
	}
	return SiteToken{ID(b[siteSessionAt:siteMACAt])}, nil
}
