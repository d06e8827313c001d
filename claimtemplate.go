package sallyport

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
)

// claimTemplate is Config.ClaimTemplate, read: names of claims, and what makes their values of a user.
type claimTemplate map[string]templateValue

// templateValue is nil, a bool, a number, a templateText, a list or an object of such.
type templateValue any

// templateText is a text in parts, which are in turn literal and the name of a field: at even and at odd places.
type templateText []string

// maxTemplateDepth bounds a template as strictjson bounds what verifiers read, less the object of claims itself.
const maxTemplateDepth = 16

// readClaimTemplate checks a template, all faults of which it names. "${name}" in a text stands for a user field or a key
// of attributes, "$${" for "${"; nothing else is special, and no value is looked at for another "${".
func readClaimTemplate(from map[string]any, fault func(claim, format string, args ...any)) claimTemplate {
	read := claimTemplate{}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if name == "" || accesstoken.Reserved(name) {
			fault(name, "no custom claim may have this name")
			continue
		}
		value, err := readTemplateValue(from[name], 0)
		if err != nil {
			fault(name, "%v", err)
			continue
		}
		read[name] = value
	}
	return read
}

// CheckClaimTemplate names what keeps a map from being Config.ClaimTemplate.
func CheckClaimTemplate(template map[string]any) error {
	var faults []error
	readClaimTemplate(template, func(claim, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%q: %s", shortName(claim), fmt.Sprintf(format, args...)))
	})
	return errors.Join(faults...)
}

func readTemplateValue(from any, depth int) (templateValue, error) {
	if depth == maxTemplateDepth {
		return nil, fmt.Errorf("objects and lists go deeper than %d", maxTemplateDepth)
	}
	switch from := from.(type) {
	case nil, bool, json.Number, int, int64, uint64, float64:
		return from, nil
	case string:
		return readTemplateText(from)
	case []any:
		list := make([]templateValue, len(from))
		for i, element := range from {
			var err error
			if list[i], err = readTemplateValue(element, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		object := make(map[string]templateValue, len(from))
		for name, member := range from {
			var err error
			if object[name], err = readTemplateValue(member, depth+1); err != nil {
				return nil, err
			}
		}
		return object, nil
	}
	return nil, fmt.Errorf("a value of type %T is not JSON", from)
}

func readTemplateText(text string) (templateText, error) {
	parts := templateText{""}
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			parts[len(parts)-1] += text
			return parts, nil
		}
		if literal, escaped := strings.CutSuffix(before, "$"); escaped {
			parts[len(parts)-1] += literal + "${"
			text = rest
			continue
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || name == "" || strings.ContainsAny(name, "${ ") {
			return nil, fmt.Errorf("%q has a ${ without a name and a }; write $${ for the characters themselves", text)
		}
		parts[len(parts)-1] += before
		parts = append(parts, name, "")
		text = after
	}
}

// claims are those of a user.
func (t claimTemplate) claims(u *User) map[string]any {
	claims := make(map[string]any, len(t))
	for name, value := range t {
		claims[name] = fillIn(value, u)
	}
	return claims
}

func fillIn(value templateValue, u *User) any {
	switch value := value.(type) {
	case templateText:
		return value.of(u)
	case []templateValue:
		list := make([]any, len(value))
		for i, element := range value {
			list[i] = fillIn(element, u)
		}
		return list
	case map[string]templateValue:
		object := make(map[string]any, len(value))
		for name, member := range value {
			object[name] = fillIn(member, u)
		}
		return object
	}
	return value
}

// of is the value itself when the text is nothing but its name, of whatever type it is; null when the user has none.
// Within other text it is a string: a text as it is, nothing for null, else JSON.
func (t templateText) of(u *User) any {
	if len(t) == 3 && t[0] == "" && t[2] == "" {
		return u.Field(t[1])
	}
	var text strings.Builder
	for i, part := range t {
		if i%2 == 0 {
			text.WriteString(part)
			continue
		}
		switch value := u.Field(part).(type) {
		case nil:
		case string:
			text.WriteString(value)
		default:
			encoded, err := json.Marshal(value)
			if err == nil { // what was read from the store always encodes
				text.Write(encoded)
			}
		}
	}
	return text.String()
}
