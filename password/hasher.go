package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"runtime"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// MaxBytes is the longest password, in bytes of UTF-8 as received, that is ever hashed.
const MaxBytes = 1024

const (
	saltBytes   = 16 // RFC 9106 §4: 128 bits suffice for all applications
	digestBytes = 32
)

var (
	// ErrMismatch: this is not the password, or the user has none.
	ErrMismatch = errors.New("password: does not match")
	// ErrUnusable: the stored hash cannot be read, or asks for more than the caps allow. Nothing
	// matches it. Say no more to the outside than with ErrMismatch: the difference names the account.
	ErrUnusable = errors.New("password: stored hash is unusable")
	// ErrOverloaded: no hashing slot came free in time, or too many wait already. No hash was
	// computed, and it says nothing about the password.
	ErrOverloaded = errors.New("password: every hashing slot is busy")
	// ErrTooLong: more than MaxBytes. No hash was computed.
	ErrTooLong = fmt.Errorf("password: longer than %d bytes", MaxBytes)
	// ErrInvalidUTF8: the password is not text. No hash was computed.
	ErrInvalidUTF8 = errors.New("password: not valid UTF-8")
)

// Config sets the cost of a hash and how many may run. The zero value is the recommended one: the
// least that OWASP's Password Storage page allows for argon2id, about 27 ms on one core. Less is
// for tests.
type Config struct {
	Memory     uint32        // KiB for one hash; 0 is 19456 (19 MiB)
	Passes     uint32        // over that memory; 0 is 2
	Lanes      uint8         // computed in parallel within one hash; 0 is 1
	Slots      int           // hashes at a time, so peak memory is Slots × Memory; 0 is runtime.GOMAXPROCS
	MaxWait    time.Duration // of a caller, for a slot; 0 is 2 s
	MaxWaiting int           // callers that may wait for a slot at the same time; 0 is 64
	// Collect has the garbage collected after every hash, before its slot is free again, so that what hashes leave behind
	// does not pile up beside what the next ones work with. Those that end at the same time share a collection. It is for
	// a program whose own heap is small; in one with gigabytes each collection would take long.
	Collect bool
}

// Hasher computes and checks argon2id hashes (RFC 9106). It may be used by many goroutines at once.
type Hasher struct {
	cost  cost
	slots *slots
	tidy  bool   // see Config.Collect
	decoy stored // what a check costs when there is nothing to check against
	idKey func(password, salt []byte, passes, memory uint32, lanes uint8, length uint32) []byte
}

// New makes a Hasher and reports every fault of the configuration at once. A cost above what Verify
// accepts in a stored hash is a fault, so that no hash is made that cannot be checked.
func New(c Config) (*Hasher, error) {
	c = c.withDefaults()
	h := &Hasher{
		cost:  cost{memory: c.Memory, passes: c.Passes, lanes: c.Lanes},
		idKey: argon2.IDKey,
	}
	faults := []error{h.cost.check()}
	if c.Slots < 0 {
		faults = append(faults, fmt.Errorf("slots %d: want at least 1", c.Slots))
	}
	if c.MaxWait < 0 {
		faults = append(faults, fmt.Errorf("longest wait %s: want a positive duration", c.MaxWait))
	}
	if c.MaxWaiting < 0 {
		faults = append(faults, fmt.Errorf("waiting callers %d: want at least 1", c.MaxWaiting))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("password: configuration: %w", err)
	}
	h.slots, h.tidy = newSlots(c.Slots, c.MaxWaiting, c.MaxWait), c.Collect
	h.decoy = stored{cost: h.cost, salt: random(saltBytes), digest: random(digestBytes)}
	return h, nil
}

func (c Config) withDefaults() Config {
	if c.Memory == 0 {
		c.Memory = 19456
	}
	if c.Passes == 0 {
		c.Passes = 2
	}
	if c.Lanes == 0 {
		c.Lanes = 1
	}
	if c.Slots == 0 {
		c.Slots = runtime.GOMAXPROCS(0)
	}
	if c.MaxWait == 0 {
		c.MaxWait = 2 * time.Second
	}
	if c.MaxWaiting == 0 {
		c.MaxWaiting = 64
	}
	return c
}

// Hash gives the encoded hash of password under a new random salt, at this hasher's cost, for a
// store to keep: $argon2id$v=19$m=19456,t=2,p=1$SALT$DIGEST. It does not judge the password (see
// Check). It fails with ErrTooLong, ErrInvalidUTF8, ErrOverloaded or the error of ctx.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	text, err := normalize(password)
	if err != nil {
		return "", err
	}
	made := stored{cost: h.cost, salt: random(saltBytes)}
	made.digest, err = h.derive(ctx, text, made, digestBytes, func() error { return nil })
	if err != nil {
		return "", err
	}
	return made.String(), nil
}

// Verify reports whether password is the one behind encoded: nil if so, else ErrMismatch, or
// ErrUnusable with the reason wrapped. An empty encoded is a user without a password: ErrMismatch.
// Each of the four takes one hash, at the cost that encoded names if it can be read, else at this
// hasher's.
//
// ErrTooLong and ErrInvalidUTF8 depend on the password alone and come before any hash. ErrOverloaded
// and the error of ctx come while waiting for a slot; a hash that has begun is finished.
func (h *Hasher) Verify(ctx context.Context, encoded, password string) error {
	return h.VerifyAdmitted(ctx, encoded, password, func() error { return nil })
}

// VerifyAdmitted is Verify for a caller who has a last word. It calls admit with the slot in hand, before the
// hash; an error of admit is returned and there is no hash. So what admit counts is what is computed.
func (h *Hasher) VerifyAdmitted(ctx context.Context, encoded, password string, admit func() error) error {
	text, err := normalize(password)
	if err != nil {
		return err
	}
	kept, unreadable := parse(encoded)
	if unreadable != nil {
		kept = h.decoy
	}
	digest, err := h.derive(ctx, text, kept, uint32(len(kept.digest)), admit)
	if err != nil {
		return err
	}
	matches := subtle.ConstantTimeCompare(digest, kept.digest) == 1
	switch {
	case encoded == "":
		return ErrMismatch
	case unreadable != nil:
		return fmt.Errorf("%w: %w", ErrUnusable, unreadable)
	case !matches:
		return ErrMismatch
	}
	return nil
}

// Outdated reports whether encoded, which Verify has accepted, was made at another cost than this hasher's
// and should be made anew while the password is at hand.
func (h *Hasher) Outdated(encoded string) bool {
	kept, err := parse(encoded)
	return err == nil && kept.cost != h.cost
}

// Load is how many hashes are computed at the moment, and how many callers wait for one of these to end.
func (h *Hasher) Load() (running, waiting int) {
	return len(h.slots.running), len(h.slots.waiting)
}

// VerifyNobody is Verify for a user who does not exist, may not sign in or has no password. It
// takes one hash at this hasher's cost and never returns nil: ErrMismatch, or what Verify returns
// whatever the account is.
func (h *Hasher) VerifyNobody(ctx context.Context, password string) error {
	return h.Verify(ctx, "", password)
}

// derive computes length bytes of argon2id with the cost and the salt of s, once a slot is free and admit agrees.
func (h *Hasher) derive(ctx context.Context, text []byte, s stored, length uint32, admit func() error) ([]byte, error) {
	if err := h.slots.take(ctx); err != nil {
		return nil, err
	}
	defer h.slots.release()
	if err := admit(); err != nil {
		return nil, err
	}
	digest := h.idKey(text, s.salt, s.passes, s.memory, s.lanes, length)
	if h.tidy {
		runtime.GC() // with the slot still in hand: whoever takes it next finds the memory of this hash
	}
	return digest, nil
}

// normalize gives the bytes that are hashed for password.
func normalize(password string) ([]byte, error) {
	if len(password) > MaxBytes {
		return nil, ErrTooLong
	}
	if !utf8.ValidString(password) {
		return nil, ErrInvalidUTF8 // RFC 8259 §8.1: what comes as JSON is UTF-8
	}
	return norm.NFC.Bytes([]byte(password)), nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand ends the process rather than return an error
	return b
}
