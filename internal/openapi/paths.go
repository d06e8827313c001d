package openapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// path is a path of the document.
type path struct {
	template string
	segments []string // without the slash at either end
	item     *openapi3.PathItem
	any      bool // GET stands for every method, and the last segment for any path
}

// anyRequest is the extension of a path that answers every method, and every path below it, as GET: OpenAPI has no word
// for that.
const anyRequest = "x-any-request"

// segments are the parts of a path below the mount. One slash at the end makes no difference, two do.
func segments(below string) []string { return strings.Split(strings.TrimSuffix(below, "/"), "/") }

// match finds the path of the document, or nil.
func (c *Checker) match(below string) *path {
	given := segments(below)
	for i := range c.paths {
		if fixed, _, _ := strings.Cut(c.paths[i].template, "{"); c.paths[i].any && strings.HasPrefix("/"+below, fixed) {
			return &c.paths[i]
		}
		if slices.EqualFunc(c.paths[i].segments, given, fits) {
			return &c.paths[i]
		}
	}
	return nil
}

// fits reports whether a part of a path stands for a part of a template: for itself, or for a parameter
// in braces.
func fits(template, part string) bool {
	return template == part || strings.HasPrefix(template, "{") && part != ""
}

// methods are what Allow names for this path, in its order.
func (p *path) methods() []string {
	var all []string
	for method := range p.item.Operations() {
		if method != http.MethodOptions {
			all = append(all, method)
		}
	}
	slices.Sort(all)
	if p.item.Options != nil {
		all = append(all, http.MethodOptions)
	}
	return all
}

// Operations lists what the document describes as "METHOD /path/", sorted.
func (c *Checker) Operations() []string {
	var all []string
	for _, p := range c.paths {
		for method := range p.item.Operations() {
			all = append(all, method+" "+p.template)
		}
	}
	slices.Sort(all)
	return all
}
