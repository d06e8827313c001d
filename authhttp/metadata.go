package authhttp

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// document is a public answer that is the same for everybody, served from memory.
type document struct {
	contentType string
	content     []byte
	etag        string
}

func newDocument(contentType string, content []byte) document {
	sum := sha256.Sum256(content)
	return document{contentType, content, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// current serves the document that make returns at the moment: keys come and go.
func current(make func() document) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error { return make().serve(w, r) }
}

// keySet is the JWKS document (RFC 7517 §5, §8.5.2).
func (h *Handler) keySet() document {
	return newDocument("application/jwk-set+json", h.svc.KeySet())
}

// documentCaching lets verifiers keep the key set for five minutes, and for a day while we are down.
const documentCaching = "public, max-age=300, stale-if-error=86400"

func (d document) serve(w http.ResponseWriter, r *http.Request) error {
	header := w.Header()
	header.Set("Cache-Control", documentCaching)
	header.Set("ETag", d.etag)
	if matches(r.Header.Get("If-None-Match"), d.etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	header.Set("Content-Type", d.contentType)
	header.Set("Content-Length", strconv.Itoa(len(d.content)))
	w.Write(d.content) // net/http drops it for HEAD; an error means that the client has gone
	return nil
}

// matches is the weak comparison of RFC 9110 §13.1.2.
func matches(header, etag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		if c := strings.TrimPrefix(strings.TrimSpace(candidate), "W/"); c == etag || c == "*" {
			return true
		}
	}
	return false
}

// metadata is the discovery document (RFC 8414 §2, OpenID Connect Discovery 1.0 §3). We are no OpenID
// provider and say nothing that we do not do: it is there so that verifiers and gateways find the keys.
func (h *Handler) metadata() document {
	issuer := h.svc.Issuer()
	content, err := json.Marshal(map[string]any{
		"issuer":                                issuer,
		"jwks_uri":                              issuer + "/.well-known/jwks.json",
		"id_token_signing_alg_values_supported": h.svc.SigningAlgorithms(),
		"subject_types_supported":               []string{"public"},
		"response_types_supported":              []string{},
	})
	if err != nil {
		panic("authhttp: " + err.Error()) // strings alone cannot fail
	}
	return newDocument("application/json", content)
}

// Metadata serves RFC 8414 §3.1's form of the discovery document, which stands at the root of the host:
// mount it at MetadataPath in a program that owns the root.
func (h *Handler) Metadata() http.Handler {
	rt := h.routes[".well-known/openid-configuration"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.securityHeaders(w.Header(), rt.public)
		if err := h.dispatch(w, r, rt); err != nil {
			h.refuse(w, r, err)
		}
	})
}

// MetadataPath is where RFC 8414 §3.1 looks for the discovery document of this issuer.
func (h *Handler) MetadataPath() string { return "/.well-known/oauth-authorization-server" + h.mount }
