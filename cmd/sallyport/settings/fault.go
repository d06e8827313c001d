package settings

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Place is where a setting was given: a line of the file, a variable of the environment or a flag.
// The zero value is nowhere: the setting is missing, or has its default.
type Place struct {
	File         string // as it was named
	Line, Column int    // from 1; 0 for the file as a whole
	Variable     string // of the environment
	Flag         string // with its dashes
}

// String is the text that begins a message: "sallyport.yaml:3".
func (p Place) String() string {
	if p.Line > 0 {
		return p.File + ":" + strconv.Itoa(p.Line)
	}
	return p.File + p.Variable + p.Flag // at most one of them is set
}

// Fault is one thing that is wrong with the settings. It never holds the value of a secret.
type Fault struct {
	Place   Place
	Key     string // of the setting; "" when the fault is about something else
	Problem string // what is wrong and what to do

	excerpt string // of the file, with everything masked that may be secret; "" when there is none
}

// Error is the fault on one line, without the name of the program. It is the form for logs.
func (f *Fault) Error() string {
	if f.Key == "" && f.Place.Variable != "" { // of no setting
		return "environment: " + f.Place.Variable + " " + f.Problem
	}
	var parts []string
	if at := f.Place.String(); at != "" {
		parts = append(parts, at)
	}
	return strings.Join(append(parts, f.what()), ": ")
}

// what is the key and the problem.
func (f *Fault) what() string {
	named := f.Place.Variable+f.Place.Flag != "" && !strings.Contains(f.Key, "[")
	if f.Key == "" || named { // a variable and a flag have the name of their setting
		return f.Problem
	}
	return f.Key + ": " + f.Problem
}

// long is the fault as a person wants to see it: for a fault in a file, the line and
// the column, and an excerpt with a caret below what is meant; else one line that begins with the
// name of the program. It ends with a newline.
func (f *Fault) long() string {
	if f.excerpt == "" {
		return program + printable(f.Error()) + "\n"
	}
	at := strconv.Itoa(f.Place.Line)
	if f.Place.Column > 0 {
		at += ":" + strconv.Itoa(f.Place.Column)
	}
	return "[" + at + "] " + printable(f.what()) + "\n" + f.excerpt
}

// program begins the lines of the long form that are not about a place in a file.
const program = "sallyport: "

// printable replaces control characters, which the name of a file may hold.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, line)
}

// Faults is everything that is wrong, in the order of the sources.
type Faults []*Fault

// Error is one line for each fault.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Long is all faults as a person wants to see them: a line that names the file before those that are
// in it, then every fault at its place.
func (fs Faults) Long() string {
	var b strings.Builder
	headed := false
	for _, f := range fs {
		if f.excerpt != "" && !headed {
			headed = true
			b.WriteString(program + printable(f.Place.File) + " is not valid\n")
		}
		b.WriteString(f.long())
	}
	return b.String()
}

// Unwrap lets errors.As find a single fault.
func (fs Faults) Unwrap() []error {
	errs := make([]error, len(fs))
	for i, f := range fs {
		errs[i] = f
	}
	return errs
}

// sort puts the faults of the file first, by line, then those of the environment, of the flags,
// and of settings that are missing.
func (fs Faults) sort() {
	source := func(p Place) int {
		switch {
		case p.File != "":
			return 0
		case p.Variable != "":
			return 1
		case p.Flag != "":
			return 2
		}
		return 3
	}
	slices.SortStableFunc(fs, func(a, b *Fault) int {
		return cmp.Or(
			cmp.Compare(source(a.Place), source(b.Place)),
			cmp.Compare(a.Place.Line, b.Place.Line),
			cmp.Compare(a.Place.Column, b.Place.Column),
			cmp.Compare(a.Place.Variable, b.Place.Variable),
		)
	})
}

// show quotes a value in a message if it is short and one word. Anything else could hold a secret
// that slipped in from the line below.
func show(text string) string {
	if !oneWord(text) {
		return "this value"
	}
	return strconv.Quote(text)
}

// oneWord reports whether text is short, printable ASCII without a space or a quote.
func oneWord(text string) bool {
	foreign := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }
	return text != "" && len(text) <= 100 && !strings.ContainsFunc(text, foreign)
}

func problemf(format string, args ...any) string { return fmt.Sprintf(format, args...) }
