package verifygrpc_test

import (
	"os"
	"strings"
	"testing"
)

// TestREADMESnippetCompiles: the Go block of the README stands in the example, which the compiler has seen.
func TestREADMESnippetCompiles(t *testing.T) {
	squeeze := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(text)), " ")
	}
	_, block, found := strings.Cut(squeeze("README.md"), "```go ")
	block, _, _ = strings.Cut(block, " ```")
	if !found || !strings.Contains(squeeze("example_test.go"), block) {
		t.Errorf("the example does not have the README's block: %s", block)
	}
}
