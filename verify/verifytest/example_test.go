package verifytest_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

var quiet = slog.New(slog.DiscardHandler)

// newOrders is a service under test.
func newOrders(issuer string) (http.Handler, error) {
	v, err := verify.New(verify.Config{Issuer: issuer, Audience: "orders", Logger: quiet})
	if err != nil {
		return nil, err
	}
	return v.Require(http.HandlerFunc(ok), verify.Group("staff")), nil
}

func Example() {
	// In orders_test.go:
	test := func(t *testing.T) {
		issuer := verifytest.New(t, verifytest.Config{Audience: "orders"})
		orders, err := newOrders(issuer.URL())
		if err != nil {
			t.Fatal(err)
		}
		issuer.Hostile(t, orders, "GET", "/orders", verifytest.Groups("staff"))
	}
	_ = test
}

func TestExample(t *testing.T) {
	issuer := verifytest.New(t, verifytest.Config{Audience: "orders"})
	orders, err := newOrders(issuer.URL())
	if err != nil {
		t.Fatal(err)
	}
	issuer.Hostile(t, orders, "GET", "/orders", verifytest.Groups("staff"))
}
