package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// transport are headers of the connection or the framing, about which the document has nothing to say.
var transport = []string{"Connection", "Content-Length", "Content-Type", "Date", "Transfer-Encoding"}

// Check says what in an exchange the document does not say. Where the handler is mounted is "/auth", or "" for
// the root. An answer must have a documented status, all required headers and no unnamed one, and
// the body that its schema describes; what a 2xx answered must have been a request as described. A
// path or a method that the document does not have must have been refused as such. The responses to HEAD
// have no body.
func (c *Checker) Check(request *http.Request, requestBody []byte, response *http.Response, responseBody []byte, mount string) error {
	if strings.HasPrefix(request.URL.Path, mount+"/"+c.pages) {
		return nil
	}
	name, operation, answer, err := c.find(request, response, mount)
	if err == nil {
		err = c.checkAnswer(request.Method, answer, response, responseBody)
	}
	if err == nil && operation != nil && response.StatusCode/100 == 2 {
		err = checkRequest(operation, request.Header, requestBody)
	}
	if err != nil {
		return fmt.Errorf("%s %s = %d %.300s: %s: %w", request.Method, request.URL.Path, response.StatusCode, responseBody, Name, err)
	}
	c.remember(name, response.StatusCode, responseBody)
	return nil
}

// find gives the response of the document that must describe the answer, and the operation, which is nil
// when the request was for none.
func (c *Checker) find(request *http.Request, response *http.Response, mount string) (string, *openapi3.Operation, *openapi3.Response, error) {
	below, inside := strings.CutPrefix(request.URL.Path, mount+"/")
	var p *path
	if inside {
		p = c.match(below)
	}
	if p != nil && request.URL.RawPath != "" && !p.any {
		p = nil
	}
	if p == nil {
		answer, err := c.refusal(unknownPath, http.StatusNotFound, response)
		return unknownPath, nil, answer, err
	}
	method := request.Method
	if p.any {
		method = http.MethodGet
	}
	operation := p.item.GetOperation(method)
	if operation == nil {
		answer, err := c.refusal(unknownMethod, http.StatusMethodNotAllowed, response)
		return unknownMethod, nil, answer, errors.Join(err, checkAllow(p, response.Header))
	}
	name := request.Method + " " + p.template
	answer := operation.Responses.Status(response.StatusCode)
	if answer == nil {
		return name, nil, nil, fmt.Errorf("%s does not have this status", name)
	}
	if request.Method == http.MethodOptions && !p.any {
		return name, operation, answer.Value, checkAllow(p, response.Header)
	}
	return name, operation, answer.Value, nil
}

func (c *Checker) refusal(name string, status int, response *http.Response) (*openapi3.Response, error) {
	if response.StatusCode != status {
		return nil, fmt.Errorf("want status %d: the document does not have this path and method", status)
	}
	return c.doc.Components.Responses[name].Value, nil
}

// checkAllow: the header Allow names the methods of the path and no other (RFC 9110 §10.2.1).
func checkAllow(p *path, header http.Header) error {
	if got, want := header.Get("Allow"), strings.Join(p.methods(), ", "); got != want {
		return fmt.Errorf("Allow is %q, want %q", got, want)
	}
	return nil
}

// bodyIsOptional marks a response that may have its content or none, which OpenAPI has no word for.
const bodyIsOptional = "x-body-is-optional"

func (c *Checker) checkAnswer(method string, answer *openapi3.Response, response *http.Response, body []byte) error {
	headers := maps.Clone(c.common)
	for name, header := range answer.Headers {
		headers[http.CanonicalHeaderKey(name)] = header.Value
	}
	if err := checkHeaders(headers, response.Header); err != nil {
		return err
	}
	mediaType := response.Header.Get("Content-Type")
	switch {
	case method == http.MethodHead && len(body) > 0:
		return errors.New("HEAD has a body")
	case len(answer.Content) == 0 && (len(body) > 0 || mediaType != ""):
		return fmt.Errorf("there is a body (Content-Type %q), want none", mediaType)
	case len(answer.Content) == 0:
		return nil
	case len(body) == 0 && mediaType == "" && answer.Extensions[bodyIsOptional] == true:
		return nil
	}
	media := answer.Content[mediaType]
	if media == nil {
		return fmt.Errorf("Content-Type is %q, want one of %q", mediaType, slices.Sorted(maps.Keys(answer.Content)))
	}
	if method == http.MethodHead {
		return nil
	}
	return checkBody(media, mediaType, body, openapi3.VisitAsResponse())
}

// checkHeaders takes the described headers by their canonical names.
func checkHeaders(described map[string]*openapi3.Header, given http.Header) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(described)) {
		values := given.Values(name)
		if described[name].Required && len(values) == 0 {
			faults = append(faults, fmt.Errorf("header %s is missing", name))
		}
		if len(values) > 1 && name != "Set-Cookie" {
			faults = append(faults, fmt.Errorf("header %s is there %d times", name, len(values)))
		}
		for _, value := range values {
			if err := checkText(described[name].Schema, value); err != nil {
				faults = append(faults, fmt.Errorf("header %s: %w", name, err))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if described[name] == nil && !slices.Contains(transport, name) {
			faults = append(faults, fmt.Errorf("header %s: %q is not described", name, given.Values(name)))
		}
	}
	return errors.Join(faults...)
}

// checkText holds the text of a header against a schema, whose type says what the text stands for.
func checkText(schema *openapi3.SchemaRef, text string) error {
	if schema.Value.Type.Is(openapi3.TypeInteger) {
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is no integer", text)
		}
		return schema.Value.VisitJSON(float64(n))
	}
	return schema.Value.VisitJSON(text)
}

func checkBody(media *openapi3.MediaType, mediaType string, body []byte, as openapi3.SchemaValidationOption) error {
	if mediaType == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		fields := map[string]any{}
		for name := range form {
			fields[name] = form.Get(name)
		}
		return errors.Join(err, media.Schema.Value.VisitJSON(fields, as))
	}
	if mediaType != "application/json" && !strings.HasSuffix(mediaType, "+json") {
		return media.Schema.Value.VisitJSON(string(body), as)
	}
	value, err := decode(body)
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if err := media.Schema.Value.VisitJSON(value, as); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

// checkRequest holds a request that was granted against its description: what the server takes and the
// document does not know is an omission in one of them.
func checkRequest(operation *openapi3.Operation, header http.Header, body []byte) error {
	for _, ref := range operation.Parameters {
		p := ref.Value
		if p.In != openapi3.ParameterInHeader {
			continue
		}
		values := header.Values(p.Name)
		if p.Required && len(values) == 0 {
			return fmt.Errorf("the request lacks the header %s", p.Name)
		}
		for _, value := range values {
			if err := checkText(p.Schema, value); err != nil {
				return fmt.Errorf("header %s of the request: %w", p.Name, err)
			}
		}
	}
	if operation.RequestBody == nil {
		return nil
	}
	described := operation.RequestBody.Value
	if len(body) == 0 {
		if described.Required {
			return errors.New("the request lacks a body")
		}
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("Content-Type of the request: %w", err)
	}
	media := described.Content[mediaType]
	if media == nil {
		return fmt.Errorf("Content-Type of the request is %q, want one of %q", mediaType, slices.Sorted(maps.Keys(described.Content)))
	}
	if err := checkBody(media, mediaType, body, openapi3.VisitAsRequest()); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	return nil
}

// decode reads JSON as a schema visits it.
func decode(content []byte) (any, error) {
	var value any
	err := json.Unmarshal(content, &value)
	return value, err
}
