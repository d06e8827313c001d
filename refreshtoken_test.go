package sallyport

import (
	"bytes"
	"testing"
)

func FuzzRefreshToken(f *testing.F) {
	s := &Service{secrets: newKeyring([][]byte{bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)}, "salt")}
	old := &Service{secrets: newKeyring([][]byte{bytes.Repeat([]byte{2}, 32)}, "salt")}
	genuine := RefreshToken{ID{1, 2, 3}, 7}
	f.Add(s.secrets.formatRefreshToken(genuine))
	f.Add(old.secrets.formatRefreshToken(genuine))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := s.ParseRefreshToken(text)
		if err != nil {
			if !token.IsZero() {
				t.Errorf("ParseRefreshToken(%q) = %v beside an error", text, token)
			}
			return
		}
		if s.secrets.formatRefreshToken(token) != text && old.secrets.formatRefreshToken(token) != text {
			t.Errorf("ParseRefreshToken(%q) = %v, which is written otherwise: a second spelling", text, token)
		}
	})
}

func FuzzCSRFToken(f *testing.F) {
	s := &Service{secrets: newKeyring([][]byte{bytes.Repeat([]byte{1}, 32)}, "")}
	token := RefreshToken{ID{1, 2, 3}, 7}
	f.Add(s.CSRFToken(token))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if got := s.CheckCSRFToken(token, text) == nil; got != (text == s.CSRFToken(token)) {
			t.Errorf("CheckCSRFToken(%q) accepted = %v", text, got)
		}
	})
}
