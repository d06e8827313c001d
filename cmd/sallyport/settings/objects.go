package settings

import (
	"encoding/json"
	"strings"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// Settings whose value is an object with names that somebody else gives. In the environment they are JSON.

// object makes a mapping of what was written, and faults what is none or has a name twice.
func (d *decoder) object(n node, example string) (node, bool) {
	if n.shape == word {
		decoded, err := strictjson.ParseObject([]byte(n.text))
		if err != nil { // it never quotes its input
			return n, d.fault(n, "want a JSON object such as "+example+": "+strings.TrimPrefix(err.Error(), "strictjson: "))
		}
		n = jsonNode(decoded, n.at)
	}
	if n.shape != mapping {
		return n, d.fault(n, "want settings below it, such as "+example)
	}
	good := true
	seen := map[string]bool{}
	for _, m := range n.members {
		if seen[m.name] {
			good = d.fault(node{at: m.at, shape: mapping}, "the key "+showKey(m.name)+" is there twice")
		}
		seen[m.name] = true
	}
	return n, good
}

// choices takes an object each of whose members is one of the words of the rule.
func (d *decoder) choices(n node, into *map[string]string) bool {
	n, good := d.object(n, `{"orders": "RS256"}`)
	if !good {
		return false
	}
	var values map[string]string // nil when there are none, as by default
	for _, m := range n.members {
		var value string
		if m.value.shape == empty || m.value.shape == text && m.value.text == "" {
			good = d.fault(node{at: m.at, shape: mapping}, "there is no value; give one or remove the key")
		} else if good = d.text(m.value, &value) && good; good {
			if values == nil {
				values = map[string]string{}
			}
			values[m.name] = value
		}
	}
	if good {
		*into = values
	}
	return good
}

// claims takes an object whose members are claims of a template.
func (d *decoder) claims(n node, into *map[string]any) bool {
	n, good := d.object(n, `{"role": "${group}"}`)
	if !good {
		return false
	}
	var values map[string]any
	for _, m := range n.members {
		value, problem := plain(m.value)
		if problem == "" {
			problem = checkClaim(m.name)
		}
		if err := sallyport.CheckClaimTemplate(m.name, value); problem == "" && err != nil {
			problem = err.Error()
			if wordLike.MatchString(m.name) {
				problem = `"` + m.name + `": ` + problem
			}
		}
		if problem != "" {
			good = d.fault(node{at: m.at, shape: mapping}, problem)
			continue
		}
		if values == nil {
			values = map[string]any{}
		}
		values[m.name] = value
	}
	if good {
		*into = values
	}
	return good
}

// plain is a node as encoding/json would give it, or what is wrong with it.
func plain(n node) (value any, problem string) {
	switch n.shape {
	case text:
		return n.text, ""
	case number:
		return json.Number(n.text), ""
	case boolean:
		return n.text == "true", ""
	case list:
		items := make([]any, len(n.items))
		for i, item := range n.items {
			if items[i], problem = plain(item); problem != "" {
				return nil, problem
			}
		}
		return items, ""
	case mapping:
		members := make(map[string]any, len(n.members))
		for _, m := range n.members {
			if _, twice := members[m.name]; twice {
				return nil, "the key " + showKey(m.name) + " is there twice"
			}
			if members[m.name], problem = plain(m.value); problem != "" {
				return nil, problem
			}
		}
		return members, ""
	}
	return nil, "" // null, or what the reader has refused with a fault of its own
}
