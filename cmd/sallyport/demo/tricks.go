//go:build !no_web

package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// tricks is what can be made to go wrong by a button of the page. Nothing of it is in the product: it stands in front of
// the product's handler, as the world does.
type tricks struct {
	svc    *sallyport.Service
	issuer string
	client *http.Client // of the thief

	outage atomic.Pointer[time.Time] // until then the mount answers 503
	lose   atomic.Bool               // the answer to the next refresh
	expire atomic.Bool               // the next token at the second service

	mu     sync.Mutex
	stolen map[sallyport.ID]string // the first refresh token of each session
}

// What the tricks of the demo do, in numbers.
const (
	outageTime  = 10 * time.Second
	retryWindow = 2 * time.Second // shorter than anybody's, so that a thief need not wait
	maxStolen   = 1000            // sessions: a demo that runs for long stays small
)

func newTricks(svc *sallyport.Service, issuer string) *tricks {
	return &tricks{svc: svc, issuer: issuer, client: &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}, stolen: map[sallyport.ID]string{}}
}

func (t *tricks) close() error {
	t.client.CloseIdleConnections()
	return nil
}

// around is next, as long as nothing goes wrong. POST demo/NAME below the mount, where the session's cookie is sent, makes
// that happen.
func (t *tricks) around(mount string, next http.Handler) http.Handler {
	mux := http.NewServeMux()
	for name, trick := range map[string]func(http.ResponseWriter, *http.Request){
		"outage": func(w http.ResponseWriter, _ *http.Request) {
			t.outage.Store(new(time.Now().Add(outageTime)))
			w.WriteHeader(http.StatusNoContent)
		},
		"lose": func(w http.ResponseWriter, _ *http.Request) { t.lose.Store(true); w.WriteHeader(http.StatusNoContent) },
		"expire": func(w http.ResponseWriter, _ *http.Request) {
			t.expire.Store(true)
			w.WriteHeader(http.StatusNoContent)
		},
		"rotate": t.rotate,
		"steal":  t.steal,
	} {
		mux.HandleFunc("POST "+mount+"/demo/"+name, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Sec-Fetch-Site") != "same-origin" {
				http.Error(w, "only the page of the demo does this", http.StatusForbidden)
				return
			}
			trick(w, r)
		})
	}
	mux.HandleFunc(mount+"/", func(w http.ResponseWriter, r *http.Request) {
		if until := t.outage.Load(); until != nil && time.Now().Before(*until) {
			w.Header().Set("Retry-After", "2")
			refuse(w, http.StatusServiceUnavailable, "store_unavailable", "The demo is out of order for a while.")
			return
		}
		if r.URL.Path == mount+"/refresh/" && t.lose.CompareAndSwap(true, false) {
			next.ServeHTTP(&nowhere{header: http.Header{}}, r)
			panic(http.ErrAbortHandler) // the connection ends without an answer
		}
		next.ServeHTTP(w, r)
		t.take(w.Header())
	})
	return mux
}

// nowhere is where a lost answer goes.
type nowhere struct {
	header http.Header
	bytes.Buffer
}

func (n *nowhere) Header() http.Header { return n.header }
func (n *nowhere) WriteHeader(int)     {}

// take keeps the first refresh token of a session, as a thief would.
func (t *tricks) take(header http.Header) {
	for _, c := range (&http.Response{Header: header}).Cookies() {
		token, err := t.svc.ParseRefreshToken(c.Value)
		if err != nil {
			continue
		}
		t.mu.Lock()
		if _, known := t.stolen[token.SessionID()]; !known && len(t.stolen) < maxStolen {
			t.stolen[token.SessionID()] = c.Value
		}
		t.mu.Unlock()
	}
}

// rotate publishes the next signing key, as `sallyport keys rotate` does.
func (t *tricks) rotate(w http.ResponseWriter, r *http.Request) {
	keys, err := t.svc.RotateSigningKey(r.Context())
	if errors.Is(err, sallyport.ErrTooManyKeys) {
		refuse(w, http.StatusConflict, "too_many_keys", "The next key is published already.")
		return
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, "internal", err.Error())
		return
	}
	states := map[string]sallyport.KeyState{}
	for _, key := range keys {
		states[key.ID] = key.State
	}
	writeJSON(w, http.StatusOK, states)
}

// steal has a thief present the first refresh token of the caller's session, when its owner has long had others.
func (t *tricks) steal(w http.ResponseWriter, r *http.Request) {
	held, err := r.Cookie("refresh_cookie")
	if err != nil {
		refuse(w, http.StatusConflict, "no_refresh_token", "There is no session to steal.")
		return
	}
	token, err := t.svc.ParseRefreshToken(held.Value)
	if err != nil {
		refuse(w, http.StatusConflict, "invalid_refresh_token", "There is no session to steal.")
		return
	}
	t.mu.Lock()
	stolen := t.stolen[token.SessionID()]
	t.mu.Unlock()
	for range 3 { // what its owner does in the time that the thief needs
		select {
		case <-r.Context().Done():
			return
		case <-time.After(retryWindow + 100*time.Millisecond):
		}
		tokens, err := t.svc.Refresh(r.Context(), token, sallyport.Client{IP: "127.0.0.1", UserAgent: r.UserAgent()})
		if err == nil {
			token, err = t.svc.ParseRefreshToken(tokens.RefreshToken)
		}
		if err != nil {
			refuse(w, http.StatusConflict, "session_revoked", "The session has ended meanwhile.")
			return
		}
	}
	status, body, err := t.present(r.Context(), stolen)
	if err != nil {
		refuse(w, http.StatusBadGateway, "network", err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"status": status, "answer": json.RawMessage(body)})
}

// present is the thief: another program, with a client of its own.
func (t *tricks) present(ctx context.Context, refreshToken string) (status int, body []byte, err error) {
	encoded, err := json.Marshal(map[string]string{"refresh_token": refreshToken})
	if err != nil {
		return 0, nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.issuer+"/refresh/", bytes.NewReader(encoded))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Sallyport-Client", "native")
	request.Header.Set("User-Agent", "thief/1.0")
	response, err := t.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, 64<<10))
	return response.StatusCode, body, err
}

// aroundOrders refuses one good token, as a service does whose clock is ahead.
func (t *tricks) aroundOrders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" && t.expire.CompareAndSwap(true, false) {
			r.Header.Set("Authorization", "Bearer expired") // so that the answer is the service's own
		}
		next.ServeHTTP(w, r)
	})
}

func refuse(w http.ResponseWriter, status int, code, detail string) {
	writeJSON(w, status, map[string]string{"detail": detail, "code": code})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil { // what the thief was told is no JSON
		status, encoded = http.StatusBadGateway, []byte(`{"code":"network"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(encoded) // an error means that the client has gone
}
