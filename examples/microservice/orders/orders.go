// Package orders is a service behind a single-page app: it trusts access tokens of Sallyport and asks
// nobody about them.
package orders

import (
	"encoding/json"
	"net/http"

	"github.com/sallyport-auth/sallyport/verify"
)

// Handler serves GET /orders to whoever brings an access token that v accepts. Pages of appOrigin may
// call it; "" for none.
func Handler(v *verify.Verifier, appOrigin string) http.Handler {
	orders := http.HandlerFunc(list)
	mux := http.NewServeMux()
	mux.Handle("GET /orders", v.Require(orders))
	return allowOrigin(appOrigin, mux)
}

// list answers with the orders of the user whose token was verified.
func list(w http.ResponseWriter, r *http.Request) {
	claims, ok := verify.FromContext(r.Context())
	if !ok { // only if this handler is mounted without Require
		http.Error(w, "no verified token", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{ // an error means that the client has gone
		"user_id": claims.UserID,
		"orders":  []map[string]any{{"id": 1, "item": "rope ladder"}, {"id": 2, "item": "lantern"}},
	})
}

// allowOrigin lets the app's pages call a service on another origin. The token travels in a header,
// so no cookie is allowed in. The page may read the challenge: it says when to refresh.
func allowOrigin(origin string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		if origin != "" && r.Header.Get("Origin") == origin {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Allow-Headers", "Authorization")
			w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate")
		}
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}
