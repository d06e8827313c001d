package proof

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// history is what happens in a world to a user who has a password, one who comes from an identity provider, and the
// sessions of both.
type history struct {
	instances []int            // of the world's; the others rest
	behind    [3]time.Duration // how far the clock of each is behind
	events    []event
}

// event is one thing that happens. It names a session by its distance from the newest, and a token by its distance from the
// one that the session's browser holds; both are taken modulo their number, so that an event means something in any history,
// also one that others were taken out of.
type event struct {
	kind     string
	instance int
	session  int
	other    int // session
	back     int // token: 0 is what the browser holds, the others were seen before, the newest first
	person   int
	scope    sallyport.Scope
	pause    time.Duration
	over     bool // of a sign-in: by the browser that holds the session
	wrong    bool // password
	twice    bool // of an exchange: the same ID token once more
	lost     bool // the answer
	calls    []call
}

// call is one of several that are made at the same time.
type call struct {
	instance, back int
	logoff         bool
}

func (e event) String() string {
	with := func(flag bool, text string) string {
		if flag {
			return text
		}
		return ""
	}
	token := map[bool]string{true: "what is held", false: fmt.Sprintf("token -%d", e.back)}[e.back == 0]
	switch e.kind {
	case "pause":
		return fmt.Sprintf("pause %v", e.pause)
	case "present":
		return fmt.Sprintf("%s of session -%d presented to %d%s", token, e.session, e.instance, with(e.lost, ", the answer is lost"))
	case "at once":
		return fmt.Sprintf("session -%d at once: %v%s", e.session, e.calls, with(e.lost, ", the answers are lost"))
	case "sign in":
		return fmt.Sprintf("sign in at %d%s%s", e.instance, with(e.over, fmt.Sprintf(" over session -%d", e.session)), with(e.wrong, ", wrong password"))
	case "exchange":
		return fmt.Sprintf("exchange at %d%s%s", e.instance, with(e.over, fmt.Sprintf(" over session -%d", e.session)), with(e.twice, ", twice"))
	case "logoff":
		return fmt.Sprintf("logoff %s with %s of session -%d at %d", e.scope, token, e.session, e.instance)
	case "change password":
		return fmt.Sprintf("change the password from session -%d at %d%s", e.session, e.instance, with(e.wrong, ", the current one is wrong"))
	case "end session":
		return fmt.Sprintf("end session -%d from session -%d at %d", e.other, e.session, e.instance)
	case "revoke", "look":
		return fmt.Sprintf("%s session -%d at %d", e.kind, e.session, e.instance)
	case "restart", "restart with the store", "new secret":
		return fmt.Sprintf("%s: %d", e.kind, e.instance)
	}
	return fmt.Sprintf("%s: person %d at %d", e.kind, e.person, e.instance)
}

func (c call) String() string {
	if c.logoff {
		return fmt.Sprintf("logoff at %d", c.instance)
	}
	return fmt.Sprintf("token -%d at %d", c.back, c.instance)
}

func (h history) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "instances %v, behind by %v\n", h.instances, h.behind)
	for i, e := range h.events {
		fmt.Fprintf(&text, "%3d  %v\n", i, e)
	}
	return text.String()
}

// lengthOfHistory is the number of its events.
const lengthOfHistory = 40

// pauses are the steps of the clock: about the window first, then about the ends, then back.
var pauses = []time.Duration{
	50 * time.Millisecond, time.Second, 3 * time.Second, windowOfWorld - time.Microsecond, windowOfWorld, windowOfWorld + time.Microsecond,
	windowOfWorld + time.Second, time.Minute, 10 * time.Minute,
	idleOfWorld - time.Microsecond, idleOfWorld, lifeOfWorld - idleOfWorld - time.Microsecond, lifeOfWorld,
	-time.Microsecond, -time.Second, -windowOfWorld, -time.Minute, -idleOfWorld,
}

// shortPauses is how many of the first ones end no session.
const shortPauses = 9

// happenings are what else happens, each as often as it stands here.
var happenings = strings.Split("sign in,sign in,sign in,sign in,sign in,exchange,exchange,exchange,exchange,"+
	"logoff,logoff,logoff,change password,change password,set password,disable,enable,enable,delete,create,create,"+
	"end session,end session,end all,revoke,restart,restart,restart with the store,new secret,look,look", ",")

// newHistory draws a history. Most of it is presentations to the newest sessions and short pauses, else every session
// would end before it gets far.
func newHistory(r *rand.Rand) history {
	h := history{instances: [][]int{{0}, {0, 1}, {0, 1}, {0, 2}, {0, 2}, {1, 2}, {0, 1, 2}}[r.IntN(7)]}
	if r.IntN(3) == 0 {
		for i := range h.behind {
			h.behind[i] = time.Duration(r.Int64N(int64(3*time.Second/time.Microsecond))) * time.Microsecond
		}
	}
	h.events = append(h.events, event{kind: "sign in"}, event{kind: "exchange"})
	for len(h.events) < lengthOfHistory {
		h.events = append(h.events, newEvent(r))
	}
	return h
}

func newEvent(r *rand.Rand) event {
	back := func() int { return max(0, r.IntN(9)-5) }
	e := event{instance: r.IntN(3), session: max(0, r.IntN(8)-5), other: r.IntN(3), back: back(), person: r.IntN(2), over: r.IntN(2) == 0}
	switch p := r.IntN(100); {
	case p < 44:
		e.kind, e.lost = "present", r.IntN(4) == 0
	case p < 54:
		e.kind, e.lost = "at once", r.IntN(4) == 0
		for range 2 + r.IntN(3) {
			c := call{instance: r.IntN(3), back: e.back, logoff: r.IntN(20) == 0}
			if r.IntN(4) == 0 {
				c.back = back()
			}
			e.calls = append(e.calls, c)
		}
	case p < 72:
		e.kind, e.pause = "pause", pick(r, pauses[:shortPauses])
	case p < 77:
		e.kind, e.pause = "pause", pick(r, pauses)
	default:
		e.kind = pick(r, happenings)
		e.scope = pick(r, []sallyport.Scope{sallyport.ScopeThis, sallyport.ScopeOthers, sallyport.ScopeAll})
		e.wrong, e.twice = r.IntN(5) == 0, r.IntN(3) == 0
	}
	return e
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
