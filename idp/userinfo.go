package idp

import (
	"context"
	"errors"
	"time"
)

const (
	// maxUserinfo bounds an answer of UserInfo, in bytes.
	maxUserinfo = 64 << 10
	// userinfoLimit bounds how long one may take: it is worth less than the login that waits for it.
	userinfoLimit = 2 * time.Second
)

// errOtherSubject: OpenID Connect Core 1.0 §5.3.2. The access token is somebody else's.
var errOtherSubject = errors.New("the subject of UserInfo is not that of the ID token")

// userinfo asks for the claims that an ID token without an address leaves to UserInfo (Core §5.3). It returns
// errOtherSubject; whatever else goes wrong costs only those claims.
func (rp *relyingParty) userinfo(ctx context.Context, v *verified, accessToken string) (map[string]any, error) {
	if _, said := v.claims["email"]; said || accessToken == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, userinfoLimit)
	defer cancel()
	m, err := v.from.source.metadata(ctx)
	if err != nil || m.userinfo == "" {
		return nil, nil
	}
	info, err := getJSON(ctx, rp.http, m.userinfo, accessToken, maxUserinfo)
	if err != nil {
		return nil, nil
	}
	if info["sub"] != v.subject {
		return nil, errOtherSubject
	}
	return info, nil
}
