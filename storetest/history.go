package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// event is one thing that happens to a user with several sessions. Session names one of them, 0 the
// newest, modulo their number: so an event means something in any history.
type event struct {
	kind       string
	session    int
	generation int64 // present: relative to the newest one
	pause      time.Duration
	scope      sallyport.Scope
}

func (e event) String() string {
	switch e.kind {
	case "present":
		return fmt.Sprintf("present gen%+d of %d", e.generation, e.session)
	case "pause":
		return fmt.Sprintf("pause %v", e.pause)
	case "end":
		return fmt.Sprintf("end %s of %d", e.scope, e.session)
	}
	return fmt.Sprintf("%s %d", e.kind, e.session)
}

// pauses are the steps of the clock. The first ones are about the window, the next ones about the
// ends, the last ones go back.
var pauses = []time.Duration{
	0, time.Millisecond, 3 * time.Second, window - time.Microsecond, window, window + time.Microsecond, time.Minute,
	10 * time.Minute, idle - time.Microsecond, idle,
	-time.Microsecond, -time.Second, -window, -time.Minute, -idle,
}

const shortPauses = 7

// The limit on advances, which a history reaches now and then.
const (
	maxAdvances   = 5
	advancePeriod = 25 * time.Second
)

// distances are those of a presented generation from the newest one.
var distances = []int64{
	1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, -1, -1, -1, -2, 2, 3,
	sallyport.RefreshReach + 1, sallyport.RefreshReach + 2, 1 - sallyport.RefreshReach, -sallyport.RefreshReach, -sallyport.RefreshReach - 1,
}

// newHistory makes a history of 20 to 80 events. Most are presentations to the newest session, near
// its newest generation, and short pauses; else every session would end before it got far.
func newHistory(r *rand.Rand) []event {
	history := make([]event, 20+r.IntN(60))
	for i := range history {
		e := event{session: max(0, r.IntN(8)-5)}
		switch p := r.IntN(100); {
		case p < 56:
			e.kind, e.generation = "present", pick(r, distances)
		case p < 80:
			e.kind, e.pause = "pause", pick(r, pauses[:shortPauses])
		case p < 88:
			e.kind, e.pause = "pause", pick(r, pauses)
		case p < 90:
			e.kind, e.scope = "end", pick(r, []sallyport.Scope{sallyport.ScopeThis, sallyport.ScopeOthers, sallyport.ScopeAll})
		case p < 97:
			e.kind = "sign in"
		default:
			e.kind = pick(r, []string{"sign in over", "disable", "enable", "enable", "password"})
		}
		history[i] = e
	}
	return history
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// world is one user of the store and what the model thinks of the user's sessions.
type world struct {
	b        *bench
	wrong    fault // of the models
	user     sallyport.User
	now      time.Time
	version  int64
	sessions []*model
}

// replay lets the history happen to a new user and returns the first difference between the store
// and the model, or "".
func replay(b *bench, history []event, wrong fault) (difference string) {
	u := b.newUser(fmt.Sprintf("user %d", b.users.Add(1)), "")
	w := &world{b: b, wrong: wrong, user: u, now: b.now}
	if err := b.store.CreateUser(b.ctx(), u, "hash", sallyport.Event{}); err != nil {
		return fmt.Sprintf("CreateUser() = %v", err)
	}
	_, credential, err := b.store.UserByName(b.ctx(), u.Username, "")
	if err != nil {
		return fmt.Sprintf("UserByName() = %v", err)
	}
	w.version = credential.Version
	for i, e := range append([]event{{kind: "sign in"}, {kind: "sign in"}}, history...) {
		if d := w.happen(e); d != "" {
			return fmt.Sprintf("event %d (%v): %s", i-2, e, d)
		}
	}
	return w.compare(w.sessions...)
}

// happen lets the event happen to the store and to the model, and compares the answers.
func (w *world) happen(e event) string {
	m := &model{}
	if len(w.sessions) > 0 {
		m = w.sessions[len(w.sessions)-1-e.session%len(w.sessions)]
	}
	var d string
	switch e.kind {
	case "pause":
		w.now = w.now.Add(e.pause)
		return ""
	case "present":
		return cmp.Or(w.present(m, e.generation), w.compare(m))
	case "sign in":
		d = w.signIn(nil)
	case "sign in over":
		d = w.signIn(m)
	case "end":
		d = w.end(m, e.scope)
	case "disable", "enable":
		d = w.setActive(e.kind == "enable")
	case "password":
		d = w.setPassword(m)
	}
	return cmp.Or(d, w.compare(w.sessions...))
}

func (w *world) present(m *model, relative int64) string {
	step := sallyport.RefreshStep{
		SessionID: m.session.ID, Generation: max(0, m.gen+relative), At: w.now, RetryWindow: window, IdleTTL: idle,
		MaxAdvances: maxAdvances, AdvancePeriod: advancePeriod, IP: [...]string{"", "192.0.2.1", "2001:db8::1"}[len(w.sessions)%3],
	}
	outcome, err := w.b.store.Refresh(w.b.ctx(), step)
	if err != nil {
		return fmt.Sprintf("Refresh(%d) = %v", step.Generation, err)
	}
	rule, generation := m.present(step, w.user.IsActive)
	if outcome.Rule != rule {
		return fmt.Sprintf("Refresh(%d) fires rule %d, want %d", step.Generation, outcome.Rule, rule)
	}
	if until := m.countedFrom.Add(advancePeriod); rule == sallyport.RuleLimited && !outcome.RetryAt.Equal(until) {
		return fmt.Sprintf("Refresh(%d) may be tried again at %v, want %v", step.Generation, outcome.RetryAt, until)
	}
	if rule != sallyport.RuleRefused && rule != sallyport.RuleReuse && outcome.Generation != generation {
		return fmt.Sprintf("Refresh(%d) gives generation %d, want %d", step.Generation, outcome.Generation, generation)
	}
	if d := diff(outcome.Session, m.session); d != "" {
		return fmt.Sprintf("Refresh(%d) gives another session (-got +want):\n%s", step.Generation, d)
	}
	if rule != sallyport.RuleReuse && outcome.User.IsActive != w.user.IsActive {
		return fmt.Sprintf("Refresh(%d) gives a user with IsActive %v", step.Generation, outcome.User.IsActive)
	}
	return ""
}

func (w *world) signIn(over *model) string {
	s := sallyport.Session{
		ID: sallyport.NewID(w.now), UserID: w.user.ID, CreatedAt: w.now, LastUsedAt: w.now,
		IdleEnd: w.now.Add(idle), AbsoluteEnd: w.now.Add(idle + idle/2),
	}
	step := sallyport.SessionStart{Session: s, CredentialVersion: w.version}
	if over != nil {
		step.Replaces = over.session.ID
	}
	err := w.b.store.StartSession(w.b.ctx(), step)
	if (err == nil) != w.user.IsActive {
		return fmt.Sprintf("StartSession() = %v with IsActive %v", err, w.user.IsActive)
	}
	if err != nil {
		return ""
	}
	if over != nil {
		over.end(sallyport.EndedByReplaced, w.now)
	}
	w.sessions = append(w.sessions, newModel(s, w.wrong))
	return ""
}

func (w *world) end(m *model, scope sallyport.Scope) string {
	got, err := w.b.store.EndSessions(w.b.ctx(), sallyport.SessionEnd{
		Session: m.session.ID, Scope: scope, Reason: sallyport.EndedByLogoff, At: w.now,
	})
	if err != nil {
		return fmt.Sprintf("EndSessions() = %v", err)
	}
	want := 0
	live := m.live(w.now)
	for _, other := range w.sessions {
		if !live && scope != sallyport.ScopeThis {
			break // it has no say over the others
		}
		if scope == sallyport.ScopeAll || (other == m) == (scope == sallyport.ScopeThis) {
			want += other.end(sallyport.EndedByLogoff, w.now)
		}
	}
	if got != want {
		return fmt.Sprintf("EndSessions() = %d, want %d", got, want)
	}
	return ""
}

func (w *world) setActive(active bool) string {
	if _, err := w.b.store.UpdateUser(w.b.ctx(), w.user.ID, sallyport.UserChange{IsActive: &active}, w.now, sallyport.Event{}); err != nil {
		return fmt.Sprintf("UpdateUser() = %v", err)
	}
	w.user.IsActive = active
	if !active {
		for _, m := range w.sessions {
			m.end(sallyport.EndedByDisabled, w.now)
		}
	}
	return w.readVersion()
}

func (w *world) setPassword(keep *model) string {
	if err := w.b.store.SetPassword(w.b.ctx(), sallyport.PasswordChange{UserID: w.user.ID, Hash: "new hash", Keep: keep.session.ID, At: w.now}); err != nil {
		return fmt.Sprintf("SetPassword() = %v", err)
	}
	for _, m := range w.sessions {
		if m != keep {
			m.end(sallyport.EndedByPassword, w.now)
		}
	}
	return w.readVersion()
}

func (w *world) readVersion() string {
	_, credential, err := w.b.store.UserByName(w.b.ctx(), w.user.Username, "")
	if err != nil {
		return fmt.Sprintf("UserByName() = %v", err)
	}
	w.version = credential.Version
	return ""
}

// compare holds sessions of the store against their models.
func (w *world) compare(sessions ...*model) string {
	for _, m := range sessions {
		got, user, err := w.b.store.Session(w.b.ctx(), m.session.ID)
		if err != nil {
			return fmt.Sprintf("Session() = %v", err)
		}
		if d := diff(got, m.session); d != "" {
			return fmt.Sprintf("Session() (-got +want):\n%s", d)
		}
		if user.IsActive != w.user.IsActive {
			return fmt.Sprintf("Session() gives a user with IsActive %v", user.IsActive)
		}
	}
	return ""
}

const (
	historiesByDefault = 60
	historiesToTell    = 400 // a wrong model from the right one, at most
	historiesAtOnce    = 16
)

// checkHistories holds the store against the model.
func checkHistories(b *bench) {
	found := searchHistories(b, noFault, 20)
	if len(found) == 0 {
		return
	}
	slices.SortFunc(found, func(x, y finding) int { return len(x.history) - len(y.history) })
	f := found[0]
	history := shrink(f.history, func(h []event) bool { return replay(b, h, noFault) != "" })
	var text strings.Builder
	for i, e := range history {
		fmt.Fprintf(&text, "%3d  %v\n", i, e)
	}
	b.Errorf("%d histories differ. STORETEST_SEED=%d: %s\nshortened:\n%s%s",
		len(found), f.seed, f.difference, &text, replay(b, history, noFault))
}

// checkControl holds the store against a model that is wrong on purpose. A search that finds no
// difference there would find none anywhere.
func checkControl(b *bench, wrong fault) {
	if len(searchHistories(b, wrong, 1)) == 0 {
		b.Errorf("no history tells the refresh machine from the wrong one")
	}
}

// finding is a history on which store and model differ.
type finding struct {
	seed       uint64
	history    []event
	difference string
}

// searchHistories replays random histories, several at once, on users of their own, until it has
// found enough differences.
func searchHistories(b *bench, wrong fault, enough int) []finding {
	count := int64(number(b, "STORETEST_HISTORIES", historiesByDefault))
	if wrong != noFault {
		count = historiesToTell
	}
	first := number(b, "STORETEST_SEED", rand.Uint64()>>1)
	var mu sync.Mutex
	var found []finding
	var next atomic.Int64
	var done sync.WaitGroup
	for range historiesAtOnce {
		done.Go(func() {
			for i := next.Add(1) - 1; i < count; i = next.Add(1) - 1 {
				seed := first + uint64(i)
				history := newHistory(rand.New(rand.NewPCG(seed, 0)))
				difference := replay(b, history, wrong)
				if difference == "" {
					continue
				}
				mu.Lock()
				found = append(found, finding{seed, history, difference})
				if len(found) >= enough {
					next.Store(count)
				}
				mu.Unlock()
			}
		})
	}
	done.Wait()
	return found
}

// number reads a number from the environment.
func number(b *bench, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		b.Fatalf("%s = %q: want a number", name, text)
	}
	return n
}

// shrink leaves out events, one at a time, as long as the history still fails.
func shrink(history []event, fails func([]event) bool) []event {
	for i := 0; i < len(history); {
		shorter := slices.Delete(slices.Clone(history), i, i+1)
		if fails(shorter) {
			history, i = shorter, 0
		} else {
			i++
		}
	}
	return history
}
