package verifygrpc_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
	"github.com/sallyport-auth/sallyport/verifygrpc"
)

// clock is a time that only the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// whoami is who a context says that asks.
func whoami(ctx context.Context) string {
	claims, ok := verify.FromContext(ctx)
	if !ok {
		return "nobody"
	}
	return claims.Subject
}

// orders is a service with a method of each kind: it answers every message with who sent it.
var orders = grpc.ServiceDesc{
	ServiceName: "orders.v1.Orders",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Get",
		Handler: func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
			in := new(wrapperspb.StringValue)
			if err := decode(in); err != nil {
				return nil, err
			}
			answer := func(ctx context.Context, _ any) (any, error) { return wrapperspb.String(whoami(ctx)), nil }
			return intercept(ctx, in, &grpc.UnaryServerInfo{FullMethod: "/orders.v1.Orders/Get"}, answer)
		},
	}},
	Streams: []grpc.StreamDesc{{
		StreamName: "Follow", ServerStreams: true, ClientStreams: true,
		Handler: func(_ any, s grpc.ServerStream) error {
			for {
				if err := s.RecvMsg(new(wrapperspb.StringValue)); err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
				if err := s.SendMsg(wrapperspb.String(whoami(s.Context()))); err != nil {
					return err
				}
			}
		},
	}},
}

// world is an issuer, a verifier and a server with its client.
type world struct {
	clock    *clock
	issuer   *verifytest.Issuer
	verifier *verify.Verifier
	client   *grpc.ClientConn
}

func newWorld(t *testing.T, mode verify.Revocation, interceptors func(*verify.Verifier) []grpc.ServerOption) *world {
	t.Helper()
	w := &world{clock: &clock{now: time.Unix(1_795_608_000, 0)}}
	w.issuer = verifytest.New(t, verifytest.Config{Now: w.clock.Now})
	var err error
	w.verifier, err = verify.New(verify.Config{
		Issuer: w.issuer.URL(), Audience: w.issuer.Audience(), Revocation: mode, Now: w.clock.Now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.verifier.Close() })
	if err := w.verifier.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(interceptors(w.verifier)...)
	server.RegisterService(&orders, nil)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	w.client, err = grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.client.Close() })
	return w
}

func both(guards ...verify.Guard) func(*verify.Verifier) []grpc.ServerOption {
	return func(v *verify.Verifier) []grpc.ServerOption {
		return []grpc.ServerOption{grpc.UnaryInterceptor(verifygrpc.Unary(v, guards...)), grpc.StreamInterceptor(verifygrpc.Stream(v, guards...))}
	}
}

// call asks once by each kind of method, and checks that they agree.
func (w *world) call(t *testing.T, authorization ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, value := range authorization {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", value)
	}
	answer := new(wrapperspb.StringValue)
	err := w.client.Invoke(ctx, "/orders.v1.Orders/Get", wrapperspb.String("x"), answer)
	s, streamErr := w.client.NewStream(ctx, &orders.Streams[0], "/orders.v1.Orders/Follow")
	streamed := new(wrapperspb.StringValue)
	if streamErr == nil {
		if streamErr = s.SendMsg(wrapperspb.String("x")); streamErr == nil || streamErr == io.EOF {
			streamErr = s.RecvMsg(streamed)
		}
	}
	if status.Code(err) != status.Code(streamErr) || answer.Value != streamed.Value {
		t.Errorf("a call = %q, %v, a stream = %q, %v", answer.Value, err, streamed.Value, streamErr)
	}
	return answer.Value, err
}

func (w *world) want(t *testing.T, what string, code codes.Code, begins string, authorization ...string) {
	t.Helper()
	_, err := w.call(t, authorization...)
	if s := status.Convert(err); s.Code() != code || !strings.HasPrefix(s.Message(), begins) {
		t.Errorf("%s: %v, want %v %s", what, err, code, begins)
	}
}

func TestTokens(t *testing.T) {
	w := newWorld(t, verify.Stateless, both(verify.Scope("orders:read")))
	scope := verifytest.Scope("orders:read")
	good := w.issuer.Token(scope)
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} {
		if who, err := w.call(t, scheme+good); err != nil || who != "user-1" {
			t.Errorf("%sgood token = %q, %v", scheme, who, err)
		}
	}
	w.want(t, "without the scope", codes.PermissionDenied, "insufficient_scope", "Bearer "+w.issuer.Token())
	w.want(t, "no metadata (VM-01)", codes.Unauthenticated, "missing_token")
	for _, value := range []string{"", "Bearer", "Bearer ", "Basic dTpw", good, `"Bearer ` + good + `"`} {
		w.want(t, "authorization "+value[:min(len(value), 8)]+" (VM-01)", codes.Unauthenticated, "missing_token", value)
	}
	w.want(t, "two good ones (VM-01)", codes.Unauthenticated, "invalid_request", "Bearer "+good, "Bearer "+good)
	w.want(t, "two in one (VM-01)", codes.Unauthenticated, "token_not_valid", "Bearer "+good+", Bearer "+good)
	w.want(t, "two spaces (VM-10)", codes.Unauthenticated, "token_not_valid", "Bearer  "+good)
	for what, bad := range w.issuer.BadTokens(scope) {
		w.want(t, what, codes.Unauthenticated, "token_not_valid", "Bearer "+bad)
	}
	if who, err := w.call(t, "Bearer "+good); err != nil || who != "user-1" {
		t.Errorf("the good token in the end = %q, %v", who, err)
	}
}

func TestFaultsAreNotTheTokens(t *testing.T) {
	w := newWorld(t, verify.Online, both())
	token := "Bearer " + w.issuer.Token()
	w.issuer.Fail(verifytest.Down)
	w.want(t, "the issuer is down", codes.Unavailable, "issuer_unavailable", token)
	w.issuer.Fail(verifytest.None)
	w.want(t, "it is there again", codes.OK, "", token)
	w.issuer.EndSession("session-1")
	w.want(t, "the session has ended", codes.Unauthenticated, "token_not_valid", token)

	f := newWorld(t, verify.Feed, both())
	asked := f.issuer.Count(verifytest.Revocations)
	f.issuer.Fail(verifytest.Broken)
	for f.issuer.Count(verifytest.Revocations) <= asked+1 {
		runtime.Gosched()
	}
	f.clock.Advance(verify.DefaultMaxFeedAge + time.Second)
	f.want(t, "the feed is old", codes.Unavailable, "feed_unavailable", "Bearer "+f.issuer.Token())
}

func TestMethods(t *testing.T) {
	w := newWorld(t, verify.Stateless, func(v *verify.Verifier) []grpc.ServerOption {
		m := verifygrpc.Methods{"/orders.v1.Orders/Get": nil, "/orders.v1.Orders/Follow": nil}
		return []grpc.ServerOption{grpc.UnaryInterceptor(m.Unary(v)), grpc.StreamInterceptor(m.Stream(v))}
	})
	w.want(t, "methods that are named", codes.OK, "", "Bearer "+w.issuer.Token())
	closed := newWorld(t, verify.Stateless, func(v *verify.Verifier) []grpc.ServerOption {
		m := verifygrpc.Methods{"/orders.v1.Orders/Delete": {verify.Group("admins")}}
		return []grpc.ServerOption{grpc.UnaryInterceptor(m.Unary(v)), grpc.StreamInterceptor(m.Stream(v))}
	})
	closed.want(t, "methods that are not named", codes.PermissionDenied, "forbidden", "Bearer "+closed.issuer.Token())
	closed.want(t, "and a bad token", codes.Unauthenticated, "token_not_valid", "Bearer x")
}

// A stream does not outlive its token.
func TestStreamsEndWithTheirTokens(t *testing.T) {
	for name, c := range map[string]struct {
		mode verify.Revocation
		end  func(*world)
	}{
		"expired": {verify.Stateless, func(w *world) { w.clock.Advance(6*time.Minute + time.Second) }},
		"revoked": {verify.Feed, func(w *world) { w.issuer.EndSession("session-1") }},
		"stale":   {verify.Feed, func(w *world) { w.issuer.MakeStale("user-1") }},
		"asked":   {verify.Online, func(w *world) { w.issuer.EndSession("session-1") }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.mode, both())
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			s, err := w.client.NewStream(metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+w.issuer.Token()), &orders.Streams[0], "/orders.v1.Orders/Follow")
			if err != nil {
				t.Fatal(err)
			}
			ask := func() error {
				if err := s.SendMsg(wrapperspb.String("x")); err != nil && err != io.EOF {
					return err
				}
				return s.RecvMsg(new(wrapperspb.StringValue))
			}
			for range 3 {
				if err := ask(); err != nil {
					t.Fatal(err)
				}
			}
			c.end(w)
			for err = ask(); err == nil; err = ask() { // the feed takes a moment
			}
			if st := status.Convert(err); st.Code() != codes.Unauthenticated || !strings.HasPrefix(st.Message(), "token_not_valid") {
				t.Errorf("the stream ends with %v, want Unauthenticated", err)
			}
		})
	}
}
