package sallyport

import (
	"context"
	"time"
)

// Store is the contract between the use cases and a database. Every method is one atomic step:
// it happens as a whole or not at all, and no transaction spans two calls. Package storetest
// holds a case for every sentence below; a store is right when storetest.Run passes.
//
// Times are kept to the microsecond, in UTC; a store never reads a clock. Names are compared as
// FoldName gives them. A database that cannot answer gives an error that wraps ErrStoreUnavailable,
// or the context's error when the context ended first.
type Store interface {
	// CreateUser adds u. It returns ErrNameTaken when the folded username, and ErrEmailTaken when
	// the folded e-mail address, is the username or the address of another user. An empty hash
	// makes a user without a password.
	CreateUser(ctx context.Context, u User, hash string) error
	// User finds a user by id. It returns ErrNotFound when there is none.
	User(ctx context.Context, id ID) (User, error)
	// UserByName finds the user whose username or e-mail address folds like name, with the
	// credential. It returns ErrNotFound when there is none.
	UserByName(ctx context.Context, name string) (User, Credential, error)
	// UserByIdentity finds the user who owns the identity, with the credential. Issuer and subject
	// are compared byte by byte. It returns ErrNotFound when there is none.
	UserByIdentity(ctx context.Context, issuer, subject string) (User, Credential, error)
	// Users lists at most limit users whose id is greater than after, ordered by id.
	Users(ctx context.Context, after ID, limit int) ([]User, error)
	// UpdateUser changes the fields that change names and returns the user as it is afterwards. It
	// returns ErrNotFound, ErrNameTaken and ErrEmailTaken as CreateUser does. Changing IsActive
	// raises the credential's version; IsActive false ends every session of the user in the same step.
	// Another address, or none, is unverified unless the change says otherwise; no address is verified.
	UpdateUser(ctx context.Context, id ID, change UserChange, at time.Time) (User, error)
	// SetPassword replaces the hash, raises the credential's version and ends every session of the
	// user, except keep when it is not zero. It returns ErrNotFound when there is no such user.
	SetPassword(ctx context.Context, id ID, hash string, keep ID, at time.Time) error
	// RenewPasswordHash replaces old by hash, which is of the same password: no session ends and the
	// credential's version stays. It returns ErrChanged when the user is gone or old is not the hash.
	RenewPasswordHash(ctx context.Context, id ID, old, hash string) error

	// StartSession does all that a sign-in or an exchange writes. In this order, and all or nothing:
	// it refuses a token that was exchanged before (ErrIDTokenReplayed); it adds the new user
	// (ErrNameTaken, ErrEmailTaken as in CreateUser) and the new identity (ErrChanged when the
	// identity exists); it refuses a user who is gone or inactive or whose credential's version is
	// not the expected one (ErrChanged); it ends the replaced session, if that is live; it adds the
	// session. When it returns nil the session is durable.
	StartSession(ctx context.Context, s SessionStart) error
	// Session finds a session and its user. It returns ErrNotFound when there is no such session.
	Session(ctx context.Context, id ID) (Session, User, error)
	// Refresh applies the rules of the refresh machine to one presented generation, in one
	// conditional statement, and says which rule fired. See RefreshStep.
	Refresh(ctx context.Context, step RefreshStep) (RefreshOutcome, error)
	// EndSessions ends what e names and returns how many live sessions that were. Ending a session
	// that has ended already, or is unknown, is no error. When it returns nil the ends are durable.
	EndSessions(ctx context.Context, e SessionEnd) (int, error)

	// SigningKeys lists the stored signing keys in the order in which they were added.
	SigningKeys(ctx context.Context) ([]StoredKey, error)
	// AddSigningKey stores k if newest is the id of the key that was added last, "" when there is
	// none; else it returns ErrChanged, so that of several instances one makes a key.
	AddSigningKey(ctx context.Context, k StoredKey, newest string) error
	// ReplaceSigningKeys removes every signing key and stores k in their place.
	ReplaceSigningKeys(ctx context.Context, k StoredKey) error
	// RemoveSigningKey removes a key and reports whether it was there.
	RemoveSigningKey(ctx context.Context, keyID string) (bool, error)
	// ResealSigningKey replaces what is stored of the private half of a key; it returns ErrChanged when
	// that is not old.
	ResealSigningKey(ctx context.Context, keyID string, old, sealed []byte) error
	// SecretCheck returns what was last set, or nil for a database that was never used.
	SecretCheck(ctx context.Context) ([]byte, error)
	// SetSecretCheck replaces old by check; it returns ErrChanged when what is stored is not old.
	SetSecretCheck(ctx context.Context, old, check []byte) error

	// Close waits for the steps under way and releases the database. No method is called after it.
	Close() error
}

// SessionStart is what a sign-in or an exchange writes in one step.
type SessionStart struct {
	Session Session
	// CredentialVersion must still be the user's. Not looked at when NewUser is set.
	CredentialVersion int64
	NewUser           *User     // nil: Session.UserID exists
	NewIdentity       *Identity // nil: signed in by password, or the identity is known
	// Replay is the SHA-256 of the signed part of the exchanged token; nil for a sign-in. It is
	// remembered until ReplayUntil at least.
	Replay      []byte
	ReplayUntil time.Time
	// Replaces is the session that the same browser held before; zero for none.
	Replaces ID
}

// RefreshStep is generation n of a session's refresh token, presented at the instant At.
//
// Let late be At − gen_at > RetryWindow, and recent be n ≥ low and n ≥ gen − RefreshReach. The
// first rule whose condition holds fires:
//
//	0  the session is unknown or ended, an end has passed, the user is gone or inactive:
//	   nothing changes
//	1  n > gen: advance. If late, low = n. gen = n, recovered = false
//	2  recent and not late: retry
//	3  recent and late and not recovered: recovery. low = n, gen = gen + 1, recovered = true
//	4  recovered and n = low: retry of a recovery
//	5  else: reuse. The session ends, durably, with reason EndedByReuse
//
// Rules 1 to 4 set gen_at = last_used_at = At and move the idle end to At + IdleTTL, but never past
// the absolute end. A new session has gen 0, low 0, gen_at = created_at, recovered false, and its
// client holds generation 1.
type RefreshStep struct {
	SessionID   ID
	Generation  int64 // n
	At          time.Time
	RetryWindow time.Duration
	IdleTTL     time.Duration
}

// RefreshReach is how many generations behind the newest one a token may be and still count as
// recent.
const RefreshReach = 16

// RefreshRule is a rule of the refresh machine.
type RefreshRule int

// The rules of RefreshStep, by their numbers.
const (
	RuleRefused RefreshRule = iota
	RuleAdvance
	RuleRetry
	RuleRecovery
	RuleRecoveryRetry
	RuleReuse
)

// String is the rule's name in metrics.
func (r RefreshRule) String() string {
	names := [...]string{"refused", "advance", "retry", "recovery", "recovery_retry", "reuse"}
	if r < 0 || int(r) >= len(names) {
		return "unknown"
	}
	return names[r]
}

// RefreshOutcome is what Refresh did.
type RefreshOutcome struct {
	Rule RefreshRule
	// Generation is gen after the step, for rules 1 to 4: the answer carries token Generation + 1.
	Generation int64
	// Session is the session after the step; the zero value when it is unknown. User is set for
	// rules 1 to 4, and for rule 0 when there is a user.
	Session Session
	User    User
}

// SessionEnd names the live sessions to end: of Session, and then according to Scope that session
// alone, every other session of its user, or every session of its user; or, when Session is zero,
// every session of User. When Session is no longer live at At, ScopeOthers and ScopeAll end nothing:
// an old token of an ended session has no say over the others.
type SessionEnd struct {
	Session ID
	Scope   Scope
	User    ID
	Reason  EndReason
	At      time.Time
}

// StoredKey is a signing key at rest.
type StoredKey struct {
	KeyID     string // RFC 7638 thumbprint of the public half
	Algorithm string // JWS name
	Sealed    []byte // the private half, sealed under a key derived from the root secret
	CreatedAt time.Time
	SignsFrom time.Time // it is published before
}
