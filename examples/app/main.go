// Command app is a program of its own that signs its users in with Sallyport.
//
//	export APP_SECRET=$(openssl rand -base64 32)
//	export SALLYPORT_SECRET=$APP_SECRET
//	go run ./cmd/sallyport users create --database sqlite:app.db --username ada --password-stdin < password.txt
//	go run ./examples/app
//
// With COGNITO_REGION, COGNITO_USER_POOL and COGNITO_CLIENT_ID set it exchanges the tokens of that user
// pool as well.
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

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/sqlite"
	"github.com/sallyport-auth/sallyport/verify"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8000", "address to listen on")
	database := flag.String("database", "app.db", "file of the database")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	listener, err := net.Listen("tcp", *listen)
	if err == nil {
		err = serve(ctx, listener, *database, []byte(os.Getenv("APP_SECRET")))
	}
	if err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, listener net.Listener, database string, secret []byte) error {
	store, err := sqlite.Open(database)
	if err != nil {
		return err
	}
	defer store.Close()
	svc, err := sallyport.New(sallyport.Config{
		Issuer:    "http://" + listener.Addr().String() + "/auth", // https://app.example.com/auth in production
		Store:     store,
		Secret:    secret, // at least 32 random bytes
		Audience:  []string{"app", "orders"},
		Providers: providers(),
		Claims:    []sallyport.ClaimFunc{plan},
	})
	if err != nil {
		return err
	}
	defer svc.Close()
	auth, err := authhttp.New(svc, authhttp.Config{})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", auth)
	mux.Handle("GET /api/me", auth.Require(http.HandlerFunc(me)))

	fmt.Printf("app on http://%s/api/me\n", listener.Addr())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() { server.Close() })
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// plan adds a claim of the app's own to every access token, afresh at each refresh.
func plan(_ context.Context, r sallyport.ClaimRequest) (map[string]any, error) {
	if len(r.User.Groups) > 0 {
		return map[string]any{"plan": "team"}, nil
	}
	return map[string]any{"plan": "free"}, nil
}

func providers() []sallyport.Provider {
	if os.Getenv("COGNITO_CLIENT_ID") == "" {
		return nil
	}
	return []sallyport.Provider{idp.Cognito{
		Region:   os.Getenv("COGNITO_REGION"),
		UserPool: os.Getenv("COGNITO_USER_POOL"),
		ClientID: os.Getenv("COGNITO_CLIENT_ID"),
	}}
}

func me(w http.ResponseWriter, r *http.Request) {
	claims, ok := verify.FromContext(r.Context())
	if !ok { // only if this handler is mounted without Require
		http.Error(w, "no verified token", http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "user %s, plan %v\n", claims.UserID, claims.Claim("plan"))
}
