package proof

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestSweepUnderLoad: very many sessions that are long over go, a little at a time, while people refresh (P22).
func TestSweepUnderLoad(t *testing.T) {
	for database, generate := range map[string]string{
		"sqlite": `with recursive n(i) as (select 1 union all select i + 1 from n where i < $1)
			insert into sessions (id, user_id, gen, gen_at, low, recovered, outcome, advances, advances_from, created_at, last_used_at, idle_end, absolute_end, ended_reason, provider, provider_sid, user_agent, ip)
			select unhex('0000000000007000' || printf('%016x', i)), (select id from users limit 1), 1, 0, 1, 0, 1, 1, 0, 0, 0, 1000, 2000, '', '', '', 'Mozilla/5.0', '192.0.2.1' from n`,
		"postgres": `insert into sessions (id, user_id, gen, gen_at, low, recovered, outcome, advances, advances_from, created_at, last_used_at, idle_end, absolute_end, ended_reason, provider, provider_sid, user_agent, ip)
			select decode('0000000000007000' || lpad(to_hex(i), 16, '0'), 'hex'), (select id from users limit 1), 1, 0, 1, false, 1, 1, 0, 0, 0, 1000, 2000, '', '', '', 'Mozilla/5.0', '192.0.2.1'
			from generate_series(1::bigint, $1::bigint) i`,
	} {
		t.Run(database, func(t *testing.T) {
			s := newSite(t, database)
			s.environ = []string{"SALLYPORT_LIMITS_SESSION=1000000/1m"}
			p := s.start()
			browsers := signedIn(t, s, p, 8)
			old := often(20_000, 1_000_000)
			if _, err := s.open().Exec(generate, old); err != nil {
				t.Fatal(err)
			}
			p.kill()
			p = s.start() // and its sweep begins at the first session
			var mu sync.Mutex
			var took []time.Duration
			var stop atomic.Bool
			var all sync.WaitGroup
			for _, b := range browsers {
				all.Go(func() {
					for !stop.Load() {
						a, err := b.refreshAt(p.url)
						if err != nil || a.status != 200 {
							t.Errorf("refresh = %v, %v", a, err)
							return
						}
						mu.Lock()
						took = append(took, a.took)
						mu.Unlock()
						time.Sleep(10 * time.Millisecond)
					}
				})
			}
			began := time.Now()
			left := -1
			eventually(t, "the end of the sweep", time.Duration(often(60, 900))*time.Second, func() bool {
				if err := s.open().QueryRow("select count(*) from sessions").Scan(&left); err != nil {
					t.Fatal(err)
				}
				return left <= len(browsers) || t.Failed()
			})
			stop.Store(true)
			all.Wait()
			p99 := percentile(took, .99)
			t.Logf("%d sessions swept in %v; refresh p99 %v meanwhile", old, time.Since(began).Round(time.Second), p99.Round(100*time.Microsecond))
			if *long && p99 > 50*time.Millisecond {
				t.Errorf("refresh p99 = %v, want less than 50ms", p99)
			}
		})
	}
}
