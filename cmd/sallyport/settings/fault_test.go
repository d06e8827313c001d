package settings

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// faultCases are read by TestFaults, and seed FuzzSettings.
var faultCases = []struct {
	name  string
	file  string
	env   []string
	flags map[string]string
	want  []string
}{
	// YAML
	{name: "unknown key", file: "tokens:\n  access_ttll: 5m\n",
		want: []string{`sallyport.yaml:2: unknown key "access_ttll"; did you mean "access_ttl"?`}},
	{name: "unknown key far from all", file: "zebra: 1\n",
		want: []string{`sallyport.yaml:1: unknown key "zebra"`}},
	{name: "key of a section at the root", file: "access_ttl: 5m\n",
		want: []string{`sallyport.yaml:1: unknown key "access_ttl"; did you mean "tokens.access_ttl"?`}},
	{name: "key with a dot", file: "tokens.access_ttl: 5m\n",
		want: []string{`sallyport.yaml:1: unknown key "tokens.access_ttl"; write "access_ttl" indented below "tokens"`}},
	{name: "unknown section", file: "token:\n  access_ttl: 5m\n",
		want: []string{`sallyport.yaml:1: unknown key "token"; did you mean "tokens"?`}},
	{name: "key that may be a value", file: "\"a b\": 1\n",
		want: []string{`sallyport.yaml:1: unknown key (not shown)`}},
	{name: "key twice", file: "csrf: auto\nlisten: 127.0.0.1:1\ncsrf: token\n",
		want: []string{`sallyport.yaml:3: the key "csrf" is there twice`}},
	{name: "section twice", file: "log:\n  level: info\nlog:\n  format: text\n",
		want: []string{`sallyport.yaml:3: the key "log" is there twice`}},
	{name: "number as key", file: "1: x\n", want: []string{"sallyport.yaml:1: a key must be plain text"}},
	{name: "complex key", file: "? csrf\n: auto\n", want: []string{"sallyport.yaml:1: a key must be plain text"}},
	{name: "merge key", file: "<<: {csrf: auto}\n", want: []string{"sallyport.yaml:1: a key must be plain text"}},
	{name: "anchor and alias", file: "issuer: &x https://a.example\ncookie:\n  domain: *x\n",
		want: []string{
			"sallyport.yaml:1: anchors and aliases are not supported; write the value out, or in quotes if it begins with & or *",
			"sallyport.yaml:3: anchors and aliases are not supported; write the value out, or in quotes if it begins with & or *",
		}},
	{name: "tag", file: "csrf: !!str auto\n", want: []string{"sallyport.yaml:1: tags are not supported; put text in quotes"}},
	{name: "directive", file: "%YAML 1.2\n---\ncsrf: auto\n",
		want: []string{
			"sallyport.yaml:1: directives are not supported; remove the line",
			"sallyport.yaml:3: a second document; everything belongs in the first",
		}},
	{name: "second document", file: "csrf: auto\n---\ncsrf: token\n",
		want: []string{"sallyport.yaml:3: a second document; everything belongs in the first"}},
	{name: "tab", file: "tokens:\n\taccess_ttl: 5m\n", want: []string{"sallyport.yaml:2: a tab; use spaces"}},
	{name: "carriage return alone", file: "csrf: auto\rlisten: x\n", want: []string{"sallyport.yaml:1: a carriage return without a newline"}},
	{name: "brackets without end", file: "csrf: " + strings.Repeat("[", 200_000), want: []string{"sallyport.yaml:1: nested too deep"}},
	{name: "lines without end", file: "csrf: >\n" + strings.Repeat(" \n", 100_000), want: []string{"sallyport.yaml:5001: more than 5000 lines"}},
	{name: "dashes without end", file: strings.Repeat("- ", 100_000), want: []string{"sallyport.yaml:1: nested too deep"}},
	{name: "UTF-16", file: "\xff\xfec\x00s\x00r\x00f\x00", want: []string{"sallyport.yaml:1: not valid UTF-8; save the file as UTF-8"}},
	{name: "program", file: "\x7fELF\x02\x01\x01\x00", want: []string{"sallyport.yaml:1: a NUL byte"}},
	{name: "NUL", file: "csrf: auto\n# \x00\n", want: []string{"sallyport.yaml:2: a NUL byte"}},
	{name: "not UTF-8", file: "# \xff\n", want: []string{"sallyport.yaml:1: not valid UTF-8; save the file as UTF-8"}},
	{name: "list at the root", file: "- csrf: auto\n",
		want: []string{"sallyport.yaml:1: want settings, such as listen: 127.0.0.1:8000, with a space after the colon"}},
	{name: "text at the root", file: "csrf\n",
		want: []string{"sallyport.yaml:1: want settings, such as listen: 127.0.0.1:8000, with a space after the colon"}},
	{name: "broken YAML", file: "csrf: [auto\n", want: []string{"sallyport.yaml:1: not valid YAML: sequence end token ']' not found"}},
	{name: "broken YAML, and nothing follows from what could not be read", file: "csrf: 'auto\n", env: []string{"SALLYPORT_LISTEN=0.0.0.0:80"},
		want: []string{"sallyport.yaml:1: not valid YAML: could not find end character of single-quoted text"}},

	// Types
	{name: "nothing for text", file: "issuer:\n", want: []string{"sallyport.yaml:1: issuer: there is no value; give one or remove the key"}},
	{name: "null for a secret", file: "secret: ~\n", want: []string{"sallyport.yaml:1: secret: there is no value; give one or remove the key"}},
	{name: "number for text", file: "tokens:\n  client_id: 123\n", want: []string{"sallyport.yaml:2: tokens.client_id: want text; put it in quotes"}},
	{name: "number for an address", file: "listen: 8000\n", want: []string{"sallyport.yaml:1: listen: want host:port, such as 127.0.0.1:8000"}},
	{name: "truth for text", file: "cookie:\n  salt: true\n", want: []string{"sallyport.yaml:2: cookie.salt: want text; put it in quotes"}},
	{name: "list for text", file: "csrf:\n  - auto\n", want: []string{"sallyport.yaml:1: csrf: want one text, not a list"}},
	{name: "settings for text", file: "csrf:\n  mode: auto\n", want: []string{"sallyport.yaml:1: csrf: want one text, not settings below it"}},
	{name: "text for settings", file: "tokens: 5m\n", want: []string{"sallyport.yaml:1: tokens: want settings below it"}},
	{name: "text of two lines", file: "tokens:\n  client_id: |\n    a\n    b\n",
		want: []string{"sallyport.yaml:2: tokens.client_id: want one line without control characters"}},
	{name: "empty text", file: "listen: \"\"\n", want: []string{"sallyport.yaml:1: listen: it is empty"}},
	{name: "text for a list", file: "trusted_origins: https://a.example\n",
		want: []string{`sallyport.yaml:1: trusted_origins: want a list, such as ["one", "two"]`}},
	{name: "items that are no text", file: "user_fields:\n  - id\n  -\n  - 5\n  - \"\"\n",
		want: []string{
			"sallyport.yaml:3: user_fields: an item is empty",
			"sallyport.yaml:4: user_fields: want text; put it in quotes",
			"sallyport.yaml:5: user_fields: an item is empty",
		}},
	{name: "quoted truth", file: "cookie:\n  insecure: \"true\"\n",
		want: []string{"sallyport.yaml:2: cookie.insecure: want true or false, without quotes"}},
	{name: "yes", file: "cookie:\n  insecure: yes\n", want: []string{"sallyport.yaml:2: cookie.insecure: want true or false"}},
	{name: "1 in the environment", env: []string{"SALLYPORT_COOKIE_INSECURE=1"},
		want: []string{"SALLYPORT_COOKIE_INSECURE: want true or false"}},
	{name: "quoted number", file: "password:\n  slots: \"4\"\n", want: []string{"sallyport.yaml:2: password.slots: want a whole number, without quotes"}},
	{name: "octal number", file: "password:\n  slots: 010\n", want: []string{"sallyport.yaml:2: password.slots: want a whole number, without quotes"}},
	{name: "fraction", file: "password:\n  slots: 1.5\n", want: []string{"sallyport.yaml:2: password.slots: want a whole number, without quotes"}},
	{name: "number out of range", file: "password:\n  slots: 1025\n  min_length: 0\n",
		want: []string{
			"sallyport.yaml:2: password.slots: it is 1025, want between 0 and 1024",
			"sallyport.yaml:3: password.min_length: it is 0, want between 1 and 256",
		}},
	{name: "number for a duration", file: "tokens:\n  access_ttl: 300\n",
		want: []string{"sallyport.yaml:2: tokens.access_ttl: want a duration such as 30s, 5m or 24h"}},
	{name: "days", file: "tokens:\n  session_ttl: 30d\n",
		want: []string{"sallyport.yaml:2: tokens.session_ttl: want a duration such as 30s, 5m or 24h; there are no days, so write 720h"}},
	{name: "duration out of range", file: "tokens:\n  access_ttl: 25h\n  session_ttl: 9601h\n  idle_ttl: 0s\n",
		want: []string{
			"sallyport.yaml:2: tokens.access_ttl: it is 25h, want between 1s and 24h",
			"sallyport.yaml:3: tokens.session_ttl: it is 9601h, want between 1s and 9600h",
			"sallyport.yaml:4: tokens.idle_ttl: it is 0s, want between 1s and 9600h",
		}},
	{name: "word", file: "csrf: maybe\nlog:\n  level: loud\n",
		want: []string{
			`sallyport.yaml:1: csrf: want auto, token; not "maybe"`,
			`sallyport.yaml:3: log.level: want debug, info, warn, error; not "loud"`,
		}},

	// What a shell, an editor or a habit leaves in a value
	{name: "quotes in the environment", env: []string{"SALLYPORT_ISSUER=\"https://a.example\"", "SALLYPORT_PATH=/auth "},
		want: []string{
			"SALLYPORT_ISSUER: it begins or ends with a quotation mark or a space; remove that",
			"SALLYPORT_PATH: it begins or ends with a quotation mark or a space; remove that",
		}},
	{name: "typographic quotes", file: "issuer: \u201chttps://a.example\u201d\n", want: []string{"sallyport.yaml:1: issuer: it has typographic quotation marks; write \" or none"}},
	{name: "list that is no JSON in the environment", env: []string{"SALLYPORT_TOKENS_AUDIENCE=[orders, app]"},
		want: []string{`SALLYPORT_TOKENS_AUDIENCE: want items with commas between them, or a JSON array such as ["one", "two"]`}},
	{name: "non-breaking space", file: "csrf: auto # \u00a0\n\u00a0listen: x\n", want: []string{"sallyport.yaml:2: a non-breaking space; use an ordinary one"}},
	{name: "indentation", file: "tokens:\n  access_ttl: 5m\n   session_ttl: 1h\n",
		want: []string{"sallyport.yaml:2: not valid YAML: mapping value is not allowed in this context; look at the indentation here and in the line before"}},
	{name: "at sign", file: "cookie:\n  salt: @abc\n", want: []string{"sallyport.yaml:2: not valid YAML: '@' is a reserved character; put the value in quotes"}},
	{name: "file of settings in the environment", env: []string{"SALLYPORT_CONFIG=x.yaml"}, want: []string{"environment: SALLYPORT_CONFIG is not a setting; name the file with --config"}},
	{name: "providers that do not go together", env: []string{`SALLYPORT_IDPS=[{"name": "a", "provider": "oidc", "client_id": "x", "issuer": "https://a.example"}, {"name": "a", "provider": "oidc", "client_id": "y", "issuer": "https://a.example"}]`},
		want: []string{
			`SALLYPORT_IDPS: idps[1].name: another provider has the name "a" already`,
			"SALLYPORT_IDPS: idps[1]: another provider has its issuer already; name further clients in the audiences of that one",
		}},
	{name: "password in a provider's address", env: []string{`SALLYPORT_IDPS=[{"name": "a", "provider": "oidc", "client_id": "x", "issuer": "https://u:CANARY%ss@a.example"}, {"name": "b", "provider": "oidc", "client_id": "x", "issuer": "https://b.example", "jwks_uri": "https://u:CANARY@b.example/keys"}]`},
		want: []string{
			"SALLYPORT_IDPS: idps[0].issuer: it is not an absolute URL without user, query and fragment",
			"SALLYPORT_IDPS: idps[1].jwks_uri: it holds a user",
		}},
	{name: "keys that may be secrets", file: "secret: [CANARYabc: x]\nidps:\n  - {name: a, client_secret: abc, CANARY123: y}\n", want: []string{
		"sallyport.yaml:1: secret: want text in quotes",
		"sallyport.yaml:3: idps[0].provider: it is missing",
		"sallyport.yaml:3: idps[0].client_id: it is missing",
		"sallyport.yaml:3: idps[0]: unknown key (not shown)",
	}},

	// Secrets
	{name: "short secret", file: "secret: CANARY-of-a-secret\n",
		want: []string{"sallyport.yaml:1: secret: it has 18 bytes, want at least 32 from a secure source"}},
	{name: "short secret among several", file: "secret:\n  - CANARY-0123456789-0123456789-0123456789\n  - CANARY\n",
		want: []string{"sallyport.yaml:3: secret: number 2 of 2: it has 6 bytes, want at least 32 from a secure source"}},
	{name: "short secret with a comma in the environment", env: []string{"SALLYPORT_SECRET=CANARY-0123456789-0123456789-0123456789,CANARY"},
		want: []string{"SALLYPORT_SECRET: number 2 of 2: it has 6 bytes, want at least 32 from a secure source"}},
	{name: "secret that is a number", file: "secret: 1234567890\n",
		want: []string{"sallyport.yaml:1: secret: want text in quotes, or a list of texts"}},
	{name: "secret that is settings", file: "secret:\n  CANARY: CANARY\n",
		want: []string{"sallyport.yaml:1: secret: want text in quotes, or a list of texts"}},
	{name: "list without a secret", file: "secret: []\n",
		want: []string{"sallyport.yaml:1: secret: it is empty; remove the setting to use the file beside the database"}},
	{name: "misspelt secret", file: "secrte: CANARY\n", want: []string{`sallyport.yaml:1: unknown key "secrte"; did you mean "secret"?`}},

	// The environment and the flags
	{name: "unknown variable", env: []string{"SALLYPORT_TOKENS_ACCESS_TTLX=5m", "SALLYPORT_ZEBRA=1"},
		want: []string{
			"environment: SALLYPORT_TOKENS_ACCESS_TTLX is not a setting; did you mean SALLYPORT_TOKENS_ACCESS_TTL?",
			"environment: SALLYPORT_ZEBRA is not a setting",
		}},
	{name: "variable almost like Kubernetes's", env: []string{"SALLYPORT_PORT_X=1"},
		want: []string{"environment: SALLYPORT_PORT_X is not a setting"}},
	{name: "variable of the tests", env: []string{"SALLYPORT_TEST_X=1"}, want: []string{"environment: SALLYPORT_TEST_X is not a setting"}},
	{name: "variable that may be a value", env: []string{"SALLYPORT_CANARY CANARY=1"}, want: []string{"environment: SALLYPORT_… is not a setting"}},
	{name: "empty item", env: []string{"SALLYPORT_TOKENS_AUDIENCE=orders,,invoices"}, want: []string{"SALLYPORT_TOKENS_AUDIENCE: an item is empty"}},
	{name: "variable and file", env: []string{"SALLYPORT_SECRET=CANARY", "SALLYPORT_SECRET_FILE=/CANARY"},
		want: []string{"SALLYPORT_SECRET: it is set together with SALLYPORT_SECRET_FILE; keep one of them"}},
	{name: "file that is missing", env: []string{"SALLYPORT_SECRET_FILE=missing"},
		want: []string{"SALLYPORT_SECRET_FILE: cannot read the file that it names: no such file or directory"}},
	{name: "duration in the environment", env: []string{"SALLYPORT_TOKENS_ACCESS_TTL=5 minutes"},
		want: []string{"SALLYPORT_TOKENS_ACCESS_TTL: want a duration such as 30s, 5m or 24h"}},
	{name: "flag", flags: map[string]string{"log-level": "loud", "listen": "8000"},
		want: []string{
			"--listen: want host:port, such as 127.0.0.1:8000",
			`--log-level: want debug, info, warn, error; not "loud"`,
		}},
	{name: "a fault of the file counts even where the flag wins", file: "listen: nowhere\n", flags: map[string]string{"listen": "127.0.0.1:8000"},
		want: []string{"sallyport.yaml:1: listen: want host:port, such as 127.0.0.1:8000"}},

	// Issuer and path
	{name: "http off loopback", file: "issuer: http://app.example.com/auth\n",
		want: []string{"sallyport.yaml:1: issuer: http is for loopback hosts only; want https://app.example.com/auth"}},
	{name: "issuer with a slash", file: "issuer: https://app.example.com/\n",
		want: []string{"sallyport.yaml:1: issuer: it must not end with a slash"}},
	{name: "issuer that is a sentence", file: "issuer: the usual one\n",
		want: []string{"sallyport.yaml:1: issuer: it is not a URL; want one such as https://app.example.com/auth"}},
	{name: "issuer against path", file: "issuer: https://app.example.com/auth\npath: /login\n",
		want: []string{`sallyport.yaml:2: path: "/login" is not the path of issuer, "https://app.example.com/auth"; set issuer alone`}},
	{name: "issuer without path against path", file: "issuer: https://app.example.com\n", env: []string{"SALLYPORT_PATH=/auth"},
		want: []string{`SALLYPORT_PATH: "/auth" is not the path of issuer, "https://app.example.com"; set issuer alone`}},
	{name: "one address for both listeners", file: "listen: 127.0.0.1:8001\n", want: []string{"sallyport.yaml:1: listen: it is also admin_listen; give each an address of its own"}},
	{name: "no issuer off loopback", env: []string{"SALLYPORT_LISTEN=0.0.0.0:8000"},
		want: []string{"issuer: it is required because listen (SALLYPORT_LISTEN) is not on loopback; give the public URL of the mount, such as https://app.example.com/auth"}},
	{name: "path with a slash at the end", file: "path: /auth/\n",
		want: []string{`sallyport.yaml:1: path: want "/", or a path such as /auth without a slash at its end`}},
	{name: "path that climbs", file: "path: /a/../b\n",
		want: []string{`sallyport.yaml:1: path: want "/", or a path such as /auth without a slash at its end`}},

	// Cookies
	{name: "insecure with https", file: "issuer: https://app.example.com\ncookie:\n  insecure: true\n",
		want: []string{"sallyport.yaml:3: cookie.insecure: it is for http issuers on loopback, and the issuer is https; remove it"}},
	{name: "same_site none with insecure", file: "cookie:\n  insecure: true\n  same_site: none\n",
		want: []string{"sallyport.yaml:3: cookie.same_site: none needs Secure cookies, so it does not go with cookie.insecure: browsers drop such cookies"}},
	{name: "host_prefix with a path", file: "cookie:\n  host_prefix: true\n",
		want: []string{`sallyport.yaml:2: cookie.host_prefix: it needs path: / and an issuer without a path; path is "/auth"`}},
	{name: "host_prefix with a domain", file: "issuer: https://app.example.com\ncookie:\n  host_prefix: true\n  domain: example.com\n",
		want: []string{"sallyport.yaml:3: cookie.host_prefix: it does not go with cookie.domain; remove one of them"}},
	{name: "host_prefix with insecure", file: "path: /\ncookie:\n  host_prefix: true\n  insecure: true\n",
		want: []string{"sallyport.yaml:3: cookie.host_prefix: it does not go with cookie.insecure; remove one of them"}},
	{name: "domain of somebody else", file: "issuer: https://app.example.com\ncookie:\n  domain: ample.com\n",
		want: []string{`sallyport.yaml:3: cookie.domain: "ample.com" is neither the host of the issuer, "app.example.com", nor a parent of it; write it without a dot in front`}},
	{name: "domain that is everybody's", file: "issuer: https://app.example.com\ncookie:\n  domain: com\n",
		want: []string{`sallyport.yaml:3: cookie.domain: "com" is a single label, and browsers drop cookies for all of it; name a domain of your own`}},
	{name: "domain of an address", file: "issuer: https://10.0.0.1\ncookie:\n  domain: 0.0.1\n",
		want: []string{"sallyport.yaml:3: cookie.domain: the host of the issuer is an address, which lies in no domain; remove it"}},
	{name: "names of cookies that mean something", file: "cookie:\n  name: __Host-x\n  csrf_name: __x\n",
		want: []string{
			`sallyport.yaml:2: cookie.name: "__Host-x" begins with __, to which browsers give a meaning of its own; set cookie.host_prefix instead`,
			`sallyport.yaml:3: cookie.csrf_name: "__x" begins with __, to which browsers give a meaning of its own; set cookie.host_prefix instead`,
		}},
	{name: "names of cookies", file: "cookie:\n  name: \"a=b\"\n  csrf_name: \"a b\"\n",
		want: []string{
			`sallyport.yaml:2: cookie.name: "a=b" is no cookie name (RFC 6265 §4.1.1)`,
			`sallyport.yaml:3: cookie.csrf_name: this value is no cookie name (RFC 6265 §4.1.1)`,
		}},
	{name: "one name for both cookies", file: "cookie:\n  name: CSRF_token\n",
		want: []string{`sallyport.yaml:2: cookie.name: both cookies have the name "CSRF_token"`}},

	// Origins
	{name: "wildcard origin", file: "trusted_origins:\n  - https://a.example\n  - https://*.example.com\n",
		want: []string{`sallyport.yaml:3: trusted_origins: "https://*.example.com": wildcards are not supported; name each origin`}},
	{name: "origin with a path", file: "trusted_origins: [\"https://a.example/\"]\n",
		want: []string{`sallyport.yaml:1: trusted_origins: "https://a.example/": an origin has no path, query or user; write https://a.example`}},
	{name: "wildcard in return_to", file: "return_to: [\"https://*.example.com/\"]\n",
		want: []string{`sallyport.yaml:1: return_to: "https://*.example.com/": wildcards are not supported; name each address`}},

	// Proxies
	{name: "proxies", file: "trusted_proxies:\n  - 10.0.0.0/8\n  - 10.0.0.1/8\n  - 2001:db8::1/32\n  - ::ffff:10.0.0.1\n  - proxy.example.com\n  - 10.0.0.1:80\n  - 10.0.0.0/33\n  - 10\n",
		want: []string{
			`sallyport.yaml:3: trusted_proxies: "10.0.0.1/8": there are bits behind the prefix; write 10.0.0.0/8`,
			`sallyport.yaml:4: trusted_proxies: "2001:db8::1/32": there are bits behind the prefix; write 2001:db8::/32`,
			`sallyport.yaml:5: trusted_proxies: "::ffff:10.0.0.1": IPv4 addresses are compared as such; write 10.0.0.1/32`,
			`sallyport.yaml:6: trusted_proxies: "proxy.example.com": it is no address and no prefix; write one such as 10.0.0.0/8 or 192.0.2.1`,
			`sallyport.yaml:7: trusted_proxies: "10.0.0.1:80": it is no address and no prefix; write one such as 10.0.0.0/8 or 192.0.2.1`,
			`sallyport.yaml:8: trusted_proxies: "10.0.0.0/33": it is no address and no prefix; write one such as 10.0.0.0/8 or 192.0.2.1`,
			`sallyport.yaml:9: trusted_proxies: "10": it is no address and no prefix; write one such as 10.0.0.0/8 or 192.0.2.1`,
		}},
	{name: "proxies in the environment", env: []string{"SALLYPORT_TRUSTED_PROXIES=10.0.0.0/8,,http://u:CANARY@10.0.0.1"},
		want: []string{
			"SALLYPORT_TRUSTED_PROXIES: an item is empty",
			"SALLYPORT_TRUSTED_PROXIES: it is no address and no prefix; write one such as 10.0.0.0/8 or 192.0.2.1",
		}},

	// Times that do not go together
	{name: "idle longer than the session", file: "tokens:\n  session_ttl: 1h\n  idle_ttl: 2h\n",
		want: []string{"sallyport.yaml:3: tokens.idle_ttl: it is 2h, more than tokens.session_ttl, which is 1h"}},
	{name: "retry window of two minutes", file: "tokens:\n  retry_window: 2m\n",
		want: []string{"sallyport.yaml:2: tokens.retry_window: it is 2m, want between 1s and 60s"}},

	// Identity providers
	{name: "incomplete providers", file: "idps:\n  - name: a\n    provider: cognito\n  - provider: oidc\n  - name: c\n  - d\n",
		want: []string{
			"sallyport.yaml:2: idps[0].client_id: it is missing",
			"sallyport.yaml:2: idps[0].region: it is missing",
			"sallyport.yaml:2: idps[0].user_pool: it is missing",
			"sallyport.yaml:4: idps[1].name: it is missing",
			"sallyport.yaml:4: idps[1].client_id: it is missing",
			"sallyport.yaml:4: idps[1].issuer: it is missing",
			"sallyport.yaml:5: idps[2].provider: it is missing",
			"sallyport.yaml:5: idps[2].client_id: it is missing",
			"sallyport.yaml:6: idps[3]: want a provider with name and provider",
		}},
	{name: "member of another provider", file: "idps:\n  - name: a\n    provider: oidc\n    client_id: x\n    issuer: https://a.example\n    region: eu-central-1\n",
		want: []string{"sallyport.yaml:6: idps[0].region: only provider cognito has it; remove it"}},
	{name: "misspelt member", file: "idps:\n  - name: a\n    provider: oidc\n    clientid: x\n    client_id: x\n    issuer: https://a.example\n",
		want: []string{`sallyport.yaml:4: idps[0]: unknown key "clientid"; did you mean "client_id"?`}},
	{name: "incomplete providers of other kinds", file: "idps:\n  - {name: a, provider: github, client_id: x}\n  - {name: b, provider: entra, client_id: x}\n  - {name: c, provider: apple, client_id: x, team_id: T}\n  - {name: d, provider: okta, client_id: x}\n",
		want: []string{
			"sallyport.yaml:2: idps[0].client_secret: it is missing",
			"sallyport.yaml:3: idps[1].tenants: it is missing",
			"sallyport.yaml:4: idps[2].key_id: it is missing",
			"sallyport.yaml:4: idps[2].private_key: it is missing",
			`sallyport.yaml:5: idps[3].provider: want cognito, google, entra, apple, github, oidc; not "okta"`,
		}},
	{name: "members of other kinds", file: "idps:\n  - {name: a, provider: google, client_id: x, tenants: [y], domain: z}\n  - {name: b, provider: github, client_id: x, client_secret: CANARY, audiences: [y]}\n",
		want: []string{
			"sallyport.yaml:2: idps[0].tenants: only provider entra has it; remove it",
			"sallyport.yaml:2: idps[0].domain: only provider cognito has it; remove it",
			"sallyport.yaml:3: idps[1].audiences: only the providers cognito, google, entra, apple, oidc have it; remove it",
		}},
	{name: "what is wrong with a provider", file: "idps:\n  - {name: a/b, provider: google, client_id: x, linking: always, scopes: [\"a b\"]}\n  - {name: b, provider: apple, client_id: x, team_id: T, key_id: K, private_key: CANARY}\n  - {name: c, provider: entra, client_id: x, tenants: [common]}\n",
		want: []string{
			`sallyport.yaml:2: idps[0].linking: want deny, verified_email; not "always"`,
			"sallyport.yaml:3: idps[1].private_key: it is no PEM block; give the content of the .p8 file",
			`sallyport.yaml:4: idps[2].tenants: "common" is not the id of one tenant, such as aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee in lower case; the overview page of the registration has it`,
		}},
	{name: "where a login may lead", file: "return_to: [\"https://*.example.com\", \"http://app.example.com/\", \"/app\", \"https://u:CANARY@a.example\"]\n",
		want: []string{
			`sallyport.yaml:1: return_to: "https://*.example.com": wildcards are not supported; name each address`,
			`sallyport.yaml:1: return_to: "http://app.example.com/": http is for loopback hosts only`,
			`sallyport.yaml:1: return_to: "/app": it is not an absolute URL; paths of the issuer's own origin are allowed already`,
			"sallyport.yaml:1: return_to: it is no address; write one such as https://spa.example.com/app",
		}},
	{name: "providers in the environment", env: []string{`SALLYPORT_IDPS=[{"name": "a", "provider": "oidc", "client_id": 5, "client_secret": "CANARY"}]`},
		want: []string{
			"SALLYPORT_IDPS: idps[0].client_id: want text; put it in quotes",
			"SALLYPORT_IDPS: idps[0].issuer: it is missing",
		}},
	{name: "broken JSON", env: []string{`SALLYPORT_IDPS=[{"name": "CANARY",}]`},
		want: []string{"SALLYPORT_IDPS: want a JSON array of objects: expected a member name at byte 19"}},
	{name: "JSON with a name twice", env: []string{`SALLYPORT_IDPS=[{"name": "a", "name": "b"}]`},
		want: []string{"SALLYPORT_IDPS: want a JSON array of objects: member name given twice at byte 15"}},

	{name: "forward auth", file: "issuer: https://app.example.com/auth\nforward:\n  cookie_name: CSRF_token\n  sign_in: sign-in\n", env: []string{"SALLYPORT_FORWARD_COOKIE_DOMAIN=com"},
		want: []string{
			`sallyport.yaml:3: forward.cookie_name: another cookie is called "CSRF_token"`,
			`sallyport.yaml:4: forward.sign_in: "sign-in": want a path such as /sign-in, or a URL that return_to allows`,
			`SALLYPORT_FORWARD_COOKIE_DOMAIN: "com" is a single label, and browsers drop cookies for all of it; name a domain of your own`,
		}},
	{name: "limits", file: "limits:\n  account: 10\n  address: 0/1m\n  session: 5/25h\n", env: []string{"SALLYPORT_LIMITS_SESSION=ten/1m", "SALLYPORT_EVENTS_RETENTION=1h"},
		want: []string{
			"sallyport.yaml:2: limits.account: want COUNT/TIME, such as 10/10m: ten times in ten minutes",
			"sallyport.yaml:3: limits.address: the count is 0, want between 1 and 1000000",
			"sallyport.yaml:4: limits.session: the time is 25h, want between 1s and 24h",
			"SALLYPORT_EVENTS_RETENTION: it is 1h, want between 24h and 878400h",
			"SALLYPORT_LIMITS_SESSION: want COUNT/TIME, such as 10/10m: ten times in ten minutes",
		}},
	{name: "algorithm with a shared key", file: "tokens:\n  alg: HS256\n", want: []string{`sallyport.yaml:2: tokens.alg: want ES256, EdDSA, RS256; not "HS256"`}},
	{name: "algorithm in another case", env: []string{"SALLYPORT_TOKENS_ALG=eddsa"}, want: []string{`SALLYPORT_TOKENS_ALG: want ES256, EdDSA, RS256; not "eddsa"`}},
	{name: "key rotation out of range", file: "tokens:\n  key_rotation: 47h\n", env: []string{"SALLYPORT_TOKENS_KEY_ROTATION=9601h"},
		want: []string{
			"sallyport.yaml:2: tokens.key_rotation: it is 47h, want between 48h and 9600h",
			"SALLYPORT_TOKENS_KEY_ROTATION: it is 9601h, want between 48h and 9600h",
		}},

	// The claims hook
	{name: "hook without a secret", file: "claims:\n  hook:\n    url: https://hooks.example.com/claims\n",
		want: []string{"sallyport.yaml:3: claims.hook.url: it needs claims.hook.secret, which proves to the hook who asks"}},
	{name: "secret without a hook", env: []string{"SALLYPORT_CLAIMS_HOOK_SECRET=CANARY-0123456789-0123456789"},
		want: []string{"SALLYPORT_CLAIMS_HOOK_SECRET: it is of no use without claims.hook.url; set both or none"}},
	{name: "short hook secret", file: "claims:\n  hook:\n    secret: CANARY-0123456789-01234\n",
		want: []string{"sallyport.yaml:3: claims.hook.secret: the key has 23 bytes, want at least 24 from a secure source"}},
	{name: "short hook secret in base64", file: "claims:\n  hook:\n    secret: whsec_Q0FOQVJZ\n",
		want: []string{"sallyport.yaml:3: claims.hook.secret: the key has 6 bytes, want at least 24 from a secure source"}},
	{name: "hook secret that is no base64", env: []string{"SALLYPORT_CLAIMS_HOOK_SECRET=whsec_CANARY-0123456789-0123456789"},
		want: []string{"SALLYPORT_CLAIMS_HOOK_SECRET: want base64 after whsec_"}},
	{name: "hook secret that is a list", file: "claims:\n  hook:\n    secret: [CANARY]\n",
		want: []string{"sallyport.yaml:3: claims.hook.secret: want text in quotes"}},
	{name: "hook with a user", file: "claims:\n  hook:\n    url: https://app:CANARY@hooks.example.com/\n",
		want: []string{"sallyport.yaml:3: claims.hook.url: it must have no user"}},
	{name: "hook with a fragment", env: []string{"SALLYPORT_CLAIMS_HOOK_URL=https://hooks.example.com/#CANARY"},
		want: []string{"SALLYPORT_CLAIMS_HOOK_URL: it must have no fragment"}},
	{name: "hook off loopback", env: []string{"SALLYPORT_CLAIMS_HOOK_URL=http://hooks.example.com/?token=CANARY"},
		want: []string{"SALLYPORT_CLAIMS_HOOK_URL: http is for loopback hosts only; want https"}},
	{name: "hook by another scheme", env: []string{"SALLYPORT_CLAIMS_HOOK_URL=ftp://hooks.example.com/"}, want: []string{"SALLYPORT_CLAIMS_HOOK_URL: want https"}},
	{name: "hook that is no URL", env: []string{"SALLYPORT_CLAIMS_HOOK_URL=hooks.example.com"},
		want: []string{"SALLYPORT_CLAIMS_HOOK_URL: it is not an absolute URL; want one such as https://hooks.example.com/claims"}},
	{name: "hook that may take a minute", file: "claims:\n  hook:\n    timeout: 1m\n",
		want: []string{"sallyport.yaml:3: claims.hook.timeout: it is 1m, want between 100ms and 10s"}},

	// The cost of a hash
	{name: "another hash", file: "password:\n  hash: bcrypt\n",
		want: []string{"sallyport.yaml:2: password.hash: want argon2id, or argon2id,m=KIB,t=PASSES,p=LANES in this order, such as argon2id,m=19456,t=2,p=1"}},
	{name: "cost in another order", file: "password:\n  hash: argon2id,t=2,m=19456,p=1\n",
		want: []string{"sallyport.yaml:2: password.hash: want argon2id, or argon2id,m=KIB,t=PASSES,p=LANES in this order, such as argon2id,m=19456,t=2,p=1"}},
	{name: "too little memory", env: []string{"SALLYPORT_PASSWORD_HASH=argon2id,m=7167,t=5,p=1"},
		want: []string{"SALLYPORT_PASSWORD_HASH: m is 7167, want between 7168 and 262144"}},
	{name: "too much memory", env: []string{"SALLYPORT_PASSWORD_HASH=argon2id,m=262145,t=1,p=1"},
		want: []string{"SALLYPORT_PASSWORD_HASH: m is 262145, want between 7168 and 262144"}},
	{name: "no pass", env: []string{"SALLYPORT_PASSWORD_HASH=argon2id,m=19456,t=0,p=1"}, want: []string{"SALLYPORT_PASSWORD_HASH: t is 0, want between 1 and 16"}},
	{name: "too many lanes", env: []string{"SALLYPORT_PASSWORD_HASH=argon2id,m=19456,t=2,p=17"}, want: []string{"SALLYPORT_PASSWORD_HASH: p is 17, want between 1 and 16"}},
	{name: "octal cost", env: []string{"SALLYPORT_PASSWORD_HASH=argon2id,m=019456,t=2,p=1"}, want: []string{"SALLYPORT_PASSWORD_HASH: m is 019456, want between 7168 and 262144"}},

	{name: "PostgreSQL without a secret", flags: map[string]string{"database": "postgres://app:CANARY@db.example/app"},
		want: []string{"secret: it is required with PostgreSQL: the one that the database was made with, coming from SQLite the text of FILE.secret; only for a new database make one with openssl rand -base64 32"}},
	{name: "PostgreSQL with a password that is no URL", env: []string{"SALLYPORT_DATABASE=postgres://app:CANARY%@db.example/app"},
		want: []string{"SALLYPORT_DATABASE: it is not a URL; want one such as postgres://user@host/name, with the password percent-encoded"}},
	{name: "PostgreSQL with a slash in the password", env: []string{"SALLYPORT_DATABASE=postgres://app:12/CANARY@db.example/app"},
		want: []string{"SALLYPORT_DATABASE: a password must be percent-encoded; write %2F for /, %3F for ?, %23 for # and %40 for @"}},
	{name: "PostgreSQL with a question mark in the password", env: []string{"SALLYPORT_DATABASE=postgres://app:12?CANARY@db.example/app"},
		want: []string{"SALLYPORT_DATABASE: a password must be percent-encoded; write %2F for /, %3F for ?, %23 for # and %40 for @"}},
	{name: "PostgreSQL with a hash in the password", env: []string{"SALLYPORT_DATABASE=postgres://app:12#CANARY@db.example/app"},
		want: []string{"SALLYPORT_DATABASE: a password must be percent-encoded; write %2F for /, %3F for ?, %23 for # and %40 for @"}},
	{name: "PostgreSQL with a second at in the password", env: []string{"SALLYPORT_DATABASE=postgres://app:12@CANARY@db.example/app"},
		want: []string{"SALLYPORT_DATABASE: a password must be percent-encoded; write %2F for /, %3F for ?, %23 for # and %40 for @"}},
	{name: "PostgreSQL with a slash in the password, in the file", file: "database: postgres://app:12/CANARY@db.example/app\n",
		want: []string{"sallyport.yaml:1: database: a password must be percent-encoded; write %2F for /, %3F for ?, %23 for # and %40 for @"}},
	{name: "PostgreSQL without a host", flags: map[string]string{"database": "postgres://app:CANARY/app"},
		want: []string{"--database: it is not a URL; want one such as postgres://user@host/name, with the password percent-encoded"}},
	{name: "another database", env: []string{"SALLYPORT_DATABASE=mysql://app:CANARY@db.example/app"},
		want: []string{"SALLYPORT_DATABASE: want sqlite:FILE, such as sqlite:sallyport.db, or postgres://user@host/name"}},
	{name: "claim that every token has", file: "claims:\n  user_attributes: [email, sub]\n",
		want: []string{`sallyport.yaml:2: claims.user_attributes: "sub" is a claim of every access token already`}},

	{name: "algorithm of a stranger", file: "tokens:\n  audience: [orders]\n  audience_alg: {legacy: RS256}\n",
		want: []string{`sallyport.yaml:3: tokens.audience_alg: "legacy" is not one of tokens.audience`}},
	{name: "algorithm of the issuer, which is the audience", file: "tokens:\n  audience_alg: {legacy: RS256}\n",
		want: []string{`sallyport.yaml:2: tokens.audience_alg: "legacy" is not one of tokens.audience`}},
	{name: "algorithms at fault", file: "tokens:\n  audience: [a, b, c, d]\n  audience_alg:\n    a: HS256\n    b:\n    c: 256\n    d: RS256\n    d: EdDSA\n", want: []string{
		`sallyport.yaml:8: tokens.audience_alg: the key "d" is there twice`,
	}},
	{name: "more algorithms at fault", file: "tokens:\n  audience: [a, b, c, d]\n  audience_alg:\n    a: HS256\n    b:\n    c: 256\n    d: ''\n", want: []string{
		`sallyport.yaml:4: tokens.audience_alg: want ES256, EdDSA, RS256; not "HS256"`,
		"sallyport.yaml:5: tokens.audience_alg: there is no value; give one or remove the key",
		"sallyport.yaml:6: tokens.audience_alg: want text; put it in quotes",
		"sallyport.yaml:7: tokens.audience_alg: there is no value; give one or remove the key",
	}},
	{name: "algorithms that are no object", env: []string{"SALLYPORT_TOKENS_AUDIENCE_ALG=orders=RS256"},
		want: []string{`SALLYPORT_TOKENS_AUDIENCE_ALG: want a JSON object such as {"orders": "RS256"}: not a value at byte 0`}},
	{name: "template", file: "claims:\n  template:\n    sub: ${id}\n    role: ${user.role}\n    a: {b: [\"${\"]}\n    n: 0x1F\n    c: {x: 1, x: 2}\n    d: ${CANARY of somebody}\n", want: []string{
		`sallyport.yaml:3: claims.template: "sub" is a claim of every access token already`,
		`sallyport.yaml:4: claims.template: "role": ${user.role}: want the name of a user field or an attribute, of letters, digits, _, - and :; write $${ for the text itself`,
		`sallyport.yaml:5: claims.template: "a": a ${ has no }; write $${ for the text itself`,
		`sallyport.yaml:6: claims.template: "n": a number is not one that JSON has`,
		`sallyport.yaml:7: claims.template: the key "x" is there twice`,
		`sallyport.yaml:8: claims.template: "d": a ${ with something else behind it: want the name of a user field or an attribute, of letters, digits, _, - and :; write $${ for the text itself`,
	}},
	{name: "template that is too heavy", file: "claims:\n  template:\n    a: " + strings.Repeat("a", 3000) + "\n    b: " + strings.Repeat("b", 3000) + "\n",
		want: []string{`sallyport.yaml:2: claims.template: custom claims weigh 6015 bytes of JSON, at most 4096 are allowed (the heaviest is "a")`}},
	{name: "template that is text", env: []string{"SALLYPORT_CLAIMS_TEMPLATE=[1]"},
		want: []string{`SALLYPORT_CLAIMS_TEMPLATE: want a JSON object such as {"role": "${group}"}: not an object at byte 0`}},

	{name: "everything at once, in order", file: "path: auth\nissuer: http://app.example.com\nsecret: CANARY\n", env: []string{"SALLYPORT_CSRF=no"}, flags: map[string]string{"log-format": "xml"},
		want: []string{
			`sallyport.yaml:1: path: want "/", or a path such as /auth without a slash at its end`,
			"sallyport.yaml:3: secret: it has 6 bytes, want at least 32 from a secure source",
			`SALLYPORT_CSRF: want auto, token; not "no"`,
			`--log-format: want text, json; not "xml"`,
		}},
}

func TestFaults(t *testing.T) {
	for _, tc := range faultCases {
		t.Run(tc.name, func(t *testing.T) {
			s, err := load(t, tc.file, tc.env, tc.flags)
			if s != nil {
				t.Errorf("Load() = settings, want none")
			}
			got := lines(t, err)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Load() differs (-want +got):\n%s", diff)
			}
			var faults Faults
			if errors.As(err, &faults); strings.Contains(strings.Join(got, "\n")+faults.Long(), "CANARY") {
				t.Errorf("Load() = %q, %q, which shows a secret", got, faults.Long())
			}
		})
	}
}

func TestFaultsUnwrap(t *testing.T) {
	_, err := load(t, "csrf: maybe\n", nil, nil)
	fault, ok := errors.AsType[*Fault](err)
	if !ok {
		t.Fatalf("Load() = %v, which holds no *Fault", err)
	}
	want := Fault{Place: Place{File: DefaultFile, Line: 1, Column: 7}, Key: "csrf", Problem: `want auto, token; not "maybe"`, excerpt: fault.excerpt}
	if *fault != want {
		t.Errorf("Load() holds %+v, want %+v", *fault, want)
	}
}

func TestTableIsConsistent(t *testing.T) {
	variables := map[string]string{}
	for _, row := range table {
		for _, name := range []string{variable(row.key), variable(row.key) + fileSuffix} {
			if other, taken := variables[name]; taken {
				t.Errorf("%s and %s are both set by %s", row.key, other, name)
			}
			if variables[name] = row.key; passedOver.MatchString(name) {
				t.Errorf("%s is set by %s, which is passed over", row.key, name)
			}
		}
		checkRule(t, row.key, row.rule, row.field(&Settings{}))
	}
	for _, row := range idpTable {
		checkRule(t, "idps[]."+row.key, row.rule, row.field(&IDP{}))
	}
}

func checkRule(t *testing.T, name string, r rule, into any) {
	t.Helper()
	if r.about == "" {
		t.Errorf("%s: about is empty", name)
	}
	for what, value := range map[string]string{"standard": r.standard, "least": r.least, "most": r.most} {
		if value == "" {
			continue
		}
		l := &loader{settings: &Settings{places: map[string]Place{}}, broken: map[string]bool{}}
		if l.decode(r, "", node{shape: word, text: value}, into); len(l.faults) > 0 {
			t.Errorf("%s: %s %q is refused: %v", name, what, value, l.faults)
		}
	}
	l := &loader{settings: &Settings{}, broken: map[string]bool{}}
	l.decode(rule{}, "", node{shape: refused + 1}, into)
	if strings.Contains(l.faults.Error(), "no value is accepted") {
		t.Errorf("%s: a %T cannot be decoded", name, into)
	}
}

// FuzzSettings mutates what stands around a secret: no fault may show it, and nothing may panic.
func FuzzSettings(f *testing.F) {
	const canary = "CANARY-MLWvRzBo"
	for _, tc := range faultCases {
		if len(tc.file) > 1<<10 {
			continue // slows the fuzzer down and tells it nothing
		}
		f.Add(tc.file, "", strings.Join(tc.env, "\n"))
		f.Add(tc.file, "\n"+tc.file, "")
		f.Add("", "\n"+tc.file, "")
	}
	f.Add(everything, "", "")
	f.Add("claims:\n  hook:\n    ", "\n    url: x\n", "")
	f.Add("", "\na: \v", "")
	f.Add("idps:\n  - name: x\n    client_", "\n    providr: oidc\n", "")
	f.Add("cookie: {salt: |\n  ", ", name: x}", "")
	for _, around := range []string{"\"", "'", "[", "]", "{", "}", "? ", "|\n  ", ">", "&a ", "*", "!!str ", "#", ": ", "- ", "cookie: ", "csrf: ", "issuer: ", "  ", "---\n", "%YAML "} {
		f.Add(around, around, "SALLYPORT_IDPS="+around)
		f.Add("tokens:\n  audience: "+around, around+"\n", "")
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, before, after, environ string) {
		if strings.Contains(before+after+environ, "CANARY") {
			return // the canary must be ours alone
		}
		file, err := os.CreateTemp(dir, "*.yaml")
		if err != nil {
			t.Fatal(err)
		}
		name := file.Name()
		defer os.Remove(name)
		file.WriteString(before + "secret: " + canary + after + "\n# " + canary + "\n")
		file.Close()
		variables := strings.Split(environ, "\n")
		for i, entry := range variables {
			if strings.Contains(entry, fileSuffix+"=") {
				variables[i] = "" // the fuzzer must not open the files of this machine
			}
		}
		variables = append(variables, "SALLYPORT_COOKIE_SALT="+canary, "SALLYPORT_SECRET="+canary,
			`SALLYPORT_IDPS=[{"client_secret": "`+canary+`"`+strings.ReplaceAll(after, "\n", " "))
		s, err := Load(Sources{File: name, Environ: variables})
		if (s == nil) == (err == nil) {
			t.Fatalf("Load() = %v, %v", s, err)
		}
		var faults Faults
		if err != nil && !errors.As(err, &faults) {
			t.Fatalf("Load() = %T, want Faults", err)
		}
		if text := faults.Error() + faults.Long(); strings.Contains(text, canary) {
			t.Errorf("Load() = %q, which shows the secret", text)
		}
		for _, f := range faults {
			ofFile := f.Problem == "not valid YAML" || strings.HasPrefix(f.Problem, "it is larger than")
			if f.Key == "" && f.Place.Line == 0 && f.Place.Variable == "" && !ofFile {
				t.Errorf("Load() = %q, which names neither key nor place", f)
			}
			checkCaret(t, before+"secret: "+canary+after+"\n# "+canary+"\n", f)
		}
	})
}
