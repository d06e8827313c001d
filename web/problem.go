package web

import "net/http"

// Problem is what a person sees in place of the page that a sign-in at an identity provider should have led to.
type Problem struct {
	Status int    // of the answer
	Detail string // a sentence for the person
	Code   string // for whoever is asked for help
	Home   string // where to start again: an absolute URL
}

// pageHeaders are those of every page. A page is never stored: it is gone from the screen after a logoff.
func pageHeaders(header http.Header, policy string) {
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", policy)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer") // the address may hold an authorization code for a moment
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
}
