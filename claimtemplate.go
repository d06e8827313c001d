package sallyport

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
)

// maxTemplateDepth is how many objects and arrays may be inside each other in the value of one claim. Verifiers read 32,
// and a value of a user brings some along.
const maxTemplateDepth = 16

// claimTemplate is a checked Config.ClaimTemplate: what is an object or an array there is one here, and each text is a
// templateText. It is never changed.
type claimTemplate map[string]any

// templateText is a text with the places where values of the user stand.
type templateText []templatePart

// templatePart is a piece of literal text, or the name of a user field or an attribute.
type templatePart struct {
	literal string
	name    string // "" for a literal
}

// placeholder is a name in a template. A dot or a default value, as other template languages have them, is refused:
// it would silently name an attribute that nobody has.
var placeholder = regexp.MustCompile(`^[A-Za-z0-9_]+([:-][A-Za-z0-9_]+)*$`)

// CheckClaimTemplate says what keeps a claim with that value from being one of Config.ClaimTemplate. Of a text it quotes
// no more than the name of a placeholder.
func CheckClaimTemplate(claim string, value any) error {
	_, err := parseClaim(claim, value)
	return err
}

// CheckClaimTemplates says what keeps claims from being Config.ClaimTemplate: what CheckClaimTemplate does of each, and
// more weight than 4 KiB of JSON without any value of a user.
func CheckClaimTemplates(claims map[string]any) error {
	_, err := parseClaimTemplate(claims)
	return err
}

// ClaimTemplateNames lists the user fields and attributes that Config.ClaimTemplate names, each once, sorted; none if it
// is not a right one.
func ClaimTemplateNames(claims map[string]any) []string {
	parsed, err := parseClaimTemplate(claims)
	if err != nil {
		return nil
	}
	names := map[string]bool{}
	collectNames(map[string]any(parsed), names)
	return slices.Sorted(maps.Keys(names))
}

func collectNames(parsed any, into map[string]bool) {
	switch parsed := parsed.(type) {
	case templateText:
		for _, part := range parsed {
			if part.name != "" {
				into[part.name] = true
			}
		}
	case []any:
		for _, item := range parsed {
			collectNames(item, into)
		}
	case map[string]any:
		for _, member := range parsed {
			collectNames(member, into)
		}
	}
}

func parseClaim(claim string, value any) (any, error) {
	switch {
	case accesstoken.Reserved(claim):
		return nil, errors.New("it is in every access token already")
	case claim == "":
		return nil, errors.New("a claim has no name")
	}
	parsed, err := parseTemplate(map[string]any{claim: value}, maxTemplateDepth+1)
	if err != nil {
		return nil, err
	}
	return parsed.(map[string]any)[claim], nil
}

// parseClaimTemplate also counts what every token would weigh: values of users come on top.
func parseClaimTemplate(claims map[string]any) (claimTemplate, error) {
	parsed := claimTemplate{}
	var faults []error
	for _, claim := range slices.Sorted(maps.Keys(claims)) {
		value, err := parseClaim(claim, claims[claim])
		if err != nil {
			faults = append(faults, fmt.Errorf("claim %q: %w", shortName(claim), err))
		}
		parsed[claim] = value
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if _, err := encodeClaims(parsed.expand(&User{})); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), ErrClaimsFailed.Error()+": "))
	}
	return parsed, nil
}

// parseTemplate reads one value. depth is how many objects and arrays may still be opened.
func parseTemplate(value any, depth int) (any, error) {
	switch value := value.(type) {
	case string:
		return parseText(value)
	case []any:
		if depth == 0 {
			return nil, errTooDeep
		}
		list := make([]any, len(value))
		for i, item := range value {
			var err error
			if list[i], err = parseTemplate(item, depth-1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		if depth == 0 {
			return nil, errTooDeep
		}
		object := make(map[string]any, len(value))
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if err := checkMember(name); err != nil {
				return nil, err
			}
			var err error
			if object[name], err = parseTemplate(value[name], depth-1); err != nil {
				return nil, err
			}
		}
		return object, nil
	case nil, bool, int, int64, float64, json.Number:
		if _, err := json.Marshal(value); err != nil {
			return nil, errors.New("a number is not one that JSON has")
		}
		return value, nil
	}
	return nil, fmt.Errorf("a %T is not a string, a number, a bool, nil, a []any or a map[string]any", value)
}

var errTooDeep = fmt.Errorf("objects and lists are nested deeper than %d", maxTemplateDepth)

// checkMember refuses a name with a placeholder: a value of a user must not choose what a claim is called.
func checkMember(name string) error {
	switch {
	case strings.Contains(name, "${"):
		return errors.New("the name of a member holds ${, which is replaced in values alone")
	case !utf8.ValidString(name):
		return errors.New("the name of a member is not valid UTF-8")
	}
	return nil
}

// parseText reads the syntax of a text: ${name} is a value, $${ is the text ${.
func parseText(text string) (templateText, error) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return nil, errors.New("a text is not valid UTF-8, or has control characters")
	}
	var parts templateText
	literal := ""
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			break
		}
		if escaped, is := strings.CutSuffix(before, "$"); is {
			literal, text = literal+escaped+"${", rest
			continue
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, errors.New("a ${ has no }; write $${ for the text itself")
		}
		if !placeholder.MatchString(name) {
			return nil, fmt.Errorf("%s: want the name of a user field or an attribute, of letters, digits, _, - and :; write $${ for the text itself", shownPlaceholder(name))
		}
		parts = append(parts, templatePart{literal: literal + before}, templatePart{name: name})
		literal, text = "", after
	}
	parts = append(parts, templatePart{literal: literal + text})
	return slices.DeleteFunc(parts, func(p templatePart) bool { return p == templatePart{} }), nil
}

// nearName is what may be shown of a placeholder that is wrong; the rest may be something else that was misplaced.
var nearName = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,64}$`)

func shownPlaceholder(name string) string {
	if !nearName.MatchString(name) {
		return "a ${ with something else behind it"
	}
	return "${" + name + "}"
}

// expand gives the claims of one user. What a user's values hold is never read as a template.
func (t claimTemplate) expand(u *User) map[string]any {
	claims := make(map[string]any, len(t))
	for claim, value := range t {
		claims[claim] = expand(value, u)
	}
	return claims
}

func expand(value any, u *User) any {
	switch value := value.(type) {
	case templateText:
		return value.expand(u)
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = expand(item, u)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(value))
		for name, member := range value {
			object[name] = expand(member, u)
		}
		return object
	}
	return value
}

// expand keeps the type of a value that stands alone: a list stays a list. In a longer text it is written out.
func (t templateText) expand(u *User) any {
	if len(t) == 1 && t[0].name != "" {
		return u.Field(t[0].name)
	}
	var text strings.Builder
	for _, part := range t {
		text.WriteString(part.literal)
		if part.name != "" {
			text.WriteString(written(u.Field(part.name)))
		}
	}
	return text.String()
}

// written is a value within a text: nothing for null, a string as it is, everything else as JSON.
func written(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return "" // never: attributes come out of JSON
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// standingClaims are those that the settings alone make of a user: the template's win over attributes of the same name.
func (s *Service) standingClaims(u *User) map[string]any {
	claims := u.fields(s.cfg.UserAttributes)
	maps.Copy(claims, s.template.expand(u))
	return claims
}
