package sallyport

import (
	"context"
	"log/slog"
	"time"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// Identity ties a user to an account at an identity provider. The key is (Issuer, Subject) and
// nothing else: OpenID Connect Core 1.0 §5.7.
type Identity struct {
	ID        ID
	UserID    ID
	Provider  string // name in the settings, for display
	Issuer    string // the provider's canonical spelling
	Subject   string
	CreatedAt time.Time
}

// Provider is the settings of one identity provider: idp.OIDC, idp.Cognito.
type Provider interface {
	// Open checks the settings and returns the provider, ready to verify tokens. It makes no
	// network call, so a provider that is down does not stop the start. All faults come joined.
	Open(ProviderOptions) (IdentityProvider, error)
}

// ProviderOptions is what New hands to each provider.
type ProviderOptions struct {
	Now    func() time.Time
	Leeway time.Duration // how far clocks may differ, both ways; a token is remembered for so long past its end
	Logger *slog.Logger
}

// IdentityProvider verifies the tokens of one identity provider.
type IdentityProvider interface {
	// Name is unique among the configured providers and part of no security decision.
	Name() string
	// Issuers are the exact "iss" values that belong to this provider, the canonical one first.
	Issuers() []string
	// Policy says what an unknown identity of this provider may become.
	Policy() ProviderPolicy
	// VerifyIDToken checks an ID token whose "iss" is one of Issuers. It returns an error that
	// wraps ErrIDTokenInvalid, ErrIDTokenExpired or ErrProviderUnavailable, and then no assertion.
	VerifyIDToken(ctx context.Context, t IDToken) (*Assertion, error)
	// Close stops background work and waits for it.
	Close() error
}

// IDToken is an ID token as it was posted, parsed but not verified.
type IDToken struct {
	Token       *jws.Unverified
	Claims      map[string]any // the payload, decoded strictly
	AccessToken string         // posted beside it; "" for none
	Nonce       *string        // the nonce the caller says it sent; nil when it names none
}

// ProviderPolicy says what an unknown identity may become.
type ProviderPolicy struct {
	CreateUsers          bool
	RequireVerifiedEmail bool
}

// EmailProof is what a provider says of the address that it names.
type EmailProof int

// What a provider may say.
const (
	EmailSilent     EmailProof = iota // nothing usable: no proof, and no objection
	EmailUnverified                   // that the address is not verified
	EmailVerified                     // that it vouches for the address
)

// Assertion is what a verified ID token says.
type Assertion struct {
	Issuer      string // canonical
	Subject     string
	Username    string // the provider's suggestion; "" for none
	Email       string // "" for none
	EmailProof  EmailProof
	FirstName   string
	LastName    string
	ProviderSID string // "sid"; "" for none
	// UsableUntil is when no setting accepts the token any longer: its end, or a day after its issue.
	UsableUntil time.Time
}
