package verifytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
)

var update = flag.Bool("update", false, "make the vectors anew, with new keys")

// tokenVectors is testdata/vectors/tokens.json.
type tokenVectors struct {
	About  string         `json:"about"`
	Policy tokenPolicy    `json:"policy"`
	Keys   map[string]any `json:"keys"` // a JWK Set
	Cases  []tokenVector  `json:"cases"`
}

type tokenPolicy struct {
	Issuer   string `json:"issuer"`
	Audience string `json:"audience"`
	Now      int64  `json:"now"`            // seconds since 1970
	Leeway   int64  `json:"leeway_seconds"` // for exp, nbf and iat
}

type tokenVector struct {
	ID      string `json:"id"`
	What    string `json:"what"`
	Source  string `json:"source"`
	Token   string `json:"token"`
	Accept  bool   `json:"accept"`
	Subject string `json:"sub,omitempty"` // of a token that is accepted
}

const vectorsFile = "../testdata/vectors/tokens.json"

// source is where it is written that a token is good or bad.
func source(what string) string {
	for _, s := range []struct{ word, section string }{
		{"crit", "RFC 7515 §4.1.11"}, {"b64", "RFC 7797 §6"}, {"zip", "RFC 7516 §4.1.3"}, {"typ ", "RFC 9068 §4, RFC 8725 §3.11"}, {"media type", "RFC 9068 §4"},
		{"ID token", "RFC 8725 §3.12"}, {"kind of token", "RFC 8725 §3.12"}, {"HS", "RFC 8725 §3.1, §2.1"}, {"alg", "RFC 8725 §3.1, RFC 7515 §4.1.1"},
		{"kid", "RFC 7515 §4.1.4"}, {"key inside", "RFC 8725 §3.10"}, {"address of a key", "RFC 8725 §3.10"}, {"a key", "RFC 7515 §5.2"},
		{"issuer", "RFC 9068 §4, RFC 7519 §4.1.1"}, {"audience", "RFC 9068 §4, RFC 7519 §4.1.3"}, {"something else in it", "RFC 7519 §4.1.3"},
		{"exp", "RFC 7519 §4.1.4"}, {"ended", "RFC 7519 §4.1.4"}, {"nbf", "RFC 7519 §4.1.5"}, {"not ", "RFC 7519 §4.1.5"}, {"issued", "RFC 7519 §4.1.6"}, {"iat", "RFC 7519 §4.1.6"},
		{"sub", "RFC 9068 §2.2"}, {"bound to", "RFC 7800 §3.1, RFC 9449 §7.1"}, {"twice", "RFC 8725 §2.4, RFC 7515 §4"}, {"flipped", "RFC 7515 §5.2"},
		{"padding", "RFC 7515 §2"}, {"bits behind", "RFC 4648 §3.5"}, {"alphabet", "RFC 4648 §5"}, {"JSON", "RFC 7519 §7.2"}, {"object", "RFC 7519 §7.2"},
	} {
		if strings.Contains(what, s.word) {
			return s.section
		}
	}
	return "RFC 7515 §7.1, §5.2"
}

// makeTokens mints every token that Hostile throws, by each algorithm, for an issuer that nobody can reach.
func makeTokens(t *testing.T) *tokenVectors {
	now := time.Unix(1_795_608_000, 0)
	v := &tokenVectors{
		About:  "Access tokens of one issuer, good and bad: see README.md. The keys were made for this file, and their private halves are gone.",
		Policy: tokenPolicy{Issuer: "https://app.example.com/auth", Audience: "orders", Now: now.Unix(), Leeway: 60},
	}
	var keys []any
	for _, algorithm := range []string{"ES256", "EdDSA", "RS256"} {
		i := &Issuer{audience: v.Policy.Audience, algorithm: algorithm, now: func() time.Time { return now }, url: v.Policy.Issuer}
		var err error
		if i.foreign, err = newKey(algorithm, "foreign"); err != nil {
			t.Fatal(err)
		}
		key, err := newKey(algorithm, "key-"+strings.ToLower(algorithm))
		if err != nil {
			t.Fatal(err)
		}
		i.keys = []*signingKey{key}
		keys = append(keys, key.jwk())
		add := func(what string, accept bool, token string) {
			c := tokenVector{ID: strings.ToLower(algorithm) + "-" + slug(what), What: what, Source: source(what), Token: token, Accept: accept}
			if accept {
				c.Subject = "user-1"
			}
			v.Cases = append(v.Cases, c)
		}
		add("a good token", true, i.Token(Scope("orders:read"), Groups("staff")))
		good := i.goodTokens()
		for _, what := range slices.Sorted(maps.Keys(good)) {
			add(plain(what), true, i.Token(good[what]...))
		}
		bad := hostileTokens(i)
		for _, what := range slices.Sorted(maps.Keys(bad)) {
			add(plain(what), false, i.Token(bad[what]...))
		}
	}
	v.Keys = map[string]any{"keys": keys}
	return v
}

// plain is a name without the id of an attack.
func plain(what string) string {
	before, _, _ := strings.Cut(what, " (")
	return before
}

func slug(what string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, what), "-")
}

// held answers with a key set, whatever is asked.
type held []byte

func (h held) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body{bytes.NewReader(h)}}, nil
}

type body struct{ *bytes.Reader }

func (body) Close() error { return nil }

func TestTokenVectors(t *testing.T) {
	if *update {
		text, err := json.MarshalIndent(makeTokens(t), "", " ")
		if err == nil {
			err = os.MkdirAll(filepath.Dir(vectorsFile), 0o755)
		}
		if err == nil {
			err = os.WriteFile(vectorsFile, append(text, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v tokenVectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	verifier, err := verify.New(verify.Config{
		Issuer: v.Policy.Issuer, Audience: v.Policy.Audience, Leeway: time.Duration(v.Policy.Leeway) * time.Second,
		Now: func() time.Time { return time.Unix(v.Policy.Now, 0) }, Client: &http.Client{Transport: held(encode(v.Keys))}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer verifier.Close()
	ids, accepted := map[string]bool{}, 0
	for _, c := range v.Cases {
		if ids[c.ID] {
			t.Errorf("two cases %s", c.ID)
		}
		ids[c.ID] = true
		claims, err := verifier.Verify(t.Context(), c.Token)
		switch {
		case c.Accept && (err != nil || claims.Subject != c.Subject):
			t.Errorf("%s: %v, want it accepted for %q", c.ID, err, c.Subject)
		case !c.Accept && !errors.Is(err, verify.ErrTokenInvalid):
			t.Errorf("%s: %v, want it refused", c.ID, err)
		}
		if c.Accept {
			accepted++
		}
	}
	// The file has what Hostile throws: whoever adds a token there makes the vectors anew.
	if want := makeTokens(t); len(v.Cases) != len(want.Cases) || accepted < 20 {
		t.Errorf("%d cases, %d of them good; there are %d: run go test ./verifytest -update", len(v.Cases), accepted, len(want.Cases))
	}
}
