package storetest

import (
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// sweepCases are the sentences about Sweep.
func sweepCases() []testCase {
	return []testCase{
		{"Sweep removes the sessions that are over, and no others, part by part", sweepsSessions},
		{"Sweep removes old events, unused addresses, and the marks and counters that are over", sweepsTheRest},
	}
}

func sweepsSessions(b *bench) {
	u := b.addUser("alice")
	var sessions []sallyport.Session
	for range 6 {
		b.now = b.now.Add(time.Millisecond)
		sessions = append(sessions, b.start(u))
	}
	ended := b.now
	b.end(sallyport.SessionEnd{Session: sessions[0].ID, Scope: sallyport.ScopeThis, Reason: sallyport.EndedByLogoff, At: ended})
	b.now = b.now.Add(10 * time.Minute)
	b.wantRule(sessions[1], 1, sallyport.RuleAdvance)
	sweep := func(before time.Time, limit int) (removed int) {
		w := sallyport.Sweep{Limit: limit, Now: b.now, SessionsBefore: before}
		for range 10 {
			outcome, err := b.store.Sweep(b.ctx(), w)
			b.wantError("Sweep()", err, nil)
			removed += outcome.Removed
			if w.After = outcome.Last; w.After.IsZero() {
				return removed
			}
		}
		b.Errorf("Sweep() with Limit %d comes to no end", limit)
		return removed
	}
	there := func(want ...bool) {
		b.Helper()
		for i, s := range sessions {
			_, _, err := b.store.Session(b.ctx(), s.ID)
			if (err == nil) != want[i] {
				b.Errorf("session %d: Session() = %v, want it there: %v", i, err, want[i])
			}
		}
	}
	b.wantEqual("removed", sweep(ended, 2), 0)
	there(true, true, true, true, true, true)
	b.wantEqual("removed", sweep(ended.Add(time.Microsecond), 2), 1)
	there(false, true, true, true, true, true)
	b.wantEqual("removed", sweep(sessions[3].IdleEnd, 2), 1) // of those before it: 2, since 1 was used
	there(false, true, false, true, true, true)
	b.wantEqual("removed", sweep(sessions[5].IdleEnd.Add(time.Second), 100), 3)
	there(false, true, false, false, false, false)
	b.wantEqual("removed", sweep(sessions[1].AbsoluteEnd.Add(time.Second), 1), 1)
	there(false, false, false, false, false, false)
}

func sweepsTheRest(b *bench) {
	u := b.addUser("alice")
	for i := range 5 {
		e := b.event("x", u.ID)
		_, err := b.store.UpdateUser(b.ctx(), u.ID, sallyport.UserChange{FirstName: ptr("A")}, b.now, e)
		b.wantError("UpdateUser()", err, nil)
		step := b.exchange(u, fmt.Sprint(i))
		step.Address, step.MarkUntil = fmt.Sprint("192.0.2.", i), b.now.Add(time.Minute)
		b.startStep(step)
		b.count(-1, sallyport.Counter{Key: []byte{byte(i)}, Limit: 3, Period: time.Minute})
		b.now = b.now.Add(time.Second)
	}
	third := b.now.Add(-3 * time.Second) // when the third round was
	w := sallyport.Sweep{Limit: 100, Now: third.Add(time.Minute), EventsBefore: third, AddressesBefore: third}
	outcome, err := b.store.Sweep(b.ctx(), w)
	b.wantError("Sweep()", err, nil)
	b.wantEqual("Removed", outcome.Removed, 4*2) // two of each kind
	events, err := b.store.Events(b.ctx(), sallyport.EventQuery{Limit: 9})
	b.wantError("Events()", err, nil)
	b.wantEqual("number of events", len(events), 3)
	b.wantKnown(u, "192.0.2.1", false)
	b.wantKnown(u, "192.0.2.2", true)
	again := b.exchange(u, "2") // is remembered at that very instant
	b.refused(again, sallyport.ErrReplayed)
	w.Now, w.Limit = b.now.Add(time.Hour), 2
	for _, want := range []int{4, 2, 0} { // marks and counters, two of each at most
		outcome, err := b.store.Sweep(b.ctx(), w)
		b.wantError("Sweep()", err, nil)
		b.wantEqual("Removed", outcome.Removed, want)
	}
}
