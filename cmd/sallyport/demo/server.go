//go:build !no_web

package demo

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// stopLimit is how long requests that are under way may take to finish when the demo ends. A browser
// holds connections open on which nothing was asked, and those are cut off then, too.
const stopLimit = time.Second / 2

// serve serves handler on listener until the demo stops, and then leaves nothing running.
func (d *demo) serve(listener net.Listener, handler http.Handler) {
	closing := make(chan struct{})
	var running sync.WaitGroup // the accept loop and every connection
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    12 << 10,
		ErrorLog:          slog.NewLogLogger(d.logger.Handler(), slog.LevelDebug),
		// Server.Close waits for no handler and does not see a connection that was accepted a moment
		// before it. StateNew is told by the accept loop, and StateClosed last of all.
		ConnState: func(conn net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				running.Add(1)
				select {
				case <-closing:
					conn.Close()
				default:
				}
			case http.StateClosed:
				running.Done()
			}
		},
	}
	running.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			select {
			case d.failed <- err:
			default: // another server was first
			}
		}
	})
	d.later(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
		defer cancel()
		close(closing)
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		running.Wait()
		return err
	})
}
