package settings

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// TestExcerpts has the faults as a person sees them. Each secret is CANARY.
func TestExcerpts(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"the key alone is shown", "tokens:\n  access_ttll: CANARY # CANARY\n", `
[2:3] unknown key "access_ttll"; did you mean "access_ttl"?
   1 | tokens:
>  2 |   access_ttll: ***
         ^
`},
		{"the value alone is shown", "secret: CANARY-CANARY-CANARY-CANARY-CANARY\ncsrf: maybe # CANARY\n", `
[2:7] csrf: want auto, token; not "maybe"
   1 | secret: ***
>  2 | csrf: maybe # ***
             ^
`},
		{"quotes", "csrf: 'maybe'\nlog: {\"level\": \"loud\" }\n", `
[1:7] csrf: want auto, token; not "maybe"
>  1 | csrf: 'maybe'
             ^
[2:16] log.level: want debug, info, warn, error; not "loud"
   1 | csrf: ***
>  2 | log: *** "loud" }
                ^
`},
		{"an unknown key before", "secrte: CANARY\n  # CANARY\ncsrf: no\n", `
[1:1] unknown key "secrte"; did you mean "secret"?
>  1 | secrte: ***
       ^
[3:7] csrf: want auto, token; not "no"
   2 |   # ***
>  3 | csrf: no
             ^
`},
		{"a block scalar", "cookie:\n  salt: |\n    CANARY\n    secret: CANARY\n    - CANARY\ncsrf: no\n", `
[2:9] cookie.salt: want one line without control characters
   1 | cookie:
>  2 |   salt: ***
               ^
[6:7] csrf: want auto, token; not "no"
   5 |     - ***
>  6 | csrf: no
             ^
`},
		{"text over two lines", "cookie:\n  domain: \"CANARY\n    CANARY\"\nissuer: http://app.example.com\n  CANARY\n", `
[4:9] issuer: it is not a URL; want one such as https://app.example.com/auth
   3 |     ***
>  4 | issuer: ***
               ^
`},
		{"a flow mapping", "idps: [{name: a, provider: oidc, issuer: https://a.example, client_secret: CANARY, client_id: x}, {nam: CANARY}]\n", `
[1:100] idps[1]: unknown key "nam"; did you mean "name"?
>  1 | idps: *** nam: ***
                 ^
[1:100] idps[1].name: it is missing
>  1 | idps: *** nam: ***
                 ^
[1:100] idps[1].provider: it is missing
>  1 | idps: *** nam: ***
                 ^
[1:100] idps[1].client_id: it is missing
>  1 | idps: *** nam: ***
                 ^
`},
		{"wide characters", "log: {\"漢字 CANARY\": 1, level: loud, format: \"é漢\"}\n", `
[1:7] unknown key (not shown)
>  1 | log: {***
             ^
[1:30] log.level: want debug, info, warn, error; not "loud"
>  1 | log: *** level: loud ***
                       ^
[1:44] log.format: want text, json; not this value
>  1 | log: *** format: ***
                        ^
`},
		{"lines of Windows after a byte order mark", "\xef\xbb\xbftokens:\r\n  access_ttll: 5m\r\n  retry_window: 2m\r\n", `
[2:3] unknown key "access_ttll"; did you mean "access_ttl"?
   1 | tokens:
>  2 |   access_ttll: ***
         ^
[3:17] tokens.retry_window: it is 2m, want between 1s and 60s
   2 |   ***
>  3 |   retry_window: 2m
                       ^
`},
		{"a very long line", "user_fields: [" + strings.Repeat("CANARY, ", 1000) + "5]\n", `
[1:8015] user_fields: want text; put it in quotes
>  1 | user_fields: *** 5]
                        ^
`},
		{"a value far to the right", strings.Repeat(" ", 200) + "csrf: no\n", `
[1:207] csrf: want auto, token; not "no"
>  1 | *** csrf: no
                 ^
`},
		{"a line number of four digits", strings.Repeat("#\n", 999) + "csrf: no\n", `
[1000:7] csrf: want auto, token; not "no"
  999 | # ***
>1000 | csrf: no
              ^
`},
		{"what cannot be parsed", "secret: 'CANARY\ncookie: {salt: CANARY\n", `
[1:9] not valid YAML: could not find end character of single-quoted text
>  1 | secret: ***
               ^
`},
		{"a tab", "secret: CANARY\n\tcsrf: CANARY\n", `
[2:1] a tab; use spaces
   1 | secret: ***
>  2 | ***
       ^
`},
		{"bytes that are no text", "csrf: é\xffCANARY\n", `
[1:8] not valid UTF-8; save the file as UTF-8
>  1 | csrf: ***
             ^
`},
		{"a terminal sequence", "csrf: \"\\e[2J\"\n? \x1b[2J\n", `
[1:7] csrf: want one line without control characters
>  1 | csrf: ***
             ^
[2:1] a key must be plain text
   1 | csrf: ***
>  2 | ***
       ^
`},
		{"addresses with passwords", "database: mysql://app:CANARY@db/app\ntrusted_origins: [\"https://app:CANARY@a.example\"]\nclaims: {hook: {url: \"http://a.example/?CANARY\"}}\n", `
[1:11] database: want sqlite:FILE, such as sqlite:sallyport.db, or postgres://user@host/name
>  1 | database: ***
                 ^
[2:19] trusted_origins: it is no origin; write https://host or https://host:port
   1 | database: ***
>  2 | trusted_origins: [***
                         ^
[3:22] claims.hook.url: http is for loopback hosts only; want https
   2 | trusted_origins: ***
>  3 | claims: *** url: ***
                        ^
`},
		{"nothing where a value should be", "tokens:\n  alg:\n  client_id: ~\n", `
[2:3] tokens.alg: there is no value; give one or remove the key
   1 | tokens:
>  2 |   alg:
         ^
[3:3] tokens.client_id: there is no value; give one or remove the key
   2 |   alg:
>  3 |   client_id: ***
         ^
`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := load(t, tc.file, nil, nil)
			faults, ok := errors.AsType[Faults](err)
			if !ok {
				t.Fatalf("Load() = %v, want Faults", err)
			}
			want := "sallyport: sallyport.yaml is not valid" + tc.want
			if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(faults.Long(), "\n")); diff != "" {
				t.Errorf("Long() differs (-want +got):\n%s", diff)
			}
			if strings.Contains(faults.Long(), "CANARY") {
				t.Errorf("Long() = %s, which shows a secret", faults.Long())
			}
		})
	}
}

func TestLongNamesEverySource(t *testing.T) {
	_, err := load(t, "csrf: no\n", []string{"SALLYPORT_CSRF=no", "SALLYPORT_ZEBRA=1"}, map[string]string{"log-level": "loud"})
	faults, _ := errors.AsType[Faults](err)
	want := `sallyport: sallyport.yaml is not valid
[1:7] csrf: want auto, token; not "no"
>  1 | csrf: no
             ^
sallyport: SALLYPORT_CSRF: want auto, token; not "no"
sallyport: environment: SALLYPORT_ZEBRA is not a setting
sallyport: --log-level: want debug, info, warn, error; not "loud"
`
	if diff := cmp.Diff(want, faults.Long()); diff != "" {
		t.Errorf("Long() differs (-want +got):\n%s", diff)
	}
}

// checkCaret asserts that the caret of a fault stands below what its place names in the file, or
// below the mask of it.
func checkCaret(t *testing.T, file string, f *Fault) {
	t.Helper()
	if f.excerpt == "" || f.Place.Column == 0 {
		return
	}
	lines := strings.Split(strings.TrimSuffix(f.excerpt, "\n"), "\n")
	caret, shown := len(lines[len(lines)-1])-1, lines[len(lines)-2]
	source := strings.Join(newDocument("", []byte(file)).lines, "\n")
	line := []rune(strings.Split(source, "\n")[f.Place.Line-1])
	meant := ""
	if f.Place.Column <= len(line) {
		meant = string(line[f.Place.Column-1:])
	}
	if caret < len(shown) {
		above := strings.TrimPrefix(shown[caret:], "# ")
		if !strings.HasPrefix(above, masked) && !strings.HasPrefix(meant, strings.Fields(above)[0]) {
			t.Errorf("the caret of %q stands below %q, want %.20q", f, above, meant)
		}
	}
	if utf8.RuneCountInString(shown) != len(shown) {
		t.Errorf("the excerpt %q of %q is not ASCII", shown, f)
	}
}

func TestCarets(t *testing.T) {
	for _, tc := range faultCases {
		_, err := load(t, tc.file, tc.env, tc.flags)
		faults, _ := errors.AsType[Faults](err)
		for _, f := range faults {
			if f.Place.Line > 0 && f.excerpt == "" {
				t.Errorf("%s: %q has no excerpt", tc.name, f)
			}
			checkCaret(t, tc.file, f)
		}
	}
}
