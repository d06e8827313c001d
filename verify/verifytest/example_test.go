package verifytest_test

import (
	"log"
	"log/slog"
	"net/http"
	"testing"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

var quiet = slog.New(slog.DiscardHandler)

// newOrders is a service under test.
func newOrders(issuer string) http.Handler {
	v, err := verify.New(verify.Config{Issuer: issuer, Audience: "orders", Logger: quiet})
	if err != nil {
		log.Fatal(err)
	}
	return v.Require(http.HandlerFunc(ok), verify.Group("staff"))
}

func TestOrders(t *testing.T) {
	issuer := verifytest.New(t, verifytest.Config{Audience: "orders"})
	issuer.Hostile(t, newOrders(issuer.URL()), "GET", "/orders", verifytest.Groups("staff"))
}

// In the test of a service; newOrders makes its handler.
func Example() {
	_ = TestOrders
}
