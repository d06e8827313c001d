//go:build no_web

package web

import (
	"fmt"
	"net/http"
)

// Write answers with a few lines of text.
func (p Problem) Write(w http.ResponseWriter) error {
	pageHeaders(w.Header(), "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(p.Status)
	_, err := fmt.Fprintf(w, "%s\n\n%s\n%s\n", p.Detail, p.Code, p.Home)
	return err
}
