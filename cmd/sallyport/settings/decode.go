package settings

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/claimhook"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// decode reads a value into what into points to, which is left alone when the value is at fault.
// path stands before the key in messages: "idps[0].".
func (l *loader) decode(r rule, path string, n node, into any) {
	d := decoder{l: l, name: path + r.key, rule: r}
	d.value(n, into)
}

// decoder reads one value. Its methods report what is wrong and return false then.
type decoder struct {
	l    *loader
	name string // of the setting, with the path of an idps entry
	rule
}

func (d *decoder) fault(n node, problem string) bool {
	if n.shape != refused { // that was reported by the reader
		d.l.fault(n.at, d.name, problem)
	}
	return false
}

func (d *decoder) value(n node, into any) bool {
	if n.shape == empty {
		return d.fault(n, "there is no value; give one or remove the key")
	}
	switch into := into.(type) {
	case *string:
		return d.text(n, into)
	case *[]string:
		return d.list(n, into)
	case *Secret:
		return d.secret(n, into)
	case *HookSecret:
		return d.hookSecret(n, into)
	case *Hash:
		return d.hash(n, into)
	case *Limit:
		return d.limit(n, into)
	case *bool:
		return d.boolean(n, into)
	case **bool:
		given := new(bool)
		if !d.boolean(n, given) {
			return false
		}
		*into = given
		return true
	case *int:
		return d.number(n, into)
	case *time.Duration:
		return d.duration(n, into)
	case *[]IDP:
		return d.idps(n, into)
	case *map[string]string:
		return d.choices(n, into)
	case *map[string]any:
		return d.claims(n, into)
	}
	return d.fault(n, "no value is accepted") // a test asserts that no row comes here
}

func (d *decoder) text(n node, into *string) bool {
	if n.shape != word && n.shape != text {
		problem := "want text; put it in quotes"
		switch {
		case n.shape == list:
			problem = "want one text, not a list"
		case n.shape == mapping:
			problem = "want one text, not settings below it"
		case n.shape == number && d.check != nil: // quotes alone may not be enough
			problem = cmp.Or(d.check(n.text), problem)
		}
		return d.fault(n, problem)
	}
	switch value := n.text; {
	case !d.rule.secret && strings.ContainsAny(value, "\u201c\u201d\u201e\u2018\u2019"):
		return d.fault(n, `it has typographic quotation marks; write " or none`)
	case !d.rule.secret && n.shape == word && value != strings.Trim(value, " \"'"): // which a shell or an env file left there
		return d.fault(n, "it begins or ends with a quotation mark or a space; remove that")
	case value == "" && d.standard != "":
		return d.fault(n, "it is empty")
	case strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) && !(d.lines && (r == '\n' || r == '\r')) }):
		return d.fault(n, "want one line without control characters")
	case d.words != nil && !slices.Contains(d.words, value) && value != d.standard:
		return d.fault(n, "want "+strings.Join(d.words, ", ")+"; not "+show(value))
	case d.check != nil && value != "":
		if problem := d.check(value); problem != "" {
			return d.fault(n, problem)
		}
	}
	*into = n.text
	return true
}

// split makes the items of a list that was written with commas, or as a JSON array. It returns n and
// false for what only looks like one.
func split(n node) (items node, understood bool) {
	switch written := strings.TrimSpace(n.text); {
	case written == "":
		return node{at: n.at, shape: list}, true
	case written[0] == '[':
		decoded, err := strictjson.Parse([]byte(written))
		if err != nil {
			return n, false
		}
		return jsonNode(decoded, n.at), true
	}
	return node{at: n.at, shape: list, items: commaItems(n)}, true
}

func commaItems(n node) (items []node) {
	for item := range strings.SplitSeq(n.text, ",") {
		items = append(items, node{at: n.at, shape: text, text: strings.TrimSpace(item)})
	}
	return items
}

func (d *decoder) list(n node, into *[]string) bool {
	if n.shape == word {
		var understood bool
		if n, understood = split(n); !understood {
			return d.fault(n, `want items with commas between them, or a JSON array such as ["one", "two"]`)
		}
	}
	if n.shape != list {
		return d.fault(n, `want a list, such as ["one", "two"]`)
	}
	values := []string{}
	good := true
	for _, item := range n.items {
		var value string
		if item.shape == empty || item.shape == text && item.text == "" {
			good = d.fault(item, "an item is empty")
		} else if good = d.text(item, &value) && good; good {
			values = append(values, value)
		}
	}
	if good {
		*into = values
	}
	return good
}

// secret takes one text or a list of them.
func (d *decoder) secret(n node, into *Secret) bool {
	switch n.shape {
	case word, text:
		items := []node{{at: n.at, shape: text, text: n.text}}
		if n.shape == word && strings.Contains(n.text, ",") {
			items = commaItems(n)
		}
		n = node{at: n.at, shape: list, items: items}
	case list:
	default:
		return d.fault(n, "want text in quotes, or a list of texts")
	}
	if len(n.items) == 0 {
		return d.fault(n, "it is empty; remove the setting to use the file beside the database")
	}
	var secrets Secret
	good := true
	for i, item := range n.items {
		switch {
		case item.shape != text:
			good = d.fault(item, "want text in quotes")
		case len(item.text) < sallyport.MinSecretBytes:
			good = d.fault(item, ordinal(i, len(n.items))+"it has "+strconv.Itoa(len(item.text))+
				" bytes, want at least "+strconv.Itoa(sallyport.MinSecretBytes)+" from a secure source")
		default:
			d.l.warnSecret(d.name, item.text)
			secrets = append(secrets, []byte(item.text))
		}
	}
	if good {
		*into = secrets
	}
	return good
}

// warnSecret is about a secret that is long enough and yet may be none.
func (l *loader) warnSecret(key, text string) {
	switch {
	case strings.Contains(text, "${"):
		l.warn("%s: it holds ${, which nothing replaces here; was a variable meant?", key)
	case distinct(text) < minDistinct:
		l.warn("%s: it has few different characters; take one from a secure source: openssl rand -base64 32", key)
	}
}

// minDistinct is fewer different characters than 32 random bytes have in hexadecimal.
const minDistinct = 8

func distinct(text string) int {
	seen := map[rune]bool{}
	for _, r := range text {
		seen[r] = true
	}
	return len(seen)
}

// hookSecret leaves the text as it is: what it means is up to who signs with it.
func (d *decoder) hookSecret(n node, into *HookSecret) bool {
	if n.shape != word && n.shape != text {
		return d.fault(n, "want text in quotes")
	}
	if err := claimhook.CheckSecret([]byte(n.text)); err != nil {
		return d.fault(n, err.Error())
	}
	d.l.warnSecret(d.name, n.text)
	*into = HookSecret(n.text)
	return true
}

// ordinal tells which of several secrets is meant, without showing it.
func ordinal(i, of int) string {
	if of == 1 {
		return ""
	}
	return "number " + strconv.Itoa(i+1) + " of " + strconv.Itoa(of) + ": "
}

func (d *decoder) boolean(n node, into *bool) bool {
	if n.shape != word && n.shape != boolean || n.text != "true" && n.text != "false" {
		problem := "want true or false"
		if n.text == "true" || n.text == "false" {
			problem += ", without quotes"
		}
		return d.fault(n, problem)
	}
	*into = n.text == "true"
	return true
}

func (d *decoder) number(n node, into *int) bool {
	value, ok := parseNumber(n.text)
	if n.shape != word && n.shape != number || !ok {
		return d.fault(n, "want a whole number, without quotes")
	}
	least, _ := parseNumber(d.least)
	if most, bounded := parseNumber(d.most); bounded && (value < least || value > most) {
		return d.fault(n, problemf("it is %d, want between %s and %s", value, d.least, d.most))
	}
	*into = value
	return true
}

// parseNumber takes decimal digits alone: 010 means eight to some readers of YAML and ten to others.
func parseNumber(digits string) (int, bool) {
	value, err := strconv.Atoi(digits)
	return value, err == nil && strconv.Itoa(value) == digits
}

func (d *decoder) duration(n node, into *time.Duration) bool {
	value, err := time.ParseDuration(n.text)
	switch {
	case n.shape != word && n.shape != text || err != nil:
		return d.fault(n, "want a duration such as 30s, 5m or 24h"+daysInHours(n.text))
	case d.most != "" && (value < bound(d.least) || value > bound(d.most)):
		return d.fault(n, problemf("it is %s, want between %s and %s", n.text, d.least, d.most))
	}
	*into = value
	return true
}

// daysInHours ends the message about a number of days, which time.ParseDuration does not know.
func daysInHours(text string) string {
	if days, found := strings.CutSuffix(text, "d"); found {
		if n, ok := parseNumber(days); ok && n > 0 && n <= 400 {
			return problemf("; there are no days, so write %dh", 24*n)
		}
	}
	return ""
}

// bound reads a duration of the table, all of which a test reads.
func bound(text string) time.Duration {
	d, _ := time.ParseDuration(text)
	return d
}

func (d *decoder) idps(n node, into *[]IDP) bool {
	if n.shape == word {
		return d.fault(n, "want a JSON array of objects")
	}
	if n.shape != list {
		return d.fault(n, "want a list of providers, each with name and provider")
	}
	before := len(d.l.faults)
	providers := make([]IDP, len(n.items))
	for i, item := range n.items {
		d.l.idp(&providers[i], item, problemf("%s[%d]", d.name, i))
	}
	if d.l.checkIDPs(providers, d.name); len(d.l.faults) > before {
		return false
	}
	*into = providers
	return true
}
