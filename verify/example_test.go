package verify_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"expvar"
	"fmt"
	"io"
	"log"
	"net"
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
	orders := http.NotFoundHandler()

	v, err := verify.New(verify.Config{
		Issuer:   "https://app.example.com/auth", // exactly the server's issuer
		Audience: "orders",                       // one of its tokens.audience
	})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()

	mux.Handle("GET /orders", v.Require(orders))
	// orders is an http.Handler, and in it: claims, ok := verify.FromContext(r.Context())
}

// A probe of readiness.
func ExampleVerifier_Ready() {
	issuer, _ := exampleIssuer()
	defer issuer.Close()
	v, err := verify.New(verify.Config{Issuer: issuer.URL, Audience: "orders"})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	mux := http.NewServeMux()

	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := v.Ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})

	service := httptest.NewServer(mux)
	defer service.Close()
	status, _ := ask(service.URL+"/readyz", "")
	fmt.Println(status)
	// Output: 200
}

// The issuer's name leads to another address from where this service is.
func ExampleConfig_client() {
	companyCAs := x509.NewCertPool()

	inside := http.DefaultTransport.(*http.Transport).Clone()
	inside.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, "10.0.0.5:443") // where app.example.com is, seen from here
	}
	inside.TLSClientConfig = &tls.Config{RootCAs: companyCAs} // if its certificate is not a public one

	v, err := verify.New(verify.Config{
		Issuer: "https://app.example.com/auth", Audience: "orders", Client: &http.Client{Transport: inside},
	})
	if err != nil {
		log.Fatal(err)
	}
	v.Close()
}

// counters is an Observer for expvar. One for Prometheus has a counter with the label "result" in its place.
type counters struct{ *expvar.Map }

func (c counters) Verified(_ context.Context, result string) { c.Add(result, 1) }

// What became of each token is counted, and how fresh the keys and the feed are is asked when somebody looks.
func ExampleObserver() {
	metrics := new(expvar.Map) // in a program: expvar.NewMap("sallyport")

	results := new(expvar.Map)
	v, err := verify.New(verify.Config{
		Issuer: "https://app.example.com/auth", Audience: "orders", Observer: counters{results},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()

	metrics.Set("verify_total", results)
	metrics.Set("verify_jwks_age_seconds", expvar.Func(func() any { return v.Status().KeysAge.Seconds() }))
	metrics.Set("verify_feed_age_seconds", expvar.Func(func() any { return v.Status().FeedAge.Seconds() }))

	for _, token := range []string{"", "no token"} {
		v.Verify(context.Background(), token)
	}
	fmt.Println(metrics.Get("verify_total"))
	fmt.Println("feed age:", metrics.Get("verify_feed_age_seconds"), "second: it is not read")
	// Output:
	// {"invalid": 2}
	// feed age: -1 second: it is not read
}

// A page that anybody may see, and that knows who has signed in.
func ExampleVerifier_Optional() {
	issuer, token := exampleIssuer()
	defer issuer.Close()
	v, err := verify.New(verify.Config{Issuer: issuer.URL, Audience: "orders"})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()

	handler := v.Optional(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, ok := verify.FromContext(r.Context())
		if !ok {
			fmt.Fprint(w, "hello, whoever you are")
			return
		}
		fmt.Fprintf(w, "hello, %s", claims.Subject)
	}))

	for _, header := range []http.Header{{}, {"Authorization": {"Bearer " + token}}, {"Authorization": {"Bearer " + token + "x"}}} {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Header = header
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		fmt.Println(answer.Code, answer.Body)
	}
	// Output:
	// 200 hello, whoever you are
	// 200 hello, alice
	// 401 {"detail":"Token is invalid or expired","code":"token_not_valid"}
}

// Custom claims in the types of the service, one at a time or all at once.
func ExampleClaim() {
	issuer, token := exampleIssuer()
	defer issuer.Close()
	v, err := verify.New(verify.Config{Issuer: issuer.URL, Audience: "orders"})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	claims, err := v.Verify(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}

	scope, ok := verify.Claim[string](claims, "scope")
	fmt.Println(scope, ok)
	admin, ok := verify.Claim[bool](claims, "admin") // not in the token
	fmt.Println(admin, ok)

	var mine struct {
		Subject string `json:"sub"`
		Scope   string `json:"scope"`
		Admin   bool   `json:"admin"`
	}
	if err := claims.Decode(&mine); err != nil { // a claim of another type
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", mine)
	// Output:
	// orders:read true
	// false false
	// {Subject:alice Scope:orders:read Admin:false}
}
