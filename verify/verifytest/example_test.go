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
func newOrders(v *verify.Verifier) http.Handler {
	return v.Require(http.HandlerFunc(ok), verify.Group("staff"))
}

func TestOrders(t *testing.T) {
	issuer := verifytest.New(t, verifytest.Config{Audience: "orders"})
	v, err := verify.New(verify.Config{
		Issuer: issuer.URL(), Audience: "orders", Revocation: verify.Feed,
		Logger: slog.New(slog.DiscardHandler), // every refusal is a line
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })

	issuer.Hostile(t, newOrders(v), "GET", "/orders", verifytest.Groups("staff"))
}

// In the test of a service; newOrders makes its handler.
func Example() {
	_ = TestOrders
}
