// Package claimhook asks an HTTP service for custom claims, so that they need not be written in Go.
//
// For each access token it sends one POST, signed as Standard Webhooks are, and reads one answer, which must
// be 200 with Content-Type application/json:
//
//	{"reason": "sign_in", "user": {…}, "session_id": "…", "client_id": "…"}
//	200 {"claims": {"plan": "gold"}}
//
// user has id, username, email, email_verified, first_name, last_name, is_active, groups (a list) and
// attributes (an object). The headers webhook-id, webhook-timestamp (unix seconds) and webhook-signature
// ("v1," and the base64 of HMAC-SHA256 over id.timestamp.body) prove who asks.
//
// The request is never repeated and never redirected: a claim is wanted now, by somebody who is waiting,
// and from the service that was configured. It is not for telling a service what has happened, which is
// what other webhooks do: no answer means no token.
//
// Start with [New]; [Hook.Claims] is a [sallyport.ClaimFunc].
package claimhook
