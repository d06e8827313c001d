package sallyport

import (
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// feed is what this instance knows of the revocations, for all who ask.
type feed struct {
	wanted   chan struct{} // holds one: somebody asks, and nobody reads
	draining chan struct{} // closed by drain
	once     sync.Once
	born     time.Time
	touched  atomic.Int64 // when touch had the store read, as a time.Duration since born; 0 for never

	mu       sync.Mutex
	entries  []feedEntry   // those that live, by cursor
	head     int64         // the greatest cursor that was read
	fresh    bool          // something was added that nobody was told of
	asOf     time.Time     // when the store had nothing more; zero before the first time
	began    time.Time     // when that reading began, by the machine's own clock
	err      error         // of the last reading
	failed   time.Time     // when that was, by the machine's own clock
	changed  chan struct{} // closed when something was added, or could not be read
	read     chan struct{} // closed after every reading
	asked    time.Time     // by the machine's own clock
	waiting  int
	pages    map[int64]string // what was signed since the last change, by what it begins after
	pagesFor int64            // the second of asOf that they were signed for
}

type feedEntry struct {
	cursor  int64
	name    string
	at      time.Time
	expires time.Time
	isUser  bool
}

func newFeed() *feed {
	return &feed{
		born:   time.Now(),
		wanted: make(chan struct{}, 1), draining: make(chan struct{}), changed: make(chan struct{}), read: make(chan struct{}), pages: map[int64]string{},
	}
}

// enter counts a listener, unless there are too many, and has the store read.
func (f *feed) enter(most int) (leave func(), ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting >= most {
		return nil, false
	}
	f.waiting++
	f.want()
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.waiting--
		f.asked = time.Now()
	}, true
}

// touch has the store read for a while. It is called for every visit, and takes no lock but now and then.
func (f *feed) touch() {
	now, last := time.Since(f.born), f.touched.Load()
	if last != 0 && now-time.Duration(last) < feedRest/4 || !f.touched.CompareAndSwap(last, int64(now)) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.want()
}

// want has the store read for feedRest from now. The lock is held.
func (f *feed) want() {
	f.asked = time.Now()
	select {
	case f.wanted <- struct{}{}:
	default:
	}
}

func (f *feed) listenedTo(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waiting > 0 || now.Sub(f.asked) < feedRest
}

func (f *feed) drain() { f.once.Do(func() { close(f.draining) }) }

func (f *feed) size() (entries, waiting int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.entries), f.waiting
}

// glance is what a request sees of the feed.
type glance struct {
	current bool  // what is known is no older than maxFeedDelay
	news    bool  // there is something after the cursor, or the cursor is unknown
	failed  error // the store could not be read since the request came
	changed <-chan struct{}
}

func (f *feed) look(after int64, arrived time.Time) glance {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := glance{changed: f.changed}
	known := f.knows(after)
	since := time.Now().Add(-maxFeedDelay)
	if !known {
		since = arrived // another instance may have read further
	}
	g.current = !f.asOf.IsZero() && f.began.After(since)
	g.news = !known || len(f.entries) > 0 && f.entries[len(f.entries)-1].cursor > after
	if !g.current {
		g.changed = f.read
		if f.err != nil && f.failed.After(arrived) {
			g.failed = f.err
		}
	}
	return g
}

// Cursors are never less than the instant in microseconds. So none appears any more that is older than the time by which
// clocks of instances may differ, and what is older is known without an entry: a cursor moves on when nothing happens, and
// is understood by every instance, and by a database that was restored.
const (
	// cursorsGivenOut is how far behind asOf the cursor of a page without news is.
	cursorsGivenOut = time.Minute
	// cursorsKnown is from what age on a cursor is understood without an entry: less, for clocks that differ.
	cursorsKnown = 30 * time.Second
)

// knows reports whether nothing before a cursor can be new to its reader. The lock is held.
func (f *feed) knows(cursor int64) bool {
	return cursor <= max(f.head, f.asOf.Add(-cursorsKnown).UnixMicro())
}

// readFrom is the cursor after which the store is to be read.
func (f *feed) readFrom(oldest time.Time) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(f.head, oldest.UnixMicro())
}

// add takes what was read. A session that was not used for longer than a token lives has no token.
func (f *feed) add(found []Revocation, life time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range found {
		f.head = max(f.head, r.Cursor)
		if r.At.Sub(r.UsedAt) > life {
			continue
		}
		e := feedEntry{cursor: r.Cursor, at: r.At, expires: r.At.Add(life), isUser: r.SessionID.IsZero()}
		if e.isUser {
			e.name = feedName(r.UserID)
		} else {
			e.name = feedName(r.SessionID)
		}
		f.entries = append(f.entries, e)
	}
	if len(found) > 0 {
		clear(f.pages)
		f.fresh = true
	}
}

// complete says that the store had nothing more at the instant now, and forgets what is older than oldest.
func (f *feed) complete(now, began, oldest time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	over := 0
	for over < len(f.entries) && f.entries[over].at.Before(oldest) {
		over++
	}
	if over > 0 {
		f.entries = append([]feedEntry(nil), f.entries[over:]...)
		clear(f.pages)
	}
	f.asOf, f.began, f.err = now, began, nil
	f.tell(f.fresh)
	f.fresh = false
}

func (f *feed) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.failed = err, time.Now()
	f.tell(true)
}

// tell wakes who waits for a reading, and, when there is something new, everybody. The lock is held.
func (f *feed) tell(isNew bool) {
	close(f.read)
	f.read = make(chan struct{})
	if isNew {
		close(f.changed)
		f.changed = make(chan struct{})
	}
}

// maxPages is how many signed pages are kept: readers are at few cursors at a time.
const maxPages = 64

// page makes the page after a cursor. Whoever asks for the same one within a second gets the same one.
func (f *feed) page(after int64, now time.Time, sign func(revocationsPage, time.Time) (string, error)) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.knows(after) {
		after = 0
	}
	if second := f.asOf.Unix(); second != f.pagesFor {
		clear(f.pages)
		f.pagesFor = second
	}
	if page, ok := f.pages[after]; ok {
		return page, nil
	}
	page, err := sign(f.pageAfter(after, now), f.asOf)
	if err == nil && len(f.pages) < maxPages {
		f.pages[after] = page
	}
	return page, err
}

// pageAfter is the page without what every page has. The lock is held.
func (f *feed) pageAfter(after int64, now time.Time) revocationsPage {
	p := revocationsPage{After: after, Ended: []endedSession{}, Stale: []staleUser{}}
	first := sort.Search(len(f.entries), func(i int) bool { return f.entries[i].cursor > after })
	rest := f.entries[first:]
	if p.More = len(rest) > maxRevocationsPage; p.More {
		rest = rest[:maxRevocationsPage]
		p.Cursor = rest[len(rest)-1].cursor
	} else {
		p.Cursor = max(after, f.head, f.asOf.Add(-cursorsGivenOut).UnixMicro())
	}
	for _, e := range rest {
		switch expires := unixUp(e.expires); {
		case e.expires.Before(now):
		case e.isUser:
			p.Stale = append(p.Stale, staleUser{Subject: e.name, Before: staleBefore(e.at, f.asOf), Expires: expires})
		default:
			p.Ended = append(p.Ended, endedSession{Session: e.name, Expires: expires})
		}
	}
	return p
}

// staleBefore is the "iat" below which a token does not know of a change: one of the same second does not. A clock that
// was ahead makes no token stale that is yet to come.
func staleBefore(changed, now time.Time) int64 {
	if changed.After(now.Add(clockLeeway)) {
		changed = now
	}
	return changed.Unix() + 1
}

func unixUp(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }
