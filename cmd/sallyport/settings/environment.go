package settings

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

const (
	variablePrefix = "SALLYPORT_"
	// fileSuffix makes a variable name the file that holds the value.
	fileSuffix = "_FILE"
)

// passedOver are variables that are not ours: those that Kubernetes gives every pod when a Service
// has the name sallyport.
var passedOver = regexp.MustCompile(`^SALLYPORT_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// variable is the name of a setting in the environment.
func variable(key string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// readEnvironment takes every variable that begins with SALLYPORT_.
func (l *loader) readEnvironment(environ []string) {
	given := map[string]string{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && strings.HasPrefix(name, variablePrefix) && !passedOver.MatchString(name) {
			given[name] = value
		}
	}
	for i := range table {
		row, name := &table[i], variable(table[i].key)
		value, direct := given[name]
		file, byFile := given[name+fileSuffix]
		delete(given, name)
		delete(given, name+fileSuffix)
		switch {
		case direct && byFile:
			l.fault(Place{Variable: name}, row.key, "it is set together with "+name+fileSuffix+"; keep one of them")
		case byFile:
			l.setFromFile(row, Place{Variable: name + fileSuffix}, file)
		case direct:
			l.setFromText(row, Place{Variable: name}, value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		l.unknownVariable(name)
	}
}

// setFromFile takes the content of a file, less one newline at its end.
func (l *loader) setFromFile(row *setting[Settings], at Place, file string) {
	content, mode, err := readSmall(file)
	if err != nil {
		l.fault(at, row.key, "cannot read the file that it names: "+reason(err))
		return
	}
	if row.secret && mode&0o004 != 0 {
		l.warn("the file that %s names can be read by everybody; chmod 600 it", at.Variable)
	}
	value := strings.TrimSuffix(string(content), "\n")
	if value != string(content) {
		value = strings.TrimSuffix(value, "\r")
	}
	l.setFromText(row, at, value)
}

func (l *loader) setFromText(row *setting[Settings], at Place, value string) {
	if row.key != "idps" {
		l.set(row, node{at: at, shape: word, text: value})
		return
	}
	decoded, err := strictjson.Parse([]byte(value))
	if err != nil { // it never quotes its input
		l.fault(at, row.key, "want a JSON array of objects: "+strings.TrimPrefix(err.Error(), "strictjson: "))
		return
	}
	l.set(row, jsonNode(decoded, at))
}

// variableLike is what names of variables look like; one that does not is not shown.
var variableLike = regexp.MustCompile(`^[A-Za-z0-9_]{1,60}$`)

func (l *loader) unknownVariable(name string) {
	shown := name
	if !variableLike.MatchString(name) {
		shown = variablePrefix + "…"
	}
	l.fault(Place{Variable: shown}, "", "is not a setting"+variableSuggestion(name))
}

func variableSuggestion(name string) string {
	var candidates []string // without what all of them begin with, which says nothing about nearness
	for i := range table {
		bare := strings.TrimPrefix(variable(table[i].key), variablePrefix)
		candidates = append(candidates, bare, bare+fileSuffix)
	}
	switch {
	case name == variablePrefix+"CONFIG":
		return "; name the file with --config"
	case strings.HasPrefix(name, variable("idps")+"_") && name != variable("idps")+fileSuffix:
		return "; " + variable("idps") + " has all of them, as a JSON array of objects"
	}
	if near := Nearest(strings.TrimPrefix(name, variablePrefix), candidates); near != "" {
		return "; did you mean " + variablePrefix + near + "?"
	}
	return ""
}
