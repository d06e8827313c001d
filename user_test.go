package sallyport

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFoldName(t *testing.T) {
	for _, c := range []struct{ name, a, b string }{
		{"ASCII case", "Ada", "aDA"},
		{"other letters", "ÉMILE", "émile"},
		{"normal forms", "e\u0301mile", "\u00e9mile"},
		{"address", "Ada@Example.COM", "ada@example.com"},
	} {
		if FoldName(c.a) != FoldName(c.b) {
			t.Errorf("%s: FoldName(%q) = %q, FoldName(%q) = %q, want them equal", c.name, c.a, FoldName(c.a), c.b, FoldName(c.b))
		}
	}
	for _, c := range []struct{ name, a, b string }{
		{"Kelvin sign in an address", "\u212aate@example.com", "kate@example.com"},
		{"fullwidth at", "ada\uff20example.com", "ada@example.com"},
		{"dotless i", "m\u0131ke@example.com", "mike@example.com"},
		{"sharp s", "stra\u00dfe", "strasse"},
		{"space", "ada ", "ada"},
	} {
		if FoldName(c.a) == FoldName(c.b) {
			t.Errorf("%s: FoldName(%q) = FoldName(%q), want them different", c.name, c.a, c.b)
		}
	}
}

func FuzzFoldName(f *testing.F) {
	for _, s := range []string{"Ada", "É@x", "e\u0301", "\u212a", "İ", "a@b@c", "\uff20", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return // checkText keeps it out
		}
		folded := FoldName(s)
		if again := FoldName(folded); again != folded {
			t.Errorf("FoldName(FoldName(%q)) = %q, want %q", s, again, folded)
		}
		if strings.Count(folded, "@") != strings.Count(s, "@") {
			t.Errorf("FoldName(%q) = %q has another number of @", s, folded)
		}
	})
}

func TestCheckEmail(t *testing.T) {
	for address, ok := range map[string]bool{
		"ada@example.com": true, "a+b@x": true, "é@example.com": true,
		"": false, "ada": false, "@x": false, "a@": false, "a@b@c": false, "a b@c": false, "a@b\n": false, "a@b\u202e": false, "ada\u200b@example.com": false, "ada@exam\uff20ple": false, "a\x00@b": false,
		strings.Repeat("a", 250) + "@x.org": false, "a@\xff": false,
	} {
		if err := checkEmail(address); (err == nil) != ok {
			t.Errorf("checkEmail(%q) = %v, want ok = %v", address, err, ok)
		}
	}
}

func TestCheckUsername(t *testing.T) {
	for name, ok := range map[string]bool{
		"ada": true, "Ada Lovelace": true, "é": true, strings.Repeat("é", 150): true,
		"": false, " ": false, " ada": false, "ada\t": false, "a\u200eb": false, "ad\u200bmin": false, "ada\u034f": false, "ada\u3164": false, "ada\ufe0f": false,
		"ada\uff20example.com": false, "ada\ufe6bx": false, "0190d6a5-7c1e-7abc-8def-0123456789ab": false, "a\u2028b": false, strings.Repeat("x", 151): false, "\xff": false,
	} {
		if err := checkUsername(name); (err == nil) != ok {
			t.Errorf("checkUsername(%q) = %v, want ok = %v", name, err, ok)
		}
	}
}

func TestUserField(t *testing.T) {
	u := User{Username: "ada", Attributes: map[string]any{"plan": "gold", "username": "shadow"}}
	for name, want := range map[string]any{"username": "ada", "plan": "gold", "missing": nil, "email_verified": false} {
		if got := u.Field(name); got != want {
			t.Errorf("Field(%q) = %v, want %v", name, got, want)
		}
	}
	if got, ok := u.Field("groups").([]string); !ok || got == nil {
		t.Errorf("Field(groups) = %#v, want an empty list, never null", u.Field("groups"))
	}
}
