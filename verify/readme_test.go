package verify_test

import (
	"os"
	"strings"
	"testing"
)

// TestREADMESnippetsCompile: each Go block of the README stands in an example that the compiler has seen.
func TestREADMESnippetsCompile(t *testing.T) {
	squeeze := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	var compiled string
	for _, file := range []string{"example_test.go", "verifytest/example_test.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		compiled += squeeze(string(text)) + "\n"
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(readme), "```go\n")[1:]
	if len(blocks) < 3 {
		t.Errorf("%d Go blocks in the README, want 3 at least", len(blocks))
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(compiled, squeeze(block)) {
			t.Errorf("no example has this block of the README:\n%s", block)
		}
	}
}
