package sallyport

import (
	"errors"
	"fmt"
)

// What a use case or a store refuses, and why. Package authhttp holds the one table that gives
// each a status and a stable code. An error that is none of these is a fault of ours.
var (
	// ErrNotFound: no such user, session or identity.
	ErrNotFound = errors.New("sallyport: not found")
	// ErrNameTaken: the username or the e-mail address is the username or the address of another user.
	ErrNameTaken = errors.New("sallyport: that username is taken")
	// ErrEmailTaken: the e-mail address is the username or the address of another user.
	ErrEmailTaken = errors.New("sallyport: that e-mail address belongs to another user")
	// ErrTooManyListeners is an ErrOverloaded: Limits.Listeners wait for the revocation feed.
	ErrTooManyListeners = fmt.Errorf("%w: too many wait for the revocation feed", ErrOverloaded)
	// ErrProviderSessionEnded: the provider's session that signs in has ended there.
	ErrProviderSessionEnded = errors.New("sallyport: the session at the identity provider has ended")
	// ErrIdentityRemoved: the user has removed this identity; only the user can bring it back.
	ErrIdentityRemoved = errors.New("sallyport: the user has removed this identity")
	// ErrChanged: what the step was based on has changed meanwhile; read again and repeat.
	ErrChanged = errors.New("sallyport: changed meanwhile")
	// ErrStoreUnavailable: the database cannot answer now. Whether the step was done is not known.
	ErrStoreUnavailable = errors.New("sallyport: store unavailable")
	// ErrOverloaded: every hashing slot stayed busy for as long as a caller may wait.
	ErrOverloaded = errors.New("sallyport: overloaded")

	// ErrRateLimited: too many failures for this account or from this address, or too many refreshes of this
	// session. The error is a *RateLimitError, which says for how long.
	ErrRateLimited = errors.New("sallyport: rate limited")
	// ErrPasswordRejected: the policy does not allow this new password; the wrapped error says why.
	ErrPasswordRejected = errors.New("sallyport: password rejected")

	// ErrInvalidCredentials: unknown user, wrong password or inactive user; which of them is not said.
	ErrInvalidCredentials = errors.New("sallyport: invalid credentials")

	// ErrInvalidRefreshToken: not a token of ours. It has changed nothing.
	ErrInvalidRefreshToken = errors.New("sallyport: refresh token is not genuine")
	// ErrSessionRevoked: the session is unknown or was ended, or its user is gone or inactive.
	ErrSessionRevoked = errors.New("sallyport: session ended")
	// ErrSessionReplaced is an ErrSessionRevoked: this browser has just signed in anew. The cookie
	// that it holds by now is the new session's and must stay.
	ErrSessionReplaced = fmt.Errorf("%w: replaced by a new sign-in in the same browser", ErrSessionRevoked)
	// ErrRefreshTokenExpired: the idle or the absolute end of the session has passed.
	ErrRefreshTokenExpired = errors.New("sallyport: session expired")
	// ErrRefreshTokenReused: rule 5 of the refresh machine; the session has ended, durably.
	ErrRefreshTokenReused = errors.New("sallyport: refresh token reused")
	// ErrCSRF: the CSRF token is missing, not genuine or another session's.
	ErrCSRF = errors.New("sallyport: CSRF token refused")
	// ErrInvalidScope: a logoff scope other than this, others and all.
	ErrInvalidScope = errors.New("sallyport: unknown logoff scope")

	// ErrTokenInvalid: an access token that is malformed, expired, not ours, or whose session ended.
	ErrTokenInvalid = errors.New("sallyport: access token not valid")

	// ErrIDTokenInvalid: the provider's token fails a check; the wrapped error says which, for the log.
	ErrIDTokenInvalid = errors.New("sallyport: ID token refused")
	// ErrIDTokenExpired: past its end or too old, and nothing else is wrong with it.
	ErrIDTokenExpired = errors.New("sallyport: ID token expired")
	// ErrIDTokenReplayed: this very token has been exchanged before.
	ErrIDTokenReplayed = errors.New("sallyport: ID token replayed")
	// ErrProviderNotConfigured: no configured provider has exactly this issuer, or this name.
	ErrProviderNotConfigured = errors.New("sallyport: identity provider not configured")
	// ErrProviderUnavailable: the provider's discovery document or keys cannot be had.
	ErrProviderUnavailable = errors.New("sallyport: identity provider unavailable")
	// ErrEmailNotVerified: the provider's policy asks for a verified address before a user is made.
	ErrEmailNotVerified = errors.New("sallyport: e-mail address not verified")
	// ErrAccountLinkRequired: the address belongs to a user, and linking is not allowed.
	ErrAccountLinkRequired = errors.New("sallyport: an account with this e-mail address exists")
	// ErrReplayed: what may come once has come before.
	ErrReplayed = errors.New("sallyport: seen before")
	// ErrInvalidReturnTo: the address is not one to which a login may lead back.
	ErrInvalidReturnTo = errors.New("sallyport: return_to is not allowed")
	// ErrStateMismatch: this browser has started no login with that state at this provider.
	ErrStateMismatch = errors.New("sallyport: no such login in this browser")
	// ErrLoginExpired: the login was started too long ago, or has been finished.
	ErrLoginExpired = errors.New("sallyport: login expired")
	// ErrIssuerMismatch: the authorization response is another provider's.
	ErrIssuerMismatch = errors.New("sallyport: authorization response of another issuer")
	// ErrProviderDenied: the provider answered with an error, such as that the user refused.
	ErrProviderDenied = errors.New("sallyport: denied by the identity provider")
	// ErrProviderFault: the provider answered, but not what the standard says.
	ErrProviderFault = errors.New("sallyport: fault of the identity provider")
	// ErrIdentityTaken: the identity is another user's.
	ErrIdentityTaken = errors.New("sallyport: the identity belongs to another user")
	// ErrLastWayIn: without this identity its user could not sign in any more.
	ErrLastWayIn = errors.New("sallyport: the last way in cannot be removed")
	// ErrInvalidSiteToken: what is presented is not a site token of ours.
	ErrInvalidSiteToken = errors.New("sallyport: invalid site token")
	// ErrLogoutTokenInvalid: the logout token fails a check; the wrapped error says which, for the log.
	ErrLogoutTokenInvalid = errors.New("sallyport: logout token refused")
	// ErrForbidden: the provider may not make users.
	ErrForbidden = errors.New("sallyport: forbidden")

	// ErrClaimsFailed: a claim function failed or returned what a token may not carry.
	ErrClaimsFailed = errors.New("sallyport: claims failed")
	// ErrInvalidUser: a field of a user is not acceptable; the wrapped error says which and why.
	ErrInvalidUser = errors.New("sallyport: invalid user")
	// ErrInvalidAudience: a token is wanted for an audience that is not one of Config.Audience.
	ErrInvalidAudience = errors.New("sallyport: no such audience")
	// ErrTooManyKeys: as many keys of the algorithm as can be are published; one is withdrawn within hours, and then the
	// next can be made. The wrapping error names the algorithm.
	ErrTooManyKeys = errors.New("sallyport: three signing keys are published already")
	// ErrNoSigningKey: there is no key, and LeaveKeys keeps the service from making one.
	ErrNoSigningKey = errors.New("sallyport: there is no signing key")
	// ErrUnknownSecret: the database was made under a root secret that is not among the configured ones.
	ErrUnknownSecret = errors.New("sallyport: this database belongs to another root secret; give the one it was made with, or add it to the old ones")
)
