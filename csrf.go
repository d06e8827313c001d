package sallyport

import (
	"crypto/subtle"
	"encoding/base64"
)

// CSRFToken is the CSRF token of the session that t belongs to: a keyed hash of the session id, so
// it stays the same while the session lives, every tab holds the same one, and a pair that was
// obtained for another session is worthless.
func (s *Service) CSRFToken(t RefreshToken) string {
	return s.secrets[0].csrfToken(t.session)
}

// CheckCSRFToken returns ErrCSRF unless token is the CSRF token of t's session, under any of the
// root secrets.
func (s *Service) CheckCSRFToken(t RefreshToken, token string) error {
	for i := range s.secrets {
		if subtle.ConstantTimeCompare([]byte(s.secrets[i].csrfToken(t.session)), []byte(token)) == 1 {
			return nil
		}
	}
	return ErrCSRF
}

func (d *derived) csrfToken(session ID) string {
	return base64.RawURLEncoding.EncodeToString(mac(d.csrf, session[:]))
}
