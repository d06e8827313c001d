package sallyport

import "time"

// Session is one signed-in browser or device, from sign-in to its end. It is one row of
// constant size for its whole life.
type Session struct {
	ID         ID
	UserID     ID
	CreatedAt  time.Time
	LastUsedAt time.Time
	// IdleEnd moves ahead with every refresh, AbsoluteEnd never moves. IdleEnd is never later.
	IdleEnd     time.Time
	AbsoluteEnd time.Time
	EndedAt     time.Time // zero while the session has not been ended
	EndReason   EndReason // "" while the session has not been ended
	Provider    string    // name of the identity provider; "" for a password
	IdentityID  ID        // of the identity that signed in; zero for a password
	ProviderSID string    // the provider's own session id, when it gave one
	UserAgent   string    // at most 200 bytes, of the sign-in
	IP          string    // address of the last use
}

// expired reports whether an end has passed: a session is over at its end exactly.
func (s Session) expired(now time.Time) bool {
	return !now.Before(s.IdleEnd) || !now.Before(s.AbsoluteEnd)
}

// live reports whether the session is neither ended nor past an end.
func (s Session) live(now time.Time) bool { return s.EndedAt.IsZero() && !s.expired(now) }

// EndReason says why a session was ended.
type EndReason string

// The reasons. A session that merely ran into its idle or absolute end has none.
const (
	EndedByLogoff   EndReason = "logoff"   // the user, this session
	EndedByOthers   EndReason = "others"   // the user, from another session: all but that one
	EndedByAll      EndReason = "all"      // the user, every session
	EndedByReplaced EndReason = "replaced" // a new sign-in in the same browser
	EndedByLimit    EndReason = "limit"    // a new sign-in of a user with too many sessions; this one was used least recently
	EndedByLinked   EndReason = "linked"   // an identity was linked to the account by its address
	EndedByUnlinked EndReason = "unlinked" // the identity that signed in was removed from the account
	EndedByProvider EndReason = "provider" // the identity provider ended its session (back-channel logout)
	EndedByReuse    EndReason = "reuse"    // rule 5 of the refresh machine
	EndedByDisabled EndReason = "disabled" // the user was disabled
	EndedByPassword EndReason = "password" // the password was changed
	EndedByAdmin    EndReason = "admin"    // an operator
)

// Scope says which sessions a logoff ends.
type Scope string

// The scopes of a logoff.
const (
	ScopeThis   Scope = "this"
	ScopeOthers Scope = "others"
	ScopeAll    Scope = "all"
)
