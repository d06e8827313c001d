package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// pollWait is how long the server is asked to wait for something new.
	pollWait = 25 * time.Second
	// pollLimit is for one request in all.
	pollLimit = pollWait + 10*time.Second
	// A reader that gets no page asks again after firstPause, which doubles up to lastPause, less up to half of it, so
	// that many readers do not come at once; and after what the server says, up to longestRetry.
	firstPause   = 250 * time.Millisecond
	lastPause    = 5 * time.Second
	longestRetry = 30 * time.Second
	// hastyPause is after a page that came at once and tells nothing: whoever asks again without it asks without end.
	hastyPause = time.Second
	// firstWait is for how long after the reader's start a token waits for its first page.
	firstWait = 2 * time.Second
	// forgetEvery is between two prunings.
	forgetEvery = 30 * time.Second
)

// feed reads the revocation feed in a goroutine of its own.
type feed struct {
	address string
	rules   pageRules
	client  *http.Client
	wait    time.Duration
	maxAge  time.Duration
	logger  *slog.Logger
	pause   func(time.Duration) <-chan time.Time // time.After, but for tests
	known   known
	told    time.Time // the greatest "iat" of a page; only who reads the pages looks at it

	start    sync.Once
	stop     context.CancelFunc // nil before the start
	running  sync.WaitGroup
	ending   sync.Once
	ended    chan struct{}             // closed by end
	complete atomic.Int64              // the greatest "iat" of a complete page, in seconds since 1970; 0 before the first
	came     atomic.Pointer[time.Time] // when the last complete page did, with the reading of a clock that is never set back
	first    chan struct{}             // closed by the first complete page
	settled  chan struct{}             // closed by the first complete page or the first failure, firstWait or the end
	settle   sync.Once
	fault    atomic.Pointer[string]
}

// waitFor is how long a client of the user's lets an answer take.
func waitFor(c *http.Client) time.Duration {
	wait := pollWait
	if c.Timeout > 0 {
		wait = min(wait, c.Timeout/2)
	}
	if t, ok := c.Transport.(*http.Transport); ok && t.ResponseHeaderTimeout > 0 {
		wait = min(wait, t.ResponseHeaderTimeout/2)
	}
	return wait.Truncate(time.Second)
}

// begin starts the reader, once.
func (f *feed) begin() {
	f.start.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		f.stop = cancel
		f.running.Go(func() {
			defer time.AfterFunc(firstWait, f.settleFirst).Stop()
			f.follow(ctx)
		})
	})
}

// end stops the reader and waits for it. Once it was called nothing starts any more.
func (f *feed) end() {
	f.start.Do(func() {})
	f.ending.Do(func() { close(f.ended) })
	f.settleFirst()
	if f.stop != nil {
		f.stop()
	}
	f.running.Wait()
}

// clocksDiffer is by how much the clocks of instances may: a page of one behind another says as much about its age.
const clocksDiffer = time.Minute

// age is how old what is known is; -1 s before the first complete page. A clock that is set back makes nothing young: it
// is at least the time since the page came.
func (f *feed) age() time.Duration {
	complete := f.complete.Load()
	if complete == 0 {
		return -time.Second // which a gauge in seconds shows, as -1
	}
	return max(time.Since(*f.came.Load()).Truncate(time.Second), f.rules.now().Sub(time.Unix(complete, 0)))
}

func (f *feed) settleFirst() { f.settle.Do(func() { close(f.settled) }) }

// awaitFirst lets a token that comes as early as the reader wait for what the reader is about to know: a service that
// has just started turns nobody away. An attempt that has failed is not waited for.
func (f *feed) awaitFirst(ctx context.Context) {
	select {
	case <-f.settled:
		return
	default:
	}
	select {
	case <-f.settled:
	case <-ctx.Done():
	}
}

// check says whether a token that is otherwise good has been revoked.
func (f *feed) check(c *Claims, old OldFeed) error {
	if err := f.known.check(c); err != nil { // whatever the age: what has ended stays ended
		return err
	}
	if age := f.age(); (age < 0 || age > f.maxAge) && old != AcceptTokens {
		return f.tooOld(age)
	}
	return nil
}

func (f *feed) tooOld(age time.Duration) error {
	cause := "it was not read yet"
	if age >= 0 {
		cause = fmt.Sprintf("it is %v old", age.Round(time.Second))
	}
	if fault := f.fault.Load(); fault != nil {
		cause += ": " + *fault
	}
	return &notNowError{ErrFeedUnavailable, "feed_unavailable", defaultRetry, errors.New(cause)}
}

// ready waits for the first complete page, unless nobody reads it any more.
func (f *feed) ready(ctx context.Context) error {
	select {
	case <-f.first:
		return nil
	default:
	}
	select {
	case <-f.first:
		return nil
	case <-f.ended:
		return errors.Join(f.tooOld(f.age()), errFeedClosed)
	case <-ctx.Done():
		return errors.Join(f.tooOld(f.age()), ctx.Err())
	}
}

var errFeedClosed = errors.New("verifier closed")

func (f *feed) follow(ctx context.Context) {
	var cursor int64
	var failures int
	var forgotten time.Time
	wait := time.Duration(0) // the first page comes at once
	for ctx.Err() == nil {
		began := time.Now()
		p, retry, err := f.ask(ctx, cursor, wait)
		pause := time.Duration(0)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			f.failed(ctx, err, failures)
			pause = max(pauseAfter(failures), min(retry, longestRetry))
			failures++
			wait = 0 // a complete page is worth more than news
		default:
			f.recovered(ctx, failures)
			// The first page does not wait, and the long poll that follows it does.
			mayWait := wait > 0 || f.wait == 0 || p.more
			if mayWait && !p.tellsMoreThan(cursor) && time.Since(began) < hastyPause {
				pause = hastyPause
			}
			failures, cursor = 0, p.cursor
			if wait = f.wait; p.more {
				wait = 0
			}
			if past := f.past(); past.Sub(forgotten).Abs() > forgetEvery {
				f.prune()
				forgotten = past
			}
		}
		if pause > 0 {
			select {
			case <-ctx.Done():
			case <-f.pause(pause):
			}
		}
	}
}

func pauseAfter(failures int) time.Duration {
	pause := min(firstPause<<min(failures, 10), lastPause)
	return pause/2 + rand.N(pause/2)
}

// failed logs the first of several failures.
func (f *feed) failed(ctx context.Context, err error, before int) {
	text := err.Error()
	f.fault.Store(&text)
	f.settleFirst()
	level := slog.LevelDebug
	if before == 0 {
		level = slog.LevelWarn
	}
	f.logger.LogAttrs(ctx, level, "the revocation feed cannot be read", slog.String("reason", text))
}

func (f *feed) recovered(ctx context.Context, failures int) {
	if failures > 0 {
		f.fault.Store(nil)
		f.logger.LogAttrs(ctx, slog.LevelInfo, "the revocation feed is read again", slog.Int("failures", failures))
	}
}

// ask gets one page and takes what it says. retry is what a server that refuses wants.
func (f *feed) ask(ctx context.Context, cursor int64, wait time.Duration) (p *page, retry time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, pollLimit)
	defer cancel()
	text, retry, err := f.get(ctx, cursor, wait)
	if err != nil {
		return nil, retry, err
	}
	if p, err = f.rules.read(ctx, text, cursor); err != nil {
		return nil, 0, fmt.Errorf("page refused: %w", err)
	}
	return p, 0, f.take(p)
}

// take adds what a page says to what is known.
func (f *feed) take(p *page) error {
	if p.issued.After(f.told) {
		f.told = p.issued
	}
	if f.known.count.Load()+int64(len(p.ended)+len(p.stale)) > maxKnown {
		f.prune()
		if f.known.count.Load()+int64(len(p.ended)+len(p.stale)) > maxKnown {
			return fmt.Errorf("more than %d entries", maxKnown)
		}
	}
	f.known.add(p)
	if p.more {
		return nil
	}
	issued, greatest := p.issued.Unix(), f.complete.Load()
	if issued < greatest-int64(clocksDiffer/time.Second) {
		return nil // of before, so it makes nothing younger
	}
	f.came.Store(new(time.Now()))
	f.complete.Store(max(issued, greatest))
	if greatest == 0 {
		close(f.first)
		f.settleFirst()
	}
	return nil
}

// past is an instant that is past by either clock, the reader's and the server's.
func (f *feed) past() time.Time {
	if now := f.rules.now(); now.Before(f.told) {
		return now
	}
	return f.told
}

// prune forgets what no token is left of. When a clock that was ahead is put right, no token may be good again that
// the feed will not name a second time, so both clocks count. A token is taken for the leeway after its end, and what
// is known of it is kept as long.
func (f *feed) prune() { f.known.forget(f.past().Add(-f.rules.leeway)) }

func (f *feed) get(ctx context.Context, cursor int64, wait time.Duration) (text string, retry time.Duration, err error) {
	address := fmt.Sprintf("%s?after=%d&wait=%d", f.address, cursor, wait/time.Second)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Accept", "application/jwt")
	request.Header.Set("Accept-Encoding", "identity") // a small answer must not become a large one
	response, err := f.client.Do(request)
	if err != nil {
		return "", 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		seconds, _ := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 16)
		return "", time.Duration(seconds) * time.Second, fmt.Errorf("status %d", response.StatusCode)
	}
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" || response.Uncompressed {
		return "", 0, errors.New("the answer is compressed")
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxPageBytes+1))
	if err != nil {
		return "", 0, fmt.Errorf("reading the page: %w", err)
	}
	if len(body) > maxPageBytes {
		return "", 0, fmt.Errorf("a page of more than %d bytes", maxPageBytes)
	}
	return string(body), 0, nil
}
