package settings

import (
	"errors"
	"strings"
	"unicode/utf8"

	yaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// readYAML turns a file into a node, and marks in d what it finds. Of YAML it takes mappings, lists and
// scalars; anchors, tags, merge keys and further documents are refused, because a reader of the file
// could take them for something else than they are.
func readYAML(d *document) (node, Faults) {
	y := yamlReader{document: d}
	if faults := y.unreadable(); faults != nil {
		return node{}, faults
	}
	parsed, fault := y.parse()
	if fault != nil {
		return node{}, Faults{fault}
	}
	root := node{at: Place{File: d.name}}
	documents := 0
	for _, document := range parsed.Docs {
		if document.Body == nil {
			continue
		}
		if documents++; documents > 1 {
			y.refuse(document.Body, "a second document; everything belongs in the first")
			break
		}
		root = y.node(document.Body)
	}
	return root, y.faults
}

type yamlReader struct {
	*document
	faults Faults
}

// unreadable finds what the parser would explain badly, slowly or not at all.
func (y *yamlReader) unreadable() Faults {
	if len(y.lines) > maxLines {
		return Faults{{Place: Place{File: y.name, Line: maxLines + 1}, Problem: problemf("more than %d lines", maxLines)}}
	}
	brackets := 0
	for i, line := range y.lines {
		at, problem := -1, ""
		if at = strings.IndexAny(line, "\t\x00\r"); at >= 0 {
			problem = unreadableBytes[line[at]]
		}
		if invalid := firstInvalid(line); invalid >= 0 && (at < 0 || invalid < at) {
			at, problem = invalid, "not valid UTF-8; save the file as UTF-8"
		}
		if at := strings.IndexRune(line, '\u00a0'); problem == "" && at >= 0 && !strings.Contains(line[:at], "#") {
			return Faults{{Place: Place{File: y.name, Line: i + 1, Column: utf8.RuneCountInString(line[:at]) + 1}, Problem: "a non-breaking space; use an ordinary one"}}
		}
		brackets += strings.Count(line, "[") + strings.Count(line, "{")
		if problem == "" && (brackets > maxBrackets || strings.Count(line, "- ") > maxNesting) {
			at, problem = 0, "nested too deep"
		}
		if problem != "" {
			column := utf8.RuneCountInString(line[:at]) + 1
			return Faults{{Place: Place{File: y.name, Line: i + 1, Column: column}, Problem: problem}}
		}
	}
	return nil
}

var unreadableBytes = map[byte]string{
	'\t':   "a tab; use spaces",
	'\r':   "a carriage return without a newline",
	'\x00': "a NUL byte",
}

// firstInvalid is the index of the first byte that is not part of UTF-8, -1 when there is none.
func firstInvalid(line string) int {
	for i, r := range line {
		if r != utf8.RuneError {
			continue
		}
		if _, size := utf8.DecodeRuneInString(line[i:]); size == 1 {
			return i
		}
	}
	return -1
}

// maxLines, maxBrackets and maxNesting are far more than settings need. The parser's time and memory grow with the
// square of the nesting; all brackets of a file are counted as nested, also those in comments and quotes.
const (
	maxLines    = 5000
	maxBrackets = 2000
	maxNesting  = 100
)

// parse reads the lines. The parser is not ours and has been made to panic by malformed input before;
// a start that fails with a line is better than one that fails with a stack trace.
func (y *yamlReader) parse() (file *ast.File, fault *Fault) {
	defer func() {
		if recover() != nil {
			file, fault = nil, &Fault{Place: Place{File: y.name}, Problem: "not valid YAML"}
		}
	}()
	file, err := parser.ParseBytes([]byte(strings.Join(y.lines, "\n")), 0, parser.AllowDuplicateMapKey()) // duplicates are found by walk
	if err == nil {
		return file, nil
	}
	fault = &Fault{Place: Place{File: y.name}, Problem: "not valid YAML"}
	var explained yaml.Error
	if errors.As(err, &explained) {
		fault.Place = y.place(explained.GetToken())
		// A message with a quotation mark may quote the file.
		if message := explained.GetMessage(); !strings.ContainsAny(message, "\"\n") {
			fault.Problem += ": " + message + hint(message)
		}
	}
	return nil, fault
}

// hint says what to look for where the parser's own words do not.
func hint(message string) string {
	switch {
	case strings.Contains(message, "not allowed in this context"):
		return "; look at the indentation here and in the line before"
	case strings.Contains(message, "reserved character"), strings.Contains(message, "cannot start any token"):
		return "; put the value in quotes"
	}
	return ""
}

func (y *yamlReader) place(t *token.Token) Place {
	if t == nil || t.Position == nil {
		return Place{File: y.name}
	}
	return Place{File: y.name, Line: t.Position.Line, Column: t.Position.Column}
}

func (y *yamlReader) refuse(n ast.Node, problem string) node {
	at := y.start(n)
	y.faults = append(y.faults, &Fault{Place: at, Problem: problem})
	return node{at: at, shape: refused}
}

// start is where n begins. The token of a mapping is its first colon.
func (y *yamlReader) start(n ast.Node) Place {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return y.start(n.Values[0])
		}
	case *ast.MappingValueNode:
		return y.place(n.Key.GetToken())
	}
	return y.place(n.GetToken())
}

func (y *yamlReader) node(n ast.Node) node {
	at := y.start(n)
	switch n := n.(type) {
	case *ast.NullNode:
		return node{at: at}
	case *ast.StringNode:
		y.marks[at] = mark{text: n.Value}
		return node{at: at, shape: text, text: n.Value}
	case *ast.LiteralNode:
		y.marks[at] = mark{text: n.Value.Value}
		return node{at: at, shape: text, text: n.Value.Value}
	case *ast.BoolNode:
		y.marks[at] = mark{text: n.Token.Value}
		return node{at: at, shape: boolean, text: strings.ToLower(n.Token.Value)}
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		y.marks[at] = mark{text: n.GetToken().Value}
		return node{at: at, shape: number, text: n.GetToken().Value}
	case *ast.SequenceNode:
		result := node{at: at, shape: list}
		for _, item := range n.Values {
			result.items = append(result.items, y.node(item))
		}
		return result
	case *ast.MappingNode:
		return y.mapping(at, n.Values)
	case *ast.MappingValueNode:
		return y.mapping(at, []*ast.MappingValueNode{n})
	case *ast.AnchorNode, *ast.AliasNode:
		return y.refuse(n, "anchors and aliases are not supported; write the value out, or in quotes if it begins with & or *")
	case *ast.TagNode:
		return y.refuse(n, "tags are not supported; put text in quotes")
	case *ast.DirectiveNode:
		return y.refuse(n, "directives are not supported; remove the line")
	}
	return y.refuse(n, "this form of YAML is not supported")
}

func (y *yamlReader) mapping(at Place, values []*ast.MappingValueNode) node {
	result := node{at: at, shape: mapping}
	for _, value := range values {
		name, plain := value.Key.(*ast.StringNode)
		if !plain {
			y.refuse(value.Key, "a key must be plain text")
			continue
		}
		at := y.place(name.Token)
		y.marks[at] = mark{text: name.Value, isKey: true}
		result.members = append(result.members, member{name.Value, at, y.node(value.Value)})
	}
	return result
}
