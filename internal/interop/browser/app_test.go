package browser

import (
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/internal/realidp"
	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// app is a whole Sallyport, with the flags that its cookies have in production, and a single-page app on the same origin.
type app struct {
	*testing.T
	listener net.Listener
	origin   string
	issuer   string
}

// newApp binds the port, which the registration at a provider has to name; serve does the rest.
func newApp(t *testing.T) *app {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	origin := "http://" + listener.Addr().String()
	return &app{t, listener, origin, origin + "/auth"}
}

// serve starts the app; spa is what its page tells oidc-client-ts.
func (a *app) serve(provider sallyport.Provider, spa map[string]string) {
	a.Helper()
	store, err := sqlite.Open(filepath.Join(a.TempDir(), "app.db"))
	if err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() {
		if err := store.Close(); err != nil {
			a.Error(err)
		}
	})
	secret := make([]byte, sallyport.MinSecretBytes)
	rand.Read(secret)
	log := slog.New(slog.NewTextHandler(a.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	svc, err := sallyport.New(sallyport.Config{
		Issuer: a.issuer, Store: store, Secret: secret, Providers: []sallyport.Provider{provider}, Logger: log,
		UserFields: []string{"id", "username", "email"},
		Password:   password.Config{Memory: 64, Passes: 1}, // nobody signs in by password
	})
	if err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() { svc.Close() })
	auth, err := authhttp.New(svc, authhttp.Config{Logger: log})
	if err != nil {
		a.Fatal(err)
	}
	settings, err := json.Marshal(spa)
	if err != nil {
		a.Fatal(err)
	}
	library := realidp.Module(a, "oidc-client-ts/dist/browser/oidc-client-ts.min.js")
	mux := http.NewServeMux()
	mux.Handle("/auth/", auth)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "testdata/spa.html") })
	mux.HandleFunc("GET /oidc-client-ts.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, library) })
	mux.HandleFunc("GET /settings.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(settings) // a page that is gone needs none
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(a.listener) }) // returns when the server is closed
	a.Cleanup(func() {
		server.Close()
		serving.Wait()
	})
}
