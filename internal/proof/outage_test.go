package proof

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// watch is what browsers and a balancer see while something is wrong.
type watch struct {
	mu        sync.Mutex
	answers   map[string]int
	slowest   time.Duration // of all answers
	document  []time.Duration
	violation string
}

func (w *watch) note(a answer, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.answers == nil {
		w.answers = map[string]int{}
	}
	if err != nil {
		w.violation = err.Error()
		return
	}
	w.answers[a.String()]++
	w.slowest = max(w.slowest, a.took)
	retry, _ := strconv.Atoi(a.header.Get("Retry-After"))
	switch {
	case a.status == 200:
	case a.deletes:
		w.violation = fmt.Sprintf("%v deletes a cookie", a)
	case a.status != 503 || a.code != "store_unavailable":
		w.violation = a.String()
	case retry < 1:
		w.violation = "503 without Retry-After"
	case a.took > 2*time.Second:
		w.violation = fmt.Sprintf("a 503 took %v", a.took)
	}
}

// run has the browsers refresh at 50 a second, and somebody ask for the key set and for /livez, until stop is closed.
func (w *watch) run(p *server, browsers []*browser, stop chan struct{}) *sync.WaitGroup {
	var all sync.WaitGroup
	each := time.Duration(len(browsers)) * time.Second / 50
	for _, b := range browsers {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(each):
				}
				w.note(b.refreshAt(p.url))
			}
		})
	}
	all.Go(func() {
		client := newClient()
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
			for _, url := range []string{p.url + "/auth/.well-known/jwks.json", p.admin + "/livez"} {
				status, took := get(client, url)
				w.mu.Lock()
				if w.document = append(w.document, took); status != 200 {
					w.violation = fmt.Sprintf("GET %s = %d", url, status)
				}
				w.mu.Unlock()
			}
		}
	})
	return &all
}

func percentile(of []time.Duration, p float64) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[min(len(of)-1, int(p*float64(len(of))))]
}

// report fails the test for what must never happen, and logs what did.
func (w *watch) report(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.violation != "" {
		t.Errorf("a browser saw: %s", w.violation)
	}
	t.Logf("answers %v, the slowest %v; key set and /livez: p99 %v", w.answers, w.slowest.Round(time.Millisecond), percentile(w.document, .99).Round(100*time.Microsecond))
	if p99 := percentile(w.document, .99); p99 > time.Second {
		t.Errorf("p99 of what needs no database = %v", p99)
	}
}

func ready(p *server) bool {
	status, _ := get(newClient(), p.admin+"/readyz")
	return status == 200
}

// TestDatabaseStopsAndStarts: under 50 refreshes a second the database goes and comes back. Meanwhile every answer is a
// 503 in time that deletes nothing; afterwards everybody goes on, with no server started anew.
func TestDatabaseStopsAndStarts(t *testing.T) {
	s := durable(t, nil)
	s.environ = []string{"SALLYPORT_LIMITS_SESSION=1000000/1m"} // twenty browsers are as busy as a thousand
	p := s.start()
	browsers := signedIn(t, s, p, 20)
	for round := range often(2, 10) {
		var w watch
		stop := make(chan struct{})
		running := w.run(p, browsers, stop)
		time.Sleep(300 * time.Millisecond)
		if round%2 == 0 {
			s.cluster.Stop(t)
		} else {
			s.cluster.Kill(t)
		}
		eventually(t, "/readyz to fail", 5*time.Second, func() bool { return !ready(p) })
		time.Sleep(time.Second)
		s.cluster.Start(t)
		eventually(t, "/readyz to pass", 10*time.Second, func() bool { return ready(p) })
		time.Sleep(300 * time.Millisecond)
		close(stop)
		running.Wait()
		for _, b := range browsers {
			if a, err := b.refreshAt(p.url); err != nil || a.status != 200 {
				t.Errorf("afterwards a browser gets %v, %v", a, err)
			}
		}
		w.report(t)
		if w.answers["503 store_unavailable"] == 0 {
			t.Errorf("answers = %v: the database was never missed", w.answers)
		}
	}
}

// TestHeldLocks: somebody holds the rows of ten sessions. Their refreshes are refused in time, and nobody else waits.
func TestHeldLocks(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		s := newSite(t, "postgres")
		p := s.start()
		held, others := signedIn(t, s, p, 10), signedIn(t, s, p, 10)
		ctx := t.Context()
		conn, err := pgx.Connect(ctx, s.url)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		tx, err := conn.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, "select 1 from sessions where id in (select id from sessions order by id limit 10) for update"); err != nil {
			t.Fatal(err)
		}
		var refused atomic.Int64
		var holding sync.WaitGroup
		for _, b := range held {
			holding.Go(func() {
				a, err := b.refreshAt(p.url)
				if err != nil || a.code != "store_unavailable" || a.took > 2*time.Second || a.deletes {
					t.Errorf("refresh of a held session = %v after %v, %v", a, a.took, err)
					return
				}
				refused.Add(1)
			})
		}
		// The others have the connections that the first ones leave, of which there are fewer than ten.
		var slowest time.Duration
		for _, b := range others {
			a, err := b.refreshAt(p.url)
			slowest = max(slowest, a.took)
			if err != nil || a.status != 200 && a.code != "store_unavailable" || a.took > 2*time.Second {
				t.Errorf("refresh of another session = %v after %v, %v", a, a.took, err)
			}
		}
		client := newClient()
		for range 20 {
			if status, took := get(client, p.url+"/auth/.well-known/jwks.json"); status != 200 || took > 500*time.Millisecond {
				t.Errorf("key set = %d after %v", status, took)
			}
		}
		holding.Wait()
		if err := tx.Rollback(ctx); err != nil {
			t.Fatal(err)
		}
		for _, b := range slices.Concat(held, others) {
			if a, err := b.refreshAt(p.url); err != nil || a.status != 200 {
				t.Errorf("afterwards = %v, %v", a, err)
			}
		}
		t.Logf("%d held sessions refused, the slowest of the others %v", refused.Load(), slowest.Round(time.Millisecond))
	})
	t.Run("sqlite", func(t *testing.T) {
		s := newSite(t, "sqlite")
		p := s.start()
		browsers := signedIn(t, s, p, 10)
		db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(s.url, "sqlite:")+"?_txlock=immediate")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		tx, err := db.Begin() // another program writes, and takes its time
		if err != nil {
			t.Fatal(err)
		}
		var w watch
		var all sync.WaitGroup
		for _, b := range browsers {
			all.Go(func() { w.note(b.refreshAt(p.url)) })
		}
		all.Wait()
		if w.answers["503 store_unavailable"] != len(browsers) {
			t.Errorf("answers = %v", w.answers)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		for _, b := range browsers {
			if a, err := b.refreshAt(p.url); err != nil || a.status != 200 {
				t.Errorf("afterwards = %v, %v", a, err)
			}
		}
		w.report(t)
	})
}
