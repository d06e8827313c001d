package authhttp_test

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
)

// TestGoldenExchanges replays contract/*.txtar; contract/README.md says how to read them.
func TestGoldenExchanges(t *testing.T) {
	files, err := filepath.Glob("../contract/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("contract/*.txtar = %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			replay(t, archive.Files)
		})
	}
}

func replay(t *testing.T, files []txtar.File) {
	var provider *idptest.Provider
	a := newApp(t, func(c *config) {
		provider = idptest.New(t, idptest.Config{Now: c.Now})
		c.Providers = []sallyport.Provider{idp.OIDC{Name: "plain", Issuer: provider.Issuer(), ClientID: provider.ClientID()}}
		c.UserFields = []string{"id", "username"}
	})
	_, pw := a.user("ada")
	known := bindings{
		"username": "ada", "password": pw,
		"id_token": provider.Tokens(idptest.Alice()).IDToken, "second_id_token": provider.Tokens(idptest.Alice()).IDToken,
		"authorize": provider.URL(idptest.Authorize), "iss": url.QueryEscape(provider.Issuer()),
	}
	if len(files)%2 != 0 {
		t.Fatal("a request without a response")
	}
	for i := 0; i < len(files); i += 2 {
		n := i/2 + 1
		if files[i].Name != fmt.Sprint(n, ".request") || files[i+1].Name != fmt.Sprint(n, ".response") {
			t.Fatalf("files %q and %q, want %d.request and %d.response", files[i].Name, files[i+1].Name, n, n)
		}
		x := a.send(known.fill(string(files[i].Data)))
		known.check(t, n, x, string(files[i+1].Data))
	}
}

// send sends a request as contract/README.md writes it.
func (a *app) send(text string) answer {
	a.t.Helper()
	head, body, _ := strings.Cut(strings.TrimRight(text, "\n"), "\n\n")
	lines := strings.Split(head, "\n")
	if step, ok := strings.CutPrefix(lines[0], "+"); ok {
		d, err := time.ParseDuration(step)
		if err != nil {
			a.t.Fatal(err)
		}
		a.clock.advance(d)
		lines = lines[1:]
	}
	method, path, _ := strings.Cut(lines[0], " ")
	r := request{method: method, headers: map[string]string{}}
	if body != "" {
		r.body = body
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		r.headers[name] = value
	}
	return a.do(path, r)
}

// bindings are the values of {{name}}.
type bindings map[string]string

var placeholder = regexp.MustCompile(`\{\{(\w+)\}\}`)

// fill replaces the names that are bound.
func (b bindings) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		if value, ok := b[p[2:len(p)-2]]; ok {
			return value
		}
		return p
	})
}

// match compares got with a pattern and binds the names that are not bound yet.
func (b bindings) match(pattern, got string) bool {
	var expression strings.Builder
	var names []string
	rest := b.fill(pattern)
	for {
		at := placeholder.FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		expression.WriteString(regexp.QuoteMeta(rest[:at[0]]) + `([\w.-]+)`)
		names = append(names, rest[at[2]:at[3]])
		rest = rest[at[1]:]
	}
	found := regexp.MustCompile("^" + expression.String() + regexp.QuoteMeta(rest) + "$").FindStringSubmatch(got)
	for i, name := range names {
		if found != nil {
			b[name] = found[i+1]
		}
	}
	return found != nil
}

func (b bindings) check(t *testing.T, n int, x answer, want string) {
	t.Helper()
	head, body, _ := strings.Cut(strings.TrimRight(want, "\n"), "\n\n")
	lines := strings.Split(head, "\n")
	if lines[0] != strconv.Itoa(x.status) {
		t.Errorf("%d: status %d, want %s (%s)", n, x.status, lines[0], x.body)
	}
	for _, line := range lines[1:] {
		if name, ok := strings.CutPrefix(line, "!"); ok {
			if got := x.header.Values(name); len(got) > 0 {
				t.Errorf("%d: %s: %q, want none", n, name, got)
			}
			continue
		}
		name, value, _ := strings.Cut(line, ": ")
		if !slices.ContainsFunc(x.header.Values(name), func(got string) bool { return b.match(value, got) }) {
			t.Errorf("%d: %s: %q, want %q", n, name, x.header.Values(name), b.fill(value))
		}
	}
	if !b.match(body, x.body) {
		t.Errorf("%d: body\n%s\nwant\n%s", n, x.body, b.fill(body))
	}
}
