package sallyport_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport"
)

// grace has a value of every type among her attributes.
var grace = sallyport.NewUser{
	Username: "grace", Email: "grace@example.com", FirstName: "Grace", Groups: []string{"user", "editor"},
	Attributes: map[string]any{
		"tenant": "t-1", "level": json.Number("7"), "plan": map[string]any{"name": "gold"}, "staff": true, "none": nil,
		"custom:site": "north", "cost-centre": "42", "empty": []any{}, "sneaky": "${email} $${x}", "markup": "<&>",
	},
}

// claimsOf signs grace in and gives the custom claims of her token.
func (h *house) claimsOf(change func(*sallyport.Config)) (map[string]any, error) {
	h.Helper()
	svc := h.open(change)
	u := grace
	u.Password = h.password()
	if _, err := svc.CreateUser(h.Context(), u); err != nil {
		h.Fatal(err)
	}
	tokens, err := svc.SignIn(h.Context(), sallyport.SignInRequest{Username: "grace", Password: h.password()})
	if err != nil {
		return nil, err
	}
	claims, _, err := svc.CheckAccessToken(h.Context(), tokens.AccessToken)
	if err != nil {
		h.Fatal(err)
	}
	all := claims.All()
	maps.DeleteFunc(all, func(name string, _ any) bool {
		return slices.Contains([]string{"iss", "sub", "aud", "exp", "iat", "jti", "sid", "client_id", "token_type", "user_id"}, name)
	})
	return all, nil
}

func TestClaimTemplate(t *testing.T) {
	tests := []struct {
		name     string
		template any
		want     any
	}{
		{"text alone", "reader", "reader"},
		{"a field keeps its type", "${groups}", []any{"user", "editor"}},
		{"a number keeps its type", "${level}", json.Number("7")},
		{"an object keeps its type", "${plan}", map[string]any{"name": "gold"}},
		{"a bool keeps its type", "${staff}", true},
		{"a false field", "${email_verified}", false},
		{"an empty list", "${empty}", []any{}},
		{"an absent name alone is null", "${nobody}", nil},
		{"null alone is null", "${none}", nil},
		{"in text", "tenant ${tenant} of ${username}", "tenant t-1 of grace"},
		{"twice side by side", "${tenant}${tenant}", "t-1t-1"},
		{"absent in text", "a${nobody}b${none}c", "abc"},
		{"types in text", "${level} ${staff} ${groups} ${plan} ${empty}", `7 true ["user","editor"] {"name":"gold"} []`},
		{"names with a colon and a dash", "${custom:site}/${cost-centre}", "north/42"},
		{"literal", "$${email}", "${email}"},
		{"literal before a name", "$${${tenant}", "${t-1"},
		{"a dollar alone", "$5 and $ and }{", "$5 and $ and }{"},
		{"two dollars", "$$ ${tenant}", "$$ t-1"},
		{"values are not expanded again", "${sneaky}", "${email} $${x}"},
		{"nor in text", "<${sneaky}>", "<${email} $${x}>"},
		{"nothing is escaped", "${markup}!", "<&>!"},
		{"an empty text", "", ""},
		{
			"JSON of the template", []any{true, nil, json.Number("1.50"), 2, map[string]any{"x": "${first_name}"}},
			[]any{true, nil, json.Number("1.50"), json.Number("2"), map[string]any{"x": "Grace"}},
		},
	}
	template := map[string]any{}
	for _, test := range tests {
		template[test.name] = test.template
	}
	got, err := newHouse(t).claimsOf(func(c *sallyport.Config) { c.ClaimTemplate = template })
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, got[test.name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if len(got) != len(tests) {
		t.Errorf("there are %d claims, want %d", len(got), len(tests))
	}
}

// TestClaimTemplateForOthers: the two that ask for claims in a form of their own.
func TestClaimTemplateForOthers(t *testing.T) {
	got, err := newHouse(t).claimsOf(func(c *sallyport.Config) {
		c.ClaimTemplate = map[string]any{
			"https://hasura.io/jwt/claims": map[string]any{
				"x-hasura-default-role": "user", "x-hasura-allowed-roles": "${groups}", "x-hasura-user-id": "${username}",
			},
			"role":  "web_${tenant}",
			"scope": "orders:read orders:${tenant}",
		}
	})
	want := map[string]any{
		"https://hasura.io/jwt/claims": map[string]any{
			"x-hasura-default-role": "user", "x-hasura-allowed-roles": []any{"user", "editor"}, "x-hasura-user-id": "grace",
		},
		"role":  "web_t-1",
		"scope": "orders:read orders:t-1",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("claims, %v (-want +got):\n%s", err, diff)
	}
}

// TestClaimTemplateIsOverruled: by claim functions, as it overrules attributes.
func TestClaimTemplateIsOverruled(t *testing.T) {
	got, err := newHouse(t).claimsOf(func(c *sallyport.Config) {
		c.UserAttributes = []string{"tenant", "level"}
		c.ClaimTemplate = map[string]any{"tenant": "by template", "role": "by template"}
		c.Claims = []sallyport.ClaimFunc{func(context.Context, sallyport.ClaimRequest) (map[string]any, error) {
			return map[string]any{"role": "by function"}, nil
		}}
	})
	want := map[string]any{"tenant": "by template", "level": json.Number("7"), "role": "by function"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("claims, %v (-want +got):\n%s", err, diff)
	}
}

// TestClaimTemplateTooHeavy: a template that is light enough may still be given heavy values.
func TestClaimTemplateTooHeavy(t *testing.T) {
	many := make([]any, 300)
	for i := range many {
		many[i] = "${groups}"
	}
	if _, err := newHouse(t).claimsOf(func(c *sallyport.Config) { c.ClaimTemplate = map[string]any{"x": many} }); !errors.Is(err, sallyport.ErrClaimsFailed) {
		t.Errorf("SignIn = %v, want ErrClaimsFailed", err)
	}
}

func TestNewRefusesClaimTemplates(t *testing.T) {
	deep := func(levels int) any {
		var value any = "x"
		for range levels {
			value = []any{value}
		}
		return value
	}
	for _, test := range []struct {
		name     string
		template map[string]any
		want     string // in the problem; "" for none
	}{
		{"nothing", nil, ""},
		{"16 levels", map[string]any{"x": deep(16)}, ""},
		{"17 levels", map[string]any{"x": deep(17)}, `claim "x": objects and lists are nested deeper than 16`},
		{"reserved", map[string]any{"sub": "${id}"}, `claim "sub": it is in every access token already`},
		{"reserved in another case", map[string]any{"AUD": "x"}, `claim "AUD": it is in every access token already`},
		{"reserved further down", map[string]any{"x": map[string]any{"sub": "${id}"}}, ""},
		{"no name", map[string]any{"": "x"}, "a claim has no name"},
		{"a name that is a value", map[string]any{"${username}": "x"}, "the name of a member holds ${"},
		{"a member that is a value", map[string]any{"x": map[string]any{"a${username}": 1}}, "the name of a member holds ${"},
		{"not closed", map[string]any{"x": "${id"}, "a ${ has no }; write $${"},
		{"empty", map[string]any{"x": "${}"}, "a ${ with something else behind it: want the name of a user field or an attribute"},
		{"a path", map[string]any{"x": "${user.id}"}, "${user.id}: want the name"},
		{"a default", map[string]any{"x": "${id:-none}"}, "${id:-none}: want the name"},
		{"spaces", map[string]any{"x": "${ id }"}, "a ${ with something else behind it: want"},
		{"nested", map[string]any{"x": "${a${id}}"}, "a ${ with something else behind it: want"},
		{"a control character", map[string]any{"x": "a\nb"}, "control characters"},
		{"not UTF-8", map[string]any{"x": "a\xff"}, "not valid UTF-8"},
		{"a struct", map[string]any{"x": struct{}{}}, "a struct {} is not a string"},
		{"a list of strings", map[string]any{"x": []string{"a"}}, "a []string is not a string"},
		{"a number that is none", map[string]any{"x": json.Number("1_000")}, "a number is not one that JSON has"},
		{"4 KiB", map[string]any{"x": strings.Repeat("x", 4088)}, ""},
		{"more", map[string]any{"x": strings.Repeat("x", 4089)}, "custom claims weigh 4097 bytes of JSON, at most 4096 are allowed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := newHouse(t).config()
			cfg.ClaimTemplate = test.template
			svc, err := sallyport.New(cfg)
			if err == nil {
				svc.Close()
			}
			faults := sallyport.ConfigErrors(err)
			if test.want == "" && err != nil || test.want != "" && (len(faults) != 1 || faults[0].Field != "ClaimTemplate" || !strings.Contains(faults[0].Problem, test.want)) {
				t.Errorf("New = %v, want a fault of ClaimTemplate with %q", err, test.want)
			}
		})
	}
}

// FuzzClaimTemplateText: what has no placeholder is accepted as it is, and what is accepted names nothing but what
// stands there.
func FuzzClaimTemplateText(f *testing.F) {
	for _, seed := range []string{"", "${id}", "$${id}", "a${b}c", "${", "$${", "$$${id}", "${a:b-c_d}", "}{$", "${a${b}}", "$$$${x}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		err := sallyport.CheckClaimTemplate("x", text)
		if len(text) > 1<<10 {
			return // its weight is not what is asked here
		}
		readable := utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
		if plain := !strings.Contains(text, "${"); err != nil && plain && readable || err == nil && !readable {
			t.Errorf("CheckClaimTemplate(%q) = %v", text, err)
		}
		names := sallyport.ClaimTemplateNames(map[string]any{"x": text})
		if err != nil && len(names) > 0 {
			t.Errorf("%q is refused and names %q", text, names)
		}
		for _, name := range names {
			if !strings.Contains(text, "${"+name+"}") {
				t.Errorf("%q is said to name %q", text, name)
			}
		}
	})
}
