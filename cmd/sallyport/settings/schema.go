package settings

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/claimhook"
)

//go:generate go test . -run ^TestSchemaFile$ -update

// Schema is a JSON Schema (draft 2020-12) of the file of settings, for editors. Load decides: it knows
// conditions between settings and bounds that the schema cannot say. In two points the schema is
// stricter: it counts a secret in characters instead of bytes, and refuses an empty text where only
// certain texts mean something.
func Schema() []byte {
	root := section()
	root.Version = "https://json-schema.org/draft/2020-12/schema"
	root.Title = "Settings of Sallyport"
	root.Type = "object"
	for _, row := range table {
		parent, names := root, strings.Split(row.key, ".")
		for _, name := range names[:len(names)-1] {
			if parent.Properties[name] == nil {
				parent.Properties[name] = section()
			}
			parent = parent.Properties[name]
		}
		parent.Properties[names[len(names)-1]] = row.schema(row.field(new(Settings)))
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		return nil // a test encodes it
	}
	return b.Bytes()
}

// schema is what we use of JSON Schema, in the order in which it is written.
type schema struct {
	Version     string              `json:"$schema,omitempty"`
	Title       string              `json:"title,omitempty"`
	Description string              `json:"description,omitempty"`
	Type        any                 `json:"type,omitempty"` // one name or several
	AnyOf       []*schema           `json:"anyOf,omitempty"`
	Enum        []any               `json:"enum,omitempty"`
	Const       any                 `json:"const,omitempty"`
	Default     any                 `json:"default,omitempty"`
	Pattern     string              `json:"pattern,omitempty"`
	MinLength   int                 `json:"minLength,omitempty"`
	Minimum     *int                `json:"minimum,omitempty"`
	Maximum     *int                `json:"maximum,omitempty"`
	Items       *schema             `json:"items,omitempty"`
	MinItems    int                 `json:"minItems,omitempty"`
	Properties  map[string]*schema  `json:"properties,omitempty"`
	Additional  any                 `json:"additionalProperties,omitempty"` // false, or the *schema of members of any name
	Required    []string            `json:"required,omitempty"`
	Together    map[string][]string `json:"dependentRequired,omitempty"`
	Not         *schema             `json:"not,omitempty"`
	AllOf       []condition         `json:"allOf,omitempty"`
}

// condition is what one provider must have besides, and must not.
type condition struct {
	If   *schema `json:"if"`
	Then *schema `json:"then"`
}

// section is an object that knows its members. It may be null: that is a section without members.
func section() *schema {
	return &schema{Type: []string{"object", "null"}, Properties: map[string]*schema{}, Additional: false}
}

// durationPattern is what time.ParseDuration takes, less what is never positive.
const durationPattern = `^\+?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`

// schema is the schema of one setting. into is its field, whose type decides.
func (r rule) schema(into any) *schema {
	s := r.typed(into)
	s.Description = r.about
	if r.secret {
		return s
	}
	s.Default = r.standardValue(into)
	return s
}

func (r rule) typed(into any) *schema {
	switch into.(type) {
	case *bool, **bool:
		return &schema{Type: "boolean"}
	case *int:
		least, _ := parseNumber(r.least)
		most, _ := parseNumber(r.most)
		return &schema{Type: "integer", Minimum: &least, Maximum: &most}
	case *time.Duration:
		return &schema{Type: "string", Pattern: durationPattern}
	case *[]string:
		return &schema{Type: "array", Items: &schema{Type: "string", MinLength: 1, Pattern: r.pattern}}
	case *Secret:
		one := &schema{Type: "string", MinLength: sallyport.MinSecretBytes}
		return &schema{AnyOf: []*schema{one, {Type: "array", Items: one, MinItems: 1}}}
	case *HookSecret:
		return &schema{Type: "string", MinLength: claimhook.MinSecretBytes}
	case *map[string]string:
		return &schema{Type: "object", Additional: (&schema{Type: "string"}).among(r.words)}
	case *map[string]any:
		return &schema{Type: "object"}
	case *[]IDP:
		return &schema{Type: "array", Items: idpSchema()}
	}
	return (&schema{Type: "string", Pattern: r.pattern}).among(r.words)
}

func (s *schema) among(words []string) *schema {
	for _, word := range words {
		s.Enum = append(s.Enum, word)
	}
	return s
}

// standardValue is the default as JSON, nil when there is none.
func (r rule) standardValue(into any) any {
	if r.standard == "" {
		return nil
	}
	switch into.(type) {
	case *bool:
		return r.standard == "true"
	case *int:
		number, _ := parseNumber(r.standard)
		return number
	}
	return r.standard
}

func idpSchema() *schema {
	s := section()
	s.Type = "object"
	s.Required = []string{"name", "provider", "client_id"}
	for _, row := range idpTable {
		s.Properties[row.key] = row.schema(row.field(new(IDP)))
	}
	s.Together = map[string][]string{
		"team_id": {"key_id", "private_key"}, "key_id": {"team_id", "private_key"}, "private_key": {"team_id", "key_id"},
		"authorization_endpoint": {"token_endpoint"}, "token_endpoint": {"authorization_endpoint"},
	}
	for _, provider := range allProviders {
		then := needs(provider)
		then.Not = membersOfOthers(provider)
		s.AllOf = append(s.AllOf, condition{If: providerIs(provider), Then: then})
	}
	return s
}

// needs is what an entry of a provider must have besides what every entry must.
func needs(provider string) *schema {
	switch provider {
	case ProviderOIDC:
		return &schema{Required: []string{"issuer"}}
	case ProviderCognito:
		return &schema{AnyOf: []*schema{{Required: []string{"region", "user_pool"}}, {Required: []string{"issuer"}}}}
	case ProviderEntra:
		return &schema{Required: []string{"tenants"}}
	case ProviderGitHub:
		return &schema{Required: []string{"client_secret"}}
	}
	return &schema{}
}

// membersOfOthers is an entry with any member that the provider does not have.
func membersOfOthers(provider string) *schema {
	s := &schema{}
	for _, row := range idpTable {
		if !row.isOf(provider) {
			s.AnyOf = append(s.AnyOf, &schema{Required: []string{row.key}})
		}
	}
	return s
}

func providerIs(name string) *schema {
	return &schema{Properties: map[string]*schema{"provider": {Const: name}}}
}
