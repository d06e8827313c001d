package accesstoken_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
)

// FuzzClaims signs arbitrary claims. What is accepted meets the rules, has no name twice and nothing unread, and means
// the same to encoding/json, name by name.
func FuzzClaims(f *testing.F) {
	b := newBench(f)
	good := marshal(f, goodClaims())
	f.Add(good)
	for name := range goodClaims() {
		f.Add(strings.Replace(good, `"`+name+`":`, `"`+name+`":1,"`+name+`":`, 1))
		f.Add(strings.Replace(good, `"`+name+`":`, `"`+strings.ToUpper(name)+`":1,"`+name+`":`, 1))
		f.Add(strings.Replace(good, `"`+name+`":`, `"`+strings.ToUpper(name)+`":`, 1))
		f.Add(strings.Replace(good, `"`+name+`":`, `"`+name+`":null,"x":`, 1))
	}
	f.Add(strings.Replace(good, `"sub"`, `"\u017fub":"mallory","sub"`, 1))
	f.Add(strings.Replace(good, `"sub"`, `"s\u0075b":"mallory","sub"`, 1))
	f.Add(strings.Replace(good, `"sub"`, `"cnf":null,"sub"`, 1))
	f.Add(strings.Replace(good, `"orders"`, `"orders","x"`, 1))
	f.Add(strings.Replace(good, `1700000300`, `1.7000003e9`, 1))
	f.Add(strings.Replace(good, `1700000300`, `1700000300.5`, 1))
	f.Add(good + "{}")
	f.Add("null")
	f.Fuzz(func(t *testing.T, payload string) {
		c, err := b.verify(b.mint(goodHeader, payload))
		if err != nil {
			if c != nil || !errors.Is(err, accesstoken.ErrInvalid) {
				t.Errorf("Verify(%q) = %v, %v", payload, c, err)
			}
			return
		}
		all, ok := decodeClaims(payload)
		if !ok {
			t.Fatalf("Verify(%q) accepts a name twice, something unread or no object", payload)
		}
		if !reflect.DeepEqual(c.All(), all) {
			t.Errorf("Verify(%q) reads %#v, encoding/json %#v", payload, c.All(), all)
		}
		for name, got := range map[string]string{
			"iss": c.Issuer, "sub": c.Subject, "jti": c.ID, "sid": c.SessionID, "client_id": c.ClientID, "user_id": c.UserID, "token_type": "access",
		} {
			if got == "" || all[name] != got {
				t.Errorf("Verify(%q): %s is %q, want %v", payload, name, got, all[name])
			}
		}
		_, bound := all["cnf"]
		if c.Issuer != issuer || bound || !slices.Contains(c.Audience, "orders") && !slices.Contains(c.Audience, "billing") ||
			!now.Before(c.ExpiresAt.Add(time.Minute)) || c.IssuedAt.After(now.Add(time.Minute)) {
			t.Errorf("Verify(%q) accepts %+v", payload, c)
		}
	})
}

// decodeClaims is a strict decoder made of encoding/json: an object without a name twice at its top, and then the end.
func decodeClaims(payload string) (map[string]any, bool) {
	d := json.NewDecoder(bytes.NewReader([]byte(payload)))
	d.UseNumber()
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	all := map[string]any{}
	for d.More() {
		name, err := d.Token()
		text, isName := name.(string)
		if _, twice := all[text]; err != nil || !isName || twice {
			return nil, false
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return nil, false
		}
		all[text] = value
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return nil, false
	}
	_, err := d.Token()
	return all, err == io.EOF
}
