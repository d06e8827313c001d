package verifygrpc

import (
	"context"

	"google.golang.org/grpc"

	"github.com/sallyport-auth/sallyport/verify"
)

// Methods says what each method demands beyond a good token, by its full name: "/orders.v1.Orders/List". A method that is not
// named is refused with PermissionDenied, whoever calls: one that is added to a service stays shut until somebody has
// said what it demands. To demand nothing more, name it with nil.
//
// The map is read once, when the interceptor is made.
type Methods map[string][]verify.Guard

// Unary is [Unary] with the guards of the method.
func (m Methods) Unary(v *verify.Verifier) grpc.UnaryServerInterceptor {
	doors := m.doors(v)
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		ctx, err := doors.of(info.FullMethod).enter(ctx)
		if err != nil {
			return nil, err
		}
		return handler(ctx, request)
	}
}

// Stream is [Stream] with the guards of the method.
func (m Methods) Stream(v *verify.Verifier) grpc.StreamServerInterceptor {
	doors := m.doors(v)
	return func(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return doors.of(info.FullMethod).follow(server, stream, handler)
	}
}

// doors are those of the methods that are named, and one that nobody passes.
type doors struct {
	named map[string]door
	shut  door // for all others
}

func (m Methods) doors(v *verify.Verifier) doors {
	d := doors{named: map[string]door{}, shut: newDoor(v, nil)}
	d.shut.shut = true
	for method, guards := range m {
		d.named[method] = newDoor(v, guards)
	}
	return d
}

func (d doors) of(method string) door {
	if named, ok := d.named[method]; ok {
		return named
	}
	return d.shut
}
