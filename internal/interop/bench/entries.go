package main

import (
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// liveEntries is how many endings the feed holds that the verifier of a row follows: a thousand logoffs a minute, with
// tokens that live for 98 minutes, and two minutes for clocks that differ.
const liveEntries = 100_000

// entriesPage is how many of them a page has, as the server's.
const entriesPage = 4096

// entries serves a revocation feed (docs/revocations.md) of sessions that are nobody's.
type entries struct {
	issuer string
	key    *jws.Key
	signer crypto.Signer
	first  int64 // cursor before the first
	ended  []ending
}

type ending struct {
	Session string `json:"sid"`
	Expires int64  `json:"exp"`
}

func newEntries(issuer string, key *jws.Key, signer crypto.Signer) *entries {
	e := &entries{issuer: issuer, key: key, signer: signer, ended: make([]ending, liveEntries)}
	now := time.Now()
	e.first = now.UnixMicro() - liveEntries
	for i := range e.ended {
		var name [16]byte
		rand.Read(name[:])
		e.ended[i] = ending{base64.RawURLEncoding.EncodeToString(name[:]), now.Add(time.Hour).Unix()}
	}
	return e
}

// ServeHTTP answers with the page after a cursor, and waits when there is none.
func (e *entries) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	wait, _ := strconv.Atoi(r.URL.Query().Get("wait"))
	known := int(min(max(0, after-e.first), liveEntries))
	rest := e.ended[known:]
	if len(rest) == 0 {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(time.Duration(wait) * time.Second):
		}
	}
	page := rest[:min(len(rest), entriesPage)]
	now := time.Now().Unix()
	payload, err := json.Marshal(map[string]any{
		"iss": e.issuer, "iat": now, "exp": now + 60, "after": after, "cursor": max(after, e.first+int64(known+len(page))), "more": len(page) < len(rest),
		"ended": page, "stale": []ending{},
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	text, err := jws.Sign(e.signer, jws.SignHeader{KeyID: e.key.ID(), Type: "revocations+jwt"}, payload)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/jwt")
	w.Write([]byte(text)) // an error means that the verifier has gone
}
