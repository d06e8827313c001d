package sallyport

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

const (
	// keyLead is how long a key is published before it signs. Our own verifiers fetch an unknown key at
	// once; the lead is for verifiers that keep a key set as long as its stale-if-error allows, a day.
	keyLead = 24 * time.Hour
	// keyRetention is how long a key stays published after its successor took over: the longest access
	// token that can be configured, the leeway, and two hours for gateways that keep a key set that long
	// whatever we say.
	keyRetention = maxAccessTTL + accesstoken.DefaultLeeway + 2*time.Hour
	// minKeyRotation lets a retired key be withdrawn before its third successor is published, so that
	// rotation by the clock alone never publishes more than three keys.
	minKeyRotation = 2 * keyLead
	// keyPoll is how often an instance looks for what others did, keyGap the least time between two looks
	// that tokens with unknown keys cause.
	keyPoll = 5 * time.Second
	keyGap  = time.Second
	// keyReload bounds a look that a token causes.
	keyReload = 2 * time.Second
	// keyTolerance is how far the clocks of instances may differ. A next key that is further away than a
	// tolerant lead comes from a clock that is wrong, and does not keep others from publishing one.
	keyTolerance = time.Hour
	// keyBatch is how far apart the first keys of several algorithms may be made, and the clocks of those who
	// make them.
	keyBatch = time.Minute
	// maxLine is how many keys of one algorithm are published at most: three algorithms stay below the ten keys
	// in all that an AWS Application Load Balancer reads.
	maxLine = 3
)

// startKeys reads the signing keys, or makes the first one; watchKeys looks after them.
func (s *Service) startKeys(ctx context.Context) error {
	s.keys.Store(&signingKeys{keyRules: s.cfg.keyRules()})
	err := s.maintainKeys(ctx)
	if err == nil && !s.cfg.LeaveKeys {
		err = s.resealKeys(ctx)
	}
	if err != nil {
		if len(s.keys.Load().active(s.now())) == 0 {
			return err
		}
		// A disk that is full, for one: what is due waits, and the keys that were read are good.
		s.log.LogAttrs(ctx, slog.LevelWarn, "signing keys cannot be maintained", slog.String("reason", err.Error()))
	}
	s.reportAlgorithms(ctx)
	return nil
}

// reportAlgorithms tells somebody who has just configured another algorithm why tokens do not have it yet.
func (s *Service) reportAlgorithms(ctx context.Context) {
	if s.cfg.LeaveKeys {
		return
	}
	now, keys := s.now(), s.keys.Load()
	for _, alg := range keys.used {
		line, key := keys.lines[alg], keys.signer(alg, now)
		if next := line.next(now); line.active(now) == nil && next != nil && key != nil {
			s.log.LogAttrs(ctx, slog.LevelInfo, "the next signing key has another algorithm; it signs when every verifier has it",
				slog.String("alg", string(key.public.Algorithm())), slog.String("next_alg", string(alg)), slog.Time("signs_from", next.signsFrom))
		}
	}
}

// watchKeys maintains the keys at every tick. It logs when that begins to fail and when it works again, for a
// database that is away fails at every tick.
func (s *Service) watchKeys(ctx context.Context) {
	ticker := time.NewTicker(keyPoll)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := s.tick(ctx)
		switch {
		case err != nil && !failing && ctx.Err() == nil:
			s.log.LogAttrs(ctx, slog.LevelWarn, "signing keys cannot be maintained", slog.String("reason", err.Error()))
		case err == nil && failing:
			s.log.LogAttrs(ctx, slog.LevelInfo, "signing keys are maintained again")
		}
		failing = err != nil
	}
}

// tick bounds one look, for requests with unknown keys wait for its end.
func (s *Service) tick(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, keyPoll)
	defer cancel()
	return s.maintainKeys(ctx)
}

// reloadKeys is maintainKeys for a token whose key is unknown: at most once in keyGap, whatever arrives. In
// between the last answer of the store counts, also that it did not answer.
//
// The caller's end is not heeded, since what comes of it is the answer for others too.
func (s *Service) reloadKeys(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keyReload)
	defer cancel()
	return s.maintainAfter(ctx, keyGap)
}

// upkeep is what maintainKeys remembers from one call to the next.
type upkeep struct {
	sync.Mutex           // held while the store is asked
	at         time.Time // by the machine's clock: it only spaces out reads
	err        error
	active     []string // the keys that were last said to be active; nil before the first look
	unopened   string   // what was last said about keys that cannot be opened
}

// maintainKeys reads the stored keys and does what is due: it makes the first key, publishes the next
// one, removes those whose last token has ended. Every step is conditional on what was read, so of
// several instances one does it; the others see it when they read again.
func (s *Service) maintainKeys(ctx context.Context) error { return s.maintainAfter(ctx, 0) }

// maintainAfter is maintainKeys unless that was done less than gap ago; then it returns what came of that.
func (s *Service) maintainAfter(ctx context.Context, gap time.Duration) error {
	s.upkeep.Lock()
	defer s.upkeep.Unlock()
	if time.Since(s.upkeep.at) >= gap {
		s.upkeep.err = s.allSteps(ctx)
		s.upkeep.at = time.Now()
	}
	return s.upkeep.err
}

// allSteps does one step after the other until none is due.
func (s *Service) allSteps(ctx context.Context) error {
	if err := s.secrets.check(ctx, s.store); err != nil {
		return err // whoever adopted another secret has said that this one is lost
	}
	for range 5 * maxLine { // each step is followed by another look
		stored, err := s.store.SigningKeys(ctx)
		if err != nil {
			return err
		}
		keys, unopened := openSigningKeys(stored, s.secrets, s.keys.Load())
		s.reportUnopened(ctx, unopened)
		if len(keys.keys) > 0 || s.cfg.LeaveKeys {
			s.useKeys(ctx, keys) // even if a step that is due fails: another instance may have withdrawn a key
		}
		done, err := s.oneStep(ctx, keys)
		if err != nil && !errors.Is(err, ErrChanged) || done {
			return err
		}
	}
	return fmt.Errorf("sallyport: signing keys: %w", ErrChanged)
}

// reportUnopened logs keys that cannot be opened, once: their tokens are refused and their holders
// refresh, which needs no signing key.
func (s *Service) reportUnopened(ctx context.Context, fault error) {
	text := ""
	if fault != nil {
		text = fault.Error()
	}
	if text != "" && text != s.upkeep.unopened {
		s.log.LogAttrs(ctx, slog.LevelError, "signing keys that cannot be opened are left out", slog.String("reason", text))
	}
	s.upkeep.unopened = text
}

// oneStep does one step that is due and reports false, or true when none is.
func (s *Service) oneStep(ctx context.Context, keys *signingKeys) (done bool, err error) {
	now := s.now()
	if s.cfg.LeaveKeys {
		return true, nil
	}
	for _, key := range keys.keys {
		if at, retired := keys.removal(key, now); retired && !at.After(now) {
			_, err := s.store.RemoveSigningKey(ctx, key.public.ID(), s.keyEvent("key_removed", key.public.ID()))
			return false, err
		}
	}
	for _, alg := range keys.used {
		if signsFrom, due := keys.nextDue(alg, now); due {
			return false, s.addKey(ctx, keys, alg, signsFrom)
		}
	}
	return true, nil
}

// nextDue reports whether it is time to publish a key of alg, and from when that key signs: at once while the key set
// is new; in a day when the algorithm is; else when the active key has signed for long enough.
func (k *signingKeys) nextDue(alg jws.Algorithm, now time.Time) (signsFrom time.Time, due bool) {
	line := k.lines[alg]
	active := line.active(now)
	switch {
	case active == nil && k.isNew(now):
		return now, true
	case !k.begun(now), len(line) >= maxLine, line.next(now) != nil:
		return time.Time{}, false
	case active == nil:
		return now.Add(keyLead), true
	}
	end := active.signsFrom.Add(k.rotation)
	if now.Before(end.Add(-keyLead)) {
		return time.Time{}, false
	}
	if earliest := now.Add(keyLead); end.Before(earliest) { // nobody was there to publish it in time
		end = earliest
	}
	return end, true
}

func (s *Service) addKey(ctx context.Context, keys *signingKeys, alg jws.Algorithm, signsFrom time.Time) error {
	key, err := s.newStoredKey(alg, signsFrom)
	if err != nil {
		return err
	}
	return s.addStoredKey(ctx, key, keys)
}

func (s *Service) addStoredKey(ctx context.Context, key StoredKey, keys *signingKeys) error {
	if err := s.store.AddSigningKey(ctx, key, keys.newest, s.keyEvent("key_published", key.KeyID)); err != nil {
		return err
	}
	s.auditKey(ctx, "key_published", key.KeyID, slog.String("alg", key.Algorithm), slog.Time("signs_from", key.SignsFrom))
	return nil
}

// useKeys makes keys the ones that sign and verify. That a key begins to sign is decided by the clock, and that
// one is withdrawn perhaps by a command; both are logged by everyone who sees it.
func (s *Service) useKeys(ctx context.Context, keys *signingKeys) {
	before := s.keys.Swap(keys)
	for id := range before.byID {
		if keys.byID[id] == nil {
			s.auditKey(ctx, "key_removed", id)
		}
	}
	last := s.upkeep.active
	s.upkeep.active = []string{}
	for _, key := range keys.active(s.now()) {
		id := key.public.ID()
		s.upkeep.active = append(s.upkeep.active, id)
		if last != nil && !slices.Contains(last, id) {
			s.auditKey(ctx, "key_activated", id)
		}
	}
}

func (s *Service) auditKey(ctx context.Context, event, keyID string, attrs ...slog.Attr) {
	s.audit(ctx, event, Client{}, nil, append(attrs, slog.String("kid", keyID))...)
}

// keyEvent is what the step that changes the stored keys notes.
func (s *Service) keyEvent(name, keyID string) Event {
	e := s.event(name, actorSystem, Client{})
	if s.cfg.LeaveKeys { // a command's
		e.Actor = actorAdmin
	}
	e.Detail = keyID
	return e
}

// resealKeys seals under the newest root secret what is sealed under an older one, so that the older
// one can be withdrawn. It runs at the start only: while a rotation goes through several instances, they differ
// about which secret is the newest.
func (s *Service) resealKeys(ctx context.Context) error {
	if len(s.secrets) == 1 {
		return nil
	}
	stored, err := s.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	for _, row := range stored {
		name := sealedName(row.KeyID, row.Algorithm)
		der, newest, err := s.secrets.open(atRest, row.Sealed, name)
		if err != nil || newest {
			continue
		}
		err = s.store.ResealSigningKey(ctx, row.KeyID, row.Sealed, s.secrets.seal(atRest, der, name))
		if err != nil && !errors.Is(err, ErrChanged) { // another instance may be doing the same
			return err
		}
	}
	return nil
}

// settleSecret does what a start without LeaveKeys has done: it marks the database with the newest root secret
// and seals the keys under that.
func (s *Service) settleSecret(ctx context.Context) error {
	if err := s.secrets.recognise(ctx, s.store, false); err != nil {
		return err
	}
	return s.resealKeys(ctx)
}

// RotateSigningKey publishes the next signing key of every algorithm in use now, to sign in a day, unless there is one
// already, and returns them, Config.Algorithm's first. Nothing that was signed becomes invalid. It returns
// ErrTooManyKeys, with the keys of the other algorithms, when as many as can be are published, and ErrChanged when other
// instances kept changing the keys.
func (s *Service) RotateSigningKey(ctx context.Context) ([]SigningKey, error) {
	if err := s.settleSecret(ctx); err != nil {
		return nil, err
	}
	var rotated []SigningKey
	var full error
	for _, alg := range s.keys.Load().used {
		key, err := s.rotate(ctx, alg)
		switch {
		case errors.Is(err, ErrTooManyKeys):
			full = err
		case err != nil:
			return rotated, err
		default:
			rotated = append(rotated, key)
		}
	}
	return rotated, full
}

func (s *Service) rotate(ctx context.Context, alg jws.Algorithm) (SigningKey, error) {
	added := ""   // the key that was added here, which comes back from the store in the next turn
	for range 5 { // another instance may add one meanwhile
		if err := s.maintainKeys(ctx); err != nil {
			return SigningKey{}, err
		}
		now, keys := s.now(), s.keys.Load()
		line := keys.lines[alg]
		if next := line.next(now); next != nil {
			added = next.public.ID()
		}
		for _, key := range keys.describe(now) {
			if key.ID == added {
				return key, nil
			}
		}
		signsFrom := now.Add(keyLead)
		switch {
		case line.active(now) == nil && keys.isNew(now): // the first key of all has nobody to wait for
			signsFrom = now
		case len(line) >= maxLine:
			return SigningKey{}, because(ErrTooManyKeys, string(alg))
		}
		key, err := s.newStoredKey(alg, signsFrom)
		if err == nil {
			err = s.addStoredKey(ctx, key, keys)
		}
		if err != nil && !errors.Is(err, ErrChanged) {
			return SigningKey{}, err
		}
		if err == nil {
			added = key.KeyID
		}
	}
	return SigningKey{}, fmt.Errorf("sallyport: rotating the signing key: %w", ErrChanged)
}

// ReplaceSigningKeys is for an emergency: it withdraws every signing key and signs with new ones at once, which it
// returns, Config.Algorithm's first. Access tokens that were issued are refused here immediately, by other instances
// within seconds, and by a service when it next reads the key set; their holders refresh, which needs no signing key. A
// service or a gateway that does not look for an unknown key refuses the new tokens until it reads the key set again.
func (s *Service) ReplaceSigningKeys(ctx context.Context) ([]SigningKey, error) {
	if err := s.settleSecret(ctx); err != nil {
		return nil, err
	}
	key, err := s.newStoredKey(s.cfg.Algorithm, s.now())
	if err == nil {
		err = s.store.ReplaceSigningKeys(ctx, key, s.keyEvent("keys_replaced", key.KeyID))
	}
	if err != nil {
		return nil, err
	}
	s.auditKey(ctx, "key_published", key.KeyID, slog.String("alg", key.Algorithm), slog.Bool("emergency", true))
	return s.completeSet(ctx)
}

// completeSet makes the keys of the other algorithms beside one that has replaced all others, unless another instance
// has, and returns those that sign.
func (s *Service) completeSet(ctx context.Context) ([]SigningKey, error) {
	for range 5 * maxLine {
		if err := s.maintainKeys(ctx); err != nil {
			return nil, err
		}
		now, keys := s.now(), s.keys.Load()
		if len(keys.keys) == 0 { // another instance has replaced it already, and the row is gone
			break
		}
		missing := slices.IndexFunc(keys.used, func(alg jws.Algorithm) bool { return keys.lines[alg].active(now) == nil && keys.isNew(now) })
		if missing < 0 {
			return slices.DeleteFunc(keys.describe(now), func(k SigningKey) bool { return k.State != KeyActive }), nil
		}
		if err := s.addKey(ctx, keys, keys.used[missing], now); err != nil && !errors.Is(err, ErrChanged) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("sallyport: replacing the signing keys: %w", ErrChanged)
}

func (s *Service) newStoredKey(alg jws.Algorithm, signsFrom time.Time) (StoredKey, error) {
	private, err := generateKey(alg)
	if err != nil {
		return StoredKey{}, err
	}
	public, err := jws.NewKey("", private.Public()) // named by its RFC 7638 thumbprint
	if err != nil {
		return StoredKey{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return StoredKey{}, err
	}
	return StoredKey{
		KeyID:     public.ID(),
		Algorithm: string(alg),
		Sealed:    s.secrets.seal(atRest, der, sealedName(public.ID(), string(alg))),
		CreatedAt: s.now(),
		SignsFrom: signsFrom,
	}, nil
}

// rsaBits is what every gateway takes; RS256 is there for those that take nothing else.
const rsaBits = 2048

func generateKey(alg jws.Algorithm) (crypto.Signer, error) {
	switch alg {
	case jws.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jws.EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case jws.RS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
	return nil, fmt.Errorf("sallyport: no signing key for algorithm %q", alg) // New has refused it
}
