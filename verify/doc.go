// Package verify lets a service accept the access tokens of a Sallyport server: it checks them with the server's
// published keys, without asking the server about each one, and hands the claims to the handler. Whether it learns that a
// session has ended before its tokens do is a choice: see [Revocation].
//
// It is not a client of the server: it does not sign in or refresh. It reads no identity header; the identity of a request
// is what [FromContext] returns.
//
// Start with [New] and [Verifier.Require]. Package verifytest is for the tests of a service.
package verify
