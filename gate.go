package sallyport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// gate lets a few callers at a time do something for one key; the others wait outside.
type gate struct {
	mu   sync.Mutex
	keys map[string]*entrance
}

type entrance struct {
	inside  chan struct{}
	callers int // inside and waiting
}

// gateWait is how long a caller waits at most. It is as long as for a hashing slot.
const gateWait = 2 * time.Second

// enter returns when fewer than most callers are inside for key; the caller leaves by the returned function.
// It fails with ErrOverloaded after gateWait, and with the error of ctx.
func (g *gate) enter(ctx context.Context, key string, most int) (leave func(), err error) {
	g.mu.Lock()
	if g.keys == nil {
		g.keys = map[string]*entrance{}
	}
	e := g.keys[key]
	if e == nil {
		e = &entrance{inside: make(chan struct{}, most)}
		g.keys[key] = e
	}
	e.callers++
	g.mu.Unlock()
	timer := time.NewTimer(gateWait)
	defer timer.Stop()
	select {
	case e.inside <- struct{}{}:
		return func() {
			<-e.inside
			g.gone(key, e)
		}, nil
	case <-ctx.Done():
		if err = ctx.Err(); errors.Is(err, context.DeadlineExceeded) { // the time of the request is over before gateWait is
			err = fmt.Errorf("%w: %w", ErrOverloaded, err)
		}
	case <-timer.C:
		err = fmt.Errorf("%w: too many wait for one account", ErrOverloaded)
	}
	g.gone(key, e)
	return nil, err
}

func (g *gate) gone(key string, e *entrance) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e.callers--; e.callers == 0 {
		delete(g.keys, key)
	}
}
