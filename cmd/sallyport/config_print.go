package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
)

type configPrint struct {
	settingFlags
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (configPrint) examples() []string {
	return []string{"sallyport config print", "sallyport config print --config /etc/sallyport.yaml --json"}
}

// Run prints what counts after all sources have been read. Secrets are never shown.
func (c configPrint) Run(w world) error {
	s, err := c.load(w)
	if err != nil {
		return err
	}
	for _, warning := range s.Warnings {
		warn(w, warning)
	}
	if c.JSON {
		type value struct {
			Value  any    `json:"value"`
			Origin string `json:"origin"`
		}
		document := map[string]value{}
		for _, v := range s.Values() {
			document[v.Key] = value{v.Value, v.Origin}
		}
		return writeJSON(w.stdout, document)
	}
	return writeValues(newColumns(w.stdout), isTerminal(w.stdout), s.Values())
}

func writeValues(to columns, heading bool, values []settings.Value) error {
	if heading {
		to.line("SETTING", "VALUE", "ORIGIN")
	}
	for _, v := range values {
		to.line(v.Key, settingText(v.Value), v.Origin)
	}
	return to.end()
}

// settingText is a value as it would be written in the environment, and "" when it is empty.
func settingText(value any) string {
	text := fmt.Sprint(value)
	switch value := value.(type) {
	case []string:
		text = strings.Join(value, ",")
	case map[string]string, map[string]any:
		encoded, err := json.Marshal(value)
		if err == nil { // it came out of JSON or YAML
			text = string(encoded)
		}
	}
	if text == "" {
		return `""`
	}
	return text
}
