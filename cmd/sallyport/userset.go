package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
)

type usersSet struct {
	userFlags
	Changes []string `arg:"" name:"key=value" help:"What to change."`
	JSON    bool     `name:"json" help:"Print the user as one JSON document."`
}

// Help is printed by kong below the usage.
func (usersSet) Help() string {
	return `KEY is username, email, email_verified, first_name, last_name or groups (separated by commas); every other key is an attribute, whose VALUE is JSON when it can be read as JSON, else text. An attribute with the name of a field is written attribute.NAME. KEY= clears a field and removes an attribute.`
}

func (usersSet) examples() []string {
	return []string{
		"sallyport users set alice email=alice@example.com email_verified=true groups=staff,admins",
		`sallyport users set alice plan=pro seats=5 'address={"city": "Bern"}' nickname=`,
	}
}

// Run changes a user, all of it or nothing, and prints the user as it is then.
func (c usersSet) Run(ctx context.Context, w world) error {
	change, err := parseChanges(c.Changes)
	if err != nil {
		return err
	}
	return c.withUser(ctx, w, "users set", func(svc *opened, _ *settings.Settings, user sallyport.User) error {
		user, err := svc.UpdateUser(ctx, user.ID, change)
		if err != nil {
			return explain("users set", err)
		}
		return printUser(w.stdout, c.JSON, user)
	})
}

// attributePrefix makes a key an attribute's, whatever comes after it.
const attributePrefix = "attribute."

// notSet are keys that would be mistaken for attributes, with what to use instead.
var notSet = map[string]string{
	"is_active":  "use sallyport users disable and enable",
	"password":   "use sallyport users set-password",
	"id":         "it never changes",
	"created_at": "it never changes",
	"updated_at": "it changes by itself",
	"attributes": "name each attribute by its key",
}

// settableFields are those that a misspelt key may mean.
var settableFields = []string{"username", "email", "email_verified", "first_name", "last_name", "groups"}

// parseChanges reads KEY=VALUE arguments. A key that is given twice is refused.
func parseChanges(pairs []string) (sallyport.UserChange, error) {
	change := sallyport.UserChange{Attributes: map[string]any{}}
	fields := map[string]**string{"username": &change.Username, "email": &change.Email, "first_name": &change.FirstName, "last_name": &change.LastName}
	seen := map[string]bool{}
	for i, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		switch {
		case !ok || key == "" || key == attributePrefix: // it is not shown: it may be a password
			return change, usageError{fmt.Sprintf("users set: want KEY=VALUE, such as email=alice@example.com; number %d is none", i+1)}
		case notSet[key] != "":
			return change, usageError{fmt.Sprintf("users set: %s cannot be set here; %s", key, notSet[key])}
		case fields[key] != nil:
			*fields[key] = &value
		case key == "groups":
			change.Groups = new(splitGroups(value))
		case key == "email_verified":
			if value != "true" && value != "false" {
				return change, usageError{"users set: email_verified is true or false"}
			}
			change.EmailVerified = new(value == "true")
		default:
			name, isAttribute := strings.CutPrefix(key, attributePrefix)
			if near := settings.Nearest(name, settableFields); near != "" && !isAttribute {
				return change, usageError{fmt.Sprintf("users set: there is no field %q; did you mean %s? For an attribute of that name write %s%[1]s=…", key, near, attributePrefix)}
			}
			change.Attributes[name] = changedAttribute(value)
			key = attributePrefix + name
		}
		if seen[key] {
			return change, usageError{fmt.Sprintf("users set: %s is there twice", key)}
		}
		seen[key] = true
	}
	return change, nil
}

func splitGroups(text string) []string {
	if text == "" {
		return []string{}
	}
	return strings.Split(text, ",")
}

// changedAttribute is nil, which removes the attribute, for a value that is empty or null.
func changedAttribute(value string) any {
	if value == "" {
		return nil
	}
	return attributeValue(value)
}

// attributeValue reads JSON, and takes what is none as text: plan=pro needs no quotes.
func attributeValue(value string) any {
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber() // keeps the digits of a number as they were written
	var decoded any
	if decoder.Decode(&decoded) != nil || decoder.More() {
		return value
	}
	return decoded
}

// parseAttributes reads the KEY=JSON of a new user.
func parseAttributes(pairs []string) (map[string]any, error) {
	attributes := map[string]any{}
	for i, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if _, twice := attributes[key]; !ok || key == "" || twice {
			return nil, usageError{fmt.Sprintf("users create: want --attribute KEY=JSON, each key once; number %d is none or there twice", i+1)}
		}
		if value := attributeValue(value); value != nil { // null is as good as no attribute
			attributes[key] = value
		}
	}
	return attributes, nil
}
