package proof

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// mistake is what is wrong with a model on purpose, to see whether a search finds it.
type mistake string

const (
	noMistake      mistake = ""
	retryStands    mistake = "rule 2 leaves gen_at alone"
	retryForEver   mistake = "rule 2 holds for ever"
	endlessRecall  mistake = "rule 3 does not ask whether there was a recovery"
	forgetsOthers  mistake = "an ending forgets the others"
	revivedByClock mistake = "an ended session lives again when the clock is set back"
)

// machine is one session as docs/refresh.md tells of it, at the instants of whoever asks. It is a value: a step gives the
// next one.
type machine struct {
	gen, low    int64
	genAt       time.Time
	recovered   bool
	idleEnd     time.Time
	absoluteEnd time.Time
	ended       time.Time // zero while it is not
	replaced    bool      // by a sign-in in the same browser: that is how it ended
	gone        bool      // with its user
}

// reply is what a presentation is answered with: an error, or the generation of the successor.
type reply struct {
	err       error
	successor int64
}

func newMachine(at time.Time, idle, life time.Duration) machine {
	m := machine{genAt: at, absoluteEnd: at.Add(life)}
	m.use(at, idle)
	return m
}

// use moves the idle end, which is never later than the absolute end.
func (m *machine) use(at time.Time, idle time.Duration) {
	m.idleEnd = at.Add(idle)
	if m.idleEnd.After(m.absoluteEnd) {
		m.idleEnd = m.absoluteEnd
	}
}

// refusal is rule 0: why the session takes nobody in, or nil.
func (m machine) refusal(at time.Time, wrong mistake) error {
	revived := wrong == revivedByClock && at.Before(m.ended)
	switch {
	case m.gone:
		return sallyport.ErrSessionRevoked
	case m.replaced && at.Sub(m.ended) <= windowOfWorld:
		return sallyport.ErrSessionReplaced
	case !m.ended.IsZero() && !revived:
		return sallyport.ErrSessionRevoked
	case !at.Before(m.idleEnd), !at.Before(m.absoluteEnd):
		return sallyport.ErrRefreshTokenExpired
	}
	return nil
}

// present is the table: token n at the instant at.
func (m machine) present(n int64, at time.Time, idle time.Duration, wrong mistake) (machine, reply) {
	if err := m.refusal(at, wrong); err != nil {
		return m, reply{err: err}
	}
	late := at.Sub(m.genAt) > windowOfWorld
	recent := n >= m.low && n >= m.gen-128
	genAt := at
	switch {
	case n > m.gen: // advance
		if late {
			m.low = n
		}
		m.gen, m.recovered = n, false
	case recent && (!late || wrong == retryForEver): // retry
		if wrong == retryStands {
			genAt = m.genAt
		}
	case recent && (!m.recovered || wrong == endlessRecall): // recovery
		m.low, m.gen, m.recovered = n, m.gen+1, true
	case m.recovered && n == m.low: // retry of a recovery
	default: // reuse
		return m.end(at), reply{err: sallyport.ErrRefreshTokenReused}
	}
	m.genAt = genAt
	m.use(at, idle)
	return m, reply{successor: m.gen + 1}
}

// end ends the session. One that is over already stays as it is, unless it is merely past its time: a clock that is behind
// would find it alive.
func (m machine) end(at time.Time) machine {
	if m.ended.IsZero() {
		m.ended = at
	}
	return m
}

// is reports whether an answer is the one that was wanted.
func (got reply) is(want reply) bool {
	if want.err == nil {
		return got == want
	}
	return errors.Is(got.err, want.err) && errors.Is(got.err, sallyport.ErrSessionReplaced) == (want.err == sallyport.ErrSessionReplaced)
}

func (r reply) String() string {
	if r.err != nil {
		return r.err.Error()
	}
	if r.successor == 0 {
		return "no error"
	}
	return fmt.Sprintf("token %d", r.successor)
}

// step is what an event does to a session, and how it is answered.
type step func(machine) (machine, reply)

// expect keeps of the possible machines those whose step is answered as the service has answered, after that step.
func expect(possible []machine, do step, got reply) (after []machine, difference string) {
	var wanted []string
	for _, m := range possible {
		next, want := do(m)
		switch {
		case !got.is(want):
			wanted = append(wanted, want.String())
		case !slices.Contains(after, next):
			after = append(after, next)
		}
	}
	if len(after) == 0 {
		return possible, fmt.Sprintf("%v, want %s", got, strings.Join(wanted, " or "))
	}
	return after, ""
}

// inSomeOrder keeps the machines that steps which ran at once may have left: those of every order in which each is answered
// as the service has answered it.
func inSomeOrder(m machine, steps []step, got []reply) (after []machine) {
	if len(steps) == 0 {
		return []machine{m}
	}
	for i, do := range steps {
		next, want := do(m)
		if !got[i].is(want) {
			continue
		}
		rest := slices.Concat(steps[:i:i], steps[i+1:])
		for _, m := range inSomeOrder(next, rest, slices.Concat(got[:i:i], got[i+1:])) {
			if !slices.Contains(after, m) {
				after = append(after, m)
			}
		}
	}
	return after
}

// finding is a history that the model tells otherwise than the service.
type finding struct {
	seed       uint64
	history    history
	difference string
}

// search replays random histories, one after the other in each world, until it has found a difference or has done them all.
func search(worlds []*world, count int64, wrong mistake) (found *finding, done tally) {
	var mu sync.Mutex
	var next atomic.Int64
	var all sync.WaitGroup
	for _, w := range worlds {
		all.Go(func() {
			for i := next.Add(1) - 1; i < count; i = next.Add(1) - 1 {
				n := *seed + uint64(i)
				h := newHistory(rand.New(rand.NewPCG(n, 0)))
				difference, did := w.replay(h, wrong)
				if strings.Contains(difference, sallyport.ErrStoreUnavailable.Error()) { // a busy machine, and nothing is known
					difference, did.unanswered = "", did.unanswered+1
				}
				mu.Lock()
				done.add(did)
				if difference != "" && (found == nil || n < found.seed) {
					found = &finding{n, h, difference}
					next.Store(count)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return found, done
}

// report shortens the history and tells it.
func (f *finding) report(w *world, wrong mistake) string {
	shortest, difference := f.history, f.difference
	for i := 0; i < len(shortest.events); {
		shorter := shortest
		shorter.events = slices.Delete(slices.Clone(shortest.events), i, i+1)
		if d := w.replayOften(shorter, wrong); d != "" {
			shortest, difference, i = shorter, d, max(0, i-1)
		} else {
			i++
		}
	}
	return fmt.Sprintf("-args -seed=%d: %s\nshortened:\n%v%s", f.seed, f.difference, shortest, difference)
}

// replayOften replays a history a few times, since what happens at once happens in any order.
func (w *world) replayOften(h history, wrong mistake) (difference string) {
	for try := 0; try < 5 && difference == ""; try++ {
		difference, _ = w.replay(h, wrong)
	}
	return difference
}

// worldsAtOnce keeps the processors busy while some wait for the database.
const worldsAtOnce = 4

func newWorlds(t *testing.T, database string, idle, life time.Duration) []*world {
	t.Helper()
	worlds := make([]*world, worldsAtOnce)
	for i := range worlds {
		worlds[i] = newWorld(t, database, idle, life)
	}
	return worlds
}

// TestModel holds the service, over one database with one, two or three instances, against the model of docs/refresh.md, on
// random histories.
func TestModel(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		drawn(t)
		worlds := newWorlds(t, database, idleOfWorld, lifeOfWorld)
		found, done := search(worlds, int64(often(100, 10_000)), noMistake)
		if found != nil {
			t.Error(found.report(worlds[0], noMistake))
		}
		if done.unanswered*50 > done.histories {
			t.Errorf("%d of %d sequences met a database that gives no answer", done.unanswered, done.histories)
		}
		t.Logf("%v", done)
	})
}

// TestModelMatters holds the service against models that are wrong on purpose: a search that finds nothing there would find
// nothing anywhere. The short form does so on one database, since the mistakes are the model's.
func TestModelMatters(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		if database != "sqlite" && !*long {
			return
		}
		drawn(t)
		worlds := newWorlds(t, database, idleOfWorld, lifeOfWorld)
		for _, wrong := range []mistake{retryStands, retryForEver, endlessRecall, forgetsOthers, revivedByClock} {
			found, done := search(worlds, 2000, wrong)
			if found == nil {
				t.Errorf("%s: no history tells the difference (%v)", wrong, done)
			} else if *long {
				t.Logf("%s: %v; %s", wrong, done, found.report(worlds[0], wrong))
			}
		}
	})
}

// tally counts what was done.
type tally struct {
	histories, steps, presented, refreshed, reused, atOnce, unanswered int
}

func (t *tally) add(other tally) {
	t.histories += other.histories
	t.steps += other.steps
	t.presented += other.presented
	t.refreshed += other.refreshed
	t.reused += other.reused
	t.atOnce += other.atOnce
	t.unanswered += other.unanswered
}

func (t tally) String() string {
	return fmt.Sprintf("%d sequences, %d steps: %d presentations (%d refreshed, %d reuses, %d at the same time as others, %d given up)",
		t.histories, t.steps, t.presented, t.refreshed, t.reused, t.atOnce, t.unanswered)
}
