package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport/authhttp"
)

const (
	// noticeTime is how long a balancer may take to notice that /readyz fails, before connections are refused. It is
	// waited only where somebody has been asking.
	noticeTime = 5 * time.Second
	// drainTime is how long requests under way may take after that.
	drainTime = 10 * time.Second
)

// writeTime bounds a request from its header to the end of its answer. The longest is a callback, which package
// authhttp gives 11.5 s, and what claims.hook.timeout, at most 10 s, has beyond 2 s: 19.5 s. The rest is for the answer
// itself.
const writeTime = 25 * time.Second

// server runs the HTTP servers of one process, and waits for all that they started.
type server struct {
	log     *slog.Logger
	servers []*http.Server
	stopped atomic.Bool
	polls   polls // of /readyz

	running  sync.WaitGroup // accept loops
	requests sync.WaitGroup // handlers
	failed   chan error     // holds one
}

func newServer(log *slog.Logger) *server {
	return &server{log: log, failed: make(chan error, 1)}
}

// draining reports whether the server was told to stop. It is asked for every /readyz.
func (s *server) draining() bool {
	s.polls.note(time.Now())
	return s.stopped.Load()
}

// polls tells a balancer, which asks again and again, from somebody who looks once.
type polls struct {
	mu          sync.Mutex
	first, last time.Time
}

// A balancer asks for longer than pollSpan, and at least every pollGap.
const (
	pollSpan = time.Second
	pollGap  = 30 * time.Second
)

func (p *polls) note(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.last) > pollGap {
		p.first = now
	}
	p.last = now
}

// going reports whether somebody has been asking until now.
func (p *polls) going(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return now.Sub(p.last) <= pollGap && p.last.Sub(p.first) >= pollSpan
}

// serve answers the listener's connections with handler, within bounds: a zero http.Server holds a
// slow connection for ever and takes headers of 900 KiB.
func (s *server) serve(listener net.Listener, handler http.Handler) {
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.requests.Add(1)
			defer s.requests.Done()
			handler.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      writeTime,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    12 << 10, // net/http adds 4 KiB, which makes 16
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	s.servers = append(s.servers, srv)
	s.running.Go(func() {
		if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			select {
			case s.failed <- err:
			default: // one failure is enough to stop
			}
		}
	})
}

// run waits until ctx ends or a listener fails, and calls stopping. From then on /readyz fails; when a balancer has had
// the time to notice, no connection is taken any more; then run waits for the requests under way.
func (s *server) run(ctx context.Context, stopping func()) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	stopping()
	s.stopped.Store(true)
	s.log.Info("stopping")
	if err == nil && s.polls.going(time.Now()) {
		time.Sleep(noticeTime) // a second signal ends the process
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	for _, srv := range s.servers {
		if srv.Shutdown(drain) != nil {
			s.log.Warn("requests were cut off", "after", drainTime.String())
			srv.Close() // its only error is that of a listener that is closed already
		}
	}
	s.running.Wait()
	s.requests.Wait() // those that were cut off end by their own deadlines
	return err
}

// newPublic is everything that the public listener serves: the mount, and at the root of the host the
// two places where RFC 8414 §3.1 and its §5 look for the metadata. What is elsewhere is 404 as below the mount.
func newPublic(auth *authhttp.Handler, path string) http.Handler {
	metadata := auth.Metadata()
	places := map[string]bool{
		auth.MetadataPath(): true,
		"/.well-known/openid-configuration" + strings.TrimSuffix(path, "/"): true,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if places[strings.TrimSuffix(r.URL.Path, "/")] {
			metadata.ServeHTTP(w, r)
			return
		}
		auth.ServeHTTP(w, r)
	})
}
