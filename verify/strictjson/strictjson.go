package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how many arrays and objects may be open at once.
const MaxDepth = 32

// Error says why the input was refused and where. It never quotes the input, which may hold a secret.
type Error struct {
	Offset int    // bytes before the fault
	Reason string // a constant of this package
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("strictjson: %s at byte %d", e.Reason, e.Offset)
}

// Parse reads the one value that data holds, with white space around it or without. The result is a map[string]any,
// []any, string, [json.Number], bool or nil. The error is an [*Error].
//
// Refused beyond what RFC 8259 forbids: invalid UTF-8, a byte order mark, a member name that occurs twice in one object
// (compared exactly, after unescaping), an escaped lone surrogate, a number that does not fit a finite float64, and
// nesting beyond [MaxDepth].
func Parse(data []byte) (any, error) {
	s := scanner{data: data}
	if !utf8.Valid(data) {
		return nil, s.fail("invalid UTF-8")
	}
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return nil, s.fail("byte order mark")
	}
	v, err := s.value(0)
	if err != nil {
		return nil, err
	}
	if s.space(); s.pos < len(data) {
		return nil, s.fail("data after the value")
	}
	return v, nil
}

// ParseObject is [Parse] for input that must be an object.
func ParseObject(data []byte) (map[string]any, error) {
	v, err := Parse(data)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, &Error{Reason: "not an object"}
	}
	return object, nil
}

// scanner is a recursive descent over data; pos is the next unread byte.
type scanner struct {
	data []byte
	pos  int
}

func (s *scanner) fail(reason string) *Error {
	return &Error{Offset: s.pos, Reason: reason}
}

// peek is the next byte, or 0 at the end: a NUL byte is valid nowhere in JSON, so the two need no telling apart.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// take skips white space and consumes c if it is next.
func (s *scanner) take(c byte) bool {
	if s.space(); s.peek() != c {
		return false
	}
	s.pos++
	return true
}

// value reads a value inside depth open arrays and objects.
func (s *scanner) value(depth int) (any, error) {
	s.space()
	switch c := s.peek(); {
	case c == '{':
		return s.object(depth + 1)
	case c == '[':
		return s.array(depth + 1)
	case c == '"':
		return s.string()
	case c == 't':
		return true, s.literal("true")
	case c == 'f':
		return false, s.literal("false")
	case c == 'n':
		return nil, s.literal("null")
	case c == '-' || isDigit(c):
		return s.number()
	case s.pos == len(s.data):
		return nil, s.fail("unexpected end")
	}
	return nil, s.fail("not a value")
}

// literal returns a bare error interface, so that no typed nil escapes.
func (s *scanner) literal(word string) error {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		return s.fail("not a value")
	}
	s.pos += len(word)
	return nil
}

func (s *scanner) object(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, s.fail("nested too deeply")
	}
	s.pos++ // the brace
	members := make(map[string]any)
	if s.take('}') {
		return members, nil
	}
	for {
		s.space()
		at := s.pos
		if s.peek() != '"' {
			return nil, s.fail("expected a member name")
		}
		name, err := s.string()
		if err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			return nil, &Error{Offset: at, Reason: "member name given twice"}
		}
		if !s.take(':') {
			return nil, s.fail("expected a colon")
		}
		if members[name], err = s.value(depth); err != nil {
			return nil, err
		}
		if s.take('}') {
			return members, nil
		}
		if !s.take(',') {
			return nil, s.fail("expected a comma or the end of the object")
		}
	}
}

func (s *scanner) array(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, s.fail("nested too deeply")
	}
	s.pos++ // the bracket
	elements := []any{}
	if s.take(']') {
		return elements, nil
	}
	for {
		v, err := s.value(depth)
		if err != nil {
			return nil, err
		}
		elements = append(elements, v)
		if s.take(']') {
			return elements, nil
		}
		if !s.take(',') {
			return nil, s.fail("expected a comma or the end of the array")
		}
	}
}

// string reads a quoted string. The result is a copy: a string that is kept must not keep the document around it, which
// may hold a password, in memory.
func (s *scanner) string() (string, error) {
	s.pos++ // the quote
	for start := s.pos; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return string(s.data[start : s.pos-1]), nil
		case c == '\\':
			return s.unescape(bytes.Clone(s.data[start:s.pos]))
		case c < 0x20:
			return "", s.fail("control character in a string")
		}
	}
	return "", s.fail("unexpected end")
}

// unescape reads the rest of a string from its first escape on and appends it to text.
func (s *scanner) unescape(text []byte) (string, error) {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		switch {
		case c == '"':
			s.pos++
			return string(text), nil
		case c < 0x20:
			return "", s.fail("control character in a string")
		case c != '\\':
			text = append(text, c)
			s.pos++
		default:
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			text = utf8.AppendRune(text, r)
		}
	}
	return "", s.fail("unexpected end")
}

// escape reads one escape sequence, or the two of a surrogate pair.
func (s *scanner) escape() (rune, error) {
	if s.pos+1 >= len(s.data) {
		return 0, s.fail("unexpected end")
	}
	c := s.data[s.pos+1]
	if c == 'u' {
		return s.escapedRune()
	}
	const letters, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	i := bytes.IndexByte([]byte(letters), c)
	if i < 0 {
		return 0, s.fail("unknown escape")
	}
	s.pos += 2
	return rune(meanings[i]), nil
}

func (s *scanner) escapedRune() (rune, error) {
	r, ok := s.codeUnit()
	if !ok {
		return 0, s.fail("bad \\u escape")
	}
	if !utf16.IsSurrogate(r) {
		s.pos += 6
		return r, nil
	}
	first := s.pos
	s.pos += 6
	low, ok := s.codeUnit()
	if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
		s.pos += 6
		return pair, nil
	}
	return 0, &Error{Offset: first, Reason: "lone surrogate"}
}

// codeUnit reads \uXXXX at pos without consuming it.
func (s *scanner) codeUnit() (rune, bool) {
	if len(s.data)-s.pos < 6 || s.data[s.pos] != '\\' || s.data[s.pos+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s.data[s.pos+2 : s.pos+6] {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? and keeps its text.
func (s *scanner) number() (any, error) {
	start := s.pos
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return nil, s.fail("bad number")
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return nil, s.fail("bad number")
		}
	}
	negative, exponent := false, 0 // of the power of ten: its sign, and how many digits it has
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			negative = c == '-'
			s.pos++
		}
		at := s.pos
		if !s.digits() {
			return nil, s.fail("bad number")
		}
		exponent = s.pos - at
	}
	text := string(s.data[start:s.pos])
	if mayOverflow(len(text), negative, exponent) {
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return nil, &Error{Offset: start, Reason: "number out of range"}
		}
	}
	return json.Number(text), nil
}

// mayOverflow reports whether a number could be beyond float64, about 1.8e308. It keeps the many that
// cannot from being converted: for a tiny number that takes 12 µs, a thousand times its reading.
func mayOverflow(length int, negative bool, exponentDigits int) bool {
	if negative {
		exponentDigits = 0
	}
	return length > 200 || exponentDigits > 2 // else less than 1e200 times 1e99
}

// digits consumes a run of digits and reports whether there was one.
func (s *scanner) digits() bool {
	start := s.pos
	for isDigit(s.peek()) {
		s.pos++
	}
	return s.pos > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
