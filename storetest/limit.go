package storetest

import (
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// counterOf makes a counter of three in a minute.
func counterOf(key string) sallyport.Counter {
	return sallyport.Counter{Key: []byte(key), Limit: 3, Period: time.Minute}
}

// count raises the counters and checks which one refuses.
func (b *bench) count(want int, counters ...sallyport.Counter) sallyport.CountOutcome {
	b.Helper()
	outcome, err := b.store.Count(b.ctx(), b.now, counters...)
	b.wantError("Count()", err, nil)
	if outcome.Refused != want {
		b.Errorf("Count().Refused = %d, want %d", outcome.Refused, want)
	}
	return outcome
}

// limitCases are the sentences about counters and known addresses.
func limitCases() []testCase {
	return []testCase{
		{"Refresh rule 6: after MaxAdvances in a period none advances, and a retry is not counted", func(b *bench) {
			s := b.start(b.addUser("alice"))
			present := func(n int64, want sallyport.RefreshRule) sallyport.RefreshOutcome {
				step := b.step(s, n)
				step.MaxAdvances = 3
				outcome, err := b.store.Refresh(b.ctx(), step)
				b.wantError("Refresh()", err, nil)
				if outcome.Rule != want {
					b.Errorf("Refresh(%d).Rule = %v, want %v", n, outcome.Rule, want)
				}
				return outcome
			}
			from := b.now
			for n := int64(1); n <= 3; n++ {
				b.now = b.now.Add(time.Second)
				present(n, sallyport.RuleAdvance)
				present(n, sallyport.RuleRetry)
			}
			before := b.stored(s.ID)
			outcome := present(4, sallyport.RuleLimited)
			b.wantEqual("RetryAt", outcome.RetryAt, from.Add(time.Minute))
			b.wantEqual("Session()", b.stored(s.ID), before)
			b.now = b.now.Add(window)
			present(3, sallyport.RuleRetry)
			b.now = b.now.Add(window + time.Microsecond)
			present(3, sallyport.RuleLimited) // a recovery is counted
			b.now = outcome.RetryAt.Add(-time.Microsecond)
			present(4, sallyport.RuleLimited)
			b.now = outcome.RetryAt
			present(4, sallyport.RuleAdvance)
		}},
		{"Count lets exactly the limit through in a period", func(b *bench) {
			for range 3 {
				b.count(-1, counterOf("a"))
				b.now = b.now.Add(time.Second)
			}
			outcome := b.count(0, counterOf("a"))
			b.wantEqual("Until", outcome.Until, b.now.Add(57*time.Second))
			b.count(-1, counterOf("b"))
			b.now = outcome.Until.Add(-time.Microsecond)
			b.count(0, counterOf("a"))
			b.now = outcome.Until
			for range 3 {
				b.count(-1, counterOf("a"))
			}
			b.count(0, counterOf("a"))
		}},
		{"Count holds while a clock is a little behind, and begins anew for one that is far away", func(b *bench) {
			for range 3 {
				b.count(-1, counterOf("a"))
			}
			b.now = b.now.Add(-59 * time.Second)
			b.count(0, counterOf("a"))
			b.now = b.now.Add(-time.Hour)
			b.count(-1, counterOf("a"))
		}},
		{"Count raises none when one is refused", func(b *bench) {
			for range 3 {
				b.count(-1, counterOf("a"))
			}
			for range 5 {
				b.count(1, counterOf("b"), counterOf("a"))
			}
			for range 3 {
				b.count(-1, counterOf("b"))
			}
		}},
		{"Count lets exactly the limit through of 40 calls at once", func(b *bench) {
			var passed atomic.Int64
			errs := atOnce(40, func(int) error {
				outcome, err := b.store.Count(b.ctx(), b.now, counterOf("other"+b.now.String()), counterOf("a"))
				if err == nil && outcome.Refused < 0 {
					passed.Add(1)
				}
				return err
			})
			for _, err := range errs {
				b.wantError("Count()", err, nil)
			}
			if passed.Load() != 3 {
				b.Errorf("%d calls were let through, want 3", passed.Load())
			}
		}},
		{"Counted says what Count would, and raises none", func(b *bench) {
			for i := range 4 {
				for range 3 {
					outcome, err := b.store.Counted(b.ctx(), b.now, counterOf("b"), counterOf("a"))
					b.wantError("Counted()", err, nil)
					if want := [...]int{-1, -1, -1, 1}[i]; outcome.Refused != want {
						b.Errorf("Counted().Refused = %d after %d, want %d", outcome.Refused, i, want)
					}
				}
				if i < 3 {
					b.count(-1, counterOf("a"))
				}
			}
			b.now = b.now.Add(time.Minute)
			outcome, err := b.store.Counted(b.ctx(), b.now, counterOf("a"))
			b.wantError("Counted()", err, nil)
			b.wantEqual("Refused", outcome.Refused, -1)
		}},
		{"Settle lowers and resets, and misses none that is unknown", func(b *bench) {
			for range 3 {
				b.count(-1, counterOf("a"), counterOf("b"))
			}
			c := sallyport.Settlement{Undo: [][]byte{[]byte("a"), []byte("unknown")}, Reset: [][]byte{[]byte("b"), []byte("unknown too")}}
			b.wantError("Settle()", b.store.Settle(b.ctx(), c), nil)
			b.count(-1, counterOf("a"))
			b.count(0, counterOf("a"))
			for range 3 {
				b.count(-1, counterOf("b"))
			}
			b.count(0, counterOf("b"))
			for range 9 {
				b.wantError("Settle()", b.store.Settle(b.ctx(), sallyport.Settlement{Undo: [][]byte{[]byte("a")}}), nil)
			}
			for range 3 { // not below nought
				b.count(-1, counterOf("a"))
			}
			b.count(0, counterOf("a"))
		}},
		{"StartSession settles counters and remembers the address", func(b *bench) {
			u, other := b.addUser("alice"), b.addUser("bob")
			for range 3 {
				b.count(-1, counterOf("a"))
			}
			b.wantKnown(u, "192.0.2.1", false)
			step := b.exchange(u, "token")
			step.Address, step.Settle = "192.0.2.1", sallyport.Settlement{Reset: [][]byte{[]byte("a")}}
			b.startStep(step)
			b.count(-1, counterOf("a"))
			b.wantKnown(u, "192.0.2.1", true)
			b.wantKnown(u, "192.0.2.2", false)
			b.wantKnown(u, "", false)
			b.wantKnown(other, "192.0.2.1", false)
		}},
		{"a step that is refused settles nothing and remembers no address", func(b *bench) {
			u := b.addUser("alice")
			for range 3 {
				b.count(-1, counterOf("a"))
			}
			step := b.exchange(u, "token")
			step.CredentialVersion++
			step.Address, step.Settle = "192.0.2.1", sallyport.Settlement{Reset: [][]byte{[]byte("a")}}
			step.Events = []sallyport.Event{b.event("sign_in", u.ID)}
			b.refused(step, sallyport.ErrChanged)
			b.count(0, counterOf("a"))
			b.wantKnown(u, "192.0.2.1", false)
			b.wantEvents(sallyport.EventQuery{Limit: 10})
		}},
		{"a user has no more known addresses than anybody needs, and the last ones", func(b *bench) {
			u := b.addUser("alice")
			address := func(i int) string {
				return "192.0.2." + string(rune('0'+i/100)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10))
			}
			for i := range 120 {
				step := b.exchange(u, address(i))
				step.Address = address(i)
				b.startStep(step)
				b.now = b.now.Add(time.Minute)
			}
			b.wantKnown(u, address(119), true)
			b.wantKnown(u, address(0), false)
		}},
	}
}

func (b *bench) wantKnown(u sallyport.User, address string, want bool) {
	b.Helper()
	_, credential, err := b.store.UserByName(b.ctx(), u.Username, address)
	b.wantError("UserByName()", err, nil)
	if credential.KnownAddress != want {
		b.Errorf("KnownAddress of %q = %v, want %v", address, credential.KnownAddress, want)
	}
}
