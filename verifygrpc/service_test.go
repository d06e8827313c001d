package verifygrpc_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

var quiet = slog.New(slog.DiscardHandler)

// clock is a time that only the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_700_000_000, 0)} }

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

// orders is a service as protoc would make it, of messages that every installation has. It counts what reaches it.
type orders struct {
	mu      sync.Mutex
	reached int
	ticks   chan struct{} // Watch sends one message for each
	sent    chan error    // what became of each message of Watch
}

func newOrders() *orders { return &orders{ticks: make(chan struct{}), sent: make(chan error, 100)} }

func (o *orders) count() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reached++
}

func (o *orders) calls() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.reached
}

const (
	get   = "/orders.v1.Orders/Get"
	watch = "/orders.v1.Orders/Watch"
	chat  = "/orders.v1.Orders/Chat"
)

// of says whose orders these are.
func of(ctx context.Context) *wrapperspb.StringValue {
	claims, ok := verify.FromContext(ctx)
	if !ok {
		return wrapperspb.String("nobody's")
	}
	return wrapperspb.String("of " + claims.Subject)
}

func (o *orders) get(ctx context.Context, _ *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
	o.count()
	return of(ctx), nil
}

// watch goes on when a message cannot be sent, and in the end says that all is well: a handler that takes no notice.
func (o *orders) watch(stream grpc.ServerStream) error {
	if err := stream.RecvMsg(new(wrapperspb.StringValue)); err != nil {
		return err
	}
	o.count()
	for {
		select {
		case _, ok := <-o.ticks:
			if !ok {
				return nil
			}
			o.sent <- stream.SendMsg(of(stream.Context()))
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

// chat answers each message.
func (o *orders) chat(stream grpc.ServerStream) error {
	for {
		err := stream.RecvMsg(new(wrapperspb.StringValue))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		o.count()
		if err := stream.SendMsg(of(stream.Context())); err != nil {
			return err
		}
	}
}

var description = grpc.ServiceDesc{
	ServiceName: "orders.v1.Orders",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Get",
		Handler: func(server any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
			request, o := new(wrapperspb.StringValue), server.(*orders)
			if err := decode(request); err != nil {
				return nil, err
			}
			handler := func(ctx context.Context, request any) (any, error) {
				return o.get(ctx, request.(*wrapperspb.StringValue))
			}
			return interceptor(ctx, request, &grpc.UnaryServerInfo{Server: server, FullMethod: get}, handler)
		},
	}},
	Streams: []grpc.StreamDesc{
		{StreamName: "Watch", ServerStreams: true, Handler: func(server any, stream grpc.ServerStream) error { return server.(*orders).watch(stream) }},
		{StreamName: "Chat", ServerStreams: true, ClientStreams: true, Handler: func(server any, stream grpc.ServerStream) error { return server.(*orders).chat(stream) }},
	},
}

// serve starts a server on loopback that ends with the test, and connects to it.
func serve(t testing.TB, o *orders, unary grpc.UnaryServerInterceptor, stream grpc.StreamServerInterceptor) *grpc.ClientConn {
	t.Helper()
	server := grpc.NewServer(grpc.UnaryInterceptor(unary), grpc.StreamInterceptor(stream))
	server.RegisterService(&description, o)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection
}

// world is an issuer, a verifier of its tokens, and the time of both.
type world struct {
	clock  *clock
	issuer *verifytest.Issuer
	*verify.Verifier
}

func newWorld(t testing.TB, r verify.Revocation) world {
	t.Helper()
	w := world{clock: newClock()}
	w.issuer = verifytest.New(t, verifytest.Config{Now: w.clock.Now})
	var err error
	w.Verifier, err = verify.New(verify.Config{Issuer: w.issuer.URL(), Audience: w.issuer.Audience(), Now: w.clock.Now, Revocation: r, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// with is a context whose calls bear these values of "authorization".
func with(ctx context.Context, values ...string) context.Context {
	for _, value := range values {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", value)
	}
	return ctx
}

// ask calls Get.
func ask(ctx context.Context, c *grpc.ClientConn) (string, error) {
	answer := new(wrapperspb.StringValue)
	err := c.Invoke(ctx, get, wrapperspb.String("all"), answer)
	return answer.GetValue(), err
}

// open begins a stream of the service.
func open(ctx context.Context, t testing.TB, c *grpc.ClientConn, n int, method string) grpc.ClientStream {
	t.Helper()
	s, err := c.NewStream(ctx, &description.Streams[n], method)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SendMsg(wrapperspb.String("all")); err != nil {
		t.Fatal(err)
	}
	return s
}

// receive is the next message of a stream.
func receive(s grpc.ClientStream) (string, error) {
	answer := new(wrapperspb.StringValue)
	err := s.RecvMsg(answer)
	return answer.GetValue(), err
}

// reasonOf is that of the ErrorInfo of a status, and what its RetryInfo says.
func reasonOf(err error) (reason string, retry time.Duration) {
	for _, d := range status.Convert(err).Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			reason = d.GetReason()
		case *errdetails.RetryInfo:
			retry = d.GetRetryDelay().AsDuration()
		}
	}
	return reason, retry
}
