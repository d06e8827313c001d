package verifygrpc_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
	"github.com/sallyport-auth/sallyport/verifygrpc"
)

// bridge makes a call of each request, with its headers as metadata, and an answer of the status.
func bridge(call func(ctx context.Context) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := metadata.MD{}
		for name, values := range r.Header {
			if name = strings.ToLower(name); name != "connection" { // HTTP/2 has none (RFC 9113 §8.2.2)
				sent.Append(name, values...)
			}
		}
		if strings.Contains(strings.Join(sent["authorization"], ""), "\t") { // grpc's client sends printable characters alone
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		err := call(metadata.NewOutgoingContext(r.Context(), sent))
		reason, _ := reasonOf(err)
		switch status.Code(err) {
		case codes.OK:
			w.WriteHeader(http.StatusNoContent)
		case codes.Unauthenticated:
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
			_ = json.NewEncoder(w).Encode(map[string]string{"code": strings.ToLower(reason)})
		default:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

// TestHostile: what verifytest throws at a service of HTTP does not get into one of gRPC either.
func TestHostile(t *testing.T) {
	for name, mode := range map[string]verify.Revocation{"stateless": verify.Stateless, "feed": verify.Feed} {
		w, o := newWorld(t, mode), newOrders()
		if err := w.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		guard := verify.Scope("orders:read")
		c := serve(t, o, verifygrpc.Unary(w.Verifier, guard), verifygrpc.Stream(w.Verifier, guard))
		t.Run(name+" unary", func(t *testing.T) {
			w.issuer.Hostile(t, bridge(func(ctx context.Context) error {
				_, err := ask(ctx, c)
				return err
			}), "POST", "/", verifytest.Scope("orders:read"))
		})
		t.Run(name+" stream", func(t *testing.T) {
			w.issuer.Hostile(t, bridge(func(ctx context.Context) error { return chatOnce(ctx, c) }), "POST", "/", verifytest.Scope("orders:read"))
		})
	}
}

// chatOnce sends one message and waits for the end.
func chatOnce(ctx context.Context, c *grpc.ClientConn) error {
	s, err := c.NewStream(ctx, &description.Streams[1], chat)
	if err != nil {
		return err
	}
	_ = s.SendMsg(wrapperspb.String("all")) // the stream may have ended: what is received tells
	if err := s.CloseSend(); err != nil {
		return err
	}
	for {
		if _, err := receive(s); err != nil {
			return endIsGood(err)
		}
	}
}
