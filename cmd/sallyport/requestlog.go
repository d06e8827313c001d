package main

import (
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"regexp"
	"time"
)

// requestID is the header that joins the lines of one request in the log.
const requestID = "X-Request-ID"

// requestIDLike is what an id from outside must look like to be taken over.
var requestIDLike = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// logRequests writes one line for each request, without its query, gives it an id if it has none, and tells
// count of it.
func logRequests(log *slog.Logger, now func() time.Time, count func(route, method string, answer *answerWriter, duration time.Duration), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestID)
		if len(r.Header.Values(requestID)) != 1 || !requestIDLike.MatchString(id) {
			id = rand.Text()
			r.Header.Set(requestID, id) // for the security events
		}
		answer := &answerWriter{ResponseWriter: w, status: http.StatusOK}
		start := now()
		next.ServeHTTP(answer, r)
		duration, route, method := now().Sub(start), route(r, answer), method(r)
		count(route, method, answer, duration)
		attrs := []slog.Attr{
			slog.String("method", method), slog.String("route", route), slog.Int("status", answer.status),
			slog.Float64("duration_ms", float64(duration.Microseconds())/1000), slog.String("request_id", id),
		}
		if answer.code != "" {
			attrs = append(attrs, slog.String("code", answer.code))
		}
		log.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
	})
}

// route is the path of a route that exists, without what varies in it; a path that somebody made up is not repeated.
func route(r *http.Request, answer *answerWriter) string {
	if r.Pattern != "" {
		return r.Pattern
	}
	if answer.status == http.StatusNotFound && (answer.code == "" || answer.code == "not_found") {
		return "unknown"
	}
	return r.URL.Path
}

func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// answerWriter notes the status of an answer and the code of an error.
type answerWriter struct {
	http.ResponseWriter
	status int
	code   string
}

// Unwrap is for http.ResponseController.
func (a *answerWriter) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answerWriter) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answerWriter) Write(body []byte) (int, error) {
	if a.status >= 400 && a.code == "" {
		var problem struct{ Code string }
		if json.Unmarshal(body, &problem) == nil { // an answer that is no error document has no code
			a.code = problem.Code
		}
	}
	return a.ResponseWriter.Write(body)
}
