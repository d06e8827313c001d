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

// Provider is the settings of one identity provider: those of package idp.
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

// IdentityProvider is one identity provider as the use cases see it: it sends browsers there, redeems codes, and
// verifies tokens.
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

	// CheckLogin returns nil when a login can begin here, as far as the settings tell, and otherwise an error that wraps
	// ErrProviderNotConfigured and says what is missing: then the provider only takes tokens. It asks nobody.
	CheckLogin() error
	// AuthorizationURL is where a browser signs in, with all of r in it. It returns ErrProviderUnavailable
	// while the provider's addresses cannot be found, and what CheckLogin returns.
	AuthorizationURL(ctx context.Context, r AuthorizationRequest) (string, error)
	// FormPost reports whether the answer comes as a form that the provider's page posts (OAuth 2.0 Form Post
	// Response Mode), which is a cross-site request.
	FormPost() bool
	// CheckResponseIssuer compares the "iss" of an authorization response, nil for none, with this provider's
	// (RFC 9207 §2.4). It returns ErrIssuerMismatch or ErrProviderUnavailable.
	CheckResponseIssuer(ctx context.Context, issuer *string) error
	// Redeem exchanges an authorization code (RFC 6749 §4.1.3) and verifies what comes back. It returns an error that wraps
	// ErrProviderFault for everything that the provider or its token gets wrong, or ErrProviderUnavailable.
	Redeem(ctx context.Context, g CodeGrant) (*Assertion, error)
	// LogoutURL is where a browser ends its session at the provider (OpenID Connect RP-Initiated Logout 1.0 §2), ""
	// when there is no such place. It returns ErrProviderUnavailable.
	LogoutURL(ctx context.Context) (string, error)
	// VerifyLogoutToken checks a logout token (OpenID Connect Back-Channel Logout 1.0 §2.6), all but whether it was
	// seen before. It returns an error that wraps ErrLogoutTokenInvalid or ErrProviderUnavailable, and then no notice.
	VerifyLogoutToken(ctx context.Context, token string) (*LogoutNotice, error)

	// Close stops background work and waits for it.
	Close() error
}

// AuthorizationRequest is what one login puts into the provider's address. Each text is new for every login and has 256
// bits of entropy.
type AuthorizationRequest struct {
	RedirectURI string
	State       string
	Nonce       string
	Verifier    string // of PKCE; only its hash goes out (S256, RFC 7636 §4.2)
}

// CodeGrant is an authorization code, with what the login that asked for it had sent.
type CodeGrant struct {
	Code        string
	RedirectURI string
	Nonce       string
	Verifier    string
	// User is the text that Apple posts beside the first code, unsigned; "" for none. It is good for names to show.
	User string
}

// LogoutNotice is what a verified logout token says: a session of the provider has ended, or all of a subject have.
type LogoutNotice struct {
	Issuer    string    // canonical
	Subject   string    // "" when only the session is named
	SessionID string    // "sid"; "" when only the subject is named
	IssuedAt  time.Time // by the provider's clock
	// TokenHash is the SHA-256 of the issuer and "jti".
	TokenHash   []byte
	UsableUntil time.Time // when no setting accepts the token any longer
}

// IDToken is an ID token as it was posted, parsed but not verified.
type IDToken struct {
	Token       *jws.Unverified
	Claims      map[string]any // the payload, decoded strictly
	AccessToken string         // posted beside it; "" for none
	Nonce       *string        // the nonce the caller says it sent; nil when it names none
}

// ProviderPolicy says what an unknown identity may become, and what a known one may change.
type ProviderPolicy struct {
	CreateUsers          bool
	RequireVerifiedEmail bool
	Linking              Linking
	// Sync: name and address of a user follow the provider at each sign-in.
	Sync bool
}

// Linking says what becomes of an unknown identity whose e-mail address a user has already.
type Linking string

const (
	// LinkDeny refuses it with ErrAccountLinkRequired. It is the default.
	LinkDeny Linking = "deny"
	// LinkVerifiedEmail makes it an identity of that user when the token proves the address, the provider is
	// authoritative for it, the user's own address is verified, and the user has no other identity of this issuer. What
	// somebody may have planted in the account before goes: its sessions, and a password older than the proof.
	LinkVerifiedEmail Linking = "verified_email"
)

// EmailProof is what a provider says of the address that it names.
type EmailProof int

// What a provider may say.
const (
	EmailSilent     EmailProof = iota // nothing usable: no proof, and no objection
	EmailUnverified                   // that the address is not verified
	EmailVerified                     // that it vouches for the address
)

// Assertion is what a provider says of a user, verified: in an ID token, or where there is none in its API.
type Assertion struct {
	Issuer     string // canonical
	Subject    string
	Username   string // the provider's suggestion; "" for none
	Email      string // "" for none
	EmailProof EmailProof
	// EmailAuthoritative: the provider is the one to ask about the owner of this address. Only then it may link.
	EmailAuthoritative bool
	FirstName          string
	LastName           string
	ProviderSID        string    // "sid"; "" for none
	IssuedAt           time.Time // of the ID token, by the provider's clock; zero when there was none
	// TokenHash is the SHA-256 of the signed part of the ID token; nil when there was none.
	TokenHash []byte
	// UsableUntil is when no setting accepts the token any longer: its end, or a day after its issue.
	UsableUntil time.Time
}
