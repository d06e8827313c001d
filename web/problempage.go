//go:build !no_web

package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
)

var (
	//go:embed problem.html
	problemHTML string
	//go:embed problem.css
	problemCSS string

	problemPage = template.Must(template.New("problem").Parse(problemHTML))
	// problemPolicy allows the one style sheet and nothing else.
	problemPolicy = "default-src 'none'; style-src 'sha256-" + styleHash() + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

func styleHash() string {
	sum := sha256.Sum256([]byte(problemCSS))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Write answers with the page. Headers that are set already stay.
func (p Problem) Write(w http.ResponseWriter) error {
	var page bytes.Buffer
	err := problemPage.Execute(&page, struct {
		Problem
		Style template.CSS
	}{p, template.CSS(problemCSS)})
	if err != nil {
		return err
	}
	pageHeaders(w.Header(), problemPolicy)
	w.Header().Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(p.Status)
	_, err = w.Write(page.Bytes())
	return err
}
