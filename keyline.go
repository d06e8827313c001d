package sallyport

import (
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// keyLine is the keys of one algorithm, by the time from which they sign: each takes over from the one before it. The
// states follow from the clock and from what is stored, so that several instances agree without talking.
type keyLine []*signingKey

// activeIndex is that of the last key whose time has come; -1 when no time has.
func (l keyLine) activeIndex(now time.Time) int {
	for i, key := range slices.Backward(l) {
		if !key.signsFrom.After(now) {
			return i
		}
	}
	return -1
}

// active is the key that signs at now; nil when no key's time has come.
func (l keyLine) active(now time.Time) *signingKey {
	if i := l.activeIndex(now); i >= 0 {
		return l[i]
	}
	return nil
}

// next is the published key that signs next, nil when there is none within reach.
func (l keyLine) next(now time.Time) *signingKey {
	for _, key := range l[l.activeIndex(now)+1:] {
		if !key.signsFrom.After(now.Add(keyLead + keyTolerance)) {
			return key
		}
	}
	return nil
}

// keyRules are what the settings say of keys.
type keyRules struct {
	used     []jws.Algorithm // each once: Config.Algorithm, then those of audiences
	rotation time.Duration
	since    time.Time // when they began to count here; zero with Config.LeaveKeys, which withdraws nothing
}

func (cfg Config) keyRules() keyRules {
	rules := keyRules{used: []jws.Algorithm{cfg.Algorithm}, rotation: cfg.KeyRotation}
	if !cfg.LeaveKeys {
		rules.since = cfg.Now()
	}
	for _, audience := range cfg.Audience { // whose order is the same everywhere
		if alg := cfg.algorithmOf(audience); !slices.Contains(rules.used, alg) {
			rules.used = append(rules.used, alg)
		}
	}
	return rules
}

// signer is the key that signs at now what alg is configured for; nil when there is no key at all. It is the key of
// another algorithm until alg has one whose time has come: no verifier need have that one.
func (k *signingKeys) signer(alg jws.Algorithm, now time.Time) *signingKey {
	for _, line := range []keyLine{k.lines[alg], k.lines[k.used[0]]} {
		if key := line.active(now); key != nil {
			return key
		}
	}
	return k.standIn(now)
}

// standIn signs while Config.Algorithm has just changed. It is most likely the key that signed before: the last one to
// begin, of an algorithm that is no longer used if there is one. When a clock was set back so far that no time has
// come, it is the first of all.
func (k *signingKeys) standIn(now time.Time) *signingKey {
	var found *signingKey
	for _, key := range k.keys {
		switch {
		case found == nil:
			found = key
		case key.signsFrom.After(now):
		case !k.uses(key) || k.uses(found):
			found = key
		}
	}
	return found
}

func (k *signingKeys) uses(key *signingKey) bool {
	return slices.Contains(k.used, key.public.Algorithm())
}

// active is the keys that sign at now.
func (k *signingKeys) active(now time.Time) []*signingKey {
	var keys []*signingKey
	for _, alg := range k.used {
		if key := k.signer(alg, now); key != nil && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (k *signingKeys) state(key *signingKey, now time.Time) KeyState {
	line, active := k.lines[key.public.Algorithm()], k.active(now)
	switch {
	case slices.Contains(active, key):
		return KeyActive
	case slices.Index(line, key) > line.activeIndex(now) && (k.uses(key) || slices.Contains(active, line.active(now))):
		return KeyNext
	}
	return KeyRetired
}

// removal is when a key that is retired at now is withdrawn; ok is false when it is not, or that cannot be said yet.
func (k *signingKeys) removal(key *signingKey, now time.Time) (at time.Time, ok bool) {
	if k.state(key, now) != KeyRetired {
		return time.Time{}, false
	}
	line := k.lines[key.public.Algorithm()]
	if i := slices.Index(line, key) + 1; i < len(line) {
		return line[i].signsFrom.Add(keyRetention), true
	}
	// Its algorithm is not used any more, and nobody has stored since when. It signed no longer than a successor would
	// have let it; that one may have been due later by the settings of those days, which ended when these began; and
	// until the key of Config.Algorithm signs, it stands in.
	standard := k.lines[k.used[0]].active(now)
	if standard == nil {
		return time.Time{}, false
	}
	since := k.since
	if most := key.signsFrom.Add(maxKeyRotation); most.Before(since) { // where somebody restarts every day
		since = most
	}
	return latest(key.signsFrom.Add(k.rotation), since, standard.signsFrom).Add(keyRetention), true
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// begun reports whether the time of any key has come, which it has unless a clock was set back far.
func (k *signingKeys) begun(now time.Time) bool {
	return slices.ContainsFunc(k.keys, func(key *signingKey) bool { return !key.signsFrom.After(now) })
}

// isNew reports whether every key began to sign just now: the first keys of all and those that replaced all others.
// Nobody holds an older key set that is still good for anything, so a further algorithm need not wait.
func (k *signingKeys) isNew(now time.Time) bool {
	return !slices.ContainsFunc(k.keys, func(key *signingKey) bool { return key.signsFrom.Sub(now).Abs() > keyBatch })
}
