package authhttp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// Limits of request bodies, in bytes.
const (
	maxSignInBody = 8 << 10
	maxBody       = 64 << 10
)

// body is the JSON object of a request and what is wrong with its members.
type body struct {
	members map[string]any
	faults  map[string][]string
}

// readBody reads a JSON object strictly: UTF-8, exact names, no name twice, nothing behind it. A
// request without a body has an empty object. known are the members that the route reads; one
// that differs from them only by case or Unicode folding is refused, because another parser on
// the way may take it for the real one. Unknown members are ignored.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, known ...string) (*body, error) {
	raw, err := readRaw(w, r, limit)
	if err != nil {
		return nil, err
	}
	b := &body{members: map[string]any{}, faults: map[string][]string{}}
	if raw != nil {
		if b.members, err = strictjson.ParseObject(raw); err != nil {
			return nil, invalid("The body is not a valid JSON object: " + whatIsWrong(err) + ".")
		}
	}
	for name := range b.members {
		for _, k := range known {
			if name != k && strings.EqualFold(name, k) {
				return nil, invalid("A member of the body differs from \"" + k + "\" only by case.")
			}
		}
	}
	return b, nil
}

func whatIsWrong(err error) string {
	if fault, ok := errors.AsType[*strictjson.Error](err); ok {
		return fmt.Sprintf("%s at byte %d", fault.Reason, fault.Offset)
	}
	return err.Error()
}

// readRaw returns nil when there is no body.
func readRaw(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	reader := bufio.NewReader(http.MaxBytesReader(w, r.Body, limit))
	if _, err := reader.Peek(1); err == io.EOF {
		return nil, nil
	}
	if !isJSON(r.Header) {
		return nil, errMediaType
	}
	raw, err := io.ReadAll(reader)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, errBodyTooLarge
	}
	if err != nil {
		return nil, invalid("The body ended early.")
	}
	return raw, nil
}

// isJSON demands the media type by name: forms and text/plain can be sent by a foreign page without
// asking, application/json cannot.
func isJSON(header http.Header) bool {
	types := header.Values("Content-Type")
	if len(types) != 1 || len(header.Values("Content-Encoding")) > 0 {
		return false
	}
	mediaType, params, err := mime.ParseMediaType(types[0])
	charset, named := params["charset"]
	return err == nil && mediaType == "application/json" && (!named || strings.EqualFold(charset, "utf-8"))
}

// required reads a member that must be a non-empty string. The sentences are those of
// django-rest-microservice.
func (b *body) required(name string) string {
	value, present := b.members[name]
	text, isString := value.(string)
	switch {
	case !present:
		b.fault(name, "This field is required.")
	case value == nil:
		b.fault(name, "This field may not be null.")
	case !isString:
		b.fault(name, "Not a valid string.")
	case text == "":
		b.fault(name, "This field may not be blank.")
	}
	return text
}

// optional reads a member that may be absent or null; ok tells whether it is a string.
func (b *body) optional(name string) (text string, ok bool) {
	value := b.members[name]
	text, ok = value.(string)
	if value != nil && !ok {
		b.fault(name, "Not a valid string.")
	}
	return text, ok
}

// audienceMember names the one audience that an access token is wanted for.
const audienceMember = "audience"

// audience reads the member of that name; "" when it is absent or null, and a token is wanted for all audiences.
func (b *body) audience() string {
	if text, ok := b.optional(audienceMember); ok && text == "" {
		b.fault(audienceMember, "This field may not be blank.")
	}
	text, _ := b.members[audienceMember].(string)
	return text
}

// flag reads a member that may be absent or null, which is false.
func (b *body) flag(name string) bool {
	value := b.members[name]
	on, ok := value.(bool)
	if value != nil && !ok {
		b.fault(name, "Must be a valid boolean.")
	}
	return on
}

func (b *body) fault(name, sentence string) { b.faults[name] = append(b.faults[name], sentence) }

// err says what is wrong with the members that were read; nil when nothing is.
func (b *body) err() error {
	if len(b.faults) == 0 {
		return nil
	}
	p := invalid("The request is not valid.")
	p.fields = b.faults
	return p
}

var errFormType = &problem{status: 415, code: "unsupported_media_type", detail: "Send the body as application/x-www-form-urlencoded, without a content encoding."}

// readForm reads the body of a form, undecoded.
func readForm(w http.ResponseWriter, r *http.Request) (string, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" || len(r.Header.Values("Content-Encoding")) > 0 {
		return "", errFormType
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return "", errBodyTooLarge
	}
	if err != nil {
		return "", invalid("The body ended early.")
	}
	return string(raw), nil
}
