package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

var update = flag.Bool("update", false, "make the vectors anew, with new keys")

// feedVectors is testdata/vectors/feed.json.
type feedVectors struct {
	About  string         `json:"about"`
	Issuer string         `json:"issuer"`
	Now    int64          `json:"now"` // seconds since 1970
	Leeway int64          `json:"leeway_seconds"`
	Keys   map[string]any `json:"keys"` // a JWK Set
	Cases  []feedVector   `json:"cases"`
}

type feedVector struct {
	ID    string       `json:"id"`
	What  string       `json:"what"`
	Steps []feedStep   `json:"steps"`
	Then  []feedResult `json:"then"`
}

// feedStep is a page that was asked for with a cursor.
type feedStep struct {
	Asked  int64  `json:"asked"`
	Page   string `json:"page"`
	Accept bool   `json:"accept"`
	Cursor int64  `json:"cursor"` // to go on with
}

// feedResult is what is known of a token in the end.
type feedResult struct {
	Session string `json:"sid"`
	Subject string `json:"sub"`
	Issued  int64  `json:"iat"`
	Verdict string `json:"verdict"` // "good", "ended" or "stale"
}

const feedFile = "testdata/vectors/feed.json"

// makeFeed lets an issuer make pages good and bad. Its address is one of loopback, which stands in the file.
func makeFeed(t *testing.T) *feedVectors {
	clock := newClock()
	i := verifytest.New(t, verifytest.Config{Now: clock.Now})
	now := clock.Now().Unix()
	v := &feedVectors{
		About:  "Pages of the revocation feed, good and bad: see README.md, and docs/revocations.md of the server. The keys were made for this file, and their private halves are gone.",
		Issuer: i.URL(), Now: now, Leeway: 60, Keys: i.PublicKeys(),
	}
	i.EndSession("one")
	i.MakeStale("ann")
	i.EndSession("two")
	fresh, token := now+1, now
	good := func(sid, sub string) feedResult { return feedResult{sid, sub, token, "good"} }
	ended := func(sid string) feedResult { return feedResult{sid, "bob", token, "ended"} }
	nothing := []feedResult{good("one", "ann"), good("two", "bob")}
	all := []feedResult{
		ended("one"), ended("two"), {"three", "ann", token, "stale"}, {"three", "ann", fresh, "good"}, good("three", "bob"), {"one", "ann", fresh, "ended"},
	}
	none := func(list string) verifytest.Option { return verifytest.Claim(list, []any{}) }
	taken := func(asked int64, cursor int64, opts ...verifytest.Option) feedStep {
		return feedStep{asked, i.Page(int(asked), opts...), true, cursor}
	}
	refused := func(asked int64, opts ...verifytest.Option) feedStep {
		return feedStep{asked, i.Page(int(asked), opts...), false, asked}
	}
	add := func(id, what string, then []feedResult, steps ...feedStep) {
		v.Cases = append(v.Cases, feedVector{id, what, steps, then})
	}
	add("good", "a page with everything", all, taken(0, 3))
	add("good-in-parts", "the same in three pages", all,
		taken(0, 1, verifytest.Claim("cursor", 1), verifytest.Claim("more", true), none("stale"), onlyFirst()), taken(1, 3))
	add("good-twice", "the same page again", all, taken(0, 3), feedStep{3, i.Page(0), true, 3})
	add("good-empty", "a page without anything after one with something", all, taken(0, 3), taken(3, 3))
	add("good-media-type", "typ as the whole media type", all, taken(0, 3, verifytest.Header("typ", "application/revocations+jwt")))
	add("good-from-the-beginning", "the cursor goes back with a page that begins at the beginning", all, taken(0, 3),
		feedStep{3, i.Page(0, verifytest.Claim("cursor", 1), none("ended"), none("stale")), true, 1})
	add("good-unknown-claims", "claims that nobody knows", all, taken(0, 3, verifytest.Claim("later", map[string]any{"x": 1})))
	add("good-old-entry", "an entry that is over may be taken or not, and takes nothing away", all, taken(0, 3),
		feedStep{3, i.Page(3, verifytest.Claim("ended", []any{map[string]any{"sid": "AAAAAAAAAAAAAAAAAAAAAA", "exp": 1}})), true, 3})
	for id, c := range map[string]struct {
		what string
		opts []verifytest.Option
	}{
		"foreign-key":          {"a key that is published nowhere, under the name of one that is", []verifytest.Option{verifytest.Foreign()}},
		"unsigned":             {"alg none", []verifytest.Option{verifytest.Unsigned("none")}},
		"hmac":                 {"HS256 with the public key", []verifytest.Option{verifytest.HMAC("HS256")}},
		"unknown-kid":          {"a kid that nobody has", []verifytest.Option{verifytest.Header("kid", "nobody's")}},
		"crit":                 {"a critical header that nobody knows", []verifytest.Option{verifytest.Header("crit", []string{"x"}), verifytest.Header("x", 1)}},
		"typ-access-token":     {"typ of an access token", []verifytest.Option{verifytest.Header("typ", "at+jwt")}},
		"typ-jwt":              {"typ JWT", []verifytest.Option{verifytest.Header("typ", "JWT")}},
		"typ-absent":           {"no typ", []verifytest.Option{verifytest.WithoutHeader("typ")}},
		"issuer-another":       {"another issuer", []verifytest.Option{verifytest.Claim("iss", "https://other.example/auth")}},
		"issuer-slash":         {"the issuer and a slash", []verifytest.Option{verifytest.Claim("iss", i.URL()+"/")}},
		"issuer-absent":        {"no issuer", []verifytest.Option{verifytest.Without("iss")}},
		"issued-in-the-future": {"issued in the future", []verifytest.Option{verifytest.Claim("iat", now+61)}},
		"issued-as-text":       {"iat as text", []verifytest.Option{verifytest.Claim("iat", "1")}},
		"issued-absent":        {"no iat", []verifytest.Option{verifytest.Without("iat")}},
		"expired":              {"expired", []verifytest.Option{verifytest.Claim("exp", now-60)}},
		"exp-absent":           {"no exp", []verifytest.Option{verifytest.Without("exp")}},
		"after-another":        {"a page for another cursor, which may leave something out", []verifytest.Option{verifytest.Claim("after", 2)}},
		"after-absent":         {"no after", []verifytest.Option{verifytest.Without("after")}},
		"after-as-text":        {"after as text", []verifytest.Option{verifytest.Claim("after", "0")}},
		"after-negative":       {"a negative after", []verifytest.Option{verifytest.Claim("after", -1)}},
		"cursor-absent":        {"no cursor", []verifytest.Option{verifytest.Without("cursor")}},
		"cursor-as-text":       {"a cursor as text", []verifytest.Option{verifytest.Claim("cursor", "3")}},
		"cursor-negative":      {"a negative cursor", []verifytest.Option{verifytest.Claim("cursor", -3)}},
		"cursor-fraction":      {"a fraction as the cursor", []verifytest.Option{verifytest.Claim("cursor", 3.5)}},
		"cursor-of-64-bits":    {"a cursor of 64 bits", []verifytest.Option{verifytest.Claim("cursor", json.Number("18446744073709551615"))}},
		"more-absent":          {"no more", []verifytest.Option{verifytest.Without("more")}},
		"more-as-number":       {"more as a number", []verifytest.Option{verifytest.Claim("more", 0)}},
		"ended-absent":         {"no ended", []verifytest.Option{verifytest.Without("ended")}},
		"ended-null":           {"ended is null", []verifytest.Option{verifytest.Claim("ended", nil)}},
		"stale-object":         {"stale is an object", []verifytest.Option{verifytest.Claim("stale", map[string]any{})}},
		"entry-text":           {"an entry that is a text", []verifytest.Option{verifytest.Claim("ended", []any{"one"})}},
		"entry-name-short":     {"a name of 15 bytes", []verifytest.Option{verifytest.Claim("ended", []any{map[string]any{"sid": "AAAAAAAAAAAAAAAAAAAA", "exp": now}})}},
		"entry-name-padded":    {"a name with padding", []verifytest.Option{verifytest.Claim("ended", []any{map[string]any{"sid": "AAAAAAAAAAAAAAAAAAAAAA==", "exp": now}})}},
		"entry-name-bits":      {"a name whose last bits are not nought", []verifytest.Option{verifytest.Claim("ended", []any{map[string]any{"sid": "AAAAAAAAAAAAAAAAAAAAAB", "exp": now}})}},
		"entry-without-end":    {"an entry without an end", []verifytest.Option{verifytest.Claim("ended", []any{map[string]any{"sid": "AAAAAAAAAAAAAAAAAAAAAA"}})}},
		"entry-without-before": {"a stale user without before", []verifytest.Option{verifytest.Claim("stale", []any{map[string]any{"sub": "AAAAAAAAAAAAAAAAAAAAAA", "exp": now}})}},
	} {
		add("refused-"+id, c.what, nothing, refused(0, c.opts...))
		add("kept-after-"+id, c.what+"; what was known stays", all, taken(0, 3), feedStep{3, i.Page(0, append(c.opts, verifytest.Claim("cursorless", true))...), false, 3})
	}
	add("refused-cursor-back", "the cursor goes back in a page that does not begin at the beginning", all, taken(0, 3),
		feedStep{3, i.Page(3, verifytest.Claim("cursor", 2)), false, 3})
	page := i.Page(0)
	for id, text := range map[string]string{"cut": page[:len(page)-40], "newline": page + "\n", "nothing": "", "access-token": i.Token()} {
		add("refused-"+id, "in place of a page: "+id, nothing, feedStep{0, text, false, 0})
	}
	return v
}

// onlyFirst keeps the first of the ended sessions.
func onlyFirst() verifytest.Option {
	return verifytest.Change("ended", func(list any) any { return list.([]any)[:1] })
}

func TestFeedVectors(t *testing.T) {
	if *update {
		text, err := json.MarshalIndent(makeFeed(t), "", " ")
		if err == nil {
			err = os.WriteFile(feedFile, append(text, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(feedFile)
	if err != nil {
		t.Fatal(err)
	}
	var v feedVectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(v.Keys)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jws.ParseKeySet(set)
	if err != nil {
		t.Fatal(err)
	}
	key := func(_ context.Context, h jws.Header) (*jws.Key, error) {
		for _, k := range keys {
			if k.ID() == h.KeyID && k.Algorithm() == h.Algorithm {
				return k, nil
			}
		}
		return nil, verify.ErrUnknownKey
	}
	for _, c := range v.Cases {
		reader := verify.NewFeedReader(v.Issuer, func() time.Time { return time.Unix(v.Now, 0) }, key)
		for n, s := range c.Steps {
			cursor, _, err := reader.Take(t.Context(), s.Page, s.Asked)
			if (err == nil) != s.Accept || cursor != s.Cursor {
				t.Errorf("%s, step %d: %v, and the cursor is %d, want it accepted: %v, and %d", c.ID, n, err, cursor, s.Accept, s.Cursor)
			}
		}
		for _, r := range c.Then {
			err := reader.KnownOf(r.Session, r.Subject, time.Unix(r.Issued, 0))
			got := map[bool]string{errors.Is(err, verify.ErrTokenRevoked): "ended", errors.Is(err, verify.ErrTokenStale): "stale", err == nil: "good"}[true]
			if got != r.Verdict {
				t.Errorf("%s: a token of session %s and user %s is %q, want %q", c.ID, r.Session, r.Subject, got, r.Verdict)
			}
		}
	}
	if n := len(makeFeed(t).Cases); n != len(v.Cases) {
		t.Errorf("%d cases, and there are %d: run go test . -run FeedVectors -update", len(v.Cases), n)
	}
}
