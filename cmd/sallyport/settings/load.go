package settings

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

// DefaultFile is read when no other file is named and it exists.
const DefaultFile = "sallyport.yaml"

// Sources is where settings come from.
type Sources struct {
	File    string            // "": DefaultFile, if there is one
	Environ []string          // NAME=value, as os.Environ gives it
	Flags   map[string]string // by the name of the flag, without dashes
}

// Load reads the sources, each over the one before it, and checks what they say together. The error
// is a Faults with everything that is wrong.
func Load(from Sources) (*Settings, error) {
	l := &loader{settings: &Settings{places: map[string]Place{}, excerpts: map[string]string{}}, broken: map[string]bool{}, issuers: map[string][]string{}, document: &document{}}
	for i := range table {
		if row := &table[i]; row.standard != "" {
			l.decode(row.rule, "", node{shape: word, text: row.standard}, row.field(l.settings))
		}
	}
	l.readFile(from.File)
	l.readEnvironment(from.Environ)
	l.readFlags(from.Flags)
	if !l.unread { // else what was meant is not there
		l.check()
	}
	if len(l.faults) > 0 {
		l.faults.sort()
		for _, f := range l.faults {
			f.excerpt = l.document.excerpt(f)
		}
		return nil, l.faults
	}
	for key, at := range l.settings.places {
		if at.File != "" {
			l.settings.excerpts[key] = l.document.excerpt(&Fault{Place: at, Key: key})
		}
	}
	return l.settings, nil
}

type loader struct {
	settings *Settings
	faults   Faults
	broken   map[string]bool     // settings with a fault of their own; no other check builds on them
	unread   bool                // the file could not be read
	document *document           // the file, for excerpts
	issuers  map[string][]string // of the providers, by their path
}

func (l *loader) fault(at Place, key, problem string) {
	l.broken[key] = true
	if len(l.faults) == maxFaults { // of a file that is something else
		return
	}
	if strings.HasSuffix(at.Variable, fileSuffix) {
		problem = withoutContent(problem)
	}
	l.faults = append(l.faults, &Fault{Place: at, Key: key, Problem: problem})
}

// maxFaults is more than anybody mends at a time.
const maxFaults = 100

// withoutContent takes out of a problem what it tells of a value. The value came from a file, and somebody may
// have named the file of a secret by mistake.
func withoutContent(problem string) string {
	problem = quotedPart.ReplaceAllString(problem, "this value")
	problem = numberPart.ReplaceAllString(problem, "$1 is out of bounds")
	problem = prefixPart.ReplaceAllString(problem, "write the prefix")
	return addressPart.ReplaceAllString(problem, "write https://host")
}

var (
	quotedPart  = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`) // as strconv.Quote writes it
	numberPart  = regexp.MustCompile(`\b(it|m|t|p) is -?[0-9][^,;]*`)
	prefixPart  = regexp.MustCompile(`write [0-9a-f.:]+/[0-9]+$`)
	addressPart = regexp.MustCompile(`write [a-z]+://[^ ;]+`)
)

func (l *loader) warn(format string, args ...any) {
	l.settings.Warnings = append(l.settings.Warnings, fmt.Sprintf(format, args...))
}

// set gives a setting the value of one source.
func (l *loader) set(row *setting[Settings], n node) {
	l.settings.places[row.key] = n.at
	l.decode(row.rule, "", n, row.field(l.settings))
}

// readFile reads the YAML file.
func (l *loader) readFile(name string) {
	named := name != ""
	if !named {
		name = DefaultFile
	}
	content, mode, err := readSmall(name)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return
	}
	if err != nil {
		l.unread = true
		l.fault(Place{File: name}, "", reason(err))
		return
	}
	l.settings.File = name
	l.document = newDocument(name, content)
	root, faults := readYAML(l.document)
	l.faults = append(l.faults, faults...)
	l.unread = len(faults) > 0
	switch root.shape {
	case mapping:
		walk(l, table, root, "", "", func(row *setting[Settings], n node) {
			if row.secret && mode&0o004 != 0 {
				l.warn("%s holds a secret and can be read by everybody; chmod 600 %s", name, name)
			}
			l.set(row, n)
		})
	case empty, refused:
	default:
		l.fault(root.at, "", "want settings, such as listen: 127.0.0.1:8000, with a space after the colon")
	}
}

// maxFile is the most that a file of settings or a secret may have, in bytes.
const maxFile = 256 << 10

// readSmall reads a file that a person wrote, and its mode.
func readSmall(name string) ([]byte, fs.FileMode, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("it is larger than %d KiB", maxFile>>10)
	}
	return content, info.Mode(), err
}

// reason is err without the name of the file, which the place of the fault holds.
func reason(err error) string {
	if fault, ok := errors.AsType[*fs.PathError](err); ok {
		return fault.Err.Error()
	}
	return err.Error()
}

// readFlags takes the flags that were given.
func (l *loader) readFlags(flags map[string]string) {
	for i := range table {
		row := &table[i]
		if value, given := flags[row.flag]; given && row.flag != "" {
			l.set(row, node{at: Place{Flag: "--" + row.flag}, shape: word, text: value})
		}
	}
}
