package password

import (
	"errors"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	others := []string{"Alice.Example", "alice@example.com", ""}
	tests := []struct {
		name      string
		password  string
		minLength int
		want      error
	}{
		{"long enough", "violet sofa", 8, nil},
		{"exactly long enough", "violet s", 8, nil},
		{"one too short", "1234567", 8, ErrRejected},
		{"code points, not bytes", "ééééééé", 8, ErrRejected},
		{"code points beyond U+FFFF", "😀😀😀😀😀😀😀😀", 8, nil},
		{"code points of the NFC form", strings.Repeat("e\u0301", 7), 8, ErrRejected},
		{"spaces count", "        ", 8, nil},
		{"U+0000 counts", "1234567\x00", 8, nil},
		{"no minimum, empty", "", 0, ErrRejected},
		{"negative minimum, empty", "", -1, ErrRejected},
		{"64 characters", strings.Repeat("x", 64), 8, nil},
		{"300 bytes", strings.Repeat("ü", 150), 8, nil},
		{"the longest", strings.Repeat("x", MaxBytes), 8, nil},
		{"too long", strings.Repeat("x", MaxBytes+1), 8, ErrTooLong},
		{"not UTF-8", "12345678\xff", 8, ErrInvalidUTF8},
		{"the username", "Alice.Example", 8, ErrRejected},
		{"the username in another case", "aLICE.eXAMPLE", 8, ErrRejected},
		{"the e-mail", "ALICE@example.com", 8, ErrRejected},
		{"the local part", "Alice", 4, ErrRejected},
		{"the domain", "example.com", 8, nil},
		{"the username and more", "alice.example1", 8, nil},
		{"the username with a space", "alice.example ", 8, nil},
		{"common", "password1", 8, ErrRejected},
		{"common, in capitals", "PASSWORD1", 8, ErrRejected},
		{"common, in mixed case", "PassWord1", 8, ErrRejected},
		{"common, of digits", "12345678", 8, ErrRejected},
		{"common, of one digit", "88888888", 8, ErrRejected},
		{"common, along the keys", "qwertyuiop", 8, ErrRejected},
		{"common, along the keys, capitalised", "Qwertyuiop", 8, ErrRejected},
		{"common, with a space", "password1 ", 8, nil},
		{"common, full width", "ｐａｓｓｗｏｒｄ１", 8, nil},
		{"four common words", "correct horse battery staple", 8, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := Check(test.password, test.minLength, others...); !errors.Is(err, test.want) {
				t.Errorf("Check(%.20q, %d) = %v, want %v", test.password, test.minLength, err, test.want)
			}
		})
	}
	t.Run("the username in NFD", func(t *testing.T) {
		if err := Check("jose\u0301 maria", 8, "JOS\u00c9 Maria"); !errors.Is(err, ErrRejected) {
			t.Errorf("Check = %v, want %v", err, ErrRejected)
		}
	})
}

// The reasons are shown to people, after words of the caller's own.
func TestReasons(t *testing.T) {
	tests := []struct {
		name      string
		password  string
		minLength int
		others    []string
		want      string
	}{
		{"length", "short", 8, nil, "shorter than 8 characters"},
		{"nothing", "", 1, nil, "shorter than 1 character"},
		{"name", "Alice.Example", 8, []string{"alice.example"}, "it is the username or the e-mail address"},
		{"common", "password1", 8, nil, "it is among the commonest passwords"},
		{"length before name", "alice", 8, []string{"alice"}, "shorter than 8 characters"},
		{"length before common", "password1", 15, nil, "shorter than 15 characters"},
		{"name before common", "password1", 8, []string{"password1@example.com"}, "it is the username or the e-mail address"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := Check(test.password, test.minLength, test.others...)
			if want := ErrRejected.Error() + ": " + test.want; err == nil || err.Error() != want {
				t.Errorf("Check(%q, %d) = %v, want %s", test.password, test.minLength, err, want)
			}
		})
	}
}
