package sallyport

import (
	"context"
	"errors"

	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// MaxIDToken is the longest ID token or logout token that is looked at, in bytes.
const MaxIDToken = 16 << 10

// ExchangeRequest is what a single-page app got from an identity provider.
type ExchangeRequest struct {
	IDToken     string
	AccessToken string  // "" for none; checked against the ID token, then forgotten
	Nonce       *string // the nonce the app sent; nil when it names none
	Audience    string  // of our access token, one of Config.Audience; "" for all of them
	Client      Client
	Replaces    RefreshToken // of the session that the same browser holds; zero for none
}

// Exchange verifies an ID token, finds or makes the user who owns its identity and starts a session.
// Replay mark, user, identity and session are written in one step. It returns ErrIDTokenInvalid,
// ErrIDTokenExpired, ErrIDTokenReplayed, ErrProviderNotConfigured, ErrProviderUnavailable,
// ErrEmailNotVerified, ErrAccountLinkRequired, ErrForbidden, ErrInvalidCredentials for an inactive
// user, ErrClaimsFailed; a RateLimitError when too many forged tokens came from this address; ErrInvalidAudience,
// before anything is looked at.
func (s *Service) Exchange(ctx context.Context, r ExchangeRequest) (*Tokens, error) {
	if err := s.checkAudience(r.Audience); err != nil {
		return nil, err
	}
	x := admission{Service: s, client: r.Client, audience: r.Audience}
	tokens, err := x.exchange(ctx, r)
	if errors.Is(err, ErrIDTokenInvalid) || errors.Is(err, ErrIDTokenReplayed) {
		s.countAddress(ctx, r.Client)
	}
	x.report(ctx, "exchange", OperationExchange, tokens, err)
	return tokens, err
}

func (x *admission) exchange(ctx context.Context, r ExchangeRequest) (*Tokens, error) {
	if err := x.checkAddress(ctx, r.Client); err != nil {
		return nil, err
	}
	token, err := x.parse(r)
	if err != nil {
		return nil, err
	}
	assertion, err := x.provider.VerifyIDToken(ctx, token)
	if err != nil {
		return nil, err
	}
	tokens, err := x.admit(ctx, assertion, r.Replaces.session)
	switch {
	case errors.Is(err, ErrReplayed):
		err = ErrIDTokenReplayed
	case errors.Is(err, ErrProviderSessionEnded):
		err = because(ErrIDTokenInvalid, "the session at the provider has ended")
	}
	return tokens, err
}

// parse reads the token and picks the provider by its issuer, which is not proved yet: an exact
// match in a table, never a guess and never an address to fetch.
func (x *admission) parse(r ExchangeRequest) (IDToken, error) {
	if r.IDToken == r.AccessToken {
		return IDToken{}, because(ErrIDTokenInvalid, "the access token was posted as the ID token")
	}
	unverified, err := jws.Parse(r.IDToken, MaxIDToken)
	if err != nil {
		return IDToken{}, because(ErrIDTokenInvalid, err.Error())
	}
	claims, err := strictjson.ParseObject(unverified.Payload())
	if err != nil {
		return IDToken{}, because(ErrIDTokenInvalid, err.Error())
	}
	issuer, ok := claims["iss"].(string)
	switch {
	case !ok:
		return IDToken{}, because(ErrIDTokenInvalid, `"iss" is missing or not a string`)
	case issuer == x.cfg.Issuer:
		return IDToken{}, because(ErrIDTokenInvalid, "it is a token of our own")
	}
	if x.provider = x.byIssuer[issuer]; x.provider == nil {
		return IDToken{}, ErrProviderNotConfigured
	}
	return IDToken{Token: unverified, Claims: claims, AccessToken: r.AccessToken, Nonce: r.Nonce}, nil
}
