package claimhook_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/sallyport-auth/sallyport/claimhook"
)

// FuzzAnswer: what is accepted is what encoding/json finds under "claims", and can be written again.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"claims":{"plan":"gold","n":12345678901234567890,"deep":{"a":[1,null,true,"x"]}},"version":2}`,
		`{"claims":{}}`, `{"claims":null}`, `{"claims":[]}`, `{"CLAIMS":{}}`, `{"claims":{},"claims":{}}`, `{"cl\u0061ims":{"\ud83d\ude00":-0.0}}`,
		`[]`, ``, "\xef\xbb\xbf{}", `{"claims":{"x":1e999}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		claims, err := claimhook.ParseAnswer(body)
		if err != nil {
			if claims != nil {
				t.Errorf("ParseAnswer(%q) = %v beside an error", body, claims)
			}
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		var want map[string]any
		if err := decoder.Decode(&want); err != nil || !reflect.DeepEqual(any(claims), want["claims"]) {
			t.Errorf("ParseAnswer(%q) = %v, want %v, %v", body, claims, want["claims"], err)
		}
		if _, err := json.Marshal(claims); err != nil {
			t.Errorf("ParseAnswer(%q) gives what cannot be written: %v", body, err)
		}
	})
}
