package proof

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// What a simulated browser and its network do. RefreshReach is the bound of it: twenty reloads in a second, each in up
// to twenty tabs, of which a third is delayed by seconds, leave some request more than sixteen generations behind, and
// sign out one browser in 77. With ten reloads it was none in 3,000.
const (
	burstsOfBrowser = 60
	reloadsOfBurst  = 4
	tabsOfReload    = 20
	betweenReloads  = 50 * time.Millisecond
	longestDelay    = 8 * time.Second // of a request, and of an answer
	longestPause    = 6 * time.Hour
	lostOf100       = 30 // answers
)

// happening is something that comes to pass in a simulated network at an instant.
type happening struct {
	at   time.Time
	seq  int // those of one instant keep their order
	what func() error
}

// agenda is what is yet to happen, as a heap.
type agenda []happening

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at.Before(a[j].at) || a[i].at.Equal(a[j].at) && a[i].seq < a[j].seq
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *agenda) Push(x any) { *a = append(*a, x.(happening)) }

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// network is one browser, several instances, and what lies between them.
type network struct {
	*world
	r         *rand.Rand
	agenda    agenda
	seq       int
	cookie    string
	presented int
}

func (n *network) at(t time.Time, what func() error) {
	n.seq++
	heap.Push(&n.agenda, happening{t, n.seq, what})
}

// delay is short most of the time.
func (n *network) delay() time.Duration {
	most := longestDelay
	if n.r.IntN(3) > 0 {
		most = 200 * time.Millisecond
	}
	return time.Duration(n.r.Int64N(int64(most/time.Microsecond))) * time.Microsecond
}

func (n *network) pause() time.Duration {
	most := pick(n.r, []time.Duration{longestDelay, 30 * time.Second, 10 * time.Minute, longestPause})
	return time.Duration(n.r.Int64N(int64(most/time.Microsecond))) * time.Microsecond
}

// request sends what the browser holds at this moment; the answer, if it is not lost, becomes what it holds.
func (n *network) request() {
	token := n.cookie
	n.at(n.now().Add(n.delay()), func() error {
		fresh, err := n.ask(token)
		if err == nil && n.r.IntN(100) >= lostOf100 {
			n.at(n.now().Add(n.delay()), func() error {
				n.cookie = fresh
				return nil
			})
		}
		return err
	})
}

// ask presents a token to one of the instances.
func (n *network) ask(token string) (string, error) {
	n.presented++
	i := n.instances[n.r.IntN(len(n.instances))]
	parsed, err := i.ParseRefreshToken(token)
	if err != nil {
		return "", err
	}
	tokens, err := i.Refresh(n.Context(), parsed, sallyport.Client{})
	if err != nil {
		return "", err
	}
	return tokens.RefreshToken, nil
}

// run lets everything happen that is on the agenda.
func (n *network) run() error {
	for len(n.agenda) > 0 {
		next := heap.Pop(&n.agenda).(happening)
		n.set(next.at)
		if err := next.what(); err != nil {
			return fmt.Errorf("at %v: %w", n.now().Sub(noon), err)
		}
	}
	return nil
}

// browse is the life of an honest browser: bursts of reloads in several tabs, with pauses.
func (n *network) browse() error {
	start := noon
	for range burstsOfBrowser {
		for reload := range 1 + n.r.IntN(reloadsOfBurst) {
			tabs := 1 + n.r.IntN(tabsOfReload)
			if n.r.IntN(2) == 0 {
				tabs = 1
			}
			n.at(start.Add(time.Duration(reload)*betweenReloads), func() error {
				for range tabs {
					n.request()
				}
				return nil
			})
		}
		start = start.Add(n.pause())
	}
	return n.run()
}

// signedInAt begins a session of a new user.
func (n *network) signedInAt() error {
	n.set(noon)
	name := "c" + strings.ToLower(sallyport.NewID(n.now()).String()[19:])
	const pw = "violet sofa"
	if _, err := n.instances[0].CreateUser(n.Context(), sallyport.NewUser{Username: name, Password: pw}); err != nil {
		return err
	}
	tokens, err := n.instances[0].SignIn(n.Context(), sallyport.SignInRequest{Username: name, Password: pw})
	if err != nil {
		return err
	}
	n.cookie = tokens.RefreshToken
	return nil
}

// simulate runs so many simulations, each with a seed of its own, in several worlds.
func simulate(t *testing.T, database string, count int, one func(n *network) error) {
	t.Helper()
	drawn(t)
	var next, presented atomic.Int64
	var all sync.WaitGroup
	for _, w := range newWorlds(t, database, 24*time.Hour, 400*24*time.Hour) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(count); i = next.Add(1) - 1 {
				n := &network{world: w, r: rand.New(rand.NewPCG(*seed, uint64(i)))}
				if err := errors.Join(n.signedInAt(), one(n)); err != nil {
					t.Errorf("simulation %d: %v", i, err)
					return
				}
				presented.Add(int64(n.presented))
			}
		})
	}
	all.Wait()
	t.Logf("%d simulations, %d presentations", count, presented.Load())
}

// TestRF_09_RF_10_HonestBrowsers: whatever a network does to the requests and the answers of a browser, it is never
// signed out.
func TestRF_09_RF_10_HonestBrowsers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		simulate(t, database, often(4, 300), (*network).browse)
	})
}

// mostTurns is a month of refreshes every quarter of an hour.
const mostTurns = 2880

// steal is the life of a session whose cookie was copied. Owner and thief both refresh, slower than the window, until one of
// them is found out: in the fourth turn at the latest, where a turn is all that one does before it is the other's.
func (n *network) steal() error {
	for range n.r.IntN(6) {
		fresh, err := n.ask(n.cookie)
		if err != nil {
			return err
		}
		n.cookie = fresh
		n.set(n.now().Add(n.pause()))
	}
	holders := [2]string{n.cookie, n.cookie}
	turns, last := 0, -1
	for range mostTurns {
		n.set(n.now().Add(windowOfWorld + time.Microsecond + n.pause()))
		who := n.r.IntN(2)
		if who != last {
			turns, last = turns+1, who
		}
		fresh, err := n.ask(holders[who])
		if errors.Is(err, sallyport.ErrRefreshTokenReused) && turns <= 4 {
			return n.over(holders)
		}
		if err != nil {
			return fmt.Errorf("turn %d: %w", turns, err)
		}
		holders[who] = fresh
	}
	return fmt.Errorf("nobody is found out in %d turns of the two", turns)
}

// over checks that the session is over for both.
func (n *network) over(holders [2]string) error {
	for _, token := range holders {
		if _, err := n.ask(token); !errors.Is(err, sallyport.ErrSessionRevoked) {
			return fmt.Errorf("after the end a holder gets %v, want %w", err, sallyport.ErrSessionRevoked)
		}
	}
	return nil
}

// TestRF_12_ThievesAndOwners: two who hold one session and are slower than the window do not both go on. What no window can
// see is a thief who always refreshes within the window of the owner.
func TestRF_12_ThievesAndOwners(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		simulate(t, database, often(60, 10_000), (*network).steal)
	})
}
