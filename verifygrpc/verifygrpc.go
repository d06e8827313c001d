package verifygrpc

import (
	"context"

	"google.golang.org/grpc"

	"github.com/sallyport-auth/sallyport/verify"
)

// Unary is an interceptor that lets a call through when it bears a good access token (RFC 6750, in the metadata
// "authorization") and passes every guard; the handler finds the claims with verify.FromContext. All other calls are
// answered with a status whose message begins with the code that verify.Middleware has for the same fault, which is the
// Reason of its ErrorInfo too, in capitals:
//
//	no bearer token, or a bad one      Unauthenticated
//	more than one "authorization"      Unauthenticated
//	guard not passed                   PermissionDenied
//	method without a rule (Methods)    PermissionDenied
//	keys, feed or issuer unavailable   Unavailable, with RetryInfo
//	any other fault                    Internal
//
// The verifier logs why a token is refused.
func Unary(v *verify.Verifier, guards ...verify.Guard) grpc.UnaryServerInterceptor {
	d := newDoor(v, guards)
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		ctx, err := d.enter(ctx)
		if err != nil {
			return nil, err
		}
		return handler(ctx, request)
	}
}

// Stream is [Unary] for streams. It asks again about the token with every message, received or sent: a stream ends, with
// the status of a call that begins now, at the first message after its token has expired or, when the verifier follows the
// feed, was revoked. That is the end even of a stream whose handler goes on, and even if the fault would pass: what was
// lost in between would be missing. The guards are asked again, too.
//
// For a token that the verifier remembers this takes a few microseconds. A verifier that is Online asks the server with
// every message: give streams one that follows the feed, v.With(verify.Feed).
//
// A stream on which nothing comes or goes tells nobody anything and is left open; the keepalive.ServerParameters of the
// server bound it.
func Stream(v *verify.Verifier, guards ...verify.Guard) grpc.StreamServerInterceptor {
	d := newDoor(v, guards)
	return func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return d.follow(server, stream, handler)
	}
}
