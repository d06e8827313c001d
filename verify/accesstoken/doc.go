// Package accesstoken says what an access token of Sallyport is: the profile of RFC 9068 with the claims that every one
// of them carries. The server that issues the tokens and the service that receives them use these same rules.
//
// It finds no keys, keeps no state but what a [Cache] remembers, and knows nothing of sessions: whether the session behind
// a token still lives is asked elsewhere. It is not for the ID tokens of identity providers, whose rules exclude these
// (RFC 8725 §3.12).
//
// Start with [Rules] and [Claims].
package accesstoken
