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
	// CreateUser adds u, and notes the event. It returns ErrNameTaken when the folded username, and ErrEmailTaken when
	// the folded e-mail address, is the username or the address of another user. An empty hash
	// makes a user without a password.
	CreateUser(ctx context.Context, u User, hash string, e Event) error
	// User finds a user by id. It returns ErrNotFound when there is none.
	User(ctx context.Context, id ID) (User, error)
	// UserByName finds the user whose username or e-mail address folds like name, with the
	// credential, and whether that user has signed in from the address. It returns ErrNotFound when
	// there is none.
	UserByName(ctx context.Context, name, address string) (User, Credential, error)
	// UserByIdentity finds an identity, the user who owns it, and the credential. Issuer and subject
	// are compared byte by byte. It returns ErrNotFound when there is none.
	UserByIdentity(ctx context.Context, issuer, subject string) (Owner, error)
	// Users lists at most limit users whose id is greater than after, ordered by id.
	Users(ctx context.Context, after ID, limit int) ([]User, error)
	// UpdateUser changes the fields that change names and returns the user as it is afterwards. It returns ErrNotFound,
	// ErrNameTaken and ErrEmailTaken as CreateUser does. Changing IsActive raises the credential's version; IsActive
	// false ends every session of the user in the same step. Another address, or none, is unverified unless the change
	// says otherwise; no address is verified. EmailVerified true proves the address; a proof that is there stays. The
	// event is noted with the number of sessions that ended.
	UpdateUser(ctx context.Context, id ID, change UserChange, at time.Time, e Event) (User, error)
	// DeleteUser removes the user with names, identities, sessions and known addresses, and notes the
	// event with the number of sessions that had not been ended. It returns ErrNotFound when there is none.
	// Sessions that had been ended may be gone after any other error.
	DeleteUser(ctx context.Context, id ID, at time.Time, e Event) error
	// SetPassword replaces the hash, raises the credential's version and ends every session of the
	// user, except c.Keep when it is not zero; it notes the event with their number. It returns
	// ErrNotFound when there is no such user, and ErrChanged when c.Version is not zero and not the
	// credential's version.
	SetPassword(ctx context.Context, c PasswordChange) error
	// RenewPasswordHash replaces old by hash, which is of the same password: no session ends and the
	// credential's version stays. It returns ErrChanged when the user is gone or old is not the hash.
	RenewPasswordHash(ctx context.Context, id ID, old, hash string) error

	// StartSession does all that a sign-in or an exchange writes. In this order, and all or nothing: it refuses a token
	// that was exchanged before (ErrReplayed); it adds the new user (ErrNameTaken, ErrEmailTaken as in CreateUser); it
	// refuses a user who is gone or inactive or whose credential's version is not the expected one (ErrChanged); it
	// refuses what has ended at the provider (ErrProviderSessionEnded); it changes the user as Sync says (ErrEmailTaken);
	// it adds the new identity (ErrChanged when the identity exists), and links it as Link says (ErrChanged,
	// ErrIdentityRemoved); it ends the replaced session, if that has not been ended, and those that
	// MaxSessions leaves no room for; it adds the session; it settles the counters, remembers the address, and notes
	// the events. When it returns nil the session is durable.
	StartSession(ctx context.Context, s SessionStart) error
	// Session finds a session and its user. It returns ErrNotFound when there is no such session.
	Session(ctx context.Context, id ID) (Session, User, error)
	// Sessions lists at most q.Limit sessions that are live at q.At, the newest first.
	Sessions(ctx context.Context, q SessionQuery) ([]Session, error)
	// Refresh applies the rules of the refresh machine to one presented generation, in one
	// conditional update, and says which rule fired. See RefreshStep. An ending by rule 5 is durable
	// when it returns; an advance need not be, because rule 1 catches up with one that was forgotten.
	Refresh(ctx context.Context, step RefreshStep) (RefreshOutcome, error)
	// EndSessions ends what e names and returns how many sessions it ended, of which some may have been past an end
	// already; if there was one it notes the event, with the owner of e.Session when the event names no user. Ending a
	// session that has ended already, or is unknown, is no error, but for a session that e says to be of another user:
	// ErrNotFound. When it returns nil the ends are durable.
	EndSessions(ctx context.Context, e SessionEnd) (int, error)
	// EndAllSessions is EndSessions for the sessions of all users, a part at a time: it looks at w.Limit
	// sessions after w.After, in the order of their ids. It returns how many it has ended and the id
	// of the last one it has looked at, zero when there are no more.
	EndAllSessions(ctx context.Context, w SessionWalk) (ended int, last ID, err error)

	// Identities lists the identities of a user, the oldest first.
	Identities(ctx context.Context, user ID) ([]Identity, error)
	// AddIdentity gives a user another identity, and notes the event. In this order, and all or nothing: it refuses a
	// token that was seen before (ErrReplayed); it refuses when l.Session is not a live session of the user at l.At, or
	// the user is gone or inactive (ErrChanged); it adds the identity, ErrIdentityTaken when it is another user's. When
	// it is this user's already, nothing is added or noted, and that is no error. That the user had removed it before is
	// forgotten.
	AddIdentity(ctx context.Context, l IdentityLink) error
	// RemoveIdentity takes an identity from a user, ends the sessions that it has signed in, but for r.Keep, with
	// reason EndedByUnlinked, and notes the event with their number. It returns ErrChanged when the user is gone or the
	// credential has another version, ErrNotFound when the user has no such identity, and ErrLastWayIn when the user
	// has neither a password nor another one. The version rises, so that a sign-in under way by that identity loses. It
	// is remembered for as long as the user is there: the identity is not linked by its address again, and a provider's
	// logout of it finds what it has signed in.
	RemoveIdentity(ctx context.Context, r IdentityRemoval) error
	// EndProviderSessions ends the sessions that an identity provider says have ended, notes the event with their
	// number and their owner if they have only one, and returns the number. It returns ErrReplayed when l.Mark is
	// remembered already, and then ends nothing. When it returns nil the ends are durable, and StartSession starts
	// nothing more of what has ended.
	EndProviderSessions(ctx context.Context, l ProviderLogout) (int, error)
	// Consume remembers mark until an instant at least. It returns ErrReplayed when it is remembered already.
	Consume(ctx context.Context, mark []byte, at, until time.Time) error

	// Count raises every one of the counters by one or, when one of them has reached its limit, none:
	// in one atomic step, so that any number of calls at once gets exactly the limit through.
	Count(ctx context.Context, at time.Time, counters ...Counter) (CountOutcome, error)
	// Counted says what Count would, and raises none.
	Counted(ctx context.Context, at time.Time, counters ...Counter) (CountOutcome, error)
	// Settle takes back what Count did.
	Settle(ctx context.Context, c Settlement) error

	// Revocations lists at most limit of what access tokens that are out do not know of, from the least Cursor that is
	// greater than after. Whatever ends a session that was used in the last 24 hours, or changes what of a user may stand
	// in claims, adds one in the same step. Cursors only grow, are never less than the instant in microseconds, and none
	// appears below one that was seen.
	Revocations(ctx context.Context, after int64, limit int) ([]Revocation, error)

	// Events lists at most q.Limit events, the newest first.
	Events(ctx context.Context, q EventQuery) ([]Event, error)
	// Sweep removes a few rows that nobody needs any more. See Sweep.
	Sweep(ctx context.Context, s Sweep) (SweepOutcome, error)

	// SigningKeys lists the stored signing keys in the order in which they were added.
	SigningKeys(ctx context.Context) ([]StoredKey, error)
	// AddSigningKey stores k if newest is the id of the key that was added last, "" when there is
	// none; else it returns ErrChanged, so that of several instances one makes a key.
	AddSigningKey(ctx context.Context, k StoredKey, newest string, e Event) error
	// ReplaceSigningKeys removes every signing key and stores k in their place.
	ReplaceSigningKeys(ctx context.Context, k StoredKey, e Event) error
	// RemoveSigningKey removes a key and reports whether it was there; if it was, it notes the event.
	RemoveSigningKey(ctx context.Context, keyID string, e Event) (bool, error)
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
	// Link is set when NewIdentity is to become one of a user who exists; nil otherwise.
	Link *AddressLink
	// Hearsay: that the address of NewUser, or of Sync, is verified is the word of a provider who is not authoritative
	// for it. It is kept as verified, and links nothing: EmailProved is false. That of Sync replaces no address that is
	// proved; what else there is in Sync is done.
	Hearsay bool
	// Sync changes the user, whose IsActive it does not name, and is noted as Synced when it changes anything.
	Sync   UserChange
	Synced Event
	// Mark is the SHA-256 of the signed part of the exchanged token; nil for a sign-in. It is
	// remembered until MarkUntil at least.
	Mark      []byte
	MarkUntil time.Time
	// SIDMark is that of ProviderLogout, for the provider's session that signs in; nil for none. When it is remembered,
	// or the provider has signed the identity Session.IdentityID out after Proved, the step returns
	// ErrProviderSessionEnded.
	SIDMark []byte
	Proved  time.Time // "iat" of the ID token, by the provider's clock; zero for none
	// Replaces is the session that the same browser held before; zero for none. Its end is noted as
	// Replaced, with its owner when that names no user.
	Replaces ID
	Replaced Event
	// MaxSessions is how many sessions of the user may live, this one included; 0 for any number. When there
	// are more, those used least recently end, at most a hundred in one step, which is noted as Surplus.
	MaxSessions int
	Surplus     Event
	// Address is one that the user signs in from; "" for none.
	Address string
	Settle  Settlement
	Events  []Event
}

// Owner is an identity and whose it is. KnownAddress of the credential is not looked up.
type Owner struct {
	Identity   ID
	User       User
	Credential Credential
}

// AddressLink says on what ground an identity is linked to a user who exists, and what that does. The user's address
// must be Email, byte by byte, verified and proved (EmailProved), and the user must have no other identity of the same
// issuer; else the step returns ErrChanged. An identity that this user has removed is refused with ErrIdentityRemoved.
// Every session of the user ends with reason EndedByLinked. A password that
// was set before the address was proved, or when is not known, is removed. The credential's version rises. Event is
// noted with the number of sessions, and "password removed" behind its detail if so.
type AddressLink struct {
	Email string
	Event Event
}

// IdentityLink is another identity for a user who is signed in.
type IdentityLink struct {
	Identity  Identity
	Session   ID // from which the user does so
	At        time.Time
	Mark      []byte // of the token, as in SessionStart; nil for none
	MarkUntil time.Time
	Event     Event
}

// IdentityRemoval takes an identity from a user.
type IdentityRemoval struct {
	UserID, Identity ID
	Version          int64 // of the credential that was looked at before
	Keep             ID    // the session that does not end; zero for none
	At               time.Time
	Event            Event
}

// ProviderLogout names the sessions that an identity provider has ended: those of Provider whose ProviderSID is SID.
// When there never was one, ended or not, and SIDMark was not remembered, or when SID is "", it is those of Provider
// that the identity (Issuer, Subject) signed in, and whose ProviderSID is "" if SID is not. Sessions of the identity's
// user whose identity is not known count as its, and an identity that was removed counts as well. Subject is "" when
// only a SID is given.
type ProviderLogout struct {
	Provider        string
	SID             string
	SIDMark         []byte // of Provider and SID; nil without a SID
	SIDMarkUntil    time.Time
	Issuer, Subject string
	SignedOut       time.Time // "iat" of the logout token, by the provider's clock
	At              time.Time
	Mark            []byte // remembered until MarkUntil
	MarkUntil       time.Time
	Event           Event
}

// PasswordChange is another password hash for a user.
type PasswordChange struct {
	UserID  ID
	Hash    string
	Version int64 // of the credential that was checked before; 0 for an operator, who checks none
	Keep    ID    // the session that does not end; zero for none
	At      time.Time
	Event   Event
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
//	6  in place of 1 and 3, which raise gen, when MaxAdvances of them have fired since advances_from and
//	   At is less than AdvancePeriod away from that: limited. Nothing changes
//
// Rules 1 to 4 set gen_at = last_used_at = At, set the address to IP unless that is "", and move the idle end to At +
// IdleTTL, but never past the absolute end. Rules 1 and 3 count; one that is AdvancePeriod or more away from
// advances_from begins to count anew, with advances_from = At. A new session has gen 0, low 0, gen_at = advances_from =
// created_at, recovered false, and its client holds generation 1.
type RefreshStep struct {
	SessionID     ID
	Generation    int64 // n
	At            time.Time
	RetryWindow   time.Duration
	IdleTTL       time.Duration
	MaxAdvances   int
	AdvancePeriod time.Duration
	IP            string
	// Reused is noted when rule 5 fires, with the address that the session was last used from.
	Reused Event
}

// RefreshReach is how many generations behind the newest one a token may be and still count as
// recent.
const RefreshReach = 128

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
	RuleLimited
)

// String is the rule's name in metrics.
func (r RefreshRule) String() string {
	names := [...]string{"refused", "advance", "retry", "recovery", "recovery_retry", "reuse", "limited"}
	if r < 0 || int(r) >= len(names) {
		return "unknown"
	}
	return names[r]
}

// RefreshOutcome is what Refresh did.
type RefreshOutcome struct {
	Rule RefreshRule
	// RetryAt is when a session that rule 6 refuses may advance again.
	RetryAt time.Time
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
	User    ID // beside a Session: it must be one of this user
	Reason  EndReason
	At      time.Time
	Event   Event
}

// SessionQuery is a page of live sessions.
type SessionQuery struct {
	User   ID // zero: of everybody
	At     time.Time
	Before ID // only sessions whose id is less; zero for the first page
	Limit  int
}

// SessionWalk is one part of an ending of all sessions.
type SessionWalk struct {
	After  ID
	Limit  int
	Reason EndReason
	At     time.Time
	Event  Event // noted if a session ended
}

// StoredKey is a signing key at rest.
type StoredKey struct {
	KeyID     string // RFC 7638 thumbprint of the public half
	Algorithm string // JWS name
	Sealed    []byte // the private half, sealed under a key derived from the root secret
	CreatedAt time.Time
	SignsFrom time.Time // it is published before
}

// Counter is something that may happen Limit times in a Period, which begins with the first time.
type Counter struct {
	Key    []byte // at most 32 bytes
	Limit  int
	Period time.Duration
}

// CountOutcome is what Count did.
type CountOutcome struct {
	// Refused is the index of the first counter that has reached its limit; -1 when none has, and all
	// were raised.
	Refused int
	// Until is when the period of that counter is over.
	Until time.Time
}

// Settlement takes back what Count did: it lowers the counters of Undo by one, and forgets those of Reset and those
// that come to nought. Keys without a counter are no error.
type Settlement struct {
	Undo, Reset [][]byte
}

// Event is one line of the audit trail, which is written in the same step as what it reports. One without
// a name is not written.
type Event struct {
	ID        ID
	At        time.Time
	Name      string // "session_ended"
	Actor     string // who did it: "user", "admin", "system"
	UserID    ID     // zero when it is about no user
	SessionID ID     // zero when it is about no session, or about several
	Client    Client
	Provider  string
	Detail    string // a reason or what changed, in the words of the log
	Sessions  int    // how many sessions it ended, those past an end included
	SessionIP string // of a reuse: the address from which the session was last used before
}

// Revocation is the end of a session, or a change of a user.
type Revocation struct {
	Cursor    int64
	SessionID ID        // that has ended; zero when it is about a user
	UserID    ID        // whose tokens of before At are stale; zero when it is about a session
	At        time.Time // of the end; of a user, what UpdatedAt has become
	UsedAt    time.Time // when the session was last used; At for a user
}

// EventQuery is a page of the audit trail.
type EventQuery struct {
	User   ID // zero: about everybody
	Before ID // only events whose id is less; zero for the first page
	Limit  int
}

// Sweep names what may be removed: of at most Limit sessions after After, in the order of their ids, those
// whose absolute end is before SessionsBefore, and those that ended, or had their idle end, before it; and
// besides at most Limit of each: events before EventsBefore, addresses not used since AddressesBefore, revocations whose
// cursor is before RevocationsBefore, but for the newest, and what is over at Now, which is replay marks and counters.
type Sweep struct {
	After             ID
	Limit             int
	Now               time.Time
	SessionsBefore    time.Time
	EventsBefore      time.Time
	AddressesBefore   time.Time
	RevocationsBefore time.Time
}

// SweepOutcome is what Sweep did.
type SweepOutcome struct {
	Last    ID  // of the sessions that it looked at; zero when there are none after them
	Removed int // rows of all kinds
}
