package sallyport_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryAttackCaseHasATest holds docs/attack-cases.json against the tests: a case counts as tested
// when its id stands in the name of a test, of a row of one, or of a script.
func TestEveryAttackCaseHasATest(t *testing.T) {
	data, err := os.ReadFile("docs/attack-cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ ID string }
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("docs/attack-cases.json: %d cases, %v", len(cases), err)
	}
	tested := map[string]bool{}
	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") || path == "cases_test.go" {
			return err
		}
		source, err := os.ReadFile(path)
		for _, id := range idsIn(string(source)) {
			tested[id] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if !tested[c.ID] {
			t.Errorf("no test names the attack case %s", c.ID)
		}
	}
}

var (
	testName = regexp.MustCompile(`(?m)^func Test(\w+)\(`)
	rowName  = regexp.MustCompile(`"([A-Z]{2}-\d\d)\b`)
	group    = regexp.MustCompile(`([A-Z]{2})((?:_?\d\d)+)`)
)

// idsIn finds SI-01 in a row's name and SI_01_02_VF_03 in a test's.
func idsIn(source string) []string {
	var ids []string
	for _, row := range rowName.FindAllStringSubmatch(source, -1) {
		ids = append(ids, row[1])
	}
	for _, name := range testName.FindAllStringSubmatch(source, -1) {
		for _, g := range group.FindAllStringSubmatch(name[1], -1) {
			for _, number := range regexp.MustCompile(`\d\d`).FindAllString(g[2], -1) {
				ids = append(ids, g[1]+"-"+number)
			}
		}
	}
	return ids
}
