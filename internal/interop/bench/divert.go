package main

import "net/http"

// divert sends requests to another instance than the one that the issuer names, as a balancer would.
type divert struct {
	next http.RoundTripper
	to   string
}

// RoundTrip implements http.RoundTripper.
func (d divert) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = d.to
	return d.next.RoundTrip(r)
}
