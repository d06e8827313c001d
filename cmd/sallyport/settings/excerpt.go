package settings

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// document is what an excerpt needs of a file: its lines, and what stands where. It holds secrets, so
// Load drops it when it has made the excerpts.
type document struct {
	name  string
	lines []string
	marks map[Place]mark
}

// mark is a key or a scalar value at its place.
type mark struct {
	text  string
	isKey bool
}

// newDocument takes a byte order mark away and gives the lines Unix's ends, because the parser counts
// columns otherwise.
func newDocument(name string, content []byte) *document {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	return &document{name: name, lines: strings.Split(string(content), "\n"), marks: map[Place]mark{}}
}

// masked stands for text that an excerpt does not show.
const masked = "***"

// excerpt is the line of a fault and the one before it, with a caret below what is meant:
//
//	   2 | tokens:
//	>  3 |   access_ttll: ***
//	         ^
//
// Any line of the file may be part of a secret, so nothing is shown but known keys at the beginning of a
// line, and what is meant if that is a key or the value of a setting that holds no secret. "" when
// the fault has no line.
func (d *document) excerpt(f *Fault) string {
	number := f.Place.Line
	if f.Place.File != d.name || number < 1 || number > len(d.lines) {
		return ""
	}
	width := max(3, len(strconv.Itoa(number)))
	var b strings.Builder
	write := func(sign string, number int, line string) {
		b.WriteString(strings.TrimRight(problemf("%s%*d | %s", sign, width, number, line), " ") + "\n")
	}
	if number > 1 {
		write(" ", number-1, maskedLine(d.lines[number-2]))
	}
	line, caret := d.target(f)
	write(">", number, line)
	if f.Place.Column > 0 {
		b.WriteString(strings.Repeat(" ", 1+width+len(" | ")+caret) + "^\n")
	}
	return b.String()
}

// target is the line of the fault as it is shown, and how many columns of it stand before what is
// meant. All that it shows is ASCII, so that columns, characters and bytes are one.
func (d *document) target(f *Fault) (line string, caret int) {
	full := d.lines[f.Place.Line-1]
	before, after := splitAt(full, f.Place.Column-1)
	m, marked := d.marks[f.Place]
	if !marked { // a place that only the parser knows
		lead, _ := cutLead(full)
		return maskedLine(full), min(len(lead), max(0, utf8.RuneCountInString(before)))
	}
	head := maskedHead(before)
	shown, rest := m.shownIn(after, f.Key)
	return head + shown + maskedTail(rest), len(head)
}

// splitAt divides line before the character with the given index.
func splitAt(line string, index int) (before, after string) {
	for i := range line {
		if index <= 0 {
			return line[:i], line[i:]
		}
		index--
	}
	return line, ""
}

// shownIn is how m is shown, and what follows it in text, which begins with it. A mark that is not
// shown hides all that follows, because nobody knows where it ends.
func (m mark) shownIn(text, key string) (shown, rest string) {
	if m.isKey && keyLike.MatchString(m.text) && !isSecret(key) || !m.isKey && mayShow(key, m.text) {
		for _, quote := range []string{"", `"`, "'"} {
			if rest, found := strings.CutPrefix(text, quote+m.text+quote); found {
				return quote + m.text + quote, rest
			}
		}
	}
	return masked, ""
}

// isSecret reports whether key is a setting that holds one.
func isSecret(key string) bool {
	hidden := func(r rule) bool { return r.key == key && r.secret }
	return slices.ContainsFunc(table, func(r setting[Settings]) bool { return hidden(r.rule) })
}

// mayShow reports whether an excerpt may show text, which is a value of the setting key. A value of
// several words could be a secret that slipped in from another line, an address may hold a password.
func mayShow(key, text string) bool {
	if !oneWord(text) || strings.ContainsAny(text, "@?") {
		return false
	}
	if member := strings.LastIndex(key, "]."); member >= 0 {
		return publicIn(idpTable, key[member+len("]."):])
	}
	return publicIn(table, key)
}

func publicIn[T any](rows []setting[T], key string) bool {
	for _, row := range rows {
		if row.key == key {
			return !row.secret && !row.private
		}
	}
	return false
}

// leadLike is the beginning of a line: spaces, the dashes of lists, a key.
var leadLike = regexp.MustCompile(`^( *(?:- +)*)([a-z_]+:(?: +|$))?`)

// maxLead keeps what is meant on the screen.
const maxLead = 60

// cutLead divides line after its lead, if what looks like a key there is one of ours.
func cutLead(line string) (lead, rest string) {
	parts := leadLike.FindStringSubmatch(line)
	lead = parts[1]
	if name, _, found := strings.Cut(parts[2], ":"); found && ourNames[name] {
		lead += parts[2]
	}
	if len(lead) > maxLead {
		return "", line
	}
	return lead, line[len(lead):]
}

// ourNames are the parts of all keys.
var ourNames = func() map[string]bool {
	names := map[string]bool{}
	for _, row := range table {
		for name := range strings.SplitSeq(row.key, ".") {
			names[name] = true
		}
	}
	for _, row := range idpTable {
		names[row.key] = true
	}
	return names
}()

// maskedLine is a line in which nothing is meant.
func maskedLine(line string) string {
	lead, rest := cutLead(line)
	switch trimmed := strings.TrimSpace(rest); {
	case trimmed == "":
		return lead
	case strings.HasPrefix(trimmed, "#"):
		return lead + "# " + masked
	}
	return lead + masked
}

var (
	opening = regexp.MustCompile(`^[\[{ ]{0,9}$`)
	closing = regexp.MustCompile(`^[\]}, ]{0,9}$`)
	// nextKey is the key of a value in the middle of a line.
	nextKey = regexp.MustCompile(`[ ,{]([a-z_]+): +$`)
)

// maskedHead is what stands before what is meant.
func maskedHead(text string) string {
	lead, rest := cutLead(text)
	if opening.MatchString(rest) {
		return lead + rest
	}
	if key := nextKey.FindStringSubmatch(rest); key != nil && ourNames[key[1]] {
		return lead + masked + " " + key[1] + ": "
	}
	return lead + masked + " "
}

// maskedTail is what follows what is meant: the colon of a key is kept.
func maskedTail(text string) string {
	colon := ""
	if rest, found := strings.CutPrefix(text, ":"); found {
		colon, text = ":", rest
	}
	switch trimmed := strings.TrimSpace(text); {
	case closing.MatchString(text):
		return colon + text
	case strings.HasPrefix(trimmed, "#"): // it is empty for white space that is none to YAML
		return colon + " # " + masked
	}
	return colon + " " + masked
}
