package openapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// Name is the file's name at the root of the repository, and the document's path below the mount.
const Name = "openapi.yaml"

// Two answers that belong to no operation: what is said of a path and of a method that the document
// does not have. The document holds them as responses of its components.
const (
	unknownPath   = "NotFound"
	unknownMethod = "MethodNotAllowed"
)

// commonHeaders is the extension at the root of the document with the names of headers that every
// answer may carry: OpenAPI has no word for them. What they hold stands in components.headers.
const commonHeaders = "x-common-headers"

// forPeople is the extension at the root of the document with the beginning of the paths below the mount that are pages,
// which it does not describe.
const forPeople = "x-for-people"

// Checker holds exchanges against the document, and remembers what it saw. It may be used by many
// goroutines at once.
type Checker struct {
	doc    *openapi3.T
	pages  string
	paths  []path
	common map[string]*openapi3.Header // by canonical name

	mu   sync.Mutex
	seen map[Outcome]bool
}

// Load reads the document at the root of the repository, which is the first folder upwards from the
// working directory that has it. A document that is not valid OpenAPI, or with an example that does not fit
// its schema, is an error.
func Load() (*Checker, error) {
	file, err := find()
	if err != nil {
		return nil, err
	}
	return load(file)
}

func find() (string, error) {
	dir, err := filepath.Abs(".")
	if err != nil {
		return "", fmt.Errorf("openapi: %w", err)
	}
	for {
		file := filepath.Join(dir, Name)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("openapi: no folder upwards from here has " + Name)
		}
		dir = up
	}
}

func load(file string) (*Checker, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	return parse(content)
}

func parse(content []byte) (*Checker, error) {
	doc, err := openapi3.NewLoader().LoadFromData(content)
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	if err := doc.Validate(context.Background(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaPatternValidation()); err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	if doc.Components == nil {
		return nil, errors.New("openapi: the document lacks components")
	}
	c := &Checker{doc: doc, common: map[string]*openapi3.Header{}, seen: map[Outcome]bool{}}
	for template, item := range doc.Paths.Map() {
		c.paths = append(c.paths, path{template, segments(strings.TrimPrefix(template, "/")), item, item.Extensions[anyRequest] == true})
	}
	c.pages, _ = doc.Extensions[forPeople].(string)
	if c.pages == "" {
		return nil, errors.New("openapi: the document lacks " + forPeople)
	}
	if err := c.readCommonHeaders(); err != nil {
		return nil, err
	}
	for _, name := range []string{unknownPath, unknownMethod} {
		if response := doc.Components.Responses[name]; response == nil || len(codesOf(response.Value)) != 1 {
			return nil, fmt.Errorf("openapi: components.responses lacks %s with one code", name)
		}
	}
	return c, nil
}

func (c *Checker) readCommonHeaders() error {
	listed, _ := c.doc.Extensions[commonHeaders].([]any)
	for _, value := range listed {
		name, _ := value.(string)
		header := c.doc.Components.Headers[name]
		if header == nil {
			return fmt.Errorf("openapi: %s names %v, which components.headers lacks", commonHeaders, value)
		}
		c.common[http.CanonicalHeaderKey(name)] = header.Value
	}
	return nil
}
