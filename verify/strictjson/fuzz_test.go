package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// FuzzParse holds Parse against encoding/json, in both directions. What is accepted has the same meaning there, is read
// to its end and has no name twice. What is refused is refused there too, or has one of the faults that encoding/json
// passes over.
func FuzzParse(f *testing.F) {
	for _, tt := range accepted {
		f.Add([]byte(tt.in))
	}
	for _, tt := range refused {
		f.Add([]byte(tt.in))
	}
	for _, depth := range []int{strictjson.MaxDepth, strictjson.MaxDepth + 1} {
		f.Add([]byte(strings.Repeat("[", depth) + strings.Repeat("]", depth)))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := strictjson.Parse(in)
		if err != nil {
			refusedRightly(t, in, got, err)
			return
		}
		d := json.NewDecoder(bytes.NewReader(in))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("Parse(%q) accepts what encoding/json refuses: %v", in, err)
		}
		if _, err := d.Token(); err != io.EOF {
			t.Fatalf("Parse(%q) left something unread", in)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("Parse(%q) = %#v, want %#v", in, got, want)
		}
		if laxFault(in) != "" {
			t.Errorf("Parse(%q) accepts: %s", in, laxFault(in))
		}
	})
}

func refusedRightly(t *testing.T, in []byte, got any, err error) {
	t.Helper()
	var fault *strictjson.Error
	if got != nil || !errors.As(err, &fault) || fault.Offset < 0 || fault.Offset > len(in) {
		t.Errorf("Parse(%q) = %v, %v, want nothing and an *Error with an offset inside", in, got, err)
	}
	if json.Valid(in) && laxFault(in) == "" {
		t.Errorf("Parse(%q) = %v, but nothing is wrong with it", in, err)
	}
}

// laxFault names a fault of valid JSON that encoding/json passes over, found with its tokens.
func laxFault(in []byte) string {
	if !utf8.Valid(in) {
		return "invalid UTF-8"
	}
	if hasLoneSurrogate(in) {
		return "lone surrogate"
	}
	d := json.NewDecoder(bytes.NewReader(in))
	d.UseNumber()
	w := &walker{decoder: d}
	w.value(0)
	return w.fault
}

// escapes matches every escape sequence of valid JSON, surrogate pairs as one.
var escapes = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.`)

func hasLoneSurrogate(in []byte) bool {
	return slices.ContainsFunc(escapes.FindAll(in, -1), func(e []byte) bool {
		return len(e) == 6 && (e[2] == 'd' || e[2] == 'D') && e[3] >= '8'
	})
}

// walker reads one value and remembers the first fault.
type walker struct {
	decoder *json.Decoder
	fault   string
}

func (w *walker) found(fault string) {
	if w.fault == "" {
		w.fault = fault
	}
}

// value returns false at the end of an array or object.
func (w *walker) value(depth int) bool {
	token, err := w.decoder.Token()
	if err != nil {
		return false
	}
	switch v := token.(type) {
	case json.Delim:
		return w.composite(v, depth+1)
	case json.Number:
		if _, err := strconv.ParseFloat(string(v), 64); err != nil {
			w.found("number out of range")
		}
	}
	return true
}

func (w *walker) composite(open json.Delim, depth int) bool {
	if depth > strictjson.MaxDepth && (open == '[' || open == '{') {
		w.found("nested too deeply")
	}
	switch open {
	case '[':
		for w.value(depth) {
		}
	case '{':
		names := map[string]bool{}
		for {
			name, err := w.decoder.Token()
			text, isName := name.(string)
			if err != nil || !isName {
				break
			}
			if names[text] {
				w.found("name given twice")
			}
			names[text] = true
			w.value(depth)
		}
	default:
		return false
	}
	return true
}
