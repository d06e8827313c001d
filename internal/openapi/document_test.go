package openapi

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

func mustLoad(t *testing.T) *Checker {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// text is the document as it stands in the repository.
func text(t *testing.T) string {
	t.Helper()
	file, err := find()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// notServed are codes of docs/contract.md that no route of this release answers, by what will answer them.
var notServed = map[string][]string{
	"return_to, not a route": {"idp_denied", "idp_error"}, // in its query
	"a service, not a route": {"insufficient_scope", "keys_unavailable", "feed_unavailable", "issuer_unavailable"},
}

func TestCodesAreThoseOfTheContract(t *testing.T) {
	contract := contractCodes(t)
	for who, codes := range notServed {
		for _, code := range codes {
			if contract[code] == nil {
				t.Errorf("%s of %s is not in docs/contract.md", code, who)
			}
			delete(contract, code)
		}
	}
	if diff := cmp.Diff(contract, mustLoad(t).Codes()); diff != "" {
		t.Errorf("codes and their statuses (-docs/contract.md, without what is not served yet, +%s):\n%s", Name, diff)
	}
}

// contractCodes reads the list of codes in docs/contract.md: "invalid_request 400 · duplicate_cookie 400 · …".
func contractCodes(t *testing.T) map[string][]int {
	t.Helper()
	file, err := find()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(filepath.Dir(file), "docs", "contract.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(content), "\ninvalid_request 400 ")
	list, _, found := strings.Cut("invalid_request 400 "+list, ".\n")
	if !found {
		t.Fatal("docs/contract.md has no list of codes that begins with invalid_request and ends with a full stop")
	}
	codes := map[string][]int{}
	for _, pair := range regexp.MustCompile(`\b([a-z_]+) ([45]\d\d)\b`).FindAllStringSubmatch(list, -1) {
		status, err := strconv.Atoi(pair[2])
		if err != nil {
			t.Fatal(err)
		}
		codes[pair[1]] = append(codes[pair[1]], status)
	}
	return codes
}

func TestDocumentSaysWhereItIsServed(t *testing.T) {
	doc := mustLoad(t).doc
	if !strings.HasPrefix(doc.OpenAPI, "3.0.") {
		t.Errorf("openapi is %q, want 3.0, in which the checks of this package are written", doc.OpenAPI)
	}
	if len(doc.Servers) != 1 || doc.Servers[0].URL != "https://app.example.com/auth" {
		t.Errorf("servers = %v, want the example issuer alone, in whose place a server writes its own", doc.Servers)
	}
	for path := range doc.Paths.Map() {
		if isDocument := strings.Contains(path, "."); isDocument == strings.HasSuffix(path, "/") {
			t.Errorf("path %s: want a slash at the end, but for documents", path)
		}
	}
}

func TestEveryOperationIsExplained(t *testing.T) {
	for path, item := range mustLoad(t).doc.Paths.Map() {
		forward := strings.HasPrefix(path, "/forward/") // where an answer of 2xx lets a request pass, of whatever method
		if item.Options == nil && !forward {
			t.Errorf("%s lacks OPTIONS", path)
		}
		navigated := strings.Contains(path, "{provider}") // what a browser walks through, and a HEAD would use up
		if (item.Get == nil) != (item.Head == nil) && !navigated && !forward {
			t.Errorf("%s: GET and HEAD come together", path)
		}
		for method, operation := range item.Operations() {
			if operation.OperationID == "" || operation.Summary == "" || len(operation.Tags) != 1 || operation.Security == nil {
				t.Errorf("%s %s lacks an operationId, a summary, its one tag or its security", method, path)
			}
			if operation.Description == "" && method != "OPTIONS" {
				t.Errorf("%s %s lacks a description", method, path)
			}
		}
	}
}

// Examples of bodies are held against their schemas by Load; those of headers are not.
func TestExamplesOfHeadersFit(t *testing.T) {
	checked := 0
	for name, header := range mustLoad(t).doc.Components.Headers {
		if header.Value.Example == nil {
			continue
		}
		checked++
		if err := checkText(header.Value.Schema, fmt.Sprint(header.Value.Example)); err != nil {
			t.Errorf("example of %s: %v", name, err)
		}
	}
	if checked == 0 {
		t.Error("no header has an example")
	}
}

func TestEveryBodyHasAnExample(t *testing.T) {
	for path, item := range mustLoad(t).doc.Paths.Map() {
		for method, operation := range item.Operations() {
			contents := map[string]openapi3.Content{}
			if operation.RequestBody != nil {
				contents["request"] = operation.RequestBody.Value.Content
			}
			for status, response := range operation.Responses.Map() {
				contents[status] = response.Value.Content
			}
			for of, content := range contents {
				for mediaType, media := range content {
					if mediaType != "application/yaml" && media.Example == nil && media.Examples == nil && media.Schema.Value.Example == nil {
						t.Errorf("%s %s, %s: no example of %s", method, path, of, mediaType)
					}
				}
			}
		}
	}
}

// A reader must not mistake an example for something that works, and a scanner not for a leak.
func TestExamplesAreNoTokens(t *testing.T) {
	if found := regexp.MustCompile(`\beyJ[\w-]+`).FindString(text(t)); found != "" {
		t.Errorf("%s holds %q, which looks like a JWT", Name, found)
	}
}

func TestLoadRefuses(t *testing.T) {
	whole := text(t)
	for _, c := range []struct{ name, old, new, want string }{
		{"an example that does not fit", "code: invalid_credentials}", "code: 7}", "code"},
		{"an example with a member too many", "example: {CSRF_token: made-up-csrf-token}\n    User:", "example: {CSRF_token: x, y: 1}\n    User:", "y"},
		{"a reference to nothing", "responses/CrossOrigin'", "responses/Nothing'", "Nothing"},
		{"a member that OpenAPI does not have", "      operationId: signIn\n", "      operationId: signIn\n      sumary: x\n", "sumary"},
		{"one operationId twice", "operationId: refresh\n", "operationId: signIn\n", "signIn"},
		{"a pattern that is none", `'^"[A-Za-z0-9_-]+"$'`, `'^"[A-Za-z'`, "regexp"},
		{"a common header without a description", "  - Vary\n", "  - Varied\n", "Varied"},
		{"no answer to unknown paths", "    NotFound:\n", "    Lost:\n", "NotFound"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := strings.Replace(whole, c.old, c.new, 1)
			if changed == whole {
				t.Fatalf("the document does not have %q", c.old)
			}
			if _, err := parse([]byte(changed)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("parse = %v, want an error about %q", err, c.want)
			}
		})
	}
}

func TestOperationsAreSorted(t *testing.T) {
	got := mustLoad(t).Operations()
	if !slices.IsSorted(got) || !slices.Contains(got, "POST /sign-in/") || !slices.Contains(got, "HEAD /csrf/") {
		t.Errorf("Operations() = %q", got)
	}
}

func TestUnseenShrinks(t *testing.T) {
	c := mustLoad(t)
	before := c.Unseen()
	e := signIn()
	if err := e.check(c); err != nil {
		t.Fatal(err)
	}
	after := c.Unseen()
	if len(after) != len(before)-1 {
		t.Errorf("%d outcomes unseen after one exchange of %d, want one less", len(after), len(before))
	}
	gone := Outcome{"POST /sign-in/", 200, ""}
	if !slices.Contains(before, gone) || slices.Contains(after, gone) {
		t.Errorf("%s is not what was seen", gone)
	}
	if want := (Outcome{"POST /sign-in/", 401, "invalid_credentials"}); !slices.Contains(after, want) {
		t.Errorf("%s is seen, and was not shown", want)
	}
	if codes := slices.Sorted(maps.Keys(c.Codes())); !slices.Contains(codes, "not_found") || !slices.Contains(codes, "method_not_allowed") {
		t.Errorf("Codes() = %q, want those of unknown paths and methods too", codes)
	}
}
