package settings

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// commentedOut is the "#" of a setting: what follows is a key, or is deeper than the prose.
var commentedOut = regexp.MustCompile(`(?m)^( *)#([a-z]|  )`)

// uncommented is a template with everything set.
func uncommented(template []byte) string {
	return commentedOut.ReplaceAllString(string(template), "$1$2")
}

func TestTemplateIsTheDefaults(t *testing.T) {
	want, err := load(t, "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := load(t, string(Template()), nil, nil)
	if err != nil {
		t.Fatalf("Load(Template()) = %v", err)
	}
	got.File = ""
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Settings{})); diff != "" {
		t.Errorf("Load(Template()) differs from the defaults (-want +got):\n%s", diff)
	}
}

// TestTemplateUncommented sets everything as the template has it: every setting of the table is
// there, and at its default unless it has none.
func TestTemplateUncommented(t *testing.T) {
	file := uncommented(Template())
	got, err := load(t, file, nil, nil)
	if err != nil {
		t.Fatalf("Load() = %v\n%s", err, file)
	}
	if len(got.Warnings) > 0 {
		t.Errorf("Load() warns %q, want nothing", got.Warnings)
	}
	var want []string
	for _, row := range table {
		if row.key != "idps" {
			want = append(want, row.key)
		}
	}
	for _, key := range want {
		if !got.Given(key) {
			t.Errorf("%s is not in the template", key)
		}
	}
	if len(got.IDPs) != len(allProviders) {
		t.Fatalf("the template has %d providers, want one of each kind", len(got.IDPs))
	}
	for _, row := range idpTable {
		if !slices.ContainsFunc([]int{0, 1, 2, 3, 4, 5}, func(i int) bool { return got.Given(problemf("idps[%d].%s", i, row.key)) }) {
			t.Errorf("idps[].%s is not in the template", row.key)
		}
	}
	defaults, _ := load(t, "", nil, nil)
	if diff := cmp.Diff(defaults.Tokens, got.Tokens, cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Audience" }, cmp.Ignore())); diff != "" {
		t.Errorf("tokens of the template are not the defaults (-want +got):\n%s", diff)
	}
	if got.Cookie != defaults.Cookie || got.Password != defaults.Password || got.Listen != defaults.Listen || got.Database != defaults.Database {
		t.Errorf("the template says %+v, want the defaults %+v", got, defaults)
	}
}

func TestTemplateSecretsAreNew(t *testing.T) {
	secrets := regexp.MustCompile(`#secret: (\S+)`)
	first, second := secrets.FindAllString(string(Template()), -1), secrets.FindAllString(string(Template()), -1)
	if len(first) != 2 || len(second) != 2 || first[0] == first[1] || first[0] == second[0] || first[1] == second[1] {
		t.Errorf("two templates hold the secrets %q and %q, want two new ones each", first, second)
	}
}

// TestTemplateExplains asserts that each setting stands below what the table says about it.
func TestTemplateExplains(t *testing.T) {
	words := strings.Join(strings.Fields(strings.ReplaceAll(string(Template()), "#", " ")), " ")
	for _, row := range table {
		if !strings.Contains(words, row.about) {
			t.Errorf("the template does not say of %s: %s", row.key, row.about)
		}
	}
	for _, line := range strings.Split(string(Template()), "\n") {
		if len([]rune(line)) > 110 {
			t.Errorf("the template has a long line: %s", line)
		}
	}
}
