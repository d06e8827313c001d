package idptest

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
)

// object is a JSON object whose members keep their order and may repeat: a Go map can neither.
type object []member

type member struct {
	name string
	text []byte // the value, encoded
}

// set replaces every member of that name, or adds one at the end.
func (o *object) set(name string, value any) {
	text := encode(value)
	found := false
	for i := range *o {
		if (*o)[i].name == name {
			(*o)[i].text, found = text, true
		}
	}
	if !found {
		*o = append(*o, member{name, text})
	}
}

// setText is set for a string that is left out when empty.
func (o *object) setText(name, value string) {
	if value != "" {
		o.set(name, value)
	}
}

// add puts a member at the end, whatever is there already.
func (o *object) add(name string, value any) { *o = append(*o, member{name, encode(value)}) }

func (o *object) remove(name string) {
	kept := make(object, 0, len(*o))
	for _, m := range *o {
		if m.name != name {
			kept = append(kept, m)
		}
	}
	*o = kept
}

func (o object) has(name string) bool {
	for _, m := range o {
		if m.name == name {
			return true
		}
	}
	return false
}

// MarshalJSON lets an object stand inside another value.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(encode(m.name))
		b.WriteByte(':')
		b.Write(m.text)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (o object) text() []byte {
	text, _ := o.MarshalJSON() // never fails: every member is encoded already
	return text
}

// encode is JSON without HTML escapes. As fmt does with a bad verb, a value that has no JSON form is reported in its
// own place, where the test that passed it will see it.
func encode(value any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return strconv.AppendQuoteToASCII(nil, "%!json("+err.Error()+")")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// textOf is the string that a member holds; "" when it holds none.
func (o object) textOf(name string) (text string) {
	for _, m := range o {
		if m.name == name {
			json.Unmarshal(m.text, &text) // an error leaves ""
		}
	}
	return text
}

// form is an object of strings as a form.
func (o object) form() []byte {
	form := url.Values{}
	for _, m := range o {
		form.Set(m.name, o.textOf(m.name))
	}
	return []byte(form.Encode())
}
