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

	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// maxIDToken is the longest ID token that is looked at, in bytes.
const maxIDToken = 16 << 10

// ExchangeRequest is what a single-page app got from an identity provider.
type ExchangeRequest struct {
	IDToken     string
	AccessToken string  // "" for none; checked against the ID token, then forgotten
	Nonce       *string // the nonce the app sent; nil when it names none
	Client      Client
	Replaces    RefreshToken // of the session that the same browser holds; zero for none
}

// Exchange verifies an ID token, finds or makes the user who owns its identity and starts a session.
// Replay mark, user, identity and session are written in one step. It returns ErrIDTokenInvalid,
// ErrIDTokenExpired, ErrIDTokenReplayed, ErrProviderNotConfigured, ErrProviderUnavailable,
// ErrEmailNotVerified, ErrAccountLinkRequired, ErrForbidden, ErrInvalidCredentials for an inactive
// user, ErrClaimsFailed; a RateLimitError when too many forged tokens came from this address.
func (s *Service) Exchange(ctx context.Context, r ExchangeRequest) (*Tokens, error) {
	x := exchange{Service: s, request: r}
	tokens, err := x.run(ctx)
	if errors.Is(err, ErrIDTokenInvalid) || errors.Is(err, ErrIDTokenReplayed) {
		s.countAddress(ctx, r.Client)
	}
	s.observe(Observation{Operation: OperationExchange, Provider: x.providerName(), Err: err})
	if err != nil && x.created {
		x.user = User{} // it was not made after all
	}
	attrs := append(auditIDs(x.user.ID, tokens), slog.String("provider", x.providerName()), slog.Bool("user_created", err == nil && x.created))
	s.audit(ctx, "exchange", r.Client, err, attrs...)
	return tokens, err
}

// exchange is one run of the use case; its fields are what the audit event tells.
type exchange struct {
	*Service
	request  ExchangeRequest
	provider IdentityProvider
	user     User
	created  bool
}

func (x *exchange) run(ctx context.Context) (*Tokens, error) {
	if err := x.checkAddress(ctx, x.request.Client); err != nil {
		return nil, err
	}
	token, err := x.parse()
	if err != nil {
		return nil, err
	}
	assertion, err := x.provider.VerifyIDToken(ctx, token)
	if err != nil {
		return nil, err
	}
	replay := sha256.Sum256([]byte(token.Token.SigningInput()))
	return x.admit(ctx, assertion, SessionStart{
		Session:     Session{Provider: x.provider.Name(), ProviderSID: usableSID(assertion.ProviderSID)},
		Replay:      replay[:],
		ReplayUntil: assertion.UsableUntil.Add(replayMargin),
		Replaces:    x.request.Replaces.session,
	})
}

// replayMargin is how much longer than it can be used a token is remembered: the leeway, and room for
// instances whose clocks differ and requests that were verified just before the end.
const replayMargin = clockLeeway + 10*time.Minute

// parse reads the token and picks the provider by its issuer, which is not proved yet: an exact
// match in a table, never a guess and never an address to fetch.
func (x *exchange) parse() (IDToken, error) {
	r := x.request
	if r.IDToken == r.AccessToken {
		return IDToken{}, because(ErrIDTokenInvalid, "the access token was posted as the ID token")
	}
	unverified, err := jws.Parse(r.IDToken, maxIDToken)
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

// maxExchangeTries bounds how often an exchange starts again because something it had read changed:
// the same person in a second tab, or somebody who just took the username.
const maxExchangeTries = 20

// admit finds the owner of the identity, or makes one, and starts the session. Whatever was
// read may change before the write, which then changes nothing and the loop reads again.
func (x *exchange) admit(ctx context.Context, a *Assertion, start SessionStart) (*Tokens, error) {
	names := x.usernames(a)
	emailTaken := false
	for range maxExchangeTries {
		user, credential, err := x.store.UserByIdentity(ctx, a.Issuer, a.Subject)
		switch {
		case err == nil:
			x.user, x.created = user, false
			if !user.IsActive {
				return nil, because(ErrInvalidCredentials, "user is inactive")
			}
			start.NewUser, start.NewIdentity, start.CredentialVersion, start.Events = nil, nil, credential.Version, nil
		case errors.Is(err, ErrNotFound) && emailTaken:
			return nil, ErrAccountLinkRequired
		case errors.Is(err, ErrNotFound):
			if err := x.mayCreate(a); err != nil {
				return nil, err
			}
			x.user, x.created = x.newUser(a, names.next()), true
			start.NewUser = &x.user
			start.NewIdentity = &Identity{
				ID: NewID(x.now()), UserID: x.user.ID, Provider: x.provider.Name(),
				Issuer: a.Issuer, Subject: a.Subject, CreatedAt: x.user.CreatedAt,
			}
			start.Events = x.firstEvents()
		default:
			return nil, err
		}
		tokens, err := x.startSession(ctx, x.user, ReasonExchange, x.request.Client, start)
		switch {
		case errors.Is(err, ErrEmailTaken):
			emailTaken = true
		case errors.Is(err, ErrNameTaken), errors.Is(err, ErrChanged):
		default:
			return tokens, err
		}
	}
	return nil, fmt.Errorf("sallyport: exchange: %w %d times in a row", ErrChanged, maxExchangeTries)
}

// firstEvents are those of the first exchange of an identity.
func (x *exchange) firstEvents() []Event {
	var events []Event
	for _, name := range []string{"user_created", "identity_linked"} {
		e := x.event(name, actorUser, x.request.Client)
		e.UserID, e.Provider = x.user.ID, x.provider.Name()
		events = append(events, e)
	}
	return events
}

func (x *exchange) mayCreate(a *Assertion) error {
	policy := x.provider.Policy()
	switch {
	case !policy.CreateUsers:
		return because(ErrForbidden, "unknown identity, and this provider may not make users")
	case policy.RequireVerifiedEmail && a.EmailProof == EmailUnverified:
		return ErrEmailNotVerified
	}
	return nil
}

func (x *exchange) newUser(a *Assertion, username string) User {
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

func (x *exchange) providerName() string {
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

func (x *exchange) usernames(a *Assertion) *usernames {
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
