package accesstoken

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// Claims is what a verified access token says. The caller owns it: what it changes here is not seen at the next use of
// the same token.
type Claims struct {
	Issuer    string    // "iss"
	Subject   string    // "sub": the user, whose identity is issuer and subject together
	Audience  []string  // "aud": every audience of the token, not only the one that was asked for
	ExpiresAt time.Time // "exp", UTC
	IssuedAt  time.Time // "iat", UTC
	ID        string    // "jti": unique per token
	SessionID string    // "sid": the same in every token of one session
	ClientID  string    // "client_id"
	UserID    string    // "user_id"

	session, subject FeedName
	all              map[string]any // shared with the cache, so it is never changed and never handed out
}

// FeedName is how the revocation feed, which is public, calls a session or a user.
type FeedName [16]byte

// NameInFeed is the first 16 bytes of the SHA-256 of a "sid" or a "sub".
func NameInFeed(claim string) FeedName {
	sum := sha256.Sum256([]byte(claim))
	return FeedName(sum[:len(FeedName{})])
}

// FeedNames is how the revocation feed calls the session and the user of the token. They are computed once, when the
// signature is verified.
func (c *Claims) FeedNames() (session, subject FeedName) { return c.session, c.subject }

// Claim is the claim of that exact name, a custom one too: a string, [encoding/json.Number], bool, or a copy of a []any
// or map[string]any; nil when the token does not have it.
func (c *Claims) Claim(name string) any { return deepCopy(c.all[name]) }

// All is a copy of all claims; never nil.
func (c *Claims) All() map[string]any {
	all := make(map[string]any, len(c.all))
	for name, v := range c.all {
		all[name] = deepCopy(v)
	}
	return all
}

// deepCopy copies a value as strictjson returns it: of depth 32 at most.
func deepCopy(v any) any {
	switch v := v.(type) {
	case []any:
		copied := make([]any, len(v))
		for i, element := range v {
			copied[i] = deepCopy(element)
		}
		return copied
	case map[string]any:
		copied := make(map[string]any, len(v))
		for name, member := range v {
			copied[name] = deepCopy(member)
		}
		return copied
	}
	return v
}

// clone shares nothing with c that anybody could change. It is one allocation for most tokens, which name one audience
// or two.
func (c *Claims) clone() *Claims {
	copied := &struct {
		Claims
		audience [2]string
	}{Claims: *c}
	copied.Audience = append(copied.audience[:0], c.Audience...)
	return &copied.Claims
}

// Scope is the claim "scope" split at its spaces (RFC 9068 §2.2.3); empty when the claim is absent or not a string.
func (c *Claims) Scope() []string {
	scope, _ := c.all["scope"].(string)
	return strings.Fields(scope)
}

// Groups is the claim "groups" when it is an array of strings, else empty: a bare string is not a list of one here,
// because what grants access is not guessed.
func (c *Claims) Groups() []string {
	if _, isArray := c.all["groups"].([]any); !isArray {
		return nil
	}
	groups, _ := strictjson.Strings(c.all["groups"])
	return groups
}

// reserved are the claims that the issuer alone writes, "cnf" and "act" among them: the first changes who may present
// the token (RFC 7800), the second who acts with it or may (RFC 8693 §4.1, §4.4).
var reserved = []string{
	"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid", "client_id", "token_type", "user_id", "cnf", "act", "may_act",
}

// Reserved reports whether a custom claim may not have this name. Case and Unicode folding are ignored: a service that
// reads claims with encoding/json would take "SUB" for "sub".
func Reserved(name string) bool {
	return slices.ContainsFunc(reserved, func(r string) bool { return strings.EqualFold(r, name) })
}

// Decode writes the claims into what dst points to, a struct or a map, as encoding/json does: by name, and only those
// that a struct has. What was there before is gone: a claim that the token does not have, or that is null, leaves the
// zero value and nothing of another token, so a field that grants something must mean no when it is zero. A claim of
// another type is an error, and then nothing is written. Names that differ in case alone are one name to encoding/json;
// [Claims.Claim] compares exactly.
func (c *Claims) Decode(dst any) error {
	p := reflect.ValueOf(dst)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return errors.New("accesstoken: claims: decoding into what is not a pointer")
	}
	text, err := json.Marshal(c.all)
	if err != nil {
		return fmt.Errorf("accesstoken: claims: %w", err)
	}
	decoded := reflect.New(p.Type().Elem())
	if err := json.Unmarshal(text, decoded.Interface()); err != nil {
		return fmt.Errorf("accesstoken: claims: %w", err)
	}
	p.Elem().Set(decoded.Elem())
	return nil
}
