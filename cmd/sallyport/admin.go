package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// readyTime is how long the store may take to answer /readyz.
const readyTime = time.Second

// newAdmin is what the admin listener at address serves: /livez, /readyz, /version and /metrics.
//
// Being on loopback is no protection from a page in the operator's browser, so it answers to its own
// names alone, which stops DNS rebinding, and to no page of another origin.
func newAdmin(ready func(context.Context) error, draining func() bool, metrics http.Handler, address string) http.Handler {
	routes := map[string]func(context.Context) (int, any){
		"/livez":   func(context.Context) (int, any) { return http.StatusOK, health{"ok"} },
		"/version": func(context.Context) (int, any) { return http.StatusOK, buildVersion() },
		"/readyz": func(ctx context.Context) (int, any) {
			ctx, cancel := context.WithTimeout(ctx, readyTime)
			defer cancel()
			if draining() {
				return http.StatusServiceUnavailable, health{"draining"}
			}
			switch err := ready(ctx); {
			case errors.Is(err, sallyport.ErrUnknownSecret):
				return http.StatusServiceUnavailable, health{"the database has been given another root secret"}
			case errors.Is(err, sallyport.ErrNoSigningKey):
				return http.StatusServiceUnavailable, health{"there is no signing key"}
			case err != nil:
				return http.StatusServiceUnavailable, health{"the store does not answer"}
			}
			return http.StatusOK, health{"ok"}
		},
	}
	own, _, _ := net.SplitHostPort(address) // the settings have split it before
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := routes[r.URL.Path]
		known = known || r.URL.Path == "/metrics"
		switch {
		case isForeign(r, own):
			writeAdmin(w, http.StatusForbidden, refusal{"The admin listener answers to its own address alone.", "forbidden"})
		case !known:
			writeAdmin(w, http.StatusNotFound, refusal{"Not found.", "not_found"})
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			writeAdmin(w, http.StatusMethodNotAllowed, refusal{"Method not allowed.", "method_not_allowed"})
		case answer == nil:
			metrics.ServeHTTP(w, r)
		default:
			status, body := answer(r.Context())
			writeAdmin(w, status, body)
		}
	})
}

type health struct {
	Status string `json:"status"`
}

// refusal has the form of the contract's errors.
type refusal struct {
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

func writeAdmin(w http.ResponseWriter, status int, body any) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // an error means that the client has gone
}

// isForeign reports whether the request names another host, or comes from a page of another origin.
func isForeign(r *http.Request, own string) bool {
	if !isOwnHost(r.Host, own) {
		return true
	}
	for _, origin := range r.Header.Values("Origin") {
		if u, err := url.Parse(origin); err != nil || u.Scheme != "http" || u.Host != r.Host {
			return true
		}
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" {
			return true
		}
	}
	return false
}

// isOwnHost accepts addresses, localhost and the configured name: DNS rebinding needs a name that
// somebody else's DNS answers for. The port may be another one where a container maps it.
func isOwnHost(hostport, own string) bool {
	u, err := url.Parse("http://" + hostport)
	if err != nil || u.Host != hostport || hostport == "" {
		return false
	}
	host := u.Hostname()
	_, err = netip.ParseAddr(host)
	return err == nil || host == "localhost" || host == own
}
