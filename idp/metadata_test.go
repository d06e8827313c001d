package idp

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/idptest"
)

// atProvider is a discovery of a fake provider, on a clock that the test moves.
func atProvider(t *testing.T) (*idptest.Provider, *discovery, *atomic.Int64) {
	t.Helper()
	p := idptest.New(t, idptest.Config{})
	passed := new(atomic.Int64)
	begin := time.Now()
	d := newDiscovery(p.Issuer(), metadata{}, http.DefaultClient, func() time.Time { return begin.Add(time.Duration(passed.Load())) })
	t.Cleanup(d.close)
	return p, d, passed
}

func TestDiscoveryIsAskedOnce(t *testing.T) {
	p, d, passed := atProvider(t)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if m, err := d.metadata(t.Context()); err != nil || m.token != p.URL(idptest.Token) {
				t.Errorf("metadata = %+v, %v", m, err)
			}
		})
	}
	all.Wait()
	if n := p.Count(idptest.Discovery); n != 1 {
		t.Errorf("50 callers asked %d times, want once", n)
	}
	passed.Add(int64(discoveryLife))
	if _, err := d.metadata(t.Context()); err != nil { // the old one serves while a new one is fetched
		t.Fatal(err)
	}
	if err := p.Await(t.Context(), idptest.Discovery, 2); err != nil {
		t.Error(err)
	}
}

func TestDiscoveryThatFails(t *testing.T) {
	p, d, passed := atProvider(t)
	p.Fault(idptest.UntilCleared, idptest.Discovery, idptest.Status(500))
	for range 20 {
		if m, err := d.metadata(t.Context()); err == nil {
			t.Fatalf("metadata = %+v, want an error", m)
		}
	}
	if n := p.Count(idptest.Discovery); n != 1 {
		t.Errorf("%d requests within %v, want one", n, discoveryGap)
	}
	p.Clear()
	passed.Add(int64(discoveryGap))
	if _, err := d.metadata(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Fault(idptest.UntilCleared, idptest.Discovery, idptest.Status(500))
	for _, later := range []time.Duration{discoveryLife, discoveryStale - discoveryLife - time.Second} {
		passed.Add(int64(later))
		if _, err := d.metadata(t.Context()); err != nil {
			t.Errorf("the last good document does not serve: %v", err)
		}
		d.running.Wait()
	}
	passed.Add(int64(discoveryGap))
	if m, err := d.metadata(t.Context()); err == nil {
		t.Errorf("metadata after a day = %+v, want an error", m)
	}
	passed.Add(-int64(48 * time.Hour)) // a clock that was set back
	p.Clear()
	if _, err := d.metadata(t.Context()); err != nil {
		t.Errorf("after the clock was set back: %v", err)
	}
}

func TestDiscoveryDoesNotWaitForWhoLeaves(t *testing.T) {
	p, d, _ := atProvider(t)
	p.Fault(idptest.UntilCleared, idptest.Discovery, idptest.Hang())
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := d.metadata(ctx)
		left <- err
	}()
	if err := p.Await(t.Context(), idptest.Discovery, 1); err != nil {
		t.Fatal(err)
	}
	leave()
	if err := <-left; err != context.Canceled {
		t.Errorf("metadata = %v, want %v", err, context.Canceled)
	}
	p.Clear() // the fetch went on
	if _, err := d.metadata(t.Context()); err != nil || p.Count(idptest.Discovery) != 1 {
		t.Errorf("metadata = %v after %d requests, want the document of the first", err, p.Count(idptest.Discovery))
	}
}

func TestCloseEndsAFetch(t *testing.T) {
	p, d, _ := atProvider(t)
	p.Fault(idptest.UntilCleared, idptest.Discovery, idptest.Hang())
	failed := make(chan error)
	go func() {
		_, err := d.metadata(context.Background())
		failed <- err
	}()
	if err := p.Await(t.Context(), idptest.Discovery, 1); err != nil {
		t.Fatal(err)
	}
	d.close()
	if err := <-failed; err == nil {
		t.Error("metadata of a closed provider = nil, want an error")
	}
}
