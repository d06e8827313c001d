package authhttp

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// revocations is the feed (docs/revocations.md): public like the keys, and signed like a token.
func (h *Handler) revocations(w http.ResponseWriter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return invalid("The query is malformed.")
	}
	after, afterOK := number(query, "after")
	seconds, waitOK := number(query, "wait")
	if !afterOK || !waitOK {
		return invalid("after and wait are decimal integers, at most one of each.")
	}
	wait := sallyport.MaxRevocationsWait
	if limit := int64(wait / time.Second); seconds < limit {
		wait = time.Duration(seconds) * time.Second
	}
	if r.Method == http.MethodHead {
		wait = 0
	}
	written := allowWait(w, wait)
	page, err := h.svc.Revocations(r.Context(), after, wait)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "application/jwt")
	header.Set("Cache-Control", "no-cache")
	header.Set("Content-Length", strconv.Itoa(len(page)))
	w.Write([]byte(page)) // net/http drops it for HEAD; an error means that the client has gone
	written()
	return nil
}

// number is the value of a parameter that may be left out, which is 0.
func number(query url.Values, name string) (int64, bool) {
	values := query[name]
	if len(values) == 0 {
		return 0, true
	}
	n, err := strconv.ParseUint(values[0], 10, 63)
	return int64(n), err == nil && len(values) == 1
}

// allowWait moves the deadlines of the connection of an answer that takes longer than others, and takes that back when the
// answer is written: a server without a WriteTimeout sets none for the next one. Where a middleware hides the connection,
// it is left as it is.
func allowWait(w http.ResponseWriter, wait time.Duration) (written func()) {
	connection := http.NewResponseController(w)
	end := time.Now().Add(wait + requestDeadline)
	if connection.SetReadDeadline(end) != nil || connection.SetWriteDeadline(end) != nil {
		return func() {}
	}
	return func() {
		if connection.Flush() == nil {
			_ = connection.SetWriteDeadline(time.Time{})
		}
	}
}
