package authhttp

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// dispatch runs what every route has in common, in the documented order: CORS, method, origin.
func (h *Handler) dispatch(w http.ResponseWriter, r *http.Request, rt route) error {
	switch {
	case rt.public:
		w.Header().Set("Access-Control-Allow-Origin", "*")
	case rt.hasOrigin():
		h.origins.allowCORS(w.Header(), r.Header)
	}
	if r.Method == http.MethodOptions && !rt.proxied {
		rt.answerOptions(w)
		return nil
	}
	handle, ok := rt.methods[r.Method]
	if rt.any != nil {
		handle = rt.any
	} else if !ok {
		w.Header().Set("Allow", rt.allow())
		return errMethod(r.Method)
	}
	if rt.hasOrigin() {
		if err := h.origins.check(r.Header); err != nil {
			h.log.LogAttrs(r.Context(), slog.LevelWarn, "request refused: its origin is neither the issuer's nor trusted",
				slog.String("origin", short(r.Header.Get("Origin"))), slog.String("sec_fetch_site", short(r.Header.Get("Sec-Fetch-Site"))),
				slog.String("own_origin", h.origins.own))
			return err
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), rt.deadline)
	defer cancel()
	return handle(w, r.WithContext(ctx))
}

// hasOrigin reports whether it matters which page asks.
func (rt route) hasOrigin() bool { return !rt.public && !rt.anyOrigin && !rt.proxied }

// short keeps what a client sent from filling the log.
func short(s string) string { return s[:min(len(s), 200)] }

func (rt route) allow() string {
	allowed := slices.Sorted(maps.Keys(rt.methods))
	if !rt.proxied {
		allowed = append(allowed, http.MethodOptions)
	}
	return strings.Join(allowed, ", ")
}

// answerOptions answers a CORS preflight (Fetch §3.3.2); allowCORS has decided whether the browser may
// go on. Without its header Access-Control-Allow-Origin the browser ignores the rest.
func (rt route) answerOptions(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Allow", rt.allow())
	if header.Get("Access-Control-Allow-Origin") != "" {
		header.Set("Access-Control-Allow-Methods", rt.allow())
		header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, "+csrfHeader+", "+nativeHeader)
		header.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}
