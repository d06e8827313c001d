package verifygrpc_test

import (
	"log"
	"net"

	"google.golang.org/grpc"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verifygrpc"
)

func Example() {
	v, err := verify.New(verify.Config{
		Issuer: "https://app.example.com/auth", Audience: "orders", Revocation: verify.Feed,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()

	methods := verifygrpc.Methods{
		"/orders.v1.Orders/List":   nil, // any good token
		"/orders.v1.Orders/Delete": {verify.Group("admins")},
	}
	server := grpc.NewServer(
		grpc.UnaryInterceptor(methods.Unary(v)),
		grpc.StreamInterceptor(methods.Stream(v)),
	)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(listener)
	server.Stop()
}
