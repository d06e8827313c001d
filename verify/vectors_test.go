package verify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/accesstoken"
	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

var update = flag.Bool("update", false, "write testdata/vectors anew, with new keys")

// vector is what every vector has; testdata/vectors/README.md says what the members mean.
type vector struct {
	ID          string `json:"id"`
	Description string `json:"description"`
	Source      string `json:"source"` // RFC and section, or the name of a rule of ours
}

// vectorPolicy is what the verifier of a vector is configured with. Times are in seconds.
type vectorPolicy struct {
	Issuer     string `json:"issuer"`
	Audience   string `json:"audience"`
	Now        int64  `json:"now"`
	Leeway     int64  `json:"leeway"`
	MaxFeedAge int64  `json:"max_feed_age,omitempty"`
}

type tokenVector struct {
	vector
	KeySet  string          `json:"key_set"` // of tokenVectors.KeySets
	Policy  vectorPolicy    `json:"policy"`
	Token   string          `json:"token"`
	Verdict string          `json:"verdict"`          // accept or refuse
	Claims  json.RawMessage `json:"claims,omitempty"` // with accept
	Reason  string          `json:"reason,omitempty"` // with refuse
}

type tokenVectors struct {
	About   string               `json:"about"`
	KeySets map[string]vectorSet `json:"key_sets"`
	Vectors []tokenVector        `json:"vectors"`
}

// vectorSet is a JWK Set (RFC 7517 §5).
type vectorSet struct {
	Keys []map[string]any `json:"keys"`
}

type keySetVector struct {
	vector
	Body    string      `json:"body,omitempty"`
	Base64  string      `json:"body_base64,omitempty"` // in place of a body that is not UTF-8
	Verdict string      `json:"verdict"`
	Usable  []usableKey `json:"usable,omitempty"` // with accept, in the order of the set
	Reason  string      `json:"reason,omitempty"`
}

type usableKey struct {
	KeyID     string `json:"kid"`
	Algorithm string `json:"alg"`
}

type keySetVectors struct {
	About   string         `json:"about"`
	Vectors []keySetVector `json:"vectors"`
}

// feedStep is a page that comes in, or a token that is presented.
type feedStep struct {
	Now     int64  `json:"now"`
	Asked   *int64 `json:"asked,omitempty"` // the cursor that the page was asked for with
	Page    string `json:"page,omitempty"`
	Token   string `json:"token,omitempty"`
	Verdict string `json:"verdict"`          // take or refuse of a page, accept or refuse of a token
	Next    *int64 `json:"next,omitempty"`   // of a page that is taken: the cursor to ask with
	More    *bool  `json:"more,omitempty"`   // of a page that is taken: ask at once
	Reason  string `json:"reason,omitempty"` // of a token that is refused
}

type feedVector struct {
	vector
	Steps []feedStep `json:"steps"`
}

type feedVectors struct {
	About   string       `json:"about"`
	Policy  vectorPolicy `json:"policy"` // its now counts for nothing: every step has its own
	KeySet  vectorSet    `json:"key_set"`
	Vectors []feedVector `json:"vectors"`
}

// reasonOf is the class of an error of Verify, as the vectors name it.
func reasonOf(err error) string {
	for _, r := range []struct {
		err    error
		reason string
	}{
		{verify.ErrTokenRevoked, "revoked"}, {verify.ErrTokenStale, "stale"}, {verify.ErrFeedUnavailable, "feed_unavailable"},
		{verify.ErrTokenExpired, "expired"}, {jws.ErrMalformed, "malformed"}, {jws.ErrUnsupported, "unsupported"},
		{jws.ErrUnknownKey, "key"}, {jws.ErrKey, "key"}, {jws.ErrSignature, "signature"},
	} {
		if errors.Is(err, r.err) {
			return r.reason
		}
	}
	var notJSON *strictjson.Error
	if errors.As(err, &notJSON) {
		return "malformed"
	}
	for text, reason := range map[string]string{
		"typ is not": "type", "another issuer": "issuer", "another audience": "audience", "not yet valid": "not_yet",
		"issued in the future": "not_yet", "bound to a key": "bound",
	} {
		if strings.Contains(err.Error(), text) {
			return reason
		}
	}
	if errors.Is(err, verify.ErrTokenInvalid) {
		return "claims"
	}
	return "no verdict: " + err.Error()
}

// published is an issuer of which nothing but a key set is there.
type published struct{ body []byte }

func (p published) RoundTrip(r *http.Request) (*http.Response, error) {
	response := &http.Response{StatusCode: http.StatusNotFound, Request: r, Body: http.NoBody}
	if strings.HasSuffix(r.URL.Path, "/.well-known/jwks.json") {
		response.StatusCode, response.Body = http.StatusOK, io.NopCloser(bytes.NewReader(p.body))
	}
	return response, nil
}

// vectorVerifier is the verifier of a policy.
func vectorVerifier(t *testing.T, p vectorPolicy, set vectorSet, now func() time.Time) *verify.Verifier {
	t.Helper()
	leeway := time.Duration(p.Leeway) * time.Second
	if leeway == 0 {
		leeway = -1 // Config takes 0 for the default
	}
	v, err := verify.New(verify.Config{
		Issuer: p.Issuer, Audience: p.Audience, Leeway: leeway, Now: now, Logger: slog.New(slog.DiscardHandler),
		Client: &http.Client{Transport: published{marshal(t, set)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func runTokenVectors(t *testing.T, all tokenVectors) {
	for _, c := range all.Vectors {
		t.Run(c.ID, func(t *testing.T) {
			set, ok := all.KeySets[c.KeySet]
			if !ok {
				t.Fatalf("there is no key set %q", c.KeySet)
			}
			v := vectorVerifier(t, c.Policy, set, func() time.Time { return time.Unix(c.Policy.Now, 0) })
			for _, turn := range []string{"first", "second"} { // the second time out of the cache
				claims, err := v.Verify(t.Context(), c.Token)
				switch {
				case c.Verdict == "accept" && err != nil:
					t.Errorf("%s: the %s time: Verify = %v, want the claims", c.Description, turn, err)
				case c.Verdict == "accept":
					if want := readNumbers(t, c.Claims); !reflect.DeepEqual(claims.All(), want) {
						t.Errorf("%s: the %s time: claims = %v, want %v", c.Description, turn, claims.All(), want)
					}
				case c.Verdict != "refuse":
					t.Errorf("the verdict is %q, want accept or refuse", c.Verdict)
				case err == nil:
					t.Errorf("%s: the %s time: the token is accepted, want %s", c.Description, turn, c.Reason)
				case reasonOf(err) != c.Reason:
					t.Errorf("%s: the %s time: Verify = %v, which is %s, want %s", c.Description, turn, err, reasonOf(err), c.Reason)
				}
			}
		})
	}
}

// readNumbers decodes an object as the claims have it: with numbers as they are written.
func readNumbers(t *testing.T, text []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		t.Fatal(err)
	}
	return object
}

func runKeySetVectors(t *testing.T, all keySetVectors) {
	for _, c := range all.Vectors {
		t.Run(c.ID, func(t *testing.T) {
			body := []byte(c.Body)
			if c.Base64 != "" {
				var err error
				if body, err = base64.RawURLEncoding.DecodeString(c.Base64); err != nil {
					t.Fatal(err)
				}
			}
			keys, err := jws.ParseKeySet(body)
			var usable []usableKey
			for _, k := range keys {
				usable = append(usable, usableKey{k.ID(), string(k.Algorithm())})
			}
			verdict, reason := "accept", ""
			switch {
			case errors.Is(err, jws.ErrMalformed):
				verdict, reason = "refuse", "malformed"
			case errors.Is(err, jws.ErrNoKeys):
				verdict, reason = "refuse", "no_keys"
			case err != nil:
				t.Fatal(err)
			}
			if verdict != c.Verdict || reason != c.Reason || !reflect.DeepEqual(usable, c.Usable) {
				t.Errorf("%s: %s %s %v, want %s %s %v", c.Description, verdict, reason, usable, c.Verdict, c.Reason, c.Usable)
			}
		})
	}
}

func runFeedVectors(t *testing.T, all feedVectors) {
	for _, c := range all.Vectors {
		t.Run(c.ID, func(t *testing.T) {
			var now time.Time
			clock := func() time.Time { return now }
			v := vectorVerifier(t, all.Policy, all.KeySet, clock)
			reader := verify.NewFeedReader(all.Policy.Issuer, clock, v.Keys().Key)
			for n, step := range c.Steps {
				now = time.Unix(step.Now, 0)
				reader.Forget(now) // as early as it may be: nothing may be lost by it
				if step.Asked != nil {
					takeVectorPage(t, reader, n, step)
				} else {
					presentVectorToken(t, v, reader, n, step)
				}
			}
		})
	}
}

func takeVectorPage(t *testing.T, reader *verify.FeedReader, n int, step feedStep) {
	t.Helper()
	next, more, err := reader.Take(t.Context(), step.Page, *step.Asked)
	switch {
	case step.Verdict == "take" && err != nil:
		t.Errorf("step %d: the page is refused: %v", n, err)
	case step.Verdict == "take" && (step.Next == nil || step.More == nil):
		t.Errorf("step %d: the vector does not say what is asked next", n)
	case step.Verdict == "take" && (next != *step.Next || more != *step.More):
		t.Errorf("step %d: next, more = %d, %v, want %d, %v", n, next, more, *step.Next, *step.More)
	case step.Verdict == "refuse" && err == nil:
		t.Errorf("step %d: the page is taken", n)
	case step.Verdict != "take" && step.Verdict != "refuse":
		t.Errorf("step %d: the verdict of a page is %q, want take or refuse", n, step.Verdict)
	}
}

func presentVectorToken(t *testing.T, v *verify.Verifier, reader *verify.FeedReader, n int, step feedStep) {
	t.Helper()
	claims, err := v.Verify(t.Context(), step.Token)
	if err == nil {
		err = reader.Check(claims)
	}
	switch {
	case step.Verdict == "accept" && err != nil:
		t.Errorf("step %d: the token is refused: %v", n, err)
	case step.Verdict == "refuse" && err == nil:
		t.Errorf("step %d: the token is accepted, want %s", n, step.Reason)
	case step.Verdict == "refuse" && reasonOf(err) != step.Reason:
		t.Errorf("step %d: %v, which is %s, want %s", n, err, reasonOf(err), step.Reason)
	case step.Verdict != "accept" && step.Verdict != "refuse":
		t.Errorf("step %d: the verdict of a token is %q, want accept or refuse", n, step.Verdict)
	}
}

// vectorsPath is the file of the vectors of that name.
func vectorsPath(name string) string { return filepath.Join("testdata", "vectors", name+".json") }

// stored reads a file of vectors, and writes it first when that is wanted.
func stored[T any](t *testing.T, name string, made T) (file T) {
	t.Helper()
	if *update {
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		if err := e.Encode(made); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorsPath(name), text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(vectorsPath(name))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		t.Fatalf("%s: %v", vectorsPath(name), err)
	}
	return file
}

// publicOnly looks for what a key set must not hold (RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 8037 §2).
func publicOnly(t *testing.T, set vectorSet) {
	t.Helper()
	for _, jwk := range set.Keys {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			if _, has := jwk[private]; has {
				t.Errorf("the key %v has the private member %s", jwk["kid"], private)
			}
		}
	}
}

// sameList reports whether a file holds the vectors that this package makes; keys, and what is signed with them, differ
// each time.
func sameList[T any](t *testing.T, least int, file, made []T, line func(T) string) {
	t.Helper()
	if len(file) < least {
		t.Errorf("%d vectors, want %d at least", len(file), least)
	}
	seen := map[string]bool{}
	for n := range max(len(file), len(made)) {
		var in, from string
		if n < len(file) {
			in = line(file[n])
		}
		if n < len(made) {
			from = line(made[n])
		}
		if in != from {
			t.Fatalf("vector %d of the file is\n%s\nand of this package\n%s\nWrite the files anew: go test -run Vectors -update .", n, in, from)
		}
		if seen[in] {
			t.Errorf("twice: %s", in)
		}
		seen[in] = true
	}
}

func TestTokenVectors(t *testing.T) {
	made := makeTokenVectors(t)
	file := stored(t, "tokens", made)
	sameList(t, 120, file.Vectors, made.Vectors, func(v tokenVector) string {
		return fmt.Sprint(v.vector, v.KeySet, v.Policy, v.Verdict, v.Reason)
	})
	for _, set := range file.KeySets {
		publicOnly(t, set)
	}
	t.Run("stored", func(t *testing.T) { runTokenVectors(t, file) })
	t.Run("fresh", func(t *testing.T) { runTokenVectors(t, made) })
}

func TestKeySetVectors(t *testing.T) {
	made := makeKeySetVectors(t)
	file := stored(t, "keysets", made)
	sameList(t, 40, file.Vectors, made.Vectors, func(v keySetVector) string {
		return fmt.Sprint(v.vector, v.Verdict, len(v.Usable), v.Reason)
	})
	t.Run("stored", func(t *testing.T) { runKeySetVectors(t, file) })
	t.Run("fresh", func(t *testing.T) { runKeySetVectors(t, made) })
}

func TestFeedVectors(t *testing.T) {
	made := makeFeedVectors(t)
	file := stored(t, "feed", made)
	sameList(t, 40, file.Vectors, made.Vectors, func(v feedVector) string {
		line := fmt.Sprint(v.vector)
		for _, s := range v.Steps {
			line += fmt.Sprint(s.Now, s.Asked != nil, s.Verdict, s.Reason)
		}
		return line
	})
	if got := time.Duration(file.Policy.MaxFeedAge) * time.Second; got != verify.DefaultMaxFeedAge {
		t.Errorf("max_feed_age = %v, and the reader has %v", got, verify.DefaultMaxFeedAge)
	}
	if got := time.Duration(file.Policy.Leeway) * time.Second; got != accesstoken.DefaultLeeway {
		t.Errorf("leeway = %v, and the reader has %v", got, accesstoken.DefaultLeeway)
	}
	publicOnly(t, file.KeySet)
	t.Run("stored", func(t *testing.T) { runFeedVectors(t, file) })
	t.Run("fresh", func(t *testing.T) { runFeedVectors(t, made) })
}

// TestVectorsSayIDOnce: an ID names one vector, whatever the file.
func TestVectorsSayIDOnce(t *testing.T) {
	ids := map[string]int{}
	for _, v := range makeTokenVectors(t).Vectors {
		ids[v.ID]++
	}
	for _, v := range makeKeySetVectors(t).Vectors {
		ids[v.ID]++
	}
	for _, v := range makeFeedVectors(t).Vectors {
		ids[v.ID]++
	}
	for id, n := range ids {
		if n > 1 || strings.ContainsAny(id, " /") || id == "" {
			t.Errorf("%d vectors are called %q, want one, and a name without white space and slash", n, id)
		}
	}
}

// TestVectorsREADMECounts: the README says how many there are.
func TestVectorsREADMECounts(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("testdata", "vectors", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name, count := range map[string]int{
		"tokens.json": len(makeTokenVectors(t).Vectors), "keysets.json": len(makeKeySetVectors(t).Vectors), "feed.json": len(makeFeedVectors(t).Vectors),
	} {
		if line := fmt.Sprintf("**%s**: %d ", name, count); !strings.Contains(string(readme), line) {
			t.Errorf("the README does not say %q", line)
		}
	}
}
