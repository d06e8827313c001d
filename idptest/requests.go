package idptest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Request is one request as it came in.
type Request struct {
	At       time.Time // by the provider's clock
	Endpoint Endpoint  // "" for a path that is none of them
	Method   string
	Path     string
	Query    url.Values
	Form     url.Values // of the body
	Header   http.Header
	// Status of the answer; 0 while there is none, and when the connection was closed without one.
	Status int
}

// maxLog is how many requests are remembered. Counts are kept for ever.
const maxLog = 1000

type requestLog struct {
	requests []*Request
	counts   map[Endpoint]int
	arrived  chan struct{} // closed and replaced at every request
}

func (p *Provider) logRequest(r *http.Request, e Endpoint) *Request {
	entry := &Request{
		At: p.now(), Endpoint: e, Method: r.Method, Path: r.URL.Path,
		Query: r.URL.Query(), Form: r.PostForm, Header: r.Header.Clone(),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &p.log
	if l.requests = append(l.requests, entry); len(l.requests) > maxLog {
		l.requests = l.requests[len(l.requests)-maxLog:]
	}
	if r.Method != http.MethodOptions {
		if l.counts == nil {
			l.counts = map[Endpoint]int{}
		}
		l.counts[e]++
	}
	close(l.arrived)
	l.arrived = make(chan struct{})
	return entry
}

func (p *Provider) logStatus(entry *Request, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	entry.Status = status
}

// Requests are the last 1000 requests, oldest first, preflight requests included. The maps in them are shared: read
// them only.
func (p *Provider) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	requests := make([]Request, 0, len(p.log.requests))
	for _, r := range p.log.requests {
		requests = append(requests, *r)
	}
	return requests
}

// Count is how many requests an endpoint has had since the start, preflight requests left out.
func (p *Provider) Count(e Endpoint) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.counts[e]
}

// Await waits until Count(e) is at least n. A request counts when it arrives, also one whose answer hangs.
func (p *Provider) Await(ctx context.Context, e Endpoint, n int) error {
	for {
		p.mu.Lock()
		count, arrived := p.log.counts[e], p.log.arrived
		p.mu.Unlock()
		if count >= n {
			return nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return fmt.Errorf("idptest: await request %d of %s, have %d: %w", n, e, count, ctx.Err())
		}
	}
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}
