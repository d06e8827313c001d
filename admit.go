package sallyport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// admission lets in whoever a provider vouches for, by both doors: an exchange and a login. Its fields are what the audit
// event tells.
type admission struct {
	*Service
	client   Client
	audience string // of the access token; "" for all
	provider IdentityProvider
	user     User
	ground   string // on which the user was admitted: one of the grounds below
}

// The grounds of an admission, in the words of the audit trail.
const (
	groundKnown   = "known identity"
	groundCreated = "unknown identity"
	groundLinked  = "verified address"
)

// replayMargin is how much longer than it can be used a token is remembered: the leeway, and room for
// instances whose clocks differ and requests that were verified just before the end.
const replayMargin = clockLeeway + 10*time.Minute

// maxAdmissionTries bounds how often an admission starts again because something it had read changed:
// the same person in a second tab, or somebody who just took the username.
const maxAdmissionTries = 20

// admit finds the owner of the identity, or makes one, and starts the session, all in one step. Whatever was
// read may change before the write, which then changes nothing and the loop reads again. It returns ErrReplayed for a
// token that was seen before.
func (x *admission) admit(ctx context.Context, a *Assertion, replaces ID) (*Tokens, error) {
	names := x.usernames(a)
	emailTaken := false
	for range maxAdmissionTries {
		start := SessionStart{
			Session:   Session{Provider: x.provider.Name(), ProviderSID: usableSID(a.ProviderSID)},
			Mark:      a.TokenHash,
			Proved:    a.IssuedAt,
			MarkUntil: a.UsableUntil.Add(replayMargin),
			Replaces:  replaces,
			Hearsay:   !a.EmailAuthoritative,
		}
		if sid := start.Session.ProviderSID; sid != "" {
			start.SIDMark = sidMark(x.provider.Name(), sid)
		}
		if err := x.prepare(ctx, a, names, emailTaken, &start); err != nil {
			return nil, err
		}
		tokens, err := x.startSession(ctx, x.user, ReasonExchange, x.audience, x.client, start)
		switch {
		case errors.Is(err, ErrEmailTaken):
			emailTaken = true
		case errors.Is(err, ErrNameTaken), errors.Is(err, ErrChanged):
		case errors.Is(err, ErrIdentityRemoved):
			return nil, because(ErrAccountLinkRequired, "the user has removed this identity")
		default:
			return tokens, err
		}
	}
	return nil, fmt.Errorf("sallyport: admission: %w %d times in a row", ErrChanged, maxAdmissionTries)
}

// prepare decides who is admitted, and on what ground, and completes the step.
func (x *admission) prepare(ctx context.Context, a *Assertion, names *usernames, emailTaken bool, start *SessionStart) error {
	owner, err := x.store.UserByIdentity(ctx, a.Issuer, a.Subject)
	if err == nil {
		return x.returning(a, owner, emailTaken, start)
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	user, credential, err := x.namesake(ctx, a)
	switch {
	case err == nil:
		return x.link(a, user, credential, start)
	case !errors.Is(err, ErrNotFound):
		return err
	case emailTaken:
		return because(ErrAccountLinkRequired, "the address is the name of another user")
	}
	return x.create(a, names, start)
}

// returning is for an identity that is known: it stays its user's, whatever has become of the address.
func (x *admission) returning(a *Assertion, owner Owner, emailTaken bool, start *SessionStart) error {
	x.user, x.ground = owner.User, groundKnown
	if !x.user.IsActive {
		return because(ErrInvalidCredentials, "user is inactive")
	}
	start.CredentialVersion, start.Session.IdentityID = owner.Credential.Version, owner.Identity
	start.Sync = x.changes(owner, a, emailTaken)
	if changed := start.Sync.fields(); len(changed) > 0 {
		start.Sync.Apply(&x.user)
		x.user.UpdatedAt = start.Session.CreatedAt
		start.Synced = x.event("user_changed", actorSystem, x.client)
		start.Synced.UserID, start.Synced.Provider, start.Synced.Detail = x.user.ID, x.provider.Name(), strings.Join(changed, " ")
	}
	return nil
}

// changes are what the provider says of a user that is not so here. A lack of proof takes no proof away: an address that is
// verified gives way to another one that is, one that is proved to another one that is, and to none else. With emailTaken the address is another user's, and stays.
// One that a provider verified on hearsay is proved when its authority says the same.
func (x *admission) changes(owner Owner, a *Assertion, emailTaken bool) UserChange {
	var c UserChange
	u := owner.User
	if !x.provider.Policy().Sync {
		return c
	}
	if name := displayName(a.FirstName); name != "" && name != u.FirstName {
		c.FirstName = &name
	}
	if name := displayName(a.LastName); name != "" && name != u.LastName {
		c.LastName = &name
	}
	address, proved := usableEmail(a), a.EmailProof == EmailVerified
	same := FoldName(address) == FoldName(u.Email)
	switch {
	case address == "" || emailTaken:
	case !same && owner.Credential.EmailProved && !a.EmailAuthoritative:
	case !same && (proved || !u.EmailVerified):
		c.Email, c.EmailVerified = &address, &proved
	case same && proved && (!u.EmailVerified || a.EmailAuthoritative && !owner.Credential.EmailProved):
		c.EmailVerified = &proved
	}
	return c
}

// namesake finds the user who has the address of an unknown identity, where that matters before the attempt to make
// one: a link needs no new name. It returns ErrNotFound when there is none, or linking is not wanted.
func (x *admission) namesake(ctx context.Context, a *Assertion) (User, Credential, error) {
	address := usableEmail(a)
	if address == "" || x.provider.Policy().Linking != LinkVerifiedEmail {
		return User{}, Credential{}, ErrNotFound
	}
	user, credential, err := x.userByName(ctx, address, "")
	if err != nil {
		return User{}, Credential{}, err
	}
	refuse := func(reason string) (User, Credential, error) {
		return User{}, Credential{}, because(ErrAccountLinkRequired, reason)
	}
	switch {
	case FoldName(user.Email) != FoldName(address):
		return refuse("the address is the name of another user")
	case a.EmailProof != EmailVerified:
		return refuse("the provider does not call the address verified")
	case !a.EmailAuthoritative:
		return refuse("the provider is not authoritative for the address")
	case !user.EmailVerified:
		return refuse("the user's own address is not verified")
	case !credential.EmailProved:
		return refuse("the user's own address was verified by a provider who is not authoritative for it")
	}
	identities, err := x.store.Identities(ctx, user.ID)
	if err != nil {
		return User{}, Credential{}, err
	}
	for _, i := range identities {
		if i.Issuer == a.Issuer {
			return refuse("the user has another identity of this issuer")
		}
	}
	return user, credential, nil
}

// link makes the identity one of a user who exists. Whoever made the account may have waited for its owner with a password
// and a session: both go.
func (x *admission) link(a *Assertion, user User, credential Credential, start *SessionStart) error {
	x.user, x.ground = user, groundLinked
	if !user.IsActive {
		return because(ErrInvalidCredentials, "user is inactive")
	}
	x.addIdentity(a, start)
	linked := x.firstEvent("identity_linked")
	linked.Detail = groundLinked
	start.CredentialVersion, start.Link = credential.Version, &AddressLink{Email: user.Email, Event: linked}
	return nil
}

// create makes a user of an unknown identity, if the provider may.
func (x *admission) create(a *Assertion, names *usernames, start *SessionStart) error {
	policy := x.provider.Policy()
	switch {
	case !policy.CreateUsers:
		return because(ErrForbidden, "unknown identity, and this provider may not make users")
	case policy.RequireVerifiedEmail && a.EmailProof == EmailUnverified:
		return ErrEmailNotVerified
	}
	x.user, x.ground = x.newUser(a, names.next()), groundCreated
	start.NewUser = &x.user
	x.addIdentity(a, start)
	start.Events = []Event{x.firstEvent("user_created"), x.firstEvent("identity_linked")}
	return nil
}

func (x *admission) addIdentity(a *Assertion, start *SessionStart) {
	now := x.now()
	start.NewIdentity = &Identity{
		ID: NewID(now), UserID: x.user.ID, Provider: x.provider.Name(), Issuer: a.Issuer, Subject: a.Subject, CreatedAt: now,
	}
	start.Session.IdentityID = start.NewIdentity.ID
}

// firstEvent is one of the first admission of an identity.
func (x *admission) firstEvent(name string) Event {
	e := x.event(name, actorUser, x.client)
	e.UserID, e.Provider, e.Detail = x.user.ID, x.provider.Name(), x.ground
	return e
}

// report says how it ended, for metrics and the log.
func (x *admission) report(ctx context.Context, event string, o Operation, tokens *Tokens, err error) {
	x.observe(Observation{Operation: o, Provider: x.providerName(), Err: err})
	if err != nil && x.ground == groundCreated {
		x.user = User{} // it was not made after all
	}
	attrs := append(auditIDs(x.user.ID, tokens), slog.String("provider", x.providerName()))
	if err == nil && x.ground != "" {
		attrs = append(attrs, slog.String("ground", x.ground))
	}
	x.audit(ctx, event, x.client, err, attrs...)
}

func (x *admission) newUser(a *Assertion, username string) User {
	now := x.now()
	u := User{
		ID: NewID(now), Username: username, Email: usableEmail(a), EmailVerified: a.EmailProof == EmailVerified,
		FirstName: displayName(a.FirstName), LastName: displayName(a.LastName), IsActive: true, CreatedAt: now, UpdatedAt: now,
	}
	u.EmailVerified = u.EmailVerified && u.Email != ""
	if x.cfg.UserUUIDAttribute != "" {
		u.Attributes = map[string]any{x.cfg.UserUUIDAttribute: a.Subject}
	}
	return u
}

// displayName makes a provider's text fit for a user's name: one line, no characters that turn its
// direction, at most maxNameLen characters. It is for display, so nobody is kept out for it.
func displayName(text string) string {
	text = strings.Map(func(r rune) rune {
		if isControl(r) {
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > maxNameLen {
		text = string(runes[:maxNameLen])
	}
	return strings.TrimSpace(text)
}

// maxProviderSID bounds a provider's session id, in bytes. One that is longer, or not one line, is not kept.
const maxProviderSID = 255

func usableSID(sid string) string {
	if len(sid) > maxProviderSID || checkText("sid", sid) != nil {
		return ""
	}
	return sid
}

// usableEmail drops an address that we would not take from an operator either: it must not keep its
// owner out, and must not be stored.
func usableEmail(a *Assertion) string {
	if checkEmail(a.Email) != nil {
		return ""
	}
	return a.Email
}

func (x *admission) providerName() string {
	if x.provider == nil {
		return ""
	}
	return x.provider.Name()
}

// usernames proposes one username after the other for a new user: what the provider suggests, else
// the e-mail address, else a name made of the provider's and the identity; then the same with
// a numeric suffix, because people never become one for having the same name.
type usernames struct {
	base  string
	tries int
}

func (x *admission) usernames(a *Assertion) *usernames {
	sum := sha256.Sum256([]byte(a.Issuer + "\x00" + a.Subject))
	generated := x.provider.Name() + "-" + hex.EncodeToString(sum[:4])
	suggested := a.Username
	if strings.Contains(suggested, "@") && FoldName(suggested) != FoldName(usableEmail(a)) {
		suggested = "" // somebody else's address, perhaps, and nobody has proved it
	}
	for _, name := range []string{suggested, usableEmail(a), generated} {
		if name = strings.TrimSpace(name); checkUsername(name) == nil && utf8.RuneCountInString(name) <= maxNameLen-maxSuffixLen {
			return &usernames{base: name}
		}
	}
	return &usernames{base: generated}
}

// maxSuffixLen is the room that a suffix may need, in characters.
const maxSuffixLen = 6

// next gives base, base2 … base5, and then a random suffix: a popular name has been taken many times,
// and counting on would be one write for each.
func (n *usernames) next() string {
	n.tries++
	switch {
	case n.tries == 1:
		return n.base
	case n.tries <= 5:
		return n.base + strconv.Itoa(n.tries)
	}
	return n.base + strconv.Itoa(100+rand.IntN(999_900))
}
