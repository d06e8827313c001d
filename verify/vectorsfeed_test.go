package verify_test

import (
	"crypto/sha256"
	"fmt"
	"math"
	"strings"
	"testing"
)

// feedMaker has the keys of the feed vectors, all but foreign published.
type feedMaker struct {
	testing.TB
	es, ed, foreign vectorKey
	policy          vectorPolicy
	cases           []feedVector
}

func makeFeedVectors(t testing.TB) feedVectors {
	t.Helper()
	m := &feedMaker{
		TB: t, es: newVectorKey(t, "ES256", "es-1"), ed: newVectorKey(t, "EdDSA", "ed-1"), foreign: newVectorKey(t, "ES256", "es-1"),
		policy: vectorPolicy{Issuer: vectorIssuer, Audience: audience, Leeway: 60, MaxFeedAge: 120},
	}
	m.goodPages()
	m.cursors()
	m.memory()
	m.age()
	m.signedPages()
	m.claimsOfPages()
	m.entries()
	return feedVectors{
		About:  "Pages of the revocation feed, and tokens between them: see README.md in this folder.",
		Policy: m.policy, KeySet: vectorSet{[]map[string]any{m.es.jwk(t), m.ed.jwk(t)}}, Vectors: m.cases,
	}
}

func (m *feedMaker) add(id, source, description string, steps ...feedStep) {
	m.cases = append(m.cases, feedVector{vector{"feed-" + id, description, source}, steps})
}

// feedName is how the feed calls a session or a user.
func feedName(claim string) string {
	sum := sha256.Sum256([]byte(claim))
	return base64url(sum[:16])
}

func endedEntry(sid string, until int64) map[string]any {
	return map[string]any{"sid": feedName(sid), "exp": until}
}

func staleEntry(sub string, before, until int64) map[string]any {
	return map[string]any{"sub": feedName(sub), "before": before, "exp": until}
}

// entriesEnd is after every token of these vectors.
const entriesEnd = vectorNow + 10_000

// pageClaims are those of a complete page without entries, which was asked for with 0, with changes.
func (m *feedMaker) pageClaims(now int64, changes ...any) string {
	m.Helper()
	return string(marshal(m, changed(m, map[string]any{
		"iss": vectorIssuer, "iat": now, "exp": now + 60, "after": 0, "cursor": 5, "more": false, "ended": []any{}, "stale": []any{},
	}, changes)))
}

func (m *feedMaker) page(now int64, changes ...any) string {
	m.Helper()
	return m.es.compact(m, m.es.header(m, "typ", "revocations+jwt"), m.pageClaims(now, changes...))
}

// takes is a step with a page that is taken.
func takes(now, asked int64, page string, next int64, more bool) feedStep {
	return feedStep{Now: now, Asked: &asked, Page: page, Verdict: "take", Next: &next, More: &more}
}

// leaves is a step with a page that says nothing.
func leaves(now, asked int64, page string) feedStep {
	return feedStep{Now: now, Asked: &asked, Page: page, Verdict: "refuse"}
}

// says is a step with a token. The word is "accept", or why it is refused.
func (m *feedMaker) says(now int64, word string, changes ...any) feedStep {
	m.Helper()
	// The tokens live long, so that only the feed can be a reason to refuse one.
	token := m.es.compact(m, m.es.header(m), vectorClaims(m, append([]any{"exp", entriesEnd}, changes...)...))
	if word == "accept" {
		return feedStep{Now: now, Token: token, Verdict: "accept"}
	}
	return feedStep{Now: now, Token: token, Verdict: "refuse", Reason: word}
}

// refused are the steps for a page that must say nothing: what was known before it is known after it, and nothing more.
func (m *feedMaker) refused(id, source, description, page string) {
	m.Helper()
	const now = vectorNow
	before := m.page(now, "ended", []any{endedEntry("ended before", entriesEnd)}, "cursor", 5)
	m.add(id, source, description,
		takes(now, 0, before, 5, false), leaves(now+1, 5, page),
		m.says(now+1, "revoked", "sid", "ended before"), m.says(now+1, "accept", "sid", "ended by it"), m.says(now+1, "accept", "sub", "changed by it"))
}

// bad are the claims of a page that would end a session and change a user, if anything of it were believed.
func (m *feedMaker) bad(changes ...any) []any {
	return append([]any{
		"after", 5, "cursor", 7, "ended", []any{endedEntry("ended by it", entriesEnd)}, "stale", []any{staleEntry("changed by it", vectorNow+100, entriesEnd)},
	}, changes...)
}

func (m *feedMaker) goodPages() {
	const now = vectorNow
	rule := "docs/revocations.md, a page"
	m.add("not-read", rule, "before the first page no token is accepted", m.says(now, "feed_unavailable"))
	m.add("empty", rule, "a page without entries", takes(now, 0, m.page(now), 5, false), m.says(now, "accept"))
	m.add("ended", rule, "a session has ended, another lives",
		takes(now, 0, m.page(now, "ended", []any{endedEntry("session-1", entriesEnd)}), 5, false),
		m.says(now, "revoked"), m.says(now, "accept", "sid", "session-2"), m.says(now, "revoked", "sid", "session-1", "sub", "user-2"))
	m.add("ended-is-not-a-user", rule, "the name of a session is not that of a user",
		takes(now, 0, m.page(now, "ended", []any{endedEntry("user-1", entriesEnd)}, "stale", []any{staleEntry("session-1", now+100, entriesEnd)}), 5, false),
		m.says(now, "accept"), m.says(now, "revoked", "sid", "user-1"))
	m.add("stale", rule, "a user has changed: only what was issued before is refused",
		takes(now, 0, m.page(now, "stale", []any{staleEntry("user-1", now, entriesEnd)}), 5, false),
		m.says(now, "stale", "iat", now-1), m.says(now, "accept", "iat", now), m.says(now, "accept", "iat", now+1), m.says(now, "accept", "sub", "user-2", "iat", now-1))
	m.add("stale-by-sub", rule, "users are named by sub, not by user_id",
		takes(now, 0, m.page(now, "stale", []any{staleEntry("user-1", now+1, entriesEnd)}), 5, false),
		m.says(now, "accept", "sub", "user-2", "user_id", "user-1"), m.says(now, "stale", "user_id", "user-2"))
	m.add("unicode", rule, "names are those of the bytes in UTF-8",
		takes(now, 0, m.page(now, "ended", []any{endedEntry("сессия", entriesEnd)}), 5, false), m.says(now, "revoked", "sid", "сессия"))
	m.add("case", rule, "names differ in case",
		takes(now, 0, m.page(now, "ended", []any{endedEntry("Session-1", entriesEnd)}), 5, false), m.says(now, "accept"))
	m.add("unknown-members", rule, "members that nobody knows, of the page and of entries",
		takes(now, 0, m.page(now, "x", 1, "ended", []any{map[string]any{"sid": feedName("session-1"), "exp": entriesEnd, "why": "logoff"}}), 5, false), m.says(now, "revoked"))
	m.add("typ-in-full", "RFC 7515 §4.1.9", "typ in full and in capitals",
		takes(now, 0, m.es.compact(m, m.es.header(m, "typ", "Application/Revocations+JWT"), m.pageClaims(now)), 5, false), m.says(now, "accept"))
	m.add("other-key", rule, "signed by another key of the set",
		takes(now, 0, m.ed.compact(m, m.ed.header(m, "typ", "revocations+jwt"), m.pageClaims(now, "ended", []any{endedEntry("session-1", entriesEnd)})), 5, false), m.says(now, "revoked"))
	var many []any
	for n := range 150 {
		many = append(many, endedEntry(fmt.Sprint("session-", n), entriesEnd))
	}
	m.add("large", "docs/revocations.md, reading, rule 1", "a page longer than a token may be",
		takes(now, 0, m.page(now, "ended", many, "cursor", 150), 150, false), m.says(now, "revoked", "sid", "session-149"), m.says(now, "accept", "sid", "session-150"))
	m.add("same-entry-twice", rule, "an entry twice",
		takes(now, 0, m.page(now, "ended", []any{endedEntry("session-1", entriesEnd), endedEntry("session-1", entriesEnd)}), 5, false), m.says(now, "revoked"))
}

func (m *feedMaker) cursors() {
	const now = vectorNow
	rule := "docs/revocations.md, reading, rules 2, 3 and 5"
	m.add("more", rule, "a full page: what it says counts at once, but the feed is not complete",
		takes(now, 0, m.page(now, "more", true, "ended", []any{endedEntry("session-1", entriesEnd)}), 5, true),
		m.says(now, "revoked"), m.says(now, "feed_unavailable", "sid", "session-2"),
		takes(now, 5, m.page(now, "after", 5, "cursor", 8), 8, false), m.says(now, "accept", "sid", "session-2"), m.says(now, "revoked"))
	m.add("nothing-new", rule, "the same cursor again", takes(now, 0, m.page(now), 5, false), takes(now+25, 5, m.page(now+25, "after", 5), 5, false), m.says(now+25, "accept"))
	m.add("cursor-0", rule, "a feed that nothing was ever in", takes(now, 0, m.page(now, "cursor", 0), 0, false), m.says(now, "accept"))
	m.add("cursor-63-bits", rule, "the greatest cursor", takes(now, 0, m.page(now, "cursor", int64(math.MaxInt64)), math.MaxInt64, false),
		takes(now, math.MaxInt64, m.page(now, "after", int64(math.MaxInt64), "cursor", int64(math.MaxInt64)), math.MaxInt64, false))
	m.add("cursor-2-53", rule, "a cursor that a double would round", takes(now, 0, m.page(now, "cursor", int64(1<<53+1)), 1<<53+1, false),
		leaves(now, 1<<53+1, m.page(now, "after", int64(1<<53), "cursor", int64(1<<53+2))))
	m.add("from-the-beginning", rule, "the server does not know the cursor: it begins again, and what is known stays",
		takes(now, 0, m.page(now, "cursor", 500, "ended", []any{endedEntry("session-1", entriesEnd)}), 500, false),
		takes(now+1, 500, m.page(now+1, "after", 0, "cursor", 3, "ended", []any{endedEntry("session-2", entriesEnd)}), 3, false),
		m.says(now+1, "revoked"), m.says(now+1, "revoked", "sid", "session-2"))
	m.refused("cursor-back", rule, "a cursor less than the one asked for", m.page(now+1, m.bad("cursor", 4)...))
	m.refused("cursor-another", rule, "a page after another cursor", m.page(now+1, m.bad("after", 6)...))
	m.refused("cursor-earlier", rule, "a page after an earlier cursor that is not 0", m.page(now+1, m.bad("after", 4)...))
	m.refused("cursor-text", rule, "a cursor that is a text", m.page(now+1, m.bad("cursor", "7")...))
	m.refused("cursor-fraction", rule, "a fraction of a cursor", m.page(now+1, m.bad("cursor", 7.5)...))
	m.refused("cursor-negative", rule, "a negative cursor", m.page(now+1, m.bad("cursor", -7)...))
	m.refused("cursor-64-bits", rule, "a cursor of 64 bits", m.page(now+1, m.bad("cursor", uint64(1<<63))...))
	m.refused("after-null", rule, "an after that is null", m.page(now+1, m.bad("after", null)...))
}

func (m *feedMaker) memory() {
	const now = vectorNow
	rule := "docs/revocations.md, reading, rule 4"
	ended := m.page(now, "ended", []any{endedEntry("session-1", now+500)})
	m.add("not-forgotten", rule, "a page that does not repeat an entry does not take it back",
		takes(now, 0, ended, 5, false), takes(now+100, 5, m.page(now+100, "after", 5), 5, false), takes(now+200, 5, m.page(now+200, "after", 0), 5, false),
		m.says(now+200, "revoked"))
	m.add("until-its-end", rule, "an entry counts in the second of its exp too", takes(now, 0, ended, 5, false),
		takes(now+500, 5, m.page(now+500, "after", 5), 5, false), m.says(now+500, "revoked"))
	m.add("greater-end", rule, "of two ends the greater counts", takes(now, 0, ended, 5, false),
		takes(now, 5, m.page(now, "after", 5, "cursor", 6, "ended", []any{endedEntry("session-1", now+10)}), 6, false),
		takes(now+100, 6, m.page(now+100, "after", 6, "cursor", 6), 6, false), m.says(now+100, "revoked"))
	m.add("greater-before", rule, "of two befores the greater counts, whatever comes first",
		takes(now, 0, m.page(now, "stale", []any{staleEntry("user-1", now, entriesEnd)}), 5, false),
		takes(now, 5, m.page(now, "after", 5, "cursor", 6, "stale", []any{staleEntry("user-1", now-100, entriesEnd)}), 6, false),
		m.says(now, "stale", "iat", now-1),
		takes(now, 6, m.page(now, "after", 6, "cursor", 7, "stale", []any{staleEntry("user-1", now+10, entriesEnd)}), 7, false),
		m.says(now, "stale", "iat", now+9), m.says(now, "accept", "iat", now+10))
	m.add("greater-end-of-stale", rule, "of two ends of a changed user the greater counts",
		takes(now, 0, m.page(now, "stale", []any{staleEntry("user-1", now, entriesEnd), staleEntry("user-1", now-100, now+10)}), 5, false),
		takes(now+100, 5, m.page(now+100, "after", 5), 5, false), m.says(now+100, "stale", "iat", now-1))
	m.add("known-though-refused", rule, "a refused page does not make what is known unknown", takes(now, 0, ended, 5, false), leaves(now+1, 5, "not a page"), m.says(now+1, "revoked"))
}

func (m *feedMaker) age() {
	const now = vectorNow
	rule := "docs/revocations.md, reading, rule 6; max_feed_age"
	m.add("age", rule, "good until it is older than it may be", takes(now, 0, m.page(now), 5, false),
		m.says(now+120, "accept"), m.says(now+121, "feed_unavailable"))
	m.add("age-heals", rule, "the next complete page makes it young again", takes(now, 0, m.page(now), 5, false), m.says(now+121, "feed_unavailable"),
		takes(now+121, 5, m.page(now+121, "after", 5), 5, false), m.says(now+121, "accept"))
	m.add("age-of-full-page", rule, "a page after which more comes does not make it young", takes(now, 0, m.page(now), 5, false),
		takes(now+121, 5, m.page(now+121, "after", 5, "cursor", 6, "more", true), 6, true), m.says(now+121, "feed_unavailable"))
	m.add("age-of-refused-page", rule, "a refused page does not make it young", takes(now, 0, m.page(now), 5, false),
		leaves(now+121, 5, m.page(now+121, "after", 5, "iss", "https://other.example/auth")), m.says(now+121, "feed_unavailable"))
	m.add("age-by-iat", rule, "age counts from iat, not from when the page came", takes(now+50, 0, m.page(now), 5, false), m.says(now+120, "accept"), m.says(now+121, "feed_unavailable"))
	m.add("age-ended-stays", rule, "what has ended stays so at any age", takes(now, 0, m.page(now, "ended", []any{endedEntry("session-1", entriesEnd)}), 5, false),
		m.says(now+5000, "revoked"))
	m.add("age-of-tomorrow", rule, "an iat ahead of the reader's clock, within the leeway, is an age of 0", takes(now, 0, m.page(now+60), 5, false), m.says(now, "accept"))
	m.add("bad-token-first", "RFC 7519 §7.2", "a token that is bad in itself is that, however old the feed is", m.says(now, "audience", "aud", "billing"), m.says(now, "expired", "exp", now-3600))
}

func (m *feedMaker) signedPages() {
	const now = vectorNow
	rule := "docs/revocations.md, reading, rule 1"
	claims := m.pageClaims(now+1, m.bad()...)
	header := func(changes ...any) string {
		return m.es.header(m, append([]any{"typ", "revocations+jwt"}, changes...)...)
	}
	good := m.es.compact(m, header(), claims)
	m.add("refused-is-good", rule, "the page that is made bad in the vectors after this one is good",
		takes(now, 0, m.page(now), 5, false), takes(now+1, 5, good, 7, false), m.says(now+1, "revoked", "sid", "ended by it"), m.says(now+1, "stale", "sub", "changed by it"))
	m.refused("foreign-key", rule, "signed by a key that is not the issuer's", m.foreign.compact(m, header(), claims))
	m.refused("unknown-kid", rule, "signed under a kid that nobody has", m.foreign.compact(m, header("kid", "nobody"), claims))
	m.refused("unsigned", "RFC 8725 §3.2", "alg none", strings.TrimRight(m.es.compact(m, header("alg", "none"), claims), base64Alphabet))
	m.refused("hmac", "RFC 8725 §3.1", "HS256 with the public key for a secret", hmacToken(m, m.es.publicPEM(m), header("alg", "HS256"), claims))
	m.refused("own-key", "RFC 8725 §3.10", "a key of the sender's in the header", m.foreign.compact(m, header("jwk", m.foreign.jwk(m)), claims))
	m.refused("typ-token", "RFC 8725 §3.11", "typ of an access token", m.es.compact(m, header("typ", "at+jwt"), claims))
	m.refused("typ-jwt", "RFC 8725 §3.11", "typ JWT", m.es.compact(m, header("typ", "JWT"), claims))
	m.refused("typ-absent", "RFC 8725 §3.11", "no typ", m.es.compact(m, header("typ", nil), claims))
	m.refused("page-crit", "RFC 7515 §4.1.11", "crit with a name that nobody knows", m.es.compact(m, header("crit", []string{"x"}, "x", 1), claims))
	m.refused("page-changed", rule, "one character is another",
		resigned(m.es.compact(m, header(), strings.Replace(claims, `"cursor":7`, `"cursor":8`, 1)), signatureOf(m, good)))
	m.refused("page-cut", rule, "a cut page", good[:len(good)/2])
	m.refused("page-newline", "RFC 7515 §2", "a line end behind it", good+"\n")
	m.refused("page-trailing-bits", "RFC 4648 §3.5", "the last character with bits that mean nothing", trailingBit(good))
	m.refused("page-json", rule, "the claims without a signature", claims)
	m.refused("page-empty", rule, "nothing", "")
	m.refused("page-html", rule, "a page in HTML", "<!doctype html><title>Maintenance</title>")
	m.refused("page-is-token", "RFC 8725 §3.11", "an access token of the issuer", m.es.compact(m, m.es.header(m), vectorClaims(m)))
	m.add("token-is-page", "RFC 8725 §3.11", "a page presented as a token, with the claims of both", takes(now, 0, m.page(now), 5, false),
		feedStep{Now: now, Token: m.es.compact(m, header(), vectorClaims(m)), Verdict: "refuse", Reason: "type"})
}

func (m *feedMaker) claimsOfPages() {
	const now = vectorNow
	rule := "docs/revocations.md, a page"
	for _, name := range []string{"iss", "iat", "exp", "after", "cursor", "more", "ended", "stale"} {
		m.refused("no-"+name, rule, "no "+name, m.page(now+1, m.bad(name, nil)...))
	}
	m.refused("iss-other", rule, "of another issuer", m.page(now+1, m.bad("iss", "https://other.example/auth")...))
	m.refused("iss-slash", rule, "the issuer and a slash", m.page(now+1, m.bad("iss", vectorIssuer+"/")...))
	m.refused("iat-future", rule, "issued a second beyond the leeway in the future", m.page(now+1, m.bad("iat", now+62)...))
	m.refused("exp-past", rule, "ended as long ago as the leeway", m.page(now+1, m.bad("iat", now-200, "exp", now-59)...))
	m.refused("iat-text", rule, "an iat that is a text", m.page(now+1, m.bad("iat", fmt.Sprint(now))...))
	m.refused("exp-huge", rule, "an exp of 2^64", m.page(now+1, m.bad("exp", uint64(math.MaxUint64))...))
	m.refused("more-text", rule, "a more that is a text", m.page(now+1, m.bad("more", "false")...))
	m.refused("more-number", rule, "a more that is a number", m.page(now+1, m.bad("more", 0)...))
	m.refused("ended-null", rule, "a list that is null", m.page(now+1, m.bad("ended", null)...))
	m.refused("stale-object", rule, "a list that is an object", m.page(now+1, m.bad("stale", map[string]any{})...))
	m.refused("claims-twice", "RFC 7519 §4", "a claim twice", m.es.compact(m, m.es.header(m, "typ", "revocations+jwt"), strings.Replace(m.pageClaims(now+1, m.bad()...), `"cursor":7`, `"cursor":7,"cursor":7`, 1)))
	m.add("exp-in-leeway", rule, "ended, within the leeway", takes(now+119, 0, m.page(now), 5, false), m.says(now+119, "accept"))
}

// entries that are none make the whole page say nothing: half of a page is not what the issuer signed.
func (m *feedMaker) entries() {
	const now = vectorNow
	rule := "docs/revocations.md, a page"
	name := feedName("session-1")
	good := endedEntry("ended by it", entriesEnd)
	for _, c := range []struct {
		id, description string
		entry           any
	}{
		{"15-bytes", "a name of 15 bytes", map[string]any{"sid": base64url(make([]byte, 15)), "exp": entriesEnd}},
		{"17-bytes", "a name of 17 bytes", map[string]any{"sid": base64url(make([]byte, 17)), "exp": entriesEnd}},
		{"hex", "a name in hexadecimal", map[string]any{"sid": strings.Repeat("0", 32), "exp": entriesEnd}},
		{"padded", "a name with padding", map[string]any{"sid": name + "==", "exp": entriesEnd}},
		{"trailing-bits", "a name with bits that mean nothing", map[string]any{"sid": trailingBit(name), "exp": entriesEnd}},
		{"number", "a name that is a number", map[string]any{"sid": 1, "exp": entriesEnd}},
		{"no-sid", "no name", map[string]any{"exp": entriesEnd}},
		{"no-exp", "no exp", map[string]any{"sid": name}},
		{"exp-text", "an exp that is a text", map[string]any{"sid": name, "exp": fmt.Sprint(entriesEnd)}},
		{"text", "a name alone", name},
		{"null", "null", null},
	} {
		m.refused("entry-"+c.id, rule, "an entry that is none, behind a good one: "+c.description, m.page(now+1, m.bad("ended", []any{good, c.entry})...))
	}
	for _, c := range []struct {
		id, description string
		entry           any
	}{
		{"no-before", "no before", map[string]any{"sub": name, "exp": entriesEnd}},
		{"before-text", "a before that is a text", map[string]any{"sub": name, "before": "1", "exp": entriesEnd}},
		{"before-zero", "a before of 0", map[string]any{"sub": name, "before": 0, "exp": entriesEnd}},
		{"sid", "a session in the list of users", map[string]any{"sid": name, "before": now, "exp": entriesEnd}},
	} {
		m.refused("stale-"+c.id, rule, "an entry of a user that is none: "+c.description, m.page(now+1, m.bad("stale", []any{c.entry})...))
	}
}
