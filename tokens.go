package sallyport

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// Tokens is what a sign-in, an exchange and a refresh hand out.
type Tokens struct {
	AccessToken   string
	AccessExpires time.Time // end of the access token, to the second
	AccessTTL     time.Duration
	RefreshToken  string
	CSRFToken     string
	SessionID     ID
	SessionEnd    time.Time // absolute end of the session: the refresh cookie lives until then
	User          User
	View          json.RawMessage // what the configured user view shows of User; nil when none is configured
}

// answer is the part of Tokens that can fail. It is made before a sign-in or an exchange writes
// anything, so that failing claims leave no session behind.
type answer struct {
	access  string
	expires time.Time
	view    json.RawMessage
}

// answer makes the access token, for one audience or, when that is "", for all, and the view. A token never outlives
// its session, which ends at end.
func (s *Service) answer(ctx context.Context, u User, reason Reason, session ID, audience string, now, end time.Time) (answer, error) {
	var a answer
	var err error
	if a.access, a.expires, err = s.accessToken(ctx, u, reason, session, audience, now, end); err != nil {
		return answer{}, err
	}
	a.view, err = s.userView(ctx, u)
	return a, err
}

// accessToken makes one alone, as answer does.
func (s *Service) accessToken(ctx context.Context, u User, reason Reason, session ID, audience string, now, end time.Time) (string, time.Time, error) {
	custom, err := s.customClaims(ctx, u, reason, session)
	if err != nil {
		return "", time.Time{}, err
	}
	expires := now.Add(s.cfg.AccessTTL)
	if end.Before(expires) {
		expires = end
	}
	expires = expires.Truncate(time.Second)
	access, err := s.signAccessToken(u.ID, session, audience, custom, issuedAt(u, now), expires)
	return access, expires, err
}

// issuedAt is the "iat" of a token with the claims that u has now. The second in which u was changed is the one in which
// tokens are stale, so the token is of the next one; with the clock of another instance, which made the change, as well.
func issuedAt(u User, now time.Time) int64 {
	changed := u.UpdatedAt
	if !changed.After(u.CreatedAt) || changed.After(now.Add(clockLeeway/2)) {
		return now.Unix()
	}
	return max(now.Unix(), changed.Unix()+1)
}

func (s *Service) tokens(a answer, u User, t RefreshToken, end, now time.Time) *Tokens {
	return &Tokens{
		AccessToken:   a.access,
		AccessExpires: a.expires,
		AccessTTL:     a.expires.Sub(now.Truncate(time.Second)),
		RefreshToken:  s.secrets.formatRefreshToken(t),
		CSRFToken:     s.CSRFToken(t),
		SessionID:     t.session,
		SessionEnd:    end,
		User:          u,
		View:          a.view,
	}
}

// signAccessToken writes the claims of RFC 9068 §2.2 and ours in a fixed order, the custom ones last: by
// hand, because those come encoded and a map would be sorted.
func (s *Service) signAccessToken(user, session ID, audience string, custom []byte, issued int64, expires time.Time) (string, error) {
	var jti [16]byte
	rand.Read(jti[:])
	payload := make([]byte, 0, 512+len(custom))
	payload = append(payload, s.prefixes[audience]...) // {"iss":…,"aud":…,"client_id":…,"token_type":"access"
	payload = append(payload, `,"sub":"`...)
	payload = append(payload, user.String()...)
	payload = append(payload, `","user_id":"`...)
	payload = append(payload, user.String()...)
	payload = append(payload, `","sid":"`...)
	payload = append(payload, session.String()...)
	payload = append(payload, `","jti":"`...)
	payload = hex.AppendEncode(payload, jti[:])
	payload = append(payload, `","iat":`...)
	payload = strconv.AppendInt(payload, issued, 10)
	payload = append(payload, `,"exp":`...)
	payload = strconv.AppendInt(payload, expires.Unix(), 10)
	if len(custom) > len("{}") {
		payload = append(payload, ',')
		payload = append(payload, custom[1:]...)
	} else {
		payload = append(payload, '}')
	}
	key := s.keys.Load().signer(s.cfg.algorithmOf(audience), s.now())
	if key == nil {
		return "", ErrNoSigningKey
	}
	token, err := jws.Sign(key.signer, jws.SignHeader{KeyID: key.public.ID(), Type: accesstoken.Type}, payload)
	if err == nil && len(token) > accesstoken.MaxBytes {
		err = fmt.Errorf("an access token of %d bytes is too long: verifiers accept %d", len(token), accesstoken.MaxBytes)
	}
	if err != nil {
		return "", fmt.Errorf("sallyport: signing an access token: %w", err)
	}
	return token, nil
}

// checkAudience returns ErrInvalidAudience when no token may be had for that audience alone (RFC 8707 §2).
func (s *Service) checkAudience(audience string) error {
	if s.prefixes[audience] == nil {
		return ErrInvalidAudience
	}
	return nil
}

// claimsPrefixes are those of tokens for each audience alone, and of one for all of them under "".
func claimsPrefixes(cfg Config) (map[string][]byte, error) {
	prefixes := map[string][]byte{}
	var err error
	if prefixes[""], err = claimsPrefix(cfg.Issuer, cfg.Audience, cfg.ClientID); err != nil {
		return nil, err
	}
	for _, audience := range cfg.Audience {
		if prefixes[audience], err = claimsPrefix(cfg.Issuer, []string{audience}, cfg.ClientID); err != nil {
			return nil, err
		}
	}
	return prefixes, nil
}

// claimsPrefix encodes the claims that are the same in every token. One audience is written as a
// string, several as an array (RFC 7519 §4.1.3).
func claimsPrefix(issuer string, audience []string, clientID string) ([]byte, error) {
	var aud any = audience
	if len(audience) == 1 {
		aud = audience[0]
	}
	prefix, err := json.Marshal(struct {
		Issuer    string `json:"iss"`
		Audience  any    `json:"aud"`
		ClientID  string `json:"client_id"`
		TokenType string `json:"token_type"`
	}{issuer, aud, clientID, "access"})
	if err != nil {
		return nil, err
	}
	return prefix[:len(prefix)-1], nil // the members of the token itself follow
}
