// Package strictjson reads one JSON value (RFC 8259) and refuses everything about which two readers could differ.
//
// It exists for bytes that an attacker chose: token headers, claims, key sets, request bodies. encoding/json lets the
// last of two equal names win, folds the case of names, turns invalid UTF-8 into U+FFFD and, through a Decoder, leaves
// what follows the value unread. Each of these lets a proxy, a log and this program see different documents.
//
// It is not a codec: it decodes into maps, slices and scalars only, never into a user's type, and does not write JSON.
// The caller bounds the size of the input.
//
// Start with [ParseObject] and [Date].
package strictjson
