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

// drainTime is how long requests under way may take after the server was told to stop.
const drainTime = 10 * time.Second

// server runs the HTTP servers of one process, and waits for all that they started.
type server struct {
	log     *slog.Logger
	servers []*http.Server
	stopped atomic.Bool

	running  sync.WaitGroup // accept loops
	requests sync.WaitGroup // handlers
	failed   chan error     // holds one
}

func newServer(log *slog.Logger) *server {
	return &server{log: log, failed: make(chan error, 1)}
}

// draining reports whether the server was told to stop.
func (s *server) draining() bool { return s.stopped.Load() }

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
		WriteTimeout:      15 * time.Second,
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

// run waits until ctx ends or a listener fails, calls stopping, and waits for the requests under way.
func (s *server) run(ctx context.Context, stopping func()) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	stopping()
	s.stopped.Store(true)
	s.log.Info("stopping")
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
