package settings

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	yaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// readYAML turns a file into a node. Of YAML it takes mappings, lists and scalars; anchors, tags,
// merge keys and further documents are refused, because a reader of the file could take them for
// something else than they are.
func readYAML(file string, content []byte) (node, Faults) {
	y := yamlReader{file: file}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if faults := y.unreadable(content); faults != nil {
		return node{}, faults
	}
	parsed, fault := y.parse(content)
	if fault != nil {
		return node{}, Faults{fault}
	}
	root := node{at: Place{File: file}}
	documents := 0
	for _, document := range parsed.Docs {
		if document.Body == nil {
			continue
		}
		if documents++; documents > 1 {
			y.refuse(document.Body, "a second document; everything belongs into the first")
			break
		}
		root = y.node(document.Body)
	}
	return root, y.faults
}

type yamlReader struct {
	file   string
	faults Faults
}

// unreadable finds what the parser would explain badly or not at all.
func (y *yamlReader) unreadable(content []byte) Faults {
	for i, line := range bytes.Split(content, []byte("\n")) {
		at, problem := Place{File: y.file, Line: i + 1}, ""
		switch tab := bytes.IndexByte(line, '\t'); {
		case tab >= 0:
			at.Column, problem = tab+1, "a tab; use spaces"
		case !utf8.Valid(line):
			problem = "not valid UTF-8"
		case bytes.IndexByte(line, 0) >= 0:
			problem = "a NUL byte"
		}
		if problem != "" {
			return Faults{{Place: at, Problem: problem}}
		}
	}
	return nil
}

// parse reads content. The parser is not ours and has been made to panic by malformed input before;
// a start that fails with a line is better than one that fails with a stack trace.
func (y *yamlReader) parse(content []byte) (file *ast.File, fault *Fault) {
	defer func() {
		if recover() != nil {
			file, fault = nil, &Fault{Place: Place{File: y.file}, Problem: "not valid YAML"}
		}
	}()
	file, err := parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey()) // duplicates are found by walk
	if err == nil {
		return file, nil
	}
	fault = &Fault{Place: Place{File: y.file}, Problem: "not valid YAML"}
	var explained yaml.Error
	if errors.As(err, &explained) {
		fault.Place = y.place(explained.GetToken())
		// A message with a quotation mark may quote the file.
		if message := explained.GetMessage(); !strings.ContainsAny(message, "\"\n") {
			fault.Problem += ": " + message
		}
	}
	return nil, fault
}

func (y *yamlReader) place(t *token.Token) Place {
	if t == nil || t.Position == nil {
		return Place{File: y.file}
	}
	return Place{File: y.file, Line: t.Position.Line, Column: t.Position.Column}
}

func (y *yamlReader) refuse(n ast.Node, problem string) node {
	at := y.place(n.GetToken())
	y.faults = append(y.faults, &Fault{Place: at, Problem: problem})
	return node{at: at, shape: refused}
}

func (y *yamlReader) node(n ast.Node) node {
	at := y.place(n.GetToken())
	switch n := n.(type) {
	case *ast.NullNode:
		return node{at: at}
	case *ast.StringNode:
		return node{at: at, shape: text, text: n.Value}
	case *ast.LiteralNode:
		return node{at: at, shape: text, text: n.Value.Value}
	case *ast.BoolNode:
		return node{at: at, shape: boolean, text: strings.ToLower(n.Token.Value)}
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
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
		return y.refuse(n, "anchors and aliases are not supported; write the value out")
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
		if len(result.members) == 0 {
			result.at = y.place(name.Token) // the token of a mapping is its first colon
		}
		result.members = append(result.members, member{name.Value, y.place(name.Token), y.node(value.Value)})
	}
	return result
}
