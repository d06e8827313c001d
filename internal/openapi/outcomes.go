package openapi

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Outcome is one thing that the document says can happen.
type Outcome struct {
	// Operation is "METHOD /path/", or the name of the response to an unknown path or method.
	Operation string
	// Status is the HTTP status.
	Status int
	// Code is the stable code of a refusal; "" for an answer that has none.
	Code string
}

// String is the outcome as a line of a report.
func (o Outcome) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s = %d %s", o.Operation, o.Status, o.Code))
}

// outcomes are all that the document describes. Answers to HEAD have no body to show a code in.
func (c *Checker) outcomes() []Outcome {
	all := []Outcome{
		{unknownPath, http.StatusNotFound, codesOf(c.doc.Components.Responses[unknownPath].Value)[0]},
		{unknownMethod, http.StatusMethodNotAllowed, codesOf(c.doc.Components.Responses[unknownMethod].Value)[0]},
	}
	for _, p := range c.paths {
		for method, operation := range p.item.Operations() {
			for text, response := range operation.Responses.Map() {
				status, err := strconv.Atoi(text)
				if err != nil {
					continue // "default" and "5XX" say nothing that could be seen
				}
				codes := codesOf(response.Value)
				if method == http.MethodHead || len(codes) == 0 {
					codes = []string{""}
				}
				for _, code := range codes {
					all = append(all, Outcome{method + " " + p.template, status, code})
				}
			}
		}
	}
	return all
}

// Codes lists the codes that the document's refusals may carry, each with its statuses, sorted.
func (c *Checker) Codes() map[string][]int {
	codes := map[string][]int{}
	for _, o := range c.outcomes() {
		if o.Code != "" && !slices.Contains(codes[o.Code], o.Status) {
			codes[o.Code] = append(codes[o.Code], o.Status)
			slices.Sort(codes[o.Code])
		}
	}
	return codes
}

// codesOf finds the values that a schema allows for the member "code".
func codesOf(response *openapi3.Response) []string {
	var codes []string
	for _, media := range response.Content {
		codes = append(codes, codesIn(media.Schema)...)
	}
	return codes
}

func codesIn(schema *openapi3.SchemaRef) []string {
	if schema == nil {
		return nil
	}
	var codes []string
	if member := schema.Value.Properties["code"]; member != nil {
		for _, value := range member.Value.Enum {
			codes = append(codes, fmt.Sprint(value))
		}
	}
	for _, part := range schema.Value.AllOf {
		codes = append(codes, codesIn(part)...)
	}
	return codes
}

func (c *Checker) remember(operation string, status int, body []byte) {
	o := Outcome{Operation: operation, Status: status}
	if value, err := decode(body); err == nil && status >= http.StatusBadRequest {
		members, _ := value.(map[string]any)
		o.Code, _ = members["code"].(string)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[o] = true
}

// Unseen lists what the document describes and no exchange has shown so far, sorted.
func (c *Checker) Unseen() []Outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	unseen := slices.DeleteFunc(c.outcomes(), func(o Outcome) bool { return c.seen[o] })
	slices.SortFunc(unseen, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Status, b.Status), cmp.Compare(a.Code, b.Code))
	})
	return unseen
}
