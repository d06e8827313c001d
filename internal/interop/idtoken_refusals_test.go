package interop

const (
	both        = goOIDC + ", " + hcap
	core        = "OpenID Connect Core 1.0 "
	folds       = "names are compared exactly: this is a claim that nobody knows; encoding/json takes it for the other"
	foldsSource = "RFC 7519 §4, RFC 8259 §8.3"
	dateWhy     = "a date is a number of seconds since 1970, above zero and below 2^53"
	dateSource  = "RFC 7519 §2, RFC 7493 §2.2; house rule 0 < n < 2^53"
	kindWhy     = "a token of the same provider for the same client that says it is no ID token"
	kindSource  = "RFC 8725 §3.11, §3.12; RFC 9068 §5"
)

var idTokenDifferences = differences{
	refused: []difference{
		{
			cases: []string{"header: typ at+jwt", "header: typ application/at+jwt", "header: typ logout+jwt", "header: typ dpop+jwt", "header: typ secevent+jwt",
				"header: typ id_token", "header: typ of any text", "kind: logout token with the type of one", "kind: access token with the claims of an ID token"},
			who: both, why: "the header names another kind of token; neither of them reads typ", source: "RFC 8725 §3.11, RFC 9068 §4, Back-Channel Logout 1.0 §2.4",
		},
		{
			cases: []string{"header: typ application/jwt"},
			who:   both, why: "no provider writes it; only JWT, in any case, and none at all are let through", source: "RFC 7519 §5.1 (JWT is recommended); house rule",
		},
		{
			cases: []string{"header: typ null", "header: typ a number", "header: typ a list"},
			who:   both, why: "typ is a string when it is present", source: "RFC 7515 §4.1.9",
		},
		{
			cases: []string{"header: kid empty", "header: kid null"},
			who:   both, why: "a kid is present and names no key; every key is tried", source: "RFC 7515 §4.1.4",
		},
		{
			cases: []string{"header: crit empty", "header: crit null"},
			who:   both, why: "crit is a list with members when it is present", source: "RFC 7515 §4.1.11",
		},
		{
			cases: []string{"header: crit names b64, true", "header: b64 true without crit", "header: b64 null"},
			who:   both, why: "b64 is not supported, whatever its value", source: "RFC 7797 §6",
		},
		{
			cases: []string{"header: zip"},
			who:   both, why: "a signed token is not compressed; who decompresses it reads something else", source: "RFC 7516 §4.1.3, RFC 8725bis §3.15",
		},
		{
			cases: []string{"header: invalid UTF-8 in a value", "header: invalid UTF-8 in a name", "header: overlong UTF-8", "header: lone surrogate",
				"payload: invalid UTF-8", "payload: lone surrogate"},
			who: both, why: utf8Why, source: utf8Source,
		},
		{
			cases: []string{"header: arrays 40 deep", "payload: arrays 40 deep"},
			who:   both, why: depthWhy, source: depthSource,
		},
		{
			cases: []string{"spelling: signature with stray low bits", "spelling: signature with a newline inside", "spelling: signature with a space inside",
				"spelling: newline behind", "spelling: carriage return behind", "spelling: space behind", "spelling: newline in front", "spelling: space in front",
				"spelling: no-break space in front"},
			who: both, why: spellingWhy + "; an ID token that was used once would pass again", source: spelling,
		},
		{
			cases: []string{"spelling: JSON serialization, flattened", "spelling: JSON serialization, general", "spelling: flattened JSON of idptest"},
			who:   goOIDC, why: "a JWT is always in the compact serialization", source: "RFC 7519 §1",
		},
		{
			cases: []string{"claims: x of 17 KB"},
			who:   both, why: "an ID token is at most 16 KiB long", source: "house limit",
		},
		{
			cases: []string{"payload: exp twice, ended first", "payload: sub twice", "payload: sub twice, the first in escapes", "payload: aud twice",
				"payload: unknown claim twice", "payload: name twice inside a claim"},
			who: both, why: twice + "; these take the last", source: twiceSource,
		},
		{
			cases: []string{"payload: number beyond float64"},
			who:   goOIDC, why: "a number that most readers cannot hold", source: "RFC 8259 §6",
		},

		{
			cases: []string{"claims: aud ours and another, azp ours"},
			who:   both, why: "an audience that is not trusted can pass the token on", source: core + "§3.1.3.7 (3)",
		},
		{
			cases: []string{"claims: aud ours and another, azp absent", "claims: aud ours and another, azp another"},
			who:   goOIDC, why: "an audience that is not trusted can pass the token on", source: core + "§3.1.3.7 (3)",
		},
		{
			cases: []string{"claims: aud ours, azp another", "claims: aud ours, azp null", "claims: aud ours, azp a number", "claims: aud ours, azp empty", "claims: aud ours, azp a list"},
			who:   goOIDC, why: "issued to somebody else: azp is a client of ours when it is present", source: core + "§2, §3.1.3.7 (5) before errata set 2",
		},
		{
			cases: []string{"claims: aud both of ours, azp absent", "claims: aud ours twice, azp absent"},
			who:   goOIDC, why: "with several audiences azp must say for whom the token was made", source: core + "§3.1.3.7 (4) before errata set 2",
		},
		{
			cases: []string{"claims: aud another, azp ours", "claims: aud a stranger's ios, azp ours"},
			who:   hcap, why: "the client must be in aud, whatever azp says; cap, without a list of audiences, is content with either", source: core + "§3.1.3.7 (3)",
		},
		{
			cases: []string{"claims: aud a list with null"},
			who:   goOIDC, why: "aud is a string or a list of strings", source: "RFC 7519 §4.1.3",
		},
		{
			cases: []string{"claims: AUD ours behind an aud of another", "claims: EXP good behind an exp of yesterday", "claims: SUB in place of sub"},
			who:   both, why: folds, source: foldsSource,
		},

		{
			cases: []string{"claims: sub absent", "claims: sub empty", "claims: sub null"},
			who:   goOIDC, why: "without a subject all users are one", source: core + "§2; CVE-2026-42560",
		},
		{
			cases: []string{"claims: sub a space", "claims: sub beyond ASCII", "claims: sub with a NUL", "claims: sub with a newline"},
			who:   both, why: "a subject is made of ASCII characters, and one that cannot be seen is none", source: core + "§2; house rule: printable, not blank",
		},
		{
			cases: []string{"claims: sub of 256 characters", "claims: sub of 300 characters"},
			who:   both, why: "at most 255 characters", source: core + "§2",
		},

		{
			cases: []string{"claims: iat 601 s ago", "claims: iat a day ago"},
			who:   both, why: "an ID token does not show that its user has signed out since: only a fresh one opens a session", source: core + "§3.1.3.7 (10); house rule: MaxTokenAge, 10 minutes",
		},
		{
			cases: []string{"claims: iat absent"},
			who:   both, why: "iat is required", source: core + "§2",
		},
		{
			cases: []string{"claims: iat in 61 s", "claims: iat in an hour", "claims: iat in a day"},
			who:   goOIDC, why: "issued in the future, beyond the leeway of 60 s", source: core + "§3.1.3.7 (10)",
		},
		{
			cases: []string{"claims: nbf in 61 s", "claims: nbf in 4 minutes"},
			who:   both, why: "not good yet, beyond the leeway of 60 s; theirs is five minutes, here alone", source: "RFC 7519 §4.1.5",
		},
		{
			cases: []string{"claims: exp text", "claims: iat text", "claims: nbf text", "claims: nbf null", "claims: exp 2^53", "claims: iat zero", "claims: nbf zero",
				"claims: iat negative", "claims: nbf negative", "claims: iat 1e300", "claims: nbf 1e300"},
			who: both, why: dateWhy, source: dateSource,
		},

		{
			cases: []string{"claims: nonce absent", "claims: nonce of another login", "claims: nonce empty", "claims: nonce null", "claims: nonce in capitals",
				"claims: nonce with more behind"},
			who: goOIDC, why: "the nonce is that of the login; go-oidc leaves it to its caller", source: core + "§3.1.3.7 (11), §15.5.2",
		},
		{
			cases: []string{"nonce: none in the token, an empty one known", "nonce: empty in the token, an empty one known"},
			who:   goOIDC, why: "an empty nonce binds nothing", source: core + "§15.5.2",
		},
		{
			cases: []string{"claims: token_use access", "claims: token_use refresh", "claims: token_use ID", "claims: token_use empty", "claims: token_use null", "claims: token_use true",
				"claims: typ Bearer", "claims: typ bearer", "claims: typ Refresh", "claims: typ Offline", "claims: typ Logout",
				"kind: access token of Cognito's shape"},
			who: both, why: kindWhy, source: kindSource + "; Amazon Cognito's token_use, Keycloak's typ",
		},
		{
			cases: []string{"claims: typ null", "claims: typ 1"},
			who:   both, why: "a claim that tells kinds apart is a word when it is present", source: kindSource,
		},
		{
			cases: []string{"claims: events an empty object", "claims: events null", "claims: events of a logout"},
			who:   both, why: "a security event token", source: "RFC 8417 §2.2, Back-Channel Logout 1.0 §2.4",
		},
		{
			cases: []string{"kind: the same string as both tokens"},
			who:   both, why: "one string cannot be both; where access tokens look like ID tokens nothing else tells", source: "RFC 8725 §3.12",
		},
		{
			cases: []string{"access token: at_hash empty"},
			who:   goOIDC, why: "a hash that is present must be right; go-oidc cannot tell an empty one from none", source: core + "§3.1.3.8",
		},
		{
			cases: []string{"access token: at_hash null", "access token: at_hash empty, EdDSA"},
			who:   both, why: "a hash that is present must be right", source: core + "§3.1.3.8",
		},
		{
			cases: []string{"access token: at_hash of another token, EdDSA", "access token: another, opaque, EdDSA"},
			who:   hcap, why: "the hash for Ed25519 is SHA-512, by convention; cap checks none", source: core + "§3.1.3.6, §3.1.3.8",
		},
		{
			cases: []string{"access token: of another subject, its at_hash right", "access token: without a subject, its at_hash right", "access token: a day past its end, its at_hash right",
				"access token: without an end, its at_hash right", "access token: wrongly signed, its at_hash right"},
			who: both, why: "an access token that can be read, of the same issuer, must be good and the same user's", source: "RFC 9068 §4, RFC 9700 §4.6; house rule",
		},
	},
	accepted: []difference{
		{
			cases: []string{"claims: exp 1 s ago", "claims: exp 59 s ago", "claims: exp 59 s ago, iat in 59 s"},
			who:   both, why: "clocks may differ by 60 s", source: "RFC 7519 §4.1.4 (a small leeway)",
		},
		{
			cases: []string{"claims: aud our further client, azp absent", "claims: aud our further client, azp the same", "claims: aud ours, azp our further client"},
			who:   hcap, why: "azp may be a further client of ours, as the audience may; cap wants its one client ID", source: core + "§2; the setting Audiences",
		},
		{
			cases: []string{"nonce: none in the token, none known"},
			who:   hcap, why: "an app may have sent no nonce; cap takes no token without one. RequireNonce forbids it, and a login of our own always has one", source: core + "§3.1.2.1 (nonce is optional in the code flow)",
		},
		{
			cases: []string{"nonce: a number in the token, none known", "nonce: an object in the token, none known", "access token: none, at_hash a number"},
			who:   both, why: "there is nothing to compare it with, and nothing else reads it", source: core + "§3.1.3.7 (11), §3.1.3.8",
		},
		{
			cases: []string{"claims: _claim_names a list", "claims: _claim_names without a source", "claims: _claim_sources a number"},
			who:   both, why: "aggregated and distributed claims are not read", source: core + "§5.6.2 (optional)",
		},
		{
			cases: []string{"claims: ISS wrong behind", "claims: AUD wrong behind", "claims: EXP wrong behind", "claims: NBF wrong behind"},
			who:   both, why: folds, source: foldsSource,
		},
		{
			cases: []string{"claims: IAT wrong behind", "claims: NONCE of somebody else behind"},
			who:   hcap, why: folds, source: foldsSource,
		},
		{
			cases: []string{"header: jwk no key", "header: jwk a list", "header: x5c no certificate"},
			who:   both, why: ignoredWhy, source: ignored,
		},
		{
			cases: []string{"header: nonce a number"},
			who:   both, why: "nonce is a member of ACME alone", source: "RFC 7515 §4, RFC 8555 §6.5.2",
		},
	},
	misread: []difference{{
		cases: []string{"claims: SUB of somebody else behind", "claims: U+017F ub of somebody else behind"},
		who:   goOIDC, why: "sub, and no name that looks like it: under a right signature there must be one user", source: foldsSource,
	}},
}

var providerKeyDifferences = differences{
	refused: []difference{
		{
			cases: []string{"provider: key of use enc", "provider: key of use SIG", "provider: key_ops sign"},
			who:   both, why: "a key that says what it is for, and does not say to verify signatures", source: "RFC 7517 §4.2, §4.3; " + core + "§10.1",
		},
		{
			cases: []string{"provider: key of alg PS256", "provider: key of alg ES384"},
			who:   both, why: "one key, one algorithm, and this one is for another", source: "RFC 7517 §4.4, RFC 8725 §3.1",
		},
		{
			cases: []string{"provider: two keys fit a token without kid"},
			who:   both, why: "with several keys the token must name its own; these try them all", source: core + "§10.1",
		},
		{
			cases: []string{"provider: two keys of the same kid, the right one last"},
			who:   both, why: "a kid names one key of an algorithm, here the first; these try them all", source: "RFC 7517 §4.5",
		},
		{
			cases: []string{"provider: 101 keys"},
			who:   both, why: "an issuer has a handful of keys, and each costs work", source: "house limit",
		},
		{
			cases: []string{"provider: set: KEYS in place of keys"},
			who:   both, why: "names are case-sensitive; encoding/json folds them", source: "RFC 7517 §4, §5",
		},
		{
			cases: []string{"provider: set: keys twice, empty first"},
			who:   both, why: twice, source: "RFC 7517 §4, RFC 8259 §4",
		},
		{
			cases: []string{"provider: RSA of 1024 bits"},
			who:   both, why: "2048 bits or more are required", source: "RFC 7518 §3.3",
		},
		{
			cases: []string{"provider: RSA exponent 3"},
			who:   both, why: "below 65537: with a small exponent sloppy padding can be forged", source: "FIPS 186-5 §A.1.1, RFC 8725 §3.4",
		},
	},
	accepted: []difference{
		{
			cases: []string{"provider: x5c no certificate"},
			who:   both, why: "members that are not read are ignored", source: "RFC 7517 §4",
		},
		{
			cases: []string{"provider: key off its curve first", "provider: empty key first"},
			who:   both, why: "a key that cannot be used is passed over, so that it does not stop the others", source: "RFC 7517 §5",
		},
	},
}

// logoutDifferences are about go-oidc alone: cap reads no logout tokens.
var logoutDifferences = differences{
	refused: []difference{
		{
			cases: []string{"logout: typ at+jwt", "logout: typ secevent+jwt", "logout: typ dpop+jwt"},
			who:   goOIDC, why: "the header names another kind of token; logout+jwt, and what older providers write, JWT or nothing, are let through", source: "Back-Channel Logout 1.0 §2.4, RFC 8725 §3.11",
		},
		{
			cases: []string{"logout: typ null"},
			who:   goOIDC, why: "typ is a string when it is present", source: "RFC 7515 §4.1.9",
		},
		{
			cases: []string{"logout: crit empty"},
			who:   goOIDC, why: "the list must not be empty", source: "RFC 7515 §4.1.11",
		},
		{
			cases: []string{"logout: newline behind"},
			who:   goOIDC, why: spellingWhy, source: spelling,
		},
		{
			cases: []string{"logout: event null", "logout: event text", "logout: event a list"},
			who:   goOIDC, why: "the event is a JSON object", source: "Back-Channel Logout 1.0 §2.4, RFC 8417 §2.2",
		},
		{
			cases: []string{"logout: event in capitals", "logout: EVENTS in place of events"},
			who:   goOIDC, why: "names are compared exactly; encoding/json folds them", source: foldsSource,
		},
		{
			cases: []string{"logout: iat absent", "logout: iat text"},
			who:   goOIDC, why: "iat is required, and a number", source: "Back-Channel Logout 1.0 §2.4, §2.6 (3)",
		},
		{
			cases: []string{"logout: exp text"},
			who:   goOIDC, why: "a date is a number", source: "RFC 7519 §2",
		},
		{
			cases: []string{"logout: iat in 61 s", "logout: iat 121 s ago", "logout: iat a day ago"},
			who:   goOIDC, why: "a logout token is delivered at once: an old one is replayed, and its jti need not be remembered for ever", source: "Back-Channel Logout 1.0 §2.6, §4; house limit of 2 minutes",
		},
		{
			cases: []string{"logout: aud ours and another"},
			who:   goOIDC, why: "an audience that is not trusted can pass the token on", source: "Back-Channel Logout 1.0 §2.6; " + core + "§3.1.3.7 (3)",
		},
		{
			cases: []string{"logout: azp another"},
			who:   goOIDC, why: "the rule of ID tokens about azp, where there is one", source: "Back-Channel Logout 1.0 §2.6; " + core + "§3.1.3.7 (5) before errata set 2",
		},
		{
			cases: []string{"logout: nbf in a day"},
			who:   goOIDC, why: "not good yet, beyond the leeway of 60 s", source: "RFC 7519 §4.1.5",
		},
		{
			cases: []string{"logout: sub empty, with a sid", "logout: sub null, with a sid", "logout: sub of 300 characters"},
			who:   goOIDC, why: "a subject is 1 to 255 ASCII characters when it is present", source: core + "§2",
		},
		{
			cases: []string{"logout: sid empty", "logout: sid null"},
			who:   goOIDC, why: "a session is named by a string with content, or not at all", source: "Back-Channel Logout 1.0 §2.4",
		},
		{
			cases: []string{"logout: sid of 256 bytes", "logout: jti of 256 bytes"},
			who:   goOIDC, why: "at most 255 bytes are kept", source: "house limit",
		},
		{
			cases: []string{"logout: sub twice"},
			who:   goOIDC, why: twice, source: twiceSource,
		},
	},
	accepted: []difference{
		{
			cases: []string{"logout: exp absent"},
			who:   goOIDC, why: "providers of the drafts send none; iat, at most 2 minutes old, is the end", source: "Back-Channel Logout 1.0 §2.4 (exp is required since its last drafts)",
		},
		{
			cases: []string{"logout: exp 59 s ago"},
			who:   goOIDC, why: "clocks may differ by 60 s", source: "RFC 7519 §4.1.4 (a small leeway)",
		},
		{
			cases: []string{"logout: with a NONCE"},
			who:   goOIDC, why: folds, source: foldsSource,
		},
	},
	misread: []difference{{
		cases: []string{"logout: SUB of somebody else behind", "logout: SID of another session behind"},
		who:   goOIDC, why: "sub and sid, and no names that look like them: another user would be signed out", source: foldsSource,
	}},
}
