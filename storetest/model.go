package storetest

import (
	"time"

	"github.com/sallyport-auth/sallyport"
)

// model is the refresh machine once more: the table of sallyport.RefreshStep, read aloud. It is
// held against a store, so it shares nothing with one.
type model struct {
	session     sallyport.Session // as a reader sees it
	gen, low    int64
	genAt       time.Time
	recovered   bool
	counted     int // generations since countedFrom
	countedFrom time.Time
	wrong       fault
}

// fault is what is wrong with a model on purpose, to see whether a search finds it.
type fault int

const (
	noFault       fault = iota
	retryStands         // rule 2 leaves gen_at alone
	retryAlways         // rule 2 does not ask whether it is late
	endlessRecall       // rule 3 does not ask whether there was a recovery
)

func newModel(s sallyport.Session, wrong fault) *model {
	return &model{session: s, genAt: s.CreatedAt, countedFrom: s.CreatedAt, wrong: wrong}
}

// present is the table. It returns the rule that fires and gen after the step.
func (m *model) present(step sallyport.RefreshStep, active bool) (sallyport.RefreshRule, int64) {
	n, at := step.Generation, step.At
	late := at.Sub(m.genAt) > step.RetryWindow
	recent := n >= m.low && n >= m.gen-sallyport.RefreshReach
	switch {
	case !m.live(at) || !active:
		return sallyport.RuleRefused, 0
	case n > m.gen && m.limited(step):
		return sallyport.RuleLimited, m.gen
	case n > m.gen:
		m.count(step)
		if late {
			m.low = n
		}
		m.gen, m.recovered = n, false
		m.accept(step)
		return sallyport.RuleAdvance, m.gen
	case recent && (!late || m.wrong == retryAlways):
		genAt := m.genAt
		m.accept(step)
		if m.wrong == retryStands {
			m.genAt = genAt
		}
		return sallyport.RuleRetry, m.gen
	case recent && (!m.recovered || m.wrong == endlessRecall) && m.limited(step):
		return sallyport.RuleLimited, m.gen
	case recent && (!m.recovered || m.wrong == endlessRecall):
		m.count(step)
		m.low, m.gen, m.recovered = n, m.gen+1, true
		m.accept(step)
		return sallyport.RuleRecovery, m.gen
	case m.recovered && n == m.low:
		m.accept(step)
		return sallyport.RuleRecoveryRetry, m.gen
	}
	m.end(sallyport.EndedByReuse, at)
	return sallyport.RuleReuse, 0
}

// counting reports whether the instant is in the period that counted is about. A clock may step back.
func (m *model) counting(step sallyport.RefreshStep) bool {
	return step.At.Sub(m.countedFrom).Abs() < step.AdvancePeriod
}

func (m *model) limited(step sallyport.RefreshStep) bool {
	return m.counted >= step.MaxAdvances && m.counting(step)
}

func (m *model) count(step sallyport.RefreshStep) {
	if !m.counting(step) {
		m.counted, m.countedFrom = 0, step.At
	}
	m.counted++
}

func (m *model) live(at time.Time) bool {
	s := &m.session
	return s.EndedAt.IsZero() && at.Before(s.IdleEnd) && at.Before(s.AbsoluteEnd)
}

// accept is what rules 1 to 4 have in common.
func (m *model) accept(step sallyport.RefreshStep) {
	m.genAt, m.session.LastUsedAt = step.At, step.At
	if step.IP != "" {
		m.session.IP = step.IP
	}
	m.session.IdleEnd = step.At.Add(step.IdleTTL)
	if m.session.IdleEnd.After(m.session.AbsoluteEnd) {
		m.session.IdleEnd = m.session.AbsoluteEnd
	}
}

// end ends the session, if it has not ended, and returns how many that were.
func (m *model) end(reason sallyport.EndReason, at time.Time) int {
	if !m.session.EndedAt.IsZero() {
		return 0
	}
	m.session.EndedAt, m.session.EndReason = at, reason
	return 1
}
