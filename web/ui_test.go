package web

import (
	"io/fs"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every text that a page or a script names is there, and none is there for nobody.
func TestTextsAreThoseOfThePages(t *testing.T) {
	named := map[string]bool{}
	names := regexp.MustCompile(`\bt "([^"]+)"|\btext\("([^"]+)"\)|texts\["([^"]+)"\]|\btext\(\w+ \? "([^"]+)" : "([^"]+)"\)|button\("([^"]+)", [^\n]*, "([^"]+)", "[^"]+"\)`)
	for _, source := range []fs.FS{uiFiles, goFiles} {
		err := fs.WalkDir(source, ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path == "ui/client.js" {
				return err
			}
			content, err := fs.ReadFile(source, path)
			for _, found := range names.FindAllStringSubmatch(string(content), -1) {
				for _, name := range found[1:] {
					named[name] = true
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	delete(named, "")
	for name := range named {
		if texts[name] == "" {
			t.Errorf("a page says %q, which is not among the texts", name)
		}
	}
	for name := range texts {
		if !named[name] && !strings.ContainsAny(name, ":") {
			t.Errorf("no page says %q", name)
		}
	}
}

// A provider of any name that the core allows has a title.
func TestProviderTitles(t *testing.T) {
	for name, want := range map[string]string{"google": "Google", "github": "GitHub", "Entra": "Microsoft", "corp": "Corp", "_x": "_x"} {
		if got := providerTitle(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// What a user typed and where to go are text in the page, whatever they hold.
func TestPagesEscape(t *testing.T) {
	u, err := NewUI(&url.URL{Scheme: "https", Host: "app.example.com", Path: "/auth"}, []string{"google"})
	if err != nil {
		t.Fatal(err)
	}
	const hostile = `"><script>alert(1)</script>`
	w := httptest.NewRecorder()
	if err := u.SignIn(w, SignIn{ReturnTo: "https://app.example.com/" + hostile, FormToken: hostile, Username: hostile, Status: 200, Code: hostile}); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewRecorder()
	if err := u.SignedIn(s, "javascript:alert(1)"); err != nil {
		t.Fatal(err)
	}
	if page := w.Body.String(); strings.Contains(page, "<script>") || strings.Contains(s.Body.String(), `href="javascript:`) {
		t.Errorf("%s\n%s", page, s.Body)
	}
	scripts := []string{}
	for name := range u.assets.files {
		scripts = append(scripts, name)
	}
	slices.Sort(scripts)
	if got := strings.Join(scripts, " "); got != "account.js client.js said.js sign-in.js ui.css" {
		t.Errorf("assets %s", got)
	}
}
