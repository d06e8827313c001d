package settings

import (
	"encoding/json"
	"maps"
	"slices"
)

// shape is what a value looks like in its source.
type shape int

const (
	empty   shape = iota // null, or nothing at all
	word                 // from the environment or a flag: what it means is up to the setting
	text                 // a string
	number               // as it was written
	boolean              // "true" or "false"
	list
	mapping
	refused // not read further, for a reason that was reported already
)

// node is a value of any source, with its place. Only the readers of the sources know YAML and JSON.
type node struct {
	at      Place
	shape   shape
	text    string   // of the scalars
	items   []node   // of a list
	members []member // of a mapping, in the order of the source
}

// member is one key of a mapping.
type member struct {
	name  string
	at    Place // of the name
	value node
}

// jsonNode is the node of a decoded JSON value. All of it has one place.
func jsonNode(value any, at Place) node {
	n := node{at: at}
	switch v := value.(type) {
	case string:
		n.shape, n.text = text, v
	case json.Number:
		n.shape, n.text = number, v.String()
	case bool:
		n.shape, n.text = boolean, "false"
		if v {
			n.text = "true"
		}
	case []any:
		n.shape = list
		for _, item := range v {
			n.items = append(n.items, jsonNode(item, at))
		}
	case map[string]any:
		n.shape = mapping
		for _, name := range slices.Sorted(maps.Keys(v)) {
			n.members = append(n.members, member{name, at, jsonNode(v[name], at)})
		}
	}
	return n
}
