// Package authhttp serves the use cases of package sallyport over HTTP: routes, strict JSON, cookies,
// CSRF, CORS, and the only table from an error to a status and a code.
//
// Start with [New], mount the [Handler] at the path of the issuer, and protect routes of the same
// program with [Handler.Require]. The use cases and the stores know no status code. The wire format
// is docs/contract.md §1.
package authhttp
