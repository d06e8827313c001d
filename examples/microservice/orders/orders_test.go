package orders_test

import (
	"log/slog"
	"testing"

	"github.com/sallyport-auth/sallyport/examples/microservice/orders"
	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

func TestHostile(t *testing.T) {
	issuer := verifytest.New(t, verifytest.Config{Audience: "orders"})
	v, err := verify.New(verify.Config{Issuer: issuer.URL(), Audience: "orders", Revocation: verify.Feed, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	issuer.Hostile(t, orders.Handler(v, "https://app.example.com"), "GET", "/orders")
}
