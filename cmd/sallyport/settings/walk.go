package settings

import (
	"regexp"
	"slices"
	"strings"
)

// walk hands every member of n, which is a mapping, and of the mappings below it to set, with its
// row. prefix is what the keys in n have in common ("tokens."), path is the idps entry that n
// belongs to ("idps[0]"). A member without a row is a fault, and so is one that occurs twice.
func walk[T any](l *loader, rows []setting[T], n node, path, prefix string, set func(*setting[T], node)) {
	seen := map[string]bool{}
	for _, m := range n.members {
		key, value := prefix+m.name, m.value
		if value.shape == list || value.shape == mapping || value.shape == empty {
			value.at = m.at // a fault of the whole, or of nothing, is best shown at its name
		}
		row := slices.IndexFunc(rows, func(r setting[T]) bool { return r.key == key && !strings.Contains(m.name, ".") })
		switch {
		case seen[m.name]:
			l.fault(m.at, path, "the key "+showKey(m.name)+" is there twice")
		case row >= 0:
			set(&rows[row], value)
		case !slices.ContainsFunc(rows, func(r setting[T]) bool { return strings.HasPrefix(r.key, key+".") }):
			meant := suggestion(rows, prefix, m.name)
			if path != "" && redirectURILike.MatchString(m.name) {
				meant = "; it follows from issuer and name: see sallyport config check"
			}
			l.fault(m.at, path, "unknown key "+showResembling(m.name, meant)+meant)
		case value.shape == mapping:
			walk(l, rows, value, path, key+".", set)
		case value.shape != empty && value.shape != refused:
			l.fault(value.at, key, "want settings below it")
		}
		seen[m.name] = true
	}
}

// keyLike is what keys look like. One that does not, and resembles none, may be a value that was
// misplaced, and is not shown.
var (
	keyLike  = regexp.MustCompile(`^[a-z_.]{1,40}$`)
	wordLike = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,60}$`)
)

// redirectURILike are the names that other programs have for what is no setting here.
var redirectURILike = regexp.MustCompile(`^(?i)(redirect|callback)_?ur[il]s?$`)

func showKey(name string) string { return showResembling(name, "") }

// showResembling also shows a key that suggestion is about.
func showResembling(name, suggestion string) string {
	if !keyLike.MatchString(name) && (suggestion == "" || !wordLike.MatchString(name)) {
		return "(not shown)"
	}
	return `"` + name + `"`
}

// suggestion ends the message about an unknown key with the key that was probably meant.
func suggestion[T any](rows []setting[T], prefix, name string) string {
	var here, elsewhere []string // keys of the same mapping; last parts of all others, and all keys
	full := map[string]string{}
	for _, r := range rows {
		if rest, found := strings.CutPrefix(r.key, prefix); found {
			first, _, _ := strings.Cut(rest, ".")
			here = append(here, first)
		}
		last := r.key[strings.LastIndex(r.key, ".")+1:]
		elsewhere = append(elsewhere, last, r.key)
		full[last], full[r.key] = r.key, r.key
	}
	if near := Nearest(name, here); near != "" {
		return `; did you mean "` + near + `"?`
	}
	near := full[Nearest(name, elsewhere)]
	switch {
	case near == "":
		return ""
	case near == name && strings.Contains(name, "."):
		section, key := near[:strings.LastIndex(near, ".")], near[strings.LastIndex(near, ".")+1:]
		return `; write "` + key + `" indented below "` + section + `"`
	}
	return `; did you mean "` + near + `"?`
}

// Nearest is the candidate with the least distance to name, if that is small; else "".
func Nearest(name string, candidates []string) string {
	if !wordLike.MatchString(name) {
		return ""
	}
	best, least := "", len(name)/4+2 // a candidate must be nearer than this
	for _, candidate := range candidates {
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance is how many bytes must be changed, added or removed to make a into b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
