package verifygrpc_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
	"github.com/sallyport-auth/sallyport/verifygrpc"
)

func TestUnary(t *testing.T) {
	w, o := newWorld(t, verify.Stateless), newOrders()
	c := serve(t, o, verifygrpc.Unary(w.Verifier, verify.Scope("orders:read"), verify.Group("staff")), verifygrpc.Stream(w.Verifier))
	both := []verifytest.Option{verifytest.Scope("orders:read"), verifytest.Groups("staff")}
	good := w.issuer.Token(both...)
	for _, tt := range []struct {
		name   string
		values []string
		code   codes.Code
		reason string
	}{
		{"good", []string{"Bearer " + good}, codes.OK, ""},
		{"VM-01 scheme in lower case", []string{"bearer " + good}, codes.OK, ""},
		{"VM-01 no metadata", nil, codes.Unauthenticated, "MISSING_TOKEN"},
		{"VM-01 empty", []string{""}, codes.Unauthenticated, "MISSING_TOKEN"},
		{"VM-01 Basic", []string{"Basic dXNlcjpwYXNz"}, codes.Unauthenticated, "MISSING_TOKEN"},
		{"VM-01 no scheme", []string{good}, codes.Unauthenticated, "MISSING_TOKEN"},
		{"VM-01 two values", []string{"Bearer " + good, "Bearer " + good}, codes.Unauthenticated, "INVALID_REQUEST"},
		{"VM-01 a good one and an empty one", []string{"Bearer " + good, ""}, codes.Unauthenticated, "INVALID_REQUEST"},
		{"VM-01 two tokens and a comma", []string{"Bearer " + good + ", Bearer " + good}, codes.Unauthenticated, "TOKEN_NOT_VALID"},
		{"expired", []string{"Bearer " + w.issuer.Token(append(both, verifytest.Expired())...)}, codes.Unauthenticated, "TOKEN_NOT_VALID"},
		{"foreign", []string{"Bearer " + w.issuer.Token(append(both, verifytest.Foreign())...)}, codes.Unauthenticated, "TOKEN_NOT_VALID"},
		{"no scope", []string{"Bearer " + w.issuer.Token(verifytest.Groups("staff"))}, codes.PermissionDenied, "INSUFFICIENT_SCOPE"},
		{"no group", []string{"Bearer " + w.issuer.Token(verifytest.Scope("orders:read"))}, codes.PermissionDenied, "INSUFFICIENT_SCOPE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := o.calls()
			answer, err := ask(with(t.Context(), tt.values...), c)
			reason, _ := reasonOf(err)
			if status.Code(err) != tt.code || reason != tt.reason {
				t.Errorf("Get = %v, reason %q, want %v, %q", err, reason, tt.code, tt.reason)
			}
			if err == nil && answer != "of user-1" {
				t.Errorf("the handler answers %q, want the claims of the token", answer)
			}
			if err != nil && o.calls() != before {
				t.Error("the handler was reached")
			}
			if message := status.Convert(err).Message(); err != nil && (!strings.HasPrefix(message, strings.ToLower(reason)+": ") || strings.Contains(message, "eyJ")) {
				t.Errorf("the message is %q, want the code and a sentence without the token", message)
			}
		})
	}
}

// TestRefusalIsLogged: the caller is not told why, so the service must be.
func TestRefusalIsLogged(t *testing.T) {
	i := verifytest.New(t, verifytest.Config{})
	var log bytes.Buffer
	v, err := verify.New(verify.Config{Issuer: i.URL(), Audience: i.Audience(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	token := i.Token(verifytest.Claim("aud", "billing"))
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+token))
	_, err = verifygrpc.Unary(v)(ctx, nil, &grpc.UnaryServerInfo{FullMethod: get}, func(context.Context, any) (any, error) { return nil, nil })
	if status.Code(err) != codes.Unauthenticated || strings.Contains(err.Error(), "billing") {
		t.Errorf("the caller is told %v", err)
	}
	if text := log.String(); !strings.Contains(text, "another audience") || strings.Contains(text, token) {
		t.Errorf("the log has %q, want the reason and not the token", text)
	}
}

// TestVM_15_OtherMetadataIsNoIdentity: whatever a proxy would say, and whatever looks like the one key.
func TestVM_15_OtherMetadataIsNoIdentity(t *testing.T) {
	w, o := newWorld(t, verify.Stateless), newOrders()
	c := serve(t, o, verifygrpc.Unary(w.Verifier), verifygrpc.Stream(w.Verifier))
	bearer := "Bearer " + w.issuer.Token()
	for _, name := range append([]string{"authorization-bin", "proxy-authorization", "grpcgateway-authorization", "cookie", "token"}, verifytest.IdentityHeaders...) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), name, bearer, "x-user", "admin")
		if _, err := ask(ctx, c); status.Code(err) != codes.Unauthenticated {
			t.Errorf("with %s alone Get = %v, want Unauthenticated", name, err)
		}
		if answer, err := ask(with(ctx, bearer), c); err != nil || answer != "of user-1" {
			t.Errorf("with %s beside a good token Get = %q, %v", name, answer, err)
		}
	}
}

// TestVM_13_KeysUnavailable: a fault of the issuer's says nothing about the token, and passes.
func TestVM_13_KeysUnavailable(t *testing.T) {
	w, o := newWorld(t, verify.Stateless), newOrders()
	c := serve(t, o, verifygrpc.Unary(w.Verifier), verifygrpc.Stream(w.Verifier))
	ctx := with(t.Context(), "Bearer "+w.issuer.Token())
	for _, fault := range []verifytest.Fault{verifytest.Down, verifytest.Broken, verifytest.EmptyKeys, verifytest.HTML} {
		w.issuer.Fail(fault)
		_, err := ask(ctx, c)
		if reason, retry := reasonOf(err); status.Code(err) != codes.Unavailable || reason != "KEYS_UNAVAILABLE" || retry <= 0 {
			t.Errorf("fault %v: Get = %v, reason %q, retry after %v, want Unavailable and when to come back", fault, err, reason, retry)
		}
		w.clock.Advance(verifyGap)
	}
	w.issuer.Fail(verifytest.None)
	ctx = with(t.Context(), "Bearer "+w.issuer.Token())
	if _, err := ask(ctx, c); err != nil {
		t.Errorf("when the issuer is back Get = %v", err)
	}
}

func TestOnlineUnavailable(t *testing.T) {
	w, o := newWorld(t, verify.Online), newOrders()
	c := serve(t, o, verifygrpc.Unary(w.Verifier), verifygrpc.Stream(w.Verifier))
	ctx := with(t.Context(), "Bearer "+w.issuer.Token())
	if _, err := ask(ctx, c); err != nil {
		t.Fatal(err)
	}
	w.issuer.Fail(verifytest.Broken)
	_, err := ask(ctx, c)
	if reason, retry := reasonOf(err); status.Code(err) != codes.Unavailable || reason != "ISSUER_UNAVAILABLE" || retry <= 0 {
		t.Errorf("Get = %v, reason %q, retry after %v, want Unavailable", err, reason, retry)
	}
	w.issuer.Fail(verifytest.None)
	w.issuer.EndSession("session-1")
	if _, err := ask(ctx, c); status.Code(err) != codes.Unauthenticated {
		t.Errorf("when the session has ended Get = %v, want Unauthenticated", err)
	}
}

func TestMethods(t *testing.T) {
	w, o := newWorld(t, verify.Stateless), newOrders()
	methods := verifygrpc.Methods{get: {verify.Scope("orders:read")}, watch: nil, "/orders.v1.Orders/": nil, "*": nil}
	c := serve(t, o, methods.Unary(w.Verifier), methods.Stream(w.Verifier))
	methods[chat] = nil // too late
	plain, reader := with(t.Context(), "Bearer "+w.issuer.Token()), with(t.Context(), "Bearer "+w.issuer.Token(verifytest.Scope("orders:read")))
	if _, err := ask(plain, c); status.Code(err) != codes.PermissionDenied {
		t.Errorf("Get without its scope = %v, want PermissionDenied", err)
	}
	if _, err := ask(reader, c); err != nil {
		t.Errorf("Get with its scope = %v", err)
	}
	close(o.ticks)
	for _, tt := range []struct {
		name, method string
		n            int
		code         codes.Code
	}{
		{"named with nil", watch, 0, codes.OK}, {"not named", chat, 1, codes.PermissionDenied},
	} {
		s, err := c.NewStream(plain, &description.Streams[tt.n], tt.method)
		if err != nil {
			t.Fatal(err)
		}
		_ = s.SendMsg(of(t.Context())) // the stream may have ended: what is received tells
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if _, err := receive(s); status.Code(endIsGood(err)) != tt.code {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.code)
		}
		s, err = c.NewStream(t.Context(), &description.Streams[tt.n], tt.method)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := receive(s); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s, without a token: %v, want Unauthenticated", tt.name, err)
		}
	}
	var none verifygrpc.Methods
	shut := serve(t, o, none.Unary(w.Verifier), none.Stream(w.Verifier))
	_, err := ask(reader, shut)
	if reason, _ := reasonOf(err); status.Code(err) != codes.PermissionDenied || reason != "FORBIDDEN" {
		t.Errorf("without any method Get = %v, reason %q, want PermissionDenied, FORBIDDEN", err, reason)
	}
}

// TestVM_21_NoIdentityWithoutOurs: a handler that no interceptor guards finds no claims, whatever the metadata says.
func TestVM_21_NoIdentityWithoutOurs(t *testing.T) {
	w, o := newWorld(t, verify.Stateless), newOrders()
	unguarded := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return handler(ctx, request)
	}
	c := serve(t, o, unguarded, verifygrpc.Stream(w.Verifier))
	for _, token := range []string{w.issuer.Token(), w.issuer.Token(verifytest.Foreign())} {
		if answer, err := ask(with(t.Context(), "Bearer "+token), c); err != nil || answer != "nobody's" {
			t.Errorf("Get = %q, %v, want nobody's", answer, err)
		}
	}
}

func BenchmarkUnary(b *testing.B) {
	w := newWorld(b, verify.Stateless)
	interceptor := verifygrpc.Unary(w.Verifier)
	ctx := metadata.NewIncomingContext(b.Context(), metadata.Pairs("authorization", "Bearer "+w.issuer.Token()))
	handler := func(context.Context, any) (any, error) { return nil, nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := interceptor(ctx, nil, nil, handler); err != nil {
			b.Fatal(fmt.Errorf("a good token is refused: %w", err))
		}
	}
}
