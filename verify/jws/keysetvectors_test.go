package jws_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

var update = flag.Bool("update", false, "make the vectors anew, with new keys")

// keySetVectors is testdata/vectors/keysets.json.
type keySetVectors struct {
	About string         `json:"about"`
	Cases []keySetVector `json:"cases"`
}

type keySetVector struct {
	ID     string   `json:"id"`
	What   string   `json:"what"`
	Source string   `json:"source"`
	Set    string   `json:"set"`    // the text of the answer
	Usable []string `json:"usable"` // key IDs, in order; empty: the set is refused
}

const keySetsFile = "../testdata/vectors/keysets.json"

// makeKeySets puts each unusable key beside a good one, and adds what is no set at all.
func makeKeySets(t *testing.T) *keySetVectors {
	v := &keySetVectors{About: "Answers in place of a key set (RFC 7517 §5): see README.md. The keys were made for this file, and their private halves are gone."}
	good := func(alg jws.Algorithm, kid string) map[string]any {
		k := jwkOf(t, alg)
		k["kid"] = kid
		return k
	}
	set := func(keys ...any) string {
		text, err := json.Marshal(map[string]any{"keys": keys})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	add := func(id, what, source, text string, usable ...string) {
		v.Cases = append(v.Cases, keySetVector{id, what, source, text, append([]string{}, usable...)})
	}
	for n, alg := range []jws.Algorithm{jws.ES256, jws.EdDSA, jws.RS256} {
		add("good-"+string(alg), "one key, "+string(alg), []string{"RFC 7518 §6.2", "RFC 8037 §2", "RFC 7518 §6.3"}[n], set(good(alg, "a")), "a")
	}
	add("good-all", "a key of each algorithm", "RFC 7517 §5", set(good(jws.ES256, "a"), good(jws.EdDSA, "b"), good(jws.RS256, "c")), "a", "b", "c")
	for _, c := range unusableKeys {
		bad := good(c.alg, "bad")
		c.change(bad)
		add("skipped-"+slugOf(c.name), c.name+", beside a good key", "RFC 7517 §5, §4; RFC 7518 §6", set(bad, good(jws.ES256, "good")), "good")
	}
	one := set(good(jws.ES256, "a"))
	for _, c := range []struct{ name, text string }{
		{"nothing", ""}, {"HTML", "<!doctype html>"}, {"null", "null"}, {"a bare list", "[]"}, {"keys absent", "{}"}, {"keys null", `{"keys":null}`},
		{"keys an object", `{"keys":{}}`}, {"keys twice", one[:len(one)-1] + `,"keys":[]}`}, {"a member of a key twice", `{"keys":[{"kty":"EC","kty":"EC"}]}`},
		{"data behind it", one + "x"}, {"no keys", `{"keys":[]}`}, {"only a symmetric key", `{"keys":[{"kty":"oct","k":"AA"}]}`}, {"a byte order mark", "\ufeff" + one},
	} {
		add("refused-"+slugOf(c.name), c.name, "RFC 7517 §5, RFC 8259 §4, §8.1", c.text)
	}
	return v
}

func slugOf(name string) string {
	b := []byte(name)
	for i, c := range b {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			continue
		}
		b[i] = '-'
	}
	return string(b)
}

func TestKeySetVectors(t *testing.T) {
	if *update {
		text, err := json.MarshalIndent(makeKeySets(t), "", " ")
		if err == nil {
			err = os.WriteFile(keySetsFile, append(text, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(keySetsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v keySetVectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	for _, c := range v.Cases {
		keys, err := jws.ParseKeySet([]byte(c.Set))
		usable := []string{}
		for _, k := range keys {
			usable = append(usable, k.ID())
		}
		refused := errors.Is(err, jws.ErrMalformed) || errors.Is(err, jws.ErrNoKeys)
		if !slices.Equal(usable, c.Usable) || (len(c.Usable) == 0) != refused {
			t.Errorf("%s: %q, %v, want %q", c.ID, usable, err, c.Usable)
		}
	}
	if n := len(makeKeySets(t).Cases); n != len(v.Cases) {
		t.Errorf("%d cases, and there are %d: run go test ./jws -update", len(v.Cases), n)
	}
}
