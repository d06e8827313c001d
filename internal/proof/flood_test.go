package proof

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/password"
)

// TestSI_18_SignInFlood: 200 sign-ins of 200 users at once, again and again, while others refresh. Each is signed in or
// turned away with a 503 that says when to try again; memory stays within two hashes for each slot; nobody who
// refreshes waits.
func TestSI_18_SignInFlood(t *testing.T) {
	s := newSite(t, "sqlite")
	const slots = 2
	s.environ = []string{"SALLYPORT_PASSWORD_SLOTS=2", "SALLYPORT_PASSWORD_HASH=argon2id"}
	p := s.start()
	const pw = "correct horse battery staple"
	names := s.users(200, pw, password.Config{})
	baseline, _ := p.memory() // nothing was hashed yet
	browsers := signedIn(t, s, p, 8)
	measure := func(until func() bool) (took []time.Duration) {
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, b := range browsers {
			all.Go(func() {
				for !until() {
					a, err := b.refreshAt(p.url)
					if err != nil || a.status != 200 {
						t.Errorf("refresh during the flood = %v, %v", a, err)
						return
					}
					mu.Lock()
					took = append(took, a.took)
					mu.Unlock()
					time.Sleep(80 * time.Millisecond) // a session has 120 a minute, and it is no flood of refreshes
				}
			})
		}
		all.Wait()
		return took
	}
	quiet := time.Now().Add(time.Second)
	before := measure(func() bool { return time.Now().After(quiet) })

	var ok, turnedAway atomic.Int64
	var stop atomic.Bool
	var flood sync.WaitGroup
	client := newClient()
	flood.Go(func() {
		defer stop.Store(true)
		for range often(1, 30) {
			var all sync.WaitGroup
			for _, name := range names {
				all.Go(func() {
					a, err := post(client, p.url+"/auth/sign-in/", "", map[string]string{"username": name, "password": pw})
					switch {
					case err != nil:
						t.Errorf("sign-in = %v", err)
					case a.status == 200:
						ok.Add(1)
					case a.code == "overloaded" && a.header.Get("Retry-After") != "":
						turnedAway.Add(1)
					default:
						t.Errorf("sign-in = %v", a)
					}
				})
			}
			all.Wait()
		}
	})
	during := measure(stop.Load)
	flood.Wait()
	_, peak := p.memory()
	t.Logf("%d signed in, %d turned away; refresh p99 %v before, %v during; %.0f MiB before, %.0f MiB at most",
		ok.Load(), turnedAway.Load(), percentile(before, .99).Round(time.Millisecond), percentile(during, .99).Round(time.Millisecond), baseline, peak)
	if ok.Load() == 0 || turnedAway.Load() == 0 {
		t.Error("want some of both: or this was no flood")
	}
	if most := baseline + 2*slots*19; runtime.GOOS == "linux" && peak > most {
		t.Errorf("%.0f MiB at most, want no more than %.0f", peak, most)
	}
	// Nobody was counted as a failure: everybody has ten tries left.
	for _, name := range names[:3] {
		for range 10 {
			a, err := post(client, p.url+"/auth/sign-in/", "", map[string]string{"username": name, "password": "wrong"})
			if err != nil || a.code != "invalid_credentials" {
				t.Fatalf("a try after the flood = %v, %v", a, err)
			}
		}
	}
}
