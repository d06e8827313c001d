package idp

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// maxMaxAge is the most that MaxTokenAge may be. A token is remembered at least so long, whatever its
// own end is, so that a longer MaxTokenAge after a restart finds no token that was forgotten.
const maxMaxAge = 24 * time.Hour

// maxSubject is how many ASCII characters a subject may have (OpenID Connect Core 1.0 §2).
const maxSubject = 255

// relyingParty is a party whose provider speaks OpenID Connect: it verifies ID tokens.
type relyingParty struct {
	party
	issuers    []issuer // the canonical one first
	audiences  []string // the client's id and the further ones
	algorithms []jws.Algorithm
	nonce      bool // an exchange must name one
	maxAge     time.Duration
	leeway     time.Duration // how far clocks may differ, both ways
	ways       ways
}

// ways are what a provider does in its own way. The zero value keeps to the standards.
type ways struct {
	// claims demands marks of this provider's ID tokens; the error is made by refused.
	claims func(claims map[string]any) error
	// accessClaims demands marks of its access tokens.
	accessClaims func(claims map[string]any) error
	// email says what the provider says of an address.
	email func(claims map[string]any, from claimSource) emailWord
	// posted adds what the provider posted beside a code, unsigned.
	posted func(a *sallyport.Assertion, user string)
}

// issuer is one spelling of an issuer of the provider and the keys that belong to it.
type issuer struct {
	name      string
	canonical string // the spelling under which its identities are stored
	source    source
	keys      *verify.KeySet
}

// newRelyingParty completes a party. The issuers may share a source.
func newRelyingParty(p party, c *common, opts sallyport.ProviderOptions, w ways) *relyingParty {
	if w.email == nil {
		w.email = plainEmail
	}
	return &relyingParty{
		party: p, audiences: append([]string{c.ClientID}, c.Audiences...), algorithms: []jws.Algorithm{jws.RS256},
		nonce: c.RequireNonce, maxAge: cmp.Or(c.MaxTokenAge, standardMaxAge), leeway: opts.Leeway, ways: w,
	}
}

// addIssuer adds spellings of an issuer, whose keys are where its source says.
func (rp *relyingParty) addIssuer(s source, opts sallyport.ProviderOptions, canonical string, spellings ...string) {
	keys := verify.NewKeySet(verify.KeySetConfig{Locate: s.jwks, Client: rp.http, Now: opts.Now, Logger: opts.Logger})
	for _, name := range spellings {
		rp.issuers = append(rp.issuers, issuer{name, canonical, s, keys})
		rp.responseIssuers = append(rp.responseIssuers, name)
	}
	if rp.source == nil {
		rp.source = s
	}
}

// Issuers implements sallyport.IdentityProvider.
func (rp *relyingParty) Issuers() []string {
	names := make([]string, len(rp.issuers))
	for i, issuer := range rp.issuers {
		names[i] = issuer.name
	}
	return names
}

// Close implements sallyport.IdentityProvider.
func (rp *relyingParty) Close() error {
	var errs []error
	for _, i := range rp.issuers {
		errs = append(errs, i.keys.Close()) // again, for a second spelling, which does nothing
		i.source.close()
	}
	return errors.Join(errs...)
}

// refused is a fault of the token; the text is for the log and quotes nothing of it.
func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", sallyport.ErrIDTokenInvalid, fmt.Sprintf(format, args...))
}

// VerifyIDToken goes through the rules in the order in which they get expensive, and believes no
// claim before the signature. That the token is past its end is said only of one that has
// nothing else wrong with it.
func (rp *relyingParty) VerifyIDToken(ctx context.Context, t sallyport.IDToken) (*sallyport.Assertion, error) {
	v, err := rp.verify(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := rp.checkPosted(ctx, v.from, t.AccessToken, v.subject); err != nil {
		return nil, err
	}
	if v.expired {
		return nil, sallyport.ErrIDTokenExpired
	}
	info, err := rp.userinfo(ctx, v, t.AccessToken)
	if err != nil {
		return nil, refused("%v", err)
	}
	return rp.assertion(v, info), nil
}

// verified is an ID token that has passed, but for what goes by the way on which it came.
type verified struct {
	from        issuer
	claims      map[string]any
	subject     string
	hash        [sha256.Size]byte
	issued      time.Time
	usableUntil time.Time
	expired     bool
}

func (rp *relyingParty) verify(ctx context.Context, t sallyport.IDToken) (*verified, error) {
	from, err := rp.verifySignature(ctx, t.Token, t.Claims)
	if err != nil {
		return nil, err
	}
	issued, usableUntil, expired, err := rp.checkTimes(t.Claims)
	if err != nil {
		return nil, err
	}
	subject, err := subjectOf(t.Claims)
	if err != nil {
		return nil, err
	}
	for _, check := range []func() error{
		func() error { return rp.checkAudience(t.Claims, true) },
		func() error { return rp.checkKind(t.Claims) },
		func() error { return rp.checkNonce(t.Claims, t.Nonce) },
		func() error { return checkHash(t) },
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return &verified{from, t.Claims, subject, sha256.Sum256([]byte(t.Token.SigningInput())), issued, usableUntil, expired}, nil
}

// verifySignature is verifyFrom for a token that must be an ID token.
func (rp *relyingParty) verifySignature(ctx context.Context, token *jws.Unverified, claims map[string]any) (issuer, error) {
	// RFC 8725 §3.11: an access token, a logout token and a DPoP proof name their own type.
	if typ := token.Header.Type; typ != "" && !strings.EqualFold(typ, "JWT") {
		return issuer{}, refused("header typ is not JWT")
	}
	return rp.verifyFrom(ctx, token, claims)
}

// verifyFrom finds the key by issuer and key ID and checks the header against both.
func (rp *relyingParty) verifyFrom(ctx context.Context, token *jws.Unverified, claims map[string]any) (issuer, error) {
	i := slices.IndexFunc(rp.issuers, func(i issuer) bool { return i.name == claims["iss"] })
	if i < 0 {
		return issuer{}, refused("iss is not this provider's")
	}
	from := rp.issuers[i]
	if !slices.Contains(rp.algorithms, token.Header.Algorithm) {
		return issuer{}, refused("algorithm %s is not accepted from this provider", token.Header.Algorithm)
	}
	return from, rp.verifyWith(ctx, from, token)
}

func (rp *relyingParty) verifyWith(ctx context.Context, from issuer, token *jws.Unverified) error {
	key, err := from.keys.Key(ctx, token.Header)
	switch {
	case errors.Is(err, verify.ErrKeysUnavailable):
		return fmt.Errorf("%w: %w", sallyport.ErrProviderUnavailable, err)
	case errors.Is(err, jws.ErrUnknownKey):
		return refused("%v", err)
	case err != nil:
		return err
	}
	if m := from.source.held(); m != nil && !m.signsWith(token.Header.Algorithm) {
		return refused("algorithm %s is not among those that the provider announces", token.Header.Algorithm)
	}
	if err := token.Verify(key); err != nil {
		return refused("%v", err)
	}
	return nil
}

// checkAudience: OpenID Connect Core 1.0 §3.1.3.7 (3). An audience that we do not know refuses the
// token, for it was made for somebody else as well, who could pass it on. "azp", when it is
// there, must be one of ours too; in an ID token it must be there when there are several audiences.
func (rp *relyingParty) checkAudience(claims map[string]any, isIDToken bool) error {
	audience, ok := strictjson.Strings(claims["aud"])
	if !ok || len(audience) == 0 {
		return refused("aud is missing or malformed")
	}
	for _, name := range audience {
		if !slices.Contains(rp.audiences, name) {
			return refused("aud names a client that is not ours")
		}
	}
	party, present := claims["azp"]
	name, isString := party.(string)
	switch {
	case present && (!isString || !slices.Contains(rp.audiences, name)):
		return refused("azp is not a client of ours")
	case isIDToken && !present && len(audience) > 1:
		return refused("several audiences and no azp")
	}
	return nil
}

// checkTimes: §3.1.3.7 (9, 10). A string, a negative number or one beyond all dates is malformed, not
// expired. The age limit stands in for what an ID token cannot tell: that the user has signed out
// at the provider since.
func (rp *relyingParty) checkTimes(claims map[string]any) (issued, usableUntil time.Time, expired bool, err error) {
	now := rp.now()
	expires, ok := strictjson.Date(claims["exp"])
	if !ok {
		return issued, usableUntil, false, refused("exp is missing or malformed")
	}
	issued, ok = strictjson.Date(claims["iat"])
	if !ok || issued.After(now.Add(rp.leeway)) {
		return issued, usableUntil, false, refused("iat is missing, malformed or in the future")
	}
	if nbf, present := claims["nbf"]; present {
		if from, ok := strictjson.Date(nbf); !ok || from.After(now.Add(rp.leeway)) {
			return issued, usableUntil, false, refused("nbf is malformed or in the future")
		}
	}
	expired = !now.Before(expires.Add(rp.leeway)) || now.Sub(issued) > rp.maxAge
	if usableUntil = issued.Add(maxMaxAge); expires.Before(usableUntil) {
		usableUntil = expires
	}
	return issued, usableUntil, expired, nil
}

func subjectOf(claims map[string]any) (string, error) {
	subject, ok := claims["sub"].(string)
	if !ok || strings.TrimSpace(subject) == "" || len(subject) > maxSubject {
		return "", refused("sub is missing, blank or longer than %d characters", maxSubject)
	}
	for _, c := range []byte(subject) {
		if c < ' ' || c > '~' {
			return "", refused("sub is not printable ASCII")
		}
	}
	return subject, nil
}

// checkKind keeps out tokens of the same provider that are no ID tokens but look like one. Cognito
// says what a token is for in token_use, Keycloak in a claim typ.
func (rp *relyingParty) checkKind(claims map[string]any) error {
	if _, present := claims["events"]; present {
		return refused("it has events: a logout token or another security event")
	}
	if use, present := claims["token_use"]; present && use != "id" {
		return refused("token_use is not id")
	}
	typ, isString := claims["typ"].(string)
	if _, present := claims["typ"]; present && !isString {
		return refused("claim typ is no string")
	}
	if slices.Contains([]string{"bearer", "refresh", "offline", "logout"}, strings.ToLower(typ)) {
		return refused("claim typ is that of another kind of token")
	}
	if rp.ways.claims != nil {
		return rp.ways.claims(claims)
	}
	return nil
}

func (rp *relyingParty) checkNonce(claims map[string]any, sent *string) error {
	if sent == nil {
		if rp.nonce {
			return refused("this provider's tokens need a nonce and the request names none")
		}
		return nil
	}
	nonce, ok := claims["nonce"].(string)
	if !ok || *sent == "" || subtle.ConstantTimeCompare([]byte(nonce), []byte(*sent)) != 1 {
		return refused("nonce is not the one that was sent")
	}
	return nil
}

// checkHash is OpenID Connect Core 1.0 §3.1.3.8: the hash in the ID token, where it has one, ties it to its access token.
func checkHash(t sallyport.IDToken) error {
	hash, present := t.Claims["at_hash"]
	if t.AccessToken != "" && present && hash != accessTokenHash(t.Token.Header.Algorithm, t.AccessToken) {
		return refused("at_hash is not that of the access token")
	}
	return nil
}

// checkPosted looks into an access token that somebody has posted beside the ID token, where that is possible: when it is a
// JWT of the same issuer, its signature speaks for it. Otherwise it is opaque.
func (rp *relyingParty) checkPosted(ctx context.Context, from issuer, text, subject string) error {
	token, err := jws.Parse(text, maxAccessToken)
	if err != nil {
		return nil
	}
	claims, err := strictjson.ParseObject(token.Payload())
	if err != nil || claims["iss"] != from.name {
		return nil
	}
	if err := rp.verifyWith(ctx, from, token); err != nil {
		return err
	}
	expires, ok := strictjson.Date(claims["exp"])
	switch {
	case !ok || !rp.now().Before(expires.Add(rp.leeway)):
		return refused("the access token is past its end")
	case claims["sub"] != subject:
		return refused("the access token is another subject's")
	case rp.ways.accessClaims != nil:
		return rp.ways.accessClaims(claims)
	}
	return nil
}

// maxAccessToken is the longest access token that is looked into, in bytes.
const maxAccessToken = 16 << 10

// accessTokenHash is OpenID Connect Core 1.0 §3.1.3.6: the left half of the hash that goes with the
// algorithm. For Ed25519 that is SHA-512, by convention.
func accessTokenHash(alg jws.Algorithm, token string) string {
	if alg == jws.EdDSA {
		sum := sha512.Sum512([]byte(token))
		return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	}
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// assertion is what the ID token says and, where that is silent, UserInfo.
func (rp *relyingParty) assertion(v *verified, info map[string]any) *sallyport.Assertion {
	text := func(name string) string {
		if s, ok := v.claims[name].(string); ok {
			return s
		}
		s, _ := info[name].(string)
		return s
	}
	word := rp.ways.email(v.claims, fromIDToken)
	if _, said := v.claims["email"]; !said && info != nil {
		word = rp.ways.email(info, fromUserinfo)
	}
	return &sallyport.Assertion{
		Issuer:             v.from.canonical,
		Subject:            v.subject,
		Username:           cmp.Or(text("cognito:username"), text("preferred_username")),
		Email:              word.address,
		EmailProof:         word.proof,
		EmailAuthoritative: word.authority.authoritative(rp.policy),
		FirstName:          text("given_name"),
		LastName:           text("family_name"),
		ProviderSID:        text("sid"),
		IssuedAt:           v.issued,
		TokenHash:          v.hash[:],
		UsableUntil:        v.usableUntil,
	}
}
