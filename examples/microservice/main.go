// Command microservice is a service that only verifies access tokens.
//
//	go run ./examples/microservice -issuer http://127.0.0.1:8000/auth -audience orders
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/sallyport-auth/sallyport/examples/microservice/orders"
	"github.com/sallyport-auth/sallyport/verify"
)

func main() {
	issuer := flag.String("issuer", "http://127.0.0.1:8000/auth", "issuer of the access tokens")
	audience := flag.String("audience", "orders", "name of this service in the tokens' audience")
	listen := flag.String("listen", "127.0.0.1:8002", "address to listen on")
	origin := flag.String("app-origin", "", "origin of the app whose pages may call")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	listener, err := net.Listen("tcp", *listen)
	if err == nil {
		fmt.Printf("orders on http://%s/orders\n", listener.Addr())
		err = serve(ctx, listener, *issuer, *audience, *origin)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, listener net.Listener, issuer, audience, origin string) error {
	v, err := verify.New(verify.Config{Issuer: issuer, Audience: audience})
	if err != nil {
		return err
	}
	defer v.Close()
	server := &http.Server{Handler: orders.Handler(v, origin), ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() { server.Close() })
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
