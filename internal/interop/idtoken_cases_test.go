package interop

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// idTokenCase is an ID token in which the options change one thing. Without post, it is posted with the nonce that was sent.
type idTokenCase struct {
	name   string
	opts   []idptest.Option
	post   func(t idptest.Tokens) posted
	hashed bool // the verdict depends on at_hash, which cap knows for all algorithms but EdDSA
}

func with(name string, opts ...idptest.Option) idTokenCase {
	return idTokenCase{name: name, opts: opts}
}

// claim is a case with one claim changed.
func claim(what, name string, value any) idTokenCase {
	if value == absent {
		return with("claims: "+name+" "+what, idptest.Without(name))
	}
	return with("claims: "+name+" "+what, idptest.Claim(name, value))
}

// presented is a case that says itself what is posted.
func presented(name string, post func(t idptest.Tokens) posted, opts ...idptest.Option) idTokenCase {
	return idTokenCase{name: name, opts: opts, post: post}
}

// withNonce posts the ID token with a nonce; nil for none.
func withNonce(nonce *string) func(idptest.Tokens) posted {
	return func(t idptest.Tokens) posted { return posted{idToken: t.IDToken, nonce: nonce} }
}

// ofTwo is a case of an app whose two clients are both welcome.
func ofTwo(name string, opts ...idptest.Option) idTokenCase {
	return presented(name, func(t idptest.Tokens) posted {
		return posted{idToken: t.IDToken, nonce: text(sentNonce), further: true}
	}, opts...)
}

// withAccessToken posts both tokens.
func withAccessToken(t idptest.Tokens) posted {
	return posted{idToken: t.IDToken, accessToken: t.AccessToken, nonce: text(sentNonce)}
}

func text(s string) *string { return &s }

// idTokenCases are those whose signature is right, unless their name says otherwise.
func idTokenCases(issuer string) []idTokenCase {
	return slices.Concat(idTokenTypeCases(), idTokenClaimCases(issuer), idTokenNonceCases(), idTokenKindCases(), accessTokenCases())
}

func idTokenTypeCases() []idTokenCase {
	cases := []idTokenCase{
		with("good"),
		with("header: kid absent, one key of the algorithm", idptest.WithoutHeader("kid")),
		with("header: alg none, signature empty", idptest.Algorithm("none")),
		with("header: alg None, signature empty", idptest.Algorithm("None")),
		with("header: alg HS256 under the public key as PEM", idptest.Algorithm("HS256")),
		with("header: alg HS512 under the public key as PEM", idptest.Algorithm("HS512")),
		with("header: alg PS256, rightly signed", idptest.Algorithm("PS256")),
		with("header: alg RS512, rightly signed", idptest.Algorithm("RS512")),
		with("header: alg ES384, rightly signed", idptest.Algorithm("ES384")),
	}
	for _, typ := range []string{"jwt", "application/jwt", "at+jwt", "application/at+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", "id_token"} {
		cases = append(cases, with("header: typ "+typ, idptest.Header("typ", typ)))
	}
	return cases
}

func idTokenClaimCases(issuer string) []idTokenCase {
	const other = "payroll"
	cases := []idTokenCase{
		claim("absent", "iss", absent), claim("null", "iss", nil), claim("empty", "iss", ""), claim("a list", "iss", []string{issuer}), claim("a number", "iss", 1),
		claim("another", "iss", "https://other.example.com"), claim("with a slash more", "iss", issuer+"/"), claim("in capitals", "iss", strings.ToUpper(issuer)),
		claim("https for http", "iss", strings.Replace(issuer, "http:", "https:", 1)), claim("with a NUL behind", "iss", issuer+"\x00"),
		claim("with a space behind", "iss", issuer+" "), claim("with user information", "iss", strings.Replace(issuer, "//", "//x@", 1)),

		claim("a list of one", "aud", []string{clientID}), claim("absent", "aud", absent), claim("null", "aud", nil), claim("empty", "aud", ""),
		claim("an empty list", "aud", []string{}), claim("another", "aud", other), claim("in another case", "aud", "SPA"), claim("with ours inside", "aud", clientID+" "+other),
		claim("a list with a number", "aud", []any{clientID, 1}), claim("a list with null", "aud", []any{clientID, nil}), claim("a list in a list", "aud", []any{[]any{clientID}}),
		claim("an object", "aud", map[string]any{clientID: true}), claim("a number", "aud", 1),
		with("claims: aud ours and another, azp absent", idptest.For([]string{clientID, other}), idptest.Without("azp")),
		with("claims: aud ours and another, azp ours", idptest.For([]string{clientID, other}), idptest.Claim("azp", clientID)),
		with("claims: aud ours and another, azp another", idptest.For([]string{clientID, other}), idptest.Claim("azp", other)),
		with("claims: aud ours, azp another", idptest.Claim("azp", other)),
		with("claims: aud ours, azp ours", idptest.Claim("azp", clientID)),
		with("claims: aud ours, azp null", idptest.Claim("azp", nil)),
		with("claims: aud ours, azp a number", idptest.Claim("azp", 1)),
		with("claims: aud ours, azp empty", idptest.Claim("azp", "")),
		with("claims: aud ours, azp a list", idptest.Claim("azp", []string{clientID})),
		with("claims: aud another, azp ours", idptest.For(other), idptest.Claim("azp", clientID)),
		with("claims: aud a stranger's ios, azp ours", idptest.For(furtherID), idptest.Claim("azp", clientID)),
		ofTwo("claims: aud another, azp ours, of two clients", idptest.For(other), idptest.Claim("azp", clientID)),
		ofTwo("claims: aud our further client, azp ours", idptest.For(furtherID), idptest.Claim("azp", clientID)),
		ofTwo("claims: aud our further client, azp absent", idptest.For(furtherID), idptest.Without("azp")),
		ofTwo("claims: aud our further client, azp the same", idptest.For(furtherID), idptest.Claim("azp", furtherID)),
		ofTwo("claims: aud ours, azp our further client", idptest.Claim("azp", furtherID)),
		ofTwo("claims: aud both of ours, azp absent", idptest.For([]string{clientID, furtherID}), idptest.Without("azp")),
		ofTwo("claims: aud both of ours, azp ours", idptest.For([]string{clientID, furtherID}), idptest.Claim("azp", clientID)),
		with("claims: aud ours twice, azp absent", idptest.For([]string{clientID, clientID}), idptest.Without("azp")),

		claim("absent", "sub", absent), claim("empty", "sub", ""), claim("null", "sub", nil), claim("a number", "sub", 1), claim("a list", "sub", []string{"alice"}),
		claim("a space", "sub", " "), claim("of 255 characters", "sub", strings.Repeat("s", 255)), claim("of 256 characters", "sub", strings.Repeat("s", 256)),
		claim("of 300 characters", "sub", strings.Repeat("s", 300)), claim("beyond ASCII", "sub", "\u00e4lice"), claim("with a NUL", "sub", "alice\x00"), claim("with a newline", "sub", "alice\n"),

		claim("now", "exp", at(0)), claim("1 s ago", "exp", at(-1)), claim("in 59 s", "iat", at(59)), claim("in an hour", "iat", at(3600)),
		claim("10 minutes ago", "iat", at(-600)), claim("601 s ago", "iat", at(-601)), claim("a day ago", "iat", at(-86400)),
		claim("in 59 s", "nbf", at(59)), claim("in 4 minutes", "nbf", at(240)), claim("in 6 minutes", "nbf", at(360)), claim("a day ago", "nbf", at(-86400)),
		with("claims: exp 59 s ago, iat in 59 s", idptest.Claim("exp", at(-59)), idptest.Claim("iat", at(59))),

		claim("text", "auth_time", "today"), claim("text", "email_verified", "true"), claim("a number", "email", 1), claim("null", "acr", nil), claim("text", "amr", "pwd"),
		claim("a list", "_claim_names", []string{"x"}), claim("without a source", "_claim_names", map[string]string{"x": "y"}), claim("a number", "_claim_sources", 1),
		claim("of every type", "x", map[string]any{"a": []any{nil, true, 1.5, "s"}}), claim("of 17 KB", "x", strings.Repeat("x", 17<<10)),
	}
	for _, name := range []string{"SUB", "\u017fub", "NONCE"} {
		called := strings.Replace(name, "\u017f", "U+017F ", 1)
		cases = append(cases, with("claims: "+called+" of somebody else behind", idptest.DuplicateClaim(name, "mallory")))
	}
	for _, c := range []struct {
		name  string
		value any
	}{{"ISS", "https://other.example.com"}, {"AUD", other}, {"EXP", at(-3600)}, {"IAT", at(3600)}, {"NBF", at(3600)}, {"AZP", other}} {
		cases = append(cases, with("claims: "+c.name+" wrong behind", idptest.DuplicateClaim(c.name, c.value)))
	}
	cases = append(cases, with("claims: EXP good behind an exp of yesterday", idptest.Claim("exp", at(-86400)), idptest.DuplicateClaim("EXP", at(300))),
		with("claims: AUD ours behind an aud of another", idptest.For(other), idptest.DuplicateClaim("AUD", clientID)),
		with("claims: SUB in place of sub", idptest.Without("sub"), idptest.Claim("SUB", "alice")))
	for _, c := range spoiltClaims {
		if slices.Contains([]string{"exp", "iat", "nbf"}, c.claim) {
			cases = append(cases, claim(strings.TrimPrefix(c.name, c.claim+" "), c.claim, c.value))
		}
	}
	return cases
}

func idTokenNonceCases() []idTokenCase {
	return []idTokenCase{
		claim("absent", "nonce", absent), claim("of another login", "nonce", "another"), claim("empty", "nonce", ""), claim("null", "nonce", nil), claim("a number", "nonce", 1),
		claim("in capitals", "nonce", strings.ToUpper(sentNonce)), claim("a list", "nonce", []string{sentNonce}), claim("with more behind", "nonce", sentNonce+"x"),
		presented("nonce: in the token, none known", withNonce(nil)),
		presented("nonce: none in the token, none known", withNonce(nil), idptest.Nonce("")),
		presented("nonce: a number in the token, none known", withNonce(nil), idptest.Claim("nonce", 1)),
		presented("nonce: an object in the token, none known", withNonce(nil), idptest.Claim("nonce", map[string]any{})),
		presented("nonce: none in the token, an empty one known", withNonce(text("")), idptest.Nonce("")),
		presented("nonce: empty in the token, an empty one known", withNonce(text("")), idptest.Claim("nonce", "")),
	}
}

// idTokenKindCases are tokens of the same provider, for the same client, that are no ID tokens.
func idTokenKindCases() []idTokenCase {
	var cases []idTokenCase
	for _, use := range []any{"id", "access", "refresh", "ID", "", nil, true} {
		cases = append(cases, claim(worded(use), "token_use", use))
	}
	for _, typ := range []any{"ID", "JWT", "Bearer", "bearer", "Refresh", "Offline", "Logout", "any text", nil, 1} {
		cases = append(cases, claim(worded(typ), "typ", typ))
	}
	logout := map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
	return append(cases,
		claim("an empty object", "events", map[string]any{}), claim("null", "events", nil), claim("of a logout", "events", logout),
		with("kind: logout token with the type of one", idptest.Header("typ", "logout+jwt"), idptest.Claim("events", logout)),
		with("kind: access token of Cognito's shape", idptest.Claim("token_use", "access"), idptest.Claim("client_id", clientID), idptest.Claim("scope", "openid")),
		with("kind: access token with the claims of an ID token", idptest.Header("typ", "at+jwt"), idptest.Claim("scope", "openid"), idptest.Claim("client_id", clientID)),
		// Nobody can tell this one: the same issuer, audience and nonce, and no word of what it is.
		with("kind: access token that says nothing else than an ID token", idptest.Without("at_hash"), idptest.Claim("scope", "openid")),
		presented("kind: the access token in its place", func(t idptest.Tokens) posted { return posted{idToken: t.AccessToken, nonce: text(sentNonce)} }),
		presented("kind: the refresh token in its place", func(t idptest.Tokens) posted { return posted{idToken: t.RefreshToken, nonce: text(sentNonce)} }),
		presented("kind: the same string as both tokens", func(t idptest.Tokens) posted {
			return posted{idToken: t.IDToken, accessToken: t.IDToken, nonce: text(sentNonce)}
		}, idptest.Without("at_hash")),
		presented("kind: nothing", func(idptest.Tokens) posted { return posted{nonce: text(sentNonce)} }),
	)
}

// worded is a value in the name of a case.
func worded(v any) string {
	switch v {
	case nil:
		return "null"
	case "":
		return "empty"
	}
	return fmt.Sprint(v)
}

// accessTokenCases are about the access token that comes with an ID token, and the hash that ties the two.
func accessTokenCases() []idTokenCase {
	both := func(name string, opts ...idptest.Option) idTokenCase {
		return presented("access token: "+name, withAccessToken, opts...)
	}
	hashed := func(c idTokenCase) idTokenCase {
		c.hashed = true
		return c
	}
	another := func(t idptest.Tokens) posted {
		p := withAccessToken(t)
		p.accessToken = "another-opaque-token"
		return p
	}
	opaque := idptest.InAccessToken(idptest.Mutate(func(string) string { return "opaque-token" }))
	return []idTokenCase{
		both("the right one"), both("an opaque one", opaque), both("no at_hash", idptest.Without("at_hash")),
		hashed(both("at_hash empty", idptest.Claim("at_hash", ""))), both("at_hash null", idptest.Claim("at_hash", nil)), both("at_hash a number", idptest.Claim("at_hash", 1)),
		both("at_hash a list", idptest.Claim("at_hash", []string{"x"})), hashed(both("at_hash of another token", idptest.Claim("at_hash", strings.Repeat("A", 22)))),
		presented("access token: another, with no at_hash", another, idptest.Without("at_hash")),
		hashed(presented("access token: another, opaque", another)),
		both("of another subject, its at_hash right", idptest.InAccessToken(idptest.Claim("sub", "mallory"))),
		both("without a subject, its at_hash right", idptest.InAccessToken(idptest.Without("sub"))),
		both("a day past its end, its at_hash right", idptest.InAccessToken(idptest.Claim("exp", at(-86400)))),
		both("without an end, its at_hash right", idptest.InAccessToken(idptest.Without("exp"))),
		both("59 s past its end, its at_hash right", idptest.InAccessToken(idptest.Claim("exp", at(-59)))),
		both("wrongly signed, its at_hash right", idptest.InAccessToken(idptest.Mutate(idptest.FlipBit(2, 0)))),
		both("of another issuer, its at_hash right", idptest.InAccessToken(idptest.Claim("iss", "https://other.example.com"))),
		presented("access token: none, at_hash wrong", nil, idptest.Claim("at_hash", "wrong")),
		presented("access token: none, at_hash a number", nil, idptest.Claim("at_hash", 1)),
	}
}

// idTokenVariants makes every ID token of one signer: the cases above, and bytes that no option makes.
func idTokenVariants(t testing.TB, fake *idptest.Provider, signers []signer, i int) []variant {
	t.Helper()
	s := signers[i]
	var all []variant
	for _, c := range idTokenCases(fake.Issuer()) {
		all = append(all, idTokenVariant(fake, s, c))
	}
	add := func(name, token string) {
		all = append(all, variant{name, posted{idToken: token, nonce: text(sentNonce)}.form()})
	}
	good := string(marshal(t, goodIDToken(fake.Issuer())))
	fill := fillHeader(t, signers, i, newSigners(t)[i])
	for _, h := range headers {
		add("header: "+h.name, s.token(t, fill.Replace(strings.ReplaceAll(h.header, "at+jwt", "JWT")), good))
	}
	for _, p := range spoiltPayloads {
		add("payload: "+p.name, s.token(t, idTokenHeader(s), p.change(good)))
	}
	add("payload: a token", s.token(t, idTokenHeader(s), s.token(t, idTokenHeader(s), good)))
	for _, sp := range spellings {
		header, payload := unaligned(idTokenHeader(s)), unaligned(strings.Replace(good, "{", `{"x":"???>>>",`, 1))
		header, payload = b64(header), b64(payload)
		if sp.change != nil {
			header, payload = sp.change(header, payload)
		}
		token := s.signed(t, header, payload)
		if sp.after != nil {
			token = sp.after(token, token[strings.LastIndexByte(token, '.')+1:])
		}
		add("spelling: "+sp.name, token)
	}
	for name, opts := range map[string][]idptest.Option{
		"signature: flipped bit":              {idptest.Mutate(idptest.FlipBit(2, 77))},
		"signature: flipped bit of header":    {idptest.Mutate(idptest.FlipBit(0, 200))},
		"signature: flipped bit of payload":   {idptest.Mutate(idptest.FlipBit(1, 200))},
		"signature: twin of an ES256 one":     {idptest.Mutate(idptest.TwinSignature)},
		"signature: of a stranger's key":      {idptest.SignedBy(newSigners(t)[i].private)},
		"signature: of another's kid":         {idptest.KeyID(signers[(i+1)%len(signers)].kid)},
		"spelling: JWE that inflates":         {idptest.Mutate(func(string) string { return idptest.ZipBomb(1) })},
		"spelling: JWE with 2^31 rounds":      {idptest.Mutate(func(string) string { return idptest.SlowPBES2() })},
		"spelling: one million dots":          {idptest.Mutate(func(string) string { return strings.Repeat(".", 1<<20) })},
		"spelling: flattened JSON of idptest": {idptest.Mutate(idptest.FlattenedJSON)},
	} {
		all = append(all, idTokenVariant(fake, s, with(name, opts...)))
	}
	return all
}

func idTokenVariant(fake *idptest.Provider, s signer, c idTokenCase) variant {
	signed := []idptest.Option{idptest.SignedBy(s.private), idptest.KeyID(s.kid)}
	opts := slices.Concat(signed, []idptest.Option{idptest.InAccessToken(signed...), idptest.Nonce(sentNonce)}, c.opts)
	post := c.post
	if post == nil {
		post = withNonce(text(sentNonce))
	}
	name := c.name
	if s.alg == jws.EdDSA && c.hashed {
		name += ", EdDSA"
	}
	return variant{name, post(fake.Tokens(idptest.Alice(), opts...)).form()}
}

// goodIDToken is a fresh copy of the claims of a good ID token.
func goodIDToken(issuer string) map[string]any {
	return map[string]any{"iss": issuer, "sub": "alice", "aud": clientID, "exp": today.Unix() + 300, "iat": today.Unix(), "jti": "token-1", "nonce": sentNonce}
}

// idTokenHeader is the one of a good ID token.
func idTokenHeader(s signer) string { return strings.Replace(s.header(), "at+jwt", "JWT", 1) }
