package settings

import "slices"

// setting is one row of a table: everything there is to know about one key. T holds its value:
// Settings, or IDP for the members of an idps entry.
type setting[T any] struct {
	rule
	field func(*T) any // points to the value, whose Go type says what is accepted
}

// rule is what a row says besides where its value goes.
type rule struct {
	key   string // with dots: tokens.access_ttl
	about string // what it is, for a person; begins in lower case
	// standard is the default as it would be written in the environment, "" for none.
	standard string

	words       []string                            // when not empty, the only values
	least, most string                              // of a number or a duration, as they would be written
	check       func(value string) (problem string) // of a text, or of each item of a list
	pattern     string                              // of such a text, for the schema; check decides
	example     string                              // for the file of config init, where there is no default
	secret      bool                                // the value is never shown
	private     bool                                // the value is not shown in a fault: a wrong one may hold a password
	flag        string                              // that sets it, without dashes
	lines       bool                                // of a text: it may have several
	providers   []string                            // of a member of idps: those that have it; empty for all
	ofProvider  map[string]bool                     // of a member of idps: the default that package idp has for each provider
}

// isOf reports whether a member of idps is one of that provider.
func (r rule) isOf(provider string) bool {
	return len(r.providers) == 0 || slices.Contains(r.providers, provider)
}

// Patterns of the schema that several rows share.
const (
	listenPattern     = `^.*:[0-9]{1,5}$`
	cookieNamePattern = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" // RFC 6265 §4.1.1
)

// maxSession is 400 days, a bound against slips of the pen: cookies live no longer (RFC 6265bis §5.5).
const maxSession = "9600h"

// standardIdleTTL is lowered to a tokens.session_ttl that is less.
const standardIdleTTL = "24h"

// table is every setting but the members of idps, in the order of the documentation.
var table = []setting[Settings]{
	{rule{key: "issuer", flag: "issuer", example: "https://app.example.com/auth", pattern: `^https?://[^/?#@ ]+(/+[A-Za-z0-9._~-]+)*$`,
		about: "public URL of the mount, such as https://app.example.com/auth; on loopback made from listen and path"},
		func(s *Settings) any { return &s.Issuer }},
	{rule{key: "listen", flag: "listen", standard: "127.0.0.1:8000", check: checkListen, pattern: listenPattern,
		about: "address of the public listener"},
		func(s *Settings) any { return &s.Listen }},
	{rule{key: "admin_listen", flag: "admin-listen", standard: "127.0.0.1:8001", check: checkListen, pattern: listenPattern,
		about: "address of /livez, /readyz, /metrics and /version"},
		func(s *Settings) any { return &s.AdminListen }},
	{rule{key: "database", flag: "database", standard: "sqlite:sallyport.db", check: checkDatabase, private: true, pattern: "^(sqlite:.+|postgres(ql)?://([^/?#@]*@)?[^#@]*)$",
		about: "sqlite:FILE, or postgres://user@host/name for several servers; it holds users, sessions and keys"},
		func(s *Settings) any { return &s.Database }},
	{rule{key: "secret", secret: true,
		about: "root secret of at least 32 bytes, or a list while it is rotated, the newest first; by default made once in FILE.secret"},
		func(s *Settings) any { return &s.Secret }},
	{rule{key: "path", flag: "path", standard: "/auth", check: checkPath, pattern: `^(/|(/[A-Za-z0-9._~-]+)+)$`,
		about: "path of the mount"},
		func(s *Settings) any { return &s.Path }},

	{rule{key: "cookie.name", standard: "refresh_cookie", check: checkCookieName, pattern: cookieNamePattern,
		about: "name of the cookie with the refresh token"},
		func(s *Settings) any { return &s.Cookie.Name }},
	{rule{key: "cookie.csrf_name", standard: "CSRF_token", check: checkCookieName, pattern: cookieNamePattern,
		about: "name of the cookie with the CSRF token"},
		func(s *Settings) any { return &s.Cookie.CSRFName }},
	{rule{key: "cookie.salt", secret: true,
		about: "enters the key of refresh tokens; another value signs everybody out"},
		func(s *Settings) any { return &s.Cookie.Salt }},
	{rule{key: "cookie.domain",
		about: "parent domain whose hosts all receive the cookies; by default the issuer's host alone"},
		func(s *Settings) any { return &s.Cookie.Domain }},
	{rule{key: "cookie.same_site", standard: "strict", words: []string{"strict", "lax", "none"},
		about: "SameSite of both cookies"},
		func(s *Settings) any { return &s.Cookie.SameSite }},
	{rule{key: "cookie.host_prefix", standard: "false",
		about: "name the cookies __Host-…; needs path / and no domain"},
		func(s *Settings) any { return &s.Cookie.HostPrefix }},
	{rule{key: "cookie.insecure", standard: "false",
		about: "omit Secure; for http issuers on loopback only"},
		func(s *Settings) any { return &s.Cookie.Insecure }},
	{rule{key: "csrf", standard: "auto", words: []string{"auto", "token"},
		about: "whether a same-origin request may omit CSRF_token (auto) or never may (token)"},
		func(s *Settings) any { return &s.CSRF }},

	{rule{key: "trusted_origins", check: checkOrigin, pattern: `^https?://[^/?#@* ]+$`,
		about: "origins besides the issuer's that may call with credentials"},
		func(s *Settings) any { return &s.TrustedOrigins }},
	{rule{key: "trusted_proxies", check: checkProxy, pattern: `^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$`,
		about: "addresses, or prefixes such as 10.0.0.0/8, of proxies whose X-Forwarded-For says where a request comes from"},
		func(s *Settings) any { return &s.TrustedProxies }},
	{rule{key: "return_to", check: checkReturnTo, pattern: `^https?://[^/?#@* ]+(/[^?#* ]*)?$`,
		about: "addresses, with all that is below them, to which a login at a provider may lead, beyond paths of the issuer's origin"},
		func(s *Settings) any { return &s.ReturnTo }},

	{rule{key: "tokens.access_ttl", standard: "5m", least: "1s", most: "24h",
		about: "life of an access token"},
		func(s *Settings) any { return &s.Tokens.AccessTTL }},
	{rule{key: "tokens.session_ttl", standard: "24h", least: "1s", most: maxSession,
		about: "life of a session, however much it is used"},
		func(s *Settings) any { return &s.Tokens.SessionTTL }},
	{rule{key: "tokens.idle_ttl", standard: standardIdleTTL, least: "1s", most: maxSession,
		about: "life of a session that is not used; at most tokens.session_ttl"},
		func(s *Settings) any { return &s.Tokens.IdleTTL }},
	{rule{key: "tokens.retry_window", standard: "10s", least: "1s", most: "60s",
		about: "how long a client may repeat a refresh whose answer it lost"},
		func(s *Settings) any { return &s.Tokens.RetryWindow }},
	{rule{key: "tokens.alg", standard: "ES256", words: []string{"ES256", "EdDSA", "RS256"},
		about: "algorithm that signs access tokens"},
		func(s *Settings) any { return &s.Tokens.Alg }},
	{rule{key: "tokens.audience",
		about: "services that accept the access tokens; by default the issuer"},
		func(s *Settings) any { return &s.Tokens.Audience }},
	{rule{key: "tokens.audience_alg", words: []string{"ES256", "EdDSA", "RS256"},
		about: "algorithms in place of tokens.alg for tokens that are asked for one of tokens.audience alone, such as orders: RS256"},
		func(s *Settings) any { return &s.Tokens.AudienceAlg }},
	{rule{key: "tokens.client_id", standard: "sallyport",
		about: "client_id of access tokens"},
		func(s *Settings) any { return &s.Tokens.ClientID }},
	{rule{key: "tokens.key_rotation", standard: "720h", least: "48h", most: "9600h",
		about: "how often the signing key is replaced"},
		func(s *Settings) any { return &s.Tokens.KeyRotation }},

	{rule{key: "idps",
		about: "identity providers at which users may sign in, and whose tokens may be exchanged"},
		func(s *Settings) any { return &s.IDPs }},

	{rule{key: "claims.user_attributes", check: checkClaim,
		about: "user fields and attributes that become claims of the same name"},
		func(s *Settings) any { return &s.UserAttributes }},
	{rule{key: "claims.template", example: `role: "${tenant}"`,
		about: "claims of any form, in whose texts ${name} is a user field or an attribute; alone it keeps its type, and $${ is a literal ${"},
		func(s *Settings) any { return &s.ClaimTemplate }},
	{rule{key: "claims.hook.url", check: checkHookURL, private: true, example: "https://hooks.example.com/claims",
		pattern: `^https?://[^/?#@ ]+([/?][^#]*)?$`, about: "URL that is asked for claims at every sign-in, exchange and refresh"},
		func(s *Settings) any { return &s.Hook.URL }},
	{rule{key: "claims.hook.secret", secret: true,
		about: "key of at least 24 bytes that signs what is sent to the hook; after whsec_ it is read as base64"},
		func(s *Settings) any { return &s.Hook.Secret }},
	{rule{key: "claims.hook.timeout", standard: "2s", least: "100ms", most: "10s",
		about: "how long the hook may take"},
		func(s *Settings) any { return &s.Hook.Timeout }},
	{rule{key: "user_fields",
		about: "user fields and attributes that the token response shows as user"},
		func(s *Settings) any { return &s.UserFields }},
	{rule{key: "user_uuid_attribute",
		about: "attribute that receives the provider's subject when an exchange makes a user"},
		func(s *Settings) any { return &s.UserUUIDAttribute }},

	{rule{key: "password.hash", standard: "argon2id", pattern: hashPattern,
		about: "cost of a password hash; argon2id alone is argon2id,m=19456,t=2,p=1: 19456 KiB, 2 passes, 1 lane"},
		func(s *Settings) any { return &s.Password.Hash }},
	{rule{key: "password.min_length", standard: "8", least: "1", most: "256",
		about: "characters that a new password must have at password/; commands warn of a shorter one"},
		func(s *Settings) any { return &s.Password.MinLength }},
	{rule{key: "password.slots", standard: "0", least: "0", most: "1024",
		about: "passwords hashed at a time, each with the memory of password.hash; 0 is one for each core, and one less leaves a core to those who are signed in"},
		func(s *Settings) any { return &s.Password.Slots }},

	{rule{key: "limits.account", standard: "10/10m", pattern: limitPattern,
		about: "failed passwords of one account from an address that it has signed in from; all other addresses share one such count"},
		func(s *Settings) any { return &s.Limits.Account }},
	{rule{key: "limits.address", standard: "100/10m", pattern: limitPattern,
		about: "failed passwords and forged tokens from one address, an IPv6 address counting by its /64"},
		func(s *Settings) any { return &s.Limits.Address }},
	{rule{key: "limits.session", standard: "120/1m", pattern: limitPattern,
		about: "new refresh tokens of one session; a repeated request is not counted"},
		func(s *Settings) any { return &s.Limits.Session }},
	{rule{key: "limits.login", standard: "60/1m", pattern: limitPattern,
		about: "logins at a provider that are started from one address"},
		func(s *Settings) any { return &s.Limits.Login }},
	{rule{key: "limits.sessions", standard: "500", least: "1", most: "10000",
		about: "live sessions of one user; a sign-in beyond ends those used least recently"},
		func(s *Settings) any { return &s.Limits.Sessions }},
	{rule{key: "events.retention", standard: "2160h", least: "24h", most: "878400h",
		about: "how long the audit trail in the database is kept"},
		func(s *Settings) any { return &s.EventRetention }},

	{rule{key: "forward.enabled", standard: "false",
		about: "answer proxies in trusted_proxies that ask who a request comes from, for services that know nothing of tokens"},
		func(s *Settings) any { return &s.Forward.Enabled }},
	{rule{key: "forward.cookie_name", standard: "sallyport_site", check: checkCookieName, pattern: cookieNamePattern,
		about: "name of the site cookie; behind __Host- when it is for one host and the issuer is https"},
		func(s *Settings) any { return &s.Forward.CookieName }},
	{rule{key: "forward.cookie_domain",
		about: "parent domain of the sites, whose hosts all receive the site cookie; by default the issuer's host alone"},
		func(s *Settings) any { return &s.Forward.CookieDomain }},
	{rule{key: "forward.sign_in", check: checkSignIn, example: "/sign-in", pattern: `^(/([^/?#* ][^?#* ]*)?|https?://[^/?#@* ]+(/[^?#* ]*)?)$`,
		about: "page where people sign in, a path of the issuer's origin or an address that return_to allows; by default ui/sign-in/ below the mount"},
		func(s *Settings) any { return &s.Forward.SignIn }},

	{rule{key: "log.level", flag: "log-level", standard: "info", words: []string{"debug", "info", "warn", "error"},
		about: "least level that is logged"},
		func(s *Settings) any { return &s.Log.Level }},
	{rule{key: "log.format", flag: "log-format", words: []string{"text", "json"}, example: "text",
		about: "form of the log; by default text on a terminal, else json"},
		func(s *Settings) any { return &s.Log.Format }},
}

// FlagHelp is what the flags that set something are for, by the name of the flag.
func FlagHelp() map[string]string {
	help := map[string]string{}
	for _, row := range table {
		if row.flag != "" {
			help[row.flag] = row.about
		}
	}
	return help
}
