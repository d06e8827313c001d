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

// FormToken is what a page of ours puts into a form, for the browser whose cookie holds nonce: a keyed hash of it.
// Whoever plants a cookie can have asked for the form that goes with it: what keeps other sites away is the check of Origin.
func (s *Service) FormToken(nonce string) string { return s.secrets[0].formToken(nonce) }

// CheckFormToken returns ErrCSRF unless token is the form token of nonce, under any of the root secrets.
func (s *Service) CheckFormToken(nonce, token string) error {
	for i := range s.secrets {
		if nonce != "" && subtle.ConstantTimeCompare([]byte(s.secrets[i].formToken(nonce)), []byte(token)) == 1 {
			return nil
		}
	}
	return ErrCSRF
}

func (d *derived) formToken(nonce string) string {
	return base64.RawURLEncoding.EncodeToString(mac(d.csrf, []byte("form "+nonce))) // of another length than a session's id
}

func (d *derived) csrfToken(session ID) string {
	return base64.RawURLEncoding.EncodeToString(mac(d.csrf, session[:]))
}
