// Package verify lets a service accept the access tokens of a Sallyport server: it checks them with the server's
// published keys, without asking the server about each one, and hands the claims to the handler.
//
// It is not a client of the server: it does not sign in, refresh or look at the session behind a token, so a token stays
// good until it expires. It reads no identity header; the identity of a request is what [FromContext] returns.
//
// Start with [New] and [Verifier.Require].
package verify
