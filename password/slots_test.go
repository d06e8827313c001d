package password

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// gate makes every hash of h wait until the test lets it go; running holds one element for each
// that waits there.
func gate(h *Hasher) (running chan struct{}, let chan struct{}) {
	running, let = make(chan struct{}, 1000), make(chan struct{})
	h.idKey = func(_, _ []byte, _, _ uint32, _ uint8, length uint32) []byte {
		running <- struct{}{}
		<-let
		<-running
		return make([]byte, length)
	}
	return running, let
}

// try starts n callers, each of which sends what it was told.
func try(ctx context.Context, h *Hasher, n int) <-chan error {
	answers := make(chan error, n)
	for range n {
		go func() { answers <- h.VerifyNobody(ctx, "secret") }()
	}
	return answers
}

func TestNeverMoreHashesThanSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slots, callers = 2, 10
		h := newHasher(t, Config{Slots: slots})
		running, let := gate(h)
		answers := try(t.Context(), h, callers)
		for left := callers; left > 0; left-- {
			synctest.Wait()
			if got, want := len(running), min(slots, left); got != want {
				t.Fatalf("with %d callers left %d hashes run, want %d", left, got, want)
			}
			let <- struct{}{}
			if err := <-answers; err != ErrMismatch {
				t.Errorf("VerifyNobody = %v, want %v", err, ErrMismatch)
			}
		}
	})
}

func TestWaitingIsBoundedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, Config{Slots: 1})
		_, let := gate(h)
		first := try(t.Context(), h, 1)
		synctest.Wait()
		began := time.Now()
		if err := h.VerifyNobody(t.Context(), "secret"); !errors.Is(err, ErrOverloaded) {
			t.Errorf("VerifyNobody with every slot busy = %v, want %v", err, ErrOverloaded)
		}
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("refused after %s, want 2s", waited)
		}
		let <- struct{}{}
		if err := <-first; err != ErrMismatch {
			t.Errorf("VerifyNobody with a slot = %v, want %v", err, ErrMismatch)
		}
	})
}

func TestWaitingIsBoundedInNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, Config{Slots: 1, MaxWaiting: 3})
		_, let := gate(h)
		answers := try(t.Context(), h, 4) // one runs, three wait
		synctest.Wait()
		began := time.Now()
		if _, err := h.Hash(t.Context(), "secret"); !errors.Is(err, ErrOverloaded) {
			t.Errorf("Hash with the queue full = %v, want %v", err, ErrOverloaded)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("refused after %s, want at once", waited)
		}
		for range 4 {
			let <- struct{}{}
			if err := <-answers; err != ErrMismatch {
				t.Errorf("VerifyNobody = %v, want %v", err, ErrMismatch)
			}
		}
	})
}

// SI-33: the client disconnects while its sign-in waits.
func TestACallerWhoLeavesGivesUpItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, Config{Slots: 1, MaxWaiting: 1})
		running, let := gate(h)
		first := try(t.Context(), h, 1)
		synctest.Wait()
		ctx, leave := context.WithCancel(t.Context())
		second := try(ctx, h, 1)
		synctest.Wait()
		leave()
		if err := <-second; !errors.Is(err, context.Canceled) {
			t.Errorf("VerifyNobody of a caller who left = %v, want %v", err, context.Canceled)
		}
		third := try(t.Context(), h, 1) // the only place in the queue is free again
		synctest.Wait()
		if got := len(running); got != 1 {
			t.Errorf("%d hashes run, want 1", got)
		}
		for _, answers := range []<-chan error{first, third} {
			let <- struct{}{}
			if err := <-answers; err != ErrMismatch {
				t.Errorf("VerifyNobody = %v, want %v", err, ErrMismatch)
			}
		}
	})
}
