package authhttp_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/internal/openapi"
	"github.com/sallyport-auth/sallyport/internal/testpg"
)

// document is openapi.yaml, against which try holds every answer.
var document *openapi.Checker

// TestMain also fails a whole run after which the document describes something that no test saw: it says
// nothing but what happens.
func TestMain(m *testing.M) {
	var err error
	if document, err = openapi.Load(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := testpg.Main(m).Run()
	if status == 0 && isWholeRun() {
		for _, o := range document.Unseen() {
			fmt.Fprintf(os.Stderr, "openapi.yaml describes what no test has seen: %s\n", o)
			status = 1
		}
	}
	os.Exit(status)
}

// isWholeRun reports whether no flag kept tests from running.
func isWholeRun() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	return true
}

func TestDocumentHasTheRoutesOfTheHandler(t *testing.T) {
	var described []string
	for _, operation := range document.Operations() {
		method, path, _ := strings.Cut(operation, " ")
		described = append(described, method+" "+strings.Trim(path, "/"))
	}
	slices.Sort(described)
	if diff := cmp.Diff(newApp(t, forwarding).auth.Routes(), described); diff != "" {
		t.Errorf("operations of %s (-handler +document):\n%s", openapi.Name, diff)
	}
}

func TestDocumentHasTheCodesOfTheTable(t *testing.T) {
	codes := document.Codes()
	for _, code := range authhttp.CodesOfUseCases() {
		if codes[code] == nil && !slices.Contains([]string{"idp_denied", "idp_error"}, code) { // which stand in return_to alone
			t.Errorf("%s has no answer with the code %s", openapi.Name, code)
		}
	}
}

// The document is served where its relative addresses are right: below the mount.
func TestDocumentIsServed(t *testing.T) {
	a := newApp(t, nil)
	file, err := os.ReadFile("../" + openapi.Name)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(string(file), "- url: https://app.example.com/auth\n", "- url: \""+issuer+"\"\n", 1)
	if want == string(file) {
		t.Error("the document names no server")
	}
	for _, path := range []string{openapi.Name, openapi.Name + "/"} {
		x := a.do(path, request{method: "GET", headers: map[string]string{"Origin": "https://anybody.example", "Sec-Fetch-Site": "cross-site"}})
		if x.status != 200 || x.body != want || x.header.Get("Content-Type") != "application/yaml" || x.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("GET %s = %d %v, want the file with the own issuer as application/yaml (RFC 9512), for every origin", path, x.status, x.header)
		}
	}
}
