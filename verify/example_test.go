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
