package verify

import (
	"slices"
	"strings"
)

// Guard is a condition on verified claims. A request that does not meet it is answered 403 insufficient_scope (RFC 6750
// §3.1). The zero Guard lets nobody through.
type Guard struct {
	scope string // named in the challenge, so that the client knows what to ask for
	allow func(*Claims) bool
}

// Scope demands a value of the claim "scope"; several, separated by spaces, are all demanded. Without any, nobody passes.
func Scope(scope string) Guard {
	wanted := strings.Fields(scope)
	if len(wanted) == 0 || slices.ContainsFunc([]byte(scope), notScopeByte) {
		return Guard{}
	}
	return Guard{scope: strings.Join(wanted, " "), allow: func(c *Claims) bool {
		held := c.Scope()
		return !slices.ContainsFunc(wanted, func(s string) bool { return !slices.Contains(held, s) })
	}}
}

// notScopeByte reports what RFC 6749 §3.3 does not allow in a list of scopes: it could not stand in the challenge either.
func notScopeByte(b byte) bool { return b < ' ' || b > '~' || b == '"' || b == '\\' }

// Group demands that the claim "groups", an array of strings, has this member.
func Group(name string) Guard {
	return Guard{allow: func(c *Claims) bool { return name != "" && slices.Contains(c.Groups(), name) }}
}

// Allow demands what the function says, for any other claim.
func Allow(condition func(*Claims) bool) Guard { return Guard{allow: condition} }

func (g Guard) passes(c *Claims) bool { return g.allow != nil && g.allow(c) }
