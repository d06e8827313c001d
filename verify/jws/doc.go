// Package jws reads compact JSON Web Signatures (RFC 7515) and JSON Web Keys (RFC 7517, RFC 7518, RFC 8037) strictly.
//
// A token has one spelling: what decodes re-encodes to the same bytes. The algorithm is a property of the key
// (RFC 8725 §3.1) and one of ES256, EdDSA with Ed25519, and RS256. There is no "none", no HMAC and no encryption, so no
// token can be confused into one; "crit", "b64" and "zip" are refused, and "jku", "x5u", "jwk" and "x5c" are never read.
//
// What a token means is not decided here: the payload is bytes, and its issuer, audience and times are the business of
// the caller (package accesstoken, for the tokens of Sallyport).
//
// Start with [Parse] and [ParseKeySet].
package jws
