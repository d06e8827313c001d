package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// commandLines are all commands, as they are typed.
func commandLines(t *testing.T) []string {
	t.Helper()
	parser, err := kong.New(&cli{}, flagHelp())
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{""}
	var add func(prefix string, node *kong.Node)
	add = func(prefix string, node *kong.Node) {
		for _, child := range node.Children {
			line := strings.TrimSpace(prefix + " " + child.Name)
			lines = append(lines, line)
			add(line, child)
		}
	}
	add("", parser.Model.Node)
	return lines
}

// screen is how many lines of help a person sees at once.
const screen = 40

func TestHelp(t *testing.T) {
	for _, line := range commandLines(t) {
		t.Run("sallyport "+line, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(append(strings.Fields(line), "--help"), world{os.Stdin, &stdout, &stderr, nil})
			if code != exitDone || stderr.Len() > 0 {
				t.Fatalf("--help ends with %d and %q on stderr, want 0 and nothing", code, stderr.String())
			}
			help := strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
			if len(help) > screen {
				t.Errorf("the help has %d lines, want at most %d", len(help), screen)
			}
			last := help[len(help)-3:]
			if last[0] != "Examples:" || !strings.HasPrefix(last[1], "  sallyport ") || !strings.HasPrefix(last[2], "  sallyport ") {
				t.Errorf("the help ends with %q, want two examples", last)
			}
			if strings.Contains(stdout.String(), "${") {
				t.Errorf("the help names a variable:\n%s", stdout.String())
			}
			for _, example := range last[1:] {
				checkExample(t, example)
			}
		})
	}
}

var argument = regexp.MustCompile(`'[^']*'|\S+`)

// checkExample parses an example as a shell and kong would.
func checkExample(t *testing.T, example string) {
	t.Helper()
	command, _, _ := strings.Cut(strings.ReplaceAll(example, ">", "<"), " < ")
	var args []string
	for _, a := range argument.FindAllString(command, -1)[1:] {
		args = append(args, strings.ReplaceAll(a, "'", ""))
	}
	parser, err := kong.New(&cli{}, flagHelp())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Errorf("the example %q is refused: %v", example, err)
	}
}
