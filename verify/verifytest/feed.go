package verifytest

import (
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// feed is the issuer's revocation feed.
type feed struct {
	entries []feedEntry // the cursor of an entry is its place, from 1
	ended   map[string]bool
	changed chan struct{} // closed when there is something new
}

type feedEntry struct {
	list   string // "ended" or "stale"
	fields map[string]any
}

// tell wakes who waits. The issuer's lock is held.
func (f *feed) tell() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// entryLife is how long an entry is kept: a token's life and a little.
const entryLife = 7 * time.Minute

// EndSession ends a session: its tokens are refused by whoever follows the feed, or asks.
func (i *Issuer) EndSession(sid string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.feed.ended == nil {
		i.feed.ended = map[string]bool{}
	}
	i.feed.ended[sid] = true
	i.add("ended", map[string]any{"sid": feedName(sid), "exp": i.now().Add(entryLife).Unix()})
}

// MakeStale says that a user has changed: tokens issued before now, by the second, are stale.
func (i *Issuer) MakeStale(sub string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.add("stale", map[string]any{"sub": feedName(sub), "before": i.now().Unix() + 1, "exp": i.now().Add(entryLife).Unix()})
}

func (i *Issuer) add(list string, fields map[string]any) {
	i.feed.entries = append(i.feed.entries, feedEntry{list, fields})
	i.feed.tell()
}

func feedName(claim string) string {
	sum := sha256.Sum256([]byte(claim))
	return text(sum[:16])
}

// pageSize is small, so that a few entries make several pages.
const pageSize = 100

func (i *Issuer) serveFeed(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.Atoi(r.URL.Query().Get("after"))
	after = max(after, 0)
	wait, _ := strconv.Atoi(r.URL.Query().Get("wait"))
	end := time.NewTimer(time.Duration(wait) * time.Second)
	defer end.Stop()
	for waiting := wait > 0; ; {
		i.mu.Lock()
		news, changed, fault := len(i.feed.entries) > after, i.feed.changed, i.fault
		i.mu.Unlock()
		if news || !waiting || fault != None {
			break
		}
		select {
		case <-changed:
		case <-end.C:
			waiting = false
		case <-i.closing:
			return
		case <-r.Context().Done():
			return
		}
	}
	w.Header().Set("Content-Type", "application/jwt")
	io.WriteString(w, i.Page(after))
}

// Page is the signed page of the feed after a cursor, which the options change as they do a token.
func (i *Issuer) Page(after int, opts ...Option) string {
	i.mu.Lock()
	key := i.keys[len(i.keys)-1]
	lists := map[string][]any{"ended": {}, "stale": {}}
	if after < 0 || after > len(i.feed.entries) {
		after = 0
	}
	rest := i.feed.entries[after:]
	more := len(rest) > pageSize
	if more {
		rest = rest[:pageSize]
	}
	for _, e := range rest {
		lists[e.list] = append(lists[e.list], e.fields)
	}
	i.mu.Unlock()
	now := i.now().Unix()
	d := &draft{
		issuer: i, key: key,
		header: map[string]any{"alg": key.algorithm, "typ": "revocations+jwt", "kid": key.id},
		claims: map[string]any{
			"iss": i.URL(), "iat": now, "exp": now + 60, "after": after, "cursor": after + len(rest), "more": more,
			"ended": lists["ended"], "stale": lists["stale"],
		},
	}
	for _, o := range opts {
		o(d)
	}
	return d.token()
}

// serveOnline answers about the session of a token as the server does: 200 or 401.
func (i *Issuer) serveOnline(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Token string `json:"token"`
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err == nil {
		err = json.Unmarshal(data, &body)
	}
	w.Header().Set("Content-Type", "application/json")
	parts := strings.Split(body.Token, ".")
	if err != nil || len(parts) != 3 || !i.lives(parts[1]) {
		w.WriteHeader(http.StatusUnauthorized)
		w.Write([]byte(`{"detail":"Token is invalid or expired","code":"token_not_valid"}`))
		return
	}
	w.Write([]byte("{}"))
}

// lives reports whether the session of the claims has not ended.
func (i *Issuer) lives(claims string) bool {
	var c struct {
		Session string `json:"sid"`
	}
	data, err := decode(claims)
	if err != nil || json.Unmarshal(data, &c) != nil {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return !i.feed.ended[c.Session]
}
