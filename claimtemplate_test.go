package sallyport_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
)

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var o map[string]any
	if err := d.Decode(&o); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestClaimTemplate: what gateways and databases want of a token needs no program.
func TestClaimTemplate(t *testing.T) {
	u := sallyport.User{Username: "ada", Email: "ada@example.com", Groups: []string{"staff", "admins"}, Attributes: map[string]any{
		"tenant": "acme", "level": json.Number("7"), "evil": "${email}", "flags": map[string]any{"beta": true},
	}}
	for name, c := range map[string]struct{ template, want string }{
		"Hasura": {`{"https://hasura.io/jwt/claims": {"x-hasura-default-role": "user", "x-hasura-allowed-roles": "${groups}", "x-hasura-tenant": "t-${tenant}"}}`,
			`{"https://hasura.io/jwt/claims": {"x-hasura-default-role": "user", "x-hasura-allowed-roles": ["staff", "admins"], "x-hasura-tenant": "t-acme"}}`},
		"PostgREST":              {`{"role": "web_user"}`, `{"role": "web_user"}`},
		"scope":                  {`{"scope": "openid tenant:${tenant}"}`, `{"scope": "openid tenant:acme"}`},
		"types stay":             {`{"a": "${level}", "b": "${flags}", "c": "${email_verified}"}`, `{"a": 7, "b": {"beta": true}, "c": false}`},
		"types become text":      {`{"a": "l${level}", "b": "${flags}!", "c": "<${groups}>"}`, `{"a": "l7", "b": "{\"beta\":true}!", "c": "<[\"staff\",\"admins\"]>"}`},
		"what is not there":      {`{"a": "${nothing}", "b": "x${nothing}y"}`, `{"a": null, "b": "xy"}`},
		"several in one":         {`{"a": "${tenant}/${username}/${level}"}`, `{"a": "acme/ada/7"}`},
		"a value is no template": {`{"a": "${evil}", "b": "-${evil}"}`, `{"a": "${email}", "b": "-${email}"}`},
		"escaped":                {`{"a": "$${tenant}", "b": "$$", "c": "$", "d": "}{", "e": "x$${y}z${tenant}"}`, `{"a": "${tenant}", "b": "$$", "c": "$", "d": "}{", "e": "x${y}zacme"}`},
		"literals":               {`{"a": [1, 2.5, true, null, "x", []], "b": {}}`, `{"a": [1, 2.5, true, null, "x", []], "b": {}}`},
	} {
		t.Run(name, func(t *testing.T) {
			template := object(t, c.template)
			if err := sallyport.CheckClaimTemplate(template); err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(sallyport.FillClaimTemplate(template, &u))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(object(t, c.want), object(t, string(got))); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClaimTemplateFaults(t *testing.T) {
	deep := "1"
	for range 20 {
		deep = "[" + deep + "]"
	}
	for name, text := range map[string]string{
		"reserved": `{"sub": "x"}`, "reserved, spelled in another way": `{"SID": "x"}`, "bound to a key": `{"cnf": {}}`, "no name of a claim": `{"": 1}`,
		"not closed": `{"a": "${tenant"}`, "no name": `{"a": "${}"}`, "a space": `{"a": "${ tenant }"}`, "nested": `{"a": "${a${b}}"}`,
		"in a list": `{"a": ["${"]}`, "in an object": `{"a": {"b": "x${"}}`, "too deep": `{"a": ` + deep + `}`,
	} {
		if err := sallyport.CheckClaimTemplate(object(t, text)); err == nil {
			t.Errorf("%s: %s is no fault", name, text)
		}
	}
	_, err := sallyport.New(sallyport.Config{ClaimTemplate: map[string]any{"aud": "x", "b": "${", "c": func() {}}})
	var named []string
	for _, e := range sallyport.ConfigErrors(err) {
		if e.Field == "ClaimTemplate" {
			named = append(named, e.Problem)
		}
	}
	if len(named) != 3 {
		t.Errorf("New() names %q of the template, want all three faults", named)
	}
	if errors.Is(err, sallyport.ErrClaimsFailed) {
		t.Error("a fault of the settings is one of the claims")
	}
}
