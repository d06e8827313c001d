package sallyport

import (
	"sync"
	"sync/atomic"
)

// maxVisits is how many sessions one generation of visits holds: with tokens of 2 KiB, 40 MiB in both.
const maxVisits = 10_000

// visits remembers the sessions that proxies ask about, in two generations, as accesstoken.Cache does: when the young ones
// are too many they become the old ones, and of those the ones that nobody asks about are forgotten.
type visits struct {
	mu         sync.Mutex
	young, old map[ID]*visit
}

// visit is one session. It is forgotten by its removal: who looks meanwhile answers one request, and remembers nothing.
type visit struct {
	session ID
	turn    chan struct{} // holds one: somebody looks
	known   atomic.Pointer[sighting]
}

func newVisits() *visits { return &visits{young: map[ID]*visit{}} }

// of finds or adds a session.
func (m *visits) of(session ID) *visit {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v := m.young[session]; v != nil {
		return v
	}
	v := m.old[session]
	if v == nil {
		v = &visit{session: session, turn: make(chan struct{}, 1)}
	}
	delete(m.old, session)
	if len(m.young) == maxVisits {
		m.young, m.old = map[ID]*visit{}, m.young
	}
	m.young[session] = v
	return v
}

// forget removes v, if it is still what is remembered of its session.
func (m *visits) forget(v *visit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, generation := range []map[ID]*visit{m.young, m.old} {
		if generation[v.session] == v {
			delete(generation, v.session)
		}
	}
}

func (m *visits) forgetSession(session ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.young, session)
	delete(m.old, session)
}

// forgetUsers removes the sessions of users, and those of which nobody knows yet whose they are.
func (m *visits) forgetUsers(users map[ID]bool) {
	if len(users) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, generation := range []map[ID]*visit{m.young, m.old} {
		for session, v := range generation {
			if seen := v.known.Load(); seen == nil || users[seen.User.ID] {
				delete(generation, session)
			}
		}
	}
}

func (m *visits) forgetUser(user ID) { m.forgetUsers(map[ID]bool{user: true}) }

func (m *visits) forgetAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.young, m.old = map[ID]*visit{}, nil
}

// forgetRevoked takes what was read for the revocation feed.
func (m *visits) forgetRevoked(found []Revocation) {
	users := map[ID]bool{}
	for _, r := range found {
		if r.SessionID.IsZero() {
			users[r.UserID] = true
		} else {
			m.forgetSession(r.SessionID)
		}
	}
	m.forgetUsers(users)
}
