package interop

import (
	"fmt"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/idptest"
)

// logoutVariants are logout tokens of one signer.
func logoutVariants(fake *idptest.Provider, s signer) []variant {
	const event = "http://schemas.openid.net/event/backchannel-logout"
	var all []variant
	add := func(name string, opts ...idptest.Option) {
		opts = append([]idptest.Option{idptest.SignedBy(s.private), idptest.KeyID(s.kid), idptest.Claim("jti", "logout-1")}, opts...)
		all = append(all, variant{"logout: " + name, fake.LogoutToken(idptest.Alice(), opts...)})
	}
	add("good")
	add("with a sid", idptest.Claim("sid", "session-1"))
	add("with a sid and no sub", idptest.Claim("sid", "session-1"), idptest.Without("sub"))
	add("neither sub nor sid", idptest.Without("sub"))
	add("sub empty, with a sid", idptest.Claim("sub", ""), idptest.Claim("sid", "session-1"))
	add("sub null, with a sid", idptest.Claim("sub", nil), idptest.Claim("sid", "session-1"))
	add("sub of 300 characters", idptest.Claim("sub", strings.Repeat("s", 300)))
	add("sid empty", idptest.Claim("sid", ""))
	add("sid null", idptest.Claim("sid", nil))
	add("sid a number", idptest.Claim("sid", 1))
	add("sid of 256 bytes", idptest.Claim("sid", strings.Repeat("s", 256)))

	for _, typ := range []string{"LOGOUT+JWT", "application/logout+jwt", "JWT", "at+jwt", "secevent+jwt", "dpop+jwt"} {
		add("typ "+typ, idptest.Header("typ", typ))
	}
	add("typ absent", idptest.WithoutHeader("typ"))
	add("typ null", idptest.Header("typ", nil))
	add("alg none", idptest.Algorithm("none"))
	add("alg HS256 under the public key as PEM", idptest.Algorithm("HS256"))
	add("crit empty", idptest.Header("crit", []string{}))
	add("crit names an unknown extension", idptest.Header("crit", []string{"x"}), idptest.Header("x", 1))
	add("kid unknown", idptest.KeyID("unknown"))
	add("flipped bit of the signature", idptest.Mutate(idptest.FlipBit(2, 77)))
	add("newline behind", idptest.Mutate(func(token string) string { return token + "\n" }))

	add("events absent", idptest.Without("events"))
	add("events null", idptest.Claim("events", nil))
	add("events a list", idptest.Claim("events", []string{event}))
	add("events text", idptest.Claim("events", event))
	add("events empty", idptest.Claim("events", map[string]any{}))
	add("events of another kind", idptest.Claim("events", map[string]any{"https://schemas.openid.net/secevent/risc/event-type/account-disabled": map[string]any{}}))
	add("event null", idptest.Claim("events", map[string]any{event: nil}))
	add("event text", idptest.Claim("events", map[string]any{event: "x"}))
	add("event a list", idptest.Claim("events", map[string]any{event: []any{}}))
	add("event with members", idptest.Claim("events", map[string]any{event: map[string]any{"x": 1}}))
	add("event beside another", idptest.Claim("events", map[string]any{event: map[string]any{}, "https://example.com/x": map[string]any{}}))
	add("event in capitals", idptest.Claim("events", map[string]any{strings.ToUpper(event): map[string]any{}}))
	add("EVENTS in place of events", idptest.Without("events"), idptest.Claim("EVENTS", map[string]any{event: map[string]any{}}))

	add("with a nonce", idptest.Claim("nonce", "n"))
	add("with an empty nonce", idptest.Claim("nonce", ""))
	add("with a nonce null", idptest.Claim("nonce", nil))
	add("with a NONCE", idptest.Claim("NONCE", "n"))

	add("jti absent", idptest.Without("jti"))
	add("jti empty", idptest.Claim("jti", ""))
	add("jti a number", idptest.Claim("jti", 1))
	add("jti of 256 bytes", idptest.Claim("jti", strings.Repeat("j", 256)))
	add("iat absent", idptest.Without("iat"))
	add("iat text", idptest.Claim("iat", fmt.Sprint(today.Unix())))
	add("iat null", idptest.Claim("iat", nil))
	add("iat in 59 s", idptest.Claim("iat", at(59)))
	add("iat in 61 s", idptest.Claim("iat", at(61)))
	add("iat 2 minutes ago", idptest.Claim("iat", at(-120)))
	add("iat 121 s ago", idptest.Claim("iat", at(-121)))
	add("iat a day ago", idptest.Claim("iat", at(-86400)))
	add("exp absent", idptest.Without("exp"))
	add("exp null", idptest.Claim("exp", nil))
	add("exp text", idptest.Claim("exp", fmt.Sprint(today.Unix()+300)))
	add("exp zero", idptest.Claim("exp", 0))
	add("exp 59 s ago", idptest.Claim("exp", at(-59)))
	add("exp 61 s ago", idptest.Claim("exp", at(-61)))
	add("exp in a year", idptest.Claim("exp", today.Add(365*24*time.Hour).Unix()))
	add("nbf in a day", idptest.Claim("nbf", at(86400)))

	add("iss absent", idptest.Without("iss"))
	add("iss another", idptest.Claim("iss", "https://other.example.com"))
	add("iss with a slash more", idptest.Claim("iss", fake.Issuer()+"/"))
	add("aud absent", idptest.Without("aud"))
	add("aud another", idptest.For("payroll"))
	add("aud a list of one", idptest.For([]string{clientID}))
	add("aud ours and another", idptest.For([]string{clientID, "payroll"}))
	add("aud both of ours", idptest.For([]string{clientID, furtherID}))
	add("aud our further client", idptest.For(furtherID))
	add("azp another", idptest.Claim("azp", "payroll"))
	add("sub twice", idptest.DuplicateClaim("sub", "mallory"))
	add("SUB of somebody else behind", idptest.DuplicateClaim("SUB", "mallory"))
	add("SID of another session behind", idptest.Claim("sid", "session-1"), idptest.DuplicateClaim("SID", "session-2"))
	add("token_use access", idptest.Claim("token_use", "access"))
	add("an ID token", idptest.Header("typ", "JWT"), idptest.Without("events"), idptest.Claim("nonce", sentNonce))
	add("payload null", idptest.RawPayload("null"))
	add("payload with data behind", idptest.RawPayload("{}{}"))
	return all
}
