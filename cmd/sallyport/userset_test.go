package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
)

func TestParseChanges(t *testing.T) {
	none := map[string]any{}
	for _, tc := range []struct {
		name  string
		pairs []string
		want  sallyport.UserChange
	}{
		{"fields", []string{"username=a", "email=a@b", "first_name=A", "last_name=B=C"},
			sallyport.UserChange{Username: new("a"), Email: new("a@b"), FirstName: new("A"), LastName: new("B=C"), Attributes: none}},
		{"cleared fields", []string{"email=", "groups=", "email_verified=false"},
			sallyport.UserChange{Email: new(""), Groups: &[]string{}, EmailVerified: new(false), Attributes: none}},
		{"groups", []string{"groups=a,b c", "email_verified=true"},
			sallyport.UserChange{Groups: &[]string{"a", "b c"}, EmailVerified: new(true), Attributes: none}},
		{"attributes", []string{"a=text", "b=5", "c=true", `d={"x": [1.50]}`, `e="5"`, "f=1 2", "g={", "attribute.username=x", "attribute.attribute.y=z"},
			sallyport.UserChange{Attributes: map[string]any{
				"a": "text", "b": json.Number("5"), "c": true, "d": map[string]any{"x": []any{json.Number("1.50")}}, "e": "5", "f": "1 2", "g": "{",
				"username": "x", "attribute.y": "z",
			}}},
		{"removed attributes", []string{"a=", "b=null", `c=""`}, sallyport.UserChange{Attributes: map[string]any{"a": nil, "b": nil, "c": ""}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseChanges(tc.pairs)
			if err != nil {
				t.Fatalf("parseChanges(%q) = %v", tc.pairs, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("parseChanges(%q) differs (-want +got):\n%s", tc.pairs, diff)
			}
		})
	}
}

func TestParseChangesRefuses(t *testing.T) {
	for _, tc := range []struct {
		name  string
		pairs []string
		want  string
	}{
		{"no value", []string{"plan"}, "want KEY=VALUE"},
		{"no key", []string{"=CANARY"}, "want KEY=VALUE"},
		{"no attribute", []string{"attribute.=CANARY"}, "want KEY=VALUE"},
		{"field twice", []string{"email=CANARY", "email=CANARY"}, "email is there twice"},
		{"attribute twice", []string{"attribute.a=CANARY", "a=CANARY"}, "attribute.a is there twice"},
		{"password", []string{"password=CANARY"}, "set-password"},
		{"is_active", []string{"is_active=CANARY"}, "disable and enable"},
		{"attributes", []string{"attributes=CANARY"}, "name each attribute"},
		{"truth", []string{"email_verified=CANARY"}, "true or false"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parseChanges(tc.pairs)
			if _, ok := errors.AsType[usageError](err); !ok || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("parseChanges(%q) = %v, want wrong usage and %q", tc.pairs, err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "CANARY") {
				t.Errorf("parseChanges(%q) = %v, which repeats a value", tc.pairs, err)
			}
		})
	}
}
