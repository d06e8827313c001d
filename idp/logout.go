package idp

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

const (
	// logoutEvent is the member of "events" that makes a security event token a logout token (Back-Channel Logout 1.0 §2.4).
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	// logoutAge is how long ago a logout token may have been issued.
	logoutAge = 2 * time.Minute
	// maxLogoutText bounds "jti" and "sid", in bytes.
	maxLogoutText = 255
)

func badLogout(format string, args ...any) error {
	return fmt.Errorf("%w: %s", sallyport.ErrLogoutTokenInvalid, fmt.Sprintf(format, args...))
}

// VerifyLogoutToken implements sallyport.IdentityProvider: the rules of Back-Channel Logout 1.0 §2.6, on top of those
// that every token of a provider must pass.
func (rp *relyingParty) VerifyLogoutToken(ctx context.Context, text string) (*sallyport.LogoutNotice, error) {
	token, err := jws.Parse(text, sallyport.MaxIDToken)
	if err != nil {
		return nil, badLogout("%v", err)
	}
	claims, err := strictjson.ParseObject(token.Payload())
	if err != nil {
		return nil, badLogout("%v", err)
	}
	// §2.4 asks for the type; providers that are older than that leave it out, or write JWT, and "events" tells as well.
	if typ := token.Header.Type; typ != "" && !slices.ContainsFunc([]string{"logout+jwt", "application/logout+jwt", "JWT"}, func(t string) bool { return strings.EqualFold(t, typ) }) {
		return nil, badLogout("header typ is not logout+jwt")
	}
	from, err := rp.verifyFrom(ctx, token, claims)
	if errors.Is(err, sallyport.ErrIDTokenInvalid) {
		return nil, badLogout("%v", err)
	}
	if err != nil {
		return nil, err
	}
	issued, err := rp.checkLogoutTimes(claims)
	if err != nil {
		return nil, err
	}
	if err := rp.checkAudience(claims, false); err != nil { // §2.4 knows no azp
		return nil, badLogout("%v", err)
	}
	events, _ := claims["events"].(map[string]any)
	if _, isObject := events[logoutEvent].(map[string]any); !isObject {
		return nil, badLogout("events does not name a back-channel logout")
	}
	if _, present := claims["nonce"]; present {
		return nil, badLogout("it has a nonce, as an ID token does")
	}
	return rp.notice(from, claims, issued)
}

// checkLogoutTimes returns when the token was issued. The age limit is what bounds how long its jti must be remembered.
func (rp *relyingParty) checkLogoutTimes(claims map[string]any) (time.Time, error) {
	now := rp.now()
	issued, ok := strictjson.Date(claims["iat"])
	if !ok || issued.After(now.Add(rp.leeway)) || now.Sub(issued) > logoutAge {
		return issued, badLogout("iat is missing, malformed, in the future or more than %v ago", logoutAge)
	}
	if exp, present := claims["exp"]; present {
		if expires, ok := strictjson.Date(exp); !ok || !now.Before(expires.Add(rp.leeway)) {
			return issued, badLogout("exp is malformed or past")
		}
	}
	if nbf, present := claims["nbf"]; present {
		if from, ok := strictjson.Date(nbf); !ok || from.After(now.Add(rp.leeway)) {
			return issued, badLogout("nbf is malformed or in the future")
		}
	}
	return issued, nil
}

func (rp *relyingParty) notice(from issuer, claims map[string]any, issued time.Time) (*sallyport.LogoutNotice, error) {
	n := &sallyport.LogoutNotice{Issuer: from.canonical, IssuedAt: issued, UsableUntil: issued.Add(logoutAge)}
	id, _ := claims["jti"].(string)
	if id == "" || len(id) > maxLogoutText {
		return nil, badLogout("jti is missing, empty or longer than %d bytes", maxLogoutText)
	}
	sum := sha256.Sum256([]byte("logout token\x00" + n.Issuer + "\x00" + id))
	n.TokenHash = sum[:]
	if _, present := claims["sub"]; present {
		subject, err := subjectOf(claims)
		if err != nil {
			return nil, badLogout("%v", err)
		}
		n.Subject = subject
	}
	if sid, present := claims["sid"]; present {
		text, _ := sid.(string)
		if text == "" || len(text) > maxLogoutText {
			return nil, badLogout("sid is no string, empty or longer than %d bytes", maxLogoutText)
		}
		n.SessionID = text
	}
	if n.Subject == "" && n.SessionID == "" {
		return nil, badLogout("it has neither sub nor sid")
	}
	return n, nil
}
