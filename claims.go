package sallyport

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// maxCustomClaims is how many bytes of JSON the custom claims of one token may weigh together:
// more would not fit the header that carries the token on every request.
const maxCustomClaims = 4 << 10

// ClaimFunc yields custom claims for an access token. It is called at sign-in, at exchange and at
// every refresh, so what it says is never older than an access token. An error, a
// reserved name, a value that is not JSON, or more than 4 KiB of JSON in all fails the request as
// ErrClaimsFailed, and nothing is issued. Its context ends after Config.ClaimsTimeout.
type ClaimFunc func(ctx context.Context, r ClaimRequest) (map[string]any, error)

// ClaimRequest says for whom and why claims are wanted.
type ClaimRequest struct {
	Reason    Reason
	User      *User // a copy, but for what is inside the values of Attributes
	SessionID ID
	ClientID  string
}

// Reason says which use case issues the token.
type Reason string

// The reasons.
const (
	ReasonSignIn   Reason = "sign_in"
	ReasonExchange Reason = "exchange" // a sign-in at an identity provider, by either door
	ReasonRefresh  Reason = "refresh"
)

// customClaims gathers the claims of the configured attributes, of the template and then of each claim function, a
// later one winning over an earlier, as one JSON object; nil when none are configured.
func (s *Service) customClaims(ctx context.Context, u User, reason Reason, session ID) ([]byte, error) {
	if len(s.cfg.UserAttributes) == 0 && len(s.template) == 0 && len(s.cfg.Claims) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ClaimsTimeout)
	defer cancel()
	claims := s.standingClaims(&u)
	for i, ask := range s.cfg.Claims {
		copied := u
		copied.Groups, copied.Attributes = slices.Clone(u.Groups), maps.Clone(u.Attributes)
		got, err := ask(ctx, ClaimRequest{Reason: reason, User: &copied, SessionID: session, ClientID: s.cfg.ClientID})
		if err != nil {
			return nil, fmt.Errorf("%w: claim function %d: %w", ErrClaimsFailed, i+1, err)
		}
		if name, found := firstReserved(slices.Sorted(maps.Keys(got))); found {
			return nil, fmt.Errorf("%w: claim function %d returned %q, which is reserved", ErrClaimsFailed, i+1, shortName(name))
		}
		maps.Copy(claims, got)
	}
	return encodeClaims(claims)
}

func encodeClaims(claims map[string]any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false) // which would make six bytes of one "<"
	if err := encoder.Encode(claims); err != nil {
		return nil, fmt.Errorf("%w: a value is not JSON%s: %w", ErrClaimsFailed, culprit(claims), err)
	}
	encoded := bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
	if len(encoded) > maxCustomClaims {
		return nil, fmt.Errorf("%w: custom claims weigh %d bytes of JSON, at most %d are allowed%s", ErrClaimsFailed, len(encoded), maxCustomClaims, culprit(claims))
	}
	// A json.RawMessage may hold what our own verifier refuses, a name given twice for one.
	if _, err := strictjson.ParseObject(encoded); err != nil {
		return nil, fmt.Errorf("%w: %w%s", ErrClaimsFailed, err, culprit(claims))
	}
	return encoded, nil
}

// culprit names, for the log, the first claim that is no strict JSON, else the heaviest one.
func culprit(claims map[string]any) string {
	heaviest, weight := "", -1
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		encoded, err := json.Marshal(claims[name])
		if err == nil {
			_, err = strictjson.Parse(encoded)
		}
		if err != nil {
			return fmt.Sprintf(" (claim %q)", shortName(name))
		}
		if len(encoded) > weight {
			heaviest, weight = name, len(encoded)
		}
	}
	return fmt.Sprintf(" (the heaviest is %q)", shortName(heaviest))
}

// shortName keeps what somebody else's service says from filling the log.
func shortName(name string) string { return name[:min(len(name), 64)] }

func firstReserved(names []string) (string, bool) {
	if i := slices.IndexFunc(names, accesstoken.Reserved); i >= 0 {
		return names[i], true
	}
	return "", false
}

// userView is what the token response shows of the user, as JSON; nil when no view is configured.
func (s *Service) userView(ctx context.Context, u User) (json.RawMessage, error) {
	var view any
	switch {
	case s.cfg.UserView != nil:
		var err error
		if view, err = s.cfg.UserView(ctx, &u); err != nil {
			return nil, fmt.Errorf("sallyport: user view: %w", err)
		}
	case len(s.cfg.UserFields) > 0:
		view = u.fields(s.cfg.UserFields)
	default:
		return nil, nil
	}
	encoded, err := json.Marshal(view)
	if err != nil {
		return nil, fmt.Errorf("sallyport: user view: %w", err)
	}
	return encoded, nil
}

// ShowUser is the user view of u as JSON: the configured one, else the documented fields.
func (s *Service) ShowUser(ctx context.Context, u User) (json.RawMessage, error) {
	view, err := s.userView(ctx, u)
	if view == nil && err == nil {
		return json.Marshal(u.fields(defaultUserFields))
	}
	return view, err
}

// defaultUserFields is what GET user/ shows without a configured view.
var defaultUserFields = []string{"id", "username", "email", "email_verified", "first_name", "last_name", "groups"}
