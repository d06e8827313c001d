package sallyport

import (
	"sync"
	"time"
)

// firsts remembers what happened in the present minute, so that a flood is told once a minute and not once a
// request.
type firsts struct {
	mu     sync.Mutex
	minute time.Time
	seen   map[string]bool
}

// maxFirsts bounds what is remembered. Beyond it nothing is a first any more until the minute is over.
const maxFirsts = 1000

// first reports whether it is the first time for key in this minute.
func (f *firsts) first(key string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if minute := now.Truncate(time.Minute); f.seen == nil || !minute.Equal(f.minute) {
		f.minute, f.seen = minute, map[string]bool{}
	}
	if f.seen[key] || len(f.seen) >= maxFirsts {
		return false
	}
	f.seen[key] = true
	return true
}
