package verify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/accesstoken"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// A service protects one of its routes. The issuer here stands for a Sallyport server.
func Example() {
	issuer, token := exampleIssuer()
	defer issuer.Close()

	v, err := verify.New(verify.Config{Issuer: issuer.URL, Audience: "orders"})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()

	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := verify.FromContext(r.Context()) // always there behind Require
		fmt.Fprintf(w, "orders of %s", claims.Subject)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", v.Require(orders, verify.Scope("orders:read")))
	service := httptest.NewServer(mux)
	defer service.Close()

	for _, authorization := range []string{"Bearer " + token, "Bearer " + token + "x", ""} {
		status, body := ask(service.URL+"/orders", authorization)
		fmt.Println(status, body)
	}
	// Output:
	// 200 orders of alice
	// 401 {"detail":"Token is invalid or expired","code":"token_not_valid"}
	// 401 {"detail":"A bearer token is required.","code":"missing_token"}
}

// exampleIssuer publishes one key and signs one token with it.
func exampleIssuer() (*httptest.Server, string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	key, err := jws.NewKey("", private.Public())
	if err != nil {
		log.Fatal(err)
	}
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{key.JWK()}})
	}))
	claims, err := json.Marshal(map[string]any{
		"iss": issuer.URL, "sub": "alice", "aud": "orders", "exp": time.Now().Add(5 * time.Minute).Unix(), "iat": time.Now().Unix(),
		"jti": "1", "sid": "1", "client_id": "sallyport", "token_type": "access", "user_id": "alice", "scope": "orders:read",
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := jws.Sign(private, jws.SignHeader{KeyID: key.ID(), Type: accesstoken.Type}, claims)
	if err != nil {
		log.Fatal(err)
	}
	return issuer, token
}

func ask(address, authorization string) (status int, body string) {
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", authorization)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	return response.StatusCode, string(b)
}

// Each route says how much it wants to know: by the feed, not at all, or at once.
func ExampleVerifier_With() {
	mux := http.NewServeMux()
	var orders, catalogue, payout http.Handler = http.NotFoundHandler(), http.NotFoundHandler(), http.NotFoundHandler()

	v, err := verify.New(verify.Config{
		Issuer: "https://app.example.com/auth", Audience: "orders", Revocation: verify.Feed,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()

	mux.Handle("GET /orders", v.Require(orders))                              // by the feed
	mux.Handle("GET /catalogue", v.With(verify.Stateless).Require(catalogue)) // keys and cache are shared
	mux.Handle("POST /payout", v.With(verify.Online).Require(payout))
}

// The first lines of the README.
func ExampleNew() {
	mux := http.NewServeMux()
	orders := http.NotFound

	v, err := verify.New(verify.Config{
		Issuer:   "https://app.example.com/auth", // exactly the server's issuer
		Audience: "orders",                       // one of its tokens.audience
	})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()

	mux.Handle("GET /orders", v.Require(http.HandlerFunc(orders)))
	// in the handler: claims, ok := verify.FromContext(r.Context())
}
