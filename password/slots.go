package password

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// slots bounds how many hashes run at a time and how many callers wait for one to end. Without it
// 200 sign-ins at once take 200 × 19 MiB, and each of them waits for all the others.
type slots struct {
	running chan struct{} // one element for each slot in use
	waiting chan struct{} // one element for each caller in take's queue
	maxWait time.Duration
}

func newSlots(running, waiting int, maxWait time.Duration) *slots {
	return &slots{
		running: make(chan struct{}, running),
		waiting: make(chan struct{}, waiting),
		maxWait: maxWait,
	}
}

// take returns nil with a slot, which the caller must release. It waits in turn, no longer than
// maxWait, and fails with ErrOverloaded or with the error of ctx: a caller who has gone gives up
// its place at once.
func (s *slots) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return gone(err)
	}
	select {
	case s.running <- struct{}{}:
		return nil
	default:
	}
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		return fmt.Errorf("%w: %d callers wait already", ErrOverloaded, cap(s.waiting))
	}
	timer := time.NewTimer(s.maxWait)
	defer timer.Stop()
	select {
	case s.running <- struct{}{}:
		return nil
	case <-ctx.Done():
		return gone(ctx.Err())
	case <-timer.C:
		return fmt.Errorf("%w: none came free in %s", ErrOverloaded, s.maxWait)
	}
}

func (s *slots) release() { <-s.running }

// gone says why a caller waits no longer. One whose time is over would have waited on.
func gone(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", ErrOverloaded, err)
	}
	return fmt.Errorf("password: waiting for a hashing slot: %w", err)
}
