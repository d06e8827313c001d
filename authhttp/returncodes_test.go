package authhttp_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCodesThatComeBack: the two routes of openapi.yaml and docs/providers.md list the same codes of sallyport_error.
// That each of them comes back is tested where it is provoked.
func TestCodesThatComeBack(t *testing.T) {
	inDocument := listed(t, "../openapi.yaml", `(?s)CODE is (.*?)\.\n`, 2)
	if diff := cmp.Diff(inDocument[0], inDocument[1]); diff != "" {
		t.Errorf("codes of the two methods of callback/ in openapi.yaml (-GET +POST):\n%s", diff)
	}
	inPage := listed(t, "../docs/providers.md", "(?s)return_to\\?sallyport_error=CODE`: (.*?)The reason stands", 1)
	if diff := cmp.Diff(inDocument[0], inPage[0]); diff != "" {
		t.Errorf("codes of docs/providers.md (-openapi.yaml +page):\n%s", diff)
	}
}

// listed gives the sorted words in backquotes of each passage that the pattern finds.
func listed(t *testing.T, file, pattern string, passages int) (lists [][]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, passage := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
		var words []string
		for _, word := range regexp.MustCompile("`([a-z_]+)`").FindAllSubmatch(passage[1], -1) {
			words = append(words, string(word[1]))
		}
		slices.Sort(words)
		lists = append(lists, words)
	}
	if len(lists) != passages {
		t.Fatalf("%s: %d passages match %s, want %d", file, len(lists), pattern, passages)
	}
	return lists
}
