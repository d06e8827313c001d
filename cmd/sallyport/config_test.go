package main

import (
	"bytes"
	"testing"
	"text/tabwriter"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
)

func TestSettingsOnATerminal(t *testing.T) {
	var out bytes.Buffer
	values := []settings.Value{
		{Key: "issuer", Value: "https://app.example.com", Origin: "sallyport.yaml:3"},
		{Key: "tokens.audience", Value: []string{"orders", "invoices"}, Origin: "SALLYPORT_TOKENS_AUDIENCE"},
		{Key: "user_fields", Value: []string{}, Origin: "default"},
		{Key: "password.slots", Value: 0, Origin: "default"},
		{Key: "cookie.insecure", Value: false, Origin: "default"},
		{Key: "user_uuid_attribute", Value: "", Origin: "default"},
	}
	if err := writeValues(columns{tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)}, true, values); err != nil {
		t.Fatal(err)
	}
	want := `SETTING              VALUE                    ORIGIN
issuer               https://app.example.com  sallyport.yaml:3
tokens.audience      orders,invoices          SALLYPORT_TOKENS_AUDIENCE
user_fields          ""                       default
password.slots       0                        default
cookie.insecure      false                    default
user_uuid_attribute  ""                       default
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
}
