package verifygrpc

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/sallyport-auth/sallyport/verify"
)

// Unary lets a call through that bears a good token which passes every guard; the handler finds the claims with
// [verify.FromContext]. The status of all other calls:
//
//	Unauthenticated   no token, several, or one that is not good: the same for every cause
//	PermissionDenied  a guard is not passed
//	Unavailable       keys, feed or issuer cannot be reached: the token may be good, so try again
//	Internal          any other fault
//
// The message of the status begins with the code of the HTTP answer (see [verify.Middleware]), as "token_not_valid: …".
func Unary(v *verify.Verifier, guards ...verify.Guard) grpc.UnaryServerInterceptor {
	return unary(v, func(string) ([]verify.Guard, bool) { return guards, true })
}

// Stream is Unary for streams. The token is looked at when the stream begins and with every message in either direction, so
// that a stream ends with its token: when that expires and, if the verifier follows the feed, when the session ends. A
// verifier that asks [verify.Online] asks for every message.
func Stream(v *verify.Verifier, guards ...verify.Guard) grpc.StreamServerInterceptor {
	return stream(v, func(string) ([]verify.Guard, bool) { return guards, true })
}

// Methods gives the full name of each method, as "/orders.v1.Orders/List", the guards that it demands beyond a good token;
// none is nil. A method that is not named is refused with PermissionDenied: what was forgotten is closed.
type Methods map[string][]verify.Guard

// Unary is the function of that name with the guards of each method.
func (m Methods) Unary(v *verify.Verifier) grpc.UnaryServerInterceptor { return unary(v, m.guards) }

// Stream is the function of that name with the guards of each method.
func (m Methods) Stream(v *verify.Verifier) grpc.StreamServerInterceptor { return stream(v, m.guards) }

func (m Methods) guards(method string) ([]verify.Guard, bool) {
	guards, named := m[method]
	return guards, named
}

// rule finds the guards of a method; false for one that is closed.
type rule func(method string) ([]verify.Guard, bool)

func unary(v *verify.Verifier, of rule) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		ctx, err := (&call{v, of, info.FullMethod, ""}).begin(ctx)
		if err != nil {
			return nil, err
		}
		return handler(ctx, request)
	}
}

func stream(v *verify.Verifier, of rule) grpc.StreamServerInterceptor {
	return func(server any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		c := &call{v, of, info.FullMethod, ""}
		ctx, err := c.begin(s.Context())
		if err != nil {
			return err
		}
		return handler(server, &guarded{s, ctx, c})
	}
}

// call is one call and its token.
type call struct {
	verifier *verify.Verifier
	of       rule
	method   string
	token    string
}

// begin returns the context of the handler.
func (c *call) begin(ctx context.Context) (context.Context, error) {
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) > 1 {
		return nil, status.Error(codes.Unauthenticated, "invalid_request: the call has more than one authorization")
	}
	scheme, token := "", ""
	if len(values) == 1 {
		scheme, token, _ = strings.Cut(values[0], " ")
	}
	if !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "" {
		return nil, status.Error(codes.Unauthenticated, "missing_token: a bearer token is required")
	}
	c.token = token
	claims, err := c.check(ctx)
	if err != nil {
		return nil, err
	}
	return verify.NewContext(ctx, claims), nil
}

// check verifies the token, now, and the guards.
func (c *call) check(ctx context.Context) (*verify.Claims, error) {
	claims, err := c.verifier.Verify(ctx, c.token)
	if err != nil {
		return nil, statusOf(err)
	}
	guards, open := c.of(c.method)
	if !open {
		return nil, status.Error(codes.PermissionDenied, "forbidden: this method is not open to anybody")
	}
	for _, g := range guards {
		if !g.Passes(claims) {
			return nil, status.Error(codes.PermissionDenied, "insufficient_scope: the token does not grant access to this method")
		}
	}
	return claims, nil
}

// statusOf says nothing of the cause: that is for the log of the verifier.
func statusOf(err error) error {
	for _, s := range []struct {
		err  error
		code codes.Code
		text string
	}{
		{verify.ErrKeysUnavailable, codes.Unavailable, "keys_unavailable: the token cannot be checked now"},
		{verify.ErrFeedUnavailable, codes.Unavailable, "feed_unavailable: the token cannot be checked now"},
		{verify.ErrIssuerUnavailable, codes.Unavailable, "issuer_unavailable: the token cannot be checked now"},
		{verify.ErrTokenInvalid, codes.Unauthenticated, "token_not_valid: the token is invalid or expired"},
	} {
		if errors.Is(err, s.err) {
			return status.Error(s.code, s.text)
		}
	}
	return status.Error(codes.Internal, "internal: the token could not be checked")
}

// guarded is a stream that ends with its token.
type guarded struct {
	grpc.ServerStream
	ctx  context.Context
	call *call
}

// Context has the claims.
func (g *guarded) Context() context.Context { return g.ctx }

// RecvMsg refuses a message that comes under a token which is not good any more.
func (g *guarded) RecvMsg(m any) error {
	if err := g.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	_, err := g.call.check(g.ctx)
	return err
}

// SendMsg sends nothing under a token that is not good any more.
func (g *guarded) SendMsg(m any) error {
	if _, err := g.call.check(g.ctx); err != nil {
		return err
	}
	return g.ServerStream.SendMsg(m)
}
