package sallyport

import (
	"slices"
	"testing"
	"time"
)

func TestNewIDSortsByTime(t *testing.T) {
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var ids []string
	for i := range 100 {
		ids = append(ids, NewID(at.Add(time.Duration(i)*time.Millisecond)).String())
	}
	if !slices.IsSorted(ids) {
		t.Error("ids of successive milliseconds do not sort")
	}
	if id := NewID(at); id[6]>>4 != 7 || id[8]>>6 != 2 {
		t.Errorf("NewID = %s, want version 7 and the variant of RFC 9562", id)
	}
	if NewID(at) == NewID(at) {
		t.Error("two ids of one instant are equal")
	}
}

func TestParseIDHasOneSpelling(t *testing.T) {
	id := NewID(time.Now())
	if got, err := ParseID(id.String()); err != nil || got != id {
		t.Errorf("ParseID(%q) = %v, %v", id.String(), got, err)
	}
	s := id.String()
	for _, bad := range []string{"", "x", s + "0", s[:35], "{" + s + "}", s[:8] + s[9:], "0190D6A5-7C1E-7ABC-8DEF-0123456789AB", s[:35] + "g", "urn:uuid:" + s} {
		if _, err := ParseID(bad); err == nil {
			t.Errorf("ParseID(%q) = nil, want an error", bad)
		}
	}
}
