package authhttp_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// feedPage is what a page of the feed says.
type feedPage struct {
	Issuer  string `json:"iss"`
	Issued  int64  `json:"iat"`
	Expires int64  `json:"exp"`
	After   int64  `json:"after"`
	Cursor  int64  `json:"cursor"`
	More    *bool  `json:"more"`
	Ended   []struct {
		Session string `json:"sid"`
		Expires int64  `json:"exp"`
	} `json:"ended"`
	Stale []struct {
		Subject string `json:"sub"`
		Before  int64  `json:"before"`
		Expires int64  `json:"exp"`
	} `json:"stale"`
}

// feed asks for a page and checks what every page has.
func (a *app) feed(after int64, wait int) feedPage {
	a.t.Helper()
	p, err := a.tryFeed(after, wait)
	if err != nil {
		a.t.Fatal(err)
	}
	return p
}

// tryFeed is feed for goroutines.
func (a *app) tryFeed(after int64, wait int) (p feedPage, err error) {
	x, err := a.try("revocations/", request{method: "GET", query: fmt.Sprintf("?after=%d&wait=%d", after, wait)})
	if err != nil || x.status != 200 {
		return p, fmt.Errorf("revocations/ = %d %s, %v", x.status, x.body, err)
	}
	token, err := jws.Parse(x.body, 1<<20)
	if err != nil {
		return p, err
	}
	keys, err := jws.ParseKeySet(a.svc.KeySet())
	if err != nil {
		return p, err
	}
	err = jws.ErrUnknownKey
	for _, k := range keys {
		if k.ID() == token.Header.KeyID {
			err = token.Verify(k)
		}
	}
	if err != nil || token.Header.Type != "revocations+jwt" {
		return p, fmt.Errorf("page of type %q: %v", token.Header.Type, err)
	}
	if err := json.Unmarshal(token.Payload(), &p); err != nil {
		return p, err
	}
	if now := a.clock.now().Unix(); p.Issuer != a.svc.Issuer() || p.Issued > now || p.Issued < now-2 || p.Expires != p.Issued+60 || p.More == nil || p.Ended == nil || p.Stale == nil {
		return p, fmt.Errorf("page %s at %d", token.Payload(), now)
	}
	return p, nil
}

// feedName is how the feed calls a session or a user.
func feedName(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func (p feedPage) has(t *testing.T, sessions ...string) {
	t.Helper()
	var names []string
	for _, e := range p.Ended {
		names = append(names, e.Session)
	}
	var want []string
	for _, s := range sessions {
		want = append(want, feedName(s))
	}
	if fmt.Sprint(names) != fmt.Sprint(want) {
		t.Errorf("the feed has %v, want %v", names, want)
	}
}

func sid(t *testing.T, s *session) string {
	t.Helper()
	id, _ := claims(t, s.access)["sid"].(string)
	return id
}

func TestFeedOfEndings(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, nil)
		_, pw := a.user("ada")
		first, second := a.signIn("ada", pw), a.signIn("ada", pw)
		empty := a.feed(0, 0)
		empty.has(t)
		if *empty.More || empty.After != 0 {
			t.Errorf("page %+v", empty)
		}
		ended := a.clock.now()
		first.post("logoff/").want(t, 200, "")
		p := a.feed(empty.Cursor, 25) // comes as soon as it is there
		p.has(t, sid(t, first))
		if want := ended.Add(5*time.Minute + 2*time.Minute).Unix(); p.Ended[0].Expires != want || p.After != empty.Cursor || p.Cursor <= empty.Cursor {
			t.Errorf("page %+v, want the entry until %d", p, want)
		}
		a.feed(0, 0).has(t, sid(t, first))
		a.feed(p.Cursor, 0).has(t)

		// Another instance has the same cursors.
		b := a.another()
		b.feed(empty.Cursor, 0).has(t, sid(t, first))
		second.post("logoff/").want(t, 200, "")
		b.feed(p.Cursor, 25).has(t, sid(t, second))
		a.feed(p.Cursor, 25).has(t, sid(t, second))

		// What concerns no token any more is gone.
		a.clock.advance(7*time.Minute + time.Second)
		for {
			if p, err := a.tryFeed(0, 0); err == nil { // it was read once more
				p.has(t)
				return
			}
		}
	})
}

func TestFeedWakesWhoWaits(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, database string) {
		a := newAppOn(t, database, nil)
		_, pw := a.user("ada")
		s := a.signIn("ada", pw)
		b := a.another()
		begin := b.feed(0, 0).Cursor
		const listeners = 20
		pages, failed := make(chan feedPage, listeners), make(chan error, listeners)
		for range listeners {
			go func() {
				p, err := b.tryFeed(begin, 25)
				if err != nil {
					failed <- err
				}
				pages <- p
			}()
		}
		for _, waiting := b.svc.Feed(); waiting < listeners; _, waiting = b.svc.Feed() {
			runtime.Gosched()
		}
		s.post("logoff/").want(t, 200, "") // at the other instance
		for range listeners {
			p := <-pages
			p.has(t, sid(t, s))
		}
		select {
		case err := <-failed:
			t.Error(err)
		default:
		}
	})
}

func TestFeedOfChanges(t *testing.T) {
	a := newApp(t, nil)
	u, pw := a.user("ada")
	s := a.signIn("ada", pw)
	iat := func() int64 { return int64(claims(t, s.access)["iat"].(float64)) }
	begin, before := a.feed(0, 0).Cursor, iat()
	a.clock.advance(time.Millisecond)
	if _, err := a.svc.UpdateUser(t.Context(), u.ID, sallyport.UserChange{Groups: &[]string{"admins"}}); err != nil {
		t.Fatal(err)
	}
	p := a.feed(begin, 25)
	if len(p.Ended) != 0 || len(p.Stale) != 1 || p.Stale[0].Subject != feedName(u.ID.String()) {
		t.Fatalf("page %+v, want the user", p)
	}
	stale := p.Stale[0]
	if before >= stale.Before || stale.Expires < stale.Before+int64(5*60) {
		t.Errorf("a token of %d is not stale by %+v", before, stale)
	}
	// The refresh of the same second, and of later ones, is not stale.
	for range 3 {
		s.mustRefresh()
		if iat() < stale.Before {
			t.Errorf("the fresh token of %d is stale by %+v", iat(), stale)
		}
		if now := a.clock.now().Unix(); iat() > now+1 {
			t.Errorf("iat = %d at %d", iat(), now)
		}
		a.bearer(s, "user/", "GET").want(t, 200, "")
		a.clock.advance(time.Second)
	}
	if got, now := iat(), a.clock.now().Add(-time.Second).Unix(); got != now {
		t.Errorf("iat = %d two seconds later, want %d", got, now)
	}
}

func TestFeedRefusesBadQueries(t *testing.T) {
	a := newApp(t, nil)
	for _, query := range []string{
		"?after=-1", "?after=x", "?after=", "?after=1&after=1", "?after=9223372036854775808", "?after=1.5", "?after=+1", "?wait=-1", "?wait=x", "?wait=1&wait=1",
		"?wait=99999999999999999999", "?after=%zz", "?after=0x1",
	} {
		x := a.do("revocations/", request{method: "GET", query: query})
		x.want(t, 400, "invalid_request")
	}
	x := a.do("revocations", request{method: "GET"})
	if x.status != 200 || x.header.Get("Content-Type") != "application/jwt" || x.header.Get("Cache-Control") != "no-cache" || x.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("revocations = %d %v", x.status, x.header)
	}
	if x := a.do("revocations/", request{method: "HEAD", query: "?wait=25"}); x.status != 200 || x.body != "" {
		t.Errorf("HEAD = %d %q", x.status, x.body)
	}
	if x := a.do("revocations/", request{}); x.status != 405 || x.header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("POST = %d %v", x.status, x.header)
	}
}

// A cursor that the server does not know is of a database that is gone: its reader gets everything.
func TestFeedOfACursorThatIsUnknown(t *testing.T) {
	a := newApp(t, nil)
	_, pw := a.user("ada")
	s := a.signIn("ada", pw)
	s.post("logoff/").want(t, 200, "")
	p := a.feed(a.clock.now().Add(time.Hour).UnixMicro(), 25)
	p.has(t, sid(t, s))
	if p.After != 0 || p.Cursor > a.clock.now().UnixMicro() {
		t.Errorf("page %+v", p)
	}
}

func TestFeedWithoutItsDatabase(t *testing.T) {
	a := newApp(t, nil)
	begin := a.feed(0, 0).Cursor
	failed := make(chan answer, 1)
	go func() {
		x, err := a.try("revocations/", request{method: "GET", query: fmt.Sprintf("?after=%d&wait=25", begin)})
		if err != nil {
			t.Error(err)
		}
		failed <- x
	}()
	for _, waiting := a.svc.Feed(); waiting == 0; _, waiting = a.svc.Feed() {
		runtime.Gosched()
	}
	a.store.Close()
	x := <-failed
	x.want(t, 503, "store_unavailable")
	if x.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	a.do("revocations/", request{method: "GET"}).want(t, 503, "store_unavailable")
	if x := a.do("revocations/", request{method: "HEAD"}); x.status != http.StatusServiceUnavailable {
		t.Errorf("HEAD = %d", x.status)
	}
}

func TestFeedThatTooManyFollow(t *testing.T) {
	a := newApp(t, func(c *config) { c.Limits.Listeners = 1 })
	begin := a.feed(0, 0).Cursor
	answered := make(chan error, 1)
	go func() {
		_, err := a.tryFeed(begin, 25)
		answered <- err
	}()
	for _, waiting := a.svc.Feed(); waiting == 0; _, waiting = a.svc.Feed() {
		runtime.Gosched()
	}
	for _, method := range []string{"GET", "HEAD"} {
		x := a.do("revocations/", request{method: method})
		if x.status != 503 || method == "GET" && x.code() != "overloaded" || x.header.Get("Retry-After") == "" {
			t.Errorf("%s = %d %s %v", method, x.status, x.body, x.header)
		}
	}
	a.svc.Drain() // whoever waits is answered
	if err := <-answered; err != nil {
		t.Error(err)
	}
	a.feed(begin, 25) // and waits no longer than a second from here on
}
