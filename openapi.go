package sallyport

import (
	"bytes"
	_ "embed"
	"encoding/json"
)

// openAPI describes what package authhttp serves. It stands here because it is the whole project's
// contract, beside which the tests hold every answer.
//
//go:embed openapi.yaml
var openAPI []byte

// exampleServer is what the document names where the issuer of a running server stands.
const exampleServer = "url: https://app.example.com/auth\n"

// OpenAPI is the OpenAPI 3.0 document, in YAML, of the HTTP routes of this issuer.
func (s *Service) OpenAPI() []byte {
	issuer, err := json.Marshal(s.cfg.Issuer) // a JSON string is a YAML scalar
	if err != nil {
		return openAPI // a string cannot fail
	}
	return bytes.Replace(openAPI, []byte(exampleServer), []byte("url: "+string(issuer)+"\n"), 1)
}
