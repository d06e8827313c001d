package idp

import (
	"context"
	"errors"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// Redeem implements sallyport.IdentityProvider. That the token came straight from the provider replaces no check of it. Its
// tokens are forgotten when Redeem returns.
func (rp *relyingParty) Redeem(ctx context.Context, g sallyport.CodeGrant) (*sallyport.Assertion, error) {
	granted, err := rp.redeem(ctx, g)
	if err != nil {
		return nil, err
	}
	text, ok := granted.Extra("id_token").(string)
	if !ok {
		return nil, faulty("token endpoint: no id_token, or one that is no string")
	}
	token, err := jws.Parse(text, sallyport.MaxIDToken)
	if err != nil {
		return nil, faulty("ID token: %v", err)
	}
	claims, err := strictjson.ParseObject(token.Payload())
	if err != nil {
		return nil, faulty("ID token: %v", err)
	}
	v, err := rp.verify(ctx, sallyport.IDToken{Token: token, Claims: claims, AccessToken: granted.AccessToken, Nonce: &g.Nonce})
	switch {
	case errors.Is(err, sallyport.ErrIDTokenInvalid):
		return nil, faulty("%v", err) // here it is the provider who sent it
	case err != nil:
		return nil, err
	case v.expired:
		return nil, faulty("the ID token is past its end, or too old")
	}
	info, err := rp.userinfo(ctx, v, granted.AccessToken)
	if err != nil {
		return nil, faulty("%v", err)
	}
	a := rp.assertion(v, info)
	if rp.ways.posted != nil {
		rp.ways.posted(a, g.User)
	}
	return a, nil
}
